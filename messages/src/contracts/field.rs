//! A field of a schema in words. It must never show a rule of JSON Schema that a reader would have to look
//! up.

use serde_json::Value;

use super::page::link;
use super::shared::Shared;
use crate::sealed::SEALED_PREFIX;

/// One field.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) is_optional: bool,
    pub(super) is_sealed: bool,
    pub(super) meaning: String,
}

/// The fields of an object, first those that must be there, in the order of the type.
pub(super) fn fields(schema: &Value, shared: &Shared) -> Vec<Field> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let optional = properties.keys().map(String::as_str).filter(|name| !required.contains(name));
    let names = required.iter().copied().chain(optional);
    names
        .filter_map(|name| Some((name, properties.get(name)?)))
        .map(|(name, property)| Field {
            name: name.to_owned(),
            kind: kind(property, shared),
            is_optional: !required.contains(&name),
            is_sealed: is_sealed(property, shared),
            meaning: meaning(property, shared),
        })
        .collect()
}

/// What was written about the field itself, else about its type.
fn meaning(property: &Value, shared: &Shared) -> String {
    let own = property["description"].as_str();
    let of_type =
        || shared.named(without_null(property)).and_then(|(_, named)| named["description"].as_str());
    own.or_else(of_type).unwrap_or_default().to_owned()
}

fn is_sealed(property: &Value, shared: &Shared) -> bool {
    let schema = without_null(property);
    let schema = shared.named(schema).map_or(schema, |(_, named)| named);
    let is_section = schema["pattern"]
        .as_str()
        .is_some_and(|pattern| pattern.replace('\\', "").starts_with(&format!("^{SEALED_PREFIX}")));
    is_section || schema["items"].is_object() && is_sealed(&schema["items"], shared)
}

/// The schema itself, without the null that makes it optional and without the wrapping that carries a
/// description.
fn without_null(schema: &Value) -> &Value {
    if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return without_null(only);
    }
    if let Some([one, null]) = schema["anyOf"].as_array().map(Vec::as_slice)
        && null["type"] == "null"
    {
        return without_null(one);
    }
    schema
}

/// The type in words.
pub(super) fn kind(schema: &Value, shared: &Shared) -> String {
    let schema = without_null(schema);
    if let Some((name, _)) = shared.named(schema) {
        return link(name);
    }
    if let Some(choices) = choices(schema) {
        return choices.iter().map(|(value, _)| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(many) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        return many.iter().map(|one| kind(one, shared)).collect::<Vec<_>>().join(" or ");
    }
    match type_of(schema) {
        Some("array") => format!(
            "list of {}{}",
            kind(&schema["items"], shared),
            bounds(schema, "minItems", "maxItems", "")
        ),
        Some("integer") => format!("whole number{}", number_bounds(schema)),
        Some("number") => format!("number{}", bounds(schema, "minimum", "maximum", "")),
        Some("boolean") => "yes or no (true, false)".to_owned(),
        Some("string") => text(schema),
        Some("object") => "object".to_owned(),
        Some(other) => other.to_owned(),
        None => "anything".to_owned(),
    }
}

fn type_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(one) => Some(one),
        Value::Array(many) => many.iter().filter_map(Value::as_str).find(|one| *one != "null"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn text(schema: &Value) -> String {
    let written = match schema["format"].as_str() {
        Some("date-time") => "date and time".to_owned(),
        Some(format) => format.to_owned(),
        None => "text".to_owned(),
    };
    let length = bounds(schema, "minLength", "maxLength", " characters");
    match schema["pattern"].as_str() {
        Some(pattern) => format!("{written}{length}, `{}`", pattern.replace('|', "\\|")),
        None => written + &length,
    }
}

/// A bound that only the width of the number makes is told by the width's name.
fn number_bounds(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some(width)
            if schema["maximum"].is_null() || schema["maximum"] == 65_535 || schema["maximum"] == 255 =>
        {
            let least = schema["minimum"].as_i64().filter(|least| *least > 0 || width.starts_with('i'));
            least.map_or_else(|| format!(" ({width})"), |least| format!(" from {least} ({width})"))
        }
        Some(_) | None => bounds(schema, "minimum", "maximum", ""),
    }
}

fn bounds(schema: &Value, least: &str, most: &str, unit: &str) -> String {
    match (schema[least].as_u64(), schema[most].as_u64()) {
        (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
        (Some(least), None) if least > 0 => format!(", at least {least}{unit}"),
        (None, Some(most)) => format!(", at most {most}{unit}"),
        (Some(_) | None, None) => String::new(),
    }
}

/// The values of a closed list with their meanings, if it is one.
pub(super) fn choices(schema: &Value) -> Option<Vec<(String, String)>> {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(values) = schema["enum"].as_array() {
        return Some(
            values
                .iter()
                .filter(|value| !value.is_null())
                .map(|value| (word(value), String::new()))
                .collect(),
        );
    }
    if !schema["const"].is_null() {
        return Some(vec![(
            word(&schema["const"]),
            schema["description"].as_str().unwrap_or_default().to_owned(),
        )]);
    }
    let many = schema["oneOf"].as_array()?;
    let each: Option<Vec<_>> = many.iter().map(choices).collect();
    Some(each?.into_iter().flatten().collect())
}
