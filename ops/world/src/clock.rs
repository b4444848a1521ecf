//! The outsiders' clock: what time it is when one of them writes a message. It must never be asked where a
//! message is made again, since a repeat has the time of the first.

use messages::Timestamp;
use time::OffsetDateTime;

/// Now, to the millisecond, so that it is written the same way everywhere.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "an outsider has a clock of its own")]
pub fn now() -> Timestamp {
    let now = OffsetDateTime::now_utc();
    let millis = now.millisecond();
    Timestamp(now.replace_millisecond(millis).unwrap_or(now))
}
