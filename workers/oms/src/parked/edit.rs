//! Changing a parked message: named fields, or the whole of it, with what the operator was not shown kept as it was. It
//! refuses what its room could not read; it sends nothing.

use std::path::Path;

use messages::envelope::{SINGLE, decode};
use messages::{Event, Kind, Room};
use serde_json::Value;
use serde_json::value::to_raw_value;
use time::format_description::well_known::Rfc3339;

use super::look::{HIDDEN, SEALED};
use crate::show;

/// What is to be changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Fields { set: Vec<(String, Value)>, remove: Vec<String> },
    Whole(Value),
}

impl Change {
    /// # Errors
    /// A field is not named by a pointer, or the file is no JSON.
    pub(super) fn of(set: &[String], remove: Vec<String>, from: Option<&Path>) -> Result<Self, String> {
        if let Some(path) = from {
            let text = show::file_or_input(path)?;
            let whole = serde_json::from_str(&text)
                .map_err(|error| format!("{} is not JSON: {error}", path.display()))?;
            return Ok(Self::Whole(whole));
        }
        let set = set
            .iter()
            .map(|text| {
                let (pointer, value) = text.split_once('=').ok_or_else(|| {
                    format!(
                        "--set takes POINTER=VALUE, as in /data/lines/0/quantity=1, not `{}`",
                        name_in(text)
                    )
                })?;
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
                Ok((pointer.to_owned(), value))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let named = set.iter().map(|(pointer, _)| pointer).chain(&remove);
        if let Some(bad) = named.into_iter().find(|pointer| !pointer.starts_with('/')) {
            return Err(format!("`{bad}` is not a JSON pointer; it looks like /data/lines/0/quantity"));
        }
        Ok(Self::Fields { set, remove })
    }

    /// The message with the change made.
    ///
    /// # Errors
    /// There is nothing to change or to keep at the place that is named.
    pub(super) fn apply(self, original: &[u8]) -> Result<Value, String> {
        let original: Option<Value> = serde_json::from_slice(original).ok();
        if original.as_ref().is_some_and(Value::is_array) {
            return Err(
                "it is a batch of several messages; replay it, so that what is wrong is parked alone"
                    .to_owned(),
            );
        }
        match self {
            Self::Whole(mut whole) => {
                keep(&mut whole, original.as_ref(), "")?;
                Ok(whole)
            }
            Self::Fields { set, remove } => {
                let mut changed = original
                    .ok_or("it is not JSON, so it has no fields; give the whole message with --from")?;
                for pointer in &remove {
                    take_out(&mut changed, pointer)?;
                }
                for (pointer, value) in set {
                    put(&mut changed, &pointer, value)?;
                }
                Ok(changed)
            }
        }
    }
}

/// A text up to what may be a value.
fn name_in(text: &str) -> &str {
    text.split([' ', ':']).next().unwrap_or_default()
}

/// Puts back what was not shown, from the same place of the original.
fn keep(value: &mut Value, original: Option<&Value>, at: &str) -> Result<(), String> {
    match value {
        Value::String(text) if text == HIDDEN || text == SEALED => {
            *value = original.cloned().ok_or_else(|| {
                format!("at {at} the original has nothing that could be kept; write a value")
            })?;
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name_at = name.replace('~', "~0").replace('/', "~1");
                keep(field, original.and_then(|original| original.get(name)), &format!("{at}/{name_at}"))?;
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                keep(item, original.and_then(|original| original.get(place)), &format!("{at}/{place}"))?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// The parent of a place, and the last step to it.
fn parent<'a>(value: &'a mut Value, pointer: &str) -> Result<(&'a mut Value, String), String> {
    let (parent, last) = pointer.rsplit_once('/').unwrap_or_default();
    let last = last.replace("~1", "/").replace("~0", "~");
    let parent = value.pointer_mut(parent).ok_or_else(|| {
        format!("the message has nothing at {}", if parent.is_empty() { "/" } else { parent })
    })?;
    Ok((parent, last))
}

fn put(value: &mut Value, pointer: &str, new: Value) -> Result<(), String> {
    let (parent, last) = parent(value, pointer)?;
    match parent {
        Value::Object(fields) => {
            fields.insert(last, new);
            Ok(())
        }
        Value::Array(items) => match last.parse::<usize>() {
            Ok(place) if place < items.len() => {
                items[place] = new;
                Ok(())
            }
            Ok(place) if place == items.len() => {
                items.push(new);
                Ok(())
            }
            Ok(_) | Err(_) => {
                Err(format!("the list at {pointer} has {} entries, counted from 0", items.len()))
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(format!("{pointer} is inside a value that has no fields"))
        }
    }
}

fn take_out(value: &mut Value, pointer: &str) -> Result<(), String> {
    let (parent, last) = parent(value, pointer)?;
    let taken = match parent {
        Value::Object(fields) => fields.remove(&last).is_some(),
        Value::Array(items) => {
            let place = last.parse::<usize>().ok().filter(|place| *place < items.len());
            place.map(|place| items.remove(place)).is_some()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if taken { Ok(()) } else { Err(format!("the message has nothing at {pointer}")) }
}

/// The event of an edited message, if the room could read it. What an operator leaves out of the envelope is the
/// original's own, or now.
///
/// # Errors
/// Names the field that is wrong, never its value.
pub(super) fn event(mut message: Value, room: Room, now: time::OffsetDateTime) -> Result<Event, String> {
    let said = |why: String| format!("the edited message would be parked again: {why}");
    if let Value::Object(fields) = &mut message {
        fields.entry("specversion").or_insert_with(|| "1.0".into());
        fields.entry("id").or_insert_with(|| "edited".into());
        let now = now.format(&Rfc3339).map_err(|error| error.to_string())?;
        fields.entry("time").or_insert_with(|| now.into());
    }
    let text = to_raw_value(&message).map_err(|error| error.to_string())?;
    let mut events = decode(Some(SINGLE), text.get().as_bytes()).map_err(|why| said(why.to_string()))?;
    let event = match events.pop() {
        Some(Ok(event)) => event,
        Some(Err(bad)) => return Err(said(bad.why.to_string())),
        None => return Err(said("it is empty".to_owned())),
    };
    let kind = Kind::parse(&event.kind)
        .ok_or_else(|| said("field type: it is not one that this system knows".to_owned()))?;
    if !kind.read_by().contains(&room) && room != Room::Audit {
        return Err(said(format!("field type: {room} does not read {}", kind.name())));
    }
    kind.reread(&event.data).map_err(|why| said(prefixed(&why.to_string())))?;
    Ok(event)
}

/// A field of the body, as a pointer into the whole message begins.
fn prefixed(why: &str) -> String {
    match why.strip_prefix("field ") {
        // The body as a whole.
        Some(rest) if rest.starts_with(".:") => format!("field data{}", &rest[1..]),
        Some(rest) => format!("field data.{rest}"),
        None => why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn fields(set: &[&str], remove: &[&str]) -> Result<Change, String> {
        let set: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
        Change::of(&set, remove.iter().map(|text| (*text).to_owned()).collect(), None)
    }

    #[test]
    fn named_fields_change_and_all_others_stay() {
        let original =
            json!({ "time": "t", "data": { "name": "Pat", "lines": [{ "quantity": "one" }], "a/b": 1 } });
        let bytes = original.to_string().into_bytes();
        let edited =
            |set: &[&str], remove: &[&str]| fields(set, remove).and_then(|change| change.apply(&bytes));
        let expected = |change: &dyn Fn(&mut Value)| {
            let mut value = original.clone();
            change(&mut value);
            Ok(value)
        };
        for (set, remove, result) in [
            (
                &["/data/lines/0/quantity=1"][..],
                &[][..],
                expected(&|v| v["data"]["lines"][0]["quantity"] = json!(1)),
            ),
            (&["/data/note=a text"], &[], expected(&|v| v["data"]["note"] = json!("a text"))),
            (&["/data/note=a=b"], &[], expected(&|v| v["data"]["note"] = json!("a=b"))),
            (
                &["/data/lines/1={\"quantity\":2}"],
                &[],
                expected(&|v| {
                    v["data"]["lines"] = json!([{ "quantity": "one" }, { "quantity": 2 }]);
                }),
            ),
            (
                &[],
                &["/data/a~1b", "/data/lines/0"],
                expected(&|v| v["data"] = json!({ "name": "Pat", "lines": [] })),
            ),
            (
                &["/data/lines/7=1"],
                &[],
                Err("the list at /data/lines/7 has 1 entries, counted from 0".to_owned()),
            ),
            (&["/date/x=1"], &[], Err("the message has nothing at /date".to_owned())),
            (&["/time/x=1"], &[], Err("/time/x is inside a value that has no fields".to_owned())),
            (&[], &["/data/email"], Err("the message has nothing at /data/email".to_owned())),
            (
                &["time=1"],
                &[],
                Err("`time` is not a JSON pointer; it looks like /data/lines/0/quantity".to_owned()),
            ),
        ] {
            assert_eq!(edited(set, remove), result, "{set:?} {remove:?}");
        }
        assert!(fields(&["/data/x"], &[]).is_err_and(|said| said.starts_with("--set takes POINTER=VALUE")));
        let torn = fields(&["/a=1"], &[]).expect("good").apply(b"{\"a\": ");
        assert!(torn.is_err_and(|said| said.starts_with("it is not JSON")));
        let batch = fields(&["/0=1"], &[]).expect("good").apply(b"[{},{}]");
        assert!(batch.is_err_and(|said| said.starts_with("it is a batch")));
    }

    #[test]
    fn what_was_not_shown_is_kept_from_its_place() {
        let original =
            json!({ "data": { "name": "Pat", "section": "oms1.k.x", "lines": [1, 2], "gone": "…" } });
        let whole = json!({ "data": { "name": "…", "section": "(sealed)", "lines": [1, "…"], "new": "x" } });
        let kept = Change::Whole(whole).apply(original.to_string().as_bytes());
        assert_eq!(
            kept,
            Ok(json!({ "data": { "name": "Pat", "section": "oms1.k.x", "lines": [1, 2], "new": "x" } }))
        );
        let nothing =
            Change::Whole(json!({ "data": { "e/mail": "…" } })).apply(original.to_string().as_bytes());
        assert_eq!(
            nothing,
            Err("at /data/e~1mail the original has nothing that could be kept; write a value".to_owned())
        );
        assert!(Change::Whole(json!({ "a": "…" })).apply(b"{nope").is_err());
    }

    #[test]
    fn what_the_room_could_not_read_is_refused_by_field() {
        let now = datetime!(2026-11-24 12:00 UTC);
        let sample = |kind: Kind| messages::contracts::sample(kind);
        assert!(event(sample(Kind::OrderSubmit), Room::Intake, now).is_ok());
        let mut bare = json!({ "source": "/web-store", "type": "order.submit.v1" });
        bare["data"] = sample(Kind::OrderSubmit)["data"].clone();
        assert!(event(bare, Room::Intake, now).is_ok_and(|event| event.time == now));
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut message = sample(Kind::OrderSubmit);
            change(&mut message);
            event(message, Room::Intake, now).map(|_| ())
        };
        for (change, said) in [
            (
                &(|m: &mut Value| m["data"]["lines"][0]["quantity"] = json!("eleven")) as &dyn Fn(&mut Value),
                "field data.lines[0].quantity: has a wrong type or a value that is not allowed",
            ),
            (&|m| m["type"] = json!("order.steal.v1"), "field type: it is not one that this system knows"),
            (&|m| m["type"] = json!("carrier.scan.v1"), "field type: intake does not read carrier.scan.v1"),
            (&|m| m["id"] = json!(""), "an id must have 1 to 255 bytes and must not hold a card number"),
            (
                &|m| *m = json!(7),
                "the body is not a CloudEvents 1.0 event: wrong type or value near column 1",
            ),
        ] {
            assert_eq!(changed(change), Err(format!("the edited message would be parked again: {said}")));
        }
    }
}
