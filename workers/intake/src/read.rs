//! The edge: what arrived becomes an [`Input`]. Here, and nowhere later, a submission is parsed,
//! fingerprinted and sealed; what leaves this file has no personal value in clear.

use messages::case::AddressFlagged;
use messages::envelope::{Unreadable, read_body};
use messages::id::{OrderNumber, UserId};
use messages::order::{
    Delivery, HoldRefuse, HoldRelease, OrderAccepted, OrderCancelled, OrderChange, OrderSubmit, Place,
};
use messages::product::ProductDefined;
use messages::sealed::{Fingerprint, Keyring, SealError, Section, Trait};
use messages::{Event, Kind};
use serde_json::Value;
use shell::worker::Sender;
use shell::{Arrival, ReadError};
use time::OffsetDateTime;

use crate::admit::{Clear, ClearDelivery, Fault, admit};
use crate::cards;
use crate::store::OrderName;

/// Characters of a reason at most.
const REASON_MAX: usize = 500;

/// What intake reads.
#[derive(Debug)]
pub enum Input {
    Submission(Box<Submission>),
    Change(OrderChange),
    Ruling(Ruling),
    Product(Box<ProductDefined>),
    Cancelled(OrderCancelled),
    Flagged(AddressFlagged),
}

/// An order as an outsider submitted it, parsed and sealed, or what is wrong with it.
#[derive(Debug)]
pub struct Submission {
    pub name: OrderName,
    pub order: OrderNumber,
    /// Fingerprint of the whole message body.
    pub content: Fingerprint,
    /// The order as it is accepted, should it be.
    pub folder: Result<OrderAccepted, Fault>,
}

/// What a person says about a held order.
#[derive(Debug)]
pub struct Ruling {
    pub order: OrderNumber,
    pub released: bool,
    pub user: UserId,
    /// Why; or what is wrong with the command.
    pub reason: Result<String, Fault>,
}

/// Reads what arrived.
///
/// # Errors
/// The body is not of its type, nobody from outside sent it, or this process lacks a key.
pub(crate) fn read(arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
    let Arrival::Message { kind, event, sender } = arrival else {
        return Err(Unreadable::UnknownType.into());
    };
    match (kind, sender) {
        (Kind::OrderSubmit, Sender::Outsider(sender)) => {
            submission(event, sender, ring, shell::clock::now()).map(|read| Input::Submission(Box::new(read)))
        }
        (Kind::OrderChange, Sender::Outsider(_)) => Ok(Input::Change(read_body(&event.data)?)),
        (Kind::HoldRelease, Sender::Outsider(_)) => {
            let HoldRelease { order, user, reason } = read_body(&event.data)?;
            Ok(Input::Ruling(Ruling { order, released: true, user, reason: reason_of(event, reason)? }))
        }
        (Kind::HoldRefuse, Sender::Outsider(_)) => {
            let HoldRefuse { order, user, reason } = read_body(&event.data)?;
            Ok(Input::Ruling(Ruling { order, released: false, user, reason: reason_of(event, reason)? }))
        }
        (Kind::ProductDefined, Sender::Room) => Ok(Input::Product(Box::new(read_body(&event.data)?))),
        (Kind::OrderCancelled, Sender::Room) => Ok(Input::Cancelled(read_body(&event.data)?)),
        (Kind::AddressFlagged, Sender::Room) => Ok(Input::Flagged(read_body(&event.data)?)),
        (_, Sender::Room | Sender::Outsider(_)) => Err(Unreadable::UnknownType.into()),
    }
}

/// `now` chooses the quarter of the keys: the event's own time may be of a quarter whose keys are gone.
fn submission(
    event: &Event,
    sender: &str,
    ring: &Keyring,
    now: OffsetDateTime,
) -> Result<Submission, ReadError> {
    let submit: OrderSubmit = read_body(&event.data)?;
    if cards::in_text(submit.reference.as_str()).is_some() {
        // Answered and told under its reference, the number would go on in clear.
        let problem = "has a card number in it";
        return Err(Unreadable::Body { path: "reference".to_owned(), problem }.into());
    }
    // Parsed, its fields have one order and no space, however it was written.
    let body: Value = read_body(&event.data)?;
    let name = OrderName { sender: sender.to_owned(), reference: submit.reference.clone() };
    let order = ring.order_number(sender, submit.reference.as_str())?;
    let content = ring.fingerprint(Trait::Content, &body.to_string())?;
    let folder = match cards::find(&body) {
        Some(found) => Err(found.into()),
        None => folder(event, &name, &order, submit, ring, now)?,
    };
    Ok(Submission { name, order, content, folder })
}

fn folder(
    event: &Event,
    name: &OrderName,
    order: &OrderNumber,
    submit: OrderSubmit,
    ring: &Keyring,
    now: OffsetDateTime,
) -> Result<Result<OrderAccepted, Fault>, SealError> {
    let (channel, agent) = (submit.channel, submit.agent.clone());
    let place = Place { received_at: submit.received_at, message_id: event.id.clone() };
    let clear = match admit(submit) {
        Ok(clear) => clear,
        Err(fault) => return Ok(Err(fault)),
    };
    let subject = order.as_str();
    let account =
        clear.customer.as_deref().map(|customer| ring.fingerprint(Trait::Account, customer)).transpose()?;
    let email = clear
        .contact
        .email
        .as_ref()
        .map(|email| ring.fingerprint(Trait::Email, &email.normalized()))
        .transpose()?;
    Ok(Ok(OrderAccepted {
        email,
        card: ring.fingerprint(Trait::Card, &clear.card)?,
        account,
        payment: ring.seal(Section::Payment, subject, 0, &clear.payment, now)?,
        contact: ring.seal(Section::Contact, subject, 0, &clear.contact, now)?,
        deliveries: deliveries(&clear, subject, ring, now)?,
        order: order.clone(),
        sender: name.sender.clone(),
        reference: name.reference.clone(),
        channel,
        place,
        agent,
        customer: clear.customer,
        lines: clear.lines,
        shipping: clear.shipping,
        total: clear.total,
        currency: clear.currency,
    }))
}

fn deliveries(
    clear: &Clear,
    subject: &str,
    ring: &Keyring,
    now: OffsetDateTime,
) -> Result<Vec<Delivery>, SealError> {
    let sealed = |(number, one): (u16, &ClearDelivery)| {
        Ok(Delivery {
            number,
            gift: one.gift,
            method: one.method,
            address: ring.fingerprint(Trait::Address, &one.section.address.normalized())?,
            section: ring.seal(Section::Delivery, subject, number, &one.section, now)?,
        })
    };
    (1_u16..).zip(&clear.deliveries).map(sealed).collect()
}

/// A reason stands in clear in the history of the order, so it is searched for cards too.
fn reason_of(event: &Event, reason: String) -> Result<Result<String, Fault>, ReadError> {
    let body: Value = read_body(&event.data)?;
    if let Some(found) = cards::find(&body) {
        return Ok(Err(found.into()));
    }
    let fits = !reason.trim().is_empty() && reason.chars().count() <= REASON_MAX;
    let fault = || Fault::new("bad_reason", format!("a reason has 1 to {REASON_MAX} characters"));
    Ok(if fits { Ok(reason) } else { Err(fault()) })
}
