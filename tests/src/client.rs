//! An outsider in a test: publishes on `oms.in` under its own user and reads its own queue. It uses no code of the
//! shell, so that it sees what any client would see.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use serde_json::{Value, json};

use crate::TestHouse;

/// One outsider.
pub struct Client {
    name: String,
    channel: Channel,
    answers: Consumer,
    waiting: Vec<Value>,
    // Dropping the connection would close the channel.
    _connection: Connection,
}

fn short(text: &str) -> ShortString {
    ShortString::try_new(text).expect("a short text")
}

impl Client {
    /// Connects as this outsider, with the password of the house's users file.
    ///
    /// # Panics
    /// The broker refuses.
    pub async fn open(house: &TestHouse, name: &str) -> Self {
        let users = std::fs::read_to_string(house.setting("OMS_CREDENTIALS_FILE")).expect("topology apply wrote it");
        let users: BTreeMap<String, String> = serde_json::from_str(&users).expect("JSON");
        let url = house.setting("OMS_AMQP_URL");
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let url = format!("{scheme}://{name}:{}@{host}", users[name]);
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.expect("the outsider may log in");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let queue = format!("oms.out.{name}");
        let answers = channel
            .basic_consume(short(&queue), short("test"), BasicConsumeOptions::default(), FieldTable::default())
            .await
            .expect("the outsider may read its own queue");
        Self { name: name.to_owned(), channel, answers, waiting: Vec::new(), _connection: connection }
    }

    /// Publishes an event made of this body; gives its id.
    ///
    /// # Panics
    /// The broker does not take it.
    pub async fn send(&self, kind: &str, body: Value) -> String {
        let id = uuid::Uuid::now_v7().to_string();
        self.send_as(&id, kind, kind, body).await;
        id
    }

    /// The same under a chosen id and routing key.
    ///
    /// # Panics
    /// The broker does not take it.
    pub async fn send_as(&self, id: &str, kind: &str, key: &str, body: Value) {
        let event = event(&self.name, id, kind, &body);
        self.publish(key, Some("application/cloudevents+json"), event.to_string().as_bytes(), id).await;
    }

    /// Publishes raw bytes.
    ///
    /// # Panics
    /// The broker does not take them.
    pub async fn publish(&self, key: &str, content_type: Option<&str>, bytes: &[u8], message_id: &str) {
        let mut properties = BasicProperties::default().with_user_id(short(&self.name)).with_message_id(short(message_id)).with_delivery_mode(2);
        if let Some(content_type) = content_type {
            properties = properties.with_content_type(short(content_type));
        }
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirm = self.channel.basic_publish(short("oms.in"), short(key), options, bytes, properties).await.expect("published");
        assert_eq!(confirm.await.expect("confirmed"), Confirmation::Ack(None), "{key} is taken");
    }

    /// The next message of this outsider's queue that fits.
    ///
    /// # Panics
    /// None comes in time.
    pub async fn next(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&fits) {
            return self.waiting.remove(at);
        }
        loop {
            let delivery = tokio::time::timeout(Duration::from_secs(60), self.answers.next()).await;
            let delivery = delivery.unwrap_or_else(|_| panic!("{what} does not come; there are {:?}", self.waiting)).expect("the queue stays").expect("readable");
            self.channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await.expect("acked");
            let read: Value = serde_json::from_slice(&delivery.data).expect("what comes out is JSON");
            match read {
                Value::Array(events) => self.waiting.extend(events),
                event => self.waiting.push(event),
            }
            if let Some(at) = self.waiting.iter().position(&fits) {
                return self.waiting.remove(at);
            }
        }
    }

    /// The answer to the event with this id.
    ///
    /// # Panics
    /// None comes in time.
    pub async fn answer_to(&mut self, id: &str) -> Value {
        self.next(&format!("the answer to {id}"), |event| event["type"] == "command.answered.v1" && event["data"]["answers"] == id).await["data"].clone()
    }
}

/// A CloudEvents event as an outsider writes it.
#[must_use]
pub fn event(source: &str, id: &str, kind: &str, body: &Value) -> Value {
    let now = shell::clock::now().format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    json!({ "specversion": "1.0", "id": id, "source": format!("/{source}"), "type": kind, "time": now, "data": body })
}
