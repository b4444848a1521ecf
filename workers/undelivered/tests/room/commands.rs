//! What outsiders say: who may, when, and by which name the rest is refused.

use messages::Kind;
use messages::case::{CaseAnswer, CaseEnd, CaseNote, CaseReceive, CaseResolve, CaseWish, Condition};
use messages::id::Reference;
use messages::order::SubmittedAddress;
use shell::stage::{Said, Stage};
use undelivered::Undelivered;
use undelivered::case::CaseState;

use crate::partners::*;

#[test]
fn an_answer_needs_a_token_that_was_mailed_or_staff() {
    let sample = |stage: &Stage<Undelivered>| answer(stage, 1, CaseWish::Refund, None);
    type Change = fn(CaseAnswer) -> CaseAnswer;
    let table: &[(&str, &str, Change, &str)] = &[
        ("the first token", "web-store", |body| body, "web-store: done"),
        ("by another store", "call-centre", |body| body, "call-centre: done"),
        (
            "no token",
            "web-store",
            |body| CaseAnswer { token: None, ..body },
            "web-store: refused token_does_not_fit",
        ),
        (
            "a guess",
            "web-store",
            |body| CaseAnswer { token: Some("AAAA".to_owned()), ..body },
            "web-store: refused token_does_not_fit",
        ),
        (
            "an endless one",
            "web-store",
            |body| CaseAnswer { token: Some("A".repeat(9_000)), ..body },
            "web-store: refused token_does_not_fit",
        ),
        (
            "another case's",
            "web-store",
            |body| CaseAnswer { case: parcel(2), ..body },
            "web-store: refused token_does_not_fit",
        ),
        (
            "staff",
            "operator",
            |body| CaseAnswer { token: None, user: Some(user()), ..body },
            "operator: done",
        ),
        (
            "staff by telephone",
            "call-centre",
            |body| CaseAnswer { token: None, user: Some(user()), ..body },
            "call-centre: done",
        ),
        (
            "a store's user is no staff",
            "web-store",
            |body| CaseAnswer { token: None, user: Some(user()), ..body },
            "web-store: refused token_does_not_fit",
        ),
        (
            "a token and a user",
            "web-store",
            |body| CaseAnswer { user: Some(user()), ..body },
            "web-store: done",
        ),
    ];
    for (what, sender, change, expected) in table {
        let mut stage = dispatched_stage();
        no_such_number(&mut stage);
        let body = change(sample(&stage));
        assert_eq!(outcome(&stage.command(sender, &body)), *expected, "{what}");
    }
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    let not_sent_yet = answer(&stage, 2, CaseWish::Refund, None);
    assert_eq!(words(&stage.command("web-store", &not_sent_yet)), ["web-store: refused token_does_not_fit"]);
}

#[test]
fn both_tokens_work_until_the_time_is_over() {
    for contact in [1, 2] {
        let mut stage = dispatched_stage();
        no_such_number(&mut stage);
        a_week(&mut stage);
        let body = answer(&stage, contact, CaseWish::Refund, None);
        assert_eq!(outcome(&stage.command("web-store", &body)), "web-store: done", "{contact}");
    }
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    stage.set_now(stage.now().plus_seconds(31 * DAY));
    assert_eq!(words(&want_refund(&mut stage)), ["web-store: refused token_expired"]);
    let by_staff = stage.command("operator", &staff_answer(CaseWish::Refund, None));
    assert_eq!(outcome(&by_staff), "operator: done", "staff answer until it has ended");
}

#[test]
fn an_answer_to_no_question_is_refused_by_name() {
    let by_staff: Step = |stage| stage.command("operator", &staff_answer(CaseWish::Refund, None));
    let scans: &[(&str, &[Step], &str)] = &[
        ("nothing known", &[], "unknown_case"),
        ("delivered", &[deliver], "unknown_case"),
        ("a person decides", &[deceased], "not_asked"),
        ("ended", &[no_such_number, staff_refund], "already_resolved"),
        ("closed", &[no_such_number, deliver], "already_resolved"),
        ("answered", &[no_such_number, want_refund], "already_answered"),
    ];
    for (what, before, code) in scans {
        let mut stage = dispatched_stage();
        before.iter().for_each(|step| drop(step(&mut stage)));
        let was = case(&stage, 1);
        assert_eq!(words(&by_staff(&mut stage)), [format!("operator: refused {code}")], "{what}");
        assert!(
            case(&stage, 1).is_none_or(|now| Some(now) == was || was.is_none()),
            "{what}: nothing changes"
        );
    }
}

#[test]
fn an_address_fault_needs_another_address_that_parses() {
    let bad = SubmittedAddress { postal_code: "8020".to_owned(), ..new_address() };
    for (code, address, expected) in [
        (Some("21"), None, "web-store: refused address_needed"),
        (Some("21"), Some(bad.clone()), "web-store: refused bad_address"),
        (Some("25"), Some(bad), "web-store: refused bad_address"),
        (Some("25"), None, "web-store: done"),
        (Some("21"), Some(new_address()), "web-store: done"),
    ] {
        let mut stage = dispatched_stage();
        stage.tell(&undeliverable(1, code, None));
        let body = answer(&stage, 1, CaseWish::Reship, address);
        let said = stage.command("web-store", &body);
        assert_eq!(outcome(&said), expected);
        assert!(!said[0].event.data.get().contains("8020"), "no refusal repeats a part of an address");
    }
}

#[test]
fn the_same_answer_again_is_answered_again_and_another_is_not_taken() {
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    assert_eq!(words(&want_reship(&mut stage)), ["answered", "web-store: done"]);
    assert_eq!(words(&want_reship(&mut stage)), ["web-store: repeated"]);
    assert_eq!(words(&want_refund(&mut stage)), ["web-store: refused already_answered"]);
    let other_reference = CaseAnswer {
        reference: Reference::parse("ANSWER-9").unwrap(),
        ..answer(&stage, 1, CaseWish::Reship, Some(new_address()))
    };
    assert_eq!(words(&stage.command("web-store", &other_reference)), ["web-store: refused already_answered"]);
    come_back(&mut stage);
    assert_eq!(words(&want_reship(&mut stage)), ["web-store: repeated"], "also after the end");
}

#[test]
fn a_person_ends_a_case_once_and_under_a_name() {
    let mut stage = dispatched_stage();
    assert_eq!(words(&staff_refund(&mut stage)), ["operator: refused unknown_case"]);
    no_such_number(&mut stage);
    assert_eq!(words(&staff_reship(&mut stage)), ["operator: refused not_back"]);
    let silent = CaseResolve { reason: " ".to_owned(), ..resolve(1, CaseEnd::Refund) };
    assert_eq!(words(&stage.command("operator", &silent)), ["operator: refused bad_text"]);
    assert_eq!(words(&staff_refund(&mut stage)), ["operator: done", "resolved refund"]);
    assert_eq!(words(&staff_refund(&mut stage)), ["operator: repeated"]);
    assert_eq!(words(&staff_close(&mut stage)), ["operator: refused already_resolved"]);
    let Some(CaseState::Ended(ended)) = case(&stage, 1) else { panic!("ended") };
    assert_eq!((ended.user, ended.reason.as_str()), (Some(user()), "agreed by telephone"));
}

#[test]
fn staff_may_carry_out_an_answer_that_waits_with_its_address() {
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    stage.command("call-centre", &staff_answer(CaseWish::Reship, Some(new_address())));
    assert_eq!(words(&staff_reship(&mut stage)), ["operator: refused not_back"]);
    assert_eq!(words(&staff_close(&mut stage)), ["operator: done", "resolved closed"]);
}

#[test]
fn notes_are_kept_with_name_and_time_and_have_a_limit() {
    let mut stage = dispatched_stage();
    assert_eq!(words(&stage.command("operator", &note("hello"))), ["operator: refused unknown_case"]);
    no_such_number(&mut stage);
    assert_eq!(
        words(&stage.command("operator", &note("the carrier confirms it"))),
        ["noted", "operator: done"]
    );
    assert_eq!(words(&stage.command("operator", &note("the carrier confirms it"))), ["operator: repeated"]);
    staff_refund(&mut stage);
    assert_eq!(words(&stage.command("operator", &note("also after the end"))), ["noted", "operator: done"]);
    for text in [String::new(), "x".repeat(501)] {
        let body = CaseNote { text, ..note("") };
        assert_eq!(words(&stage.command("operator", &body)), ["operator: refused bad_text"]);
    }
    for at in 2..100 {
        stage.command("operator", &note(&format!("note {at}")));
    }
    assert_eq!(words(&stage.command("operator", &note("one more"))), ["operator: refused too_many_notes"]);
    let Some(CaseState::Ended(ended)) = case(&stage, 1) else { panic!("ended") };
    assert_eq!((ended.file.notes.len(), &ended.file.notes[0].user), (100, &user()));
}

#[test]
fn the_warehouse_scans_in_what_was_sent_and_only_once() {
    let mut stage = stage();
    let unknown = ["warehouse: refused unknown_shipment"];
    assert_eq!(words(&scan_in(&mut stage)), unknown);
    accept(&mut stage);
    no_such_number(&mut stage);
    assert_eq!(words(&scan_in(&mut stage)), unknown, "not dispatched yet");
    dispatch(&mut stage);
    assert_eq!(words(&scan_in(&mut stage)), ["warehouse: done"]);
    assert_eq!(words(&scan_in(&mut stage)), ["warehouse: repeated"]);
    assert_eq!(words(&scan_in_damaged(&mut stage)), ["warehouse: refused already_received"]);
    assert_eq!(words(&stage.command("operator", &received(1, Condition::Restock))), ["operator: repeated"]);
}

#[test]
fn the_units_of_a_reship_come_from_the_shelf_so_those_that_came_back_go_there_once_or_not() {
    for (scan, told) in [
        (scan_in as Step, "received restock"),
        (scan_in_damaged, "received damaged"),
        (scan_in_wrong, "received wrong_item"),
    ] {
        let mut stage = dispatched_stage();
        for step in [no_such_number as Step, come_back, want_reship] {
            step(&mut stage);
        }
        assert_eq!(words(&scan(&mut stage)), [told, "warehouse: done"]);
        assert_eq!(words(&scan(&mut stage)), ["warehouse: repeated"]);
        assert_eq!(standing(&stage, 1), "reship");
    }
}

#[test]
fn a_typed_code_answers_as_well_as_the_link_and_both_only_once() {
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    let code = stage.ring.typed_code("case", parcel(1).as_str(), 1).unwrap().to_lowercase();
    let typed = CaseAnswer { token: Some(code), ..answer(&stage, 1, CaseWish::Refund, None) };
    assert_eq!(outcome(&stage.command("call-centre", &typed)), "call-centre: done");
    assert_eq!(words(&want_reship(&mut stage)), ["web-store: refused already_answered"]);
}

#[test]
fn what_staff_do_to_a_case_is_told_with_their_names() {
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    let mut said = stage.command("operator", &note("the carrier confirms it"));
    said.extend(stage.command("operator", &staff_answer(CaseWish::Refund, None)));
    let scan = CaseReceive { user: Some(user()), ..received(1, Condition::Restock) };
    said.extend(stage.command("operator", &scan));
    let told =
        ["noted", "operator: done", "answered", "operator: done", "received restock", "resolved refund"];
    assert_eq!(words(&said)[..6], told);
    for fact in said.iter().filter(|said| [Kind::CaseChanged, Kind::CaseReceived].contains(&said.kind)) {
        let body: serde_json::Value = serde_json::from_str(fact.event.data.get()).unwrap();
        assert_eq!(body["user"], "kim", "{body}");
    }
}

/// Of what a command gave, its answer.
fn outcome(said: &[Said]) -> String {
    words(said).into_iter().find(|word| word.contains(": ")).unwrap()
}
