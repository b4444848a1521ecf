//! Any order: intake answers it at most once, does not fall, and tells nothing personal in clear.
#![no_main]

use intake::Intake;
use messages::answer::CommandAnswered;
use messages::envelope::SINGLE;
use messages::money::Amount;
use messages::product::ProductDefined;
use messages::{Body as _, topology};
use shell::stage::Stage;
use shell::worker::Route;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut stage = Stage::new(Intake { verify_amount: Amount::new(80_000).expect("an amount") });
    stage.ring.init(&[], shell::clock::now()).expect("random bytes");
    stage.tell(&ProductDefined::sample());
    let mut event = messages::contracts::sample(messages::Kind::OrderSubmit);
    event["time"] = serde_json::json!(stage.now());
    // Most inputs go into a good envelope, so that the body is what is looked through.
    let whole = match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(body) if body.get("specversion").is_none() => {
            event["data"] = body;
            event.to_string().into_bytes()
        }
        Ok(_) | Err(_) => bytes.to_vec(),
    };
    let said = stage.arrive_bytes(topology::IN, "order.submit.v1", Some("web-store"), Some(SINGLE), &whole);
    let answers: Vec<CommandAnswered> =
        said.iter().filter(|one| matches!(one.to, Route::Out(_))).map(|one| one.body()).collect();
    assert!(answers.len() <= 1 && answers.iter().all(|answer| answer.code.as_deref() != Some("panicked")));
    for one in &said {
        assert!(!["Pat Example", "North Independence"].iter().any(|value| one.event.data.get().contains(value)));
    }
});
