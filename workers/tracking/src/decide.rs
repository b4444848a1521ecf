//! What follows from a scan or a shipment: the row, and what the shipments in the parcel have not heard yet.
//! Pure.

use messages::answer::Outcome;
use messages::id::ShipmentId;
use messages::shipment::{ShipmentDelivered, ShipmentProgressed, ShipmentReturned, ShipmentUndeliverable};
use messages::tracking_number::TrackingNumber;
use shell::{At, Decision, World};

use crate::Tracking;
use crate::read::{Input, Refusal};
use crate::scans::{Scan, Scans, Standing};
use crate::store::Key;

/// The decision.
#[must_use]
pub fn decide(world: &World<Tracking>, input: &Input, at: &At<'_>) -> Decision<Tracking> {
    match input {
        Input::Dispatched { number, shipment } => dispatched(world, number, shipment),
        Input::Scanned { number, scan } => scanned(world, number, scan),
        Input::Senseless { number, refusal } => refuse(number, *refusal, at),
    }
}

/// The shipment hears where its parcel stands, should scans have come before it.
fn dispatched(world: &World<Tracking>, number: &TrackingNumber, shipment: &ShipmentId) -> Decision<Tracking> {
    let key = Key::Parcel(number.clone());
    let parcel = world.get(&key);
    let mut decision = Decision::nothing();
    if parcel.shipments().contains(shipment) {
        return decision;
    }
    tell(&mut decision, shipment, &Scans::default(), parcel.scans());
    decision.set(key, parcel.into_owned().with_shipment(shipment.clone()));
    decision
}

/// Every shipment in the parcel hears what is new; without one the scan is kept for it.
fn scanned(world: &World<Tracking>, number: &TrackingNumber, scan: &Scan) -> Decision<Tracking> {
    let key = Key::Parcel(number.clone());
    let parcel = world.get(&key);
    let scans = parcel.scans().clone().with(scan.clone());
    let mut decision = Decision::nothing();
    if scans == *parcel.scans() {
        return decision;
    }
    for shipment in parcel.shipments() {
        tell(&mut decision, shipment, parcel.scans(), &scans);
    }
    decision.set(key, parcel.into_owned().with_scans(scans));
    decision
}

/// Tells a shipment what `after` says and `before` did not. The ends are never left, so each is told once.
fn tell(decision: &mut Decision<Tracking>, shipment: &ShipmentId, before: &Scans, after: &Scans) {
    let order = shipment.order();
    if let Some(mark) = after.trouble().filter(|_| !before.knows_trouble()) {
        let fact = ShipmentUndeliverable {
            shipment: shipment.clone(),
            order: order.clone(),
            carrier: mark.carrier,
            code: mark.code.clone(),
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
        Standing::Returned { mark, code } => {
            let fact = ShipmentReturned {
                shipment,
                order: order.clone(),
                carrier: mark.carrier,
                code: code.map(str::to_owned),
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
