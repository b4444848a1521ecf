//! What becomes of an order's releases, and of the order when it is cancelled. Units go on, come back or are lost; they
//! are never given above a cap, and in a cancelled order nothing is given at all.

use std::collections::{BTreeMap, BTreeSet};

use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::money::Amount;
use messages::order::OrderCancelled;
use messages::sealed::Sealed;
use messages::stock::{LineUnits, StockUnavailable, UnavailableLine};
use shell::worker::{At, Decision, World};

use crate::Inventory;
use crate::decide::books::Books;
use crate::decide::order::{
    Allotted, Early, Fact, Held, Later, Order, Pending, Recipient, Release, Standing, name_item,
};
use crate::decide::orders::tell_backordered;
use crate::decide::reship::{Awaited, Resender};
use crate::decide::stock::List;
use crate::decide::waiting::{RELEASE, stand_in_line};
use crate::store::{Key, State, find_order, find_stock};

pub(super) fn scope_fact(release: &ReleaseId, found: &World<Inventory>) -> Vec<Key> {
    let order = release.order();
    let allotted = find_order(found, &order).and_then(|row| row.allotted.as_ref());
    let mut keys = vec![Key::Order(order)];
    if let Some((allotted, release)) = allotted.and_then(|it| Some((it, it.releases.get(release)?))) {
        name_release(&mut keys, found, allotted, release);
    }
    keys
}

pub(super) fn scope_cancelled(order: &OrderNumber, found: &World<Inventory>) -> Vec<Key> {
    let mut keys = vec![Key::Order(order.clone())];
    let allotted = find_order(found, order).and_then(|row| row.allotted.as_ref());
    let Some(allotted) = allotted else { return keys };
    for release in allotted.releases.values() {
        name_release(&mut keys, found, allotted, release);
    }
    name_later(&mut keys, found, order, allotted);
    keys
}

/// Rows of the lines without a release: items first, then what hangs on them, places in line last.
pub(super) fn name_later(
    keys: &mut Vec<Key>,
    found: &World<Inventory>,
    order: &OrderNumber,
    allotted: &Allotted,
) {
    let Some(later) = &allotted.later else { return };
    for pending in &later.lines {
        let to = later.recipients.get(&pending.delivery).filter(|_| pending.held.counted);
        name_item(keys, found, &pending.held.item, to.map(|to| allotted.buyer(&to.address)));
        if find_stock(found, &pending.held.item).is_some() {
            keys.extend(allotted.key_of(order, pending).map(Key::Waiting));
        }
    }
}

/// Something became of a release, or of one that is still to be made.
pub(super) fn learn(
    world: &World<Inventory>,
    release: &ReleaseId,
    fact: Fact,
    at: &At<'_>,
) -> Decision<Inventory> {
    let mut decision = Decision::nothing();
    let order = release.order();
    let mut row = find_order(world, &order).cloned().unwrap_or_default();
    if !row.goes_on(release) {
        return decision;
    }
    let mut books = Books::open(world);
    row.early.push(Early { release: release.clone(), fact });
    apply_early(world, &mut books, &mut decision, &order, &mut row);
    books.close(&mut decision, at.now);
    decision.set(Key::Order(order), State::Order(row));
    decision
}

/// The order is over, but for the releases that were handed over.
pub(super) fn cancel(world: &World<Inventory>, body: &OrderCancelled, at: &At<'_>) -> Decision<Inventory> {
    let mut decision = Decision::nothing();
    let order = &body.order;
    let mut row = find_order(world, order).cloned().unwrap_or_default();
    if row.cancelled.is_some() {
        return decision;
    }
    let mut books = Books::open(world);
    let handed_over: BTreeSet<ReleaseId> = body.handed_over.iter().cloned().collect();
    if let Some(allotted) = &mut row.allotted {
        let mut releases = std::mem::take(&mut allotted.releases);
        for (_, release) in releases.iter_mut().filter(|(id, _)| !handed_over.contains(id)) {
            decline(&mut books, allotted, release);
        }
        allotted.releases = releases;
        end_later(world, &mut books, &mut decision, order, allotted);
    }
    row.cancelled = Some(handed_over);
    let Order { early, .. } = &row;
    let early = early.iter().filter(|early| row.goes_on(&early.release)).cloned().collect();
    row.early = early;
    books.close(&mut decision, at.now);
    decision.set(Key::Order(order.clone()), State::Order(row));
    decision
}

/// Facts whose partner is there now take effect; one that makes a release may be another's partner.
pub(super) fn apply_early(
    world: &World<Inventory>,
    books: &mut Books<'_>,
    decision: &mut Decision<Inventory>,
    order: &OrderNumber,
    row: &mut Order,
) {
    let is_over = row.cancelled.is_some();
    let Order { allotted: Some(allotted), early, .. } = row else { return };
    while let Some(at) = early.iter().position(|early| early.has_partner(allotted)) {
        let Early { release: id, fact } = early.remove(at);
        let Some(mut release) = allotted.releases.remove(&id) else { continue };
        let mut again = None;
        match fact {
            Fact::Declined => decline(books, allotted, &mut release),
            Fact::Dispatched { shipment, lines } => dispatch(books, &mut release, shipment, &lines),
            Fact::Reship { shipment, case, lines, is_lost } => {
                let resender = Resender { world, order, place: &allotted.place };
                let is_opened = release.returned.contains(&case);
                let awaited = if is_lost || is_opened { Awaited::Never } else { Awaited::Back };
                resender.resend(books, decision, &mut release, (&shipment, awaited), &lines);
            }
            Fact::Missed { shipment, missing } => release.missed(books, &shipment, &missing),
            Fact::Returned { shipment, lines, is_fit } => {
                let next = shipment.next().filter(|_| !is_fit);
                take_back(books, &mut release, shipment, &lines, is_fit);
                if let Some(next) = next {
                    let resender = Resender { world, order, place: &allotted.place };
                    resender.give_up(books, decision, &mut release, &next);
                }
            }
            Fact::Adjusted { missing, .. } if is_over => {
                for held in lose(books, &mut release, &missing) {
                    uncount(books, allotted, &release, &held);
                }
            }
            Fact::Adjusted { missing, payment, address } => {
                let lost = lose(books, &mut release, &missing);
                let mut replaced = Replaced::of(books, allotted, &release, lost);
                replaced.tell(books, decision, order);
                let Replaced { lines, waiting, .. } = replaced;
                let sections = (payment, address);
                wait_again(allotted, &release, waiting, &sections);
                stand_in_line(world, books, decision, order, allotted);
                again = (!lines.is_empty()).then_some((lines, sections));
            }
        }
        if let Some((lines, sections)) = again {
            let made = release.again(lines);
            allotted.releases.insert(id, release);
            let id = allotted.next_release(order);
            decision.emit(order, &made.ready(&id, allotted.currency, Amount::ZERO, sections));
            allotted.releases.insert(id, made);
        } else {
            allotted.releases.insert(id, release);
        }
    }
}

impl Order {
    /// Whether anything may still become of a release: of a cancelled order, only what was handed over lives.
    fn goes_on(&self, release: &ReleaseId) -> bool {
        let is_made = || self.allotted.as_ref().is_some_and(|it| it.releases.contains_key(release));
        self.cancelled.as_ref().is_none_or(|handed_over| handed_over.contains(release) && is_made())
    }
}

impl Early {
    /// A parcel comes back only after it left, and is sent again only after that.
    fn has_partner(&self, allotted: &Allotted) -> bool {
        allotted.releases.get(&self.release).is_some_and(|release| match &self.fact {
            Fact::Declined | Fact::Dispatched { .. } | Fact::Adjusted { .. } => true,
            Fact::Returned { shipment, .. } | Fact::Reship { case: shipment, .. } => {
                release.shipments.contains(shipment)
            }
            Fact::Missed { shipment, .. } => release.reships.contains_key(shipment),
        })
    }
}

impl Release {
    fn again(&self, lines: Vec<Held>) -> Self {
        Self {
            lines,
            shipments: BTreeSet::new(),
            sent: Vec::new(),
            returned: BTreeSet::new(),
            reships: BTreeMap::new(),
            address: self.address.clone(),
            ..*self
        }
    }
}

fn name_release(keys: &mut Vec<Key>, found: &World<Inventory>, allotted: &Allotted, release: &Release) {
    for held in &release.lines {
        let buyer = held.counted.then(|| allotted.buyer(&release.address));
        name_item(keys, found, &held.item, buyer);
    }
    for units in &release.sent {
        name_item(keys, found, &units.item, None);
    }
    if release.sent.iter().all(|units| find_stock(found, &units.item).is_some()) {
        keys.extend(release.places_to_resend(&allotted.place).into_iter().map(Key::Waiting));
    }
}

fn decline(books: &mut Books<'_>, allotted: &Allotted, release: &mut Release) {
    for held in std::mem::take(&mut release.lines) {
        books.free(&held.item, held.quantity);
        uncount(books, allotted, release, &held);
    }
}

fn uncount(books: &mut Books<'_>, allotted: &Allotted, release: &Release, held: &Held) {
    if held.counted {
        books.uncount(allotted.buyer(&release.address), &held.item, held.quantity);
    }
}

/// Lines without a release give back their units and places.
fn end_later(
    world: &World<Inventory>,
    books: &mut Books<'_>,
    decision: &mut Decision<Inventory>,
    order: &OrderNumber,
    allotted: &mut Allotted,
) {
    for (key, _) in allotted.waiting(order) {
        let key = Key::Waiting(key);
        // A place taken in this very batch is not locked; it is cleared away when the line is looked at.
        if world.find(&key).is_some() {
            decision.remove(key);
        }
    }
    let Some(later) = allotted.later.take() else { return };
    if later.next_day().is_some() {
        decision.drop_due(order, RELEASE);
    }
    for Pending { held, delivery, standing } in &later.lines {
        match standing.list() {
            None => books.free(&held.item, held.quantity),
            Some(list) => books.leave(&held.item, list, held.quantity),
        }
        if held.counted
            && let Some(to) = later.recipients.get(delivery)
        {
            books.uncount(allotted.buyer(&to.address), &held.item, held.quantity);
        }
    }
}

/// Units left: those that the release holds, or those that were set aside to be sent again.
fn dispatch(books: &mut Books<'_>, release: &mut Release, shipment: ShipmentId, lines: &[LineUnits]) {
    if !release.shipments.insert(shipment.clone()) {
        return;
    }
    let mut left = release.resent(books, &shipment, lines);
    if !release.reships.contains_key(&shipment) {
        for units in lines {
            let Some(held) = release.take(units.line, units.quantity) else { continue };
            books.ship(&held.item, held.quantity);
            left.push(held.units());
        }
    }
    for units in left {
        match release.sent.iter_mut().find(|sent| sent.line == units.line) {
            Some(sent) => sent.quantity += units.quantity,
            None => release.sent.push(units),
        }
    }
    release.sent.sort();
}

/// A parcel is back, once. Of one that is not fit, nothing returns: a coin was struck and stays counted.
fn take_back(
    books: &mut Books<'_>,
    release: &mut Release,
    shipment: ShipmentId,
    lines: &[LineUnits],
    is_fit: bool,
) {
    if !release.returned.insert(shipment) || !is_fit {
        return;
    }
    for units in lines {
        if let Some(sent) = release.sent.iter_mut().find(|sent| sent.line == units.line) {
            let back = sent.quantity.min(units.quantity);
            sent.quantity -= back;
            books.take_back(&sent.item, back);
        }
    }
}

/// Takes units that do not exist out of a release and off the books.
fn lose(books: &mut Books<'_>, release: &mut Release, missing: &[LineUnits]) -> Vec<Held> {
    let mut by_line: BTreeMap<u16, u32> = BTreeMap::new();
    for units in missing {
        let sum = by_line.entry(units.line).or_default();
        *sum = sum.saturating_add(units.quantity);
    }
    let lost: Vec<Held> =
        by_line.into_iter().filter_map(|(line, quantity)| release.take(line, quantity)).collect();
    for held in &lost {
        books.lose(&held.item, held.quantity);
    }
    lost
}

/// Lost units: replaced from the shelf, back in line, or given up.
#[derive(Default)]
struct Replaced {
    lines: Vec<Held>,
    waiting: Vec<(List, Held)>,
    unavailable: Vec<UnavailableLine>,
}

impl Replaced {
    fn of(books: &mut Books<'_>, allotted: &Allotted, release: &Release, lost: Vec<Held>) -> Self {
        let mut replaced = Self::default();
        for held in lost {
            match books.claim_again(&held.item, held.quantity) {
                Ok(None) => replaced.lines.push(held),
                Ok(Some(list)) => replaced.waiting.push((list, held)),
                Err(why) => {
                    uncount(books, allotted, release, &held);
                    replaced.unavailable.push(UnavailableLine { units: held.units(), why });
                }
            }
        }
        replaced
    }

    fn tell(&mut self, books: &Books<'_>, decision: &mut Decision<Inventory>, order: &OrderNumber) {
        let mut backordered: BTreeMap<_, Vec<LineUnits>> = BTreeMap::new();
        for (_, held) in &self.waiting {
            backordered.entry(books.expected_at(&held.item)).or_default().push(held.units());
        }
        tell_backordered(decision, order, backordered);
        if !self.unavailable.is_empty() {
            let lines = std::mem::take(&mut self.unavailable);
            decision.emit(order, &StockUnavailable { order: order.clone(), lines });
        }
    }
}

/// Lines back in their place in line. The shipping charge has gone with the first release.
fn wait_again(
    allotted: &mut Allotted,
    release: &Release,
    waiting: Vec<(List, Held)>,
    (payment, address): &(Sealed, Sealed),
) {
    if waiting.is_empty() {
        return;
    }
    let later = allotted.later.get_or_insert_with(|| Later {
        shipping: Amount::ZERO,
        payment: payment.clone(),
        recipients: BTreeMap::new(),
        lines: Vec::new(),
    });
    later.recipients.entry(release.delivery).or_insert_with(|| Recipient {
        gift: release.gift,
        method: release.method,
        address: release.address.clone(),
        section: address.clone(),
    });
    for (list, held) in waiting {
        let standing = Standing::waits(list);
        let same = |pending: &&mut Pending| pending.held.line == held.line && pending.standing == standing;
        match later.lines.iter_mut().find(same) {
            Some(pending) => pending.held.quantity += held.quantity,
            None => later.lines.push(Pending { held, delivery: release.delivery, standing }),
        }
    }
}
