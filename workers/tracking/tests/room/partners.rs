//! Model partners: the carriers and fulfillment, as they speak to this room. They hold no rule of the room.

use messages::answer::{CommandAnswered, Outcome};
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::shipment::{
    CarrierScan, ParcelStatus, ShipmentDelivered, ShipmentDispatched, ShipmentLost, ShipmentProgressed,
    ShipmentReturned, ShipmentUndeliverable,
};
use messages::tracking_number::{Carrier, TrackingNumber};
use messages::{Body, Kind, Timestamp};
use shell::stage::{Said, Stage};
use tracking::Tracking;
use tracking::store::{Key, State};

pub(crate) const CARRIERS: &str = "carriers";

pub(crate) fn number() -> TrackingNumber {
    CarrierScan::sample().tracking
}

pub(crate) fn ups_number() -> TrackingNumber {
    TrackingNumber::parse("1Z410E7W0392751591").unwrap()
}

pub(crate) fn at(hours: i64) -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap().plus_seconds(hours * 3600)
}

/// The parcel was seen with this code of the United States Postal Service.
pub(crate) fn coded(code: &str, hours: i64) -> CarrierScan {
    CarrierScan { code: Some(code.to_owned()), scanned_at: at(hours), ..CarrierScan::sample() }
}

/// The parcel was seen, already mapped.
pub(crate) fn mapped(status: ParcelStatus, hours: i64) -> CarrierScan {
    CarrierScan { code: None, status: Some(status), scanned_at: at(hours), ..CarrierScan::sample() }
}

/// The same parcel by another carrier.
pub(crate) fn by_ups(code: &str, hours: i64) -> CarrierScan {
    CarrierScan { carrier: Carrier::Ups, tracking: ups_number(), ..coded(code, hours) }
}

/// The `release`th release of the order is in the parcel.
pub(crate) fn dispatched(release: u16) -> ShipmentDispatched {
    let order = OrderNumber::from_bits(0x0012_3456_789a_bcde);
    let release = ReleaseId::of(&order, release);
    let shipment = ShipmentId::of(&release, 1);
    ShipmentDispatched {
        shipment,
        release,
        order,
        tracking: number(),
        packed_at: at(0),
        ..ShipmentDispatched::sample()
    }
}

pub(crate) fn row(stage: &Stage<Tracking>) -> State {
    stage.rows().get(&Key::Parcel(number())).cloned().unwrap_or_default()
}

/// What was said, in words, with the hour or the code of a refusal.
pub(crate) fn words(said: &[Said]) -> Vec<String> {
    said.iter().map(word).collect()
}

fn word(said: &Said) -> String {
    let hour = |time: Timestamp| time.seconds_since(at(0)) / 3600;
    let why = |code: Option<String>, endorsement: Option<String>| {
        let code = code.unwrap_or_else(|| "no code".to_owned());
        endorsement.map_or_else(|| code.clone(), |endorsement| format!("{code} {endorsement}"))
    };
    if said.kind == Kind::ShipmentProgressed {
        let fact: ShipmentProgressed = said.body();
        format!("{} at {}", fact.status.name(), hour(fact.scanned_at))
    } else if said.kind == Kind::ShipmentDelivered {
        format!("delivered at {}", hour(said.body::<ShipmentDelivered>().delivered_at))
    } else if said.kind == Kind::ShipmentReturned {
        let fact: ShipmentReturned = said.body();
        format!("returned at {} by {}", hour(fact.returned_at), why(fact.code, fact.endorsement))
    } else if said.kind == Kind::ShipmentUndeliverable {
        let fact: ShipmentUndeliverable = said.body();
        format!("undeliverable at {} by {}", hour(fact.scanned_at), why(fact.code, fact.endorsement))
    } else if said.kind == Kind::ShipmentLost {
        format!("lost, seen at {}", hour(said.body::<ShipmentLost>().last_seen_at))
    } else {
        let answer: CommandAnswered = said.body();
        assert_eq!(answer.outcome, Outcome::Refused, "only refusals are answered");
        format!("refused {}", answer.code.unwrap())
    }
}
