//! The edge: a scan is understood here, by its status or its carrier's table, or found to say nothing. What
//! says nothing touches no row.

use messages::envelope::{Unreadable, read_body};
use messages::id::ShipmentId;
use messages::shipment::{CarrierScan, ParcelStatus, ShipmentDispatched};
use messages::tracking_number::TrackingNumber;
use messages::{Kind, Timestamp};
use shell::{Arrival, ReadError};
use time::UtcOffset;

use crate::codes::{Meaning, meaning};
use crate::scans::{Mark, Scan};

/// The longest code of an event, as its schema says.
const CODE_LENGTH_MAX: usize = 32;

/// What can happen to a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// It has a shipment of ours in it.
    Dispatched { number: TrackingNumber, shipment: ShipmentId },
    /// It was seen.
    Scanned { number: TrackingNumber, scan: Scan },
    /// A scan that says nothing.
    Senseless { number: TrackingNumber, refusal: Refusal },
}

/// Why a scan says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    UnknownCode,
    TrackingNumberNotOfCarrier,
}

impl Refusal {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownCode => "unknown_code",
            Self::TrackingNumberNotOfCarrier => "tracking_number_not_of_carrier",
        }
    }

    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnknownCode => "the scan has neither a status nor a code that is known of this carrier",
            Self::TrackingNumberNotOfCarrier => "the tracking number is not in this carrier's format",
        }
    }
}

impl Input {
    /// The parcel whose row it touches.
    #[must_use]
    pub fn parcel(&self) -> Option<&TrackingNumber> {
        match self {
            Self::Dispatched { number, .. } | Self::Scanned { number, .. } => Some(number),
            Self::Senseless { .. } => None,
        }
    }
}

/// Parses what arrived.
///
/// # Errors
/// The body is unreadable.
pub fn read(arrival: &Arrival<'_>) -> Result<Input, ReadError> {
    match *arrival {
        Arrival::Message { kind: Kind::ShipmentDispatched, event, .. } => {
            let fact: ShipmentDispatched = read_body(&event.data)?;
            Ok(Input::Dispatched { number: fact.tracking, shipment: fact.shipment })
        }
        Arrival::Message { kind: Kind::CarrierScan, event, .. } => Ok(scanned(read_body(&event.data)?)?),
        Arrival::Message { .. } | Arrival::Timer { .. } | Arrival::Answer { .. } => {
            Err(Unreadable::UnknownType.into())
        }
    }
}

fn scanned(told: CarrierScan) -> Result<Input, Unreadable> {
    let CarrierScan { carrier, tracking: number, code, status, to_sender, scanned_at } = told;
    let code = plain_code(code)?;
    if !number.carriers().contains(&carrier) {
        return Ok(Input::Senseless { number, refusal: Refusal::TrackingNumberNotOfCarrier });
    }
    let by_code = code.as_deref().and_then(|code| meaning(carrier, code));
    let Some(status) = status.or(by_code.map(Meaning::status)) else {
        return Ok(Input::Senseless { number, refusal: Refusal::UnknownCode });
    };
    let cannot_be_delivered = by_code == Some(Meaning::CannotBeDelivered)
        && matches!(status, ParcelStatus::Exception | ParcelStatus::Returning);
    // One time in one form, so that equal scans make equal rows.
    let at = Timestamp(scanned_at.0.to_offset(UtcOffset::UTC));
    let scan = Scan { status, cannot_be_delivered, to_sender, mark: Mark { at, carrier, code } };
    Ok(Input::Scanned { number, scan })
}

/// In upper case; a code goes on to other rooms, so nothing but a code may stand in its place.
fn plain_code(code: Option<String>) -> Result<Option<String>, Unreadable> {
    let Some(code) = code.map(|code| code.trim().to_ascii_uppercase()).filter(|code| !code.is_empty()) else {
        return Ok(None);
    };
    let plain = code.len() <= CODE_LENGTH_MAX
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if plain {
        Ok(Some(code))
    } else {
        Err(Unreadable::Body { path: "code".to_owned(), problem: "must be 1 to 32 letters, digits or - _ ." })
    }
}
