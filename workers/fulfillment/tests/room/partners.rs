//! Model partners: payment and the warehouse, as they speak to this room. They hold no rule of the room.

use fulfillment::Fulfillment;
use fulfillment::store::{Key, State};
use messages::answer::{CommandAnswered, Outcome};
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::item::ItemNumber;
use messages::order::{DeliverySection, Line};
use messages::payment::PaymentAuthorized;
use messages::person::PersonName;
use messages::samples;
use messages::sealed::Section;
use messages::shipment::{ShipmentPacked, ShipmentShort};
use messages::stock::LineUnits;
use messages::tracking_number::{Carrier, TrackingNumber};
use messages::{Body, Kind};
use shell::stage::{Said, Stage};
use shell::worker::Route;

/// Pieces of line 1 and of line 2.
pub(crate) type Pieces = (u32, u32);

pub(crate) fn stage(handover_delay_seconds: i64) -> Stage<Fulfillment> {
    Stage::new(Fulfillment { handover_delay_seconds })
}

pub(crate) fn release(number: u16) -> ReleaseId {
    ReleaseId::of(&OrderNumber::from_bits(0x0012_3456_789a_bcde), number)
}

pub(crate) fn shipment(number: u16) -> ShipmentId {
    ShipmentId::of(&release(number), 1)
}

pub(crate) fn section() -> DeliverySection {
    DeliverySection {
        recipient: PersonName::parse("Pat Example").unwrap(),
        address: samples::postal_address(),
        phone: None,
        gift_message: None,
    }
}

pub(crate) fn authorized(stage: &Stage<Fulfillment>, number: u16, pieces: Pieces) -> PaymentAuthorized {
    let mut body = PaymentAuthorized::sample();
    let order = body.release.order.clone();
    body.release.release = release(number);
    body.release.lines = lines(pieces)
        .into_iter()
        .map(|line| Line { line: line.line, item: line.item, quantity: line.quantity, ..sample_line() })
        .collect();
    body.address = stage.ring.seal(Section::Delivery, order.as_str(), 1, &section(), stage.now().0).unwrap();
    body
}

fn sample_line() -> Line {
    PaymentAuthorized::sample().release.lines.remove(0)
}

pub(crate) fn packed(number: u16, pieces: Pieces) -> ShipmentPacked {
    ShipmentPacked { shipment: shipment(number), lines: lines(pieces), ..ShipmentPacked::sample() }
}

/// The same parcel with a label of another carrier's format.
pub(crate) fn packed_with_wrong_label(number: u16, pieces: Pieces) -> ShipmentPacked {
    let tracking = TrackingNumber::parse("1Z410E7W0392751591").unwrap();
    ShipmentPacked { carrier: Carrier::Usps, tracking, ..packed(number, pieces) }
}

pub(crate) fn short(number: u16, pieces: Pieces) -> ShipmentShort {
    ShipmentShort { shipment: shipment(number), missing: lines(pieces) }
}

/// The `parcel`th parcel of a release came back and is to be sent again.
pub(crate) fn resolved(
    stage: &Stage<Fulfillment>,
    number: u16,
    parcel: u16,
    pieces: Pieces,
) -> messages::case::CaseResolved {
    let release = release(number);
    let order = release.order();
    let address = stage.ring.seal(Section::Delivery, order.as_str(), 1, &section(), stage.now().0).unwrap();
    messages::case::CaseResolved {
        case: ShipmentId::of(&release, parcel),
        release,
        order,
        lines: lines(pieces),
        address: Some(address),
        ..messages::case::CaseResolved::sample()
    }
}

pub(crate) fn lines((first, second): Pieces) -> Vec<LineUnits> {
    [(1, "19XE", first), (2, "21RCS", second)]
        .into_iter()
        .filter(|(_, _, quantity)| *quantity > 0)
        .map(|(line, item, quantity)| LineUnits { line, item: ItemNumber::parse(item).unwrap(), quantity })
        .collect()
}

/// Pieces of lines.
pub(crate) fn pieces(lines: &[LineUnits]) -> Pieces {
    let of = |number: u16| lines.iter().filter(|line| line.line == number).map(|line| line.quantity).sum();
    (of(1), of(2))
}

pub(crate) fn state(stage: &Stage<Fulfillment>, number: u16) -> State {
    stage.rows().get(&Key::Release(release(number))).cloned().unwrap_or(State::New)
}

pub(crate) fn status(state: &State) -> &'static str {
    match state {
        State::New => "new",
        State::Waiting(_) => "waiting",
        State::Awaiting(_) => "awaiting",
        State::Reserved(_) => "reserved",
        State::Requested(_) => "requested",
        State::Dispatched(_) => "dispatched",
        State::Shorted(_) => "shorted",
        State::Cancelled => "cancelled",
        State::Order(_) => "order",
    }
}

/// What was said, in words: to whom, what, and the code of a refusal.
pub(crate) fn words(said: &[Said]) -> Vec<String> {
    said.iter().map(word).collect()
}

fn word(said: &Said) -> String {
    let to = match &said.to {
        Route::Oms => "rooms",
        Route::Out(outsider) => outsider,
    };
    if said.kind != Kind::CommandAnswered {
        return format!("{to}: {}", said.kind.name().trim_end_matches(".v1"));
    }
    let answer: CommandAnswered = said.body();
    match answer.outcome {
        Outcome::Refused => format!("{to}: refused {}", answer.code.unwrap()),
        outcome @ (Outcome::Accepted | Outcome::Held | Outcome::Done | Outcome::Repeated) => {
            format!("{to}: {}", outcome.name())
        }
    }
}
