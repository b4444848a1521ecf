//! Bytes from outside, arbitrary and made of the golden samples by damage: what is said in `messages::scrutiny` holds.

use messages::scrutiny::{PERSONAL, address, body, message, mutated, typed};
use messages::{Kind, samples};
use proptest::prelude::*;
use serde_json::value::RawValue;

/// The samples as they lie in a queue.
fn events() -> Vec<Vec<u8>> {
    Kind::ALL.iter().map(|&kind| messages::contracts::sample(kind).to_string().into_bytes()).collect()
}

fn damage() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..36)
}

/// One of these, damaged with pieces of another.
fn damaged(whole: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let place = || any::<prop::sample::Index>();
    (place(), place(), damage()).prop_map(move |(of, with, recipe)| {
        mutated(&whole[of.index(whole.len())], &whole[with.index(whole.len())], &recipe)
    })
}

/// Texts as people type them.
fn words() -> Vec<Vec<u8>> {
    let tracking = ["9400111206206406260787", "1Z999AA10123456784", "RB123456785GB", "JD014600003828392837"];
    let others =
        ["Pat.Example+coins@example.com", "+1 (215) 408-0112", "Renée O’Neil-Łuk", "Happy\nbirthday"];
    tracking.into_iter().chain(others).map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn the_personal_values_stand_in_the_samples() {
    let all: String = Kind::ALL.iter().map(|kind| kind.sample().to_string()).collect();
    for value in PERSONAL {
        assert!(all.contains(value), "{value}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn any_message_is_read_or_refused_in_a_sentence(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        message(&bytes);
    }

    #[test]
    fn a_damaged_message_is_read_or_refused_in_a_sentence(bytes in damaged(events())) {
        message(&bytes);
    }

    #[test]
    fn a_damaged_body_is_read_or_refused_by_field(place in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), recipe in damage()) {
        let of = |place: prop::sample::Index| Kind::ALL[place.index(Kind::ALL.len())];
        let text = |kind: Kind| kind.sample().to_string().into_bytes();
        let bytes = mutated(&text(of(place)), &text(of(other)), &recipe);
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(data) = RawValue::from_string(text)
        {
            body(of(place), &data);
            // The body of another kind is refused by field as well.
            body(of(other), &data);
        }
    }

    #[test]
    fn any_address_is_read_or_refused_in_a_sentence(bytes in damaged(vec![
        serde_json::to_vec(&samples::address()).expect("JSON"),
        br#"{"line1":"1 Main St","line2":"Apt 2","city":"Springfield","state":"IL","postal_code":"62701-1234","country":"us"}"#.to_vec(),
        r#"{"line1":"10 Rue de l’Église","city":"Saint-Denis","postal_code":"93200","country":"FR"}"#.as_bytes().to_vec(),
    ])) {
        address(&bytes);
    }

    #[test]
    fn any_typed_text_is_read_or_refused_in_a_sentence(text in ".{0,80}", digits in "[0-9A-Z -]{8,40}", damaged in damaged(words())) {
        typed(text.as_bytes());
        typed(digits.as_bytes());
        typed(&damaged);
    }
}
