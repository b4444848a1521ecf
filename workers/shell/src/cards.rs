//! Card numbers where they do not belong: in the attributes of an event, which are answered, told on and logged in
//! clear, and in bodies that no room looks through itself. It only looks; refusing is the reader's.

use messages::Event;
use messages::card::{find_card_number, redact_cards};
use serde_json::Value;

/// The name of an attribute with a card number in it.
pub(crate) fn attribute_with_card(event: &Event) -> Option<&'static str> {
    // The digits of one UUID or trace in a thousand happen to look like a card number.
    let is_drawn = |text: &str| {
        uuid::Uuid::parse_str(text).is_ok()
            || text.len() == 55 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    };
    [
        ("source", Some(&event.source)),
        ("type", Some(&event.kind)),
        ("subject", event.subject.as_ref()),
        ("datacontenttype", event.datacontenttype.as_ref()),
        ("traceparent", event.traceparent.as_ref()),
        ("causationid", event.causationid.as_ref()),
    ]
    .into_iter()
    .find_map(|(name, text)| {
        text.is_some_and(|text| !is_drawn(text) && find_card_number(text).is_some()).then_some(name)
    })
}

/// The event with clean attributes; the body is left as it is.
pub(crate) fn without_cards(event: Event) -> Event {
    let clean = |text: String| redact_cards(&text).into_owned();
    Event {
        source: clean(event.source),
        kind: clean(event.kind),
        subject: event.subject.map(clean),
        datacontenttype: event.datacontenttype.map(clean),
        traceparent: event.traceparent.map(clean),
        causationid: event.causationid.map(clean),
        ..event
    }
}

/// Whether the body has a card number in it. Tracking numbers, which can look the same, are left alone.
pub(crate) fn has_card(event: &Event) -> bool {
    serde_json::from_str(event.data.get()).is_ok_and(|body| inside(&body))
}

fn inside(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => find_card_number(&number.to_string()).is_some(),
        Value::String(text) => find_card_number(text).is_some(),
        Value::Array(values) => values.iter().any(inside),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name != "tracking" && (find_card_number(name).is_some() || inside(value))),
    }
}
