//! The test vector of sealed sections, for whoever writes a reader in another language. Its key is published
//! here and must never protect anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::id::hex;
use crate::order::DeliverySection;
use crate::outsiders::WAREHOUSE;
use crate::samples;
use crate::sealed::{NONCE_BYTES, Sealed, Section, associated, close};

const GOOD: &str = "the vector's parts are fixed and tested";
const DELIVERY: u16 = 1;

/// One section that opens, step by step, and the ways in which it must not.
pub(super) fn vector() -> Value {
    let key: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap_or_default());
    let nonce: [u8; NONCE_BYTES] = std::array::from_fn(|at| 0x40 + u8::try_from(at).unwrap_or_default());
    let key_id = format!("{WAREHOUSE}-2019q4");
    let order = samples::order();
    let subject = order.as_str();
    let section = samples::delivery_section();
    let clear = clear_text(&section);
    let bound = associated(&key_id, Section::Delivery, subject, DELIVERY);
    let sealed = close(&key, &key_id, &bound, clear.as_bytes(), nonce).expect(GOOD);
    let case = |why: &str, section: &str, subject: &str, delivery: u16, sealed: &str| {
        // Under the names that the section that opens has.
        json!({ "why": why, "section": section, "subject": subject, "delivery": delivery, "sealed": sealed })
    };
    let name = Section::Delivery.name();
    let others = sealed.as_str().replace(&key_id, &format!("{name}-2019q4"));
    json!({
        "description": "A section as a warehouse gets it, sealed under a key that everybody knows. SEALED.md tells the steps.",
        "algorithm": "XChaCha20-Poly1305",
        "keys": { "sections": { &*key_id: STANDARD.encode(key) } },
        "key_hex": hex(&key),
        "section": name,
        "subject": subject,
        "delivery": DELIVERY,
        "associated_data": bound,
        "nonce_hex": hex(&nonce),
        "clear": clear,
        "sealed": sealed.as_str(),
        "does_not_open": [
            case("another order", name, "0000-0000-0000-0", DELIVERY, sealed.as_str()),
            case("another delivery of the order", name, subject, DELIVERY + 1, sealed.as_str()),
            case("another section", Section::Contact.name(), subject, DELIVERY, sealed.as_str()),
            case("one bit was changed", name, subject, DELIVERY, &changed(&sealed)),
            case("a key that the warehouse does not hold", name, subject, DELIVERY, &others),
        ],
    })
}

fn clear_text(section: &DeliverySection) -> String {
    serde_json::to_string(section).expect(GOOD)
}

/// The first character after the key id carries bits of the nonce only.
fn changed(sealed: &Sealed) -> String {
    let (start, body) = sealed.as_str().rsplit_once('.').expect(GOOD);
    let first = if body.starts_with('A') { 'B' } else { 'A' };
    format!("{start}.{first}{}", &body[1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::Keyring;

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().expect("a text")
    }

    #[test]
    fn the_vector_opens_in_one_way_only() {
        let vector = vector();
        let keys = json!({ "sections": vector["keys"]["sections"], "fingerprint": STANDARD.encode([0; 32]) });
        let ring = Keyring::from_json(&keys.to_string()).expect("a key file");
        let open = |case: &Value| {
            let section = Section::ALL
                .into_iter()
                .find(|section| section.name() == text(case, "section"))
                .expect("a section");
            let delivery = u16::try_from(case["delivery"].as_u64().expect("a number")).expect("a small one");
            let sealed = Sealed::try_from(text(case, "sealed").to_owned()).expect("sealed");
            ring.open::<DeliverySection>(section, text(case, "subject"), delivery, &sealed)
        };
        assert!(open(&vector).as_ref().map(clear_text).as_deref() == Ok(text(&vector, "clear")));
        for case in vector["does_not_open"].as_array().expect("cases") {
            assert!(open(case).is_err(), "{}", case["why"]);
        }
    }

    #[test]
    fn the_page_about_sealed_sections_tells_this_vector() {
        let page = include_str!("../../SEALED.md");
        let vector = vector();
        for name in ["key_hex", "nonce_hex", "clear", "sealed"] {
            assert!(page.contains(text(&vector, name)), "SEALED.md does not tell the vector's {name}");
        }
        assert!(page.contains(&text(&vector, "associated_data").replace('\n', "\\n")));
    }
}
