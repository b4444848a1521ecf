//! The room, its client, and the gateway's stand-in on a port of its own.

#![allow(dead_code, reason = "every test file takes what it needs")]

use std::time::Duration;

use messages::Timestamp;
use messages::order::PaymentSection;
use messages::sealed::Section;
use payment::call::Answer;
use payment::{Gateway, GatewaySettings, Payment};
use serde_json::{Value, json};
use shell::stage::Stage;
use shell::worker::{Call, DueRow, Outside};
use tokio::net::TcpListener;

use super::*;

pub(crate) const KEY: &str = "sk_test_payment";

/// A room, its client, and a gateway on a port of its own.
pub(crate) struct Shop {
    pub(crate) stage: Stage<Payment>,
    pub(crate) gateway: Gateway,
    pub(crate) base: String,
    pub(crate) client: reqwest::Client,
    /// What the gateway's calls came to, in order.
    pub(crate) answers: Vec<String>,
    pub(crate) said: Vec<String>,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let world = world::gateway::Gateway::new(KEY).hanging_for(Duration::ZERO);
        tokio::spawn(world::gateway::serve_gateway(listener, world));
        let gateway = client(&base, KEY, Duration::from_secs(20));
        let stage = Stage::new(Payment::default());
        Self { stage, gateway, base, client: reqwest::Client::new(), answers: vec![], said: vec![] }
    }

    /// A release whose card has this token is ready.
    pub(crate) fn ready(&mut self, token: &str) {
        let section = section(token);
        let now = self.stage.now();
        let sealed =
            self.stage.ring.seal(Section::Payment, order().as_str(), 0, &section, now.0).expect("every key");
        self.stage.set_now(Timestamp(shell::clock::now()));
        let mut ready = ready();
        ready.payment = sealed;
        let said = self.stage.tell(&ready);
        self.note(&said);
    }

    pub(crate) fn dispatched(&mut self, shipment: u16, quantity: u32) {
        let said = self.stage.tell(&dispatched(shipment, vec![units(1, quantity)]));
        self.note(&said);
    }

    pub(crate) fn shorted(&mut self, quantity: u32) {
        let said = self.stage.tell(&shorted(1, vec![units(1, quantity)]));
        self.note(&said);
    }

    pub(crate) fn note(&mut self, said: &[shell::stage::Said]) {
        self.said.extend(said.iter().map(|said| said.kind.name().trim_end_matches(".v1").to_owned()));
    }

    pub(crate) fn row(&self) -> DueRow {
        calls(&self.stage).into_iter().next().expect("a call is due")
    }

    pub(crate) async fn perform(&self, row: DueRow, unknown: bool) -> (Answer, bool) {
        let reply = self.gateway.perform(&Call { due: row, unknown }, &self.stage.ring).await;
        (serde_json::from_str(reply.answer.get()).expect("an answer"), reply.far_side_down)
    }

    /// Makes the calls that are due, each as soon as it is, until none is.
    pub(crate) async fn run(&mut self) {
        for _ in 0..10_000 {
            let Some(row) = calls(&self.stage).into_iter().next() else { return };
            self.stage.set_now(row.due_at.max(self.stage.now()));
            let (answer, _) = self.perform(row.clone(), false).await;
            self.answers.push(word(&answer));
            let said = self.stage.answer_row(&row, &answer);
            self.note(&said);
        }
        panic!("the gateway never came to an end: {:?}", self.answers);
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> Value {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(KEY);
        let request = body.map_or_else(|| request.try_clone(), |body| Some(request.try_clone()?.json(&body)));
        let response = request.expect("no stream").send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// Somebody gives money back at the gateway itself.
    pub(crate) async fn refund_by_hand(&self, intent: &str, minor: u64) {
        let request = self.client.post(format!("{}/v1/refunds", self.base)).bearer_auth(KEY);
        let fields = [("payment_intent", intent.to_owned()), ("amount", minor.to_string())];
        let response = request.form(&fields).send().await.expect("an answer");
        assert!(response.status().is_success());
    }

    pub(crate) async fn ledger(&self) -> Value {
        let response = self.client.get(format!("{}/_ledger", self.base)).send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// Sums of the gateway's ledger, by name.
    pub(crate) async fn total<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        let ledger = self.ledger().await;
        assert_eq!(ledger["doubled"], json!([]), "nobody is held twice");
        names.map(|name| ledger["total"][name].as_u64().expect("a sum"))
    }
}

pub(crate) fn settings(url: &str, key: &str, timeout: Duration) -> GatewaySettings {
    GatewaySettings { url: url.to_owned(), secret_key: key.to_owned(), timeout, concurrency: 4 }
}

pub(crate) fn client(url: &str, key: &str, timeout: Duration) -> Gateway {
    Gateway::new(&settings(url, key, timeout)).expect("a good address")
}

pub(crate) fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn word(answer: &Answer) -> String {
    match answer {
        Answer::Authorized { .. } => "authorized".to_owned(),
        Answer::Declined { code, .. } => format!("declined {code}"),
        Answer::Captured { amount } => format!("captured {}", amount.minor()),
        Answer::CaptureDeclined { code } => format!("capture declined {code}"),
        Answer::Voided => "voided".to_owned(),
        Answer::Refunded { amount } => format!("refunded {}", amount.minor()),
        Answer::RefundDeclined { code } => format!("refund declined {code}"),
        Answer::NotFound => "not found".to_owned(),
        Answer::Unclear { key_is_spent: true, .. } => "unclear, key spent".to_owned(),
        Answer::Unclear { key_is_spent: false, .. } => "unclear".to_owned(),
        Answer::Misconfigured { .. } => "misconfigured".to_owned(),
    }
}

pub(crate) fn section(token: &str) -> PaymentSection {
    let billing = json!({
        "line1": "151 N Independence Mall E", "city": "Philadelphia", "state": "PA", "postal_code": "19106", "country": "US",
    });
    serde_json::from_value(json!({
        "token": token, "brand": "visa", "last_four": "4242", "expiry": "2029-01", "billing": billing,
    }))
    .expect("a payment section")
}
