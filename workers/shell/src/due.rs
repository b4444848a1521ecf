//! Time and the outside world: due rows become events of the same batch path. Timers are picked without a lock;
//! calls are claimed with a lease, made, and their answers handed in. Nothing here decides, and no transaction is
//! open while a call is under way.

use std::sync::Arc;
use std::time::Duration;

use messages::sealed::SealError;
use serde_json::value::RawValue;
use sqlx::Row as _;
use tokio::sync::{Semaphore, mpsc};

use crate::hall::{Hall, Stopped};
use crate::postgres::due_row;
use crate::retry::Pauses;
use crate::settle::Entry;
use crate::telemetry::{self, Metric};
use crate::worker::{Call, DueRow, Outside, Worker};

/// Due rows of one round.
const ROUND_MAX: i64 = 256;
/// How long a performer may be silent before another may look after its call.
const LEASE_SECONDS: i32 = 120;
const POLL: Duration = Duration::from_secs(1);

/// Fires timers until the room stops. `calls` are the kinds that are not timers.
pub async fn timers<W: Worker>(hall: Arc<Hall<W>>, calls: &'static [&'static str]) {
    let mut pauses = Pauses::up_to(Duration::from_secs(5));
    while !hall.is_stopping() {
        match fire(&hall, calls).await {
            Ok(fired) if fired < ROUND_MAX as usize => wait(&hall).await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(room = %W::ROOM, %error, "timers wait for the database");
                pauses.wait().await;
                continue;
            }
        }
        pauses.reset();
    }
}

async fn wait<W: Worker>(hall: &Hall<W>) {
    tokio::select! {
        () = tokio::time::sleep(POLL) => {}
        () = hall.due_wake.notified() => {}
        () = hall.stopping() => {}
    }
}

async fn fire<W: Worker>(hall: &Hall<W>, calls: &[&str]) -> Result<usize, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT key, kind, epoch, attempt, due_at, body::text AS body, started_at FROM due
         WHERE due_at <= now() AND NOT (kind = ANY($1)) ORDER BY due_at LIMIT $2",
    )
    .bind(calls)
    .bind(ROUND_MAX)
    .fetch_all(hall.ledger.pool())
    .await?;
    let dues = rows.iter().map(due_row).collect::<Result<Vec<DueRow>, _>>()?;
    let reader = hall.reader();
    let entries: Result<Vec<Entry<W>>, SealError> = dues.iter().map(|due| reader.due(due, None)).collect();
    match entries {
        Ok(entries) if entries.is_empty() => Ok(0),
        Ok(entries) => {
            let fired = entries.len();
            telemetry::count(Metric::TimersFired, W::ROOM, fired);
            // Stopped: the rows are still there and fire again.
            let _: Result<(), Stopped> = hall.digest(entries).await;
            Ok(fired)
        }
        Err(error) => {
            tracing::error!(room = %W::ROOM, %error, "timers cannot be read for now");
            Ok(0)
        }
    }
}

/// Makes calls until the room stops, then waits for those under way.
pub async fn calls<W: Worker>(hall: Arc<Hall<W>>, outside: Arc<dyn Outside>) {
    let slots = Arc::new(Semaphore::new(outside.concurrency()));
    let (answers, answered) = mpsc::channel(1_024);
    let answering = tokio::spawn(hand_in(Arc::clone(&hall), answered));
    let mut breaker = Pauses::up_to(Duration::from_secs(15));
    let (health, mut healths) = mpsc::unbounded_channel::<bool>();
    while !hall.is_stopping() {
        let mut down = false;
        while let Ok(far_side_down) = healths.try_recv() {
            down = far_side_down;
        }
        if down {
            tracing::warn!(room = %W::ROOM, "the far side is down; calls pause");
            tokio::select! { () = breaker.wait() => {}, () = hall.stopping() => {} }
        } else {
            breaker.reset();
        }
        let free = i64::try_from(slots.available_permits()).unwrap_or(0);
        // With the far side down one call probes; the others wait in the table.
        let claimed = match claim(&hall, outside.kinds(), if down { free.min(1) } else { free }).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(room = %W::ROOM, %error, "calls wait for the database");
                tokio::select! { () = breaker.wait() => {}, () = hall.stopping() => {} }
                continue;
            }
        };
        let idle = claimed.is_empty();
        for call in claimed {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let (hall, outside, answers, health) =
                (Arc::clone(&hall), Arc::clone(&outside), answers.clone(), health.clone());
            tokio::spawn(async move {
                let reply = outside.perform(&call, &hall.ring).await;
                let kind =
                    outside.kinds().iter().copied().find(|kind| *kind == call.due.kind).unwrap_or("unknown");
                telemetry::count_call(W::ROOM, kind, reply.far_side_down);
                // The loop may have ended: it then no longer needs to know.
                let _ = health.send(reply.far_side_down);
                drop(slot);
                if answers.send((call.due, reply.answer)).await.is_err() {
                    tracing::error!(room = %W::ROOM, "an answer found nobody; its call is looked up after the lease");
                }
            });
        }
        if idle {
            wait(&hall).await;
        } else if slots.available_permits() == 0 {
            // A permit is the sign that a call has ended. Under load the next ones end in the same moment, and one
            // claim for all of them is worth more than this pause.
            drop(slots.acquire().await);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    drop(answers);
    if let Err(error) = answering.await {
        tracing::error!(room = %W::ROOM, %error, "the task that hands in answers ended badly");
    }
}

async fn claim<W: Worker>(hall: &Hall<W>, kinds: &[&str], most: i64) -> Result<Vec<Call>, sqlx::Error> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "WITH picked AS (
             SELECT key, kind, started_at AS before FROM due
             WHERE kind = ANY($1) AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
             ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
         )
         UPDATE due d SET started_at = COALESCE(d.started_at, clock_timestamp()), lease_until = now() + make_interval(secs => $3)
         FROM picked p WHERE d.key = p.key AND d.kind = p.kind
         RETURNING d.key, d.kind, d.epoch, d.attempt, d.due_at, d.body::text AS body, d.started_at, p.before IS NOT NULL AS unknown",
    )
    .bind(kinds)
    .bind(most)
    .bind(f64::from(LEASE_SECONDS))
    .fetch_all(hall.ledger.pool())
    .await?;
    rows.iter().map(|row| Ok(Call { due: due_row(row)?, unknown: row.try_get("unknown")? })).collect()
}

/// Hands answers in as they come, all that are there in one batch.
async fn hand_in<W: Worker>(hall: Arc<Hall<W>>, mut answered: mpsc::Receiver<(DueRow, Box<RawValue>)>) {
    let mut ready = Vec::new();
    while answered.recv_many(&mut ready, hall.batch_events_max).await > 0 {
        let mut pauses = Pauses::up_to(Duration::from_secs(5));
        let entries = loop {
            let reader = hall.reader();
            let entries: Result<Vec<Entry<W>>, SealError> =
                ready.iter().map(|(due, answer)| reader.due(due, Some(answer))).collect();
            match entries {
                Ok(entries) => break entries,
                Err(error) => tracing::error!(room = %W::ROOM, %error, "answers cannot be read for now"),
            }
            if hall.is_stopping() {
                return;
            }
            pauses.wait().await;
        };
        ready.clear();
        // Stopped: the calls count as of unknown outcome and are looked up.
        let _: Result<(), Stopped> = hall.digest(entries).await;
    }
}
