//! The edge: what arrives becomes an [`Input`]. Addresses are fingerprinted and sealed, and tokens checked, here and
//! nowhere later; a refusal never repeats what was sent.

mod checks;

use std::collections::BTreeSet;

use messages::Timestamp;
use messages::bounce::AddressSuppressed;
use messages::email::Email;
use messages::envelope::{Unreadable, read_body};
use messages::id::{Reference, UserId};
use messages::item::ItemNumber;
use messages::order::OrderAccepted;
use messages::person::PersonName;
use messages::sealed::{Fingerprint, Keyring, Sealed, Section, Trait};
use messages::subscriber::{
    CampaignControl, CampaignDefine, ContactChannel, SubscriberConfirm, SubscriberSubmit, SubscriberWithdraw,
    Topic,
};
use messages::{Event, Kind, KindOf as _};
use serde::{Deserialize, Serialize};
use shell::{Arrival, ReadError};

use crate::store::{Draft, MailId};
use crate::token::{Purpose, Token};

pub use checks::Fault;

/// A timer: the campaign goes on through the subscribers.
pub const WALK: &str = "walk";
/// A timer: a mail's time has come, so consent is checked.
pub const SEND: &str = "send";
/// A timer: nobody has confirmed in time.
pub const LAPSE: &str = "lapse";
/// A call: a campaign's mail.
pub const DELIVER: &str = "deliver";
/// A call: the mail that asks for confirmation.
pub const CONFIRM: &str = "confirm";

/// What the room decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Submitted(Box<Submission>),
    /// The token was a true one.
    Confirmed {
        reference: Reference,
        subscriber: Fingerprint,
        number: u16,
    },
    /// No topic: all of them.
    Withdrawn {
        reference: Reference,
        subscriber: Fingerprint,
        topics: BTreeSet<Topic>,
        user: Option<UserId>,
    },
    /// A command that cannot be done, whatever we know.
    Faulty {
        reference: Reference,
        fault: Fault,
    },
    Bought {
        subscriber: Fingerprint,
        items: BTreeSet<ItemNumber>,
    },
    /// An order without an e-mail address.
    BoughtByNobodyWeKnow,
    Suppressed {
        subscriber: Fingerprint,
        status: String,
    },
    Defined {
        campaign: Reference,
        draft: Box<Draft>,
        user: UserId,
    },
    Controlled(CampaignControl),
    WalkDue(WalkBody),
    SendDue(MailId),
    LapseDue {
        subscriber: Fingerprint,
    },
    /// A try to mail a confirmation ended.
    ConfirmAnswered {
        body: Box<ConfirmBody>,
        attempt: i32,
        answer: Answer,
    },
    /// A try to mail a campaign's mail ended.
    DeliverAnswered {
        mail: MailId,
        round: i32,
        answer: Answer,
    },
}

/// Somebody wants to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub reference: Reference,
    pub subscriber: Fingerprint,
    pub contact: Sealed,
    pub topics: BTreeSet<Topic>,
    pub channels: BTreeSet<ContactChannel>,
    pub preferences: BTreeSet<String>,
    pub text: String,
    pub consented_at: Timestamp,
}

/// The `contact` section of a subscriber in clear: only here and in `outside.rs`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
    pub email: Email,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact(…)")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkBody {
    pub campaign: Reference,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Everything that a confirmation mail is made of, but the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmBody {
    pub subscriber: Fingerprint,
    pub number: u16,
    pub topics: BTreeSet<Topic>,
    pub contact: Sealed,
}

/// Everything that a campaign's mail is made of, but the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverBody {
    pub mail: MailId,
    pub topic: Topic,
    pub subject: String,
    pub text: String,
    pub contact: Sealed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LapseBody {
    pub subscriber: Fingerprint,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The relay has taken it.
    Sent,
    /// Refused for good (RFC 5321 §4.2.1, 5yz).
    Refused { code: u16 },
    /// No mail can be made of it: the contact does not open, or does not fit into a mail.
    Unsendable,
    /// The recipient's server put it off: it did not go out.
    PutOff,
    /// The relay takes nobody's mail, or a key is missing: it did not go out.
    Down,
    /// The consent was checked too long ago to be relied on: it did not go out.
    Stale,
    /// It may have gone out.
    Unclear,
}

/// # Errors
/// The event or due row is not one of this room's, or this process lacks a key.
pub fn read(arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
    match arrival {
        Arrival::Message { kind, event, sender: _ } => message(*kind, event, ring),
        Arrival::Timer { due } => Ok(match due.kind.as_str() {
            WALK => Input::WalkDue(due.body()?),
            SEND => Input::SendDue(due.body()?),
            LAPSE => Input::LapseDue { subscriber: due.body::<LapseBody>()?.subscriber },
            _ => return Err(Unreadable::UnknownType.into()),
        }),
        Arrival::Answer { due, answer } => Ok(match due.kind.as_str() {
            CONFIRM => Input::ConfirmAnswered {
                body: Box::new(due.body()?),
                attempt: due.attempt,
                answer: read_body(answer)?,
            },
            DELIVER => Input::DeliverAnswered {
                mail: due.body::<DeliverBody>()?.mail,
                round: due.epoch,
                answer: read_body(answer)?,
            },
            _ => return Err(Unreadable::UnknownType.into()),
        }),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what other rooms read is nothing to this one")]
fn message(kind: Kind, event: &Event, ring: &Keyring) -> Result<Input, ReadError> {
    Ok(match kind {
        SubscriberSubmit::KIND => {
            let body: SubscriberSubmit = read_body(&event.data)?;
            let reference = body.reference.clone();
            match checks::subscription(body, event.time) {
                Ok(good) => Input::Submitted(Box::new(submission(reference, good, event, ring)?)),
                Err(fault) => Input::Faulty { reference, fault },
            }
        }
        SubscriberConfirm::KIND => {
            let SubscriberConfirm { reference, token } = read_body(&event.data)?;
            match true_token(&token, Purpose::Subscribe, ring)? {
                Some(token) => {
                    Input::Confirmed { reference, subscriber: token.subscriber, number: token.number }
                }
                None => Input::Faulty { reference, fault: checks::bad_token() },
            }
        }
        SubscriberWithdraw::KIND => withdrawal(read_body(&event.data)?, ring)?,
        CampaignDefine::KIND => {
            let body: CampaignDefine = read_body(&event.data)?;
            let (campaign, user) = (body.campaign.clone(), body.user.clone());
            match checks::draft(body) {
                Ok(draft) => Input::Defined { campaign, draft: Box::new(draft), user },
                Err(fault) => Input::Faulty { reference: campaign, fault },
            }
        }
        CampaignControl::KIND => {
            let body: CampaignControl = read_body(&event.data)?;
            match checks::reason(body.reason.as_deref()) {
                Ok(()) => Input::Controlled(body),
                Err(fault) => Input::Faulty { reference: body.campaign, fault },
            }
        }
        OrderAccepted::KIND => {
            let body: OrderAccepted = read_body(&event.data)?;
            match body.email {
                Some(subscriber) => {
                    let items = body.lines.into_iter().map(|line| line.item).collect();
                    Input::Bought { subscriber, items }
                }
                None => Input::BoughtByNobodyWeKnow,
            }
        }
        AddressSuppressed::KIND => {
            let body: AddressSuppressed = read_body(&event.data)?;
            Input::Suppressed { subscriber: body.email, status: body.status }
        }
        _ => return Err(Unreadable::UnknownType.into()),
    })
}

fn submission(
    reference: Reference,
    good: checks::Subscription,
    event: &Event,
    ring: &Keyring,
) -> Result<Submission, ReadError> {
    let subscriber = ring.fingerprint(Trait::Email, &good.contact.email.normalized())?;
    // A section's key is that of the quarter in which the event was made, so that a repeat finds it too.
    let contact = ring.seal(Section::Contact, subscriber.as_str(), 0, &good.contact, event.time)?;
    Ok(Submission {
        reference,
        subscriber,
        contact,
        topics: good.topics,
        channels: good.channels,
        preferences: good.preferences,
        text: good.text,
        consented_at: good.consented_at,
    })
}

fn withdrawal(body: SubscriberWithdraw, ring: &Keyring) -> Result<Input, ReadError> {
    let SubscriberWithdraw { reference, token, email, topics, user } = body;
    let found = match (token, email) {
        (Some(token), None) => true_token(&token, Purpose::Unsubscribe, ring)?
            .map(|token| token.subscriber)
            .ok_or_else(checks::bad_token),
        (None, Some(email)) => match Email::parse(&email) {
            Ok(email) => Ok(ring.fingerprint(Trait::Email, &email.normalized())?),
            Err(error) => Err(Fault::new("bad_email", error.to_string())),
        },
        (Some(_), Some(_)) | (None, None) => {
            Err(Fault::new("bad_withdrawal", "a withdrawal names either a token or an address"))
        }
    };
    Ok(match found {
        Ok(subscriber) => {
            Input::Withdrawn { reference, subscriber, topics: topics.into_iter().collect(), user }
        }
        Err(fault) => Input::Faulty { reference, fault },
    })
}

fn true_token(text: &str, purpose: Purpose, ring: &Keyring) -> Result<Option<Token>, ReadError> {
    let Some(token) = Token::parse(text) else { return Ok(None) };
    Ok(token.fits(ring, purpose)?.then_some(token))
}
