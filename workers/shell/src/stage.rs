//! A stage for one room: the real read, settle and decide over the ledger in memory, told messages one by one. For
//! tests only; it has no broker and reads no clock.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use messages::envelope::{SpecVersion, decode};
use messages::outsiders::Outsiders;
use messages::sealed::Keyring;
use messages::task::TaskKind;
use messages::{Body, Event, Kind, Timestamp, topology};
use serde::Serialize;

use crate::ledger::OutboxRow;
use crate::memory::MemoryLedger;
use crate::reading::Reader;
use crate::settle::{Entry, settle};
use crate::wire::Arrived;
use crate::worker::{DueRow, Route, Worker, raw};

/// One message that the room sent.
#[derive(Debug, Clone)]
pub struct Said {
    pub to: Route,
    pub kind: Kind,
    pub event: Event,
}

impl Said {
    /// The body, as the type that the test expects.
    ///
    /// # Panics
    /// It is of another kind: the test is wrong, or the room.
    #[must_use]
    pub fn body<B: Body>(&self) -> B {
        assert_eq!(self.kind, B::KIND, "the message is of another kind");
        serde_json::from_str(self.event.data.get()).expect("a room writes what its readers read")
    }
}

/// One room on a stage.
pub struct Stage<W: Worker> {
    pub worker: W,
    pub ring: Keyring,
    outsiders: Outsiders,
    ledger: MemoryLedger<W>,
    told: u64,
}

impl<W: Worker> Stage<W> {
    /// The room with every key, at noon (UTC) of 24 November 2026.
    ///
    /// # Panics
    /// The operating system gives no random bytes.
    #[must_use]
    pub fn new(worker: W) -> Self {
        let now = Timestamp(time::macros::datetime!(2026-11-24 12:00 UTC));
        let outsiders = Outsiders::default();
        let mut ring = Keyring::default();
        ring.init(&outsiders.audiences(), now.0).expect("random bytes");
        Self { worker, ring, outsiders, ledger: MemoryLedger::new(now), told: 0 }
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ledger.with(|tables| tables.now)
    }

    /// Sets the transaction's time from now on.
    pub fn set_now(&self, now: Timestamp) {
        self.ledger.with(|tables| tables.now = now);
    }

    /// A message as its sending room makes it, under a fresh id.
    pub fn event<B: Body>(&mut self, body: &B) -> Event {
        self.told += 1;
        Event {
            specversion: SpecVersion::V1,
            id: format!("event-{}", self.told),
            source: "/stage".to_owned(),
            kind: B::KIND.name().to_owned(),
            time: self.now().0,
            subject: None,
            datacontenttype: None,
            traceparent: None,
            causationid: None,
            data: raw(body),
        }
    }

    /// A room tells this one something.
    pub fn tell<B: Body>(&mut self, body: &B) -> Vec<Said> {
        let event = self.event(body);
        self.tell_event(&event)
    }

    /// The same for an exact event, to tell it twice or late.
    pub fn tell_event(&mut self, event: &Event) -> Vec<Said> {
        self.arrive(topology::ROOMS, &event.kind, None, event)
    }

    /// An outsider sends a command.
    pub fn command<B: Body>(&mut self, sender: &str, body: &B) -> Vec<Said> {
        let event = self.event(body);
        self.command_event(sender, &event)
    }

    pub fn command_event(&mut self, sender: &str, event: &Event) -> Vec<Said> {
        let key =
            Kind::parse(&event.kind).map_or_else(|| event.kind.clone(), |kind| kind.routing_key(W::ROOM));
        self.arrive(topology::IN, &key, Some(sender), event)
    }

    fn arrive(&mut self, exchange: &str, key: &str, sender: Option<&str>, event: &Event) -> Vec<Said> {
        let (content_type, bytes) = messages::envelope::encode(std::slice::from_ref(event));
        self.arrive_bytes(exchange, key, sender, Some(content_type), &bytes)
    }

    /// Raw bytes arrive, readable or not.
    ///
    /// # Panics
    /// The room's edge lacks a key, which no stage does.
    pub fn arrive_bytes(
        &mut self,
        exchange: &str,
        key: &str,
        sender: Option<&str>,
        content_type: Option<&str>,
        bytes: &[u8],
    ) -> Vec<Said> {
        let message = Arrived {
            tag: 1,
            exchange: exchange.to_owned(),
            routing_key: key.to_owned(),
            content_type: content_type.map(str::to_owned),
            message_id: Some("message".to_owned()),
            user_id: sender.map(str::to_owned),
            app_id: None,
            headers: crate::ledger::WireHeaders::default(),
            delivery_count: 0,
            bytes: bytes.to_vec(),
        };
        let queue = if exchange == topology::ROOMS {
            topology::inner_queue(W::ROOM)
        } else {
            topology::outside_queue(W::ROOM)
        };
        let entries = self.reader().read(&message, &queue).expect("every key is there");
        self.settle(&entries)
    }

    /// Every timer whose time has come fires once; kinds in `calls` are no timers.
    ///
    /// # Panics
    /// A due row is not readable.
    pub fn fire(&mut self, calls: &[&str]) -> Vec<Said> {
        let now = self.now();
        let due: Vec<DueRow> = self
            .due()
            .into_iter()
            .filter(|row| row.due_at <= now && !calls.contains(&row.kind.as_str()))
            .collect();
        let entries: Vec<Entry<W>> =
            due.iter().map(|row| self.reader().due(row, None).expect("every key is there")).collect();
        self.settle(&entries)
    }

    /// The outside answers the call that is due for this kind and key.
    ///
    /// # Panics
    /// No such call is due.
    pub fn answer<A: Serialize>(&mut self, kind: &str, key: &str, answer: &A) -> Vec<Said> {
        let row =
            self.due().into_iter().find(|row| row.kind == kind && row.key == key).expect("the call is due");
        self.answer_row(&row, answer)
    }

    /// The outside answers a call as it stood when it was made, which may be stale now.
    ///
    /// # Panics
    /// The answer is not readable.
    pub fn answer_row<A: Serialize>(&mut self, row: &DueRow, answer: &A) -> Vec<Said> {
        let mut row = row.clone();
        row.started_at = Some(row.started_at.unwrap_or_else(|| self.now()));
        let entry = self.reader().due(&row, Some(&raw(answer))).expect("every key is there");
        self.settle(&[entry])
    }

    fn reader(&self) -> Reader<'_, W> {
        Reader {
            worker: &self.worker,
            ring: &self.ring,
            outsiders: &self.outsiders,
            own_user: W::ROOM.name(),
            verified: true,
            now: self.now().0,
        }
    }

    fn settle(&self, entries: &[Entry<W>]) -> Vec<Said> {
        let settled = settle(&self.worker, &self.ledger, &self.ring, entries, &[])
            .now_or_never()
            .expect("memory never waits")
            .expect("a stage has every key and no constraints");
        let ids: Vec<i64> = settled.rows.iter().map(|row| row.id).collect();
        self.ledger.with(|tables| tables.outbox.retain(|id, _| !ids.contains(id)));
        settled.rows.iter().flat_map(said).collect()
    }

    /// What is due, by key and kind.
    #[must_use]
    pub fn due(&self) -> Vec<DueRow> {
        self.ledger.with(|tables| tables.due.values().cloned().collect())
    }

    /// The room's rows.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<W::Key, W::State> {
        self.ledger.with(|tables| tables.rows.clone())
    }

    /// Tasks that are open.
    #[must_use]
    pub fn open_tasks(&self) -> Vec<(TaskKind, String)> {
        self.ledger.with(|tables| {
            tables.tasks.iter().filter(|(_, task)| task.open).map(|(id, _)| id.clone()).collect()
        })
    }
}

fn said(row: &OutboxRow) -> Vec<Said> {
    let to = if row.exchange == topology::OUT {
        Route::Out(row.routing_key.split('.').next().unwrap_or_default().to_owned())
    } else {
        Route::Oms
    };
    // What goes to the parked queue is no event.
    let Ok(events) = decode(Some(&row.content_type), &row.body) else { return Vec::new() };
    events
        .into_iter()
        .flatten()
        .filter_map(|event| Some(Said { to: to.clone(), kind: Kind::parse(&event.kind)?, event }))
        .collect()
}
