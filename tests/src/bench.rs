//! What `ops/bench` measures: the whole house against a bare relay over the same broker in the same run. It must never
//! trade durability for a number, never count an order before it is delivered, and never compare two runs.

mod growth;
mod latency;
mod launch;
mod meters;
mod plan;
mod relay;
mod replicas;
mod report;
mod shop;
mod speed;
mod store;
mod tap;
mod way;

use std::path::Path;
use std::time::Instant;

pub use plan::{Mode, Plan};

use report::Report;

/// Runs the modes of the plan one after the other, prints the table, and writes the JSON.
///
/// # Panics
/// The services are not there, a program is not built, or an order does not get through.
pub async fn run(plan: &Plan, json: Option<&Path>) {
    let begun = Instant::now();
    let mut report = Report::new(plan).await;
    if plan.has(Mode::Relay) || plan.has(Mode::Orders) || plan.has(Mode::OneAtATime) {
        speed::measure(plan, &mut report).await;
    }
    if plan.has(Mode::Latency) && !report.has_latency() {
        latency::measure(plan, &mut report).await;
    }
    if plan.has(Mode::Launch) {
        launch::measure(plan, &mut report).await;
    }
    if plan.has(Mode::Replicas) {
        replicas::measure(plan, &mut report).await;
    }
    if plan.has(Mode::Growth) {
        growth::measure(plan, &mut report).await;
    }
    report.close(begun.elapsed());
    print!("{report}");
    if let Some(path) = json {
        std::fs::write(path, report.json()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("\nall numbers as JSON: {}", path.display());
    }
}

/// The middle one; of an even number, the lower of the two in the middle, so that it is one that was measured.
#[must_use]
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// The least value that is not below this share of them (nearest rank).
#[must_use]
fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles_are_values_that_were_measured() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!((median(&values), median(&values[..4]), median(&[7.0])), (3.0, 2.0, 7.0));
        assert!(median(&[]).is_nan() && percentile(&[], 0.5).is_nan());
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([0.5, 0.95, 0.99].map(|share| percentile(&hundred, share)), [50.0, 95.0, 99.0]);
    }
}
