//! What an operator sees of an order, made of its facts alone. Nothing here asks the database, and nothing depends on
//! the order in which the facts are listed.

use std::collections::BTreeMap;

use messages::Timestamp;
use messages::id::{OrderNumber, Reference, ShipmentId, UserId};
use messages::money::{Amount, Currency};
use messages::notice::{NoticeKind, NoticeWay};
use messages::order::Channel;
use messages::room::Room;
use messages::task::TaskKind;
use messages::tracking_number::{Carrier, TrackingNumber};
use serde::Serialize;

pub use crate::cases::CaseView;
use crate::cases::cases;
use crate::dwell::patience;
use crate::fact::{Fact, What};
use crate::status::{LineProgress, LineStatus, OrderStatus, progress};
use crate::words;

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderSummary {
    pub order: OrderNumber,
    pub reference: Option<Reference>,
    pub sender: Option<String>,
    pub channel: Option<Channel>,
    pub status: OrderStatus,
    /// For an order that is held or refused, when we heard of it.
    pub received_at: Option<Timestamp>,
    /// The US Eastern day of it.
    pub day: Option<String>,
    pub total: Option<Amount>,
    pub currency: Option<Currency>,
    /// When anything was last heard of it.
    pub last_at: Timestamp,
    /// When it counts as stuck unless something is heard before; absent if nothing more is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stuck_at: Option<Timestamp>,
}

/// An order in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderView {
    #[serde(flatten)]
    pub summary: OrderSummary,
    pub lines: Vec<LineProgress>,
    pub parcels: Vec<ParcelView>,
    pub cases: Vec<CaseView>,
    /// Oldest first.
    pub history: Vec<HistoryEntry>,
    pub tasks: Vec<TaskView>,
    pub notices: Vec<NoticeView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    pub time: Timestamp,
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParcelView {
    pub shipment: ShipmentId,
    pub carrier: Carrier,
    pub tracking: TrackingNumber,
    pub status: LineStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskView {
    pub room: Room,
    pub kind: TaskKind,
    pub key: String,
    pub reason: String,
    pub opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<TaskEnd>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskEnd {
    pub at: Timestamp,
    pub by: UserId,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    pub time: Timestamp,
    pub kind: NoticeKind,
    pub way: NoticeWay,
}

/// The order of these facts in one line; nothing if there are none.
#[must_use]
pub fn summary(order: &OrderNumber, facts: &[Fact]) -> Option<OrderSummary> {
    let last_at = facts.iter().map(|fact| fact.time).max()?;
    let progress = progress(facts);
    let patience = patience(&progress, &cases(facts));
    let mut summary = OrderSummary {
        order: order.clone(),
        reference: None,
        sender: None,
        channel: None,
        status: progress.status,
        received_at: None,
        day: None,
        total: None,
        currency: None,
        last_at,
        stuck_at: patience.map(|seconds| last_at.plus_seconds(seconds)),
    };
    // Each knows more than the one before.
    for knows in [knows_refused, knows_held, knows_accepted] {
        for fact in facts {
            if knows(&mut summary, fact) {
                summary.day.clone_from(&fact.day);
            }
        }
    }
    Some(summary)
}

/// The order of these facts in full; nothing if there are none.
#[must_use]
pub fn view(order: &OrderNumber, facts: &[Fact]) -> Option<OrderView> {
    let summary = summary(order, facts)?;
    let mut facts: Vec<&Fact> = facts.iter().collect();
    // By time; facts of one moment as they follow from each other.
    facts.sort_by_key(|fact| (fact.time, fact.rank.unwrap_or(u8::MAX), &fact.id));
    Some(OrderView {
        summary,
        lines: progress(facts.iter().copied()).lines,
        parcels: parcels(&facts),
        cases: cases(facts.iter().copied()),
        history: facts.iter().map(|fact| entry(fact)).collect(),
        tasks: tasks(&facts),
        notices: facts.iter().filter_map(|fact| notice(fact)).collect(),
    })
}

fn knows_refused(summary: &mut OrderSummary, fact: &Fact) -> bool {
    let What::Refused { sender, reference, .. } = &fact.what else { return false };
    summary.sender = Some(sender.clone());
    summary.reference = Some(reference.clone());
    summary.received_at = Some(fact.time);
    true
}

fn knows_held(summary: &mut OrderSummary, fact: &Fact) -> bool {
    let What::Held(held) = &fact.what else { return false };
    summary.sender = Some(held.sender.clone());
    summary.reference = Some(held.reference.clone());
    summary.channel = Some(held.channel);
    summary.received_at = Some(fact.time);
    summary.total = Some(held.total);
    summary.currency = Some(held.currency);
    true
}

fn knows_accepted(summary: &mut OrderSummary, fact: &Fact) -> bool {
    let What::Accepted(accepted) = &fact.what else { return false };
    summary.sender = Some(accepted.sender.clone());
    summary.reference = Some(accepted.reference.clone());
    summary.channel = Some(accepted.channel);
    summary.received_at = Some(accepted.received_at);
    summary.total = Some(accepted.total);
    summary.currency = Some(accepted.currency);
    true
}

fn entry(fact: &Fact) -> HistoryEntry {
    HistoryEntry { time: fact.time, what: words::sentence(&fact.what), detail: words::detail(&fact.what) }
}

fn notice(fact: &Fact) -> Option<NoticeView> {
    let What::Noticed { notice, way } = fact.what else { return None };
    Some(NoticeView { time: fact.time, kind: notice, way })
}

fn parcels(facts: &[&Fact]) -> Vec<ParcelView> {
    let mut reached: BTreeMap<&ShipmentId, LineStatus> = BTreeMap::new();
    for fact in facts {
        if let (Some(shipment), Some(status)) = (fact.what.shipment(), fact.what.status()) {
            let best = reached.entry(shipment).or_insert(status);
            *best = status.max(*best);
        }
    }
    let parcel = |fact: &&Fact| {
        let What::Dispatched { shipment, carrier, tracking, .. } = &fact.what else { return None };
        let status = reached.get(shipment).copied().unwrap_or(LineStatus::Shipped);
        Some(ParcelView { shipment: shipment.clone(), carrier: *carrier, tracking: tracking.clone(), status })
    };
    facts.iter().filter_map(parcel).collect()
}

/// A task that was closed and opened again is open.
fn tasks(facts: &[&Fact]) -> Vec<TaskView> {
    let mut tasks: BTreeMap<(Room, TaskKind, &str), TaskView> = BTreeMap::new();
    for fact in facts {
        if let What::TaskOpened { room, task, key, reason } = &fact.what {
            let opened = TaskView {
                room: *room,
                kind: *task,
                key: key.clone(),
                reason: reason.clone(),
                opened_at: fact.time,
                closed: None,
            };
            tasks.insert((*room, *task, key), opened);
        }
    }
    for fact in facts {
        if let What::TaskClosed { room, task, key, user, reason } = &fact.what
            && let Some(view) = tasks.get_mut(&(*room, *task, key.as_str()))
            && view.opened_at <= fact.time
        {
            view.closed = Some(TaskEnd { at: fact.time, by: user.clone(), reason: reason.clone() });
        }
    }
    tasks.into_values().collect()
}
