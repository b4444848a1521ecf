//! A table per class: from the first scan to the end, each step with where the case stands then and what is said.

use messages::Kind;
use messages::case::{CaseClass, CaseEnd, CaseOpened, CaseResolved};
use messages::task::TaskKind;
use shell::stage::{Said, Stage};
use undelivered::Undelivered;

use crate::partners::*;

/// What happens, where the case stands then, what is said.
type Line = (Step, &'static str, &'static [&'static str]);

const DONE_AND_RESHIP: &[&str] = &["answered", "web-store: done", "resolved reship"];
const REFUND: &[&str] = &["resolved refund"];
const CLOSED: &[&str] = &["resolved closed"];
const SCAN_DONE: &[&str] = &["warehouse: done"];

#[test]
fn address_fault() {
    story(&[(no_such_number, "asked", &["opened address_fault", "asked 1"])]);
    story(&[(no_such_number, "asked", OPENED), (a_week, "asked", &["asked 2"]), (a_month, "refund", REFUND)]);
    // The customer answers before the parcel is back.
    story(&[
        (no_such_number, "asked", OPENED),
        (want_reship, "awaiting", &["answered", "web-store: done"]),
        (a_week, "awaiting", &[]),
        (come_back, "reship", &["resolved reship"]),
        (scan_in, "reship", &["received restock", "warehouse: done"]),
        (a_month, "reship", &[]),
    ]);
    story(&[
        (no_such_number, "asked", OPENED),
        (want_reship, "awaiting", &["answered", "web-store: done"]),
        (a_month, "refund", REFUND),
        (scan_in, "refund", &["received restock", "warehouse: done"]),
    ]);
    // The parcel is back first; good units wait for the answer.
    story(&[
        (no_such_number, "asked", OPENED),
        (come_back, "asked", &[]),
        (scan_in, "asked", SCAN_DONE),
        // Back to the shelf before the reship takes units from it.
        (want_reship, "reship", &["answered", "web-store: done", "received restock", "resolved reship"]),
    ]);
    story(&[
        (no_such_number, "asked", OPENED),
        (scan_in, "asked", SCAN_DONE),
        (want_refund, "refund", &["answered", "web-store: done", "received restock", "resolved refund"]),
    ]);
    story(&[
        (no_such_number, "asked", OPENED),
        (scan_in, "asked", SCAN_DONE),
        (a_month, "refund", &["asked 2", "received restock", "resolved refund"]),
    ]);
    // What came back cannot be sent again.
    story(&[
        (no_such_number, "asked", OPENED),
        (want_reship, "awaiting", &["answered", "web-store: done"]),
        (scan_in_damaged, "refund", &["received damaged", "resolved refund", "warehouse: done"]),
    ]);
    story(&[
        (no_such_number, "asked", OPENED),
        (scan_in_wrong, "person", &["received wrong_item", "warehouse: done", "task.opened"]),
        (staff_reship, "person", &["operator: refused cannot_be_sent_again"]),
        (a_month, "person", &[]),
        (staff_close, "closed", &["operator: done", "resolved closed", "task.closed"]),
    ]);
}

const OPENED: &[&str] = &["opened address_fault", "asked 1"];

#[test]
fn person_moved() {
    let moved: Step = |stage| stage.tell(&undeliverable(1, Some("25"), Some("UTF")));
    let same_address: Step = |stage| {
        let body = answer(stage, 1, messages::case::CaseWish::Reship, None);
        stage.command("web-store", &body)
    };
    let opened: &[&str] = &["opened person_moved", "asked 1"];
    story(&[(moved, "asked", opened), (come_back, "asked", &[]), (same_address, "reship", DONE_AND_RESHIP)]);
    story(&[
        (come_back, "asked", opened),
        (want_refund, "refund", &["answered", "web-store: done", "resolved refund"]),
    ]);
    story(&[(moved, "asked", opened), (deliver, "closed", CLOSED), (a_month, "closed", &[])]);
}

#[test]
fn refused_or_unclaimed() {
    let refused: Step = |stage| stage.tell(&undeliverable(1, Some("04"), None));
    let unclaimed: Step = |stage| stage.tell(&returned(1, Some("UNC")));
    let opened: &[&str] = &["opened refused_or_unclaimed"];
    story(&[
        (refused, "awaiting", opened),
        (want_refund, "awaiting", &["web-store: refused not_asked"]),
        (come_back, "refund", REFUND),
        (scan_in, "refund", &["received restock", "warehouse: done"]),
    ]);
    story(&[
        (refused, "awaiting", opened),
        (scan_in, "refund", &["received restock", "resolved refund", "warehouse: done"]),
    ]);
    story(&[(refused, "awaiting", opened), (a_month, "refund", REFUND)]);
    story(&[(refused, "awaiting", opened), (deliver, "closed", CLOSED)]);
    story(&[(unclaimed, "refund", &["opened refused_or_unclaimed", "resolved refund"])]);
}

#[test]
fn suspicious() {
    let vacant: Step = |stage| stage.tell(&undeliverable(1, Some("26"), Some("VAC")));
    let opened: &[&str] = &["opened suspicious", "address.flagged", "task.opened"];
    story(&[
        (vacant, "person", opened),
        (want_refund, "person", &["web-store: refused not_asked"]),
        (come_back, "person", &[]),
        (a_month, "person", &[]),
        (scan_in, "person", SCAN_DONE),
        (staff_refund, "refund", &["operator: done", "received restock", "resolved refund", "task.closed"]),
    ]);
    story(&[(vacant, "person", opened), (staff_reship, "person", &["operator: refused not_back"])]);
    story(&[(vacant, "person", opened), (deliver, "closed", &["resolved closed", "task.closed"])]);
}

#[test]
fn deceased_is_never_asked() {
    let opened: &[&str] = &["opened deceased", "task.opened"];
    story(&[
        (deceased, "person", opened),
        (a_month, "person", &[]),
        (want_reship, "person", &["web-store: refused not_asked"]),
        (come_back, "person", &[]),
        (staff_refund, "refund", &["operator: done", "resolved refund", "task.closed"]),
    ]);
    let learned: &[&str] = &["now deceased", "task.opened"];
    // Heard later, it stops the mail whatever stood before, and no timer is left.
    story(&[
        (no_such_number, "asked", OPENED),
        (deceased, "person", learned),
        (a_month, "person", &[]),
        (come_back, "person", &[]),
    ]);
    story(&[
        (no_such_number, "asked", OPENED),
        (want_reship, "awaiting", &["answered", "web-store: done"]),
        (deceased, "person", learned),
    ]);
    story(&[
        (silence, "asked", &["opened lost", "asked 1"]),
        (want_refund, "refund", &["answered", "web-store: done", "resolved refund"]),
        (deceased, "refund", learned),
        (deceased, "refund", &[]),
    ]);
}

#[test]
fn damaged() {
    let damaged: Step = |stage| stage.tell(&undeliverable(1, None, Some("DMG")));
    story(&[
        (damaged, "refund", &["opened damaged", "resolved refund"]),
        (scan_in_damaged, "refund", &["received damaged", "warehouse: done"]),
        (scan_in_damaged, "refund", &["warehouse: repeated"]),
        (scan_in, "refund", &["warehouse: refused already_received"]),
    ]);
}

#[test]
fn lost_is_replaced_or_refunded_without_waiting() {
    let reship: Step = |stage| {
        let body = answer(stage, 1, messages::case::CaseWish::Reship, None);
        stage.command("web-store", &body)
    };
    let opened: &[&str] = &["opened lost", "asked 1"];
    story(&[
        (silence, "asked", opened),
        (reship, "reship", DONE_AND_RESHIP),
        (deliver, "reship", &[]),
        // It turns up: what replaced it came from the shelf, so these units go there.
        (scan_in, "reship", &["received restock", "warehouse: done"]),
    ]);
    story(&[
        (silence, "asked", opened),
        (want_refund, "refund", &["answered", "web-store: done", "resolved refund"]),
        (come_back, "refund", &[]),
    ]);
    story(&[(silence, "asked", opened), (deliver, "closed", CLOSED)]);
    story(&[(silence, "asked", opened), (a_month, "refund", &["asked 2", "resolved refund"])]);
    story(&[(silence, "asked", opened), (staff_reship, "reship", &["operator: done", "resolved reship"])]);
}

#[test]
fn the_end_of_a_lost_parcel_tells_whether_it_comes_back_after_all() {
    for comes_back in [false, true] {
        let mut stage = dispatched_stage();
        silence(&mut stage);
        if comes_back {
            come_back(&mut stage);
        }
        let said = staff_reship(&mut stage);
        let resolved = said.iter().find(|said| said.kind == Kind::CaseResolved).expect("it ends");
        let resolved: CaseResolved = resolved.body();
        assert_eq!((resolved.class, resolved.returned), (CaseClass::Lost, comes_back));
    }
}

#[test]
fn what_comes_back_in_silence_opens_and_ends() {
    story(&[(
        scan_in,
        "refund",
        &["opened refused_or_unclaimed", "received restock", "resolved refund", "warehouse: done"],
    )]);
    story(&[(
        scan_in_damaged,
        "refund",
        &["opened damaged", "received damaged", "resolved refund", "warehouse: done"],
    )]);
    story(&[(
        scan_in_wrong,
        "person",
        &["opened refused_or_unclaimed", "received wrong_item", "warehouse: done", "task.opened"],
    )]);
    // After a delivery somebody had it in hand.
    story(&[
        (deliver, "quiet", &[]),
        (
            scan_in_damaged,
            "person",
            &["opened damaged", "received damaged", "warehouse: done", "task.opened"],
        ),
    ]);
}

#[test]
fn a_case_that_was_closed_as_delivered_goes_on_if_the_parcel_comes_back() {
    story(&[
        (no_such_number, "asked", OPENED),
        (deliver, "closed", CLOSED),
        (come_back, "asked", &["resumed", "asked 2"]),
        (deliver, "asked", &[]),
        (a_month, "refund", REFUND),
    ]);
    story(&[
        (no_such_number, "asked", OPENED),
        (deliver, "closed", CLOSED),
        (scan_in, "refund", &["resumed", "received restock", "resolved refund", "warehouse: done"]),
    ]);
    story(&[
        (no_such_number, "asked", OPENED),
        (want_refund, "awaiting", &["answered", "web-store: done"]),
        (deliver, "closed", CLOSED),
        (come_back, "person", &["resumed", "task.opened"]),
    ]);
    // Who was asked twice is not asked a third time under the same name, which nobody would mail.
    story(&[
        (no_such_number, "asked", OPENED),
        (a_week, "asked", &["asked 2"]),
        (deliver, "closed", CLOSED),
        (come_back, "person", &["resumed", "task.opened"]),
        (a_month, "person", &[]),
    ]);
    // What staff closed stays closed.
    story(&[
        (no_such_number, "asked", OPENED),
        (staff_close, "closed", &["operator: done", "resolved closed"]),
        (come_back, "closed", &[]),
        (scan_in, "closed", &["received restock", "warehouse: done"]),
    ]);
    story(&[(deliver, "quiet", &[]), (no_such_number, "quiet", &[]), (come_back, "asked", OPENED)]);
}

#[test]
fn five_scans_open_one_case() {
    let mut stage = dispatched_stage();
    let mut said = Vec::new();
    for step in [no_such_number as Step, come_back, no_such_number, silence, come_back] {
        said.extend(step(&mut stage));
    }
    assert_eq!(words(&said), OPENED);
}

#[test]
fn what_is_seen_before_its_order_or_shipment_is_kept() {
    let facts: [Step; 3] = [accept, dispatch, no_such_number];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut stage = stage();
        let said: Vec<Vec<Said>> = order.iter().map(|&at| facts[at](&mut stage)).collect();
        assert!(said[0].is_empty() && said[1].is_empty(), "{order:?}");
        assert_eq!(words(&said[2]), OPENED, "{order:?}");
    }
}

#[test]
fn what_was_sent_again_is_a_case_of_its_own_and_only_refunded() {
    for (code, before, after) in
        [("21", "awaiting", "refund"), ("04", "awaiting", "refund"), ("28", "person", "person")]
    {
        let mut stage = reshipped();
        stage.tell(&undeliverable(2, Some(code), None));
        assert_eq!(standing(&stage, 2), before, "{code}");
        let said = stage.command("operator", &resolve(2, CaseEnd::Reship));
        assert_eq!(words(&said), ["operator: refused already_reshipped"]);
        stage.tell(&returned(2, None));
        assert_eq!((standing(&stage, 2), standing(&stage, 1)), (after, "reship"), "{code}");
    }
    let mut stage = reshipped();
    assert_eq!(words(&stage.tell(&lost(2))), ["opened lost", "resolved refund"]);
}

fn reshipped() -> Stage<Undelivered> {
    let mut stage = dispatched_stage();
    for step in [no_such_number as Step, come_back, want_reship] {
        step(&mut stage);
    }
    stage.tell(&dispatched(2));
    stage
}

#[test]
fn until_the_question_a_more_specific_reason_changes_the_class() {
    let refused: Step = |stage| stage.tell(&undeliverable(1, None, Some("REF")));
    let vacant: Step = |stage| stage.tell(&undeliverable(1, None, Some("VAC")));
    let hours: Step = |stage| {
        stage.set_now(stage.now().plus_seconds(4 * 3600));
        stage.fire(&[])
    };
    let later = Undelivered { ask_after_seconds: 4 * 3600, ..Undelivered::default() };
    #[rustfmt::skip]
    let table: &[(&[Line], &str)] = &[
        (&[(no_such_number, "opened", &["opened address_fault"]), (hours, "asked", &["asked 1"]), (a_week, "asked", &["asked 2"])], "address_fault"),
        (&[(no_such_number, "opened", &["opened address_fault"]), (refused, "awaiting", &["now refused_or_unclaimed"]), (a_month, "refund", REFUND)], "refused_or_unclaimed"),
        (&[(no_such_number, "opened", &["opened address_fault"]), (vacant, "person", &["now suspicious", "address.flagged", "task.opened"]), (hours, "person", &[])], "suspicious"),
        (&[(no_such_number, "opened", &["opened address_fault"]), (deceased, "person", &["now deceased", "task.opened"]), (hours, "person", &[])], "deceased"),
        (&[(silence, "opened", &["opened lost"]), (come_back, "opened", &["now person_moved"]), (hours, "asked", &["asked 1"])], "person_moved"),
        (&[(refused, "awaiting", &["opened refused_or_unclaimed"]), (no_such_number, "awaiting", &[])], "refused_or_unclaimed"),
        (&[(no_such_number, "opened", &["opened address_fault"]), (hours, "asked", &["asked 1"]), (vacant, "asked", &[])], "address_fault"),
        (&[(no_such_number, "opened", &["opened address_fault"]), (want_refund, "opened", &["web-store: refused token_does_not_fit"])], "address_fault"),
    ];
    for (story, class) in table {
        let mut stage = stage_of(later.clone());
        accept(&mut stage);
        dispatch(&mut stage);
        play(&mut stage, story);
        let row = serde_json::to_value(case(&stage, 1).unwrap()).unwrap();
        assert_eq!(row["file"]["class"], *class);
    }
}

#[test]
fn the_gift_flag_and_the_reason_go_with_the_case() {
    let mut stage = stage();
    accept(&mut stage);
    stage.tell(&messages::shipment::ShipmentDispatched { gift: true, ..dispatched(1) });
    let said = stage.tell(&undeliverable(1, Some("04"), Some("ref")));
    let opened: CaseOpened = said[0].body();
    assert!(opened.gift);
    assert_eq!(opened.reason.as_deref(), Some("REF"));
    let said = come_back(&mut stage);
    let resolved: CaseResolved = said[0].body();
    assert!(resolved.gift);
    assert_eq!((resolved.delivery, resolved.lines), (1, dispatched(1).lines));
    assert_eq!((resolved.user, resolved.address), (None, None));
}

#[test]
fn a_task_stays_for_the_person_who_decides() {
    let mut stage = dispatched_stage();
    deceased(&mut stage);
    assert_eq!(stage.open_tasks(), [(TaskKind::CaseDecision, parcel(1).to_string())]);
    let said = staff_refund(&mut stage);
    let closed: messages::task::TaskClosed = said.last().unwrap().body();
    assert_eq!((closed.user, closed.reason.as_str()), (user(), "agreed by telephone"));
    assert!(stage.open_tasks().is_empty(), "who has decided need not close the task as well");
}

fn story(lines: &[Line]) {
    play(&mut dispatched_stage(), lines);
}

fn play(stage: &mut Stage<Undelivered>, lines: &[Line]) {
    for (at, (step, then, said)) in lines.iter().enumerate() {
        let heard = words(&step(stage));
        assert_eq!(
            (standing(stage, 1), heard),
            (*then, said.iter().map(|&word| word.to_owned()).collect()),
            "line {at}"
        );
        if !matches!(*then, "opened" | "asked" | "awaiting") {
            assert!(stage.due().is_empty(), "no timer is left, line {at}");
        }
    }
}
