//! What a person is called, and what one writes on a gift card. It must never show either in `Debug` output
//! or in an error.

use crate::text::{LineProblem, is_invisible, one_line, text_value};

/// The name of a person or a firm on a parcel or a bill: one line of 1 to 80 characters with a letter in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonName(String);

impl PersonName {
    /// Trims, and collapses inner whitespace.
    pub fn parse(text: &str) -> Result<PersonName, PersonNameError> {
        let name = one_line(text, 80)?;
        if !name.chars().any(char::is_alphabetic) {
            return Err(PersonNameError::NoLetter);
        }
        Ok(PersonName(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonNameError {
    #[error("the name {0}")]
    Line(#[from] LineProblem),
    #[error("the name has no letter in it")]
    NoLetter,
}

text_value!(personal PersonName, PersonNameError, |name| name.as_str().into(), {
    "type": "string",
    "minLength": 1,
    "maxLength": 80,
});

/// The text that goes into the parcel of a gift: 1 to 200 characters, line breaks as `\n`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GiftMessage(String);

impl GiftMessage {
    /// Trims, and reads `\r\n` as one line break.
    pub fn parse(text: &str) -> Result<GiftMessage, GiftMessageError> {
        let message = text.trim().replace("\r\n", "\n");
        if message.is_empty() {
            return Err(GiftMessageError(LineProblem::Empty));
        }
        if message.chars().count() > 200 {
            return Err(GiftMessageError(LineProblem::TooLong { max: 200 }));
        }
        if message.chars().any(|c| c != '\n' && is_invisible(c)) {
            return Err(GiftMessageError(LineProblem::Control));
        }
        Ok(GiftMessage(message))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a gift message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gift message {0}")]
pub struct GiftMessageError(LineProblem);

text_value!(personal GiftMessage, GiftMessageError, |message| message.as_str().into(), {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_scripts_are_taken() {
        for (text, expected) in [
            ("Jane Roe", "Jane Roe"),
            ("  Jane   Q.  Roe, Jr. ", "Jane Q. Roe, Jr."),
            ("Zoë O’Neil", "Zoë O’Neil"),
            ("山田 太郎", "山田 太郎"),
            ("3M", "3M"),
        ] {
            assert_eq!(PersonName::parse(text).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(81);
        for (text, message) in [
            ("", "the name is empty"),
            ("12345", "the name has no letter in it"),
            ("4111 1111 1111 1111", "the name has no letter in it"),
            ("Jane\nRoe", "the name has a control or invisible formatting character"),
            ("Jane\u{0}Roe", "the name has a control or invisible formatting character"),
            (&long, "the name is longer than 80 characters"),
        ] {
            assert_eq!(PersonName::parse(text).err().unwrap().to_string(), message);
        }
        assert!(PersonName::parse(&"é".repeat(80)).is_ok());
    }

    #[test]
    fn a_gift_message_keeps_its_lines() {
        let message = GiftMessage::parse("  Happy birthday!\r\n\r\nLove,  Jane 🎁\n").unwrap();
        assert_eq!(message.as_str(), "Happy birthday!\n\nLove,  Jane 🎁");
    }

    #[test]
    fn what_is_no_gift_message_is_refused() {
        let long = "a".repeat(201);
        for (text, message) in [
            (" \n ", "the gift message is empty"),
            ("a\rb", "the gift message has a control or invisible formatting character"),
            ("a\tb", "the gift message has a control or invisible formatting character"),
            ("\u{202E}a", "the gift message has a control or invisible formatting character"),
            (&long, "the gift message is longer than 200 characters"),
        ] {
            assert_eq!(GiftMessage::parse(text).err().unwrap().to_string(), message);
        }
        assert!(GiftMessage::parse(&"é".repeat(200)).is_ok());
    }
}
