//! Item numbers and mintage pools. It must never know which items exist: that is the catalog's.

use crate::text::text_value;

/// The number of a catalog item, such as `19XE`, `21RCS` or `BRO-5`: 2 to 16 of `A-Z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemNumber(String);

impl ItemNumber {
    /// Takes lower case too, and spaces around the number.
    pub fn parse(text: &str) -> Result<ItemNumber, ItemNumberError> {
        code(text, 16).map(ItemNumber).ok_or(ItemNumberError)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not an item number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an item number has 2 to 16 letters, digits and hyphens, and no hyphen in front")]
pub struct ItemNumberError;

text_value!(public ItemNumber, ItemNumberError, |item| item.as_str().into(), {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{1,15}$",
});

/// A mintage shared by several items (the same coin, sold singly and in a set): 2 to 32 of `A-Z`, `0-9` and
/// `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(String);

impl PoolId {
    /// Takes lower case too, and spaces around the name.
    pub fn parse(text: &str) -> Result<PoolId, PoolIdError> {
        code(text, 32).map(PoolId).ok_or(PoolIdError)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not the name of a mintage pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mintage pool is named by 2 to 32 letters, digits and hyphens, and no hyphen in front")]
pub struct PoolIdError;

text_value!(public PoolId, PoolIdError, |pool| pool.as_str().into(), {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{1,31}$",
});

fn code(text: &str, max: usize) -> Option<String> {
    let text = text.trim_matches(' ');
    let fits = (2..=max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-');
    fits.then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_numbers_are_upper_case_letters_digits_and_hyphens() {
        for (text, expected) in [
            ("19XE", Some("19XE")),
            ("21rcs", Some("21RCS")),
            ("BRO-5", Some("BRO-5")),
            (" SR1 ", Some("SR1")),
            ("A234567890123456", Some("A234567890123456")),
            ("A2345678901234567", None),
            ("A", None),
            ("", None),
            ("-A1", None),
            ("19 XE", None),
            ("19_XE", None),
            ("19XÉ", None),
            ("19XE\n", None),
        ] {
            assert_eq!(ItemNumber::parse(text).ok().as_ref().map(ItemNumber::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn a_pool_takes_longer_names_and_any_item_number() {
        assert!(PoolId::parse(&"P".repeat(32)).is_ok());
        assert_eq!(PoolId::parse(&"P".repeat(33)), Err(PoolIdError));
        assert_eq!(PoolId::parse("19xe").unwrap().as_str(), "19XE");
    }
}
