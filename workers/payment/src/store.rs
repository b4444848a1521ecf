//! The room's two tables, what their rows hold, and what operators may ask of it. Rows are written by the shell alone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use messages::Timestamp;
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::money::{Amount, Currency};
use messages::payment::DeclineClass;
use messages::sealed::Sealed;
use messages::stock::{LineUnits, ReleaseReady, Tally};
use serde::{Deserialize, Serialize};

use crate::charge::Charge;

/// The room's own migrations.
pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/payment");

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Order(OrderNumber),
    Release(ReleaseId),
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Order(_) => "orders",
            Self::Release(_) => "releases",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Order(order) => Cow::Borrowed(order.as_str()),
            Self::Release(release) => Cow::Borrowed(release.as_str()),
        }
    }
}

/// A row of either table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Order(OrderRow),
    Release(Box<ReleaseRow>),
}

impl State {
    #[must_use]
    pub fn blank(key: &Key) -> Self {
        match key {
            Key::Order(_) => Self::Order(OrderRow::default()),
            Key::Release(_) => Self::Release(Box::default()),
        }
    }

    /// The order's row, if it is one.
    #[must_use]
    pub fn order(&self) -> Option<&OrderRow> {
        match self {
            Self::Order(order) => Some(order),
            Self::Release(_) => None,
        }
    }

    /// The release's row, if it is one.
    #[must_use]
    pub fn release(&self) -> Option<&ReleaseRow> {
        match self {
            Self::Order(_) => None,
            Self::Release(release) => Some(release),
        }
    }
}

/// Which releases an order has, so that a cancellation finds them, and whether it is cancelled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    pub releases: BTreeSet<ReleaseId>,
    /// The releases that go on although the order is cancelled; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<BTreeSet<ReleaseId>>,
}

impl OrderRow {
    /// Whether this release is to end.
    #[must_use]
    pub fn ends(&self, release: &ReleaseId) -> bool {
        self.cancelled.as_ref().is_some_and(|handed_over| !handed_over.contains(release))
    }
}

/// What is known of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    pub stage: Stage,
    /// Its order was cancelled before it was handed over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
    /// Counts what the gateway was asked for.
    pub epoch: i32,
    /// What fulfillment said before the hold stood, in the order in which it was heard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early: Vec<Fact>,
    /// Shipments whose dispatch has been heard.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dispatched: BTreeSet<ShipmentId>,
    /// What has been heard to be missing of a shipment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shorted: BTreeMap<ShipmentId, Tally>,
    /// Holds that are not wanted any more and not voided yet; one is asked for at a time, the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loose: Vec<Loose>,
    /// One is asked for at a time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refunds: BTreeMap<Ground, Refund>,
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
    /// A second hold is asked for, to replace one that lapses or has lapsed.
    Renewing {
        charge: Charge,
        /// Sealed section, for a retry.
        payment: Sealed,
        asked: Amount,
        quest: Quest,
        /// Declines of a renewal, so far.
        declines: usize,
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

impl Stage {
    /// What is or was held, if anything ever was to be.
    #[must_use]
    pub fn charge(&self) -> Option<&Charge> {
        match self {
            Self::Authorized { charge }
            | Self::Renewing { charge, .. }
            | Self::Capturing { charge, .. }
            | Self::Captured { charge }
            | Self::CaptureFailed { charge, .. }
            | Self::Voiding { charge, .. }
            | Self::Voided { charge } => Some(charge),
            Self::New | Self::Authorizing { .. } | Self::Declined { .. } => None,
        }
    }

    pub(crate) fn charge_mut(&mut self) -> Option<&mut Charge> {
        match self {
            Self::Authorized { charge }
            | Self::Renewing { charge, .. }
            | Self::Capturing { charge, .. }
            | Self::Captured { charge }
            | Self::CaptureFailed { charge, .. }
            | Self::Voiding { charge, .. }
            | Self::Voided { charge } => Some(charge),
            Self::New | Self::Authorizing { .. } | Self::Declined { .. } => None,
        }
    }
}

/// How far the gateway has been asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quest {
    /// An answer to another epoch is not the one that is waited for.
    pub epoch: i32,
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

/// What a refund is for. Each is refunded once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Ground {
    /// The case of this parcel ended in a refund.
    Case(ShipmentId),
    /// Units were missing when this parcel was to be sent again; by the number of the report that said so, from 1.
    Missing(ShipmentId, u16),
}

/// Between a parcel and the number of a report.
const MISSING: &str = "/missing.";

impl Ground {
    #[must_use]
    pub fn shipment(&self) -> &ShipmentId {
        match self {
            Self::Case(shipment) | Self::Missing(shipment, _) => shipment,
        }
    }
}

impl From<Ground> for String {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::Case(shipment) => shipment.to_string(),
            Ground::Missing(shipment, report) => format!("{shipment}{MISSING}{report}"),
        }
    }
}

impl TryFrom<String> for Ground {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let shipment = |text: &str| ShipmentId::parse(text).map_err(|error| error.to_string());
        match text.split_once(MISSING) {
            None => shipment(&text).map(Self::Case),
            Some((parcel, report)) => {
                let report = report.parse().map_err(|_| format!("{report} is no number of a report"))?;
                shipment(parcel).map(|parcel| Self::Missing(parcel, report))
            }
        }
    }
}

/// A hold that is not wanted any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loose {
    pub intent: String,
    /// Absent while another one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quest: Option<Quest>,
}

/// What is given back for a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Refund {
    /// Not yet: the capture is not decided, or another refund of the release is asked for.
    Wanted {
        lines: Vec<LineUnits>,
    },
    Asked {
        amount: Amount,
        quest: Quest,
    },
    /// 0 where nothing of it had been charged, or it had been given back before.
    Done {
        amount: Amount,
    },
    /// A task is open.
    Failed {
        amount: Amount,
        code: String,
    },
}

/// Sums over all releases in minor units, whatever the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Money {
    /// Ever held.
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    pub voided: i64,
    /// Never held, since the card was finally declined.
    pub declined: i64,
}

/// The sums, to be compared with the gateway's own.
///
/// # Errors
/// The database does not answer.
pub async fn money(pool: &sqlx::PgPool) -> Result<Money, sqlx::Error> {
    sqlx::query_as(
        "SELECT COALESCE(sum(authorized), 0)::bigint AS authorized,
                COALESCE(sum(captured), 0)::bigint AS captured,
                COALESCE(sum(refunded), 0)::bigint AS refunded,
                COALESCE(sum(authorized) FILTER (WHERE status = 'voided'), 0)::bigint AS voided,
                COALESCE(sum(amount) FILTER (WHERE status = 'declined'), 0)::bigint AS declined
         FROM payment.releases",
    )
    .fetch_one(pool)
    .await
}
