//! The seam to the database: what a batch needs of it, as traits, so that the same batch also runs over memory.
//! No decision and no message is made here.

use std::time::Duration;

use messages::Timestamp;
use messages::task::{TaskClose, TaskKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::Control;
use crate::worker::{Call, DueChange, DueRow, Peek, Task, Worker};

/// Why the database did not take a batch.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It may succeed unchanged in a moment: lost connection, deadlock, lock time-out, no room.
    #[error("the database did not take the batch for now: {0}")]
    ForNow(String),
    /// Another batch made a row that this one had found missing. It succeeds unchanged if it is tried again.
    #[error("another batch has made a row of table {table} meanwhile")]
    Raced { table: &'static str },
    /// A statement was cancelled, by its time-out or by somebody. A smaller batch may fit into the time; an event that is
    /// alone already is not at fault.
    #[error("the database cancelled a statement of the batch: {0}")]
    Cancelled(String),
    /// Some row of the batch is not acceptable (SQLSTATE classes 22 and 23).
    #[error("the database refuses a row of the batch: {0}")]
    Row(String),
    /// A row holds what this version of the room cannot read.
    #[error("table {table}, key {key}: the stored state is not readable by this version")]
    State { table: &'static str, key: String },
    /// The schema or the grants are not as expected.
    #[error("the database is not as this version expects it ({0}); run `oms migrate`")]
    Schema(String),
}

/// One AMQP message exactly as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// 0 until it is stored.
    pub id: i64,
    pub exchange: String,
    pub routing_key: String,
    pub content_type: String,
    pub message_id: String,
    pub headers: WireHeaders,
    pub body: std::sync::Arc<[u8]>,
}

/// The AMQP properties besides the usual ones; present for a single event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireHeaders {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Seconds since 1970, as AMQP has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The outsider on whose behalf a message comes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oms_sender: Option<String>,
    /// The message is tried alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oms_alone: bool,
}

/// Names one due row in the state in which it was picked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueId {
    pub key: String,
    pub kind: String,
    pub epoch: i32,
    pub attempt: i32,
    pub serial: i64,
}

/// A change of the due table, with the trace of the event that asked for it.
#[derive(Debug, Clone)]
pub struct TracedDue {
    pub traceparent: Option<String>,
    pub change: DueChange,
}

impl DueId {
    #[must_use]
    pub fn of(row: &DueRow) -> Self {
        Self {
            key: row.key.clone(),
            kind: row.kind.clone(),
            epoch: row.epoch,
            attempt: row.attempt,
            serial: row.serial,
        }
    }
}

/// A task as the room's table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedTask {
    pub kind: TaskKind,
    pub key: String,
    pub order_number: Option<String>,
}

/// Rows as they were loaded.
pub type Loaded<W> = Vec<(<W as Worker>::Key, <W as Worker>::State)>;

/// A database that can open transactions.
pub trait Ledger<W: Worker>: Send + Sync {
    type Tx: Tx<W>;

    fn begin(&self) -> impl Future<Output = Result<Self::Tx, LedgerError>> + Send;

    /// The outbox rows of the batches that decided these events, as far as they are still there.
    fn unsent(&self, ids: &[Uuid]) -> impl Future<Output = Result<Vec<OutboxRow>, LedgerError>> + Send;
}

/// How the try of a message alone ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// With a result: the mark goes.
    Settled,
    /// It was only interrupted, which does not count.
    Interrupted,
}

/// Rows of the outbox that were left, by whom they are for.
#[derive(Debug, Clone, Copy)]
pub enum Left<'a> {
    /// For rooms and the room itself, for so long.
    Rooms { after: Duration },
    /// For outsiders but these, for so long.
    Outsiders { but: &'a [&'a str], after: Duration },
}

/// What a room's loops need of the database beside their batches. Each call is a transaction of its own.
pub trait Store<W: Worker>: Ledger<W> + 'static {
    /// Timers whose time has come, oldest first; kinds in `calls` are none.
    fn timers(
        &self,
        calls: &[&str],
        most: usize,
    ) -> impl Future<Output = Result<Vec<DueRow>, LedgerError>> + Send;
    /// Takes calls whose time has come and that nobody makes: `started_at` is stored when this returns.
    fn claim(
        &self,
        kinds: &[&str],
        most: usize,
    ) -> impl Future<Output = Result<Vec<Call>, LedgerError>> + Send;
    /// Marks a try of a message alone and gives how many there are without a result.
    fn mark(&self, hash: &[u8]) -> impl Future<Output = Result<i32, LedgerError>> + Send;
    fn unmark(&self, hash: &[u8], tried: Tried) -> impl Future<Output = Result<(), LedgerError>> + Send;
    /// Picks rows that were left, so that no other replica sends them in this round.
    fn left(&self, whose: Left<'_>) -> impl Future<Output = Result<Vec<OutboxRow>, LedgerError>> + Send;
    /// Deletes outbox rows that the broker has confirmed.
    fn delete_sent(&self, ids: &[i64]) -> impl Future<Output = Result<(), LedgerError>> + Send;
    /// Whether the operator has paused the room.
    fn is_paused(&self) -> impl Future<Output = Result<bool, LedgerError>> + Send;
    /// What must be done once an hour: partitions made and dropped, old marks dropped.
    fn keep(&self) -> impl Future<Output = Result<(), LedgerError>> + Send;
}

/// How a batch begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The transaction's time.
    pub now: Timestamp,
    /// The number of the batch.
    pub batch: i64,
    /// The events that no earlier batch has decided.
    pub new: Vec<Uuid>,
}

/// One transaction. The methods are called in the order in which they stand here.
pub trait Tx<W: Worker>: Send {
    /// Numbers the batch and inserts the ids (sorted) of its events.
    fn remember(&mut self, ids: &[Uuid]) -> impl Future<Output = Result<Remembered, LedgerError>> + Send;
    /// Locks and loads these rows (sorted by key). One that is missing is blank, and made when the batch is saved at the
    /// latest; nobody else's row may then stand in its place.
    fn load(&mut self, keys: &[W::Key]) -> impl Future<Output = Result<Loaded<W>, LedgerError>> + Send;
    /// Reads these rows without making or locking them.
    fn look(&mut self, keys: &[W::Key]) -> impl Future<Output = Result<Loaded<W>, LedgerError>> + Send;
    /// The first keys of a table that begin with a prefix.
    fn peek(&mut self, peek: &Peek) -> impl Future<Output = Result<Vec<String>, LedgerError>> + Send;
    /// Removes these due rows and gives those that stood there unchanged.
    fn take_due(&mut self, ids: &[DueId]) -> impl Future<Output = Result<Vec<DueId>, LedgerError>> + Send;
    /// Saves rows that were loaded.
    fn save(&mut self, rows: &[(&W::Key, &W::State)])
    -> impl Future<Output = Result<(), LedgerError>> + Send;
    /// Inserts rows that are only ever added.
    fn insert(&mut self, rows: &[(W::Key, W::State)])
    -> impl Future<Output = Result<(), LedgerError>> + Send;
    /// Deletes rows.
    fn delete(&mut self, keys: &[W::Key]) -> impl Future<Output = Result<(), LedgerError>> + Send;
    fn change_due(
        &mut self,
        batch: i64,
        changes: &[TracedDue],
    ) -> impl Future<Output = Result<(), LedgerError>> + Send;
    /// Opens tasks and gives the places of those that were not open before.
    fn open_tasks(&mut self, tasks: &[Task]) -> impl Future<Output = Result<Vec<usize>, LedgerError>> + Send;
    /// Closes a task, if it is open.
    fn close_task(
        &mut self,
        close: &TaskClose,
    ) -> impl Future<Output = Result<Option<ClosedTask>, LedgerError>> + Send;
    /// Records what the operator did; gives whether that is new.
    fn control(&mut self, control: &Control) -> impl Future<Output = Result<bool, LedgerError>> + Send;
    /// Stores outputs and sets their ids.
    fn put_outbox(
        &mut self,
        batch: i64,
        rows: &mut [OutboxRow],
    ) -> impl Future<Output = Result<(), LedgerError>> + Send;
    /// Deletes outbox rows that the broker has confirmed.
    fn forget(&mut self, ids: &[i64]) -> impl Future<Output = Result<(), LedgerError>> + Send;
    fn commit(self) -> impl Future<Output = Result<(), LedgerError>> + Send;
}
