//! The three properties: duplicates change nothing, facts about different things commute, and whatever happens nobody
//! gets a campaign twice or after opting out, every mail is counted once, and nothing is stuck.

use std::collections::{BTreeMap, BTreeSet};

use messages::Event;
use messages::order::OrderAccepted;
use proptest::prelude::*;
use shell::worker::DueRow;

use super::*;

const PEOPLE: usize = 12;

/// What may happen while a campaign runs.
#[derive(Debug, Clone)]
enum Act {
    Pass(i64),
    /// The relay answers the n-th call that is due, twice over.
    Answer(usize, Answer),
    Withdraw(usize),
    Suppress(usize),
    Subscribe(usize),
    Control(CampaignVerb),
    /// An answer of a call that was replaced or called back meanwhile.
    Late(usize, Answer),
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Sent),
        1 => Just(Answer::Refused { code: 550 }),
        1 => Just(Answer::Unsendable),
        2 => Just(Answer::PutOff),
        2 => Just(Answer::Down),
        2 => Just(Answer::Stale),
        2 => Just(Answer::Unclear),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let verb = prop::sample::select(vec![CampaignVerb::Pause, CampaignVerb::Resume]);
    prop_oneof![
        6 => (0_i64..90).prop_map(Act::Pass),
        8 => (0_usize..20, answer()).prop_map(|(place, answer)| Act::Answer(place, answer)),
        2 => (1..=PEOPLE).prop_map(Act::Withdraw),
        1 => (1..=PEOPLE).prop_map(Act::Suppress),
        1 => (1..=PEOPLE).prop_map(Act::Subscribe),
        2 => verb.prop_map(Act::Control),
        2 => (0_usize..40, answer()).prop_map(|(place, answer)| Act::Late(place, answer)),
    ]
}

/// The calls that were ever made, and what the relay did with them.
#[derive(Default)]
struct Relay {
    seen: Vec<DueRow>,
    answered: BTreeSet<(String, i32)>,
    may_have_gone_out: BTreeMap<String, u32>,
}

impl Relay {
    fn look(&mut self, stage: &Stage<Promotions>) {
        for due in delivers(stage) {
            if !self.seen.iter().any(|old| (&old.key, old.epoch) == (&due.key, due.epoch)) {
                self.seen.push(due);
            }
        }
    }

    /// One call has one outcome, however often its answer is handed in.
    fn answer(&mut self, stage: &mut Stage<Promotions>, due: &DueRow, answer: Answer) {
        if !self.answered.insert((due.key.clone(), due.epoch)) {
            return;
        }
        if matches!(answer, Answer::Sent | Answer::Unclear) {
            *self.may_have_gone_out.entry(due.key.clone()).or_default() += 1;
        }
        stage.answer_row(due, &answer);
        assert!(
            stage.answer_row(due, &answer).is_empty(),
            "an answer that is handed in again changes nothing"
        );
    }
}

fn happen(stage: &mut Stage<Promotions>, relay: &mut Relay, act: &Act) {
    match act {
        Act::Pass(seconds) => {
            pass(stage, *seconds);
            stage.fire(&CALLS);
        }
        Act::Answer(place, answer) => {
            let due = delivers(stage);
            if !due.is_empty() {
                relay.answer(stage, &due[place % due.len()], *answer);
            }
        }
        Act::Withdraw(number) => drop(withdraw(stage, *number, &[COINS])),
        Act::Suppress(number) => drop(suppress(stage, *number)),
        Act::Subscribe(number) => {
            pass(stage, 1);
            submit(stage, *number, &[ContactChannel::Email]);
            let ask = row(stage, *number).asks.number;
            confirm(stage, *number, ask);
        }
        Act::Control(verb) => drop(control(stage, *verb)),
        Act::Late(place, answer) => {
            if let Some(due) = relay.seen.get(*place).cloned() {
                relay.answer(stage, &due, *answer);
            }
        }
    }
    relay.look(stage);
}

fn invariants(stage: &Stage<Promotions>, relay: &Relay) {
    let campaign = campaign_row(stage);
    let mut found = crate::store::Counts::default();
    let mut open = BTreeSet::new();
    for (key, state) in stage.rows() {
        let (Key::Mail(id), State::Mail(Some(mail))) = (key, state) else { continue };
        found.made += 1;
        match mail.status {
            Status::Pending | Status::Sending => drop(open.insert(id.subscriber)),
            Status::Sent => found.sent += 1,
            Status::Skipped { .. } => found.skipped += 1,
            Status::Refused { .. } => found.refused += 1,
            Status::Unknown { .. } => found.unknown += 1,
        }
    }
    assert_eq!(campaign.counts, found, "every mail is counted once, under what became of it");
    assert_eq!(campaign.open.keys().cloned().collect::<BTreeSet<_>>(), open);
    for due in delivers(stage) {
        let number = (1..=PEOPLE).find(|number| mail_id(stage, *number).to_string() == due.key).unwrap();
        let refusal = refusal(COINS, &row(stage, number));
        assert_eq!(refusal, None, "no call is due to somebody who opted out");
        assert_ne!(campaign.state, CampaignState::Stopped, "no call is due for a campaign that was stopped");
    }
    assert!(relay.may_have_gone_out.values().all(|times| *times <= 1), "nobody gets it twice");
    let ended = found.sent + found.skipped + found.refused + found.unknown;
    let is_over = campaign.walk.is_over && ended == found.made;
    assert_eq!(
        campaign.state == CampaignState::Finished,
        is_over && campaign.state != CampaignState::Stopped
    );
}

fn running() -> Stage<Promotions> {
    let mut stage = Stage::new(Promotions);
    for number in 1..=PEOPLE {
        subscribe(&mut stage, number);
    }
    start(&mut stage, &CampaignDefine { per_minute: 20, ..definition("text") });
    stage
}

/// Facts that are about different people, or not about each other.
fn facts() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let all: Vec<usize> = (0..PEOPLE * 3).collect();
    prop::sample::subsequence(all, 0..=20)
        .prop_flat_map(|chosen| (Just(chosen.clone()), Just(chosen).prop_shuffle()))
}

/// The n-th fact: somebody withdraws, buys or bounces.
fn fact(stage: &mut Stage<Promotions>, fact: usize) -> Event {
    let number = fact / 3 + 1;
    let mut event = match fact % 3 {
        0 => {
            let mut order = OrderAccepted::sample();
            order.email = Some(person(stage, number));
            stage.event(&order)
        }
        1 => {
            let email = person(stage, number);
            stage.event(&AddressSuppressed { email, status: "5.1.1".to_owned() })
        }
        _ => {
            let email = person(stage, number);
            stage.event(&AddressSuppressed { email, status: "deceased".to_owned() })
        }
    };
    event.id = format!("fact-{fact}");
    event
}

fn everything(stage: &Stage<Promotions>) -> (BTreeMap<Key, State>, Vec<String>) {
    let mut rows = stage.rows();
    for state in rows.values_mut() {
        // Sealed anew each time.
        if let State::Subscriber(row) = state {
            row.contact = None;
        }
    }
    let due = stage.due().iter().map(|due| format!("{} {} {}", due.key, due.kind, due.due_at)).collect();
    (rows, due)
}

fn told(facts: &[usize]) -> Stage<Promotions> {
    let mut stage = Stage::new(Promotions);
    for number in 1..=PEOPLE / 2 {
        subscribe(&mut stage, number);
    }
    for &one in facts {
        let event = fact(&mut stage, one);
        stage.tell_event(&event);
    }
    stage
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nobody_gets_it_twice_or_after_opting_out_and_nothing_is_stuck(
        acts in prop::collection::vec(act(), 0..60),
        stops in prop::bool::weighted(0.3),
    ) {
        let (mut stage, mut relay) = (running(), Relay::default());
        for act in &acts {
            happen(&mut stage, &mut relay, act);
            invariants(&stage, &relay);
        }
        if stops {
            control(&mut stage, CampaignVerb::Stop);
            invariants(&stage, &relay);
        } else {
            control(&mut stage, CampaignVerb::Resume);
        }
        for _ in 0..20 {
            happen(&mut stage, &mut relay, &Act::Pass(60));
            happen(&mut stage, &mut relay, &Act::Pass(30_000));
            for due in delivers(&stage) {
                relay.answer(&mut stage, &due, Answer::Sent);
            }
            invariants(&stage, &relay);
        }
        let campaign = campaign_row(&stage);
        prop_assert!(matches!(campaign.state, CampaignState::Finished | CampaignState::Stopped));
        prop_assert!(campaign.open.is_empty());
        prop_assert!(delivers(&stage).is_empty());
        let sending: usize = (1..=PEOPLE).map(|number| row(&stage, number).sending.len()).sum();
        prop_assert_eq!(sending, 0);
    }

    #[test]
    fn duplicates_change_nothing((facts, again) in facts()) {
        let once = told(&facts);
        let before = everything(&once);
        let mut twice = once;
        for &one in &again {
            let event = fact(&mut twice, one);
            prop_assert!(twice.tell_event(&event).is_empty());
        }
        prop_assert_eq!(before, everything(&twice));
    }

    #[test]
    fn the_order_of_facts_does_not_matter((facts, shuffled) in facts()) {
        // One ring each, so people are told apart by their number.
        let by_number = |stage: &Stage<Promotions>| -> Vec<Subscriber> {
            (1..=PEOPLE).map(|number| Subscriber { contact: None, ..row(stage, number) }).collect()
        };
        prop_assert_eq!(by_number(&told(&facts)), by_number(&told(&shuffled)));
    }
}
