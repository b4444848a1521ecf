//! What follows from a fact, a command or a time that has come: which rows it touches, and what is kept for a
//! partner that has not come yet. Pure; what a case does is the desk's business.

use std::borrow::Cow;
use std::collections::BTreeSet;

use messages::case::CaseEnd;
use messages::id::{OrderNumber, ShipmentId};
use shell::{At, Decision, World};

use crate::Undelivered;
use crate::case::{CaseState, Open, OrderState, Parcel, Quiet, Recipient, Sighting, Step};
use crate::desk::{Desk, Ending};
use crate::read::Input;
use crate::store::{Key, State};

/// The decision.
#[must_use]
pub fn decide(
    room: &Undelivered,
    world: &World<Undelivered>,
    input: &Input,
    at: &At<'_>,
) -> Decision<Undelivered> {
    let order = order_of(world, &input.order());
    if let Input::Accepted { order: number, deliveries } = input {
        return accepted(room, world, &order, number, deliveries, at);
    }
    let Some(shipment) = input.shipment() else { return Decision::nothing() };
    let state = case_of(world, shipment);
    let mut desk = Desk { room, at, case: shipment, order: order.as_ref(), out: Decision::nothing() };
    let next = match input {
        Input::Accepted { .. } => None,
        Input::Dispatched { parcel, .. } => dispatched(&mut desk, &state, parcel),
        Input::Seen { sighting, .. } => seen(&mut desk, &state, sighting),
        Input::Answer(answer) => desk.answer(&state, answer),
        Input::Note(note) => desk.note(&state, note),
        Input::Resolve(ruling) => desk.resolve(&state, ruling),
        Input::Receive(scan) => desk.receive(&state, scan),
        Input::Contact { number, .. } => contact(&mut desk, state.into_owned(), *number),
        Input::Decide { .. } => time_is_over(&mut desk, state.into_owned()),
    };
    let mut decision = desk.out;
    if let Some(next) = next {
        if let (CaseState::Quiet(_), OrderState::Unseen { waiting }) = (&next, order.as_ref())
            && !waiting.contains(shipment)
        {
            let mut waiting = waiting.clone();
            waiting.insert(shipment.clone());
            decision.set(Key::Order(shipment.order()), State::Order(OrderState::Unseen { waiting }));
        }
        decision.set(Key::Case(shipment.clone()), State::Case(next));
    }
    decision
}

/// The parcels that waited for their order go on.
fn accepted(
    room: &Undelivered,
    world: &World<Undelivered>,
    known: &OrderState,
    number: &OrderNumber,
    deliveries: &[Recipient],
    at: &At<'_>,
) -> Decision<Undelivered> {
    let mut decision = Decision::nothing();
    let OrderState::Unseen { waiting } = known else { return decision };
    let order = OrderState::Accepted { deliveries: deliveries.to_vec() };
    for shipment in waiting {
        let mut desk = Desk { room, at, case: shipment, order: &order, out: decision };
        let next = desk.heed(case_of(world, shipment).into_owned());
        decision = desk.out;
        decision.set(Key::Case(shipment.clone()), State::Case(next));
    }
    decision.set(Key::Order(number.clone()), State::Order(order));
    decision
}

fn dispatched(desk: &mut Desk<'_>, state: &CaseState, parcel: &Parcel) -> Option<CaseState> {
    match state {
        CaseState::Quiet(Quiet { parcel: None, facts }) => {
            let quiet = Quiet { parcel: Some(parcel.clone()), facts: facts.clone() };
            Some(desk.heed(CaseState::Quiet(quiet)))
        }
        // Said again.
        CaseState::Quiet(Quiet { parcel: Some(_), .. }) | CaseState::Open(_) | CaseState::Ended(_) => None,
    }
}

fn seen(desk: &mut Desk<'_>, state: &CaseState, sighting: &Sighting) -> Option<CaseState> {
    let after = state.facts().clone().with(sighting);
    if after == *state.facts() {
        return None;
    }
    let mut state = state.clone();
    match &mut state {
        CaseState::Quiet(quiet) => quiet.facts = after,
        CaseState::Open(open) => open.file.facts = after,
        CaseState::Ended(ended) => ended.file.facts = after,
    }
    Some(desk.heed(state))
}

/// The time for a question has come; one that was asked meanwhile is not asked again.
fn contact(desk: &mut Desk<'_>, state: CaseState, number: u8) -> Option<CaseState> {
    let CaseState::Open(open) = state else { return None };
    let Open { file, step } = *open;
    match step {
        Step::Opened => Some(desk.ask(file, None)),
        Step::Asked { answer_by } if file.contacts < number => Some(desk.ask(file, Some(answer_by))),
        Step::Asked { .. } | Step::Awaiting { .. } | Step::Person => None,
    }
}

/// No answer, or the parcel is not back: the purchaser gets the money.
fn time_is_over(desk: &mut Desk<'_>, state: CaseState) -> Option<CaseState> {
    let CaseState::Open(open) = state else { return None };
    let Open { file, step } = *open;
    let reason = match step {
        Step::Asked { .. } => "there was no answer in time",
        Step::Awaiting { .. } => "the parcel did not come back in time",
        Step::Opened | Step::Person => return None,
    };
    Some(desk.end(file, Ending::by_rule(CaseEnd::Refund, reason)))
}

fn order_of<'a>(world: &'a World<Undelivered>, number: &OrderNumber) -> Cow<'a, OrderState> {
    match world.find(&Key::Order(number.clone())) {
        Some(State::Order(order)) => Cow::Borrowed(order),
        // A row of the other table never stands under this key.
        Some(State::Case(_)) | None => Cow::Owned(OrderState::Unseen { waiting: BTreeSet::new() }),
    }
}

fn case_of<'a>(world: &'a World<Undelivered>, shipment: &ShipmentId) -> Cow<'a, CaseState> {
    match world.find(&Key::Case(shipment.clone())) {
        Some(State::Case(case)) => Cow::Borrowed(case),
        // A row of the other table never stands under this key.
        Some(State::Order(_)) | None => Cow::Owned(CaseState::Quiet(Quiet::default())),
    }
}
