//! What is counted: units of items, coins of pools, counters of households, and what a line that claims units may hear.
//! It changes nothing; that is the books'.

use std::collections::BTreeSet;

use messages::Timestamp;
use messages::item::ItemNumber;
use messages::product::Product;
use messages::sealed::Fingerprint;
use messages::stock::Unavailable;
use serde::{Deserialize, Serialize};

use crate::store::{By, HouseholdKey, WaitingKey};

/// What is given away of something that has a cap: units of an item, coins of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// Somebody's, and still here.
    pub reserved: u64,
    /// Somebody's as soon as they are here.
    #[serde(default)]
    pub backordered: u64,
    /// Gone for good.
    pub shipped: u64,
}

/// A product and its units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    pub product: Product,
    /// Counts the definitions, from 1.
    pub version: u64,
    /// Units in the warehouse, reserved ones included.
    pub on_hand: u64,
    pub promised: Promised,
    /// Units that wait for others to come back; nobody promised them.
    #[serde(default)]
    pub waitlisted: u64,
    /// The first key of those that joined the line since the last look at it: that look may not have seen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<WaitingKey>,
}

/// A mintage pool, in coins. Its limit is the one that the latest definition of any of its products named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    pub limit: u64,
    pub promised: Promised,
    /// Products with lines on the waitlist, to be asked when coins come back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub waiting: BTreeSet<ItemNumber>,
}

/// The two lists of those who wait. In the order of who is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// The caps have room and count the units as promised; only the shelf is empty.
    Backorder,
    /// A cap is reached: no promise.
    Waitlist,
}

/// Units of one item that an address, card or account got while a household limit was in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Household {
    pub units: u64,
}

/// Who a line is for, as far as a household limit counts it.
#[derive(Debug, Clone, Copy)]
pub struct Buyer<'a> {
    pub address: &'a Fingerprint,
    pub card: &'a Fingerprint,
    /// Guests have none.
    pub account: Option<&'a Fingerprint>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `counted`: the household's counters have the units.
    Reserved {
        counted: bool,
    },
    Waits {
        list: List,
        counted: bool,
    },
    Limited,
    Unavailable(Unavailable),
}

impl Promised {
    #[must_use]
    pub fn total(self) -> u64 {
        self.reserved + self.backordered + self.shipped
    }

    /// Why `more` does not fit under the cap, if it does not. `least` is the smallest thing that is ever wanted: if
    /// not even that is left, and nothing promised can come back, it is sold out.
    pub(super) fn overrun(self, cap: u64, more: u64, least: u64) -> Option<Unavailable> {
        let left = cap.saturating_sub(self.total());
        if more <= left {
            None
        } else if left < least && self.total() == self.shipped {
            Some(Unavailable::SoldOut)
        } else {
            Some(Unavailable::CurrentlyUnavailable)
        }
    }
}

impl Stock {
    /// Units that are nobody's.
    #[must_use]
    pub fn free(&self) -> u64 {
        less(self.on_hand, self.promised.reserved)
    }

    /// Whether anybody stands in line.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.waitlisted > 0 || self.promised.backordered > 0
    }

    /// The household limit for an order received then (domain §3: often for the first hours only).
    #[must_use]
    pub fn household_limit(&self, received_at: Timestamp) -> Option<u64> {
        let limit = self.product.household_limit.as_ref()?;
        let is_over = limit.hours.is_some_and(|hours| {
            received_at >= self.product.on_sale_at.plus_seconds(i64::from(hours) * 3600)
        });
        (!is_over).then(|| u64::from(limit.units))
    }
}

impl Buyer<'_> {
    /// The counters of this household for an item.
    #[must_use]
    pub fn counters(&self, item: &ItemNumber) -> Vec<HouseholdKey> {
        let counter = |by, fingerprint: &Fingerprint| HouseholdKey {
            item: item.clone(),
            by,
            fingerprint: fingerprint.clone(),
        };
        let account = self.account.map(|account| counter(By::Account, account));
        [counter(By::Address, self.address), counter(By::Card, self.card)]
            .into_iter()
            .chain(account)
            .collect()
    }
}

/// What releases hold of a row is part of what the row says. If that is ever untrue, the event is parked and nothing
/// is given away on wrong books.
pub(super) fn less(all: u64, part: u64) -> u64 {
    all.checked_sub(part).expect("a part is never more than the whole")
}
