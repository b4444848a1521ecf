//! Everybody who speaks with the house of his own accord: merchandising, a store whose customers order, repeat
//! themselves and cancel, a warehouse that misses units, and carriers that scan late, doubled and out of order, bring
//! parcels back and lose some.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use messages::answer::{CommandAnswered, Outcome};
use messages::envelope::{SINGLE, decode, read_body};
use messages::shipment::ShipmentRequested;
use messages::{Event, Kind, Timestamp};
use serde_json::{Value, json};
use tests::client::event;
use tests::orders::{order, product};
use world::chance::of_text;

use crate::broker::Net;
use crate::sim::Sim;

/// The items of a world: without limit, scarce, and one that is backordered.
pub(crate) const PLENTY: &str = "19XE";
pub(crate) const SCARCE: &str = "20EA";
pub(crate) const LATER: &str = "21EA";
/// Units that come, at once and later.
pub(crate) const RECEIVED: [(&str, u64, u64); 3] = [(PLENTY, 500, 0), (SCARCE, 6, 3), (LATER, 3, 40)];
pub(crate) const SCARCE_LIMIT: u64 = 8;

pub(crate) struct Trade {
    sim: Arc<Sim>,
    net: Arc<Net>,
    /// Messages that are going to be sent.
    pending: AtomicU64,
    sent: AtomicU64,
}

impl Trade {
    pub(crate) fn new(sim: Arc<Sim>, net: Arc<Net>) -> Arc<Self> {
        Arc::new(Self { sim, net, pending: AtomicU64::new(0), sent: AtomicU64::new(0) })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.pending.load(Ordering::Relaxed) == 0
    }

    /// Begins the trade of a world with so many orders.
    pub(crate) fn open(self: &Arc<Self>, orders: u64) {
        let mut scarce = product(SCARCE);
        scarce["product_limit"] = json!(SCARCE_LIMIT);
        scarce["household_limit"] = json!({ "units": 3 });
        scarce["mintage"] = json!({ "pool": "SCARCE-POOL", "limit": SCARCE_LIMIT, "coins_per_unit": 1 });
        scarce["waitlist_units"] = json!(10);
        let mut later = product(LATER);
        later["backorder_expected_at"] = json!("2027-02-01T12:00:00Z");
        for product in [product(PLENTY), scarce, later] {
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
            let household = usize::try_from(self.sim.below(orders)).expect("few");
            let mut lines = vec![(*self.pick(&[PLENTY, PLENTY, SCARCE, LATER]), 1 + self.units())];
            if self.sim.permille(300) && lines[0].0 != PLENTY {
                lines.push((PLENTY, 1 + self.units()));
            }
            let body = order(&format!("WEB-{number}"), household, &lines);
            self.say("web-store", "order.submit.v1", body, 4_000, 24_000);
        }
        tokio::spawn(Arc::clone(self).listen());
    }

    fn pick<'a, T>(&self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.sim.below(choices.len() as u64)).expect("few")]
    }

    fn units(&self) -> u32 {
        u32::try_from(self.sim.below(2)).expect("few")
    }

    /// Says something between two moments from now, and now and then again: as it was, or in a new event.
    fn say(self: &Arc<Self>, name: &'static str, kind: &'static str, body: Value, from_ms: u64, to_ms: u64) {
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

    fn send(self: &Arc<Self>, name: &'static str, kind: &'static str, id: String, body: Value, at: u64) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        let trade = Arc::clone(self);
        // The event is the same however often it is sent.
        let bytes = event(name, &id, kind, &body).to_string();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(at)).await;
            trade.sim.step(kind, at);
            trade.net.publish_outside(name, kind, SINGLE, &id, bytes.as_bytes());
            trade.pending.fetch_sub(1, Ordering::Relaxed);
        });
    }

    async fn listen(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            for event in self.heard("web-store") {
                self.answered(&event);
            }
            for event in self.heard("warehouse") {
                if event.kind == Kind::ShipmentRequested.name() {
                    let request =
                        read_body(&event.data).expect("fulfillment writes what the warehouse reads");
                    self.pack(&request, Timestamp(event.time));
                }
            }
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
        let (Outcome::Accepted, Some(number)) = (answer.outcome, &answer.order) else { return };
        if of_text(&format!("mind {number}")).permille(200) {
            let body = json!({ "reference": format!("CANCEL-{number}"), "order": number, "reason": "changed their mind" });
            self.say("web-store", "order.cancel.v1", body, 0, 6_000);
        }
    }

    /// The warehouse packs, by the request alone, so that a repeated one is answered alike.
    fn pack(self: &Arc<Self>, request: &ShipmentRequested, at: Timestamp) {
        let shipment = &request.shipment;
        let mut chance = of_text(&format!("pack {shipment}"));
        let mut lines = request.lines.clone();
        if chance.permille(80) {
            let mut missing = lines[0].clone();
            missing.quantity = 1;
            lines[0].quantity -= 1;
            lines.retain(|line| line.quantity > 0);
            let body = json!({ "shipment": shipment, "missing": [missing] });
            self.say("warehouse", "shipment.short.v1", body, 100, 3_000);
        }
        if lines.is_empty() {
            return;
        }
        let (carrier, tracking) = world::warehouse::label(shipment, request.method);
        let body = json!({ "shipment": shipment, "carrier": carrier, "tracking": tracking, "packed_at": at, "lines": lines });
        self.say("warehouse", "shipment.packed.v1", body, 100, 3_000);
        let (last, way) = match chance.below(100) {
            0..5 => ("returned", &["label_created", "in_transit", "exception"][..]),
            // Nobody ever sees it again.
            5..8 => ("in_transit", &["label_created"][..]),
            _ => ("delivered", &["label_created", "in_transit", "in_transit", "out_for_delivery"][..]),
        };
        for (step, status) in (0_u64..).zip(way.iter().copied().chain([last])) {
            let seconds = i64::try_from(step).expect("few") + 1;
            let body = json!({
                "carrier": carrier, "tracking": tracking, "status": status, "to_sender": status == "returned",
                "scanned_at": at.plus_seconds(seconds),
            });
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
