//! Every state and everything that may be said in it; then the times and the races, one by one.

mod common;

use common::steps::Step::{Dispatched, Ready, Shorted};
use common::steps::*;
use common::*;
use messages::payment::{
    DeclineClass, PaymentAdjusted, PaymentCaptureFailed, PaymentCaptured, PaymentDeclined, PaymentDelayed,
};
use payment::call::{Answer, AuthorizeCall, CaptureCall};
use shell::stage::Said;

#[test]
fn every_state_and_every_message() {
    #[rustfmt::skip]
    let table: &[(&str, Step, &str)] = &[
        ("new", Ready, "authorizing |  | authorize 1.0 | "),
        ("new", Dispatched(9, 2), "new |  |  | "),
        ("new", Shorted(1, 2), "new |  |  | "),
        ("authorizing", Ready, "authorizing |  | authorize 1.0 | "),
        ("authorizing", Dispatched(9, 2), "authorizing |  | authorize 1.0 | "),
        ("authorizing", Shorted(1, 2), "authorizing |  | authorize 1.0 | "),
        ("authorized", Ready, "authorized |  |  | "),
        ("authorized", Dispatched(9, 2), "capturing |  | capture 2.0 | "),
        ("authorized", Dispatched(9, 1), "capturing |  | capture 2.0 | "),
        ("authorized", Shorted(1, 1), "authorized | payment.adjusted |  | "),
        ("authorized", Shorted(1, 2), "voiding | payment.adjusted | void 2.0 | "),
        ("capturing", Ready, "capturing |  | capture 2.0 | "),
        ("capturing", Dispatched(1, 2), "capturing |  | capture 2.0 | "),
        ("capturing", Dispatched(9, 2), "capturing |  | capture 2.0 | "),
        ("capturing", Shorted(1, 2), "capturing |  | capture 2.0 | "),
        ("capturing a part", Dispatched(9, 1), "capturing |  | capture 2.0 | "),
        ("capturing a part", Shorted(1, 1), "capturing | payment.adjusted | capture 2.0 | "),
        ("captured", Ready, "captured |  |  | "),
        ("captured", Dispatched(9, 2), "captured |  |  | "),
        ("captured", Shorted(1, 2), "captured |  |  | "),
        ("captured a part", Dispatched(9, 1), "capturing |  | capture 3.0 | "),
        ("captured a part", Shorted(1, 1), "captured | payment.adjusted |  | "),
        ("capture_failed", Ready, "capture_failed |  |  | capture_failed"),
        ("capture_failed", Dispatched(9, 2), "capture_failed |  |  | capture_failed"),
        ("capture_failed", Shorted(1, 2), "capture_failed |  |  | capture_failed"),
        ("capture_failed a part", Dispatched(9, 1), "capturing |  | capture 3.0 | capture_failed"),
        ("capture_failed a part", Shorted(1, 1), "capture_failed | payment.adjusted |  | capture_failed"),
        ("voiding", Ready, "voiding |  | void 2.0 | "),
        ("voiding", Dispatched(9, 1), "voiding | task.opened | void 2.0 | capture_failed"),
        ("voiding", Shorted(1, 2), "voiding |  | void 2.0 | "),
        ("voided", Ready, "voided |  |  | "),
        ("voided", Dispatched(9, 1), "voided | task.opened |  | capture_failed"),
        ("voided", Shorted(1, 2), "voided |  |  | "),
        ("declined", Ready, "declined |  |  | "),
        ("declined", Dispatched(9, 2), "declined | task.opened |  | capture_failed"),
        ("declined", Shorted(1, 2), "declined |  |  | "),
    ];
    for (before, step, expected) in table {
        assert_eq!(told(&mut after(&way_to(before)), step), *expected, "{before} {step:?}");
    }
}

#[test]
fn every_call_and_every_answer() {
    let never = declined("stolen_card", Some("do_not_try_again"));
    let later = declined("insufficient_funds", Some("try_again_later"));
    let fix = declined("expired_card", Some("confirm_card_data"));
    let taken = Answer::Captured { amount: amount(10_500) };
    #[rustfmt::skip]
    let table: Vec<(&str, Answer, &str)> = vec![
        ("authorizing", authorized(), "authorized | payment.authorized |  | "),
        ("authorizing", never.clone(), "declined | payment.declined |  | "),
        ("authorizing", fix, "declined | payment.declined |  | "),
        ("authorizing", later, "authorizing | payment.delayed | authorize 2.0 | "),
        ("authorizing", unclear(false), "authorizing |  | authorize 1.1 | "),
        ("authorizing", unclear(true), "authorizing |  | authorize 1.1 | "),
        ("authorizing", Answer::NotFound, "authorizing |  | authorize 2.0 | "),
        ("authorizing", misconfigured(), "authorizing | task.opened | authorize 1.1 | payment_unclear"),
        ("authorizing", taken.clone(), "authorizing |  | authorize 1.1 | "),
        ("authorizing", capture_declined(), "authorizing |  | authorize 1.1 | "),
        ("authorizing", Answer::Voided, "authorizing |  | authorize 1.1 | "),
        ("capturing", taken.clone(), "captured | payment.captured |  | "),
        ("capturing", capture_declined(), "capture_failed | payment.capture_failed task.opened |  | capture_failed"),
        ("capturing", unclear(true), "capturing |  | capture 2.1 | "),
        ("capturing", Answer::NotFound, "capturing |  | capture 3.0 | "),
        ("capturing", misconfigured(), "capturing | task.opened | capture 2.1 | payment_unclear"),
        ("capturing", authorized(), "capturing |  | capture 2.1 | "),
        ("capturing", never.clone(), "capturing |  | capture 2.1 | "),
        ("capturing", Answer::Voided, "capturing |  | capture 2.1 | "),
        ("voiding", Answer::Voided, "voided | payment.voided |  | "),
        ("voiding", unclear(true), "voiding |  | void 2.1 | "),
        ("voiding", Answer::NotFound, "voiding |  | void 3.0 | "),
        ("voiding", misconfigured(), "voiding | task.opened | void 2.1 | payment_unclear"),
        ("voiding", authorized(), "voiding |  | void 2.1 | "),
        ("voiding", never, "voiding |  | void 2.1 | "),
        ("voiding", taken, "voiding |  | void 2.1 | "),
        ("voiding", capture_declined(), "voiding |  | void 2.1 | "),
    ];
    for (before, given, expected) in table {
        let step = Step::Answer(given);
        assert_eq!(told(&mut after(&way_to(before)), &step), expected, "{before} {step:?}");
    }
}

#[test]
fn an_answer_to_an_earlier_epoch_is_stale() {
    let mut stage = after(&[Ready]);
    let first = calls(&stage).remove(0);
    stage.answer_row(&first, &declined("insufficient_funds", None));
    assert_eq!(kinds(&stage.answer_row(&first, &authorized())), "");
    assert_eq!(status(&state(&stage)), "authorizing");
}

#[test]
fn a_soft_decline_is_tried_again_after_an_hour_a_day_and_two_days() {
    let mut stage = after(&[Ready]);
    let mut keys = Vec::new();
    for delay in [3_600, 86_400, 172_800] {
        keys.push(calls(&stage)[0].body::<AuthorizeCall>().unwrap().errand.idempotency_key);
        let said = answer(&mut stage, &declined("insufficient_funds", Some("try_again_later")));
        let retry_at = stage.now().plus_seconds(delay);
        assert_eq!(said[0].body::<PaymentDelayed>().retry_at, retry_at);
        assert_eq!(calls(&stage)[0].due_at, retry_at);
        stage.set_now(retry_at);
    }
    let said = answer(&mut stage, &declined("insufficient_funds", Some("try_again_later")));
    let body: PaymentDeclined = said[0].body();
    assert_eq!((body.class, body.code.as_str()), (DeclineClass::Later, "insufficient_funds"));
    assert_eq!(body.lines.iter().map(|line| (line.line, line.quantity)).collect::<Vec<_>>(), [(1, 2)]);
    assert!(calls(&stage).is_empty());
    let expected: Vec<String> = (1..=3).map(|epoch| format!("{}:authorize:{epoch}", release())).collect();
    assert_eq!(keys, expected, "a declined intent is final, so every try is a new one");
}

#[test]
fn an_unclear_answer_is_asked_for_again_under_its_own_key() {
    let mut stage = after(&[Ready]);
    let waits: Vec<i64> = (0..22)
        .map(|_| {
            answer(&mut stage, &unclear(false));
            let row = calls(&stage).remove(0);
            let call: AuthorizeCall = row.body().unwrap();
            assert_eq!(call.errand.idempotency_key, format!("{}:authorize:1", release()));
            assert!(!call.errand.look);
            let wait = row.due_at.seconds_since(stage.now());
            stage.set_now(row.due_at);
            wait
        })
        .collect();
    let expected = [&[2, 4, 8, 16, 32][..], &[60; 14], &[600; 3]].concat();
    assert_eq!(waits, expected);
    assert_eq!(stage.open_tasks().len(), 1, "after 20 a person is asked");
    assert_eq!(kinds(&answer(&mut stage, &authorized())), "payment.authorized");
}

#[test]
fn a_spent_key_is_looked_up_until_the_gateway_says_what_became_of_it() {
    let mut stage = after(&[Ready]);
    answer(&mut stage, &unclear(true));
    let row = calls(&stage).remove(0);
    assert_eq!(
        row.due_at.seconds_since(stage.now()),
        60,
        "a search that finds nothing is believed only then"
    );
    assert!(row.body::<AuthorizeCall>().unwrap().errand.look);
    answer(&mut stage, &unclear(false));
    assert!(calls(&stage)[0].body::<AuthorizeCall>().unwrap().errand.look, "it stays spent");
    answer(&mut stage, &Answer::NotFound);
    let call: AuthorizeCall = calls(&stage)[0].body().unwrap();
    assert_eq!((call.errand.look, call.reference), (false, format!("{}:2", release())));
}

#[test]
fn what_is_captured_is_what_was_dispatched_and_the_shipping() {
    let table: &[(&[Step], i64)] = &[
        (&[Dispatched(1, 2)], 10_500),
        (&[Dispatched(1, 1)], 5_500),
        (&[Shorted(1, 1), Dispatched(1, 1)], 5_500),
        (&[Dispatched(1, 5)], 10_500),
    ];
    for (steps, expected) in table {
        for early in [false, true] {
            let mut stage = after(&[]);
            let mut way = way_to("authorized");
            way.splice(if early { 0..0 } else { 2..2 }, steps.iter().cloned());
            way.iter().for_each(|step| drop(said_by(&mut stage, step)));
            let call: CaptureCall = calls(&stage)[0].body().unwrap();
            assert_eq!((call.amount, call.intent.as_str()), (amount(*expected), "pi_1"), "{steps:?} {early}");
            let said = answer(&mut stage, &Answer::Captured { amount: call.amount });
            assert_eq!(said[0].body::<PaymentCaptured>().amount, amount(*expected));
        }
    }
}

#[test]
fn more_than_is_held_is_never_booked() {
    let mut stage = after(&way_to("capturing"));
    let said = answer(&mut stage, &Answer::Captured { amount: amount(99_999) });
    assert_eq!(said[0].body::<PaymentCaptured>().amount, amount(10_500));
}

#[test]
fn a_release_that_costs_nothing_never_meets_the_gateway() {
    for (fact, expected) in
        [("dispatched", "payment.captured"), ("shorted", "payment.adjusted payment.voided")]
    {
        let mut stage = after(&[]);
        assert_eq!(kinds(&stage.tell(&ready_of(&[(1, 0)], 0))), "payment.authorized");
        let said = match fact {
            "dispatched" => stage.tell(&dispatched(1, vec![units(1, 1)])),
            _ => stage.tell(&shorted(1, vec![units(1, 1)])),
        };
        assert_eq!(kinds(&said), expected);
        assert!(calls(&stage).is_empty());
    }
}

#[test]
fn early_facts_take_effect_with_the_authorization() {
    let table: &[(&[Step], &str, &str)] = &[
        (&[Dispatched(1, 2)], "capturing", "payment.authorized"),
        (&[Shorted(1, 2)], "voiding", "payment.authorized payment.adjusted"),
        (&[Shorted(1, 1), Dispatched(1, 1)], "capturing", "payment.authorized payment.adjusted"),
        (&[Dispatched(1, 1), Shorted(1, 1)], "capturing", "payment.authorized payment.adjusted"),
    ];
    for (steps, expected, said) in table {
        for ready_at in 0..=steps.len() {
            let mut way = steps.to_vec();
            way.insert(ready_at, Ready);
            let mut stage = after(&way);
            assert_eq!(kinds(&answer(&mut stage, &authorized())), *said, "{way:?}");
            assert_eq!(status(&state(&stage)), *expected, "{way:?}");
        }
    }
    let mut stage = after(&[Dispatched(1, 2), Shorted(2, 1), Ready]);
    let said = answer(&mut stage, &declined("stolen_card", None));
    assert_eq!(kinds(&said), "payment.declined task.opened", "a parcel that nobody pays for");
    assert!(state(&stage).early.is_empty(), "and its sections are gone");
}

#[test]
fn a_shortage_takes_only_what_is_left() {
    let mut stage = after(&way_to("capturing a part"));
    let said = said_by(&mut stage, &Shorted(1, 2));
    assert_eq!(said[0].body::<PaymentAdjusted>().missing, vec![units(1, 1)]);
}

#[test]
fn a_shipment_that_is_shorted_twice_tells_each_missing_unit_once() {
    for (then, ends) in [(Dispatched(1, 1), "capturing"), (Shorted(1, 3), "voiding")] {
        let mut stage = after(&[]);
        stage.tell(&ready_of(&[(3, 5_000)], 0));
        answer(&mut stage, &authorized());
        let missing = |said: &[Said]| said[0].body::<PaymentAdjusted>().missing;
        assert_eq!(missing(&said_by(&mut stage, &Shorted(1, 1))), vec![units(1, 1)]);
        assert_eq!(missing(&said_by(&mut stage, &Shorted(1, 2))), vec![units(1, 1)]);
        assert!(said_by(&mut stage, &Shorted(1, 1)).is_empty(), "it was overtaken");
        said_by(&mut stage, &then);
        assert_eq!(status(&state(&stage)), ends);
    }
}

#[test]
fn race_dispatched_and_shorted_the_first_one_owns_the_units() {
    let mut stage = after(&[Ready, Step::Answer(authorized()), Dispatched(1, 2), Shorted(1, 2)]);
    let said = answer(&mut stage, &Answer::Captured { amount: amount(10_500) });
    assert_eq!(kinds(&said), "payment.captured");
    assert!(stage.open_tasks().is_empty());

    let mut stage = after(&[Ready, Step::Answer(authorized()), Shorted(1, 2), Dispatched(1, 2)]);
    assert_eq!(kinds(&answer(&mut stage, &Answer::Voided)), "payment.voided");
    assert_eq!(stage.open_tasks().len(), 1, "a parcel that nobody pays for");
}

#[test]
fn race_two_dispatches_are_charged_together_or_one_by_one() {
    let mut stage = after(&[Dispatched(1, 1), Dispatched(2, 1), Ready]);
    answer(&mut stage, &authorized());
    let call: CaptureCall = calls(&stage)[0].body().unwrap();
    assert_eq!(call.amount, amount(10_500));

    let between = [&way_to("capturing a part")[..], &[Dispatched(2, 1)]].concat();
    for first in [captured(5_500), Step::Answer(capture_declined())] {
        let mut stage = after(&between);
        said_by(&mut stage, &first);
        let call: CaptureCall = calls(&stage)[0].body().unwrap();
        let before = call.captured_before;
        assert_eq!(
            before.checked_add(call.amount),
            Some(amount(10_500)),
            "what was not taken is asked for again"
        );
        let said = answer(&mut stage, &capture_declined());
        assert_eq!(said[0].body::<PaymentCaptureFailed>().amount, call.amount);
        assert_eq!(status(&state(&stage)), "capture_failed");
    }
}
