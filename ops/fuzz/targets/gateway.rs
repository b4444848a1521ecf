//! Any answer of the card gateway: it comes to something that can be stored and read again.
#![no_main]

use messages::Timestamp;
use messages::money::Amount;
use payment::call::{Answer, CaptureCall, Errand};
use payment::outside::taken_for;

libfuzzer_sys::fuzz_target!(|input: (u16, bool, &[u8])| {
    let (status, is_replayed, body) = input;
    let call = CaptureCall {
        errand: Errand {
            idempotency_key: "k".to_owned(),
            since: Timestamp::parse("2026-11-24T12:00:00Z").expect("a time"),
            look: false,
        },
        intent: "pi_1".to_owned(),
        amount: Amount::new(10_500).expect("an amount"),
        captured_before: Amount::new(0).expect("an amount"),
    };
    for status in [200, 402, status] {
        for answer in taken_for(&call, status, is_replayed, body) {
            let stored = serde_json::to_string(&answer).expect("it can be stored");
            assert_eq!(serde_json::from_str::<Answer>(&stored).expect("it is read again"), answer);
        }
    }
});
