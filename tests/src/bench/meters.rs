//! What each part of the machine's work costs: processor time and memory by process, read from `/proc`. Elsewhere than
//! on Linux there is no such folder, and then nothing is told instead of something guessed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

/// The kernel counts in hundredths of a second for everybody (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// Whose work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Rooms,
    Broker,
    Database,
    /// Gateway, warehouse and carriers.
    World,
    /// This process: the store and the measuring, or the relay.
    Bench,
    /// Everything else on the machine.
    Others,
}

impl Part {
    pub(super) const ALL: [Self; 6] =
        [Self::Rooms, Self::Broker, Self::Database, Self::World, Self::Bench, Self::Others];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::Broker => "broker",
            Self::Database => "database",
            Self::World => "world",
            Self::Bench => "bench",
            Self::Others => "others",
        }
    }
}

/// How the processes of a part are found.
enum Who {
    Numbers(Vec<u32>),
    /// Each with this text in its command line.
    Named(String),
}

/// The meters of one house.
pub(super) struct Meters(BTreeMap<Part, Who>);

/// Seconds of processor time so far.
pub(super) type Cpu = BTreeMap<Part, f64>;

impl Meters {
    pub(super) fn new(rooms: Vec<u32>, world: Vec<u32>) -> Self {
        let mut parts = BTreeMap::new();
        parts.insert(Part::Rooms, Who::Numbers(rooms));
        parts.insert(Part::World, Who::Numbers(world));
        parts.insert(Part::Bench, Who::Numbers(vec![std::process::id()]));
        for (part, variable) in [(Part::Broker, "OPS_BENCH_BROKER"), (Part::Database, "OPS_BENCH_DATABASE")] {
            if let Ok(name) = std::env::var(variable) {
                parts.insert(part, Who::Named(name));
            }
        }
        Self(parts)
    }

    pub(super) fn cpu(&self) -> Cpu {
        let mut all: Cpu = self
            .pids()
            .iter()
            .map(|(&part, pids)| (part, pids.iter().map(|&pid| seconds(pid)).sum()))
            .collect();
        // A process that has ended since counts for its parent, or for nobody: so this is never below zero by much.
        let ours: f64 = all.values().sum();
        all.insert(Part::Others, machine_seconds() - ours);
        all
    }

    /// The most memory that each part had at one time since [`Meters::forget_peaks`], in bytes; of the database, whose
    /// processes share most of theirs, what it has now.
    pub(super) fn peaks(&self) -> BTreeMap<Part, u64> {
        let peak = |part: Part, pid: u32| match part {
            Part::Database => kilobytes(pid, "smaps_rollup", "Pss:"),
            Part::Rooms | Part::Broker | Part::World | Part::Bench | Part::Others => {
                kilobytes(pid, "status", "VmHWM:")
            }
        };
        let sum = |part: Part, pids: &[u32]| pids.iter().map(|&pid| peak(part, pid)).sum::<u64>() * 1024;
        self.pids().iter().map(|(&part, pids)| (part, sum(part, pids))).collect()
    }

    /// From now on the peak is that of what follows. Without the right to do so it stays that of the whole life.
    pub(super) fn forget_peaks(&self) {
        for pid in self.pids().into_values().flatten() {
            let _ = std::fs::write(proc(pid, "clear_refs"), "5");
        }
    }

    fn pids(&self) -> BTreeMap<Part, Vec<u32>> {
        let find = |who: &Who| match who {
            Who::Numbers(pids) => pids.clone(),
            Who::Named(name) => pids_named(name),
        };
        self.0.iter().map(|(&part, who)| (part, find(who))).collect()
    }
}

/// Percent of one core between two readings.
pub(super) fn percent(before: &Cpu, after: &Cpu, seconds: f64) -> BTreeMap<Part, f64> {
    let used = |part: &Part| after.get(part).zip(before.get(part)).map(|(after, before)| after - before);
    after.keys().filter_map(|part| Some((*part, used(part)?.max(0.0) / seconds * 100.0))).collect()
}

fn proc(pid: u32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

fn pids_named(name: &str) -> Vec<u32> {
    let Ok(all) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pid = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let is_named = |pid: &u32| {
        let words = std::fs::read(proc(*pid, "cmdline")).unwrap_or_default();
        // This process has the name in its environment only.
        words.windows(name.len()).any(|window| window == name.as_bytes())
    };
    all.flatten().filter_map(pid).filter(is_named).collect()
}

/// Its own time and that of children that have ended.
fn seconds(pid: u32) -> f64 {
    let text = std::fs::read_to_string(proc(pid, "stat")).unwrap_or_default();
    // The second field is a name in parentheses that may hold anything.
    let fields: Vec<&str> = text.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    // utime, stime, cutime, cstime: 14 to 17 of proc(5), of which the first two are cut off here.
    fields.iter().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>()
        / TICKS_PER_SECOND
}

fn machine_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system, (idle, iowait,) irq, softirq; guests are in user already.
    [0, 1, 2, 5, 6].iter().filter_map(|&at| fields.get(at)).sum::<f64>() / TICKS_PER_SECOND
}

fn kilobytes(pid: u32, file: &str, field: &str) -> u64 {
    let text = std::fs::read_to_string(proc(pid, file)).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
