//! `oms tasks`: what the rooms handed to a person, read from every room's table and closed by a message.

use messages::answer::Outcome;
use messages::id::UserId;
use messages::task::{TaskClose, TaskKind};
use messages::{Kind, Room};
use serde::Serialize;
use shell::config::{self, Config};
use shell::migrate;
use sqlx::{AssertSqlSafe, Row as _};

use crate::operator::Operator;
use crate::show;

#[derive(Debug, Serialize)]
struct OpenTask {
    room: Room,
    kind: String,
    key: String,
    order: Option<String>,
    reason: String,
    opened_at: String,
}

/// # Errors
/// The database does not answer, or is not migrated.
pub(crate) async fn list(config: &Config, json: bool) -> Result<(), String> {
    let mut tasks = Vec::new();
    for room in Room::ALL {
        let pool = migrate::reader_pool(config.for_room(room, config::DATABASE_URL)?).await?;
        let sql = format!(
            "SELECT kind, key, order_number, reason, to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS opened_at
             FROM {room}.task WHERE closed_at IS NULL ORDER BY opened_at"
        );
        for row in sqlx::query(AssertSqlSafe(sql))
            .fetch_all(&pool)
            .await
            .map_err(|error| crate::reading_failed(&error))?
        {
            let text = |name: &str| row.try_get::<String, _>(name).map_err(|error| error.to_string());
            tasks.push(OpenTask {
                room,
                kind: text("kind")?,
                key: text("key")?,
                order: row.try_get("order_number").map_err(|error| error.to_string())?,
                reason: text("reason")?,
                opened_at: text("opened_at")?,
            });
        }
    }
    tasks.sort_by(|a, b| a.opened_at.cmp(&b.opened_at));
    show::print(json, &tasks, || {
        if tasks.is_empty() {
            return "no open tasks\n".to_owned();
        }
        let rows = tasks.iter().map(|task| {
            [
                task.room.to_string(),
                task.kind.clone(),
                task.key.clone(),
                task.reason.clone(),
                task.opened_at.clone(),
            ]
        });
        show::table(["room", "kind", "key", "reason", "opened at"], rows)
    })
}

/// # Errors
/// No such room or kind, or the room says that no such task is open.
pub(crate) async fn close(
    config: &Config,
    user: UserId,
    room: &str,
    kind: &str,
    key: &str,
    reason: &str,
) -> Result<String, String> {
    let room = Room::parse(room).ok_or_else(|| format!("`{room}` is not a room"))?;
    let kind: TaskKind = serde_json::from_value(kind.into())
        .map_err(|_| format!("`{kind}` is not a kind of task; `oms tasks list` shows them"))?;
    let command = TaskClose { room, kind, key: key.to_owned(), user, reason: reason.to_owned() };
    let answers = Operator::open(config)?.ask(&[command], &Kind::TaskClose.routing_key(room)).await?;
    match answers.first() {
        Some(answer) if answer.outcome == Outcome::Done => Ok("closed".to_owned()),
        Some(answer) => Err(answer.text.clone().unwrap_or_else(|| answer.outcome.name().to_owned())),
        None => Err("the room gave no answer".to_owned()),
    }
}
