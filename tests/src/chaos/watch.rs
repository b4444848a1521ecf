//! Looks at the processes' own counters while they live: how long after a return the first message is settled, and how
//! much was settled in all. It only reads, and its times decide nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(200);
const EVERY_AT_FIRST: Duration = Duration::from_millis(50);
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// A house that settles nothing for so long after a return is not measured.
const RECOVERY_MAX: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Watch {
    client: reqwest::Client,
    /// The current life of each process.
    lives: Mutex<BTreeMap<String, u64>>,
    settled: AtomicU64,
    pub(super) repeated: AtomicU64,
    /// Dependencies that are away just now, and 1 while there is no load: a process that starts then is not measured.
    away: AtomicU64,
    pub(super) of_processes: Mutex<Vec<Duration>>,
    pub(super) of_dependencies: Mutex<Vec<Duration>>,
}

impl Watch {
    /// Follows a process that was just started, until it is started again.
    pub(super) fn follow(self: &Arc<Self>, process: &str, log: PathBuf, from: usize) {
        let life = {
            let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
            let life = lives.entry(process.to_owned()).or_default();
            *life += 1;
            *life
        };
        let (watch, process, begun) = (Arc::clone(self), process.to_owned(), Instant::now());
        tokio::spawn(async move { watch.follow_life(&process, life, &log, from, begun).await });
    }

    fn is_alive(&self, process: &str, life: u64) -> bool {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner).get(process) == Some(&life)
    }

    async fn follow_life(&self, process: &str, life: u64, log: &PathBuf, from: usize, begun: Instant) {
        let mut is_measured = self.away.load(Ordering::Relaxed) == 0;
        let mut address = None;
        let mut before = (0, 0);
        while self.is_alive(process, life) {
            let Some(url) = &address else {
                address = bound(log, from);
                tokio::time::sleep(EVERY_AT_FIRST).await;
                continue;
            };
            is_measured &= self.away.load(Ordering::Relaxed) == 0;
            if let Some(now) = self.counters(url).await {
                self.settled.fetch_add(now.0.saturating_sub(before.0), Ordering::Relaxed);
                self.repeated.fetch_add(now.1.saturating_sub(before.1), Ordering::Relaxed);
                if before.0 == 0 && now.0 > 0 && is_measured {
                    self.of_processes.lock().unwrap_or_else(PoisonError::into_inner).push(begun.elapsed());
                }
                before = now;
            }
            tokio::time::sleep(if before.0 == 0 { EVERY_AT_FIRST } else { EVERY }).await;
        }
    }

    /// Events decided, and events known before.
    async fn counters(&self, url: &str) -> Option<(u64, u64)> {
        let answer = self.client.get(url).timeout(ANSWER_MAX).send().await.ok()?;
        let text = answer.text().await.ok()?;
        let sum = |name: &str| -> u64 {
            let counts = text.lines().filter(|line| line.starts_with(name));
            counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
        };
        Some((sum("oms_events_decided_total"), sum("oms_events_repeated_total")))
    }

    /// A dependency, or the load, goes away.
    pub(super) fn leaves(&self) {
        self.away.fetch_add(1, Ordering::Relaxed);
    }

    /// It is back.
    pub(super) fn is_back(&self) {
        self.away.fetch_sub(1, Ordering::Relaxed);
    }

    /// From the moment of a dependency's return, waits until anything is settled.
    pub(super) async fn recovers(&self) {
        let (begun, before) = (Instant::now(), self.settled.load(Ordering::Relaxed));
        while self.settled.load(Ordering::Relaxed) == before && begun.elapsed() < RECOVERY_MAX {
            tokio::time::sleep(EVERY_AT_FIRST).await;
        }
        self.of_dependencies.lock().unwrap_or_else(PoisonError::into_inner).push(begun.elapsed());
    }
}

/// Where the process serves its metrics, once its log says so.
fn bound(log: &PathBuf, from: usize) -> Option<String> {
    let bytes = std::fs::read(log).ok()?;
    let text = String::from_utf8_lossy(bytes.get(from..)?).into_owned();
    let at = text.find("\"bound\":\"")? + 9;
    let end = text[at..].find('"')?;
    Some(format!("http://{}/metrics", &text[at..at + end]))
}

/// The time that so many of a thousand do not exceed.
pub(super) fn quantile(times: &[Duration], permille: usize) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * permille).div_ceil(1_000).saturating_sub(1);
    sorted.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_times() {
        let times: Vec<Duration> = (1..=100).rev().map(Duration::from_secs).collect();
        for (permille, seconds) in [(500, 50), (990, 99), (1_000, 100), (0, 1)] {
            assert_eq!(quantile(&times, permille), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(quantile(&[], 500), None);
    }
}
