//! Orders: a steady stream of good and bad ones while everything breaks, and bursts of good ones before and after. What
//! became of them is what their senders were told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Mutex;

use super::crew::Crew;

/// Of this there is always enough, and nobody is limited.
const BURST_ITEM: &str = "22GA";
const DELIVERED: &str = "SELECT count(DISTINCT order_number) FROM lifecycle.facts WHERE kind = 'delivered'";
/// A sender that has sent everything waits so long for the next answer. Faults may go on after the last order, so it is far
/// longer than an answer lies until it is sent again: a sender that gave up would call a slow answer none.
const PATIENCE_SECONDS: &str = "100";

/// What the senders were told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) sent: i64,
    pub(super) accepted: i64,
    pub(super) unanswered: i64,
    /// Senders whose answers are not those that were planned.
    pub(super) surprises: i64,
    /// What was malformed, by the reason that was told.
    pub(super) parked: BTreeMap<String, u64>,
}

pub(super) struct Stream<'a> {
    pub(super) name: &'a str,
    pub(super) orders: u64,
    pub(super) seed: u64,
    pub(super) rate: Option<u32>,
}

/// Starts a sender, a process of its own, and waits until its sellers are with the broker: what fails before that is
/// nobody's order.
pub(super) async fn start(shared: &Mutex<Crew>, products: &str, stream: &Stream<'_>) {
    let mut crew = shared.lock().await;
    let users = crew.house.setting("OMS_CREDENTIALS_FILE").to_owned();
    let (orders, seed) = (stream.orders.to_string(), stream.seed.to_string());
    let mut arguments = vec!["store", "--credentials", &users, "--products", products, "--json"];
    arguments.extend(["--orders", &orders, "--seed", &seed, "--patience", PATIENCE_SECONDS]);
    let rate = stream.rate.map(|rate| rate.to_string());
    match &rate {
        Some(rate) => arguments.extend(["--rate", rate]),
        None => arguments.extend(["--plain", "--item", BURST_ITEM]),
    }
    crew.house.start(stream.name, "world", &arguments);
    drop(crew);
    loop {
        let crew = shared.lock().await;
        if crew.house.log(stream.name).contains("every seller is connected")
            || crew.finished.contains_key(stream.name)
        {
            return;
        }
        drop(crew);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a sender has its answers, or no more patience; adds what it was told.
///
/// # Panics
/// It printed no counts.
pub(super) async fn finish(crew: &Mutex<Crew>, name: &str, told: &mut Told) {
    let is_well = loop {
        if let Some(is_well) = crew.lock().await.finished.get(name) {
            break *is_well;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let log = crew.lock().await.house.log(name);
    let (from, to) = (log.find("{\n").unwrap_or(0), log.rfind("\n}").map_or(log.len(), |at| at + 2));
    let sale: Value =
        serde_json::from_str(&log[from..to]).unwrap_or_else(|_| panic!("{name} printed no counts:\n{log}"));
    let tally = &sale["tally"];
    let number = |name: &str| tally[name].as_i64().unwrap_or_default();
    let by_code = |name: &str| -> BTreeMap<String, u64> {
        serde_json::from_value(tally[name].clone()).unwrap_or_default()
    };
    let sum = |by: &BTreeMap<String, u64>| i64::try_from(by.values().sum::<u64>()).unwrap_or(i64::MAX);
    let (refused, parked) = (by_code("refused"), by_code("parked"));
    let answered = number("accepted") + number("held") + number("repeated") + sum(&refused) + sum(&parked);
    told.sent += answered + number("silent") + number("unanswered");
    told.accepted += number("accepted");
    told.unanswered += number("unanswered");
    told.surprises += i64::from(!is_well);
    for (reason, count) in parked {
        *told.parked.entry(reason).or_default() += count;
    }
}

/// Sends good orders at once and gives how long it takes until each is delivered, or until the patience ends.
pub(super) async fn burst(
    crew: &Mutex<Crew>,
    products: &str,
    stream: &Stream<'_>,
    patience: Duration,
    told: &mut Told,
) -> Duration {
    let before = crew.lock().await.house.count(DELIVERED).await;
    let wanted = before + i64::try_from(stream.orders).unwrap_or(i64::MAX);
    let begun = Instant::now();
    start(crew, products, stream).await;
    while crew.lock().await.house.count(DELIVERED).await < wanted && begun.elapsed() < patience {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = begun.elapsed();
    finish(crew, stream.name, told).await;
    took
}
