//! The envelope: CloudEvents 1.0 as JSON, one event (`application/cloudevents+json`) or a batch
//! (`application/cloudevents-batch+json`). It carries a body as raw JSON and never looks into it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::card::find_card_number;

/// The content type of one event.
pub const SINGLE: &str = "application/cloudevents+json";
/// The content type of a JSON array of events.
pub const BATCH: &str = "application/cloudevents-batch+json";
/// The most events that share one AMQP message.
pub const BATCH_EVENTS_MAX: usize = 256;
/// The most bytes of one AMQP message between rooms.
pub const BATCH_BYTES_MAX: usize = 256 * 1024;
/// The longest id of an event: it is repeated in whatever follows.
pub const ID_BYTES_MAX: usize = 255;
/// The most bytes of one event from outside.
pub const OUTSIDE_BYTES_MAX: usize = 64 * 1024;

/// One event. Attributes that are not named here are tolerated and dropped.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub specversion: SpecVersion,
    /// Unique within `source`; the same id with the same body is the same event.
    pub id: String,
    /// Who made it: `/oms/<room>` for a room, the outsider's own URI reference otherwise.
    pub source: String,
    /// `<noun>.<verb>.v<major>`, also the routing key.
    #[serde(rename = "type")]
    pub kind: String,
    /// When the event was made. Postmarks and scan times are fields of the body.
    #[serde(with = "crate::timestamp::wire")]
    pub time: OffsetDateTime,
    /// What it is about: an order number, a shipment, an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The id of the event that this one answers or follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<String>,
    pub data: Box<RawValue>,
}

/// The only version of CloudEvents that is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecVersion {
    #[default]
    #[serde(rename = "1.0")]
    V1,
}

/// Why bytes are not an event. The text never repeats a value, since values may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("the body is not a CloudEvents 1.0 event: {0}")]
    NotAnEvent(String),
    #[error("an id must have 1 to {ID_BYTES_MAX} bytes and must not hold a card number")]
    BadId,
    #[error("the content type must be {SINGLE} or {BATCH}")]
    ContentType,
    #[error("the type is not one that this system knows")]
    UnknownType,
    #[error("field {path}: {problem}")]
    Body { path: String, problem: &'static str },
    #[error("the body of an event must not be larger than {OUTSIDE_BYTES_MAX} bytes")]
    TooLarge,
}

impl Unreadable {
    /// The stable name of the reason, used in answers, parked messages and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "not_json",
            Self::NotAnEvent(_) => "not_an_event",
            Self::BadId => "bad_id",
            Self::ContentType => "content_type",
            Self::UnknownType => "unknown_type",
            Self::Body { .. } => "unreadable_body",
            Self::TooLarge => "too_large",
        }
    }
}

/// Splits one AMQP message into its events; an unreadable event stands alone and spares its neighbours.
///
/// # Errors
/// The whole message is unreadable: another content type, or not JSON at all.
pub fn decode(content_type: Option<&str>, bytes: &[u8]) -> Result<Vec<Result<Event, RawEvent>>, Unreadable> {
    Ok(parts(content_type, bytes)?.into_iter().map(one).collect())
}

/// An event with its text, or what could not be read.
pub type ReadEvent = Result<(Event, String), RawEvent>;

/// The same with the text of each event as it came, for whoever has to keep it.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_text(content_type: Option<&str>, bytes: &[u8]) -> Result<Vec<ReadEvent>, Unreadable> {
    let read = |part: &RawValue| one(part).map(|event| (event, part.get().to_owned()));
    Ok(parts(content_type, bytes)?.into_iter().map(read).collect())
}

fn parts<'a>(content_type: Option<&str>, bytes: &'a [u8]) -> Result<Vec<&'a RawValue>, Unreadable> {
    match content_type {
        Some(t) if t.starts_with(BATCH) => serde_json::from_slice(bytes).map_err(not_json),
        Some(t) if t.starts_with(SINGLE) => Ok(vec![serde_json::from_slice(bytes).map_err(not_json)?]),
        Some(_) | None => Err(Unreadable::ContentType),
    }
}

/// An event that could not be read, with its bytes and what could be made out of it for the answer.
#[derive(Debug, Clone)]
pub struct RawEvent {
    pub bytes: Vec<u8>,
    pub why: Unreadable,
    pub id: Option<String>,
}

fn one(part: &RawValue) -> Result<Event, RawEvent> {
    #[derive(Deserialize)]
    struct IdOnly {
        id: Option<String>,
    }
    let unreadable = |why| RawEvent {
        bytes: part.get().as_bytes().to_vec(),
        why,
        id: serde_json::from_str::<IdOnly>(part.get())
            .ok()
            .and_then(|found| found.id)
            .filter(|id| is_good_id(id)),
    };
    match serde_json::from_str::<Event>(part.get()) {
        Ok(event) if is_good_id(&event.id) && event.source.len() <= ID_BYTES_MAX => Ok(event),
        Ok(_) => Err(unreadable(Unreadable::BadId)),
        Err(error) => Err(unreadable(Unreadable::NotAnEvent(shape(&error)))),
    }
}

/// An id is logged and repeated, so it may neither be long nor hide a card number.
#[must_use]
pub fn is_good_id(id: &str) -> bool {
    // The digits of a UUID are chance; now and then they look like a card.
    let is_uuid = || uuid::Uuid::try_parse(id).is_ok();
    (1..=ID_BYTES_MAX).contains(&id.len()) && (find_card_number(id).is_none() || is_uuid())
}

fn not_json(error: serde_json::Error) -> Unreadable {
    Unreadable::NotJson { line: error.line(), column: error.column() }
}

/// serde's text repeats the offending value, except where a field is missing.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("missing field ") {
        Some(rest) => format!("missing field {}", rest.split(" at ").next().unwrap_or(rest)),
        None => format!("wrong type or value near column {}", error.column()),
    }
}

/// Reads a body into its type.
///
/// # Errors
/// Names the field and what is wrong with it, never its value.
pub fn read_body<T: serde::de::DeserializeOwned>(data: &RawValue) -> Result<T, Unreadable> {
    let mut json = serde_json::Deserializer::from_str(data.get());
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let missing = error.inner().to_string().starts_with("missing field");
        let mut path = error.path().to_string();
        if missing && let Some(name) = error.inner().to_string().split('`').nth(1) {
            path = if path == "." { name.to_owned() } else { format!("{path}.{name}") };
        }
        Unreadable::Body {
            path,
            problem: if missing { "is missing" } else { "has a wrong type or a value that is not allowed" },
        }
    })
}

/// Writes one event, or several as a batch.
///
/// # Panics
/// Never: an event is made of strings, a time in range and JSON that was valid when it was taken in.
#[must_use]
pub fn encode(events: &[Event]) -> (&'static str, Vec<u8>) {
    let bytes = match events {
        [event] => serde_json::to_vec(event),
        many => serde_json::to_vec(many),
    };
    let content_type = if events.len() == 1 { SINGLE } else { BATCH };
    (content_type, bytes.expect("strings, times and JSON always serialize"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"specversion":"1.0","id":"a","source":"/web","type":"order.submit.v1","time":"2026-01-02T03:04:05Z","data":{"x":1},"extra":true}"#;

    #[test]
    fn one_event_and_a_batch_read_alike() {
        for (content_type, text, events) in
            [(SINGLE, GOOD.to_owned(), 1), (BATCH, format!("[{GOOD},{GOOD}]"), 2)]
        {
            let read = decode(Some(content_type), text.as_bytes()).expect("readable");
            assert_eq!(read.len(), events);
            assert!(
                read.iter().all(|event| event.as_ref().is_ok_and(|event| event.data.get() == r#"{"x":1}"#))
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_neighbours_are_spared() {
        let text = format!(r#"[{{"id":"b","specversion":"1.0"}},{GOOD}]"#);
        let read = decode(Some(BATCH), text.as_bytes()).expect("an array");
        let bad = read[0].as_ref().expect_err("no source");
        assert_eq!(
            (bad.id.as_deref(), bad.why.to_string().as_str()),
            (Some("b"), "the body is not a CloudEvents 1.0 event: missing field `source`")
        );
        assert!(read[1].is_ok());
        assert_eq!(decode(Some("text/plain"), b"{}").err(), Some(Unreadable::ContentType));
        assert_eq!(decode(Some(SINGLE), b"{nope").err().map(|e| e.code()), Some("not_json"));
    }

    #[test]
    fn a_body_error_names_the_field_and_not_the_value() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[allow(dead_code, reason = "only its shape is tested")]
            inner: Vec<Inner>,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[allow(dead_code, reason = "only its shape is tested")]
            quantity: u32,
        }
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        for (text, said) in [
            (
                r#"{"inner":[{"quantity":"Jane"}]}"#,
                "field inner[0].quantity: has a wrong type or a value that is not allowed",
            ),
            (r#"{"inner":[{}]}"#, "field inner[0].quantity: is missing"),
            (r"{}", "field inner: is missing"),
        ] {
            assert_eq!(read_body::<Outer>(&raw(text)).expect_err("bad").to_string(), said);
        }
    }

    #[test]
    fn encode_is_read_back() {
        let event: Event = serde_json::from_str(GOOD).expect("good");
        let (kind, bytes) = encode(&[event.clone(), event]);
        assert_eq!(decode(Some(kind), &bytes).expect("readable").len(), 2);
    }
}
