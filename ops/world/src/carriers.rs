//! The carriers: they take packed parcels over a counter and scan them until they are delivered or back, late, twice
//! and out of order as scanners do. They must never know whose parcel it is.

mod fate;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use messages::answer::{CommandAnswered, Outcome};
use messages::case::Condition;
use messages::envelope::read_body;
use messages::id::{ShipmentId, derived_id};
use messages::shipment::{CarrierScan, ParcelStatus};
use messages::tracking_number::{Carrier, TrackingNumber};
use messages::{Event, Kind, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::chance::{Chance, of_text};
use crate::line::{Letter, Line, event};
use fate::{Fate, Fates};

/// The outsider's name.
pub const NAME: &str = "carriers";
/// Parcels that are taken in between two rounds of scans.
const PARCELS_AT_ONCE: usize = 1_000;

/// A parcel as it is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// What stands on the warehouse's own slip, by which it knows the parcel again if it comes back.
    pub shipment: ShipmentId,
    pub carrier: Carrier,
    pub tracking: TrackingNumber,
    pub packed_at: Timestamp,
    /// The trace that the request belongs to: every scan belongs to it too.
    pub traceparent: Option<String>,
}

/// A parcel that is brought back to the warehouse, and what it looks like when it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    pub shipment: ShipmentId,
    pub condition: Condition,
    pub packed_at: Timestamp,
    pub traceparent: Option<String>,
}

/// How the carriers work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// From one scan of a parcel to the next; in a demonstration a day passes in less than a second.
    pub step: Duration,
    /// Parcels of a thousand of which one scan arrives after all the others.
    pub late_permille: u32,
    /// Parcels of a thousand of which one scan arrives twice.
    pub double_permille: u32,
    /// Parcels of a thousand that do not arrive as they should, for one reason after the other ([`fate`]).
    pub trouble_permille: u32,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { step: Duration::from_millis(400), late_permille: 30, double_permille: 30, trouble_permille: 0 }
    }
}

/// What the carriers have done so far.
#[derive(Debug, Default)]
pub struct Counts {
    parcels: AtomicU64,
    scans: AtomicU64,
    delivered: AtomicU64,
    returned: AtomicU64,
    vanished: AtomicU64,
    refused: AtomicU64,
}

impl Counts {
    pub fn parcels(&self) -> u64 {
        self.parcels.load(Ordering::Relaxed)
    }

    /// Scans that were published, repeats included.
    pub fn scans(&self) -> u64 {
        self.scans.load(Ordering::Relaxed)
    }

    /// Parcels whose every scan was published, the last being a delivery.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub fn returned(&self) -> u64 {
        self.returned.load(Ordering::Relaxed)
    }

    /// Parcels that end neither with their recipient nor with us.
    pub fn vanished(&self) -> u64 {
        self.vanished.load(Ordering::Relaxed)
    }

    /// Scans that the system refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A scan that will be published.
#[derive(Debug, Clone)]
struct Planned {
    /// After the parcel was handed over.
    after: Duration,
    event: Event,
    end: Option<End>,
}

/// What the last published scan of a parcel means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Delivered,
    Returned(Returned),
    Vanished,
}

/// Scans the parcels that come over the counter until the counter closes and every parcel has its last scan. What comes
/// back goes `back` once that was told.
///
/// # Errors
/// The broker refuses the carriers.
pub async fn run(
    line: Line,
    mut counter: mpsc::Receiver<Parcel>,
    back: mpsc::UnboundedSender<Returned>,
    rounds: Rounds,
    counts: Arc<Counts>,
) -> anyhow::Result<()> {
    let mut ear = line.ear().await?;
    let mut due: BinaryHeap<Reverse<Due>> = BinaryHeap::new();
    let mut number = 0;
    let mut fates = Fates::new(rounds.trouble_permille);
    let mut parcels = Vec::new();
    let mut is_open = true;
    while is_open || !due.is_empty() {
        let next = due.peek().map(|Reverse(due)| due.at);
        tokio::select! {
            taken = counter.recv_many(&mut parcels, PARCELS_AT_ONCE), if is_open => {
                is_open = taken > 0;
                counts.parcels.fetch_add(taken as u64, Ordering::Relaxed);
                let now = Instant::now();
                for scan in parcels.drain(..).flat_map(|parcel| plan(&parcel, fates.of(&parcel), rounds)) {
                    number += 1;
                    due.push(Reverse(Due { at: now + scan.after, number, scan }));
                }
            }
            heard = ear.hear() => {
                let refused = heard.events.iter().filter(|event| is_refusal(event)).count();
                counts.refused.fetch_add(refused as u64, Ordering::Relaxed);
                ear.ack().await;
            }
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                for returned in publish_due(&line, &mut due, &counts).await? {
                    // A warehouse that has closed takes nothing back.
                    let _ = back.send(returned);
                }
            }
        }
    }
    Ok(())
}

/// Whether an event tells that a message was not taken.
pub(crate) fn is_refusal(event: &Event) -> bool {
    let answer =
        (event.kind == Kind::CommandAnswered.name()).then(|| read_body::<CommandAnswered>(&event.data));
    let Some(Ok(CommandAnswered { outcome: Outcome::Refused, code, .. })) = answer else { return false };
    tracing::warn!(code, "the system refused a message");
    true
}

/// A scan and when to publish it. The number keeps those of one moment in their order.
struct Due {
    at: Instant,
    number: u64,
    scan: Planned,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Publishes what is due; gives the parcels that are back with it.
async fn publish_due(
    line: &Line,
    due: &mut BinaryHeap<Reverse<Due>>,
    counts: &Counts,
) -> anyhow::Result<Vec<Returned>> {
    let now = Instant::now();
    let mut events = Vec::new();
    let mut ends = Vec::new();
    while due.peek().is_some_and(|Reverse(due)| due.at <= now) {
        let Some(Reverse(Due { scan, .. })) = due.pop() else { break };
        events.push(scan.event);
        ends.extend(scan.end);
    }
    line.publish(Letter::batches(&events)).await?;
    counts.scans.fetch_add(events.len() as u64, Ordering::Relaxed);
    let mut back = Vec::new();
    for end in ends {
        let count = match &end {
            End::Delivered => &counts.delivered,
            End::Returned(_) => &counts.returned,
            End::Vanished => &counts.vanished,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let End::Returned(returned) = end {
            back.push(returned);
        }
    }
    Ok(back)
}

/// Where a parcel is scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Label,
    Transit(u8),
    Out,
    Delivered,
    /// It cannot be delivered, for the reason of its fate.
    Trouble,
    OnTheWayBack,
    BackAtSender,
}

/// Every scan of a parcel, in the order in which they are published. It is a function of the parcel and its fate.
fn plan(parcel: &Parcel, fate: Fate, rounds: Rounds) -> Vec<Planned> {
    let mut chance = of_text(&format!("scan {}", parcel.tracking));
    let mut stops = vec![Stop::Label];
    stops.extend((0..=chance.below(3)).map(|number| Stop::Transit(u8::try_from(number).unwrap_or(0))));
    stops.extend(fate.stops());
    let end = match (stops.last(), fate.condition()) {
        (Some(Stop::BackAtSender), condition) => End::Returned(Returned {
            shipment: parcel.shipment.clone(),
            condition,
            packed_at: parcel.packed_at,
            traceparent: parcel.traceparent.clone(),
        }),
        (Some(Stop::Delivered), _) => End::Delivered,
        _ => End::Vanished,
    };
    let step = |at: usize| rounds.step * u32::try_from(at).unwrap_or(u32::MAX);
    let mut scans: Vec<Planned> = stops
        .iter()
        .enumerate()
        .map(|(at, &stop)| Planned {
            after: step(at),
            event: scan(parcel, fate, stop, at, rounds.step, 0),
            end: None,
        })
        .collect();
    disturb(&mut chance, parcel, fate, rounds, &stops, &mut scans);
    scans.sort_by_key(|scan| scan.after);
    if let Some(scan) = scans.last_mut() {
        scan.end = Some(end);
    }
    scans
}

/// Makes a scan late, which is also out of order, and another one double.
fn disturb(
    chance: &mut Chance,
    parcel: &Parcel,
    fate: Fate,
    rounds: Rounds,
    stops: &[Stop],
    scans: &mut Vec<Planned>,
) {
    let on_the_way = stops.len() as u64 - 1;
    let after_all = rounds.step * u32::try_from(stops.len()).unwrap_or(u32::MAX);
    if chance.permille(rounds.double_permille) {
        let at = usize::try_from(chance.below(on_the_way + 1)).unwrap_or(0);
        let mut again = scans[at].clone();
        again.after += rounds.step / 2;
        if chance.permille(500) {
            again.event = scan(parcel, fate, stops[at], at, rounds.step, 1);
        }
        scans.push(again);
    }
    if chance.permille(rounds.late_permille) {
        let at = usize::try_from(chance.below(on_the_way)).unwrap_or(0);
        scans[at].after = after_all;
    }
}

/// The event of a scan. `time` tells apart what a scanner says twice under two ids.
fn scan(parcel: &Parcel, fate: Fate, stop: Stop, at: usize, step: Duration, time: u8) -> Event {
    // At least a second apart, for carriers give no fractions, and two scans must not share a moment.
    let seconds = (step * u32::try_from(at).unwrap_or(u32::MAX)).as_secs().max(at as u64);
    let scanned_at = parcel.packed_at.plus_seconds(i64::try_from(seconds).unwrap_or(0));
    let (code, status) = said(parcel.carrier, fate, stop);
    let body = CarrierScan {
        carrier: parcel.carrier,
        tracking: parcel.tracking.clone(),
        code: code.map(str::to_owned),
        status,
        to_sender: stop == Stop::BackAtSender,
        endorsement: fate.endorsement(parcel.carrier, stop).map(str::to_owned),
        scanned_at,
    };
    let place = u8::try_from(at).unwrap_or(u8::MAX);
    let id = derived_id(
        parcel.packed_at.0,
        &[NAME.as_bytes(), parcel.tracking.as_str().as_bytes(), &[place, time]],
    );
    let said = event(NAME, id.to_string(), parcel.packed_at, parcel.tracking.as_str(), &body);
    Event { traceparent: parcel.traceparent.clone(), ..said }
}

/// The carrier's own code, or a status where its code does not say enough (domain §7).
fn said(carrier: Carrier, fate: Fate, stop: Stop) -> (Option<&'static str>, Option<ParcelStatus>) {
    let code = match (carrier, stop) {
        (Carrier::Usps, Stop::Label) => Some("GX"),
        (Carrier::Usps, Stop::Transit(0)) => Some("03"),
        (Carrier::Usps, Stop::Transit(1)) => Some("10"),
        (Carrier::Usps, Stop::Transit(_)) => Some("07"),
        (Carrier::Usps, Stop::Out) => Some("OF"),
        (Carrier::Usps, Stop::Delivered | Stop::BackAtSender) => Some("01"),
        (Carrier::Usps, Stop::Trouble) => Some(fate.usps_code()),
        (Carrier::Usps, Stop::OnTheWayBack) => Some("09"),
        (Carrier::Ups, Stop::Label) => Some("M"),
        (Carrier::Ups, Stop::Transit(_)) => Some("I"),
        (Carrier::Ups, Stop::Delivered | Stop::BackAtSender) => Some("D"),
        (Carrier::Ups, Stop::Trouble) => Some("X"),
        // UPS says these in words only.
        (Carrier::Ups, Stop::Out | Stop::OnTheWayBack)
        | (Carrier::Fedex | Carrier::Dhl | Carrier::Postal, _) => None,
    };
    if code.is_some() {
        return (code, None);
    }
    let status = match stop {
        Stop::Label => ParcelStatus::LabelCreated,
        Stop::Transit(_) => ParcelStatus::InTransit,
        Stop::Out => ParcelStatus::OutForDelivery,
        Stop::Delivered => ParcelStatus::Delivered,
        Stop::Trouble => ParcelStatus::Exception,
        Stop::OnTheWayBack => ParcelStatus::Returning,
        Stop::BackAtSender => ParcelStatus::Returned,
    };
    (None, Some(status))
}

#[cfg(test)]
mod tests;
