//! The one place that knows the crate `backoff`: pauses between in-process tries (connections, windows of
//! confirms, a database that is away). It never decides whether a message is tried again.
//!
//! `backoff` 0.4 is unmaintained (RUSTSEC-2025-0012; its `instant` RUSTSEC-2024-0384; neither is a known
//! vulnerability). Both are written down in `deny.toml`. Replacing it is a change of this file alone.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use backoff::default::RANDOMIZATION_FACTOR;

use crate::faults;

/// Pauses that grow from a tenth of a second to `longest`, with jitter, for ever.
#[derive(Debug)]
pub struct Pauses(ExponentialBackoff);

impl Pauses {
    #[must_use]
    pub fn up_to(longest: Duration) -> Self {
        Self(ExponentialBackoff {
            current_interval: Duration::from_millis(100),
            initial_interval: Duration::from_millis(100),
            max_interval: longest,
            // Chance has no place in a simulation, which must run the same way twice.
            randomization_factor: if faults::is_simulated() { 0.0 } else { RANDOMIZATION_FACTOR },
            // The default gives up after 15 minutes; a room never gives up.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        })
    }

    /// How long to wait now.
    pub fn step(&mut self) -> Duration {
        self.0.next_backoff().unwrap_or(self.0.max_interval)
    }

    pub async fn wait(&mut self) {
        tokio::time::sleep(self.step()).await;
    }

    /// The next pause is the shortest again.
    pub fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_bounded_and_never_end() {
        let mut pauses = Pauses::up_to(Duration::from_secs(2));
        let first = pauses.step();
        let last = (0..1_000).map(|_| pauses.step()).last().expect("one of a thousand");
        assert!(
            first <= Duration::from_millis(150)
                && last >= Duration::from_secs(1)
                && last <= Duration::from_secs(3),
            "{first:?} {last:?}"
        );
        pauses.reset();
        assert!(pauses.step() <= Duration::from_millis(150));
    }
}
