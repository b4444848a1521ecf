//! The room's one table and what operators read of it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use messages::Timestamp;
use messages::id::{OrderNumber, ShipmentId};
use messages::shipment::ParcelStatus;
use messages::tracking_number::TrackingNumber;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::scans::{Scans, Seen, Standing};

pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/tracking");

/// The timer that asks whether a parcel is lost.
pub const LOST: &str = "lost";

/// The rows, in the order in which they are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Parcel(TrackingNumber),
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Parcel(_) => "parcels",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Parcel(number) => Cow::Borrowed(number.as_str()),
        }
    }
}

/// One parcel. The status is what its scans amount to, kept for the database's derived column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What is in it; none before `shipment.dispatched`, several where the warehouse put releases into one
    /// box.
    shipments: BTreeSet<ShipmentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<ParcelStatus>,
    scans: Scans,
    /// The latest word of where it was: a scan, or the packing of a shipment in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Seen>,
    /// When it had been seen last as it was told to be lost. Told once, whatever comes then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<Timestamp>,
}

impl State {
    #[must_use]
    pub fn shipments(&self) -> &BTreeSet<ShipmentId> {
        &self.shipments
    }

    #[must_use]
    pub fn scans(&self) -> &Scans {
        &self.scans
    }

    /// Absent before the first scan.
    #[must_use]
    pub fn status(&self) -> Option<ParcelStatus> {
        self.status
    }

    /// Absent before anything is known.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        self.seen
    }

    /// Whether its silence still has to be told, should it last: not before it is ours, and not after its end.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        !self.shipments.is_empty() && self.lost.is_none() && !self.scans.has_ended()
    }

    /// Told to be lost and not seen since.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        !self.scans.has_ended() && self.lost.is_some() && self.lost >= self.seen.map(|seen| seen.at)
    }

    #[must_use]
    pub fn with_shipment(mut self, shipment: ShipmentId) -> Self {
        self.shipments.insert(shipment);
        self
    }

    #[must_use]
    pub fn with_scans(self, scans: Scans) -> Self {
        Self { status: scans.standing().status(), scans, ..self }
    }

    #[must_use]
    pub fn seen_at(self, seen: Seen) -> Self {
        Self { seen: self.seen.max(Some(seen)), ..self }
    }

    #[must_use]
    pub fn told_lost(self, last_seen_at: Timestamp) -> Self {
        Self { lost: Some(last_seen_at), ..self }
    }
}

/// A parcel as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParcelView {
    pub tracking: TrackingNumber,
    /// Empty: scanned, but no shipment of ours has this number yet.
    pub shipments: Vec<ShipmentId>,
    /// Absent before the first scan.
    pub status: Option<ParcelStatus>,
    /// When the scan was made that gave the status.
    pub since: Option<Timestamp>,
    /// The code that says why it came back or cannot be delivered.
    pub code: Option<String>,
    /// The postal endorsement that says the same.
    pub endorsement: Option<String>,
    /// No scan for so long that it is held to be lost.
    pub lost: bool,
    pub last_seen_at: Option<Timestamp>,
}

/// The parcel of a tracking number.
///
/// # Errors
/// The database does not answer, or the row is of another version.
pub async fn parcel(
    pool: &sqlx::PgPool,
    tracking: &TrackingNumber,
) -> Result<Option<ParcelView>, sqlx::Error> {
    let row: Option<Json<State>> =
        sqlx::query_scalar("SELECT state FROM tracking.parcels WHERE key = $1 AND state IS NOT NULL")
            .bind(tracking.as_str())
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|state| view(tracking.clone(), &state.0)))
}

/// The parcels of an order.
///
/// # Errors
/// The database does not answer, or a row is of another version.
pub async fn parcels_of(pool: &sqlx::PgPool, order: &OrderNumber) -> Result<Vec<ParcelView>, sqlx::Error> {
    let rows: Vec<(String, Json<State>)> =
        sqlx::query_as("SELECT key, state FROM tracking.parcels WHERE order_number = $1 ORDER BY key")
            .bind(order.as_str())
            .fetch_all(pool)
            .await?;
    rows.into_iter()
        .map(|(key, state)| {
            let tracking = TrackingNumber::parse(&key).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok(view(tracking, &state.0))
        })
        .collect()
}

fn view(tracking: TrackingNumber, state: &State) -> ParcelView {
    let trouble = state.scans.trouble();
    let (since, why) = match state.scans.standing() {
        Standing::Unseen => (None, trouble),
        Standing::Moving { at, .. } => (Some(at), trouble),
        Standing::Delivered { at } => (Some(at), None),
        Standing::Returned { mark, why } => (Some(mark.at), Some(why)),
    };
    ParcelView {
        tracking,
        shipments: state.shipments.iter().cloned().collect(),
        status: state.status,
        since,
        code: why.and_then(|mark| mark.code.clone()),
        endorsement: why.and_then(|mark| mark.endorsement.clone()),
        lost: state.is_lost(),
        last_seen_at: state.seen.map(|seen| seen.at),
    }
}
