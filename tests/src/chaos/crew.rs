//! The processes of the house under fire: several per group of rooms, started again at once however they ended. It must
//! never end a process that it has not started.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use world::chance::Chance;

use super::watch::Watch;
use crate::TestHouse;

/// The one that is killed again and again: the only process of its rooms, which read every message of the house.
pub(super) const VICTIM: &str = "books";
/// From the end of a process that ended by itself to its next start.
const PAUSE: Duration = Duration::from_millis(300);
const SIGABRT: i32 = 6;

struct Member {
    process: &'static str,
    rooms: &'static str,
    /// Whether its links to broker and database can be frozen.
    by_proxy: bool,
}

const MEMBERS: [Member; 7] = [
    Member { process: "front-1", rooms: "intake,inventory", by_proxy: false },
    Member { process: "front-2", rooms: "intake,inventory", by_proxy: true },
    Member { process: "money-1", rooms: "payment,fulfillment", by_proxy: false },
    Member { process: "money-2", rooms: "payment,fulfillment", by_proxy: true },
    Member { process: "after-1", rooms: AFTER, by_proxy: false },
    Member { process: "after-2", rooms: AFTER, by_proxy: true },
    Member { process: VICTIM, rooms: "lifecycle,audit", by_proxy: false },
];
const AFTER: &str = "tracking,undelivered,notifications,promotions";

/// The addresses of a process: settings and values.
pub(super) type Addresses = Vec<(&'static str, String)>;

pub(super) struct Crew {
    pub(super) house: TestHouse,
    direct: Addresses,
    by_proxy: Addresses,
    watch: Arc<Watch>,
    /// Members that ended by themselves, and when they start again.
    absent: Vec<(usize, Instant)>,
    pub(super) counts: Counts,
    /// Other processes that have ended, and whether well.
    pub(super) finished: BTreeMap<String, bool>,
}

/// What happened to the processes.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// `kill -9`, by process.
    pub(super) kills: BTreeMap<String, u64>,
    /// SIGTERM, and how many of them ended in order.
    pub(super) asked_to_stop: u64,
    pub(super) stopped_well: u64,
    /// Ended by `abort`, which only poison does.
    pub(super) aborted: u64,
    /// Ended by themselves otherwise: a dependency was away when they started.
    pub(super) gave_up: u64,
}

impl Crew {
    pub(super) fn new(house: TestHouse, by_proxy: Addresses, watch: Arc<Watch>) -> Self {
        let direct = by_proxy.iter().map(|(name, _)| (*name, house.setting(name).to_owned())).collect();
        Self {
            house,
            direct,
            by_proxy,
            watch,
            absent: Vec::new(),
            counts: Counts::default(),
            finished: BTreeMap::new(),
        }
    }

    pub(super) fn start_all(&mut self) {
        for at in 0..MEMBERS.len() {
            self.start(at);
        }
    }

    fn start(&mut self, at: usize) {
        let Member { process, rooms, by_proxy } = MEMBERS[at];
        let from = self.house.log(process).len();
        let addresses = if by_proxy { &self.by_proxy } else { &self.direct };
        for (name, value) in addresses {
            self.house.set(name, value);
        }
        self.house.start(process, "oms", &["run", "--rooms", rooms]);
        for (name, value) in &self.direct {
            self.house.set(name, value);
        }
        self.watch.follow(process, self.house.folder().join(format!("{process}.log")), from);
    }

    /// Starts again whatever has ended.
    pub(super) fn tend(&mut self) {
        for (process, status) in self.house.ended() {
            let Some(at) = MEMBERS.iter().position(|member| member.process == process) else {
                self.finished.insert(process, status.success());
                continue;
            };
            match (status.success(), status.signal()) {
                (true, _) => self.counts.stopped_well += 1,
                (false, Some(SIGABRT)) => self.counts.aborted += 1,
                (false, _) => self.counts.gave_up += 1,
            }
            self.absent.push((at, Instant::now() + PAUSE));
        }
        let now = Instant::now();
        let (due, absent): (Vec<_>, Vec<_>) = self.absent.drain(..).partition(|(_, when)| *when <= now);
        self.absent = absent;
        for (at, _) in due {
            self.start(at);
        }
    }

    /// `kill -9` of everything, as a power cut would.
    pub(super) fn kill_all(&mut self) {
        for at in 0..MEMBERS.len() {
            self.kill(at);
        }
    }

    /// `kill -9` of the victim.
    pub(super) fn kill_victim(&mut self) {
        self.kill(MEMBERS.len() - 1);
    }

    /// `kill -9` of any of the others.
    pub(super) fn kill_another(&mut self, chance: &mut Chance) {
        self.kill(another(chance));
    }

    fn kill(&mut self, at: usize) {
        let process = MEMBERS[at].process;
        // One that is down already is not killed, and not counted.
        if self.house.running().any(|running| running == process) {
            self.house.kill(process);
            *self.counts.kills.entry(process.to_owned()).or_default() += 1;
            self.start(at);
        }
    }

    /// SIGTERM to any of the others; [`Crew::tend`] starts it again.
    pub(super) fn stop_another(&mut self, chance: &mut Chance) {
        let process = MEMBERS[another(chance)].process;
        if self.house.running().any(|running| running == process) {
            self.house.ask_to_stop(process);
            self.counts.asked_to_stop += 1;
        }
    }

    /// Lines of all logs that hold this text.
    pub(super) fn logged(&self, text: &str) -> i64 {
        let lines = |member: &Member| {
            self.house.log(member.process).lines().filter(|line| line.contains(text)).count()
        };
        i64::try_from(MEMBERS.iter().map(lines).sum::<usize>()).unwrap_or(i64::MAX)
    }
}

fn another(chance: &mut Chance) -> usize {
    usize::try_from(chance.below(MEMBERS.len() as u64 - 1)).unwrap_or(0)
}
