//! The tokens of mails: who, a number, and a keyed proof of both, as one text that says nothing to anybody else. It
//! never says whether a subscriber exists.

use messages::sealed::{Fingerprint, Keyring, SealError};
use messages::subscriber::Topic;

use crate::store::fingerprint;

/// Characters of a fingerprint and of a proof: 128 bits in base64.
const PART_LENGTH: usize = 22;

/// What a token is good for; one of another purpose does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Confirming; the number is that of the mail that asked.
    Subscribe,
    /// Unsubscribing, for ever; the number is the topic's.
    Unsubscribe,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// A token as it stands in a link: `<subscriber>.<number>.<proof>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub subscriber: Fingerprint,
    pub number: u16,
    proof: String,
}

impl Token {
    /// Reads a text of this form; whether it is a true one is [`Token::fits`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (Some(subscriber), Some(number), Some(proof), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let is_number = number.len() <= 5 && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_part(subscriber) || !is_part(proof) || !is_number {
            return None;
        }
        let (subscriber, number) = (fingerprint(subscriber)?, number.parse().ok()?);
        Some(Self { subscriber, number, proof: proof.to_owned() })
    }

    /// # Errors
    /// This process holds no token key.
    pub fn fits(&self, ring: &Keyring, purpose: Purpose) -> Result<bool, SealError> {
        ring.token_fits(purpose.name(), self.subscriber.as_str(), self.number, &self.proof)
    }

    /// # Errors
    /// This process holds no token key.
    pub fn make(
        ring: &Keyring,
        purpose: Purpose,
        subscriber: &Fingerprint,
        number: u16,
    ) -> Result<Self, SealError> {
        let proof = ring.token(purpose.name(), subscriber.as_str(), number)?;
        Ok(Self { subscriber: subscriber.clone(), number, proof })
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.subscriber.as_str(), self.number, self.proof)
    }
}

fn is_part(text: &str) -> bool {
    text.len() == PART_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The number of a topic in tokens. It stands in mails that are years old, so it never changes.
#[must_use]
pub const fn topic_number(topic: Topic) -> u16 {
    match topic {
        Topic::NumismaticProducts => 1,
        Topic::CirculatingCoins => 2,
        Topic::Activities => 3,
    }
}

/// The topic of that number.
#[must_use]
pub fn topic_of(number: u16) -> Option<Topic> {
    Topic::ALL.into_iter().find(|topic| topic_number(*topic) == number)
}

#[cfg(test)]
mod tests {
    use messages::sealed::Trait;

    use super::*;

    #[test]
    fn a_token_fits_its_subscriber_number_and_purpose_only() {
        let mut ring = Keyring::default();
        ring.init(&[], time::macros::datetime!(2026-11-24 12:00 UTC)).unwrap();
        let [pat, kim] = ["pat@example.com", "kim@example.com"]
            .map(|email| ring.fingerprint(Trait::Email, email).unwrap());
        let token = Token::make(&ring, Purpose::Subscribe, &pat, 2).unwrap();
        let read = Token::parse(&token.to_string()).unwrap();
        assert_eq!(read, token);
        assert!(read.fits(&ring, Purpose::Subscribe).unwrap());
        assert!(!read.fits(&ring, Purpose::Unsubscribe).unwrap());
        assert!(!Token { number: 3, ..token.clone() }.fits(&ring, Purpose::Subscribe).unwrap());
        assert!(!Token { subscriber: kim, ..token }.fits(&ring, Purpose::Subscribe).unwrap());
    }

    #[test]
    fn what_has_another_form_is_no_token() {
        let part = "AAAAAAAAAAAAAAAAAAAAA-";
        assert!(Token::parse(&format!("{part}.1.{part}")).is_some());
        for text in ["", "..", "a.1.b", &format!("{part}.1"), &format!("{part}.x.{part}")] {
            assert_eq!(Token::parse(text), None, "{text}");
        }
        for number in ["99999", "", "+1", "000001"] {
            assert_eq!(Token::parse(&format!("{part}.{number}.{part}")), None, "{number}");
        }
        assert_eq!(Token::parse(&format!("{part}.1.{part}.")), None);
        assert_eq!(Token::parse(&format!("{}<.1.{part}", &part[1..])), None);
    }

    #[test]
    fn every_topic_has_a_number_of_its_own() {
        for topic in Topic::ALL {
            assert_eq!(topic_of(topic_number(topic)), Some(topic));
        }
        assert_eq!(topic_of(0), None);
    }
}
