//! Histories of several orders, duplicated and permuted: duplicates change nothing, facts commute except the
//! listed races, invariants always hold, and nothing stays held once somebody has ruled.

use std::collections::BTreeMap;

use intake::store::{NumberState, OrderState};
use intake::{Intake, Key, State};
use messages::order::{OrderAccepted, OrderHeld, OrderRefused};
use messages::product::ProductDefined;
use messages::sealed::Keyring;
use messages::{Body, Event, Kind};
use proptest::prelude::*;
use proptest::sample::Index;
use shell::stage::{Said, Stage};

use crate::support::*;

const ORDERS: usize = 4;
const REFERENCES: [&str; ORDERS] = ["A", "B", "C", "D"];

/// One message about one order.
#[derive(Debug, Clone, Copy)]
enum Step {
    Good,
    Big,
    WrongPrice,
    Early,
    Unparsable,
    Release,
    Refuse,
    Change,
    Cancel,
}

/// A message on its way, and who sends it.
type Message = (&'static str, Event);

/// The sender of what a room says.
const ROOMS: &str = "rooms";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn duplicates_change_nothing(
        histories in histories(),
        picks in merging(),
        copies in prop::collection::vec((any::<Index>(), any::<Index>()), 1..12),
    ) {
        let mut maker = stage();
        let messages = merged(stories(&mut maker, &histories), &picks);
        let mut doubled: Vec<&Message> = messages.iter().collect();
        for (which, behind) in &copies {
            let original = which.get(&messages);
            let first = doubled.iter().position(|one| one.1.id == original.1.id).unwrap_or_default();
            doubled.insert(first + 1 + behind.index(doubled.len() - first), original);
        }
        let once = play(&maker.ring, &messages.iter().collect::<Vec<_>>());
        let twice = play(&maker.ring, &doubled);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn messages_about_different_orders_commute(
        histories in histories(),
        one in merging(),
        other in merging(),
    ) {
        let mut maker = stage();
        let stories = stories(&mut maker, &histories);
        let [left, right] = [one, other].map(|picks| merged(stories.clone(), &picks));
        let left = play(&maker.ring, &left.iter().collect::<Vec<_>>());
        let right = play(&maker.ring, &right.iter().collect::<Vec<_>>());
        prop_assert_eq!(left, right);
    }

    #[test]
    fn definitions_of_a_product_commute(order in Just(vec![1_u64, 2, 3, 4, 5]).prop_shuffle()) {
        let mut stage = bare_stage();
        for version in order {
            stage.tell(&definition(version));
        }
        let mut straight = bare_stage();
        straight.tell(&definition(5));
        prop_assert_eq!(stage.rows(), straight.rows());
    }

    #[test]
    fn invariants_hold_and_nothing_is_stuck(
        steps in prop::collection::vec((0..ORDERS, step()), 0..40),
    ) {
        let mut stage = stage();
        let mut said = Vec::new();
        for (order, step) in steps {
            let (sender, event) = message(&mut stage, REFERENCES[order], step);
            said.extend(deliver(&mut stage, sender, &event));
            check(&stage, &said)?;
        }
        for reference in REFERENCES {
            let order = number(&stage, reference);
            said.extend(stage.command(OPERATOR, &release(&order)));
        }
        check(&stage, &said)?;
        let held = REFERENCES.iter().filter(|name| status(&stage, name) == "held").count();
        prop_assert_eq!(held, 0);
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Good),
        Just(Step::Big),
        Just(Step::WrongPrice),
        Just(Step::Early),
        Just(Step::Unparsable),
        Just(Step::Release),
        Just(Step::Refuse),
        Just(Step::Change),
        Just(Step::Cancel),
    ]
}

/// What happens to each order, in its own order: that is where the races are.
fn histories() -> impl Strategy<Value = Vec<Vec<Step>>> {
    prop::collection::vec(prop::collection::vec(step(), 0..6), ORDERS)
}

fn merging() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), ORDERS * 6)
}

fn stories(maker: &mut Stage<Intake>, histories: &[Vec<Step>]) -> Vec<Vec<Message>> {
    histories
        .iter()
        .zip(REFERENCES)
        .map(|(steps, name)| steps.iter().map(|step| message(maker, name, *step)).collect())
        .collect()
}

/// One of the orders in which the stories can be told without turning any of them around.
fn merged(stories: Vec<Vec<Message>>, picks: &[Index]) -> Vec<Message> {
    let mut left: Vec<std::vec::IntoIter<Message>> = stories.into_iter().map(Vec::into_iter).collect();
    let mut messages = Vec::new();
    for pick in picks {
        left.retain(|story| story.len() > 0);
        if left.is_empty() {
            break;
        }
        let story = pick.index(left.len());
        messages.extend(left[story].next());
    }
    messages
}

fn message(stage: &mut Stage<Intake>, reference: &'static str, step: Step) -> Message {
    let order = number(stage, reference);
    let mut early = order_of(reference, 1);
    early.received_at = early.received_at.plus_seconds(-1);
    let mut unparsable = order_of(reference, 1);
    unparsable.currency = "JPY".to_owned();
    match step {
        Step::Good => (STORE, stage.event(&order_of(reference, 1))),
        Step::Big => (STORE, stage.event(&order_of(reference, 11))),
        Step::WrongPrice => (STORE, stage.event(&at_price(order_of(reference, 1), 1))),
        Step::Early => (STORE, stage.event(&early)),
        Step::Unparsable => (STORE, stage.event(&unparsable)),
        Step::Release => (OPERATOR, stage.event(&release(&order))),
        Step::Refuse => (OPERATOR, stage.event(&refuse(&order))),
        Step::Change => (STORE, stage.event(&change(&order))),
        Step::Cancel => (ROOMS, stage.event(&cancelled(&order))),
    }
}

fn definition(version: u64) -> ProductDefined {
    let mut defined = ProductDefined { version, ..ProductDefined::sample() };
    defined.product.unusual_quantity = u32::try_from(version).ok();
    defined
}

/// Plays messages on a fresh stage with these keys: the rows at the end and everything said, in no order.
fn play(ring: &Keyring, messages: &[&Message]) -> (BTreeMap<Key, String>, Vec<String>) {
    let mut stage = bare_stage();
    stage.ring = ring.clone();
    stage.tell(&ProductDefined::sample());
    let mut effects = Vec::new();
    for (sender, event) in messages {
        for one in deliver(&mut stage, sender, event) {
            let body: serde_json::Value = serde_json::from_str(one.event.data.get()).unwrap();
            effects.push(format!("{:?} {} {}", one.to, one.kind.name(), unsealed(body)));
        }
    }
    effects.sort();
    let rows = stage.rows().into_iter().map(|(key, state)| {
        let state = serde_json::to_value(state).unwrap();
        (key, unsealed(state).to_string())
    });
    (rows.collect(), effects)
}

fn deliver(stage: &mut Stage<Intake>, sender: &str, event: &Event) -> Vec<Said> {
    if sender == ROOMS { stage.tell_event(event) } else { stage.command_event(sender, event) }
}

fn check(stage: &Stage<Intake>, said: &[Said]) -> Result<(), TestCaseError> {
    for reference in REFERENCES {
        let order = number(stage, reference);
        let count = |kind: Kind, is: &dyn Fn(&Said) -> bool| {
            said.iter().filter(|one| one.kind == kind && is(one)).count()
        };
        let accepted = count(Kind::OrderAccepted, &|one| one.body::<OrderAccepted>().order == order);
        let held = count(Kind::OrderHeld, &|one| one.body::<OrderHeld>().order == order);
        let refused =
            count(Kind::OrderRefused, &|one| one.body::<OrderRefused>().order.as_ref() == Some(&order));
        let ended = count(Kind::HoldEnded, &|one| one.event.subject.as_deref() == Some(order.as_str()));
        let expected = match state(stage, reference) {
            OrderState::Unseen | OrderState::Faulty { .. } => (0, 0, 0, 0),
            OrderState::Held(_) => (0, 1, 0, 0),
            OrderState::Accepted { .. } => (1, held, 0, held),
            OrderState::Refused { .. } => (0, held, 1, held),
            OrderState::Cancelled { .. } => (0, held, 0, 0),
        };
        prop_assert_eq!((accepted, held, refused, ended), expected, "{}", reference);
        let known = matches!(stage.rows().get(&Key::Number(order)), Some(State::Number(NumberState::Of(_))));
        let is_order = !matches!(state(stage, reference), OrderState::Unseen | OrderState::Faulty { .. });
        prop_assert_eq!(known, is_order, "the number of {}", reference);
    }
    Ok(())
}
