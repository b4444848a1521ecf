//! The tables: what each message makes in each state, and what follows from each answer.

use messages::Body;
use messages::case::{CaseAsked, CaseResolved};
use messages::notice::NoticeKind::{self, *};
use messages::order::{OrderAccepted, OrderHeld, OrderRefused};
use messages::payment::{PaymentDeclined, PaymentDelayed, PaymentRefunded};
use messages::shipment::{ShipmentDelivered, ShipmentDispatched, ShipmentReturned, ShipmentUndeliverable};
use messages::stock::{StockBackordered, StockLimited, StockReserved, StockUnavailable, StockWaitlisted};
use shell::stage::{Said, Stage};

use super::*;
use crate::read::Answer;

mod bounces;
mod ends;

type Tell = fn(&mut Stage<Notifications>) -> Vec<Said>;

fn tell<B: Body>(stage: &mut Stage<Notifications>) -> Vec<Said> {
    stage.tell(&B::sample())
}

fn refused_in_silence(stage: &mut Stage<Notifications>) -> Vec<Said> {
    stage.tell(&OrderRefused { contact: None, ..OrderRefused::sample() })
}

const ACCEPTED: Tell = tell::<OrderAccepted>;
const HELD: Tell = tell::<OrderHeld>;
const REFUSED: Tell = tell::<OrderRefused>;
const IN_SILENCE: Tell = refused_in_silence;

#[test]
fn what_intake_says_makes_one_notice_of_where_the_order_stands() {
    let table: &[(&[Tell], Progress, &[NoticeKind])] = &[
        (&[ACCEPTED], Progress::Accepted, &[Received]),
        (&[HELD], Progress::Held, &[Held]),
        (&[REFUSED], Progress::Refused, &[Refused]),
        (&[ACCEPTED, ACCEPTED], Progress::Accepted, &[Received]),
        (&[ACCEPTED, REFUSED], Progress::Accepted, &[Received]),
        (&[ACCEPTED, IN_SILENCE], Progress::Accepted, &[Received]),
        (&[HELD, HELD], Progress::Held, &[Held]),
        (&[HELD, REFUSED], Progress::Refused, &[Held, Refused]),
        (&[HELD, IN_SILENCE], Progress::Held, &[Held]),
        (&[REFUSED, ACCEPTED], Progress::Refused, &[Refused]),
        (&[REFUSED, REFUSED], Progress::Refused, &[Refused]),
        (&[REFUSED, IN_SILENCE], Progress::Refused, &[Refused]),
    ];
    for (told, progress, notices) in table {
        let mut stage = stage();
        told.iter().for_each(|tell| assert!(tell(&mut stage).is_empty()));
        assert_eq!(order_row(&stage).progress, *progress);
        assert_eq!(kinds(&stage), *notices);
    }
    let mut silent = stage();
    assert!(IN_SILENCE(&mut silent).is_empty());
    assert!(silent.rows().is_empty() && silent.due().is_empty(), "there is nobody to tell");
}

/// The races: a hold and its end. Each order of the two has one outcome.
#[test]
fn a_hold_that_is_over_is_not_told() {
    for (told, notices) in [
        ([HELD, ACCEPTED], vec![Held]),
        ([ACCEPTED, HELD], vec![Received]),
        ([HELD, REFUSED], vec![Held, Refused]),
        ([REFUSED, HELD], vec![Refused]),
    ] {
        let mut stage = stage();
        told.iter().for_each(|tell| assert!(tell(&mut stage).is_empty()));
        assert_eq!(kinds(&stage), notices);
    }
}

#[test]
fn every_fact_makes_its_notice_once_its_partners_are_there() {
    let shipment = ShipmentDispatched::sample().shipment.to_string();
    let release = PaymentDeclined::sample().release.to_string();
    let table: [(Tell, NoticeKind, &str); 14] = [
        (tell::<StockReserved>, Confirmed, "event-1"),
        (tell::<StockLimited>, Limited, "event-1"),
        (tell::<StockUnavailable>, Unavailable, "event-1"),
        (tell::<StockBackordered>, Backordered, "event-1"),
        (tell::<StockWaitlisted>, Waitlisted, "event-1"),
        (tell::<PaymentDelayed>, PaymentDelayed, &release),
        (tell::<PaymentDeclined>, PaymentDeclined, &release),
        (tell::<ShipmentDispatched>, Shipped, &shipment),
        (tell::<ShipmentDelivered>, Delivered, &shipment),
        (tell::<ShipmentUndeliverable>, Undeliverable, &shipment),
        (tell::<ShipmentReturned>, Returned, &shipment),
        (tell::<CaseAsked>, Question, &shipment),
        (tell::<CaseResolved>, Reshipped, &shipment),
        (tell::<PaymentRefunded>, Refunded, "event-1"),
    ];
    for (fact, kind, cause) in table {
        let mut stage = stage();
        assert!(fact(&mut stage).is_empty());
        assert_eq!(kinds(&stage), [], "{kind:?} has nobody to go to yet");
        assert_eq!(order_row(&stage).waiting.len(), 1);
        ACCEPTED(&mut stage);
        let mut expected = vec![Received, kind];
        if matches!(kind, Delivered | Undeliverable | Returned | Question | Reshipped) {
            assert_eq!(kinds(&stage), [Received], "{kind:?} waits for its parcel");
            tell::<ShipmentDispatched>(&mut stage);
            expected.push(Shipped);
        }
        expected.sort();
        assert_eq!(kinds(&stage), expected);
        assert_eq!(order_row(&stage).waiting, []);
        let id = notice_id(&stage, kind);
        assert_eq!(id.cause, cause);
        assert!(stage.due().iter().any(|row| row.key == id.to_string() && row.kind == MAIL));
        let before = stage.rows();
        // The same business fact under a new id: only where the cause is not the event itself.
        if cause != "event-1" {
            assert!(fact(&mut stage).is_empty());
            assert_eq!(stage.rows(), before, "{kind:?} is told once");
        }
    }
}

#[test]
fn a_notice_carries_what_the_order_s_row_knows() {
    let mut stage = stage();
    ACCEPTED(&mut stage);
    tell::<ShipmentDispatched>(&mut stage);
    tell::<ShipmentDelivered>(&mut stage);
    tell::<PaymentDeclined>(&mut stage);
    let facts = |kind| notice(&stage, &notice_id(&stage, kind)).facts;
    assert!(matches!(facts(Delivered), Facts::Delivered { parcel: Some(_), .. }));
    assert!(matches!(facts(PaymentDeclined), Facts::PaymentDeclined { order: Some(_), .. }));
    let due = stage.due().into_iter().find(|row| row.key.contains("/delivered/")).unwrap();
    let mail: Mail = due.body().unwrap();
    assert_eq!(mail.contact, OrderAccepted::sample().contact);
    assert_eq!(mail.facts, facts(Delivered));
    assert_eq!((due.epoch, due.attempt, due.due_at), (0, 0, stage.now()));
}

#[test]
fn message_ids_are_made_of_the_notice_alone() {
    let ids = || {
        let mut stage = stage();
        ACCEPTED(&mut stage);
        tell::<ShipmentDispatched>(&mut stage);
        [Received, Shipped].map(|kind| notice(&stage, &notice_id(&stage, kind)).message_id)
    };
    let [received, shipped] = ids();
    assert_eq!(ids(), [received.clone(), shipped.clone()]);
    let order = OrderAccepted::sample().order;
    assert!(received.ends_with(&format!(".received.{order}@mint.example")), "{received}");
    assert_ne!(received.split('.').next(), shipped.split('.').next());
    assert_eq!(received.split('.').next().map(str::len), Some(MESSAGE_ID_DIGITS));
}

#[test]
fn each_answer_ends_a_notice_or_has_it_tried_again() {
    use Answer::*;
    use TaskKind::{Letter, MailFailed, MailUnclear};
    type End = (Status, Option<NoticeWay>, Option<TaskKind>);
    let table: &[(&[Answer], End)] = &[
        (&[Sent], (Status::Sent, Some(NoticeWay::Email), None)),
        (&[NoEmail], (Status::Letter, Some(NoticeWay::Letter), Some(Letter))),
        (&[Refused { code: 550 }], (Status::Failed, None, Some(MailFailed))),
        (&[Unsendable], (Status::Failed, None, Some(MailFailed))),
        (&[TryLater], (Status::Pending, None, None)),
        (&[TryLater, TryLater, Sent], (Status::Sent, Some(NoticeWay::Email), None)),
        (&[TryLater, Refused { code: 554 }], (Status::Failed, None, Some(MailFailed))),
        (&[PutOff], (Status::Pending, None, None)),
        (&[PutOff, PutOff, Sent], (Status::Sent, Some(NoticeWay::Email), None)),
        (&[Unclear], (Status::Pending, None, None)),
        (&[Unclear, Sent], (Status::Sent, Some(NoticeWay::Email), None)),
        (&[Unclear, TryLater], (Status::Pending, None, None)),
        (&[Unclear, Refused { code: 550 }], (Status::Failed, None, Some(MailFailed))),
        (&[Unclear, Unclear], (Status::Unclear, None, Some(MailUnclear))),
        (&[TryLater, Unclear, TryLater, Unclear], (Status::Unclear, None, Some(MailUnclear))),
    ];
    for (answers, (status, way, task)) in table {
        let mut stage = stage();
        ACCEPTED(&mut stage);
        let id = notice_id(&stage, Received);
        let first = notice(&stage, &id);
        let mut said = Vec::new();
        for answer in *answers {
            said.extend(stage.answer(MAIL, &id.to_string(), answer));
        }
        let end = notice(&stage, &id);
        assert_eq!(end.status, *status, "{answers:?}");
        assert_eq!(usize::from(end.unclear), answers.iter().filter(|&&answer| answer == Unclear).count());
        assert_eq!(end.message_id, first.message_id);
        let ways: Vec<NoticeWay> = said
            .iter()
            .filter(|said| said.kind == messages::Kind::NoticeSent)
            .map(|said| said.body::<NoticeSent>().way)
            .collect();
        assert_eq!(ways, way.iter().copied().collect::<Vec<_>>(), "{answers:?}");
        let tasks: Vec<(TaskKind, String)> = task.iter().map(|kind| (*kind, id.to_string())).collect();
        assert_eq!(stage.open_tasks(), tasks, "{answers:?}");
        let due = stage.due();
        assert_eq!(due.len(), usize::from(*status == Status::Pending), "{answers:?}");
        if let [row] = &due[..] {
            let mail: Mail = row.body().unwrap();
            assert_eq!(mail.message_id, first.message_id, "the same mail again");
            assert_eq!(usize::try_from(row.attempt).unwrap(), answers.len());
        }
    }
}

#[test]
fn the_customer_s_letter_is_told_and_names_order_kind_and_cause() {
    let mut stage = stage();
    ACCEPTED(&mut stage);
    let id = notice_id(&stage, Received);
    let said = stage.answer(MAIL, &id.to_string(), &Answer::NoEmail);
    let expected = NoticeSent {
        order: id.order.clone(),
        kind: Received,
        cause: id.cause.clone(),
        way: NoticeWay::Letter,
    };
    assert_eq!(said[0].body::<NoticeSent>(), expected);
    let task: messages::task::TaskOpened = said[1].body();
    assert_eq!((task.kind, task.key, task.order), (TaskKind::Letter, id.to_string(), Some(id.order)));
}

#[test]
fn tries_go_on_for_ever_at_longer_and_longer_intervals() {
    let mut stage = stage();
    ACCEPTED(&mut stage);
    let key = notice_id(&stage, Received).to_string();
    for seconds in [30, 120, 600, 3_600, 3_600, 3_600] {
        stage.answer(MAIL, &key, &Answer::TryLater);
        let next = stage.due()[0].due_at;
        assert_eq!(next.seconds_since(stage.now()), seconds);
        stage.set_now(next);
    }
}

/// A relay that is down may come back; a mailbox that is full for days is a person's business.
#[test]
fn a_notice_that_is_put_off_for_five_days_is_a_task() {
    let mut stage = stage();
    ACCEPTED(&mut stage);
    let id = notice_id(&stage, Received);
    let begun = stage.now();
    while let Some(next) = stage.due().first().map(|row| row.due_at) {
        stage.set_now(next);
        stage.answer(MAIL, &id.to_string(), &Answer::PutOff);
    }
    assert_eq!(notice(&stage, &id).status, Status::Failed);
    let days = stage.now().seconds_since(begun) / 86_400;
    assert_eq!(days, 5);
}

#[test]
fn an_answer_to_an_earlier_try_changes_nothing() {
    let mut stage = stage();
    ACCEPTED(&mut stage);
    let first = stage.due().swap_remove(0);
    stage.answer(MAIL, &first.key, &Answer::TryLater);
    let before = stage.rows();
    assert!(stage.answer_row(&first, &Answer::Sent).is_empty());
    assert_eq!(stage.rows(), before);
    assert_eq!(stage.due().len(), 1);
}

pub(super) fn stage() -> Stage<Notifications> {
    Stage::new(Notifications { mail_domain: "mint.example".to_owned() })
}

pub(super) fn order_row(stage: &Stage<Notifications>) -> Order {
    let rows = stage.rows();
    let row = rows.get(&Key::Order(OrderAccepted::sample().order));
    let Some(State::Order(row)) = row else { panic!("the order has a row") };
    row.clone()
}

/// The notices that were made.
pub(super) fn notices(stage: &Stage<Notifications>) -> Vec<(NoticeId, Notice)> {
    stage
        .rows()
        .into_iter()
        .filter_map(|(key, state)| match (key, state) {
            (Key::Notice(id), State::Notice(Some(notice))) => Some((id, notice)),
            (_, State::Notice(_) | State::Order(_) | State::Address(_)) => None,
        })
        .collect()
}

pub(super) fn kinds(stage: &Stage<Notifications>) -> Vec<NoticeKind> {
    notices(stage).into_iter().map(|(id, _)| id.kind).collect()
}

pub(super) fn notice_id(stage: &Stage<Notifications>, kind: NoticeKind) -> NoticeId {
    notices(stage).into_iter().map(|(id, _)| id).find(|id| id.kind == kind).expect("the notice was made")
}

pub(super) fn notice(stage: &Stage<Notifications>, id: &NoticeId) -> Notice {
    notices(stage).into_iter().find(|(found, _)| found == id).expect("the notice was made").1
}
