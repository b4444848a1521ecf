//! What a case gives back: its units' price once, shipping with the last of them, never more than was charged.

mod common;

use common::steps::Step::{Dispatched, Ready, Resolved, Shorted};
use common::steps::*;
use common::*;
use messages::case::CaseEnd;
use messages::id::ShipmentId;
use messages::payment::PaymentRefunded;
use messages::task::TaskKind;
use payment::Payment;
use payment::call::{Answer, RefundCall};
use payment::store::{Refund, ReleaseRow, Stage as At};
use shell::stage::Stage;

/// Its shipment and units.
type Case = (u16, u32);

fn refunded(minor: i64) -> Step {
    Step::Answer(Answer::Refunded { amount: amount(minor) })
}

#[test]
fn every_state_and_a_refund() {
    #[rustfmt::skip]
    let table: &[(&str, &str)] = &[
        ("new", "new |  |  | "),
        ("authorizing", "authorizing |  | authorize 1.0 | "),
        ("authorized", "authorized |  |  | "),
        ("renewing", "renewing |  | authorize 2.0 | "),
        ("capturing", "capturing |  | capture 2.0 | "),
        ("captured", "captured |  | refund 3.0 | "),
        ("captured a part", "captured |  | refund 3.0 | "),
        ("voiding", "voiding |  | void 2.0 | "),
        ("voided", "voided |  |  | "),
        ("declined", "declined |  |  | "),
    ];
    for (before, expected) in table {
        let mut stage = after(&way_to(before));
        assert_eq!(told(&mut stage, &Resolved(1, 2)), *expected, "{before}");
        assert_eq!(told(&mut stage, &Resolved(1, 2)), *expected, "a repeat: {before}");
    }
}

/// Whoever charged it by hand must give it back by hand.
#[test]
fn where_nothing_was_captured_the_refund_is_a_task_once() {
    let mut stage = after(&way_to("capture_failed"));
    let tasks = "capture_failed refund_failed";
    assert_eq!(told(&mut stage, &Resolved(1, 2)), format!("capture_failed | task.opened |  | {tasks}"));
    assert_eq!(told(&mut stage, &Resolved(1, 2)), format!("capture_failed |  |  | {tasks}"), "a repeat");
}

#[test]
fn every_answer_to_a_refund() {
    let before = [&way_to("captured")[..], &[Resolved(1, 2)]].concat();
    #[rustfmt::skip]
    let table: Vec<(Answer, &str)> = vec![
        (Answer::Refunded { amount: amount(10_500) }, "captured | payment.refunded |  | "),
        (refund_declined(), "captured | task.opened |  | refund_failed"),
        (unclear(false), "captured |  | refund 3.1 | "),
        (unclear(true), "captured |  | refund 3.1 | "),
        (Answer::NotFound, "captured |  | refund 4.0 | "),
        (misconfigured(), "captured | task.opened | refund 3.1 | payment_unclear"),
        (Answer::Voided, "captured |  | refund 3.1 | "),
        (authorized(), "captured |  | refund 3.1 | "),
    ];
    for (given, expected) in table {
        let step = Step::Answer(given);
        assert_eq!(told(&mut after(&before), &step), expected, "{step:?}");
    }
    let mut stage = after(&[&before[..], &[Step::Answer(refund_declined())]].concat());
    assert_eq!(stage.open_tasks(), [(TaskKind::RefundFailed, ShipmentId::of(&release(), 1).to_string())]);
    assert_eq!(told(&mut stage, &Resolved(1, 2)).split(" | ").nth(2), Some(""), "it is in a person's hands");
}

#[test]
fn what_is_missing_of_a_parcel_that_is_to_be_sent_again_is_given_back_once() {
    let mut stage = after(&way_to("captured"));
    let asked = |stage: &Stage<Payment>| calls(stage)[0].body::<RefundCall>().expect("ours").amount;
    assert_eq!(told(&mut stage, &Shorted(2, 1)), "captured |  | refund 3.0 | ");
    assert_eq!(asked(&stage), amount(5_000));
    assert_eq!(told(&mut stage, &Shorted(2, 1)), "captured |  | refund 3.0 | ", "a repeat");
    assert_eq!(told(&mut stage, &Shorted(2, 2)), "captured |  | refund 3.0 | ", "one at a time");
    assert_eq!(told(&mut stage, &refunded(5_000)), "captured | payment.refunded | refund 4.0 | ");
    assert_eq!(asked(&stage), amount(5_500), "with the last unit, shipping goes back");
    assert_eq!(told(&mut stage, &refunded(5_500)), "captured | payment.refunded |  | ");
    assert_eq!(told(&mut stage, &Resolved(2, 2)), "captured |  |  | ", "nothing of it is left for a case");
    let row = serde_json::to_string(&state(&stage)).expect("a row");
    assert_eq!(serde_json::from_str::<ReleaseRow>(&row).expect("the same row"), state(&stage));
}

#[test]
fn what_cannot_be_had_for_a_parcel_that_is_to_be_sent_again_is_given_back_once() {
    for place in 0..=way_to("captured").len() {
        let mut stage = Stage::new(Payment::default());
        let mut steps: Vec<Option<Step>> = way_to("captured").into_iter().map(Some).collect();
        steps.insert(place, None);
        for step in steps {
            match step {
                Some(step) => drop(said_by(&mut stage, &step)),
                None => drop(stage.tell(&reship_ready(2, vec![], vec![units(1, 2)]))),
            }
        }
        stage.tell(&reship_ready(2, vec![], vec![units(1, 2)]));
        assert_eq!(told(&mut stage, &refunded(10_500)), "captured | payment.refunded |  | ", "place {place}");
    }
    let mut stage = after(&way_to("captured"));
    assert!(stage.tell(&reship_ready(2, vec![units(1, 2)], vec![])).is_empty());
    assert!(calls(&stage).is_empty() && state(&stage).refunds.is_empty(), "all of it is sent");
    stage.tell(&reship_ready(2, vec![units(1, 1)], vec![units(1, 1)]));
    assert_eq!(told(&mut stage, &refunded(5_000)), "captured | payment.refunded |  | ");
}

#[test]
fn shipping_goes_back_with_the_last_unit() {
    // The cases, what each comes to. Two parcels of a unit each; 50.00 each and 5.00 for shipping.
    let table: &[(&[Case], &[i64])] = &[
        (&[(1, 2)], &[10_500]),
        (&[(1, 1)], &[5_000]),
        (&[(1, 1), (2, 1)], &[5_000, 5_500]),
        (&[(1, 1), (2, 9)], &[5_000, 5_500]),
        (&[(1, 2), (2, 1)], &[10_500, 0]),
    ];
    for (cases, expected) in table {
        let mut stage = after(&[Dispatched(1, 1), Dispatched(2, 1), Ready, Step::Answer(authorized())]);
        said_by(&mut stage, &captured(10_500));
        let mut back = Vec::new();
        for (shipment, units) in *cases {
            said_by(&mut stage, &Resolved(*shipment, *units));
            let Some(row) = calls(&stage).into_iter().next() else {
                back.push(0);
                continue;
            };
            let call: RefundCall = row.body().unwrap();
            assert_eq!(
                (call.intent.as_str(), call.reference),
                ("pi_1", format!("{}:{}", release(), row.epoch))
            );
            let said = answer(&mut stage, &Answer::Refunded { amount: call.amount });
            assert_eq!(said[0].body::<PaymentRefunded>().amount, call.amount);
            back.push(call.amount.minor());
        }
        assert_eq!(back, *expected, "{cases:?}");
        let At::Captured { charge } = state(&stage).stage else { panic!("it is captured") };
        assert_eq!(charge.refunded.minor(), back.iter().sum::<i64>());
    }
}

#[test]
fn two_cases_are_refunded_one_after_the_other() {
    let mut stage = after(&[Dispatched(1, 1), Dispatched(2, 1), Ready, Step::Answer(authorized())]);
    said_by(&mut stage, &captured(10_500));
    assert_eq!(told(&mut stage, &Resolved(1, 1)), "captured |  | refund 3.0 | ");
    assert_eq!(told(&mut stage, &Resolved(2, 1)), "captured |  | refund 3.0 | ");
    assert_eq!(told(&mut stage, &refunded(5_000)), "captured | payment.refunded | refund 4.0 | ");
    assert_eq!(told(&mut stage, &refunded(5_500)), "captured | payment.refunded |  | ");
}

#[test]
fn a_case_that_comes_early_waits_for_the_capture_and_for_its_parcel() {
    let facts = [Resolved(1, 2), Ready, Step::Answer(authorized()), Dispatched(1, 2), captured(10_500)];
    for place in 0..facts.len() {
        let mut steps = facts[1..].to_vec();
        steps.insert(place, Resolved(1, 2));
        let mut stage = after(&steps);
        assert_eq!(told(&mut stage, &refunded(10_500)), "captured | payment.refunded |  | ", "{steps:?}");
    }
    let mut stage = after(&[&way_to("captured a part")[..], &[Resolved(2, 1)]].concat());
    assert!(calls(&stage).is_empty(), "the first parcel's money is not the second's");
    said_by(&mut stage, &Dispatched(2, 1));
    assert_eq!(told(&mut stage, &captured(5_000)), "captured | payment.captured | refund 4.0 | ");
}

#[test]
fn only_a_refund_gives_money_back() {
    for end in [CaseEnd::Reship, CaseEnd::Closed] {
        let mut stage = after(&way_to("captured"));
        assert!(stage.tell(&resolved(1, end, vec![units(1, 2)])).is_empty());
        assert!(calls(&stage).is_empty() && state(&stage).refunds.is_empty(), "{end:?}");
    }
}

#[test]
fn a_free_release_gives_nothing_back_and_says_nothing() {
    let mut stage = after(&[]);
    stage.tell(&ready_of(&[(1, 0)], 0));
    said_by(&mut stage, &Dispatched(1, 1));
    assert_eq!(told(&mut stage, &Resolved(1, 1)), "captured |  |  | ");
    let done: Vec<_> = state(&stage).refunds.into_values().collect();
    assert_eq!(done, [Refund::Done { amount: amount(0) }]);
}

#[test]
fn where_only_a_part_was_charged_a_person_decides() {
    let steps =
        [&way_to("captured a part")[..], &[Dispatched(2, 1), Step::Answer(capture_declined())]].concat();
    let mut stage = after(&steps);
    let said = "capture_failed | task.opened |  | capture_failed refund_failed";
    assert_eq!(told(&mut stage, &Resolved(2, 1)), said);
}
