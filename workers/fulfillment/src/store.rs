//! The room's tables and what operators read of them. It never gives out an address, sealed or not.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use messages::Timestamp;
use messages::id::{OrderNumber, Reference, ReleaseId, ShipmentId, UserId};
use messages::order::Method;
use messages::sealed::Sealed;
use messages::shipment::ShipmentPacked;
use messages::stock::LineUnits;
use messages::tracking_number::{Carrier, TrackingNumber};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::read::of_shipment;
use crate::units::Units;

pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/fulfillment");

/// The timer that hands a release over.
pub const HAND_OVER: &str = "hand_over";
/// The timer that refuses a cancellation whose order never came.
pub const UNKNOWN_ORDER: &str = "unknown_order";
/// The most rows that an operator's list shows.
const LIST_ROWS_MAX: i64 = 500;

/// The rows, in the order in which they are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Order(OrderNumber),
    Release(ReleaseId),
    /// A later parcel of a release whose first one came back.
    Again(ShipmentId),
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Order(_) => "orders",
            Self::Release(_) => "releases",
            Self::Again(_) => "reships",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Order(order) => Cow::Borrowed(order.as_str()),
            Self::Release(release) => Cow::Borrowed(release.as_str()),
            Self::Again(shipment) => Cow::Borrowed(shipment.as_str()),
        }
    }
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// Not heard of.
    New,
    /// Authorized, not handed over.
    Waiting(Waiting),
    /// To be sent again, once its units are set aside.
    Awaiting(Awaiting),
    /// Its units are set aside, or cannot be had; the case that it is for was not heard of yet.
    Reserved(Reserved),
    /// Handed over: the warehouse was asked.
    Requested(Requested),
    /// On its way.
    Dispatched(Dispatched),
    /// Every unit is missing, or of a parcel to be sent again cannot be had.
    Shorted(Shorted),
    /// Authorized after its order was cancelled, or waiting when it was: never handed over.
    Cancelled,
    /// An order's own row.
    Order(Order),
}

/// What this room knows of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Units of all its lines; absent until the order was heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<u64>,
    /// Units that ended without a parcel: never given, or not paid for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ended: u64,
    /// It was not taken after all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// What payment said of the authorizations of releases that are not handed over yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lapsing: BTreeMap<ReleaseId, Lapsing>,
    /// Releases that were handed over, with their units but those that were missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub handed_over: BTreeMap<ReleaseId, u64>,
    /// Releases that wait to be handed over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub waiting: BTreeSet<ReleaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Asked>,
    /// A cancellation that came before the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

impl Order {
    /// Whether anything has proved that it exists.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.units.is_some() || self.refused || !self.handed_over.is_empty() || !self.waiting.is_empty()
    }

    /// Whether anything may still be cancelled. Of an order that is known by a release only, nobody knows how much is left.
    #[must_use]
    pub fn has_something_left(&self) -> bool {
        let gone = self.handed_over.values().fold(self.ended, |sum, units| sum.saturating_add(*units));
        !self.refused && self.units.is_none_or(|units| gone < units)
    }

    /// Whether no money is sure for a release.
    #[must_use]
    pub fn lapses(&self, release: &ReleaseId) -> bool {
        self.lapsing.get(release).is_some_and(|lapsing| lapsing.told > lapsing.renewed)
    }
}

/// How often payment said that an authorization lapses, and how many of these a renewal has taken back: so that it does not
/// matter in which order they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapsing {
    pub told: u32,
    pub renewed: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(units: &u64) -> bool {
    *units == 0
}

/// Who asked to cancel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub sender: String,
    pub message_id: String,
    pub reference: Reference,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    pub reason: String,
}

impl Asked {
    /// Whether it is the same wish, perhaps under another message id.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.has_name_of(other) && self.user == other.user && self.reason == other.reason
    }

    /// Whether both have the same name to their sender.
    #[must_use]
    pub fn has_name_of(&self, other: &Self) -> bool {
        self.sender == other.sender && self.reference == other.reference
    }
}

/// What a parcel is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    pub delivery: u16,
    pub gift: bool,
    pub method: Method,
    pub units: Units,
    /// Sealed `delivery` section.
    pub address: Sealed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub folder: Folder,
    pub until: Timestamp,
}

/// A parcel that is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaiting {
    pub shipment: ShipmentId,
    pub folder: Folder,
    pub since: Timestamp,
}

/// What inventory said of a parcel before its case was heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// Units that cannot be had; the others are set aside.
    #[serde(default, skip_serializing_if = "Units::is_empty")]
    pub unavailable: Units,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    pub shipment: ShipmentId,
    pub folder: Folder,
    pub requested_at: Timestamp,
    /// What the warehouse reported missing; the rest may still be packed.
    pub reported: Units,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatched {
    pub shipment: ShipmentId,
    /// For the next parcel, should this one come back.
    pub method: Method,
    pub parcel: Parcel,
    /// What was asked for and is not in the parcel.
    pub missing: Units,
    /// What of it the warehouse reported by itself.
    pub reported: Units,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shorted {
    pub shipment: ShipmentId,
    pub missing: Units,
}

/// What the warehouse packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    pub carrier: Carrier,
    pub tracking: TrackingNumber,
    pub packed_at: Timestamp,
    pub units: Units,
}

impl Parcel {
    /// The parcel as the warehouse tells it; `None` if its lines are no units.
    #[must_use]
    pub fn of(packed: &ShipmentPacked) -> Option<Self> {
        Some(Self {
            carrier: packed.carrier,
            tracking: packed.tracking.clone(),
            packed_at: packed.packed_at,
            units: Units::of(&packed.lines)?,
        })
    }
}

/// A release as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShipmentView {
    pub release: ReleaseId,
    pub order: OrderNumber,
    /// Absent until it was handed over.
    pub shipment: Option<ShipmentId>,
    pub status: &'static str,
    /// When it will be handed over, or was.
    pub handover_at: Option<Timestamp>,
    pub carrier: Option<Carrier>,
    pub tracking: Option<TrackingNumber>,
    pub packed_at: Option<Timestamp>,
    /// What is still expected, or is in the parcel.
    pub units: Vec<LineUnits>,
    pub missing: Vec<LineUnits>,
}

/// A shipment, with its release.
///
/// # Errors
/// The database does not answer, or the row is of another version.
pub async fn shipment(pool: &sqlx::PgPool, id: &ShipmentId) -> Result<Option<ShipmentView>, sqlx::Error> {
    let key = of_shipment(id);
    let sql = match key {
        Key::Again(_) => {
            "SELECT release, state FROM fulfillment.reships WHERE key = $1 AND state IS NOT NULL"
        }
        Key::Order(_) | Key::Release(_) => {
            "SELECT key, state FROM fulfillment.releases WHERE key = $1 AND state IS NOT NULL"
        }
    };
    let row: Option<(String, Json<State>)> =
        sqlx::query_as(sql).bind(shell::Key::text(&key)).fetch_optional(pool).await?;
    let view = row.map(|(key, state)| view(&key, state.0)).transpose()?;
    Ok(view.filter(|view| view.shipment.as_ref().is_none_or(|shipment| shipment == id)))
}

/// Releases that wait to be handed over, parcels that wait for units to be sent again, and those that the warehouse has
/// not packed yet, longest first.
///
/// # Errors
/// The database does not answer, or a row is of another version.
pub async fn waiting(pool: &sqlx::PgPool) -> Result<Vec<ShipmentView>, sqlx::Error> {
    let rows: Vec<(String, Json<State>)> = sqlx::query_as(
        "SELECT key, state FROM (
             SELECT key, state FROM fulfillment.releases WHERE status IN ('waiting', 'requested')
             UNION ALL
             SELECT release, state FROM fulfillment.reships WHERE status IN ('awaiting', 'requested')
         ) AS open (key, state)
         ORDER BY coalesce(state ->> 'requested_at', state ->> 'since', state ->> 'until')::timestamptz, key LIMIT $1",
    )
    .bind(LIST_ROWS_MAX)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(|(key, state)| view(&key, state.0)).collect()
}

fn view(key: &str, state: State) -> Result<ShipmentView, sqlx::Error> {
    let release = ReleaseId::parse(key).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let blank = ShipmentView {
        order: release.order(),
        release,
        shipment: None,
        status: "new",
        handover_at: None,
        carrier: None,
        tracking: None,
        packed_at: None,
        units: Vec::new(),
        missing: Vec::new(),
    };
    Ok(match state {
        State::New | State::Reserved(_) | State::Order(_) => blank,
        State::Awaiting(Awaiting { shipment, folder, .. }) => ShipmentView {
            status: "awaiting",
            shipment: Some(shipment),
            units: folder.units.lines(),
            ..blank
        },
        State::Cancelled => ShipmentView { status: "cancelled", ..blank },
        State::Waiting(Waiting { folder, until }) => {
            ShipmentView { status: "waiting", handover_at: Some(until), units: folder.units.lines(), ..blank }
        }
        State::Requested(requested) => ShipmentView {
            status: "requested",
            units: requested.open().lines(),
            shipment: Some(requested.shipment),
            handover_at: Some(requested.requested_at),
            missing: requested.reported.lines(),
            ..blank
        },
        State::Dispatched(Dispatched { shipment, parcel, missing, .. }) => ShipmentView {
            status: "dispatched",
            shipment: Some(shipment),
            carrier: Some(parcel.carrier),
            tracking: Some(parcel.tracking),
            packed_at: Some(parcel.packed_at),
            units: parcel.units.lines(),
            missing: missing.lines(),
            ..blank
        },
        State::Shorted(Shorted { shipment, missing }) => {
            ShipmentView { status: "shorted", shipment: Some(shipment), missing: missing.lines(), ..blank }
        }
    })
}

impl Requested {
    /// What may still be packed.
    #[must_use]
    pub fn open(&self) -> Units {
        // Only what is within the units is ever recorded as missing.
        self.folder.units.minus(&self.reported).unwrap_or_default()
    }
}
