//! Cancelling, and sending a returned parcel again: what is handed over goes on, everything else ends, once.

use messages::answer::CommandAnswered;
use messages::case::{CaseEnd, CaseResolved};
use messages::id::ShipmentId;
use messages::order::{OrderAccepted, OrderCancel, OrderCancelled, OrderRefused};
use messages::payment::PaymentDeclined;
use messages::shipment::{ShipmentDispatched, ShipmentPacked, ShipmentRequested};
use messages::stock::{LineUnits, ReshipReady, StockLimited, StockUnavailable, Unavailable, UnavailableLine};
use messages::{Body, Kind, Timestamp};
use shell::stage::{Said, Stage};

use crate::partners::*;

const STORE: &str = "web-store";

fn accepted(units: u32) -> OrderAccepted {
    let mut body = OrderAccepted::sample();
    body.order = release(1).order();
    body.lines[0].quantity = units;
    body
}

fn wish() -> OrderCancel {
    OrderCancel { order: release(1).order(), ..OrderCancel::sample() }
}

fn said<B: Body>(said: &[Said]) -> Option<B> {
    said.iter().find(|one| one.kind == B::KIND).map(Said::body)
}

fn code(all: &[Said]) -> Option<String> {
    said::<CommandAnswered>(all).and_then(|answer| answer.code)
}

fn later(stage: &Stage<fulfillment::Fulfillment>, seconds: i64) -> Timestamp {
    stage.now().plus_seconds(seconds)
}

#[test]
fn a_cancellation_and_the_authorization_meet_in_either_order_and_one_of_them_wins() {
    for cancel_first in [true, false] {
        let mut stage = stage(0);
        stage.tell(&accepted(2));
        let authorized = authorized(&stage, 1, (1, 0));
        if !cancel_first {
            stage.tell(&authorized);
        }
        let cancelled: OrderCancelled = said(&stage.command(STORE, &wish())).expect("cancelled");
        if cancel_first {
            assert!(stage.tell(&authorized).is_empty(), "nothing goes to the warehouse any more");
        }
        let went = if cancel_first { vec![] } else { vec![release(1)] };
        assert_eq!(cancelled.handed_over, went);
        assert_eq!(status(&state(&stage, 1)), if cancel_first { "cancelled" } else { "requested" });
    }
}

#[test]
fn a_release_that_waits_for_its_hand_over_is_cancelled() {
    let mut stage = stage(60);
    stage.tell(&accepted(1));
    let authorized = authorized(&stage, 1, (1, 0));
    stage.tell(&authorized);
    let cancelled: OrderCancelled = said(&stage.command(STORE, &wish())).expect("cancelled");
    assert!(cancelled.handed_over.is_empty());
    assert_eq!(status(&state(&stage, 1)), "cancelled", "its address goes at once");
    assert!(stage.due().is_empty(), "no timer is left");
    stage.set_now(later(&stage, 61));
    assert!(stage.fire(&[]).is_empty());
    assert_eq!(status(&state(&stage, 1)), "cancelled");
}

#[test]
fn nothing_is_left_to_cancel_when_all_units_are_with_the_warehouse() {
    let mut stage = stage(0);
    stage.tell(&accepted(1));
    let authorized = authorized(&stage, 1, (1, 0));
    stage.tell(&authorized);
    let answer = stage.command(STORE, &wish());
    assert_eq!(code(&answer).as_deref(), Some("nothing_to_cancel"));
    assert!(said::<OrderCancelled>(&answer).is_none());
}

type End<'a> = dyn Fn(&mut Stage<fulfillment::Fulfillment>) + 'a;

#[test]
fn what_ended_before_is_not_left_to_cancel() {
    let order = release(1).order();
    let units = |quantity| LineUnits { quantity, ..lines((1, 0)).remove(0) };
    let limited = StockLimited { order: order.clone(), lines: vec![units(2)] };
    let line = UnavailableLine { units: units(1), why: Unavailable::SoldOut };
    let unavailable = StockUnavailable { order: order.clone(), lines: vec![line] };
    let declined = PaymentDeclined { order, lines: vec![units(2)], ..PaymentDeclined::sample() };
    // Two units, in one way or the other.
    let ends: [(&str, &End<'_>); 3] = [
        ("limited", &|stage| drop(stage.tell(&limited))),
        ("unavailable", &|stage| drop((stage.tell(&unavailable), stage.tell(&unavailable)))),
        ("declined", &|stage| drop(stage.tell(&declined))),
    ];
    for (name, end) in ends {
        for accepted_last in [true, false] {
            let mut stage = stage(0);
            let released = authorized(&stage, 1, (1, 0));
            if !accepted_last {
                stage.tell(&accepted(3));
            }
            end(&mut stage);
            if accepted_last {
                stage.tell(&accepted(3));
            }
            stage.tell(&released);
            let answer = stage.command(STORE, &wish());
            assert_eq!(code(&answer).as_deref(), Some("nothing_to_cancel"), "{name}");
            assert!(said::<OrderCancelled>(&answer).is_none());
        }
        let mut stage = stage(0);
        stage.tell(&accepted(4));
        end(&mut stage);
        let released = authorized(&stage, 1, (1, 0));
        stage.tell(&released);
        assert!(said::<OrderCancelled>(&stage.command(STORE, &wish())).is_some(), "{name}: one unit is left");
    }
}

#[test]
fn an_order_that_is_not_taken_is_not_cancelled() {
    let refused = OrderRefused { order: Some(release(1).order()), ..OrderRefused::sample() };
    for before in [true, false] {
        let mut stage = stage(0);
        let early = if before { stage.command(STORE, &wish()) } else { Vec::new() };
        assert!(early.is_empty());
        let at_once = stage.tell(&refused);
        let answer = if before { at_once } else { stage.command(STORE, &wish()) };
        assert_eq!(code(&answer).as_deref(), Some("nothing_to_cancel"));
        assert!(said::<OrderCancelled>(&answer).is_none() && stage.due().is_empty());
    }
    let mut stage = stage(0);
    stage.tell(&OrderRefused { order: None, ..OrderRefused::sample() });
    assert!(stage.rows().is_empty(), "nobody can name it");
}

#[test]
fn an_order_is_cancelled_once_and_a_second_wish_is_told_so() {
    let mut stage = stage(0);
    stage.tell(&accepted(1));
    assert!(said::<OrderCancelled>(&stage.command(STORE, &wish())).is_some());
    let again = stage.command(STORE, &wish());
    assert!(said::<OrderCancelled>(&again).is_none() && code(&again).is_none(), "the same wish is a repeat");
    let other = stage.command("call-centre", &wish());
    assert_eq!(code(&other).as_deref(), Some("already_cancelled"));
}

#[test]
fn a_cancellation_waits_a_day_for_its_order() {
    for order_comes in [true, false] {
        let mut stage = stage(0);
        assert!(stage.command(STORE, &wish()).is_empty(), "nobody knows yet");
        if order_comes {
            let all = stage.tell(&accepted(1));
            assert!(said::<OrderCancelled>(&all).is_some());
            assert!(said::<CommandAnswered>(&all).is_some_and(|answer| answer.code.is_none()));
            stage.set_now(later(&stage, 90_000));
            assert!(stage.fire(&[]).is_empty());
        } else {
            stage.set_now(later(&stage, 90_000));
            assert_eq!(code(&stage.fire(&[])).as_deref(), Some("unknown_order"));
            assert!(said::<OrderCancelled>(&stage.tell(&accepted(1))).is_none());
        }
    }
}

#[test]
fn a_returned_parcel_goes_out_again_once_per_case_when_its_units_are_set_aside() {
    let mut stage = stage(0);
    let authorized = authorized(&stage, 1, (1, 0));
    stage.tell(&authorized);
    stage.command("warehouse", &packed(1, (1, 0)));
    let case = CaseResolved {
        case: shipment(1),
        release: release(1),
        order: release(1).order(),
        resolution: CaseEnd::Reship,
        lines: lines((1, 0)),
        address: Some(authorized.address.clone()),
        ..CaseResolved::sample()
    };
    assert!(stage.tell(&case).is_empty(), "its units are not set aside yet");
    let shipment = ShipmentId::of(&release(1), 2);
    let (order, aside) = (release(1).order(), lines((1, 0)));
    let ready = ReshipReady { shipment, order, lines: aside, unavailable: Vec::new() };
    let asked = stage.tell(&ready);
    let again: ShipmentRequested = said(&asked).expect("the warehouse is asked");
    assert_eq!(again.shipment.to_string(), format!("{}.2", release(1)));
    assert!(stage.tell(&case).is_empty() && stage.tell(&ready).is_empty());
    let parcel =
        ShipmentPacked { shipment: again.shipment.clone(), lines: lines((1, 0)), ..ShipmentPacked::sample() };
    let dispatched: ShipmentDispatched = said(&stage.command("warehouse", &parcel)).expect("on its way");
    assert_eq!(dispatched.shipment, again.shipment);
    let refund = CaseResolved { resolution: CaseEnd::Refund, ..case };
    assert!(stage.tell(&refund).iter().all(|one| one.kind != Kind::ShipmentRequested));
}
