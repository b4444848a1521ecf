//! Any history of a release, in any order, told twice, with a gateway that answers whatever it likes: duplicates
//! change nothing, facts commute (but for the races), invariants always hold, and nothing is stuck in the end.

mod common;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use common::*;
use messages::Kind;
use messages::case::{CaseEnd, CaseResolved};
use messages::payment::PaymentAdjusted;
use messages::shipment::{ReleaseShorted, ShipmentDispatched};
use messages::stock::ReleaseReady;
use payment::Payment;
use payment::call::{AUTHORIZE, Answer, CAPTURE, CaptureCall, REFUND, RefundCall};
use payment::store::{Refund, ReleaseRow, Stage as At};
use proptest::prelude::*;
use shell::stage::{Said, Stage};

/// What happens to each line: its price, and how many units leave, go missing in a first and in a second report.
#[derive(Debug, Clone)]
struct Plan {
    lines: Vec<(i64, u32, u32, u32)>,
    shipping: i64,
    /// What left comes back, and a case gives its price back.
    comes_back: bool,
}

#[derive(Debug, Clone)]
enum Fact {
    Ready(Box<ReleaseReady>),
    Dispatched(ShipmentDispatched),
    Shorted(ReleaseShorted),
    Resolved(Box<CaseResolved>),
}

impl Plan {
    fn facts(&self) -> Vec<Fact> {
        let lines: Vec<(u32, i64)> = self
            .lines
            .iter()
            .map(|&(price, shipped, first, second)| (shipped + first + second, price))
            .collect();
        let part = |of: fn(&(i64, u32, u32, u32)) -> u32| {
            let quantities = (1..).zip(self.lines.iter().map(of)).filter(|(_, quantity)| *quantity > 0);
            quantities.map(|(line, quantity)| units(line, quantity)).collect::<Vec<_>>()
        };
        let (shipped, first, second) = (part(|line| line.1), part(|line| line.2), part(|line| line.3));
        // The second report tells what the first one told as well.
        let all = part(|line| line.2 + line.3);
        let mut facts = vec![Fact::Ready(Box::new(ready_of(&lines, self.shipping)))];
        let case = resolved(1, CaseEnd::Refund, shipped.clone());
        facts.extend((self.comes_back && !shipped.is_empty()).then(|| Fact::Resolved(Box::new(case))));
        facts.extend((!shipped.is_empty()).then(|| Fact::Dispatched(dispatched(1, shipped))));
        facts.extend((!first.is_empty()).then(|| Fact::Shorted(shorted(1, first))));
        facts.extend((!second.is_empty()).then(|| Fact::Shorted(shorted(1, all))));
        facts
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    let units = 0_u32..4;
    let line = (prop_oneof![1 => Just(0_i64), 5 => 1_i64..9_000], units.clone(), units.clone(), units)
        .prop_filter("a line has units", |line| line.1 + line.2 + line.3 > 0);
    (proptest::collection::vec(line, 1..4), 0_i64..900, any::<bool>())
        .prop_map(|(lines, shipping, comes_back)| Plan { lines, shipping, comes_back })
}

/// One way in which the gateway answers, per kind of call; when the list is used up it says yes.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Yes,
    Unclear,
    Spent,
    NotFound,
    Misconfigured,
    Later,
    No,
    AnotherQuestion,
}

fn moods() -> impl Strategy<Value = Vec<Mood>> {
    use Mood::{AnotherQuestion, Later, Misconfigured, No, NotFound, Spent, Unclear, Yes};
    let mood = prop_oneof![
        4 => Just(Yes), 2 => Just(Unclear), 1 => Just(Spent), 1 => Just(NotFound),
        1 => Just(Misconfigured), 2 => Just(Later), 1 => Just(No), 1 => Just(AnotherQuestion),
    ];
    proptest::collection::vec(mood, 0..6)
}

/// A gateway whose moods do not depend on when it is asked.
struct Gateway {
    authorize: VecDeque<Mood>,
    capture: VecDeque<Mood>,
    void: VecDeque<Mood>,
    refund: VecDeque<Mood>,
    answered: BTreeSet<(String, i32, i32)>,
}

impl Gateway {
    fn new(moods: &[Vec<Mood>; 4]) -> Self {
        let [authorize, capture, void, refund] = moods.clone().map(VecDeque::from);
        Self { authorize, capture, void, refund, answered: BTreeSet::new() }
    }

    /// Answers the call that is due, if one is.
    fn act(&mut self, stage: &mut Stage<Payment>) -> Option<Vec<Said>> {
        let row = calls(stage).into_iter().next()?;
        let moods = match row.kind.as_str() {
            AUTHORIZE => &mut self.authorize,
            CAPTURE => &mut self.capture,
            REFUND => &mut self.refund,
            _ => &mut self.void,
        };
        let answer = match moods.pop_front().unwrap_or(Mood::Yes) {
            Mood::Unclear => unclear(false),
            Mood::Spent => unclear(true),
            Mood::NotFound => Answer::NotFound,
            Mood::Misconfigured => misconfigured(),
            Mood::Yes => match row.kind.as_str() {
                AUTHORIZE => authorized(),
                CAPTURE => Answer::Captured { amount: row.body::<CaptureCall>().expect("ours").amount },
                REFUND => Answer::Refunded { amount: row.body::<RefundCall>().expect("ours").amount },
                _ => Answer::Voided,
            },
            Mood::Later if row.kind == AUTHORIZE => declined("insufficient_funds", None),
            Mood::No if row.kind == AUTHORIZE => declined("stolen_card", None),
            Mood::Later | Mood::No if row.kind == REFUND => refund_declined(),
            // Nobody can decline a void, so there it is an answer to another question.
            Mood::Later | Mood::No => capture_declined(),
            Mood::AnotherQuestion if row.kind == AUTHORIZE => Answer::Voided,
            Mood::AnotherQuestion => authorized(),
        };
        let call = (row.kind.clone(), row.epoch, row.attempt);
        assert!(self.answered.insert(call), "a call is made once, and its answer is heard once");
        Some(stage.answer_row(&row, &answer))
    }
}

fn tell(stage: &mut Stage<Payment>, fact: &Fact) -> Vec<Said> {
    match fact {
        Fact::Ready(ready) => stage.tell(&**ready),
        Fact::Dispatched(dispatched) => stage.tell(dispatched),
        Fact::Shorted(shorted) => stage.tell(shorted),
        Fact::Resolved(resolved) => stage.tell(&**resolved),
    }
}

fn check(stage: &Stage<Payment>, plan: &Plan) {
    let state = state(stage);
    if let Some(charge) = state.stage.charge() {
        assert!(charge.refunded <= charge.captured);
        assert!(charge.captured <= charge.authorized && charge.authorized <= charge.amount);
        let shipping = if charge.captured > amount(0) { plan.shipping } else { 0 };
        let mut worth = shipping;
        for (line, (price, shipped, first, second)) in charge.lines.iter().zip(&plan.lines) {
            assert_eq!(line.left + line.shipped + line.missing, shipped + first + second);
            worth += price * i64::from(line.shipped);
        }
        assert!(charge.captured.minor() <= worth, "only what was dispatched is charged");
        assert_eq!(charge.payment.is_some(), charge.lines.iter().any(|line| line.left > 0));
    }
    let asks = matches!(state.stage, At::Authorizing { .. } | At::Capturing { .. } | At::Voiding { .. });
    let refunds = state.refunds.values().filter(|refund| matches!(refund, Refund::Asked { .. })).count();
    assert_eq!(calls(stage).len(), usize::from(asks) + refunds, "a call is due where one is waited for");
    assert_eq!(timer(stage).is_some(), may_lapse(&state), "a hold that may lapse is to be renewed");
    assert!(state.early.is_empty() || matches!(state.stage, At::New | At::Authorizing { .. }));
}

fn may_lapse(row: &ReleaseRow) -> bool {
    matches!(&row.stage, At::Authorized { charge } if charge.intent.is_some() && charge.outstanding() > amount(0))
}

#[derive(Debug, PartialEq)]
struct End {
    state: ReleaseRow,
    said: Vec<String>,
    tasks: Vec<String>,
}

/// Plays the facts in this order; before each of them the gateway acts as often as `turns` says, and in the end
/// until nobody asks it any more.
fn play(plan: &Plan, facts: &[Fact], moods: &[Vec<Mood>; 4], turns: &[u8], twice: bool) -> End {
    let mut stage = Stage::new(Payment::default());
    let mut gateway = Gateway::new(moods);
    let mut said = Vec::new();
    for (fact, turn) in facts.iter().zip(turns) {
        for _ in 0..*turn {
            said.extend(gateway.act(&mut stage).unwrap_or_default());
            check(&stage, plan);
        }
        said.extend(tell(&mut stage, fact));
        check(&stage, plan);
        if twice {
            assert!(tell(&mut stage, fact).is_empty(), "a repeat under a new id says nothing");
        }
    }
    if twice {
        facts.iter().for_each(|fact| said.extend(tell(&mut stage, fact)));
    }
    while let Some(more) = gateway.act(&mut stage) {
        said.extend(more);
        check(&stage, plan);
    }
    if twice {
        facts.iter().for_each(|fact| said.extend(tell(&mut stage, fact)));
    }
    let mut missing: BTreeMap<u16, u32> = BTreeMap::new();
    let mut words = Vec::new();
    for said in &said {
        // However the missing units are told, one by one or together.
        if said.kind == Kind::PaymentAdjusted {
            for units in said.body::<PaymentAdjusted>().missing {
                *missing.entry(units.line).or_default() += units.quantity;
            }
        } else {
            words.push(format!("{} {}", said.kind.name(), said.event.data));
        }
    }
    let mut said = words;
    said.push(format!("missing {missing:?}"));
    said.sort();
    let tasks = stage.open_tasks().iter().map(|(kind, key)| format!("{} {key}", kind.name())).collect();
    End { state: state(&stage), said, tasks }
}

/// The facts in the order of these keys, and how often the gateway acts before each.
fn shuffled(facts: &[Fact], order: &[u32]) -> Vec<Fact> {
    let mut facts: Vec<(u32, Fact)> = order.iter().copied().zip(facts.iter().cloned()).collect();
    facts.sort_by_key(|(place, _)| *place);
    facts.into_iter().map(|(_, fact)| fact).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn duplicates_change_nothing(
        plan in plans(), moods in [moods(), moods(), moods(), moods()], order: [u32; 5], turns in [0_u8..4, 0_u8..4, 0_u8..4, 0_u8..4, 0_u8..4],
    ) {
        let facts = shuffled(&plan.facts(), &order);
        let once = play(&plan, &facts, &moods, &turns, false);
        prop_assert_eq!(&play(&plan, &facts, &moods, &turns, true), &once);
    }

    #[test]
    fn facts_commute(
        plan in plans(), moods in [moods(), moods(), moods(), moods()], order: [u32; 5], turns in [0_u8..4, 0_u8..4, 0_u8..4, 0_u8..4, 0_u8..4],
    ) {
        let facts = plan.facts();
        let straight = play(&plan, &facts, &moods, &[0, 9, 9, 9, 9], false);
        let other = play(&plan, &shuffled(&facts, &order), &moods, &turns, false);
        prop_assert_eq!(&other, &straight);
    }

    #[test]
    fn nothing_is_stuck(
        plan in plans(), moods in [moods(), moods(), moods(), moods()], order: [u32; 5], turns in [0_u8..4, 0_u8..4, 0_u8..4, 0_u8..4, 0_u8..4],
    ) {
        let end = play(&plan, &shuffled(&plan.facts(), &order), &moods, &turns, false);
        let has_ended = matches!(end.state.stage, At::Captured { .. } | At::CaptureFailed { .. });
        for refund in end.state.refunds.values() {
            prop_assert_eq!(has_ended, !matches!(refund, Refund::Wanted { .. } | Refund::Asked { .. }));
            let has_task = end.tasks.iter().any(|task| task.starts_with("refund_failed"));
            prop_assert_eq!(matches!(refund, Refund::Failed { .. }), has_task);
        }
        let leaves = plan.lines.iter().any(|line| line.1 > 0);
        prop_assert!(end.state.early.is_empty());
        prop_assert!(!serde_json::to_string(&end.state).expect("a row").contains("oms1."), "no section is left");
        match &end.state.stage {
            At::Captured { charge } => prop_assert_eq!(charge.due(), amount(0)),
            At::CaptureFailed { .. } => prop_assert!(end.tasks.iter().any(|task| task.starts_with("capture_failed"))),
            At::Declined { .. } => prop_assert_eq!(leaves, end.tasks.iter().any(|task| task.starts_with("capture_failed"))),
            At::Voided { charge } => prop_assert_eq!(charge.captured, amount(0)),
            At::New | At::Authorizing { .. } | At::Authorized { .. } | At::Renewing { .. } | At::Capturing { .. } | At::Voiding { .. } => {
                prop_assert!(false, "a release whose every unit is accounted for has come to its end");
            }
        }
    }
}
