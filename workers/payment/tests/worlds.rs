//! Whole lives of a release beside a gateway that keeps books: cancelled or handed over, renewed or lapsed, given back,
//! with answers lost on the way. Whatever happens: refunded ≤ captured ≤ authorized, and nothing stays held for
//! what was not handed over.

mod common;

use std::collections::BTreeMap;

use common::*;
use messages::Timestamp;
use messages::case::CaseEnd;
use messages::money::Amount;
use messages::task::TaskKind;
use payment::Payment;
use payment::call::{
    AUTHORIZE, Answer, AuthorizeCall, CAPTURE, CaptureCall, KINDS, REFUND, RefundCall, VoidCall,
};
use payment::store::{Refund, Stage as At};
use proptest::prelude::*;
use shell::stage::Stage;
use shell::worker::DueRow;

const WEEK: i64 = 7 * 86_400;

/// One hold at the gateway.
#[derive(Debug)]
struct Hold {
    amount: i64,
    captured: i64,
    refunded: i64,
    is_open: bool,
    lapses: Timestamp,
}

/// The gateway: what it did under a key it does once, and says again.
#[derive(Default)]
struct Bank {
    holds: BTreeMap<String, Hold>,
    by_key: BTreeMap<String, Answer>,
}

#[derive(Debug, Clone, Copy)]
enum Mood {
    Yes,
    /// Done, but the answer is lost.
    Lost,
    /// Not done, and nobody knows.
    Unheard,
    Later,
    Never,
}

impl Bank {
    fn act(&mut self, row: &DueRow, mood: Mood, now: Timestamp) -> Answer {
        let body: serde_json::Value = serde_json::from_str(row.body.get()).expect("JSON");
        let key = body["errand"]["idempotency_key"].as_str().expect("a key").to_owned();
        if let Some(answer) = self.by_key.get(&key) {
            return answer.clone();
        }
        let answer = match mood {
            Mood::Unheard => return unclear(false),
            Mood::Later if row.kind == AUTHORIZE => declined("insufficient_funds", None),
            Mood::Never if row.kind == AUTHORIZE => declined("stolen_card", None),
            Mood::Never if row.kind == CAPTURE => capture_declined(),
            Mood::Never if row.kind == REFUND => refund_declined(),
            Mood::Yes | Mood::Lost | Mood::Later | Mood::Never => self.does(row, now),
        };
        self.by_key.insert(key, answer.clone());
        if matches!(mood, Mood::Lost) { unclear(false) } else { answer }
    }

    fn does(&mut self, row: &DueRow, now: Timestamp) -> Answer {
        match row.kind.as_str() {
            AUTHORIZE => {
                let call: AuthorizeCall = row.body().expect("ours");
                let (intent, lapses) = (format!("pi_{}", call.reference), now.plus_seconds(WEEK));
                let amount = call.amount.minor();
                let hold = Hold { amount, captured: 0, refunded: 0, is_open: true, lapses };
                assert!(self.holds.insert(intent.clone(), hold).is_none());
                let live = self.holds.values().filter(|hold| hold.is_open && hold.lapses > now).count();
                assert!(live <= 2, "an old hold and its successor at most");
                Answer::Authorized { intent, capture_before: lapses }
            }
            CAPTURE => {
                let call: CaptureCall = row.body().expect("ours");
                let hold = self.hold(&call.intent);
                if !hold.is_open || hold.lapses <= now {
                    return capture_declined();
                }
                hold.is_open = false;
                hold.captured = call.amount.minor();
                Answer::Captured { amount: call.amount }
            }
            REFUND => {
                let call: RefundCall = row.body().expect("ours");
                self.hold(&call.intent).refunded += call.amount.minor();
                Answer::Refunded { amount: call.amount }
            }
            _ => {
                let call: VoidCall = row.body().expect("ours");
                let hold = self.hold(&call.intent);
                assert_eq!(hold.captured, 0, "what was charged is not voided");
                hold.is_open = false;
                Answer::Voided
            }
        }
    }

    fn hold(&mut self, intent: &str) -> &mut Hold {
        self.holds.get_mut(intent).expect("a hold of ours")
    }

    fn sum(&self, of: fn(&Hold) -> i64) -> i64 {
        self.holds.values().map(of).sum()
    }

    fn held(&self, now: Timestamp) -> i64 {
        let live = self.holds.values().filter(|hold| hold.is_open && hold.lapses > now);
        live.map(|hold| hold.amount).sum()
    }
}

/// How the order ends for this release.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// Cancelled before it was handed over.
    Cancelled,
    /// Handed over; this many of its three units leave, the others cannot be found. Whether the order is cancelled too.
    HandedOver(u32, bool),
}

#[derive(Debug, Clone, Copy)]
enum Fact {
    Ready,
    Cancelled,
    Dispatched,
    Shorted,
    Resolved,
}

impl End {
    fn facts(self) -> Vec<Fact> {
        match self {
            Self::Cancelled => vec![Fact::Ready, Fact::Cancelled],
            Self::HandedOver(leave, cancelled) => {
                let mut facts = vec![Fact::Ready];
                facts.extend(cancelled.then_some(Fact::Cancelled));
                facts.extend((leave > 0).then_some([Fact::Dispatched, Fact::Resolved]).into_iter().flatten());
                facts.extend((leave < 3).then_some(Fact::Shorted));
                facts
            }
        }
    }

    fn tell(self, stage: &mut Stage<Payment>, fact: Fact) {
        let (leave, handed_over) = match self {
            Self::Cancelled => (0, Vec::new()),
            Self::HandedOver(leave, _) => (leave, vec![release()]),
        };
        match fact {
            Fact::Ready => stage.tell(&ready_of(&[(3, 2_000)], 500)),
            Fact::Cancelled => stage.tell(&cancelled(handed_over)),
            Fact::Dispatched => stage.tell(&dispatched(1, vec![units(1, leave)])),
            Fact::Shorted => stage.tell(&shorted(1, vec![units(1, 3 - leave)])),
            Fact::Resolved => stage.tell(&resolved(1, CaseEnd::Refund, vec![units(1, leave)])),
        };
    }
}

/// What happens between two facts: the gateway answers a call in this mood, or time passes.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Call(Mood),
    /// Whatever is due by then comes due.
    Hours(i64),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let mood = prop_oneof![
        5 => Just(Mood::Yes), 2 => Just(Mood::Lost), 1 => Just(Mood::Unheard), 2 => Just(Mood::Later), 1 => Just(Mood::Never),
    ];
    let turn = prop_oneof![3 => mood.prop_map(Turn::Call), 2 => (1_i64..200).prop_map(Turn::Hours)];
    proptest::collection::vec(turn, 0..8)
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        2 => Just(End::Cancelled),
        3 => (0_u32..4, any::<bool>()).prop_map(|(leave, cancelled)| End::HandedOver(leave, cancelled)),
    ]
}

struct Life {
    stage: Stage<Payment>,
    bank: Bank,
}

impl Life {
    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Call(mood) => {
                let Some(row) = calls(&self.stage).into_iter().next() else { return };
                self.stage.set_now(row.due_at.max(self.stage.now()));
                let answer = self.bank.act(&row, mood, self.stage.now());
                self.stage.answer_row(&row, &answer);
            }
            Turn::Hours(hours) => {
                self.stage.set_now(self.stage.now().plus_seconds(hours * 3_600));
                self.stage.fire(KINDS);
            }
        }
        self.check();
    }

    /// The row never says more than the gateway's books.
    fn check(&self) {
        for hold in self.bank.holds.values() {
            assert!(hold.refunded <= hold.captured && hold.captured <= hold.amount);
        }
        let row = state(&self.stage);
        let Some(charge) = row.stage.charge() else { return };
        assert!(charge.refunded <= charge.captured);
        assert!(charge.captured <= charge.authorized && charge.authorized <= charge.amount);
        assert!(charge.captured.minor() <= self.bank.sum(|hold| hold.captured));
        assert!(charge.refunded.minor() <= self.bank.sum(|hold| hold.refunded));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(end in ends(), order: [u32; 5], between in [turns(), turns(), turns(), turns(), turns()]) {
        let mut life = Life { stage: Stage::new(Payment::default()), bank: Bank::default() };
        let mut facts: Vec<(u32, Fact)> = order.into_iter().zip(end.facts()).collect();
        facts.sort_by_key(|(place, _)| *place);
        for ((_, fact), turns) in facts.into_iter().zip(between) {
            end.tell(&mut life.stage, fact);
            life.check();
            turns.into_iter().for_each(|turn| life.turn(turn));
        }
        while !calls(&life.stage).is_empty() {
            life.turn(Turn::Call(Mood::Yes));
        }
        let (row, now) = (state(&life.stage), life.stage.now());
        prop_assert!(timer(&life.stage).is_none() && row.loose.is_empty() && row.early.is_empty());
        let books = (life.bank.sum(|hold| hold.captured), life.bank.sum(|hold| hold.refunded));
        let told = row.stage.charge().map_or((0, 0), |charge| (charge.captured.minor(), charge.refunded.minor()));
        prop_assert_eq!(told, books);
        let has_task = |kind| life.stage.open_tasks().iter().any(|(open, _)| *open == kind);
        match (end, &row.stage) {
            (End::Cancelled, At::Voided { .. } | At::Declined { .. }) => prop_assert_eq!(books, (0, 0)),
            (End::HandedOver(0, _), At::Voided { .. }) => {}
            (End::HandedOver(leave, _), At::Captured { .. }) => {
                let due = i64::from(leave) * 2_000 + 500;
                let refused = row.refunds.values().any(|refund| matches!(refund, Refund::Failed { .. }));
                prop_assert_eq!(books, (due, if refused { 0 } else { due }));
                prop_assert_eq!(refused, has_task(TaskKind::RefundFailed));
            }
            (End::HandedOver(..), At::CaptureFailed { .. }) => prop_assert!(has_task(TaskKind::CaptureFailed)),
            (End::HandedOver(leave, _), At::Declined { .. }) => {
                prop_assert_eq!(leave > 0, has_task(TaskKind::CaptureFailed));
            }
            (end, stage) => prop_assert!(false, "{end:?} {stage:?}"),
        }
        // A capture that the gateway refused leaves a hold that ends by itself, as ever.
        if !matches!(row.stage, At::CaptureFailed { .. }) {
            prop_assert_eq!(life.bank.held(now), 0);
        }
        prop_assert!(!matches!(row.stage.charge(), Some(charge) if charge.payment.is_some()), "no card is kept");
    }
}

#[test]
fn the_bank_says_the_same_under_the_same_key() {
    let mut life = Life { stage: Stage::new(Payment::default()), bank: Bank::default() };
    life.stage.tell(&ready());
    life.turn(Turn::Call(Mood::Lost));
    life.turn(Turn::Call(Mood::Never));
    assert_eq!((life.bank.holds.len(), status(&state(&life.stage))), (1, "authorized"));
    assert_eq!(state(&life.stage).stage.charge().map(|charge| charge.captured), Some(Amount::ZERO));
}
