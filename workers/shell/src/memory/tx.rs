//! One transaction in memory: what it changes lies beside the tables until it commits, what it touches is locked until
//! it ends, and who wants the same waits. A circle of waits ends as a deadlock for whoever closes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use messages::Timestamp;
use messages::id::derived_id;
use messages::task::{TaskClose, TaskKind};
use uuid::Uuid;

use super::{Gate, Inner, Lock, Shared, Step, TaskState, pass};
use crate::control::Control;
use crate::faults::{self, Sabotage};
use crate::ledger::{ClosedTask, DueId, LedgerError, Loaded, OutboxRow, Remembered, TracedDue, Tx};
use crate::worker::{DueChange, DueRow, Key as _, Peek, Task, Worker};

/// A transaction. Dropped without a commit, it never was.
pub struct MemoryTx<W: Worker> {
    shared: Arc<Shared<W>>,
    gate: Option<Arc<dyn Gate>>,
    number: u64,
    now: Timestamp,
    held: Vec<Lock<W::Key>>,
    changes: Changes<W>,
}

/// What a commit applies; absent is deleted.
struct Changes<W: Worker> {
    inbox: BTreeMap<Uuid, i64>,
    rows: BTreeMap<W::Key, Option<W::State>>,
    due: BTreeMap<(String, String), Option<DueRow>>,
    tasks: BTreeMap<(TaskKind, String), TaskState>,
    /// All of them, once one is changed.
    controls: Option<BTreeSet<String>>,
    outbox: Vec<(i64, OutboxRow)>,
    forgotten: Vec<i64>,
}

impl<W: Worker> MemoryTx<W> {
    pub(super) fn begin(shared: Arc<Shared<W>>, gate: Option<Arc<dyn Gate>>) -> Self {
        let (number, now) = {
            let mut inner = shared.lock();
            inner.transactions += 1;
            (inner.transactions, inner.tables.now)
        };
        let changes = Changes {
            inbox: BTreeMap::new(),
            rows: BTreeMap::new(),
            due: BTreeMap::new(),
            tasks: BTreeMap::new(),
            controls: None,
            outbox: Vec::new(),
            forgotten: Vec::new(),
        };
        Self { shared, gate, number, now, held: Vec::new(), changes }
    }

    async fn pass(&self, step: Step) -> Result<(), LedgerError> {
        pass(self.gate.as_deref(), step).await
    }

    /// Waits until nobody else holds this.
    async fn lock(&mut self, lock: Lock<W::Key>) -> Result<(), LedgerError> {
        let shared = Arc::clone(&self.shared);
        loop {
            // Made before the look, so that a release in between is not missed.
            let released = shared.released.notified();
            {
                let mut inner = shared.lock();
                match inner.locks.get(&lock).copied() {
                    Some(holder) if holder != self.number => {
                        if inner.waits_for(holder, self.number) {
                            inner.waits.remove(&self.number);
                            return Err(LedgerError::ForNow("SQLSTATE 40P01".to_owned()));
                        }
                        inner.waits.insert(self.number, holder);
                    }
                    holder => {
                        inner.waits.remove(&self.number);
                        if holder.is_none() {
                            inner.locks.insert(lock.clone(), self.number);
                            self.held.push(lock);
                        }
                        return Ok(());
                    }
                }
            }
            released.await;
        }
    }

    /// A row as this transaction sees it.
    fn row(&self, key: &W::Key) -> Option<W::State> {
        match self.changes.rows.get(key) {
            Some(changed) => changed.clone(),
            None => self.shared.lock().tables.rows.get(key).cloned(),
        }
    }

    /// As an insert that does nothing if the row is there; it waits for whoever is inserting it.
    async fn make(&mut self, key: &W::Key, state: W::State) -> Result<(), LedgerError> {
        if self.row(key).is_none() {
            self.lock(Lock::Row(key.clone())).await?;
            if self.row(key).is_none() {
                self.changes.rows.insert(key.clone(), Some(state));
            }
        }
        Ok(())
    }

    fn due(&self, place: &(String, String)) -> Option<DueRow> {
        match self.changes.due.get(place) {
            Some(changed) => changed.clone(),
            None => self.shared.lock().tables.due.get(place).cloned(),
        }
    }

    fn task(&self, place: &(TaskKind, String)) -> Option<TaskState> {
        match self.changes.tasks.get(place) {
            Some(changed) => Some(changed.clone()),
            None => self.shared.lock().tables.tasks.get(place).cloned(),
        }
    }
}

impl<W: Worker> Inner<W> {
    fn waits_for(&self, mut who: u64, whom: u64) -> bool {
        while let Some(&next) = self.waits.get(&who) {
            if next == whom {
                return true;
            }
            who = next;
        }
        false
    }

    fn apply(&mut self, changes: Changes<W>) {
        let tables = &mut self.tables;
        tables.inbox.extend(changes.inbox);
        for (key, state) in changes.rows {
            match state {
                Some(state) => drop(tables.rows.insert(key, state)),
                None => drop(tables.rows.remove(&key)),
            }
        }
        for (place, row) in changes.due {
            // A row that is set or taken is nobody's call any more.
            tables.leases.remove(&place);
            match row {
                Some(row) => drop(tables.due.insert(place, row)),
                None => drop(tables.due.remove(&place)),
            }
        }
        tables.tasks.extend(changes.tasks);
        if let Some(controls) = changes.controls {
            tables.controls = controls;
        }
        for (batch, row) in changes.outbox {
            tables.next_at.insert(row.id, tables.now);
            tables.outbox.insert(row.id, (batch, row));
        }
        for id in changes.forgotten {
            tables.outbox.remove(&id);
            tables.next_at.remove(&id);
        }
    }
}

impl<W: Worker> Drop for MemoryTx<W> {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        for lock in self.held.drain(..) {
            inner.locks.remove(&lock);
        }
        inner.waits.remove(&self.number);
        drop(inner);
        self.shared.released.notify_waiters();
    }
}

impl<W: Worker> Tx<W> for MemoryTx<W> {
    async fn remember(&mut self, ids: &[Uuid]) -> Result<Remembered, LedgerError> {
        self.pass(Step::Statement).await?;
        let batch = {
            // As a sequence: a number that was taken stays taken.
            let mut inner = self.shared.lock();
            inner.tables.batch += 1;
            inner.tables.batch
        };
        // As in the database, where a time outside has no partition.
        let days = |days| derived_id(self.now.0 + time::Duration::days(days), &[]);
        let (oldest, newest) = (days(-91), days(8));
        if ids.iter().any(|id| *id < oldest || *id > newest) {
            return Err(LedgerError::Row("no partition of the inbox takes this id".to_owned()));
        }
        let mut new = Vec::new();
        for id in ids {
            // Two batches with one id: the second waits for what becomes of the first.
            if !self.shared.lock().tables.inbox.contains_key(id) {
                self.lock(Lock::Inbox(*id)).await?;
                if !self.shared.lock().tables.inbox.contains_key(id) {
                    self.changes.inbox.insert(*id, batch);
                    new.push(*id);
                }
            }
        }
        Ok(Remembered { now: self.now, batch, new })
    }

    async fn load(&mut self, keys: &[W::Key]) -> Result<Loaded<W>, LedgerError> {
        let mut loaded = Vec::with_capacity(keys.len());
        for run in keys.chunk_by(|a, b| a.table() == b.table()) {
            let mut run: Vec<&W::Key> = run.iter().collect();
            run.sort_by_cached_key(|key| key.text().into_owned());
            self.pass(Step::Statement).await?;
            let makes = !faults::sabotages(Sabotage::Lock);
            if makes {
                for key in &run {
                    self.make(key, W::blank(key)).await?;
                }
            }
            self.pass(Step::Statement).await?;
            for key in run {
                // A lock on a row that is not there locks nothing.
                if makes || self.row(key).is_some() {
                    self.lock(Lock::Row(key.clone())).await?;
                }
                match self.row(key) {
                    Some(state) => loaded.push((key.clone(), state)),
                    None if makes => {}
                    None => loaded.push((key.clone(), W::blank(key))),
                }
            }
        }
        Ok(loaded)
    }

    async fn look(&mut self, keys: &[W::Key]) -> Result<Loaded<W>, LedgerError> {
        self.pass(Step::Statement).await?;
        let found = |key: &W::Key| self.row(key).unwrap_or_else(|| W::blank(key));
        Ok(keys.iter().map(|key| (key.clone(), found(key))).collect())
    }

    async fn peek(&mut self, peek: &Peek) -> Result<Vec<String>, LedgerError> {
        self.pass(Step::Statement).await?;
        let inner = self.shared.lock();
        let here = inner.tables.rows.keys().filter(|key| key.table() == peek.table);
        let wanted = |text: &String| {
            text.starts_with(&peek.prefix) && peek.after.as_ref().is_none_or(|after| text > after)
        };
        let mut texts: Vec<String> = here.map(|key| key.text().into_owned()).filter(wanted).collect();
        texts.sort();
        texts.truncate(peek.most as usize);
        Ok(texts)
    }

    async fn take_due(&mut self, ids: &[DueId]) -> Result<Vec<DueId>, LedgerError> {
        self.pass(Step::Statement).await?;
        let mut ids = ids.to_vec();
        ids.sort();
        let mut taken = Vec::new();
        for id in ids {
            let place = (id.key.clone(), id.kind.clone());
            if self.due(&place).is_some_and(|row| DueId::of(&row) == id) {
                self.lock(Lock::Due(place.0.clone(), place.1.clone())).await?;
                // Looked at again: it may have changed while this waited.
                if self.due(&place).is_some_and(|row| DueId::of(&row) == id) {
                    self.changes.due.insert(place, None);
                    taken.push(id);
                }
            }
        }
        Ok(taken)
    }

    async fn save(&mut self, rows: &[(&W::Key, &W::State)]) -> Result<(), LedgerError> {
        self.pass(Step::Statement).await?;
        for (key, state) in rows {
            self.lock(Lock::Row((*key).clone())).await?;
            if self.row(key).is_none() && !faults::sabotages(Sabotage::Lock) {
                return Err(LedgerError::Schema(format!("a locked row of {} is gone", key.table())));
            }
            self.changes.rows.insert((*key).clone(), Some((*state).clone()));
        }
        Ok(())
    }

    async fn insert(&mut self, rows: &[(W::Key, W::State)]) -> Result<(), LedgerError> {
        self.pass(Step::Statement).await?;
        let mut sorted: Vec<&(W::Key, W::State)> = rows.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, state) in sorted {
            self.make(key, state.clone()).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, keys: &[W::Key]) -> Result<(), LedgerError> {
        self.pass(Step::Statement).await?;
        for key in keys {
            if self.row(key).is_some() {
                self.lock(Lock::Row(key.clone())).await?;
                self.changes.rows.insert(key.clone(), None);
            }
        }
        Ok(())
    }

    async fn change_due(&mut self, batch: i64, changes: &[TracedDue]) -> Result<(), LedgerError> {
        self.pass(Step::Statement).await?;
        for TracedDue { traceparent, change } in changes.iter().cloned() {
            let (place, row) = match change {
                DueChange::Set { key, kind, epoch, attempt, due_at, body } => {
                    let place = (key.clone(), kind.to_owned());
                    let row = DueRow {
                        key,
                        kind: kind.to_owned(),
                        epoch,
                        attempt,
                        serial: batch,
                        traceparent,
                        due_at,
                        body,
                        started_at: None,
                    };
                    (place, Some(row))
                }
                DueChange::Drop { key, kind } => ((key, kind.to_owned()), None),
            };
            if row.is_some() || self.due(&place).is_some() {
                self.lock(Lock::Due(place.0.clone(), place.1.clone())).await?;
                self.changes.due.insert(place, row);
            }
        }
        Ok(())
    }

    async fn open_tasks(&mut self, tasks: &[Task]) -> Result<Vec<usize>, LedgerError> {
        self.pass(Step::Statement).await?;
        let mut opened = Vec::new();
        for (place, task) in tasks.iter().enumerate() {
            let id = (task.kind, task.key.clone());
            self.lock(Lock::Task(id.0, id.1.clone())).await?;
            if self.task(&id).is_none_or(|before| !before.open) {
                opened.push(place);
                let state =
                    TaskState { order_number: task.order.as_ref().map(ToString::to_string), open: true };
                self.changes.tasks.insert(id, state);
            }
        }
        Ok(opened)
    }

    async fn close_task(&mut self, close: &TaskClose) -> Result<Option<ClosedTask>, LedgerError> {
        self.pass(Step::Statement).await?;
        let id = (close.kind, close.key.clone());
        self.lock(Lock::Task(id.0, id.1.clone())).await?;
        let Some(mut task) = self.task(&id).filter(|task| task.open) else { return Ok(None) };
        task.open = false;
        let order_number = task.order_number.clone();
        self.changes.tasks.insert(id, task);
        Ok(Some(ClosedTask { kind: close.kind, key: close.key.clone(), order_number }))
    }

    async fn control(&mut self, control: &Control) -> Result<bool, LedgerError> {
        self.pass(Step::Statement).await?;
        self.lock(Lock::Controls).await?;
        let (mut controls, batch) = {
            let inner = self.shared.lock();
            (
                self.changes.controls.clone().unwrap_or_else(|| inner.tables.controls.clone()),
                inner.tables.batch,
            )
        };
        let is_new = control.note(&mut controls);
        self.changes.controls = Some(controls);
        if is_new && let Some(row) = control.restored(batch) {
            let place = (row.key.clone(), row.kind.clone());
            if self.due(&place).is_none() {
                self.lock(Lock::Due(place.0.clone(), place.1.clone())).await?;
                self.changes.due.insert(place, Some(row));
            }
        }
        Ok(is_new)
    }

    async fn put_outbox(&mut self, batch: i64, rows: &mut [OutboxRow]) -> Result<(), LedgerError> {
        self.pass(Step::Statement).await?;
        let mut inner = self.shared.lock();
        for row in rows {
            inner.tables.outbox_id += 1;
            row.id = inner.tables.outbox_id;
            self.changes.outbox.push((batch, row.clone()));
        }
        Ok(())
    }

    async fn forget(&mut self, ids: &[i64]) -> Result<(), LedgerError> {
        self.pass(Step::Statement).await?;
        for id in ids {
            self.lock(Lock::Outbox(*id)).await?;
            self.changes.forgotten.push(*id);
        }
        Ok(())
    }

    async fn commit(mut self) -> Result<(), LedgerError> {
        self.pass(Step::Commit).await?;
        let gate = self.gate.clone();
        let changes = Changes {
            inbox: std::mem::take(&mut self.changes.inbox),
            rows: std::mem::take(&mut self.changes.rows),
            due: std::mem::take(&mut self.changes.due),
            tasks: std::mem::take(&mut self.changes.tasks),
            controls: self.changes.controls.take(),
            outbox: std::mem::take(&mut self.changes.outbox),
            forgotten: std::mem::take(&mut self.changes.forgotten),
        };
        self.shared.lock().apply(changes);
        drop(self);
        pass(gate.as_deref(), Step::Committed).await
    }
}
