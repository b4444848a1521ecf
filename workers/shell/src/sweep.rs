//! What keeps a room tidy beside its batches: rows for outsiders are sent, confirmed rows deleted, forgotten rows
//! sent again, partitions kept. None of it is needed for a decision.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::faults::{self, Point, Sabotage};
use crate::hall::Hall;
use crate::ledger::{Left, OutboxRow, Store};
use crate::seams::{Broker, Lane, Seams};
use crate::worker::Worker;

const SWEEP_EVERY: Duration = Duration::from_secs(15);
/// A process that has just started looks soon at what others have left.
const FIRST_SWEEP: Duration = Duration::from_secs(1);

/// Sends rows for outsiders on a channel of their own, until the room stops. An outsider whose queue is full is held
/// back; its rows wait in the outbox, oldest first, and hold up nobody else.
pub async fn send_out<W: Worker, S: Seams<W>>(hall: Arc<Hall<W, S>>) {
    let Some(mut rows) = hall.out_rows.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let mut windows = Vec::new();
    let mut full: BTreeSet<String> = BTreeSet::new();
    let mut probes_at = Instant::now() + FIRST_SWEEP;
    loop {
        let wait = probes_at.saturating_duration_since(Instant::now());
        let received = tokio::select! {
            biased;
            received = rows.recv_many(&mut windows, 64) => received,
            () = hall.closing() => break,
            () = tokio::time::sleep(wait) => 0,
        };
        if received > 0 {
            let window = windows.drain(..).flatten().filter(|row| !full.contains(outsider(row))).collect();
            send(&hall, window, &mut full).await;
        }
        if Instant::now() >= probes_at {
            probes_at = Instant::now() + SWEEP_EVERY;
            full.clear();
            drain(&hall, &mut full).await;
        }
    }
    while let Ok(window) = rows.try_recv() {
        send(&hall, window, &mut full).await;
    }
    forget(&hall).await;
}

/// The outsider that a row is addressed to.
fn outsider(row: &OutboxRow) -> &str {
    row.routing_key.split('.').next().unwrap_or_default()
}

/// Gives whether everything was taken.
async fn send<W: Worker, S: Seams<W>>(
    hall: &Hall<W, S>,
    rows: Vec<OutboxRow>,
    full: &mut BTreeSet<String>,
) -> bool {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let left = hall.broker.publish(Lane::Outsiders, rows).await;
    hall.note_confirmed(&ids, &left);
    for row in &left {
        if full.insert(outsider(row).to_owned()) {
            tracing::warn!(room = %W::ROOM, outsider = outsider(row), "an outsider's queue takes no more; its rows wait in the outbox");
        }
    }
    left.is_empty()
}

/// Sends what was left for each outsider, oldest first, until its queue is full or nothing is left.
async fn drain<W: Worker, S: Seams<W>>(hall: &Hall<W, S>, full: &mut BTreeSet<String>) {
    if faults::sabotages(Sabotage::Sweeper) {
        return;
    }
    loop {
        let held: Vec<&str> = full.iter().map(String::as_str).collect();
        let rows = match hall.ledger.left(Left::Outsiders { but: &held }).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(room = %W::ROOM, %error, "the outbox could not be swept");
                return;
            }
        };
        if rows.is_empty() || hall.is_stopping() {
            return;
        }
        faults::point(Point::SweepPicked, W::ROOM).await;
        send(hall, rows, full).await;
        forget(hall).await;
    }
}

/// Deletes confirmed rows when no batch does, sends again what was left, keeps the partitions.
pub async fn tidy<W: Worker, S: Seams<W>>(hall: Arc<Hall<W, S>>) {
    let mut seconds: u64 = 0;
    while !hall.is_stopping() {
        tokio::select! { biased; () = hall.stopping() => break, () = tokio::time::sleep(Duration::from_secs(1)) => {} }
        seconds += 1;
        forget(&hall).await;
        if seconds % SWEEP_EVERY.as_secs() == FIRST_SWEEP.as_secs() && !hall.broker.is_blocked() {
            sweep(&hall).await;
        }
        if seconds.is_multiple_of(3_600)
            && let Err(error) = hall.ledger.keep().await
        {
            tracing::error!(room = %W::ROOM, %error, "the inbox's partitions could not be kept");
        }
    }
}

/// Deletes what the broker has confirmed.
pub(crate) async fn forget<W: Worker, S: Seams<W>>(hall: &Hall<W, S>) {
    let ids = std::mem::take(&mut *hall.confirmed.lock().unwrap_or_else(PoisonError::into_inner));
    if ids.is_empty() {
        return;
    }
    faults::point(Point::Forget, W::ROOM).await;
    if let Err(error) = hall.ledger.delete_sent(&ids).await {
        tracing::warn!(room = %W::ROOM, %error, "confirmed rows could not be deleted yet");
        hall.remember_confirmed(ids);
    }
}

/// Sends rows for rooms that were left for a minute, as long as there are some.
async fn sweep<W: Worker, S: Seams<W>>(hall: &Hall<W, S>) {
    if faults::sabotages(Sabotage::Sweeper) {
        return;
    }
    loop {
        let rows = match hall.ledger.left(Left::Rooms).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(room = %W::ROOM, %error, "the outbox could not be swept");
                return;
            }
        };
        if rows.is_empty() {
            return;
        }
        tracing::info!(room = %W::ROOM, rows = rows.len(), "sending again what was left in the outbox");
        faults::point(Point::SweepPicked, W::ROOM).await;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let left = hall.broker.publish(Lane::Rooms, rows).await;
        hall.note_confirmed(&ids, &left);
        if !left.is_empty() || hall.is_stopping() {
            return;
        }
    }
}
