//! What must hold of a world that has come to rest: money, units, promises, and that nobody is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use messages::case::{CaseReceived, CaseResolved, Condition};
use messages::envelope::{decode, read_body};
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::order::{OrderAccepted, OrderCancelled, OrderHeld, OrderRefused};
use messages::payment::{
    PaymentCaptureFailed, PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentVoided,
};
use messages::product::StockChanged;
use messages::shipment::{
    ReleaseShorted, ShipmentDelivered, ShipmentDispatched, ShipmentLost, ShipmentProgressed,
    ShipmentRequested, ShipmentReturned,
};
use messages::stock::{LineUnits, ReleaseReady, StockLimited, StockReserved, StockUnavailable, Tally};
use messages::topology::{UNROUTED, parked_queue};
use messages::{Body, Event, Room};
use serde_json::Value;
use tests::orders::PRICE;

use crate::house::World;
use crate::people;
use crate::trade::{HOUSEHOLD_LIMIT, SCARCE};

/// Everything that is not as it must be.
pub(crate) fn breaches(world: &World, orders: u64) -> Vec<String> {
    let facts = Facts::of(world);
    let mut found = Vec::new();
    once(&facts, &mut found);
    money(world, &facts, &mut found);
    units(world, &facts, &mut found);
    statuses(&facts, &mut found);
    nobody_is_forgotten(world, &facts, orders, &mut found);
    audited(world, &facts, &mut found);
    mails(world, &mut found);
    people::holds(&facts, &mut found);
    people::cases(world, &facts, &mut found);
    found.extend(world.lists.breaches());
    found.append(&mut world.trade.staff.lock().unwrap_or_else(PoisonError::into_inner).wrong);
    leftovers(world, &mut found);
    found
}

/// Prints everything that rooms told rooms about somebody, in the order of its times.
pub(crate) fn tell(world: &World, about: &str) {
    let facts = Facts::of(world);
    let mut events: Vec<&Event> = facts.0.values().filter(|event| event.data.get().contains(about)).collect();
    events.sort_by_key(|event| event.time);
    for event in events {
        println!("{} {} {}", event.time, event.kind, event.data.get());
    }
}

/// What rooms told rooms, each event once.
pub(crate) struct Facts(BTreeMap<String, Event>);

impl Facts {
    fn of(world: &World) -> Self {
        let mut facts = BTreeMap::new();
        for (content_type, bytes) in world.net.heard(0) {
            for event in decode(Some(&content_type), &bytes).expect("rooms write events") {
                let event = event.expect("rooms write events");
                facts.entry(event.id.clone()).or_insert(event);
            }
        }
        Self(facts)
    }

    /// The bodies of a kind, in the order of their times.
    pub(crate) fn of_kind<B: Body>(&self) -> Vec<B> {
        let mut events: Vec<&Event> = self.0.values().filter(|event| event.kind == B::KIND.name()).collect();
        events.sort_by_key(|event| event.time);
        events.into_iter().map(|event| read_body(&event.data).expect("rooms write what they say")).collect()
    }
}

pub(crate) fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Effects that happen once, however often their cause is heard.
fn once(facts: &Facts, found: &mut Vec<String>) {
    let mut twice = |what: &str, keys: Vec<String>| {
        for (key, times) in counted(keys.into_iter()).into_iter().filter(|(_, times)| *times > 1) {
            found.push(format!("{key}: {what} {times} times"));
        }
    };
    twice("accepted", facts.of_kind::<OrderAccepted>().iter().map(|fact| fact.order.to_string()).collect());
    twice("cancelled", facts.of_kind::<OrderCancelled>().iter().map(|fact| fact.order.to_string()).collect());
    twice(
        "requested",
        facts.of_kind::<ShipmentRequested>().iter().map(|fact| fact.shipment.to_string()).collect(),
    );
    twice(
        "dispatched",
        facts.of_kind::<ShipmentDispatched>().iter().map(|fact| fact.shipment.to_string()).collect(),
    );
    twice(
        "delivered",
        facts.of_kind::<ShipmentDelivered>().iter().map(|fact| fact.shipment.to_string()).collect(),
    );
    twice(
        "ready",
        facts.of_kind::<ReleaseReady>().iter().map(|fact| fact.release.release.to_string()).collect(),
    );
    twice(
        "declined",
        facts.of_kind::<PaymentDeclined>().iter().map(|fact| fact.release.to_string()).collect(),
    );
    twice(
        "received",
        facts.of_kind::<StockChanged>().iter().map(|fact| fact.reference.to_string()).collect(),
    );
}

fn money(world: &World, facts: &Facts, found: &mut Vec<String>) {
    let ready: BTreeMap<ReleaseId, ReleaseReady> = facts
        .of_kind::<ReleaseReady>()
        .into_iter()
        .map(|fact| (fact.release.release.clone(), fact))
        .collect();
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    let mut given: BTreeMap<String, i64> = BTreeMap::new();
    for intent in world.gateway.intents() {
        *taken.entry(intent.release().to_owned()).or_default() += intent.captured;
        *given.entry(intent.release().to_owned()).or_default() += intent.refunds.values().sum::<i64>();
        if intent.is_open && intent.lapses.0 > shell::clock::now() {
            found.push(format!("{}: a hold is left open", intent.reference));
        }
        if intent.captured > intent.held {
            found.push(format!("{}: more is captured than held", intent.reference));
        }
    }
    let mut told: BTreeMap<String, i64> = BTreeMap::new();
    for fact in facts.of_kind::<PaymentCaptured>() {
        *told.entry(fact.release.to_string()).or_default() += fact.amount.minor();
    }
    let mut told_back: BTreeMap<String, i64> = BTreeMap::new();
    for fact in facts.of_kind::<PaymentRefunded>() {
        *told_back.entry(fact.release.to_string()).or_default() += fact.amount.minor();
    }
    let failed: BTreeSet<String> =
        facts.of_kind::<PaymentCaptureFailed>().iter().map(|fact| fact.release.to_string()).collect();
    let mut first: BTreeMap<ReleaseId, ShipmentDispatched> = BTreeMap::new();
    for fact in facts.of_kind::<ShipmentDispatched>() {
        let before = first.entry(fact.release.clone()).or_insert_with(|| fact.clone());
        if fact.shipment < before.shipment {
            *before = fact;
        }
    }
    for (release, ready) in &ready {
        let name = release.to_string();
        let of = |sums: &BTreeMap<String, i64>| sums.get(&name).copied().unwrap_or(0);
        let (taken, given) = (of(&taken), of(&given));
        if taken != of(&told) || given != of(&told_back) {
            found.push(format!(
                "{release}: the gateway took {taken} and gave {given} back, the house told {} and {}",
                of(&told),
                of(&told_back)
            ));
        }
        if taken > ready.release.amount.minor() || given > taken {
            found
                .push(format!("{release}: {given} refunded, {taken} captured, {} due", ready.release.amount));
        }
        let shipped = first.get(release).map_or(0, |fact| {
            let units: i64 = fact.lines.iter().map(|line| i64::from(line.quantity)).sum();
            units * PRICE + ready.release.shipping.minor()
        });
        if taken != shipped && !failed.contains(&name) {
            found.push(format!("{release}: {taken} captured, {shipped} shipped"));
        }
    }
}

fn sum<'a>(lines: impl IntoIterator<Item = &'a LineUnits>, item: &str) -> i64 {
    lines.into_iter().filter(|line| line.item.as_str() == item).map(|line| i64::from(line.quantity)).sum()
}

/// A table of inventory as JSON, as the database derives its columns from it; rows that say nothing are left out.
fn table(world: &World, table: &str, field: &str) -> Vec<(String, Value)> {
    world.stores.inventory.with(|tables| {
        let rows = tables.rows.iter().filter(|(key, _)| shell::Key::table(*key) == table);
        rows.map(|(key, state)| {
            let state = serde_json::to_value(state).expect("states are JSON");
            (shell::Key::text(key).into_owned(), state[field].clone())
        })
        .filter(|(_, row)| !row.is_null())
        .collect()
    })
}

fn items(world: &World) -> Vec<(String, Value)> {
    table(world, "items", "item")
}

/// Reserved, backordered and shipped.
fn promised(row: &Value) -> [i64; 3] {
    ["reserved", "backordered", "shipped"].map(|name| row["promised"][name].as_i64().unwrap_or(0))
}

/// The constraints of the tables: they hold at every moment, not only in the end.
pub(crate) fn caps(world: &World, found: &mut Vec<String>) {
    let items = items(world);
    for (item, stock) in &items {
        let on_hand = stock["on_hand"].as_i64().unwrap_or(0);
        let units = promised(stock);
        let limit = stock["product"]["product_limit"].as_i64().unwrap_or(i64::MAX);
        let is_negative = on_hand < 0 || units.iter().any(|units| *units < 0);
        if is_negative || units[0] > on_hand || units.iter().sum::<i64>() > limit {
            found.push(format!("{item}: the units do not fit their caps: {stock}"));
        }
    }
    for (pool, row) in table(world, "pools", "pool") {
        let coins = promised(&row);
        let of_items = items.iter().filter(|(_, stock)| stock["product"]["mintage"]["pool"] == pool.as_str());
        let told = of_items.fold([0; 3], |sum, (_, stock)| {
            let units = promised(stock);
            [0, 1, 2].map(|place| sum[place] + units[place])
        });
        if coins.iter().sum::<i64>() > row["limit"].as_i64().unwrap_or(0) || coins != told {
            found.push(format!("{pool}: {row} are promised, and by its items {told:?}"));
        }
    }
    for (household, row) in table(world, "households", "household") {
        let units = row["units"].as_u64().unwrap_or(u64::MAX);
        if household.starts_with(SCARCE) && units > HOUSEHOLD_LIMIT {
            found.push(format!("{household}: {units} units for one household"));
        }
    }
}

fn units(world: &World, facts: &Facts, found: &mut Vec<String>) {
    caps(world, found);
    let dispatched = facts.of_kind::<ShipmentDispatched>();
    let received = facts.of_kind::<CaseReceived>();
    let changes = facts.of_kind::<StockChanged>();
    let mut tallies: BTreeMap<ShipmentId, Tally> = BTreeMap::new();
    let shorted: Vec<LineUnits> = facts
        .of_kind::<ReleaseShorted>()
        .into_iter()
        .flat_map(|fact| tallies.entry(fact.shipment).or_default().learn(&fact.missing))
        .collect();
    for (item, stock) in &items(world) {
        let on_hand = stock["on_hand"].as_i64().unwrap_or(0);
        let came: i64 =
            changes.iter().filter(|fact| fact.item.as_str() == item).map(|fact| fact.change).sum();
        let left: i64 = dispatched.iter().map(|fact| sum(&fact.lines, item)).sum();
        let back: i64 = received
            .iter()
            .filter(|fact| fact.condition == Condition::Restock)
            .map(|fact| sum(&fact.lines, item))
            .sum();
        let missing: i64 = sum(&shorted, item);
        if on_hand != came - left + back - missing {
            found.push(format!(
                "{item}: {on_hand} on hand, {came} came, {left} left, {back} came back, {missing} were not found"
            ));
        }
        let reserved = stock["promised"]["reserved"].as_i64().unwrap_or(0) - set_aside(world, item);
        if reserved != 0 {
            found.push(format!("{item}: {reserved} units are reserved for nobody"));
        }
    }
}

/// Units that wait with a parcel that is to be sent again for its other units, of which there are none.
fn set_aside(world: &World, item: &str) -> i64 {
    let each = |value: &Value| value.as_object().map_or_else(Vec::new, |all| all.values().cloned().collect());
    let mut sum = 0;
    for (_, order) in table(world, "orders", "order") {
        for reship in
            each(&order["allotted"]["releases"]).iter().flat_map(|release| each(&release["reships"]))
        {
            let lines = reship["lines"].as_array().cloned().unwrap_or_default();
            let is_reserved = |line: &&Value| line["standing"]["reserved"].is_object();
            if lines.iter().all(|line| is_reserved(&line)) {
                continue;
            }
            let of_item = lines.iter().filter(is_reserved).filter(|line| line["units"]["item"] == item);
            sum += of_item.filter_map(|line| line["units"]["quantity"].as_i64()).sum::<i64>();
        }
    }
    sum
}

fn statuses(facts: &Facts, found: &mut Vec<String>) {
    let mut last: BTreeMap<ShipmentId, ShipmentProgressed> = BTreeMap::new();
    for fact in facts.of_kind::<ShipmentProgressed>() {
        if let Some(before) = last.get(&fact.shipment)
            && before.status > fact.status
            && before.scanned_at < fact.scanned_at
        {
            found.push(format!("{}: {:?} after {:?}", fact.shipment, fact.status, before.status));
        }
        last.insert(fact.shipment.clone(), fact);
    }
}

/// Every order has come to its end, or waits where somebody sees it.
fn nobody_is_forgotten(world: &World, facts: &Facts, orders: u64, found: &mut Vec<String>) {
    let accepted = facts.of_kind::<OrderAccepted>();
    // An order that is quicker than the news of its product is refused, which is an end as well.
    let mut answered: BTreeSet<String> = accepted.iter().map(|fact| fact.reference.to_string()).collect();
    answered.extend(facts.of_kind::<OrderRefused>().iter().map(|fact| fact.reference.to_string()));
    // What is held, and no more than that, is `people`'s to judge.
    answered.extend(facts.of_kind::<OrderHeld>().iter().map(|fact| fact.reference.to_string()));
    for number in 0..orders {
        let reference = format!("WEB-{number}");
        if !answered.contains(&reference) {
            found.push(format!("{reference}: neither accepted, held nor refused"));
        }
    }
    let cancelled: BTreeSet<OrderNumber> =
        facts.of_kind::<OrderCancelled>().into_iter().map(|fact| fact.order).collect();
    let mut lines: BTreeMap<OrderNumber, i64> = BTreeMap::new();
    let mut add = |order: &OrderNumber, units: i64| *lines.entry(order.clone()).or_default() += units;
    let all = |lines: &[LineUnits]| lines.iter().map(|line| i64::from(line.quantity)).sum::<i64>();
    for fact in facts.of_kind::<StockLimited>() {
        add(&fact.order, all(&fact.lines));
    }
    for fact in facts.of_kind::<StockUnavailable>() {
        add(&fact.order, fact.lines.iter().map(|line| i64::from(line.units.quantity)).sum());
    }
    for fact in facts.of_kind::<StockReserved>() {
        add(&fact.order, all(&fact.lines));
    }
    let waiting: BTreeSet<String> = world.stores.inventory.with(|tables| {
        let rows = tables.rows.keys().filter(|key| shell::Key::table(*key) == "waiting");
        rows.filter_map(|key| shell::Key::text(key).split('/').nth(4).map(str::to_owned)).collect()
    });
    for order in &accepted {
        let wanted: i64 = order.lines.iter().map(|line| i64::from(line.quantity)).sum();
        let known = lines.get(&order.order).copied().unwrap_or(0);
        let is_over = cancelled.contains(&order.order) || waiting.contains(order.order.as_str());
        if known < wanted && !is_over {
            found
                .push(format!("{}: {wanted} units ordered, of {known} it is known what became", order.order));
        }
    }
    releases_end(facts, &cancelled, found);
}

fn releases_end(facts: &Facts, cancelled: &BTreeSet<OrderNumber>, found: &mut Vec<String>) {
    let declined: BTreeSet<ReleaseId> =
        facts.of_kind::<PaymentDeclined>().into_iter().map(|fact| fact.release).collect();
    let voided: BTreeSet<ReleaseId> =
        facts.of_kind::<PaymentVoided>().into_iter().map(|fact| fact.release).collect();
    let shorted: BTreeSet<ReleaseId> =
        facts.of_kind::<ReleaseShorted>().into_iter().map(|fact| fact.release).collect();
    let dispatched: BTreeMap<ReleaseId, Vec<ShipmentId>> =
        facts.of_kind::<ShipmentDispatched>().into_iter().fold(BTreeMap::new(), |mut all, fact| {
            all.entry(fact.release).or_insert_with(Vec::new).push(fact.shipment);
            all
        });
    let mut ended: BTreeSet<ShipmentId> = BTreeSet::new();
    ended.extend(facts.of_kind::<ShipmentDelivered>().into_iter().map(|fact| fact.shipment));
    ended.extend(facts.of_kind::<ShipmentReturned>().into_iter().map(|fact| fact.shipment));
    ended.extend(facts.of_kind::<ShipmentLost>().into_iter().map(|fact| fact.shipment));
    ended.extend(facts.of_kind::<CaseResolved>().into_iter().map(|fact| fact.case));
    for ready in facts.of_kind::<ReleaseReady>() {
        let release = &ready.release.release;
        let shipments = dispatched.get(release).map(Vec::as_slice).unwrap_or_default();
        let is_over = declined.contains(release) || voided.contains(release) || shorted.contains(release);
        if shipments.is_empty() && !is_over && !cancelled.contains(&ready.release.order) {
            found.push(format!("{release}: neither shipped nor ended"));
        }
        if voided.contains(release) && !shipments.is_empty() && !shorted.contains(release) {
            found.push(format!("{release}: both voided and shipped"));
        }
        for shipment in shipments.iter().filter(|shipment| !ended.contains(shipment)) {
            found.push(format!("{shipment}: nobody knows where it is"));
        }
    }
}

/// Every message stands in the chain, once.
fn audited(world: &World, facts: &Facts, found: &mut Vec<String>) {
    let rows: Vec<String> = world.stores.audit.with(|tables| {
        let records = tables.rows.values().filter_map(|state| match state {
            audit::store::State::Head(_) => None,
            audit::store::State::Record(record) => Some(record.about.id.clone()),
        });
        records.collect()
    });
    let counts = counted(rows.iter());
    for (id, times) in counts.iter().filter(|(_, times)| **times > 1) {
        found.push(format!("{id} stands in the audit chain {times} times"));
    }
    for event in facts.0.values().filter(|event| !counts.contains_key(&event.id)) {
        found.push(format!("{} {} does not stand in the audit chain", event.kind, event.id));
    }
}

fn mails(world: &World, found: &mut Vec<String>) {
    let mails = world.relay.mails();
    for (about, times) in
        counted(mails.values().map(|(about, _)| about)).into_iter().filter(|(_, times)| *times > 1)
    {
        found.push(format!("{about}: under {times} Message-IDs"));
    }
    for (id, (_, copies)) in mails.iter().filter(|(_, (_, copies))| *copies > 2) {
        found.push(format!("{id}: mailed {copies} times"));
    }
}

fn leftovers(world: &World, found: &mut Vec<String>) {
    for queue in Room::ALL.into_iter().map(parked_queue).chain([UNROUTED.to_owned()]) {
        for message in world.net.kept(&queue) {
            let text = String::from_utf8_lossy(&message.bytes).into_owned();
            let reason = text
                .split("\"reason\":")
                .nth(1)
                .and_then(|rest| rest.split(',').next())
                .unwrap_or("?")
                .to_owned();
            found.push(format!("{queue} holds a message ({}): {reason}", message.routing_key));
        }
    }
    for (room, _, _, tries) in world.stores.left() {
        if tries > 0 {
            found.push(format!("{room}: a mark is left"));
        }
    }
}
