//! The edge: what arrives becomes an input, without the prices that this room has no use for. It never keeps
//! what it opens: the address is opened only to know that it will open when the request leaves.

use messages::case::{CaseEnd, CaseResolved};
use messages::envelope::{Unreadable, read_body};
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::order::{DeliverySection, Line, OrderAccepted, OrderCancel, OrderHeld, OrderRefused};
use messages::payment::{
    AUTHORIZATION_LAPSED, PaymentAuthorized, PaymentDeclined, PaymentDelayed, PaymentRenewed,
};
use messages::sealed::{Keyring, SealError, Sealed, Section};
use messages::shipment::{ShipmentPacked, ShipmentShort};
use messages::stock::{LineUnits, ReshipReady, StockLimited, StockUnavailable};
use messages::{Event, Kind};
use shell::worker::DueRow;
use shell::{Arrival, ReadError, World};

use crate::Fulfillment;
use crate::cancel;
use crate::decide::FIRST_PARCEL;
use crate::store::{Folder, HAND_OVER, Key, UNKNOWN_ORDER};
use crate::units::Units;

/// What can happen to a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// It is paid for as far as it can be before it ships.
    Authorized { release: ReleaseId, folder: Folder },
    /// Its waiting time is over.
    HandOver(ReleaseId),
    /// The order exists, with so many units.
    Known { order: OrderNumber, units: u64 },
    /// So many more units of the order ended without a parcel.
    Ended { order: OrderNumber, units: u64 },
    /// The order is not taken.
    Refused(OrderNumber),
    /// The hold on the card lapses and was not renewed.
    Lapsing(ReleaseId),
    /// It stands again, after it was said to lapse so many times.
    Renewed { release: ReleaseId, delays: u32 },
    /// Somebody wants it cancelled.
    Cancel(OrderCancel),
    /// The order of a cancellation did not come in time.
    Unknown(OrderNumber),
    /// A parcel that came back goes out again.
    Reship(Box<Reship>),
    /// Of a parcel that goes out again these units are set aside, and those cannot be had.
    ReshipReady { shipment: ShipmentId, unavailable: Units },
    /// A case ended without another parcel; a card that was never held is tried again.
    Nothing,
    /// The warehouse packed it.
    Packed(ShipmentPacked),
    /// The warehouse misses units of it.
    Short(ShipmentShort),
}

/// The next parcel of a release, for a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reship {
    /// The parcel that came back, which names its case.
    pub case: ShipmentId,
    /// Its successor, one number higher: so one case asks for one parcel.
    pub shipment: ShipmentId,
    pub delivery: u16,
    pub gift: bool,
    pub units: Units,
    /// Sealed `delivery` section.
    pub address: Sealed,
}

impl Input {
    /// The rows that it is about; an order's row leads to its releases that wait.
    #[must_use]
    pub fn keys(&self, found: &World<Fulfillment>) -> Vec<Key> {
        match self {
            Self::Authorized { release, .. } | Self::HandOver(release) | Self::Renewed { release, .. } => {
                vec![Key::Order(release.order()), Key::Release(release.clone())]
            }
            Self::Unknown(order) | Self::Ended { order, .. } | Self::Refused(order) => {
                vec![Key::Order(order.clone())]
            }
            Self::Lapsing(release) => vec![Key::Order(release.order())],
            Self::Known { order, .. } => with_waiting(order, found),
            Self::Cancel(wish) => with_waiting(&wish.order, found),
            Self::Reship(reship) => vec![of_shipment(&reship.case), Key::Again(reship.shipment.clone())],
            Self::ReshipReady { shipment, .. } => vec![Key::Again(shipment.clone())],
            Self::Nothing => Vec::new(),
            Self::Packed(packed) => with_order(&packed.shipment),
            Self::Short(short) => with_order(&short.shipment),
        }
    }
}

fn with_waiting(order: &OrderNumber, found: &World<Fulfillment>) -> Vec<Key> {
    let waiting = cancel::order(found, order).waiting.into_iter().map(Key::Release);
    std::iter::once(Key::Order(order.clone())).chain(waiting).collect()
}

/// What is missing of a first parcel is no longer handed over; a later parcel is beside the order.
fn with_order(shipment: &ShipmentId) -> Vec<Key> {
    match of_shipment(shipment) {
        key @ Key::Release(_) => vec![Key::Order(shipment.order()), key],
        key @ (Key::Order(_) | Key::Again(_)) => vec![key],
    }
}

/// The row of a shipment: the first one is its release's own.
#[must_use]
pub fn of_shipment(shipment: &ShipmentId) -> Key {
    let release = shipment.release();
    if *shipment == ShipmentId::of(&release, FIRST_PARCEL) {
        Key::Release(release)
    } else {
        Key::Again(shipment.clone())
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
        Arrival::Message { kind: Kind::OrderAccepted, event, .. } => {
            let OrderAccepted { order, lines, .. } = read_body(&event.data)?;
            Ok(Input::Known { order, units: units_of(&lines) })
        }
        Arrival::Message { kind: Kind::OrderHeld, event, .. } => {
            let OrderHeld { order, lines, .. } = read_body(&event.data)?;
            Ok(Input::Known { order, units: units_of(&lines) })
        }
        Arrival::Message { kind: Kind::OrderRefused, event, .. } => {
            let OrderRefused { order, .. } = read_body(&event.data)?;
            // Without a number it was not read far enough to be cancelled.
            Ok(order.map_or(Input::Nothing, Input::Refused))
        }
        Arrival::Message { kind: Kind::StockLimited, event, .. } => {
            let StockLimited { order, lines } = read_body(&event.data)?;
            Ok(Input::Ended { order, units: sum(lines.iter()) })
        }
        Arrival::Message { kind: Kind::StockUnavailable, event, .. } => {
            let StockUnavailable { order, lines } = read_body(&event.data)?;
            Ok(Input::Ended { order, units: sum(lines.iter().map(|line| &line.units)) })
        }
        Arrival::Message { kind: Kind::PaymentDeclined, event, .. } => {
            let PaymentDeclined { order, lines, .. } = read_body(&event.data)?;
            Ok(Input::Ended { order, units: sum(lines.iter()) })
        }
        Arrival::Message { kind: Kind::PaymentDelayed, event, .. } => {
            let PaymentDelayed { release, code, .. } = read_body(&event.data)?;
            Ok(if code == AUTHORIZATION_LAPSED { Input::Lapsing(release) } else { Input::Nothing })
        }
        Arrival::Message { kind: Kind::PaymentRenewed, event, .. } => {
            let PaymentRenewed { release, delays, .. } = read_body(&event.data)?;
            Ok(Input::Renewed { release, delays })
        }
        Arrival::Message { kind: Kind::OrderCancel, event, .. } => Ok(Input::Cancel(read_body(&event.data)?)),
        Arrival::Message { kind: Kind::CaseResolved, event, .. } => resolved(event, ring),
        Arrival::Message { kind: Kind::ReshipReady, event, .. } => reship_ready(event),
        Arrival::Timer { due } if due.kind == HAND_OVER => hand_over(due),
        Arrival::Timer { due } if due.kind == UNKNOWN_ORDER => Ok(Input::Unknown(due.body()?)),
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
    opens(&address, &release.order, release.delivery, ring)?;
    if release.release.order() != release.order {
        return Err(unreadable("release", "is not a release of the order"));
    }
    let lines: Vec<LineUnits> = release.lines.iter().map(LineUnits::of).collect();
    let units = Units::of(&lines).ok_or_else(|| unreadable("lines", "hold no units, or a line twice"))?;
    let folder =
        Folder { delivery: release.delivery, gift: release.gift, method: release.method, units, address };
    Ok(Input::Authorized { release: release.release, folder })
}

fn resolved(event: &Event, ring: &Keyring) -> Result<Input, ReadError> {
    let case: CaseResolved = read_body(&event.data)?;
    match case.resolution {
        CaseEnd::Reship => {}
        CaseEnd::Refund | CaseEnd::Closed => return Ok(Input::Nothing),
    }
    let release = case.case.release();
    if release != case.release || release.order() != case.order {
        return Err(unreadable("case", "is not a parcel of the release and the order"));
    }
    let shipment =
        case.case.next().ok_or_else(|| unreadable("case", "has the last number of its release"))?;
    let units =
        Units::of(&case.lines).ok_or_else(|| unreadable("lines", "hold no units, or a line twice"))?;
    let address =
        case.address.ok_or_else(|| unreadable("address", "is missing, and something is to be sent"))?;
    opens(&address, &case.order, case.delivery, ring)?;
    let (delivery, gift) = (case.delivery, case.gift);
    Ok(Input::Reship(Box::new(Reship { case: case.case, shipment, delivery, gift, units, address })))
}

fn reship_ready(event: &Event) -> Result<Input, ReadError> {
    let ReshipReady { shipment, order, lines: _, unavailable } = read_body(&event.data)?;
    let unavailable = match unavailable.as_slice() {
        [] => Units::default(),
        some => Units::of(some)
            .ok_or_else(|| unreadable("unavailable", "holds a line without units, or a line twice"))?,
    };
    match of_shipment(&shipment) {
        Key::Again(_) if shipment.order() == order => Ok(Input::ReshipReady { shipment, unavailable }),
        Key::Order(_) | Key::Release(_) | Key::Again(_) => {
            Err(unreadable("shipment", "is not a later parcel of the order"))
        }
    }
}

/// A section that does not open would hold up every batch with its request, so its event is parked here, alone.
fn opens(address: &Sealed, order: &OrderNumber, delivery: u16, ring: &Keyring) -> Result<(), ReadError> {
    match ring.open::<DeliverySection>(Section::Delivery, order.as_str(), delivery, address) {
        Ok(_) => Ok(()),
        Err(error @ (SealError::MissingKey(_) | SealError::NoRandom | SealError::KeyFile(_))) => {
            Err(error.into())
        }
        Err(SealError::Form | SealError::DoesNotOpen(_) | SealError::Content) => {
            Err(unreadable("address", "is not the sealed address of this order and delivery"))
        }
    }
}

fn units_of(lines: &[Line]) -> u64 {
    lines.iter().map(|line| u64::from(line.quantity)).sum()
}

fn sum<'a>(lines: impl Iterator<Item = &'a LineUnits>) -> u64 {
    lines.map(|line| u64::from(line.quantity)).sum()
}

fn unreadable(path: &str, problem: &'static str) -> ReadError {
    Unreadable::Body { path: path.to_owned(), problem }.into()
}
