//! The whole topology of the broker as data: exchanges, queues, bindings and who may write what. Nothing in
//! here talks to a broker.

use crate::catalogue::{From, Kind};
use crate::outsiders::Outsiders;
use crate::room::Room;

/// What outsiders publish.
pub const IN: &str = "oms.in";
/// What falls through `oms.in`: intake refuses it by name.
pub const IN_UNKNOWN: &str = "oms.in.unknown";
/// What rooms publish.
pub const OMS: &str = "oms";
/// The rooms' bindings; apart from audit's, so that a missing reader is noticed.
pub const ROOMS: &str = "oms.rooms";
/// What is addressed to one outsider.
pub const OUT: &str = "oms.out";
/// A room's own: again, dead, parked.
pub const SELF: &str = "oms.self";
/// Where a message without a binding ends, to be seen.
pub const UNROUTED: &str = "oms.unrouted";

/// A backstop only: the shell parks a poison message long before.
const WORK_DELIVERY_LIMIT: i64 = 1_000;
/// Every listing of a parked queue counts as a delivery.
const KEPT_DELIVERY_LIMIT: i64 = 1_000_000_000;
/// The most messages that wait for one outsider; above it the rows stay in the outbox and raise an alarm.
const OUT_LENGTH_MAX: i64 = 1_000_000;

/// The most bytes that wait from outside, where they lie in clear; above it publishers are refused and keep theirs.
const IN_BYTES_MAX: i64 = 1 << 30;

/// A value of a queue argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    Text(String),
    Number(i64),
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub name: &'static str,
    pub kind: ExchangeKind,
    pub alternate: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeKind {
    Topic,
    Fanout,
}

/// One quorum queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub name: String,
    pub arguments: Vec<(&'static str, Argument)>,
}

/// One binding, to a queue or to an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub source: &'static str,
    pub target: Target,
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Queue(String),
    Exchange(&'static str),
}

/// A room's three work queues and its two that keep.
#[must_use]
pub fn inner_queue(room: Room) -> String {
    format!("oms.{room}")
}

#[must_use]
pub fn outside_queue(room: Room) -> String {
    format!("oms.{room}.in")
}

/// What an operator says to the room itself: read even while the room is paused.
#[must_use]
pub fn control_queue(room: Room) -> String {
    format!("oms.{room}.control")
}

#[must_use]
pub fn dead_queue(room: Room) -> String {
    format!("oms.{room}.dead")
}

#[must_use]
pub fn parked_queue(room: Room) -> String {
    format!("oms.{room}.parked")
}

/// An outsider's queue.
#[must_use]
pub fn out_queue(outsider: &str) -> String {
    format!("oms.out.{outsider}")
}

/// The keys of `oms.self`, on which only the room itself and the operator write.
#[must_use]
pub fn again_key(room: Room) -> String {
    format!("{room}.again")
}

#[must_use]
pub fn again_in_key(room: Room) -> String {
    format!("{room}.in.again")
}

#[must_use]
pub fn dead_key(room: Room) -> String {
    format!("{room}.dead")
}

#[must_use]
pub fn parked_key(room: Room) -> String {
    format!("{room}.parked")
}

/// The addresses in a text that has one, or one for each node of a cluster with commas between them. A comma that no
/// address follows belongs to the one before it.
#[must_use]
pub fn addresses(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    for (comma, _) in text.match_indices(',') {
        let next = text[comma + 1..].trim_start();
        if next.starts_with("amqp://") || next.starts_with("amqps://") {
            found.push(text[from..comma].trim());
            from = comma + 1;
        }
    }
    found.push(text[from..].trim());
    found
}

/// Everything that must exist on the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    pub exchanges: Vec<Exchange>,
    pub queues: Vec<Queue>,
    pub bindings: Vec<Binding>,
}

impl Topology {
    /// The topology for these outsiders.
    #[must_use]
    pub fn of(outsiders: &Outsiders) -> Self {
        let mut all = Self { exchanges: exchanges(), queues: Vec::new(), bindings: Vec::new() };
        all.bindings.push(Binding { source: OMS, target: Target::Exchange(ROOMS), key: "#".to_owned() });
        all.add_queue(UNROUTED.to_owned(), kept(), &[(UNROUTED, "#")]);
        for room in Room::ALL {
            all.add_room(room);
        }
        for outsider in outsiders.all() {
            let limits = vec![("x-max-length", Argument::Number(OUT_LENGTH_MAX))];
            all.add_queue(
                out_queue(&outsider.name),
                [kept(), limits].concat(),
                &[(OUT, &format!("{}.#", outsider.name))],
            );
        }
        all
    }

    fn add_room(&mut self, room: Room) {
        let dead = [
            ("x-dead-letter-exchange", Argument::Text(SELF.to_owned())),
            ("x-dead-letter-routing-key", Argument::Text(dead_key(room))),
            ("x-dead-letter-strategy", Argument::Text("at-least-once".to_owned())),
        ];
        let work = || [quorum(WORK_DELIVERY_LIMIT), dead.to_vec()].concat();
        let again = again_key(room);
        let mut inner: Vec<(&'static str, String)> = vec![(SELF, again)];
        let mut outside: Vec<(&'static str, String)> = vec![(SELF, again_in_key(room))];
        let mut control: Vec<(&'static str, String)> = Vec::new();
        for kind in Kind::ALL.iter().filter(|kind| kind.read_by().contains(&room)) {
            match kind.sent_by() {
                From::Outside if kind.is_control() => control.push((IN, kind.routing_key(room))),
                From::Outside => outside.push((IN, kind.routing_key(room))),
                From::Rooms(_) => inner.push((ROOMS, kind.name().to_owned())),
                From::Answer => {}
            }
        }
        if room == Room::Audit {
            inner.push((OMS, "#".to_owned()));
        }
        if room == Room::Intake {
            outside.push((IN_UNKNOWN, "#".to_owned()));
        }
        self.add_queue(inner_queue(room), work(), &as_refs(&inner));
        let bounded = [work(), vec![("x-max-length-bytes", Argument::Number(IN_BYTES_MAX))]].concat();
        self.add_queue(outside_queue(room), bounded, &as_refs(&outside));
        self.add_queue(control_queue(room), work(), &as_refs(&control));
        self.add_queue(dead_queue(room), kept(), &[(SELF, &dead_key(room))]);
        self.add_queue(parked_queue(room), kept(), &[(SELF, &parked_key(room))]);
    }

    fn add_queue(
        &mut self,
        name: String,
        arguments: Vec<(&'static str, Argument)>,
        bound: &[(&'static str, &str)],
    ) {
        for (source, key) in bound {
            self.bindings.push(Binding {
                source,
                target: Target::Queue(name.clone()),
                key: (*key).to_owned(),
            });
        }
        self.queues.push(Queue { name, arguments });
    }
}

fn as_refs<'a>(bound: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    bound.iter().map(|(source, key)| (*source, key.as_str())).collect()
}

fn exchanges() -> Vec<Exchange> {
    let topic = |name, alternate| Exchange { name, kind: ExchangeKind::Topic, alternate };
    vec![
        Exchange { name: UNROUTED, kind: ExchangeKind::Fanout, alternate: None },
        Exchange { name: IN_UNKNOWN, kind: ExchangeKind::Fanout, alternate: None },
        topic(IN, Some(IN_UNKNOWN)),
        topic(OMS, None),
        topic(ROOMS, Some(UNROUTED)),
        topic(OUT, Some(UNROUTED)),
        topic(SELF, Some(UNROUTED)),
    ]
}

fn quorum(delivery_limit: i64) -> Vec<(&'static str, Argument)> {
    vec![
        ("x-queue-type", Argument::Text("quorum".to_owned())),
        ("x-overflow", Argument::Text("reject-publish".to_owned())),
        // -1 deletes at the first redelivery on RabbitMQ 3.x, and 4.x has a default of 20.
        ("x-delivery-limit", Argument::Number(delivery_limit)),
    ]
}

fn kept() -> Vec<(&'static str, Argument)> {
    quorum(KEPT_DELIVERY_LIMIT)
}

/// What a user of the broker may do, as regular expressions over names (RabbitMQ access control).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    pub user: String,
    pub configure: String,
    pub write: String,
    pub read: String,
    /// Per topic exchange: the routing keys that it may write.
    pub topics: Vec<(&'static str, String)>,
}

/// The permissions of every outsider.
#[must_use]
pub fn permissions(outsiders: &Outsiders) -> Vec<Permission> {
    let escape = |text: &str| text.replace('.', "\\.");
    outsiders
        .all()
        .iter()
        .map(|outsider| {
            let keys: Vec<String> = outsider
                .may_publish
                .iter()
                .map(|name| {
                    let is_addressed = Kind::parse(name).is_some_and(Kind::is_addressed);
                    let tail = if is_addressed { "\\.[a-z]+" } else { "" };
                    format!("{}{tail}", escape(name))
                })
                .collect();
            let operator = outsider.name == crate::outsiders::OPERATOR;
            let mut topics = vec![(IN, format!("^({})$", keys.join("|")))];
            if operator {
                topics.push((SELF, "^[a-z]+(\\.in)?\\.(again|parked)$".to_owned()));
            }
            let own = escape(&out_queue(&outsider.name));
            Permission {
                user: outsider.name.clone(),
                configure: "^$".to_owned(),
                write: if operator { "^(oms\\.in|oms\\.self)$".to_owned() } else { "^oms\\.in$".to_owned() },
                read: if operator { format!("^({own}|oms\\.[a-z]+\\.parked)$") } else { format!("^{own}$") },
                topics,
            }
        })
        .collect()
}

/// The broker user of a room, where rooms have users of their own.
#[must_use]
pub fn room_user(room: Room) -> String {
    format!("oms-{room}")
}

/// The permissions of every room: it reads its own queues, and on `oms.self` it writes only its own keys.
#[must_use]
pub fn room_permissions() -> Vec<Permission> {
    Room::ALL
        .into_iter()
        .map(|room| {
            let sends: Vec<String> = Kind::ALL
                .iter()
                .filter(|kind| matches!(kind.sent_by(), From::Rooms(rooms) if rooms.contains(&room)))
                .map(|kind| kind.name().replace('.', "\\."))
                .collect();
            let nothing = if sends.is_empty() { "^$".to_owned() } else { format!("^({})$", sends.join("|")) };
            Permission {
                user: room_user(room),
                configure: "^$".to_owned(),
                write: "^(oms|oms\\.out|oms\\.self)$".to_owned(),
                read: format!("^oms\\.{room}(\\.in|\\.control|\\.dead|\\.parked)?$"),
                topics: vec![
                    (OMS, nothing),
                    (OUT, "^[a-z0-9-]+\\.".to_owned()),
                    (SELF, format!("^{room}(\\.in\\.again|\\.again|\\.parked)$")),
                ],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology() -> Topology {
        Topology::of(&Outsiders::default())
    }

    fn bound(source: &str, key: &str) -> Vec<String> {
        topology()
            .bindings
            .into_iter()
            .filter(|binding| binding.source == source && binding.key == key)
            .filter_map(|binding| match binding.target {
                Target::Queue(name) => Some(name),
                Target::Exchange(_) => None,
            })
            .collect()
    }

    #[test]
    fn an_outside_type_reaches_one_room_and_an_inner_one_every_reader() {
        assert_eq!(bound(IN, "order.submit.v1"), ["oms.intake.in"]);
        assert_eq!(bound(IN, "task.close.v1.payment"), ["oms.payment.in"]);
        assert_eq!(bound(IN, "room.resume.v1.payment"), ["oms.payment.control"]);
        assert_eq!(bound(ROOMS, "room.paused.v1"), ["oms.audit"]);
        let readers: Vec<String> =
            Kind::OrderAccepted.read_by().iter().map(|room| inner_queue(*room)).collect();
        assert_eq!(bound(ROOMS, "order.accepted.v1"), readers);
        assert_eq!(bound(OMS, "#"), ["oms.audit"]);
        assert_eq!(bound(IN_UNKNOWN, "#"), ["oms.intake.in"]);
    }

    #[test]
    fn every_queue_is_quorum_with_a_limit_and_refuses_what_it_cannot_hold() {
        for queue in topology().queues {
            let limit = queue.arguments.iter().any(|(name, value)| {
                *name == "x-delivery-limit" && matches!(value, Argument::Number(limit) if *limit > 0)
            });
            let overflow =
                queue.arguments.contains(&("x-overflow", Argument::Text("reject-publish".to_owned())));
            assert!(limit && overflow, "{}", queue.name);
            assert!(
                !queue.arguments.iter().any(|(name, _)| *name == "x-message-ttl"),
                "{}: nothing times out",
                queue.name
            );
        }
    }

    #[test]
    fn an_outsider_writes_only_its_types_and_reads_only_its_queue() {
        let all = permissions(&Outsiders::default());
        let warehouse = all.iter().find(|permission| permission.user == "warehouse").expect("listed");
        assert_eq!(warehouse.read, "^oms\\.out\\.warehouse$");
        assert_eq!(
            warehouse.topics,
            [(
                IN,
                "^(shipment\\.packed\\.v1|shipment\\.short\\.v1|stock\\.receive\\.v1|case\\.receive\\.v1)$"
                    .to_owned()
            )]
        );
        assert_eq!(warehouse.configure, "^$");
    }
}
