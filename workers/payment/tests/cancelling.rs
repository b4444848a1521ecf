//! A cancelled order: what ends, what goes on, and what is done about an answer that comes too late.

mod common;

use common::steps::Step::{Cancelled, Dispatched, Ready, Shorted};
use common::steps::*;
use common::*;
use messages::id::ReleaseId;
use payment::call::{Answer, VoidCall};
use payment::store::Stage as At;

#[test]
fn every_state_and_a_cancellation() {
    // Where the release is, what follows if it was not handed over, and if it was.
    #[rustfmt::skip]
    let table: &[(&str, &str, &str)] = &[
        ("new", "new |  |  | ", "new |  |  | "),
        ("authorizing", "authorizing |  | authorize 1.0 | ", "authorizing |  | authorize 1.0 | "),
        ("waiting", "voided | payment.voided |  | ", "authorizing |  | authorize 2.0 | "),
        ("authorized", "voiding |  | void 2.0 | ", "authorized |  |  | "),
        ("renewing", "renewing |  | authorize 2.0 | ", "renewing |  | authorize 2.0 | "),
        ("waiting to renew", "voiding |  | void 3.0 | hold_lapsed", "authorized |  |  | hold_lapsed"),
        ("capturing", "capturing |  | capture 2.0 | ", "capturing |  | capture 2.0 | "),
        ("captured", "captured |  |  | ", "captured |  |  | "),
        ("capture_failed", "capture_failed |  |  | capture_failed", "capture_failed |  |  | capture_failed"),
        ("voiding", "voiding |  | void 2.0 | ", "voiding |  | void 2.0 | "),
        ("voided", "voided |  |  | ", "voided |  |  | "),
        ("declined", "declined |  |  | ", "declined |  |  | "),
    ];
    for (before, ends, goes_on) in table {
        for (handed_over, expected) in [(false, ends), (true, goes_on)] {
            let mut stage = after(&way_to(before));
            assert_eq!(told(&mut stage, &Cancelled(handed_over)), *expected, "{before} {handed_over}");
            assert_eq!(told(&mut stage, &Cancelled(handed_over)).split(" | ").nth(1), Some(""), "a repeat");
        }
    }
}

#[test]
fn a_release_of_a_cancelled_order_ends_as_soon_as_it_is_told_of() {
    let mut stage = after(&[Cancelled(false)]);
    assert_eq!(told(&mut stage, &Ready), "voided | payment.voided |  | ");
    assert_eq!(told(&mut stage, &Ready), "voided |  |  | ");
    let At::Voided { charge } = state(&stage).stage else { panic!("it has ended") };
    assert_eq!((charge.authorized, charge.payment), (amount(0), None), "nothing was held, no card is kept");

    let mut stage = after(&[Cancelled(true)]);
    assert_eq!(told(&mut stage, &Ready), "authorizing |  | authorize 1.0 | ", "handed over goes on");
    assert_eq!(told(&mut stage, &Step::Answer(authorized())), "authorized | payment.authorized |  | ");
}

#[test]
fn a_free_release_ends_without_the_gateway() {
    let mut stage = after(&[]);
    stage.tell(&ready_of(&[(1, 0)], 0));
    assert_eq!(told(&mut stage, &Cancelled(false)), "voided | payment.voided |  | ");
}

#[test]
fn a_cancelled_release_keeps_no_card_and_charges_no_parcel() {
    let mut stage = after(&[Ready, Step::Answer(authorized()), Cancelled(false)]);
    assert!(!serde_json::to_string(&state(&stage)).unwrap().contains("oms1."));
    assert_eq!(told(&mut stage, &Shorted(1, 2)), "voiding |  | void 2.0 | ", "it is no shortage");
    assert_eq!(told(&mut stage, &Dispatched(1, 2)), "voiding | task.opened | void 2.0 | capture_failed");
}

#[test]
fn what_was_handed_over_and_cannot_be_found_is_voided_and_told() {
    let mut stage = after(&[Ready, Step::Answer(authorized()), Cancelled(true)]);
    assert_eq!(told(&mut stage, &Shorted(1, 2)), "voiding | payment.adjusted | void 2.0 | ");
    let captured = after(&[Ready, Step::Answer(authorized()), Cancelled(true), Dispatched(1, 2)]);
    assert_eq!(status(&state(&captured)), "capturing");
}

#[test]
fn only_what_was_not_handed_over_ends() {
    let mut stage = after(&[Ready, Step::Answer(authorized())]);
    let mut second = ready();
    second.release.release = ReleaseId::of(&order(), 2);
    stage.tell(&second);
    let row = calls(&stage).into_iter().find(|row| row.key == second.release.release.as_str()).unwrap();
    stage.answer_row(&row, &held("pi_2", "2026-12-01T12:00:00Z"));
    stage.tell(&cancelled(vec![second.release.release.clone()]));
    let voids: Vec<VoidCall> = calls(&stage).iter().map(|row| row.body().unwrap()).collect();
    let intents: Vec<&str> = voids.iter().map(|void| void.intent.as_str()).collect();
    assert_eq!(intents, ["pi_1"]);
}

/// The two orders of every answer and the cancellation: in both nothing is held in the end.
#[test]
fn race_the_answer_and_the_cancellation() {
    let never = declined("stolen_card", None);
    let later = declined("insufficient_funds", None);
    #[rustfmt::skip]
    let table: &[(Answer, &str, &str)] = &[
        (authorized(), "voiding | payment.authorized |", "voiding |  |"),
        (never, "declined | payment.declined |", "voided | payment.voided |"),
        (later, "voided | payment.delayed payment.voided |", "voided | payment.voided |"),
        (Answer::NotFound, "authorizing |  |", "voided | payment.voided |"),
        (unclear(false), "authorizing |  |", "authorizing |  |"),
    ];
    for (given, answer_first, cancel_first) in table {
        let answered = Step::Answer(given.clone());
        for (steps, expected) in [
            ([answered.clone(), Cancelled(false)], answer_first),
            ([Cancelled(false), answered.clone()], cancel_first),
        ] {
            let mut stage = after(&[Ready]);
            let said: Vec<_> = steps.iter().flat_map(|step| said_by(&mut stage, step)).collect();
            let end = format!("{} | {} |", status(&state(&stage)), kinds(&said));
            assert_eq!(end, **expected, "{steps:?}");
            for _ in 0..3 {
                let Some(row) = calls(&stage).into_iter().next() else { break };
                let given = if row.kind == "authorize" { authorized() } else { Answer::Voided };
                stage.answer_row(&row, &given);
            }
            assert!(matches!(status(&state(&stage)), "voided" | "declined"), "{steps:?}");
            assert!(stage.due().is_empty(), "{steps:?}");
        }
    }
}

#[test]
fn a_hold_that_was_made_after_its_retry_was_called_off_is_let_go() {
    let mut stage = after(&way_to("waiting"));
    let called_off = calls(&stage).remove(0);
    said_by(&mut stage, &Cancelled(false));
    assert!(stage.due().is_empty());
    stage.answer_row(&called_off, &held("pi_late", "2026-12-01T12:00:00Z"));
    let row = calls(&stage).remove(0);
    assert_eq!((row.kind.as_str(), row.body::<VoidCall>().unwrap().intent.as_str()), ("let_go", "pi_late"));
    assert_eq!(kinds(&answer(&mut stage, &Answer::Voided)), "", "that nothing is held has been told");
    assert!(stage.due().is_empty() && state(&stage).loose.is_empty());
}

#[test]
fn a_retry_that_is_about_to_be_asked_is_waited_for() {
    let mut stage = after(&way_to("waiting"));
    let due_at = calls(&stage)[0].due_at;
    stage.set_now(due_at.plus_seconds(-30));
    assert_eq!(told(&mut stage, &Cancelled(false)), "authorizing |  | authorize 2.0 | ");
    assert_eq!(told(&mut stage, &Step::Answer(authorized())), "voiding |  | void 3.0 | ");
}

#[test]
fn both_holds_go_if_the_order_is_cancelled_while_one_is_renewed() {
    let renewed = Step::Answer(held("pi_2", "2026-12-08T12:00:00Z"));
    let declined = Step::Answer(declined("insufficient_funds", None));
    let table = [
        (renewed, "voiding |  | let_go 4.0 void 3.0 | ", vec!["pi_1", "pi_2"]),
        (declined, "voiding |  | void 3.0 | ", vec!["pi_1"]),
        (Step::Answer(Answer::NotFound), "voiding |  | void 3.0 | ", vec!["pi_1"]),
    ];
    for (given, expected, intents) in table {
        let mut stage = after(&[&way_to("renewing")[..], &[Cancelled(false)]].concat());
        assert_eq!(told(&mut stage, &given), expected, "{given:?}");
        let rows = calls(&stage);
        let asked: Vec<String> = rows.iter().map(|row| row.body::<VoidCall>().unwrap().intent).collect();
        assert_eq!(asked, intents, "{given:?}");
        rows.iter().for_each(|row| drop(stage.answer_row(row, &Answer::Voided)));
        assert_eq!(status(&state(&stage)), "voided");
        assert!(stage.due().is_empty() && state(&stage).loose.is_empty());
    }
}
