//! Which parked messages are meant: by room, reason and age. It only judges.

use messages::{Room, Timestamp};
use shell::parking::{ParkReason, ParkedRecord};

use crate::cli::FilterArgs;

/// Room, reason and age, each if it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    room: Option<Room>,
    reason: Option<ParkReason>,
    /// Seconds.
    older_than: Option<i64>,
    newer_than: Option<i64>,
}

impl Filter {
    /// # Errors
    /// No room or no reason of that name, or no age.
    pub(super) fn new(args: &FilterArgs) -> Result<Self, String> {
        let room = args
            .room
            .as_deref()
            .map(|name| Room::parse(name).ok_or_else(|| format!("`{name}` is not a room")))
            .transpose()?;
        let reason = args.reason.as_deref().map(reason).transpose()?;
        let older_than = args.older_than.as_deref().map(age).transpose()?;
        let newer_than = args.newer_than.as_deref().map(age).transpose()?;
        Ok(Self { room, reason, older_than, newer_than })
    }

    pub(super) fn rooms(&self) -> Vec<Room> {
        self.room.map_or_else(|| Room::ALL.to_vec(), |room| vec![room])
    }

    pub(super) fn takes(&self, record: &ParkedRecord, now: Timestamp) -> bool {
        let age = now.seconds_since(record.parked_at);
        self.reason.is_none_or(|reason| reason == record.reason)
            && self.older_than.is_none_or(|seconds| age >= seconds)
            && self.newer_than.is_none_or(|seconds| age < seconds)
    }
}

fn reason(name: &str) -> Result<ParkReason, String> {
    ParkReason::ALL.into_iter().find(|reason| reason.name() == name).ok_or_else(|| {
        let all = ParkReason::ALL.map(ParkReason::name).join(", ");
        format!("`{name}` is not a reason; reasons are {all}")
    })
}

/// Seconds of an age such as 15m.
fn age(text: &str) -> Result<i64, String> {
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or_default();
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    match digits.parse::<u32>() {
        Ok(number) if seconds > 0 => Ok(i64::from(number) * seconds),
        Ok(_) | Err(_) => Err(format!("`{text}` is not an age; it looks like 90s, 15m, 2h or 3d")),
    }
}

/// An age as a person reads it, in its largest whole unit.
pub(super) fn age_text(seconds: i64) -> String {
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        172_800.. => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_and_a_unit() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("15m", 900), ("2h", 7_200), ("3d", 259_200)] {
            assert_eq!(age(text), Ok(seconds));
        }
        for text in ["", "s", "15", "-1m", "1w", "1.5h", "5 m", "5µ", "99999999999d"] {
            assert_eq!(age(text), Err(format!("`{text}` is not an age; it looks like 90s, 15m, 2h or 3d")));
        }
        let shown = [-3, 0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(age_text);
        assert_eq!(shown, ["0s", "0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
    }
}
