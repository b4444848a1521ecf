//! How long an order takes, heard from outside: from the moment at which it was to be submitted until
//! `payment.authorized` and until `shipment.requested` pass the exchange.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Instant;

use messages::Kind;
use serde::Serialize;

use super::plan::{Mode, Plan};
use super::report::Report;
use super::shop::Shop;
use super::speed::{self, ONE_AT_A_TIME};
use super::tap::Tap;
use super::{median, percentile};

/// What somebody who orders now and then meets.
const QUIET_PER_SECOND: f64 = 10.0;

/// Of the measured rate; at the whole of it every order waits for those before it.
const SHARES: [f64; 4] = [0.25, 0.5, 0.75, 0.9];

/// Milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Times {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
}

/// Of several windows, the medians.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Latency {
    pub(super) what: String,
    pub(super) orders_per_second: f64,
    pub(super) authorized: Times,
    pub(super) requested: Times,
    pub(super) orders: usize,
}

/// Opens the houses that nothing has opened yet.
pub(super) async fn measure(plan: &Plan, report: &mut Report) {
    let mut shop = Shop::open(plan, "bench", &[], 1).await;
    let mut slow = None;
    if plan.has(Mode::OneAtATime) {
        slow = Some(Shop::open(plan, "bench_one", &ONE_AT_A_TIME, 1).await);
    }
    of_both(plan, report, &mut shop, slow.as_mut()).await;
}

/// At 10 orders per second, and at shares of the measured rate unless time is short.
pub(super) async fn of_both(plan: &Plan, report: &mut Report, shop: &mut Shop, slow: Option<&mut Shop>) {
    report.latency(of(shop, plan, "orders", QUIET_PER_SECOND).await);
    if let Some(slow) = slow {
        report.latency(of(slow, plan, "one at a time", QUIET_PER_SECOND).await);
    }
    if let (false, Some(rate)) = (plan.quick, report.orders_per_second()) {
        for share in SHARES {
            report.latency(of(shop, plan, "orders", rate * share).await);
        }
    }
}

/// The latency at this pace.
pub(super) async fn of(shop: &mut Shop, plan: &Plan, what: &str, per_second: f64) -> Latency {
    let mut windows = Vec::new();
    let mut orders = 0;
    for _ in 0..plan.runs {
        let (authorized, requested) = window(shop, plan, per_second).await;
        orders += authorized.len();
        windows.push((times(&authorized), times(&requested)));
    }
    let middle = |pick: fn(&(Times, Times)) -> f64| median(&windows.iter().map(pick).collect::<Vec<f64>>());
    Latency {
        what: what.to_owned(),
        orders_per_second: per_second,
        authorized: Times { p50: middle(|w| w.0.p50), p95: middle(|w| w.0.p95), p99: middle(|w| w.0.p99) },
        requested: Times { p50: middle(|w| w.1.p50), p95: middle(|w| w.1.p95), p99: middle(|w| w.1.p99) },
        orders,
    }
}

/// Milliseconds of each order until authorized and until requested.
async fn window(shop: &mut Shop, plan: &Plan, per_second: f64) -> (Vec<f64>, Vec<f64>) {
    let kinds = [Kind::PaymentAuthorized, Kind::ShipmentRequested, Kind::ShipmentDelivered];
    let tap = Tap::open(shop.url(), &kinds).await;
    let sent = shop.store.paced(&mut shop.crowd, per_second, plan.window()).await;
    speed::delivered(&tap.heard, sent.len()).await;
    shop.rest().await;
    let answers = shop.store.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let begun: HashMap<&str, Instant> =
        sent.iter().filter_map(|(id, &at)| Some((answers.get(id)?.as_str(), at))).collect();
    assert_eq!(begun.len(), sent.len(), "every order was answered");
    let since = |kind: Kind| {
        let heard = tap.heard.of(kind);
        let taken =
            heard.iter().filter_map(|(order, at)| Some(at.duration_since(*begun.get(order.as_str())?)));
        taken.map(|taken| taken.as_secs_f64() * 1_000.0).collect::<Vec<f64>>()
    };
    (since(Kind::PaymentAuthorized), since(Kind::ShipmentRequested))
}

fn times(milliseconds: &[f64]) -> Times {
    let at = |share| percentile(milliseconds, share);
    Times { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}
