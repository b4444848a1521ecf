//! Scans of damaged bytes: each is answered at most once, and none makes the room fall.

use messages::answer::CommandAnswered;
use messages::envelope::SINGLE;
use messages::scrutiny::mutated;
use messages::{Kind, topology};
use proptest::prelude::*;
use serde_json::Value;
use shell::stage::Stage;
use shell::worker::Route;
use tracking::Tracking;

fn is_sound(stage: &mut Stage<Tracking>, bytes: &[u8]) {
    let said = stage.arrive_bytes(topology::IN, "carrier.scan.v1", Some("carriers"), Some(SINGLE), bytes);
    let answers: Vec<CommandAnswered> =
        said.iter().filter(|one| matches!(one.to, Route::Out(_))).map(|one| one.body()).collect();
    assert!(answers.len() <= 1, "{said:?}");
    assert!(answers.iter().all(|answer| answer.code.as_deref() != Some("panicked")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_damaged_scan_is_understood_or_refused_by_name(
        with in prop::sample::select(Kind::ALL.to_vec()),
        recipe in prop::collection::vec(any::<u8>(), 0..36),
    ) {
        let mut stage = Stage::new(Tracking { lost_after_days: 30 });
        let mut sample = messages::contracts::sample(Kind::CarrierScan);
        sample["time"] = serde_json::json!(stage.now());
        let other = messages::contracts::sample(with).to_string();
        is_sound(&mut stage, &mutated(&sample.to_string().into_bytes(), other.as_bytes(), &recipe));
        let body = mutated(sample["data"].to_string().as_bytes(), other.as_bytes(), &recipe);
        if let Ok(body) = serde_json::from_slice::<Value>(&body) {
            sample["id"] = "another".into();
            sample["data"] = body;
            is_sound(&mut stage, sample.to_string().as_bytes());
        }
    }
}
