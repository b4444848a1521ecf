//! Hears kinds of messages as they pass the exchange `oms`, with the moment of each. It is one more transient queue for
//! the broker and must never be more than that: it is bound to the kinds that are asked for only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use messages::Kind;
use messages::envelope::decode;
use messages::topology::OMS;
use serde::Deserialize;
use shell::wire::short;
use tokio::sync::watch;

/// What was heard so far.
pub(super) struct Heard {
    by_kind: Mutex<HashMap<Kind, Vec<(String, Instant)>>>,
    events: watch::Sender<usize>,
}

impl Heard {
    /// Order numbers of the events of a kind and when each was heard, in that order.
    pub(super) fn of(&self, kind: Kind) -> Vec<(String, Instant)> {
        self.by_kind.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).cloned().unwrap_or_default()
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.by_kind.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).map_or(0, Vec::len)
    }

    /// Changes whenever something was heard.
    pub(super) fn news(&self) -> watch::Receiver<usize> {
        self.events.subscribe()
    }
}

pub(super) struct Tap {
    pub(super) heard: Arc<Heard>,
    // Dropping the connection ends the listening and deletes the queue.
    _connection: Connection,
}

#[derive(Deserialize)]
struct OfOrder {
    order: String,
}

impl Tap {
    /// Listens from now on.
    pub(super) async fn open(url: &str, kinds: &[Kind]) -> Self {
        let connection =
            Connection::connect(url, ConnectionProperties::default()).await.expect("the broker answers");
        let channel = connection.create_channel().await.expect("a channel");
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare("".into(), options, FieldTable::default()).await.expect("declared");
        for kind in kinds {
            let (queue, key) = (queue.name().clone(), short(kind.name()));
            let bind = channel.queue_bind(
                queue,
                short(OMS),
                key,
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            bind.await.expect("bound");
        }
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let mut messages = channel
            .basic_consume(queue.name().clone(), "tap".into(), options, FieldTable::default())
            .await
            .expect("consuming");
        let heard = Arc::new(Heard { by_kind: Mutex::default(), events: watch::Sender::new(0) });
        let into = Arc::clone(&heard);
        tokio::spawn(async move {
            // The channel must live as long as its consumer.
            let _channel = channel;
            while let Some(Ok(delivery)) = messages.next().await {
                let now = Instant::now();
                let content_type = delivery.properties.content_type().as_ref().map(|text| text.as_str());
                let events = decode(content_type, &delivery.data).expect("rooms write what can be read");
                let count = events.len();
                let mut by_kind = into.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
                for event in events.into_iter().flatten() {
                    let Some(kind) = Kind::parse(&event.kind) else { continue };
                    let of: OfOrder = serde_json::from_str(event.data.get()).expect("it names its order");
                    by_kind.entry(kind).or_default().push((of.order, now));
                }
                drop(by_kind);
                into.events.send_modify(|events| *events += count);
            }
        });
        Self { heard, _connection: connection }
    }
}
