//! The room's rows. A person is only ever a fingerprint here; name and address stand sealed, and only while there is
//! something to mail. This file must never hold a rule.

mod reads;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use messages::Timestamp;
use messages::id::{Reference, UserId};
use messages::item::ItemNumber;
use messages::sealed::{Fingerprint, Sealed};
use messages::subscriber::{CampaignState, ContactChannel, Segment, Topic};
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};

pub use reads::{
    CampaignReport, DryRun, MailCount, SubscriberCount, SubscriberReport, campaign, campaigns, dry_run,
    is_withdrawn, subscriber, subscribers,
};

pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/promotions");

/// One mail: at most one per campaign and person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MailId {
    pub campaign: Reference,
    pub subscriber: Fingerprint,
}

impl std::fmt::Display for MailId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.campaign, self.subscriber.as_str())
    }
}

/// Campaigns are locked before subscribers, these before mails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Campaign(Reference),
    Subscriber(Fingerprint),
    Mail(MailId),
}

impl Key {
    pub(crate) fn mail(campaign: &Reference, subscriber: &Fingerprint) -> Self {
        Self::Mail(MailId { campaign: campaign.clone(), subscriber: subscriber.clone() })
    }
}

pub(crate) const SUBSCRIBERS: &str = "subscribers";

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Campaign(_) => "campaigns",
            Self::Subscriber(_) => SUBSCRIBERS,
            Self::Mail(_) => "mails",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Campaign(name) => Cow::Borrowed(name.as_str()),
            Self::Subscriber(subscriber) => Cow::Borrowed(subscriber.as_str()),
            Self::Mail(id) => Cow::Owned(id.to_string()),
        }
    }
}

/// The subscriber of that key.
pub(crate) fn fingerprint(text: &str) -> Option<Fingerprint> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    Fingerprint::deserialize(text).ok()
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Absent until it is defined.
    Campaign(Option<Box<Campaign>>),
    Subscriber(Box<Subscriber>),
    /// Absent until the campaign has come to the subscriber.
    Mail(Option<Mail>),
}

impl State {
    #[must_use]
    pub fn blank(key: &Key) -> Self {
        match key {
            Key::Campaign(_) => Self::Campaign(None),
            Key::Subscriber(_) => Self::Subscriber(Box::default()),
            Key::Mail(_) => Self::Mail(None),
        }
    }
}

/// What one address consented to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriber {
    /// Sealed [`crate::read::Contact`]; absent as soon as no topic is asked or confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Sealed>,
    pub topics: BTreeMap<Topic, Standing>,
    /// Lower case.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub preferences: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub purchases: BTreeSet<ItemNumber>,
    /// Why no mail may go to the address, for ever: an enhanced status code (RFC 3463), or `deceased`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
    pub asks: Asks,
    /// Campaigns whose mail to this address is on its way out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sending: BTreeSet<Reference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<Consent>,
}

/// How one topic stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub state: TopicState,
    pub channels: BTreeSet<ContactChannel>,
    /// The number of the confirmation mail that asked; 0 where none did.
    pub number: u16,
    /// Version of the consent text.
    pub text: String,
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopicState {
    /// A mail asks whether it was really the owner of the address; nothing else is sent before.
    Asked,
    Confirmed,
    Withdrawn,
    /// Nobody confirmed in time.
    Lapsed,
}

impl TopicState {
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Asked | Self::Confirmed => true,
            Self::Withdrawn | Self::Lapsed => false,
        }
    }
}

/// The confirmation mails of one address, bounded so that nobody can flood it by the store's form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// The number of the last one.
    pub number: u16,
    pub mail: AskMail,
    /// When the last one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// The day in which they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_from: Option<Timestamp>,
    pub in_day: u8,
}

/// What became of the last confirmation mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskMail {
    #[default]
    None,
    Pending,
    Sent,
    Refused,
    /// May have gone out; asking again is up to the person.
    Unknown,
}

/// One entry of the consent ledger. Entries are ended, never changed otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub topic: Topic,
    /// Version of the text that was shown.
    pub text: String,
    pub channels: BTreeSet<ContactChannel>,
    pub number: u16,
    /// When the box was ticked, as the store says.
    pub consented_at: Timestamp,
    pub received_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub at: Timestamp,
    pub how: End,
    /// The member of staff who entered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Withdrawn,
    Lapsed,
    /// Consented anew before it was confirmed.
    Replaced,
}

/// What a campaign says, to whom, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub topic: Topic,
    pub segment: Segment,
    pub subject: String,
    pub text: String,
    pub per_minute: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    pub draft: Draft,
    /// Counts the drafts from 1; an approval is of one of them.
    pub version: u32,
    pub defined_by: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<UserId>,
    pub state: CampaignState,
    pub walk: Walk,
    /// Mails that were made and have not ended.
    pub open: BTreeMap<Fingerprint, Step>,
    pub counts: Counts,
    /// When the next mail may be planned for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    pub minute: Minute,
}

/// How far the campaign has come through the subscribers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// The last subscriber that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    pub is_over: bool,
    /// Whether it waits until fewer mails are open.
    pub is_waiting: bool,
}

/// Where an open mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Pending,
    Sending,
}

/// Mails by outcome; those made and not yet ended are the difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub made: u64,
    pub sent: u64,
    pub skipped: u64,
    pub refused: u64,
    pub unknown: u64,
}

/// The minute in which mails are counted for the throttle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    pub mails: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Version of the draft, and so of the segment's rule, that chose the subscriber (R21).
    pub version: u32,
    /// Counts the calls to the relay; an answer of an earlier one is stale.
    pub round: i32,
    /// Times that the recipient's server put it off.
    pub put_off: u8,
    pub at: Timestamp,
    #[serde(flatten)]
    pub status: Status,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// Waits for its time, or for the campaign to be resumed.
    Pending,
    /// Consent was checked and the call to the relay is due.
    Sending,
    Sent,
    Skipped {
        why: Why,
    },
    /// The relay refused it for good, or no mail can be made of it (no code).
    Refused {
        code: Option<u16>,
    },
    /// It may have gone out, and is never repeated. With a reason it was called back while it was on its way; then an
    /// answer that still comes says what became of it.
    Unknown {
        called_back: Option<Why>,
    },
}

/// Why somebody of the segment gets no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    NotConfirmed,
    Withdrawn,
    Suppressed,
    /// Print or telephone only (R30).
    NoEmail,
    CampaignStopped,
}
