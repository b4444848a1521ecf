//! Steps that journeys share: what an outsider asks for, what an operator reads, and what makes time pass. They look only
//! at what a user or an operator could see, but for the rows that they make due before their time.

use std::time::{Duration, Instant};

use messages::Room;
use messages::id::OrderNumber;
use messages::sealed::Keyring;
use serde_json::{Value, json};

use crate::client::Client;
use crate::orders::{now, number};
use crate::{PATIENCE, TestHouse};

/// Units of one product, as `oms products list` shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    pub on_hand: i64,
    pub reserved: i64,
    pub backordered: i64,
    pub waitlisted: i64,
    pub shipped: i64,
}

impl Stock {
    /// On hand, reserved, shipped; nobody waits.
    #[must_use]
    pub const fn of(on_hand: i64, reserved: i64, shipped: i64) -> Self {
        Self { on_hand, reserved, backordered: 0, waitlisted: 0, shipped }
    }
}

/// What the gateway says became of the money, over all cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub authorized: i64,
    pub held: i64,
    pub captured: i64,
    pub voided: i64,
    /// Releases for which two holds stand.
    pub doubled: usize,
}

impl Money {
    /// All of `authorized` is held, taken, or let go.
    #[must_use]
    pub const fn of(held: i64, captured: i64, voided: i64) -> Self {
        Self { authorized: held + captured + voided, held, captured, voided, doubled: 0 }
    }
}

impl Client {
    /// Submits an order that is good; gives its number.
    ///
    /// # Panics
    /// It is not accepted.
    pub async fn accepted(&mut self, order: Value) -> String {
        self.submitted(order, "accepted").await
    }

    /// Submits an order that ends so; gives its number.
    ///
    /// # Panics
    /// It ends otherwise.
    pub async fn submitted(&mut self, order: Value, outcome: &str) -> String {
        let answer = self.ask("order.submit.v1", order).await;
        assert_eq!(answer["outcome"], outcome, "{answer}");
        answer["order"].as_str().expect("an order number").to_owned()
    }

    /// Sends a command and waits for its answer.
    pub async fn ask(&mut self, kind: &str, body: Value) -> Value {
        let id = self.send(kind, body).await;
        self.answer_to(&id).await
    }

    /// Asks to cancel, and waits for the answer: its outcome and code.
    pub async fn cancel(&mut self, order: &str, reference: &str) -> (String, Option<String>) {
        let answer = self.ask("order.cancel.v1", cancel(order, reference)).await;
        assert_eq!((&answer["order"], &answer["reference"]), (&json!(order), &json!(reference)), "{answer}");
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        (text("outcome").unwrap_or_default(), text("code"))
    }

    /// The next shipment that the warehouse is asked for of this order.
    pub async fn asked_to_ship(&mut self, order: &str) -> Value {
        let fits =
            |event: &Value| event["type"] == "shipment.requested.v1" && event["data"]["order"] == order;
        self.next("a shipment request", fits).await["data"].clone()
    }
}

/// An `order.cancel` as a store writes it.
#[must_use]
pub fn cancel(order: &str, reference: &str) -> Value {
    json!({ "reference": reference, "order": order, "reason": "changed my mind" })
}

/// What the warehouse says of a whole shipment that it packed; `parcel` chooses one of a few good tracking numbers.
#[must_use]
pub fn packed(asked: &Value, parcel: usize) -> Value {
    let tracking = ["9400111206206406260787", "9361289878700317633795"][parcel - 1];
    json!({ "shipment": asked["shipment"], "carrier": "usps", "tracking": tracking, "packed_at": now(), "lines": asked["lines"] })
}

/// What the warehouse says of a shipment of which it finds nothing.
#[must_use]
pub fn nothing_found(asked: &Value) -> Value {
    json!({ "shipment": asked["shipment"], "missing": asked["lines"] })
}

impl TestHouse {
    /// The units of a product.
    ///
    /// # Panics
    /// It is not listed.
    #[must_use]
    pub fn stock(&self, item: &str) -> Stock {
        let products = self.oms_json(&["products", "list"]);
        let products = products.as_array().expect("products");
        let of = products.iter().find(|product| product["item"] == item);
        let of = of.unwrap_or_else(|| panic!("{item} is listed"));
        Stock {
            on_hand: number(&of["on_hand"]),
            reserved: number(&of["reserved"]),
            backordered: number(&of["backordered"]),
            waitlisted: number(&of["waitlisted"]),
            shipped: number(&of["shipped"]),
        }
    }

    /// Waits until a product has these units.
    pub async fn until_stock(&self, item: &str, wanted: Stock) {
        self.until(&format!("{item} has {wanted:?}"), |house| house.stock(item) == wanted).await;
    }

    /// Waits until the gateway says this of the money, and that no card is held or charged twice.
    ///
    /// # Panics
    /// It does not come to say it.
    pub async fn until_money(&self, wanted: Money) {
        let begun = Instant::now();
        loop {
            let money = self.money().await;
            if money == wanted {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the gateway says {money:?}, wanted {wanted:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the gateway holds, took and let go.
    pub async fn money(&self) -> Money {
        let ledger = self.gateway_ledger().await;
        let of = |name: &str| number(&ledger["total"][name]);
        Money {
            authorized: of("authorized"),
            held: of("held"),
            captured: of("captured"),
            voided: of("canceled"),
            doubled: ledger["doubled"].as_array().map_or(0, Vec::len),
        }
    }

    /// Waits until a metric of a process has such a value.
    ///
    /// # Panics
    /// It does not come to have it.
    pub async fn until_metric(&self, process: &str, name: &str, fits: impl Fn(f64) -> bool) {
        let begun = Instant::now();
        loop {
            let value = self.metrics(process).await.get(name).copied();
            if value.is_some_and(&fits) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} is {value:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// An order's status, in the operator's word; empty while nothing was heard of it.
    ///
    /// # Panics
    /// The operator's program prints something else than an order.
    #[must_use]
    pub fn status(&self, order: &str) -> String {
        let shown = self.oms(&["--json", "orders", "show", order]);
        if shown.err.contains("nothing was ever heard") {
            return String::new();
        }
        let view: Value =
            serde_json::from_str(&shown.out).unwrap_or_else(|_| panic!("order {order}: {}", shown.err));
        view["status"].as_str().expect("a status").to_owned()
    }

    /// Waits until the operator reads this status.
    pub async fn until_status(&self, order: &str, status: &str) {
        self.until(&format!("{order} is {status}"), |house| house.status(order) == status).await;
    }

    /// An order's history, oldest first, as `what (detail)`.
    #[must_use]
    pub fn history(&self, order: &str) -> Vec<String> {
        let view = self.oms_json(&["orders", "show", order]);
        let entry = |entry: &Value| {
            let detail = entry["detail"].as_str().map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("{}{detail}", entry["what"].as_str().unwrap_or_default())
        };
        view["history"].as_array().expect("a history").iter().map(entry).collect()
    }

    /// Open tasks of an order, as `room kind`.
    #[must_use]
    pub fn tasks(&self, order: &str) -> Vec<String> {
        let tasks = self.oms_json(&["tasks", "list"]);
        let tasks = tasks.as_array().expect("tasks").iter().filter(|task| task["order"] == order);
        tasks.map(|task| format!("{} {}", task["room"], task["kind"]).replace('"', "")).collect()
    }

    /// How often lifecycle has heard such a fact of an order so far.
    pub async fn facts(&self, order: &str, kind: &str) -> i64 {
        let sql = format!(
            "SELECT count(*) FROM lifecycle.facts WHERE order_number = '{order}' AND kind = '{kind}'"
        );
        self.count(&sql).await
    }

    /// Lets the time of a due row come now, once the room has written it.
    pub async fn comes_due(&self, room: &str, kind: &str, key: &str) {
        let row = format!("{room}.due WHERE kind = '{kind}' AND key = '{key}'");
        self.until_count(
            &format!("{kind} of {key} is due one day"),
            &format!("SELECT count(*) FROM {row}"),
            1,
        )
        .await;
        self.execute(&format!(
            "UPDATE {room}.due SET due_at = now() WHERE kind = '{kind}' AND key = '{key}'"
        ))
        .await;
    }

    /// What a minute does: rows that were left in an outbox become old. Only for a house in which nothing runs. The leases
    /// of a dead process's calls need no time: they end with it.
    pub async fn time_passes(&self) {
        for room in Room::ALL {
            self.execute(&format!("UPDATE {room}.outbox SET next_at = next_at - interval '60 seconds'"))
                .await;
        }
    }

    /// Lets so many hours pass for what lifecycle knows of an order.
    pub async fn hours_pass(&self, order: &str, hours: u32) {
        self.execute(&format!(
            "UPDATE lifecycle.facts SET state = jsonb_set(state, '{{time}}', to_jsonb(to_char(
                (state->>'time')::timestamptz AT TIME ZONE 'UTC' - interval '{hours} hours', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')))
             WHERE order_number = '{order}'"
        ))
        .await;
    }

    /// The number that an order of this sender and reference will have. Only who holds the house's keys can tell.
    ///
    /// # Panics
    /// The key file is not readable.
    #[must_use]
    pub fn order_number(&self, sender: &str, reference: &str) -> OrderNumber {
        let keys = std::fs::read_to_string(self.setting("OMS_KEYS_FILE")).expect("keys init wrote it");
        Keyring::from_json(&keys)
            .and_then(|ring| ring.order_number(sender, reference))
            .expect("the keys of this quarter")
    }
}
