//! Parcels from the packing table to the door, or back: what the store, the warehouse and the carriers say about one
//! order, what its customer reads, and what staff see of its case.

use std::io::Write as _;
use std::process::Stdio;

use messages::sealed::Keyring;
use serde_json::{Value, json};

use crate::client::Client;
use crate::orders::at;
use crate::{Output, TestHouse};

/// Headlines of mails about cases.
pub const QUESTION: &str = "we need your answer about a parcel";
pub const REMINDER: &str = "we still need your answer about a parcel";
pub const REFUNDED: &str = "money goes back to you";

/// Digits of a USPS number before its serial number: a service, and the mailer.
const MAILER: &str = "94001118";

/// The outsiders that a parcel knows.
pub struct Trade {
    pub store: Client,
    pub warehouse: Client,
    pub carriers: Client,
    parcels: u64,
}

/// One parcel on its way.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub order: String,
    pub shipment: String,
    pub tracking: String,
    /// What the warehouse was asked for.
    pub asked: Value,
}

/// What a mail of a question shows for the answer.
#[derive(Debug, Clone)]
pub struct Question {
    /// The opaque token of its link.
    pub token: String,
    /// The code for typing.
    pub code: String,
}

impl Trade {
    /// A house with these settings, all rooms, a mail sink, and these units on the shelf; and its outsiders.
    pub async fn house(
        test: &str,
        settings: &[(&str, &str)],
        products: &[Value],
        stock: &[(&str, u32)],
    ) -> (TestHouse, Self) {
        let mut house = TestHouse::new(test).await;
        for (name, value) in settings {
            house.set(name, value);
        }
        house.start_mail_sink().await;
        house.start_rooms("rooms", "all").await;
        house.define(products, stock).await;
        let trade = Self::open(&house).await;
        (house, trade)
    }

    pub async fn open(house: &TestHouse) -> Self {
        let store = Client::open(house, "web-store").await;
        let warehouse = Client::open(house, "warehouse").await;
        let carriers = Client::open(house, "carriers").await;
        Self { store, warehouse, carriers, parcels: 0 }
    }

    /// Orders, and packs the one parcel of the order.
    pub async fn parcel(&mut self, order: Value) -> Parcel {
        let number = self.store.accepted(order).await;
        self.pack(&number).await
    }

    /// Packs the next parcel that is asked for of an order, just now.
    pub async fn pack(&mut self, order: &str) -> Parcel {
        self.pack_at(order, 0).await
    }

    /// The same, so many seconds from now.
    pub async fn pack_at(&mut self, order: &str, seconds: i64) -> Parcel {
        let asked = self.warehouse.asked_to_ship(order).await;
        self.parcels += 1;
        let tracking = tracking_number(self.parcels);
        let body = json!({
            "shipment": asked["shipment"], "carrier": "usps", "tracking": tracking, "packed_at": at(seconds), "lines": asked["lines"],
        });
        self.warehouse.send("shipment.packed.v1", body).await;
        let shipment = asked["shipment"].as_str().expect("a shipment").to_owned();
        Parcel { order: order.to_owned(), shipment, tracking, asked }
    }

    /// A carrier's scan with this code, so many minutes after now.
    pub async fn scan(&self, parcel: &Parcel, code: &str, minutes: i64) {
        self.carriers.send("carrier.scan.v1", parcel.scan(code, minutes)).await;
    }

    /// It is back at the sender: the ordinary scan of a delivery, to us.
    pub async fn come_back(&self, parcel: &Parcel, minutes: i64) {
        let mut scan = parcel.scan("01", minutes);
        scan["to_sender"] = json!(true);
        self.carriers.send("carrier.scan.v1", scan).await;
    }

    /// The warehouse opens what came back; its answer's outcome.
    pub async fn scan_in(&mut self, parcel: &Parcel, condition: &str) -> String {
        let body = json!({
            "reference": format!("DOCK-{}", parcel.tracking), "shipment": parcel.shipment, "condition": condition, "received_at": at(0),
        });
        outcome(&self.warehouse.ask("case.receive.v1", body).await)
    }

    /// The customer answers on the store's page; outcome, or the code of the refusal.
    pub async fn answer(&mut self, parcel: &Parcel, reference: &str, token: &str, wish: Value) -> String {
        let mut body = json!({ "reference": reference, "case": parcel.shipment, "token": token });
        body.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
        outcome(&self.store.ask("case.answer.v1", body).await)
    }
}

impl Parcel {
    /// A carrier's scan.
    #[must_use]
    pub fn scan(&self, code: &str, minutes: i64) -> Value {
        json!({ "carrier": "usps", "tracking": self.tracking, "code": code, "scanned_at": at(minutes * 60) })
    }

    /// The release that it holds.
    ///
    /// # Panics
    /// Its shipment's id is none.
    #[must_use]
    pub fn release(&self) -> &str {
        self.shipment.rsplit_once('.').expect("a shipment's id").0
    }
}

/// What a customer wants: the money.
#[must_use]
pub fn refund() -> Value {
    json!({ "wish": "refund" })
}

/// What a customer wants: the parcel, at another address if one is given.
#[must_use]
pub fn reship(address: Option<Value>) -> Value {
    match address {
        Some(address) => json!({ "wish": "reship", "address": address }),
        None => json!({ "wish": "reship" }),
    }
}

/// The outcome of an answer, or the code of its refusal.
#[must_use]
pub fn outcome(answer: &Value) -> String {
    let word = if answer["outcome"] == "refused" { &answer["code"] } else { &answer["outcome"] };
    word.as_str().unwrap_or_default().to_owned()
}

/// An Intelligent Mail package barcode of 22 digits (USPS Publication 199), with its check digit.
#[must_use]
pub fn tracking_number(serial: u64) -> String {
    let digits = format!("{MAILER}{serial:013}");
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([3, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

impl TestHouse {
    /// Runs `oms` to its end with this on its standard input.
    ///
    /// # Panics
    /// The program does not start.
    #[must_use]
    pub fn oms_fed(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command("oms");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("oms starts");
        // A program that ends without reading closes the pipe, which its exit code tells.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        Output {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Where a parcel's case stands: `opened`, `asked`, `awaiting`, `person`, `reship`, `refund`, `closed`; empty
    /// without one.
    #[must_use]
    pub fn case_of(&self, shipment: &str) -> String {
        let cases = self.oms_json(&["cases", "list", "--all"]);
        let case = cases.as_array().expect("cases").iter().find(|case| case["case"] == shipment).cloned();
        let case = case.unwrap_or_default();
        case["resolution"].as_str().or(case["step"].as_str()).unwrap_or_default().to_owned()
    }

    /// Waits until the house knows that a parcel has come back.
    pub async fn until_back(&self, shipment: &str) {
        let is_back = |house: &Self| house.oms_json(&["cases", "show", shipment])["back"] == true;
        self.until(&format!("{shipment} is back"), is_back).await;
    }

    /// Waits until a parcel's case stands there.
    pub async fn until_case(&self, shipment: &str, step: &str) {
        self.until(&format!("the case of {shipment} is {step}"), |house| house.case_of(shipment) == step)
            .await;
    }

    /// Of a parcel that was packed long ago: waits until tracking has left a day for its scans, and lets that day pass.
    pub async fn until_lost_timer(&self) {
        let waits =
            "SELECT count(*) FROM tracking.due WHERE kind = 'lost' AND due_at > now() + interval '23 hours'";
        self.until_count("a day is left for its scans", waits, 1).await;
        self.execute("UPDATE tracking.due SET due_at = now() WHERE kind = 'lost'").await;
    }

    /// Waits for the mail of this headline about an order, and gives its text.
    pub async fn mailed(&self, order: &str, headline: &str) -> String {
        self.until_mailed(order, headline, 1).await;
        self.mail_text(order, headline)
    }

    /// Waits until so many mails of this headline about an order are in the sink.
    ///
    /// # Panics
    /// They do not come.
    pub async fn until_mailed(&self, order: &str, headline: &str, wanted: usize) {
        for _ in 0..crate::PATIENCE.as_millis() / 50 {
            let mails = self.subjects(order).await.iter().filter(|subject| *subject == headline).count();
            if mails == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("no `{headline}` about {order}: there are {:?}", self.subjects(order).await);
    }

    /// The token that the mail of this contact holds. Only who holds the house's keys can tell.
    ///
    /// # Panics
    /// The key file is not readable.
    #[must_use]
    pub fn case_token(&self, shipment: &str, contact: u16) -> String {
        let keys = std::fs::read_to_string(self.setting("OMS_KEYS_FILE")).expect("keys init wrote it");
        Keyring::from_json(&keys)
            .and_then(|ring| ring.token("case", shipment, contact))
            .expect("the house's own keys")
    }

    /// What the mail of a question shows for the answer.
    pub async fn question(&self, order: &str, headline: &str) -> Question {
        let text = self.mailed(order, headline).await;
        // The `=` of a link is written as `=3D` in quoted-printable text.
        let text = text.replace("=3D", "=");
        let after = |mark: &str| {
            let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("`{mark}` stands in: {text}"));
            rest.split_whitespace().next().unwrap_or_default().to_owned()
        };
        Question { token: after("&t="), code: after("Answer code: ") }
    }
}
