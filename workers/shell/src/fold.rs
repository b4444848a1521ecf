//! The running result of a batch: decisions applied one after the other to the rows of the batch, and the messages
//! that follow from them. It is pure but for the sealing of what is parked.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use messages::answer::{CommandAnswered, Outcome};
use messages::catalogue::Kind;
use messages::envelope::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, SpecVersion, encode};
use messages::id::{OrderNumber, derived_id};
use messages::sealed::Keyring;
use messages::task::{TaskClose, TaskClosed, TaskOpened};
use messages::{Event, Timestamp, topology};

use crate::ledger::{OutboxRow, TracedDue, WireHeaders};
use crate::parking::{ParkReason, Parked};
use crate::settle::{Cause, SettleError, grouped};
use crate::worker::{At, Decision, Emit, Route, TaskChange, Worker, World, raw};

/// Outputs of the decision itself are counted from 0; those of its tasks come after any of them.
const TASK_OUTPUTS_FROM: usize = 1_000_000;

/// How an answer says no.
const REFUSED: &str = r#""outcome":"refused""#;

/// Outputs of a batch, counted.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) refused: usize,
    pub(crate) to_rooms: usize,
    pub(crate) to_outsiders: usize,
}

/// The running result.
pub(crate) struct Fold<'a, W: Worker> {
    pub(crate) world: World<W>,
    now: Timestamp,
    ring: &'a Keyring,
    pub(crate) changed: BTreeSet<W::Key>,
    pub(crate) removed: BTreeSet<W::Key>,
    pub(crate) inserts: Vec<(W::Key, W::State)>,
    outputs: Vec<(Route, Event)>,
    parked_rows: Vec<OutboxRow>,
    pub(crate) due: Vec<TracedDue>,
    pub(crate) tasks: Vec<(Cause, TaskChange)>,
    pub(crate) decided: usize,
    pub(crate) parked: Vec<ParkReason>,
}

impl<'a, W: Worker> Fold<'a, W> {
    pub(crate) fn new(world: World<W>, now: Timestamp, ring: &'a Keyring) -> Self {
        Self {
            world,
            now,
            ring,
            changed: BTreeSet::new(),
            removed: BTreeSet::new(),
            inserts: Vec::new(),
            outputs: Vec::new(),
            parked_rows: Vec::new(),
            due: Vec::new(),
            tasks: Vec::new(),
            decided: 0,
            parked: Vec::new(),
        }
    }

    pub(crate) fn decide(&mut self, worker: &W, cause: &Cause, input: &W::Input) -> Result<(), SettleError> {
        let at = At { now: self.now, id: &cause.id, sender: cause.sender.as_deref() };
        let world = &self.world;
        // The world changes only after the decision is there, so a panic leaves it whole.
        let decided = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(feature = "faults")]
            cause.original.iter().for_each(|original| crate::faults::poison::swallow(&original.event));
            worker.decide(world, input, &at)
        }));
        let decision = match decided {
            Ok(decision) => decision,
            Err(_) => return self.park(cause, &Parked::event(cause, ParkReason::Panicked)),
        };
        self.apply(worker, cause, decision)
    }

    fn apply(&mut self, worker: &W, cause: &Cause, decision: Decision<W>) -> Result<(), SettleError> {
        for (key, state) in decision.set {
            if !self.world.is_locked(&key) {
                return Err(SettleError::Unlocked);
            }
            self.removed.remove(&key);
            self.changed.insert(key.clone());
            self.world.put(key, state);
        }
        for key in decision.remove {
            if !self.world.is_locked(&key) {
                return Err(SettleError::Unlocked);
            }
            self.changed.remove(&key);
            self.world.put(key.clone(), W::blank(&key));
            self.removed.insert(key);
        }
        self.inserts.extend(decision.insert);
        for (index, mut emit) in decision.emit.into_iter().enumerate() {
            let dressed = catch_unwind(AssertUnwindSafe(|| worker.dress(&mut emit, self.ring, self.now)));
            dressed.map_err(|_| SettleError::Scope)??;
            self.output(cause, index, emit);
        }
        let traced = |change| TracedDue { traceparent: cause.onward(W::ROOM), change };
        self.due.extend(decision.due.into_iter().map(traced));
        self.tasks.extend(decision.tasks.into_iter().map(|task| (cause.clone(), task)));
        self.decided += 1;
        Ok(())
    }

    pub(crate) fn output(&mut self, cause: &Cause, index: usize, emit: Emit) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let parts: [&[u8]; 3] = [W::ROOM.name().as_bytes(), cause.origin.as_bytes(), &index.to_be_bytes()];
        let event = Event {
            specversion: SpecVersion::V1,
            id: derived_id(self.now.0, &parts).to_string(),
            source: format!("/oms/{}", W::ROOM),
            kind: emit.kind.name().to_owned(),
            time: self.now.0,
            subject: emit.subject,
            datacontenttype: None,
            traceparent: cause.onward(W::ROOM),
            causationid: Some(cause.id.clone()),
            data: emit.data,
        };
        self.outputs.push((emit.route, event));
    }

    pub(crate) fn park(&mut self, cause: &Cause, parked: &Parked) -> Result<(), SettleError> {
        self.parked.push(parked.reason);
        self.parked_rows.push(parked.row::<W>(self.ring, self.now)?);
        if let (Some(sender), Some(told)) = (&cause.sender, &parked.told) {
            let body = CommandAnswered {
                answers: parked.event_id.clone(),
                reference: parked.reference.clone(),
                outcome: Outcome::Refused,
                order: None,
                code: Some(parked.reason.name().to_owned()),
                text: Some(told.clone()),
            };
            self.answer(cause, 0, sender, &body);
        }
        Ok(())
    }

    pub(crate) fn answer(&mut self, cause: &Cause, index: usize, sender: &str, body: &CommandAnswered) {
        let route = Route::Out(sender.to_owned());
        self.output(
            cause,
            index,
            Emit { route, kind: Kind::CommandAnswered, subject: None, data: raw(body) },
        );
    }

    /// `found` is the order number of the task that was open, if one was.
    pub(crate) fn close_task(&mut self, cause: &Cause, close: &TaskClose, found: Option<Option<String>>) {
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
            let emit = Emit {
                route: Route::Oms,
                kind: Kind::TaskClosed,
                subject: Some(close.key.clone()),
                data: raw(&body),
            };
            self.output(cause, 0, emit);
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
            self.answer(cause, 1, sender, &body);
        }
        self.decided += 1;
    }

    pub(crate) fn task_opened(&mut self, place: usize) {
        let Some((cause, TaskChange::Open(task))) = self.tasks.get(place).cloned() else { return };
        let subject = task.order.as_ref().map(ToString::to_string);
        let body = TaskOpened {
            room: W::ROOM,
            kind: task.kind,
            key: task.key,
            order: task.order,
            reason: task.reason,
        };
        let emit = Emit { route: Route::Oms, kind: Kind::TaskOpened, subject, data: raw(&body) };
        self.output(&cause, TASK_OUTPUTS_FROM + place, emit);
    }

    /// A decision closed the task of this place, which was of this order.
    pub(crate) fn task_closed(&mut self, place: usize, close: TaskClose, order: Option<String>) {
        let Some((cause, _)) = self.tasks.get(place).cloned() else { return };
        let TaskClose { room, kind, key, user, reason } = close;
        let order = order.and_then(|number| OrderNumber::parse(&number).ok());
        let subject = Some(key.clone());
        let body = TaskClosed { room, kind, key, order, user, reason };
        let emit = Emit { route: Route::Oms, kind: Kind::TaskClosed, subject, data: raw(&body) };
        self.output(&cause, TASK_OUTPUTS_FROM + place, emit);
    }

    /// Counts the outputs.
    pub(crate) fn told(&self) -> Told {
        let mut told = Told::default();
        for (route, event) in &self.outputs {
            match route {
                Route::Oms => told.to_rooms += 1,
                Route::Out(_) => {
                    told.to_outsiders += 1;
                    let is_answer = event.kind == Kind::CommandAnswered.name();
                    // Within a text the quotes would be escaped, so this is no word of a text.
                    told.refused += usize::from(is_answer && event.data.get().contains(REFUSED));
                }
            }
        }
        told
    }

    /// Outputs that share exchange and key leave as one AMQP message, in order, up to 256 events or 256 KiB.
    pub(crate) fn take_rows(&mut self) -> Vec<OutboxRow> {
        let outputs = std::mem::take(&mut self.outputs);
        let mut rows = Vec::new();
        for ((route, kind), events) in
            grouped(outputs.into_iter().map(|(route, event)| ((route, event.kind.clone()), event)))
        {
            let mut start = 0;
            while start < events.len() {
                let end = chunk_end(&events, start);
                rows.push(row(&route, &kind, &events[start..end]));
                start = end;
            }
        }
        rows.append(&mut self.parked_rows);
        rows
    }
}

/// An event's size beside its body, at most: ids of at most 255 bytes, source, type, time, trace.
const ENVELOPE_BYTES: usize = 900;

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
    OutboxRow {
        id: 0,
        exchange: exchange.to_owned(),
        routing_key,
        content_type: content_type.to_owned(),
        message_id: events.first().map(|event| event.id.clone()).unwrap_or_default(),
        headers,
        body: body.into(),
    }
}
