//! A queue that hears everything that passes an exchange, and what it heard.

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde_json::Value;

use crate::TestHouse;

/// One message as it passed.
pub struct Passed {
    pub exchange: String,
    pub key: String,
    pub properties: BasicProperties,
    pub bytes: Vec<u8>,
}

pub struct Tap {
    messages: Consumer,
    _channel: Channel,
    // Dropping the connection would close the channel.
    _connection: Connection,
}

impl Tap {
    /// Listens to these exchanges from now on.
    ///
    /// # Panics
    /// The broker refuses.
    pub async fn open(house: &TestHouse, exchanges: &[&str]) -> Self {
        let connection = Connection::connect(house.setting("OMS_AMQP_URL"), ConnectionProperties::default())
            .await
            .expect("the broker answers");
        let channel = connection.create_channel().await.expect("a channel");
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let queue = channel
            .queue_declare(ShortString::default(), options, FieldTable::default())
            .await
            .expect("declared");
        for exchange in exchanges {
            let exchange = ShortString::try_new(*exchange).expect("a short name");
            channel
                .queue_bind(
                    queue.name().clone(),
                    exchange,
                    "#".into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await
                .expect("bound");
        }
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let messages = channel
            .basic_consume(queue.name().clone(), "tap".into(), options, FieldTable::default())
            .await
            .expect("consuming");
        Self { messages, _channel: channel, _connection: connection }
    }

    /// Every message until so many events were heard.
    ///
    /// # Panics
    /// The broker goes away.
    pub async fn events(&mut self, wanted: i64) -> Vec<Passed> {
        let (mut said, mut heard) = (Vec::new(), 0);
        while heard < wanted {
            let passed = self.next().await;
            let body: Value = serde_json::from_slice(&passed.bytes).expect("JSON");
            heard += i64::try_from(body.as_array().map_or(1, Vec::len)).expect("few");
            said.push(passed);
        }
        said
    }

    /// Every message until one of this key on this exchange, which is the last.
    ///
    /// # Panics
    /// The broker goes away.
    pub async fn until(&mut self, exchange: &str, key: &str) -> Vec<Passed> {
        let mut said = Vec::new();
        loop {
            let passed = self.next().await;
            let is_last = passed.exchange == exchange && passed.key == key;
            said.push(passed);
            if is_last {
                return said;
            }
        }
    }

    async fn next(&mut self) -> Passed {
        let delivery = self.messages.next().await.expect("the queue stays").expect("readable");
        Passed {
            exchange: delivery.exchange.to_string(),
            key: delivery.routing_key.to_string(),
            properties: delivery.properties,
            bytes: delivery.data,
        }
    }
}
