//! Everybody who speaks with the house of his own accord: merchandising, a store whose customers order, repeat
//! themselves, answer and cancel, a warehouse that misses units and is late, and carriers that scan late, doubled and out
//! of order, bring parcels back and lose some. Staff are in `staff.rs`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use messages::answer::{CommandAnswered, Outcome};
use messages::envelope::{SINGLE, decode, read_body};
use messages::id::ShipmentId;
use messages::shipment::ShipmentRequested;
use messages::stock::LineUnits;
use messages::topology::out_queue;
use messages::{Event, Kind, Timestamp};
use serde_json::{Value, json};
use tests::client::event;
use tests::orders::{PRICE, address, order, product, total_up};
use world::chance::of_text;

use crate::broker::{Net, Stored};
use crate::sim::Sim;
use crate::staff::Staff;

/// The items of a world: without limit, scarce, and one that is backordered.
pub(crate) const PLENTY: &str = "19XE";
pub(crate) const SCARCE: &str = "20EA";
pub(crate) const LATER: &str = "21EA";
/// Units that come, at once and later.
pub(crate) const RECEIVED: [(&str, u64, u64); 3] = [(PLENTY, 500, 0), (SCARCE, 6, 3), (LATER, 3, 40)];
pub(crate) const SCARCE_LIMIT: u64 = 8;
pub(crate) const HOUSEHOLD_LIMIT: u64 = 3;
/// Whoever orders so many units waits for a person.
const UNUSUAL: u64 = 10;
/// A warehouse that is late is later than a card's hold lasts.
const LATE_SECONDS: i64 = 6 * 86_400;
/// Why parcels come back; what no list knows says nothing.
const ENDORSEMENTS: [&str; 8] = ["NSN", "UTF", "UTF", "REF", "VAC", "DEC", "DMG", "XYZ"];
/// Who reads what the house says to outsiders.
const READERS: [&str; 7] =
    ["web-store", "call-centre", "merchandising", "warehouse", "carriers", "unsubscribe-page", "operator"];

pub(crate) struct Trade {
    pub sim: Arc<Sim>,
    net: Arc<Net>,
    /// Messages that are going to be sent.
    pending: AtomicU64,
    sent: AtomicU64,
    /// Shipments that the warehouse packs when it comes to them.
    late: Mutex<BTreeMap<(Timestamp, ShipmentId), ShipmentRequested>>,
    pub staff: Mutex<Staff>,
}

impl Trade {
    pub(crate) fn new(sim: Arc<Sim>, net: Arc<Net>) -> Arc<Self> {
        Arc::new(Self {
            sim,
            net,
            pending: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            late: Mutex::default(),
            staff: Mutex::default(),
        })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.pending.load(Ordering::Relaxed) == 0
            && READERS.iter().all(|name| self.net.kept(&out_queue(name)).is_empty())
    }

    /// When somebody who is late does something.
    pub(crate) fn next_late(&self) -> Option<Timestamp> {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.keys().next().map(|(at, _)| *at)
    }

    /// Begins the trade of a world with so many orders.
    pub(crate) fn open(self: &Arc<Self>, orders: u64) {
        let mut plenty = product(PLENTY);
        plenty["unusual_quantity"] = json!(UNUSUAL);
        let mut scarce = product(SCARCE);
        scarce["product_limit"] = json!(SCARCE_LIMIT);
        scarce["household_limit"] = json!({ "units": HOUSEHOLD_LIMIT });
        scarce["mintage"] = json!({ "pool": "SCARCE-POOL", "limit": SCARCE_LIMIT, "coins_per_unit": 1 });
        scarce["waitlist_units"] = json!(10);
        let mut later = product(LATER);
        later["backorder_expected_at"] = json!("2027-02-01T12:00:00Z");
        for product in [plenty, scarce, later] {
            let body = json!({ "reference": format!("DEF-{}", product["item"]).replace('"', ""), "product": product });
            self.say("merchandising", "product.define.v1", body, 0, 1_000);
        }
        for (item, first, second) in RECEIVED {
            for (name, quantity, after) in [("A", first, 0), ("B", second, 25_000)] {
                if quantity > 0 {
                    let body = json!({ "reference": format!("PALLET-{item}-{name}"), "item": item, "quantity": quantity });
                    self.say("merchandising", "stock.receive.v1", body, after + 1_500, after + 3_000);
                }
            }
        }
        for number in 0..orders {
            let body = self.order(number, orders);
            self.say("web-store", "order.submit.v1", body, 4_000, 24_000);
        }
        self.open_campaign();
        tokio::spawn(Arc::clone(self).listen());
    }

    /// An order of some household: some are unusual, some are gifts, some go to two recipients.
    fn order(&self, number: u64, households: u64) -> Value {
        let household = usize::try_from(self.sim.below(households)).expect("few");
        let mut lines = vec![(*self.pick(&[PLENTY, PLENTY, SCARCE, LATER]), 1 + self.units())];
        if self.sim.permille(300) && lines[0].0 != PLENTY {
            lines.push((PLENTY, 1 + self.units()));
        } else if self.sim.permille(150) && lines[0].0 == PLENTY {
            lines[0].1 = u32::try_from(UNUSUAL).expect("few") + 1;
        }
        let mut body = order(&format!("WEB-{number}"), household, &lines);
        body["deliveries"][0]["gift"] = json!(self.sim.permille(150));
        if self.sim.permille(150) {
            let other = json!({ "recipient": "Robin Quill", "address": address(household + 50), "method": "expedited", "gift": true });
            let line = json!({ "item": PLENTY, "quantity": 1, "unit_price": PRICE, "delivery": 2 });
            body["deliveries"].as_array_mut().expect("a list").push(other);
            body["lines"].as_array_mut().expect("a list").push(line);
            total_up(&mut body);
        }
        body
    }

    pub(crate) fn pick<'a, T>(&self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.sim.below(choices.len() as u64)).expect("few")]
    }

    fn units(&self) -> u32 {
        u32::try_from(self.sim.below(2)).expect("few")
    }

    /// Says something between two moments from now, and now and then again: as it was, or in a new event.
    pub(crate) fn say(
        self: &Arc<Self>,
        name: &'static str,
        kind: &'static str,
        body: Value,
        from_ms: u64,
        to_ms: u64,
    ) {
        let at = from_ms + self.sim.below(to_ms - from_ms);
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let copies = 1 + u64::from(self.sim.permille(80)) + u64::from(self.sim.permille(40));
        for copy in 0..copies {
            let is_new = copy > 0 && self.sim.permille(500);
            let id = if is_new { format!("{name}-{number}-{copy}") } else { format!("{name}-{number}") };
            let at = if copy > 0 { at + self.sim.below(6_000) } else { at };
            self.send(name, kind, id, body.clone(), at);
        }
    }

    /// Says something once, under an id of his own.
    pub(crate) fn send(
        self: &Arc<Self>,
        name: &'static str,
        kind: &'static str,
        id: String,
        body: Value,
        at: u64,
    ) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        let trade = Arc::clone(self);
        // The event is the same however often it is sent.
        let bytes = event(name, &id, kind, &body).to_string();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(at)).await;
            trade.sim.step(kind, at);
            trade.sim.held_by_alarm().await;
            // A queue that is full refuses, and whoever is refused keeps it and tries again.
            while trade.net.publish_outside(name, kind, SINGLE, &id, bytes.as_bytes()) == Stored::Refused {
                trade.sim.pause(2_000).await;
            }
            trade.pending.fetch_sub(1, Ordering::Relaxed);
        });
    }

    async fn listen(self: Arc<Self>) {
        // One of them does not read for a while.
        let (away, from) = (*self.pick(&READERS), 5_000 + self.sim.below(30_000));
        let mut heard = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let is_away = (from..from + 20_000).contains(&self.sim.elapsed_ms());
            for name in READERS.iter().filter(|name| !(is_away && **name == away)) {
                for event in self.heard(name) {
                    self.is_told(name, &event);
                }
            }
            self.pack_late();
            let facts = self.net.heard(heard);
            heard += facts.len();
            for (content_type, bytes) in facts {
                let events = decode(Some(&content_type), &bytes).expect("rooms write events");
                events.into_iter().for_each(|event| self.staff_see(&event.expect("rooms write events")));
            }
        }
    }

    fn is_told(self: &Arc<Self>, name: &str, event: &Event) {
        match name {
            "web-store" => self.answered(event),
            "operator" => self.staff_are_answered(event),
            _ if event.kind == Kind::ShipmentRequested.name() => {
                let request = read_body(&event.data).expect("fulfillment writes what the warehouse reads");
                self.is_requested(request, Timestamp(event.time));
            }
            _ => {}
        }
    }

    fn heard(&self, name: &str) -> Vec<Event> {
        self.net
            .take_outside(name)
            .iter()
            .flat_map(|message| {
                decode(message.content_type.as_deref(), &message.bytes).expect("rooms write events")
            })
            .map(|event| event.expect("rooms write events"))
            .collect()
    }

    /// The store hears what became of an order; some customers change their minds.
    fn answered(self: &Arc<Self>, event: &Event) {
        let Ok(answer) = read_body::<CommandAnswered>(&event.data) else { return };
        let (Outcome::Accepted | Outcome::Held, Some(number)) = (answer.outcome, &answer.order) else {
            return;
        };
        if of_text(&format!("mind {number}")).permille(200) {
            let body = json!({ "reference": format!("CANCEL-{number}"), "order": number, "reason": "changed their mind" });
            self.say("web-store", "order.cancel.v1", body, 0, 6_000);
        }
        if answer.outcome == Outcome::Held {
            self.is_held(number);
        }
    }

    /// A customer reads the question of a case, and may answer it, with words or wishes that do not fit as well.
    pub(crate) fn is_asked(self: &Arc<Self>, case: &str, token: &str) {
        let mut chance = of_text(&format!("answer {case}"));
        let mut body = json!({ "reference": format!("ANSWER-{case}"), "case": case, "token": token });
        let wish = match chance.below(100) {
            0..15 => return,
            15..45 => json!({ "wish": "refund" }),
            45..60 => json!({ "wish": "reship" }),
            _ => json!({ "wish": "reship", "address": address(70) }),
        };
        body.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
        self.say("web-store", "case.answer.v1", body, 500, 15_000);
    }

    fn is_requested(self: &Arc<Self>, request: ShipmentRequested, at: Timestamp) {
        if of_text(&format!("late {}", request.shipment)).permille(120) {
            self.sim.count("late parcels");
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            late.insert((at.plus_seconds(LATE_SECONDS), request.shipment.clone()), request);
        } else {
            self.pack(&request, at);
        }
    }

    fn pack_late(self: &Arc<Self>) {
        let now = Timestamp(shell::clock::now());
        while self.next_late().is_some_and(|at| at <= now) {
            let first = self.late.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
            if let Some(((at, _), request)) = first {
                self.pack(&request, at);
            }
        }
    }

    /// The warehouse packs, by the request alone, so that a repeated one is answered alike.
    fn pack(self: &Arc<Self>, request: &ShipmentRequested, at: Timestamp) {
        let shipment = &request.shipment;
        let mut chance = of_text(&format!("pack {shipment}"));
        let mut lines = request.lines.clone();
        if chance.permille(80) {
            let mut missing = vec![take_one(&mut lines)];
            let body = json!({ "shipment": shipment, "missing": missing });
            self.say("warehouse", "shipment.short.v1", body, 100, 3_000);
            // And then another one. The parcel says so, or a second report, where there is none.
            if !lines.is_empty() && chance.permille(500) {
                self.sim.count("units missing at second sight");
                let more = take_one(&mut lines);
                match missing.iter_mut().find(|units| units.line == more.line) {
                    Some(units) => units.quantity += 1,
                    None => missing.push(more),
                }
                if lines.is_empty() {
                    let body = json!({ "shipment": shipment, "missing": missing });
                    self.say("warehouse", "shipment.short.v1", body, 100, 3_000);
                }
            }
        }
        if lines.is_empty() {
            return;
        }
        let (carrier, tracking) = world::warehouse::label(shipment, request.method);
        let body = json!({ "shipment": shipment, "carrier": carrier, "tracking": tracking, "packed_at": at, "lines": lines });
        self.say("warehouse", "shipment.packed.v1", body, 100, 3_000);
        let (last, way) = match chance.below(100) {
            0..14 => ("returned", &["label_created", "in_transit", "exception"][..]),
            // Nobody ever sees it again.
            14..18 => ("in_transit", &["label_created"][..]),
            _ => ("delivered", &["label_created", "in_transit", "in_transit", "out_for_delivery"][..]),
        };
        for (step, status) in (0_u64..).zip(way.iter().copied().chain([last])) {
            let seconds = i64::try_from(step).expect("few") + 1;
            let mut body = json!({
                "carrier": carrier, "tracking": tracking, "status": status, "to_sender": status == "returned",
                "scanned_at": at.plus_seconds(seconds),
            });
            if status == "exception" {
                body["endorsement"] = json!(ENDORSEMENTS[usize::try_from(chance.below(8)).expect("few")]);
            }
            // Out of order, and now and then before the parcel is known.
            self.say("carriers", "carrier.scan.v1", body, step * 1_000, step * 1_000 + 4_000);
        }
        if last == "returned" {
            let body = json!({
                "reference": format!("BACK-{shipment}"), "shipment": shipment, "received_at": at.plus_seconds(60),
                "condition": if chance.permille(700) { "restock" } else { "damaged" },
            });
            self.say("warehouse", "case.receive.v1", body, 9_000, 14_000);
        }
    }
}

fn take_one(lines: &mut Vec<LineUnits>) -> LineUnits {
    lines[0].quantity -= 1;
    let one = LineUnits { quantity: 1, ..lines[0].clone() };
    lines.retain(|line| line.quantity > 0);
    one
}
