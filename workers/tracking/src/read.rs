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
use crate::scans::{Mark, Scan, Seen};
use crate::store::LOST;

/// The longest code of an event, as its schema says.
const CODE_LENGTH_MAX: usize = 32;
/// The longest endorsement, as its schema says.
const ENDORSEMENT_LENGTH_MAX: usize = 16;

/// What can happen to a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// It has a shipment of ours in it.
    Dispatched { number: TrackingNumber, shipment: ShipmentId, seen: Seen },
    /// It was seen.
    Scanned { number: TrackingNumber, scan: Scan },
    /// Nobody may have seen it for long; it should have been asked at `due_at`.
    Unseen { number: TrackingNumber, due_at: Timestamp },
    /// A scan that says nothing.
    Senseless { number: TrackingNumber, refusal: Refusal },
}

/// Why a scan says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    UnknownCode,
    TrackingNumberNotOfCarrier,
    /// One scan from the future would outrank all that come until then, and hide a loss.
    BadScannedAt,
}

impl Refusal {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownCode => "unknown_code",
            Self::TrackingNumberNotOfCarrier => "tracking_number_not_of_carrier",
            Self::BadScannedAt => "bad_scanned_at",
        }
    }

    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnknownCode => "the scan has neither a status nor a code that is known of this carrier",
            Self::TrackingNumberNotOfCarrier => "the tracking number is not in this carrier's format",
            Self::BadScannedAt => "the parcel was scanned more than a day from now",
        }
    }
}

impl Input {
    /// The parcel whose row it touches.
    #[must_use]
    pub fn parcel(&self) -> Option<&TrackingNumber> {
        match self {
            Self::Dispatched { number, .. } | Self::Scanned { number, .. } | Self::Unseen { number, .. } => {
                Some(number)
            }
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
            let seen = Seen { at: in_one_form(fact.packed_at), carrier: fact.carrier };
            Ok(Input::Dispatched { number: fact.tracking, shipment: fact.shipment, seen })
        }
        Arrival::Message { kind: Kind::CarrierScan, event, .. } => Ok(scanned(read_body(&event.data)?)?),
        Arrival::Timer { due } if due.kind == LOST => {
            Ok(Input::Unseen { number: due.body()?, due_at: due.due_at })
        }
        Arrival::Message { .. } | Arrival::Timer { .. } | Arrival::Answer { .. } => {
            Err(Unreadable::UnknownType.into())
        }
    }
}

fn scanned(told: CarrierScan) -> Result<Input, Unreadable> {
    let CarrierScan { carrier, tracking: number, code, status, to_sender, endorsement, scanned_at } = told;
    let code = plain(code, "code", CODE_LENGTH_MAX)?;
    let endorsement = plain(endorsement, "endorsement", ENDORSEMENT_LENGTH_MAX)?;
    if !number.carriers().contains(&carrier) {
        return Ok(Input::Senseless { number, refusal: Refusal::TrackingNumberNotOfCarrier });
    }
    let by_code = code.as_deref().and_then(|code| meaning(carrier, code));
    let Some(status) = status.or(by_code.map(Meaning::status)) else {
        return Ok(Input::Senseless { number, refusal: Refusal::UnknownCode });
    };
    // An endorsement is the reason by which a parcel is not delivered (USPS DMM 507 1.4.1). It is printed on what comes back,
    // so the scan of its arrival may be the only one that tells it.
    let says_why = by_code == Some(Meaning::CannotBeDelivered) || endorsement.is_some();
    let is_no_delivery =
        matches!(status, ParcelStatus::Exception | ParcelStatus::Returning | ParcelStatus::Returned);
    let cannot_be_delivered = says_why && (to_sender || is_no_delivery);
    let mark = Mark { at: in_one_form(scanned_at), carrier, code, endorsement };
    let scan = Scan { status, cannot_be_delivered, to_sender, mark };
    Ok(Input::Scanned { number, scan })
}

/// So that equal scans make equal rows.
fn in_one_form(time: Timestamp) -> Timestamp {
    Timestamp(time.0.to_offset(UtcOffset::UTC))
}

/// In upper case; a code goes on to other rooms, so nothing but a code may stand in its place.
fn plain(text: Option<String>, field: &str, longest: usize) -> Result<Option<String>, Unreadable> {
    let Some(code) = text.map(|text| text.trim().to_ascii_uppercase()).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let plain = code.len() <= longest
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if plain {
        Ok(Some(code))
    } else {
        let problem = "must be letters, digits or - _ ., not more than its schema says";
        Err(Unreadable::Body { path: field.to_owned(), problem })
    }
}
