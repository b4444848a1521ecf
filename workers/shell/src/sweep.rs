//! What keeps a room tidy beside its batches: rows for outsiders are sent, confirmed rows deleted, forgotten rows
//! sent again, partitions made and dropped. None of it is needed for a decision.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;
use time::OffsetDateTime;

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
const SWEEP_ROWS_MAX: i64 = 500;
const SWEEP_EVERY: Duration = Duration::from_secs(15);
const DAY_MILLIS: i64 = 86_400_000;

/// Sends rows for outsiders on a channel of their own, until the room stops. An outsider whose queue is full is held
/// back; its rows wait in the outbox, oldest first, and hold up nobody else.
pub async fn send_out<W: Worker>(hall: Arc<Hall<W>>) {
    let publisher = hall.to_outsiders.clone();
    let Some(mut rows) = hall.out_rows.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let mut windows = Vec::new();
    let mut full: BTreeSet<String> = BTreeSet::new();
    let mut probed = Instant::now();
    loop {
        let wait = SWEEP_EVERY.saturating_sub(probed.elapsed());
        let received = tokio::select! {
            received = rows.recv_many(&mut windows, 64) => received,
            () = tokio::time::sleep(wait) => 0,
            () = hall.closing() => break,
        };
        if received > 0 {
            let window = windows.drain(..).flatten().filter(|row| !full.contains(outsider(row))).collect();
            send(&hall, &publisher, window, &mut full).await;
        }
        if probed.elapsed() >= SWEEP_EVERY {
            probed = Instant::now();
            full.clear();
            drain(&hall, &publisher, &mut full).await;
        }
    }
    while let Ok(window) = rows.try_recv() {
        send(&hall, &publisher, window, &mut full).await;
    }
    forget(&hall).await;
}

/// The outsider that a row is addressed to.
fn outsider(row: &OutboxRow) -> &str {
    row.routing_key.split('.').next().unwrap_or_default()
}

/// Gives whether everything was taken.
async fn send<W: Worker>(
    hall: &Hall<W>,
    publisher: &Publisher,
    rows: Vec<OutboxRow>,
    full: &mut BTreeSet<String>,
) -> bool {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let left = publisher.publish(rows).await;
    hall.note_confirmed(&ids, &left);
    for row in &left {
        if full.insert(outsider(row).to_owned()) {
            tracing::warn!(room = %W::ROOM, outsider = outsider(row), "an outsider's queue takes no more; its rows wait in the outbox");
        }
    }
    left.is_empty()
}

/// Sends what was left for each outsider, oldest first, until its queue is full or nothing is left.
async fn drain<W: Worker>(hall: &Hall<W>, publisher: &Publisher, full: &mut BTreeSet<String>) {
    loop {
        let held: Vec<&str> = full.iter().map(String::as_str).collect();
        let rows = match left_for_outsiders(hall.ledger.pool(), &held).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(room = %W::ROOM, %error, "the outbox could not be swept");
                return;
            }
        };
        if rows.is_empty() || hall.is_stopping() {
            return;
        }
        send(hall, publisher, rows, full).await;
        forget(hall).await;
    }
}

/// Deletes confirmed rows when no batch does, sends again what was left, keeps the partitions.
pub async fn tidy<W: Worker>(hall: Arc<Hall<W>>) {
    let mut seconds: u64 = 0;
    while !hall.is_stopping() {
        tokio::select! { () = tokio::time::sleep(Duration::from_secs(1)) => {}, () = hall.stopping() => break }
        seconds += 1;
        forget(&hall).await;
        if seconds.is_multiple_of(SWEEP_EVERY.as_secs()) && !hall.publishing.is_blocked() {
            sweep(&hall).await;
        }
        if seconds.is_multiple_of(3_600) {
            if let Err(error) = partitions(hall.ledger.pool()).await {
                tracing::error!(room = %W::ROOM, %error, "the inbox's partitions could not be kept");
            }
            if let Err(error) = sqlx::query("DELETE FROM mark WHERE made_at < now() - interval '1 day'")
                .execute(hall.ledger.pool())
                .await
            {
                tracing::warn!(room = %W::ROOM, %error, "old marks could not be dropped");
            }
        }
    }
}

/// Deletes what the broker has confirmed.
pub(crate) async fn forget<W: Worker>(hall: &Hall<W>) {
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

/// Sends rows for rooms that were left for a minute, as long as there are some.
async fn sweep<W: Worker>(hall: &Hall<W>) {
    loop {
        let rows = match left_for_rooms(hall.ledger.pool()).await {
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
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let left = hall.inner.publish(rows).await;
        hall.note_confirmed(&ids, &left);
        if !left.is_empty() || hall.is_stopping() {
            return;
        }
    }
}

async fn left_for_rooms(pool: &PgPool) -> Result<Vec<OutboxRow>, sqlx::Error> {
    picked(
        pool,
        "WITH picked AS (
             SELECT id FROM outbox WHERE exchange <> 'oms.out' AND next_at < now() - interval '60 seconds' ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
         )",
        &[],
    )
    .await
}

async fn left_for_outsiders(pool: &PgPool, full: &[&str]) -> Result<Vec<OutboxRow>, sqlx::Error> {
    picked(
        pool,
        "WITH picked AS (
             SELECT id FROM outbox WHERE exchange = 'oms.out' AND next_at < now() - interval '20 seconds' AND NOT (split_part(routing_key, '.', 1) = ANY($2))
             ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
         )",
        full,
    )
    .await
}

/// Takes rows for this round, so that no other replica sends them in the same minute.
async fn picked(pool: &PgPool, which: &'static str, full: &[&str]) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let sql = format!(
        "{which}
         UPDATE outbox o SET attempts = o.attempts + 1, next_at = now()
         FROM picked WHERE o.id = picked.id
         RETURNING o.id, o.exchange, o.routing_key, o.content_type, o.message_id, o.headers, o.body"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(SWEEP_ROWS_MAX);
    let query = if which.contains("$2") { query.bind(full) } else { query };
    let rows = query.fetch_all(pool).await?;
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
