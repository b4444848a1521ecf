//! Any scan of a carrier: tracking answers it at most once and does not fall.
#![no_main]

use messages::answer::CommandAnswered;
use messages::envelope::SINGLE;
use messages::topology;
use shell::stage::Stage;
use shell::worker::Route;
use tracking::Tracking;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut stage = Stage::new(Tracking { lost_after_days: 30 });
    let mut event = messages::contracts::sample(messages::Kind::CarrierScan);
    event["time"] = serde_json::json!(stage.now());
    let whole = match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(body) if body.get("specversion").is_none() => {
            event["data"] = body;
            event.to_string().into_bytes()
        }
        Ok(_) | Err(_) => bytes.to_vec(),
    };
    let said = stage.arrive_bytes(topology::IN, "carrier.scan.v1", Some("carriers"), Some(SINGLE), &whole);
    let answers: Vec<CommandAnswered> =
        said.iter().filter(|one| matches!(one.to, Route::Out(_))).map(|one| one.body()).collect();
    assert!(answers.len() <= 1 && answers.iter().all(|answer| answer.code.as_deref() != Some("panicked")));
});
