//! What PostgreSQL does for a room beside its batches: due rows are picked, calls claimed, the outbox swept, marks
//! set, partitions kept. Nothing here makes a call or sends a message.

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Row as _};
use time::OffsetDateTime;

use crate::due::LEASE_SECONDS;
use crate::ledger::{LedgerError, Left, OutboxRow, Store, Tried};
use crate::postgres::{PgLedger, due_row, outbox_row, sort};
use crate::worker::{Call, DueRow, Worker};
use crate::{clock, pausing};

const DUE_COLUMNS: &str = "d.key, d.kind, d.epoch, d.attempt, d.serial, d.traceparent, d.due_at, d.body::text AS body, d.started_at";
/// Rows that the sweeper sends at one time.
const SWEEP_ROWS_MAX: i64 = 500;
/// Days for which the inbox remembers.
const PARTITION_DAYS_BACK: i64 = 90;
const PARTITION_DAYS_AHEAD: i64 = 7;
const DAY_MILLIS: i64 = 86_400_000;

/// Takes rows for this round, so that no other replica sends them in the same minute.
macro_rules! picked {
    ($which:literal) => {
        concat!(
            "WITH picked AS (SELECT id FROM outbox WHERE ",
            $which,
            " ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
             UPDATE outbox o SET attempts = o.attempts + 1, next_at = now()
             FROM picked WHERE o.id = picked.id
             RETURNING o.id, o.exchange, o.routing_key, o.content_type, o.message_id, o.headers, o.body"
        )
    };
}

impl<W: Worker> Store<W> for PgLedger {
    async fn timers(&self, calls: &[&str], most: usize) -> Result<Vec<DueRow>, LedgerError> {
        // Kind by kind, since only within one is the index in order of time; the kinds are few and found by it too.
        let sql = format!(
            "WITH RECURSIVE kinds (kind) AS (
                 SELECT min(kind) FROM due
                 UNION ALL
                 SELECT (SELECT min(due.kind) FROM due WHERE due.kind > kinds.kind) FROM kinds WHERE kinds.kind IS NOT NULL
             )
             SELECT {DUE_COLUMNS} FROM kinds CROSS JOIN LATERAL (
                 SELECT * FROM due WHERE due.kind = kinds.kind AND due.due_at <= now() ORDER BY due.due_at LIMIT $2
             ) d WHERE NOT (kinds.kind = ANY($1)) ORDER BY d.due_at LIMIT $2"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(calls)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(self.pool())
            .await
            .map_err(sort)?;
        rows.iter().map(|row| due_row(row).map_err(sort)).collect()
    }

    async fn claim(&self, kinds: &[&str], most: usize) -> Result<Vec<Call>, LedgerError> {
        let owner = self.owner().await?;
        // A lease ends early with its owner. CASE keeps the lock from being asked for where there is no lease. Kind by kind,
        // since only within one is the index in order of time: a backlog must not be sorted at every claim.
        let sql = format!(
            "WITH picked AS (
                 SELECT d.key, d.kind, d.started_at AS before FROM unnest($1::text[]) AS kinds (kind) CROSS JOIN LATERAL (
                     SELECT key, kind, started_at, due_at FROM due
                     WHERE due.kind = kinds.kind AND due_at <= now()
                     AND CASE WHEN lease_until IS NULL OR lease_until < now() THEN true WHEN owner = $4 THEN false ELSE pg_try_advisory_xact_lock(owner) END
                     ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
                 ) d ORDER BY d.due_at LIMIT $2
             )
             UPDATE due d SET started_at = COALESCE(d.started_at, clock_timestamp()), lease_until = now() + make_interval(secs => $3), owner = $4
             FROM picked p WHERE d.key = p.key AND d.kind = p.kind
             RETURNING {DUE_COLUMNS}, p.before IS NOT NULL AS unknown"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(kinds)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .bind(LEASE_SECONDS as f64)
            .bind(owner)
            .fetch_all(self.pool())
            .await
            .map_err(sort)?;
        rows.iter()
            .map(|row| {
                Ok(Call { due: due_row(row).map_err(sort)?, unknown: row.try_get("unknown").map_err(sort)? })
            })
            .collect()
    }

    async fn is_paused(&self) -> Result<bool, LedgerError> {
        pausing::is_paused(self.pool()).await.map_err(sort)
    }

    async fn mark(&self, hash: &[u8]) -> Result<i32, LedgerError> {
        sqlx::query_scalar("INSERT INTO mark (hash, tries) VALUES ($1, 1) ON CONFLICT (hash) DO UPDATE SET tries = mark.tries + 1 RETURNING tries")
            .bind(hash)
            .fetch_one(self.pool())
            .await
            .map_err(sort)
    }

    async fn unmark(&self, hash: &[u8], tried: Tried) -> Result<(), LedgerError> {
        let sql = match tried {
            Tried::Settled => "DELETE FROM mark WHERE hash = $1",
            Tried::Interrupted => "UPDATE mark SET tries = tries - 1 WHERE hash = $1",
        };
        sqlx::query(sql).bind(hash).execute(self.pool()).await.map(|_| ()).map_err(sort)
    }

    async fn left(&self, whose: Left<'_>) -> Result<Vec<OutboxRow>, LedgerError> {
        let query = match whose {
            Left::Rooms { after } => sqlx::query(picked!(
                "exchange <> 'oms.out' AND next_at < now() - make_interval(secs => $2)"
            ))
            .bind(SWEEP_ROWS_MAX)
            .bind(after.as_secs_f64()),
            Left::Outsiders { but, after } => sqlx::query(picked!(
                "exchange = 'oms.out' AND next_at < now() - make_interval(secs => $2) AND NOT (split_part(routing_key, '.', 1) = ANY($3))"
            ))
            .bind(SWEEP_ROWS_MAX)
            .bind(after.as_secs_f64())
            .bind(but),
        };
        let rows = query.fetch_all(self.pool()).await.map_err(sort)?;
        let mut rows = rows.iter().map(outbox_row).collect::<Result<Vec<OutboxRow>, _>>().map_err(sort)?;
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }

    async fn delete_sent(&self, ids: &[i64]) -> Result<(), LedgerError> {
        sqlx::query("DELETE FROM outbox WHERE id = ANY($1)")
            .bind(ids)
            .execute(self.pool())
            .await
            .map(|_| ())
            .map_err(sort)
    }

    async fn keep(&self) -> Result<(), LedgerError> {
        partitions(self.pool()).await.map_err(sort)?;
        sqlx::query("DELETE FROM mark WHERE made_at < now() - interval '1 day'")
            .execute(self.pool())
            .await
            .map(|_| ())
            .map_err(sort)
    }
}

/// Makes the inbox's partitions from 90 days back to 7 days ahead and drops older ones.
///
/// # Errors
/// The database's own.
pub(crate) async fn partitions(pool: &PgPool) -> Result<(), sqlx::Error> {
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
