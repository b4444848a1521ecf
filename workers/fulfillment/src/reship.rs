//! A parcel that came back is sent again: the next shipment of its release, asked for once per case. Nothing is charged
//! for it, so payment hears of no units that are missing from it.

use messages::id::ShipmentId;
use messages::outsiders::WAREHOUSE;
use messages::shipment::ShipmentRequested;
use messages::task::TaskKind;
use shell::{At, Decision, World};

use crate::Fulfillment;
use crate::read::{Reship, of_shipment};
use crate::store::{Dispatched, Folder, Key, Requested, State};
use crate::units::Units;

/// Asks the warehouse for the next parcel, with what was in the one that came back and no more.
pub(crate) fn decide(world: &World<Fulfillment>, reship: &Reship, at: &At<'_>) -> Decision<Fulfillment> {
    let key = Key::Again(reship.shipment.clone());
    match world.get(&key).as_ref() {
        State::New => {}
        // Said again.
        State::Waiting(_)
        | State::Requested(_)
        | State::Dispatched(_)
        | State::Shorted(_)
        | State::Cancelled
        | State::Order(_) => return Decision::nothing(),
    }
    match world.get(&of_shipment(&reship.case)).as_ref() {
        State::Dispatched(parcel) if parcel.parcel.units.minus(&reship.units).is_some() => {
            request(reship, parcel, at)
        }
        State::New
        | State::Waiting(_)
        | State::Requested(_)
        | State::Dispatched(_)
        | State::Shorted(_)
        | State::Cancelled
        | State::Order(_) => ask_a_person(&reship.case),
    }
}

fn request(reship: &Reship, parcel: &Dispatched, at: &At<'_>) -> Decision<Fulfillment> {
    let (order, release) = (reship.shipment.order(), reship.shipment.release());
    let request = ShipmentRequested {
        shipment: reship.shipment.clone(),
        release,
        order: order.clone(),
        delivery: reship.delivery,
        gift: reship.gift,
        method: parcel.method,
        lines: reship.units.lines(),
        address: None,
    };
    let mut decision = Decision::nothing();
    decision.emit(&order, &request);
    let with_address = ShipmentRequested { address: Some(reship.address.clone()), ..request };
    decision.emit_to(WAREHOUSE, &order, &with_address);
    let folder = Folder {
        delivery: reship.delivery,
        gift: reship.gift,
        method: parcel.method,
        units: reship.units.clone(),
        address: reship.address.clone(),
    };
    let shipment = reship.shipment.clone();
    let requested = Requested { shipment, folder, requested_at: at.now, reported: Units::default() };
    decision.set(Key::Again(reship.shipment.clone()), State::Requested(requested));
    decision
}

/// A case is about a parcel of ours that left, so this is somebody's mistake; coins do not go out on it.
fn ask_a_person(case: &ShipmentId) -> Decision<Fulfillment> {
    let mut decision = Decision::nothing();
    let reason = "the case asks to send again what was not in its parcel";
    decision.open_task(TaskKind::CaseDecision, case, Some(&case.order()), reason);
    decision
}
