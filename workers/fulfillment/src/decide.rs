//! What follows from an authorization, a timer or the warehouse's word. Pure: it reads no clock and never
//! sees an address.

use messages::answer::Outcome;
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::outsiders::WAREHOUSE;
use messages::shipment::{
    ReleaseShorted, ShipmentDispatched, ShipmentPacked, ShipmentRequested, ShipmentShort,
};
use messages::task::TaskKind;
use shell::{At, Decision, World};

use crate::Fulfillment;
use crate::cancel;
use crate::lapse;
use crate::read::{Input, of_shipment as of_row};
use crate::reship;
use crate::store::{Dispatched, Folder, HAND_OVER, Key, Order, Parcel, Requested, Shorted, State, Waiting};
use crate::units::Units;

/// Number of a release's first parcel.
pub(crate) const FIRST_PARCEL: u16 = 1;

/// The decision.
#[must_use]
pub fn decide(
    room: &Fulfillment,
    world: &World<Fulfillment>,
    input: &Input,
    at: &At<'_>,
) -> Decision<Fulfillment> {
    match input {
        Input::Known { order, units } => cancel::known(world, order, *units),
        Input::Ended { order, units } => cancel::ended(world, order, *units),
        Input::Refused(order) => cancel::refused(world, order),
        Input::Lapsing(release) => lapse::told(world, release),
        Input::Renewed { release, delays } => lapse::renewed(world, release, *delays, at),
        Input::Cancel(wish) => cancel::asked(world, wish, at),
        Input::Unknown(order) => cancel::unknown(world, order),
        Input::Reship(reship) => reship::decide(world, reship, at),
        Input::ReshipReady { shipment, unavailable } => reship::ready(world, shipment, unavailable, at),
        Input::Nothing => Decision::nothing(),
        Input::Authorized { release, folder } => {
            let state = world.get(&Key::Release(release.clone()));
            match state.as_ref() {
                State::New => authorize(room, world, release.clone(), folder, at),
                // Said again.
                State::Waiting(_)
                | State::Awaiting(_)
                | State::Reserved(_)
                | State::Requested(_)
                | State::Dispatched(_)
                | State::Shorted(_)
                | State::Cancelled
                | State::Order(_) => Decision::nothing(),
            }
        }
        Input::HandOver(release) => match world.get(&Key::Release(release.clone())).as_ref() {
            State::Waiting(Waiting { folder, .. }) => {
                let row = cancel::order(world, &release.order());
                if row.lapses(release) {
                    return lapse::time_is_over(release, folder, at);
                }
                hand_over(Decision::nothing(), row, release.clone(), folder, at)
            }
            State::New
            | State::Awaiting(_)
            | State::Reserved(_)
            | State::Requested(_)
            | State::Dispatched(_)
            | State::Shorted(_)
            | State::Cancelled
            | State::Order(_) => Decision::nothing(),
        },
        Input::Packed(packed) => match world.get(&of_row(&packed.shipment)).as_ref() {
            State::New | State::Order(_) => refuse(&packed.shipment, Refusal::UnknownShipment, at),
            State::Waiting(_) | State::Awaiting(_) | State::Reserved(_) | State::Cancelled => {
                refuse(&packed.shipment, Refusal::NotRequested, at)
            }
            State::Requested(requested) => pack(world, requested, packed, at),
            State::Dispatched(dispatched) => pack_again(dispatched, packed, at),
            State::Shorted(shorted) => {
                let refusal = of_shipment(&shorted.shipment, &packed.shipment, Refusal::WrongUnits);
                refuse(&packed.shipment, refusal, at)
            }
        },
        Input::Short(short) => match world.get(&of_row(&short.shipment)).as_ref() {
            State::New | State::Order(_) => refuse(&short.shipment, Refusal::UnknownShipment, at),
            State::Waiting(_) | State::Awaiting(_) | State::Reserved(_) | State::Cancelled => {
                refuse(&short.shipment, Refusal::NotRequested, at)
            }
            State::Requested(requested) => miss(world, requested, short, at),
            State::Dispatched(dispatched) => miss_late(dispatched, short, at),
            State::Shorted(shorted) => miss_again(shorted, short, at),
        },
    }
}

/// Why the warehouse's word is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    UnknownShipment,
    NotRequested,
    WrongUnits,
    AlreadyPacked,
    AlreadySeenWithOtherContent,
    TrackingNumberNotOfCarrier,
}

impl Refusal {
    const fn code(self) -> &'static str {
        match self {
            Self::UnknownShipment => "unknown_shipment",
            Self::NotRequested => "not_requested",
            Self::WrongUnits => "wrong_units",
            Self::AlreadyPacked => "already_packed",
            Self::AlreadySeenWithOtherContent => "already_seen_with_other_content",
            Self::TrackingNumberNotOfCarrier => "tracking_number_not_of_carrier",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::UnknownShipment => "no shipment with this id was ever asked for",
            Self::NotRequested => "this shipment is not asked for yet",
            Self::WrongUnits => "the lines are not within what was asked for and is not reported missing",
            Self::AlreadyPacked => "the shipment was already packed, with other content",
            Self::AlreadySeenWithOtherContent => {
                "units of an earlier report are left out; tell all that is missing, what was reported included"
            }
            Self::TrackingNumberNotOfCarrier => "the tracking number is not in this carrier's format",
        }
    }
}

fn authorize(
    room: &Fulfillment,
    world: &World<Fulfillment>,
    release: ReleaseId,
    folder: &Folder,
    at: &At<'_>,
) -> Decision<Fulfillment> {
    let order = release.order();
    let mut row = cancel::order(world, &order);
    let mut decision = Decision::nothing();
    // Nothing is authorized of an order that does not exist.
    cancel::exists(&mut row, &order, &mut decision);
    if row.cancelled.is_some() {
        // Payment lets the money go by itself: the release was not named as handed over.
        decision.set(Key::Order(order), State::Order(row));
        decision.set(Key::Release(release), State::Cancelled);
        return decision;
    }
    if room.handover_delay_seconds <= 0 && !row.lapses(&release) {
        return hand_over(decision, row, release, folder, at);
    }
    let until = at.now.plus_seconds(room.handover_delay_seconds.max(0));
    decision.due(&release, HAND_OVER, 0, until, &release);
    row.waiting.insert(release.clone());
    decision.set(Key::Order(order), State::Order(row));
    decision.set(Key::Release(release), State::Waiting(Waiting { folder: folder.clone(), until }));
    decision
}

/// The point of no return.
pub(crate) fn hand_over(
    mut decision: Decision<Fulfillment>,
    mut row: Order,
    release: ReleaseId,
    folder: &Folder,
    at: &At<'_>,
) -> Decision<Fulfillment> {
    let order = release.order();
    row.waiting.remove(&release);
    row.lapsing.remove(&release);
    row.handed_over.insert(release.clone(), folder.units.count());
    let shipment = ShipmentId::of(&release, FIRST_PARCEL);
    let request = ShipmentRequested {
        shipment: shipment.clone(),
        release: release.clone(),
        order: order.clone(),
        delivery: folder.delivery,
        gift: folder.gift,
        method: folder.method,
        lines: folder.units.lines(),
        address: None,
    };
    decision.emit(&order, &request);
    let with_address = ShipmentRequested { address: Some(folder.address.clone()), ..request };
    decision.emit_to(WAREHOUSE, &order, &with_address);
    let requested =
        Requested { shipment, folder: folder.clone(), requested_at: at.now, reported: Units::default() };
    decision.set(Key::Order(order), State::Order(row));
    decision.set(Key::Release(release), State::Requested(requested));
    decision
}

/// The parcel goes; what was asked for and is not in it will not come in another.
fn pack(
    world: &World<Fulfillment>,
    requested: &Requested,
    packed: &ShipmentPacked,
    at: &At<'_>,
) -> Decision<Fulfillment> {
    if packed.shipment != requested.shipment {
        return refuse(&packed.shipment, Refusal::UnknownShipment, at);
    }
    if !packed.tracking.carriers().contains(&packed.carrier) {
        return refuse(&packed.shipment, Refusal::TrackingNumberNotOfCarrier, at);
    }
    let Some((parcel, left)) = Parcel::of(packed)
        .and_then(|parcel| requested.open().minus(&parcel.units).map(|left| (parcel, left)))
    else {
        return refuse(&packed.shipment, Refusal::WrongUnits, at);
    };
    // Both are within what was asked for, so they add up.
    let missing = requested.reported.plus(&left).unwrap_or_default();
    let mut decision = Decision::nothing();
    if !left.is_empty() {
        shorted(&mut decision, world, requested, &missing, &left);
    }
    let release = requested.shipment.release();
    let order = release.order();
    let dispatched = ShipmentDispatched {
        shipment: requested.shipment.clone(),
        release,
        order: order.clone(),
        gift: requested.folder.gift,
        carrier: parcel.carrier,
        tracking: parcel.tracking.clone(),
        packed_at: parcel.packed_at,
        lines: parcel.units.lines(),
    };
    decision.emit(&order, &dispatched);
    done(&mut decision, &requested.shipment, at);
    let state = Dispatched {
        shipment: requested.shipment.clone(),
        method: requested.folder.method,
        parcel,
        missing,
        reported: requested.reported.clone(),
    };
    decision.set(of_row(&packed.shipment), State::Dispatched(state));
    decision
}

fn pack_again(dispatched: &Dispatched, packed: &ShipmentPacked, at: &At<'_>) -> Decision<Fulfillment> {
    if Parcel::of(packed).as_ref() == Some(&dispatched.parcel) && packed.shipment == dispatched.shipment {
        return repeated(&packed.shipment, "the parcel was already taken as dispatched", at);
    }
    let refusal = of_shipment(&dispatched.shipment, &packed.shipment, Refusal::AlreadyPacked);
    refuse(&packed.shipment, refusal, at)
}

/// Each report tells all that is missing, so of a later one only what is new counts.
fn miss(
    world: &World<Fulfillment>,
    requested: &Requested,
    short: &ShipmentShort,
    at: &At<'_>,
) -> Decision<Fulfillment> {
    if short.shipment != requested.shipment {
        return refuse(&short.shipment, Refusal::UnknownShipment, at);
    }
    let Some((missing, left)) = Units::of(&short.missing)
        .and_then(|missing| requested.folder.units.minus(&missing).map(|left| (missing, left)))
    else {
        return refuse(&short.shipment, Refusal::WrongUnits, at);
    };
    let Some(more) = missing.minus(&requested.reported).filter(|more| !more.is_empty()) else {
        return reported_again(&requested.reported, short, at);
    };
    let mut decision = Decision::nothing();
    shorted(&mut decision, world, requested, &missing, &more);
    done(&mut decision, &requested.shipment, at);
    let state = if left.is_empty() {
        State::Shorted(Shorted { shipment: requested.shipment.clone(), missing })
    } else {
        State::Requested(Requested { reported: missing, ..requested.clone() })
    };
    decision.set(of_row(&short.shipment), state);
    decision
}

/// After the parcel: what was not in it is known to be missing, so this only says so again.
fn miss_late(dispatched: &Dispatched, short: &ShipmentShort, at: &At<'_>) -> Decision<Fulfillment> {
    if short.shipment != dispatched.shipment {
        return refuse(&short.shipment, Refusal::UnknownShipment, at);
    }
    let asked_for = dispatched.missing.plus(&dispatched.parcel.units).unwrap_or_default();
    let Some(reported) = Units::of(&short.missing).filter(|missing| asked_for.minus(missing).is_some())
    else {
        return refuse(&short.shipment, Refusal::WrongUnits, at);
    };
    if dispatched.missing.minus(&reported).is_none() {
        return refuse(&short.shipment, Refusal::AlreadyPacked, at);
    }
    if reported.minus(&dispatched.reported).is_none_or(|more| more.is_empty()) {
        return reported_again(&dispatched.reported, short, at);
    }
    let mut decision = Decision::nothing();
    done(&mut decision, &dispatched.shipment, at);
    let state = Dispatched { reported, ..dispatched.clone() };
    decision.set(of_row(&short.shipment), State::Dispatched(state));
    decision
}

fn miss_again(shorted: &Shorted, short: &ShipmentShort, at: &At<'_>) -> Decision<Fulfillment> {
    if short.shipment != shorted.shipment {
        return refuse(&short.shipment, Refusal::UnknownShipment, at);
    }
    reported_again(&shorted.missing, short, at)
}

fn reported_again(reported: &Units, short: &ShipmentShort, at: &At<'_>) -> Decision<Fulfillment> {
    if Units::of(&short.missing).as_ref() == Some(reported) {
        return repeated(&short.shipment, "the missing units were already taken off the shipment", at);
    }
    refuse(&short.shipment, Refusal::AlreadySeenWithOtherContent, at)
}

/// Tells all that is `missing`, of which `more` was not told before: payment, which takes the units off what it will charge, inventory, which had them set aside, and a person, who
/// looks for them. A later parcel of a release is paid for already, so payment gives the money for them back.
fn shorted(
    decision: &mut Decision<Fulfillment>,
    world: &World<Fulfillment>,
    requested: &Requested,
    missing: &Units,
    more: &Units,
) {
    let release = requested.shipment.release();
    let order = release.order();
    if matches!(of_row(&requested.shipment), Key::Release(_)) {
        cancel::missed(world, &release, more.count(), decision);
    }
    let fact = ReleaseShorted {
        shipment: requested.shipment.clone(),
        release,
        order: order.clone(),
        delivery: requested.folder.delivery,
        missing: missing.lines(),
        address: requested.folder.address.clone(),
    };
    decision.emit(&order, &fact);
    let reason = format!(
        "the warehouse could not find {} of the {} units of this shipment",
        missing.count(),
        requested.folder.units.count()
    );
    decision.open_task(TaskKind::ShipmentShort, &requested.shipment, Some(&order), reason);
}

/// Another parcel's id is not known, whatever became of the one that was asked for.
fn of_shipment(known: &ShipmentId, told: &ShipmentId, refusal: Refusal) -> Refusal {
    if known == told { refusal } else { Refusal::UnknownShipment }
}

fn done(decision: &mut Decision<Fulfillment>, shipment: &ShipmentId, at: &At<'_>) {
    decision.answer(at, Some(shipment.as_str()), Outcome::Done, Some(&shipment.order()), None, None);
}

fn repeated(shipment: &ShipmentId, text: &str, at: &At<'_>) -> Decision<Fulfillment> {
    let order = shipment.order();
    let text = Some(text.to_owned());
    let mut decision = Decision::nothing();
    decision.answer(at, Some(shipment.as_str()), Outcome::Repeated, Some(&order), None, text);
    decision
}

fn refuse(shipment: &ShipmentId, refusal: Refusal, at: &At<'_>) -> Decision<Fulfillment> {
    let order: Option<OrderNumber> = match refusal {
        Refusal::UnknownShipment => None,
        Refusal::NotRequested
        | Refusal::WrongUnits
        | Refusal::AlreadyPacked
        | Refusal::AlreadySeenWithOtherContent
        | Refusal::TrackingNumberNotOfCarrier => Some(shipment.order()),
    };
    let text = Some(refusal.text().to_owned());
    let code = Some(refusal.code());
    let mut decision = Decision::nothing();
    decision.answer(at, Some(shipment.as_str()), Outcome::Refused, order.as_ref(), code, text);
    decision
}
