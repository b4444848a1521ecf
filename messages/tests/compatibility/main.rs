//! No version may break what the last released one promised. `released/README.md` tells how a version is
//! released; the rules are a table below. A change that is refused here belongs into a new type,
//! `<noun>.<verb>.v2`, beside the old one.

use std::path::{Path, PathBuf};

use messages::Kind;
use messages::contracts::{Released, released};
use rules::{Way, faults};
use serde_json::{Value, json};
use shape::shape;

mod rules;
mod shape;

fn way(sent_by: &str) -> Way {
    match sent_by {
        "outsiders" => Way::WeRead,
        "rooms" => Way::WeSend,
        other => panic!("sent_by is `outsiders` or `rooms`, not `{other}`"),
    }
}

/// The folder of the last released version, or of the candidate where nothing is released yet.
fn last() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("released");
    let version = |path: &Path| -> Option<Vec<u32>> {
        path.file_name()?.to_str()?.split('.').map(|part| part.parse().ok()).collect()
    };
    let all = std::fs::read_dir(&folder)
        .expect("released/ is committed")
        .map(|entry| entry.expect("readable").path());
    let versions = all.filter_map(|path| Some((!path.join("CANDIDATE").exists(), version(&path)?, path)));
    versions.max().expect("`cargo run -p messages --example release -- candidate` makes the first").2
}

#[test]
fn nothing_breaks_what_the_last_version_promised() {
    let now: Vec<Released> = released();
    let mut broken = Vec::new();
    let mut looked = 0;
    for entry in std::fs::read_dir(last()).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        looked += 1;
        let old: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).expect("readable")).expect("JSON");
        let kind = old["type"].as_str().expect("a type");
        match now.iter().find(|released| released.kind.name() == kind) {
            None => broken.push(format!("{kind} was removed: others still send or read it")),
            Some(new) if new.contract["sent_by"] != old["sent_by"] => {
                broken.push(format!("{kind} has other senders"))
            }
            Some(new) => {
                let way = way(old["sent_by"].as_str().expect("a word"));
                let found = faults(way, &shape(&old["schema"]), &shape(&new.contract["schema"]));
                broken.extend(found.into_iter().map(|fault| format!("{kind}: {fault}")));
            }
        }
    }
    assert!(looked > 0, "the released version has no types");
    assert!(broken.is_empty(), "refused (released/README.md tells what to do):\n  {}", broken.join("\n  "));
}

#[test]
fn the_rules_understand_every_schema_of_the_catalogue() {
    for &kind in Kind::ALL {
        let shape = format!("{:?}", shape(&kind.schema()));
        assert!(
            !shape.contains("Other("),
            "{}: teach tests/compatibility/shape.rs this: {shape}",
            kind.name()
        );
    }
}

/// A body with one field of this schema, required or not.
fn body(field: &Value, is_required: bool) -> Value {
    let required = if is_required { json!(["other", "field"]) } else { json!(["other"]) };
    json!({ "type": "object", "required": required, "properties": { "other": { "type": "boolean" }, "field": field } })
}

#[test]
fn the_rules_by_the_table() {
    let text = json!({ "type": "string", "maxLength": 10 });
    let none =
        json!({ "type": "object", "required": ["other"], "properties": { "other": { "type": "boolean" } } });
    let list = |values: &[&str]| body(&json!({ "enum": values, "type": "string" }), true);
    let number = |width: &str| body(&json!({ "type": "integer", "format": width }), true);
    let length =
        |most: u64| body(&json!({ "type": "array", "items": { "type": "string" }, "maxItems": most }), true);
    let pattern = |pattern: &str| body(&json!({ "type": "string", "pattern": pattern }), true);
    let or_null = body(&json!({ "type": ["string", "null"], "maxLength": 10 }), false);
    let each = json!({ "oneOf": [{ "const": "a", "type": "string", "description": "x" }, { "const": "b", "type": "string" }] });
    let by_name = json!({
        "type": "object", "required": ["other", "field"], "definitions": { "T": text },
        "properties": { "other": { "type": "boolean" }, "field": { "allOf": [{ "$ref": "#/definitions/T" }], "description": "x" } },
    });
    let (required, optional) = (body(&text, true), body(&text, false));
    // What changed; from; to; what is said where we read it, and where we send it (nothing: it may).
    let table: [(&str, &Value, &Value, &str, &str); 17] = [
        ("nothing", &required, &required, "", ""),
        ("words and names only", &required, &by_name, "", ""),
        ("a new optional field", &none, &optional, "", ""),
        (
            "a new required field",
            &none,
            &required,
            "field field is new and must be there: senders do not know it",
            "",
        ),
        (
            "a field is gone",
            &required,
            &none,
            "senders still send it, and it would be passed over",
            "readers still look for it",
        ),
        ("an optional field is gone", &optional, &none, "senders still send it", "readers still look for it"),
        (
            "required becomes optional",
            &required,
            &optional,
            "",
            "field field may be absent now: readers rely on it",
        ),
        ("optional becomes required", &optional, &required, "field field must be there now", ""),
        ("null says the same as absent", &optional, &or_null, "", ""),
        (
            "another type",
            &required,
            &number("uint16"),
            "field field was text and is a whole number",
            "field field was text and is a whole number",
        ),
        (
            "a wider number",
            &number("uint16"),
            &number("uint32"),
            "",
            "limited less closely: readers may not have room",
        ),
        (
            "a narrower number",
            &number("uint32"),
            &number("uint16"),
            "limited more closely: what senders send may not be read",
            "",
        ),
        ("a longer list", &length(10), &length(20), "", "limited less closely"),
        (
            "another pattern",
            &pattern("^a$"),
            &pattern("^b$"),
            "the pattern was ^a$ and is ^b$",
            "the pattern was ^a$ and is ^b$",
        ),
        ("a new value", &list(&["a"]), &list(&["a", "b"]), "", "\"b\" is new: readers do not know it"),
        (
            "a value is gone",
            &list(&["a", "b"]),
            &list(&["a"]),
            "\"b\" is not read any more: senders still send it",
            "",
        ),
        ("a list told value by value", &list(&["a", "b"]), &body(&each, true), "", ""),
    ];
    for (what, old, new, where_we_read, where_we_send) in table {
        for (way, said) in [(Way::WeRead, where_we_read), (Way::WeSend, where_we_send)] {
            let found = faults(way, &shape(old), &shape(new));
            match said {
                "" => assert!(found.is_empty(), "{what}, {way:?}: {found:?}"),
                said => assert!(found.len() == 1 && found[0].contains(said), "{what}, {way:?}: {found:?}"),
            }
        }
    }
}
