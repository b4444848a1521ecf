//! Logs and metrics. Every metric stands in [`Metric`]; nothing personal is ever logged or used as a label.

use messages::Room;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::parking::ParkReason;

/// Every metric of the house, with its help text. Labels are closed sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    EventsDecided,
    EventsRepeated,
    EventsParked,
    MessagesPublished,
    PublishesUnconfirmed,
    BatchEvents,
    BatchSeconds,
    DatabaseRetries,
    OutsideCalls,
    TimersFired,
    RoomUp,
    OldestWaitingOrder,
    StuckOrders,
}

impl Metric {
    pub const ALL: [Self; 13] = [
        Self::EventsDecided,
        Self::EventsRepeated,
        Self::EventsParked,
        Self::MessagesPublished,
        Self::PublishesUnconfirmed,
        Self::BatchEvents,
        Self::BatchSeconds,
        Self::DatabaseRetries,
        Self::OutsideCalls,
        Self::TimersFired,
        Self::RoomUp,
        Self::OldestWaitingOrder,
        Self::StuckOrders,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventsDecided => "oms_events_decided_total",
            Self::EventsRepeated => "oms_events_repeated_total",
            Self::EventsParked => "oms_events_parked_total",
            Self::MessagesPublished => "oms_messages_published_total",
            Self::PublishesUnconfirmed => "oms_publishes_unconfirmed_total",
            Self::BatchEvents => "oms_batch_events",
            Self::BatchSeconds => "oms_batch_seconds",
            Self::DatabaseRetries => "oms_database_retries_total",
            Self::OutsideCalls => "oms_outside_calls_total",
            Self::TimersFired => "oms_timers_fired_total",
            Self::RoomUp => "oms_room_up",
            Self::OldestWaitingOrder => "oms_oldest_waiting_order_seconds",
            Self::StuckOrders => "oms_stuck_orders",
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::EventsDecided => "Events that a room decided",
            Self::EventsRepeated => "Events that a room had decided before",
            Self::EventsParked => "Events that could not be decided and were parked, by reason",
            Self::MessagesPublished => "AMQP messages that the broker confirmed",
            Self::PublishesUnconfirmed => {
                "AMQP messages that the broker did not confirm and that are sent again"
            }
            Self::BatchEvents => "Events per batch",
            Self::BatchSeconds => "Seconds from a batch's first event to its ack",
            Self::DatabaseRetries => "Batches that waited for the database",
            Self::OutsideCalls => "Calls to the outside, by kind and whether the far side was up",
            Self::TimersFired => "Due times that came",
            Self::RoomUp => "1 while the room consumes its queue",
            Self::OldestWaitingOrder => {
                "Seconds without news of the order that waits longest, by status; 0 if all had news within the hour"
            }
            Self::StuckOrders => "Orders without news for longer than their status allows, by status",
        }
    }
}

pub fn count(metric: Metric, room: Room, by: usize) {
    metrics::counter!(metric.name(), "room" => room.name()).increment(by as u64);
}

pub fn count_parked(room: Room, reason: ParkReason) {
    metrics::counter!(Metric::EventsParked.name(), "room" => room.name(), "reason" => reason.name())
        .increment(1);
}

pub fn count_call(room: Room, kind: &'static str, far_side_down: bool) {
    let outcome = if far_side_down { "down" } else { "answered" };
    metrics::counter!(Metric::OutsideCalls.name(), "room" => room.name(), "kind" => kind, "outcome" => outcome).increment(1);
}

pub fn observe(metric: Metric, room: Room, value: f64) {
    metrics::histogram!(metric.name(), "room" => room.name()).record(value);
}

pub fn room_up(room: Room, up: bool) {
    metrics::gauge!(Metric::RoomUp.name(), "room" => room.name()).set(if up { 1.0 } else { 0.0 });
}

/// Sets a gauge that has one value per status of whatever it counts.
pub fn set(metric: Metric, status: &'static str, value: f64) {
    metrics::gauge!(metric.name(), "status" => status).set(value);
}

/// Starts the recorder and sets every counter of these rooms to zero, so that a rate exists before the first event.
///
/// # Errors
/// A recorder is installed already.
pub fn install_metrics(rooms: &[Room]) -> Result<PrometheusHandle, String> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Full(Metric::BatchSeconds.name().to_owned()),
            &[0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0],
        )
        .and_then(|builder| {
            builder.set_buckets_for_metric(
                Matcher::Full(Metric::BatchEvents.name().to_owned()),
                &[1.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0],
            )
        })
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| format!("metrics cannot be recorded: {error}"))?;
    for metric in Metric::ALL {
        match metric {
            Metric::BatchEvents | Metric::BatchSeconds => {
                metrics::describe_histogram!(metric.name(), metric.help())
            }
            Metric::RoomUp | Metric::OldestWaitingOrder | Metric::StuckOrders => {
                metrics::describe_gauge!(metric.name(), metric.help())
            }
            Metric::EventsDecided
            | Metric::EventsRepeated
            | Metric::EventsParked
            | Metric::MessagesPublished
            | Metric::PublishesUnconfirmed
            | Metric::DatabaseRetries
            | Metric::OutsideCalls
            | Metric::TimersFired => metrics::describe_counter!(metric.name(), metric.help()),
        }
    }
    for &room in rooms {
        room_up(room, false);
        for metric in [
            Metric::EventsDecided,
            Metric::EventsRepeated,
            Metric::MessagesPublished,
            Metric::PublishesUnconfirmed,
            Metric::DatabaseRetries,
            Metric::TimersFired,
        ] {
            count(metric, room, 0);
        }
        for reason in ParkReason::ALL {
            metrics::counter!(Metric::EventsParked.name(), "room" => room.name(), "reason" => reason.name())
                .absolute(0);
        }
    }
    Ok(handle)
}

/// Starts the log: JSON lines to standard error, `OMS_LOG` as filter.
pub fn install_logs(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start within one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
