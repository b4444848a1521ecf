//! Time and the outside world: due rows become events of the same batch path. Timers are picked without a lock;
//! calls are claimed with a lease, made, and their answers handed in. Nothing here decides, and no transaction is
//! open while a call is under way.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::value::RawValue;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::clock;
use crate::faults::{self, Point};
use crate::hall::{Hall, Stopped};
use crate::ledger::{LedgerError, Store};
use crate::pace::Pace;
use crate::retry::Pauses;
use crate::seams::Seams;
use crate::settle::Entry;
use crate::telemetry::{self, CallEnd, Metric, spans};
use crate::worker::{Call, DueRow, Outside, Worker};

/// Due rows of one round.
const ROUND_MAX: usize = 256;
/// How long a performer that seems to live may be silent before another may look after its call.
pub const LEASE_SECONDS: u64 = 75;
/// A call that takes longer counts as of unknown outcome, well before another performer may take it up.
const CALL_SECONDS_MAX: u64 = 65;
const POLL: Duration = Duration::from_secs(1);

/// Fires timers until the room stops. `calls` are the kinds that are not timers.
pub async fn timers<W: Worker, S: Seams<W>>(hall: Arc<Hall<W, S>>, calls: &'static [&'static str]) {
    let mut pauses = Pauses::up_to(Duration::from_secs(5));
    while hall.resumed().await {
        match fire(&hall, calls).await {
            Ok(fired) if fired < ROUND_MAX => wait(&hall, &hall.wake_timers).await,
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

async fn wait<W: Worker, S: Seams<W>>(hall: &Hall<W, S>, wake: &Notify) {
    tokio::select! {
        biased;
        () = hall.stopping() => {}
        () = wake.notified() => {}
        () = tokio::time::sleep(POLL) => {}
    }
}

async fn fire<W: Worker, S: Seams<W>>(hall: &Hall<W, S>, calls: &[&str]) -> Result<usize, LedgerError> {
    let dues = hall.ledger.timers(calls, ROUND_MAX).await?;
    if !dues.is_empty() {
        faults::point(Point::TimerPicked, W::ROOM).await;
    }
    let entries = read_all(hall, dues.iter().map(|due| (due, None)));
    let fired = entries.len();
    if fired > 0 {
        telemetry::count(Metric::TimersFired, W::ROOM, fired);
        // Stopped: the rows are still there and fire again.
        let _: Result<(), Stopped> = hall.digest(entries).await;
    }
    Ok(fired)
}

/// The entries of these rows; a row for which a key is missing is left for later.
fn read_all<'a, W: Worker, S: Seams<W>>(
    hall: &Hall<W, S>,
    rows: impl Iterator<Item = (&'a DueRow, Option<&'a RawValue>)>,
) -> Vec<Entry<W>> {
    let ring = hall.keys.ring();
    let reader = hall.reader(&ring);
    let mut entries = Vec::new();
    for (due, answer) in rows {
        match reader.due(due, answer) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                tracing::error!(room = %W::ROOM, due.kind = %due.kind, %error, "a due row waits for a key");
                hall.keys.look_again();
            }
        }
    }
    entries
}

/// An answer on its way in. It holds its slot until it is settled, so that calls never run ahead of their answers.
struct Answered {
    due: DueRow,
    answer: Box<RawValue>,
    _slot: OwnedSemaphorePermit,
    _held: Held,
}

/// The calls that this process has under way: it does not claim them again however long the database is away.
type UnderWay = Arc<Mutex<BTreeSet<(String, String)>>>;

struct Held {
    calls: UnderWay,
    call: (String, String),
}

impl Drop for Held {
    fn drop(&mut self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.call);
    }
}

/// Makes calls until the room stops, then waits for those under way.
///
/// # Panics
/// The task that hands in answers has panicked: the process must not go on calling.
pub async fn calls<W: Worker, S: Seams<W>>(hall: Arc<Hall<W, S>>, outside: Arc<dyn Outside>) {
    let slots = Arc::new(Semaphore::new(outside.concurrency()));
    let under_way = UnderWay::default();
    let (answers, answered) = mpsc::channel(1_024);
    let mut answering = faults::spawn(hand_in(Arc::clone(&hall), answered));
    let mut breaker = Breaker::default();
    while hall.resumed().await {
        assert!(!answering.is_finished(), "the task that hands in answers has ended");
        breaker.hear();
        telemetry::set_flag(Metric::CircuitOpen, W::ROOM, breaker.is_open());
        if breaker.is_open() {
            tracing::warn!(room = %W::ROOM, "the far side is down; one call at a time probes it");
            tokio::select! { biased; () = hall.stopping() => {}, () = breaker.pauses.wait() => {} }
        }
        let free = slots.available_permits();
        let most = match (breaker.is_open(), free == outside.concurrency()) {
            (false, _) => free,
            (true, true) => 1,
            // The probe is still out.
            (true, false) => 0,
        };
        let claimed = match claim(&hall, outside.kinds(), most, &under_way).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(room = %W::ROOM, %error, "calls wait for the database");
                tokio::select! { biased; () = hall.stopping() => {}, () = tokio::time::sleep(POLL) => {} }
                continue;
            }
        };
        let idle = claimed.is_empty();
        for call in claimed {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let held =
                Held { calls: Arc::clone(&under_way), call: (call.due.key.clone(), call.due.kind.clone()) };
            let (hall, outside, answers) = (Arc::clone(&hall), Arc::clone(&outside), answers.clone());
            let health = breaker.reports.clone();
            faults::spawn(async move {
                faults::point(Point::CallClaimed, W::ROOM).await;
                let Some((answer, far_side_down)) = perform(&*hall, &*outside, &call).await else { return };
                faults::point(Point::FarSideDone, W::ROOM).await;
                // The loop may have ended: it then no longer needs to know.
                let _ = health.send(far_side_down);
                let _ = answers.send(Answered { due: call.due, answer, _slot: slot, _held: held }).await;
            });
        }
        if idle {
            wait(&hall, &hall.wake_calls).await;
        } else if slots.available_permits() == 0 {
            // A permit is the sign that a call has ended. Under load the next ones end in the same moment, and one
            // claim for all of them is worth more than this pause.
            drop(slots.acquire().await);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    drop(answers);
    if let Err(error) = (&mut answering).await {
        tracing::error!(room = %W::ROOM, %error, "the task that hands in answers ended badly");
    }
}

/// One call; none if it panicked, so that after its lease somebody looks what became of it.
async fn perform<W: Worker, S: Seams<W>>(
    hall: &Hall<W, S>,
    outside: &dyn Outside,
    call: &Call,
) -> Option<(Box<RawValue>, bool)> {
    let begun = clock::now();
    let kind = outside.kinds().iter().copied().find(|kind| *kind == call.due.kind).unwrap_or("unknown");
    let ring = hall.keys.ring();
    let performing = AssertUnwindSafe(outside.perform(call, &ring)).catch_unwind();
    match tokio::time::timeout(Duration::from_secs(CALL_SECONDS_MAX), performing).await {
        Ok(Ok(reply)) => {
            let end = if reply.far_side_down { CallEnd::Down } else { CallEnd::Answered };
            telemetry::count_call(W::ROOM, kind, end);
            spans::tell_call(W::ROOM, &call.due, kind, end, begun);
            Some((reply.answer, reply.far_side_down))
        }
        Ok(Err(_)) | Err(_) => {
            telemetry::count_call(W::ROOM, kind, CallEnd::Lost);
            spans::tell_call(W::ROOM, &call.due, kind, CallEnd::Lost, begun);
            tracing::error!(room = %W::ROOM, due.kind = kind, due.key = %call.due.key, "a call panicked or never ended; it is looked up after its lease");
            None
        }
    }
}

/// Pauses calls while the far side is down.
struct Breaker {
    reports: mpsc::UnboundedSender<bool>,
    heard: mpsc::UnboundedReceiver<bool>,
    down: bool,
    pauses: Pauses,
}

impl Default for Breaker {
    fn default() -> Self {
        let (reports, heard) = mpsc::unbounded_channel();
        Self { reports, heard, down: false, pauses: Pauses::up_to(Duration::from_secs(15)) }
    }
}

impl Breaker {
    /// Only a report changes the state: a probe that is still out is no sign of health.
    fn hear(&mut self) {
        while let Ok(down) = self.heard.try_recv() {
            self.down = down;
        }
        if !self.down {
            self.pauses.reset();
        }
    }

    const fn is_open(&self) -> bool {
        self.down
    }
}

async fn claim<W: Worker, S: Seams<W>>(
    hall: &Hall<W, S>,
    kinds: &[&str],
    most: usize,
    under_way: &UnderWay,
) -> Result<Vec<Call>, LedgerError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let mut calls = hall.ledger.claim(kinds, most).await?;
    let mut held = under_way.lock().unwrap_or_else(PoisonError::into_inner);
    // A call whose answer is still on its way in was only leased anew by this.
    calls.retain(|call| held.insert((call.due.key.clone(), call.due.kind.clone())));
    Ok(calls)
}

/// Hands answers in as they come, all that are there in one batch.
async fn hand_in<W: Worker, S: Seams<W>>(hall: Arc<Hall<W, S>>, mut answered: mpsc::Receiver<Answered>) {
    let mut ready = Vec::new();
    let mut pace = Pace::up_to(hall.batch_linger);
    loop {
        let linger = pace.linger(!answered.is_empty());
        if answered.recv_many(&mut ready, hall.batch_events_max).await == 0 {
            return;
        }
        if !linger.is_zero() && ready.len() < hall.batch_events_max {
            tokio::time::sleep(linger).await;
            while ready.len() < hall.batch_events_max
                && let Ok(more) = answered.try_recv()
            {
                ready.push(more);
            }
        }
        let begun = Instant::now();
        let mut entries = read_all(&hall, ready.iter().map(|one| (&one.due, Some(&*one.answer))));
        while entries.len() < ready.len() && !hall.is_stopping() {
            tokio::time::sleep(POLL).await;
            entries = read_all(&hall, ready.iter().map(|one| (&one.due, Some(&*one.answer))));
        }
        // Stopped: the calls count as of unknown outcome and are looked up.
        let _: Result<(), Stopped> = hall.digest(entries).await;
        faults::point(Point::AnswerStored, W::ROOM).await;
        pace.took(begun.elapsed());
        ready.clear();
    }
}
