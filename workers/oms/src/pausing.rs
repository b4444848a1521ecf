//! `oms rooms`: which rooms are paused, and pausing and resuming one by a message that a paused room hears too. The state
//! is the room's own row, so it survives every restart.

use messages::Room;
use messages::answer::Outcome;
use messages::control::{RoomPause, RoomResume};
use messages::id::UserId;
use messages::{Body, Timestamp};
use serde::Serialize;
use shell::config::{self, Config};
use shell::migrate;
use sqlx::{AssertSqlSafe, Row as _};
use time::OffsetDateTime;

use crate::cli::RoomsCommand;
use crate::operator::{self, Operator};
use crate::{reading_failed, show};

/// # Errors
/// One sentence: no such room, or who does not answer.
pub(crate) async fn run(
    config: &Config,
    command: RoomsCommand,
    user: Option<&str>,
    json: bool,
) -> Result<(), String> {
    match command {
        RoomsCommand::List => list(config, json).await,
        RoomsCommand::Pause { room, reason } => {
            let (room, user) = (named(&room)?, operator::user(config, user)?);
            let done = format!(
                "{room} is paused: within seconds each of its processes finishes its batch and takes no more; `oms rooms resume {room}` lets it go on"
            );
            show::done(json, &ask(config, room, RoomPause { room, user, reason }, &done).await?)
        }
        RoomsCommand::Resume { room, reason } => {
            let (room, user): (Room, UserId) = (named(&room)?, operator::user(config, user)?);
            let done = format!("{room} goes on");
            show::done(json, &ask(config, room, RoomResume { room, user, reason }, &done).await?)
        }
    }
}

fn named(room: &str) -> Result<Room, String> {
    Room::parse(room)
        .ok_or_else(|| format!("`{room}` is not a room; rooms are {}", Room::ALL.map(Room::name).join(", ")))
}

async fn ask<B: Body>(config: &Config, room: Room, command: B, done: &str) -> Result<String, String> {
    let answers = Operator::open(config)?.ask(&[command], &B::KIND.routing_key(room)).await?;
    let Some(answer) = answers.into_iter().next() else { return Err("there was no answer".to_owned()) };
    match answer.outcome {
        Outcome::Refused => Err(answer.text.unwrap_or_else(|| answer.outcome.name().to_owned())),
        Outcome::Done | Outcome::Accepted | Outcome::Held | Outcome::Repeated => {
            Ok(answer.text.unwrap_or_else(|| done.to_owned()))
        }
    }
}

#[derive(Debug, Serialize)]
struct RoomState {
    room: Room,
    paused: Option<Paused>,
}

#[derive(Debug, Serialize)]
struct Paused {
    since: Timestamp,
    user: String,
    reason: String,
}

async fn list(config: &Config, json: bool) -> Result<(), String> {
    let mut states = Vec::new();
    for room in Room::ALL {
        let pool = migrate::reader_pool(config.for_room(room, config::DATABASE_URL)?).await?;
        let paused = paused(&pool, room).await.map_err(|error| reading_failed(&error))?;
        states.push(RoomState { room, paused });
    }
    show::print(json, &states, || {
        let rows = states.iter().map(|RoomState { room, paused }| {
            let dash = || "-".to_owned();
            match paused {
                None => [room.to_string(), "goes on".to_owned(), dash(), dash(), dash()],
                Some(Paused { since, user, reason }) => {
                    [room.to_string(), "PAUSED".to_owned(), since.to_string(), user.clone(), reason.clone()]
                }
            }
        });
        show::table(["room", "state", "since", "by", "reason"], rows)
    })
}

async fn paused(pool: &sqlx::PgPool, room: Room) -> Result<Option<Paused>, sqlx::Error> {
    let sql = format!("SELECT paused_at, paused_by, reason FROM {room}.pause");
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(pool).await?;
    row.map(|row| {
        Ok(Paused {
            since: Timestamp(row.try_get::<OffsetDateTime, _>(0)?),
            user: row.try_get(1)?,
            reason: row.try_get(2)?,
        })
    })
    .transpose()
}
