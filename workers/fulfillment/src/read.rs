//! The edge: what arrives becomes an input, without the prices that this room has no use for. It never keeps
//! what it opens: the address is opened only to know that it will open when the request leaves.

use messages::envelope::{Unreadable, read_body};
use messages::id::ReleaseId;
use messages::order::DeliverySection;
use messages::payment::PaymentAuthorized;
use messages::sealed::{Keyring, SealError, Section};
use messages::shipment::{ShipmentPacked, ShipmentShort};
use messages::stock::LineUnits;
use messages::{Event, Kind};
use shell::worker::DueRow;
use shell::{Arrival, ReadError};

use crate::store::{Folder, HAND_OVER};
use crate::units::Units;

/// What can happen to a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// It is paid for as far as it can be before it ships.
    Authorized { release: ReleaseId, folder: Folder },
    /// Its waiting time is over.
    HandOver(ReleaseId),
    /// The warehouse packed it.
    Packed(ShipmentPacked),
    /// The warehouse misses units of it.
    Short(ShipmentShort),
}

impl Input {
    /// The release that it is about; a shipment's id names its release.
    #[must_use]
    pub fn release(&self) -> ReleaseId {
        match self {
            Self::Authorized { release, .. } | Self::HandOver(release) => release.clone(),
            Self::Packed(packed) => packed.shipment.release(),
            Self::Short(short) => short.shipment.release(),
        }
    }
}

/// Parses what arrived.
///
/// # Errors
/// The body is unreadable, the address is not one of this order, or this process lacks the key to it.
pub fn read(arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
    match *arrival {
        Arrival::Message { kind: Kind::PaymentAuthorized, event, .. } => authorized(event, ring),
        Arrival::Message { kind: Kind::ShipmentPacked, event, .. } => {
            Ok(Input::Packed(read_body(&event.data)?))
        }
        Arrival::Message { kind: Kind::ShipmentShort, event, .. } => {
            Ok(Input::Short(read_body(&event.data)?))
        }
        Arrival::Timer { due } if due.kind == HAND_OVER => hand_over(due),
        Arrival::Message { .. } | Arrival::Timer { .. } | Arrival::Answer { .. } => {
            Err(Unreadable::UnknownType.into())
        }
    }
}

fn hand_over(due: &DueRow) -> Result<Input, ReadError> {
    Ok(Input::HandOver(due.body()?))
}

fn authorized(event: &Event, ring: &Keyring) -> Result<Input, ReadError> {
    let PaymentAuthorized { release, address, .. } = read_body(&event.data)?;
    // A section that does not open would hold up every batch with its request, so its event is parked here,
    // alone.
    match ring.open::<DeliverySection>(Section::Delivery, release.order.as_str(), release.delivery, &address)
    {
        Ok(_) => {}
        Err(error @ (SealError::MissingKey(_) | SealError::NoRandom | SealError::KeyFile(_))) => {
            return Err(error.into());
        }
        Err(SealError::Form | SealError::DoesNotOpen(_) | SealError::Content) => {
            return Err(unreadable("address", "is not the sealed address of this order and delivery"));
        }
    }
    if release.release.order() != release.order {
        return Err(unreadable("release", "is not a release of the order"));
    }
    let lines: Vec<LineUnits> = release
        .lines
        .into_iter()
        .map(|line| LineUnits { line: line.line, item: line.item, quantity: line.quantity })
        .collect();
    let units = Units::of(&lines).ok_or_else(|| unreadable("lines", "hold no units, or a line twice"))?;
    let folder =
        Folder { delivery: release.delivery, gift: release.gift, method: release.method, units, address };
    Ok(Input::Authorized { release: release.release, folder })
}

fn unreadable(path: &str, problem: &'static str) -> ReadError {
    Unreadable::Body { path: path.to_owned(), problem }.into()
}
