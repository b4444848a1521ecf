//! Identifiers: ours (order, release, shipment) and those of others (reference, user). Ids of derived
//! events are computed, never drawn, so that a decision made twice has the same ids.

use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error(
        "an order number looks like 7K2M-9QXT-04AH-B, and its last character is a check digit that does not fit here"
    )]
    OrderNumber,
    #[error("a release id is an order number, a dot and a number: 7K2M-9QXT-04AH-B.1")]
    Release,
    #[error("a shipment id is a release id, a dot and a number: 7K2M-9QXT-04AH-B.1.1")]
    Shipment,
    #[error("a reference is 1 to 64 letters, digits or the characters . _ - / :")]
    Reference,
    #[error("a user id is 1 to 64 letters, digits or the characters . _ - @")]
    User,
    #[error("the id of a parked message is 64 digits and letters a to f")]
    Parked,
}

/// Crockford base 32: no I, L, O, U, so that it can be read out on the telephone.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $error:expr, $pattern:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String", extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// The text has another form.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) { Ok(Self(text.to_owned())) } else { Err($error) }
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// Our number of an order: 60 bits that cannot be guessed and a check character (Luhn mod 32).
    OrderNumber, IdError::OrderNumber,
    "^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]$",
    |text| {
        let digits: Option<Vec<usize>> = text.bytes().enumerate()
            .filter(|(at, byte)| !(*byte == b'-' && matches!(at, 4 | 9 | 14)))
            .map(|(_, byte)| ALPHABET.iter().position(|&letter| letter == byte)).collect();
        text.len() == 16 && digits.is_some_and(|digits| digits.len() == 13 && check_character(&digits[..12]) == digits[12])
    }
);

text_id!(
    /// Lines of one order that were reserved together for one recipient: one authorization, one shipment.
    ReleaseId, IdError::Release, "^[0-9A-Z-]{16}\\.[0-9]{1,4}$",
    |text| split_number(text).is_some_and(|(order, _)| OrderNumber::parse(order).is_ok())
);

text_id!(
    /// One parcel of a release; a reship is the next number.
    ShipmentId, IdError::Shipment, "^[0-9A-Z-]{16}\\.[0-9]{1,4}\\.[0-9]{1,4}$",
    |text| split_number(text).is_some_and(|(release, _)| ReleaseId::parse(release).is_ok())
);

text_id!(
    /// An outsider's own name for an order or a command; unique per outsider.
    Reference, IdError::Reference, "^[A-Za-z0-9._/:-]{1,64}$",
    |text| allowed(text, "._/:-")
);

text_id!(
    /// A person at a desk: who released a hold, closed a task, defined a product.
    UserId, IdError::User, "^[A-Za-z0-9._@-]{1,64}$",
    |text| allowed(text, "._@-")
);

text_id!(
    /// A parked message: the SHA-256 of its queue and its bytes, so one that was parked twice has one id.
    ParkedId, IdError::Parked, "^[0-9a-f]{64}$",
    |text| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
);

fn allowed(text: &str, more: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

fn split_number(text: &str) -> Option<(&str, u16)> {
    let (head, number) = text.rsplit_once('.')?;
    let plain =
        !number.starts_with('0') && number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    if plain { Some((head, number.parse().ok()?)) } else { None }
}

fn check_character(digits: &[usize]) -> usize {
    let sum: usize = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, &digit)| {
            let weighed = if at % 2 == 0 { digit * 2 } else { digit };
            weighed / 32 + weighed % 32
        })
        .sum();
    (32 - sum % 32) % 32
}

impl OrderNumber {
    /// The order number of 60 bits. The bits must come from a keyed function of what identifies the order
    /// to its sender, so that the same order has the same number and nobody can guess one.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        let digits: Vec<usize> = (0..12).map(|at| ((bits >> (at * 5)) & 31) as usize).collect();
        let mut text = String::with_capacity(16);
        for (at, &digit) in digits.iter().enumerate() {
            if at > 0 && at % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[digit]));
        }
        text.push('-');
        text.push(char::from(ALPHABET[check_character(&digits)]));
        Self(text)
    }
}

impl ReleaseId {
    /// The `number`th release of an order, from 1.
    #[must_use]
    pub fn of(order: &OrderNumber, number: u16) -> Self {
        Self(format!("{order}.{number}"))
    }

    #[must_use]
    pub fn order(&self) -> OrderNumber {
        OrderNumber(self.0.split('.').next().unwrap_or_default().to_owned())
    }
}

impl ShipmentId {
    /// The `number`th parcel of a release, from 1.
    #[must_use]
    pub fn of(release: &ReleaseId, number: u16) -> Self {
        Self(format!("{release}.{number}"))
    }

    /// The first parcel of its release; a later one is sent again.
    #[must_use]
    pub fn is_first(&self) -> bool {
        *self == Self::of(&self.release(), 1)
    }

    /// The parcel after this one; none after the last number.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let (_, number) = self.0.rsplit_once('.')?;
        let next = number.parse::<u16>().ok()?.checked_add(1)?;
        Self::parse(Self::of(&self.release(), next).as_str()).ok()
    }

    #[must_use]
    pub fn release(&self) -> ReleaseId {
        ReleaseId(self.0.rsplit_once('.').map(|(release, _)| release).unwrap_or_default().to_owned())
    }

    #[must_use]
    pub fn order(&self) -> OrderNumber {
        self.release().order()
    }
}

/// A UUIDv8 (RFC 9562): 48 bits of a time in milliseconds, then a SHA-256 of the parts. Sorting by it sorts
/// by time, so it is key and partition key at once.
#[must_use]
pub fn derived_id(time: OffsetDateTime, parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let millis = u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    let mut bytes = [0_u8; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&digest[..10]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The SHA-256 of bytes as lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_order_number_parses_and_a_wrong_character_is_noticed(bits in 0_u64..1 << 60, at in 0_usize..16, letter in 0_usize..32) {
            let number = OrderNumber::from_bits(bits);
            prop_assert_eq!(OrderNumber::parse(number.as_str()), Ok(number.clone()));
            let mut changed = number.as_str().as_bytes().to_vec();
            if changed[at] != b'-' && changed[at] != ALPHABET[letter] {
                changed[at] = ALPHABET[letter];
                prop_assert_eq!(OrderNumber::parse(std::str::from_utf8(&changed).expect("ASCII")), Err(IdError::OrderNumber));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = (OrderNumber::parse(&text), ReleaseId::parse(&text), ShipmentId::parse(&text), Reference::parse(&text), UserId::parse(&text));
        }
    }

    #[test]
    fn a_shipment_knows_its_release_and_order() {
        let order = OrderNumber::from_bits(42);
        let shipment = ShipmentId::of(&ReleaseId::of(&order, 2), 1);
        assert_eq!(ShipmentId::parse(shipment.as_str()), Ok(shipment.clone()));
        assert_eq!(shipment.next(), Some(ShipmentId::of(&shipment.release(), 2)));
        assert!(shipment.is_first() && shipment.next().is_some_and(|next| !next.is_first()));
        assert_eq!((shipment.release(), shipment.order()), (ReleaseId::of(&order, 2), order));
    }

    #[test]
    fn a_derived_id_sorts_by_time_and_differs_by_parts() {
        let at = |millis: i64| {
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).expect("in range")
        };
        let early = derived_id(at(1_000), &[b"z"]);
        let late = derived_id(at(1_001), &[b"a"]);
        assert!(early < late);
        assert_ne!(derived_id(at(1), &[b"ab", b"c"]), derived_id(at(1), &[b"a", b"bc"]));
        assert_eq!(early.get_version_num(), 8);
    }
}
