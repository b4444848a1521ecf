//! The broker as its administrator sees it, by the management API: what lies in a queue, and what can be deleted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Method, Response, Url};
use serde_json::{Value, json};

use crate::TestHouse;

/// The management API of one house's vhost.
pub struct Broker {
    client: Client,
    base: Url,
    vhost: String,
}

impl Broker {
    #[must_use]
    pub fn of(house: &TestHouse) -> Self {
        let base = Url::parse(house.setting("OMS_RABBITMQ_MANAGEMENT_URL")).expect("a management address");
        Self { client: Client::new(), base, vhost: house.name().to_owned() }
    }

    async fn call(&self, method: Method, path: &[&str], body: Option<Value>) -> Response {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("a base address").pop_if_empty().push("api").extend(path);
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the management API answers");
        assert!(response.status().is_success(), "{path:?}: {}", response.status());
        response
    }

    /// The names of the vhost's queues.
    pub async fn queues(&self) -> Vec<String> {
        let queues: Vec<Value> =
            self.call(Method::GET, &["queues", &self.vhost], None).await.json().await.expect("JSON");
        queues.iter().map(|queue| queue["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// The messages of a queue, which stay in it: properties, headers and body as one text each.
    pub async fn peek(&self, queue: &str) -> Vec<String> {
        let ask = json!({ "count": 10_000, "ackmode": "ack_requeue_true", "encoding": "base64" });
        let found: Vec<Value> = self
            .call(Method::POST, &["queues", &self.vhost, queue, "get"], Some(ask))
            .await
            .json()
            .await
            .expect("JSON");
        found
            .into_iter()
            .map(|mut message| {
                let bytes = STANDARD.decode(message["payload"].as_str().expect("a payload")).expect("base64");
                message["payload"] = Value::String(String::from_utf8_lossy(&bytes).into_owned());
                // Not the JSON of the whole: it would escape what is searched for.
                format!("{} {}", message["payload"].as_str().unwrap_or_default(), message)
            })
            .collect()
    }

    /// Lets a user write keys that fit this pattern to `oms.in`.
    pub async fn let_write(&self, user: &str, pattern: &str) {
        let body = json!({ "exchange": "oms.in", "write": pattern, "read": ".*" });
        self.call(Method::PUT, &["topic-permissions", &self.vhost, user], Some(body)).await;
    }

    pub async fn delete_queue(&self, queue: &str) {
        self.call(Method::DELETE, &["queues", &self.vhost, queue], None).await;
    }

    /// Deletes the binding of a queue to an exchange with this key.
    pub async fn delete_binding(&self, exchange: &str, queue: &str, key: &str) {
        self.call(Method::DELETE, &["bindings", &self.vhost, "e", exchange, "q", queue, key], None).await;
    }

    /// Makes such a binding again.
    pub async fn make_binding(&self, exchange: &str, queue: &str, key: &str) {
        let body = json!({ "routing_key": key, "arguments": {} });
        self.call(Method::POST, &["bindings", &self.vhost, "e", exchange, "q", queue], Some(body)).await;
    }
}
