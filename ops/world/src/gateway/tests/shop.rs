//! A gateway on a port of its own and a caller that has its key. It must never look inside the gateway.

use crate::gateway::{Gateway, serve_gateway};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpListener;

pub(super) const KEY: &str = "sk_test_world";

pub(super) type Fields<'a> = &'a [(&'a str, &'a str)];

pub(super) struct Shop {
    pub(super) base: String,
    pub(super) client: reqwest::Client,
}

impl Shop {
    pub(super) async fn open() -> Self {
        // The client is built with TLS even for plain HTTP; another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let gateway = Gateway::new(KEY).hanging_for(Duration::ZERO);
        tokio::spawn(serve_gateway(listener, gateway));
        Self { base, client: reqwest::Client::new() }
    }

    pub(super) async fn authorize(&self, token: &str, reference: &str) -> Value {
        self.post("/v1/payment_intents", &intent(token, reference), 200).await
    }

    pub(super) fn request(&self, path: &str, fields: Fields<'_>) -> reqwest::RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(KEY);
        if fields.is_empty() { request } else { request.form(fields) }
    }

    pub(super) async fn post(&self, path: &str, fields: Fields<'_>, status: u16) -> Value {
        read(self.request(path, fields), path, status).await
    }

    pub(super) async fn get(&self, path: &str, status: u16) -> Value {
        read(self.client.get(format!("{}{path}", self.base)).bearer_auth(KEY), path, status).await
    }

    pub(super) async fn keyed(&self, key: &str, fields: Fields<'_>) -> (u16, Value) {
        let request = self.request("/v1/payment_intents", fields).header("idempotency-key", key);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(super) async fn control(&self, control: Value) {
        let answer = self.client.post(format!("{}/_control", self.base)).json(&control).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    /// Every ledger that any test reads balances.
    pub(super) async fn ledger(&self) -> Value {
        let ledger = self.get("/_ledger", 200).await;
        let sum = |name: &str| ledger["total"][name].as_u64().unwrap();
        let parts = ["captured", "canceled", "released", "held", "expired"].map(sum);
        assert_eq!(sum("authorized"), parts.iter().sum::<u64>(), "{ledger}");
        ledger
    }
}

async fn read(request: reqwest::RequestBuilder, path: &str, status: u16) -> Value {
    let answer = request.send().await.unwrap();
    let found = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(found, status, "{path}: {body}");
    body
}

/// A hold of 5000 for this reference, which is also its order.
pub(super) fn intent<'a>(token: &'a str, reference: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("amount", "5000"),
        ("currency", "usd"),
        ("payment_method", token),
        ("capture_method", "manual"),
        ("confirm", "true"),
        ("metadata[reference]", reference),
        ("metadata[order]", reference),
    ]
}

pub(super) fn path(intent: &Value, rest: &str) -> String {
    format!("/v1/payment_intents/{}{rest}", id(intent))
}

pub(super) fn id(intent: &Value) -> &str {
    intent["id"].as_str().unwrap()
}

/// Only the fields that are named.
pub(super) fn assert_fields(found: &Value, expected: Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&found[name], value, "{name} in {found}");
    }
}
