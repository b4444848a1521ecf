//! Phone numbers in E.164, so that one number written in two ways is one key (R53). It must never show a
//! number in `Debug` output or in an error.

use crate::text::text_value;

/// A phone number as `+` and 8 to 15 digits (ITU-T E.164).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

impl Phone {
    /// Takes `+` and 8 to 15 digits, or a US number of 10 digits (11 with the leading 1), with spaces, dots,
    /// slashes, hyphens and parentheses between them.
    pub fn parse(text: &str) -> Result<Phone, PhoneError> {
        let text = text.trim();
        let (international, rest) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if text.len() > MAX_LENGTH || !rest.chars().all(|c| c.is_ascii_digit() || " ().-/".contains(c)) {
            return Err(PhoneError::Characters);
        }
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        if international {
            return Phone::international(&digits);
        }
        match (digits.len(), digits.starts_with('1')) {
            (10, _) => Ok(Phone(format!("+1{digits}"))),
            (11, true) => Ok(Phone(format!("+{digits}"))),
            _ => Err(PhoneError::NationalLength),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn international(digits: &str) -> Result<Phone, PhoneError> {
        if digits.starts_with('0') {
            return Err(PhoneError::CountryCode);
        }
        // Country code 1 has a closed numbering plan: anything but ten digits after it is a slip of the pen.
        if digits.starts_with('1') && digits.len() != 11 {
            return Err(PhoneError::NationalLength);
        }
        if !(8..=15).contains(&digits.len()) {
            return Err(PhoneError::InternationalLength);
        }
        Ok(Phone(format!("+{digits}")))
    }
}

/// Why a text is not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("a phone number may only have digits, a leading +, and up to 32 characters with its separators")]
    Characters,
    #[error("a US phone number has ten digits; any other starts with + and its country code")]
    NationalLength,
    #[error("an international phone number has 8 to 15 digits")]
    InternationalLength,
    #[error("no country code starts with 0")]
    CountryCode,
}

text_value!(personal Phone, PhoneError, |phone| phone.as_str().into(), {
    "type": "string",
    "pattern": "^\\+?[0-9 ().\\-/]{8,31}$",
    "description": "E.164 (+18008726468), or a US number of ten digits",
});

/// Bytes of input, separators included.
const MAX_LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_written_in_many_ways_is_one_number() {
        for text in [
            "(800) 872-6468",
            "+1 800 872 6468",
            "800.872.6468",
            "8008726468",
            "1-800-872-6468",
            " +18008726468 ",
            "1/800/872/6468",
        ] {
            assert_eq!(Phone::parse(text).unwrap().as_str(), "+18008726468", "{text}");
        }
    }

    #[test]
    fn numbers_of_other_countries_keep_their_code() {
        for (text, expected) in [
            ("+44 20 7946 0018", "+442079460018"),
            ("+49 (30) 901820", "+4930901820"),
            ("+12345678901", "+12345678901"),
            ("+299 32 10 00", "+299321000"),
            ("+999999999999999", "+999999999999999"),
        ] {
            assert_eq!(Phone::parse(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_phone_number_is_refused() {
        for (text, error) in [
            ("", PhoneError::NationalLength),
            ("872-6468", PhoneError::NationalLength),
            ("28008726468", PhoneError::NationalLength),
            ("+1 800 872 646", PhoneError::NationalLength),
            ("+4420794", PhoneError::InternationalLength),
            ("+4420794600181234", PhoneError::InternationalLength),
            ("+0 800 872 6468", PhoneError::CountryCode),
            ("800-USA-MINT", PhoneError::Characters),
            ("800+8726468", PhoneError::Characters),
            ("800 872 6468\n+1", PhoneError::Characters),
            ("٨٠٠٨٧٢٦٤٦٨", PhoneError::Characters),
            ("8   0   0   8   7   2   6   4   6   8", PhoneError::Characters),
        ] {
            assert_eq!(Phone::parse(text).err(), Some(error), "{text}");
        }
    }
}
