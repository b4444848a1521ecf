//! The ledger in PostgreSQL. The only SQL that touches a room's rows on the way of a batch: every table has the
//! shape `key, state`, so that locking, loading and saving are written once and no room can get them wrong.

mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use messages::Timestamp;
use messages::task::TaskClose;
use serde_json::value::RawValue;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Postgres, Row, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::control::Control;
use crate::ledger::{ClosedTask, DueId, Ledger, LedgerError, Loaded, OutboxRow, Remembered, TracedDue, Tx};
use crate::owner::Owner;
use crate::worker::{DueChange, DueRow, Key, Peek, Task, Worker};

use rows::{Absent, Care, columns};

/// One room's schema.
#[derive(Debug, Clone)]
pub struct PgLedger {
    pool: PgPool,
    owner: Arc<Owner>,
    care: Arc<Care>,
}

/// A transaction in it.
pub struct PgTx<W: Worker> {
    tx: Transaction<'static, Postgres>,
    /// Whether rows that are missing are made before they are locked.
    careful: bool,
    care: Arc<Care>,
    absent: Absent<W>,
}

/// Sorts a failure by what the shell must do about it.
pub(crate) fn sort(error: sqlx::Error) -> LedgerError {
    let Some(code) = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()))
    else {
        return LedgerError::ForNow(error.to_string());
    };
    // The text of a constraint violation repeats the row, so only its name goes on.
    let constraint =
        error.as_database_error().and_then(|error| error.constraint()).unwrap_or("value").to_owned();
    match (code.as_str(), &code[..2]) {
        ("40001" | "40P01" | "55P03", _) | (_, "08" | "53") => {
            LedgerError::ForNow(format!("SQLSTATE {code}"))
        }
        ("57014", _) => LedgerError::Cancelled(format!("SQLSTATE {code}")),
        // A row that is too large is the batch's own fault as well.
        (_, "21" | "22" | "23" | "54") => LedgerError::Row(format!("SQLSTATE {code}, {constraint}")),
        (_, "57") => LedgerError::ForNow(format!("SQLSTATE {code}")),
        _ => LedgerError::Schema(format!(
            "SQLSTATE {code}: {}",
            error.as_database_error().map_or("", |error| error.message())
        )),
    }
}

impl PgLedger {
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool, owner: Arc::default(), care: Arc::default() }
    }

    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The number under which this process claims calls.
    pub(crate) async fn owner(&self) -> Result<i64, LedgerError> {
        self.owner.number(&self.pool.connect_options()).await.map_err(sort)
    }
}

const OUTBOX_COLUMNS: &str =
    "o.id, o.exchange, o.routing_key, o.content_type, o.message_id, o.headers, o.body";

pub(crate) fn outbox_row(row: &PgRow) -> Result<OutboxRow, sqlx::Error> {
    let headers: serde_json::Value = row.try_get("headers")?;
    Ok(OutboxRow {
        id: row.try_get("id")?,
        exchange: row.try_get("exchange")?,
        routing_key: row.try_get("routing_key")?,
        content_type: row.try_get("content_type")?,
        message_id: row.try_get("message_id")?,
        headers: serde_json::from_value(headers).unwrap_or_default(),
        body: row.try_get::<Vec<u8>, _>("body")?.into(),
    })
}

pub(crate) fn due_row(row: &PgRow) -> Result<DueRow, sqlx::Error> {
    let body: String = row.try_get("body")?;
    Ok(DueRow {
        key: row.try_get("key")?,
        kind: row.try_get("kind")?,
        epoch: row.try_get("epoch")?,
        attempt: row.try_get("attempt")?,
        serial: row.try_get("serial")?,
        traceparent: row.try_get("traceparent")?,
        due_at: Timestamp(row.try_get("due_at")?),
        body: RawValue::from_string(body).map_err(|error| sqlx::Error::Decode(error.into()))?,
        started_at: row.try_get::<Option<OffsetDateTime>, _>("started_at")?.map(Timestamp),
    })
}

impl<W: Worker> Ledger<W> for PgLedger {
    type Tx = PgTx<W>;

    async fn begin(&self) -> Result<PgTx<W>, LedgerError> {
        // Never inside a select or a time-out: a cancelled begin leaves an open transaction in the pool (sqlx 0.9.0).
        let tx = self.pool.begin().await.map_err(sort)?;
        let care = Arc::clone(&self.care);
        Ok(PgTx { tx, careful: care.take(), care, absent: Absent::<W>::new() })
    }

    async fn unsent(&self, ids: &[Uuid]) -> Result<Vec<OutboxRow>, LedgerError> {
        let sql = format!(
            "SELECT DISTINCT {OUTBOX_COLUMNS} FROM outbox o JOIN inbox i USING (batch) WHERE i.id = ANY($1) ORDER BY o.id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(ids).fetch_all(&self.pool).await.map_err(sort)?;
        rows.iter().map(|row| outbox_row(row).map_err(sort)).collect()
    }
}

impl<W: Worker> Tx<W> for PgTx<W> {
    async fn remember(&mut self, ids: &[Uuid]) -> Result<Remembered, LedgerError> {
        // One statement, since each costs both sides a round trip.
        let row = sqlx::query(
            "WITH batch AS MATERIALIZED (SELECT nextval('batch_number') AS number),
                  new AS (INSERT INTO inbox (id, batch) SELECT id, number FROM batch, unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING RETURNING id)
             SELECT now() AS now, number AS batch, ARRAY(SELECT id FROM new) AS new FROM batch",
        )
        .bind(ids)
        .fetch_one(&mut *self.tx)
        .await
        .map_err(sort)?;
        let read = |row: &PgRow| {
            Ok(Remembered {
                now: Timestamp(row.try_get("now")?),
                batch: row.try_get("batch")?,
                new: row.try_get("new")?,
            })
        };
        read(&row).map_err(sort)
    }

    async fn load(&mut self, keys: &[W::Key]) -> Result<Loaded<W>, LedgerError> {
        self.lock(keys).await
    }

    async fn look(&mut self, keys: &[W::Key]) -> Result<Loaded<W>, LedgerError> {
        self.read(keys).await
    }

    async fn peek(&mut self, peek: &Peek) -> Result<Vec<String>, LedgerError> {
        let sql = format!(
            "SELECT key FROM {} WHERE key >= $1 AND starts_with(key, $1) AND key > COALESCE($3, '') ORDER BY key LIMIT $2",
            peek.table
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(&peek.prefix)
            .bind(i64::from(peek.most))
            .bind(&peek.after)
            .fetch_all(&mut *self.tx)
            .await
            .map_err(sort)
    }

    async fn take_due(&mut self, ids: &[DueId]) -> Result<Vec<DueId>, LedgerError> {
        let mut ids = ids.to_vec();
        ids.sort();
        let (keys, kinds): (Vec<&str>, Vec<&str>) =
            ids.iter().map(|id| (id.key.as_str(), id.kind.as_str())).unzip();
        let (epochs, attempts): (Vec<i32>, Vec<i32>) = ids.iter().map(|id| (id.epoch, id.attempt)).unzip();
        let serials: Vec<i64> = ids.iter().map(|id| id.serial).collect();
        let rows = sqlx::query(
            "DELETE FROM due USING unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::bigint[]) AS w (key, kind, epoch, attempt, serial)
             WHERE due.key = w.key AND due.kind = w.kind AND due.epoch = w.epoch AND due.attempt = w.attempt AND due.serial = w.serial
             RETURNING due.key, due.kind, due.epoch, due.attempt, due.serial",
        )
        .bind(keys)
        .bind(kinds)
        .bind(epochs)
        .bind(attempts)
        .bind(serials)
        .fetch_all(&mut *self.tx)
        .await
        .map_err(sort)?;
        let id = |row: &PgRow| {
            let (key, kind) = (row.try_get(0)?, row.try_get(1)?);
            Ok(DueId { key, kind, epoch: row.try_get(2)?, attempt: row.try_get(3)?, serial: row.try_get(4)? })
        };
        rows.iter().map(|row| id(row).map_err(sort)).collect()
    }

    async fn save(&mut self, rows: &[(&W::Key, &W::State)]) -> Result<(), LedgerError> {
        self.write(rows).await
    }

    async fn delete(&mut self, keys: &[W::Key]) -> Result<(), LedgerError> {
        self.make_absent(&[]).await?;
        for run in keys.chunk_by(|a, b| a.table() == b.table()) {
            let texts: Vec<String> = run.iter().map(|key| key.text().into_owned()).collect();
            let sql = format!("DELETE FROM {} WHERE key = ANY($1)", run[0].table());
            sqlx::query(AssertSqlSafe(sql)).bind(texts).execute(&mut *self.tx).await.map_err(sort)?;
        }
        Ok(())
    }

    async fn insert(&mut self, rows: &[(W::Key, W::State)]) -> Result<(), LedgerError> {
        let mut sorted: Vec<(&W::Key, &W::State)> = rows.iter().map(|(key, state)| (key, state)).collect();
        sorted.sort_by(|a, b| a.0.cmp(b.0));
        for run in sorted.chunk_by(|a, b| a.0.table() == b.0.table()) {
            let table = run[0].0.table();
            let (keys, states) = columns::<W>(run)?;
            let sql = format!(
                "INSERT INTO {table} (key, state) SELECT key, state::jsonb FROM unnest($1::text[], $2::text[]) AS w (key, state) ON CONFLICT DO NOTHING"
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(keys)
                .bind(states)
                .execute(&mut *self.tx)
                .await
                .map_err(sort)?;
        }
        Ok(())
    }

    async fn change_due(&mut self, batch: i64, changes: &[TracedDue]) -> Result<(), LedgerError> {
        // The last word on a key and kind counts; one statement may not touch a row twice.
        let mut last: BTreeMap<(&str, &str), &TracedDue> = BTreeMap::new();
        for change in changes {
            let (DueChange::Set { key, kind, .. } | DueChange::Drop { key, kind }) = &change.change;
            last.insert((key, kind), change);
        }
        let dropped: Vec<(&str, &str)> = last
            .iter()
            .filter(|(_, change)| matches!(change.change, DueChange::Drop { .. }))
            .map(|(id, _)| *id)
            .collect();
        if !dropped.is_empty() {
            let (keys, kinds): (Vec<&str>, Vec<&str>) = dropped.into_iter().unzip();
            sqlx::query("DELETE FROM due USING unnest($1::text[], $2::text[]) AS w (key, kind) WHERE due.key = w.key AND due.kind = w.kind")
                .bind(keys)
                .bind(kinds)
                .execute(&mut *self.tx)
                .await
                .map_err(sort)?;
        }
        self.set_due(batch, last.into_values()).await
    }

    async fn open_tasks(&mut self, tasks: &[Task]) -> Result<Vec<usize>, LedgerError> {
        let mut first: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (place, task) in tasks.iter().enumerate() {
            first.entry((task.kind.name(), &task.key)).or_insert(place);
        }
        let (kinds, keys): (Vec<&str>, Vec<&str>) = first.keys().copied().unzip();
        let orders: Vec<Option<&str>> =
            first.values().map(|place| tasks[*place].order.as_ref().map(|order| order.as_str())).collect();
        let reasons: Vec<&str> = first.values().map(|place| tasks[*place].reason.as_str()).collect();
        let opened: Vec<(String, String)> = sqlx::query_as(
            "INSERT INTO task (kind, key, order_number, reason) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
             ON CONFLICT (kind, key) DO UPDATE SET reason = excluded.reason, opened_at = now(), closed_at = NULL, closed_by = NULL, close_reason = NULL
             WHERE task.closed_at IS NOT NULL RETURNING kind, key",
        )
        .bind(&kinds)
        .bind(&keys)
        .bind(&orders)
        .bind(&reasons)
        .fetch_all(&mut *self.tx)
        .await
        .map_err(sort)?;
        let mut places: Vec<usize> = opened
            .iter()
            .filter_map(|(kind, key)| first.get(&(kind.as_str(), key.as_str())).copied())
            .collect();
        places.sort_unstable();
        Ok(places)
    }

    async fn close_task(&mut self, close: &TaskClose) -> Result<Option<ClosedTask>, LedgerError> {
        let row = sqlx::query(
            "UPDATE task SET closed_at = now(), closed_by = $3, close_reason = $4 WHERE kind = $1 AND key = $2 AND closed_at IS NULL RETURNING order_number",
        )
        .bind(close.kind.name())
        .bind(&close.key)
        .bind(close.user.as_str())
        .bind(&close.reason)
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(sort)?;
        row.map(|row| {
            Ok(ClosedTask {
                kind: close.kind,
                key: close.key.clone(),
                order_number: row.try_get(0).map_err(sort)?,
            })
        })
        .transpose()
    }

    async fn control(&mut self, control: &Control) -> Result<bool, LedgerError> {
        control.record(&mut self.tx).await.map_err(sort)
    }

    async fn put_outbox(&mut self, batch: i64, rows: &mut [OutboxRow]) -> Result<(), LedgerError> {
        let text = |pick: fn(&OutboxRow) -> &str| {
            rows.iter().map(|row| pick(row).to_owned()).collect::<Vec<String>>()
        };
        let headers: Vec<String> = rows
            .iter()
            .map(|row| serde_json::to_string(&row.headers).unwrap_or_else(|_| "{}".to_owned()))
            .collect();
        let ids: Vec<i64> = sqlx::query_scalar(
            "INSERT INTO outbox (batch, exchange, routing_key, content_type, message_id, headers, body)
             SELECT $1, e, r, c, m, h::jsonb, b FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
             WITH ORDINALITY AS w (e, r, c, m, h, b, n) ORDER BY n RETURNING id",
        )
        .bind(batch)
        .bind(text(|row| &row.exchange))
        .bind(text(|row| &row.routing_key))
        .bind(text(|row| &row.content_type))
        .bind(text(|row| &row.message_id))
        .bind(headers)
        .bind(rows.iter().map(|row| &*row.body).collect::<Vec<&[u8]>>())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(sort)?;
        for (row, id) in rows.iter_mut().zip(ids) {
            row.id = id;
        }
        Ok(())
    }

    async fn forget(&mut self, ids: &[i64]) -> Result<(), LedgerError> {
        sqlx::query("DELETE FROM outbox WHERE id = ANY($1)")
            .bind(ids)
            .execute(&mut *self.tx)
            .await
            .map(|_| ())
            .map_err(sort)
    }

    async fn commit(mut self) -> Result<(), LedgerError> {
        self.make_absent(&[]).await?;
        self.tx.commit().await.map_err(sort)
    }
}

impl<W: Worker> PgTx<W> {
    async fn set_due<'a>(
        &mut self,
        batch: i64,
        changes: impl Iterator<Item = &'a TracedDue>,
    ) -> Result<(), LedgerError> {
        let (mut keys, mut kinds, mut epochs, mut attempts) = (vec![], vec![], vec![], vec![]);
        let (mut times, mut bodies, mut traces) = (vec![], vec![], vec![]);
        for TracedDue { traceparent, change } in changes {
            if let DueChange::Set { key, kind, epoch, attempt, due_at, body } = change {
                keys.push(key.as_str());
                kinds.push(*kind);
                epochs.push(*epoch);
                attempts.push(*attempt);
                times.push(due_at.0);
                bodies.push(body.get());
                traces.push(traceparent.as_deref());
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO due (key, kind, epoch, attempt, due_at, body, traceparent, serial)
             SELECT k, i, e, a, t, b::jsonb, p, $8 FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::timestamptz[], $6::text[], $7::text[])
             AS w (k, i, e, a, t, b, p)
             ON CONFLICT (key, kind) DO UPDATE SET epoch = excluded.epoch, attempt = excluded.attempt, due_at = excluded.due_at, body = excluded.body,
             traceparent = excluded.traceparent, serial = excluded.serial, started_at = NULL, lease_until = NULL, owner = NULL",
        )
        .bind(keys)
        .bind(kinds)
        .bind(epochs)
        .bind(attempts)
        .bind(times)
        .bind(bodies)
        .bind(traces)
        .bind(batch)
        .execute(&mut *self.tx)
        .await
        .map(|_| ())
        .map_err(sort)
    }
}
