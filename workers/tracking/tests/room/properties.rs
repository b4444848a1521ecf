//! Any set of scans, doubled and permuted around the shipment: one row, and the same ends are told.

use std::collections::BTreeMap;

use messages::shipment::{CarrierScan, ParcelStatus, ShipmentProgressed};
use messages::{Event, Kind};
use proptest::prelude::*;
use shell::stage::{Said, Stage};
use tracking::Tracking;
use tracking::store::State;

use crate::partners::*;

const CODES: &[&str] = &["MA", "03", "10", "OF", "02", "14", "22", "27", "11", "09", "29", "01", "01"];
const STATUSES: &[ParcelStatus] = &[
    ParcelStatus::InTransit,
    ParcelStatus::Exception,
    ParcelStatus::Returning,
    ParcelStatus::Delivered,
    ParcelStatus::Returned,
];

/// Scans at few different hours, so that ties are common.
fn scan() -> impl Strategy<Value = CarrierScan> {
    prop_oneof![
        8 => (prop::sample::select(CODES), 0_i64..6).prop_map(|(code, hours)| coded(code, hours)),
        1 => (prop::sample::select(STATUSES), 0_i64..6).prop_map(|(status, hours)| mapped(status, hours)),
        1 => (prop::sample::select(CODES), 0_i64..6)
            .prop_map(|(code, hours)| CarrierScan { to_sender: true, ..coded(code, hours) }),
    ]
}

/// One history and another order of it, with copies.
fn histories() -> impl Strategy<Value = (Vec<Step>, Vec<Step>)> {
    prop::collection::vec(scan(), 0..9).prop_flat_map(|scans| {
        let mut steps: Vec<Step> = scans.into_iter().map(Step::Scan).collect();
        steps.push(Step::Dispatched);
        let copies = prop::sample::subsequence(steps.clone(), 0..=steps.len());
        let doubled = copies.prop_flat_map({
            let steps = steps.clone();
            move |copies| Just([steps.clone(), copies].concat()).prop_shuffle()
        });
        (Just(steps).prop_shuffle(), doubled)
    })
}

#[derive(Debug, Clone)]
enum Step {
    Scan(CarrierScan),
    Dispatched,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_and_repeats_change_no_row_and_no_end((one, other) in histories()) {
        let (first, second) = (play(&one), play(&other));
        prop_assert_eq!(&first.row, &second.row);
        for run in [&first, &second] {
            check(run)?;
        }
        prop_assert_eq!(first.lost, second.lost);
        prop_assert_eq!(first.lost == 1, !first.row.scans().has_ended(), "it ends or is told to be lost");
    }

    #[test]
    fn the_same_event_twice_is_one_event((steps, _) in histories()) {
        let mut stage = Stage::new(Tracking::default());
        let events: Vec<Event> = steps.iter().map(|step| event(&mut stage, step)).collect();
        for (step, event) in steps.iter().zip(&events) {
            tell(&mut stage, step, event);
        }
        let before = row(&stage);
        for (step, event) in steps.iter().zip(&events).rev() {
            prop_assert!(tell(&mut stage, step, event).is_empty());
        }
        prop_assert_eq!(row(&stage), before);
    }
}

#[derive(Debug)]
struct Run {
    /// Before anybody asked whether the parcel is lost.
    row: State,
    said: Vec<Said>,
    /// How often it was told to be lost, nine months later.
    lost: usize,
}

/// Each repeat comes under a message id of its own, as a carrier resends.
fn play(steps: &[Step]) -> Run {
    let mut stage = Stage::new(Tracking::default());
    let mut said = Vec::new();
    for step in steps {
        let event = event(&mut stage, step);
        said.extend(tell(&mut stage, step, &event));
    }
    let row = row(&stage);
    stage.set_now(at(24 * 270));
    let mut lost = 0;
    while let Some(due) = stage.due().first() {
        stage.set_now(due.due_at.max(stage.now()));
        lost += stage.fire(&[]).iter().filter(|message| message.kind == Kind::ShipmentLost).count();
    }
    Run { row, said, lost }
}

fn event(stage: &mut Stage<Tracking>, step: &Step) -> Event {
    match step {
        Step::Scan(scan) => stage.event(scan),
        Step::Dispatched => stage.event(&dispatched(1)),
    }
}

fn tell(stage: &mut Stage<Tracking>, step: &Step, event: &Event) -> Vec<Said> {
    match step {
        Step::Scan(_) => stage.command_event(CARRIERS, event),
        Step::Dispatched => stage.tell_event(event),
    }
}

/// What is told agrees with the row, whatever the order was.
fn check(run: &Run) -> Result<(), TestCaseError> {
    let mut told: BTreeMap<Kind, usize> = BTreeMap::new();
    for message in &run.said {
        *told.entry(message.kind).or_default() += 1;
    }
    let times = |kind| told.get(&kind).copied().unwrap_or_default();
    let (delivered, returned) = (times(Kind::ShipmentDelivered), times(Kind::ShipmentReturned));
    let undeliverable = times(Kind::ShipmentUndeliverable);
    prop_assert!(delivered <= 1 && returned <= 1, "{told:?}");
    prop_assert!(undeliverable <= run.row.scans().reasons(), "each reason once: {told:?}");
    let status = run.row.status();
    // What the status says at the end has been told.
    prop_assert!(delivered == 1 || status != Some(ParcelStatus::Delivered));
    prop_assert_eq!(returned == 1, status == Some(ParcelStatus::Returned));
    prop_assert!(undeliverable > 0 || run.row.scans().trouble().is_none());
    // A status never leaves its end.
    let place = |kind| run.said.iter().position(|message| message.kind == kind);
    let last_progress = run.said.iter().rposition(|message| message.kind == Kind::ShipmentProgressed);
    if let Some(end) = place(Kind::ShipmentReturned) {
        let after = &run.said[end + 1..];
        let is_reason = |said: &Said| said.kind == Kind::ShipmentUndeliverable;
        prop_assert!(after.iter().all(is_reason), "nothing is told after a return but why");
    }
    if let (Some(end), Some(progress)) = (place(Kind::ShipmentDelivered), last_progress) {
        prop_assert!(progress < end, "nothing but a return is told after a delivery");
    }
    if status.is_some_and(|status| status < ParcelStatus::Delivered) {
        let last = last_progress.map(|place| run.said[place].body::<ShipmentProgressed>().status);
        prop_assert_eq!(last, status, "the last progress is the status");
    }
    Ok(())
}
