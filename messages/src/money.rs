//! Money in whole minor units. It must never hold a fraction, a negative amount, or a currency whose minor
//! unit is not a hundredth.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::text::text_value;

/// An amount in whole minor units (cents), `0..=Amount::MAX`; in JSON an integer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Amount(i64);

impl Amount {
    pub const ZERO: Amount = Amount(0);
    /// 2^53 − 1: the largest integer that every JSON reader keeps exact (RFC 8259, section 6).
    pub const MAX: Amount = Amount(9_007_199_254_740_991);

    /// Takes `minor` units (cents). Errors: negative, or more than [`Amount::MAX`].
    pub const fn new(minor: i64) -> Result<Amount, AmountError> {
        if minor < 0 {
            Err(AmountError::Negative)
        } else if minor > Amount::MAX.0 {
            Err(AmountError::TooLarge)
        } else {
            Ok(Amount(minor))
        }
    }

    /// The amount in minor units (cents).
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// `None` if the sum is more than [`Amount::MAX`].
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        Amount::new(self.0.checked_add(other.0)?).ok()
    }

    /// `None` if `other` is the larger one.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        Amount::new(self.0.checked_sub(other.0)?).ok()
    }

    /// The price of `quantity` pieces; `None` if it is more than [`Amount::MAX`].
    pub fn checked_mul(self, quantity: u32) -> Option<Amount> {
        Amount::new(self.0.checked_mul(i64::from(quantity))?).ok()
    }

    /// `None` if the sum is more than [`Amount::MAX`].
    pub fn sum(amounts: impl IntoIterator<Item = Amount>) -> Option<Amount> {
        amounts.into_iter().try_fold(Amount::ZERO, Amount::checked_add)
    }
}

/// Why an integer is not an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("an amount cannot be negative")]
    Negative,
    #[error("an amount cannot be more than 9007199254740991 minor units")]
    TooLarge,
}

impl TryFrom<i64> for Amount {
    type Error = AmountError;

    fn try_from(minor: i64) -> Result<Amount, AmountError> {
        Amount::new(minor)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> i64 {
        amount.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02}", self.0 / 100, self.0 % 100))
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "minimum": 0,
            "maximum": Amount::MAX.0,
            "description": "Whole minor units (cents)",
        })
    }
}

/// An ISO 4217 currency whose minor unit is a hundredth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static str);

impl Currency {
    pub const USD: Currency = Currency("USD");

    /// Takes three upper-case letters. Error: unknown, or not of two decimal places.
    pub fn parse(text: &str) -> Result<Currency, CurrencyError> {
        TWO_DECIMAL_CURRENCIES
            .binary_search(&text)
            .map_or(Err(CurrencyError), |at| Ok(Currency(TWO_DECIMAL_CURRENCIES[at])))
    }

    pub fn as_str(&self) -> &'static str {
        self.0
    }
}

/// The text is no ISO 4217 code that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only two-decimal currencies are taken, named by three upper-case letters (ISO 4217)")]
pub struct CurrencyError;

text_value!(public Currency, CurrencyError, |currency| currency.0.into(), {
    "type": "string",
    "pattern": "^[A-Z]{3}$",
    "description": "ISO 4217 code of a currency with two decimal places",
});

/// ISO 4217, minor unit 2, without fund codes and precious metals. Sorted, because it is searched by halves.
#[rustfmt::skip]
const TWO_DECIMAL_CURRENCIES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BMD", "BND", "BOB",
    "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CUP", "CVE", "CZK",
    "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ",
    "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD",
    "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR",
    "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP",
    "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS",
    "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH",
    "USD", "UYU", "UZS", "VED", "VES", "WST", "XCD", "XCG", "YER", "ZAR", "ZMW", "ZWG",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_whole_and_never_negative() {
        for (json, expected) in [
            ("0", Some(0)),
            ("6450", Some(6450)),
            ("9007199254740991", Some(9_007_199_254_740_991)),
            ("9007199254740992", None),
            ("-1", None),
            ("64.50", None),
            ("\"6450\"", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(serde_json::from_str::<Amount>(json).ok().map(Amount::minor), expected, "{json}");
        }
    }

    #[test]
    fn amounts_are_shown_with_two_decimals() {
        for (minor, shown) in [(0, "0.00"), (5, "0.05"), (6450, "64.50"), (123_456_789, "1234567.89")] {
            assert_eq!(amount(minor).to_string(), shown);
        }
    }

    #[test]
    fn arithmetic_says_none_instead_of_leaving_the_range() {
        assert_eq!(amount(6450).checked_add(amount(50)), Some(amount(6500)));
        assert_eq!(Amount::MAX.checked_add(amount(1)), None);
        assert_eq!(amount(50).checked_sub(amount(50)), Some(Amount::ZERO));
        assert_eq!(amount(50).checked_sub(amount(51)), None);
        assert_eq!(amount(6450).checked_mul(3), Some(amount(19_350)));
        assert_eq!(Amount::MAX.checked_mul(u32::MAX), None);
        assert_eq!(Amount::sum([]), Some(Amount::ZERO));
        assert_eq!(Amount::sum([amount(1), amount(2), amount(3)]), Some(amount(6)));
        assert_eq!(Amount::sum([Amount::MAX, amount(1)]), None);
    }

    #[test]
    fn only_two_decimal_currencies_are_taken() {
        assert_eq!(Currency::parse("USD"), Ok(Currency::USD));
        for text in ["JPY", "KRW", "BHD", "KWD", "CLF", "XAU", "usd", "US", "USDX", "", "ZZZ", "USN"] {
            assert_eq!(Currency::parse(text), Err(CurrencyError), "{text}");
        }
    }

    #[test]
    fn the_currency_table_is_sorted_and_each_entry_is_found() {
        assert!(TWO_DECIMAL_CURRENCIES.is_sorted_by(|a, b| a < b));
        assert!(TWO_DECIMAL_CURRENCIES.iter().all(|code| Currency::parse(code).is_ok()));
    }

    proptest! {
        #[test]
        fn no_arithmetic_leaves_the_range(a: i64, b: i64, quantity: u32) {
            if let (Ok(a), Ok(b)) = (Amount::new(a), Amount::new(b)) {
                let results = [a.checked_add(b), a.checked_sub(b), a.checked_mul(quantity)];
                for result in results.into_iter().flatten() {
                    prop_assert!(Amount::ZERO <= result && result <= Amount::MAX);
                }
            }
        }
    }

    fn amount(minor: i64) -> Amount {
        Amount::new(minor).unwrap()
    }
}
