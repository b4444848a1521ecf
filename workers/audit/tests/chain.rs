//! What audit promises: every message once, in one chain, without a section, and any tampering found and named.

use audit::Audit;
use audit::chain::{Bad, Head, Record, Row, Verdict, key, link, verify_chain};
use audit::store::{Key, State};
use messages::envelope::{SpecVersion, encode};
use messages::order::HoldEnded;
use messages::sealed::SEALED_PREFIX;
use messages::{Body, Event, Kind, topology};
use proptest::prelude::*;
use serde_json::Value;
use shell::Key as _;
use shell::stage::Stage;

#[test]
fn every_kind_that_rooms_send_is_kept_once_and_none_with_a_section() {
    let mut stage = Stage::new(Audit);
    let events = events(&stage);
    for event in &events {
        assert!(stage.tell_event(event).is_empty(), "audit says nothing");
    }
    let (rows, head) = chain_of(&stage);
    assert_eq!(rows.len(), events.len());
    for (row, event) in rows.iter().zip(&events) {
        let state = row.state.as_deref().unwrap();
        assert!(!state.contains(SEALED_PREFIX), "{}", event.kind);
        assert!(state.contains(&event.id) && state.contains(&event.kind));
    }
    assert_eq!(verify_chain(rows, head.clone()), whole(events.len() as u64, head));
}

#[test]
fn a_record_is_a_link_that_anybody_can_compute_again() {
    let mut stage = Stage::new(Audit);
    stage.tell(&HoldEnded::sample());
    let rows = stage.rows();
    let Some(State::Record(record)) = rows.get(&Key::Record(1)) else { panic!("one record") };
    assert_eq!(record.prev, "0".repeat(64));
    assert_eq!(record.received, "2026-11-24T12:00:00Z");
    assert_eq!(record.about.user.as_deref(), Some("m.rivera"));
    assert_eq!(record.hash, link(&record.prev, 1, &record.received, &record.event));
    let bytes = format!("{}\n1\n2026-11-24T12:00:00Z\n{}", "0".repeat(64), record.event);
    assert_eq!(record.hash, messages::id::sha256_hex(bytes.as_bytes()));
    assert_eq!(rows.get(&Key::Head), Some(&State::Head(Head { seq: 1, hash: record.hash.clone() })));
}

#[test]
fn keys_sort_as_their_numbers_do() {
    assert_eq!(Key::Head.text(), "head");
    assert_eq!(Key::Record(7).text(), "00000000000000000007");
    assert!(key(9) < key(10) && key(u64::from(u32::MAX)) < key(u64::MAX));
}

#[test]
fn a_tampered_record_is_named_if_it_is_the_first_that_does_not_fit() {
    let (rows, head) = chain_of_length(6);
    let with = |at: usize, state: Option<String>| {
        let mut rows = rows.clone();
        rows[at].state = state;
        rows
    };
    let mut exchanged = rows.clone();
    exchanged[1].state.clone_from(&rows[3].state);
    exchanged[3].state.clone_from(&rows[1].state);
    let mut odd = rows.clone();
    odd.push(Row { key: "zz".to_owned(), state: None });
    let a_head = Some(r#"{"head":{"seq":5,"hash":"x"}}"#.to_owned());
    for (what, rows, seq, why) in [
        ("a row deleted", without(&rows, &[2]), 3, "it is missing"),
        ("rows deleted", without(&rows, &[2, 3]), 3, "the records from 3 to 4 are missing"),
        ("the first row deleted", without(&rows, &[0]), 1, "it is missing"),
        ("the tail cut off", without(&rows, &[4, 5]), 5, "the records from 5 to 6 are missing"),
        ("everything deleted", Vec::new(), 1, "the records from 1 to 6 are missing"),
        ("two rows exchanged", exchanged, 2, "its row holds record 4: rows were exchanged or renumbered"),
        ("a row emptied", with(4, None), 5, "its row does not hold a record"),
        ("a row holding a head", with(4, a_head), 5, "its row does not hold a record"),
        (
            "a row and its hash made anew",
            with(2, Some(forged(&rows[2]))),
            4,
            "it does not follow record 3: one of the two was replaced",
        ),
        (
            "the last row made anew",
            with(5, Some(forged(&rows[5]))),
            6,
            "the head names another hash for record 6: one of the two was replaced",
        ),
        ("a row of another kind", odd, 7, "a row stands here whose key is no number of 20 digits"),
    ] {
        let bad = verify_chain(rows, head.clone()).first_bad;
        assert_eq!(bad, Some(Bad { seq, why: why.to_owned() }), "{what}");
    }
}

#[test]
fn a_tampered_head_is_named_by_the_first_record_that_does_not_fit_it() {
    let (rows, _) = chain_of_length(6);
    let back = Some(Head { seq: 4, hash: hash_of(&rows[3]) });
    let other = Some(Head { seq: 6, hash: "0".to_owned() });
    let ahead = Some(Head { seq: 7, hash: hash_of(&rows[5]) });
    for (what, rows, head, seq, why) in [
        ("deleted", rows.clone(), None, 1, "it lies beyond the head, which knows 0 records"),
        ("set back", rows.clone(), back.clone(), 5, "it lies beyond the head, which knows 4 records"),
        ("set back over a gap", without(&rows, &[3, 4]), back, 4, "it is missing"),
        ("set forward", rows.clone(), ahead, 7, "it is missing"),
        (
            "its hash edited",
            rows.clone(),
            other,
            6,
            "the head names another hash for record 6: one of the two was replaced",
        ),
    ] {
        let bad = verify_chain(rows, head).first_bad;
        assert_eq!(bad, Some(Bad { seq, why: why.to_owned() }), "{what}");
    }
}

#[test]
fn an_empty_chain_is_whole() {
    assert_eq!(verify_chain(Vec::new(), None), whole(0, None));
    assert_eq!(verify_chain(Vec::new(), Some(Head::default())), whole(0, Some(Head::default())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_chain_is_whole_after_any_split_into_batches_and_any_repeats(
        sizes in prop::collection::vec(1_usize..9, 1..6),
        again in prop::collection::vec(0_usize..64, 0..12),
    ) {
        let mut stage = Stage::new(Audit);
        let told: Vec<Event> = (0..sizes.iter().sum()).map(|_| stage.event(&HoldEnded::sample())).collect();
        let mut rest = told.as_slice();
        for size in sizes {
            let (batch, later) = rest.split_at(size);
            rest = later;
            // A batch may repeat what it holds, and what earlier batches held.
            let mut batch = batch.to_vec();
            batch.extend(again.iter().filter_map(|&at| told[..told.len() - rest.len()].get(at).cloned()));
            arrive(&mut stage, &batch);
        }
        let (rows, head) = chain_of(&stage);
        prop_assert_eq!(verify_chain(rows, head.clone()), whole(told.len() as u64, head));
    }

    #[test]
    fn editing_any_one_field_of_any_record_is_found(at in 0_usize..5, leaf in 0_usize..64, add in any::<bool>()) {
        let (mut rows, head) = chain_of_length(5);
        let mut state: Value = serde_json::from_str(rows[at].state.as_deref().unwrap()).unwrap();
        if add {
            state["record"]["note"] = "added".into();
        } else {
            let mut leaves = Vec::new();
            collect(&mut state, &mut leaves);
            let place = leaf % leaves.len();
            change(leaves[place]);
        }
        rows[at].state = Some(state.to_string());
        let verdict = verify_chain(rows, head);
        prop_assert_eq!(verdict.rows, at as u64);
        prop_assert_eq!(verdict.first_bad.map(|bad| bad.seq), Some(at as u64 + 1));
    }
}

fn without(rows: &[Row], gone: &[usize]) -> Vec<Row> {
    rows.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, row)| row.clone()).collect()
}

fn whole(rows: u64, head: Option<Head>) -> Verdict {
    Verdict { rows, first_bad: None, head }
}

/// One event of every kind that rooms send.
fn events(stage: &Stage<Audit>) -> Vec<Event> {
    let sent = Kind::ALL.iter().filter(|kind| matches!(kind.sent_by(), messages::catalogue::From::Rooms(_)));
    sent.map(|kind| Event {
        specversion: SpecVersion::V1,
        id: format!("of-{}", kind.name()),
        source: "/oms/stage".to_owned(),
        kind: kind.name().to_owned(),
        time: stage.now().0,
        subject: Some("7K2M".to_owned()),
        datacontenttype: None,
        traceparent: None,
        causationid: None,
        data: shell::worker::raw(&kind.sample()),
    })
    .collect()
}

fn arrive(stage: &mut Stage<Audit>, events: &[Event]) {
    let (content_type, bytes) = encode(events);
    stage.arrive_bytes(topology::ROOMS, Kind::HoldEnded.name(), None, Some(content_type), &bytes);
}

fn chain_of_length(length: usize) -> (Vec<Row>, Option<Head>) {
    let mut stage = Stage::new(Audit);
    for _ in 0..length {
        let mut event = stage.event(&HoldEnded::sample());
        event.subject = Some("7K2M".to_owned());
        stage.tell_event(&event);
    }
    chain_of(&stage)
}

/// The rows as the database would give them.
fn chain_of(stage: &Stage<Audit>) -> (Vec<Row>, Option<Head>) {
    let (mut rows, mut head) = (Vec::new(), None);
    for (key, state) in stage.rows() {
        match (&key, state) {
            (Key::Head, State::Head(found)) => head = Some(found),
            (Key::Record(_), state @ State::Record(_)) => {
                rows.push(Row { key: key.text().into_owned(), state: serde_json::to_string(&state).ok() });
            }
            (Key::Head, State::Record(_)) | (Key::Record(_), State::Head(_)) => {
                panic!("a row in the wrong table")
            }
        }
    }
    (rows, head)
}

fn record(row: &Row) -> Record {
    match serde_json::from_str(row.state.as_deref().expect("a state")).expect("a readable one") {
        State::Record(record) => record,
        State::Head(_) => panic!("a record"),
    }
}

fn hash_of(row: &Row) -> String {
    record(row).hash
}

/// The row with another event, by somebody who knows how hashes are made.
fn forged(row: &Row) -> String {
    let mut record = record(row);
    record.event = record.event.replace("hold.ended.v1", "hold.ended.v2");
    record.about.kind = "hold.ended.v2".to_owned();
    record.hash = link(&record.prev, record.seq, &record.received, &record.event);
    serde_json::to_string(&State::Record(record)).expect("JSON")
}

fn collect<'a>(value: &'a mut Value, leaves: &mut Vec<&'a mut Value>) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| collect(value, leaves)),
        Value::Array(values) => values.iter_mut().for_each(|value| collect(value, leaves)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => leaves.push(value),
    }
}

fn change(leaf: &mut Value) {
    *leaf = match leaf {
        Value::Number(number) => (number.as_u64().expect("a number of ours") + 1).into(),
        Value::String(text) => format!("{text} ").into(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            panic!("records hold texts and a number")
        }
    };
}
