//! One batch, from parsed events to stored outputs, in one transaction (steps 3 to 5 of a batch). It never
//! publishes and never acks, and it knows the database only as [`crate::ledger::Ledger`].

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use messages::answer::{CommandAnswered, Outcome};
use messages::catalogue::Kind;
use messages::envelope::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, SpecVersion, encode};
use messages::id::{OrderNumber, derived_id};
use messages::sealed::{Keyring, SealError};
use messages::task::{TaskClose, TaskClosed, TaskOpened};
use messages::{Event, Timestamp, topology};
use uuid::Uuid;

use crate::ledger::{DueId, Ledger, LedgerError, OutboxRow, Tx, WireHeaders};
use crate::parking::{ParkReason, Parked};
use crate::worker::{At, Decision, Emit, Route, Task, Worker, World, raw};

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
    /// Absent for what is unreadable.
    pub inbox: Option<Uuid>,
    /// The event's own id, named in answers and as cause of what follows.
    pub id: String,
    /// The outsider who sent it.
    pub sender: Option<String>,
    pub traceparent: Option<String>,
    /// The queue it came from; timers and answers name their table.
    pub queue: String,
    /// The event itself, should it have to be parked.
    pub event: Option<Event>,
}

/// What is to be done with it.
pub enum Work<W: Worker> {
    Decide(W::Input),
    /// A timer or an answer; void if its row was replaced meanwhile.
    Due(W::Input, DueId),
    /// The shell's own: tasks are its rows.
    CloseTask(TaskClose),
    Park(Box<Parked>),
}

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Settled {
    /// Stored and to be sent, in order.
    pub rows: Vec<OutboxRow>,
    /// Events that an earlier batch decided.
    pub repeated: Vec<Uuid>,
    pub decided: usize,
    pub parked: Vec<ParkReason>,
    /// Whether due rows were written: the performers may look.
    pub has_due: bool,
    pub now: Option<Timestamp>,
}

/// Why a batch was not settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the room's scope names new rows without end")]
    Scope,
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
    let (now, batch) = tx.stamp().await?;
    let ids: BTreeSet<Uuid> = entries.iter().filter_map(|entry| entry.cause.inbox).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let mut new: BTreeSet<Uuid> =
        if ids.is_empty() { BTreeSet::new() } else { tx.remember(batch, &ids).await?.into_iter().collect() };
    let repeated = ids.into_iter().filter(|id| !new.contains(id)).collect();
    // Taking an id out of `new` also drops its second copy within this batch.
    let live: Vec<&Entry<W>> =
        entries.iter().filter(|entry| entry.cause.inbox.is_none_or(|id| new.remove(&id))).collect();

    let world = load_world(worker, &mut tx, &live).await?;
    let wanted: Vec<DueId> = live
        .iter()
        .filter_map(|entry| match &entry.work {
            Work::Due(_, id) => Some(id.clone()),
            Work::Decide(_) | Work::CloseTask(_) | Work::Park(_) => None,
        })
        .collect();
    let standing: BTreeSet<DueId> =
        if wanted.is_empty() { BTreeSet::new() } else { tx.take_due(&wanted).await?.into_iter().collect() };

    let mut fold = Fold::new(world, now, ring);
    for entry in &live {
        match &entry.work {
            Work::Decide(input) => fold.decide(worker, &entry.cause, input)?,
            Work::Due(input, id) if standing.contains(id) => fold.decide(worker, &entry.cause, input)?,
            Work::Due(..) => {}
            Work::CloseTask(close) => {
                let closed = tx.close_task(close).await?;
                fold.close_task(&entry.cause, close, closed.map(|task| task.order_number));
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
    if !fold.due.is_empty() {
        tx.change_due(&fold.due).await?;
    }
    if !fold.tasks.is_empty() {
        let tasks: Vec<Task> = fold.tasks.iter().map(|(_, task)| task.clone()).collect();
        for place in tx.open_tasks(&tasks).await? {
            fold.task_opened(place);
        }
    }
    let mut rows = bundle(std::mem::take(&mut fold.outputs));
    rows.append(&mut fold.parked_rows);
    if !rows.is_empty() {
        tx.put_outbox(batch, &mut rows).await?;
    }
    if !forget.is_empty() {
        tx.forget(forget).await?;
    }
    tx.commit().await?;
    Ok(Settled {
        rows,
        repeated,
        decided: fold.decided,
        parked: fold.parked,
        has_due: !fold.due.is_empty(),
        now: Some(fold.now),
    })
}

/// Locks and loads what the events touch, round by round, each round in key order.
async fn load_world<W: Worker, T: Tx<W>>(
    worker: &W,
    tx: &mut T,
    live: &[&Entry<W>],
) -> Result<World<W>, SettleError> {
    let mut world = World::default();
    for _ in 0..SCOPE_ROUNDS_MAX {
        let mut keys: BTreeSet<W::Key> = BTreeSet::new();
        for entry in live {
            match &entry.work {
                Work::Decide(input) | Work::Due(input, _) => keys.extend(worker.scope(input, &world)),
                Work::CloseTask(_) | Work::Park(_) => {}
            }
        }
        let missing: Vec<W::Key> = keys.into_iter().filter(|key| world.find(key).is_none()).collect();
        if missing.is_empty() {
            return Ok(world);
        }
        for (key, state) in tx.load(&missing).await? {
            world.put(key, state);
        }
    }
    Err(SettleError::Scope)
}

/// The running result of a batch.
struct Fold<'a, W: Worker> {
    world: World<W>,
    now: Timestamp,
    ring: &'a Keyring,
    changed: BTreeSet<W::Key>,
    inserts: Vec<(W::Key, W::State)>,
    outputs: Vec<(Route, Event)>,
    parked_rows: Vec<OutboxRow>,
    due: Vec<crate::worker::DueChange>,
    tasks: Vec<(Cause, Task)>,
    decided: usize,
    parked: Vec<ParkReason>,
}

impl<'a, W: Worker> Fold<'a, W> {
    fn new(world: World<W>, now: Timestamp, ring: &'a Keyring) -> Self {
        Self {
            world,
            now,
            ring,
            changed: BTreeSet::new(),
            inserts: Vec::new(),
            outputs: Vec::new(),
            parked_rows: Vec::new(),
            due: Vec::new(),
            tasks: Vec::new(),
            decided: 0,
            parked: Vec::new(),
        }
    }

    fn decide(&mut self, worker: &W, cause: &Cause, input: &W::Input) -> Result<(), SettleError> {
        let at = At { now: self.now, id: &cause.id, sender: cause.sender.as_deref() };
        let world = &self.world;
        // The world changes only after the decision is there, so a panic leaves it whole.
        let decision = match catch_unwind(AssertUnwindSafe(|| worker.decide(world, input, &at))) {
            Ok(decision) => decision,
            Err(_) => return self.park(cause, &Parked::event(cause, ParkReason::Panicked)),
        };
        self.apply(worker, cause, decision)
    }

    fn apply(&mut self, worker: &W, cause: &Cause, decision: Decision<W>) -> Result<(), SettleError> {
        for (key, state) in decision.set {
            self.changed.insert(key.clone());
            self.world.put(key, state);
        }
        self.inserts.extend(decision.insert);
        for (index, mut emit) in decision.emit.into_iter().enumerate() {
            worker.dress(&mut emit, self.ring, self.now)?;
            self.output(cause, index, emit);
        }
        self.due.extend(decision.due);
        self.tasks.extend(decision.tasks.into_iter().map(|task| (cause.clone(), task)));
        self.decided += 1;
        Ok(())
    }

    fn output(&mut self, cause: &Cause, index: usize, emit: Emit) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let id =
            derived_id(self.now.0, &[W::ROOM.name().as_bytes(), cause.id.as_bytes(), &index.to_be_bytes()]);
        let event = Event {
            specversion: SpecVersion::V1,
            id: id.to_string(),
            source: format!("/oms/{}", W::ROOM),
            kind: emit.kind.name().to_owned(),
            time: self.now.0,
            subject: emit.subject,
            datacontenttype: None,
            traceparent: cause.traceparent.clone(),
            causationid: Some(cause.id.clone()),
            data: emit.data,
        };
        self.outputs.push((emit.route, event));
    }

    fn park(&mut self, cause: &Cause, parked: &Parked) -> Result<(), SettleError> {
        self.parked.push(parked.reason);
        self.parked_rows.push(parked.row::<W>(self.ring, self.now)?);
        if let (Some(sender), Some(unreadable)) = (&cause.sender, &parked.told) {
            let body = CommandAnswered {
                answers: parked.event_id.clone(),
                reference: parked.reference.clone(),
                outcome: Outcome::Refused,
                order: None,
                code: Some(parked.reason.name().to_owned()),
                text: Some(unreadable.clone()),
            };
            let emit = Emit {
                route: Route::Out(sender.clone()),
                kind: Kind::CommandAnswered,
                subject: None,
                data: raw(&body),
            };
            self.output(cause, 0, emit);
        }
        Ok(())
    }

    /// `found` is the order number of the task that was open, if one was.
    fn close_task(&mut self, cause: &Cause, close: &TaskClose, found: Option<Option<String>>) {
        let (outcome, code, text) = match &found {
            Some(_) => (Outcome::Done, None, None),
            None => (
                Outcome::Refused,
                Some("no_such_task".to_owned()),
                Some("no open task has this room, kind and key".to_owned()),
            ),
        };
        if let Some(order) = found {
            let body = TaskClosed {
                room: W::ROOM,
                kind: close.kind,
                key: close.key.clone(),
                order: order.and_then(|number| OrderNumber::parse(&number).ok()),
                user: close.user.clone(),
                reason: close.reason.clone(),
            };
            self.output(
                cause,
                0,
                Emit {
                    route: Route::Oms,
                    kind: Kind::TaskClosed,
                    subject: Some(close.key.clone()),
                    data: raw(&body),
                },
            );
        }
        if let Some(sender) = &cause.sender {
            let body = CommandAnswered {
                answers: Some(cause.id.clone()),
                reference: Some(close.key.clone()),
                outcome,
                order: None,
                code,
                text,
            };
            self.output(
                cause,
                1,
                Emit {
                    route: Route::Out(sender.clone()),
                    kind: Kind::CommandAnswered,
                    subject: None,
                    data: raw(&body),
                },
            );
        }
        self.decided += 1;
    }

    fn task_opened(&mut self, place: usize) {
        let Some((cause, task)) = self.tasks.get(place).cloned() else { return };
        let body = TaskOpened {
            room: W::ROOM,
            kind: task.kind,
            key: task.key,
            order: task.order.clone(),
            reason: task.reason,
        };
        let subject = task.order.map(|order| order.to_string());
        // Outputs of the decision itself are counted from 0; tasks come after any of them.
        self.output(
            &cause,
            1_000_000 + place,
            Emit { route: Route::Oms, kind: Kind::TaskOpened, subject, data: raw(&body) },
        );
    }
}

/// Outputs that share exchange and key leave as one AMQP message, in order, up to 256 events or 256 KiB.
fn bundle(outputs: Vec<(Route, Event)>) -> Vec<OutboxRow> {
    let mut order: Vec<(Route, String)> = Vec::new();
    let mut groups: BTreeMap<(Route, String), Vec<Event>> = BTreeMap::new();
    for (route, event) in outputs {
        let key = (route, event.kind.clone());
        let group = groups.entry(key.clone()).or_default();
        if group.is_empty() {
            order.push(key);
        }
        group.push(event);
    }
    let mut rows = Vec::new();
    for key in order {
        let Some(events) = groups.remove(&key) else { continue };
        let mut start = 0;
        while start < events.len() {
            let end = chunk_end(&events, start);
            rows.push(row(&key.0, &key.1, &events[start..end]));
            start = end;
        }
    }
    rows
}

/// An event's size beside its body, roughly: ids, source, type, time.
const ENVELOPE_BYTES: usize = 400;

fn chunk_end(events: &[Event], start: usize) -> usize {
    let mut bytes = 0;
    let mut end = start;
    while end < events.len() && end - start < BATCH_EVENTS_MAX {
        bytes += events[end].data.get().len() + ENVELOPE_BYTES;
        if bytes > BATCH_BYTES_MAX && end > start {
            break;
        }
        end += 1;
    }
    end
}

fn row(route: &Route, kind: &str, events: &[Event]) -> OutboxRow {
    let (exchange, routing_key) = match route {
        Route::Oms => (topology::OMS, kind.to_owned()),
        Route::Out(name) => (topology::OUT, format!("{name}.{kind}")),
    };
    let (content_type, body) = encode(events);
    let headers = match events {
        [event] => WireHeaders {
            kind: Some(event.kind.clone()),
            timestamp: u64::try_from(event.time.unix_timestamp()).ok(),
            correlation_id: event.causationid.clone(),
            ..WireHeaders::default()
        },
        _ => WireHeaders::default(),
    };
    let message_id = events.first().map(|event| event.id.clone()).unwrap_or_default();
    OutboxRow {
        id: 0,
        exchange: exchange.to_owned(),
        routing_key,
        content_type: content_type.to_owned(),
        message_id,
        headers,
        body,
    }
}
