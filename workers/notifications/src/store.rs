//! The room's rows, and what operators read of them. One notice is one row, whose key says order, kind and cause;
//! a row never holds personal data but in the sealed contact and as keyed fingerprints.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use messages::Timestamp;
use messages::id::{OrderNumber, Reference};
use messages::notice::NoticeKind;
use messages::sealed::{Fingerprint, Sealed};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::facts::{Facts, Parcel, Placed};
use crate::mail::{AnswerCode, Page};

pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/notifications");

/// One notice: at most one per order, kind and cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoticeId {
    pub order: OrderNumber,
    pub kind: NoticeKind,
    /// The shipment's or release's id where the fact is about one; else the id of the event that told it.
    pub cause: String,
}

impl std::fmt::Display for NoticeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.order, self.kind.name(), self.cause)
    }
}

impl NoticeId {
    /// The id of a row, from its key as text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        let order = OrderNumber::parse(parts.next()?).ok()?;
        let kind = kind_of(parts.next()?)?;
        Some(Self { order, kind, cause: parts.next()?.to_owned() })
    }
}

/// The kind of that name.
#[must_use]
pub fn kind_of(name: &str) -> Option<NoticeKind> {
    NoticeKind::ALL.into_iter().find(|kind| kind.name() == name)
}

/// Orders are locked before notices, and both before addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Order(OrderNumber),
    Notice(NoticeId),
    /// Of the normalized e-mail address.
    Address(Fingerprint),
}

/// The table in which an input looks for notices by the beginning of their keys.
pub const NOTICES: &str = "notices";

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Order(_) => "orders",
            Self::Notice(_) => NOTICES,
            Self::Address(_) => "addresses",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Order(order) => Cow::Borrowed(order.as_str()),
            Self::Notice(id) => Cow::Owned(id.to_string()),
            Self::Address(email) => Cow::Borrowed(email.as_str()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Order(Order),
    /// Absent until it is made.
    Notice(Option<Notice>),
    Address(Address),
}

impl State {
    #[must_use]
    pub fn blank(key: &Key) -> Self {
        match key {
            Key::Order(_) => Self::Order(Order::default()),
            Key::Notice(_) => Self::Notice(None),
            Key::Address(_) => Self::Address(Address::default()),
        }
    }
}

/// What notices need of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub progress: Progress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Sealed>,
    /// Fingerprint of the normalized e-mail address, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Fingerprint>,
    /// What was not handed over is cancelled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
    /// Somebody has died: nothing is sent any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Shipments that came back, so that nobody is told afterwards that the carrier may try again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub returned: BTreeSet<String>,
    /// Cases that ended in a reship or refund.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ended: BTreeSet<String>,
    /// The store's own name of the order, which the customer may know it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<Placed>,
    /// By shipment id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parcels: BTreeMap<String, Parcel>,
    /// Facts that came before the contact, the order or the parcel that they need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
}

/// What is known of an e-mail address, over all orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Its owner has died.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// The status (RFC 3463) by which it does not take mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
    /// Mails that it did not take for the time being, each counted once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missed: BTreeSet<String>,
}

/// What intake has said of an order so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    #[default]
    Unknown,
    Held,
    Accepted,
    Refused,
}

/// A fact whose notice cannot be made yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub cause: String,
    pub facts: Facts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub status: Status,
    /// Without angle brackets; the same for every try.
    pub message_id: String,
    /// Tries that ended without success.
    pub attempt: i32,
    /// Tries of unknown outcome, at most 2.
    pub unclear: u8,
    /// When it was made.
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    pub facts: Facts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    Sent,
    /// No e-mail on the order, or one that takes no mail: a person posts it.
    Letter,
    /// May have gone out; a person looks.
    Unclear,
    /// Refused for good; a person looks.
    Failed,
    /// It came back from the customer's mail server; a person looks.
    Bounced,
    /// Not sent, since somebody has died.
    Withheld,
}

/// Notices of one kind in one status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    pub kind: String,
    pub status: String,
    pub notices: i64,
}

/// How many notices of each kind stand in each status.
///
/// # Errors
/// The database does not answer.
pub async fn counts(pool: &sqlx::PgPool) -> Result<Vec<Count>, sqlx::Error> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT kind, status, count(*) FROM notifications.notices WHERE status IS NOT NULL GROUP BY kind, status ORDER BY kind, status",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(kind, status, notices)| Count { kind, status, notices }).collect())
}

/// A letter to be printed and posted. Name and address stand on the order, not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// Also the key of the task that posting it closes.
    pub key: String,
    pub order: OrderNumber,
    pub at: Timestamp,
    pub subject: String,
    pub text: String,
}

/// Letters that nobody has posted yet, oldest first, 1,000 at most. `code` gives the answer code of a case and contact,
/// which rests nowhere.
///
/// # Errors
/// The database does not answer, or a row was written by another version.
pub async fn letters(
    pool: &sqlx::PgPool,
    code: impl Fn(&str, u8) -> Option<AnswerCode>,
) -> Result<Vec<Letter>, sqlx::Error> {
    let rows: Vec<(String, String, Json<Notice>)> = sqlx::query_as(
        "SELECT n.key, n.order_number, n.state->'notice' FROM notifications.notices n
         JOIN notifications.task t ON t.kind = 'letter' AND t.key = n.key AND t.closed_at IS NULL
         WHERE n.status = 'letter' ORDER BY t.opened_at, n.key LIMIT 1000",
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(|(key, order, notice)| letter(key, &order, &notice.0, &code)).collect()
}

fn letter(
    key: String,
    order: &str,
    notice: &Notice,
    code: impl Fn(&str, u8) -> Option<AnswerCode>,
) -> Result<Letter, sqlx::Error> {
    let order = OrderNumber::parse(order).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let answer = match (&notice.facts, NoticeId::parse(&key)) {
        (Facts::Asked { contact, .. }, Some(id)) => code(&id.cause, *contact),
        (_, _) => None,
    };
    let page = Page::of(&order, notice.reference.as_ref(), &notice.facts, None, answer);
    let text = page.text().map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Letter { key, order, at: notice.at, subject: page.words.subject, text })
}
