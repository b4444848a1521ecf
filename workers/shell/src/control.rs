//! What an operator says to a room itself: a parked message is dealt with, the room is paused, the room goes on. It is
//! recorded once in the room's own schema and told as a fact for the audit; no decision of the room hears of it.

use std::collections::BTreeSet;

use messages::answer::{CommandAnswered, Outcome};
use messages::card::find_card_number;
use messages::catalogue::Kind;
use messages::control::{
    DueAgain, ParkedEnd, ParkedSettle, ParkedSettled, RoomPause, RoomPaused, RoomResume, RoomResumed,
};
use messages::envelope::{Unreadable, read_body};
use messages::{KindOf, Room};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::PgConnection;

use crate::fold::Fold;
use crate::settle::Cause;
use crate::worker::{DueRow, Emit, Route, Worker, raw};

/// Characters of a reason at most, as its schema says.
const REASON_LENGTH_MAX: usize = 500;
/// What a room in memory notes of a pause.
const PAUSED: &str = "paused";

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    SettleParked(ParkedSettle),
    Pause(RoomPause),
    Resume(RoomResume),
}

impl Control {
    /// The control in a message; none if the message is of another kind.
    pub(crate) fn read(kind: Kind, data: &RawValue, room: Room) -> Option<Result<Self, String>> {
        let read = if kind == ParkedSettle::KIND {
            read_body(data).map(Self::SettleParked)
        } else if kind == RoomPause::KIND {
            read_body(data).map(Self::Pause)
        } else if kind == RoomResume::KIND {
            read_body(data).map(Self::Resume)
        } else {
            return None;
        };
        Some(read.map_err(|why: Unreadable| why.to_string()).and_then(|control| control.checked(room)))
    }

    fn checked(self, room: Room) -> Result<Self, String> {
        let (named, reason) = match &self {
            Self::SettleParked(ParkedSettle { room, reason, .. })
            | Self::Pause(RoomPause { room, reason, .. })
            | Self::Resume(RoomResume { room, reason, .. }) => (*room, reason),
        };
        if named != room {
            return Err(format!("field room: the message came to {room} and names another room"));
        }
        if !(1..=REASON_LENGTH_MAX).contains(&reason.trim().chars().count()) {
            return Err(format!("field reason: must have 1 to {REASON_LENGTH_MAX} characters"));
        }
        if find_card_number(reason).is_some() {
            return Err("field reason: has a card number in clear".to_owned());
        }
        if let Self::SettleParked(settle) = &self
            && settle.due.is_some() != (settle.end == ParkedEnd::Restored)
        {
            return Err("field due: stands with the action `restored`, and only then".to_owned());
        }
        Ok(self)
    }

    /// Records it in a room's schema; gives whether that is new.
    pub(crate) async fn record(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let query = match self {
            Self::SettleParked(settle) => sqlx::query(
                "INSERT INTO settled (parked, parked_at, action, successor, settled_by, reason) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            )
            .bind(settle.parked.as_str())
            .bind(settle.parked_at.0)
            .bind(settle.end.name())
            .bind(first_successor(&settle.end))
            .bind(settle.user.as_str())
            .bind(&settle.reason),
            Self::Pause(pause) => {
                sqlx::query("INSERT INTO pause (paused_by, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(pause.user.as_str())
                    .bind(&pause.reason)
            }
            Self::Resume(_) => sqlx::query("DELETE FROM pause"),
        };
        let is_new = query.execute(&mut *connection).await?.rows_affected() > 0;
        if is_new && let Self::SettleParked(ParkedSettle { due: Some(due), .. }) = self {
            restore(connection, due).await?;
        }
        Ok(is_new)
    }

    /// The row that is to be there again, in memory.
    pub(crate) fn restored(&self, serial: i64) -> Option<DueRow> {
        let Self::SettleParked(ParkedSettle { due: Some(due), .. }) = self else { return None };
        Some(DueRow {
            key: due.key.clone(),
            kind: due.kind.clone(),
            epoch: due.epoch,
            attempt: due.attempt,
            serial,
            traceparent: None,
            due_at: due.due_at,
            body: raw(&due.body),
            started_at: due.started_at,
        })
    }

    /// Whether a room in memory is paused.
    pub(crate) fn is_paused_in(notes: &BTreeSet<String>) -> bool {
        notes.contains(PAUSED)
    }

    /// The same for a room in memory.
    pub(crate) fn note(&self, notes: &mut BTreeSet<String>) -> bool {
        match self {
            Self::SettleParked(settle) => notes.insert(format!(
                "{} {} {} {}",
                settle.parked,
                settle.parked_at,
                settle.end.name(),
                first_successor(&settle.end)
            )),
            Self::Pause(_) => notes.insert(PAUSED.to_owned()),
            Self::Resume(_) => notes.remove(PAUSED),
        }
    }

    fn fact(&self) -> Emit {
        match self.clone() {
            Self::SettleParked(ParkedSettle { room, parked, parked_at, end, due: _, user, reason }) => {
                let subject = parked.to_string();
                told(subject, &ParkedSettled { room, parked, parked_at, end, user, reason })
            }
            Self::Pause(RoomPause { room, user, reason }) => {
                told(room.to_string(), &RoomPaused { room, user, reason })
            }
            Self::Resume(RoomResume { room, user, reason }) => {
                told(room.to_string(), &RoomResumed { room, user, reason })
            }
        }
    }

    const fn known_already(&self) -> &'static str {
        match self {
            Self::SettleParked(_) => "this was recorded before",
            Self::Pause(_) => "the room is paused already",
            Self::Resume(_) => "the room is not paused",
        }
    }
}

/// Under a new serial, so that it is another event than the one that was parked.
async fn restore(connection: &mut PgConnection, due: &DueAgain) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO due (key, kind, epoch, attempt, due_at, body, serial, started_at) VALUES ($1, $2, $3, $4, $5, $6::jsonb, nextval('batch_number'), $7) ON CONFLICT DO NOTHING",
    )
    .bind(&due.key)
    .bind(&due.kind)
    .bind(due.epoch)
    .bind(due.attempt)
    .bind(due.due_at.0)
    .bind(due.body.to_string())
    .bind(due.started_at.map(|at| at.0))
    .execute(connection)
    .await
    .map(|_| ())
}

fn told<B: KindOf + Serialize>(subject: String, body: &B) -> Emit {
    Emit { route: Route::Oms, kind: B::KIND, subject: Some(subject), data: raw(body) }
}

/// All ids of a message's successors follow from the message, so the first stands for all.
fn first_successor(end: &ParkedEnd) -> &str {
    match end {
        ParkedEnd::Replayed { successors } | ParkedEnd::Edited { successors } => {
            successors.first().map_or("", String::as_str)
        }
        ParkedEnd::Restored | ParkedEnd::Discarded => "",
    }
}

impl<W: Worker> Fold<'_, W> {
    /// Tells the fact if it is new, and answers the operator in either case.
    pub(crate) fn control(&mut self, cause: &Cause, control: &Control, is_new: bool) {
        if is_new {
            self.output(cause, 0, control.fact());
        }
        if let Some(sender) = &cause.sender {
            let body = CommandAnswered {
                answers: Some(cause.id.clone()),
                reference: None,
                outcome: if is_new { Outcome::Done } else { Outcome::Repeated },
                order: None,
                code: None,
                text: (!is_new).then(|| control.known_already().to_owned()),
            };
            self.answer(cause, 1, sender, &body);
        }
        self.decided += 1;
    }
}

#[cfg(test)]
mod tests {
    use messages::Body;

    use super::*;

    #[test]
    fn what_names_another_room_or_gives_no_clean_reason_is_refused_by_field() {
        let pause = |change: fn(&mut RoomPause)| {
            let mut pause = RoomPause::sample();
            change(&mut pause);
            Control::read(Kind::RoomPause, &raw(&pause), Room::Payment).expect("a control")
        };
        assert_eq!(pause(|_| ()), Ok(Control::Pause(RoomPause::sample())));
        for (change, said) in [
            (
                (|pause| pause.room = Room::Intake) as fn(&mut RoomPause),
                "field room: the message came to payment and names another room",
            ),
            (|pause| pause.reason = " ".to_owned(), "field reason: must have 1 to 500 characters"),
            (|pause| pause.reason = "x".repeat(501), "field reason: must have 1 to 500 characters"),
            (
                |pause| pause.reason = "card 4242 4242 4242 4242".to_owned(),
                "field reason: has a card number in clear",
            ),
        ] {
            assert_eq!(pause(change), Err(said.to_owned()));
        }
        assert!(Control::read(Kind::TaskClose, &raw(&RoomPause::sample()), Room::Payment).is_none());
    }

    #[test]
    fn each_way_of_settling_is_noted_once_and_a_later_parking_is_another() {
        let mut notes = BTreeSet::new();
        let sample = ParkedSettle::sample();
        let discarded = ParkedSettle { end: ParkedEnd::Discarded, ..sample.clone() };
        let restored = ParkedSettle { end: ParkedEnd::Restored, ..sample.clone() };
        let later = ParkedSettle { parked_at: sample.parked_at.plus_seconds(1), ..sample.clone() };
        for (settle, is_new) in [
            (&sample, true),
            (&sample, false),
            (&discarded, true),
            (&restored, true),
            (&later, true),
            (&later, false),
        ] {
            assert_eq!(Control::SettleParked(settle.clone()).note(&mut notes), is_new, "{settle:?}");
        }
        let (pause, resume) = (Control::Pause(RoomPause::sample()), Control::Resume(RoomResume::sample()));
        let said = [&resume, &pause, &pause, &resume, &resume].map(|control| control.note(&mut notes));
        assert_eq!(said, [false, true, false, true, false]);
    }
}
