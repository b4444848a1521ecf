//! What kinds of submissions a launch has, how many of each, and how each must end. It must never look into a
//! submission: what is in it is made elsewhere.

use serde::{Serialize, Serializer};

/// How one submission must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Accepted,
    Held,
    /// Refused by intake under this code.
    Refused(&'static str),
    /// The order is known; told what became of the first.
    Repeated,
    /// The same event again: not answered a second time.
    Silent,
    /// Not readable, so kept aside for a person, and the sender told under this code.
    Parked(&'static str),
}

/// The codes of refusals that a launch provokes.
pub mod code {
    pub const TOO_EARLY: &str = "too_early";
    pub const UNKNOWN_ITEM: &str = "unknown_item";
    pub const WRONG_PRICE: &str = "wrong_price";
    pub const WRONG_TOTAL: &str = "total_does_not_add_up";
    pub const BAD_ADDRESS: &str = "bad_address";
    pub const CARD_NUMBER: &str = "card_number_in_clear";
    pub const OTHER_CONTENT: &str = "already_seen_with_other_content";
    pub const UNREADABLE: &str = "unreadable";
    pub const UNKNOWN_TYPE: &str = "unknown_type";
    /// Of a cancellation: everything is with the warehouse.
    pub const NOTHING_TO_CANCEL: &str = "nothing_to_cancel";
}

macro_rules! categories {
    ($($(#[$doc:meta])* $category:ident = $name:literal, $permille:literal => $ending:expr;)*) => {
        /// What a submission is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Category {
            /// One unit for oneself.
            Normal,
            $($(#[$doc])* $category),*
        }

        impl Category {
            pub const ALL: &[Self] = &[Self::Normal, $(Self::$category),*];

            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { Self::Normal => "normal", $(Self::$category => $name),* }
            }

            #[must_use]
            pub const fn ending(self) -> Ending {
                match self { Self::Normal => Ending::Accepted, $(Self::$category => $ending),* }
            }

            /// Submissions of a thousand; the rest is normal.
            const fn permille(self) -> usize {
                match self { Self::Normal => 0, $(Self::$category => $permille),* }
            }
        }
    };
}

categories! {
    /// The launched product and others.
    SeveralProducts = "several products", 60 => Ending::Accepted;
    /// One unit for oneself and a present for somebody else, with a message.
    Gift = "gift", 30 => Ending::Accepted;
    /// No e-mail: notices go out as letters.
    NoEmail = "no e-mail", 25 => Ending::Accepted;
    /// A second order of one address and card under another reference. Intake accepts; inventory limits.
    Household = "same household", 60 => Ending::Accepted;
    /// Accepted, and cancelled as soon as the customer hears of it.
    ChangedMind = "cancelled at once", 12 => Ending::Accepted;
    /// The card is stolen: the issuer declines and no one may try again.
    DeclineNever = "declined for good", 12 => Ending::Accepted;
    /// No funds at the first try, then authorized.
    DeclineLater = "declined at first", 12 => Ending::Accepted;
    /// The card has expired: declined until its data is corrected.
    DeclineData = "declined for its data", 6 => Ending::Accepted;
    /// More units than is usual: a person looks at it.
    Unusual = "unusual quantity", 8 => Ending::Held;
    /// Taken before the sale began.
    TooEarly = "too early", 40 => Ending::Refused(code::TOO_EARLY);
    WrongPrice = "wrong price", 6 => Ending::Refused(code::WRONG_PRICE);
    UnknownItem = "unknown item", 6 => Ending::Refused(code::UNKNOWN_ITEM);
    WrongTotal = "wrong total", 6 => Ending::Refused(code::WRONG_TOTAL);
    BadAddress = "bad address", 6 => Ending::Refused(code::BAD_ADDRESS);
    /// A (test) card number in clear, somewhere.
    CardNumber = "card number in clear", 5 => Ending::Refused(code::CARD_NUMBER);
    /// The reference of another order with a changed telephone number.
    OtherContent = "changed under its reference", 5 => Ending::Refused(code::OTHER_CONTENT);
    /// The same order under a new event id: the sender wants the answer again.
    RepeatNewId = "repeated", 20 => Ending::Repeated;
    /// The same event once more, as a sender does that saw no confirm.
    RepeatSameId = "resent", 20 => Ending::Silent;
    NotJson = "not JSON", 4 => Ending::Parked(code::UNREADABLE);
    MissingField = "a field missing", 4 => Ending::Parked(code::UNREADABLE);
    UnknownType = "unknown type", 3 => Ending::Parked(code::UNKNOWN_TYPE);
    ContentType = "wrong content type", 3 => Ending::Parked(code::UNREADABLE);
}

impl Category {
    /// How many of `orders` submissions are of each category: at least one of every.
    ///
    /// # Errors
    /// There are too few submissions to have one of every kind.
    pub(super) fn counts(orders: usize) -> Result<Vec<(Self, usize)>, String> {
        let mut counts: Vec<(Self, usize)> = Self::ALL
            .iter()
            .map(|&category| (category, (orders * category.permille()).div_ceil(1000)))
            .collect();
        let special: usize = counts.iter().map(|(_, count)| count).sum();
        if orders < ORDERS_MIN || orders < special {
            return Err(format!(
                "a launch with one submission of every kind has at least {ORDERS_MIN} submissions"
            ));
        }
        counts[0].1 = orders - special;
        Ok(counts)
    }

    /// Whether it says again what an order of [`Category::Normal`] said.
    pub(super) const fn follows_another(self) -> bool {
        matches!(self, Self::OtherContent | Self::RepeatNewId | Self::RepeatSameId | Self::Household)
    }
}

/// Enough for every kind, and normal orders for the repeats to repeat.
const ORDERS_MIN: usize = 100;

impl Serialize for Category {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_has_every_kind_and_no_more_than_asked_for() {
        for orders in [100, 101, 999, 5_000, 30_000] {
            let counts = Category::counts(orders).unwrap();
            assert_eq!(counts.iter().map(|(_, count)| count).sum::<usize>(), orders);
            assert!(counts.iter().all(|&(_, count)| count > 0), "{orders}: {counts:?}");
            let followers: usize = counts
                .iter()
                .filter(|(category, _)| category.follows_another())
                .map(|(_, count)| count)
                .sum();
            assert!(counts[0].1 > followers, "{orders}: enough orders to be followed");
        }
        assert!(Category::counts(99).is_err());
    }
}
