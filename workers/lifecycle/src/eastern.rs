//! US Eastern time, in which sales start and days are counted (R57). It knows the rule in force since 2007 (15 U.S.C.
//! 260a) and no other; it reads no clock and no time zone file, so that every machine gives the same day.

use messages::Timestamp;
use time::{Date, Month, OffsetDateTime, UtcOffset, Weekday};

/// The calendar day in US Eastern time at that moment.
#[must_use]
pub fn day(at: Timestamp) -> Date {
    let offset = if is_daylight(at.0) { DAYLIGHT } else { STANDARD };
    at.0.checked_to_offset(offset).unwrap_or(at.0).date()
}

/// The day as `YYYY-MM-DD`, which sorts as the days do.
#[must_use]
pub fn day_text(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

const STANDARD: UtcOffset = time::macros::offset!(-5);
const DAYLIGHT: UtcOffset = time::macros::offset!(-4);

/// Daylight time holds from the second Sunday in March, 2:00 standard time (7:00 UTC), to the first Sunday in November,
/// 2:00 daylight time (6:00 UTC).
fn is_daylight(at: OffsetDateTime) -> bool {
    let at = at.to_offset(UtcOffset::UTC);
    let begins = sunday(at.year(), Month::March, 8).and_then(|day| day.with_hms(7, 0, 0).ok());
    let ends = sunday(at.year(), Month::November, 1).and_then(|day| day.with_hms(6, 0, 0).ok());
    match (begins, ends) {
        (Some(begins), Some(ends)) => begins.assume_utc() <= at && at < ends.assume_utc(),
        (_, _) => false,
    }
}

/// The first Sunday on or after that day of the month.
fn sunday(year: i32, month: Month, from: u8) -> Option<Date> {
    let first = Date::from_calendar_date(year, month, from).ok()?;
    let days = i64::from((7 - first.weekday().number_days_from_sunday()) % 7);
    let day = first.checked_add(time::Duration::days(days))?;
    debug_assert_eq!(day.weekday(), Weekday::Sunday);
    Some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_falls_on_its_eastern_day() {
        for (at, expected) in [
            // R57: 23:59 Eastern falls on that day, in winter and in summer.
            ("2026-11-25T04:59:59Z", "2026-11-24"),
            ("2026-11-25T05:00:00Z", "2026-11-25"),
            ("2026-07-05T03:59:59Z", "2026-07-04"),
            ("2026-07-05T04:00:00Z", "2026-07-05"),
            ("2026-07-04T23:59:59-04:00", "2026-07-04"),
            // Noon Eastern, when sales start.
            ("2019-11-14T17:00:00Z", "2019-11-14"),
            ("2027-01-01T04:59:59Z", "2026-12-31"),
            ("2024-02-29T12:00:00Z", "2024-02-29"),
        ] {
            assert_eq!(day_text(day(Timestamp::parse(at).unwrap())), expected, "{at}");
        }
    }

    #[test]
    fn the_clock_changes_on_these_days() {
        // As the tz database has them for America/New_York.
        for (year, march, november) in [
            (2007, 11, 4),
            (2008, 9, 2),
            (2013, 10, 3),
            (2019, 10, 3),
            (2020, 8, 1),
            (2021, 14, 7),
            (2024, 10, 3),
            (2026, 8, 1),
            (2027, 14, 7),
        ] {
            let changes = [
                (format!("{year}-03-{march:02}T06:59:59Z"), false),
                (format!("{year}-03-{march:02}T07:00:00Z"), true),
                (format!("{year}-11-{november:02}T05:59:59Z"), true),
                (format!("{year}-11-{november:02}T06:00:00Z"), false),
            ];
            for (at, expected) in changes {
                assert_eq!(is_daylight(Timestamp::parse(&at).unwrap().0), expected, "{at}");
            }
        }
    }
}
