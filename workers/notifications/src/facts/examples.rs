//! One example of each kind of facts, for the tests of words, mails and tries.

use messages::Body as _;
use messages::id::Reference;
use messages::order::OrderAccepted;
use messages::payment::{PaymentDeclined, PaymentRefunded};
use messages::sealed::{Keyring, Sealed, Section};
use messages::shipment::ShipmentDispatched;
use messages::stock::StockUnavailable;

use super::*;
use crate::mail::{AnswerCode, Page};
use crate::read::Mail;

pub(crate) fn order() -> messages::id::OrderNumber {
    OrderAccepted::sample().order
}

pub(crate) fn reference() -> Reference {
    OrderAccepted::sample().reference
}

pub(crate) fn at() -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
}

fn placed() -> Placed {
    let body = OrderAccepted::sample();
    Placed::of(body.lines, body.total, body.currency)
}

fn parcel() -> Parcel {
    ShipmentDispatched::sample().into()
}

/// One of each kind, whole.
pub(crate) fn all() -> Vec<Facts> {
    let some = || items(ShipmentDispatched::sample().lines);
    let release = PaymentDeclined::sample().release;
    let delivered = Timestamp::parse("2026-11-27T15:04:00Z").unwrap();
    vec![
        Facts::Received(placed()),
        Facts::Held(placed()),
        Facts::Refused { code: "too_early".to_owned() },
        Facts::Confirmed(some()),
        Facts::Limited(some()),
        Facts::Unavailable(missing_items(StockUnavailable::sample().lines)),
        Facts::Backordered { items: some(), expected_at: Some(delivered) },
        Facts::Waitlisted(some()),
        Facts::PaymentDelayed { release: release.clone(), order: Some(placed()) },
        Facts::PaymentDeclined { release, class: DeclineClass::Never, order: Some(placed()) },
        Facts::Shipped(parcel()),
        Facts::Delivered { at: delivered, parcel: Some(parcel()) },
        Facts::Undeliverable { parcel: Some(parcel()) },
        Facts::Returned { parcel: Some(parcel()) },
        Facts::Cancelled { handed_over: 1 },
        asked(1, CaseClass::AddressFault),
        asked(2, CaseClass::AddressFault),
        Facts::Reshipped { parcel: Some(parcel()) },
        refunded(),
    ]
}

pub(crate) fn asked(contact: u8, class: CaseClass) -> Facts {
    let answer_by = Timestamp::parse("2026-12-24T15:04:00Z").unwrap();
    Facts::Asked { contact, class, answer_by, parcel: Some(parcel()) }
}

fn refunded() -> Facts {
    let PaymentRefunded { release, amount, currency, .. } = PaymentRefunded::sample();
    Facts::Refunded { release, amount, currency }
}

/// What a mail shows of the question that it asks.
pub(crate) fn answer_code() -> AnswerCode {
    AnswerCode {
        case: "Y6FN-9WSA-MH40-J.1.1".to_owned(),
        code: "7K2M9-QXT04".to_owned(),
        page: "https://mint.example/answer?case=Y6FN-9WSA-MH40-J.1.1&t=x7Jm2PqkT0aVb9LrNw3cSg".to_owned(),
    }
}

/// The page of a mail or a letter: a question comes with its code where it may.
pub(crate) fn page(facts: &Facts) -> Page {
    let code = matches!(facts, Facts::Asked { .. }).then(answer_code);
    Page::of(&order(), Some(&reference()), facts, None, code)
}

/// A mail to whoever `contact` names: the section's JSON, which need not be sound.
pub(crate) fn mail(ring: &Keyring, facts: Facts, contact: &serde_json::Value) -> Mail {
    let sealed: Sealed =
        ring.seal(Section::Contact, order().as_str(), 0, contact, at().0).expect("the ring has its keys");
    let message_id = format!("0123456789abcdef0123.{}.{}@mint.example", facts.kind().name(), order());
    Mail {
        order: order(),
        cause: "event-1".to_owned(),
        message_id,
        reference: Some(reference()),
        facts,
        contact: sealed,
    }
}

pub(crate) fn ring() -> Keyring {
    let mut ring = Keyring::default();
    ring.init(&[], at().0).expect("random bytes");
    ring
}
