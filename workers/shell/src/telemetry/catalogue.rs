//! The one table of metrics: name, kind, unit, labels, help. Registration, zeros, help texts and the page
//! `ops/METRICS.md` come from it. A label's values are a closed set wherever the house does not learn them while it runs,
//! and are never personal.

use messages::Room;
use messages::case::CaseClass;
use messages::notice::NoticeKind;

use crate::parking::ParkReason;

/// What a metric is, and for a histogram the upper bounds of its buckets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}

/// Which processes tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every process, of the rooms that it runs: sum over processes.
    Process,
    /// Each process that runs lifecycle, of the whole house: every one tells the same, so take the highest.
    House,
}

#[derive(Debug, Clone, Copy)]
pub struct Label {
    pub name: &'static str,
    pub values: Values,
}

/// What a label may be.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    Rooms,
    /// Rooms that call the outside.
    Callers,
    /// What the room of the same series may ask of the outside.
    Calls,
    Closed(fn() -> Vec<&'static str>),
    /// Known only while the house runs: where from.
    Open(&'static str),
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: &'static str,
    pub scope: Scope,
    pub labels: &'static [Label],
    pub help: &'static str,
}

/// A part of a batch's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Read,
    Settle,
    Publish,
    Ack,
}

impl Step {
    pub const ALL: [Self; 4] = [Self::Read, Self::Settle, Self::Publish, Self::Ack];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Settle => "settle",
            Self::Publish => "publish",
            Self::Ack => "ack",
        }
    }
}

/// How a call to the outside ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    Answered,
    /// The far side was not there, or not well.
    Down,
    /// The call itself panicked or took too long; it is looked up after its lease.
    Lost,
}

impl CallEnd {
    pub const ALL: [Self; 3] = [Self::Answered, Self::Down, Self::Lost];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Down => "down",
            Self::Lost => "lost",
        }
    }
}

/// What a room may ask of the outside; the same words as its `Outside::kinds`.
#[must_use]
pub const fn calls(room: Room) -> &'static [&'static str] {
    match room {
        Room::Payment => &["authorize", "capture", "void", "let_go", "refund"],
        Room::Notifications => &["mail"],
        Room::Promotions => &["confirm", "deliver"],
        Room::Intake
        | Room::Inventory
        | Room::Fulfillment
        | Room::Tracking
        | Room::Undelivered
        | Room::Lifecycle
        | Room::Audit => &[],
    }
}

const ROOM: Label = Label { name: "room", values: Values::Rooms };
const CALLER: Label = Label { name: "room", values: Values::Callers };
const CALL: Label = Label { name: "kind", values: Values::Calls };
const OUTCOME: Label =
    Label { name: "outcome", values: Values::Closed(|| CallEnd::ALL.map(CallEnd::name).into()) };
const REASON: Label =
    Label { name: "reason", values: Values::Closed(|| ParkReason::ALL.map(ParkReason::name).into()) };
const STEP: Label = Label { name: "step", values: Values::Closed(|| Step::ALL.map(Step::name).into()) };
const DOOR: Label =
    Label { name: "door", values: Values::Closed(|| vec!["inner", "outside", "control", "dead"]) };
const QUEUE: Label =
    Label { name: "queue", values: Values::Closed(|| vec!["inner", "outside", "control", "dead", "parked"]) };
const READY: Label = Label { name: "state", values: Values::Closed(|| vec!["ready", "unacked"]) };
const TO: Label = Label { name: "to", values: Values::Closed(|| vec!["rooms", "outsiders"]) };
const OUTSIDER: Label = Label { name: "outsider", values: Values::Open("the list of outsiders") };
const ITEM: Label = Label { name: "item", values: Values::Open("the products that were defined") };
const UNITS: Label = Label {
    name: "state",
    values: Values::Closed(|| vec!["on_hand", "reserved", "backordered", "waitlisted", "shipped"]),
};
const INTAKE: Label = Label { name: "state", values: Values::Closed(|| vec!["accepted", "held", "refused"]) };
const CLASS: Label =
    Label { name: "class", values: Values::Closed(|| CaseClass::ALL.map(CaseClass::name).into()) };
const CASE: Label = Label {
    name: "state",
    values: Values::Closed(|| vec!["open", "person", "reshipped", "refunded", "closed"]),
};
const NOTICE: Label =
    Label { name: "kind", values: Values::Closed(|| NoticeKind::ALL.map(NoticeKind::name).into()) };
const MAIL: Label = Label {
    name: "status",
    values: Values::Closed(|| vec!["pending", "sent", "letter", "unclear", "failed", "bounced", "withheld"]),
};
const LOOK: Label = Label {
    name: "look",
    values: Values::Closed(|| vec!["queues", "ledgers", "orders", "waiting", "units", "cases", "mails"]),
};
/// As lifecycle's order statuses.
const STATUS: Label = Label {
    name: "status",
    values: Values::Closed(|| {
        vec![
            "early",
            "held",
            "received",
            "shorted",
            "waitlisted",
            "backordered",
            "reserved",
            "ready",
            "payment_delayed",
            "authorized",
            "reshipped",
            "requested",
            "partly_shipped",
            "shipped",
            "in_transit",
            "lost",
            "undeliverable",
            "partly_delivered",
            "delivered",
            "partly_returned",
            "partly_refunded",
            "returned",
            "refunded",
            "cancelled",
            "limited",
            "unavailable",
            "payment_declined",
            "refused",
        ]
    }),
};

const SECONDS: Kind = Kind::Histogram(&[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0]);
const AGE: Kind = Kind::Histogram(&[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 3_600.0,
]);
const EVENTS: Kind = Kind::Histogram(&[1.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0]);

macro_rules! catalogue {
    ($($metric:ident = $kind:expr, $scope:ident, $name:literal, $unit:literal, [$($label:ident),*], $help:literal;)*) => {
        /// Every metric of the house.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Metric { $($metric),* }

        impl Metric {
            pub const ALL: &'static [Self] = &[$(Self::$metric),*];

            /// Its row of the table.
            #[must_use]
            pub const fn entry(self) -> Entry {
                match self {
                    $(Self::$metric => Entry {
                        name: $name, kind: $kind, unit: $unit, scope: Scope::$scope, labels: &[$($label),*], help: $help,
                    }),*
                }
            }
        }
    };
}

catalogue! {
    RoomUp = Kind::Gauge, Process, "oms_room_up", "1 or 0", [ROOM],
        "1 while the room consumes its queue";
    EventsReceived = Kind::Counter, Process, "oms_events_received_total", "events", [ROOM, DOOR],
        "Events taken from a queue, repeated ones included";
    EventsDecided = Kind::Counter, Process, "oms_events_decided_total", "events", [ROOM],
        "Events that the room decided, timers and answers from outside included";
    EventsRefused = Kind::Counter, Process, "oms_events_refused_total", "events", [ROOM],
        "Commands whose sender was told no";
    EventsRepeated = Kind::Counter, Process, "oms_events_repeated_total", "events", [ROOM],
        "Events that the room had decided before";
    EventsParked = Kind::Counter, Process, "oms_events_parked_total", "events", [ROOM, REASON],
        "Events that could not be decided and were parked, by reason";
    EventsSent = Kind::Counter, Process, "oms_events_sent_total", "events", [ROOM, TO],
        "Events that decisions stored in the outbox, to rooms or to outsiders";
    MessagesPublished = Kind::Counter, Process, "oms_messages_published_total", "AMQP messages", [ROOM],
        "AMQP messages that the broker confirmed";
    PublishesUnconfirmed = Kind::Counter, Process, "oms_publishes_unconfirmed_total", "AMQP messages", [ROOM],
        "AMQP messages that the broker did not confirm and that are sent again";
    BatchEvents = EVENTS, Process, "oms_batch_events", "events", [ROOM],
        "Events per batch";
    BatchSeconds = SECONDS, Process, "oms_batch_seconds", "seconds", [ROOM],
        "Seconds from a batch's first event to its ack";
    BatchStepSeconds = SECONDS, Process, "oms_batch_step_seconds", "seconds", [ROOM, STEP],
        "Seconds of one step of a batch, waiting for database or broker included";
    EventAge = AGE, Process, "oms_event_age_seconds", "seconds", [ROOM, DOOR],
        "Age of a batch's oldest event when it is taken, by the event's own time";
    DatabaseRetries = Kind::Counter, Process, "oms_database_retries_total", "batches", [ROOM],
        "Batches that waited for the database";
    OutsideCalls = Kind::Counter, Process, "oms_outside_calls_total", "calls", [CALLER, CALL, OUTCOME],
        "Calls to the outside, by how they ended";
    CircuitOpen = Kind::Gauge, Process, "oms_circuit_open", "1 or 0", [CALLER],
        "1 while the far side is down and only one call at a time probes it";
    TimersFired = Kind::Counter, Process, "oms_timers_fired_total", "timers", [ROOM],
        "Due times that came";
    QueueMessages = Kind::Gauge, House, "oms_queue_messages", "AMQP messages", [ROOM, QUEUE, READY],
        "What lies in a room's queues; unacked only where OMS_RABBITMQ_MANAGEMENT_URL is set";
    OutsiderMessages = Kind::Gauge, House, "oms_outsider_messages", "AMQP messages", [OUTSIDER],
        "What an outsider has not fetched yet";
    OutboxMessages = Kind::Gauge, House, "oms_outbox_messages", "AMQP messages", [ROOM, TO],
        "Outbox rows: stored, and not confirmed by the broker or not deleted yet";
    OutboxOldest = Kind::Gauge, House, "oms_outbox_oldest_seconds", "seconds", [ROOM, TO],
        "Age of the oldest outbox row, 0 if there is none";
    RoomPaused = Kind::Gauge, House, "oms_room_paused", "1 or 0", [ROOM],
        "1 while an operator lets the room stand still";
    InboxDaysAhead = Kind::Gauge, House, "oms_inbox_days_ahead", "days", [ROOM],
        "Days after today for which the inbox has a partition";
    OpenTasks = Kind::Gauge, House, "oms_open_tasks", "tasks", [ROOM],
        "What the room handed to a person and nobody has closed";
    Orders = Kind::Gauge, House, "oms_orders", "orders", [INTAKE],
        "Orders by what intake decided";
    WaitingOrders = Kind::Gauge, House, "oms_waiting_orders", "orders", [STATUS],
        "Orders that wait and had no news for an hour, by status";
    OldestWaitingOrder = Kind::Gauge, House, "oms_oldest_waiting_order_seconds", "seconds", [STATUS],
        "Seconds without news of the order that waits longest, by status; 0 if all had news within the hour";
    StuckOrders = Kind::Gauge, House, "oms_stuck_orders", "orders", [STATUS],
        "Orders without news for longer than their status allows, by status";
    Units = Kind::Gauge, House, "oms_units", "units", [ITEM, UNITS],
        "Units of an item; on_hand includes those reserved, waitlisted ones are wanted and not promised";
    UnitsCap = Kind::Gauge, House, "oms_units_cap", "units", [ITEM],
        "How many units of an item may be promised in all; no number where there is no limit";
    UnitsLeft = Kind::Gauge, House, "oms_units_left", "units", [ITEM],
        "How many more units of an item may be promised; no number where there is no limit";
    Cases = Kind::Gauge, House, "oms_cases", "cases", [CLASS, CASE],
        "Cases of parcels that did not arrive; person are the open ones that wait for one";
    Mails = Kind::Gauge, House, "oms_mails", "mails", [NOTICE, MAIL],
        "Notices to customers by kind and by what became of them";
    WatchedAt = Kind::Gauge, House, "oms_watched_timestamp_seconds", "seconds since 1970", [LOOK],
        "When these gauges of the whole house were last read; they are as old as this";
    WatchSeconds = Kind::Gauge, House, "oms_watch_seconds", "seconds", [LOOK],
        "How long reading them took, waiting included";
}

impl Metric {
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// Every combination of labels that these rooms can have; none if a label's values are not known beforehand.
    #[must_use]
    pub fn combinations(self, rooms: &[Room]) -> Vec<Vec<(&'static str, &'static str)>> {
        let mut rows: Vec<Vec<(&'static str, &'static str)>> = vec![Vec::new()];
        for label in self.entry().labels {
            rows = rows
                .into_iter()
                .flat_map(|row| {
                    let of_row = row.iter().find(|(name, _)| *name == "room").map(|(_, room)| *room);
                    values(label.values, of_row, rooms).into_iter().map(move |value| {
                        let mut longer = row.clone();
                        longer.push((label.name, value));
                        longer
                    })
                })
                .collect();
        }
        rows
    }
}

fn values(values: Values, room: Option<&str>, rooms: &[Room]) -> Vec<&'static str> {
    match values {
        Values::Rooms => rooms.iter().map(|room| room.name()).collect(),
        Values::Callers => {
            rooms.iter().filter(|room| !calls(**room).is_empty()).map(|room| room.name()).collect()
        }
        Values::Calls => rooms
            .iter()
            .find(|one| Some(one.name()) == room)
            .map_or_else(Vec::new, |room| calls(*room).to_vec()),
        Values::Closed(list) => list(),
        Values::Open(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are() {
        for metric in Metric::ALL {
            let Entry { name, kind, unit, .. } = metric.entry();
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), unit.starts_with("seconds"), "{name}");
            assert!(
                name.starts_with("oms_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}"
            );
            assert_eq!(Metric::ALL.iter().filter(|other| other.name() == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn every_series_is_known_beforehand_and_they_are_few() {
        for (metric, rooms, series) in [
            (Metric::RoomUp, &Room::ALL[..], 10),
            (Metric::EventsParked, &[Room::Audit][..], ParkReason::ALL.len()),
            (Metric::OutsideCalls, &Room::ALL[..], (5 + 1 + 2) * 3),
            (Metric::OutsideCalls, &[Room::Audit][..], 0),
            (Metric::CircuitOpen, &Room::ALL[..], 3),
            (Metric::WatchSeconds, &[][..], 7),
            (Metric::Units, &Room::ALL[..], 0),
        ] {
            assert_eq!(metric.combinations(rooms).len(), series, "{}", metric.name());
        }
        let all: usize = Metric::ALL.iter().map(|metric| metric.combinations(&Room::ALL).len()).sum();
        assert!(all < 1_000, "{all} series of a process that runs everything");
    }
}
