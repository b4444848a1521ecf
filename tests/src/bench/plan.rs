//! What is to be measured, and for how long. Every number of it is written into the result.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

/// One thing that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The broker's limit: a bare chain, one event per AMQP message, no database
    Relay,
    /// All rooms in one process, submit to delivered, as fast as it goes
    Orders,
    /// The same with OMS_BATCH_EVENTS=1
    OneAtATime,
    /// Submit to payment.authorized and to shipment.requested at 10 orders/s and at shares of the measured rate
    Latency,
    /// Many more orders than units, submitted as fast as the broker takes them
    Launch,
    /// 1, 2 and 4 replicas of each room
    Replicas,
    /// Rate and latency with many orders stored, and while a backlog drains
    Growth,
}

/// How it is measured.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub modes: Vec<Mode>,
    pub quick: bool,
    /// Windows of which the median is taken.
    pub runs: usize,
    pub seconds: f64,
    /// Seconds under full load before a window begins.
    pub warm_up_seconds: f64,
    /// Orders that are submitted and not yet delivered, at most; of the relay likewise.
    pub in_flight: usize,
    /// The same where events are decided one at a time, so that its backlog drains in bounded time.
    pub in_flight_one_at_a_time: usize,
    pub launch_orders: usize,
    pub launch_units: u32,
    pub stored: Vec<u64>,
    pub backlog: usize,
    /// Settings of the house that are not as shipped, besides those of a mode.
    pub settings: Vec<(String, String)>,
}

impl Plan {
    #[must_use]
    pub fn has(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }

    pub(super) fn window(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub(super) fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up_seconds)
    }
}
