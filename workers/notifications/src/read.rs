//! The edge: what arrives becomes an [`Input`] of just what notices need. It opens no section.

use messages::Kind;
use messages::envelope::{Unreadable, read_body};
use messages::id::{OrderNumber, Reference};
use messages::order::{OrderAccepted, OrderHeld, OrderRefused};
use messages::payment::{PaymentDeclined, PaymentDelayed};
use messages::sealed::Sealed;
use messages::shipment::{ShipmentDelivered, ShipmentDispatched, ShipmentReturned, ShipmentUndeliverable};
use messages::stock::{StockBackordered, StockLimited, StockReserved, StockUnavailable, StockWaitlisted};
use messages::{Event, KindOf as _};
use serde::{Deserialize, Serialize};
use shell::{Arrival, ReadError};

use crate::facts::{Facts, Parcel, Placed, items, missing_items};
use crate::store::NoticeId;

/// The kind of the due rows that are calls to the mail relay.
pub const MAIL: &str = "mail";

/// What the room decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Accepted(Announced),
    Held(Announced),
    /// Refused, and the customer should hear of it.
    Refused(Refusal),
    /// Refused before there was anybody to tell; the sender was answered.
    NobodyToTell,
    Dispatched {
        order: OrderNumber,
        shipment: String,
        parcel: Parcel,
    },
    /// Any other fact that the customer is told.
    Told {
        order: OrderNumber,
        cause: String,
        facts: Facts,
    },
    /// A try to mail a notice ended.
    Answered {
        mail: Box<Mail>,
        attempt: i32,
        answer: Answer,
    },
}

/// An order that intake has read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    pub cause: String,
    pub order: OrderNumber,
    pub reference: Reference,
    pub contact: Sealed,
    pub placed: Placed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub cause: String,
    pub order: OrderNumber,
    pub reference: Reference,
    pub contact: Sealed,
    pub code: String,
}

/// The body of a call: everything that the mail is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub order: OrderNumber,
    pub cause: String,
    pub message_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    pub facts: Facts,
    pub contact: Sealed,
}

impl Mail {
    #[must_use]
    pub fn id(&self) -> NoticeId {
        NoticeId { order: self.order.clone(), kind: self.facts.kind(), cause: self.cause.clone() }
    }
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The relay has taken it.
    Sent,
    /// The order has no e-mail.
    NoEmail,
    /// The relay refused it for good (RFC 5321 §4.2.1, 5yz).
    Refused { code: u16 },
    /// No mail can be made of it: the contact does not open, or its address does not fit into a mail.
    Unsendable,
    /// It certainly did not go out, and may later.
    TryLater,
    /// It may have gone out.
    Unclear,
}

/// # Errors
/// The event or due row is not one of this room's.
pub fn read(arrival: &Arrival<'_>) -> Result<Input, ReadError> {
    match arrival {
        Arrival::Message { kind, event, sender: _ } => Ok(message(*kind, event)?),
        Arrival::Answer { due, answer } if due.kind == MAIL => Ok(Input::Answered {
            mail: Box::new(due.body()?),
            attempt: due.attempt,
            answer: read_body(answer)?,
        }),
        Arrival::Answer { .. } | Arrival::Timer { .. } => Err(Unreadable::UnknownType.into()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what other rooms read is nothing to this one")]
fn message(kind: Kind, event: &Event) -> Result<Input, Unreadable> {
    let cause = || event.id.clone();
    Ok(match kind {
        OrderAccepted::KIND => {
            let body: OrderAccepted = read_body(&event.data)?;
            let placed = Placed::of(body.lines, body.total, body.currency);
            let (order, reference, contact) = (body.order, body.reference, body.contact);
            Input::Accepted(Announced { cause: cause(), order, reference, contact, placed })
        }
        OrderHeld::KIND => {
            let body: OrderHeld = read_body(&event.data)?;
            let placed = Placed::of(body.lines, body.total, body.currency);
            let (order, reference, contact) = (body.order, body.reference, body.contact);
            Input::Held(Announced { cause: cause(), order, reference, contact, placed })
        }
        OrderRefused::KIND => refused(cause(), read_body(&event.data)?),
        ShipmentDispatched::KIND => {
            let body: ShipmentDispatched = read_body(&event.data)?;
            let (order, shipment) = (body.order.clone(), body.shipment.to_string());
            Input::Dispatched { order, shipment, parcel: Parcel::from(body) }
        }
        _ => {
            let (order, cause, facts) = told(kind, event)?;
            Input::Told { order, cause, facts }
        }
    })
}

fn refused(cause: String, body: OrderRefused) -> Input {
    // Without the section the refusal is between intake and the sender: the same number may be a good order's.
    match (body.order, body.contact) {
        (Some(order), Some(contact)) => {
            Input::Refused(Refusal { cause, order, reference: body.reference, contact, code: body.code })
        }
        (_, _) => Input::NobodyToTell,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what other rooms read is nothing to this one")]
fn told(kind: Kind, event: &Event) -> Result<(OrderNumber, String, Facts), Unreadable> {
    let cause = || event.id.clone();
    Ok(match kind {
        StockReserved::KIND => {
            let body: StockReserved = read_body(&event.data)?;
            (body.order, cause(), Facts::Confirmed(items(body.lines)))
        }
        StockLimited::KIND => {
            let body: StockLimited = read_body(&event.data)?;
            (body.order, cause(), Facts::Limited(items(body.lines)))
        }
        StockUnavailable::KIND => {
            let body: StockUnavailable = read_body(&event.data)?;
            (body.order, cause(), Facts::Unavailable(missing_items(body.lines)))
        }
        StockBackordered::KIND => {
            let body: StockBackordered = read_body(&event.data)?;
            let facts = Facts::Backordered { items: items(body.lines), expected_at: body.expected_at };
            (body.order, cause(), facts)
        }
        StockWaitlisted::KIND => {
            let body: StockWaitlisted = read_body(&event.data)?;
            (body.order, cause(), Facts::Waitlisted(items(body.lines)))
        }
        PaymentDelayed::KIND => {
            let body: PaymentDelayed = read_body(&event.data)?;
            let cause = body.release.to_string();
            (body.order, cause, Facts::PaymentDelayed { release: body.release, order: None })
        }
        PaymentDeclined::KIND => {
            let body: PaymentDeclined = read_body(&event.data)?;
            let cause = body.release.to_string();
            let facts = Facts::PaymentDeclined { release: body.release, class: body.class, order: None };
            (body.order, cause, facts)
        }
        ShipmentDelivered::KIND => {
            let body: ShipmentDelivered = read_body(&event.data)?;
            let facts = Facts::Delivered { at: body.delivered_at, parcel: None };
            (body.order, body.shipment.to_string(), facts)
        }
        ShipmentUndeliverable::KIND => {
            let body: ShipmentUndeliverable = read_body(&event.data)?;
            (body.order, body.shipment.to_string(), Facts::Undeliverable { parcel: None })
        }
        ShipmentReturned::KIND => {
            let body: ShipmentReturned = read_body(&event.data)?;
            (body.order, body.shipment.to_string(), Facts::Returned { parcel: None })
        }
        _ => return Err(Unreadable::UnknownType),
    })
}
