//! One world from its beginning to its end: the rooms in their processes, the trade, a time of faults, a time of calm,
//! and what is left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit::Audit;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fulfillment::Fulfillment;
use intake::Intake;
use inventory::Inventory;
use lifecycle::Lifecycle;
use messages::money::Amount;
use messages::outsiders::Outsiders;
use messages::sealed::Keyring;
use messages::topology::room_user;
use messages::{Room, Timestamp};
use notifications::Notifications;
use payment::Payment;
use promotions::Promotions;
use sha2::{Digest as _, Sha256};
use shell::faults::Sabotage;
use shell::hall::Hall;
use shell::keys::Keys;
use shell::memory::{MemoryLedger, Tables};
use shell::run::Loops;
use shell::worker::{Outside, Worker};
use tokio::sync::{Notify, mpsc};
use tracking::Tracking;
use undelivered::Undelivered;

use crate::broker::Net;
use crate::check;
use crate::desk::RoomBroker;
use crate::lists::{ListRelay, Lists};
use crate::outside::{Gateway, Relay};
use crate::process::{Process, Witness};
use crate::sim::{InMemory, Sim};
use crate::trade::Trade;

/// Faults happen for so long (seconds of the world).
const FAULTS_SECONDS: u64 = 50;
/// A world that is not done by then is stuck.
const CALM_SECONDS_MAX: u64 = 1_500;
/// Clocks are put forward at most so far: what is due later may stay.
const DAYS_MAX: i64 = 70;

/// How a world ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub seed: u64,
    /// Of every step: two runs of one seed have the same.
    pub trace: u64,
    pub steps: u64,
    pub counts: BTreeMap<&'static str, u64>,
    /// What must not be.
    pub breaches: Vec<String>,
}

macro_rules! stores {
    ($($name:ident: $room:ident),*) => {
        /// Every room's tables.
        #[derive(Clone)]
        pub(crate) struct Stores { $(pub $name: MemoryLedger<$room>),* }

        impl Stores {
            fn new() -> Self {
                Self { $($name: MemoryLedger::ticking()),* }
            }

            /// Per room: how many outbox rows are left, the times that are due, and the most tries of a message alone.
            pub(crate) fn left(&self) -> Vec<(Room, usize, Vec<(String, Timestamp)>, i32)> {
                vec![$(self.$name.with(|tables| left(tables))),*]
            }

            fn died(&self, process: u64) {
                $(self.$name.has_died(process);)*
            }
        }
    };
}

stores! {
    intake: Intake, inventory: Inventory, payment: Payment, fulfillment: Fulfillment, tracking: Tracking,
    undelivered: Undelivered, notifications: Notifications, promotions: Promotions, lifecycle: Lifecycle, audit: Audit
}

fn left<W: Worker>(tables: &mut Tables<W>) -> (Room, usize, Vec<(String, Timestamp)>, i32) {
    let due = tables.due.values().map(|row| (format!("{} {}", row.kind, row.key), row.due_at)).collect();
    (W::ROOM, tables.outbox.len(), due, tables.marks.values().copied().max().unwrap_or(0))
}

impl Witness for Stores {
    fn has_died(&self, process: u64) {
        self.died(process);
    }

    fn is_fragile(&self) -> bool {
        self.left().iter().any(|(_, _, _, tries)| *tries >= 2)
    }
}

/// What all processes of a world share.
pub(crate) struct World {
    pub sim: Arc<Sim>,
    pub net: Arc<Net>,
    pub stores: Stores,
    pub gateway: Arc<Gateway>,
    pub relay: Arc<Relay>,
    pub lists: Arc<Lists>,
    pub trade: Arc<Trade>,
    outsiders: Arc<Outsiders>,
    ring: Keyring,
    /// What went wrong on the way.
    wrongs: Mutex<Vec<String>>,
}

/// Runs a world.
pub(crate) fn run(seed: u64, orders: u64, sabotage: Option<Sabotage>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    let outcome = runtime.block_on(async {
        let world = World::new(seed, sabotage);
        world.live(orders).await
    });
    drop(runtime);
    shell::clock::replace(None);
    outcome
}

impl World {
    fn new(seed: u64, sabotage: Option<Sabotage>) -> Arc<Self> {
        let sim = Sim::begin(seed, sabotage);
        let outsiders = Arc::new(Outsiders::default());
        let net = Net::new(Arc::clone(&sim), &outsiders);
        let ring = keyring(&outsiders, seed);
        let (stores, trade) = (Stores::new(), Trade::new(Arc::clone(&sim), Arc::clone(&net)));
        Arc::new(Self {
            gateway: Gateway::new(Arc::clone(&sim)),
            relay: Relay::new(Arc::clone(&sim), Arc::clone(&trade)),
            lists: Lists::new(Arc::clone(&sim), Arc::clone(&trade), stores.promotions.clone()),
            stores,
            trade,
            sim,
            net,
            outsiders,
            ring,
            wrongs: Mutex::default(),
        })
    }

    async fn live(self: Arc<Self>, orders: u64) -> Outcome {
        for rooms in self.processes() {
            tokio::spawn(Arc::clone(&self).keep_alive(rooms));
        }
        self.trade.open(orders);
        self.lists.open();
        let mut breaches = Vec::new();
        for _ in 0..FAULTS_SECONDS {
            tokio::time::sleep(Duration::from_secs(1)).await;
            check::caps(&self, &mut breaches);
            if self.sim.fault("a minute is gone", 4_000) {
                self.sim.leap(61_000);
            }
        }
        self.sim.calm_down();
        breaches.extend(self.settle().await);
        breaches.append(&mut self.wrongs.lock().unwrap_or_else(PoisonError::into_inner));
        breaches.extend(check::breaches(&self, orders));
        if let Ok(about) = std::env::var("OPS_SIM_ABOUT") {
            check::tell(&self, &about);
        }
        let (trace, steps, counts) = self.sim.traced();
        Outcome { seed: self.sim.seed, trace, steps, counts, breaches }
    }

    /// Which rooms run together: all in one process, all in two, or by desks with one more for all.
    fn processes(&self) -> Vec<Vec<Room>> {
        let all = Room::ALL.to_vec();
        match self.sim.below(4) {
            0 => vec![all],
            1 | 2 => vec![all.clone(), all],
            _ => all.chunks(3).map(<[Room]>::to_vec).chain([all.clone()]).collect(),
        }
    }

    /// Starts a process, and again whenever it has died, or was stopped.
    async fn keep_alive(self: Arc<Self>, rooms: Vec<Room>) {
        loop {
            let number = self.sim.below(1 << 40);
            let witness: Arc<dyn Witness> = Arc::new(self.stores.clone());
            let process = Process::new(number, Arc::clone(&self.sim), Arc::clone(&self.net), witness);
            for room in &rooms {
                self.start(&process, *room);
            }
            tokio::select! {
                biased;
                () = process.died.notified() => {}
                () = self.stop_some_time(&process) => process.is_gone(),
            }
            self.sim.pause(3_000).await;
        }
    }

    /// Returns when the process was asked to stop, and has; most are never asked.
    async fn stop_some_time(&self, process: &Process) {
        self.sim.pause(80_000).await;
        if !self.sim.fault("stopped", 100_000) {
            return std::future::pending().await;
        }
        if !process.drain().await {
            self.wrongs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("a process at {} does not stop in time", self.sim.elapsed_ms()));
        }
    }

    fn start(&self, process: &Arc<Process>, room: Room) {
        let stores = &self.stores;
        match room {
            Room::Intake => {
                let verify_amount = Amount::new(10_000_000).expect("a sum");
                self.run(process, Intake { verify_amount }, &stores.intake, None);
            }
            Room::Inventory => self.run(process, Inventory, &stores.inventory, None),
            Room::Payment => {
                let worker = Payment {
                    retry_delays_seconds: vec![5, 20, 60],
                    lookup_delay_seconds: 3,
                    ..Payment::default()
                };
                self.run(
                    process,
                    worker,
                    &stores.payment,
                    Some(Arc::clone(&self.gateway) as Arc<dyn Outside>),
                );
            }
            Room::Fulfillment => {
                self.run(process, Fulfillment { handover_delay_seconds: 2 }, &stores.fulfillment, None);
            }
            Room::Tracking => self.run(process, Tracking { lost_after_days: 7 }, &stores.tracking, None),
            Room::Undelivered => {
                let worker =
                    Undelivered { ask_after_seconds: 60, contact_seconds: 86_400, decide_seconds: 604_800 };
                self.run(process, worker, &stores.undelivered, None);
            }
            Room::Notifications => {
                let worker = Notifications { mail_domain: "example.com".to_owned() };
                self.run(
                    process,
                    worker,
                    &stores.notifications,
                    Some(Arc::clone(&self.relay) as Arc<dyn Outside>),
                );
            }
            Room::Promotions => {
                self.run(
                    process,
                    Promotions,
                    &stores.promotions,
                    Some(Arc::new(ListRelay(Arc::clone(&self.lists)))),
                );
            }
            Room::Lifecycle => self.run(process, Lifecycle, &stores.lifecycle, None),
            Room::Audit => self.run(process, Audit, &stores.audit, None),
        }
    }

    fn run<W: Worker>(
        &self,
        process: &Arc<Process>,
        worker: W,
        ledger: &MemoryLedger<W>,
        outside: Option<Arc<dyn Outside>>,
    ) {
        let ring = self.ring.clone();
        let (out, out_rows) = mpsc::channel(256);
        let hall = Hall::<W, InMemory> {
            worker,
            ledger: ledger.of_process(process.number, Arc::clone(process) as Arc<dyn shell::memory::Gate>),
            broker: RoomBroker { process: Arc::clone(process), room: W::ROOM, user: room_user(W::ROOM) },
            keys: Keys::load(move || Ok(ring.clone())).expect("keys in memory"),
            outsiders: Arc::clone(&self.outsiders),
            out,
            out_rows: Mutex::new(Some(out_rows)),
            confirmed: Mutex::default(),
            wake_timers: Notify::new(),
            wake_calls: Notify::new(),
            stop: process.stop.subscribe(),
            closing: process.closing.subscribe(),
            paused: tokio::sync::watch::channel(false).0,
            verified: true,
            batch_events_max: 256,
        };
        process.run(Loops::of(Arc::new(hall), outside));
    }

    /// Lets the calm world come to rest; gives what does not.
    async fn settle(&self) -> Vec<String> {
        let begun = self.sim.elapsed_ms();
        let first = shell::clock::now();
        let (mut stuck, mut wrongs) = (Vec::new(), Vec::new());
        while self.sim.elapsed_ms() - begun < CALM_SECONDS_MAX * 1_000 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let left = self.stores.left();
            let now = Timestamp(shell::clock::now());
            stuck = self.net.waiting();
            stuck.extend(
                left.iter()
                    .filter(|(_, rows, ..)| *rows > 0)
                    .map(|(room, rows, ..)| format!("{rows} rows in the outbox of {room}")),
            );
            let is_now = |at: &Timestamp| *at <= now;
            stuck.extend(left.iter().flat_map(|(room, _, due, _)| {
                due.iter().filter(|(_, at)| is_now(at)).map(move |(what, _)| format!("{room}: {what} is due"))
            }));
            if !stuck.is_empty() || !self.trade.is_done() {
                continue;
            }
            check::caps(self, &mut wrongs);
            if !wrongs.is_empty() {
                return wrongs;
            }
            let dues = left.iter().flat_map(|(_, _, due, _)| due.iter().map(|(_, at)| *at));
            let next = dues.chain(self.trade.next_late()).min();
            match next {
                Some(next) if next.0 - first < time::Duration::days(DAYS_MAX) => {
                    let ahead = (next.0 - now.0).whole_milliseconds() + 1;
                    self.sim.leap(i64::try_from(ahead).expect("some days"));
                }
                _ => return Vec::new(),
            }
        }
        stuck.insert(0, "the world does not come to rest".to_owned());
        vec![stuck.join("; ")]
    }
}

/// Keys that follow from the seed: order numbers are made with them, and these decide orders of rows.
fn keyring(outsiders: &Outsiders, seed: u64) -> Keyring {
    let mut ring = Keyring::default();
    ring.init(&outsiders.audiences(), shell::clock::now()).expect("random bytes");
    let mut file: serde_json::Value = serde_json::from_str(&ring.to_json()).expect("its own JSON");
    let key = |name: &str| serde_json::json!(STANDARD.encode(Sha256::digest(format!("{seed} {name}"))));
    for (name, value) in file["sections"].as_object_mut().expect("sections") {
        *value = key(name);
    }
    file["fingerprint"] = key("fingerprint");
    file["tokens"] = key("tokens");
    Keyring::from_json(&file.to_string()).expect("its own JSON")
}
