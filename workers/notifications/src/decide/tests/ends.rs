//! Cancellations, cases and deaths: what is told of them, and what is told no more.

use messages::bounce::AddressSuppressed;
use messages::case::{CaseChange, CaseChanged, CaseClass, CaseEnd, CaseOpened};
use messages::id::{OrderNumber, ReleaseId};
use messages::order::OrderCancelled;

use super::*;

const CANCELLED: Tell = tell::<OrderCancelled>;
const RESERVED: Tell = tell::<StockReserved>;
const DECLINED: Tell = tell::<PaymentDeclined>;
const SHIPPED: Tell = tell::<ShipmentDispatched>;
const ASKED: Tell = tell::<CaseAsked>;
const RESHIP: Tell = tell::<CaseResolved>;
const DIED: Tell = died;

fn asked_again(stage: &mut Stage<Notifications>) -> Vec<Said> {
    stage.tell(&CaseAsked { contact: 2, ..CaseAsked::sample() })
}

fn closed(stage: &mut Stage<Notifications>) -> Vec<Said> {
    stage.tell(&CaseResolved { resolution: CaseEnd::Closed, ..CaseResolved::sample() })
}

fn refund(stage: &mut Stage<Notifications>) -> Vec<Said> {
    stage.tell(&CaseResolved { resolution: CaseEnd::Refund, ..CaseResolved::sample() })
}

fn died(stage: &mut Stage<Notifications>) -> Vec<Said> {
    stage.tell(&CaseOpened { class: CaseClass::Deceased, ..CaseOpened::sample() })
}

#[test]
fn a_death_that_is_learned_after_the_opening_of_a_case_stops_the_mail_as_well() {
    let mut stage = stage();
    ACCEPTED(&mut stage);
    let change = CaseChange::Reclassified { class: CaseClass::Deceased, reason: None };
    stage.tell(&CaseChanged { change, ..CaseChanged::sample() });
    assert!(stage.due().is_empty());
    assert!(notices(&stage).iter().all(|(_, notice)| notice.status == Status::Withheld));
}

/// The races: a cancellation and what came before it, a question and the end of its case. Each order has one outcome.
#[test]
fn what_a_cancellation_or_the_end_of_a_case_overtook_is_not_told() {
    let table: &[(&[Tell], &[NoticeKind])] = &[
        (&[ACCEPTED, CANCELLED], &[Received, Cancelled]),
        (&[CANCELLED, ACCEPTED], &[Cancelled]),
        (&[ACCEPTED, CANCELLED, CANCELLED], &[Received, Cancelled]),
        (&[HELD, CANCELLED], &[Held, Cancelled]),
        (&[CANCELLED, HELD], &[Cancelled]),
        (&[CANCELLED, REFUSED], &[Cancelled]),
        (&[ACCEPTED, RESERVED, CANCELLED], &[Received, Confirmed, Cancelled]),
        (&[ACCEPTED, CANCELLED, RESERVED], &[Received, Cancelled]),
        // Waiting facts are overtaken as well.
        (&[RESERVED, CANCELLED, ACCEPTED], &[Cancelled]),
        (&[ACCEPTED, DECLINED, CANCELLED], &[Received, PaymentDeclined, Cancelled]),
        (&[ACCEPTED, CANCELLED, DECLINED], &[Received, Cancelled]),
        (&[ACCEPTED, CANCELLED, SHIPPED], &[Received, Shipped, Cancelled]),
        (&[ACCEPTED, SHIPPED, ASKED], &[Received, Shipped, Question]),
        (&[ACCEPTED, SHIPPED, ASKED, asked_again, ASKED], &[Received, Shipped, Question, Reminder]),
        (&[ACCEPTED, SHIPPED, ASKED, RESHIP], &[Received, Shipped, Question, Reshipped]),
        (&[ACCEPTED, SHIPPED, RESHIP, ASKED], &[Received, Shipped, Reshipped]),
        (&[ACCEPTED, SHIPPED, refund, ASKED], &[Received, Shipped]),
        // A case that was closed may go on.
        (&[ACCEPTED, SHIPPED, closed, asked_again], &[Received, Shipped, Reminder]),
        (&[ACCEPTED, ASKED, refund, SHIPPED], &[Received, Shipped]),
    ];
    for (at, (told, notices)) in table.iter().enumerate() {
        let mut stage = stage();
        told.iter().for_each(|tell| assert!(tell(&mut stage).is_empty()));
        assert_eq!(kinds(&stage), *notices, "row {at}");
        assert_eq!(order_row(&stage).waiting, [], "row {at}");
    }
}

#[test]
fn a_cancellation_counts_what_was_handed_over() {
    let order = OrderAccepted::sample().order;
    for parts in 0..3 {
        let mut stage = stage();
        let handed_over = (1..=parts).map(|number| ReleaseId::of(&order, number)).collect();
        stage.tell(&OrderCancelled { handed_over, ..OrderCancelled::sample() });
        ACCEPTED(&mut stage);
        let facts = notice(&stage, &notice_id(&stage, Cancelled)).facts;
        assert_eq!(facts, Facts::Cancelled { handed_over: parts.into() });
    }
}

#[test]
fn somebody_s_death_stops_all_mail_about_the_order_in_whatever_order_it_comes() {
    let others = [ACCEPTED, RESERVED, SHIPPED];
    for before in 0..=others.len() {
        let mut stage = stage();
        others[..before].iter().for_each(|tell| assert!(tell(&mut stage).is_empty()));
        let mut said = DIED(&mut stage);
        for tell in &others[before..] {
            said.extend(tell(&mut stage));
        }
        said.extend(DIED(&mut stage));
        assert_eq!(kinds(&stage), [Received, Confirmed, Shipped]);
        assert!(notices(&stage).iter().all(|(_, notice)| notice.status == Status::Withheld), "{before}");
        assert!(stage.due().is_empty() && stage.open_tasks().is_empty());
        let email = OrderAccepted::sample().email.unwrap();
        let told: Vec<AddressSuppressed> = said.iter().map(Said::body).collect();
        assert_eq!(told, [AddressSuppressed { email, status: "deceased".to_owned() }], "told once");
    }
}

#[test]
fn somebody_s_death_stops_mail_of_other_orders_to_the_same_address_from_then_on() {
    let mut stage = stage();
    let other = |number| OrderAccepted { order: OrderNumber::from_bits(number), ..OrderAccepted::sample() };
    stage.tell(&other(1));
    ACCEPTED(&mut stage);
    DIED(&mut stage);
    stage.tell(&other(2));
    stage.tell(&OrderAccepted { email: None, ..other(3) });
    let status = |number| {
        let of = |id: &NoticeId| id.order == OrderNumber::from_bits(number);
        notices(&stage).into_iter().find(|(id, _)| of(id)).unwrap().1.status
    };
    assert_eq!([1, 2, 3].map(status), [Status::Pending, Status::Withheld, Status::Pending]);
}

#[test]
fn a_mail_that_was_under_way_when_it_should_have_stopped_is_told_and_never_tried_again() {
    for (answer, status) in [
        (Answer::Sent, Status::Sent),
        (Answer::TryLater, Status::Withheld),
        (Answer::Unclear, Status::Withheld),
        (Answer::NoEmail, Status::Withheld),
    ] {
        let mut stage = stage();
        ACCEPTED(&mut stage);
        let row = stage.due().swap_remove(0);
        DIED(&mut stage);
        let said = stage.answer_row(&row, &answer);
        assert_eq!(said.len(), usize::from(answer == Answer::Sent));
        assert_eq!(notice(&stage, &notice_id(&stage, Received)).status, status, "{answer:?}");
        assert!(stage.due().is_empty() && stage.open_tasks().is_empty());
    }
}

#[test]
fn a_try_that_failed_before_somebody_s_death_was_heard_of_elsewhere_is_the_last() {
    let mut stage = stage();
    let other = OrderAccepted { order: OrderNumber::from_bits(1), ..OrderAccepted::sample() };
    stage.tell(&other);
    ACCEPTED(&mut stage);
    DIED(&mut stage);
    let row = stage.due().swap_remove(0);
    stage.answer(MAIL, &row.key, &Answer::TryLater);
    assert!(stage.due().is_empty());
    assert!(notices(&stage).iter().all(|(_, notice)| notice.status == Status::Withheld));
}

#[test]
fn every_other_case_opens_in_silence_and_a_carrier_s_word_of_a_death_is_not_told() {
    let mut stage = stage();
    ACCEPTED(&mut stage);
    SHIPPED(&mut stage);
    for class in CaseClass::ALL.into_iter().filter(|class| *class != CaseClass::Deceased) {
        assert!(stage.tell(&CaseOpened { class, ..CaseOpened::sample() }).is_empty());
        let change = CaseChange::Reclassified { class, reason: None };
        assert!(stage.tell(&CaseChanged { change, ..CaseChanged::sample() }).is_empty());
    }
    for endorsement in ["DEC", " dec", "Deceased"] {
        let endorsement = Some(endorsement.to_owned());
        let of = endorsement.clone();
        stage.tell(&ShipmentUndeliverable { endorsement: of, ..ShipmentUndeliverable::sample() });
        stage.tell(&ShipmentReturned { endorsement, ..ShipmentReturned::sample() });
    }
    let code = Some("28".to_owned());
    stage.tell(&ShipmentUndeliverable { code, ..ShipmentUndeliverable::sample() });
    assert_eq!(kinds(&stage), [Received, Shipped]);
    assert!(!order_row(&stage).silent);
}
