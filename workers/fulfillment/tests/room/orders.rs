//! Cancellations cell by cell, as two partners of one order meet: what is known of it, what comes, what is said.

use fulfillment::Fulfillment;
use fulfillment::store::{Key, State};
use messages::id::ShipmentId;
use messages::order::{OrderAccepted, OrderCancel, OrderCancelled, OrderHeld};
use messages::shipment::{ShipmentPacked, ShipmentShort};
use messages::stock::ReshipReady;
use messages::task::TaskKind;
use messages::{Body, Kind};
use shell::stage::{Said, Stage};

use crate::partners::*;

type Step = fn(&mut Stage<Fulfillment>) -> Vec<Said>;
/// What came before, what comes, and what is said.
type Row = (&'static [Step], Step, &'static [&'static str]);

const STORE: &str = "web-store";
const DAY: i64 = 86_400;

fn wish() -> OrderCancel {
    OrderCancel { order: release(1).order(), ..OrderCancel::sample() }
}

/// Three pieces of line 1 and one of line 2, in whatever releases they come.
fn accept(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let mut body = OrderAccepted { order: release(1).order(), ..OrderAccepted::sample() };
    body.lines[0].quantity = 4;
    stage.tell(&body)
}

fn hold(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let mut body = OrderHeld { order: release(1).order(), ..OrderHeld::sample() };
    body.lines[0].quantity = 4;
    stage.tell(&body)
}

fn authorize_three(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let body = authorized(stage, 1, (3, 0));
    stage.tell(&body)
}

fn authorize_one(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let body = authorized(stage, 2, (0, 1));
    stage.tell(&body)
}

fn miss_one(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &short(1, (1, 0)))
}

fn pack_two(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &packed(1, (2, 0)))
}

fn cancel(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command(STORE, &wish())
}

fn cancel_for_another_reason(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command(STORE, &OrderCancel { reason: "found it elsewhere".to_owned(), ..wish() })
}

fn cancel_by_another(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("call-centre", &wish())
}

fn cancel_without_reason(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command(STORE, &OrderCancel { reason: " ".to_owned(), ..wish() })
}

fn cancel_at_length(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command(STORE, &OrderCancel { reason: "x".repeat(501), ..wish() })
}

fn a_day_passes(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.set_now(stage.now().plus_seconds(DAY));
    stage.fire(&[])
}

const CANCELLED: &[&str] = &["rooms: order.cancelled", "web-store: done"];
const REPEATED: &[&str] = &["web-store: repeated"];
const OTHER: &[&str] = &["web-store: refused already_seen_with_other_content"];
const BY_ANOTHER: &[&str] = &["call-centre: refused already_cancelled"];
const NOTHING: &[&str] = &["web-store: refused nothing_to_cancel"];
const BAD_REASON: &[&str] = &["web-store: refused bad_reason"];
const REQUESTED: &[&str] = &["rooms: shipment.requested", "warehouse: shipment.requested"];

#[test]
fn every_word_of_an_order_meets_every_cancellation() {
    #[rustfmt::skip]
    let table: &[Row] = &[
        (&[], accept, &[]),
        (&[], hold, &[]),
        (&[], cancel, &[]),
        (&[], cancel_without_reason, BAD_REASON),
        (&[], cancel_at_length, BAD_REASON),
        (&[accept], cancel, CANCELLED),
        (&[hold], cancel, CANCELLED),
        (&[hold, accept], cancel, CANCELLED),
        (&[accept], cancel_without_reason, BAD_REASON),
        (&[accept], a_day_passes, &[]),
        (&[cancel], cancel, REPEATED),
        (&[cancel], cancel_for_another_reason, OTHER),
        (&[cancel], cancel_by_another, BY_ANOTHER),
        (&[cancel], accept, CANCELLED),
        (&[cancel], hold, CANCELLED),
        (&[cancel], authorize_three, CANCELLED),
        (&[cancel], a_day_passes, &["web-store: refused unknown_order"]),
        (&[cancel, a_day_passes], a_day_passes, &[]),
        (&[cancel, a_day_passes], accept, &[]),
        (&[cancel, a_day_passes, accept], cancel, CANCELLED),
        (&[cancel, a_day_passes], cancel, &[]),
        (&[accept, cancel], cancel, REPEATED),
        (&[accept, cancel], cancel_for_another_reason, OTHER),
        (&[accept, cancel], cancel_by_another, BY_ANOTHER),
        (&[accept, cancel], authorize_three, &[]),
        (&[accept, cancel], accept, &[]),
        (&[accept, cancel], a_day_passes, &[]),
        (&[accept, authorize_three], cancel, CANCELLED),
        (&[accept, authorize_three, authorize_one], cancel, NOTHING),
        (&[accept, authorize_three, authorize_one, cancel], cancel, NOTHING),
        (&[accept, authorize_three, authorize_one, miss_one], cancel, CANCELLED),
        (&[accept, authorize_three, authorize_one, pack_two], cancel, CANCELLED),
        (&[accept, authorize_three, authorize_one, miss_one, pack_two], cancel, CANCELLED),
        (&[authorize_three], cancel, CANCELLED),
        (&[authorize_three, cancel], accept, &[]),
        (&[authorize_three, cancel], authorize_one, &[]),
        (&[accept, authorize_three, cancel], pack_two,
            &["rooms: release.shorted", "rooms: shipment.dispatched", "warehouse: done", "rooms: task.opened"]),
    ];
    for (row, (before, comes, said)) in table.iter().enumerate() {
        let mut stage = stage(0);
        for step in *before {
            step(&mut stage);
        }
        let mut words = words(&comes(&mut stage));
        words.sort();
        let mut expected = said.to_vec();
        expected.sort_unstable();
        assert_eq!(words, expected, "row {row}: what is said");
    }
}

#[test]
fn the_cancellation_names_what_goes_on_whatever_became_of_it() {
    let cases: &[(&[Step], &[u16])] = &[
        (&[accept], &[]),
        (&[accept, authorize_three], &[1]),
        (&[accept, authorize_three, pack_two, authorize_one], &[1, 2]),
        (&[cancel], &[]),
    ];
    for (before, numbers) in cases {
        let mut stage = stage(0);
        let mut said: Vec<Said> = before.iter().flat_map(|step| step(&mut stage)).collect();
        said.extend(cancel(&mut stage));
        said.extend(accept(&mut stage));
        let told: Vec<OrderCancelled> =
            said.iter().filter(|one| one.kind == Kind::OrderCancelled).map(Said::body).collect();
        let releases: Vec<_> = numbers.iter().map(|number| release(*number)).collect();
        assert_eq!(told.len(), 1, "told once");
        assert_eq!(told[0].handed_over, releases);
        assert_eq!((told[0].sender.as_str(), told[0].reason.as_str()), (STORE, "changed my mind"));
    }
}

#[test]
fn the_hand_over_and_the_cancellation_meet_in_either_order() {
    for (in_time, status_then, goes) in [(true, "cancelled", 0), (false, "requested", 2)] {
        let mut stage = stage(60);
        accept(&mut stage);
        authorize_three(&mut stage);
        let mut said = Vec::new();
        if in_time {
            said.extend(cancel(&mut stage));
        }
        stage.set_now(stage.now().plus_seconds(60));
        said.extend(stage.fire(&[]));
        if !in_time {
            said.extend(cancel(&mut stage));
        }
        let requests = words(&said).iter().filter(|word| word.ends_with("shipment.requested")).count();
        let cancelled: OrderCancelled =
            said.iter().find(|one| one.kind == Kind::OrderCancelled).unwrap().body();
        assert_eq!((status(&state(&stage, 1)), requests), (status_then, goes));
        assert_eq!(cancelled.handed_over.len(), usize::from(!in_time), "it says what is so");
        assert!(stage.due().is_empty());
    }
}

#[test]
fn an_order_that_never_comes_leaves_no_row() {
    let mut stage = stage(0);
    cancel(&mut stage);
    a_day_passes(&mut stage);
    assert!(stage.rows().is_empty() && stage.due().is_empty());
}

#[test]
fn a_cancelled_release_keeps_no_address() {
    let mut stage = stage(60);
    for step in [accept, authorize_three, cancel, authorize_one] {
        step(&mut stage);
    }
    for (key, row) in stage.rows() {
        assert!(!serde_json::to_string(&row).unwrap().contains("oms1."), "{key:?}");
    }
    for number in [1, 2] {
        assert_eq!(state(&stage, number), State::Cancelled);
    }
}

fn reship(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let body = resolved(stage, 1, 1, (2, 0));
    stage.tell(&body)
}

fn set_aside(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    settle(stage, 2, 0)
}

fn set_one_aside(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    settle(stage, 1, 1)
}

fn set_nothing_aside(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    settle(stage, 0, 2)
}

/// Of the parcel's units so many are set aside, and so many cannot be had.
fn settle(stage: &mut Stage<Fulfillment>, aside: u32, unavailable: u32) -> Vec<Said> {
    let (lines, unavailable) = (lines((aside, 0)), lines((unavailable, 0)));
    stage.tell(&ReshipReady { shipment: second(), order: release(1).order(), lines, unavailable })
}

fn set_aside_third(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let shipment = ShipmentId::of(&release(1), 3);
    let (order, lines) = (release(1).order(), lines((2, 0)));
    stage.tell(&ReshipReady { shipment, order, lines, unavailable: Vec::new() })
}

fn second() -> ShipmentId {
    ShipmentId::of(&release(1), 2)
}

fn pack_again(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &ShipmentPacked { shipment: second(), ..packed(1, (2, 0)) })
}

fn pack_one_again(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &ShipmentPacked { shipment: second(), ..packed(1, (1, 0)) })
}

fn miss_again(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &ShipmentShort { shipment: second(), ..short(1, (2, 0)) })
}

fn reship_second(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let body = resolved(stage, 1, 2, (2, 0));
    stage.tell(&body)
}

fn reship_too_much(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let body = resolved(stage, 1, 1, (3, 0));
    stage.tell(&body)
}

#[test]
fn a_parcel_that_came_back_goes_out_once_more() {
    const GONE: &[Step] = &[authorize_three, pack_two];
    const TASK: &[&str] = &["rooms: task.opened"];
    #[rustfmt::skip]
    let table: &[(Row, &str)] = &[
        ((GONE, reship, &[]), "awaiting"),
        ((GONE, set_aside, &[]), "reserved"),
        ((&[], set_aside, &[]), "reserved"),
        ((GONE, reship_too_much, TASK), "new"),
        ((GONE, reship_second, TASK), "new"),
        ((&[authorize_three], reship, TASK), "new"),
        ((&[], reship, TASK), "new"),
        ((&[authorize_three, pack_two, reship], set_aside, REQUESTED), "requested"),
        ((&[authorize_three, pack_two, reship], pack_again, &["warehouse: refused not_requested"]), "awaiting"),
        ((&[authorize_three, pack_two, reship], miss_again, &["warehouse: refused not_requested"]), "awaiting"),
        ((&[authorize_three, pack_two, set_aside], reship, REQUESTED), "requested"),
        ((&[authorize_three, pack_two, set_aside], reship_too_much, TASK), "reserved"),
        ((&[authorize_three, pack_two, set_aside], set_aside, &[]), "reserved"),
        ((&[authorize_three, pack_two, set_aside, reship], reship, &[]), "requested"),
        ((&[authorize_three, pack_two, reship, set_aside], set_aside, &[]), "requested"),
        ((&[authorize_three, pack_two, reship], reship_too_much, &[]), "awaiting"),
        ((&[authorize_three, pack_two, reship, set_aside], pack_again,
            &["rooms: shipment.dispatched", "warehouse: done"]), "dispatched"),
        ((&[authorize_three, pack_two, reship, set_aside], pack_one_again,
            &["rooms: release.shorted", "rooms: shipment.dispatched", "warehouse: done", "rooms: task.opened"]), "dispatched"),
        ((&[authorize_three, pack_two, reship, set_aside], miss_again,
            &["rooms: release.shorted", "warehouse: done", "rooms: task.opened"]), "shorted"),
        ((&[authorize_three, pack_two, reship, set_aside, pack_again], pack_again, &["warehouse: repeated"]), "dispatched"),
        ((&[authorize_three, pack_two, reship, set_aside, pack_again], reship, &[]), "dispatched"),
        ((&[authorize_three, pack_two, reship, set_aside, pack_again, reship_second], set_aside_third, REQUESTED), "dispatched"),
        ((&[accept, authorize_three, cancel, pack_two, reship], set_aside, REQUESTED), "requested"),
        ((&[authorize_three, pack_two, reship], set_one_aside, REQUESTED), "requested"),
        ((&[authorize_three, pack_two, set_one_aside], reship, REQUESTED), "requested"),
        ((&[authorize_three, pack_two, reship, set_one_aside], pack_one_again,
            &["rooms: shipment.dispatched", "warehouse: done"]), "dispatched"),
        ((&[authorize_three, pack_two, reship, set_one_aside], pack_again, &["warehouse: refused wrong_units"]), "requested"),
        ((&[authorize_three, pack_two, reship], set_nothing_aside, &[]), "shorted"),
        ((&[authorize_three, pack_two, set_nothing_aside], reship, &[]), "shorted"),
        ((&[authorize_three, pack_two, reship, set_nothing_aside], pack_again, &["warehouse: refused wrong_units"]), "shorted"),
        ((&[authorize_three, pack_two, reship, set_nothing_aside], reship, &[]), "shorted"),
        ((GONE, pack_again, &["warehouse: refused unknown_shipment"]), "new"),
    ];
    for (row, ((before, comes, said), then)) in table.iter().enumerate() {
        let mut stage = stage(0);
        for step in *before {
            step(&mut stage);
        }
        assert_eq!(words(&comes(&mut stage)), *said, "row {row}: what is said");
        let again = stage.rows().remove(&Key::Again(second())).unwrap_or(State::New);
        assert_eq!(status(&again), *then, "row {row}: what is so then");
        let kept = serde_json::to_string(&again).unwrap().contains("oms1.");
        assert_eq!(kept, ["awaiting", "requested"].contains(then), "row {row}: the address");
    }
}

#[test]
fn what_the_case_cannot_send_is_parked_or_a_task() {
    let mut stage = stage(0);
    authorize_three(&mut stage);
    pack_two(&mut stage);
    let good = resolved(&stage, 1, 1, (2, 0));
    let mut no_address = good.clone();
    no_address.address = None;
    let mut no_lines = good.clone();
    no_lines.lines.clear();
    let mut other_release = good.clone();
    other_release.release = release(2);
    for bad in [no_address, no_lines, other_release] {
        assert!(stage.tell(&bad).is_empty());
    }
    assert_eq!(stage.open_tasks(), [(TaskKind::ShipmentShort, shipment(1).to_string())]);
    reship_too_much(&mut stage);
    assert!(stage.open_tasks().contains(&(TaskKind::CaseDecision, shipment(1).to_string())));
    stage.tell(&good);
    assert_eq!(words(&set_aside(&mut stage)), REQUESTED, "and the good one still goes");
}
