//! What a simulated world is made of that is nobody's: its one stream of chance, its clock, its trace. All of it follows
//! from the seed, so that the same seed is the same world.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shell::faults::Sabotage;
use shell::worker::Worker;
use time::OffsetDateTime;
use tokio::time::Instant;
use world::chance::Chance;

/// When every world begins: in the middle of a quarter, whose keys last.
const BEGIN: OffsetDateTime = time::macros::datetime!(2026-10-05 12:00 UTC);

/// Which store and broker the rooms of a world run over.
pub(crate) struct InMemory;

impl<W: Worker> shell::seams::Seams<W> for InMemory {
    type Store = shell::memory::MemoryLedger<W>;
    type Broker = crate::desk::RoomBroker;
}

pub(crate) struct Sim {
    pub seed: u64,
    pub sabotage: Option<Sabotage>,
    chance: Mutex<Chance>,
    /// No faults any more.
    calm: AtomicBool,
    /// Milliseconds by which the clock was put forward, beside the time that passed.
    leapt: Arc<AtomicI64>,
    begun: Instant,
    /// The database is away until then (milliseconds of the world).
    away: AtomicU64,
    /// The broker takes nothing from anybody until then: its alarm of memory or disk.
    alarm: AtomicU64,
    trace: Mutex<Trace>,
}

#[derive(Default)]
struct Trace {
    hash: u64,
    steps: u64,
    counts: BTreeMap<&'static str, u64>,
}

impl Sim {
    /// A new world's beginning; it replaces this thread's clock.
    pub(crate) fn begin(seed: u64, sabotage: Option<Sabotage>) -> Arc<Self> {
        let (leapt, begun) = (Arc::new(AtomicI64::new(0)), Instant::now());
        let clock = Arc::clone(&leapt);
        shell::clock::replace(Some(Box::new(move || {
            BEGIN + begun.elapsed() + time::Duration::milliseconds(clock.load(Ordering::Relaxed))
        })));
        Arc::new(Self {
            seed,
            sabotage,
            chance: Mutex::new(Chance::new(seed)),
            calm: AtomicBool::new(false),
            leapt,
            begun,
            away: AtomicU64::new(0),
            alarm: AtomicU64::new(0),
            trace: Mutex::default(),
        })
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).below(bound)
    }

    /// Something that happens in any world, so many times of a thousand.
    pub(crate) fn permille(&self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    /// A fault: only as long as the world is not calm. So many times of a hundred thousand.
    pub(crate) fn fault(&self, name: &'static str, of_100_000: u64) -> bool {
        let happens = !self.is_calm() && self.below(100_000) < of_100_000;
        if happens {
            self.count(name);
        }
        happens
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Milliseconds since the world began, leaps not counted.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).expect("worlds are short")
    }

    /// Puts the clock forward.
    pub(crate) fn leap(&self, milliseconds: i64) {
        self.count("leaps");
        self.leapt.fetch_add(milliseconds.max(0), Ordering::Relaxed);
    }

    pub(crate) fn database_goes_away(&self, milliseconds: u64) {
        self.away.store(self.elapsed_ms() + milliseconds, Ordering::Relaxed);
    }

    pub(crate) fn is_database_away(&self) -> bool {
        !self.is_calm() && self.elapsed_ms() < self.away.load(Ordering::Relaxed)
    }

    pub(crate) fn broker_takes_alarm(&self, milliseconds: u64) {
        self.alarm.store(self.elapsed_ms() + milliseconds, Ordering::Relaxed);
    }

    pub(crate) fn is_alarmed(&self) -> bool {
        !self.is_calm() && self.elapsed_ms() < self.alarm.load(Ordering::Relaxed)
    }

    /// Waits while the broker takes nothing.
    pub(crate) async fn held_by_alarm(&self) {
        while self.is_alarmed() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A step of the world; two runs of one seed have the same steps.
    pub(crate) fn step(&self, what: &str, number: u64) {
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        let words = [self.elapsed_ms(), number, trace.steps];
        for byte in what.bytes().chain(words.into_iter().flat_map(u64::to_le_bytes)) {
            trace.hash = (trace.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        trace.steps += 1;
    }

    pub(crate) fn count(&self, what: &'static str) {
        self.step(what, 0);
        *self.trace.lock().unwrap_or_else(PoisonError::into_inner).counts.entry(what).or_default() += 1;
    }

    /// The trace's hash, its length, and what was counted.
    pub(crate) fn traced(&self) -> (u64, u64, BTreeMap<&'static str, u64>) {
        let trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        (trace.hash, trace.steps, trace.counts.clone())
    }

    /// A pause of up to so many milliseconds.
    pub(crate) async fn pause(&self, up_to_ms: u64) {
        let pause = self.below(up_to_ms);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}
