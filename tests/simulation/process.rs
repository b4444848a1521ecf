//! One process of a world: it passes points and steps, at any of which it may be delayed, fail or die. With it die its
//! tasks, its connections and its claims; what is committed and what is published stays.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use messages::Room;
use shell::faults::{Hook, Point, Sabotage};
use shell::ledger::LedgerError;
use shell::memory::{Gate, Step};
use shell::run::Loops;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use crate::broker::Net;
use crate::sim::Sim;

/// What the stores need to hear of a death, and say whether one more would be too many.
pub(crate) trait Witness: Send + Sync {
    fn has_died(&self, process: u64);
    /// A message has killed its reader twice: the third time it would rightly be parked.
    fn is_fragile(&self) -> bool;
}

type Tasks = Vec<JoinHandle<()>>;

pub(crate) struct Process {
    pub number: u64,
    pub sim: Arc<Sim>,
    pub net: Arc<Net>,
    witness: Arc<dyn Witness>,
    dead: AtomicBool,
    pub died: Notify,
    tasks: Mutex<Vec<AbortHandle>>,
    /// What a stop waits for: the loops, then those that send to outsiders.
    loops: Mutex<(Tasks, Tasks)>,
    /// Asks its rooms to stop, and to send what is left. They would stop if nobody could ask.
    pub stop: watch::Sender<bool>,
    pub closing: watch::Sender<bool>,
}

/// So long a room may take to stop, unless it is told otherwise (seconds).
const DRAIN_SECONDS_MAX: u64 = 20;

impl Process {
    pub(crate) fn new(number: u64, sim: Arc<Sim>, net: Arc<Net>, witness: Arc<dyn Witness>) -> Arc<Self> {
        Arc::new(Self {
            number,
            sim,
            net,
            witness,
            dead: AtomicBool::new(false),
            died: Notify::new(),
            tasks: Mutex::default(),
            loops: Mutex::default(),
            stop: watch::channel(false).0,
            closing: watch::channel(false).0,
        })
    }

    /// Runs a room in this process.
    pub(crate) fn run(self: &Arc<Self>, Loops { working, sending }: Loops) {
        let working: Vec<JoinHandle<()>> = working.into_iter().map(|working| self.spawn(working)).collect();
        let sending = self.spawn(sending);
        let mut loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        loops.0.extend(working);
        loops.1.push(sending);
    }

    fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let hook: Arc<dyn Hook> = Arc::clone(self) as Arc<dyn Hook>;
        let handle = tokio::spawn(shell::faults::under(hook, task));
        self.spawned(handle.abort_handle());
        handle
    }

    /// Stops as on SIGTERM: what was begun is finished, then what is left for outsiders goes out. Gives whether that was
    /// done in time; whoever is too slow is killed.
    pub(crate) async fn drain(&self) -> bool {
        let begun = Instant::now();
        let (working, sending) =
            std::mem::take(&mut *self.loops.lock().unwrap_or_else(PoisonError::into_inner));
        for (ask, loops) in [(&self.stop, working), (&self.closing, sending)] {
            ask.send_replace(true);
            for ending in loops {
                // A task that is gone has stopped as well.
                let _ = ending.await;
            }
        }
        begun.elapsed().as_secs() <= DRAIN_SECONDS_MAX
    }

    /// The process is no more: its connections and claims end with it.
    pub(crate) fn is_gone(&self) {
        if self.dead.swap(true, Ordering::Relaxed) {
            return;
        }
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        self.net.lose(self.number);
        self.witness.has_died(self.number);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    fn die(&self) {
        if !self.is_dead() {
            self.sim.count("crashes");
            self.is_gone();
            self.died.notify_one();
        }
    }

    /// A step at which the process may be delayed, or die.
    pub(crate) async fn pass(&self, what: &'static str, death_of_100_000: u64) {
        if !self.is_dead() {
            self.sim.step(what, self.number);
            if self.sim.fault(what, death_of_100_000) && !self.witness.is_fragile() {
                self.die();
            }
        }
        if self.is_dead() {
            return std::future::pending().await;
        }
        match self.sim.below(100) {
            0..6 => self.sim.pause(40).await,
            6..30 => tokio::task::yield_now().await,
            _ => {}
        }
    }
}

impl Hook for Process {
    fn point(&self, point: Point, _: Room) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // Seldom come by.
        let death = if point == Point::SweepPicked { 20_000 } else { 150 };
        Box::pin(self.pass(point.name(), death))
    }

    fn spawned(&self, task: AbortHandle) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    fn sabotages(&self, sabotage: Sabotage) -> bool {
        self.sim.sabotage == Some(sabotage)
    }
}

impl Gate for Process {
    fn pass(&self, step: Step) -> Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + '_>> {
        Box::pin(async move {
            let (name, failure) = match step {
                Step::Begin => ("begin", 100),
                Step::Statement => ("statement", 100),
                Step::Commit => ("commit", 400),
                Step::Committed => ("committed", 400),
            };
            Process::pass(self, name, 30).await;
            if self.sim.fault("database away", 20) {
                let outage = 200 + self.sim.below(3_000);
                self.sim.database_goes_away(outage);
            }
            if self.sim.is_database_away() || self.sim.fault("database failure", failure) {
                // After the commit this is the answer that got lost: committed, and nobody knows.
                return Err(LedgerError::ForNow("SQLSTATE 08006".to_owned()));
            }
            Ok(())
        })
    }
}
