//! The committed contracts, made from the Rust types: a JSON Schema (draft-07) and a golden sample per type,
//! the AsyncAPI document, the catalogue as a page, the test vector of sealed sections. A test compares them
//! with the files; `cargo run -p messages --example contracts` writes them anew. Nothing in here may list a
//! type by hand.

use serde_json::{Value, json};

mod asyncapi;
mod field;
mod page;
mod shared;
mod vector;

use crate::catalogue::{From, Kind};

/// A file of the contracts, relative to the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub path: String,
    pub text: String,
}

/// Every file; the envelope's schema is the first.
#[must_use]
pub fn contracts() -> Vec<Contract> {
    let event = event_schema();
    let mut all = vec![
        file("schemas/event.json".to_owned(), &event),
        file("asyncapi.json".to_owned(), &asyncapi::document(&event)),
        file("sealed-vector.json".to_owned(), &vector::vector()),
        Contract { path: "CATALOGUE.md".to_owned(), text: page::page() },
    ];
    for &kind in Kind::ALL {
        let mut schema = kind.schema();
        schema["$id"] = json!(format!("urn:oms:{}", kind.name()));
        schema["title"] = json!(kind.name());
        all.push(file(format!("schemas/{}.json", kind.name()), &schema));
        all.push(file(format!("samples/{}.json", kind.name()), &sample(kind)));
    }
    all
}

/// What a version promises of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    pub kind: Kind,
    /// `type`, `sent_by` (`outsiders` or `rooms`) and `schema`.
    pub contract: Value,
}

/// The promise of this version, for the folder `released/<version>/`.
#[must_use]
pub fn released() -> Vec<Released> {
    let contract = |kind: Kind| {
        let sent_by = if kind.is_from_outside() { "outsiders" } else { "rooms" };
        json!({ "type": kind.name(), "sent_by": sent_by, "schema": kind.schema() })
    };
    Kind::ALL.iter().map(|kind| Released { kind: *kind, contract: contract(*kind) }).collect()
}

fn file(path: String, value: &Value) -> Contract {
    Contract { path, text: format!("{value:#}\n") }
}

/// A whole event of the kind, as it lies in a queue.
#[must_use]
pub fn sample(kind: Kind) -> Value {
    let source = match kind.sent_by() {
        From::Outside => "/web-store".to_owned(),
        From::Rooms(rooms) => format!("/oms/{}", rooms.first().map_or("intake", |room| room.name())),
        From::Answer => "/oms/intake".to_owned(),
    };
    json!({
        "specversion": "1.0",
        "id": "0c6f1f3e-6b1c-4a57-9d44-3f1f2b7f9a10",
        "source": source,
        "type": kind.name(),
        "time": "2019-11-14T17:00:01Z",
        "data": kind.sample(),
    })
}

/// The schema of the envelope (CloudEvents 1.0, structured mode).
fn event_schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:oms:event",
        "title": "event",
        "description": "A CloudEvents 1.0 event: content type application/cloudevents+json, or an array of them as application/cloudevents-batch+json.",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "minLength": 1, "maxLength": 255, "description": "Unique within the source; a resend keeps it." },
            "source": { "type": "string", "format": "uri-reference", "minLength": 1 },
            "type": { "type": "string", "enum": Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>() },
            "time": { "type": "string", "format": "date-time", "description": "When the message was made; at most 90 days ago." },
            "subject": { "type": "string" },
            "traceparent": { "type": "string", "description": "W3C trace context." },
            "causationid": { "type": "string", "description": "The id of the event that this one follows from." },
            "data": { "type": "object", "description": "The body: see the schema of the type." }
        }
    })
}
