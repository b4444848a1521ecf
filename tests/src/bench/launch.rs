//! A launch: many more orders than units, each of another household with a limit of one, submitted as fast as the broker
//! takes them. The clock stops when the last order is decided, and then it is asked who was passed.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use messages::Kind;
use serde::Serialize;

use super::plan::Plan;
use super::report::Report;
use super::shop::Shop;
use super::tap::{Heard, Tap};

/// What inventory decides of a line.
const DECISIONS: [Kind; 5] = [
    Kind::StockReserved,
    Kind::StockLimited,
    Kind::StockUnavailable,
    Kind::StockBackordered,
    Kind::StockWaitlisted,
];

#[derive(Debug, Clone, Serialize)]
pub(super) struct Launch {
    pub(super) orders: usize,
    pub(super) units: u32,
    /// Until the broker had taken every order.
    pub(super) submitted_seconds: f64,
    pub(super) decided_seconds: f64,
    pub(super) decided_per_second: f64,
    pub(super) sold: i64,
    /// From the first order in line that got nothing to the last one that got a unit; 0 if nobody was passed.
    pub(super) passed_by_orders: usize,
    /// The same in the time of their receipt.
    pub(super) passed_by_seconds: f64,
    /// Orders that got nothing although a later one got a unit.
    pub(super) passed: usize,
}

pub(super) async fn measure(plan: &Plan, report: &mut Report) {
    let mut shop = Shop::for_launch(plan, "bench_launch").await;
    let tap = Tap::open(shop.url(), &DECISIONS).await;
    // In the order in which they are received, which is that of submission.
    let line = shop.crowd.line(plan.launch_orders);
    let begun = Instant::now();
    let pouring = async {
        for window in line.chunks(500) {
            shop.store.submit(window).await;
        }
        begun.elapsed()
    };
    let (submitted, decided) = tokio::join!(pouring, decided(&tap.heard, plan.launch_orders, begun));
    shop.rest().await;
    let sold = "SELECT (reserved + backordered + shipped)::bigint FROM inventory.items WHERE key = '";
    let sold = shop.house.count(&format!("{sold}{}'", shop.item)).await;
    let places = {
        let answers = shop.store.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |id: &String| answers.get(id).expect("every order was answered").clone();
        line.iter().enumerate().map(|(place, one)| (of(&one.id), place)).collect::<HashMap<String, usize>>()
    };
    let served: Vec<usize> = tap
        .heard
        .of(Kind::StockReserved)
        .iter()
        .filter_map(|(order, _)| places.get(order).copied())
        .collect();
    let passed = passed(&served, line.len());
    let moment = |place: usize| super::store::received_at(&line[place]);
    let by = passed.first().map_or(Duration::ZERO, |&first| {
        let last = served.iter().copied().max().unwrap_or(first);
        (moment(last) - moment(first)).try_into().unwrap_or(Duration::ZERO)
    });
    report.launch(Launch {
        orders: line.len(),
        units: plan.launch_units,
        submitted_seconds: submitted.as_secs_f64(),
        decided_seconds: decided.as_secs_f64(),
        decided_per_second: line.len() as f64 / decided.as_secs_f64(),
        sold,
        passed_by_orders: passed
            .first()
            .map_or(0, |&first| served.iter().copied().max().unwrap_or(first) - first),
        passed_by_seconds: by.as_secs_f64(),
        passed: passed.len(),
    });
}

async fn decided(heard: &Heard, orders: usize, begun: Instant) -> Duration {
    let mut news = heard.news();
    let count = || DECISIONS.iter().map(|&kind| heard.count(kind)).sum::<usize>();
    while count() < orders {
        let next = tokio::time::timeout(Duration::from_secs(60), news.changed()).await;
        assert!(next.is_ok(), "nothing was decided for a minute: {} of {orders}", count());
    }
    begun.elapsed()
}

/// The places that got nothing although a later one was served, the earliest first.
fn passed(served: &[usize], places: usize) -> Vec<usize> {
    let mut is_served = vec![false; places];
    for &place in served {
        is_served[place] = true;
    }
    let last = served.iter().copied().max().unwrap_or(0);
    (0..last).filter(|&place| !is_served[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_passed_got_nothing_and_stood_before_the_last_who_got_something() {
        assert_eq!(passed(&[0, 1, 2], 6), Vec::<usize>::new());
        assert_eq!(passed(&[0, 4, 2], 6), [1, 3]);
        assert_eq!(passed(&[], 6), Vec::<usize>::new());
    }
}
