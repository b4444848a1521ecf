//! What a running room holds, and the way of a batch from parsed entries to confirmed outputs: settle, publish,
//! repeat what must be repeated. It never acks; that is left to whoever consumed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use messages::outsiders::Outsiders;
use messages::sealed::Keyring;
use messages::topology;
use tokio::sync::{Notify, mpsc, watch};

use crate::clock;
use crate::faults::{self, Point, Sabotage};
use crate::keys::Keys;
use crate::ledger::{Ledger, LedgerError, OutboxRow};
use crate::parking::{ParkReason, Parked};
use crate::reading::Reader;
use crate::retry::Pauses;
use crate::seams::{Broker, Lane, Real, Seams};
use crate::settle::{Entry, SettleError, Settled, Work, settle};
use crate::telemetry::{self, Metric, Step, journal, spans};
use crate::worker::Worker;

/// How often a statement of an event that is alone may be cancelled before the event counts as at fault: a database that
/// stalls, or a person who cancels, does so to whatever runs.
const CANCELLED_MAX: u32 = 5;

/// One running room.
pub struct Hall<W: Worker, S: Seams<W> = Real> {
    pub worker: W,
    pub ledger: S::Store,
    pub broker: S::Broker,
    pub keys: Keys,
    pub outsiders: Arc<Outsiders>,
    /// Rows for outsiders, sent by a task of their own: one full queue there stops nobody.
    /// Bounded: what finds no room is in the outbox all the same, and the sweeper sends it.
    pub out: mpsc::Sender<Vec<OutboxRow>>,
    /// The other end, until its task has taken it.
    pub out_rows: Mutex<Option<mpsc::Receiver<Vec<OutboxRow>>>>,
    /// Outbox rows that the broker has confirmed and that the next batch deletes.
    pub confirmed: Mutex<Vec<i64>>,
    /// One for timers and one for calls: a permit is kept for whoever is busy.
    pub wake_timers: Notify,
    pub wake_calls: Notify,
    pub stop: watch::Receiver<bool>,
    /// Set when every loop has ended: what is left for outsiders goes out, then nothing more.
    pub closing: watch::Receiver<bool>,
    /// Whether the operator has paused the room.
    pub paused: watch::Sender<bool>,
    /// Whether `user_id` names senders.
    pub verified: bool,
    pub batch_events_max: usize,
    /// How long a batch may wait for more where work piles up.
    pub batch_linger: Duration,
    /// How long an output for a room may lie unsent before it is sent again.
    pub sweep_after: Duration,
}

/// The room was asked to stop before the batch was through; nothing was acked.
#[derive(Debug)]
pub struct Stopped;

impl<W: Worker, S: Seams<W>> Hall<W, S> {
    #[must_use]
    pub fn reader<'a>(&'a self, ring: &'a Keyring) -> Reader<'a, W> {
        Reader {
            worker: &self.worker,
            ring,
            outsiders: &self.outsiders,
            own_user: self.broker.user(),
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

    /// Returns when every loop has ended.
    pub async fn closing(&self) {
        let mut closing = self.closing.clone();
        // An error means that whoever could say so is gone, which says it as well.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// Settles the entries and publishes what follows, however long that takes.
    ///
    /// # Errors
    /// The room is stopping and the database or the broker is away: the caller must not ack.
    pub async fn digest(&self, entries: Vec<Entry<W>>) -> Result<(), Stopped> {
        let begun = clock::now();
        let mut heap = vec![entries];
        let mut pauses = Pauses::up_to(Duration::from_secs(5));
        while let Some(mut entries) = heap.pop() {
            match self.settle_patiently(&entries).await? {
                Ok(settled) => {
                    journal::tell(&entries);
                    let repeated = spans::is_on().then(|| settled.repeated.clone());
                    self.publish_settled(settled).await?;
                    if let Some(repeated) = repeated {
                        spans::tell(&entries, &repeated, begun);
                    }
                }
                Err(why) if entries.len() == 1 => {
                    self.give_up(&mut entries[0], &why);
                    if matches!(entries[0].work, Work::Park(_)) && entries[0].cause.inbox.is_none() {
                        // Parked and refused again: never in a hot loop.
                        if self.is_stopping() {
                            return Err(Stopped);
                        }
                        pauses.wait().await;
                    }
                    heap.push(entries);
                }
                Err(why) => {
                    tracing::warn!(room = %W::ROOM, events = entries.len(), error = %why, "a batch is halved until the event at fault is alone");
                    let second = entries.split_off(entries.len() / 2);
                    heap.push(second);
                    heap.push(entries);
                }
            }
        }
        Ok(())
    }

    /// An event that fails alone is parked; a parked copy that fails goes without the inbox, which its own id replaces.
    fn give_up(&self, entry: &mut Entry<W>, why: &SettleError) {
        tracing::error!(room = %W::ROOM, message.id = %entry.cause.id, error = %why, "an event is parked: it cannot be decided");
        if matches!(entry.work, Work::Park(_)) {
            entry.cause.inbox = None;
        } else {
            let reason = if matches!(why, SettleError::Scope | SettleError::Unlocked) {
                ParkReason::Panicked
            } else {
                ParkReason::Refused
            };
            entry.work = Work::Park(Box::new(Parked::event(&entry.cause, reason)));
        }
    }

    /// The inner error is the batch's own fault, so that it must be halved.
    async fn settle_patiently(&self, entries: &[Entry<W>]) -> Result<Result<Settled, SettleError>, Stopped> {
        let _settling = telemetry::timed(W::ROOM, Step::Settle);
        let mut cancelled = 0;
        let mut pauses = Pauses::up_to(Duration::from_secs(5));
        loop {
            let forget = std::mem::take(&mut *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner));
            match settle(&self.worker, &self.ledger, &self.keys.ring(), entries, &forget).await {
                Ok(settled) => return Ok(Ok(settled)),
                Err(error) => {
                    self.remember_confirmed(forget);
                    match error {
                        SettleError::Scope
                        | SettleError::Unlocked
                        | SettleError::Section(_)
                        | SettleError::Ledger(LedgerError::Row(_)) => return Ok(Err(error)),
                        SettleError::Ledger(LedgerError::Cancelled(_))
                            if entries.len() > 1 || cancelled == CANCELLED_MAX =>
                        {
                            return Ok(Err(error));
                        }
                        SettleError::Ledger(LedgerError::Raced { .. }) => {
                            telemetry::count(Metric::DatabaseRetries, W::ROOM, 1);
                            tracing::debug!(room = %W::ROOM, events = entries.len(), %error, "a batch is tried again");
                            continue;
                        }
                        SettleError::Key(_)
                        | SettleError::Ledger(
                            LedgerError::ForNow(_)
                            | LedgerError::Cancelled(_)
                            | LedgerError::Schema(_)
                            | LedgerError::State { .. },
                        ) => {
                            telemetry::count(Metric::DatabaseRetries, W::ROOM, 1);
                            tracing::warn!(room = %W::ROOM, events = entries.len(), %error, "a batch waits");
                            cancelled +=
                                u32::from(matches!(error, SettleError::Ledger(LedgerError::Cancelled(_))));
                            if matches!(error, SettleError::Key(_)) {
                                self.keys.look_again();
                            }
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
        let _publishing = telemetry::timed(W::ROOM, Step::Publish);
        telemetry::count(Metric::EventsDecided, W::ROOM, settled.decided);
        telemetry::count(Metric::EventsRepeated, W::ROOM, settled.repeated.len());
        telemetry::count(Metric::EventsRefused, W::ROOM, settled.refused);
        telemetry::count_sent(W::ROOM, settled.to_rooms, settled.to_outsiders);
        for &reason in &settled.parked {
            telemetry::count_parked(W::ROOM, reason);
        }
        if settled.has_due {
            self.wake_timers.notify_one();
            self.wake_calls.notify_one();
        }
        let mut rows = settled.rows;
        if !settled.repeated.is_empty() && !faults::sabotages(Sabotage::Sweeper) {
            let mut pauses = Pauses::up_to(Duration::from_secs(5));
            loop {
                match self.ledger.unsent(&settled.repeated).await {
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
            // No room, or nobody there any more: the sweeper finds the rows.
            let _ = self.out.try_send(out);
        }
        let mut pauses = Pauses::up_to(Duration::from_secs(5));
        while !inner.is_empty() {
            let ids: Vec<i64> = inner.iter().map(|row| row.id).collect();
            let left = self.broker.publish(Lane::Rooms, inner).await;
            faults::point(Point::AfterConfirm, W::ROOM).await;
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
