//! The bodies' schemas as one set: what several types define alike stands once. It must never let one name
//! mean two things, so a name that two types define differently is told apart by its type.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalogue::Kind;

/// Where the shared definitions lie in the AsyncAPI document.
const PLACE: &str = "#/components/schemas/";
const OWN: &str = "#/definitions/";

/// The bodies, and what they are made of. Each reference is `#/components/schemas/<name>`.
pub(super) struct Shared {
    pub(super) bodies: BTreeMap<Kind, Value>,
    pub(super) definitions: BTreeMap<String, Value>,
}

impl Shared {
    /// The whole catalogue.
    pub(super) fn of_catalogue() -> Self {
        Self::of(Kind::ALL.iter().map(|kind| (*kind, kind.schema())).collect())
    }

    fn of(mut bodies: BTreeMap<Kind, Value>) -> Self {
        let own: BTreeMap<Kind, BTreeMap<String, Value>> =
            bodies.iter_mut().map(|(kind, body)| (*kind, take_definitions(body))).collect();
        let doubtful = doubtful(&own);
        let mut definitions = BTreeMap::new();
        for (kind, own) in own {
            let place = |name: &str| {
                if doubtful.contains(name) { format!("{}.{name}", kind.name()) } else { name.to_owned() }
            };
            if let Some(body) = bodies.get_mut(&kind) {
                refer(body, &place);
            }
            for (name, mut definition) in own {
                refer(&mut definition, &place);
                definitions.insert(place(&name), definition);
            }
        }
        Self { bodies, definitions }
    }

    /// The definition that a schema refers to, with its name.
    pub(super) fn named<'a>(&'a self, schema: &'a Value) -> Option<(&'a str, &'a Value)> {
        let name = schema["$ref"].as_str()?.strip_prefix(PLACE)?;
        Some((name, self.definitions.get(name)?))
    }
}

/// What another part of the document refers to.
pub(super) fn reference(name: &str) -> String {
    format!("{PLACE}{name}")
}

fn take_definitions(body: &mut Value) -> BTreeMap<String, Value> {
    let Some(members) = body.as_object_mut() else { return BTreeMap::new() };
    // Both would make a new base for the references inside.
    for member in ["$schema", "$id", "title"] {
        members.remove(member);
    }
    match members.remove("definitions") {
        Some(Value::Object(definitions)) => definitions.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

/// The names that two types define differently, directly or by what they refer to.
fn doubtful(own: &BTreeMap<Kind, BTreeMap<String, Value>>) -> BTreeSet<String> {
    let all = || own.values().flatten();
    let mut first = BTreeMap::new();
    let mut doubtful: BTreeSet<String> = all()
        .filter(|(name, definition)| *first.entry(*name).or_insert(*definition) != *definition)
        .map(|(name, _)| name.clone())
        .collect();
    loop {
        let before = doubtful.len();
        let by_reference: Vec<String> = all()
            .filter(|(_, definition)| {
                let text = definition.to_string();
                doubtful.iter().any(|name| text.contains(&format!("\"{OWN}{name}\"")))
            })
            .map(|(name, _)| name.clone())
            .collect();
        doubtful.extend(by_reference);
        if doubtful.len() == before {
            return doubtful;
        }
    }
}

fn refer(schema: &mut Value, place: &dyn Fn(&str) -> String) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().and_then(|text| text.strip_prefix(OWN)) {
                    Some(target) if name == "$ref" => *member = reference(&place(target)).into(),
                    _ => refer(member, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(line: &Value) -> Value {
        json!({
            "properties": { "box": { "$ref": "#/definitions/Box" } },
            "definitions": { "Box": { "items": { "$ref": "#/definitions/Line" } }, "Line": line, "Id": { "type": "string" } },
        })
    }

    #[test]
    fn what_is_alike_stands_once_and_what_differs_is_told_apart() {
        let bodies = [(Kind::OrderSubmit, "integer"), (Kind::OrderCancel, "string")];
        let shared = Shared::of(
            bodies.map(|(kind, line)| (kind, body(&json!({ "type": line })))).into_iter().collect(),
        );
        let names: Vec<&str> = shared.definitions.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "Id",
                "order.cancel.v1.Box",
                "order.cancel.v1.Line",
                "order.submit.v1.Box",
                "order.submit.v1.Line"
            ]
        );
        assert_eq!(
            shared.bodies[&Kind::OrderSubmit]["properties"]["box"]["$ref"],
            "#/components/schemas/order.submit.v1.Box"
        );
        assert_eq!(
            shared.definitions["order.submit.v1.Box"]["items"]["$ref"],
            "#/components/schemas/order.submit.v1.Line"
        );
    }

    #[test]
    fn every_reference_of_the_catalogue_is_found() {
        let shared = Shared::of_catalogue();
        for text in shared.bodies.values().chain(shared.definitions.values()).map(Value::to_string) {
            for rest in text.split("\"$ref\":\"").skip(1) {
                let target = rest.split('"').next().and_then(|target| target.strip_prefix(PLACE));
                assert!(target.is_some_and(|name| shared.definitions.contains_key(name)), "{rest:.80}");
            }
        }
    }
}
