//! The sender's own reference, wherever it still can be found, so that even an unreadable order is answered under
//! the name that its sender knows. It looks for nothing else.

use messages::card::find_card_number;
use messages::id::Reference;
use serde::Deserialize;
use serde_json::Value;

/// The reference in an event, a body, or in bytes that are no JSON at all.
pub(crate) fn reference_in(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Outer {
        reference: Option<Value>,
        data: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        reference: Option<Value>,
    }
    let found = match serde_json::from_slice::<Outer>(bytes) {
        Ok(outer) => {
            let value = outer.data.and_then(|data| data.reference).or(outer.reference);
            value.and_then(|value| value.as_str().map(str::to_owned))
        }
        Err(_) => quoted_after(bytes, "\"reference\""),
    };
    found.filter(|text| Reference::parse(text).is_ok() && find_card_number(text).is_none())
}

/// In bytes that are no JSON, what stands in quotation marks after `name` and a colon.
fn quoted_after(bytes: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let rest = &text[text.find(name)? + name.len()..];
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    rest.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_found_in_whatever_is_left_of_an_order() {
        for (text, found) in [
            (r#"{"data":{"reference":"WEB-1"}}"#, Some("WEB-1")),
            (r#"{"reference":"WEB-2"}"#, Some("WEB-2")),
            (r#"{"data":{"reference": "WEB-3", "channel": "#, Some("WEB-3")),
            (r#"{"data":{"reference":7}}"#, None),
            (r#"{"data":{"reference":"4242 4242 4242 4242"}}"#, None),
            (r#"{"data":{"reference":"4242424242424242"}}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(reference_in(text.as_bytes()).as_deref(), found, "{text}");
        }
    }
}
