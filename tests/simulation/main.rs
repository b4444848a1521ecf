//! The whole house in memory, a few hundred small worlds of it. In each the same shell and the same rooms run over a
//! broker, a store and an outside world that crash, double, delay, reorder and forget at any step; in the end everything
//! must add up. A world follows from its seed alone: a failing one is printed and replays exactly
//! (`OPS_SIM_SEED=<seed>`, and with `OPS_SIM_ABOUT=<order>` tells its story). `ops/simulate` runs more of them (`OPS_SIM_ORDERS=<orders>`).

mod broker;
mod check;
mod desk;
mod house;
mod lists;
mod outside;
mod people;
mod process;
mod sim;
mod staff;
mod trade;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use shell::faults::Sabotage;

use crate::house::{Outcome, run};

/// Orders of one world.
const ORDERS: u64 = 12;
/// Worlds of the suite.
const WORLDS: u64 = 50;
/// A broken promise shows within so many worlds.
const SABOTAGED_MAX: u64 = 60;

#[test]
fn every_world_adds_up() {
    if let Some(seed) = number("OPS_SIM_SEED") {
        let outcome = run(seed, ORDERS, None);
        println!("{outcome:#?}");
        assert!(outcome.breaches.is_empty(), "seed {seed}");
        return;
    }
    let worlds = number("OPS_SIM_ORDERS").map_or(WORLDS, |orders| orders.div_ceil(ORDERS));
    let first = number("OPS_SIM_FIRST").unwrap_or(1);
    let begun = std::time::Instant::now();
    let outcomes = many(first, worlds);
    let broken: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.breaches.is_empty()).collect();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, count) in outcomes.iter().flat_map(|outcome| &outcome.counts) {
        *counts.entry(name).or_default() += count;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{worlds} worlds, {} orders, {:.0} orders/s, {} broken; {counts:?}",
        worlds * ORDERS,
        (worlds * ORDERS) as f64 / seconds,
        broken.len()
    );
    for outcome in broken.iter().take(20) {
        println!("OPS_SIM_SEED={}: {:#?}", outcome.seed, outcome.breaches);
    }
    assert!(broken.is_empty(), "seeds {:?}", broken.iter().map(|outcome| outcome.seed).collect::<Vec<_>>());
    for fault in [
        "crashes",
        "doubled",
        "reordered",
        "ack lost",
        "confirm lost",
        "answer lost",
        "database away",
        "alarm",
        "stopped",
        "queue full",
        "late parcels",
        "sweep_picked",
        "promotions",
    ] {
        assert!(counts.get(fault).is_some_and(|count| *count > 0), "{fault} never happened: {counts:?}");
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 1..=5 {
        assert_eq!(run(seed, ORDERS, None), run(seed, ORDERS, None), "seed {seed}");
    }
}

#[test]
fn without_its_promises_the_house_does_not_add_up() {
    for sabotage in Sabotage::ALL {
        let red = (1..=SABOTAGED_MAX).find(|seed| !run(*seed, ORDERS, Some(sabotage)).breaches.is_empty());
        println!("{}: red at seed {red:?}", sabotage.name());
        assert!(red.is_some(), "the simulation does not notice that {} is broken", sabotage.name());
    }
}

/// Runs worlds on every processor; each has a thread of its own, and so its own clock.
fn many(first: u64, worlds: u64) -> Vec<Outcome> {
    let next = AtomicU64::new(first);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + worlds {
                return outcomes;
            }
            outcomes.push(run(seed, ORDERS, None));
        }
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("a world does not panic")).collect()
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(|text| text.parse().expect("a number"))
}
