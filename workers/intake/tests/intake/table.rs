//! Every state of an order against every message: the next state, what the rooms are told, what is answered.

use intake::store::OrderState;
use intake::{Intake, Key, State};
use messages::Body;
use messages::answer::Outcome;
use messages::order::{HoldReason, OrderAccepted, OrderHeld, OrderRefused};
use messages::product::ProductDefined;
use shell::stage::{Said, Stage};

use crate::support::*;

#[derive(Debug, Clone, Copy)]
enum Was {
    Unseen,
    Faulty,
    Accepted,
    Held,
    Refused,
    /// While it was held.
    Cancelled,
    /// And its order has not come.
    CancelledEarly,
}

#[derive(Debug, Clone, Copy)]
enum Sent {
    /// What brought the order into its state, again under a new id.
    Same,
    /// A good order with other content.
    Other,
    /// A faulty order with other content.
    Bad,
    Change,
    Release,
    Refuse,
    Cancel,
    Product,
}

const ACCEPTED: &[&str] = &["order.accepted.v1"];
const REFUSED: &[&str] = &["order.refused.v1"];
const HELD_ACCEPTED: &[&str] = &["order.accepted.v1", "hold.ended.v1"];
const HELD_REFUSED: &[&str] = &["order.refused.v1", "hold.ended.v1"];

#[test]
fn every_state_meets_every_message() {
    use Outcome::{Done, Repeated};
    use Sent::*;
    use Was::*;
    let refused = |code| Some((Outcome::Refused, Some(code)));
    let unknown = refused("unknown_order");
    let last = refused("order_is_final");
    let other = refused("already_seen_with_other_content");
    let not_held = refused("not_held");
    let accepted_now = Some((Outcome::Accepted, None));
    let again = |code| Some((Repeated, code));
    let done = Some((Done, None));
    let cancelled = refused("cancelled");
    for (from, sent, next, rooms, answer) in [
        (Unseen, Other, "accepted", ACCEPTED, accepted_now),
        (Unseen, Bad, "faulty", REFUSED, refused("bad_currency")),
        (Unseen, Change, "unseen", &[], unknown),
        (Unseen, Release, "unseen", &[], unknown),
        (Unseen, Refuse, "unseen", &[], unknown),
        (Unseen, Cancel, "unseen", &[], None),
        (Unseen, Product, "unseen", &[], None),
        (Faulty, Same, "faulty", &[], again(Some("wrong_price"))),
        (Faulty, Other, "accepted", ACCEPTED, accepted_now),
        (Faulty, Bad, "faulty", REFUSED, refused("bad_currency")),
        (Faulty, Change, "faulty", &[], unknown),
        (Faulty, Release, "faulty", &[], unknown),
        (Faulty, Refuse, "faulty", &[], unknown),
        (Faulty, Cancel, "faulty", &[], None),
        (Faulty, Product, "faulty", &[], None),
        (Accepted, Same, "accepted", &[], again(None)),
        (Accepted, Other, "accepted", &[], other),
        (Accepted, Bad, "accepted", &[], other),
        (Accepted, Change, "accepted", &[], last),
        (Accepted, Release, "accepted", &[], not_held),
        (Accepted, Refuse, "accepted", &[], not_held),
        (Accepted, Cancel, "accepted", &[], None),
        (Accepted, Product, "accepted", &[], None),
        (Held, Same, "held", &[], again(None)),
        (Held, Other, "held", &[], other),
        (Held, Bad, "held", &[], other),
        (Held, Change, "held", &[], last),
        (Held, Release, "accepted", HELD_ACCEPTED, done),
        (Held, Refuse, "refused", HELD_REFUSED, done),
        (Held, Cancel, "cancelled", &[], None),
        (Held, Product, "held", &[], None),
        (Refused, Same, "refused", &[], again(Some("hold_refused"))),
        (Refused, Other, "refused", &[], other),
        (Refused, Bad, "refused", &[], other),
        (Refused, Change, "refused", &[], last),
        (Refused, Release, "refused", &[], not_held),
        (Refused, Refuse, "refused", &[], not_held),
        (Refused, Cancel, "refused", &[], None),
        (Refused, Product, "refused", &[], None),
        (Cancelled, Same, "cancelled", &[], again(Some("cancelled"))),
        (Cancelled, Other, "cancelled", &[], other),
        (Cancelled, Bad, "cancelled", &[], other),
        (Cancelled, Change, "cancelled", &[], last),
        (Cancelled, Release, "cancelled", &[], not_held),
        (Cancelled, Refuse, "cancelled", &[], not_held),
        (Cancelled, Cancel, "cancelled", &[], None),
        (Cancelled, Product, "cancelled", &[], None),
        (CancelledEarly, Other, "cancelled", &[], cancelled),
        (CancelledEarly, Bad, "faulty", REFUSED, refused("bad_currency")),
        (CancelledEarly, Change, "unseen", &[], unknown),
        (CancelledEarly, Release, "unseen", &[], unknown),
        (CancelledEarly, Refuse, "unseen", &[], unknown),
        (CancelledEarly, Cancel, "unseen", &[], None),
    ] {
        let mut stage = stage_in(from);
        let said = send(&mut stage, from, sent);
        let cell = format!("{from:?} and {sent:?}");
        assert_eq!(status(&stage, REFERENCE), next, "{cell}");
        assert_eq!(told(&said), rooms, "{cell}");
        assert_eq!(answered(&said), answer.map(|(o, code)| (o, code.map(str::to_owned))), "{cell}");
    }
}

#[test]
fn sections_are_kept_only_while_the_order_is_held() {
    for (from, kept) in [
        (Was::Faulty, false),
        (Was::Accepted, false),
        (Was::Held, true),
        (Was::Refused, false),
        (Was::Cancelled, false),
    ] {
        let row = serde_json::to_value(State::Order(state(&stage_in(from), REFERENCE))).unwrap();
        assert_eq!(row["order"].get("folder").is_some(), kept, "{from:?}");
        assert_eq!(row.to_string().contains("oms1."), kept, "{from:?}");
    }
}

#[test]
fn what_holds_an_order() {
    use HoldReason::{NeedsVerification, UnusualQuantity};
    for (units, verify_amount, reasons) in [
        (10, VERIFY_AMOUNT, vec![]),
        (11, VERIFY_AMOUNT, vec![UnusualQuantity]),
        (20, VERIFY_AMOUNT, vec![UnusualQuantity, NeedsVerification]),
        (1, 7_090, vec![]),
        (1, 7_089, vec![NeedsVerification]),
        (10, 0, vec![]),
    ] {
        let mut stage = stage();
        stage.worker = Intake { verify_amount: messages::money::Amount::new(verify_amount).unwrap() };
        let said = stage.command(STORE, &order_of(REFERENCE, units));
        let found = if reasons.is_empty() { vec![] } else { find::<OrderHeld>(&said).reasons };
        assert_eq!(found, reasons, "{units} units, verified above {verify_amount}");
    }
}

#[test]
fn units_of_an_item_are_counted_over_all_lines() {
    let mut submit = order_of(REFERENCE, 6);
    submit.lines.push(submit.lines[0].clone());
    submit.total += 6 * 6595;
    let said = stage().command(STORE, &submit);
    assert_eq!(find::<OrderHeld>(&said).reasons[0], HoldReason::UnusualQuantity);
}

#[test]
fn an_order_is_judged_by_what_we_know() {
    let later = |submit: &mut messages::order::OrderSubmit, seconds| {
        submit.received_at =
            messages::Timestamp::parse("2026-11-24T12:00:00Z").unwrap().plus_seconds(seconds);
    };
    type Change<'a> = &'a dyn Fn(&mut messages::order::OrderSubmit);
    let cases: [(Change<'_>, Option<&str>); 8] = [
        (&|submit| submit.lines[0].item = "19XF".to_owned(), Some("unknown_item")),
        (&|submit| submit.received_at = submit.received_at.plus_seconds(-1), Some("too_early")),
        (&|_| {}, None),
        (&|submit| *submit = at_price(submit.clone(), 6594), Some("wrong_price")),
        (&|submit| submit.currency = "CAD".to_owned(), Some("wrong_currency")),
        (&|submit| later(submit, 5 * 60), None),
        (&|submit| later(submit, 5 * 60 + 1), Some("bad_received_at")),
        (&|submit| submit.lines[0].item = " 19xe ".to_owned(), None),
    ];
    for (change, code) in cases {
        let mut submit = order_of(REFERENCE, 1);
        change(&mut submit);
        let answer = answered(&stage().command(STORE, &submit)).unwrap();
        assert_eq!(answer.1.as_deref(), code);
    }
}

#[test]
fn the_customer_hears_of_what_is_refused_for_good_and_the_sender_of_every_fault() {
    let mut early = order_of(REFERENCE, 1);
    early.received_at = early.received_at.plus_seconds(-1);
    let mut stage = stage();
    let order = number(&stage, REFERENCE);
    let too_early: OrderRefused = find(&stage.command(STORE, &early));
    assert_eq!((too_early.order.as_ref(), too_early.contact.is_some()), (Some(&order), true));
    assert_eq!(
        too_early.text,
        "item 19XE is on sale from 2019-11-14T17:00:00Z; the order was received before"
    );
    let said = stage.command(STORE, &order_of(REFERENCE, 1));
    assert_eq!(told(&said), [""; 0], "another try needs another reference");

    let faulty: OrderRefused = find(&stage.command(STORE, &at_price(order_of("WEB-2", 1), 1)));
    assert_eq!((faulty.order, faulty.contact), (None, None));
    assert_eq!(faulty.text, "line 1: item 19XE costs 65.95, not 0.01");
}

#[test]
fn a_released_order_goes_on_as_it_was_in_its_old_place() {
    let mut stage = stage_in(Was::Held);
    let OrderState::Held(held) = state(&stage, REFERENCE) else { panic!("it is held") };
    stage.set_now(stage.now().plus_seconds(86_400));
    let order = number(&stage, REFERENCE);
    let accepted: OrderAccepted = find(&stage.command(OPERATOR, &release(&order)));
    assert_eq!(accepted, held.folder);
    assert_eq!(accepted.place.received_at, order_of(REFERENCE, 1).received_at);
}

#[test]
fn another_sender_may_use_the_same_reference() {
    let mut stage = stage();
    let one: OrderAccepted = find(&stage.command(STORE, &order_of(REFERENCE, 1)));
    let two: OrderAccepted = find(&stage.command("call-centre", &order_of(REFERENCE, 2)));
    assert_ne!(one.order, two.order);
    let numbers = stage.rows().into_keys().filter(|key| matches!(key, Key::Number(_))).count();
    assert_eq!(numbers, 2);
}

fn stage_in(from: Was) -> Stage<Intake> {
    let mut stage = stage();
    if let Some(submit) = submission(from) {
        stage.command(STORE, &submit);
    }
    let order = number(&stage, REFERENCE);
    match from {
        Was::Unseen | Was::Faulty | Was::Accepted | Was::Held => {}
        Was::Refused => {
            stage.command(OPERATOR, &refuse(&order));
        }
        Was::Cancelled | Was::CancelledEarly => {
            stage.tell(&cancelled(&order));
        }
    }
    stage
}

/// What brings an order into the state.
fn submission(from: Was) -> Option<messages::order::OrderSubmit> {
    match from {
        Was::Unseen | Was::CancelledEarly => None,
        Was::Faulty => Some(at_price(order_of(REFERENCE, 1), 6500)),
        Was::Accepted => Some(order_of(REFERENCE, 1)),
        Was::Held | Was::Refused | Was::Cancelled => Some(order_of(REFERENCE, 11)),
    }
}

fn send(stage: &mut Stage<Intake>, from: Was, sent: Sent) -> Vec<Said> {
    let order = number(stage, REFERENCE);
    match sent {
        Sent::Same => stage.command(STORE, &submission(from).unwrap()),
        Sent::Other => stage.command(STORE, &order_of(REFERENCE, 3)),
        Sent::Bad => {
            let mut bad = order_of(REFERENCE, 3);
            bad.currency = "JPY".to_owned();
            stage.command(STORE, &bad)
        }
        Sent::Change => stage.command(STORE, &change(&order)),
        Sent::Release => stage.command(OPERATOR, &release(&order)),
        Sent::Refuse => stage.command(OPERATOR, &refuse(&order)),
        Sent::Cancel => stage.tell(&cancelled(&order)),
        Sent::Product => stage.tell(&ProductDefined { version: 2, ..ProductDefined::sample() }),
    }
}
