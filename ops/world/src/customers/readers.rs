//! Those who want mail from the Mint: each subscribes at the store, and then does what is in its nature. It is known of
//! each whether a campaign may reach it.

use std::collections::BTreeSet;

use messages::id::{Reference, derived_id};
use messages::subscriber::{ContactChannel, SubscriberConfirm, SubscriberSubmit, SubscriberWithdraw, Topic};
use messages::{Event, Timestamp};

use super::post::Mail;
use crate::line::event;
use crate::store::Seller;

/// The version of the consent text that the store shows.
const CONSENT_TEXT: &str = "2026-11";

/// What one subscriber does. They come in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// Confirms, and stays.
    Stays,
    /// Never presses the button of the mail that asks.
    NeverConfirms,
    /// Confirms, and tells the store before the campaign that it wants no more.
    Withdraws,
    /// Confirms another list.
    OtherList,
    /// Gets the campaign's mail and unsubscribes with one click (RFC 8058).
    OneClick,
    /// Its mail server takes every mail and hangs up without a word: nobody knows whether it came.
    Unclear,
}

/// The natures of twenty who subscribe one after the other; most stay.
const TURN: usize = 20;

/// Everybody who subscribes in one run.
#[derive(Debug)]
pub struct Readers {
    run: u64,
    count: usize,
    confirmed: BTreeSet<usize>,
    at: Timestamp,
}

impl Readers {
    /// The topic of the campaign.
    pub const TOPIC: Topic = Topic::NumismaticProducts;
    /// The mail that asks for the confirmation, and that of the campaign.
    pub const KINDS: [&'static str; 2] = ["confirm", "campaign"];

    #[must_use]
    pub fn new(run: u64, count: usize, at: Timestamp) -> Self {
        Self { run: run & 0xFFFF_FFFF, count, confirmed: BTreeSet::new(), at }
    }

    #[must_use]
    pub const fn nature(number: usize) -> Reader {
        match number % TURN {
            1 => Reader::NeverConfirms,
            3 | 13 => Reader::Withdraws,
            5 => Reader::OtherList,
            7 | 17 => Reader::OneClick,
            11 => Reader::Unclear,
            _ => Reader::Stays,
        }
    }

    /// How many are of one of these natures.
    #[must_use]
    pub fn of(&self, natures: &[Reader]) -> usize {
        (0..self.count).filter(|number| natures.contains(&Self::nature(*number))).count()
    }

    /// What the store publishes of everybody's form.
    #[must_use]
    pub fn submissions(&self) -> Vec<Event> {
        let submit = |number: usize| {
            let topic = match Self::nature(number) {
                Reader::OtherList => Topic::CirculatingCoins,
                Reader::Stays
                | Reader::NeverConfirms
                | Reader::Withdraws
                | Reader::OneClick
                | Reader::Unclear => Self::TOPIC,
            };
            let body = SubscriberSubmit {
                reference: self.reference("subscribe", number),
                email: self.email(number),
                name: None,
                topics: vec![topic],
                channels: vec![ContactChannel::Email],
                preferences: Vec::new(),
                consent_text: CONSENT_TEXT.to_owned(),
                consented_at: self.at,
            };
            self.event("subscribe", number, self.at, &body)
        };
        (0..self.count).map(submit).collect()
    }

    /// The button of the mail that asks, pressed once.
    pub fn confirm(&mut self, mail: &Mail, at: Timestamp) -> Option<Event> {
        let number = self.number(&mail.to)?;
        if Self::nature(number) == Reader::NeverConfirms || self.confirmed.contains(&number) {
            return None;
        }
        let body = SubscriberConfirm {
            reference: self.reference("confirm", number),
            token: mail.after("?t=")?.to_owned(),
        };
        self.confirmed.insert(number);
        Some(self.event("confirm", number, at, &body))
    }

    /// How many have pressed it.
    #[must_use]
    pub fn confirmed(&self) -> usize {
        self.confirmed.len()
    }

    /// What the store publishes of those who want no more.
    #[must_use]
    pub fn withdrawals(&self, at: Timestamp) -> Vec<Event> {
        let numbers = (0..self.count).filter(|number| Self::nature(*number) == Reader::Withdraws);
        let withdraw = |number: usize| {
            let body = SubscriberWithdraw {
                reference: self.reference("withdraw", number),
                token: None,
                email: Some(self.email(number)),
                topics: vec![Self::TOPIC],
                user: None,
            };
            self.event("withdraw", number, at, &body)
        };
        numbers.map(withdraw).collect()
    }

    /// The nature of whoever reads mail at this address.
    #[must_use]
    pub fn at(&self, address: &str) -> Option<Reader> {
        self.number(address).map(Self::nature)
    }

    fn email(&self, number: usize) -> String {
        // The mail sink hangs up on addresses that begin so.
        let prefix = if Self::nature(number) == Reader::Unclear { "drop" } else { "reader" };
        format!("{prefix}.{:x}.{number}@example.com", self.run)
    }

    fn number(&self, address: &str) -> Option<usize> {
        let number = address.strip_suffix("@example.com")?.rsplit('.').next()?.parse().ok()?;
        (number < self.count && self.email(number).eq_ignore_ascii_case(address)).then_some(number)
    }

    fn reference(&self, verb: &str, number: usize) -> Reference {
        let text = format!("{verb}.{:x}.{number:05}", self.run);
        Reference::parse(&text).expect("words and numbers, parted by dots")
    }

    fn event<B: messages::Body>(&self, verb: &str, number: usize, at: Timestamp, body: &B) -> Event {
        let parts = [verb.as_bytes(), &self.run.to_be_bytes(), &(number as u64).to_be_bytes()];
        let id = derived_id(at.0, &parts).to_string();
        event(Seller::WebStore.name(), id, at, &format!("reader.{number}"), body)
    }
}

#[cfg(test)]
mod tests {
    use messages::email::Email;
    use messages::envelope::read_body;

    use super::super::post::tests_mail as mail;
    use super::*;

    #[test]
    fn everybody_subscribes_once_with_an_address_of_its_own() {
        let readers = Readers::new(7, 100, at());
        let bodies: Vec<SubscriberSubmit> =
            readers.submissions().iter().map(|event| read_body(&event.data).unwrap()).collect();
        let emails: BTreeSet<&str> = bodies.iter().map(|body| body.email.as_str()).collect();
        assert_eq!(emails.len(), 100);
        assert!(emails.iter().all(|email| Email::parse(email).is_ok()));
        let others = bodies.iter().filter(|body| body.topics != [Readers::TOPIC]).count();
        assert_eq!(others, readers.of(&[Reader::OtherList]));
    }

    #[test]
    fn a_reader_confirms_once_and_some_never() {
        let mut readers = Readers::new(7, 40, at());
        let addresses: Vec<String> = (0..40).map(|number| readers.email(number)).collect();
        for address in addresses.iter().chain(&addresses) {
            let asked = mail("confirm", address, "Confirm: https://store/confirm?t=tok.en\n");
            if let Some(event) = readers.confirm(&asked, at()) {
                let body: SubscriberConfirm = read_body(&event.data).unwrap();
                assert_eq!(body.token, "tok.en");
            }
        }
        assert_eq!(readers.confirmed(), 40 - readers.of(&[Reader::NeverConfirms]));
        assert!(readers.confirm(&mail("confirm", "pat@example.com", "?t=x"), at()).is_none());
    }

    #[test]
    fn everybody_is_of_one_nature_and_withdrawals_are_of_those_who_withdraw() {
        let readers = Readers::new(7, 60, at());
        let all = [
            Reader::Stays,
            Reader::NeverConfirms,
            Reader::Withdraws,
            Reader::OtherList,
            Reader::OneClick,
            Reader::Unclear,
        ];
        assert_eq!(readers.of(&all), 60);
        assert!(all.iter().all(|nature| readers.of(&[*nature]) > 0));
        assert_eq!(readers.withdrawals(at()).len(), readers.of(&[Reader::Withdraws]));
        assert_eq!(readers.at(&readers.email(7)), Some(Reader::OneClick));
        assert_eq!(readers.at("somebody@example.com"), None);
    }

    fn at() -> Timestamp {
        Timestamp::parse("2026-11-24T08:00:00Z").unwrap()
    }
}
