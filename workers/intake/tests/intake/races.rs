//! The pairs whose order is the decision: each ends in exactly one of its outcomes.

use messages::Body;
use messages::answer::Outcome;
use messages::case::AddressFlagged;
use messages::money::Amount;
use messages::order::{HoldReason, OrderAccepted, OrderHeld};
use messages::product::ProductDefined;

use crate::support::*;

#[test]
fn product_and_order() {
    let mut stage = bare_stage();
    let said = stage.command(STORE, &order_of(REFERENCE, 1));
    assert_eq!(answered(&said), Some((Outcome::Refused, Some("unknown_item".to_owned()))));
    stage.tell(&ProductDefined::sample());
    assert_eq!(status(&stage, REFERENCE), "faulty", "the order does not come back by itself");
    let said = stage.command(STORE, &order_of("WEB-2", 1));
    assert_eq!(answered(&said), Some((Outcome::Accepted, None)));
}

#[test]
fn price_and_order() {
    for (price_first, price, code) in [
        (false, 6595, None),
        (false, 7000, Some("wrong_price")),
        (true, 6595, Some("wrong_price")),
        (true, 7000, None),
    ] {
        let mut stage = stage();
        let mut dearer = ProductDefined { version: 2, ..ProductDefined::sample() };
        dearer.product.price = Amount::new(7000).unwrap();
        if price_first {
            stage.tell(&dearer);
        }
        let said = stage.command(STORE, &at_price(order_of(REFERENCE, 1), price));
        stage.tell(&dearer);
        assert_eq!(answered(&said).unwrap().1.as_deref(), code, "price first: {price_first}, {price}");
    }
}

#[test]
fn an_earlier_definition_that_comes_late_changes_nothing() {
    let mut stage = stage();
    let mut dearer = ProductDefined { version: 3, ..ProductDefined::sample() };
    dearer.product.price = Amount::new(7000).unwrap();
    stage.tell(&dearer);
    let before = stage.rows();
    stage.tell(&ProductDefined { version: 2, ..ProductDefined::sample() });
    assert_eq!(stage.rows(), before);
}

#[test]
fn two_contents_under_one_reference() {
    for [first, second] in [[1, 2], [2, 1]] {
        let mut stage = stage();
        let accepted: OrderAccepted = find(&stage.command(STORE, &order_of(REFERENCE, first)));
        let said = stage.command(STORE, &order_of(REFERENCE, second));
        assert_eq!(accepted.lines[0].quantity, first);
        assert_eq!(
            answered(&said),
            Some((Outcome::Refused, Some("already_seen_with_other_content".to_owned())))
        );
        assert_eq!(told(&said), [""; 0]);
    }
}

#[test]
fn release_and_refusal_of_one_hold() {
    for release_first in [true, false] {
        let mut stage = stage();
        stage.command(STORE, &order_of(REFERENCE, 11));
        let order = number(&stage, REFERENCE);
        let (first, second) = if release_first {
            let first = stage.command(OPERATOR, &release(&order));
            (first, stage.command(OPERATOR, &refuse(&order)))
        } else {
            let first = stage.command(OPERATOR, &refuse(&order));
            (first, stage.command(OPERATOR, &release(&order)))
        };
        let outcome = if release_first { "accepted" } else { "refused" };
        assert_eq!(told(&first), [&*format!("order.{outcome}.v1"), "hold.ended.v1"]);
        assert_eq!(status(&stage, REFERENCE), outcome);
        assert_eq!(answered(&second), Some((Outcome::Refused, Some("not_held".to_owned()))));
        assert_eq!(told(&second), [""; 0]);
    }
}

#[test]
fn cancellation_and_release_of_one_hold() {
    for cancel_first in [true, false] {
        let mut stage = stage();
        stage.command(STORE, &order_of(REFERENCE, 11));
        let order = number(&stage, REFERENCE);
        if cancel_first {
            assert_eq!(told(&stage.tell(&cancelled(&order))), [""; 0]);
            let late = stage.command(OPERATOR, &release(&order));
            assert_eq!(answered(&late), Some((Outcome::Refused, Some("not_held".to_owned()))));
            let again = stage.command(STORE, &order_of(REFERENCE, 11));
            assert_eq!(answered(&again), Some((Outcome::Repeated, Some("cancelled".to_owned()))));
        } else {
            stage.command(OPERATOR, &release(&order));
            stage.tell(&cancelled(&order));
        }
        assert_eq!(status(&stage, REFERENCE), if cancel_first { "cancelled" } else { "accepted" });
    }
}

#[test]
fn cancellation_and_order() {
    for cancel_first in [true, false] {
        let mut stage = stage();
        let order = number(&stage, REFERENCE);
        let mut said = Vec::new();
        if cancel_first {
            said.extend(stage.tell(&cancelled(&order)));
        }
        said.extend(stage.command(STORE, &order_of(REFERENCE, 1)));
        said.extend(stage.tell(&cancelled(&order)));
        let (end, answer, rooms): (_, _, &[&str]) = if cancel_first {
            ("cancelled", (Outcome::Refused, Some("cancelled".to_owned())), &[])
        } else {
            ("accepted", (Outcome::Accepted, None), &["order.accepted.v1"])
        };
        assert_eq!((answered(&said), told(&said)), (Some(answer), rooms.to_vec()));
        assert_eq!(status(&stage, REFERENCE), end);
        let again = stage.command(STORE, &order_of(REFERENCE, 1));
        assert_eq!(answered(&again).unwrap().0, Outcome::Repeated);
    }
}

#[test]
fn flag_and_order() {
    for flag_first in [true, false] {
        let mut stage = stage();
        let address = accepted_address(&mut stage);
        let flagged = AddressFlagged { address, ..AddressFlagged::sample() };
        if flag_first {
            stage.tell(&flagged);
        }
        let said = stage.command(STORE, &order_of("WEB-2", 1));
        if flag_first {
            assert_eq!(find::<OrderHeld>(&said).reasons, [HoldReason::FlaggedAddress]);
        }
        stage.tell(&flagged);
        let mut elsewhere = order_of("WEB-3", 1);
        elsewhere.deliveries[0].address.line1 = "1 Other St".to_owned();
        assert_eq!(told(&stage.command(STORE, &elsewhere)), ["order.accepted.v1"], "only to that address");
        assert_eq!(status(&stage, "WEB-2"), if flag_first { "held" } else { "accepted" });
    }
}

/// The fingerprint of the sample's address, as a first order shows it.
fn accepted_address(stage: &mut shell::stage::Stage<intake::Intake>) -> messages::sealed::Fingerprint {
    let said = stage.command(STORE, &order_of("WEB-1", 1));
    find::<OrderAccepted>(&said).deliveries[0].address.clone()
}

#[test]
fn a_holds_end_before_its_order() {
    let mut stage = stage();
    let order = number(&stage, REFERENCE);
    let early = stage.command(OPERATOR, &release(&order));
    assert_eq!(answered(&early), Some((Outcome::Refused, Some("unknown_order".to_owned()))));
    stage.command(STORE, &order_of(REFERENCE, 11));
    assert_eq!(status(&stage, REFERENCE), "held");
    assert_eq!(answered(&stage.command(OPERATOR, &release(&order))), Some((Outcome::Done, None)));
}
