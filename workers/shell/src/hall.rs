//! What a running room holds, and the way of a batch from parsed entries to confirmed outputs: settle, publish,
//! repeat what must be repeated. It never acks; that is left to whoever consumed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use messages::outsiders::Outsiders;
use messages::sealed::Keyring;
use messages::topology;
use tokio::sync::{Notify, mpsc, watch};

use crate::clock;
use crate::ledger::{Ledger, LedgerError, OutboxRow};
use crate::parking::{ParkReason, Parked};
use crate::postgres::PgLedger;
use crate::reading::Reader;
use crate::retry::Pauses;
use crate::settle::{Entry, SettleError, Settled, Work, settle};
use crate::telemetry::{self, Metric};
use crate::wire::{Link, Publisher};
use crate::worker::Worker;

/// One running room.
pub struct Hall<W: Worker> {
    pub worker: W,
    pub ledger: PgLedger,
    pub ring: Arc<Keyring>,
    pub outsiders: Arc<Outsiders>,
    pub consuming: Arc<Link>,
    pub publishing: Arc<Link>,
    pub inner: Publisher,
    /// Rows for outsiders, sent on a channel of their own: one full queue there stops nobody.
    pub out: mpsc::UnboundedSender<Vec<OutboxRow>>,
    /// Outbox rows that the broker has confirmed and that the next batch deletes.
    pub confirmed: Mutex<Vec<i64>>,
    pub due_wake: Notify,
    pub stop: watch::Receiver<bool>,
    /// Whether `user_id` names senders.
    pub verified: bool,
    pub batch_events_max: usize,
}

/// The room was asked to stop before the batch was through; nothing was acked.
#[derive(Debug)]
pub struct Stopped;

impl<W: Worker> Hall<W> {
    #[must_use]
    pub fn reader(&self) -> Reader<'_, W> {
        Reader {
            worker: &self.worker,
            ring: &self.ring,
            outsiders: &self.outsiders,
            own_user: self.publishing.user(),
            verified: self.verified,
            now: clock::now(),
        }
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Returns when the room is asked to stop.
    pub async fn stopping(&self) {
        let mut stop = self.stop.clone();
        // An error means that whoever could ask is gone, which asks as well.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// Settles the entries and publishes what follows, however long that takes.
    ///
    /// # Errors
    /// The room is stopping and the database or the broker is away: the caller must not ack.
    pub async fn digest(&self, entries: Vec<Entry<W>>) -> Result<(), Stopped> {
        let mut heap = vec![entries];
        while let Some(mut entries) = heap.pop() {
            match self.settle_patiently(&entries).await? {
                Ok(settled) => self.publish_settled(settled).await?,
                Err(why) if entries.len() == 1 => {
                    tracing::error!(room = %W::ROOM, message.id = %entries[0].cause.id, error = %why, "an event is parked: the database refuses it");
                    let cause = &entries[0].cause;
                    entries[0].work = Work::Park(Box::new(Parked::event(cause, ParkReason::Refused)));
                    heap.push(entries);
                }
                Err(why) => {
                    tracing::warn!(room = %W::ROOM, events = entries.len(), error = %why, "a batch is halved until the event that the database refuses is alone");
                    let second = entries.split_off(entries.len() / 2);
                    heap.push(second);
                    heap.push(entries);
                }
            }
        }
        Ok(())
    }

    /// The inner error is the batch's own fault, so that it must be halved.
    async fn settle_patiently(&self, entries: &[Entry<W>]) -> Result<Result<Settled, SettleError>, Stopped> {
        let mut pauses = Pauses::up_to(Duration::from_secs(5));
        loop {
            let forget = std::mem::take(&mut *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner));
            match settle(&self.worker, &self.ledger, &self.ring, entries, &forget).await {
                Ok(settled) => return Ok(Ok(settled)),
                Err(error) => {
                    self.remember_confirmed(forget);
                    match error {
                        SettleError::Scope
                        | SettleError::Ledger(LedgerError::Row(_) | LedgerError::State { .. }) => {
                            return Ok(Err(error));
                        }
                        SettleError::Seal(_)
                        | SettleError::Ledger(LedgerError::ForNow(_) | LedgerError::Schema(_)) => {
                            telemetry::count(Metric::DatabaseRetries, W::ROOM, 1);
                            tracing::warn!(room = %W::ROOM, events = entries.len(), %error, "a batch waits");
                        }
                    }
                }
            }
            if self.is_stopping() {
                return Err(Stopped);
            }
            pauses.wait().await;
        }
    }

    async fn publish_settled(&self, settled: Settled) -> Result<(), Stopped> {
        telemetry::count(Metric::EventsDecided, W::ROOM, settled.decided);
        telemetry::count(Metric::EventsRepeated, W::ROOM, settled.repeated.len());
        for &reason in &settled.parked {
            telemetry::count_parked(W::ROOM, reason);
        }
        if settled.has_due {
            self.due_wake.notify_waiters();
        }
        let mut rows = settled.rows;
        if !settled.repeated.is_empty() {
            let mut pauses = Pauses::up_to(Duration::from_secs(5));
            loop {
                match Ledger::<W>::unsent(&self.ledger, &settled.repeated).await {
                    Ok(unsent) => {
                        rows.extend(unsent);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(room = %W::ROOM, %error, "outputs of repeated events cannot be looked up yet")
                    }
                }
                if self.is_stopping() {
                    return Err(Stopped);
                }
                pauses.wait().await;
            }
        }
        self.publish(rows).await
    }

    /// Publishes rows until the broker has confirmed every inner one.
    ///
    /// # Errors
    /// The room is stopping and the broker is away.
    pub async fn publish(&self, rows: Vec<OutboxRow>) -> Result<(), Stopped> {
        let (out, mut inner): (Vec<OutboxRow>, Vec<OutboxRow>) =
            rows.into_iter().partition(|row| row.exchange == topology::OUT);
        if !out.is_empty() {
            // The sender task lives as long as the room; should it be gone, the sweeper finds the rows.
            let _ = self.out.send(out);
        }
        let mut pauses = Pauses::up_to(Duration::from_secs(5));
        while !inner.is_empty() {
            let ids: Vec<i64> = inner.iter().map(|row| row.id).collect();
            let left = self.inner.publish(inner).await;
            self.note_confirmed(&ids, &left);
            inner = left;
            if !inner.is_empty() {
                if self.is_stopping() {
                    return Err(Stopped);
                }
                pauses.wait().await;
            }
        }
        Ok(())
    }

    /// Notes which of the published rows the broker took.
    pub fn note_confirmed(&self, published: &[i64], left: &[OutboxRow]) {
        let confirmed: Vec<i64> =
            published.iter().copied().filter(|id| !left.iter().any(|row| row.id == *id)).collect();
        telemetry::count(Metric::MessagesPublished, W::ROOM, confirmed.len());
        telemetry::count(Metric::PublishesUnconfirmed, W::ROOM, left.len());
        self.remember_confirmed(confirmed);
    }

    pub(crate) fn remember_confirmed(&self, ids: Vec<i64>) {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(ids.into_iter().filter(|id| *id > 0));
    }
}
