//! The books: units of items, coins of pools, counters of households, and the five things that may happen to them
//! (claimed, freed, shipped, lost, claimed again). It knows no order; it must never promise above a cap.

use std::collections::BTreeMap;

use messages::Timestamp;
use messages::item::{ItemNumber, PoolId};
use messages::order::Line;
use messages::product::Product;
use messages::sealed::Fingerprint;
use messages::stock::Unavailable;
use serde::{Deserialize, Serialize};
use shell::worker::{Decision, World};

use crate::Inventory;
use crate::store::{By, HouseholdKey, Key, State, find_household, find_pool, find_stock};

/// What is given away of something that has a cap: units of an item, coins of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// Somebody's, and still here.
    pub reserved: u64,
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
}

/// A mintage pool, in coins. Its limit is the one that the latest definition of any of its products named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    pub limit: u64,
    pub promised: Promised,
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
    Reserved { counted: bool },
    Limited,
    Unavailable(Unavailable),
}

impl Promised {
    #[must_use]
    pub fn total(self) -> u64 {
        self.reserved + self.shipped
    }

    /// Why `more` does not fit under the cap, if it does not. `least` is the smallest thing that is ever wanted: if
    /// not even that is left, and nothing reserved can come back, it is sold out.
    fn overrun(self, cap: u64, more: u64, least: u64) -> Option<Unavailable> {
        let left = cap.saturating_sub(self.total());
        if more <= left {
            None
        } else if left < least && self.reserved == 0 {
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

/// Working copies of the rows that one decision changes.
#[derive(Debug)]
pub struct Books<'a> {
    world: &'a World<Inventory>,
    stocks: BTreeMap<ItemNumber, Stock>,
    pools: BTreeMap<PoolId, Pool>,
    households: BTreeMap<HouseholdKey, Household>,
}

impl<'a> Books<'a> {
    #[must_use]
    pub fn open(world: &'a World<Inventory>) -> Self {
        Self { world, stocks: BTreeMap::new(), pools: BTreeMap::new(), households: BTreeMap::new() }
    }

    /// All units of a line, or none and why: household limit first, then caps, then the shelf.
    pub fn claim(&mut self, line: &Line, buyer: Buyer<'_>, received_at: Timestamp) -> Verdict {
        let units = u64::from(line.quantity);
        let limit = self.stock(&line.item).and_then(|stock| stock.household_limit(received_at));
        // Without their rows there is no counting: the limit came in this very batch, so the order counts as earlier.
        let counted = limit.and_then(|limit| Some((limit, self.counted(&buyer.counters(&line.item))?)));
        if let Some((limit, counters)) = &counted
            && counters.iter().any(|(_, household)| household.units.saturating_add(units) > *limit)
        {
            return Verdict::Limited;
        }
        if let Err(why) = self.reserve(&line.item, line.quantity) {
            return Verdict::Unavailable(why);
        }
        let is_counted = counted.is_some();
        for (key, household) in counted.into_iter().flat_map(|(_, counters)| counters) {
            self.households.insert(key, Household { units: household.units + units });
        }
        Verdict::Reserved { counted: is_counted }
    }

    /// Takes free units under the caps.
    ///
    /// # Errors
    /// A cap or the shelf leaves less.
    pub fn reserve(&mut self, item: &ItemNumber, quantity: u32) -> Result<(), Unavailable> {
        let units = u64::from(quantity);
        let stock = self.stock(item).ok_or(Unavailable::CurrentlyUnavailable)?;
        let by_product = stock.product.product_limit.and_then(|cap| stock.promised.overrun(cap, units, 1));
        let by_pool = match &stock.product.mintage {
            None => None,
            Some(mintage) => {
                let pool = self.pool(&mintage.pool).ok_or(Unavailable::CurrentlyUnavailable)?;
                let per_unit = u64::from(mintage.coins_per_unit);
                pool.promised.overrun(pool.limit, units * per_unit, per_unit)
            }
        };
        // Sold out comes first in their order: what one cap makes final, the other cannot give back.
        if let Some(why) = by_product.into_iter().chain(by_pool).min() {
            return Err(why);
        }
        if stock.free() < units {
            return Err(Unavailable::CurrentlyUnavailable);
        }
        self.change(item, units, |promised, units| promised.reserved += units);
        Ok(())
    }

    /// Reserved units are nobody's again.
    pub fn free(&mut self, item: &ItemNumber, quantity: u32) {
        let take = |promised: &mut Promised, units| promised.reserved = less(promised.reserved, units);
        self.change(item, u64::from(quantity), take);
    }

    /// Reserved units have left the house.
    pub fn ship(&mut self, item: &ItemNumber, quantity: u32) {
        self.remove(item, quantity);
        self.change(item, u64::from(quantity), |promised, units| {
            promised.reserved = less(promised.reserved, units);
            promised.shipped += units;
        });
    }

    /// Reserved units turned out not to exist.
    pub fn lose(&mut self, item: &ItemNumber, quantity: u32) {
        self.free(item, quantity);
        self.remove(item, quantity);
    }

    /// A household no longer has these units.
    pub fn uncount(&mut self, buyer: Buyer<'_>, item: &ItemNumber, quantity: u32) {
        for (key, household) in self.counted(&buyer.counters(item)).into_iter().flatten() {
            self.households.insert(key, Household { units: less(household.units, u64::from(quantity)) });
        }
    }

    /// Hands the changed rows to the decision.
    pub fn close(self, decision: &mut Decision<Inventory>) {
        for (item, stock) in self.stocks {
            decision.set(Key::Item(item), State::Item(Some(Box::new(stock))));
        }
        for (pool, state) in self.pools {
            decision.set(Key::Pool(pool), State::Pool(state));
        }
        for (key, household) in self.households {
            decision.set(Key::Household(key), State::Household(household));
        }
    }

    fn stock(&self, item: &ItemNumber) -> Option<&Stock> {
        self.stocks.get(item).or_else(|| find_stock(self.world, item))
    }

    fn pool(&self, pool: &PoolId) -> Option<Pool> {
        self.pools.get(pool).copied().or_else(|| find_pool(self.world, pool))
    }

    /// The counters as they stand; nothing unless every one of them is locked.
    fn counted(&self, counters: &[HouseholdKey]) -> Option<Vec<(HouseholdKey, Household)>> {
        let find = |key| self.households.get(key).copied().or_else(|| find_household(self.world, key));
        counters.iter().map(|key| Some((key.clone(), find(key)?))).collect()
    }

    /// The same change of an item's units and of its pool's coins, so that the two never part.
    fn change(&mut self, item: &ItemNumber, units: u64, how: impl Fn(&mut Promised, u64)) {
        let Some(stock) = self.stock_mut(item) else { return };
        how(&mut stock.promised, units);
        let Some(mintage) = stock.product.mintage.clone() else { return };
        if let Some(mut pool) = self.pool(&mintage.pool) {
            how(&mut pool.promised, units * u64::from(mintage.coins_per_unit));
            self.pools.insert(mintage.pool, pool);
        }
    }

    fn remove(&mut self, item: &ItemNumber, quantity: u32) {
        if let Some(stock) = self.stock_mut(item) {
            stock.on_hand = less(stock.on_hand, u64::from(quantity));
        }
    }

    fn stock_mut(&mut self, item: &ItemNumber) -> Option<&mut Stock> {
        if !self.stocks.contains_key(item) {
            self.stocks.insert(item.clone(), find_stock(self.world, item)?.clone());
        }
        self.stocks.get_mut(item)
    }
}

/// What releases hold of a row is part of what the row says. If that is ever untrue, the event is parked and nothing
/// is given away on wrong books.
fn less(all: u64, part: u64) -> u64 {
    all.checked_sub(part).expect("a part is never more than the whole")
}
