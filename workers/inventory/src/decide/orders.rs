//! Orders: their lines claim units, lines with units become releases, and what becomes of a release moves its units
//! on. A sealed section passes through here unopened and stays only with a fact that came before its release.

use std::collections::{BTreeMap, BTreeSet};

use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::item::ItemNumber;
use messages::money::{Amount, Currency};
use messages::order::{Delivery, Line, Method, OrderAccepted};
use messages::sealed::{Fingerprint, Sealed};
use messages::stock::{
    LineUnits, ReleaseReady, StockLimited, StockReserved, StockUnavailable, UnavailableLine,
};
use serde::{Deserialize, Serialize};
use shell::worker::{Decision, World};

use crate::Inventory;
use crate::decide::books::{Books, Buyer, Verdict};
use crate::store::{Key, State, find_order, find_stock};

/// An order as far as units are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Absent until `order.accepted` has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allotted: Option<Allotted>,
    /// What was told of releases that are not made yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early: Vec<Early>,
}

/// What a later release of the order needs, and the releases so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotted {
    pub card: Fingerprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Fingerprint>,
    pub currency: Currency,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<ReleaseId, Release>,
}

/// A release as long as it holds units, and its stub afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub delivery: u16,
    pub gift: bool,
    pub method: Method,
    pub address: Fingerprint,
    /// Reserved units; a line that holds none any more is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Held>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub shipments: BTreeSet<ShipmentId>,
}

/// Units that a release holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub line: u16,
    pub item: ItemNumber,
    pub quantity: u32,
    pub unit_price: Amount,
    /// Whether the household's counters have them.
    pub counted: bool,
}

/// A fact without its partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Early {
    pub release: ReleaseId,
    pub fact: Fact,
}

/// What becomes of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Nobody pays for it.
    Declined,
    /// A parcel with these units left.
    Dispatched { shipment: ShipmentId, lines: Vec<LineUnits> },
    /// These units are not in the warehouse; the sections are for the release that is made again.
    Adjusted { missing: Vec<LineUnits>, payment: Sealed, address: Sealed },
}

pub(super) fn scope_accepted(order: &OrderAccepted, found: &World<Inventory>) -> Vec<Key> {
    let mut keys = vec![Key::Order(order.order.clone())];
    match find_order(found, &order.order) {
        Some(row) if row.allotted.is_none() => {}
        // Not asked for yet, or decided already.
        Some(_) | None => return keys,
    }
    for line in &order.lines {
        keys.push(Key::Item(line.item.clone()));
        let Some(stock) = find_stock(found, &line.item) else { continue };
        keys.extend(stock.product.mintage.as_ref().map(|mintage| Key::Pool(mintage.pool.clone())));
        if stock.household_limit(order.place.received_at).is_some()
            && let Some(delivery) = order.deliveries.iter().find(|delivery| delivery.number == line.delivery)
        {
            let buyer =
                Buyer { address: &delivery.address, card: &order.card, account: order.account.as_ref() };
            keys.extend(buyer.counters(&line.item).into_iter().map(Key::Household));
        }
    }
    keys
}

pub(super) fn scope_fact(release: &ReleaseId, found: &World<Inventory>) -> Vec<Key> {
    let order = release.order();
    let allotted = find_order(found, &order).and_then(|row| row.allotted.as_ref());
    let mut keys = vec![Key::Order(order)];
    let Some((allotted, release)) = allotted.and_then(|it| Some((it, it.releases.get(release)?))) else {
        return keys;
    };
    for held in &release.lines {
        keys.push(Key::Item(held.item.clone()));
        let Some(stock) = find_stock(found, &held.item) else { continue };
        keys.extend(stock.product.mintage.as_ref().map(|mintage| Key::Pool(mintage.pool.clone())));
        if held.counted {
            let buyer = allotted.buyer(&release.address);
            keys.extend(buyer.counters(&held.item).into_iter().map(Key::Household));
        }
    }
    keys
}

/// An order stands in line: each line gets its units or is told why not.
pub(super) fn accept(world: &World<Inventory>, order: &OrderAccepted) -> Decision<Inventory> {
    let mut decision = Decision::nothing();
    let mut row = find_order(world, &order.order).cloned().unwrap_or_default();
    if row.allotted.is_some() {
        return decision;
    }
    let mut books = Books::open(world);
    let mut sorted = sort_lines(&mut books, order);
    sorted.tell(&order.order, &mut decision);

    let mut allotted = Allotted {
        card: order.card.clone(),
        account: order.account.clone(),
        currency: order.currency,
        releases: BTreeMap::new(),
    };
    let mut shipping = order.shipping;
    for delivery in &order.deliveries {
        let Some(lines) = sorted.releases.remove(&delivery.number) else { continue };
        let id = allotted.next_release(&order.order);
        let release = Release {
            delivery: delivery.number,
            gift: delivery.gift,
            method: delivery.method,
            address: delivery.address.clone(),
            lines,
            shipments: BTreeSet::new(),
        };
        // The charge goes with the first release and is zero on the others.
        let charge = std::mem::take(&mut shipping);
        let sections = (order.payment.clone(), delivery.section.clone());
        decision.emit(&order.order, &release.ready(&id, order.currency, charge, sections));
        allotted.releases.insert(id, release);
    }
    apply_early(&mut books, &mut decision, &mut allotted, &mut row.early);
    row.allotted = Some(allotted);
    books.close(&mut decision);
    decision.set(Key::Order(order.order.clone()), State::Order(row));
    decision
}

/// Something became of a release, or of one that is still to be made.
pub(super) fn learn(world: &World<Inventory>, release: &ReleaseId, fact: Fact) -> Decision<Inventory> {
    let mut decision = Decision::nothing();
    let order = release.order();
    let mut row = find_order(world, &order).cloned().unwrap_or_default();
    let mut books = Books::open(world);
    row.early.push(Early { release: release.clone(), fact });
    if let Some(allotted) = &mut row.allotted {
        apply_early(&mut books, &mut decision, allotted, &mut row.early);
    }
    books.close(&mut decision);
    decision.set(Key::Order(order), State::Order(row));
    decision
}

/// The lines of an order by what became of them.
#[derive(Default)]
struct Sorted {
    reserved: Vec<LineUnits>,
    limited: Vec<LineUnits>,
    unavailable: Vec<UnavailableLine>,
    /// What each recipient's release holds.
    releases: BTreeMap<u16, Vec<Held>>,
}

fn sort_lines(books: &mut Books<'_>, order: &OrderAccepted) -> Sorted {
    let mut sorted = Sorted::default();
    let addresses: BTreeMap<u16, &Delivery> =
        order.deliveries.iter().map(|delivery| (delivery.number, delivery)).collect();
    for line in &order.lines {
        let delivery = addresses.get(&line.delivery).expect("the edge refuses a line without its recipient");
        let buyer = Buyer { address: &delivery.address, card: &order.card, account: order.account.as_ref() };
        let units = LineUnits { line: line.line, item: line.item.clone(), quantity: line.quantity };
        match books.claim(line, buyer, order.place.received_at) {
            Verdict::Reserved { counted } => {
                sorted.reserved.push(units);
                sorted.releases.entry(line.delivery).or_default().push(Held::of(line, counted));
            }
            Verdict::Limited => sorted.limited.push(units),
            Verdict::Unavailable(why) => sorted.unavailable.push(UnavailableLine { units, why }),
        }
    }
    sorted
}

impl Sorted {
    fn tell(&mut self, order: &OrderNumber, decision: &mut Decision<Inventory>) {
        if !self.reserved.is_empty() {
            let lines = std::mem::take(&mut self.reserved);
            decision.emit(order, &StockReserved { order: order.clone(), lines });
        }
        if !self.limited.is_empty() {
            let lines = std::mem::take(&mut self.limited);
            decision.emit(order, &StockLimited { order: order.clone(), lines });
        }
        if !self.unavailable.is_empty() {
            let lines = std::mem::take(&mut self.unavailable);
            decision.emit(order, &StockUnavailable { order: order.clone(), lines });
        }
    }
}

impl Allotted {
    fn buyer<'a>(&'a self, address: &'a Fingerprint) -> Buyer<'a> {
        Buyer { address, card: &self.card, account: self.account.as_ref() }
    }

    /// Releases are never removed, so their count numbers the next one.
    fn next_release(&self, order: &OrderNumber) -> ReleaseId {
        let number = u16::try_from(self.releases.len() + 1).expect("an order has few releases");
        ReleaseId::of(order, number)
    }
}

impl Release {
    fn ready(
        &self,
        id: &ReleaseId,
        currency: Currency,
        shipping: Amount,
        (payment, address): (Sealed, Sealed),
    ) -> ReleaseReady {
        let lines: Vec<Line> = self.lines.iter().map(|held| held.line_of(self.delivery)).collect();
        let amounts: Option<Vec<Amount>> = lines.iter().map(Line::amount).collect();
        let amount = amounts.and_then(Amount::sum).and_then(|sum| sum.checked_add(shipping));
        let release = messages::stock::Release {
            release: id.clone(),
            order: id.order(),
            delivery: self.delivery,
            gift: self.gift,
            method: self.method,
            lines,
            shipping,
            amount: amount.expect("the edge refuses an order without a total, and this is a part of it"),
            currency,
        };
        ReleaseReady { release, payment, address }
    }

    /// Takes up to so many units of a line out of the release.
    fn take(&mut self, line: u16, quantity: u32) -> Option<Held> {
        let at = self.lines.iter().position(|held| held.line == line)?;
        let held = &mut self.lines[at];
        let taken = Held { quantity: held.quantity.min(quantity), ..held.clone() };
        held.quantity -= taken.quantity;
        if held.quantity == 0 {
            self.lines.remove(at);
        }
        (taken.quantity > 0).then_some(taken)
    }
}

impl Held {
    fn of(line: &Line, counted: bool) -> Self {
        let Line { line, item, quantity, unit_price, delivery: _ } = line.clone();
        Self { line, item, quantity, unit_price, counted }
    }

    fn line_of(&self, delivery: u16) -> Line {
        Line {
            line: self.line,
            item: self.item.clone(),
            quantity: self.quantity,
            unit_price: self.unit_price,
            delivery,
        }
    }

    fn units(&self) -> LineUnits {
        LineUnits { line: self.line, item: self.item.clone(), quantity: self.quantity }
    }
}

/// Facts whose release is there now take effect; one that makes a release may be another's partner.
fn apply_early(
    books: &mut Books<'_>,
    decision: &mut Decision<Inventory>,
    allotted: &mut Allotted,
    early: &mut Vec<Early>,
) {
    while let Some(at) = early.iter().position(|early| allotted.releases.contains_key(&early.release)) {
        let Early { release: id, fact } = early.remove(at);
        let Some(mut release) = allotted.releases.remove(&id) else { continue };
        let again = match fact {
            Fact::Declined => {
                decline(books, allotted, &mut release);
                None
            }
            Fact::Dispatched { shipment, lines } => {
                dispatch(books, &mut release, shipment, &lines);
                None
            }
            Fact::Adjusted { missing, payment, address } => {
                replace(books, decision, allotted, &id.order(), &mut release, &missing)
                    .map(|again| (again, (payment, address)))
            }
        };
        let order = id.order();
        allotted.releases.insert(id, release);
        if let Some((again, sections)) = again {
            let id = allotted.next_release(&order);
            decision.emit(&order, &again.ready(&id, allotted.currency, Amount::ZERO, sections));
            allotted.releases.insert(id, again);
        }
    }
}

fn decline(books: &mut Books<'_>, allotted: &Allotted, release: &mut Release) {
    for held in std::mem::take(&mut release.lines) {
        books.free(&held.item, held.quantity);
        if held.counted {
            books.uncount(allotted.buyer(&release.address), &held.item, held.quantity);
        }
    }
}

fn dispatch(books: &mut Books<'_>, release: &mut Release, shipment: ShipmentId, lines: &[LineUnits]) {
    if !release.shipments.insert(shipment) {
        return;
    }
    for units in lines {
        if let Some(held) = release.take(units.line, units.quantity) {
            books.ship(&held.item, held.quantity);
        }
    }
}

/// Units that do not exist are replaced from the shelf by a release made again, which is returned, or not at all.
fn replace(
    books: &mut Books<'_>,
    decision: &mut Decision<Inventory>,
    allotted: &Allotted,
    order: &OrderNumber,
    release: &mut Release,
    missing: &[LineUnits],
) -> Option<Release> {
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
    let mut lines = Vec::new();
    let mut unavailable = Vec::new();
    for held in lost {
        match books.reserve(&held.item, held.quantity) {
            Ok(()) => lines.push(held),
            Err(why) => {
                if held.counted {
                    books.uncount(allotted.buyer(&release.address), &held.item, held.quantity);
                }
                unavailable.push(UnavailableLine { units: held.units(), why });
            }
        }
    }
    if !unavailable.is_empty() {
        decision.emit(order, &StockUnavailable { order: order.clone(), lines: unavailable });
    }
    let again = Release { lines, shipments: BTreeSet::new(), ..release.clone() };
    (!again.lines.is_empty()).then_some(again)
}
