//! Mails that came back.

use messages::answer::{CommandAnswered, Outcome};
use messages::bounce::{AddressSuppressed, MailBounced};
use messages::order::OrderAccepted;
use messages::sealed::{Fingerprint, Trait};
use messages::task::TaskKind::MailBounced as Task;
use shell::worker::Route;

use super::super::bounces::MISSED_MAX;
use super::*;
use crate::report::tests::postfix;

const ADDRESS: &str = "Pat@Example.com";

#[test]
fn a_notice_that_came_back_is_a_task_and_its_address_gets_letters_from_then_on() {
    let (mut stage, id) = office();
    stage.answer(MAIL, &id.to_string(), &Answer::Sent);
    let said = come_back(&mut stage, "5.1.1", &id);
    let suppressed = AddressSuppressed { email: fingerprint(&stage), status: "5.1.1".to_owned() };
    assert_eq!(told(&said), [suppressed]);
    assert_eq!(answered(&said), (Outcome::Done, None));
    assert_eq!(notice(&stage, &id).status, Status::Bounced);
    assert_eq!(stage.open_tasks(), [(Task, id.to_string())]);

    let rows = stage.rows();
    let again = come_back(&mut stage, "5.1.1", &id);
    assert_eq!((told(&again), answered(&again)), (Vec::new(), (Outcome::Repeated, None)));
    assert_eq!(stage.rows(), rows, "a report that comes again changes nothing");

    stage.tell(&StockReserved::sample());
    let letter = notice_id(&stage, Confirmed);
    assert_eq!(notice(&stage, &letter).status, Status::Letter);
    assert!(stage.open_tasks().contains(&(TaskKind::Letter, letter.to_string())));
    assert!(stage.due().is_empty());
}

#[test]
fn an_address_that_takes_no_mail_gets_letters_of_a_hold_and_of_a_refusal_too() {
    let (mut stage, id) = office();
    come_back(&mut stage, "5.1.1", &id);
    let (email, first) = (Some(fingerprint(&stage)), id.order);
    let (held, refused) = (OrderNumber::from_bits(1), Some(OrderNumber::from_bits(2)));
    stage.tell(&OrderHeld { order: held, email: email.clone(), ..OrderHeld::sample() });
    stage.tell(&OrderRefused { order: refused, email, ..OrderRefused::sample() });
    let others = stage.rows().into_iter().filter_map(|(key, state)| match (key, state) {
        (Key::Notice(id), State::Notice(notice)) if id.order != first => {
            Some((id.kind, notice.unwrap().status))
        }
        _ => None,
    });
    assert_eq!(
        others.collect::<Vec<_>>(),
        [(NoticeKind::Held, Status::Letter), (NoticeKind::Refused, Status::Letter)]
    );
}

#[test]
fn each_status_of_a_notice_takes_a_bounce_in_its_own_way() {
    let table: &[(&[Answer], Status, bool)] = &[
        (&[], Status::Bounced, true),
        (&[Answer::Unclear], Status::Bounced, true),
        (&[Answer::Unclear, Answer::Unclear], Status::Bounced, true),
        (&[Answer::Sent], Status::Bounced, true),
        (&[Answer::NoEmail], Status::Letter, false),
        (&[Answer::Refused { code: 550 }], Status::Failed, false),
    ];
    for (answers, status, is_task) in table {
        let (mut stage, id) = office();
        for answer in *answers {
            stage.answer(MAIL, &id.to_string(), answer);
        }
        come_back(&mut stage, "5.1.1", &id);
        assert_eq!(notice(&stage, &id).status, *status, "{answers:?}");
        assert_eq!(stage.open_tasks().contains(&(Task, id.to_string())), *is_task, "{answers:?}");
        assert!(stage.due().is_empty(), "no second copy of what came back");
    }
}

#[test]
fn an_address_that_did_not_take_mails_for_the_time_being_is_suppressed_after_five() {
    let mut stage = stage();
    let mail = |number: usize| format!("{number}.spring.campaign@mint.example");
    for number in 1..MISSED_MAX {
        for _ in 0..2 {
            assert_eq!(told(&bounce(&mut stage, "4.2.2", &mail(number))), [], "each mail counts once");
        }
    }
    let said = bounce(&mut stage, "4.4.7", &mail(MISSED_MAX));
    assert_eq!(told(&said)[0].status, "4.4.7");
    assert_eq!(told(&bounce(&mut stage, "4.2.2", &mail(9))), [], "told once");
    assert_eq!(told(&bounce(&mut stage, "5.1.1", &mail(10))), []);
    assert_eq!(stage.open_tasks(), [], "a campaign's mail is no notice");
}

#[test]
fn the_address_is_the_order_s_own_where_the_notice_is_ours() {
    let (mut stage, id) = office();
    let report = postfix("forwarded@elsewhere.example", "failed", "5.1.1", &message_id_of(&stage, &id));
    let said = send(&mut stage, report);
    assert_eq!(told(&said)[0].email, fingerprint(&stage));
}

#[test]
fn a_message_id_that_is_not_made_of_a_notice_is_no_notice_s() {
    let (mut stage, id) = office();
    let order = OrderAccepted::sample().order;
    for forged in [
        format!("0123456789abcdef0123.received.{order}@mint.example"),
        format!("{}.shipped.{order}@mint.example", digits(&id)),
        format!("{}.received@mint.example", digits(&id)),
        "x".to_owned(),
    ] {
        bounce(&mut stage, "4.2.2", &forged);
        assert_eq!(notice(&stage, &id).status, Status::Pending, "{forged}");
    }
    assert_eq!(stage.open_tasks(), []);
}

#[test]
fn what_is_no_failure_or_no_report_is_answered_and_changes_nothing() {
    let (mut stage, id) = office();
    let before = stage.rows();
    let id = message_id_of(&stage, &id);
    for (report, expected) in [
        (postfix(ADDRESS, "delayed", "4.4.1", &id), (Outcome::Done, None)),
        (postfix(ADDRESS, "failed", "none", &id), (Outcome::Refused, Some("no_status"))),
        (postfix("nobody", "failed", "5.1.1", &id), (Outcome::Refused, Some("no_recipient"))),
        ("Subject: away\n\nuntil Monday".to_owned(), (Outcome::Refused, Some("not_a_report"))),
        ("x".repeat(49_153), (Outcome::Refused, Some("report_too_long"))),
    ] {
        let said = send(&mut stage, report);
        let (outcome, code) = answered(&said);
        assert_eq!((outcome, code.as_deref()), expected);
    }
    assert_eq!(stage.rows(), before);
}

/// An accepted order of [`ADDRESS`], and its first notice.
fn office() -> (Stage<Notifications>, NoticeId) {
    let mut stage = stage();
    let email = Some(fingerprint(&stage));
    stage.tell(&OrderAccepted { email, ..OrderAccepted::sample() });
    let id = notice_id(&stage, Received);
    (stage, id)
}

fn fingerprint(stage: &Stage<Notifications>) -> Fingerprint {
    stage.ring.fingerprint(Trait::Email, &ADDRESS.to_ascii_lowercase()).unwrap()
}

fn message_id_of(stage: &Stage<Notifications>, id: &NoticeId) -> String {
    notice(stage, id).message_id
}

fn come_back(stage: &mut Stage<Notifications>, status: &str, id: &NoticeId) -> Vec<Said> {
    let message_id = message_id_of(stage, id);
    bounce(stage, status, &message_id)
}

fn bounce(stage: &mut Stage<Notifications>, status: &str, message_id: &str) -> Vec<Said> {
    send(stage, postfix(ADDRESS, "failed", status, message_id))
}

fn send(stage: &mut Stage<Notifications>, report: String) -> Vec<Said> {
    stage.command("mail-relay", &MailBounced { report, ..MailBounced::sample() })
}

fn told(said: &[Said]) -> Vec<AddressSuppressed> {
    said.iter().filter(|said| said.kind == messages::Kind::AddressSuppressed).map(Said::body).collect()
}

fn answered(said: &[Said]) -> (Outcome, Option<String>) {
    let answer = said.iter().find(|said| said.to == Route::Out("mail-relay".to_owned())).unwrap();
    let CommandAnswered { outcome, code, reference, .. } = answer.body();
    assert_eq!(reference.as_deref(), Some("BOUNCE-1"));
    (outcome, code)
}
