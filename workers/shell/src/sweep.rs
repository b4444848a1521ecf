//! What keeps a room tidy beside its batches: rows for outsiders are sent, confirmed rows deleted, forgotten rows
//! sent again, partitions made and dropped. None of it is needed for a decision.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use messages::topology;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;
use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::clock;
use crate::hall::Hall;
use crate::ledger::OutboxRow;
use crate::postgres::outbox_row;
use crate::wire::Publisher;
use crate::worker::Worker;

/// Days for which the inbox remembers.
const PARTITION_DAYS_BACK: i64 = 90;
const PARTITION_DAYS_AHEAD: i64 = 7;
/// Rows that the sweeper sends at one time.
const SWEEP_ROWS_MAX: i64 = 100;
const DAY_MILLIS: i64 = 86_400_000;

/// Sends rows for outsiders on a channel of their own. What is refused stays in the outbox for the sweeper.
pub async fn send_out<W: Worker>(
    hall: Arc<Hall<W>>,
    publisher: Publisher,
    mut rows: mpsc::UnboundedReceiver<Vec<OutboxRow>>,
) {
    let mut windows = Vec::new();
    while rows.recv_many(&mut windows, 64).await > 0 {
        let window: Vec<OutboxRow> = windows.drain(..).flatten().collect();
        let ids: Vec<i64> = window.iter().map(|row| row.id).collect();
        let left = publisher.publish(window).await;
        if let Some(row) = left.first() {
            tracing::warn!(room = %W::ROOM, rows = left.len(), first_key = %row.routing_key, "an outsider's queue takes no more; its rows wait in the outbox");
        }
        hall.note_confirmed(&ids, &left);
    }
}

/// Deletes confirmed rows when no batch does, sends again what was left, keeps the partitions.
pub async fn tidy<W: Worker>(hall: Arc<Hall<W>>) {
    let mut seconds: u64 = 0;
    while !hall.is_stopping() {
        tokio::select! { () = tokio::time::sleep(Duration::from_secs(1)) => {}, () = hall.stopping() => break }
        seconds += 1;
        forget(&hall).await;
        if seconds.is_multiple_of(15) && !hall.publishing.is_blocked() {
            sweep(&hall).await;
        }
        if seconds.is_multiple_of(6 * 3600)
            && let Err(error) = partitions(hall.ledger.pool()).await
        {
            tracing::error!(room = %W::ROOM, %error, "the inbox's partitions could not be kept");
        }
    }
    forget(&hall).await;
}

async fn forget<W: Worker>(hall: &Hall<W>) {
    let ids = std::mem::take(&mut *hall.confirmed.lock().unwrap_or_else(PoisonError::into_inner));
    if ids.is_empty() {
        return;
    }
    if let Err(error) =
        sqlx::query("DELETE FROM outbox WHERE id = ANY($1)").bind(&ids).execute(hall.ledger.pool()).await
    {
        tracing::warn!(room = %W::ROOM, %error, "confirmed rows could not be deleted yet");
        hall.remember_confirmed(ids);
    }
}

async fn sweep<W: Worker>(hall: &Hall<W>) {
    let rows = match left_behind(hall.ledger.pool()).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::warn!(room = %W::ROOM, %error, "the outbox could not be swept");
            return;
        }
    };
    if rows.is_empty() {
        return;
    }
    tracing::info!(room = %W::ROOM, rows = rows.len(), "sending again what was left in the outbox");
    let (out, inner): (Vec<OutboxRow>, Vec<OutboxRow>) =
        rows.into_iter().partition(|row| row.exchange == topology::OUT);
    if !out.is_empty() {
        // The receiver lives as long as the room.
        let _ = hall.out.send(out);
    }
    let ids: Vec<i64> = inner.iter().map(|row| row.id).collect();
    let left = hall.inner.publish(inner).await;
    hall.note_confirmed(&ids, &left);
}

/// Rows older than a minute, each outsider's oldest first, with a growing pause between tries.
async fn left_behind(pool: &PgPool) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let rows = sqlx::query(
        "WITH picked AS (
             SELECT id FROM outbox WHERE next_at < now() - interval '60 seconds' ORDER BY next_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
         )
         UPDATE outbox o SET attempts = o.attempts + 1, next_at = now() + interval '30 seconds' * least(o.attempts, 20)
         FROM picked WHERE o.id = picked.id
         RETURNING o.id, o.exchange, o.routing_key, o.content_type, o.message_id, o.headers, o.body",
    )
    .bind(SWEEP_ROWS_MAX)
    .fetch_all(pool)
    .await?;
    let mut rows = rows.iter().map(outbox_row).collect::<Result<Vec<OutboxRow>, _>>()?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Makes the inbox's partitions from 90 days back to 7 days ahead and drops older ones.
///
/// # Errors
/// The database's own.
pub async fn partitions(pool: &PgPool) -> Result<(), sqlx::Error> {
    let today = clock::now().unix_timestamp() / 86_400;
    let mut tx = pool.begin().await?;
    // Two replicas that make the same partition at one time would fail one another.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.inbox'))")
        .execute(&mut *tx)
        .await?;
    let have: Vec<String> = sqlx::query_scalar("SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'inbox'::regclass")
        .fetch_all(&mut *tx)
        .await?;
    let mut statements = String::new();
    for day in today - PARTITION_DAYS_BACK..=today + PARTITION_DAYS_AHEAD {
        let name = partition_name(day);
        if !have.contains(&name) {
            statements += &format!(
                "CREATE TABLE {name} PARTITION OF inbox FOR VALUES FROM ('{}') TO ('{}');",
                first_id(day),
                first_id(day + 1)
            );
        }
    }
    let oldest = partition_name(today - PARTITION_DAYS_BACK);
    for name in have.iter().filter(|name| name.as_str() < oldest.as_str()) {
        statements += &format!("DROP TABLE {name};");
    }
    if !statements.is_empty() {
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *tx).await?;
    }
    tx.commit().await
}

fn partition_name(day: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(day * 86_400).unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
    format!("inbox_{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day())
}

/// The smallest inbox id of a day: its first 48 bits are the milliseconds since 1970.
fn first_id(day: i64) -> uuid::Uuid {
    let mut bytes = [0_u8; 16];
    bytes[..6].copy_from_slice(&(day * DAY_MILLIS).to_be_bytes()[2..]);
    uuid::Uuid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use messages::id::derived_id;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_id_lies_in_the_partition_of_its_day() {
        for (time, day) in [
            (datetime!(2026-11-24 00:00 UTC), 20_781),
            (datetime!(2026-11-24 23:59:59.999 UTC), 20_781),
            (datetime!(2026-11-25 00:00 UTC), 20_782),
        ] {
            let id = derived_id(time, &[b"x"]);
            assert!(first_id(day) <= id && id < first_id(day + 1), "{time}");
        }
        assert_eq!(partition_name(20_781), "inbox_20261124");
    }
}
