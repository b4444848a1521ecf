//! Whatever bytes the gateway answers with, and whatever its status: a call is taken to have come to something that can be
//! stored, and nothing of the answer goes on but amounts, times, the intent's name and the gateway's own words.

use messages::Timestamp;
use messages::money::Amount;
use messages::scrutiny::mutated;
use payment::call::{Answer, CaptureCall, Errand};
use payment::outside::taken_for;
use proptest::prelude::*;

const INTENT: &str = r#"{"id":"pi_1","object":"payment_intent","status":"requires_capture","amount":10500,"amount_received":0,"created":1795521600,"latest_charge":{"id":"ch_1","payment_method_details":{"type":"card","card":{"capture_before":1796126400}}},"last_payment_error":null,"metadata":{"reference":"r"}}"#;
const DECLINED: &str = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","advice_code":"try_again_later","message":"Pat Example has too little"}}"#;
const REFUND: &str =
    r#"{"id":"re_1","object":"refund","amount":10500,"status":"succeeded","metadata":{"reference":"r"}}"#;

fn samples() -> [String; 5] {
    let page = |one: &str| format!(r#"{{"object":"list","data":[{one},{one}],"has_more":false}}"#);
    [INTENT.to_owned(), DECLINED.to_owned(), REFUND.to_owned(), page(INTENT), page(REFUND)]
}

fn call() -> CaptureCall {
    let since = Timestamp::parse("2026-11-24T12:00:00Z").expect("a time");
    let amount = |minor| Amount::new(minor).expect("an amount");
    CaptureCall {
        errand: Errand { idempotency_key: "k".to_owned(), since, look: false },
        intent: "pi_1".to_owned(),
        amount: amount(10_500),
        captured_before: amount(0),
    }
}

/// Every answer can be stored and read again, and says nothing that the gateway made up.
fn is_sound(status: u16, is_replayed: bool, body: &[u8]) {
    for answer in taken_for(&call(), status, is_replayed, body) {
        let stored = serde_json::to_string(&answer).expect("it can be stored");
        assert_eq!(serde_json::from_str::<Answer>(&stored).expect("it is read again"), answer);
        assert!(!stored.contains("Pat Example"), "{stored}");
        let is_word = |text: &str| {
            (1..=255).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        };
        match &answer {
            Answer::Authorized { intent, .. } => assert!(is_word(intent), "{stored}"),
            Answer::Declined { code, advice } => {
                assert!(is_word(code) && advice.as_deref().is_none_or(is_word), "{stored}");
            }
            Answer::CaptureDeclined { code } | Answer::RefundDeclined { code } => {
                assert!(is_word(code), "{stored}")
            }
            Answer::Unclear { what, .. } | Answer::Misconfigured { what } => {
                assert!(what.len() < 120 && what.is_ascii(), "{stored}");
            }
            Answer::Captured { .. } | Answer::Voided | Answer::Refunded { .. } | Answer::NotFound => {}
        }
    }
}

#[test]
fn what_was_found_before_stays_mended() {
    let intent = |from: &str, to: &str| INTENT.replace(from, to);
    for body in [
        // The end of a hold that is no date, or none that can be written.
        intent("1796126400", "9223372036854775807"),
        intent("1796126400", "-62198755200"),
        intent(r#""capture_before":1796126400"#, "").replace("1795521600", "9223372036854775807"),
        // What would become part of an address, or of a message.
        intent("pi_1", "pi_1/cancel?x=Pat Example"),
        intent("pi_1", ""),
        DECLINED.replace("try_again_later", "Pat Example"),
        intent(r#""amount_received":0"#, r#""amount_received":9223372036854775807"#),
        REFUND.replace("10500", "-1"),
    ] {
        for status in [200, 402] {
            is_sound(status, false, body.as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn a_damaged_answer_comes_to_something(
        of in 0_usize..5,
        with in 0_usize..5,
        recipe in prop::collection::vec(any::<u8>(), 0..36),
        status in prop::sample::select(vec![200_u16, 200, 200, 400, 401, 402, 409, 429, 500, 503]),
        is_replayed: bool,
    ) {
        let samples = samples();
        is_sound(status, is_replayed, &mutated(samples[of].as_bytes(), samples[with].as_bytes(), &recipe));
    }

    #[test]
    fn any_answer_comes_to_something(body in prop::collection::vec(any::<u8>(), 0..200), status in 100_u16..600) {
        is_sound(status, false, &body);
    }
}
