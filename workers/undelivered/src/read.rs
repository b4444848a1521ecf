//! The edge: tokens are checked and corrected addresses sealed here, so that no decision sees either in clear.
//! Nothing that is opened is kept.

use std::collections::BTreeMap;

use messages::address::{AddressParts, PostalAddress, Unparsed};
use messages::case::{CaseAnswer, CaseNote, CaseReceive, CaseResolve, CaseWish};
use messages::envelope::{Unreadable, read_body};
use messages::id::{OrderNumber, Reference, ShipmentId, UserId};
use messages::order::{DeliverySection, OrderAccepted, SubmittedAddress};
use messages::outsiders::OPERATOR;
use messages::sealed::{Keyring, SealError, Sealed, Section};
use messages::shipment::{
    ShipmentDelivered, ShipmentDispatched, ShipmentLost, ShipmentReturned, ShipmentUndeliverable,
};
use messages::{Event, Kind, Timestamp};
use shell::worker::Sender;
use shell::{Arrival, ReadError};
use time::UtcOffset;

use crate::case::{Parcel, Recipient, Sighting};
use crate::classes::{Event as Heard, Reason};
use crate::store::{CONTACT, DECIDE};

/// What the tokens of cases are for.
pub const TOKEN_PURPOSE: &str = "case";
/// How often a purchaser is asked.
pub const CONTACTS_MAX: u8 = 2;
/// The delivery number under which a corrected address is sealed; its subject is the case.
pub const CORRECTION: u16 = 0;
/// The outsider whose staff answer for customers, besides the operator's.
const CALL_CENTRE: &str = "call-centre";

/// What can happen to an order's parcels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Accepted {
        order: OrderNumber,
        deliveries: Vec<Recipient>,
    },
    Dispatched {
        shipment: ShipmentId,
        parcel: Parcel,
    },
    Seen {
        shipment: ShipmentId,
        sighting: Sighting,
    },
    Answer(Box<Answer>),
    Note(CaseNote),
    Resolve(CaseResolve),
    Receive(CaseReceive),
    /// The purchaser is to be asked, for this time.
    Contact {
        case: ShipmentId,
        number: u8,
    },
    /// The time for an answer, or for the parcel to come back, is over.
    Decide {
        case: ShipmentId,
    },
}

/// An answer to a case's question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub reference: Reference,
    pub case: ShipmentId,
    pub by: Answerer,
    pub wish: Wish,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answerer {
    /// Whoever has the mail of this contact.
    Customer {
        contact: u8,
    },
    Staff(UserId),
    /// Neither a token that fits nor staff.
    Nobody,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// With the corrected address, sealed, if one was given.
    Reship(Option<Sealed>),
    Refund,
    /// The address does not parse; why, without repeating it.
    BadAddress(String),
}

impl Input {
    /// The order that it is about.
    #[must_use]
    pub fn order(&self) -> OrderNumber {
        match self {
            Self::Accepted { order, .. } => order.clone(),
            Self::Dispatched { shipment, .. } | Self::Seen { shipment, .. } => shipment.order(),
            Self::Answer(answer) => answer.case.order(),
            Self::Note(note) => note.case.order(),
            Self::Resolve(resolve) => resolve.case.order(),
            Self::Receive(receive) => receive.shipment.order(),
            Self::Contact { case, .. } | Self::Decide { case } => case.order(),
        }
    }

    /// The one parcel that it is about; absent where it is about the whole order.
    #[must_use]
    pub fn shipment(&self) -> Option<&ShipmentId> {
        match self {
            Self::Accepted { .. } => None,
            Self::Dispatched { shipment, .. } | Self::Seen { shipment, .. } => Some(shipment),
            Self::Answer(answer) => Some(&answer.case),
            Self::Note(note) => Some(&note.case),
            Self::Resolve(resolve) => Some(&resolve.case),
            Self::Receive(receive) => Some(&receive.shipment),
            Self::Contact { case, .. } | Self::Decide { case } => Some(case),
        }
    }
}

/// Parses what arrived.
///
/// # Errors
/// The body is unreadable, an address is not one of its order, or this process lacks a key.
pub fn read(arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
    match *arrival {
        Arrival::Message { kind, event, sender } => match sender {
            Sender::Room => told(kind, event, ring),
            Sender::Outsider(name) => asked(kind, event, name, ring),
        },
        Arrival::Timer { due } if due.kind == CONTACT => {
            let number =
                u8::try_from(due.epoch).map_err(|_| unreadable("epoch", "is no number of a contact"))?;
            Ok(Input::Contact { case: due.body()?, number })
        }
        Arrival::Timer { due } if due.kind == DECIDE => Ok(Input::Decide { case: due.body()? }),
        Arrival::Timer { .. } | Arrival::Answer { .. } => Err(Unreadable::UnknownType.into()),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the catalogue says what is read here; all else is unknown"
)]
fn told(kind: Kind, event: &Event, ring: &Keyring) -> Result<Input, ReadError> {
    let trouble = |shipment, reason| Ok(Input::Seen { shipment, sighting: Sighting::Trouble(reason) });
    match kind {
        Kind::OrderAccepted => accepted(event, ring),
        Kind::ShipmentDispatched => {
            let ShipmentDispatched { shipment, gift, lines, .. } = read_body(&event.data)?;
            if lines.is_empty() {
                return Err(unreadable("lines", "hold no units"));
            }
            Ok(Input::Dispatched { shipment, parcel: Parcel { gift, lines } })
        }
        Kind::ShipmentUndeliverable => {
            let fact: ShipmentUndeliverable = read_body(&event.data)?;
            let (code, endorsement) = (fact.code.as_deref(), fact.endorsement.as_deref());
            trouble(fact.shipment, Reason::of(fact.carrier, code, endorsement, Heard::NotDelivered))
        }
        Kind::ShipmentReturned => {
            let fact: ShipmentReturned = read_body(&event.data)?;
            let (code, endorsement) = (fact.code.as_deref(), fact.endorsement.as_deref());
            let reason = Reason::of(fact.carrier, code, endorsement, Heard::NotDelivered);
            let sighting = Sighting::Returned { at: in_utc(fact.returned_at), reason };
            Ok(Input::Seen { shipment: fact.shipment, sighting })
        }
        Kind::ShipmentLost => {
            let ShipmentLost { shipment, carrier, .. } = read_body(&event.data)?;
            trouble(shipment, Reason::of(carrier, None, None, Heard::Lost))
        }
        Kind::ShipmentDelivered => {
            let ShipmentDelivered { shipment, delivered_at, .. } = read_body(&event.data)?;
            Ok(Input::Seen { shipment, sighting: Sighting::Delivered { at: in_utc(delivered_at) } })
        }
        _ => Err(Unreadable::UnknownType.into()),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the catalogue says what is read here; all else is unknown"
)]
fn asked(kind: Kind, event: &Event, sender: &str, ring: &Keyring) -> Result<Input, ReadError> {
    match kind {
        Kind::CaseAnswer => {
            answer(read_body(&event.data)?, sender, ring).map(|answer| Input::Answer(Box::new(answer)))
        }
        Kind::CaseNote => Ok(Input::Note(read_body(&event.data)?)),
        Kind::CaseResolve => Ok(Input::Resolve(read_body(&event.data)?)),
        Kind::CaseReceive => Ok(Input::Receive(read_body(&event.data)?)),
        _ => Err(Unreadable::UnknownType.into()),
    }
}

/// One time in one form, so that equal facts make equal rows.
fn in_utc(time: Timestamp) -> Timestamp {
    Timestamp(time.0.to_offset(UtcOffset::UTC))
}

fn accepted(event: &Event, ring: &Keyring) -> Result<Input, ReadError> {
    let OrderAccepted { order, lines, deliveries, .. } = read_body(&event.data)?;
    let mut by_recipient: BTreeMap<u16, Vec<u16>> = BTreeMap::new();
    for line in lines {
        by_recipient.entry(line.delivery).or_default().push(line.line);
    }
    let mut recipients = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        // A section that does not open would hold up every batch with its reship, so its event is parked here, alone.
        match ring.open::<DeliverySection>(
            Section::Delivery,
            order.as_str(),
            delivery.number,
            &delivery.section,
        ) {
            Ok(_) => {}
            Err(error) if error.is_ours() => return Err(error.into()),
            Err(_) => return Err(unreadable("deliveries", "hold a section that is not of this order")),
        }
        recipients.push(Recipient {
            number: delivery.number,
            lines: by_recipient.remove(&delivery.number).unwrap_or_default(),
            address: delivery.address,
            section: delivery.section,
        });
    }
    Ok(Input::Accepted { order, deliveries: recipients })
}

fn answer(said: CaseAnswer, sender: &str, ring: &Keyring) -> Result<Answer, ReadError> {
    let CaseAnswer { reference, case, token, user, wish, address } = said;
    let by = match user {
        Some(user) if sender == OPERATOR || sender == CALL_CENTRE => Answerer::Staff(user),
        Some(_) | None => customer(&case, token.as_deref(), ring)?,
    };
    let wish = match (wish, address) {
        (CaseWish::Refund, _) => Wish::Refund,
        (CaseWish::Reship, None) => Wish::Reship(None),
        (CaseWish::Reship, Some(address)) => match parse(address) {
            Ok(address) => {
                let now = shell::clock::now();
                let subject = case.as_str();
                let sealed = ring.seal(Section::Delivery, subject, CORRECTION, &address, now)?;
                Wish::Reship(Some(sealed))
            }
            Err(why) => Wish::BadAddress(why),
        },
    };
    Ok(Answer { reference, case, by, wish })
}

/// Every token and every code is tried, so that the time taken tells nothing.
fn customer(case: &ShipmentId, token: Option<&str>, ring: &Keyring) -> Result<Answerer, SealError> {
    let Some(token) = token else { return Ok(Answerer::Nobody) };
    let mut by = Answerer::Nobody;
    for contact in 1..=CONTACTS_MAX {
        let (case, number) = (case.as_str(), u16::from(contact));
        let fits = ring.token_fits(TOKEN_PURPOSE, case, number, token)?;
        if ring.typed_code_fits(TOKEN_PURPOSE, case, number, token)? || fits {
            by = Answerer::Customer { contact };
        }
    }
    Ok(by)
}

fn parse(address: SubmittedAddress) -> Result<PostalAddress, String> {
    let parts = AddressParts {
        line1: Unparsed(address.line1),
        line2: address.line2.map(Unparsed),
        city: Unparsed(address.city),
        state: address.state.map(Unparsed),
        postal_code: Unparsed(address.postal_code),
        country: Unparsed(address.country),
    };
    PostalAddress::parse(parts).map_err(|error| error.to_string())
}

fn unreadable(path: &str, problem: &'static str) -> ReadError {
    Unreadable::Body { path: path.to_owned(), problem }.into()
}
