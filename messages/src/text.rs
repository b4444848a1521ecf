//! What the text newtypes share: one line of clean text, and the traits that every parsed text needs.
//! It must never let the text it refuses into an error: the errors of personal values reach the logs.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de;

/// A value that is written as text and comes into being only by parsing.
pub(crate) trait Text: Sized {
    /// Says which rule the text breaks, never the text.
    type Error: fmt::Display;

    fn from_text(text: &str) -> Result<Self, Self::Error>;
    fn to_text(&self) -> Cow<'_, str>;
}

/// Why a text is not one clean line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    #[error("is empty")]
    Empty,
    #[error("is longer than {max} characters")]
    TooLong { max: usize },
    #[error("has a control or invisible formatting character")]
    Control,
}

/// Trims, collapses inner whitespace to single spaces, and takes 1..=`max` characters.
pub(crate) fn one_line(text: &str, max: usize) -> Result<String, LineProblem> {
    let text = text.trim();
    if text.chars().any(is_invisible) {
        return Err(LineProblem::Control);
    }
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.is_empty() {
        return Err(LineProblem::Empty);
    }
    if line.chars().count() > max {
        return Err(LineProblem::TooLong { max });
    }
    Ok(line)
}

/// Control characters, and those that reorder or hide text on a label or a screen. The two joiners (U+200C,
/// U+200D) stay, because names in several scripts need them.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}')
        || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
}

/// Reads any [`Text`] without the message "invalid type: integer `4111…`" that serde gives by default; asking
/// for any type, since serde_json gives that message by itself when it is asked for a string.
pub(crate) fn read<'de, T: Text, D: de::Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(TextVisitor(PhantomData))
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: Text> de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<T, E> {
        Err(not_a_text())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<T, E> {
        Err(not_a_text())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<T, E> {
        Err(not_a_text())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<T, E> {
        Err(not_a_text())
    }
}

fn not_a_text<E: de::Error>() -> E {
    E::custom("the value is not a text")
}

/// Gives a type with `parse` and an error its serde, JSON Schema and standard conversions. `public` types
/// also get `Display`; `personal` types get a `Debug` that hides the value.
macro_rules! text_value {
    (public $name:ident, $error:ty, $text:expr, $schema:tt) => {
        $crate::text::text_value!(common $name, $error, $text, $schema);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&$crate::text::Text::to_text(self))
            }
        }
    };
    (personal $name:ident, $error:ty, $text:expr, $schema:tt) => {
        $crate::text::text_value!(common $name, $error, $text, $schema);
        $crate::text::hidden_debug!($name);
    };
    (common $name:ident, $error:ty, $text:expr, $schema:tt) => {
        impl $crate::text::Text for $name {
            type Error = $error;

            fn from_text(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }

            fn to_text(&self) -> std::borrow::Cow<'_, str> {
                let text: fn(&Self) -> std::borrow::Cow<'_, str> = $text;
                text(self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                $crate::text::Text::to_text(&value).into_owned()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$crate::text::Text::to_text(self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::text::read(deserializer)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

/// `Debug` for personal data: logs show which type it was, never what it held.
macro_rules! hidden_debug {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

pub(crate) use {hidden_debug, text_value};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::card::{CardExpiry, LastFour, PaymentToken};
    use crate::email::Email;
    use crate::item::{ItemNumber, PoolId};
    use crate::money::Currency;
    use crate::person::{GiftMessage, PersonName};
    use crate::phone::Phone;
    use crate::tracking_number::TrackingNumber;

    #[test]
    fn a_line_is_trimmed_collapsed_and_bounded() {
        for (text, expected) in [
            ("  12  Main\u{a0} St ", Ok("12 Main St")),
            ("abcde", Ok("abcde")),
            ("", Err(LineProblem::Empty)),
            (" \t\n ", Err(LineProblem::Empty)),
            ("a\nb", Err(LineProblem::Control)),
            ("a\tb", Err(LineProblem::Control)),
            ("a\u{202E}b", Err(LineProblem::Control)),
            ("a2345678901", Err(LineProblem::TooLong { max: 10 })),
        ] {
            assert_eq!(one_line(text, 10).as_deref(), expected.as_ref().copied(), "{text:?}");
        }
    }

    #[test]
    fn every_text_reads_itself_back_from_json_and_fits_its_schema() {
        check::<CardExpiry>("2029-01");
        check::<Currency>("USD");
        check::<Email>("jane@example.com");
        check::<GiftMessage>("Happy birthday!\nLove, Jane");
        check::<ItemNumber>("19XE");
        check::<LastFour>("0042");
        check::<PaymentToken>("tok_a1b2c3d4");
        check::<PersonName>("Jane O’Neil");
        check::<Phone>("+18008726468");
        check::<PoolId>("BRO-5");
        check::<TrackingNumber>("9400111201080805483016");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_without_quoting_it() {
        for value in [json!(4111111111111111u64), json!(-8008726468i64), json!(0.1234), json!(true)] {
            refused::<PaymentToken>(&value);
            refused::<Phone>(&value);
            refused::<Email>(&value);
        }
    }

    #[test]
    fn personal_values_do_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Email::parse("jane@example.com").unwrap()), "Email(…)");
        assert_eq!(format!("{:?}", Phone::parse("+18008726468").unwrap()), "Phone(…)");
        assert_eq!(format!("{:?}", PersonName::parse("Jane Roe").unwrap()), "PersonName(…)");
        assert_eq!(format!("{:?}", GiftMessage::parse("Enjoy").unwrap()), "GiftMessage(…)");
        assert_eq!(format!("{:?}", PaymentToken::parse("tok_a1b2c3d4").unwrap()), "PaymentToken(…)");
    }

    proptest! {
        #[test]
        fn what_a_parser_takes_it_takes_again_unchanged(text in any_text()) {
            stable::<CardExpiry>(&text);
            stable::<Currency>(&text);
            stable::<Email>(&text);
            stable::<GiftMessage>(&text);
            stable::<ItemNumber>(&text);
            stable::<LastFour>(&text);
            stable::<PaymentToken>(&text);
            stable::<PersonName>(&text);
            stable::<Phone>(&text);
            stable::<PoolId>(&text);
            stable::<TrackingNumber>(&text);
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<Vec<u8>>().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            any::<String>(),
            "[A-Za-z0-9 +@.#_-]{0,45}",
            "[ 0-9-]{8,40}",
            "[A-Z]{3}",
            "20[0-9]{2}-[01][0-9]",
            "[a-zA-Z.+]{1,12}@[a-zA-Z-]{1,9}\\.[a-z]{1,4}",
        ]
    }

    fn stable<T: Text>(text: &str) {
        if let Ok(value) = T::from_text(text) {
            let canonical = value.to_text();
            let again = T::from_text(&canonical).map(|value| value.to_text().into_owned());
            assert_eq!(again.ok().as_deref(), Some(&*canonical));
        }
    }

    fn check<T: serde::Serialize + de::DeserializeOwned + schemars::JsonSchema>(canonical: &str) {
        let value: T = serde_json::from_value(json!(canonical)).unwrap();
        assert_eq!(serde_json::to_value(&value).unwrap(), json!(canonical));
        let schema = serde_json::to_value(schemars::schema_for!(T)).unwrap();
        assert!(jsonschema::is_valid(&schema, &json!(canonical)), "{canonical} and {schema}");
        assert!(!jsonschema::is_valid(&schema, &json!("")), "an empty text fits {schema}");
    }

    fn refused<T: de::DeserializeOwned>(value: &Value) {
        let error = serde_json::from_value::<T>(value.clone()).err().unwrap().to_string();
        assert_eq!(error, "the value is not a text");
    }
}
