//! Orders per second, submit to delivered, in windows under full load. The relay, the house and the house one at a time
//! take turns, so that whatever else the machine does in a minute falls on all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use messages::{Kind, Room};
use serde::Serialize;

use super::meters::{self, Part};
use super::plan::{Mode, Plan};
use super::report::{Report, Row};
use super::shop::Shop;
use super::tap::Tap;
use super::way::{self, Way};
use super::{latency, relay};

/// What one window gave.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Window {
    pub(super) orders_per_second: f64,
    /// Messages that audit kept; of the relay, all that were carried.
    pub(super) events_per_second: f64,
    /// Percent of one core.
    pub(super) cpu: BTreeMap<Part, f64>,
    pub(super) peak_bytes: BTreeMap<Part, u64>,
    pub(super) rooms: BTreeMap<&'static str, Desk>,
    /// Mails that were due and not yet out at the end of the window.
    pub(super) mails_waiting: i64,
    /// After the last order was delivered, until the house was at rest.
    pub(super) rest_seconds: f64,
}

/// What one room did in a window.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Desk {
    /// Percent of the window in which a batch was under way; two queues may be read at one time.
    pub(super) busy: f64,
    pub(super) events_per_batch: f64,
    pub(super) events_per_second: f64,
    pub(super) messages_per_second: f64,
    /// AMQP messages that waited at the end of the window.
    pub(super) waiting: u32,
}

/// How long a house may take to turn over.
const TURN_OVER_MAX: Duration = Duration::from_secs(60);

/// The settings that make the house decide one event at a time.
pub(super) const ONE_AT_A_TIME: [(&str, &str); 1] = [("OMS_BATCH_EVENTS", "1")];

/// Measures relay, orders and one-at-a-time, as far as they are asked for, and the latency of what is open anyway.
pub(super) async fn measure(plan: &Plan, report: &mut Report) {
    let mut shop = Shop::open(plan, "bench", &[], 1).await;
    let way = Way::of(&mut shop).await;
    report.put("way", way::json(&way));
    let hops = way.line();
    let mut slow = None;
    if plan.has(Mode::OneAtATime) {
        slow = Some(Shop::open(plan, "bench_one", &ONE_AT_A_TIME, 1).await);
    }
    let (mut relays, mut orders, mut ones) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=plan.runs {
        if plan.has(Mode::Relay) {
            relays.push(relay::window(shop.url(), &hops, plan).await);
            report.progress(&format!("relay {run}"), relays.last());
        }
        if plan.has(Mode::Orders) {
            orders.push(window(&mut shop, plan, plan.in_flight).await);
            report.progress(&format!("orders {run}"), orders.last());
        }
        if let Some(slow) = &mut slow {
            ones.push(window(slow, plan, plan.in_flight_one_at_a_time).await);
            report.progress(&format!("one-at-a-time {run}"), ones.last());
        }
    }
    report.speed(Row::Relay { hops: hops.len() }, relays);
    report.speed(Row::Orders, orders);
    report.speed(Row::OneAtATime, ones);
    if plan.has(Mode::Latency) {
        latency::of_both(plan, report, &mut shop, slow.as_mut()).await;
    }
}

/// One window under full load, from a house at rest to a house at rest.
pub(super) async fn window(shop: &mut Shop, plan: &Plan, in_flight: usize) -> Window {
    let (warm_up, length) = (plan.warm_up(), plan.window());
    // More than can be sold, as far as the relay can tell.
    shop.crowd.prepare(in_flight + (3_000.0 * (plan.seconds + plan.warm_up_seconds)) as usize);
    let tap = Tap::open(shop.url(), &[Kind::ShipmentDelivered]).await;
    let heard = tap.heard.clone();
    shop.meters().forget_peaks();
    let nobody = shop.empty_crowd();
    let mut crowd = std::mem::replace(&mut shop.crowd, nobody);
    let is_over = AtomicBool::new(false);
    let selling = shop.store.flood(&mut crowd, in_flight, &heard, &is_over);
    let measuring = async {
        tokio::time::sleep(warm_up).await;
        turned_over(in_flight, || heard.count(Kind::ShipmentDelivered)).await;
        let begun = Instant::now();
        let before = Snapshot::take(shop, heard.count(Kind::ShipmentDelivered)).await;
        tokio::time::sleep_until((begun + length).into()).await;
        let after = Snapshot::take(shop, heard.count(Kind::ShipmentDelivered)).await;
        is_over.store(true, Ordering::Relaxed);
        let mut window = between(&before, &after);
        window.mails_waiting = shop.calls_due(Room::Notifications).await;
        let waiting = shop.waiting().await;
        for (room, desk) in &mut window.rooms {
            desk.waiting = waiting.get(room).copied().unwrap_or(0);
        }
        window
    };
    let (submitted, mut window) = tokio::join!(selling, measuring);
    shop.crowd = crowd;
    delivered(&heard, submitted).await;
    window.rest_seconds = shop.rest().await.as_secs_f64();
    window.peak_bytes = shop.meters().peaks();
    window
}

/// A window may not begin before each place in flight was taken anew once: until then the first desks are ahead of the
/// last ones.
pub(super) async fn turned_over(in_flight: usize, arrived: impl Fn() -> usize) {
    let begun = Instant::now();
    while arrived() < in_flight && begun.elapsed() < TURN_OVER_MAX {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until so many orders are delivered.
///
/// # Panics
/// For a long time none is.
pub(super) async fn delivered(heard: &super::tap::Heard, orders: usize) {
    let mut news = heard.news();
    while heard.count(Kind::ShipmentDelivered) < orders {
        let next = tokio::time::timeout(Duration::from_secs(300), news.changed()).await;
        let count = heard.count(Kind::ShipmentDelivered);
        assert!(next.is_ok(), "nothing was delivered for five minutes: {count} of {orders}");
    }
}

struct Snapshot {
    at: Instant,
    delivered: usize,
    kept: i64,
    cpu: meters::Cpu,
    metrics: BTreeMap<String, f64>,
}

impl Snapshot {
    async fn take(shop: &Shop, delivered: usize) -> Self {
        let (at, cpu) = (Instant::now(), shop.meters().cpu());
        Self { at, delivered, kept: shop.kept().await, cpu, metrics: shop.metrics().await }
    }
}

fn between(before: &Snapshot, after: &Snapshot) -> Window {
    let seconds = (after.at - before.at).as_secs_f64();
    let grown = |name: &str, room: Room| {
        let name = format!("{name}{{room=\"{room}\"}}");
        let of = |snapshot: &Snapshot| snapshot.metrics.get(&name).copied().unwrap_or(0.0);
        of(after) - of(before)
    };
    let desk = |room: Room| Desk {
        busy: grown("oms_batch_seconds_sum", room) / seconds * 100.0,
        events_per_batch: grown("oms_batch_events_sum", room)
            / grown("oms_batch_events_count", room).max(1.0),
        events_per_second: grown("oms_batch_events_sum", room) / seconds,
        messages_per_second: grown("oms_messages_published_total", room) / seconds,
        waiting: 0,
    };
    Window {
        orders_per_second: (after.delivered - before.delivered) as f64 / seconds,
        events_per_second: (after.kept - before.kept) as f64 / seconds,
        cpu: meters::percent(&before.cpu, &after.cpu, seconds),
        rooms: Room::ALL.into_iter().map(|room| (room.name(), desk(room))).collect(),
        ..Window::default()
    }
}
