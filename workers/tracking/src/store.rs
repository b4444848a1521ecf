//! The room's one table and what operators read of it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use messages::Timestamp;
use messages::id::{OrderNumber, ShipmentId};
use messages::shipment::ParcelStatus;
use messages::tracking_number::TrackingNumber;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::scans::{Scans, Standing};

pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/tracking");

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

    #[must_use]
    pub fn with_shipment(mut self, shipment: ShipmentId) -> Self {
        self.shipments.insert(shipment);
        self
    }

    #[must_use]
    pub fn with_scans(self, scans: Scans) -> Self {
        Self { status: scans.standing().status(), scans, ..self }
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
    let trouble = state.scans.trouble().and_then(|mark| mark.code.as_deref());
    let (since, code) = match state.scans.standing() {
        Standing::Unseen => (None, trouble),
        Standing::Moving { at, .. } => (Some(at), trouble),
        Standing::Delivered { at } => (Some(at), None),
        Standing::Returned { mark, code } => (Some(mark.at), code),
    };
    ParcelView {
        tracking,
        shipments: state.shipments.iter().cloned().collect(),
        status: state.status,
        since,
        code: code.map(str::to_owned),
    }
}
