//! Messages that cannot be decided, each of a kind whose end is known. It must never send one whose parked copies cannot
//! be counted beforehand.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use messages::Kind;
use messages::topology::{IN, OMS};
use serde_json::{Value, json};
use shell::parking::ParkReason;

use super::line::{Line, short};
use crate::client::event;
use crate::orders::order;

const SINGLE: &str = "application/cloudevents+json";
const SENDER: &str = "web-store";

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Poison {
    BadJson,
    WrongType,
    UnknownVersion,
    TooLarge,
    /// A message between rooms that breaks off.
    Torn,
    /// Its decision panics.
    Panic,
    /// Its decision takes the process along.
    Abort,
}

impl Poison {
    pub(super) const ALL: [Self; 7] = [
        Self::BadJson,
        Self::WrongType,
        Self::UnknownVersion,
        Self::TooLarge,
        Self::Torn,
        Self::Panic,
        Self::Abort,
    ];

    const fn reason(self) -> ParkReason {
        match self {
            Self::BadJson | Self::Torn => ParkReason::Unreadable,
            Self::WrongType | Self::UnknownVersion => ParkReason::UnknownType,
            Self::TooLarge => ParkReason::TooLarge,
            Self::Panic => ParkReason::Panicked,
            Self::Abort => ParkReason::Poison,
        }
    }
}

/// Sends poison and knows what must come of it.
pub(super) struct Poisoner {
    store: Line,
    rooms: Line,
    /// Parked copies that must be found, by reason.
    pub(super) parked: BTreeMap<String, u64>,
}

impl Poisoner {
    /// By the store's login and by the administrator's.
    pub(super) fn new(store: String, rooms: String) -> Self {
        Self { store: Line::new(store), rooms: Line::new(rooms), parked: BTreeMap::new() }
    }

    /// Sends one and returns when the broker has it.
    pub(super) async fn send(&mut self, poison: Poison) {
        let id = uuid::Uuid::now_v7().to_string();
        let properties = BasicProperties::default()
            .with_content_type(short(SINGLE))
            .with_message_id(short(&id))
            .with_delivery_mode(2);
        let copies = if poison == Poison::Torn {
            let kind = Kind::ReleaseReady;
            let torn = format!("{{\"id\":\"{id}\",");
            self.rooms.insist(OMS, kind.name(), torn.as_bytes(), &properties).await;
            // Each reader parks its own copy, and audit reads everything.
            kind.read_by().len() as u64 + 1
        } else {
            let properties = properties.with_user_id(short(SENDER));
            self.store
                .insist(IN, Kind::OrderSubmit.name(), written(poison, &id).as_bytes(), &properties)
                .await;
            1
        };
        *self.parked.entry(poison.reason().name().to_owned()).or_default() += copies;
    }
}

fn written(poison: Poison, id: &str) -> String {
    let mut event = event(SENDER, id, Kind::OrderSubmit.name(), &order(id, 0, &[("22GA", 1)]));
    let mut change = |field: &str, value: &str| event[field] = json!(value);
    match poison {
        Poison::WrongType => change("type", "order.steal.v1"),
        Poison::UnknownVersion => change("type", "order.submit.v9"),
        Poison::Panic => change("subject", "oms:panic"),
        Poison::Abort => change("subject", "oms:abort"),
        Poison::TooLarge => event["data"]["note"] = Value::String("x".repeat(70_000)),
        Poison::BadJson | Poison::Torn => {
            let mut text = event.to_string();
            // Only the end: its reference must stay in it, for two of the same bytes are parked as one.
            text.pop();
            return text;
        }
    }
    event.to_string()
}
