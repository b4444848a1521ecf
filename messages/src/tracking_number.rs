//! Tracking numbers of the five carriers, told apart by shape and check digit. It must never say which
//! carrier has the parcel: one number may fit several, and only whoever shipped it knows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_value;

mod formats;

/// Who carries a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    Usps,
    Ups,
    Fedex,
    Dhl,
    /// A post of any country, by the number format that all share (UPU S10).
    Postal,
}

/// A number in the format of at least one [`Carrier`], its check digit right where the format has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackingNumber(String);

impl TrackingNumber {
    /// Takes spaces, hyphens and lower case as people type them, and drops them.
    pub fn parse(text: &str) -> Result<TrackingNumber, TrackingNumberError> {
        let number: String = text
            .chars()
            .filter(|&c| !c.is_whitespace() && c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        if !number.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(TrackingNumberError::UnknownFormat);
        }
        match formats::fits(&number).map(|(_, fit)| fit).max() {
            Some(formats::Fit::Yes) => Ok(TrackingNumber(number)),
            Some(formats::Fit::WrongCheckDigit) => Err(TrackingNumberError::CheckDigit),
            Some(formats::Fit::No) | None => Err(TrackingNumberError::UnknownFormat),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The carriers in whose format the number is: at least one, each once.
    pub fn carriers(&self) -> Vec<Carrier> {
        let mut carriers: Vec<Carrier> = formats::fits(&self.0)
            .filter(|(_, fit)| *fit == formats::Fit::Yes)
            .map(|(carrier, _)| carrier)
            .collect();
        carriers.dedup();
        carriers
    }
}

/// Why a text is not a tracking number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrackingNumberError {
    #[error("the tracking number is not in any carrier's format")]
    UnknownFormat,
    #[error("the check digit of the tracking number does not fit")]
    CheckDigit,
}

text_value!(public TrackingNumber, TrackingNumberError, |number| number.as_str().into(), {
    "type": "string",
    "pattern": "^[A-Za-z0-9 -]{10,}$",
    "maxLength": 128,
});

#[cfg(test)]
mod tests {
    use super::*;

    /// From jkeen/tracking_number_data (MIT; see `data/LICENSE-tracking_number_data`).
    const KNOWN_NUMBERS: &str = include_str!("../data/tracking-numbers.json");

    #[derive(Deserialize)]
    struct Known {
        numbers: Vec<KnownNumber>,
    }

    #[derive(Deserialize)]
    struct KnownNumber {
        courier: String,
        format: String,
        number: String,
        valid: bool,
    }

    #[test]
    fn every_known_number_is_judged_as_its_carrier_does() {
        let known: Known = serde_json::from_str(KNOWN_NUMBERS).unwrap();
        let mut checked = 0;
        for KnownNumber { courier, format, number, valid } in known.numbers {
            let Some(carrier) = carrier(&courier) else { continue };
            let candidates =
                TrackingNumber::parse(&number).map(|number| number.carriers()).unwrap_or_default();
            assert_eq!(candidates.contains(&carrier), valid, "{format}: {number} gives {candidates:?}");
            checked += 1;
        }
        assert!(checked >= 80, "only {checked} numbers are of the five carriers");
    }

    #[test]
    fn a_slip_of_the_pen_is_told_from_a_foreign_format() {
        for (text, expected) in [
            ("9434611206206407667131", TrackingNumberError::CheckDigit),
            ("1Z1111111111111111", TrackingNumberError::CheckDigit),
            ("RB123456786US", TrackingNumberError::CheckDigit),
            ("LX123456786US", TrackingNumberError::CheckDigit),
            ("RB123456785XX", TrackingNumberError::UnknownFormat),
            ("", TrackingNumberError::UnknownFormat),
            ("12345", TrackingNumberError::UnknownFormat),
            ("TBA010000000000", TrackingNumberError::UnknownFormat),
            ("1Z410E7W039275159É", TrackingNumberError::UnknownFormat),
        ] {
            assert_eq!(TrackingNumber::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn numbers_are_kept_without_spaces_hyphens_and_lower_case() {
        let number = TrackingNumber::parse(" 1z 410e7w-03 9275 1591\n").unwrap();
        assert_eq!(number.as_str(), "1Z410E7W0392751591");
        assert_eq!(number.carriers(), [Carrier::Ups]);
    }

    #[test]
    fn a_scanned_label_may_have_its_zip_code_in_front() {
        for text in ["420 22153 9101026837331000039521", "4201002334249200190132607600833457"] {
            assert_eq!(TrackingNumber::parse(text).unwrap().carriers(), [Carrier::Usps], "{text}");
        }
    }

    #[test]
    fn a_number_may_fit_several_carriers() {
        let number = TrackingNumber::parse("03071790000523483741").unwrap();
        assert_eq!(number.carriers(), [Carrier::Usps]);
        let number = TrackingNumber::parse("LX123456785US").unwrap();
        assert_eq!(number.carriers(), [Carrier::Postal]);
    }

    #[test]
    fn carriers_are_named_in_snake_case() {
        let names = serde_json::to_value([
            Carrier::Usps,
            Carrier::Ups,
            Carrier::Fedex,
            Carrier::Dhl,
            Carrier::Postal,
        ]);
        assert_eq!(names.unwrap(), serde_json::json!(["usps", "ups", "fedex", "dhl", "postal"]));
    }

    fn carrier(courier: &str) -> Option<Carrier> {
        match courier {
            "usps" => Some(Carrier::Usps),
            "ups" => Some(Carrier::Ups),
            "fedex" => Some(Carrier::Fedex),
            "dhl" => Some(Carrier::Dhl),
            "s10" => Some(Carrier::Postal),
            _ => None,
        }
    }
}
