//! A parcel that did not arrive is sent again: the next shipment of its release, asked for once per case, and not before
//! inventory has set its units aside, so that nobody else's are sent. Nothing is charged for it. What inventory cannot set
//! aside is left out, and paid back by payment; without any units nothing is asked for.

use messages::id::ShipmentId;
use messages::outsiders::WAREHOUSE;
use messages::shipment::ShipmentRequested;
use messages::task::TaskKind;
use shell::{At, Decision, World};

use crate::Fulfillment;
use crate::read::{Reship, of_shipment};
use crate::store::{Awaiting, Folder, Key, Requested, Reserved, Shorted, State};
use crate::units::Units;

/// A case wants the next parcel, with what was in the one that did not arrive and no more.
pub(crate) fn decide(world: &World<Fulfillment>, reship: &Reship, at: &At<'_>) -> Decision<Fulfillment> {
    let key = Key::Again(reship.shipment.clone());
    let reserved = match world.get(&key).as_ref() {
        State::New => None,
        State::Reserved(reserved) => Some(reserved.clone()),
        // Said again.
        State::Waiting(_)
        | State::Awaiting(_)
        | State::Requested(_)
        | State::Dispatched(_)
        | State::Shorted(_)
        | State::Cancelled
        | State::Order(_) => return Decision::nothing(),
    };
    let method = match world.get(&of_shipment(&reship.case)).as_ref() {
        State::Dispatched(parcel) if parcel.parcel.units.minus(&reship.units).is_some() => parcel.method,
        State::New
        | State::Waiting(_)
        | State::Awaiting(_)
        | State::Reserved(_)
        | State::Requested(_)
        | State::Dispatched(_)
        | State::Shorted(_)
        | State::Cancelled
        | State::Order(_) => return ask_a_person(&reship.case),
    };
    let folder = Folder {
        delivery: reship.delivery,
        gift: reship.gift,
        method,
        units: reship.units.clone(),
        address: reship.address.clone(),
    };
    let awaiting = Awaiting { shipment: reship.shipment.clone(), folder, since: at.now };
    if let Some(reserved) = reserved {
        return settled(&awaiting, &reserved.unavailable, at);
    }
    let mut decision = Decision::nothing();
    decision.set(key, State::Awaiting(awaiting));
    decision
}

/// Its units are set aside, but those that cannot be had.
pub(crate) fn ready(
    world: &World<Fulfillment>,
    shipment: &ShipmentId,
    unavailable: &Units,
    at: &At<'_>,
) -> Decision<Fulfillment> {
    let key = Key::Again(shipment.clone());
    let mut decision = Decision::nothing();
    match world.get(&key).as_ref() {
        State::New => decision.set(key, State::Reserved(Reserved { unavailable: unavailable.clone() })),
        State::Awaiting(awaiting) => return settled(awaiting, unavailable, at),
        // Said again.
        State::Reserved(_)
        | State::Waiting(_)
        | State::Requested(_)
        | State::Dispatched(_)
        | State::Shorted(_)
        | State::Cancelled
        | State::Order(_) => {}
    }
    decision
}

/// Asks for what there is.
fn settled(awaiting: &Awaiting, unavailable: &Units, at: &At<'_>) -> Decision<Fulfillment> {
    let Awaiting { shipment, folder, .. } = awaiting;
    let Some(units) = folder.units.minus(unavailable) else { return ask_a_person(shipment) };
    if units.is_empty() {
        let shorted = Shorted { shipment: shipment.clone(), missing: unavailable.clone() };
        let mut decision = Decision::nothing();
        decision.set(Key::Again(shipment.clone()), State::Shorted(shorted));
        return decision;
    }
    request(shipment, &Folder { units, ..folder.clone() }, at)
}

/// Asks the warehouse.
fn request(shipment: &ShipmentId, folder: &Folder, at: &At<'_>) -> Decision<Fulfillment> {
    let (order, release) = (shipment.order(), shipment.release());
    let request = ShipmentRequested {
        shipment: shipment.clone(),
        release,
        order: order.clone(),
        delivery: folder.delivery,
        gift: folder.gift,
        method: folder.method,
        lines: folder.units.lines(),
        address: None,
    };
    let mut decision = Decision::nothing();
    decision.emit(&order, &request);
    let with_address = ShipmentRequested { address: Some(folder.address.clone()), ..request };
    decision.emit_to(WAREHOUSE, &order, &with_address);
    let requested = Requested {
        shipment: shipment.clone(),
        folder: folder.clone(),
        requested_at: at.now,
        reported: Units::default(),
    };
    decision.set(Key::Again(shipment.clone()), State::Requested(requested));
    decision
}

/// A case is about a parcel of ours that left, so this is somebody's mistake; coins do not go out on it.
fn ask_a_person(case: &ShipmentId) -> Decision<Fulfillment> {
    let mut decision = Decision::nothing();
    let reason = "the case asks to send again what was not in its parcel";
    decision.open_task(TaskKind::CaseDecision, case, Some(&case.order()), reason);
    decision
}
