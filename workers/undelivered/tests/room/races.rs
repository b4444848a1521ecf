//! The races: pairs whose order is the decision, each ending in exactly one of its outcomes.

use messages::Kind;
use messages::case::CaseResolved;
use messages::shipment::ShipmentDelivered;
use shell::stage::Said;

use crate::partners::*;

/// Before the race; the two that race; how the case ends if the first comes first, and if the second does.
type Race = (&'static [Step], Step, Step, &'static [&'static str], &'static [&'static str]);

#[test]
fn whichever_comes_first_decides_and_there_is_one_end() {
    #[rustfmt::skip]
    let races: &[(&str, Race)] = &[
        ("answer and time", (&[no_such_number, come_back], want_reship, a_month, &["reship"], &["refund"])),
        ("two answers", (&[no_such_number, come_back], want_reship, want_refund, &["reship"], &["refund"])),
        ("two answers, staff and customer", (&[no_such_number, come_back], want_reship, call_for_refund, &["reship"], &["refund"])),
        ("answer and ruling", (&[no_such_number, come_back], want_reship, staff_refund, &["reship"], &["refund"])),
        ("ruling and time", (&[no_such_number], staff_close, a_month, &["closed"], &["refund"])),
        ("delivery and ruling", (&[no_such_number], deliver, staff_refund, &["closed"], &["refund"])),
        ("delivery and time", (&[no_such_number], deliver, a_month, &["closed"], &["refund"])),
        ("delivery and an answer about a lost one", (&[silence], deliver, want_refund, &["closed"], &["refund"])),
        ("delivery and a reason", (&[], deliver, no_such_number, &[], &["closed"])),
        ("delivery and silence", (&[], deliver, silence, &[], &["closed"])),
        ("bad units and answer", (&[no_such_number, come_back], scan_in_damaged, want_reship, &["refund"], &["reship"])),
        ("two reasons", (&[come_back_refused], no_such_number, a_month, &["refund"], &["refund"])),
        ("coming back and time", (&[no_such_number, want_reship], come_back, a_month, &["reship"], &["refund"])),
    ];
    for (what, (before, first, second, if_first, if_second)) in races {
        for (steps, expected) in [([first, second], if_first), ([second, first], if_second)] {
            let mut stage = dispatched_stage();
            let mut said: Vec<Said> = before.iter().flat_map(|step| step(&mut stage)).collect();
            said.extend(steps.into_iter().flat_map(|step| step(&mut stage)));
            assert_eq!(ends(&said), *expected, "{what}");
            assert!(said.iter().filter(|said| said.kind == Kind::CaseOpened).count() <= 1, "{what}");
            assert!(stage.due().is_empty(), "{what}");
        }
    }
}

fn call_for_refund(stage: &mut shell::stage::Stage<undelivered::Undelivered>) -> Vec<Said> {
    stage.command("call-centre", &staff_answer(messages::case::CaseWish::Refund, None))
}

fn come_back_refused(stage: &mut shell::stage::Stage<undelivered::Undelivered>) -> Vec<Said> {
    stage.tell(&returned(1, Some("REF")))
}

#[test]
fn a_timer_that_was_overtaken_does_nothing() {
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    let due = stage.due();
    assert_eq!(due.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(), ["contact", "decide"]);
    assert_eq!(due[0].due_at, stage.now().plus_seconds(7 * DAY));
    assert_eq!(due[1].due_at, stage.now().plus_seconds(30 * DAY));
    want_reship(&mut stage);
    assert_eq!(
        stage.due().iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(),
        ["decide"],
        "it may not come back"
    );
    come_back(&mut stage);
    assert!(stage.due().is_empty());
}

#[test]
fn all_that_is_due_at_once_still_ends_once() {
    // The room was down for a month: both timers fire in one batch.
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    stage.set_now(stage.now().plus_seconds(40 * DAY));
    let mut said = stage.fire(&[]);
    said.extend(stage.fire(&[]));
    assert_eq!(ends(&said), ["refund"]);
    assert!(stage.due().is_empty());
}

#[test]
fn of_two_deliveries_in_one_order_each_has_its_own_case() {
    let mut stage = dispatched_stage();
    let other = messages::id::ShipmentId::of(&messages::id::ReleaseId::of(&order(), 2), 1);
    stage.tell(&messages::shipment::ShipmentDispatched { shipment: other.clone(), ..dispatched(1) });
    no_such_number(&mut stage);
    let said = stage.tell(&ShipmentDelivered { shipment: other, ..delivered(1) });
    assert!(said.is_empty());
    assert_eq!(standing(&stage, 1), "asked");
}

fn ends(said: &[Said]) -> Vec<&'static str> {
    let resolved = said.iter().filter(|said| said.kind == Kind::CaseResolved);
    resolved.map(|said| said.body::<CaseResolved>().resolution.name()).collect()
}
