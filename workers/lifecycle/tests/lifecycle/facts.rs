//! What is kept of messages, and what an operator is told of it.

use crate::story::{Said, accepted, events, facts, held, order, refused, whole_way};
use lifecycle::Lifecycle;
use lifecycle::fact::{Fact, sortable_text};
use lifecycle::view::{summary, view};
use messages::order::{Channel, OrderAccepted};
use messages::sealed::SEALED_PREFIX;
use messages::stock::ReshipReady;
use messages::task::{TaskClosed, TaskOpened};
use messages::{Body, Kind, Room, Timestamp};
use shell::Key as _;
use shell::stage::Stage;

#[test]
fn every_kind_is_kept_as_one_fact_and_none_with_personal_data() {
    let said = everything();
    let events = events(&said);
    let mut stage = Stage::new(Lifecycle);
    for event in &events {
        assert!(stage.tell_event(event).is_empty());
        assert!(stage.tell_event(event).is_empty(), "a repeat changes nothing");
    }
    let rows = stage.rows();
    assert_eq!(rows.len(), said.len());
    for (key, state) in &rows {
        let json = serde_json::to_string(state).unwrap();
        assert!(!json.contains(SEALED_PREFIX), "{json}");
        for private in [
            "Yk0sXq1c9m8vQ2pL7tRz0A",
            "dG9vIHNob3J0IHRvIHJlYQ",
            "b2theSB0aGlzIGlzIG9uZQ",
            "C-204417",
            "ZW1haWwgZmluZ2VycHJpbg",
        ] {
            assert!(!json.contains(private), "{json}");
        }
        assert_eq!(
            serde_json::from_str::<Option<Fact>>(&json).unwrap(),
            *state,
            "read back as it is written"
        );
        let fact = state.as_ref().unwrap();
        let number = fact.order.as_ref().map_or("-", |order| order.as_str());
        assert_eq!(key.text(), format!("{number}/{}", fact.id));
    }
}

#[test]
fn a_kind_that_is_not_ours_is_parked_and_not_kept() {
    let mut stage = Stage::new(Lifecycle);
    let event = stage.event(&messages::order::HoldRelease::sample());
    stage.tell_event(&event);
    assert!(stage.rows().is_empty());
}

#[test]
fn facts_are_told_in_plain_sentences() {
    let said = everything();
    let view = view(&order(), &of_order(&facts(&events(&said)))).unwrap();
    let told: Vec<String> = view
        .history
        .iter()
        .map(|entry| match &entry.detail {
            Some(detail) => format!("{} [{detail}]", entry.what),
            None => entry.what.clone(),
        })
        .collect();
    let expected = include_str!("history.txt");
    assert_eq!(told.join("\n"), expected.trim_end(), "\n{}\n", told.join("\n"));
}

#[test]
fn what_cannot_be_sent_again_is_told() {
    let ready = ReshipReady::sample();
    let none = ReshipReady { lines: Vec::new(), unavailable: ready.lines.clone(), ..ready.clone() };
    let part = ReshipReady { unavailable: ready.lines.clone(), ..ready };
    for (body, kind, sentence) in [
        (
            part,
            "reship_ready",
            "units set aside to be sent again: 1 × 19XE; cannot be sent again, the money goes back: 1 × 19XE",
        ),
        (none, "reship_unavailable", "cannot be sent again, the money goes back: 1 × 19XE"),
    ] {
        let mut stage = Stage::new(Lifecycle);
        let event = stage.event(&body);
        stage.tell_event(&event);
        let kept = facts(&[event]);
        assert_eq!(serde_json::to_value(&kept[0].what).unwrap()["kind"], kind);
        assert_eq!(view(&order(), &of_order(&kept)).unwrap().history[0].what, sentence);
    }
}

#[test]
fn an_order_is_summed_up_by_what_knows_most() {
    let at = |text: &str| Timestamp::parse(text);
    let web = Some(Channel::Web);
    let heard = (at("2026-11-24T11:00:00Z"), Some("2026-11-24"));
    let received = (at("2019-11-14T17:00:00Z"), Some("2019-11-14"));
    // What was said; channel and total; when it was received and the Eastern day of that.
    for (said, channel, total, (received_at, day)) in [
        (whole_way(1, &[(1, 1)]), None, None, (None, None)),
        (vec![refused()], None, None, heard),
        (vec![held()], web, Some(7090), heard),
        (vec![held(), refused()], web, Some(7090), heard),
        (vec![held(), accepted()], web, Some(7090), received),
    ] {
        let summary = summary(&order(), &facts(&events(&said))).unwrap();
        let found = (summary.channel, summary.total.map(|total| total.minor()));
        assert_eq!(found, (channel, total), "{:?}", said.first().map(|said| said.0));
        assert_eq!((summary.received_at, summary.day.as_deref()), (received_at, day));
    }
    assert_eq!(summary(&order(), &[]), None);
}

#[test]
fn a_task_is_closed_by_the_last_word_on_it() {
    let opened = || (Kind::TaskOpened, shell::worker::raw(&TaskOpened::sample()));
    let closed = || (Kind::TaskClosed, shell::worker::raw(&TaskClosed::sample()));
    for (said, expected) in [
        (vec![opened()], Some(false)),
        (vec![opened(), closed()], Some(true)),
        (vec![opened(), closed(), opened()], Some(false)),
        (vec![closed()], None),
    ] {
        let mut facts = facts(&events(&said));
        facts.reverse();
        let tasks = view(&order(), &facts).unwrap().tasks;
        assert_eq!(tasks.first().map(|task| task.closed.is_some()), expected);
    }
}

#[test]
fn times_sort_as_text() {
    for (time, text) in [
        ("2026-11-24T12:00:00Z", "2026-11-24T12:00:00.000000Z"),
        ("2026-11-24T12:00:00.5Z", "2026-11-24T12:00:00.500000Z"),
        ("2026-11-24T07:00:01-05:00", "2026-11-24T12:00:01.000000Z"),
    ] {
        assert_eq!(sortable_text(Timestamp::parse(time).unwrap()), text);
    }
}

/// The sample of every kind that lifecycle reads, in the order of the catalogue.
fn everything() -> Vec<Said> {
    // What the operator says to every room is the shell's to read.
    let to_shell = [Kind::ParkedSettle, Kind::RoomPause, Kind::RoomResume];
    let ours =
        Kind::ALL.iter().filter(|kind| kind.read_by().contains(&Room::Lifecycle) && !to_shell.contains(kind));
    ours.map(|kind| (*kind, shell::worker::raw(&kind.sample()))).collect()
}

fn of_order(facts: &[Fact]) -> Vec<Fact> {
    let number = OrderAccepted::sample().order;
    facts.iter().filter(|fact| fact.order.as_ref() == Some(&number)).cloned().collect()
}
