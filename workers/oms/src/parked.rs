//! `oms parked`: what could not be decided, listed, shown and sent to its room again. Looking changes nothing: what
//! was fetched goes back when the channel closes.

use std::collections::BTreeMap;

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use messages::envelope::{SINGLE, decode, encode};
use messages::sealed::{Keyring, SEALED_PREFIX};
use messages::{Event, Room, topology};
use serde::Serialize;
use serde_json::Value;
use shell::config::Config;
use shell::parking::{ParkReason, ParkedRecord};
use shell::wire::short;

use crate::operator::Operator;
use crate::show;

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

/// Which parked messages are meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    room: Option<Room>,
    reason: Option<ParkReason>,
}

impl Filter {
    /// # Errors
    /// No room or no reason of that name.
    pub(crate) fn new(room: Option<&str>, reason: Option<&str>) -> Result<Self, String> {
        let room = room
            .map(|name| Room::parse(name).ok_or_else(|| format!("`{name}` is not a room")))
            .transpose()?;
        let reason = reason
            .map(|name| {
                let all = ParkReason::ALL.map(ParkReason::name).join(", ");
                ParkReason::ALL
                    .into_iter()
                    .find(|reason| reason.name() == name)
                    .ok_or_else(|| format!("`{name}` is not a reason; reasons are {all}"))
            })
            .transpose()?;
        Ok(Self { room, reason })
    }

    fn rooms(&self) -> Vec<Room> {
        self.room.map_or_else(|| Room::ALL.to_vec(), |room| vec![room])
    }

    fn takes(&self, record: &ParkedRecord) -> bool {
        self.reason.is_none_or(|reason| reason == record.reason)
    }
}

struct Fetched {
    tags: Vec<u64>,
    record: ParkedRecord,
}

/// Fetches without taking: one record per id, with the tags of all its copies.
async fn fetch(channel: &Channel, filter: &Filter) -> Result<Vec<Fetched>, String> {
    let mut found: BTreeMap<String, Fetched> = BTreeMap::new();
    for room in filter.rooms() {
        let queue = topology::parked_queue(room);
        while let Some(message) = channel
            .basic_get(short(&queue), BasicGetOptions::default())
            .await
            .map_err(|error| format!("{queue} cannot be read: {error}"))?
        {
            let Ok(record) = serde_json::from_slice::<ParkedRecord>(&message.delivery.data) else { continue };
            if filter.takes(&record) {
                let tag = message.delivery.delivery_tag;
                found
                    .entry(record.id.clone())
                    .and_modify(|fetched| fetched.tags.push(tag))
                    .or_insert(Fetched { tags: vec![tag], record });
            }
        }
    }
    let mut all: Vec<Fetched> = found.into_values().collect();
    all.sort_by_key(|fetched| fetched.record.parked_at);
    Ok(all)
}

/// # Errors
/// The broker does not answer.
pub(crate) async fn list(config: &Config, filter: &Filter, json: bool) -> Result<(), String> {
    let channel = Operator::open(config)?.channel().await?;
    let records: Vec<ParkedRecord> =
        fetch(&channel, filter).await?.into_iter().map(|fetched| fetched.record).collect();
    show::print(json, &records, || {
        if records.is_empty() {
            return "nothing is parked\n".to_owned();
        }
        let rows = records.iter().map(|record| {
            let sender = record.sender.clone().unwrap_or_else(|| "-".to_owned());
            [
                record.id[..12].to_owned(),
                record.room.to_string(),
                record.reason.name().to_owned(),
                sender,
                record.routing_key.clone(),
                record.parked_at.to_string(),
            ]
        });
        show::table(["id", "room", "reason", "sender", "routing key", "parked at"], rows)
    })
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    record: ParkedRecord,
    decoded: Option<Value>,
    bytes: usize,
}

/// # Errors
/// No such message, or the key to open it is not in the key file.
pub(crate) async fn show(config: &Config, id: &str, json: bool) -> Result<(), String> {
    let ring = config.keyring()?;
    let channel = Operator::open(config)?.channel().await?;
    let record = fetch(&channel, &Filter::default())
        .await?
        .into_iter()
        .map(|fetched| fetched.record)
        .find(|record| record.id.starts_with(id))
        .ok_or_else(|| {
            format!("no parked message has an id that begins with {id}; `oms parked list` shows them")
        })?;
    let bytes = record.open(&ring).map_err(|error| error.to_string())?;
    let mut decoded: Option<Value> = serde_json::from_slice(&bytes).ok();
    if let Some(value) = &mut decoded {
        blank(value);
    }
    let shown = Shown { record, decoded, bytes: bytes.len() };
    show::print(json, &shown, || {
        let record = &shown.record;
        let body = shown.decoded.as_ref().map_or_else(
            || format!("{} bytes that are not JSON\n", shown.bytes),
            |value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n",
        );
        format!(
            "id          {}\nroom        {}\nreason      {}\nsender      {}\nqueue       {}\nrouting key {}\nparked at   {}\n\n{body}",
            record.id,
            record.room,
            record.reason.name(),
            record.sender.as_deref().unwrap_or("-"),
            record.queue,
            record.routing_key,
            record.parked_at
        )
    })
}

/// What is not surely plain becomes dots; what is sealed stays sealed.
fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::String(text) if text.starts_with(SEALED_PREFIX) => *field = "(sealed)".into(),
                    Value::String(text) if is_plain(name, text) => {}
                    Value::Number(number) if is_plain(name, &number.to_string()) => {}
                    Value::Object(_) | Value::Array(_) => blank(field),
                    Value::Null | Value::Bool(_) => {}
                    Value::String(_) | Value::Number(_) => *field = "…".into(),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::String(_) | Value::Number(_) => *value = "…".into(),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_plain(name: &str, text: &str) -> bool {
    PLAIN.contains(&name) && text.len() <= PLAIN_LENGTH_MAX && !text.contains([' ', '@'])
}

#[derive(Serialize)]
struct Replayed {
    replayed: usize,
    copies: usize,
}

/// Sends messages to their room again, under new ids linked to the old, and takes them off the parked queue.
///
/// # Errors
/// An id that is not there, a missing key, or the broker.
pub(crate) async fn replay(
    config: &Config,
    ids: &[String],
    all: bool,
    filter: &Filter,
    json: bool,
) -> Result<(), String> {
    if ids.is_empty() != all {
        return Err("say which messages: ids from `oms parked list`, or --all".to_owned());
    }
    let ring = config.keyring()?;
    let operator = Operator::open(config)?;
    let channel = operator.channel().await?;
    let fetched = fetch(&channel, filter).await?;
    if let Some(missing) =
        ids.iter().find(|id| !fetched.iter().any(|one| one.record.id.starts_with(id.as_str())))
    {
        return Err(format!("no parked message has an id that begins with {missing}; nothing was sent"));
    }
    let chosen =
        fetched.iter().filter(|one| all || ids.iter().any(|id| one.record.id.starts_with(id.as_str())));
    let mut done = Replayed { replayed: 0, copies: 0 };
    for one in chosen {
        let (content_type, bytes, id) = again(&one.record, &ring)?;
        let properties = operator.properties(&content_type, &id, one.record.sender.as_deref());
        operator.publish(&channel, topology::SELF, &key_again(&one.record), &bytes, properties).await?;
        // Only now is it elsewhere. A crash before this sends it twice under one id, which counts once.
        for tag in &one.tags {
            channel.basic_ack(*tag, BasicAckOptions::default()).await.map_err(|error| error.to_string())?;
            done.copies += 1;
        }
        done.replayed += 1;
    }
    show::print(json, &done, || format!("{} sent again\n", show::counted(done.replayed, "message")))
}

fn key_again(record: &ParkedRecord) -> String {
    let from_outside = record.queue == topology::outside_queue(record.room) || record.sender.is_some();
    if from_outside { topology::again_in_key(record.room) } else { topology::again_key(record.room) }
}

/// The message under a new id: the old one is in the inbox already. The new id is derived, so that a replay that
/// was cut off can be repeated.
fn again(record: &ParkedRecord, ring: &Keyring) -> Result<(String, Vec<u8>, String), String> {
    let bytes = record.open(ring).map_err(|error| error.to_string())?;
    let content_type = record.content_type.clone().unwrap_or_else(|| SINGLE.to_owned());
    let id = format!("replay-{}-{}", &record.id[..16], record.parked_at.0.unix_timestamp_nanos() / 1_000);
    let events: Option<Vec<Event>> = decode(Some(&content_type), &bytes)
        .ok()
        .and_then(|events| events.into_iter().collect::<Result<_, _>>().ok());
    match events {
        None => Ok((content_type, bytes, id)),
        Some(mut events) => {
            for (at, event) in events.iter_mut().enumerate() {
                event.causationid = Some(std::mem::replace(&mut event.id, format!("{id}-{at}")));
            }
            let (content_type, bytes) = encode(&events);
            Ok((content_type.to_owned(), bytes, id))
        }
    }
}
