//! One process of a world: it passes points and steps, at any of which it may be delayed, fail or die. With it die its
//! tasks, its connections and its claims; what is committed and what is published stays.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use messages::Room;
use shell::faults::{Hook, Point, Sabotage};
use shell::ledger::LedgerError;
use shell::memory::{Gate, Step};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::broker::Net;
use crate::sim::Sim;

/// What the stores need to hear of a death, and say whether one more would be too many.
pub(crate) trait Witness: Send + Sync {
    fn has_died(&self, process: u64);
    /// A message has killed its reader twice: the third time it would rightly be parked.
    fn is_fragile(&self) -> bool;
}

pub(crate) struct Process {
    pub number: u64,
    pub sim: Arc<Sim>,
    pub net: Arc<Net>,
    witness: Arc<dyn Witness>,
    dead: AtomicBool,
    pub died: Notify,
    tasks: Mutex<Vec<AbortHandle>>,
}

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
        })
    }

    /// Runs a task of this process.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let hook: Arc<dyn Hook> = Arc::clone(self) as Arc<dyn Hook>;
        let handle = tokio::spawn(shell::faults::under(hook, task));
        self.spawned(handle.abort_handle());
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    fn die(&self) {
        if self.dead.swap(true, Ordering::Relaxed) {
            return;
        }
        self.sim.count("crashes");
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        self.net.lose(self.number);
        self.witness.has_died(self.number);
        self.died.notify_one();
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
        Box::pin(self.pass(point.name(), 150))
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
