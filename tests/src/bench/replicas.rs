//! The same load on 1, 2 and 4 processes with every room in each, and which room is the first that cannot keep up.

use super::plan::Plan;
use super::report::{Report, Row};
use super::shop::Shop;
use super::speed;

const REPLICAS: [usize; 3] = [1, 2, 4];

pub(super) async fn measure(plan: &Plan, report: &mut Report) {
    for replicas in REPLICAS {
        let mut shop = Shop::open(plan, &format!("bench_{replicas}"), &[], replicas).await;
        let mut windows = Vec::new();
        for run in 1..=plan.runs {
            windows.push(speed::window(&mut shop, plan, plan.in_flight).await);
            report.progress(&format!("{replicas} replicas {run}"), windows.last());
        }
        report.speed(Row::Replicas(replicas), windows);
    }
}
