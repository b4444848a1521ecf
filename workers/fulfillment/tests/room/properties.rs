//! Histories of several releases, doubled and permuted. Races keep their order: the warehouse's word about
//! one shipment commutes only where it is about different units.

use std::collections::{BTreeMap, BTreeSet};

use fulfillment::Fulfillment;
use fulfillment::store::State;
use messages::outsiders::WAREHOUSE;
use messages::shipment::{ReleaseShorted, ShipmentDispatched, ShipmentRequested};
use messages::{Event, Kind};
use proptest::prelude::*;
use shell::stage::{Said, Stage};
use shell::worker::Route;

use crate::partners::*;

/// A release as its partners will treat it.
#[derive(Debug, Clone)]
struct Plan {
    asked: Pieces,
    reported: Pieces,
    packed: Pieces,
}

/// What a run came to, comparable between runs.
#[derive(Debug, PartialEq, Eq)]
struct End {
    states: Vec<State>,
    missing: BTreeMap<String, Pieces>,
    shipped: BTreeMap<String, Pieces>,
    requests: BTreeSet<String>,
}

fn plan() -> impl Strategy<Value = Plan> {
    (1_u32..4, 0_u32..3).prop_flat_map(|(first, second)| {
        (0..=first, 0..=second).prop_flat_map(move |(miss_first, miss_second)| {
            let left = (first - miss_first, second - miss_second);
            (0..=left.0, 0..=left.1).prop_map(move |packed| Plan {
                asked: (first, second),
                reported: (miss_first, miss_second),
                packed,
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn duplicates_and_order_change_nothing(
        plans in prop::collection::vec(plan(), 1..4),
        delay in prop::sample::select(vec![0_i64, 60]),
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
        twice in prop::collection::vec(any::<bool>(), 40),
    ) {
        let straight = run(&plans, delay, &[], &[]);
        let other = run(&plans, delay, &order, &twice);
        prop_assert_eq!(&straight, &other);
        for (number, plan) in plans.iter().enumerate() {
            let key = shipment(u16::try_from(number + 1).unwrap()).to_string();
            let sum = |pieces: Pieces| pieces.0 + pieces.1;
            let of = |map: &BTreeMap<String, Pieces>| map.get(&key).copied().unwrap_or_default();
            // Nothing is stuck: with its parcel, or without any unit left, every unit has an end.
            if sum(plan.packed) > 0 {
                prop_assert_eq!(of(&other.shipped), plan.packed);
                prop_assert_eq!(sum(of(&other.missing)) + sum(plan.packed), sum(plan.asked));
            } else {
                prop_assert_eq!(of(&other.missing), plan.reported);
            }
            prop_assert!(other.requests.contains(&key), "asked for");
        }
    }

    #[test]
    fn whatever_the_warehouse_says_units_end_at_most_once(
        words in prop::collection::vec((any::<bool>(), (0_u32..4, 0_u32..3)), 1..12),
    ) {
        let mut stage = stage(0);
        let body = authorized(&stage, 1, (3, 2));
        let mut said = stage.tell(&body);
        for (is_packed, pieces) in words {
            let heard = if is_packed {
                stage.command(WAREHOUSE, &packed(1, pieces))
            } else {
                stage.command(WAREHOUSE, &short(1, pieces))
            };
            let answers = heard.iter().filter(|message| message.kind == Kind::CommandAnswered).count();
            prop_assert_eq!(answers, 1, "each command has one answer");
            said.extend(heard);
        }
        let (missing, shipped) = ends(&said);
        let key = shipment(1).to_string();
        let of = |map: &BTreeMap<String, Pieces>| map.get(&key).copied().unwrap_or_default();
        let (missing, shipped) = (of(&missing), of(&shipped));
        prop_assert!(missing.0 + shipped.0 <= 3 && missing.1 + shipped.1 <= 2);
        let goes = said.iter().filter(|m| m.kind == Kind::ShipmentDispatched && m.to == Route::Oms);
        prop_assert!(goes.count() <= 1);
        if shipped != (0, 0) {
            prop_assert_eq!((missing.0 + shipped.0, missing.1 + shipped.1), (3, 2));
        }
    }
}

/// Plays the plans: authorizations come in any order among all, the warehouse speaks of a shipment once it
/// was asked, and what it says may be doubled and swapped.
fn run(plans: &[Plan], delay: i64, order: &[prop::sample::Index], twice: &[bool]) -> End {
    let mut stage = stage(delay);
    let mut said = Vec::new();
    let numbered = |number: usize| u16::try_from(number + 1).unwrap();
    let bodies: Vec<_> = plans
        .iter()
        .enumerate()
        .map(|(number, plan)| authorized(&stage, numbered(number), plan.asked))
        .collect();
    let events: Vec<Event> = bodies.iter().map(|body| stage.event(body)).collect();
    for event in shuffled(events, order, twice) {
        said.extend(stage.tell_event(&event));
    }
    stage.set_now(stage.now().plus_seconds(60));
    said.extend(stage.fire(&[]));
    let mut commands = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        if plan.reported != (0, 0) {
            commands.push(stage.event(&short(numbered(number), plan.reported)));
        }
        if plan.packed != (0, 0) {
            commands.push(stage.event(&packed(numbered(number), plan.packed)));
        }
    }
    for event in shuffled(commands, order, twice) {
        said.extend(stage.command_event(WAREHOUSE, &event));
    }
    let (missing, shipped) = ends(&said);
    let states = (0..plans.len()).map(|number| sealed_alike(state(&stage, numbered(number)))).collect();
    End { states, missing, shipped, requests: requests(&said, &stage) }
}

fn shuffled(events: Vec<Event>, order: &[prop::sample::Index], twice: &[bool]) -> Vec<Event> {
    let mut all = events;
    for (at, index) in order.iter().enumerate().take(all.len()) {
        let other = index.index(all.len());
        all.swap(at, other);
    }
    let copies: Vec<Event> =
        all.iter().zip(twice).filter(|(_, twice)| **twice).map(|(event, _)| event.clone()).collect();
    all.extend(copies);
    all
}

/// Sealing draws a nonce, so two runs differ in the section's text alone.
fn sealed_alike(state: State) -> State {
    match state {
        State::Requested(mut requested) => {
            let text = format!("oms1.{}.same", requested.folder.address.key_id());
            requested.folder.address = text.try_into().unwrap();
            State::Requested(requested)
        }
        State::New
        | State::Waiting(_)
        | State::Awaiting(_)
        | State::Reserved(_)
        | State::Dispatched(_)
        | State::Shorted(_)
        | State::Cancelled
        | State::Order(_) => state,
    }
}

/// What ended missing and what in a parcel, by shipment.
fn ends(said: &[Said]) -> (BTreeMap<String, Pieces>, BTreeMap<String, Pieces>) {
    let (mut missing, mut shipped) = (BTreeMap::new(), BTreeMap::new());
    let add = |map: &mut BTreeMap<String, Pieces>, key: String, (first, second): Pieces| {
        let sum = map.entry(key).or_default();
        *sum = (sum.0 + first, sum.1 + second);
    };
    for message in said.iter().filter(|message| message.to == Route::Oms) {
        if message.kind == Kind::ReleaseShorted {
            let fact: ReleaseShorted = message.body();
            // Each tells all that is missing so far.
            let all = pieces(&fact.missing);
            let known = missing.insert(fact.shipment.to_string(), all).unwrap_or_default();
            assert!(known.0 <= all.0 && known.1 <= all.1 && known != all, "{known:?}, and then {all:?}");
        } else if message.kind == Kind::ShipmentDispatched {
            let fact: ShipmentDispatched = message.body();
            add(&mut shipped, fact.shipment.to_string(), pieces(&fact.lines));
        }
    }
    (missing, shipped)
}

/// Every shipment that was asked for, once to the rooms and once to the warehouse.
fn requests(said: &[Said], stage: &Stage<Fulfillment>) -> BTreeSet<String> {
    let asked = |to: &Route| -> Vec<String> {
        said.iter()
            .filter(|message| message.kind == Kind::ShipmentRequested && message.to == *to)
            .map(|message| message.body::<ShipmentRequested>().shipment.to_string())
            .collect()
    };
    let (rooms, warehouse) = (asked(&Route::Oms), asked(&Route::Out(WAREHOUSE.to_owned())));
    let once: BTreeSet<String> = rooms.iter().cloned().collect();
    assert_eq!(once.len(), rooms.len(), "handed over at most once");
    assert_eq!(once, warehouse.into_iter().collect(), "rooms hear of what the warehouse was asked");
    assert!(stage.due().is_empty(), "no timer is left");
    once
}
