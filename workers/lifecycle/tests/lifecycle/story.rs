//! One order of two lines, told message by message: 2 × 19XE and 1 × 21RCS.

use lifecycle::Lifecycle;
use lifecycle::fact::Fact;
use messages::case::{CaseAsked, CaseEnd, CaseOpened, CaseReceived, CaseResolved};
use messages::envelope::SpecVersion;
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::item::ItemNumber;
use messages::money::Amount;
use messages::order::{HoldEnded, Line, OrderAccepted, OrderCancelled, OrderHeld, OrderRefused};
use messages::payment::{
    PaymentAdjusted, PaymentAuthorized, PaymentDeclined, PaymentDelayed, PaymentRefunded,
};
use messages::shipment::{
    ParcelStatus, ReleaseShorted, ShipmentDelivered, ShipmentDispatched, ShipmentLost, ShipmentProgressed,
    ShipmentRequested, ShipmentReturned, ShipmentUndeliverable,
};
use messages::stock::{
    LineUnits, Release, ReleaseReady, ReshipReady, StockBackordered, StockLimited, StockReserved,
    StockUnavailable, StockWaitlisted, Unavailable, UnavailableLine,
};
use messages::{Body, Event, Kind};
use serde_json::value::RawValue;
use shell::stage::Stage;

/// One message.
pub(crate) type Said = (Kind, Box<RawValue>);
/// Units by line.
pub(crate) type Units<'a> = &'a [(u16, u32)];

pub(crate) const ITEMS: [(&str, u32); 2] = [("19XE", 2), ("21RCS", 1)];

fn say<B: Body>(body: &B) -> Said {
    (B::KIND, shell::worker::raw(body))
}

pub(crate) fn order() -> OrderNumber {
    OrderAccepted::sample().order
}

fn release_id(number: u16) -> ReleaseId {
    ReleaseId::of(&order(), number)
}

fn parcel(number: u16) -> ShipmentId {
    ShipmentId::of(&release_id(number), 1)
}

fn item(line: u16) -> ItemNumber {
    ItemNumber::parse(ITEMS[usize::from(line) - 1].0).expect("an item of ours")
}

fn units(of: Units<'_>) -> Vec<LineUnits> {
    of.iter().map(|&(line, quantity)| LineUnits { line, item: item(line), quantity }).collect()
}

fn lines(of: Units<'_>) -> Vec<Line> {
    let line = |&(line, quantity): &(u16, u32)| Line {
        line,
        item: item(line),
        quantity,
        unit_price: Amount::new(6595).expect("an amount"),
        delivery: 1,
    };
    of.iter().map(line).collect()
}

fn all() -> Vec<Line> {
    lines(&[(1, ITEMS[0].1), (2, ITEMS[1].1)])
}

fn release(number: u16, of: Units<'_>) -> Release {
    Release { release: release_id(number), lines: lines(of), ..ReleaseReady::sample().release }
}

pub(crate) fn accepted() -> Said {
    say(&OrderAccepted { lines: all(), ..OrderAccepted::sample() })
}

pub(crate) fn held() -> Said {
    say(&OrderHeld { lines: all(), ..OrderHeld::sample() })
}

pub(crate) fn refused() -> Said {
    say(&OrderRefused::sample())
}

pub(crate) fn hold_ended(released: bool) -> Said {
    say(&HoldEnded { released, ..HoldEnded::sample() })
}

pub(crate) fn reserved(of: Units<'_>) -> Said {
    say(&StockReserved { order: order(), lines: units(of) })
}

pub(crate) fn limited(of: Units<'_>) -> Said {
    say(&StockLimited { order: order(), lines: units(of) })
}

pub(crate) fn unavailable(of: Units<'_>) -> Said {
    let line = |units| UnavailableLine { units, why: Unavailable::SoldOut };
    say(&StockUnavailable { order: order(), lines: units(of).into_iter().map(line).collect() })
}

pub(crate) fn backordered(of: Units<'_>) -> Said {
    say(&StockBackordered { order: order(), lines: units(of), expected_at: None })
}

pub(crate) fn waitlisted(of: Units<'_>) -> Said {
    say(&StockWaitlisted { order: order(), lines: units(of) })
}

pub(crate) fn ready(number: u16, of: Units<'_>) -> Said {
    say(&ReleaseReady { release: release(number, of), ..ReleaseReady::sample() })
}

pub(crate) fn authorized(number: u16, of: Units<'_>) -> Said {
    say(&PaymentAuthorized { release: release(number, of), ..PaymentAuthorized::sample() })
}

pub(crate) fn delayed(number: u16) -> Said {
    say(&PaymentDelayed { release: release_id(number), ..PaymentDelayed::sample() })
}

pub(crate) fn declined(number: u16) -> Said {
    say(&PaymentDeclined { release: release_id(number), ..PaymentDeclined::sample() })
}

pub(crate) fn requested(number: u16, of: Units<'_>) -> Said {
    let (shipment, release) = (parcel(number), release_id(number));
    say(&ShipmentRequested { shipment, release, lines: units(of), ..ShipmentRequested::sample() })
}

pub(crate) fn shorted(number: u16, missing: Units<'_>) -> Said {
    let (shipment, release) = (parcel(number), release_id(number));
    say(&ReleaseShorted { shipment, release, missing: units(missing), ..ReleaseShorted::sample() })
}

pub(crate) fn adjusted(number: u16, missing: Units<'_>) -> Said {
    let release = release_id(number);
    say(&PaymentAdjusted { release, missing: units(missing), ..PaymentAdjusted::sample() })
}

pub(crate) fn dispatched(number: u16, of: Units<'_>) -> Said {
    let (shipment, release) = (parcel(number), release_id(number));
    say(&ShipmentDispatched { shipment, release, lines: units(of), ..ShipmentDispatched::sample() })
}

pub(crate) fn progressed(number: u16, status: ParcelStatus) -> Said {
    say(&ShipmentProgressed { shipment: parcel(number), status, ..ShipmentProgressed::sample() })
}

pub(crate) fn delivered(number: u16) -> Said {
    say(&ShipmentDelivered { shipment: parcel(number), ..ShipmentDelivered::sample() })
}

pub(crate) fn undeliverable(number: u16) -> Said {
    say(&ShipmentUndeliverable { shipment: parcel(number), ..ShipmentUndeliverable::sample() })
}

pub(crate) fn returned(number: u16) -> Said {
    say(&ShipmentReturned { shipment: parcel(number), ..ShipmentReturned::sample() })
}

pub(crate) fn lost(number: u16) -> Said {
    say(&ShipmentLost { shipment: parcel(number), ..ShipmentLost::sample() })
}

/// Everything is cancelled but these releases.
pub(crate) fn cancelled(handed_over: &[u16]) -> Said {
    let handed_over = handed_over.iter().map(|&number| release_id(number)).collect();
    say(&OrderCancelled { handed_over, ..OrderCancelled::sample() })
}

pub(crate) fn case_opened(number: u16) -> Said {
    say(&CaseOpened { case: parcel(number), ..CaseOpened::sample() })
}

pub(crate) fn case_asked(number: u16, contact: u8) -> Said {
    say(&CaseAsked { case: parcel(number), contact, ..CaseAsked::sample() })
}

pub(crate) fn case_resolved(number: u16, resolution: CaseEnd) -> Said {
    let (case, release) = (parcel(number), release_id(number));
    say(&CaseResolved { case, release, resolution, ..CaseResolved::sample() })
}

pub(crate) fn case_received(number: u16) -> Said {
    let (case, release) = (parcel(number), release_id(number));
    say(&CaseReceived { case, release, ..CaseReceived::sample() })
}

/// Of the second parcel these units are set aside, and those cannot be had.
pub(crate) fn reship_ready(number: u16, of: Units<'_>, unavailable: Units<'_>) -> Said {
    let (shipment, unavailable) = (ShipmentId::of(&release_id(number), 2), units(unavailable));
    say(&ReshipReady { shipment, lines: units(of), unavailable, ..ReshipReady::sample() })
}

pub(crate) fn refunded(number: u16) -> Said {
    say(&PaymentRefunded { release: release_id(number), ..PaymentRefunded::sample() })
}

/// The second parcel of a release, from the warehouse to its recipient.
pub(crate) fn sent_again(number: u16, of: Units<'_>) -> Vec<Said> {
    let (shipment, release) = (ShipmentId::of(&release_id(number), 2), release_id(number));
    let of_it = || shipment.clone();
    vec![
        say(&ShipmentRequested {
            shipment: of_it(),
            release: release.clone(),
            lines: units(of),
            ..ShipmentRequested::sample()
        }),
        say(&ShipmentDispatched {
            shipment: of_it(),
            release,
            lines: units(of),
            ..ShipmentDispatched::sample()
        }),
        say(&ShipmentDelivered { shipment: of_it(), ..ShipmentDelivered::sample() }),
    ]
}

/// A release on its way from stock to the recipient, unhindered.
pub(crate) fn whole_way(number: u16, of: Units<'_>) -> Vec<Said> {
    vec![
        reserved(of),
        ready(number, of),
        authorized(number, of),
        requested(number, of),
        dispatched(number, of),
        progressed(number, ParcelStatus::InTransit),
        delivered(number),
    ]
}

/// The messages as events, a minute apart.
pub(crate) fn events(said: &[Said]) -> Vec<Event> {
    let start = messages::Timestamp::parse("2026-11-24T11:00:00Z").expect("a time");
    said.iter()
        .enumerate()
        .map(|(at, (kind, data))| Event {
            specversion: SpecVersion::V1,
            id: format!("event-{at:03}"),
            source: "/oms/stage".to_owned(),
            kind: kind.name().to_owned(),
            time: start.plus_seconds(60 * i64::try_from(at).expect("few")).0,
            subject: None,
            datacontenttype: None,
            traceparent: None,
            causationid: None,
            data: data.clone(),
        })
        .collect()
}

/// The facts that the room keeps of these events, by way of its real edge.
pub(crate) fn facts(events: &[Event]) -> Vec<Fact> {
    let mut stage = Stage::new(Lifecycle);
    for event in events {
        assert!(stage.tell_event(event).is_empty(), "lifecycle says nothing");
    }
    stage.rows().into_values().flatten().collect()
}
