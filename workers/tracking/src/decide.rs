//! What follows from a scan, a shipment or a long silence: the row, and what the shipments in the parcel have not
//! heard yet. Pure.

use messages::Timestamp;
use messages::answer::Outcome;
use messages::id::ShipmentId;
use messages::shipment::{
    ShipmentDelivered, ShipmentLost, ShipmentProgressed, ShipmentReturned, ShipmentUndeliverable,
};
use messages::tracking_number::TrackingNumber;
use shell::{At, Decision, World};

use crate::Tracking;
use crate::read::{Input, Refusal};
use crate::scans::{Scan, Scans, Seen, Standing};
use crate::store::{Key, LOST, State};

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;
/// A timer that comes later than so comes when the house was away, or heard of the parcel only now.
const LATE_SECONDS: i64 = 60 * 60;
/// How long it waits then for scans that wait too.
const GRACE_SECONDS: i64 = SECONDS_OF_A_DAY;

/// The decision.
#[must_use]
pub fn decide(room: &Tracking, world: &World<Tracking>, input: &Input, at: &At<'_>) -> Decision<Tracking> {
    match input {
        Input::Dispatched { number, shipment, seen } => dispatched(room, world, number, shipment, *seen),
        Input::Scanned { number, scan } => scanned(room, world, number, scan, at),
        Input::Unseen { number, due_at } => unseen(room, world, number, *due_at, at),
        Input::Senseless { number, refusal } => refuse(number, *refusal, at),
    }
}

/// The shipment hears where its parcel stands, should scans have come before it.
fn dispatched(
    room: &Tracking,
    world: &World<Tracking>,
    number: &TrackingNumber,
    shipment: &ShipmentId,
    seen: Seen,
) -> Decision<Tracking> {
    let key = Key::Parcel(number.clone());
    let before = world.get(&key);
    let mut decision = Decision::nothing();
    if before.shipments().contains(shipment) {
        return decision;
    }
    let after = before.as_ref().clone().with_shipment(shipment.clone()).seen_at(seen);
    tell(&mut decision, shipment, &Scans::default(), after.scans());
    if let Some(seen) = after.seen().filter(|_| after.is_lost()) {
        tell_lost(&mut decision, shipment, seen);
    }
    watch(&mut decision, room, number, &before, &after);
    decision.set(key, after);
    decision
}

/// Every shipment in the parcel hears what is new; without one the scan is kept for it.
fn scanned(
    room: &Tracking,
    world: &World<Tracking>,
    number: &TrackingNumber,
    scan: &Scan,
    at: &At<'_>,
) -> Decision<Tracking> {
    if scan.mark.at.seconds_since(at.now) > SECONDS_OF_A_DAY {
        return refuse(number, Refusal::BadScannedAt, at);
    }
    let key = Key::Parcel(number.clone());
    let before = world.get(&key);
    let seen = Seen { at: scan.mark.at, carrier: scan.mark.carrier };
    let scans = before.scans().clone().with(scan.clone());
    let after = before.as_ref().clone().with_scans(scans).seen_at(seen);
    let mut decision = Decision::nothing();
    if after == *before {
        return decision;
    }
    for shipment in before.shipments() {
        tell(&mut decision, shipment, before.scans(), after.scans());
    }
    watch(&mut decision, room, number, &before, &after);
    decision.set(key, after);
    decision
}

/// The time has come that was set when the parcel was seen first; it may have been seen since. Who asks too late knows
/// nothing of the time between: the scans of it may stand in the queue behind the question.
fn unseen(
    room: &Tracking,
    world: &World<Tracking>,
    number: &TrackingNumber,
    due_at: Timestamp,
    at: &At<'_>,
) -> Decision<Tracking> {
    let key = Key::Parcel(number.clone());
    let parcel = world.get(&key);
    let mut decision = Decision::nothing();
    let Some(seen) = parcel.seen().filter(|_| parcel.is_watched()) else { return decision };
    let grace = (at.now.seconds_since(due_at) > LATE_SECONDS).then(|| at.now.plus_seconds(GRACE_SECONDS));
    let until = grace.max(Some(room.lost_at(seen))).filter(|until| *until > at.now);
    if let Some(until) = until {
        decision.due(number.as_str(), LOST, 0, until, number);
        return decision;
    }
    for shipment in parcel.shipments() {
        tell_lost(&mut decision, shipment, seen);
    }
    decision.set(key, parcel.into_owned().told_lost(seen.at));
    decision
}

/// One timer stands as long as a parcel is watched; it is not moved by every scan, but asks again when it fires.
fn watch(
    decision: &mut Decision<Tracking>,
    room: &Tracking,
    number: &TrackingNumber,
    before: &State,
    after: &State,
) {
    match (before.is_watched(), after.is_watched(), after.seen()) {
        (false, true, Some(seen)) if room.lost_after_days > 0 => {
            decision.due(number.as_str(), LOST, 0, room.lost_at(seen), number);
        }
        (true, false, _) => decision.drop_due(number.as_str(), LOST),
        (false | true, false | true, _) => {}
    }
}

impl Tracking {
    fn lost_at(&self, seen: Seen) -> Timestamp {
        seen.at.plus_seconds(self.lost_after_days.saturating_mul(SECONDS_OF_A_DAY))
    }
}

fn tell_lost(decision: &mut Decision<Tracking>, shipment: &ShipmentId, seen: Seen) {
    let order = shipment.order();
    let fact = ShipmentLost {
        shipment: shipment.clone(),
        order: order.clone(),
        carrier: seen.carrier,
        last_seen_at: seen.at,
    };
    decision.emit(&order, &fact);
}

/// Tells a shipment what `after` says and `before` did not. The ends are never left, so each is told once.
fn tell(decision: &mut Decision<Tracking>, shipment: &ShipmentId, before: &Scans, after: &Scans) {
    let order = shipment.order();
    for mark in after.reasons_since(before) {
        let fact = ShipmentUndeliverable {
            shipment: shipment.clone(),
            order: order.clone(),
            carrier: mark.carrier,
            code: mark.code.clone(),
            endorsement: mark.endorsement.clone(),
            scanned_at: mark.at,
        };
        decision.emit(&order, &fact);
    }
    let standing = after.standing();
    if standing.status() == before.standing().status() {
        return;
    }
    let shipment = shipment.clone();
    match standing {
        Standing::Unseen => {}
        Standing::Moving { status, at } => {
            let fact = ShipmentProgressed { shipment, order: order.clone(), status, scanned_at: at };
            decision.emit(&order, &fact);
        }
        Standing::Delivered { at } => {
            decision.emit(&order, &ShipmentDelivered { shipment, order: order.clone(), delivered_at: at });
        }
        Standing::Returned { mark, why } => {
            let fact = ShipmentReturned {
                shipment,
                order: order.clone(),
                carrier: mark.carrier,
                code: why.code.clone(),
                endorsement: why.endorsement.clone(),
                returned_at: mark.at,
            };
            decision.emit(&order, &fact);
        }
    }
}

fn refuse(number: &TrackingNumber, refusal: Refusal, at: &At<'_>) -> Decision<Tracking> {
    let mut decision = Decision::nothing();
    let text = Some(refusal.text().to_owned());
    decision.answer(at, Some(number.as_str()), Outcome::Refused, None, Some(refusal.code()), text);
    decision
}
