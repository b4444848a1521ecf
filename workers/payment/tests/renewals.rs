//! A hold that lapses: renewed in time, or the customer told and the card asked again when the parcel leaves.

mod common;

use common::steps::Step::{Dispatched, Ready, Renew, Shorted};
use common::steps::*;
use common::*;
use messages::Kind;
use messages::Timestamp;
use messages::payment::{PaymentCaptureFailed, PaymentDelayed, PaymentRenewed};
use payment::Payment;
use payment::call::{Answer, AuthorizeCall, CaptureCall, VoidCall};
use payment::store::Stage as At;
use shell::stage::Stage;

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a good time")
}

fn held_anew() -> Step {
    Step::Answer(held("pi_2", "2026-12-08T12:00:00Z"))
}

fn later() -> Step {
    Step::Answer(declined("insufficient_funds", Some("try_again_later")))
}

/// The hold of pi_1 is over.
fn lapse(stage: &mut Stage<Payment>) {
    stage.set_now(time("2026-12-01T12:00:00Z"));
}

#[test]
fn a_renewal_is_due_a_day_before_the_hold_lapses_or_after_half_of_a_short_life() {
    // End of the hold, when it is renewed. It is noon of 24 November.
    let table = [
        ("2026-12-01T12:00:00Z", "2026-11-30T12:00:00Z"),
        ("2026-11-25T12:00:00Z", "2026-11-25T00:00:00Z"),
        ("2026-11-24T12:00:00Z", "2026-11-24T12:10:00Z"),
    ];
    for (lapses, expected) in table {
        let stage = after(&[Ready, Step::Answer(held("pi_1", lapses))]);
        assert_eq!(timer(&stage).map(|row| row.due_at), Some(time(expected)), "{lapses}");
    }
    let worker = Payment { renew_before_seconds: 3_600, ..Payment::default() };
    let mut stage = Stage::new(worker);
    stage.tell(&ready());
    answer(&mut stage, &authorized());
    assert_eq!(timer(&stage).map(|row| row.due_at), Some(time("2026-12-01T11:00:00Z")));
}

#[test]
fn a_renewal_is_planned_exactly_while_a_hold_waits_for_its_parcel() {
    for (before, planned) in [
        ("authorizing", false),
        ("authorized", true),
        ("renewing", false),
        ("waiting to renew", true),
        ("capturing", false),
        ("captured", false),
        ("captured a part", false),
        ("capture_failed", false),
        ("voiding", false),
        ("voided", false),
        ("declined", false),
    ] {
        assert_eq!(timer(&after(&way_to(before))).is_some(), planned, "{before}");
    }
    let mut stage = after(&[]);
    stage.tell(&ready_of(&[(1, 0)], 0));
    assert!(timer(&stage).is_none(), "nothing lapses where nothing is held");
}

#[test]
fn the_old_hold_goes_when_the_new_one_stands() {
    let mut stage = after(&[Ready, Step::Answer(authorized()), Shorted(1, 1), Renew]);
    let call: AuthorizeCall = calls(&stage)[0].body().unwrap();
    assert_eq!((call.amount, call.reference), (amount(5_500), format!("{}:2", release())), "what is left");
    assert_eq!(told(&mut stage, &held_anew()), "authorized |  | let_go 3.0 | ");
    let At::Authorized { charge } = state(&stage).stage else { panic!("it is held") };
    assert_eq!((charge.intent.as_deref(), charge.authorized), (Some("pi_2"), amount(5_500)));
    assert_eq!(timer(&stage).map(|row| row.due_at), Some(time("2026-12-07T12:00:00Z")), "and so on");
    assert_eq!(calls(&stage)[0].body::<VoidCall>().unwrap().intent, "pi_1");
    assert_eq!(told(&mut stage, &Step::Answer(unclear(false))), "authorized |  | let_go 3.1 | ");
    assert_eq!(told(&mut stage, &Step::Answer(Answer::NotFound)), "authorized |  | let_go 4.0 | ");
    assert_eq!(told(&mut stage, &Step::Answer(Answer::Voided)), "authorized |  |  | ");
    assert!(state(&stage).loose.is_empty());
    said_by(&mut stage, &Dispatched(1, 1));
    assert_eq!(calls(&stage)[0].body::<CaptureCall>().unwrap().intent, "pi_2");
}

#[test]
fn every_answer_to_a_renewal() {
    #[rustfmt::skip]
    let table: Vec<(Answer, &str)> = vec![
        (held("pi_2", "2026-12-08T12:00:00Z"), "authorized |  | let_go 3.0 | "),
        (authorized(), "authorized |  |  | "),
        (declined("insufficient_funds", None), "authorized | payment.delayed task.opened |  | hold_lapsed"),
        (declined("stolen_card", None), "authorized | payment.delayed task.opened |  | hold_lapsed"),
        (unclear(true), "renewing |  | authorize 2.1 | "),
        (Answer::NotFound, "renewing |  | authorize 3.0 | "),
        (misconfigured(), "renewing | task.opened | authorize 2.1 | payment_unclear"),
        (Answer::Voided, "renewing |  | authorize 2.1 | "),
        (refund_declined(), "renewing |  | authorize 2.1 | "),
    ];
    for (given, expected) in table {
        let step = Step::Answer(given);
        assert_eq!(told(&mut after(&way_to("renewing")), &step), expected, "{step:?}");
    }
}

#[test]
fn what_fulfillment_says_meanwhile_waits_for_the_answer() {
    #[rustfmt::skip]
    let table: &[(Step, Step, &str, &str)] = &[
        (Dispatched(1, 2), held_anew(), "capturing |  | capture 3.0 let_go 4.0 | ", "pi_2"),
        (Dispatched(1, 2), later(), "capturing |  | capture 3.0 | ", "pi_1"),
        (Shorted(1, 2), held_anew(), "voiding |  | let_go 4.0 void 3.0 | ", ""),
        (Shorted(1, 2), later(), "voiding |  | void 3.0 | ", ""),
    ];
    for (fact, given, expected, captured_from) in table {
        let mut stage = after(&way_to("renewing"));
        assert!(told(&mut stage, fact).contains("| authorize 2.0 |"), "{fact:?}");
        assert_eq!(told(&mut stage, given), *expected, "{fact:?} {given:?}");
        assert!(timer(&stage).is_none());
        let row = calls(&stage).remove(0);
        if !captured_from.is_empty() {
            assert_eq!(row.body::<CaptureCall>().unwrap().intent, *captured_from);
        }
    }
}

#[test]
fn a_declined_renewal_is_retried_and_each_time_the_customer_is_told() {
    let mut stage = after(&way_to("authorized"));
    for delay in [3_600, 86_400, 172_800] {
        said_by(&mut stage, &Renew);
        let said = said_by(&mut stage, &later());
        let body: PaymentDelayed = said[0].body();
        let retry_at = stage.now().plus_seconds(delay);
        assert_eq!((body.code.as_str(), body.retry_at), ("authorization_lapsed", retry_at));
        assert_eq!(timer(&stage).map(|row| row.due_at), Some(retry_at));
    }
    said_by(&mut stage, &Renew);
    assert_eq!(told(&mut stage, &later()), "authorized |  |  | hold_lapsed", "it has lapsed, and they know");
    assert!(timer(&stage).is_none(), "from now on only the parcel's leaving asks again");
}

#[test]
fn a_renewal_that_comes_after_all_takes_back_what_was_told() {
    let mut stage = after(&way_to("authorized"));
    for (delays, lapses) in [(1, "2026-12-08T12:00:00Z"), (2, "2026-12-15T12:00:00Z")] {
        for step in [Renew, later(), Renew] {
            said_by(&mut stage, &step);
        }
        let said = said_by(&mut stage, &Step::Answer(held(&format!("pi_{}", delays + 1), lapses)));
        let body: PaymentRenewed = said[0].body();
        assert_eq!((body.release, body.delays), (release(), delays), "of all that were told until now");
    }
    said_by(&mut stage, &Renew);
    let said = said_by(&mut stage, &Step::Answer(held("pi_4", "2026-12-22T12:00:00Z")));
    assert!(said.is_empty(), "what was taken back is not taken back again");
    let said = said_by(&mut after(&way_to("renewing")), &held_anew());
    assert!(said.is_empty(), "where nothing was told there is nothing to take back");
}

#[test]
fn a_hold_that_is_found_lapsed_and_is_not_renewed_is_told_once() {
    for first in [later(), Step::Answer(declined("stolen_card", None))] {
        let mut stage = after(&way_to("authorized"));
        lapse(&mut stage);
        said_by(&mut stage, &Renew);
        assert_eq!(said_by(&mut stage, &first)[0].kind, Kind::PaymentDelayed, "{first:?}");
    }
}

#[test]
fn a_card_that_must_not_be_tried_again_is_not() {
    let mut stage = after(&way_to("renewing"));
    let said = said_by(&mut stage, &Step::Answer(declined("stolen_card", None)));
    assert_eq!(said[0].body::<PaymentDelayed>().retry_at, time("2026-12-01T12:00:00Z"), "the hold's end");
    assert!(timer(&stage).is_none());
    let mut standing =
        after(&[&way_to("renewing")[..], &[Step::Answer(declined("stolen_card", None))]].concat());
    assert_eq!(told(&mut standing, &Dispatched(1, 2)), "capturing |  | capture 3.0 | hold_lapsed");
    lapse(&mut stage);
    let said = said_by(&mut stage, &Dispatched(1, 2));
    let body: PaymentCaptureFailed = said[0].body();
    assert_eq!((body.amount, body.code.as_str()), (amount(10_500), "stolen_card"));
    assert_eq!(status(&state(&stage)), "capture_failed");
}

#[test]
fn a_parcel_that_leaves_after_the_hold_has_lapsed_is_held_and_charged_anew() {
    let way = [&way_to("waiting to renew")[..], &[Renew, later(), Renew, later(), Renew, later()]].concat();
    #[rustfmt::skip]
    let table: &[(Step, &str)] = &[
        (held_anew(), "capturing |  | capture 7.0 let_go 8.0 | hold_lapsed"),
        (later(), "capture_failed | payment.capture_failed task.opened |  | capture_failed hold_lapsed"),
        (Step::Answer(Answer::NotFound), "renewing |  | authorize 7.0 | hold_lapsed"),
    ];
    for (given, expected) in table {
        let mut stage = after(&way);
        lapse(&mut stage);
        assert_eq!(told(&mut stage, &Dispatched(1, 2)), "renewing |  | authorize 6.0 | hold_lapsed");
        let call: AuthorizeCall = calls(&stage)[0].body().unwrap();
        assert_eq!((call.amount, call.payment), (amount(10_500), sealed("payment")));
        assert_eq!(told(&mut stage, given), *expected, "{given:?}");
    }
    let mut stage = after(&way);
    lapse(&mut stage);
    assert_eq!(told(&mut stage, &Shorted(1, 2)), "voiding | payment.adjusted | void 6.0 | hold_lapsed");
}

#[test]
fn race_the_timer_and_the_parcel_end_in_one_capture() {
    for timer_first in [true, false] {
        let mut stage = after(&way_to("authorized"));
        let due_at = timer(&stage).unwrap().due_at;
        stage.set_now(due_at);
        if timer_first {
            stage.fire(payment::call::KINDS);
        }
        said_by(&mut stage, &Dispatched(1, 2));
        stage.fire(payment::call::KINDS);
        if status(&state(&stage)) == "renewing" {
            said_by(&mut stage, &held_anew());
        }
        let captures: Vec<_> = calls(&stage).into_iter().filter(|row| row.kind == "capture").collect();
        assert_eq!(captures.len(), 1, "{timer_first}");
    }
}
