//! What happens to broker, database and the links to them, one trouble at a time. It must never touch services other than
//! the pair of this run, and leaves them as it found them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::Mutex;
use world::chance::Chance;

use super::crew::Crew;
use super::proxy::Proxy;
use super::watch::Watch;

const PAUSE: Duration = Duration::from_secs(1);
/// What a process says that was told to stop publishing.
pub(super) const BLOCKED: &str = "the broker blocks publishing";
const BLOCKED_MAX: Duration = Duration::from_secs(20);
/// Rounds of one trouble of terminated backends.
const ROUNDS: usize = 5;
const BACKENDS_A_ROUND: i64 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    BrokerKilled,
    DatabaseKilled,
    BackendsTerminated,
    MemoryAlarm,
    BrokerLinkFrozen,
    DatabaseLinkFrozen,
}

impl Trouble {
    pub(super) const ALL: [Self; 6] = [
        Self::BrokerKilled,
        Self::DatabaseKilled,
        Self::BackendsTerminated,
        Self::MemoryAlarm,
        Self::BrokerLinkFrozen,
        Self::DatabaseLinkFrozen,
    ];

    /// Whether all processes are killed while it lasts.
    const fn is_power_cut(self) -> bool {
        match self {
            Self::DatabaseKilled | Self::MemoryAlarm => true,
            Self::BrokerKilled
            | Self::BackendsTerminated
            | Self::BrokerLinkFrozen
            | Self::DatabaseLinkFrozen => false,
        }
    }
}

/// The pair of services of this run, by the script that made it.
#[derive(Debug, Clone)]
pub(super) struct Services {
    pub(super) script: PathBuf,
    pub(super) name: String,
}

impl Services {
    async fn run(&self, command: &str, arguments: &[&str]) {
        let mut ran = Command::new(&self.script);
        ran.args([command, "--name", &self.name]).args(arguments);
        let output =
            tokio::task::spawn_blocking(move || ran.output()).await.expect("no panic").expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ops/services {command}: {said}");
    }
}

pub(super) struct Troubles {
    pub(super) services: Services,
    pub(super) database: String,
    pub(super) broker_link: Proxy,
    pub(super) database_link: Proxy,
    pub(super) watch: Arc<Watch>,
    pub(super) crew: Arc<Mutex<Crew>>,
    /// Whether nothing is said again.
    pub(super) silent: Arc<AtomicBool>,
    /// How long an alarm, a frozen link or an absence lasts.
    pub(super) hold: Duration,
    pub(super) fired: BTreeMap<Trouble, u64>,
}

impl Troubles {
    /// One after the other in an order of chance until the time is up; the first round is always finished.
    pub(super) async fn run(&mut self, chance: &mut Chance, until: Instant) {
        let mut is_first = true;
        while is_first || Instant::now() < until {
            let mut round = Trouble::ALL.to_vec();
            while !round.is_empty() && (is_first || Instant::now() < until) {
                let at = usize::try_from(chance.below(round.len() as u64)).unwrap_or(0);
                let trouble = round.swap_remove(at);
                if trouble.is_power_cut() {
                    self.silent.store(true, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                self.watch.leaves();
                self.strike(trouble).await;
                self.watch.is_back();
                self.silent.store(false, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
            }
            is_first = false;
        }
    }

    async fn strike(&mut self, trouble: Trouble) {
        let mut times = 1;
        match trouble {
            Trouble::BrokerKilled => {
                self.services.run("kill-broker", &[]).await;
                tokio::time::sleep(self.hold).await;
                tokio::join!(self.services.run("start-broker", &[]), self.returns(&self.broker_link));
            }
            Trouble::DatabaseKilled => {
                self.services.run("kill-database", &[]).await;
                tokio::time::sleep(self.hold).await;
                // Whoever holds messages that it cannot decide now dies with them.
                self.crew.lock().await.kill_all();
                tokio::join!(self.services.run("start-database", &[]), self.returns(&self.database_link));
            }
            Trouble::BackendsTerminated => {
                times = self.terminate_backends().await;
                self.watch.recovers().await;
            }
            Trouble::MemoryAlarm => {
                let mark = "set_vm_memory_high_watermark";
                let before = self.crew.lock().await.logged(BLOCKED);
                self.services.run("rabbitmqctl", &[mark, "absolute", "1MB"]).await;
                tokio::time::sleep(self.hold).await;
                // Only who publishes is told, and a slow machine takes longer to.
                let begun = Instant::now();
                while self.crew.lock().await.logged(BLOCKED) == before && begun.elapsed() < BLOCKED_MAX {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                // What is decided and cannot be published now survives whoever decided it.
                self.crew.lock().await.kill_all();
                self.services.run("rabbitmqctl", &[mark, "0.4"]).await;
                self.watch.recovers().await;
            }
            Trouble::BrokerLinkFrozen => times = self.freeze(&self.broker_link).await,
            Trouble::DatabaseLinkFrozen => times = self.freeze(&self.database_link).await,
        }
        *self.fired.entry(trouble).or_default() += times;
    }

    /// Waits until the server takes connections again, then until anything is settled.
    async fn returns(&self, link: &Proxy) {
        while !link.reaches().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.watch.recovers().await;
    }

    /// Gives the number of connections that were cut.
    async fn freeze(&self, link: &Proxy) -> u64 {
        let before = link.connections_cut();
        link.freeze();
        tokio::time::sleep(self.hold).await;
        link.cut();
        self.watch.recovers().await;
        link.connections_cut() - before
    }

    /// Gives the number of backends that were ended.
    async fn terminate_backends(&self) -> u64 {
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT {BACKENDS_A_ROUND}) AS chosen"
        );
        let mut ended = 0;
        for _ in 0..ROUNDS {
            let mut own = PgConnection::connect(&self.database).await.expect("PostgreSQL answers");
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql.clone()))
                .fetch_one(&mut own)
                .await
                .expect("backends end");
            ended += count.unsigned_abs();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        ended
    }
}
