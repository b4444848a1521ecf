//! What must hold of any bytes from outside, for tests and fuzzing only: reading never panics, an error is a sentence that
//! names a field and repeats no value, and what was read is written so that it reads the same. A breach panics.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::address::{AddressParts, PostalAddress};
use crate::catalogue::Kind;
use crate::email::Email;
use crate::envelope::{BATCH, SINGLE, decode_with_text, encode};
use crate::person::{GiftMessage, PersonName};
use crate::phone::Phone;
use crate::tracking_number::TrackingNumber;

/// Values of the samples that are about a person.
pub const PERSONAL: [&str; 6] =
    ["Pat Example", "pat@example.com", "North Independence", "19106", "tok_ok_100001", "2155550123"];

/// The bytes with a few places flipped, cut, inserted, doubled or spliced with others, as the recipe says.
#[must_use]
pub fn mutated(bytes: &[u8], others: &[u8], recipe: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for step in recipe.chunks_exact(6) {
        let [how, high, low, length, from, byte] = *step else { continue };
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        let end = (at + usize::from(length)).min(bytes.len());
        match how % 6 {
            0 => bytes[at..end].iter_mut().take(1).for_each(|here| *here ^= byte),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.insert(at, byte),
            3 => {
                let doubled = bytes[at..end].to_vec();
                bytes.splice(at..at, doubled);
            }
            4 => {
                let from = usize::from(from) * 8 % (others.len() + 1);
                let until = (from + usize::from(length)).min(others.len());
                bytes.splice(at..end, others[from..until].iter().copied());
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// An AMQP message, as one event and as a batch, with the body of each event in it.
///
/// # Panics
/// Something does not hold.
pub fn message(bytes: &[u8]) {
    for content_type in [SINGLE, BATCH] {
        let events = match decode_with_text(Some(content_type), bytes) {
            Ok(events) => events,
            Err(why) => {
                is_sentence(&why.to_string());
                continue;
            }
        };
        for event in events {
            match event {
                Err(bad) => is_sentence(&bad.why.to_string()),
                Ok((event, _)) => {
                    let (written_as, written) = encode(std::slice::from_ref(&event));
                    let read =
                        decode_with_text(Some(written_as), &written).expect("what was written is JSON");
                    let [Ok((again, _))] = read.as_slice() else { panic!("what was written is not read") };
                    assert_eq!(encode(std::slice::from_ref(again)).1, written);
                    if let Some(kind) = Kind::parse(&event.kind) {
                        body(kind, &event.data);
                    }
                }
            }
        }
    }
}

/// The body of this kind.
///
/// # Panics
/// Something does not hold.
pub fn body(kind: Kind, data: &RawValue) {
    match kind.reread(data) {
        Err(why) => is_sentence(&why.to_string()),
        Ok(written) => {
            let text = serde_json::value::to_raw_value(&written).expect("JSON");
            assert_eq!(
                kind.reread(&text).ok().as_ref(),
                Some(&written),
                "{} is not written stably",
                kind.name()
            );
        }
    }
}

/// A postal address in JSON.
///
/// # Panics
/// Something does not hold.
pub fn address(bytes: &[u8]) {
    let Ok(parts) = serde_json::from_slice::<AddressParts>(bytes) else { return };
    match PostalAddress::parse(parts) {
        Err(why) => is_sentence(&why.to_string()),
        Ok(address) => {
            let written: Value = serde_json::to_value(&address).expect("JSON");
            let again: PostalAddress = serde_json::from_value(written).expect("what was written is read");
            assert!(again == address && again.normalized() == address.normalized());
        }
    }
}

/// A tracking number, and the other values that people type.
///
/// # Panics
/// Something does not hold.
pub fn typed(bytes: &[u8]) {
    let text = &String::from_utf8_lossy(bytes);
    match TrackingNumber::parse(text) {
        Err(why) => is_sentence(&why.to_string()),
        Ok(number) => {
            assert_eq!(TrackingNumber::parse(number.as_str()).ok().as_ref(), Some(&number));
            assert!(!number.carriers().is_empty());
        }
    }
    match Email::parse(text) {
        Err(why) => is_sentence(&why.to_string()),
        Ok(email) => {
            let again = Email::parse(email.as_str()).expect("what was written is read");
            assert!(again == email && again.normalized() == email.normalized());
        }
    }
    match Phone::parse(text) {
        Err(why) => is_sentence(&why.to_string()),
        Ok(phone) => assert!(Phone::parse(phone.as_str()).is_ok_and(|again| again == phone)),
    }
    match PersonName::parse(text) {
        Err(why) => is_sentence(&why.to_string()),
        Ok(name) => assert!(PersonName::parse(name.as_str()).is_ok_and(|again| again == name)),
    }
    match GiftMessage::parse(text) {
        Err(why) => is_sentence(&why.to_string()),
        Ok(message) => assert!(GiftMessage::parse(message.as_str()).is_ok_and(|again| again == message)),
    }
}

/// An error that a person may see and a log may keep.
///
/// # Panics
/// It is none.
pub fn is_sentence(text: &str) {
    let starts_low = text.starts_with(|c: char| c.is_ascii_lowercase());
    let is_plain = text.len() <= 400 && text.chars().all(|c| (' '..='~').contains(&c));
    // The texts of the envelope and of a body; what they quote is a field's name of ours.
    assert!(starts_low && is_plain, "not a plain sentence: {text:?}");
    assert!(
        !PERSONAL.iter().any(|value| text.contains(value)),
        "an error repeats a personal value: {text:?}"
    );
}
