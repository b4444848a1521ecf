//! An outsider in a test: publishes on `oms.in` under its own user and reads its own queue. It uses no code of the
//! shell, so that it sees what any client would see.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use serde_json::{Value, json};

use crate::TestHouse;

/// The sending half of an outsider: a connection of its own on which it publishes.
pub struct Submitter {
    name: String,
    channel: Channel,
    // Dropping the connection would close the channel.
    _connection: Connection,
}

/// One outsider with its queue.
pub struct Client {
    sending: Submitter,
    answers: Consumer,
    waiting: Vec<Value>,
}

fn short(text: &str) -> ShortString {
    ShortString::try_new(text).expect("a short text")
}

impl Submitter {
    /// Connects as this outsider, with the password of the house's users file.
    ///
    /// # Panics
    /// The broker refuses.
    pub async fn open(house: &TestHouse, name: &str) -> Self {
        Self::open_at(&house.amqp_url_of(name), name).await
    }

    /// Connects by this address, as whoever it names, and says that it is `name`.
    ///
    /// # Panics
    /// The broker refuses.
    pub async fn open_at(url: &str, name: &str) -> Self {
        let connection =
            Connection::connect(url, ConnectionProperties::default()).await.expect("the outsider may log in");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { name: name.to_owned(), channel, _connection: connection }
    }

    /// Publishes an event made of this body; gives its id.
    ///
    /// # Panics
    /// The broker does not take it.
    pub async fn send(&self, kind: &str, body: Value) -> String {
        let id = uuid::Uuid::now_v7().to_string();
        let event = event(&self.name, &id, kind, &body);
        self.publish(kind, Some("application/cloudevents+json"), event.to_string().as_bytes(), &id).await;
        id
    }

    /// Publishes raw bytes.
    ///
    /// # Panics
    /// The broker does not take them.
    pub async fn publish(&self, key: &str, content_type: Option<&str>, bytes: &[u8], message_id: &str) {
        let mut properties = BasicProperties::default()
            .with_user_id(short(&self.name))
            .with_message_id(short(message_id))
            .with_delivery_mode(2);
        if let Some(content_type) = content_type {
            properties = properties.with_content_type(short(content_type));
        }
        self.publish_with("oms.in", key, bytes, properties)
            .await
            .unwrap_or_else(|error| panic!("{key}: {error}"));
    }

    /// Publishes with properties of the test's own.
    ///
    /// # Errors
    /// The broker's words, if it does not take the message.
    pub async fn publish_with(
        &self,
        exchange: &str,
        key: &str,
        bytes: &[u8],
        properties: BasicProperties,
    ) -> Result<(), String> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirm = self
            .channel
            .basic_publish(short(exchange), short(key), options, bytes, properties)
            .await
            .map_err(|error| error.to_string())?;
        match confirm.await.map_err(|error| error.to_string())? {
            Confirmation::Ack(None) => Ok(()),
            other @ (Confirmation::Ack(Some(_)) | Confirmation::Nack(_) | Confirmation::NotRequested) => {
                Err(format!("{other:?}"))
            }
        }
    }
}

impl std::ops::Deref for Client {
    type Target = Submitter;

    fn deref(&self) -> &Submitter {
        &self.sending
    }
}

impl Client {
    /// Connects as this outsider, with the password of the house's users file.
    ///
    /// # Panics
    /// The broker refuses.
    pub async fn open(house: &TestHouse, name: &str) -> Self {
        let sending = Submitter::open(house, name).await;
        let queue = format!("oms.out.{name}");
        let answers = sending
            .channel
            .basic_consume(
                short(&queue),
                short("test"),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .expect("the outsider may read its own queue");
        Self { sending, answers, waiting: Vec::new() }
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
            let delivery = delivery
                .unwrap_or_else(|_| panic!("{what} does not come; there are {:?}", self.waiting))
                .expect("the queue stays")
                .expect("readable");
            self.channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await.expect("acked");
            let read: Value = serde_json::from_slice(&delivery.data).expect("what comes out is JSON");
            if let Value::Array(events) = read {
                self.waiting.extend(events);
            } else {
                self.waiting.push(read);
            }
            if let Some(at) = self.waiting.iter().position(&fits) {
                return self.waiting.remove(at);
            }
        }
    }

    /// Whether such a message came and was not asked for yet. It does not wait.
    #[must_use]
    pub fn has(&self, fits: impl Fn(&Value) -> bool) -> bool {
        self.waiting.iter().any(fits)
    }

    /// The answer to the event with this id.
    ///
    /// # Panics
    /// None comes in time.
    pub async fn answer_to(&mut self, id: &str) -> Value {
        self.next(&format!("the answer to {id}"), |event| {
            event["type"] == "command.answered.v1" && event["data"]["answers"] == id
        })
        .await["data"]
            .clone()
    }
}

/// A CloudEvents event as an outsider writes it.
#[must_use]
pub fn event(source: &str, id: &str, kind: &str, body: &Value) -> Value {
    let now = shell::clock::now().format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    json!({ "specversion": "1.0", "id": id, "source": format!("/{source}"), "type": kind, "time": now, "data": body })
}
