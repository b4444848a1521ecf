//! Looking at parked messages: a line each, how many there are of each reason, and one of them decoded. It must never
//! print a value that may be about a person.

use std::collections::BTreeMap;

use messages::sealed::SEALED_PREFIX;
use messages::{Room, Timestamp};
use serde::Serialize;
use serde_json::Value;
use shell::clock;
use shell::config::Config;
use shell::parking::{ParkReason, ParkedRecord};

use super::fetch::{Fetched, fetch, one_of};
use super::filter::{Filter, age_text};
use crate::operator::Operator;
use crate::show;

/// What stands in the place of a value that is not shown, and of a sealed section.
pub(super) const HIDDEN: &str = "…";
pub(super) const SEALED: &str = "(sealed)";

/// Fields whose values are shown. All others may be about a person, known or not, and their names suffice for finding
/// out what is wrong.
const PLAIN: [&str; 52] = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "subject",
    "datacontenttype",
    "traceparent",
    "causationid",
    "reference",
    "order",
    "release",
    "shipment",
    "sender",
    "user",
    "agent",
    "room",
    "kind",
    "channel",
    "received_at",
    "brand",
    "gift",
    "method",
    "country",
    "item",
    "quantity",
    "unit_price",
    "delivery",
    "line",
    "shipping",
    "total",
    "amount",
    "currency",
    "carrier",
    "tracking",
    "code",
    "status",
    "to_sender",
    "scanned_at",
    "packed_at",
    "change",
    "price",
    "on_sale_at",
    "product_limit",
    "unusual_quantity",
    "pool",
    "limit",
    "coins_per_unit",
    "units",
    "hours",
    "version",
    "outcome",
];
/// Characters of a shown value at most; names and sentences have spaces besides.
const PLAIN_LENGTH_MAX: usize = 128;

/// How much of a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    All,
    Ids,
    Counts,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    record: &'a ParkedRecord,
    /// How often it lies in the queue; it counts once.
    copies: usize,
}

#[derive(Debug, Serialize)]
struct Count {
    room: Room,
    reason: ParkReason,
    messages: usize,
    oldest: Timestamp,
}

/// # Errors
/// The broker does not answer.
pub(super) async fn list(config: &Config, filter: &Filter, what: What, json: bool) -> Result<(), String> {
    let channel = Operator::open(config)?.channel().await?;
    let found = fetch(&channel, filter).await?;
    match what {
        What::Ids => {
            let ids: Vec<Value> = found
                .iter()
                .map(|one| serde_json::json!({ "id": one.record.id, "parked_at": one.record.parked_at }))
                .collect();
            show::print(json, &ids, || {
                found
                    .iter()
                    .map(|Fetched { record, .. }| format!("{} {}\n", record.id, record.parked_at))
                    .collect()
            })
        }
        What::Counts => {
            let counts = counts(&found);
            show::print(json, &counts, || {
                if counts.is_empty() { "nothing is parked\n".to_owned() } else { counts_table(&counts) }
            })
        }
        What::All => {
            let listed: Vec<Listed<'_>> =
                found.iter().map(|one| Listed { record: &one.record, copies: one.copies() }).collect();
            show::print(json, &listed, || table(&found))
        }
    }
}

fn counts(found: &[Fetched]) -> Vec<Count> {
    let mut groups: BTreeMap<(Room, ParkReason), Count> = BTreeMap::new();
    for Fetched { record, .. } in found {
        let (room, reason, oldest) = (record.room, record.reason, record.parked_at);
        let count = groups.entry((room, reason)).or_insert(Count { room, reason, messages: 0, oldest });
        count.messages += 1;
        count.oldest = count.oldest.min(oldest);
    }
    groups.into_values().collect()
}

fn table(found: &[Fetched]) -> String {
    if found.is_empty() {
        return "nothing is parked\n".to_owned();
    }
    let rows = found.iter().map(|Fetched { record, .. }| {
        [
            record.id[..12].to_owned(),
            record.room.to_string(),
            record.reason.name().to_owned(),
            record.sender.clone().unwrap_or_else(|| "-".to_owned()),
            record.routing_key.clone(),
            age(record.parked_at),
        ]
    });
    let rows = show::table(["id", "room", "reason", "sender", "routing key", "age"], rows);
    format!("{rows}\n{}", counts_table(&counts(found)))
}

fn counts_table(counts: &[Count]) -> String {
    let rows = counts.iter().map(|count| {
        [
            count.messages.to_string(),
            count.room.to_string(),
            count.reason.name().to_owned(),
            age(count.oldest),
        ]
    });
    show::table(["messages", "room", "reason", "oldest"], rows)
}

fn age(parked_at: Timestamp) -> String {
    age_text(Timestamp(clock::now()).seconds_since(parked_at))
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    record: &'a ParkedRecord,
    copies: usize,
    decoded: Option<Value>,
    bytes: usize,
}

/// # Errors
/// No such message, or the key to open it is not in the key file.
pub(super) async fn show(config: &Config, id: &str, body_only: bool, json: bool) -> Result<(), String> {
    let ring = config.keyring()?;
    let channel = Operator::open(config)?.channel().await?;
    let found = fetch(&channel, &Filter::default()).await?;
    let one = one_of(&found, id).map_err(|why| format!("{why}; `oms parked list` shows them"))?;
    let record = &one.record;
    let bytes = record.open(&ring).map_err(|error| error.to_string())?;
    let mut decoded: Option<Value> = serde_json::from_slice(&bytes).ok();
    if let Some(value) = &mut decoded {
        blank(value);
    }
    let shown = Shown { record, copies: one.copies(), decoded, bytes: bytes.len() };
    if body_only {
        let body = shown.decoded.ok_or_else(|| format!("it is {} bytes that are not JSON", shown.bytes))?;
        return show::print(json, &body, || serde_json::to_string_pretty(&body).unwrap_or_default() + "\n");
    }
    show::print(json, &shown, || {
        let body = shown.decoded.as_ref().map_or_else(
            || format!("{} bytes that are not JSON\n", shown.bytes),
            |value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n",
        );
        let lines = [
            ("id", record.id.clone()),
            ("room", record.room.to_string()),
            ("reason", record.reason.name().to_owned()),
            ("why", record.why.clone().unwrap_or_else(|| "-".to_owned())),
            ("sender", record.sender.clone().unwrap_or_else(|| "-".to_owned())),
            ("queue", record.queue.clone()),
            ("routing key", record.routing_key.clone()),
            ("parked at", format!("{} ({} ago)", record.parked_at, age(record.parked_at))),
            ("copies", shown.copies.to_string()),
        ];
        let head: String = lines.iter().map(|(name, text)| format!("{name:<12}{text}\n")).collect();
        format!("{head}\n{body}")
    })
}

/// What is not surely plain becomes dots; what is sealed stays sealed.
fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::String(text) if text.starts_with(SEALED_PREFIX) => *field = SEALED.into(),
                    Value::String(text) if is_plain(name, text) => {}
                    Value::Number(number) if is_plain(name, &number.to_string()) => {}
                    Value::Object(_) | Value::Array(_) => blank(field),
                    Value::Null | Value::Bool(_) => {}
                    Value::String(_) | Value::Number(_) => *field = HIDDEN.into(),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::String(_) | Value::Number(_) => *value = HIDDEN.into(),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_plain(name: &str, text: &str) -> bool {
    PLAIN.contains(&name) && text.len() <= PLAIN_LENGTH_MAX && !text.contains([' ', '@'])
}
