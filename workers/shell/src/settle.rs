//! One batch, from parsed events to stored outputs, in one transaction (steps 3 to 5 of a batch). It never
//! publishes and never acks, and it knows the database only as [`crate::ledger::Ledger`].

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use messages::id::UserId;
use messages::sealed::{Keyring, SealError};
use messages::task::TaskClose;
use messages::{Event, Room};
use uuid::Uuid;

use crate::control::Control;
use crate::faults::{self, Point, Sabotage};
use crate::fold::{Fold, Told};
use crate::ledger::{DueId, Ledger, LedgerError, OutboxRow, Remembered, Tx};
use crate::parking::{ParkReason, Parked};
use crate::telemetry::trace;
use crate::worker::{DueRow, Task, TaskChange, Worker, World};

/// How often `scope` may name new rows before that counts as a fault of the room.
const SCOPE_ROUNDS_MAX: usize = 6;

/// One event of a batch.
pub struct Entry<W: Worker> {
    pub cause: Cause,
    pub work: Work<W>,
}

/// Where an event comes from.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Absent for what the inbox does not remember: the unreadable, and times that it has no partition for.
    pub inbox: Option<Uuid>,
    /// What the ids of outputs are derived from: two senders may use one event id.
    pub origin: Uuid,
    /// The event's own id, named in answers and as cause of what follows.
    pub id: String,
    /// The outsider who sent it.
    pub sender: Option<String>,
    pub traceparent: Option<String>,
    /// The queue it came from; timers and answers name their table.
    pub queue: String,
    /// The event as it came, should it have to be parked.
    pub original: Option<Arc<Original>>,
    /// The row that fired or was answered. It goes with whatever end the event has.
    pub due: Option<DueRow>,
}

impl Cause {
    /// The trace context of what follows from it in this room.
    #[must_use]
    pub fn onward(&self, room: Room) -> Option<String> {
        self.traceparent.as_deref().map(|context| trace::onward(context, room, self.origin))
    }
}

/// An event and its text.
#[derive(Debug, Clone)]
pub struct Original {
    pub event: Event,
    pub text: String,
}

/// What is to be done with it.
pub enum Work<W: Worker> {
    Decide(W::Input),
    /// Void if its row was replaced meanwhile.
    Timer(W::Input),
    /// Decided even if its row was replaced: the outside has acted.
    Answer(W::Input),
    /// The shell's own: tasks are its rows.
    CloseTask(TaskClose),
    /// The shell's own: what the operator does to the room.
    Control(Control),
    Park(Box<Parked>),
}

impl<W: Worker> Work<W> {
    fn input(&self) -> Option<&W::Input> {
        match self {
            Self::Decide(input) | Self::Timer(input) | Self::Answer(input) => Some(input),
            Self::CloseTask(_) | Self::Control(_) | Self::Park(_) => None,
        }
    }
}

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Settled {
    /// Stored and to be sent, in order.
    pub rows: Vec<OutboxRow>,
    /// Events that an earlier batch decided.
    pub repeated: Vec<Uuid>,
    pub decided: usize,
    /// Commands whose sender is told no.
    pub refused: usize,
    /// Events among the rows.
    pub to_rooms: usize,
    pub to_outsiders: usize,
    pub parked: Vec<ParkReason>,
    /// Whether due rows were written: the performers may look.
    pub has_due: bool,
}

/// Why a batch was not settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// This process lacks a key.
    #[error(transparent)]
    Key(SealError),
    /// A section of the event does not open.
    #[error(transparent)]
    Section(SealError),
    #[error("the room's scope panics or names new rows without end")]
    Scope,
    #[error("the room's decision sets a row that its scope did not name")]
    Unlocked,
}

impl From<SealError> for SettleError {
    fn from(error: SealError) -> Self {
        if error.is_ours() { Self::Key(error) } else { Self::Section(error) }
    }
}

/// Settles a batch. Nothing is stored if it fails.
///
/// # Errors
/// See [`SettleError`]; every one leaves the batch to be tried again, whole or halved.
pub async fn settle<W: Worker, L: Ledger<W>>(
    worker: &W,
    ledger: &L,
    ring: &Keyring,
    entries: &[Entry<W>],
    forget: &[i64],
) -> Result<Settled, SettleError> {
    let mut tx = ledger.begin().await?;
    let ids: BTreeSet<Uuid> = entries.iter().filter_map(|entry| entry.cause.inbox).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let Remembered { now, batch, new } = tx.remember(&ids).await?;
    let mut new: BTreeSet<Uuid> = new.into_iter().collect();
    if faults::sabotages(Sabotage::Inbox) {
        new.extend(&ids);
    }
    let repeated = ids.into_iter().filter(|id| !new.contains(id)).collect();
    // Taking an id out of `new` also drops its second copy within this batch.
    let live: Vec<&Entry<W>> =
        entries.iter().filter(|entry| entry.cause.inbox.is_none_or(|id| new.remove(&id))).collect();

    let world = load_world(worker, &mut tx, &live).await?;
    faults::point(Point::AfterLock, W::ROOM).await;
    // Of all entries: a row whose event was decided or parked before must not come again for ever.
    let fired: Vec<DueId> =
        entries.iter().filter_map(|entry| entry.cause.due.as_ref().map(DueId::of)).collect();
    let standing: BTreeSet<DueId> =
        if fired.is_empty() { BTreeSet::new() } else { tx.take_due(&fired).await?.into_iter().collect() };

    let mut fold = Fold::new(world, now, ring);
    for entry in &live {
        let stands = entry.cause.due.as_ref().is_some_and(|row| standing.contains(&DueId::of(row)));
        match &entry.work {
            Work::Decide(input) | Work::Answer(input) => fold.decide(worker, &entry.cause, input)?,
            Work::Timer(input) if stands => fold.decide(worker, &entry.cause, input)?,
            Work::Timer(_) => {}
            Work::CloseTask(close) => {
                let closed = tx.close_task(close).await?;
                fold.close_task(&entry.cause, close, closed.map(|task| task.order_number));
            }
            Work::Control(control) => {
                let is_new = tx.control(control).await?;
                fold.control(&entry.cause, control, is_new);
            }
            Work::Park(parked) => fold.park(&entry.cause, parked)?,
        }
    }
    store(tx, batch, fold, repeated, forget).await
}

async fn store<W: Worker, T: Tx<W>>(
    mut tx: T,
    batch: i64,
    mut fold: Fold<'_, W>,
    repeated: Vec<Uuid>,
    forget: &[i64],
) -> Result<Settled, SettleError> {
    let changed: Vec<(&W::Key, &W::State)> =
        fold.changed.iter().filter_map(|key| fold.world.find(key).map(|state| (key, state))).collect();
    if !changed.is_empty() {
        tx.save(&changed).await?;
    }
    if !fold.inserts.is_empty() {
        tx.insert(&fold.inserts).await?;
    }
    if !fold.removed.is_empty() {
        let removed: Vec<W::Key> = fold.removed.iter().cloned().collect();
        tx.delete(&removed).await?;
    }
    if !fold.due.is_empty() {
        tx.change_due(batch, &fold.due).await?;
    }
    change_tasks(&mut tx, &mut fold).await?;
    let told = fold.told();
    let mut rows = fold.take_rows();
    if !rows.is_empty() {
        tx.put_outbox(batch, &mut rows).await?;
    }
    if !forget.is_empty() {
        tx.forget(forget).await?;
    }
    faults::point(Point::BeforeCommit, W::ROOM).await;
    tx.commit().await?;
    faults::point(Point::AfterCommit, W::ROOM).await;
    let Told { refused, to_rooms, to_outsiders } = told;
    let (decided, parked, has_due) = (fold.decided, fold.parked, !fold.due.is_empty());
    Ok(Settled { rows, repeated, decided, refused, to_rooms, to_outsiders, parked, has_due })
}

/// In the order in which they were decided; neighbours that open are one statement.
async fn change_tasks<W: Worker, T: Tx<W>>(tx: &mut T, fold: &mut Fold<'_, W>) -> Result<(), SettleError> {
    let changes: Vec<TaskChange> = fold.tasks.iter().map(|(_, change)| change.clone()).collect();
    let mut opens: Vec<Task> = Vec::new();
    for (place, change) in changes.into_iter().enumerate() {
        match change {
            TaskChange::Open(task) => opens.push(task),
            TaskChange::Close { kind, key, user, reason } => {
                open_tasks(tx, fold, place - opens.len(), &mut opens).await?;
                let user = user.unwrap_or_else(|| {
                    UserId::parse(W::ROOM.name()).expect("a room's name is made of letters")
                });
                let close = TaskClose { room: W::ROOM, kind, key, user, reason };
                if let Some(closed) = tx.close_task(&close).await? {
                    fold.task_closed(place, close, closed.order_number);
                }
            }
        }
    }
    let first = fold.tasks.len() - opens.len();
    open_tasks(tx, fold, first, &mut opens).await
}

/// `first` is the place of the first of them among all changes.
async fn open_tasks<W: Worker, T: Tx<W>>(
    tx: &mut T,
    fold: &mut Fold<'_, W>,
    first: usize,
    opens: &mut Vec<Task>,
) -> Result<(), SettleError> {
    if opens.is_empty() {
        return Ok(());
    }
    for place in tx.open_tasks(opens).await? {
        fold.task_opened(first + place);
    }
    opens.clear();
    Ok(())
}

/// Locks and loads what the events touch, round by round, each round in key order.
async fn load_world<W: Worker, T: Tx<W>>(
    worker: &W,
    tx: &mut T,
    live: &[&Entry<W>],
) -> Result<World<W>, SettleError> {
    let inputs: Vec<&W::Input> = live.iter().filter_map(|entry| entry.work.input()).collect();
    let mut world = World::default();
    for peek in inputs.iter().filter_map(|input| worker.peek(input)) {
        if world.peeked(&peek).is_none() {
            let found = tx.peek(&peek).await?;
            world.put_peeked(peek, found);
        }
    }
    for _ in 0..SCOPE_ROUNDS_MAX {
        let (lock, look) = wanted(worker, &inputs, &world)?;
        if lock.is_empty() && look.is_empty() {
            return Ok(world);
        }
        if !lock.is_empty() {
            let lock: Vec<W::Key> = lock.into_iter().collect();
            // A copy that was only looked at gives way to the locked row.
            for (key, state) in tx.load(&lock).await? {
                world.put_locked(key, state);
            }
        }
        if !look.is_empty() {
            let look: Vec<W::Key> = look.into_iter().collect();
            for (key, state) in tx.look(&look).await? {
                world.put(key, state);
            }
        }
    }
    Err(SettleError::Scope)
}

type Wanted<W> = (BTreeSet<<W as Worker>::Key>, BTreeSet<<W as Worker>::Key>);

/// The rows still to be locked, and those still to be looked at.
fn wanted<W: Worker>(worker: &W, inputs: &[&W::Input], world: &World<W>) -> Result<Wanted<W>, SettleError> {
    let asked = catch_unwind(AssertUnwindSafe(|| {
        let mut lock: BTreeSet<W::Key> = BTreeSet::new();
        let mut look: BTreeSet<W::Key> = BTreeSet::new();
        for input in inputs {
            lock.extend(worker.scope(input, world));
            look.extend(worker.looks(input, world));
        }
        lock.retain(|key| !world.is_locked(key));
        look.retain(|key| world.find(key).is_none() && !lock.contains(key));
        (lock, look)
    }));
    asked.map_err(|_| SettleError::Scope)
}

/// Groups that keep the order of their first members.
pub(crate) fn grouped<K: Ord + Clone, V>(items: impl IntoIterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut places: BTreeMap<K, usize> = BTreeMap::new();
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in items {
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(value);
    }
    groups
}
