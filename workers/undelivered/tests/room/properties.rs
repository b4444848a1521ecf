//! Histories of one parcel, doubled and permuted; and whatever anybody says, the invariants.

use std::collections::BTreeMap;

use messages::case::{
    CaseAsked, CaseChange, CaseChanged, CaseClass, CaseEnd, CaseReceived, CaseResolved, CaseWish,
};
use messages::{Event, Kind};
use proptest::prelude::*;
use shell::stage::{Said, Stage};
use undelivered::Undelivered;
use undelivered::case::CaseState;

use crate::partners::*;

/// Facts of one parcel that commute: no two of them race.
#[derive(Debug, Clone)]
struct History {
    /// The carrier's code, the endorsement of the return, whether it was silent for long, whether it came back.
    code: Option<&'static str>,
    endorsement: Option<&'static str>,
    silent: bool,
    back: bool,
}

fn history() -> impl Strategy<Value = History> {
    let code = prop::sample::select(vec![None, Some("21"), Some("25"), Some("28")]);
    let endorsement = prop::sample::select(vec![None, Some("NSN"), Some("UTF"), Some("DEC")]);
    (code, endorsement, any::<bool>(), any::<bool>()).prop_map(|(code, endorsement, silent, back)| History {
        code,
        endorsement,
        silent,
        back,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn duplicates_and_order_change_nothing(
        history in history(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 8),
        twice in prop::collection::vec(any::<bool>(), 8),
        ends in any::<bool>(),
    ) {
        let straight = run(&history, &[], &[], ends);
        let other = run(&history, &order, &twice, ends);
        prop_assert_eq!(&straight, &other);
        let is_trouble = history.code.is_some() || history.silent || history.back;
        let is_deceased = history.code == Some("28") || (history.back && history.endorsement == Some("DEC"));
        // Nothing is stuck: whatever is not for a person ends by itself.
        prop_assert_eq!(other.standing, match (is_trouble, is_deceased, ends) {
            (false, ..) => "quiet",
            (true, true, _) => "person",
            (true, false, true) => "refund",
            (true, false, false) => "opened",
        });
    }

    #[test]
    fn whatever_is_said_a_case_has_one_end_and_its_units_one_place(
        steps in prop::collection::vec(0_usize..STEPS.len(), 1..24),
        ask_after_seconds in prop::sample::select(vec![0, 4 * 3_600_i64]),
        is_known in prop::bool::weighted(0.7),
    ) {
        let mut stage = stage_of(Undelivered { ask_after_seconds, ..Undelivered::default() });
        let mut said = Vec::new();
        if is_known {
            accept(&mut stage);
            dispatch(&mut stage);
        }
        for step in &steps {
            let heard = STEPS[*step].1(&mut stage);
            let answers = heard.iter().filter(|said| said.kind == Kind::CommandAnswered).count();
            prop_assert_eq!(answers, usize::from(STEPS[*step].0), "each command has one answer, nothing else has");
            said.extend(heard);
            for number in [1, 2] {
                holds(&stage, number, &said)?;
            }
        }
        // Their partners come, and all that the rules can end ends.
        for step in [accept as Step, dispatch, dispatch_again, a_month, a_month] {
            said.extend(step(&mut stage));
        }
        for number in [1, 2] {
            holds(&stage, number, &said)?;
            let standing = standing(&stage, number);
            prop_assert!(!matches!(standing, "opened" | "asked" | "awaiting"), "{} is stuck", standing);
        }
        prop_assert!(stage.due().is_empty());
    }
}

/// Whether it is a command, and what it does.
const STEPS: &[(bool, Step)] = &[
    (false, accept),
    (false, dispatch),
    (false, dispatch_again),
    (false, no_such_number),
    (false, no_such_number_again),
    (false, deceased),
    (false, silence),
    (false, deliver),
    (false, come_back),
    (false, refused),
    (false, a_week),
    (true, scan_in),
    (true, scan_in_damaged),
    (true, scan_in_wrong),
    (true, want_reship),
    (true, want_refund),
    (true, staff_refund),
    (true, staff_reship),
    (true, staff_close),
    (true, staff_wants_reship),
];

fn dispatch_again(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&dispatched(2))
}

fn no_such_number_again(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&undeliverable(2, Some("21"), None))
}

fn refused(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&undeliverable(1, None, Some("REF")))
}

fn staff_wants_reship(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.command("operator", &staff_answer(CaseWish::Reship, Some(new_address())))
}

/// What must hold of a parcel after every step, whatever was said.
fn holds(stage: &Stage<Undelivered>, number: u16, said: &[Said]) -> Result<(), TestCaseError> {
    let id = parcel(number);
    let opened: Vec<&Said> = about(said, Kind::CaseOpened, id.as_str());
    let classes: Vec<String> = opened.iter().map(|said| field(said, "class")).collect();
    prop_assert!(classes.len() <= 1, "opened once: {:?}", classes);
    let changes: Vec<CaseChanged> =
        about(said, Kind::CaseChanged, id.as_str()).iter().map(|said| said.body()).collect();
    let resumed = changes.iter().filter(|changed| changed.change == CaseChange::Resumed).count();
    let mut asked: Vec<u8> = about(said, Kind::CaseAsked, id.as_str())
        .iter()
        .map(|said| said.body::<CaseAsked>().contact)
        .collect();
    asked.dedup();
    prop_assert!(
        asked.len() <= 2 && asked.len() == about(said, Kind::CaseAsked, id.as_str()).len(),
        "each question once"
    );
    let ends: Vec<CaseResolved> =
        about(said, Kind::CaseResolved, id.as_str()).iter().map(|said| said.body()).collect();
    let acted: Vec<&CaseResolved> = ends.iter().filter(|end| end.resolution != CaseEnd::Closed).collect();
    prop_assert!(acted.len() <= 1, "reship or refund, once");
    prop_assert!(ends.len() <= 1 + resumed, "one end, and one more each time that it goes on");
    prop_assert!(ends.iter().rev().skip(1).all(|end| end.resolution == CaseEnd::Closed));
    let received: Vec<CaseReceived> =
        about(said, Kind::CaseReceived, id.as_str()).iter().map(|said| said.body()).collect();
    prop_assert!(received.len() <= 1, "units go back once");
    for end in &ends {
        let is_reship = end.resolution == CaseEnd::Reship;
        prop_assert_eq!(end.address.is_some(), is_reship);
        prop_assert!(!is_reship || number == 1, "sent again once");
    }
    let told = classes.iter().any(|class| class == "deceased")
        || changes.iter().any(|changed| {
            matches!(&changed.change, CaseChange::Reclassified { class: CaseClass::Deceased, .. })
        });
    if told && let Some(CaseState::Open(open)) = case(stage, number) {
        prop_assert_eq!(open.step.name(), "person", "deceased is for a person");
    }
    if let Some(CaseState::Ended(ended)) = case(stage, number) {
        let is_due = ended.file.facts.received.is_some();
        prop_assert_eq!(received.len(), usize::from(is_due), "what was scanned in is told at the end");
        let open = stage.open_tasks().iter().any(|(_, key)| *key == *id.as_str());
        prop_assert!(!open || ended.file.mail_stopped, "a task ends with its case");
    }
    Ok(())
}

fn about<'a>(said: &'a [Said], kind: Kind, case: &str) -> Vec<&'a Said> {
    said.iter().filter(|said| said.kind == kind && field(said, "case") == case).collect()
}

fn field(said: &Said, name: &str) -> String {
    let body: BTreeMap<String, serde_json::Value> = serde_json::from_str(said.event.data.get()).unwrap();
    body[name].as_str().unwrap().to_owned()
}

/// What a run came to, comparable between runs.
#[derive(Debug, PartialEq)]
struct End {
    standing: &'static str,
    /// The row without its history, whose order is that of arrival.
    row: Option<serde_json::Value>,
    /// How often each thing was told, by kind.
    told: BTreeMap<&'static str, usize>,
    tasks: usize,
}

/// A day passes before anybody is asked, so that all facts are in.
fn run(history: &History, order: &[prop::sample::Index], twice: &[bool], ends: bool) -> End {
    let mut stage = stage_of(Undelivered { ask_after_seconds: DAY, ..Undelivered::default() });
    let mut events = vec![stage.event(&dispatched(1))];
    let body = accepted(&stage);
    events.push(stage.event(&body));
    if history.code.is_some() {
        events.push(stage.event(&undeliverable(1, history.code, None)));
    }
    if history.silent {
        events.push(stage.event(&lost(1)));
    }
    if history.back {
        events.push(stage.event(&returned(1, history.endorsement)));
    }
    let mut said: Vec<Said> = Vec::new();
    for event in shuffled(events, order, twice) {
        said.extend(stage.tell_event(&event));
    }
    if ends {
        said.extend(a_month(&mut stage));
        said.extend(a_month(&mut stage));
    }
    let row = case(&stage, 1).map(|case| {
        let mut row = serde_json::to_value(case).unwrap();
        if let Some(file) = row.get_mut("file").and_then(|file| file.as_object_mut()) {
            file.remove("history");
        }
        row
    });
    let mut told = BTreeMap::new();
    for said in &said {
        *told.entry(said.kind.name()).or_default() += 1;
    }
    // A better reason may be learned before or after the opening.
    told.remove(Kind::CaseChanged.name());
    End { standing: standing(&stage, 1), row, told, tasks: stage.open_tasks().len() }
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
