//! The ledger in memory: the same transactions over maps, for tests of one room and for simulation. It is the generic
//! store (a map from key to state), as honest as the database: rows are locked and waited for, others' changes are seen
//! only when they are committed, and what is not committed never was. It never writes to a disk.

mod tx;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use messages::task::TaskKind;
use messages::{Timestamp, topology};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock;
use crate::control::Control;
use crate::due::LEASE_SECONDS;
use crate::ledger::{Ledger, LedgerError, Left, OutboxRow, Store, Tried};
use crate::worker::{Call, DueRow, Worker};
pub use tx::MemoryTx;

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
    /// When an outbox row was stored or swept last.
    pub next_at: BTreeMap<i64, Timestamp>,
    pub leases: BTreeMap<(String, String), Lease>,
    pub marks: BTreeMap<Vec<u8>, i32>,
    /// What the operator did.
    pub controls: BTreeSet<String>,
}

/// A task as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskState {
    pub order_number: Option<String>,
    pub open: bool,
}

/// Who makes a call, and for how long he may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub until: Timestamp,
    pub owner: u64,
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
            next_at: BTreeMap::new(),
            leases: BTreeMap::new(),
            marks: BTreeMap::new(),
            controls: BTreeSet::new(),
        }
    }
}

/// A step of the store, before or after which a simulator may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Begin,
    Statement,
    Commit,
    /// The transaction is committed; whoever asked does not know it yet.
    Committed,
}

/// What a simulator does at the steps of one process: wait, fail, or never return.
pub trait Gate: Send + Sync {
    fn pass(&self, step: Step) -> Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + '_>>;
}

/// A room's schema in memory, as one process sees it.
pub struct MemoryLedger<W: Worker> {
    shared: Arc<Shared<W>>,
    gate: Option<Arc<dyn Gate>>,
    /// The number under which this process claims calls.
    process: u64,
}

impl<W: Worker> Clone for MemoryLedger<W> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), gate: self.gate.clone(), process: self.process }
    }
}

struct Shared<W: Worker> {
    inner: Mutex<Inner<W>>,
    /// Told whenever a transaction lets go of its locks.
    released: Notify,
    /// Whether time is this computer's (or a simulator's), and not set by hand.
    is_ticking: bool,
}

struct Inner<W: Worker> {
    tables: Tables<W>,
    locks: BTreeMap<Lock<W::Key>, u64>,
    /// Which transaction waits for which.
    waits: BTreeMap<u64, u64>,
    transactions: u64,
    alive: BTreeSet<u64>,
}

/// What a transaction may hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Lock<K> {
    Inbox(Uuid),
    Row(K),
    Due(String, String),
    Task(TaskKind, String),
    Controls,
    Outbox(i64),
}

impl<W: Worker> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, Inner<W>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_ticking {
            inner.tables.now = Timestamp(clock::now());
        }
        inner
    }
}

impl<W: Worker> MemoryLedger<W> {
    /// A schema whose time is set by hand.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self::with_time(now, false)
    }

    /// A schema whose time is [`clock::now`].
    #[must_use]
    pub fn ticking() -> Self {
        Self::with_time(Timestamp(clock::now()), true)
    }

    fn with_time(now: Timestamp, is_ticking: bool) -> Self {
        let inner = Inner {
            tables: Tables::new(now),
            locks: BTreeMap::new(),
            waits: BTreeMap::new(),
            transactions: 0,
            alive: BTreeSet::new(),
        };
        let shared = Shared { inner: Mutex::new(inner), released: Notify::new(), is_ticking };
        Self { shared: Arc::new(shared), gate: None, process: 0 }
    }

    /// The same schema as another process sees it; it lives from now on.
    #[must_use]
    pub fn of_process(&self, process: u64, gate: Arc<dyn Gate>) -> Self {
        self.shared.lock().alive.insert(process);
        Self { shared: Arc::clone(&self.shared), gate: Some(gate), process }
    }

    /// A process is dead: its calls are free. Its transactions end when they are dropped.
    pub fn has_died(&self, process: u64) {
        self.shared.lock().alive.remove(&process);
    }

    /// Looks at the tables, or changes them from outside (the clock).
    pub fn with<T>(&self, look: impl FnOnce(&mut Tables<W>) -> T) -> T {
        look(&mut self.shared.lock().tables)
    }

    async fn pass(&self, step: Step) -> Result<(), LedgerError> {
        pass(self.gate.as_deref(), step).await
    }
}

async fn pass(gate: Option<&dyn Gate>, step: Step) -> Result<(), LedgerError> {
    match gate {
        Some(gate) => gate.pass(step).await,
        None => Ok(()),
    }
}

impl<W: Worker> Ledger<W> for MemoryLedger<W> {
    type Tx = MemoryTx<W>;

    async fn begin(&self) -> Result<MemoryTx<W>, LedgerError> {
        self.pass(Step::Begin).await?;
        Ok(MemoryTx::begin(Arc::clone(&self.shared), self.gate.clone()))
    }

    async fn unsent(&self, ids: &[Uuid]) -> Result<Vec<OutboxRow>, LedgerError> {
        self.pass(Step::Statement).await?;
        Ok(self.with(|tables| {
            let batches: BTreeSet<i64> = ids.iter().filter_map(|id| tables.inbox.get(id).copied()).collect();
            tables
                .outbox
                .values()
                .filter(|(batch, _)| batches.contains(batch))
                .map(|(_, row)| row.clone())
                .collect()
        }))
    }
}

impl<W: Worker> Store<W> for MemoryLedger<W> {
    async fn timers(&self, calls: &[&str], most: usize) -> Result<Vec<DueRow>, LedgerError> {
        self.pass(Step::Statement).await?;
        Ok(self.with(|tables| {
            let is_timer = |row: &&DueRow| row.due_at <= tables.now && !calls.contains(&row.kind.as_str());
            oldest(tables.due.values().filter(is_timer).cloned().collect(), most)
        }))
    }

    async fn claim(&self, kinds: &[&str], most: usize) -> Result<Vec<Call>, LedgerError> {
        self.pass(Step::Statement).await?;
        let calls = {
            let mut inner = self.shared.lock();
            let free: Vec<DueRow> =
                inner.tables.due.values().filter(|row| inner.is_free(row, kinds)).cloned().collect();
            oldest(free, most).into_iter().map(|row| inner.lease(&row, self.process)).collect()
        };
        self.pass(Step::Committed).await?;
        Ok(calls)
    }

    async fn is_paused(&self) -> Result<bool, LedgerError> {
        self.pass(Step::Statement).await?;
        Ok(self.with(|tables| Control::is_paused_in(&tables.controls)))
    }

    async fn mark(&self, hash: &[u8]) -> Result<i32, LedgerError> {
        self.pass(Step::Statement).await?;
        Ok(self.with(|tables| {
            let tries = tables.marks.entry(hash.to_vec()).or_insert(0);
            *tries += 1;
            *tries
        }))
    }

    async fn unmark(&self, hash: &[u8], tried: Tried) -> Result<(), LedgerError> {
        self.pass(Step::Statement).await?;
        self.with(|tables| match tried {
            Tried::Settled => drop(tables.marks.remove(hash)),
            Tried::Interrupted => {
                if let Some(tries) = tables.marks.get_mut(hash) {
                    *tries -= 1;
                }
            }
        });
        Ok(())
    }

    async fn left(&self, whose: Left<'_>) -> Result<Vec<OutboxRow>, LedgerError> {
        self.pass(Step::Statement).await?;
        let rows = {
            let mut inner = self.shared.lock();
            let picked: Vec<i64> = inner
                .tables
                .outbox
                .iter()
                .filter(|(id, (_, row))| {
                    !inner.locks.contains_key(&Lock::Outbox(**id)) && inner.tables.was_left(**id, row, whose)
                })
                .map(|(id, _)| *id)
                .take(500)
                .collect();
            let tables = &mut inner.tables;
            picked
                .into_iter()
                .filter_map(|id| {
                    tables.next_at.insert(id, tables.now);
                    tables.outbox.get(&id).map(|(_, row)| row.clone())
                })
                .collect()
        };
        self.pass(Step::Committed).await?;
        Ok(rows)
    }

    async fn delete_sent(&self, ids: &[i64]) -> Result<(), LedgerError> {
        self.pass(Step::Statement).await?;
        self.with(|tables| {
            for id in ids {
                tables.outbox.remove(id);
                tables.next_at.remove(id);
            }
        });
        self.pass(Step::Committed).await
    }

    async fn keep(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

impl<W: Worker> Inner<W> {
    fn is_free(&self, row: &DueRow, kinds: &[&str]) -> bool {
        let (now, place) = (self.tables.now, (row.key.clone(), row.kind.clone()));
        let is_leased = self
            .tables
            .leases
            .get(&place)
            .is_some_and(|lease| lease.until >= now && self.alive.contains(&lease.owner));
        kinds.contains(&row.kind.as_str())
            && row.due_at <= now
            && !is_leased
            && !self.locks.contains_key(&Lock::Due(place.0, place.1))
    }

    fn lease(&mut self, row: &DueRow, owner: u64) -> Call {
        let tables = &mut self.tables;
        let place = (row.key.clone(), row.kind.clone());
        let until = Timestamp(tables.now.0 + time::Duration::seconds(LEASE_SECONDS.cast_signed()));
        tables.leases.insert(place.clone(), Lease { until, owner });
        let mut due = row.clone();
        due.started_at = Some(row.started_at.unwrap_or(tables.now));
        tables.due.insert(place, due.clone());
        Call { due, unknown: row.started_at.is_some() }
    }
}

impl<W: Worker> Tables<W> {
    fn was_left(&self, id: i64, row: &OutboxRow, whose: Left<'_>) -> bool {
        let is_out = row.exchange == topology::OUT;
        let (fits, seconds) = match whose {
            Left::Rooms => (!is_out, 60),
            Left::Outsiders { but } => {
                let outsider = row.routing_key.split('.').next().unwrap_or_default();
                (is_out && !but.contains(&outsider), 20)
            }
        };
        let before = self.now.0 - time::Duration::seconds(seconds);
        fits && self.next_at.get(&id).is_none_or(|at| at.0 < before)
    }
}

fn oldest(mut rows: Vec<DueRow>, most: usize) -> Vec<DueRow> {
    rows.sort_by_key(|row| row.due_at);
    rows.truncate(most);
    rows
}

#[cfg(test)]
mod tests;
