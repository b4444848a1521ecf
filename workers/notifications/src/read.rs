//! The edge: what arrives becomes an [`Input`] of just what notices need. It opens no section, and of a mail that
//! came back only a fingerprint of its address goes further.

use messages::Kind;
use messages::bounce::MailBounced;
use messages::case::{CaseAsked, CaseChange, CaseChanged, CaseClass, CaseEnd, CaseOpened, CaseResolved};
use messages::envelope::{Unreadable, read_body};
use messages::id::{OrderNumber, Reference, sha256_hex};
use messages::notice::NoticeKind;
use messages::order::{OrderAccepted, OrderCancelled, OrderHeld, OrderRefused};
use messages::payment::{PaymentDeclined, PaymentDelayed, PaymentRefunded};
use messages::sealed::{Fingerprint, Keyring, Sealed, Trait};
use messages::shipment::{ShipmentDelivered, ShipmentDispatched, ShipmentReturned, ShipmentUndeliverable};
use messages::stock::{StockBackordered, StockLimited, StockReserved, StockUnavailable, StockWaitlisted};
use messages::tracking_number::Carrier;
use messages::{Event, KindOf as _};
use serde::{Deserialize, Serialize};
use shell::{Arrival, ReadError};

use crate::facts::{Facts, Parcel, Placed, items, missing_items};
use crate::report::{Failure, Report, ReportError, Status};
use crate::store::{NoticeId, kind_of};

/// The kind of the due rows that are calls to the mail relay.
pub const MAIL: &str = "mail";
/// Hexadecimal digits by which a mail that came back is known again.
const MARK_DIGITS: usize = 20;

/// What the room decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Accepted(Announced),
    Held(Announced),
    /// Refused, and the customer should hear of it.
    Refused(Refusal),
    /// Nothing that the customer should hear by mail.
    NothingToTell,
    Dispatched {
        order: OrderNumber,
        shipment: String,
        parcel: Parcel,
    },
    Cancelled {
        order: OrderNumber,
        handed_over: usize,
    },
    /// Somebody has died: no more mail about this order, nor to its address.
    Silence {
        order: OrderNumber,
    },
    /// A case has ended for good; `facts` is absent where the customer hears of it otherwise.
    CaseEnded {
        order: OrderNumber,
        case: String,
        facts: Option<Facts>,
    },
    Bounced(Box<Bounce>),
    /// A report that tells of no failure, or is none.
    NoBounce {
        reference: Reference,
        why: Option<ReportError>,
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
    /// Fingerprint of the normalized e-mail address, if there is one.
    pub email: Option<Fingerprint>,
    pub placed: Placed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub cause: String,
    pub order: OrderNumber,
    pub reference: Reference,
    pub contact: Sealed,
    /// Fingerprint of the normalized e-mail address, if there is one.
    pub email: Option<Fingerprint>,
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

/// A mail that did not reach its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    pub reference: Reference,
    /// The address as the report names it.
    pub email: Fingerprint,
    pub status: Status,
    /// Tells this mail from others: it counts once, however often its report comes.
    pub mark: String,
    /// Absent for a campaign's mail, or one that is not ours.
    pub notice: Option<Returned>,
}

/// A notice as far as its Message-ID names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    pub order: OrderNumber,
    pub kind: NoticeKind,
    /// The beginning of the Message-ID, which is made of all of the notice's key.
    pub digits: String,
}

impl Returned {
    fn parse(message_id: &str) -> Option<Self> {
        let mut parts = message_id.split('@').next()?.splitn(3, '.');
        let (digits, kind) = (parts.next()?.to_owned(), kind_of(parts.next()?)?);
        Some(Self { order: OrderNumber::parse(parts.next()?).ok()?, kind, digits })
    }

    /// The beginning of the keys among which the notice's is.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{}/{}/", self.order, self.kind.name())
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
    /// The relay puts this one off (RFC 5321 §4.2.1, 4yz), while it takes others.
    PutOff,
    /// It may have gone out.
    Unclear,
}

/// # Errors
/// The event or due row is not one of this room's, or this process lacks the key of fingerprints.
pub fn read(arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
    match arrival {
        Arrival::Message { kind: Kind::MailBounced, event, sender: _ } => {
            bounced(&read_body(&event.data)?, ring)
        }
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
            let (order, reference, contact, email) = (body.order, body.reference, body.contact, body.email);
            Input::Accepted(Announced { cause: cause(), order, reference, contact, email, placed })
        }
        OrderHeld::KIND => {
            let body: OrderHeld = read_body(&event.data)?;
            let placed = Placed::of(body.lines, body.total, body.currency);
            let (order, reference, contact, email) = (body.order, body.reference, body.contact, body.email);
            Input::Held(Announced { cause: cause(), order, reference, contact, email, placed })
        }
        OrderRefused::KIND => refused(cause(), read_body(&event.data)?),
        ShipmentDispatched::KIND => {
            let body: ShipmentDispatched = read_body(&event.data)?;
            let (order, shipment) = (body.order.clone(), body.shipment.to_string());
            Input::Dispatched { order, shipment, parcel: Parcel::from(body) }
        }
        OrderCancelled::KIND => {
            let body: OrderCancelled = read_body(&event.data)?;
            Input::Cancelled { order: body.order, handed_over: body.handed_over.len() }
        }
        CaseOpened::KIND => {
            let body: CaseOpened = read_body(&event.data)?;
            if body.class == CaseClass::Deceased {
                Input::Silence { order: body.order }
            } else {
                Input::NothingToTell
            }
        }
        CaseChanged::KIND => {
            let body: CaseChanged = read_body(&event.data)?;
            match body.change {
                CaseChange::Reclassified { class: CaseClass::Deceased, .. } => {
                    Input::Silence { order: body.order }
                }
                CaseChange::Reclassified { .. }
                | CaseChange::Noted { .. }
                | CaseChange::Answered { .. }
                | CaseChange::Resumed => Input::NothingToTell,
            }
        }
        CaseResolved::KIND => {
            let body: CaseResolved = read_body(&event.data)?;
            let facts = match body.resolution {
                CaseEnd::Reship => Some(Facts::Reshipped { parcel: None }),
                // It is told once the money is on its way, with its amount.
                CaseEnd::Refund => None,
                // A case that was closed may go on.
                CaseEnd::Closed => return Ok(Input::NothingToTell),
            };
            Input::CaseEnded { order: body.order, case: body.case.to_string(), facts }
        }
        _ => match told(kind, event)? {
            Some((order, cause, facts)) => Input::Told { order, cause, facts },
            None => Input::NothingToTell,
        },
    })
}

fn bounced(body: &MailBounced, ring: &Keyring) -> Result<Input, ReadError> {
    let reference = body.reference.clone();
    let Failure { email, status, message_id } = match Report::parse(&body.report) {
        Ok(Report::Failed(failure)) => failure,
        Ok(Report::NoFailure) => return Ok(Input::NoBounce { reference, why: None }),
        Err(why) => return Ok(Input::NoBounce { reference, why: Some(why) }),
    };
    let mark = sha256_hex(message_id.as_deref().unwrap_or(&body.report).as_bytes());
    Ok(Input::Bounced(Box::new(Bounce {
        reference,
        email: ring.fingerprint(Trait::Email, &email.normalized())?,
        status,
        mark: mark.chars().take(MARK_DIGITS).collect(),
        notice: message_id.as_deref().and_then(Returned::parse),
    })))
}

/// Whether the carrier says that the recipient has died (USPS DMM 507; event code 28). Before undelivered's case of it
/// comes, nothing may go out that sounds as if we had missed somebody.
fn is_of_the_dead(carrier: Carrier, code: Option<&str>, endorsement: Option<&str>) -> bool {
    let endorsed = endorsement.is_some_and(|text| {
        let text = text.trim();
        text.eq_ignore_ascii_case("DEC") || text.eq_ignore_ascii_case("deceased")
    });
    endorsed || (carrier == Carrier::Usps && code.is_some_and(|code| code.trim() == "28"))
}

fn refused(cause: String, body: OrderRefused) -> Input {
    // Without the section the refusal is between intake and the sender: the same number may be a good order's.
    match (body.order, body.contact) {
        (Some(order), Some(contact)) => {
            let (reference, email, code) = (body.reference, body.email, body.code);
            Input::Refused(Refusal { cause, order, reference, contact, email, code })
        }
        (_, _) => Input::NothingToTell,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what other rooms read is nothing to this one")]
fn told(kind: Kind, event: &Event) -> Result<Option<(OrderNumber, String, Facts)>, Unreadable> {
    let cause = || event.id.clone();
    Ok(Some(match kind {
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
            if is_of_the_dead(body.carrier, body.code.as_deref(), body.endorsement.as_deref()) {
                return Ok(None);
            }
            (body.order, body.shipment.to_string(), Facts::Undeliverable { parcel: None })
        }
        ShipmentReturned::KIND => {
            let body: ShipmentReturned = read_body(&event.data)?;
            if is_of_the_dead(body.carrier, body.code.as_deref(), body.endorsement.as_deref()) {
                return Ok(None);
            }
            (body.order, body.shipment.to_string(), Facts::Returned { parcel: None })
        }
        CaseAsked::KIND => {
            let body: CaseAsked = read_body(&event.data)?;
            let CaseAsked { case, order, class, contact, answer_by } = body;
            (order, case.to_string(), Facts::Asked { contact, class, answer_by, parcel: None })
        }
        PaymentRefunded::KIND => {
            let body: PaymentRefunded = read_body(&event.data)?;
            let PaymentRefunded { release, order, amount, currency } = body;
            (order, cause(), Facts::Refunded { release, amount, currency })
        }
        _ => return Err(Unreadable::UnknownType),
    }))
}
