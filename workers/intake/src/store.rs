//! What intake keeps: the outcome of every order under its sender's name, our numbers, and the offers. Sealed
//! sections stay in a row only while the order is held. Locking, loading and saving are the shell's; this
//! file must never hold a rule.

use std::borrow::Cow;

use messages::Timestamp;
use messages::id::{OrderNumber, Reference};
use messages::item::ItemNumber;
use messages::money::{Amount, Currency};
use messages::order::{Channel, HoldReason, OrderAccepted};
use messages::product::Product;
use messages::sealed::Fingerprint;
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Row as _};

/// The room's migrations.
pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/intake");

/// What identifies an order to its sender: the natural key under which a repeat is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderName {
    pub sender: String,
    pub reference: Reference,
}

/// The rows, in the order in which they are locked: a number leads to its order, an order to its items.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Number(OrderNumber),
    Order(OrderName),
    Item(ItemNumber),
    /// A flagged address, by its fingerprint.
    Address(Fingerprint),
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Number(_) => "numbers",
            Self::Order(_) => "orders",
            Self::Item(_) => "items",
            Self::Address(_) => "addresses",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => Cow::Borrowed(number.as_str()),
            Self::Order(name) => Cow::Owned(format!("{}/{}", name.sender, name.reference)),
            Self::Item(item) => Cow::Borrowed(item.as_str()),
            Self::Address(address) => Cow::Borrowed(address.as_str()),
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Number(NumberState),
    Order(OrderState),
    /// Absent until the item is defined.
    Item(Option<Offer>),
    /// Whether orders to this address wait for a person.
    Address(bool),
}

/// Whose order has a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberState {
    /// Nobody's: the rooms have heard of no order of this number.
    Free,
    Of(OrderName),
    /// Cancelled, and its order has not come.
    Cancelled,
}

/// What became of an order. `content` tells the same order sent again from another one under the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum OrderState {
    Unseen,
    /// Refused for a fault that its sender may correct under the same reference.
    Faulty {
        content: Fingerprint,
        code: String,
        text: String,
    },
    /// It stands in line. Final (R75).
    Accepted {
        content: Fingerprint,
        order: OrderNumber,
    },
    /// It waits for a person. Final (R75).
    Held(Box<Held>),
    /// Refused, and the customer was told under this number. Final.
    Refused {
        content: Fingerprint,
        order: OrderNumber,
        code: String,
        text: String,
    },
    /// Cancelled while it was held, or before it came. Final.
    Cancelled {
        content: Fingerprint,
        order: OrderNumber,
    },
}

/// An order that waits for a person, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub content: Fingerprint,
    pub reasons: Vec<HoldReason>,
    pub since: Timestamp,
    /// What goes on, as it is, when it is released.
    pub folder: OrderAccepted,
}

impl OrderState {
    /// What the last decided submission held; absent where there was none.
    #[must_use]
    pub fn content(&self) -> Option<&Fingerprint> {
        match self {
            Self::Unseen => None,
            Self::Faulty { content, .. }
            | Self::Accepted { content, .. }
            | Self::Refused { content, .. }
            | Self::Cancelled { content, .. } => Some(content),
            Self::Held(held) => Some(&held.content),
        }
    }

    /// Whether other content under this reference may still become the order.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Unseen | Self::Faulty { .. } => true,
            Self::Accepted { .. } | Self::Held(_) | Self::Refused { .. } | Self::Cancelled { .. } => false,
        }
    }

    fn status(&self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Faulty { .. } => "faulty",
            Self::Accepted { .. } => "accepted",
            Self::Held(_) => "held",
            Self::Refused { .. } => "refused",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}

/// What intake knows of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub version: u64,
    /// Minor units per unit.
    pub price: Amount,
    pub currency: Currency,
    pub on_sale_at: Timestamp,
    /// More units than this in one order are held for a person (R65).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusual_quantity: Option<u32>,
}

impl Offer {
    #[must_use]
    pub fn of(product: &Product, version: u64) -> Self {
        Self {
            version,
            price: product.price,
            currency: product.currency,
            on_sale_at: product.on_sale_at,
            unusual_quantity: product.unusual_quantity,
        }
    }
}

/// A held order as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldOrder {
    pub order: OrderNumber,
    pub reference: Reference,
    pub sender: String,
    pub channel: Channel,
    pub reasons: Vec<HoldReason>,
    /// Minor units.
    pub total: Amount,
    pub currency: Currency,
    pub since: Timestamp,
}

/// What became of one submission, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundOrder {
    pub sender: String,
    pub reference: Reference,
    /// `faulty`, `accepted`, `held`, `refused` or `cancelled`.
    pub status: &'static str,
    /// Absent for a faulty one, which is no order yet.
    pub order: Option<OrderNumber>,
    pub code: Option<String>,
    pub text: Option<String>,
}

/// The orders that wait for a person, by their place in line. Needs a pool that may read the schema `intake`.
///
/// # Errors
/// The database does not answer, or a row was written by another version.
pub async fn held(pool: &PgPool) -> Result<Vec<HeldOrder>, sqlx::Error> {
    let rows = sqlx::query("SELECT key, state::text AS state FROM intake.orders WHERE status = 'held'")
        .fetch_all(pool)
        .await?;
    let mut waiting = Vec::with_capacity(rows.len());
    for row in &rows {
        if let (_, OrderState::Held(held)) = order_row(row)? {
            waiting.push(*held);
        }
    }
    waiting.sort_by(|a, b| a.folder.place.cmp(&b.folder.place));
    Ok(waiting.into_iter().map(HeldOrder::from).collect())
}

/// What became of the orders of this reference, one per sender that used it.
///
/// # Errors
/// The database does not answer, or a row was written by another version.
pub async fn find_by_reference(pool: &PgPool, reference: &Reference) -> Result<Vec<FoundOrder>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT key, state::text AS state FROM intake.orders
         WHERE reference = $1 AND status <> 'unseen' ORDER BY key",
    )
    .bind(reference.as_str())
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| order_row(row).map(|(name, state)| FoundOrder::of(name, state))).collect()
}

impl From<Held> for HeldOrder {
    fn from(held: Held) -> Self {
        let Held { reasons, since, folder, .. } = held;
        Self {
            order: folder.order,
            reference: folder.reference,
            sender: folder.sender,
            channel: folder.channel,
            reasons,
            total: folder.total,
            currency: folder.currency,
            since,
        }
    }
}

impl FoundOrder {
    fn of(name: OrderName, state: OrderState) -> Self {
        let status = state.status();
        let (order, code, text) = match state {
            OrderState::Unseen => (None, None, None),
            OrderState::Faulty { code, text, .. } => (None, Some(code), Some(text)),
            OrderState::Accepted { order, .. } | OrderState::Cancelled { order, .. } => {
                (Some(order), None, None)
            }
            OrderState::Held(held) => (Some(held.folder.order), None, None),
            OrderState::Refused { order, code, text, .. } => (Some(order), Some(code), Some(text)),
        };
        Self { sender: name.sender, reference: name.reference, status, order, code, text }
    }
}

fn order_row(row: &sqlx::postgres::PgRow) -> Result<(OrderName, OrderState), sqlx::Error> {
    let other_version =
        || sqlx::Error::Decode("a row of intake.orders was written by another version".into());
    let key: String = row.try_get("key")?;
    let state: String = row.try_get("state")?;
    let (sender, reference) = key.split_once('/').ok_or_else(other_version)?;
    let reference = Reference::parse(reference).map_err(|_| other_version())?;
    match serde_json::from_str(&state).map_err(|_| other_version())? {
        State::Order(state) => Ok((OrderName { sender: sender.to_owned(), reference }, state)),
        State::Number(_) | State::Item(_) | State::Address(_) => Err(other_version()),
    }
}

/// How many orders there are, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Counts {
    pub accepted: i64,
    pub held: i64,
    /// Faulty ones too.
    pub refused: i64,
}

/// Counts the orders.
///
/// # Errors
/// The database does not answer.
pub async fn counts(pool: &PgPool) -> Result<Counts, sqlx::Error> {
    sqlx::query_as(
        "SELECT count(*) FILTER (WHERE status = 'accepted') AS accepted, count(*) FILTER (WHERE status = 'held') AS held,
                count(*) FILTER (WHERE status IN ('refused', 'faulty')) AS refused
         FROM intake.orders",
    )
    .fetch_one(pool)
    .await
}
