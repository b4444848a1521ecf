//! The books: what may happen to units, coins and counters (claimed, freed, shipped, sent again, lost, back, waiting,
//! filled). It knows no order; it must never promise above a cap or past those who wait.

use std::collections::{BTreeMap, BTreeSet};

use messages::Timestamp;
use messages::item::{ItemNumber, PoolId};
use messages::order::Line;
use messages::stock::Unavailable;
use shell::worker::{Decision, World};

use crate::Inventory;
use crate::decide::stock::{Buyer, Household, List, Pool, Promised, Stock, Verdict, less};
use crate::decide::waiting;
use crate::store::{HouseholdKey, Key, State, WaitingKey, find_household, find_pool, find_stock};

/// Working copies of the rows that one decision changes.
#[derive(Debug)]
pub struct Books<'a> {
    world: &'a World<Inventory>,
    stocks: BTreeMap<ItemNumber, Stock>,
    pools: BTreeMap<PoolId, Pool>,
    households: BTreeMap<HouseholdKey, Household>,
    /// Items of which something came back, so that those who wait may have it.
    stirred: BTreeSet<ItemNumber>,
}

impl<'a> Books<'a> {
    #[must_use]
    pub fn open(world: &'a World<Inventory>) -> Self {
        Self {
            world,
            stocks: BTreeMap::new(),
            pools: BTreeMap::new(),
            households: BTreeMap::new(),
            stirred: BTreeSet::new(),
        }
    }

    /// All units of a line, a place in line for all of them, or neither and why: household limit first, then caps,
    /// then the shelf, which belongs to those who wait already.
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
        let list = match self.place(&line.item, units) {
            Ok(list) => list,
            Err(why) => return Verdict::Unavailable(why),
        };
        self.enter(&line.item, units, list);
        let is_counted = counted.is_some();
        for (key, household) in counted.into_iter().flat_map(|(_, counters)| counters) {
            self.households.insert(key, Household { units: household.units + units });
        }
        match list {
            None => Verdict::Reserved { counted: is_counted },
            Some(list) => Verdict::Waits { list, counted: is_counted },
        }
    }

    /// Free units in place of lost ones, ahead of those who wait since they had them before, or a place in line.
    ///
    /// # Errors
    /// A cap or the shelf leaves less, and the product does not wait for stock.
    pub fn claim_again(&mut self, item: &ItemNumber, quantity: u32) -> Result<Option<List>, Unavailable> {
        let units = u64::from(quantity);
        let stock = self.stock(item).ok_or(Unavailable::CurrentlyUnavailable)?;
        if let Some(why) = self.overrun(stock, units) {
            return Err(why);
        }
        let list = if stock.free() >= units {
            None
        } else if stock.product.backorder_expected_at.is_some() {
            Some(List::Backorder)
        } else {
            return Err(Unavailable::CurrentlyUnavailable);
        };
        self.enter(item, units, list);
        Ok(list)
    }

    /// Units for a parcel that is sent again, ahead of those who wait since its order had them before, or a place in line:
    /// without a promise where a cap has no room for units in place of lost ones.
    pub fn claim_to_resend(&mut self, item: &ItemNumber, quantity: u32) -> Option<List> {
        let units = u64::from(quantity);
        let list = match self.stock(item) {
            Some(stock) if self.overrun(stock, units).is_some() => Some(List::Waitlist),
            Some(stock) if stock.free() < units => Some(List::Backorder),
            Some(_) | None => None,
        };
        self.enter(item, units, list);
        list
    }

    /// A line stands in line under this key. If it could have its units at once, the line is looked at.
    pub fn join(&mut self, item: &ItemNumber, list: List, quantity: u32, key: &WaitingKey) {
        let fits = self.fits_now(item, list, u64::from(quantity));
        let Some(stock) = self.stock_mut(item) else { return };
        stock.joined = stock.joined.take().into_iter().chain([key.clone()]).min();
        if fits {
            self.stirred.insert(item.clone());
        }
    }

    /// The line was looked at up to everything that joined it.
    pub fn looked(&mut self, item: &ItemNumber) {
        if self.stock(item).is_some_and(|stock| stock.joined.is_some())
            && let Some(stock) = self.stock_mut(item)
        {
            stock.joined = None;
        }
    }

    /// Gives a waiting line its units, if all of them are there.
    pub fn fill(&mut self, item: &ItemNumber, list: List, quantity: u32) -> bool {
        let units = u64::from(quantity);
        if !self.fits_now(item, list, units) {
            return false;
        }
        match list {
            List::Backorder => self.change(item, units, |promised, units| {
                promised.backordered = less(promised.backordered, units);
                promised.reserved += units;
            }),
            List::Waitlist => {
                self.unlist(item, units);
                self.change(item, units, |promised, units| promised.reserved += units);
            }
        }
        true
    }

    /// A waiting line gives up its place.
    pub fn leave(&mut self, item: &ItemNumber, list: List, quantity: u32) {
        let units = u64::from(quantity);
        match list {
            List::Backorder => self.change(item, units, |promised, units| {
                promised.backordered = less(promised.backordered, units);
            }),
            List::Waitlist => self.unlist(item, units),
        }
        self.stirred.insert(item.clone());
    }

    /// Reserved units are nobody's again.
    pub fn free(&mut self, item: &ItemNumber, quantity: u32) {
        let take = |promised: &mut Promised, units| promised.reserved = less(promised.reserved, units);
        self.change(item, u64::from(quantity), take);
        self.stirred.insert(item.clone());
    }

    /// Reserved units have left the house.
    pub fn ship(&mut self, item: &ItemNumber, quantity: u32) {
        self.remove(item, quantity);
        self.change(item, u64::from(quantity), |promised, units| {
            promised.reserved = less(promised.reserved, units);
            promised.shipped += units;
        });
    }

    /// Shipped units are back on the shelf, and nobody's.
    pub fn take_back(&mut self, item: &ItemNumber, quantity: u32) {
        self.change(item, u64::from(quantity), |promised, units| {
            promised.shipped = less(promised.shipped, units);
        });
        if let Some(stock) = self.stock_mut(item) {
            stock.on_hand += u64::from(quantity);
        }
        self.stirred.insert(item.clone());
    }

    /// Reserved units turned out not to exist.
    pub fn lose(&mut self, item: &ItemNumber, quantity: u32) {
        self.free(item, quantity);
        self.remove(item, quantity);
    }

    /// The day from which the product ships.
    #[must_use]
    pub fn ships_from(&self, item: &ItemNumber) -> Option<Timestamp> {
        self.stock(item)?.product.ships_from
    }

    /// The day on which stock is expected.
    #[must_use]
    pub fn expected_at(&self, item: &ItemNumber) -> Option<Timestamp> {
        self.stock(item)?.product.backorder_expected_at
    }

    /// A household no longer has these units.
    pub fn uncount(&mut self, buyer: Buyer<'_>, item: &ItemNumber, quantity: u32) {
        for (key, household) in self.counted(&buyer.counters(item)).into_iter().flatten() {
            self.households.insert(key, Household { units: less(household.units, u64::from(quantity)) });
        }
    }

    /// Hands the changed rows to the decision, and asks for a look at the lines that may move on.
    pub fn close(self, decision: &mut Decision<Inventory>, now: Timestamp) {
        for item in self.movable() {
            waiting::look(decision, &item, now);
        }
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

    /// Items that are waited for and of which, or of whose pool, something came back.
    fn movable(&self) -> BTreeSet<ItemNumber> {
        let mut movable = BTreeSet::new();
        for item in &self.stirred {
            let Some(stock) = self.stock(item) else { continue };
            // A place that was given up as soon as it was taken is cleared away by a look, too.
            if stock.is_awaited() || stock.joined.is_some() {
                movable.insert(item.clone());
            }
            let pool = stock.product.mintage.as_ref().and_then(|mintage| self.pool(&mintage.pool));
            movable.extend(pool.into_iter().flat_map(|pool| pool.waiting));
        }
        movable
    }

    /// Where a new claim goes: to the shelf, to one of the lists, or nowhere.
    fn place(&self, item: &ItemNumber, units: u64) -> Result<Option<List>, Unavailable> {
        let stock = self.stock(item).ok_or(Unavailable::CurrentlyUnavailable)?;
        let over = self.overrun(stock, units);
        // A backorder goes ahead of the waitlist, so none begins while there is one.
        if over.is_some() || stock.waitlisted > 0 {
            let why = over.unwrap_or(Unavailable::CurrentlyUnavailable);
            return if self.has_waitlist(stock, units) { Ok(Some(List::Waitlist)) } else { Err(why) };
        }
        if stock.free() >= units && !stock.is_awaited() {
            Ok(None)
        } else if stock.product.backorder_expected_at.is_some() {
            Ok(Some(List::Backorder))
        } else {
            Err(Unavailable::CurrentlyUnavailable)
        }
    }

    /// Whether the waitlist takes the units. Those that no cap could ever cover would stop it for good.
    fn has_waitlist(&self, stock: &Stock, units: u64) -> bool {
        let has_place = |most: u64| stock.waitlisted.saturating_add(units) <= most;
        let by_product = stock.product.product_limit.is_none_or(|cap| units <= cap);
        let by_pool = stock.product.mintage.as_ref().is_none_or(|mintage| {
            let limit = self.pool(&mintage.pool).map_or(0, |pool| pool.limit);
            units * u64::from(mintage.coins_per_unit) <= limit
        });
        stock.product.waitlist_units.is_some_and(has_place) && by_product && by_pool
    }

    /// Why the caps have no room for so many units, if they have none.
    fn overrun(&self, stock: &Stock, units: u64) -> Option<Unavailable> {
        let by_product = stock.product.product_limit.and_then(|cap| stock.promised.overrun(cap, units, 1));
        let by_pool = stock.product.mintage.as_ref().and_then(|mintage| match self.pool(&mintage.pool) {
            None => Some(Unavailable::CurrentlyUnavailable),
            Some(pool) => {
                let per_unit = u64::from(mintage.coins_per_unit);
                pool.promised.overrun(pool.limit, units * per_unit, per_unit)
            }
        });
        // Sold out comes first in their order: what one cap makes final, the other cannot give back.
        by_product.into_iter().chain(by_pool).min()
    }

    fn fits_now(&self, item: &ItemNumber, list: List, units: u64) -> bool {
        self.stock(item).is_some_and(|stock| {
            let by_caps = match list {
                List::Backorder => true,
                List::Waitlist => self.overrun(stock, units).is_none(),
            };
            stock.free() >= units && by_caps
        })
    }

    /// Units go to the shelf's reserve or into a list. That they may was asked before.
    fn enter(&mut self, item: &ItemNumber, units: u64, list: Option<List>) {
        match list {
            None => self.change(item, units, |promised, units| promised.reserved += units),
            Some(List::Backorder) => {
                self.change(item, units, |promised, units| promised.backordered += units);
            }
            Some(List::Waitlist) => self.relist(item, |waitlisted| waitlisted + units),
        }
    }

    fn unlist(&mut self, item: &ItemNumber, units: u64) {
        self.relist(item, |waitlisted| less(waitlisted, units));
    }

    /// Changes the length of the waitlist; the pool knows whether there is one.
    fn relist(&mut self, item: &ItemNumber, how: impl Fn(u64) -> u64) {
        let Some(stock) = self.stock_mut(item) else { return };
        stock.waitlisted = how(stock.waitlisted);
        let is_listed = stock.waitlisted > 0;
        let Some(mintage) = stock.product.mintage.clone() else { return };
        let Some(mut pool) = self.pool(&mintage.pool) else { return };
        let is_changed =
            if is_listed { pool.waiting.insert(item.clone()) } else { pool.waiting.remove(item) };
        if is_changed {
            self.pools.insert(mintage.pool, pool);
        }
    }

    fn stock(&self, item: &ItemNumber) -> Option<&Stock> {
        self.stocks.get(item).or_else(|| find_stock(self.world, item))
    }

    fn pool(&self, pool: &PoolId) -> Option<Pool> {
        self.pools.get(pool).cloned().or_else(|| find_pool(self.world, pool).cloned())
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
