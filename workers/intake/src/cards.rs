//! The search for card data in clear, over everything that a submission holds: known fields, unknown ones,
//! and the names of fields. It tells that something is there, and never what or where.

use messages::card::find_card_number;
use messages::phone::Phone;
use serde_json::Value;

/// What may not be in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardData {
    Number,
    /// A field of its own for a card number, a security code or a track, whatever stands in it.
    Field,
}

/// Names of fields that are never sent, without case and punctuation.
const FORBIDDEN: [&str; 18] = [
    "cardcvc",
    "cardcvv",
    "cardno",
    "cardnumber",
    "cardsecuritycode",
    "cardverificationcode",
    "cardverificationvalue",
    "csc",
    "cvc",
    "cvc2",
    "cvn",
    "cvv",
    "cvv2",
    "magstripe",
    "pan",
    "primaryaccountnumber",
    "securitycode",
    "trackdata",
];

/// The first card data in a JSON value.
pub(crate) fn find(value: &Value) -> Option<CardData> {
    match value {
        Value::Null | Value::Bool(_) => None,
        Value::Number(number) => in_text(&number.to_string()),
        Value::String(text) => in_text(text),
        Value::Array(values) => values.iter().find_map(find),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| in_field(name, value)),
    }
}

/// Whether a text has a card number in it.
pub(crate) fn in_text(text: &str) -> Option<CardData> {
    find_card_number(text).map(|_| CardData::Number)
}

fn in_field(name: &str, value: &Value) -> Option<CardData> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if FORBIDDEN.contains(&plain.as_str()) {
        return Some(CardData::Field);
    }
    // One in ten mobile numbers of some countries (+49 1512 …) has an issuer's prefix and a right check
    // digit.
    let is_phone = name == "phone"
        && value.as_str().is_some_and(|text| text.trim().starts_with('+') && Phone::parse(text).is_ok());
    if is_phone { None } else { in_text(name).or_else(|| find(value)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn card_data_is_found_wherever_it_stands() {
        for (value, expected) in [
            (json!({"contact": {"name": "4111 1111 1111 1111"}}), Some(CardData::Number)),
            (json!({"note": "call me, 4111-1111-1111-1111, thanks"}), Some(CardData::Number)),
            (json!({"extra": [1, {"deep": [4_111_111_111_111_111_u64]}]}), Some(CardData::Number)),
            (json!({"extra": 4_111_111_111_111_111.0}), Some(CardData::Number)),
            (json!({"4111111111111111": true}), Some(CardData::Number)),
            (json!({"phone": "4111111111111111"}), Some(CardData::Number)),
            (json!({"phone": "+4111111111111111"}), Some(CardData::Number)),
            (json!({"payment": {"cvv": null}}), Some(CardData::Field)),
            (json!({"payment": {"Card-Number": "x"}}), Some(CardData::Field)),
            (json!({"payment": {"securityCode": 123}}), Some(CardData::Field)),
            (json!("378282246310005"), Some(CardData::Number)),
        ] {
            assert_eq!(find(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_an_order_rightly_holds_is_left_alone() {
        for value in [
            json!({"phone": "+4915123456781"}),
            json!({"phone": "+12155550123", "received_at": "2026-07-22T14:05:33.123456789Z"}),
            json!({"total": 9_999_999_999_i64, "last_four": "4242", "expiry": "2027-08"}),
            json!({"postal_code": "19106-2105", "line1": "1200 S 4th St # 4111"}),
            json!({"company": "Pan American", "discard_number": 1, "shipping": null, "gift": false}),
        ] {
            assert_eq!(find(&value), None, "{value}");
        }
    }
}
