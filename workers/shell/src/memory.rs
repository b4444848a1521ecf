//! The ledger in memory: the same transaction over maps, for tests of one room and for simulation. It is the
//! generic store (a map from key to state) and never writes to a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use messages::Timestamp;
use messages::id::derived_id;
use messages::task::{TaskClose, TaskKind};
use uuid::Uuid;

use crate::control::Control;
use crate::ledger::{ClosedTask, DueId, Ledger, LedgerError, Loaded, OutboxRow, TracedDue, Tx};
use crate::worker::{DueChange, DueRow, Key, Peek, Task, Worker};

/// Everything that one room's schema holds.
#[derive(Debug, Clone)]
pub struct Tables<W: Worker> {
    pub now: Timestamp,
    pub batch: i64,
    pub inbox: BTreeMap<Uuid, i64>,
    pub rows: BTreeMap<W::Key, W::State>,
    pub outbox: BTreeMap<i64, (i64, OutboxRow)>,
    pub outbox_id: i64,
    pub due: BTreeMap<(String, String), DueRow>,
    pub tasks: BTreeMap<(TaskKind, String), TaskState>,
    /// What the operator did.
    pub controls: BTreeSet<String>,
}

/// A task as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskState {
    pub order_number: Option<String>,
    pub open: bool,
}

impl<W: Worker> Tables<W> {
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            batch: 0,
            inbox: BTreeMap::new(),
            rows: BTreeMap::new(),
            outbox: BTreeMap::new(),
            outbox_id: 0,
            due: BTreeMap::new(),
            tasks: BTreeMap::new(),
            controls: BTreeSet::new(),
        }
    }
}

/// A room's schema in memory.
#[derive(Debug, Clone)]
pub struct MemoryLedger<W: Worker>(Arc<Mutex<Tables<W>>>);

impl<W: Worker> MemoryLedger<W> {
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Tables::new(now))))
    }

    /// Looks at the tables, or changes them from outside (the clock).
    pub fn with<T>(&self, look: impl FnOnce(&mut Tables<W>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A transaction: a copy that replaces the tables when it commits.
#[derive(Debug)]
pub struct MemoryTx<W: Worker> {
    shared: Arc<Mutex<Tables<W>>>,
    tables: Tables<W>,
}

impl<W: Worker> Ledger<W> for MemoryLedger<W> {
    type Tx = MemoryTx<W>;

    async fn begin(&self) -> Result<MemoryTx<W>, LedgerError> {
        Ok(MemoryTx { shared: Arc::clone(&self.0), tables: self.with(|tables| tables.clone()) })
    }

    async fn unsent(&self, ids: &[Uuid]) -> Result<Vec<OutboxRow>, LedgerError> {
        Ok(self.with(|tables| {
            let batches: Vec<i64> = ids.iter().filter_map(|id| tables.inbox.get(id).copied()).collect();
            tables
                .outbox
                .values()
                .filter(|(batch, _)| batches.contains(batch))
                .map(|(_, row)| row.clone())
                .collect()
        }))
    }
}

impl<W: Worker> Tx<W> for MemoryTx<W> {
    async fn stamp(&mut self) -> Result<(Timestamp, i64), LedgerError> {
        self.tables.batch += 1;
        Ok((self.tables.now, self.tables.batch))
    }

    async fn remember(&mut self, batch: i64, ids: &[Uuid]) -> Result<Vec<Uuid>, LedgerError> {
        // As in the database, where a time outside has no partition.
        let days = |days| derived_id(self.tables.now.0 + time::Duration::days(days), &[]);
        let (oldest, newest) = (days(-91), days(8));
        if ids.iter().any(|id| *id < oldest || *id > newest) {
            return Err(LedgerError::Row("no partition of the inbox takes this id".to_owned()));
        }
        let inbox = &mut self.tables.inbox;
        let new: Vec<Uuid> = ids.iter().copied().filter(|id| !inbox.contains_key(id)).collect();
        inbox.extend(new.iter().map(|id| (*id, batch)));
        Ok(new)
    }

    async fn load(&mut self, keys: &[W::Key]) -> Result<Vec<(W::Key, W::State)>, LedgerError> {
        Ok(keys
            .iter()
            .map(|key| {
                (key.clone(), self.tables.rows.entry(key.clone()).or_insert_with(|| W::blank(key)).clone())
            })
            .collect())
    }

    async fn look(&mut self, keys: &[W::Key]) -> Result<Loaded<W>, LedgerError> {
        let found = |key: &W::Key| self.tables.rows.get(key).cloned().unwrap_or_else(|| W::blank(key));
        Ok(keys.iter().map(|key| (key.clone(), found(key))).collect())
    }

    async fn peek(&mut self, peek: &Peek) -> Result<Vec<String>, LedgerError> {
        let here = self.tables.rows.keys().filter(|key| key.table() == peek.table);
        let wanted = |text: &String| {
            text.starts_with(&peek.prefix) && peek.after.as_ref().is_none_or(|after| text > after)
        };
        let mut texts: Vec<String> = here.map(|key| key.text().into_owned()).filter(wanted).collect();
        texts.sort();
        texts.truncate(peek.most as usize);
        Ok(texts)
    }

    async fn take_due(&mut self, ids: &[DueId]) -> Result<Vec<DueId>, LedgerError> {
        let due = &mut self.tables.due;
        Ok(ids
            .iter()
            .filter(|id| {
                let place = (id.key.clone(), id.kind.clone());
                let stands = due.get(&place).is_some_and(|row| DueId::of(row) == **id);
                stands && due.remove(&place).is_some()
            })
            .cloned()
            .collect())
    }

    async fn save(&mut self, rows: &[(&W::Key, &W::State)]) -> Result<(), LedgerError> {
        for (key, state) in rows {
            self.tables.rows.insert((*key).clone(), (*state).clone());
        }
        Ok(())
    }

    async fn insert(&mut self, rows: &[(W::Key, W::State)]) -> Result<(), LedgerError> {
        for (key, state) in rows {
            self.tables.rows.entry(key.clone()).or_insert_with(|| state.clone());
        }
        Ok(())
    }

    async fn delete(&mut self, keys: &[W::Key]) -> Result<(), LedgerError> {
        for key in keys {
            self.tables.rows.remove(key);
        }
        Ok(())
    }

    async fn change_due(&mut self, batch: i64, changes: &[TracedDue]) -> Result<(), LedgerError> {
        for TracedDue { traceparent, change } in changes.iter().cloned() {
            match change {
                DueChange::Set { key, kind, epoch, attempt, due_at, body } => {
                    let row = DueRow {
                        key: key.clone(),
                        kind: kind.to_owned(),
                        epoch,
                        attempt,
                        serial: batch,
                        traceparent,
                        due_at,
                        body,
                        started_at: None,
                    };
                    self.tables.due.insert((key, kind.to_owned()), row);
                }
                DueChange::Drop { key, kind } => {
                    self.tables.due.remove(&(key, kind.to_owned()));
                }
            }
        }
        Ok(())
    }

    async fn open_tasks(&mut self, tasks: &[Task]) -> Result<Vec<usize>, LedgerError> {
        let mut opened = Vec::new();
        for (place, task) in tasks.iter().enumerate() {
            let state = TaskState { order_number: task.order.as_ref().map(ToString::to_string), open: true };
            let before = self.tables.tasks.insert((task.kind, task.key.clone()), state);
            if before.is_none_or(|before| !before.open) {
                opened.push(place);
            }
        }
        Ok(opened)
    }

    async fn close_task(&mut self, close: &TaskClose) -> Result<Option<ClosedTask>, LedgerError> {
        let found = self.tables.tasks.get_mut(&(close.kind, close.key.clone())).filter(|task| task.open);
        Ok(found.map(|task| {
            task.open = false;
            ClosedTask { kind: close.kind, key: close.key.clone(), order_number: task.order_number.clone() }
        }))
    }

    async fn control(&mut self, control: &Control) -> Result<bool, LedgerError> {
        let is_new = control.note(&mut self.tables.controls);
        if is_new && let Some(row) = control.restored(self.tables.batch) {
            self.tables.due.entry((row.key.clone(), row.kind.clone())).or_insert(row);
        }
        Ok(is_new)
    }

    async fn put_outbox(&mut self, batch: i64, rows: &mut [OutboxRow]) -> Result<(), LedgerError> {
        for row in rows {
            self.tables.outbox_id += 1;
            row.id = self.tables.outbox_id;
            self.tables.outbox.insert(row.id, (batch, row.clone()));
        }
        Ok(())
    }

    async fn forget(&mut self, ids: &[i64]) -> Result<(), LedgerError> {
        for id in ids {
            self.tables.outbox.remove(id);
        }
        Ok(())
    }

    async fn commit(self) -> Result<(), LedgerError> {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = self.tables;
        Ok(())
    }
}
