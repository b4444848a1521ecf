//! The only place that asks the computer for the time. Decisions never come here: they are given the
//! transaction's time.

use time::OffsetDateTime;

/// Now, by this computer's clock; good for limits in days and for logs, not for decisions.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
