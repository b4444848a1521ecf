//! A JSON Schema as far as our types need one, made comparable: references resolved, words for people
//! dropped. What it does not understand it keeps as it stands, so that a change of it is seen.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The set of values that a schema allows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Object(BTreeMap<String, Field>),
    List {
        of: Box<Shape>,
        length: Range,
    },
    Text {
        length: Range,
        pattern: Option<String>,
        format: Option<String>,
    },
    Whole(Range),
    YesNo,
    Null,
    /// A closed list.
    Values(BTreeSet<String>),
    OneOf(Vec<Shape>),
    Anything,
    /// The schema's text, without references into it.
    Other(String),
}

impl Shape {
    /// Each of several, or itself.
    pub(crate) fn alternatives(&self) -> Vec<Self> {
        if let Self::OneOf(many) = self { many.clone() } else { vec![self.clone()] }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) is_required: bool,
    pub(crate) shape: Shape,
}

/// Both ends belong to it; none is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Range {
    pub(crate) least: Option<i128>,
    pub(crate) most: Option<i128>,
}

impl Range {
    pub(crate) fn holds(self, other: Self) -> bool {
        let least = self.least.is_none_or(|least| other.least.is_some_and(|other| least <= other));
        let most = self.most.is_none_or(|most| other.most.is_some_and(|other| other <= most));
        least && most
    }
}

/// Words for people, and names that nothing refers to.
const SILENT: [&str; 8] =
    ["$schema", "$id", "title", "description", "default", "examples", "definitions", "$comment"];
/// What each type is made of; with anything else a schema is [`Shape::Other`].
const KNOWN: [(&str, &[&str]); 6] = [
    ("object", &["properties", "required"]),
    ("array", &["items", "minItems", "maxItems"]),
    ("string", &["minLength", "maxLength", "pattern", "format"]),
    ("integer", &["minimum", "maximum", "format"]),
    ("boolean", &[]),
    ("null", &[]),
];

/// The shape of a whole schema.
pub(crate) fn shape(schema: &Value) -> Shape {
    of(schema, &schema["definitions"])
}

fn of(schema: &Value, definitions: &Value) -> Shape {
    let Some(members) = schema.as_object() else {
        return if schema == &Value::Bool(true) { Shape::Anything } else { Shape::Other(schema.to_string()) };
    };
    let words: Vec<&str> = members.keys().map(String::as_str).filter(|word| !SILENT.contains(word)).collect();
    match words.as_slice() {
        [] => Shape::Anything,
        ["$ref"] => {
            let name = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/definitions/"));
            of(&definitions[name.unwrap_or_default()], definitions)
        }
        ["allOf"] => match schema["allOf"].as_array().map(Vec::as_slice) {
            Some([only]) => of(only, definitions),
            _ => Shape::Other(schema.to_string()),
        },
        ["anyOf" | "oneOf"] => {
            let many = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
            one_of(many.into_iter().flatten().map(|one| of(one, definitions)).collect())
        }
        ["const"] | ["const", "type"] => Shape::Values([schema["const"].to_string()].into()),
        ["enum"] | ["enum", "type"] => {
            Shape::Values(schema["enum"].as_array().into_iter().flatten().map(Value::to_string).collect())
        }
        words if words.contains(&"type") => typed(schema, words, definitions),
        _ => Shape::Other(schema.to_string()),
    }
}

/// A closed list that is told value by value is one list.
fn one_of(many: Vec<Shape>) -> Shape {
    let mut values = BTreeSet::new();
    let mut others = Vec::new();
    for one in many.iter().flat_map(Shape::alternatives) {
        if let Shape::Values(more) = one {
            values.extend(more);
        } else {
            others.push(one);
        }
    }
    if !values.is_empty() {
        others.push(Shape::Values(values));
    }
    if others.len() == 1 { others.remove(0) } else { Shape::OneOf(others) }
}

fn typed(schema: &Value, words: &[&str], definitions: &Value) -> Shape {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let known: BTreeSet<&str> = types
        .iter()
        .filter_map(|one| KNOWN.iter().find(|(name, _)| name == one))
        .flat_map(|(_, words)| words.iter().copied())
        .chain(["type"])
        .collect();
    if types.is_empty() || words.iter().any(|word| !known.contains(word)) {
        return Shape::Other(schema.to_string());
    }
    one_of(types.into_iter().map(|one| of_type(one, schema, definitions)).collect())
}

fn of_type(name: &str, schema: &Value, definitions: &Value) -> Shape {
    let range = |least: &str, most: &str| Range {
        least: schema[least].as_i64().map(i128::from),
        most: schema[most].as_i64().map(i128::from),
    };
    let text = |word: &str| schema[word].as_str().map(str::to_owned);
    match name {
        "object" => Shape::Object(fields(schema, definitions)),
        "array" => Shape::List {
            of: Box::new(of(&schema["items"], definitions)),
            length: range("minItems", "maxItems"),
        },
        "string" => Shape::Text {
            length: range("minLength", "maxLength"),
            pattern: text("pattern"),
            format: text("format"),
        },
        "integer" => Shape::Whole(within_width(range("minimum", "maximum"), schema["format"].as_str())),
        "boolean" => Shape::YesNo,
        "null" => Shape::Null,
        _ => Shape::Other(schema.to_string()),
    }
}

/// A number's width is a limit as well.
fn within_width(range: Range, width: Option<&str>) -> Range {
    let (least, most) = match width {
        Some("uint8") => (0, i128::from(u8::MAX)),
        Some("uint16") => (0, i128::from(u16::MAX)),
        Some("uint32") => (0, i128::from(u32::MAX)),
        Some("uint64" | "uint") => (0, i128::from(u64::MAX)),
        Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Some("int64") => (i128::from(i64::MIN), i128::from(i64::MAX)),
        _ => return range,
    };
    Range {
        least: range.least.max(Some(least)),
        most: Some(range.most.map_or(most, |given| given.min(most))),
    }
}

fn fields(schema: &Value, definitions: &Value) -> BTreeMap<String, Field> {
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name))
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let is_required = required(name);
            let shape = of(property, definitions);
            (
                name.clone(),
                Field { is_required, shape: if is_required { shape } else { without_null(&shape) } },
            )
        })
        .collect()
}

/// Where a field may be absent, null says the same.
fn without_null(shape: &Shape) -> Shape {
    one_of(shape.alternatives().into_iter().filter(|one| *one != Shape::Null).collect())
}
