//! Histories of one order with cancellations in them: doubled and permuted, an order is cancelled at most once, and
//! every release is either with the warehouse and named, or ended.

use std::collections::BTreeSet;

use fulfillment::Fulfillment;
use fulfillment::store::State;
use messages::answer::CommandAnswered;
use messages::id::{Reference, ReleaseId};
use messages::order::{OrderAccepted, OrderCancel, OrderCancelled, OrderHeld};
use messages::shipment::ShipmentRequested;
use messages::{Body, Event, Kind};
use proptest::prelude::*;
use shell::stage::{Said, Stage};
use shell::worker::Route;

use crate::partners::*;

const STORE: &str = "web-store";
const RELEASES: u16 = 3;
/// Every release has two units.
const UNITS: u32 = 2 * RELEASES as u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Accepted,
    Held,
    Authorized(u16),
    Cancel(u8),
    Minute,
}

fn fact() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Accepted), Just(Step::Held), (1..=RELEASES).prop_map(Step::Authorized)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![4 => fact(), 2 => (1_u8..3).prop_map(Step::Cancel), 1 => Just(Step::Minute)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_order_is_cancelled_once_and_each_release_goes_or_ends(
        steps in prop::collection::vec(step(), 0..14),
        twice in prop::collection::vec(any::<bool>(), 14),
        delay in prop::sample::select(vec![0_i64, 60]),
    ) {
        let mut stage = stage(delay);
        let mut said = Vec::new();
        let mut cancels = 0;
        for (step, twice) in steps.iter().zip(twice) {
            let Some((event, is_command)) = event(&mut stage, *step) else {
                said.extend(minute(&mut stage));
                continue;
            };
            said.extend(tell(&mut stage, &event, is_command));
            if twice {
                prop_assert!(tell(&mut stage, &event, is_command).is_empty(), "the same event is one event");
            }
            cancels += usize::from(is_command);
        }
        said.extend(minute(&mut stage));
        stage.set_now(stage.now().plus_seconds(90_000));
        said.extend(stage.fire(&[]));
        prop_assert!(stage.due().is_empty(), "nothing is stuck");
        let answers = said.iter().filter(|one| one.kind == Kind::CommandAnswered);
        let answered: BTreeSet<_> = answers.clone().map(|one| one.body::<CommandAnswered>().answers).collect();
        prop_assert_eq!((answers.count(), answered.len()), (cancels, cancels), "each command has one answer");
        check(&stage, &said)?;
    }

    #[test]
    fn facts_on_one_side_of_a_cancellation_commute(
        (before, before_shuffled) in shuffled_twice(),
        (after, after_shuffled) in shuffled_twice(),
        delay in prop::sample::select(vec![0_i64, 60]),
    ) {
        let [one, other] = [(before, after), (before_shuffled, after_shuffled)].map(|(before, after)| {
            let steps: Vec<Step> = before.into_iter().chain([Step::Cancel(1)]).chain(after).collect();
            end(&steps, delay)
        });
        prop_assert_eq!(one, other);
    }
}

fn shuffled_twice() -> impl Strategy<Value = (Vec<Step>, Vec<Step>)> {
    prop::collection::vec(fact(), 0..5)
        .prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle()))
}

/// What a history comes to: what was asked of the warehouse, what was named, and where each release is.
fn end(steps: &[Step], delay: i64) -> (BTreeSet<String>, Vec<Vec<ReleaseId>>, Vec<&'static str>) {
    let mut stage = stage(delay);
    let mut said = Vec::new();
    for step in steps {
        if let Some((event, is_command)) = event(&mut stage, *step) {
            said.extend(tell(&mut stage, &event, is_command));
        }
    }
    said.extend(minute(&mut stage));
    let states = (1..=RELEASES).map(|number| status(&state(&stage, number))).collect();
    (requested(&said).into_iter().map(|release| release.to_string()).collect(), named(&said), states)
}

fn check(stage: &Stage<Fulfillment>, said: &[Said]) -> Result<(), TestCaseError> {
    let (requested, named) = (requested(said), named(said));
    prop_assert!(named.len() <= 1, "cancelled at most once");
    let distinct: BTreeSet<&ReleaseId> = requested.iter().collect();
    prop_assert_eq!(distinct.len(), requested.len(), "handed over at most once");
    for number in 1..=RELEASES {
        let goes = distinct.contains(&release(number));
        let is_named = named.first().is_some_and(|named| named.contains(&release(number)));
        match state(stage, number) {
            State::New => prop_assert!(!goes && !is_named),
            State::Requested(_) => prop_assert!(goes && (is_named || named.is_empty())),
            State::Cancelled => prop_assert!(!goes && !is_named && named.len() == 1),
            other @ (State::Waiting(_)
            | State::Awaiting(_)
            | State::Reserved(_)
            | State::Dispatched(_)
            | State::Shorted(_)
            | State::Order(_)) => {
                prop_assert!(false, "release {} ends as {}", number, status(&other));
            }
        }
    }
    Ok(())
}

fn requested(said: &[Said]) -> Vec<ReleaseId> {
    said.iter()
        .filter(|one| one.kind == Kind::ShipmentRequested && one.to == Route::Oms)
        .map(|one| one.body::<ShipmentRequested>().release)
        .collect()
}

fn named(said: &[Said]) -> Vec<Vec<ReleaseId>> {
    said.iter()
        .filter(|one| one.kind == Kind::OrderCancelled)
        .map(|one| one.body::<OrderCancelled>().handed_over)
        .collect()
}

fn minute(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.set_now(stage.now().plus_seconds(60));
    stage.fire(&[])
}

fn tell(stage: &mut Stage<Fulfillment>, event: &Event, is_command: bool) -> Vec<Said> {
    if is_command { stage.command_event(STORE, event) } else { stage.tell_event(event) }
}

/// The event of a step, and whether an outsider sends it; time passes without one.
fn event(stage: &mut Stage<Fulfillment>, step: Step) -> Option<(Event, bool)> {
    let order = release(1).order();
    match step {
        Step::Accepted => {
            let mut body = OrderAccepted { order, ..OrderAccepted::sample() };
            body.lines[0].quantity = UNITS;
            Some((stage.event(&body), false))
        }
        Step::Held => {
            let mut body = OrderHeld { order, ..OrderHeld::sample() };
            body.lines[0].quantity = UNITS;
            Some((stage.event(&body), false))
        }
        Step::Authorized(number) => {
            let body = authorized(stage, number, (2, 0));
            Some((stage.event(&body), false))
        }
        Step::Cancel(number) => {
            let reference = Reference::parse(&format!("CANCEL-{number}")).unwrap();
            Some((stage.event(&OrderCancel { order, reference, ..OrderCancel::sample() }), true))
        }
        Step::Minute => None,
    }
}
