//! A batch's rows: locked, loaded, made and saved, the same for every table. A decision is never stored that rests on a row's
//! absence if somebody else has made that row meanwhile.
//!
//! `SELECT … FOR UPDATE` locks nothing where there is no row. There are two ways about that, and both decide alike:
//! - *carefully*: what is missing is made first, empty, so that it can be locked. That costs a second version of each new row.
//! - otherwise what was missing is made when the batch is saved, at once with its state. If one of these rows is there by
//!   then, another batch has decided on it: all is rolled back and tried again ([`LedgerError::Raced`]), carefully for a
//!   while, since whoever met another once meets it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Row as _};

use crate::faults::{self, Sabotage};
use crate::ledger::{LedgerError, Loaded};
use crate::postgres::{PgTx, sort};
use crate::worker::{Key as _, Worker};

/// Batches that are careful after a race.
const CAREFUL_BATCHES: u32 = 64;

/// How many batches are still to be careful.
#[derive(Debug, Default)]
pub(super) struct Care(AtomicU32);

impl Care {
    /// Whether the next batch is careful.
    pub(super) fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn raced(&self) {
        self.0.store(CAREFUL_BATCHES, Ordering::Relaxed);
    }
}

impl<W: Worker> PgTx<W> {
    pub(super) async fn lock(&mut self, keys: &[W::Key]) -> Result<Loaded<W>, LedgerError> {
        let mut loaded = Vec::with_capacity(keys.len());
        for run in keys.chunk_by(|a, b| a.table() == b.table()) {
            let table = run[0].table();
            let mut by_text: BTreeMap<String, &W::Key> =
                run.iter().map(|key| (key.text().into_owned(), key)).collect();
            let texts: Vec<String> = by_text.keys().cloned().collect();
            if self.careful && !faults::sabotages(Sabotage::Lock) {
                self.make(table, &texts).await?;
            }
            let lock = format!(
                "SELECT key, state::text AS state FROM {table} WHERE key = ANY($1) ORDER BY key FOR UPDATE"
            );
            let rows =
                sqlx::query(AssertSqlSafe(lock)).bind(&texts).fetch_all(&mut *self.tx).await.map_err(sort)?;
            for row in rows {
                let text: String = row.try_get("key").map_err(sort)?;
                let Some(key) = by_text.remove(&text) else { continue };
                let state = parse_state::<W>(key, row.try_get("state").map_err(sort)?)?;
                loaded.push((key.clone(), state));
            }
            for key in by_text.into_values() {
                loaded.push((key.clone(), W::blank(key)));
                self.absent.insert(key.clone());
            }
        }
        Ok(loaded)
    }

    pub(super) async fn read(&mut self, keys: &[W::Key]) -> Result<Loaded<W>, LedgerError> {
        let mut found = Vec::with_capacity(keys.len());
        for run in keys.chunk_by(|a, b| a.table() == b.table()) {
            let table = run[0].table();
            let texts: Vec<String> = run.iter().map(|key| key.text().into_owned()).collect();
            let sql = format!("SELECT key, state::text AS state FROM {table} WHERE key = ANY($1)");
            let rows =
                sqlx::query(AssertSqlSafe(sql)).bind(&texts).fetch_all(&mut *self.tx).await.map_err(sort)?;
            let mut states: BTreeMap<String, Option<String>> = BTreeMap::new();
            for row in &rows {
                states.insert(row.try_get("key").map_err(sort)?, row.try_get("state").map_err(sort)?);
            }
            for (key, text) in run.iter().zip(texts) {
                let state = states.remove(&text).flatten();
                found.push((key.clone(), parse_state::<W>(key, state)?));
            }
        }
        Ok(found)
    }

    pub(super) async fn write(&mut self, rows: &[(&W::Key, &W::State)]) -> Result<(), LedgerError> {
        let (new, old): (Vec<_>, Vec<_>) =
            rows.iter().copied().partition(|(key, _)| self.absent.contains(key));
        self.make_absent(&new).await?;
        for run in old.chunk_by(|a, b| a.0.table() == b.0.table()) {
            let table = run[0].0.table();
            let (keys, states) = columns::<W>(run)?;
            self.update(table, &keys, &states).await?;
        }
        Ok(())
    }

    /// Makes every row that was missing, in the order of locking: with its state, or empty if nothing was decided of it.
    /// From here on nobody else can make one.
    pub(super) async fn make_absent(&mut self, new: &[(&W::Key, &W::State)]) -> Result<(), LedgerError> {
        let absent: Vec<W::Key> = std::mem::take(&mut self.absent).into_iter().collect();
        let new: BTreeMap<&W::Key, &W::State> = new.iter().copied().collect();
        for run in absent.chunk_by(|a, b| a.table() == b.table()) {
            let table = run[0].table();
            let (keys, states) = states_of::<W>(run, &new)?;
            if faults::sabotages(Sabotage::Lock) {
                self.overwrite(table, &keys, &states).await?;
                continue;
            }
            let sql = format!(
                "INSERT INTO {table} (key, state) SELECT key, state::jsonb FROM unnest($1::text[], $2::text[]) AS w (key, state) ON CONFLICT DO NOTHING"
            );
            let made = sqlx::query(AssertSqlSafe(sql))
                .bind(&keys)
                .bind(&states)
                .execute(&mut *self.tx)
                .await
                .map_err(sort)?;
            if usize::try_from(made.rows_affected()).ok() != Some(run.len()) {
                self.care.raced();
                return Err(LedgerError::Raced { table });
            }
        }
        Ok(())
    }

    async fn make(&mut self, table: &str, texts: &[String]) -> Result<(), LedgerError> {
        let make = format!("INSERT INTO {table} (key) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING");
        sqlx::query(AssertSqlSafe(make)).bind(texts).execute(&mut *self.tx).await.map_err(sort)?;
        Ok(())
    }

    async fn update(&mut self, table: &str, keys: &[String], states: &[String]) -> Result<(), LedgerError> {
        let sql = format!(
            "UPDATE {table} t SET state = w.state::jsonb FROM unnest($1::text[], $2::text[]) AS w (key, state) WHERE t.key = w.key"
        );
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(keys)
            .bind(states)
            .execute(&mut *self.tx)
            .await
            .map_err(sort)?;
        if usize::try_from(done.rows_affected()).ok() == Some(keys.len()) {
            return Ok(());
        }
        Err(LedgerError::Schema(format!("a locked row of {table} is gone")))
    }

    /// Only for [`Sabotage::Lock`]: what nobody had locked is written all the same, over whatever is there.
    async fn overwrite(
        &mut self,
        table: &str,
        keys: &[String],
        states: &[Option<String>],
    ) -> Result<(), LedgerError> {
        self.make(table, keys).await?;
        let set = keys.iter().zip(states).filter_map(|(key, state)| Some((key.clone(), state.clone()?)));
        let (keys, states): (Vec<String>, Vec<String>) = set.unzip();
        self.update(table, &keys, &states).await
    }
}

type Columns<S> = (Vec<String>, Vec<S>);

/// The states of these rows, as far as they are among the new ones.
fn states_of<W: Worker>(
    run: &[W::Key],
    new: &BTreeMap<&W::Key, &W::State>,
) -> Result<Columns<Option<String>>, LedgerError> {
    let mut states = Vec::with_capacity(run.len());
    for key in run {
        states.push(new.get(key).map(|state| json::<W>(key, state)).transpose()?);
    }
    Ok((run.iter().map(|key| key.text().into_owned()).collect(), states))
}

pub(super) fn columns<W: Worker>(rows: &[(&W::Key, &W::State)]) -> Result<Columns<String>, LedgerError> {
    let mut states = Vec::with_capacity(rows.len());
    for (key, state) in rows {
        states.push(json::<W>(key, state)?);
    }
    Ok((rows.iter().map(|(key, _)| key.text().into_owned()).collect(), states))
}

fn json<W: Worker>(key: &W::Key, state: &W::State) -> Result<String, LedgerError> {
    let unwritable = |_| LedgerError::State { table: key.table(), key: key.text().into_owned() };
    serde_json::to_string(state).map_err(unwritable)
}

fn parse_state<W: Worker>(key: &W::Key, state: Option<String>) -> Result<W::State, LedgerError> {
    let unreadable = |_| LedgerError::State { table: key.table(), key: key.text().into_owned() };
    state.map_or_else(|| Ok(W::blank(key)), |state| serde_json::from_str(&state).map_err(unreadable))
}

/// The rows that a transaction found missing.
pub(super) type Absent<W> = BTreeSet<<W as Worker>::Key>;
