//! A point in time on the wire: RFC 3339, UTC when we write it. It never asks a clock.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// An RFC 3339 date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Timestamp(
    #[serde(with = "wire")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub OffsetDateTime,
);

/// Years 0 to 9999 in UTC: others cannot be written, and a local time at their edge lies outside.
fn is_told_in_utc(time: &OffsetDateTime) -> bool {
    time.checked_to_offset(UtcOffset::UTC).is_some_and(|utc| (0..=9_999).contains(&utc.year()))
}

/// A time as messages have it, for `#[serde(with)]`.
pub(crate) mod wire {
    use serde::{Deserializer, Serializer, de};
    use time::OffsetDateTime;

    pub(crate) fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        time::serde::rfc3339::serialize(time, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OffsetDateTime, D::Error> {
        let time = time::serde::rfc3339::deserialize(deserializer)?;
        if super::is_told_in_utc(&time) {
            Ok(time)
        } else {
            Err(de::Error::custom("the year is out of range"))
        }
    }
}

impl Timestamp {
    /// The time `text` as RFC 3339.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().filter(is_told_in_utc).map(Self)
    }

    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        // In UTC, so that even the last moment of an offset can still be told.
        Self(self.0.to_offset(UtcOffset::UTC).saturating_add(time::Duration::seconds(seconds)))
    }

    /// Seconds from `earlier` to this, negative if it is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).whole_seconds()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_taken_only_if_it_can_be_told_in_utc() {
        for (text, is_taken) in [
            ("2019-11-14T12:00:00-05:00", true),
            ("0000-01-01T00:00:00Z", true),
            ("9999-12-31T23:59:59.999999999Z", true),
            ("9999-12-31T23:59:59-00:01", false),
            ("0000-01-01T00:00:00+00:01", false),
            ("2019-11-14", false),
        ] {
            let json = serde_json::to_string(text).expect("a text");
            let read: Result<Timestamp, _> = serde_json::from_str(&json);
            assert_eq!((read.is_ok(), Timestamp::parse(text).is_some()), (is_taken, is_taken), "{text}");
            assert_eq!(read.map(|time| time.to_string().len() >= 20).unwrap_or_default(), is_taken, "{text}");
        }
    }
}
