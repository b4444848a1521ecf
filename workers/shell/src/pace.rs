//! How long a batch waits for more. Where work piles up, a short wait makes fewer and larger batches, and every batch costs
//! the same nine statements and one commit, however few events are in it. A message that comes alone never waits: on an idle
//! house that would be most of an order's time.

use std::time::Duration;

/// The pace of one loop.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    most: Duration,
    last: Duration,
}

impl Pace {
    /// Never longer than `most`.
    pub(crate) const fn up_to(most: Duration) -> Self {
        Self { most, last: Duration::ZERO }
    }

    /// How long the next batch waits. `piles_up` says that its first event had come before anybody waited for it. As long
    /// as the last batch took: waiting then costs at most as much again as the work itself.
    pub(crate) fn linger(&self, piles_up: bool) -> Duration {
        if piles_up { self.last.min(self.most) } else { Duration::ZERO }
    }

    /// A batch took so long, without its waiting.
    pub(crate) fn took(&mut self, last: Duration) {
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_alone_never_waits_and_what_piles_up_waits_as_long_as_a_batch_takes() {
        let ms = Duration::from_millis;
        let mut pace = Pace::up_to(ms(20));
        assert_eq!(pace.linger(true), ms(0), "nobody knows yet what a batch takes");
        for (last, piles_up, expected) in [(7, true, 7), (7, false, 0), (90, true, 20), (90, false, 0)] {
            pace.took(ms(last));
            assert_eq!(pace.linger(piles_up), ms(expected), "{last} ms, {piles_up}");
        }
        pace.took(ms(7));
        assert_eq!(Pace::up_to(ms(0)).linger(true), ms(0), "switched off");
    }
}
