//! Payment card data that may be kept, and the finder of that which may not. It must never hold a card number
//! or a security code: a card is known here by the processor's token, its brand, its last four digits and its
//! expiry.

use std::borrow::Cow;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_value;

/// What stands in the place of a card number once it is removed.
pub const CARD_NUMBER_REMOVED: &str = "[card number removed]";

/// The place (in bytes) of the first payment card number that `text` has in clear: 13 to 19 digits, single
/// spaces or dashes between them or not, with an issuer's prefix and length and a right Luhn digit (ISO/IEC
/// 7812), that is no part of a longer run of digits. Tracking numbers can look the same, so the caller
/// chooses which fields to search.
pub fn find_card_number(text: &str) -> Option<Range<usize>> {
    let (groups, digits) = digit_groups(text);
    (0..groups.len()).find_map(|first| {
        // The longest reading goes first, so that what is removed takes all of the number with it.
        let last = linked(&groups, first)
            .rev()
            .find(|&last| is_card_number(&digits[groups[first].digits.start..groups[last].digits.end]))?;
        Some(groups[first].bytes.start..groups[last].bytes.end)
    })
}

/// The text with [`CARD_NUMBER_REMOVED`] in the place of every card number in clear.
pub fn redact_cards(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut redacted = String::new();
    while let Some(found) = find_card_number(rest) {
        redacted.push_str(&rest[..found.start]);
        redacted.push_str(CARD_NUMBER_REMOVED);
        rest = &rest[found.end..];
    }
    if redacted.is_empty() {
        return Cow::Borrowed(text);
    }
    redacted.push_str(rest);
    Cow::Owned(redacted)
}

/// The brand that the payment processor names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CardBrand {
    Visa,
    Mastercard,
    Amex,
    Discover,
    Diners,
    Jcb,
    UnionPay,
    Other,
}

/// The last four digits of a card: all of its number that a person may see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LastFour(String);

impl LastFour {
    pub fn parse(text: &str) -> Result<LastFour, LastFourError> {
        let fits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| LastFour(text.to_owned())).ok_or(LastFourError)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not the end of a card number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the last four of a card are four digits")]
pub struct LastFourError;

text_value!(public LastFour, LastFourError, |digits| digits.as_str().into(), {
    "type": "string",
    "pattern": "^[0-9]{4}$",
});

/// The last month in which a card is good, `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardExpiry {
    year: u16,
    month: u8,
}

impl CardExpiry {
    /// Takes `YYYY-MM` of the years 2000 to 2099.
    pub fn parse(text: &str) -> Result<CardExpiry, CardExpiryError> {
        let &[b'2', b'0', y1, y2, b'-', m1, m2] = text.as_bytes() else { return Err(CardExpiryError) };
        if ![y1, y2, m1, m2].iter().all(u8::is_ascii_digit) {
            return Err(CardExpiryError);
        }
        let two = |tens: u8, ones: u8| (tens - b'0') * 10 + (ones - b'0');
        let month = two(m1, m2);
        if !(1..=12).contains(&month) {
            return Err(CardExpiryError);
        }
        Ok(CardExpiry { year: 2000 + u16::from(two(y1, y2)), month })
    }

    pub fn year(self) -> u16 {
        self.year
    }

    /// 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }
}

/// The text is not the expiry of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the expiry of a card is a year from 2000 to 2099 and a month, as in 2029-01")]
pub struct CardExpiryError;

text_value!(public CardExpiry, CardExpiryError, |card| format!("{:04}-{:02}", card.year, card.month).into(), {
    "type": "string",
    "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])$",
});

/// What the payment processor gave in exchange for the card number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentToken(String);

impl PaymentToken {
    /// Takes 8 to 128 letters, digits, hyphens and underscores without a card number among them.
    pub fn parse(text: &str) -> Result<PaymentToken, PaymentTokenError> {
        let fits = (8..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits {
            return Err(PaymentTokenError::Characters);
        }
        if find_card_number(text).is_some() {
            return Err(PaymentTokenError::CardNumber);
        }
        Ok(PaymentToken(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a payment token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaymentTokenError {
    #[error("a payment token has 8 to 128 letters, digits, hyphens and underscores")]
    Characters,
    #[error("the payment token has a card number in clear")]
    CardNumber,
}

text_value!(personal PaymentToken, PaymentTokenError, |token| token.as_str().into(), {
    "type": "string",
    "pattern": "^[A-Za-z0-9_-]{8,128}$",
});

/// The digits of a card number at most (ISO/IEC 7812).
const MAX_DIGITS: usize = 19;

/// Digits that stand together.
struct Group {
    bytes: Range<usize>,
    digits: Range<usize>,
    /// Exactly one space or dash stands between the group before and this one.
    linked_to_previous: bool,
}

fn digit_groups(text: &str) -> (Vec<Group>, Vec<u8>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut digits = Vec::new();
    let mut separator_ends_at = None;
    for (at, c) in text.char_indices() {
        let next = at + c.len_utf8();
        if let Some(digit) = digit_value(c) {
            digits.push(digit);
            match groups.last_mut() {
                Some(group) if group.bytes.end == at => {
                    group.bytes.end = next;
                    group.digits.end = digits.len();
                }
                _ => groups.push(Group {
                    bytes: at..next,
                    digits: digits.len() - 1..digits.len(),
                    linked_to_previous: separator_ends_at == Some(at),
                }),
            }
        } else if is_separator(c) && groups.last().is_some_and(|group| group.bytes.end == at) {
            separator_ends_at = Some(next);
        }
    }
    (groups, digits)
}

/// Full-width digits too, since a phone's keyboard may give them.
fn digit_value(c: char) -> Option<u8> {
    let value = match c {
        '0'..='9' => c as u32 - '0' as u32,
        '\u{FF10}'..='\u{FF19}' => c as u32 - 0xFF10,
        _ => return None,
    };
    u8::try_from(value).ok()
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '\u{A0}' | '\u{202F}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// `first` and the groups linked after it, as far as a card number could reach.
fn linked(groups: &[Group], first: usize) -> Range<usize> {
    let start = groups[first].digits.start;
    let more = groups[first + 1..]
        .iter()
        .take_while(|group| group.linked_to_previous && group.digits.end - start <= MAX_DIGITS)
        .count();
    first..first + more + 1
}

fn is_card_number(digits: &[u8]) -> bool {
    (13..=MAX_DIGITS).contains(&digits.len()) && has_issuer(digits) && luhn(digits)
}

fn has_issuer(digits: &[u8]) -> bool {
    let length = digits.len();
    let prefix = digits[..4].iter().fold(0u32, |number, &digit| number * 10 + u32::from(digit));
    match prefix {
        2221..=2720 | 5100..=5599 => length == 16,
        3400..=3499 | 3700..=3799 => length == 15,
        3000..=3099 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&length),
        3500..=3599 | 6011 | 6200..=6299 | 6440..=6599 => (16..=19).contains(&length),
        4000..=4999 => matches!(length, 13 | 16 | 19),
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, digit) {
            (0, _) => u32::from(digit),
            (_, 0..=4) => u32::from(digit) * 2,
            (_, _) => u32::from(digit) * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn card_numbers_in_clear_are_found() {
        for number in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4222222222222",
            "4111–1111–1111–1111",
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4111111111111111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "30569309025904",
            "3530111333300000",
            "6200000000000005",
        ] {
            let text = format!("order 7: pay with {number}, please");
            let found = find_card_number(&text).map(|place| &text[place]);
            assert_eq!(found, Some(number));
        }
    }

    #[test]
    fn what_only_looks_like_a_card_number_is_left_alone() {
        for text in [
            "",
            "4111111111111112",
            "411111111111111",
            "1111111111111117",
            "9400111201080805483016",
            "94111111111111111111111111",
            "4111  1111  1111  1111",
            "41111111 and 11111111",
            "(800) 872-6468",
            "550e8400-e29b-41d4-a716-446655440000",
            "2026-07-22T14:05:33.123456789Z",
        ] {
            assert_eq!(find_card_number(text), None, "{text}");
            assert!(matches!(redact_cards(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn all_card_numbers_are_removed_and_the_rest_stays() {
        for (text, expected) in [
            ("4111111111111111", "[card number removed]"),
            (
                "a 4111 1111 1111 1111 b 378282246310005 c",
                "a [card number removed] b [card number removed] c",
            ),
            ("4111 1111 1111 1111 12/27", "[card number removed] 12/27"),
            ("12 4111 1111 1111 1111", "12 [card number removed]"),
            ("née 4111-1111-1111-1111 é", "née [card number removed] é"),
        ] {
            assert_eq!(redact_cards(text), expected);
        }
    }

    #[test]
    fn a_token_is_never_a_card_number() {
        for (text, expected) in [
            ("tok_1a2b3c4d", None),
            ("pm-0123456789abcdef", None),
            ("short", Some(PaymentTokenError::Characters)),
            ("has space", Some(PaymentTokenError::Characters)),
            ("4111111111111111", Some(PaymentTokenError::CardNumber)),
            ("tok_4111-1111-1111-1111", Some(PaymentTokenError::CardNumber)),
        ] {
            assert_eq!(PaymentToken::parse(text).err(), expected, "{text}");
        }
        assert!(PaymentToken::parse(&"a".repeat(129)).is_err());
    }

    #[test]
    fn an_expiry_is_a_month_of_this_century() {
        let expiry = CardExpiry::parse("2029-01").unwrap();
        assert_eq!((expiry.year(), expiry.month(), expiry.to_string()), (2029, 1, "2029-01".to_owned()));
        for text in ["2029-00", "2029-13", "1999-01", "29-01", "2029-1", "2029/01", "20२9-01", ""] {
            assert_eq!(CardExpiry::parse(text), Err(CardExpiryError), "{text}");
        }
        assert!(CardExpiry::parse("2029-12").unwrap() < CardExpiry::parse("2030-01").unwrap());
    }

    #[test]
    fn the_last_four_are_four_digits() {
        assert_eq!(LastFour::parse("0042").unwrap().as_str(), "0042");
        for text in ["42", "00420", "12a4", "१२३४", ""] {
            assert_eq!(LastFour::parse(text), Err(LastFourError), "{text}");
        }
    }

    #[test]
    fn brands_are_named_in_snake_case() {
        assert_eq!(serde_json::to_string(&CardBrand::UnionPay).unwrap(), "\"union_pay\"");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_finder_panic_and_nothing_is_left_to_find(text in "[4 0-9–\u{a0}a-]{0,80}|.*") {
            let redacted = redact_cards(&text);
            prop_assert_eq!(find_card_number(&redacted), None);
        }

        #[test]
        fn a_card_number_is_found_wherever_it_stands(
            before in "[^0-9０-９]{0,9}[a-z:]",
            after in "[a-z.,][^0-9０-９]{0,9}",
        ) {
            let text = format!("{before}4111-1111 11111111{after}");
            prop_assert_eq!(find_card_number(&text), Some(before.len()..before.len() + 18));
        }
    }
}
