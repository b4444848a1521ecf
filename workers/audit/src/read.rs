//! The edge: the event as it is kept, every sealed section replaced by its digest. What leaves this module must
//! hold no section.

use messages::Event;
use messages::envelope::Unreadable;
use messages::sealed::{SEALED_PREFIX, Sealed};
use serde_json::Value;
use shell::worker::raw;
use shell::{Arrival, ReadError};

use crate::chain::About;

/// A message that was said, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub about: About,
    /// The whole event as JSON, sections replaced by digests.
    pub event: String,
}

/// Reads any message; audit asks for no time and makes no calls.
///
/// # Errors
/// It is a timer or an answer.
pub fn read(arrival: &Arrival<'_>) -> Result<Input, ReadError> {
    match arrival {
        Arrival::Message { event, .. } => Ok(keep(event)?),
        Arrival::Timer { .. } | Arrival::Answer { .. } => Err(Unreadable::UnknownType.into()),
    }
}

fn keep(event: &Event) -> Result<Input, Unreadable> {
    let mut kept = event.clone();
    let text = event.data.get();
    // An escaped prefix would not be seen in the text, so only a text without escapes may pass as it is.
    if text.contains(SEALED_PREFIX) || text.contains('\\') {
        let mut data: Value = messages::envelope::read_body(&event.data)?;
        digest(&mut data);
        kept.data = raw(&data);
    }
    let event = raw(&kept).get().to_owned();
    let about = About::of(&event).ok_or(Unreadable::UnknownType)?;
    Ok(Input { about, event })
}

/// Replaces every sealed section within `value`.
fn digest(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with(SEALED_PREFIX) => {
            if let Ok(sealed) = Sealed::try_from(text.clone()) {
                *text = sealed.digest();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(digest),
        Value::Object(fields) => fields.values_mut().for_each(digest),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_replaced_wherever_they_stand_and_nothing_else_is() {
        let section = "oms1.contact-2026q4.c2VhbGVk";
        let digest = Sealed::try_from(section.to_owned()).unwrap().digest();
        for (data, kept) in [
            (format!(r#"{{"contact":"{section}","n":1}}"#), format!(r#"{{"contact":"{digest}","n":1}}"#)),
            (format!(r#"{{"a":[{{"b":"{section}"}}]}}"#), format!(r#"{{"a":[{{"b":"{digest}"}}]}}"#)),
            (r#"{"a":"\u006fms1.contact-2026q4.c2VhbGVk"}"#.to_owned(), format!(r#"{{"a":"{digest}"}}"#)),
            (
                r#"{"a":"oms1.","b":"see oms1.x.y"}"#.to_owned(),
                r#"{"a":"oms1.","b":"see oms1.x.y"}"#.to_owned(),
            ),
            (
                r#"{"big":18446744073709551615,"esc":"\n","min":-9223372036854775808}"#.to_owned(),
                r#"{"big":18446744073709551615,"esc":"\n","min":-9223372036854775808}"#.to_owned(),
            ),
            // Without escapes and sections the text stays exactly as it came.
            (r#"{ "z": 1.50, "a": 1e400 }"#.to_owned(), r#"{ "z": 1.50, "a": 1e400 }"#.to_owned()),
        ] {
            let input = keep(&event(&data)).unwrap();
            let said: Event = serde_json::from_str(&input.event).unwrap();
            assert_eq!(said.data.get(), kept);
            assert!(!input.event.contains(section), "{data}");
        }
    }

    #[test]
    fn no_kind_leaves_a_section_in_what_is_kept() {
        for &kind in messages::Kind::ALL {
            let data = kind.sample().to_string();
            let kept = keep(&event(&data)).unwrap().event;
            assert!(!kept.contains(SEALED_PREFIX), "{}", kind.name());
            assert_eq!(kept.contains("sha256:"), data.contains(SEALED_PREFIX), "{}", kind.name());
        }
    }

    #[test]
    fn who_acted_is_kept_for_look_up() {
        for (data, user) in [
            (r#"{"user":"m.rivera"}"#, Some("m.rivera")),
            (r#"{"agent":"a.lee"}"#, Some("a.lee")),
            (r#"{"user":7}"#, None),
            (r#"[1]"#, None),
            (r#"{}"#, None),
        ] {
            assert_eq!(keep(&event(data)).unwrap().about.user.as_deref(), user, "{data}");
        }
    }

    fn event(data: &str) -> Event {
        let text = format!(
            r#"{{"specversion":"1.0","id":"e","source":"/s","type":"t.t.v1","time":"2026-11-24T12:00:00Z","data":{data}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }
}
