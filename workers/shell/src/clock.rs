//! The only place that asks the computer for the time. Decisions never come here: they are given the
//! transaction's time.

use time::OffsetDateTime;

/// Now, by this computer's clock; good for limits in days and for logs, not for decisions.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> OffsetDateTime {
    #[cfg(feature = "faults")]
    if let Some(now) = simulated::now() {
        return now;
    }
    OffsetDateTime::now_utc()
}

#[cfg(feature = "faults")]
pub use simulated::{is_virtual, replace};

#[cfg(feature = "faults")]
mod simulated {
    use std::cell::RefCell;

    use time::OffsetDateTime;

    type Now = Box<dyn Fn() -> OffsetDateTime>;

    thread_local! {
        static NOW: RefCell<Option<Now>> = const { RefCell::new(None) };
    }

    /// Replaces the clock of this thread by a simulator's; none gives it back.
    pub fn replace(now: Option<Now>) {
        NOW.with(|held| *held.borrow_mut() = now);
    }

    /// Whether this thread's clock is a simulator's.
    #[must_use]
    pub fn is_virtual() -> bool {
        NOW.with(|held| held.borrow().is_some())
    }

    pub(super) fn now() -> Option<OffsetDateTime> {
        NOW.with(|held| held.borrow().as_ref().map(|now| now()))
    }
}
