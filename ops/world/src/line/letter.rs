//! A letter: one AMQP message as it will be sent, once or again. It carries what an outsider says and is also able
//! to carry nonsense, since real senders send that too.

use lapin::BasicProperties;
use messages::Event;
use messages::envelope::encode;

use super::link::{Link, short};

/// The most events that one letter of an outsider holds.
const EVENTS_MAX: usize = 50;
/// The most bytes of such a letter; a message from outside may have 64 KiB, its frame included.
const BYTES_MAX: usize = 48 * 1024;
/// What an event needs beside its data.
const ENVELOPE_BYTES: usize = 512;
const PERSISTENT: u8 = 2;

/// One AMQP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub(super) routing_key: String,
    content_type: String,
    pub(super) message_id: String,
    /// Of a single event: its type and its time in seconds since 1970.
    kind: Option<String>,
    timestamp: Option<u64>,
    pub(super) body: Vec<u8>,
}

impl Letter {
    /// A letter of events of one kind, which is also its routing key.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let key = events.first().map(|event| event.kind.clone()).unwrap_or_default();
        Self::under(&key, events)
    }

    /// A letter of events under a routing key that need not be theirs.
    #[must_use]
    pub fn under(routing_key: &str, events: &[Event]) -> Self {
        let (content_type, body) = encode(events);
        let single = match events {
            [event] => Some(event),
            _ => None,
        };
        Self {
            routing_key: routing_key.to_owned(),
            content_type: content_type.to_owned(),
            message_id: events.first().map(|event| event.id.clone()).unwrap_or_default(),
            kind: single.map(|event| event.kind.clone()),
            timestamp: single.and_then(|event| u64::try_from(event.time.unix_timestamp()).ok()),
            body,
        }
    }

    /// A letter of any bytes under any content type.
    #[must_use]
    pub fn raw(routing_key: &str, content_type: &str, message_id: &str, body: Vec<u8>) -> Self {
        Self {
            routing_key: routing_key.to_owned(),
            content_type: content_type.to_owned(),
            message_id: message_id.to_owned(),
            kind: None,
            timestamp: None,
            body,
        }
    }

    /// As few letters as hold the events, in their order; neighbours of one kind share a letter.
    #[must_use]
    pub fn batches(events: &[Event]) -> Vec<Self> {
        let mut letters = Vec::new();
        let mut begun = 0;
        let mut bytes = 0;
        for (at, event) in events.iter().enumerate() {
            let size = event.data.get().len() + ENVELOPE_BYTES;
            let is_full = at - begun == EVENTS_MAX || bytes + size > BYTES_MAX;
            if at > begun && (is_full || event.kind != events[begun].kind) {
                letters.push(Self::of(&events[begun..at]));
                begun = at;
                bytes = 0;
            }
            bytes += size;
        }
        if begun < events.len() {
            letters.push(Self::of(&events[begun..]));
        }
        letters
    }

    pub(super) fn properties(&self, link: &Link) -> BasicProperties {
        let mut properties = BasicProperties::default()
            .with_content_type(short(&self.content_type))
            .with_delivery_mode(PERSISTENT)
            .with_message_id(short(&self.message_id))
            .with_user_id(short(link.user()))
            .with_app_id(short(link.name()));
        if let Some(kind) = &self.kind {
            properties = properties.with_type(short(kind));
        }
        if let Some(timestamp) = self.timestamp {
            properties = properties.with_timestamp(timestamp);
        }
        properties
    }
}

#[cfg(test)]
mod tests {
    use messages::envelope::{BATCH, OUTSIDE_BYTES_MAX, SINGLE, decode};
    use messages::order::OrderSubmit;
    use messages::shipment::{ShipmentPacked, ShipmentShort};
    use messages::{Body, Timestamp};

    use super::super::event;
    use super::*;

    #[test]
    fn batches_keep_order_and_kind_and_stay_small() {
        let mut events: Vec<Event> = (0..120).map(packed).collect();
        events.insert(60, short_of(200));
        let letters = Letter::batches(&events);
        let sizes: Vec<usize> = letters.iter().map(|letter| read(letter).len()).collect();
        assert_eq!(sizes, [50, 10, 1, 50, 10]);
        let ids: Vec<String> = letters.iter().flat_map(read).collect();
        let expected: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
        assert_eq!(ids, expected);
        assert_eq!((&*letters[2].routing_key, &*letters[2].content_type), ("shipment.short.v1", SINGLE));
        assert_eq!((&*letters[3].routing_key, &*letters[3].content_type), ("shipment.packed.v1", BATCH));
    }

    #[test]
    fn no_letter_is_larger_than_the_system_takes() {
        let mut order = OrderSubmit::sample();
        order.contact.name = "n".repeat(8_000);
        let events: Vec<Event> =
            (0..30).map(|n| event("web-store", format!("e{n}"), at(), "order", &order)).collect();
        let letters = Letter::batches(&events);
        assert!(letters.len() > 1);
        assert!(letters.iter().all(|letter| letter.body.len() <= OUTSIDE_BYTES_MAX));
        assert!(Letter::batches(&[]).is_empty());
    }

    fn read(letter: &Letter) -> Vec<String> {
        let events = decode(Some(&letter.content_type), &letter.body).unwrap();
        events.into_iter().map(|event| event.unwrap().id).collect()
    }

    fn packed(n: usize) -> Event {
        event("warehouse", format!("e{n}"), at(), "parcel", &ShipmentPacked::sample())
    }

    fn short_of(n: usize) -> Event {
        event("warehouse", format!("e{n}"), at(), "parcel", &ShipmentShort::sample())
    }

    fn at() -> Timestamp {
        Timestamp::parse("2026-01-02T03:04:05Z").unwrap()
    }
}
