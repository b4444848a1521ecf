//! The decisions about an order: is it valid, and may it go ahead? Pure: it reads no clock, opens no section
//! and never asks how many units there are.

use std::collections::BTreeMap;

use messages::Timestamp;
use messages::answer::Outcome;
use messages::id::OrderNumber;
use messages::item::ItemNumber;
use messages::order::{HoldReason, OrderAccepted, OrderChange, OrderHeld, OrderRefused};
use messages::product::ProductDefined;
use messages::sealed::Fingerprint;
use shell::{At, World};

use crate::Intake;
use crate::admit::Fault;
use crate::holds;
use crate::read::{Input, Submission};
use crate::store::{Held, Key, NumberState, Offer, OrderName, OrderState, State};

/// How far ahead of our clock an order may say that it was received: a clock may be wrong, but an order from tomorrow
/// would stand outside of the household limit.
const AHEAD_SECONDS_MAX: i64 = 5 * 60;

pub(crate) type Decision = shell::Decision<Intake>;

/// The rows that an input touches, one table per round: so a batch locks numbers, then orders, then items,
/// and two replicas cannot wait for each other.
pub(crate) fn scope(input: &Input, found: &World<Intake>) -> Vec<Key> {
    match input {
        Input::Submission(submission) => {
            let number = Key::Number(submission.order.clone());
            if found.find(&number).is_none() {
                return vec![number];
            }
            let name = Key::Order(submission.name.clone());
            if found.find(&name).is_none() {
                return vec![name];
            }
            Vec::new()
        }
        Input::Change(change) => vec![Key::Number(change.order.clone())],
        Input::Ruling(ruling) => {
            let number = Key::Number(ruling.order.clone());
            std::iter::once(number)
                .chain(owner(found, &ruling.order).map(|name| Key::Order(name.clone())))
                .collect()
        }
        Input::Cancelled(cancelled) => {
            let number = Key::Number(cancelled.order.clone());
            std::iter::once(number)
                .chain(owner(found, &cancelled.order).map(|name| Key::Order(name.clone())))
                .collect()
        }
        Input::Product(defined) => vec![Key::Item(defined.product.item.clone())],
        Input::Flagged(flagged) => vec![Key::Address(flagged.address.clone())],
    }
}

/// Offers and flags are only read by an order, so that many rooms may judge orders for one item at the same moment: an
/// order is judged by the highest definition and the flags that came before it (listed races).
pub(crate) fn looks(input: &Input, found: &World<Intake>) -> Vec<Key> {
    match input {
        Input::Submission(submission) => match &submission.folder {
            Ok(folder) if order(found, &submission.name).is_open() => {
                let items = folder.lines.iter().map(|line| Key::Item(line.item.clone()));
                items.chain(folder.deliveries.iter().map(|one| Key::Address(one.address.clone()))).collect()
            }
            Ok(_) | Err(_) => Vec::new(),
        },
        Input::Change(_) | Input::Ruling(_) | Input::Product(_) | Input::Cancelled(_) | Input::Flagged(_) => {
            Vec::new()
        }
    }
}

/// What follows from an input.
pub(crate) fn decide(room: &Intake, world: &World<Intake>, input: &Input, at: &At<'_>) -> Decision {
    match input {
        Input::Submission(submission) => submitted(room, world, submission, at),
        Input::Change(change) => changed(world, change, at),
        Input::Ruling(ruling) => holds::ruled(world, ruling, at),
        Input::Product(defined) => product_defined(world, defined),
        Input::Cancelled(cancelled) => holds::cancelled(world, &cancelled.order),
        Input::Flagged(flagged) => address_flagged(world, &flagged.address),
    }
}

fn submitted(room: &Intake, world: &World<Intake>, submission: &Submission, at: &At<'_>) -> Decision {
    let before = order(world, &submission.name);
    if before.content() == Some(&submission.content) {
        return repeated(submission, before, at);
    }
    if !before.is_open() {
        return other_content(submission, at);
    }
    let folder = match &submission.folder {
        Ok(folder) => folder,
        Err(fault) => return faulty(submission, fault, at),
    };
    if owner(world, &submission.order).is_some_and(|name| *name != submission.name) {
        let text = "this reference gives an order number that another order has; send it under another one";
        return faulty(submission, &Fault::new("order_number_taken", text), at);
    }
    if *number(world, &submission.order) == NumberState::Cancelled {
        return cancelled_before(submission, folder, at);
    }
    match judge(room, world, folder, at.now) {
        Verdict::Faulty(fault) => faulty(submission, &fault, at),
        Verdict::TooEarly(fault) => too_early(submission, folder, &fault, at),
        Verdict::Held(reasons) => held(submission, folder, reasons, at),
        Verdict::Good => accepted(submission, folder, at),
    }
}

/// The same order again, under a new message id: the sender wants the answer, nothing else follows.
fn repeated(submission: &Submission, before: &OrderState, at: &At<'_>) -> Decision {
    let (code, text) = match before {
        OrderState::Unseen => (None, "the order is new".to_owned()),
        OrderState::Accepted { .. } => (None, "the order was accepted before".to_owned()),
        OrderState::Cancelled { .. } => (Some("cancelled"), "the order was cancelled".to_owned()),
        OrderState::Held(held) => (None, waits(&held.reasons)),
        OrderState::Faulty { code, text, .. } | OrderState::Refused { code, text, .. } => {
            (Some(code.as_str()), text.clone())
        }
    };
    let mut decision = Decision::nothing();
    answer_submission(&mut decision, submission, Outcome::Repeated, code, Some(text), at);
    decision
}

/// Nothing is told to the rooms: the order that has this reference stands as it is.
fn other_content(submission: &Submission, at: &At<'_>) -> Decision {
    let text = "an order of this reference was submitted before with other content, and stands as it is";
    let mut decision = Decision::nothing();
    let code = Some("already_seen_with_other_content");
    answer_submission(&mut decision, submission, Outcome::Refused, code, Some(text.to_owned()), at);
    decision
}

/// Told without our number: the sender may correct the fault, and the order then has this number.
fn faulty(submission: &Submission, fault: &Fault, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    decision.set(
        Key::Order(submission.name.clone()),
        State::Order(OrderState::Faulty {
            content: submission.content.clone(),
            code: fault.code.to_owned(),
            text: fault.text.clone(),
        }),
    );
    decision.emit(
        &submission.name.reference,
        &OrderRefused {
            sender: submission.name.sender.clone(),
            reference: submission.name.reference.clone(),
            order: None,
            code: fault.code.to_owned(),
            text: fault.text.clone(),
            contact: None,
            email: None,
        },
    );
    let text = Some(fault.text.clone());
    answer_submission(&mut decision, submission, Outcome::Refused, Some(fault.code), text, at);
    decision
}

fn too_early(submission: &Submission, folder: &OrderAccepted, fault: &Fault, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    refuse(&mut decision, submission.content.clone(), folder, fault);
    let text = Some(fault.text.clone());
    answer_submission(&mut decision, submission, Outcome::Refused, Some(fault.code), text, at);
    decision
}

/// Everybody heard of the cancellation before the order, so nothing more is told.
fn cancelled_before(submission: &Submission, folder: &OrderAccepted, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    own(&mut decision, folder);
    let state =
        OrderState::Cancelled { content: submission.content.clone(), order: submission.order.clone() };
    decision.set(Key::Order(submission.name.clone()), State::Order(state));
    let text = Some("the order was cancelled before it came".to_owned());
    answer_submission(&mut decision, submission, Outcome::Refused, Some("cancelled"), text, at);
    decision
}

fn held(submission: &Submission, folder: &OrderAccepted, reasons: Vec<HoldReason>, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    own(&mut decision, folder);
    decision.emit(
        &folder.order,
        &OrderHeld {
            order: folder.order.clone(),
            sender: folder.sender.clone(),
            reference: folder.reference.clone(),
            channel: folder.channel,
            reasons: reasons.clone(),
            lines: folder.lines.clone(),
            total: folder.total,
            currency: folder.currency,
            contact: folder.contact.clone(),
            email: folder.email.clone(),
        },
    );
    answer_submission(&mut decision, submission, Outcome::Held, None, Some(waits(&reasons)), at);
    let content = submission.content.clone();
    let held = Held { content, reasons, since: at.now, folder: folder.clone() };
    decision.set(Key::Order(submission.name.clone()), State::Order(OrderState::Held(Box::new(held))));
    decision
}

fn accepted(submission: &Submission, folder: &OrderAccepted, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    own(&mut decision, folder);
    decision.set(
        Key::Order(submission.name.clone()),
        State::Order(OrderState::Accepted {
            content: submission.content.clone(),
            order: folder.order.clone(),
        }),
    );
    decision.emit(&folder.order, folder);
    answer_submission(&mut decision, submission, Outcome::Accepted, None, None, at);
    decision
}

/// R75: once an order is in the books, nobody changes it.
fn changed(world: &World<Intake>, change: &OrderChange, at: &At<'_>) -> Decision {
    let (code, text) = if owner(world, &change.order).is_some() {
        ("order_is_final", "an order is not changed once it was submitted")
    } else {
        UNKNOWN_ORDER
    };
    let mut decision = Decision::nothing();
    let reference = Some(change.reference.as_str());
    decision.answer(at, reference, Outcome::Refused, Some(&change.order), Some(code), Some(text.to_owned()));
    decision
}

pub(crate) const UNKNOWN_ORDER: (&str, &str) = ("unknown_order", "no order has this number");

/// A later definition wins, in whatever order they come.
fn product_defined(world: &World<Intake>, defined: &ProductDefined) -> Decision {
    let mut decision = Decision::nothing();
    let item = &defined.product.item;
    if offer(world, item).is_none_or(|known| known.version < defined.version) {
        let offer = Offer::of(&defined.product, defined.version);
        decision.set(Key::Item(item.clone()), State::Item(Some(offer)));
    }
    decision
}

/// A flag stays: from now on somebody looks at each order to this address (R45).
fn address_flagged(world: &World<Intake>, address: &Fingerprint) -> Decision {
    let mut decision = Decision::nothing();
    if !is_flagged(world, address) {
        decision.set(Key::Address(address.clone()), State::Address(true));
    }
    decision
}

enum Verdict {
    Faulty(Fault),
    TooEarly(Fault),
    Held(Vec<HoldReason>),
    Good,
}

fn judge(room: &Intake, world: &World<Intake>, folder: &OrderAccepted, now: Timestamp) -> Verdict {
    if folder.place.received_at.seconds_since(now) > AHEAD_SECONDS_MAX {
        let text = "the order says that it was received more than five minutes from now";
        return Verdict::Faulty(Fault::new("bad_received_at", text));
    }
    // A clock that is ahead opens no sale early.
    let received_at = folder.place.received_at.min(now);
    // Units of an item over all lines, with the number that is usual.
    let mut ordered: BTreeMap<&ItemNumber, (u64, Option<u32>)> = BTreeMap::new();
    for line in &folder.lines {
        let (at, item) = (line.line, &line.item);
        let Some(offer) = offer(world, item) else {
            let text = format!("line {at}: there is no item {item}");
            return Verdict::Faulty(Fault::new("unknown_item", text));
        };
        if received_at < offer.on_sale_at {
            let from = offer.on_sale_at;
            let text = format!("item {item} is on sale from {from}; the order was received before");
            return Verdict::TooEarly(Fault::new("too_early", text));
        }
        if folder.currency != offer.currency {
            let text = format!("line {at}: item {item} is sold in {}", offer.currency);
            return Verdict::Faulty(Fault::new("wrong_currency", text));
        }
        if line.unit_price != offer.price {
            let text = format!("line {at}: item {item} costs {}, not {}", offer.price, line.unit_price);
            return Verdict::Faulty(Fault::new("wrong_price", text));
        }
        ordered.entry(item).or_insert((0, offer.unusual_quantity)).0 += u64::from(line.quantity);
    }
    let mut reasons = Vec::new();
    if ordered.values().any(|(units, usual)| usual.is_some_and(|usual| *units > u64::from(usual))) {
        reasons.push(HoldReason::UnusualQuantity);
    }
    if room.verify_amount.minor() > 0 && folder.total > room.verify_amount {
        reasons.push(HoldReason::NeedsVerification);
    }
    if folder.deliveries.iter().any(|one| is_flagged(world, &one.address)) {
        reasons.push(HoldReason::FlaggedAddress);
    }
    if reasons.is_empty() { Verdict::Good } else { Verdict::Held(reasons) }
}

/// The order is refused for good and the customer is told, so the row and the number stand.
pub(crate) fn refuse(decision: &mut Decision, content: Fingerprint, folder: &OrderAccepted, fault: &Fault) {
    own(decision, folder);
    decision.set(
        Key::Order(name_of(folder)),
        State::Order(OrderState::Refused {
            content,
            order: folder.order.clone(),
            code: fault.code.to_owned(),
            text: fault.text.clone(),
        }),
    );
    decision.emit(
        &folder.order,
        &OrderRefused {
            sender: folder.sender.clone(),
            reference: folder.reference.clone(),
            order: Some(folder.order.clone()),
            code: fault.code.to_owned(),
            text: fault.text.clone(),
            contact: Some(folder.contact.clone()),
            email: folder.email.clone(),
        },
    );
}

/// From now on the number leads to the order.
fn own(decision: &mut Decision, folder: &OrderAccepted) {
    decision.set(Key::Number(folder.order.clone()), State::Number(NumberState::Of(name_of(folder))));
}

fn name_of(folder: &OrderAccepted) -> OrderName {
    OrderName { sender: folder.sender.clone(), reference: folder.reference.clone() }
}

fn waits(reasons: &[HoldReason]) -> String {
    let names: Vec<&str> = reasons.iter().map(|reason| reason.name()).collect();
    format!("the order waits until a person has looked at it: {}", names.join(", "))
}

fn answer_submission(
    decision: &mut Decision,
    submission: &Submission,
    outcome: Outcome,
    code: Option<&str>,
    text: Option<String>,
    at: &At<'_>,
) {
    let reference = Some(submission.name.reference.as_str());
    decision.answer(at, reference, outcome, Some(&submission.order), code, text);
}

pub(crate) fn order<'w>(world: &'w World<Intake>, name: &OrderName) -> &'w OrderState {
    match world.find(&Key::Order(name.clone())) {
        Some(State::Order(state)) => state,
        Some(State::Number(_) | State::Item(_) | State::Address(_)) | None => &OrderState::Unseen,
    }
}

pub(crate) fn number<'w>(world: &'w World<Intake>, number: &OrderNumber) -> &'w NumberState {
    match world.find(&Key::Number(number.clone())) {
        Some(State::Number(state)) => state,
        Some(State::Order(_) | State::Item(_) | State::Address(_)) | None => &NumberState::Free,
    }
}

pub(crate) fn owner<'w>(world: &'w World<Intake>, order: &OrderNumber) -> Option<&'w OrderName> {
    match number(world, order) {
        NumberState::Of(name) => Some(name),
        NumberState::Free | NumberState::Cancelled => None,
    }
}

fn offer<'w>(world: &'w World<Intake>, item: &ItemNumber) -> Option<&'w Offer> {
    match world.find(&Key::Item(item.clone())) {
        Some(State::Item(offer)) => offer.as_ref(),
        Some(State::Number(_) | State::Order(_) | State::Address(_)) | None => None,
    }
}

fn is_flagged(world: &World<Intake>, address: &Fingerprint) -> bool {
    matches!(world.find(&Key::Address(address.clone())), Some(State::Address(true)))
}
