//! The AsyncAPI 3.0 document: what can be said on the broker, by whom and where it lands, from the catalogue,
//! the topology and the built-in outsiders. Payloads are given as draft-07, or no parser would check them.
//! What lies on `oms.self` is a room's own and not in it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::shared::{Shared, reference};
use crate::catalogue::{From, Kind};
use crate::envelope::{BATCH, BATCH_BYTES_MAX, BATCH_EVENTS_MAX, OUTSIDE_BYTES_MAX, SINGLE};
use crate::outsiders::{Outsider, Outsiders};
use crate::room::Room;
use crate::topology::{self, Target, Topology};

const DRAFT_07: &str = "application/schema+json;version=draft-07";
const BATCH_MESSAGE: &str = "batch";
const BINDING_VERSION: &str = "0.3.0";

/// The whole document.
pub(super) fn document(event: &Value) -> Value {
    let outsiders = Outsiders::default();
    let shared = Shared::of_catalogue();
    json!({
        "asyncapi": "3.0.0",
        "info": info(&outsiders),
        "defaultContentType": SINGLE,
        "servers": { "broker": server() },
        "channels": channels(&outsiders),
        "operations": operations(&outsiders),
        "components": {
            "messages": messages(&shared),
            "schemas": schemas(event, shared),
            "securitySchemes": { "login": {
                "type": "userPassword",
                "description": "A broker user per outsider, made by `oms topology apply`. Its name is the property \
                    user_id of whatever it publishes."
            } },
        },
    })
}

fn info(outsiders: &Outsiders) -> Value {
    let rooms = Room::ALL.into_iter().map(|room| (room.name(), format!("The room {room}.")));
    let others = outsiders.all().iter().map(|outsider| {
        (
            outsider.name.as_str(),
            format!("The outsider {}, by its broker user of the same name.", outsider.name),
        )
    });
    let tags: Vec<Value> = rooms
        .chain(others)
        .map(|(name, description)| json!({ "name": name, "description": description }))
        .collect();
    json!({
        "title": "OMS",
        "version": env!("CARGO_PKG_VERSION"),
        "description": introduction(),
        "license": { "name": env!("CARGO_PKG_LICENSE") },
        "tags": tags,
    })
}

fn introduction() -> String {
    format!(
        "An order management system that speaks only through messages: CloudEvents 1.0 as JSON over AMQP \
         0-9-1, one event or an array of up to {BATCH_EVENTS_MAX} events of one type. Delivery is at least \
         once: a resend keeps its id, and a reader must expect one. An event from outside has at most \
         {OUTSIDE_BYTES_MAX} bytes, a message between rooms at most {BATCH_BYTES_MAX}. Readers must tolerate \
         fields that they do not know. `send` and `receive` are meant from the side of whom the operation is \
         named after. README.md beside this file tells how to begin, SEALED.md how to open a sealed section."
    )
}

fn server() -> Value {
    json!({
        "host": "{host}:{port}",
        "pathname": "/{vhost}",
        "protocol": "amqps",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ 3.10 or later. Use amqp instead of amqps only where nobody listens: what outsiders \
            publish is in clear.",
        "variables": {
            "host": { "default": "localhost", "description": "The broker's name." },
            "port": { "default": "5671", "description": "5671 with TLS, 5672 without." },
            "vhost": { "default": "oms", "description": "The virtual host; a slash in it is written %2F." },
        },
        "security": [{ "$ref": "#/components/securitySchemes/login" }],
    })
}

/// Where a kind is published. A kind whose routing key depends on its reader has a parameter for it.
struct Place {
    id: String,
    exchange: &'static str,
    address: String,
    parameter: Option<(&'static str, Vec<String>)>,
}

fn place(kind: Kind) -> Place {
    let exchange = match kind.sent_by() {
        From::Outside => topology::IN,
        From::Rooms(_) => topology::OMS,
        From::Answer => return addressed(kind, &Outsiders::default()),
    };
    let id = format!("publish.{}", kind.name());
    let depends = kind.read_by().iter().any(|room| kind.routing_key(*room) != kind.name());
    if depends {
        let rooms = kind.read_by().iter().map(|room| room.name().to_owned()).collect();
        let address = format!("{}.{{room}}", kind.name());
        return Place { id, exchange, address, parameter: Some(("room", rooms)) };
    }
    Place { id, exchange, address: kind.name().to_owned(), parameter: None }
}

/// Where a kind goes to one outsider.
fn addressed(kind: Kind, outsiders: &Outsiders) -> Place {
    let readers =
        outsiders.all().iter().filter(|outsider| reads(outsider, kind)).map(|outsider| outsider.name.clone());
    Place {
        id: format!("address.{}", kind.name()),
        exchange: topology::OUT,
        address: format!("{{outsider}}.{}", kind.name()),
        parameter: Some(("outsider", readers.collect())),
    }
}

fn reads(outsider: &Outsider, kind: Kind) -> bool {
    match kind.sent_by() {
        From::Answer => true,
        From::Rooms(_) => outsider.reads.iter().any(|name| name == kind.name()),
        From::Outside => false,
    }
}

/// The kinds that lie in a room's queue for what comes from outside, or in the one for what rooms say.
fn kinds_of(room: Room, from_outside: bool) -> Vec<Kind> {
    let all = Kind::ALL.iter().copied();
    let is_here = |kind: &Kind| match kind.sent_by() {
        From::Outside => from_outside && kind.read_by().contains(&room),
        From::Rooms(_) => !from_outside && (room == Room::Audit || kind.read_by().contains(&room)),
        From::Answer => false,
    };
    all.filter(is_here).collect()
}

/// The rooms that may answer an outsider: those that read what outsiders send.
fn answering() -> Vec<Room> {
    Room::ALL.into_iter().filter(|room| !kinds_of(*room, true).is_empty()).collect()
}

/// The kinds that are also sent to single outsiders, besides answers.
fn is_addressed(kind: Kind, outsiders: &Outsiders) -> bool {
    matches!(kind.sent_by(), From::Rooms(_)) && outsiders.all().iter().any(|outsider| reads(outsider, kind))
}

fn channels(outsiders: &Outsiders) -> Value {
    let topology = Topology::of(outsiders);
    let mut channels = Map::new();
    for &kind in Kind::ALL {
        let also = is_addressed(kind, outsiders).then(|| addressed(kind, outsiders));
        for place in std::iter::once(place(kind)).chain(also) {
            channels.insert(place.id.clone(), exchange_channel(kind, &place));
        }
    }
    for room in Room::ALL {
        for (queue, kinds) in work_queues(room) {
            channels.insert(queue_id(&queue), queue_channel(&topology, &queue, &kinds, room.name()));
        }
    }
    for outsider in outsiders.all() {
        let queue = topology::out_queue(&outsider.name);
        let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| reads(outsider, *kind)).collect();
        channels.insert(queue_id(&queue), queue_channel(&topology, &queue, &kinds, &outsider.name));
    }
    channels.into()
}

fn work_queues(room: Room) -> Vec<(String, Vec<Kind>)> {
    let both = [
        (topology::outside_queue(room), kinds_of(room, true)),
        (topology::inner_queue(room), kinds_of(room, false)),
    ];
    both.into_iter().filter(|(_, kinds)| !kinds.is_empty()).collect()
}

fn queue_id(queue: &str) -> String {
    format!("queue.{queue}")
}

fn exchange_channel(kind: Kind, place: &Place) -> Value {
    let mut channel = json!({
        "address": place.address,
        "description": format!("Publish on the exchange `{}` with this address as the routing key.", place.exchange),
        "messages": message_references(&[kind]),
        "bindings": { "amqp": {
            "is": "routingKey",
            "exchange": { "name": place.exchange, "type": "topic", "durable": true, "autoDelete": false },
            "bindingVersion": BINDING_VERSION,
        } },
    });
    if let Some((name, values)) = &place.parameter {
        let description = match *name {
            "room" => "The room that is meant.",
            _ => "The outsider who is meant.",
        };
        channel["parameters"] = json!({ *name: { "description": description, "enum": values } });
    }
    channel
}

fn queue_channel(topology: &Topology, queue: &str, kinds: &[Kind], owner: &str) -> Value {
    let sources: BTreeSet<&str> = topology
        .bindings
        .iter()
        .filter(|binding| {
            binding.target == Target::Queue(queue.to_owned()) && binding.source != topology::SELF
        })
        .map(|binding| binding.source)
        .collect();
    let sources: Vec<String> = sources.iter().map(|source| format!("`{source}`")).collect();
    json!({
        "address": queue,
        "description": format!("Read by {owner} only. It gets what is published on {}.", sources.join(", ")),
        "messages": message_references(kinds),
        "bindings": { "amqp": {
            "is": "queue",
            "queue": { "name": queue, "durable": true, "exclusive": false, "autoDelete": false },
            "bindingVersion": BINDING_VERSION,
        } },
    })
}

fn message_references(kinds: &[Kind]) -> Value {
    let names = kinds.iter().map(|kind| kind.name()).chain([BATCH_MESSAGE]);
    names
        .map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect::<Map<_, _>>()
        .into()
}

fn operations(outsiders: &Outsiders) -> Value {
    let mut operations = Map::new();
    for &kind in Kind::ALL {
        let senders: Vec<&str> = senders(kind, outsiders);
        let also = is_addressed(kind, outsiders).then(|| addressed(kind, outsiders));
        for place in std::iter::once(place(kind)).chain(also) {
            let way = if place.exchange == topology::OUT { "address" } else { "send" };
            for sender in &senders {
                operations.insert(format!("{sender}.{way}.{}", kind.name()), send(sender, kind, &place));
            }
        }
    }
    for room in Room::ALL {
        for (queue, kinds) in work_queues(room) {
            operations.insert(format!("{room}.receive.{queue}"), receive(room.name(), &queue, &kinds));
        }
    }
    for outsider in outsiders.all() {
        let queue = topology::out_queue(&outsider.name);
        let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| reads(outsider, *kind)).collect();
        operations.insert(format!("{}.receive", outsider.name), receive(&outsider.name, &queue, &kinds));
    }
    operations.into()
}

fn senders(kind: Kind, outsiders: &Outsiders) -> Vec<&str> {
    let may_send = outsiders.all().iter().filter(|outsider| outsider.may_send(kind));
    match kind.sent_by() {
        From::Outside => may_send.map(|outsider| outsider.name.as_str()).collect(),
        From::Rooms(rooms) => rooms.iter().map(|room| room.name()).collect(),
        From::Answer => answering().into_iter().map(Room::name).collect(),
    }
}

fn send(sender: &str, kind: Kind, place: &Place) -> Value {
    let mut binding = json!({ "deliveryMode": 2, "mandatory": true, "bindingVersion": BINDING_VERSION });
    if kind.is_from_outside() {
        // Rooms may share one broker user; an outsider never does.
        binding["userId"] = json!(sender);
    }
    json!({
        "action": "send",
        "summary": format!("{sender} says {}.", kind.name()),
        "channel": { "$ref": format!("#/channels/{}", place.id) },
        "messages": operation_messages(&place.id, &[kind]),
        "tags": [{ "name": sender }],
        "bindings": { "amqp": binding },
    })
}

fn receive(reader: &str, queue: &str, kinds: &[Kind]) -> Value {
    let id = queue_id(queue);
    json!({
        "action": "receive",
        "summary": format!("{reader} reads {queue}."),
        "channel": { "$ref": format!("#/channels/{id}") },
        "messages": operation_messages(&id, kinds),
        "tags": [{ "name": reader }],
        "bindings": { "amqp": { "ack": true, "bindingVersion": BINDING_VERSION } },
    })
}

fn operation_messages(channel: &str, kinds: &[Kind]) -> Vec<Value> {
    let names = kinds.iter().map(|kind| kind.name()).chain([BATCH_MESSAGE]);
    names.map(|name| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") })).collect()
}

fn messages(shared: &Shared) -> Value {
    let mut messages = Map::new();
    for &kind in Kind::ALL {
        let summary = shared.bodies[&kind]["description"].as_str().unwrap_or_default().replace('\n', " ");
        messages.insert(kind.name().to_owned(), json!({
            "name": kind.name(),
            "title": kind.name(),
            "summary": summary,
            "contentType": SINGLE,
            "headers": headers(),
            "payload": payload(&json!({ "allOf": [
                { "$ref": reference("event") },
                { "properties": { "type": { "const": kind.name() }, "data": { "$ref": reference(kind.name()) } } },
            ] })),
            "bindings": { "amqp": { "messageType": kind.name(), "bindingVersion": BINDING_VERSION } },
            "examples": [{ "name": "sample", "payload": super::sample(kind) }],
        }));
    }
    messages.insert(BATCH_MESSAGE.to_owned(), json!({
        "name": BATCH_MESSAGE,
        "title": "several events of one type",
        "summary": "An array of events that all have the type of the routing key, each as in the message of that \
            type. Read one by one: a bad event spares its neighbours.",
        "contentType": BATCH,
        "headers": headers(),
        "payload": payload(&json!({
            "type": "array", "minItems": 1, "maxItems": BATCH_EVENTS_MAX, "items": { "$ref": reference("event") },
        })),
    }));
    messages.into()
}

fn payload(schema: &Value) -> Value {
    json!({ "schemaFormat": DRAFT_07, "schema": schema })
}

/// What matters are AMQP properties, which have no place of their own in AsyncAPI.
fn headers() -> Value {
    payload(&json!({
        "type": "object",
        "description": "No header is needed, and none is read. Set the AMQP properties content_type (always), \
            user_id (your broker user; always), message_id (the event's id) and delivery_mode 2. Of a \
            single event the properties type, timestamp and correlation_id repeat the event's type, time \
            and causationid.",
    }))
}

fn schemas(event: &Value, shared: Shared) -> Value {
    let mut event = event.clone();
    if let Some(members) = event.as_object_mut() {
        members.remove("$schema");
        members.remove("$id");
    }
    let bodies = shared.bodies.into_iter().map(|(kind, body)| (kind.name().to_owned(), body));
    let all = shared.definitions.into_iter().chain(bodies).chain([("event".to_owned(), event)]);
    all.collect::<Map<_, _>>().into()
}
