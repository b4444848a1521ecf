//! Logs and metrics. Every metric stands in the one [`catalogue`]; nothing personal is ever logged or used as a label.

pub mod catalogue;
pub(crate) mod journal;
mod page;
pub mod spans;
pub(crate) mod trace;

use std::collections::BTreeMap;
use std::time::Instant;

use messages::{Room, Timestamp};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

pub use catalogue::{CallEnd, Metric, Step};
use catalogue::{Kind, Scope};
pub use page::page;

use crate::parking::ParkReason;

pub fn count(metric: Metric, room: Room, by: usize) {
    metrics::counter!(metric.name(), "room" => room.name()).increment(by as u64);
}

pub fn count_parked(room: Room, reason: ParkReason) {
    metrics::counter!(Metric::EventsParked.name(), "room" => room.name(), "reason" => reason.name())
        .increment(1);
}

/// What decisions stored in the outbox.
pub fn count_sent(room: Room, to_rooms: usize, to_outsiders: usize) {
    for (to, events) in [("rooms", to_rooms), ("outsiders", to_outsiders)] {
        metrics::counter!(Metric::EventsSent.name(), "room" => room.name(), "to" => to)
            .increment(events as u64);
    }
}

pub fn count_call(room: Room, call: &'static str, end: CallEnd) {
    metrics::counter!(Metric::OutsideCalls.name(), "room" => room.name(), "kind" => call, "outcome" => end.name()).increment(1);
}

/// A batch of so many events was taken, the oldest of this time.
pub fn received(room: Room, door: &'static str, events: usize, oldest: Option<Timestamp>, now: Timestamp) {
    metrics::counter!(Metric::EventsReceived.name(), "room" => room.name(), "door" => door)
        .increment(events as u64);
    if let Some(oldest) = oldest {
        // Clocks of outsiders differ; a negative age is none.
        let age = (now.0 - oldest.0).as_seconds_f64().max(0.0);
        metrics::histogram!(Metric::EventAge.name(), "room" => room.name(), "door" => door).record(age);
    }
}

pub fn observe(metric: Metric, room: Room, value: f64) {
    metrics::histogram!(metric.name(), "room" => room.name()).record(value);
}

/// The time until it is dropped is that of a step.
#[must_use]
pub fn timed(room: Room, step: Step) -> Timed {
    Timed { room, step, begun: Instant::now() }
}

/// See [`timed`].
pub struct Timed {
    room: Room,
    step: Step,
    begun: Instant,
}

impl Drop for Timed {
    fn drop(&mut self) {
        metrics::histogram!(Metric::BatchStepSeconds.name(), "room" => self.room.name(), "step" => self.step.name())
            .record(self.begun.elapsed().as_secs_f64());
    }
}

pub fn room_up(room: Room, up: bool) {
    set_flag(Metric::RoomUp, room, up);
}

/// A gauge of a room that is 1 or 0.
pub fn set_flag(metric: Metric, room: Room, on: bool) {
    metrics::gauge!(metric.name(), "room" => room.name()).set(if on { 1.0 } else { 0.0 });
}

/// Sets a gauge with these labels, in the catalogue's order.
pub fn set(metric: Metric, labels: &[(&'static str, &str)], value: f64) {
    let labels: Vec<metrics::Label> =
        labels.iter().map(|(name, value)| metrics::Label::new(*name, (*value).to_owned())).collect();
    metrics::gauge!(metric.name(), labels).set(value);
}

/// Sets every series of a gauge whose labels are closed sets. What was not found is 0; the found ones are named by the
/// labels' values in the catalogue's order, joined with `/`.
pub fn tell(metric: Metric, found: &BTreeMap<String, f64>) {
    for labels in metric.combinations(&Room::ALL) {
        let values: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        set(metric, &labels, found.get(&values.join("/")).copied().unwrap_or_default());
    }
}

/// Starts the recorder and sets every series that these rooms can have to zero, so that a rate exists before the first
/// event.
///
/// # Errors
/// A recorder is installed already.
pub fn install_metrics(rooms: &[Room]) -> Result<PrometheusHandle, String> {
    let failed = |error| format!("metrics cannot be recorded: {error}");
    let mut builder = PrometheusBuilder::new();
    for entry in Metric::ALL.iter().map(|metric| metric.entry()) {
        if let Kind::Histogram(buckets) = entry.kind {
            let matcher = Matcher::Full(entry.name.to_owned());
            builder = builder.set_buckets_for_metric(matcher, buckets).map_err(failed)?;
        }
    }
    let handle = builder.install_recorder().map_err(failed)?;
    for &metric in Metric::ALL {
        begin(metric, rooms);
    }
    Ok(handle)
}

/// Describes a metric and makes its series.
fn begin(metric: Metric, rooms: &[Room]) {
    let entry = metric.entry();
    match entry.kind {
        Kind::Counter => metrics::describe_counter!(entry.name, entry.help),
        Kind::Gauge => metrics::describe_gauge!(entry.name, entry.help),
        Kind::Histogram(_) => metrics::describe_histogram!(entry.name, entry.help),
    }
    let series = match entry.scope {
        Scope::Process => metric.combinations(rooms),
        // A zero from a process that does not look would be a lie.
        Scope::House if rooms.contains(&Room::Lifecycle) => metric.combinations(&Room::ALL),
        Scope::House => Vec::new(),
    };
    for labels in series {
        match entry.kind {
            Kind::Counter => metrics::counter!(entry.name, &labels).absolute(0),
            Kind::Gauge => metrics::gauge!(entry.name, &labels).set(0.0),
            Kind::Histogram(_) => drop(metrics::histogram!(entry.name, &labels)),
        }
    }
}

/// Starts the log: JSON lines to standard error, `OMS_LOG` as filter.
pub fn install_logs(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start within one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
