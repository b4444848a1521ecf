//! The room's one table, what its rows hold, and what operators may ask of it. Rows are written by the shell alone.

use std::borrow::Cow;
use std::collections::BTreeSet;

use messages::Timestamp;
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::money::{Amount, Currency};
use messages::payment::DeclineClass;
use messages::sealed::Sealed;
use messages::stock::{LineUnits, ReleaseReady};
use serde::{Deserialize, Serialize};

use crate::charge::Charge;

/// The room's own migrations.
pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/payment");

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Release(ReleaseId),
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Release(_) => "releases",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Release(release) => Cow::Borrowed(release.as_str()),
        }
    }
}

/// What is known of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub stage: Stage,
    /// Counts what the gateway was asked for.
    pub epoch: i32,
    /// What fulfillment said before the hold stood, in the order in which it was heard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early: Vec<Fact>,
    /// Shipments whose dispatch, or whose shortage, has been heard.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dispatched: BTreeSet<ShipmentId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub shorted: BTreeSet<ShipmentId>,
}

/// Where a release stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Stage {
    /// Early facts only.
    #[default]
    New,
    Authorizing {
        folder: Box<ReleaseReady>,
        quest: Quest,
        /// Declines that may pass, so far.
        declines: usize,
    },
    Authorized {
        charge: Charge,
    },
    Capturing {
        charge: Charge,
        intent: String,
        asked: Amount,
        quest: Quest,
    },
    Captured {
        charge: Charge,
    },
    CaptureFailed {
        charge: Charge,
        code: String,
    },
    Voiding {
        charge: Charge,
        intent: String,
        quest: Quest,
    },
    Voided {
        charge: Charge,
    },
    Declined {
        amount: Amount,
        currency: Currency,
        class: DeclineClass,
        code: String,
    },
}

/// How far the gateway has been asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quest {
    /// When this epoch was to be asked first.
    pub since: Timestamp,
    /// Unclear answers since the last clear one, over all epochs.
    pub unclear: u32,
    /// The epoch's idempotency key is spent.
    pub look: bool,
}

/// A fact of fulfillment that came early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    Dispatched {
        lines: Vec<LineUnits>,
    },
    Shorted {
        delivery: u16,
        missing: Vec<LineUnits>,
        /// Sealed `delivery` section.
        address: Sealed,
    },
}

/// One release for an operator. Amounts are minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ReleaseSummary {
    pub release: String,
    pub order_number: String,
    /// As [`Stage`] is serialized; absent for a row that has only been locked.
    pub status: Option<String>,
    pub amount: Option<i64>,
    pub authorized: Option<i64>,
    pub captured: Option<i64>,
    pub currency: Option<String>,
    /// The gateway's name of the hold.
    pub intent: Option<String>,
    /// The decline's or failed capture's code.
    pub code: Option<String>,
}

/// Sums over all releases in minor units, whatever the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Money {
    /// Ever held.
    pub authorized: i64,
    pub captured: i64,
    pub voided: i64,
    /// Never held, since the card was finally declined.
    pub declined: i64,
}

/// One release.
///
/// # Errors
/// The database does not answer.
pub async fn release(pool: &sqlx::PgPool, id: &ReleaseId) -> Result<Option<ReleaseSummary>, sqlx::Error> {
    sqlx::query_as(
        "SELECT key AS release, order_number, status, amount, authorized, captured, currency,
                state #>> '{stage,charge,intent}' AS intent, state #>> '{stage,code}' AS code
         FROM payment.releases WHERE key = $1",
    )
    .bind(id.as_str())
    .fetch_optional(pool)
    .await
}

/// Every release of an order, in order of their numbers' text.
///
/// # Errors
/// The database does not answer.
pub async fn releases(pool: &sqlx::PgPool, order: &OrderNumber) -> Result<Vec<ReleaseSummary>, sqlx::Error> {
    sqlx::query_as(
        "SELECT key AS release, order_number, status, amount, authorized, captured, currency,
                state #>> '{stage,charge,intent}' AS intent, state #>> '{stage,code}' AS code
         FROM payment.releases WHERE order_number = $1 ORDER BY key",
    )
    .bind(order.as_str())
    .fetch_all(pool)
    .await
}

/// The sums, to be compared with the gateway's own.
///
/// # Errors
/// The database does not answer.
pub async fn money(pool: &sqlx::PgPool) -> Result<Money, sqlx::Error> {
    sqlx::query_as(
        "SELECT COALESCE(sum(authorized), 0)::bigint AS authorized,
                COALESCE(sum(captured), 0)::bigint AS captured,
                COALESCE(sum(authorized) FILTER (WHERE status = 'voided'), 0)::bigint AS voided,
                COALESCE(sum(amount) FILTER (WHERE status = 'declined'), 0)::bigint AS declined
         FROM payment.releases",
    )
    .fetch_one(pool)
    .await
}
