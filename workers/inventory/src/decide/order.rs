//! An order's row: what its releases hold, what still stands in line or waits for its day, and what was told too early.
//! A sealed section stays here only as long as a line of it has no release, or with a fact that came before its release.

use std::collections::{BTreeMap, BTreeSet};

use messages::Timestamp;
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::item::ItemNumber;
use messages::money::{Amount, Currency};
use messages::order::{Line, Method, Place};
use messages::sealed::{Fingerprint, Sealed};
use messages::stock::{LineUnits, ReleaseReady};
use serde::{Deserialize, Serialize};
use shell::worker::{Decision, World};

use crate::Inventory;
use crate::decide::reship::Reship;
use crate::decide::stock::{Buyer, List};
use crate::decide::waiting::RELEASE;
use crate::store::{Key, WaitingKey, find_stock};

/// An order as far as units are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Absent until `order.accepted` has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allotted: Option<Allotted>,
    /// What was told of releases that are not made yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early: Vec<Early>,
    /// Present once the order is cancelled: the releases that go on all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<BTreeSet<ReleaseId>>,
}

/// What a later release of the order needs, and the releases so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotted {
    pub card: Fingerprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Fingerprint>,
    pub currency: Currency,
    pub place: Place,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<ReleaseId, Release>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<Later>,
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
    /// Units that count as shipped; a line all of which came back stays, with none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<LineUnits>,
    /// Parcels that were opened after they came back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub returned: BTreeSet<ShipmentId>,
    /// Parcels that are sent again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reships: BTreeMap<ShipmentId, Reship>,
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

/// Lines without a release, and what their releases need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
    /// The charge that the order's first release takes; zero afterwards.
    pub shipping: Amount,
    /// Sealed `payment` section.
    pub payment: Sealed,
    /// Of those who still get something, by their number.
    pub recipients: BTreeMap<u16, Recipient>,
    pub lines: Vec<Pending>,
}

/// Whom a release is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    pub gift: bool,
    pub method: Method,
    pub address: Fingerprint,
    /// Sealed `delivery` section.
    pub section: Sealed,
}

/// A line without a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub held: Held,
    pub delivery: u16,
    pub standing: Standing,
}

/// What a line without a release waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It has its units, and waits for this day if one is named.
    Reserved {
        ready_at: Option<Timestamp>,
    },
    Backordered,
    Waitlisted,
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
    /// Of a parcel that did not arrive, these units are to be sent again, in another one.
    Reship {
        shipment: ShipmentId,
        case: ShipmentId,
        lines: Vec<LineUnits>,
        /// Nothing of it will come back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_lost: bool,
    },
    /// These units of a parcel that is sent again are not in the warehouse.
    Missed { shipment: ShipmentId, missing: Vec<LineUnits> },
    /// A parcel came back and was opened: these units may be sold again, if it is fit for that.
    Returned { shipment: ShipmentId, lines: Vec<LineUnits>, is_fit: bool },
}

impl Standing {
    /// The list that the line stands in.
    #[must_use]
    pub const fn list(self) -> Option<List> {
        match self {
            Self::Reserved { .. } => None,
            Self::Backordered => Some(List::Backorder),
            Self::Waitlisted => Some(List::Waitlist),
        }
    }

    #[must_use]
    pub const fn waits(list: List) -> Self {
        match list {
            List::Backorder => Self::Backordered,
            List::Waitlist => Self::Waitlisted,
        }
    }
}

impl Allotted {
    pub(super) fn buyer<'a>(&'a self, address: &'a Fingerprint) -> Buyer<'a> {
        Buyer { address, card: &self.card, account: self.account.as_ref() }
    }

    /// Releases are never removed, so their count numbers the next one.
    pub(super) fn next_release(&self, order: &OrderNumber) -> ReleaseId {
        let number = u16::try_from(self.releases.len() + 1).expect("an order has few releases");
        ReleaseId::of(order, number)
    }

    /// Lines whose units may ship now go out, one release for each recipient. The day of the others is asked for.
    pub(super) fn release(
        &mut self,
        order: &OrderNumber,
        now: Timestamp,
        decision: &mut Decision<Inventory>,
    ) {
        let Some(mut later) = self.later.take() else { return };
        for (delivery, lines) in later.take_ready(now) {
            let Some(to) = later.recipients.get(&delivery) else { continue };
            let id = self.next_release(order);
            let release = Release::of(delivery, to, lines);
            // The charge goes with the first release and is zero on the others.
            let charge = std::mem::take(&mut later.shipping);
            let sections = (later.payment.clone(), to.section.clone());
            decision.emit(order, &release.ready(&id, self.currency, charge, sections));
            self.releases.insert(id, release);
        }
        if let Some(day) = later.next_day() {
            decision.due(order, RELEASE, 0, day, &());
        }
        self.later = later.trimmed();
    }

    /// The lines that stand in line, with their keys.
    pub(super) fn waiting(&self, order: &OrderNumber) -> Vec<(WaitingKey, &Pending)> {
        let lines = self.later.iter().flat_map(|later| &later.lines);
        lines.filter_map(|pending| Some((self.key_of(order, pending)?, pending))).collect()
    }

    pub(super) fn key_of(&self, order: &OrderNumber, pending: &Pending) -> Option<WaitingKey> {
        let list = pending.standing.list()?;
        Some(WaitingKey::of(&pending.held.item, list, &self.place, order, pending.held.line))
    }
}

impl Later {
    /// Takes out the lines that may ship, by recipient.
    fn take_ready(&mut self, now: Timestamp) -> BTreeMap<u16, Vec<Held>> {
        let mut ready: BTreeMap<u16, Vec<Held>> = BTreeMap::new();
        let (out, rest) = std::mem::take(&mut self.lines).into_iter().partition(|pending| {
            matches!(pending.standing, Standing::Reserved { ready_at } if ready_at.is_none_or(|day| day <= now))
        });
        self.lines = rest;
        for Pending { held, delivery, .. } in out {
            ready.entry(delivery).or_default().push(held);
        }
        ready
    }

    /// The next day on which a line may ship.
    pub(super) fn next_day(&self) -> Option<Timestamp> {
        let day = |pending: &Pending| match pending.standing {
            Standing::Reserved { ready_at } => ready_at,
            Standing::Backordered | Standing::Waitlisted => None,
        };
        self.lines.iter().filter_map(day).min()
    }

    /// Without the sections of those who get nothing more; nothing if nobody does.
    pub(super) fn trimmed(mut self) -> Option<Self> {
        let Self { lines, recipients, .. } = &mut self;
        recipients.retain(|number, _| lines.iter().any(|pending| pending.delivery == *number));
        (!self.lines.is_empty()).then_some(self)
    }
}

impl Release {
    pub(super) fn of(delivery: u16, to: &Recipient, lines: Vec<Held>) -> Self {
        Self {
            delivery,
            gift: to.gift,
            method: to.method,
            address: to.address.clone(),
            lines,
            shipments: BTreeSet::new(),
            sent: Vec::new(),
            returned: BTreeSet::new(),
            reships: BTreeMap::new(),
        }
    }

    pub(super) fn ready(
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
    pub(super) fn take(&mut self, line: u16, quantity: u32) -> Option<Held> {
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
    pub(super) fn of(line: &Line, counted: bool) -> Self {
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

    pub(super) fn units(&self) -> LineUnits {
        LineUnits { line: self.line, item: self.item.clone(), quantity: self.quantity }
    }
}

/// Names an item, then the pool of its product and, with a buyer, the counters of the household.
pub(super) fn name_item(
    keys: &mut Vec<Key>,
    found: &World<Inventory>,
    item: &ItemNumber,
    buyer: Option<Buyer<'_>>,
) {
    keys.push(Key::Item(item.clone()));
    let Some(stock) = find_stock(found, item) else { return };
    keys.extend(stock.product.mintage.as_ref().map(|mintage| Key::Pool(mintage.pool.clone())));
    let counters = buyer.into_iter().flat_map(|buyer| buyer.counters(item));
    keys.extend(counters.map(Key::Household));
}
