//! Orders of arbitrary and of damaged bytes: each is answered once, none makes the room fall, and nothing personal leaves in
//! clear.

use messages::answer::CommandAnswered;
use messages::envelope::SINGLE;
use messages::scrutiny::mutated;
use messages::{Kind, topology};
use proptest::prelude::*;
use shell::stage::Stage;
use shell::worker::Route;

use crate::support::*;

/// Values that can stand in no field which is told in clear.
const PERSONAL: [&str; 2] = ["Pat Example", "North Independence"];

fn is_sound(stage: &mut Stage<intake::Intake>, key: &str, bytes: &[u8]) {
    let said = stage.arrive_bytes(topology::IN, key, Some(STORE), Some(SINGLE), bytes);
    let answers: Vec<CommandAnswered> =
        said.iter().filter(|one| matches!(one.to, Route::Out(_))).map(|one| one.body()).collect();
    assert_eq!(answers.len(), 1, "{said:?}");
    assert_ne!(answers[0].code.as_deref(), Some("panicked"));
    for one in &said {
        let text = one.event.data.get();
        assert!(!PERSONAL.iter().any(|value| text.contains(value)), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_damaged_order_is_decided_or_refused_by_name(
        kind in prop::sample::select(vec![Kind::OrderSubmit, Kind::OrderSubmit, Kind::OrderChange, Kind::HoldRelease]),
        with in prop::sample::select(Kind::ALL.to_vec()),
        recipe in prop::collection::vec(any::<u8>(), 0..36),
    ) {
        let mut stage = stage();
        let mut sample = messages::contracts::sample(kind);
        sample["time"] = serde_json::json!(stage.now());
        let other = messages::contracts::sample(with).to_string();
        // Half of the damage goes to the body, so that the envelope stays good.
        let whole = sample.to_string().into_bytes();
        is_sound(&mut stage, kind.name(), &mutated(&whole, other.as_bytes(), &recipe));
        let body = mutated(sample["data"].to_string().as_bytes(), other.as_bytes(), &recipe);
        if let Ok(body) = serde_json::from_slice(&body) {
            sample["id"] = "another".into();
            sample["data"] = body;
            is_sound(&mut stage, kind.name(), sample.to_string().as_bytes());
        }
    }
}
