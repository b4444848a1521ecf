//! How long an order may stay where it is before somebody should look at it. A table and nothing else decides that.

use crate::cases::CaseView;
use crate::ranks::LineStatus;
use crate::status::{OrderStatus, Progress};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The shortest time of all: whatever was heard of since then is stuck nowhere.
pub const SHORTEST_SECONDS: i64 = HOUR;
/// Facts of an order that is not known yet: rooms tell it within moments.
const EARLY_SECONDS: i64 = HOUR;
/// An open case has its own clock (question, reminder, decision), and a refund the gateway's.
const CASE_SECONDS: i64 = 45 * DAY;

/// The longest time, in seconds without any news, that units may have this status; none for an end.
#[must_use]
pub const fn max_dwell(status: LineStatus) -> Option<i64> {
    match status {
        LineStatus::Held => Some(3 * DAY),
        // Inventory decides at once, and so does payment.
        LineStatus::Received | LineStatus::Shorted => Some(HOUR),
        LineStatus::Ready => Some(4 * HOUR),
        // Stock comes when it comes; but somebody should know that an order waits for it for ever.
        LineStatus::Waitlisted => Some(365 * DAY),
        LineStatus::Backordered | LineStatus::Reserved => Some(180 * DAY),
        // The last of the usual retries is two days after the one before.
        LineStatus::PaymentDelayed => Some(4 * DAY),
        LineStatus::Authorized | LineStatus::Reshipped => Some(DAY),
        LineStatus::Requested => Some(5 * DAY),
        // Tracking calls a parcel lost long before.
        LineStatus::Shipped | LineStatus::InTransit => Some(30 * DAY),
        LineStatus::Lost | LineStatus::Undeliverable => Some(CASE_SECONDS),
        LineStatus::Delivered
        | LineStatus::Returned
        | LineStatus::Refunded
        | LineStatus::Cancelled
        | LineStatus::Limited
        | LineStatus::Unavailable
        | LineStatus::PaymentDeclined
        | LineStatus::Refused => None,
    }
}

/// After how many seconds without any news the order counts as stuck: the shortest time of its parts and cases. None if
/// nothing more is expected.
#[must_use]
pub fn patience(progress: &Progress, cases: &[CaseView]) -> Option<i64> {
    if progress.status == OrderStatus::Early {
        return Some(EARLY_SECONDS);
    }
    let parts = progress.lines.iter().flat_map(|line| &line.parts);
    let dwell = parts.filter_map(|part| max_dwell(part.status));
    let waiting = cases.iter().filter(|case| case.is_waiting).map(|_| CASE_SECONDS);
    dwell.chain(waiting).min()
}
