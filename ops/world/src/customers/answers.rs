//! What customers answer when they are asked about a parcel that did not arrive: some want it sent again, some their
//! money back, some answer the second question only, and some never.

use std::collections::HashMap;

use messages::case::{CaseAnswer, CaseWish};
use messages::id::{Reference, ShipmentId, derived_id};
use messages::order::SubmittedAddress;
use messages::{Event, Timestamp};

use super::post::Mail;
use crate::line::event;
use crate::store::Seller;

/// What one customer is like. They come in turn, so that a few questions show all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Temper {
    Reship,
    Refund,
    /// Answers the second question only.
    Late,
    Silent,
}

const TEMPERS: [Temper; 5] = [Temper::Reship, Temper::Refund, Temper::Reship, Temper::Silent, Temper::Late];

/// Those who were asked.
#[derive(Debug, Default)]
pub struct Customers {
    asked: HashMap<ShipmentId, Temper>,
}

impl Customers {
    /// The mails that a customer answers.
    pub const KINDS: [&'static str; 2] = ["question", "reminder"];

    /// What the store publishes for the customer, if the customer answers.
    pub fn answer(&mut self, mail: &Mail, at: Timestamp) -> Option<Event> {
        let case = ShipmentId::parse(mail.after("/answer?case=")?).ok()?;
        let token = mail.after("&t=")?.to_owned();
        let next = TEMPERS[self.asked.len() % TEMPERS.len()];
        let temper = *self.asked.entry(case.clone()).or_insert(next);
        let wish = match (temper, mail.kind.as_str()) {
            (Temper::Reship, "question") => CaseWish::Reship,
            (Temper::Refund, "question") | (Temper::Late, "reminder") => CaseWish::Refund,
            _ => return None,
        };
        let store = Seller::WebStore.name();
        let body = CaseAnswer {
            reference: Reference::parse(&format!("answer.{case}")).ok()?,
            case: case.clone(),
            token: Some(token),
            user: None,
            wish,
            address: (wish == CaseWish::Reship).then(corrected),
        };
        let id = derived_id(at.0, &[b"answer", case.as_str().as_bytes()]).to_string();
        Some(event(store, id, at, case.as_str(), &body))
    }

    /// Parcels about which somebody was asked by mail.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.len()
    }
}

/// Where it really goes. Nobody lives there.
fn corrected() -> SubmittedAddress {
    SubmittedAddress {
        line1: "151 North Independence Mall East".to_owned(),
        line2: None,
        city: "Philadelphia".to_owned(),
        state: Some("PA".to_owned()),
        postal_code: "19106".to_owned(),
        country: "US".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use messages::envelope::read_body;
    use messages::id::{OrderNumber, ReleaseId};

    use super::super::post::tests_mail as mail;
    use super::*;

    #[test]
    fn of_five_customers_two_want_it_again_two_their_money_and_one_is_silent() {
        let mut customers = Customers::default();
        let mut wishes = Vec::new();
        for bits in 0..5 {
            let case = ShipmentId::of(&ReleaseId::of(&OrderNumber::from_bits(bits), 1), 1);
            for kind in Customers::KINDS {
                let text = format!("Answer: https://store/answer?case={case}&t=abc\n");
                let answer = customers.answer(&mail(kind, "pat@example.com", &text), at());
                wishes.extend(answer.map(|event| {
                    let body: CaseAnswer = read_body(&event.data).unwrap();
                    assert_eq!((body.token.as_deref(), &body.case), (Some("abc"), &case));
                    assert_eq!(body.address.is_some(), body.wish == CaseWish::Reship);
                    (kind, body.wish)
                }));
            }
        }
        let (again, money) = (CaseWish::Reship, CaseWish::Refund);
        let question = |wish| ("question", wish);
        assert_eq!(wishes, [question(again), question(money), question(again), ("reminder", money)]);
        assert_eq!(customers.asked(), 5);
    }

    #[test]
    fn nobody_answers_what_is_no_question() {
        assert!(Customers::default().answer(&mail("question", "pat@example.com", "Hello."), at()).is_none());
    }

    fn at() -> Timestamp {
        Timestamp::parse("2026-11-24T08:00:00Z").unwrap()
    }
}
