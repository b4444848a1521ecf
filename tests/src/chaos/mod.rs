//! Chaos: the whole house under a steady load of orders while processes, broker, database and links break, everything is
//! said three times, and poison comes in; then an account in which nothing may be lost, doubled or oversold. It must
//! never use services but those of its own, and never fail for a time.

mod crew;
mod ledger;
mod line;
mod load;
mod pairs;
mod poison;
mod proxy;
mod queues;
mod report;
mod triple;
mod trouble;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use messages::outsiders::Outsiders;
use tokio::sync::Mutex;
use world::chance::Chance;

use crate::TestHouse;
use crew::{Addresses, Crew, VICTIM};
use ledger::{Entry, Must};
use load::{Stream, Told};
use pairs::Pairs;
use poison::{Poison, Poisoner};
use proxy::Proxy;
use report::{Part, Report};
use trouble::{Services, Trouble, Troubles};
use watch::{Watch, quantile};

const ITEM: &str = "19XE";
/// A house in which nothing has changed for so long, and nothing is due, is stuck: longer than an output lies until it is
/// sent again, `OMS_SWEEP_AFTER` and up to 15 seconds to the next sweep.
const STILL_MAX: Duration = Duration::from_secs(28);
/// However much still moves.
const REST_MAX: Duration = Duration::from_secs(300);
/// Nothing under way for so long is rest: the broker's counts are up to five seconds old.
const REST_LEAST: Duration = Duration::from_secs(6);
const LOOK_EVERY: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(15);
const BURST_MAX: Duration = Duration::from_secs(60);
/// More than twice the delivery limit of a quorum queue that has none of its own.
const VICTIM_KILLS: u64 = 50;
const OTHERS_EVERY: Duration = Duration::from_millis(4_500);
const STOP_EVERY: Duration = Duration::from_secs(11);
/// From this length on, a burst is large enough for a rate.
const FULL: Duration = Duration::from_secs(150);

/// Chaos on services of its own; `ops/chaos` starts it
#[derive(Debug, Parser)]
#[command(name = "chaos")]
pub struct Arguments {
    /// How long everything breaks
    #[arg(long, default_value_t = 3)]
    minutes: u64,
    /// The same in seconds
    #[arg(long, conflicts_with = "minutes")]
    seconds: Option<u64>,
    /// Another number breaks in another order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Orders per second
    #[arg(long, default_value_t = 6)]
    rate: u32,
    /// Switches off what keeps the promise: the run must end badly
    #[arg(long)]
    sabotage: Option<Sabotage>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// The script that made the services
    #[arg(long)]
    services: PathBuf,
    /// Their name
    #[arg(long)]
    name: String,
}

/// What can be switched off in a build with the feature `faults`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sabotage {
    /// Events are not looked up in the inbox
    Inbox,
    /// A batch is acked before its outputs are confirmed
    Ack,
    /// Nothing that was left in the outbox is sent again
    Sweeper,
    /// Rows are locked without being made first
    Lock,
}

impl Sabotage {
    const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Ack => "ack",
            Self::Sweeper => "sweeper",
            Self::Lock => "lock",
        }
    }
}

impl Arguments {
    fn length(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(self.minutes * 60).max(10))
    }
}

/// A run from the empty house to the account. The exit code is 1 if a count is broken.
///
/// # Panics
/// The house cannot be set up, or its services do not come back.
pub async fn run(arguments: Arguments) -> ExitCode {
    let report = Box::pin(Run::new(&arguments)).await.through().await;
    if arguments.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.text());
    }
    let breaches = report.breaches().len();
    if breaches == 0 {
        eprintln!("chaos: seed {}: every count holds", arguments.seed);
        return ExitCode::SUCCESS;
    }
    eprintln!("chaos: seed {}: {breaches} counts are broken", arguments.seed);
    ExitCode::FAILURE
}

struct Run<'a> {
    arguments: &'a Arguments,
    crew: Arc<Mutex<Crew>>,
    troubles: Troubles,
    poisoner: Poisoner,
    pairs: Pairs,
    logins: triple::Logins,
    watch: Arc<Watch>,
    copies: Arc<AtomicU64>,
    products: String,
    told: Told,
    begun: Instant,
}

impl<'a> Run<'a> {
    async fn new(arguments: &'a Arguments) -> Self {
        let begun = Instant::now();
        let mut house = TestHouse::new("chaos").await;
        for (name, value) in [
            ("OMS_HTTP_ADDR", "127.0.0.1:0"),
            ("OMS_LOG", "warn,oms=info"),
            // A card without funds is tried again within the run.
            ("OMS_PAYMENT_RETRY_DELAYS", "2,2,2"),
            ("OMS_PAYMENT_LOOKUP_DELAY", "1"),
            ("OMS_MAIL_CONCURRENCY", "16"),
            ("OMS_DRAIN_SECONDS", "5"),
            ("OMS_SWEEP_AFTER", "10"),
        ] {
            house.set(name, value);
        }
        house.start_mail_sink().await;
        let watch = Arc::new(Watch::default());
        let (broker_link, broker_url) = by_proxy(house.setting("OMS_AMQP_URL")).await;
        let (database_link, database_url) = by_proxy(house.setting("OMS_DATABASE_URL")).await;
        let by_proxy: Addresses = vec![("OMS_AMQP_URL", broker_url), ("OMS_DATABASE_URL", database_url)];
        let admin = house.setting("OMS_AMQP_URL").to_owned();
        let mut logins: triple::Logins = Outsiders::default()
            .all()
            .iter()
            .map(|outsider| (outsider.name.clone(), house.amqp_url_of(&outsider.name)))
            .collect();
        logins.insert(String::new(), admin.clone());
        let store = house.amqp_url_of("web-store");
        let (pairs, poisoner) = (Pairs::new(&store), Poisoner::new(store, admin));
        let products = catalogue(&house, arguments);
        if let Some(sabotage) = arguments.sabotage {
            house.set("OMS_SABOTAGE", sabotage.name());
        }
        let database = house.setting("OMS_DATABASE_URL").to_owned();
        let mut crew = Crew::new(house, by_proxy, Arc::clone(&watch));
        crew.start_all();
        let crew = Arc::new(Mutex::new(crew));
        let troubles = Troubles {
            services: Services { script: arguments.services.clone(), name: arguments.name.clone() },
            database,
            broker_link,
            database_link,
            watch: Arc::clone(&watch),
            crew: Arc::clone(&crew),
            silent: Arc::default(),
            hold: (arguments.length() / 30).clamp(Duration::from_secs(2), Duration::from_secs(6)),
            fired: BTreeMap::new(),
        };
        let run = Self {
            arguments,
            crew,
            troubles,
            poisoner,
            pairs,
            logins,
            watch,
            copies: Arc::default(),
            products,
            told: Told::default(),
            begun,
        };
        run.open_shop().await;
        run
    }

    /// Waits until the house knows its products; then the warehouse opens.
    async fn open_shop(&self) {
        let mut crew = self.crew.lock().await;
        let house = &mut crew.house;
        house.until("inventory runs", |house| house.log("front-1").contains("\"message\":\"running\"")).await;
        house.oms_ok(&["products", "apply", &self.products]);
        let file = std::fs::read_to_string(&self.products).expect("it was written");
        let file: serde_json::Value = serde_json::from_str(&file).expect("JSON");
        let defined = i64::try_from(file["products"].as_array().map_or(0, Vec::len)).expect("few");
        let known = "SELECT count(*) FROM intake.items WHERE state IS NOT NULL";
        house.until_count("intake knows the products", known, defined).await;
        // Nothing is short or returned, so that every parcel is delivered; but every twentieth word comes twice or late.
        house.start_warehouse(&["--double-permille", "50", "--late-permille", "50"]).await;
    }

    async fn through(mut self) -> Report {
        let tending = tokio::spawn({
            let crew = Arc::clone(&self.crew);
            async move {
                loop {
                    crew.lock().await.tend();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        });
        self.watch.leaves();
        // A house that was broken on purpose has no rate to be compared.
        let is_whole = self.arguments.sabotage.is_none();
        let (mut undisturbed, mut after) = (None, None);
        if is_whole {
            self.say("undisturbed: a burst of good orders, after one to warm up");
            self.burst("warm-up", 3).await;
            undisturbed = Some(self.burst("burst-before", 1).await);
        }
        self.say("everything breaks");
        let fire = Instant::now();
        self.watch.is_back();
        self.fire().await;
        self.watch.leaves();
        let fire = fire.elapsed();
        self.say("all is whole again; the house comes to rest");
        let draining = Instant::now();
        let mut has_rested = self.rest(Some("store"), Duration::ZERO).await;
        load::finish(&self.crew, "store", &mut self.told).await;
        let draining = draining.elapsed();
        if is_whole && has_rested {
            self.say("the same burst again");
            after = Some(self.burst("burst-after", 2).await);
        }
        if has_rested {
            self.say("it has come to rest and must stay so");
            has_rested = self.rest(None, REST_LEAST).await;
        }
        self.say(if has_rested {
            "the account"
        } else {
            "the account of a house that does not come to rest"
        });
        tending.abort();
        let report = self.report(fire, draining, undisturbed, after).await;
        if !report.breaches().is_empty() {
            let mut crew = self.crew.lock().await;
            crew.house.keep();
            // Its services will be gone by the time of that look.
            let parked = format!("{:#}", crew.house.oms_json(&["parked", "list"]));
            let _ = std::fs::write(crew.house.folder().join("parked.json"), parked);
            self.say(&format!("the house is left for a look: {}", crew.house.folder().display()));
        }
        report
    }

    fn say(&self, what: &str) {
        eprintln!("{:>5.0} s  {what}", self.begun.elapsed().as_secs_f64());
    }

    fn burst_orders(&self) -> u64 {
        if self.arguments.length() < FULL { 80 } else { 250 }
    }

    /// Orders per second.
    async fn burst(&mut self, name: &str, number: u64) -> f64 {
        let orders = self.burst_orders();
        let stream = Stream { name, orders, seed: self.arguments.seed * 10 + number, rate: None };
        let took = load::burst(&self.crew, &self.products, &stream, BURST_MAX, &mut self.told).await;
        orders as f64 / took.as_secs_f64()
    }

    async fn fire(&mut self) {
        let length = self.arguments.length();
        let orders = length.as_secs() * u64::from(self.arguments.rate);
        let stream = Stream {
            name: "store",
            orders: orders.max(100),
            seed: self.arguments.seed * 10,
            rate: Some(self.arguments.rate),
        };
        load::start(&self.crew, &self.products, &stream).await;
        let repeating = tokio::spawn(triple::run(
            self.logins.clone(),
            Arc::clone(&self.copies),
            Arc::clone(&self.troubles.silent),
        ));
        let mut chance = Chance::new(self.arguments.seed);
        let mut killers = Chance::new(chance.draw());
        let (troubles, poisoner, pairs) = (&mut self.troubles, &mut self.poisoner, &mut self.pairs);
        let is_over = AtomicBool::new(false);
        let breaking = async {
            let troubles = troubles.run(&mut chance, Instant::now() + length);
            tokio::join!(troubles, feed(poisoner, length), pairs.run(length));
            is_over.store(true, Ordering::Relaxed);
        };
        tokio::join!(breaking, kill(&self.crew, &mut killers, length, &is_over));
        repeating.abort();
        self.told.sent += 2 * self.pairs.sent;
        self.told.accepted += 2 * self.pairs.sent;
    }

    /// Waits until the sender has ended and nothing was under way for so long; or until nothing has changed for long
    /// and nothing is due, for then the house is stuck, and waiting longer would change no count. Gives whether it rests.
    async fn rest(&self, sender: Option<&str>, least: Duration) -> bool {
        let begun = Instant::now();
        let (mut before, mut changed, mut told) = (None, begun, begun);
        let mut quiet_since = None;
        loop {
            let crew = self.crew.lock().await;
            let open = ledger::open(&crew.house).await;
            let has_ended = sender.is_none_or(|sender| crew.finished.contains_key(sender));
            drop(crew);
            if open.is_nothing() && has_ended {
                if quiet_since.get_or_insert_with(Instant::now).elapsed() >= least {
                    return true;
                }
            } else {
                quiet_since = None;
            }
            let is_stuck = changed.elapsed() >= STILL_MAX && open.expected == 0;
            if quiet_since.is_none() && (is_stuck || begun.elapsed() >= REST_MAX) {
                self.say(&format!("nothing moves any more: {open}"));
                return false;
            }
            if quiet_since.is_none() && told.elapsed() >= TELL_EVERY {
                self.say(&format!("under way: {open}"));
                told = Instant::now();
            }
            if before.as_ref() != Some(&open) {
                changed = Instant::now();
                before = Some(open);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn report(
        &self,
        fire: Duration,
        draining: Duration,
        undisturbed: Option<f64>,
        after: Option<f64>,
    ) -> Report {
        let crew = self.crew.lock().await;
        let account = ledger::account(&crew, &self.told, &self.poisoner.parked).await;
        let shown = |time: Option<Duration>| {
            time.map_or("-".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
        };
        let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{rate:.1}"));
        let share = |(after, before): (f64, f64)| format!("{:.0} %", 100.0 * after / before);
        let processes = self.watch.of_processes.lock().unwrap_or_else(PoisonError::into_inner);
        let dependencies = self.watch.of_dependencies.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = vec![
            ("everything broke for", shown(Some(fire))),
            ("then at rest after", shown(Some(draining))),
            ("first settled after a process's return, p50", shown(quantile(&processes, 500))),
            ("first settled after a process's return, p99", shown(quantile(&processes, 990))),
            ("first settled after a dependency's, p50", shown(quantile(&dependencies, 500))),
            ("first settled after a dependency's, p99", shown(quantile(&dependencies, 990))),
            ("orders per second, undisturbed", rate(undisturbed)),
            ("orders per second, afterwards", rate(after)),
            ("afterwards, of undisturbed", after.zip(undisturbed).map_or("-".to_owned(), share)),
        ];
        Report {
            seed: self.arguments.seed,
            sabotage: self.arguments.sabotage.map(Sabotage::name),
            parts: vec![
                Part { title: "injected", entries: self.injected(&crew) },
                Part { title: "account", entries: account },
            ],
            measured,
        }
    }

    fn injected(&self, crew: &Crew) -> Vec<Entry> {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counts = &crew.counts;
        let fired = |trouble: Trouble| signed(self.troubles.fired.get(&trouble).copied().unwrap_or_default());
        let mut all = vec![Entry::new(
            format!("kill -9 of {VICTIM}"),
            signed(crew.kills_of(VICTIM)),
            Must::BeAtLeast(signed(VICTIM_KILLS)),
        )];
        let others = counts.kills.iter().filter(|(process, _)| *process != VICTIM);
        all.extend(others.map(|(process, kills)| {
            Entry::new(format!("kill -9 of {process}"), signed(*kills), Must::BePositive)
        }));
        let positive = [
            ("households with two orders at one moment", self.pairs.sent),
            ("SIGTERM", signed(counts.asked_to_stop)),
            ("processes taken along by an event", signed(counts.aborted)),
            ("broker killed", fired(Trouble::BrokerKilled)),
            ("database killed", fired(Trouble::DatabaseKilled)),
            ("backends terminated", fired(Trouble::BackendsTerminated)),
            ("memory alarms", fired(Trouble::MemoryAlarm)),
            ("times that processes were told to stop publishing", crew.logged(trouble::BLOCKED)),
            ("connections to the broker frozen and cut", fired(Trouble::BrokerLinkFrozen)),
            ("connections to the database frozen and cut", fired(Trouble::DatabaseLinkFrozen)),
            ("copies of messages", signed(self.copies.load(Ordering::Relaxed))),
            ("events recognized as known", signed(self.watch.repeated.load(Ordering::Relaxed))),
        ];
        all.extend(positive.map(|(name, count)| Entry::new(name, count, Must::BePositive)));
        all.push(Entry::new("stops in order", signed(counts.stopped_well), Must::BeTold));
        all.push(Entry::new("starts without broker or database", signed(counts.gave_up), Must::BeTold));
        all
    }
}

/// Poison of every kind, evenly over the time.
async fn feed(poisoner: &mut Poisoner, length: Duration) {
    let rounds = usize::try_from(length.as_secs() / 90).unwrap_or(1).max(1);
    let pause = length / u32::try_from(rounds * Poison::ALL.len() + 1).unwrap_or(u32::MAX);
    for _ in 0..rounds {
        for poison in Poison::ALL {
            tokio::time::sleep(pause).await;
            poisoner.send(poison).await;
        }
    }
}

/// Kills and stops processes until all else is over and the victim has died often enough, if it can be had that often.
async fn kill(crew: &Mutex<Crew>, chance: &mut Chance, length: Duration, is_over: &AtomicBool) {
    // More often than needed: one that is down just now cannot be killed.
    let pause = (length / 72).clamp(Duration::from_millis(400), Duration::from_millis(2_800));
    let begun = Instant::now();
    let (mut others_at, mut stop_at) = (begun + OTHERS_EVERY, begun + STOP_EVERY);
    loop {
        tokio::time::sleep(pause).await;
        let mut crew = crew.lock().await;
        let enough = crew.kills_of(VICTIM) >= VICTIM_KILLS || begun.elapsed() > 2 * length;
        if enough && is_over.load(Ordering::Relaxed) {
            return;
        }
        crew.kill_victim();
        if Instant::now() >= others_at {
            others_at += OTHERS_EVERY;
            crew.kill_another(chance);
        }
        if Instant::now() >= stop_at {
            stop_at += STOP_EVERY;
            crew.stop_another(chance);
        }
    }
}

/// Writes the products: fewer units of the launched one than will be wanted.
fn catalogue(house: &TestHouse, arguments: &Arguments) -> String {
    let orders = arguments.length().as_secs() * u64::from(arguments.rate);
    let units = (orders.max(100) * 3 / 8).to_string();
    // Then everybody's order is of the past, and the early ones are too early.
    let on_sale = crate::orders::at(-120);
    let text = house.world_ok(&["products", "--item", ITEM, "--units", &units, "--on-sale", &on_sale]);
    let path = house.folder().join("products.json");
    std::fs::write(&path, text).expect("the house's folder is writable");
    path.display().to_string()
}

/// A link to the server of this address, and the address by that link.
async fn by_proxy(url: &str) -> (Proxy, String) {
    let (before, rest) = url.rsplit_once('@').expect("a login");
    let (server, path) = rest.split_once('/').expect("a path");
    let port = server.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
    let proxy = Proxy::open(port).await.expect("a free port");
    let url = format!("{before}@127.0.0.1:{}/{path}", proxy.port);
    (proxy, url)
}
