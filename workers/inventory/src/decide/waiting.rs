//! Those who wait: places in line, what they are given when units come, and lines whose day has come. Units go strictly
//! in place order, all of a line or none; nobody is ever told a place.

use std::collections::BTreeMap;

use messages::Timestamp;
use messages::id::OrderNumber;
use messages::item::ItemNumber;
use messages::stock::{LineUnits, StockReserved};
use shell::worker::{At, Decision, Peek, World};

use crate::Inventory;
use crate::decide::books::Books;
use crate::decide::facts::{apply_early, name_later};
use crate::decide::order::{Allotted, Order, Standing, name_item};
use crate::decide::stock::List;
use crate::store::{Key, State, WAITING, WaitingKey, find_order, find_stock};

/// The timer that looks at an item's line.
pub const ALLOCATE: &str = "allocate";
/// The timer of an order's next day.
pub const RELEASE: &str = "release";
/// Places looked at in one go: two messages for each stay below the 256 of one decision.
const LOOK_MOST: u32 = 100;

/// Asks for a look at an item's line.
pub(super) fn look(decision: &mut Decision<Inventory>, item: &ItemNumber, now: Timestamp) {
    decision.due(item, ALLOCATE, 0, now, &());
}

/// The first of an item's line. It is read without a lock, so each place is checked again under the order's.
#[must_use]
pub fn peek(item: &ItemNumber) -> Peek {
    Peek { table: WAITING, prefix: format!("{item}/"), after: None, most: LOOK_MOST }
}

/// Orders, then the item, then its pool and the places, as every input names them.
pub(super) fn scope_allocate(item: &ItemNumber, found: &World<Inventory>) -> Vec<Key> {
    let places = places(found, item);
    let mut keys: Vec<Key> = places.iter().map(|place| Key::Order(place.order().clone())).collect();
    if places.is_empty() || keys.iter().any(|order| found.find(order).is_none()) {
        return keys;
    }
    name_item(&mut keys, found, item, None);
    for place in &places {
        name_early(&mut keys, found, place.order());
    }
    if find_stock(found, item).is_some() {
        keys.extend(places.into_iter().map(Key::Waiting));
    }
    keys
}

pub(super) fn scope_release(order: &OrderNumber, found: &World<Inventory>) -> Vec<Key> {
    let mut keys = vec![Key::Order(order.clone())];
    name_early(&mut keys, found, order);
    keys
}

/// Something came (back): the first in line get it, as far as it goes.
pub(super) fn allocate(
    world: &World<Inventory>,
    item: &ItemNumber,
    attempt: i32,
    at: &At<'_>,
) -> Decision<Inventory> {
    let mut decision = Decision::nothing();
    let Some(stock) = find_stock(world, item) else { return decision };
    let places = places(world, item);
    let ready_at = stock.product.ships_from;
    let mut books = Books::open(world);
    let mut given = Given::default();
    // Whoever joined since the last look may not be among the places yet, so only those before all of them move on now;
    // the next look sees them all.
    let is_seen = |place: &&WaitingKey| stock.joined.as_ref().is_none_or(|joined| *place < joined);
    let mut is_stuck = false;
    for place in places.iter().take_while(is_seen) {
        let row = given.row(world, place.order());
        if let Some((list, quantity)) = row.stands_at(place) {
            is_stuck = !books.fill(item, list, quantity);
            if is_stuck {
                break;
            }
            let units = row.give(place, ready_at);
            given.lines.entry(place.order().clone()).or_default().extend(units);
        }
        decision.remove(Key::Waiting(place.clone()));
    }
    books.looked(item);
    given.tell(world, &mut books, &mut decision, at.now);
    let has_more = stock.joined.is_some() || places.len() == LOOK_MOST as usize;
    if has_more && !is_stuck {
        decision.due_again(item, ALLOCATE, 0, attempt.saturating_add(1), at.now, &());
    }
    books.close(&mut decision, at.now);
    decision
}

/// The day of an order's lines has come.
pub(super) fn release(world: &World<Inventory>, order: &OrderNumber, at: &At<'_>) -> Decision<Inventory> {
    let mut decision = Decision::nothing();
    let mut row = find_order(world, order).cloned().unwrap_or_default();
    let Some(allotted) = &mut row.allotted else { return decision };
    let mut books = Books::open(world);
    allotted.release(order, at.now, &mut decision);
    apply_early(world, &mut books, &mut decision, order, &mut row);
    books.close(&mut decision, at.now);
    decision.set(Key::Order(order.clone()), State::Order(row));
    decision
}

/// Takes a place for each line that waits. One that has its place already keeps it.
pub(super) fn stand_in_line(
    world: &World<Inventory>,
    books: &mut Books<'_>,
    decision: &mut Decision<Inventory>,
    order: &OrderNumber,
    allotted: &Allotted,
) {
    for (key, pending) in allotted.waiting(order) {
        let Some(list) = pending.standing.list() else { continue };
        books.join(&pending.held.item, list, pending.held.quantity, &key);
        take_place(world, decision, key);
    }
}

/// Takes a place in line.
pub(super) fn take_place(world: &World<Inventory>, decision: &mut Decision<Inventory>, key: WaitingKey) {
    let key = Key::Waiting(key);
    // A locked place may have been given up in this very batch, and only setting it takes that back.
    if world.find(&key).is_some() {
        decision.set(key, State::Waiting);
    } else {
        decision.insert(key, State::Waiting);
    }
}

/// What one look gave away.
#[derive(Default)]
struct Given {
    rows: BTreeMap<OrderNumber, Order>,
    lines: BTreeMap<OrderNumber, Vec<LineUnits>>,
}

impl Given {
    fn row(&mut self, world: &World<Inventory>, order: &OrderNumber) -> &mut Order {
        self.rows
            .entry(order.clone())
            .or_insert_with(|| find_order(world, order).cloned().unwrap_or_default())
    }

    fn tell(
        mut self,
        world: &World<Inventory>,
        books: &mut Books<'_>,
        decision: &mut Decision<Inventory>,
        now: Timestamp,
    ) {
        for (order, lines) in self.lines {
            if !lines.is_empty() {
                decision.emit(&order, &StockReserved { order: order.clone(), lines });
            }
            let Some(mut row) = self.rows.remove(&order) else { continue };
            if let Some(allotted) = &mut row.allotted {
                allotted.release(&order, now, decision);
                allotted.tell_reships(&order, decision);
            }
            apply_early(world, books, decision, &order, &mut row);
            decision.set(Key::Order(order), State::Order(row));
        }
    }
}

impl Order {
    /// The list and the units of the line that stands at this place, if it still does.
    fn stands_at(&self, place: &WaitingKey) -> Option<(List, u32)> {
        let allotted = self.allotted.as_ref()?;
        let waiting = allotted.waiting(place.order());
        let pending = waiting.into_iter().find(|(key, _)| key == place);
        let pending = pending.and_then(|(_, it)| Some((it.standing.list()?, it.held.quantity)));
        pending.or_else(|| allotted.resent_at(place))
    }

    /// The line at this place has its units now; gives those that the customer did not have before.
    fn give(&mut self, place: &WaitingKey, ready_at: Option<Timestamp>) -> Option<LineUnits> {
        self.allotted.as_mut()?.give_to_resend(place);
        let allotted = self.allotted.as_ref()?;
        let is_it = |pending| allotted.key_of(place.order(), pending).as_ref() == Some(place);
        let at = allotted.later.as_ref()?.lines.iter().position(is_it)?;
        let pending = self.allotted.as_mut()?.later.as_mut()?.lines.get_mut(at)?;
        pending.standing = Standing::Reserved { ready_at };
        Some(pending.held.units())
    }
}

/// Only a fact that came too early needs more than the order itself, once its release is made.
fn name_early(keys: &mut Vec<Key>, found: &World<Inventory>, order: &OrderNumber) {
    if let Some(row) = find_order(found, order).filter(|row| !row.early.is_empty())
        && let Some(allotted) = &row.allotted
    {
        name_later(keys, found, order, allotted);
    }
}

fn places(world: &World<Inventory>, item: &ItemNumber) -> Vec<WaitingKey> {
    let texts = world.peeked(&peek(item)).unwrap_or_default();
    texts.iter().filter_map(|text| WaitingKey::parse(text)).collect()
}
