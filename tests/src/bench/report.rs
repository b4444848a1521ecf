//! What came out: a table for people, 100 columns wide, and the same and more as JSON. It computes medians and ratios
//! and measures nothing; every ratio is between two rows of one run.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::{Connection as _, PgConnection};

use super::growth::Growth;
use super::latency::Latency;
use super::launch::Launch;
use super::median;
use super::meters::Part;
use super::plan::{Mode, Plan};
use super::speed::{Desk, Window};

/// A row of the table of speeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    Relay { hops: usize },
    Orders,
    OneAtATime,
    Replicas(usize),
}

impl Row {
    fn name(self) -> String {
        match self {
            Self::Relay { hops } => format!("relay, {hops} hops"),
            Self::Orders => "orders".to_owned(),
            Self::OneAtATime => "one at a time".to_owned(),
            Self::Replicas(1) => "1 process".to_owned(),
            Self::Replicas(processes) => format!("{processes} processes"),
        }
    }
}

/// Several windows of one thing.
struct Speed {
    row: Row,
    windows: Vec<Window>,
}

impl Speed {
    fn middle(&self, pick: impl Fn(&Window) -> f64) -> f64 {
        median(&self.windows.iter().map(pick).collect::<Vec<f64>>())
    }

    fn orders(&self) -> f64 {
        self.middle(|window| window.orders_per_second)
    }

    fn most(&self, pick: impl Fn(&Window) -> f64) -> f64 {
        self.windows.iter().map(pick).fold(f64::NAN, f64::max)
    }

    fn least(&self, pick: impl Fn(&Window) -> f64) -> f64 {
        self.windows.iter().map(pick).fold(f64::NAN, f64::min)
    }
}

pub(super) struct Report {
    plan: Plan,
    title: Vec<String>,
    json: Map<String, Value>,
    speeds: Vec<Speed>,
    latencies: Vec<Latency>,
    launch: Option<Launch>,
    growth: Vec<Growth>,
}

impl Report {
    /// Says first where and on what it is measured.
    pub(super) async fn new(plan: &Plan) -> Self {
        let machine = machine().await;
        let title = vec![
            format!(
                "{} · {} cores · {}",
                text(&machine["processor"]),
                machine["cores"],
                text(&machine["system"])
            ),
            format!(
                "RabbitMQ {} · PostgreSQL {} · fsync {}, synchronous_commit {} · oms {} ({} build)",
                text(&machine["rabbitmq"]),
                text(&machine["postgresql"]),
                text(&machine["fsync"]),
                text(&machine["synchronous_commit"]),
                text(&machine["commit"]),
                text(&machine["profile"]),
            ),
            format!(
                "medians of {} windows of {} s after {} s of full load; at most {} orders in flight ({} one at a time)",
                plan.runs, plan.seconds, plan.warm_up_seconds, plan.in_flight, plan.in_flight_one_at_a_time
            ),
        ];
        for line in &title {
            println!("{line}");
        }
        let mut json = Map::new();
        json.insert("machine".to_owned(), machine);
        json.insert("settings".to_owned(), json!(plan));
        Self {
            plan: plan.clone(),
            title,
            json,
            speeds: vec![],
            latencies: vec![],
            launch: None,
            growth: vec![],
        }
    }

    pub(super) fn put(&mut self, name: &str, value: Value) {
        self.json.insert(name.to_owned(), value);
    }

    /// One line while it runs, since minutes without a word make people press Ctrl-C.
    pub(super) fn progress(&self, what: &str, window: Option<&Window>) {
        if let Some(window) = window {
            println!("  {what:<20} {:>8.1} orders/s", window.orders_per_second);
            let _ = std::io::stdout().flush();
        }
    }

    pub(super) fn speed(&mut self, row: Row, windows: Vec<Window>) {
        if !windows.is_empty() {
            self.speeds.push(Speed { row, windows });
        }
    }

    pub(super) fn latency(&mut self, latency: Latency) {
        self.latencies.push(latency);
    }

    pub(super) fn has_latency(&self) -> bool {
        !self.latencies.is_empty()
    }

    pub(super) fn launch(&mut self, launch: Launch) {
        self.launch = Some(launch);
    }

    pub(super) fn growth(&mut self, growth: Growth) {
        self.growth.push(growth);
    }

    pub(super) fn orders_per_second(&self) -> Option<f64> {
        self.find(|row| row == Row::Orders).map(Speed::orders)
    }

    fn find(&self, is: impl Fn(Row) -> bool) -> Option<&Speed> {
        self.speeds.iter().find(|speed| is(speed.row))
    }

    /// The ratios of the issue: name, number, what it should be at least or at most.
    fn ratios(&self) -> Vec<(&'static str, f64, &'static str)> {
        let orders = self.find(|row| row == Row::Orders);
        let relay = self.find(|row| matches!(row, Row::Relay { .. }));
        let one = self.find(|row| row == Row::OneAtATime);
        let quiet = |what: &str| self.latencies.iter().find(|latency| latency.what == what);
        let stored = |orders: u64| self.growth.iter().find(|growth| growth.stored == orders);
        let mut ratios = Vec::new();
        if let (Some(orders), Some(relay)) = (orders, relay) {
            ratios.push(("orders / relay", orders.orders() / relay.orders(), "at least 1.5, aim 2"));
        }
        if let (Some(orders), Some(one)) = (orders, one) {
            ratios.push(("orders / one-at-a-time", orders.orders() / one.orders(), "at least 6"));
        }
        if let (Some(all), Some(one)) = (quiet("orders"), quiet("one at a time")) {
            ratios.push((
                "p50 at 10/s / one-at-a-time",
                all.requested.p50 / one.requested.p50,
                "at most 1.3",
            ));
        }
        if let (Some(many), Some(few)) = (stored(1_000_000), stored(10_000)) {
            let ratio = many.orders_per_second / few.orders_per_second;
            ratios.push(("1,000,000 stored / 10,000 stored", ratio, "at least 0.9"));
        }
        ratios
    }

    pub(super) fn close(&mut self, took: Duration) {
        let speed = |speed: &Speed| {
            json!({
                "what": speed.row.name(),
                "orders_per_second": speed.orders(),
                "events_per_second": speed.middle(|window| window.events_per_second),
                "core_ms_per_order": speed.middle(cost),
                "events_per_order": speed.middle(|window| window.events_per_second / window.orders_per_second),
                "windows": speed.windows,
            })
        };
        let ratios: Map<String, Value> =
            self.ratios().into_iter().map(|(name, ratio, _)| (name.to_owned(), json!(ratio))).collect();
        let parts = [
            ("seconds", json!(took.as_secs())),
            ("speeds", json!(self.speeds.iter().map(speed).collect::<Vec<Value>>())),
            ("latencies_ms", json!(self.latencies)),
            ("launch", json!(self.launch)),
            ("growth", json!(self.growth)),
            ("ratios", json!(ratios)),
        ];
        for (name, value) in parts {
            self.put(name, value);
        }
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(&self.json).expect("numbers and texts") + "\n"
    }

    fn write_speeds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.speeds.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:<15}{:>9}{:>16}{:>9}{:>6} | {:>6}{:>7}{:>9}{:>6}{:>6}{:>7}",
            "",
            "orders/s",
            "least to most",
            "events/s",
            "each",
            "rooms",
            "broker",
            "database",
            "world",
            "bench",
            "others"
        )?;
        for speed in &self.speeds {
            let orders = |window: &Window| window.orders_per_second;
            let range = format!("{:.0} to {:.0}", speed.least(orders), speed.most(orders));
            let events = |window: &Window| window.events_per_second;
            let each = |window: &Window| window.events_per_second / window.orders_per_second;
            let name = speed.row.name();
            write!(
                f,
                "{name:<15}{:>9.1}{range:>16}{:>9.0}{:>6.1} | ",
                speed.orders(),
                speed.middle(events),
                speed.middle(each)
            )?;
            for (part, width) in Part::ALL.into_iter().zip([6, 7, 9, 6, 6, 7]) {
                write!(
                    f,
                    "{:>width$.0}",
                    speed.middle(|window| window.cpu.get(&part).copied().unwrap_or(f64::NAN))
                )?;
            }
            writeln!(f)?;
        }
        writeln!(f, "{:>57}percent of one core; others: not ours", "| ")?;
        let costs: Vec<String> = self
            .speeds
            .iter()
            .map(|speed| format!("{} {:.2}", speed.row.name(), speed.middle(cost)))
            .collect();
        writeln!(f, "core-milliseconds per order, whoever else was there: {}", costs.join(", "))?;
        for speed in self.speeds.iter().filter(|speed| !matches!(speed.row, Row::Relay { .. })) {
            let mib = |part: Part| {
                speed.most(|window| window.peak_bytes.get(&part).copied().unwrap_or(0) as f64) / 1_048_576.0
            };
            let parts = [Part::Rooms, Part::Broker, Part::Database, Part::World, Part::Bench];
            let list: Vec<String> =
                parts.iter().map(|&part| format!("{} {:.0}", part.name(), mib(part))).collect();
            writeln!(f, "peak memory, MiB: {} ({})", list.join(", "), speed.row.name())?;
        }
        Ok(())
    }

    fn write_rooms(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(speed) = self.find(|row| row == Row::Orders).or_else(|| self.speeds.last()) else {
            return Ok(());
        };
        let Some(window) = speed.windows.last().filter(|window| !window.rooms.is_empty()) else {
            return Ok(());
        };
        writeln!(
            f,
            "\n{:<15}{:>8}{:>14}{:>12}{:>14}{:>10}",
            speed.row.name(),
            "busy %",
            "events/batch",
            "events/s",
            "messages/s",
            "waiting"
        )?;
        let mut rooms: Vec<(&&str, &Desk)> = window.rooms.iter().collect();
        rooms.sort_by(|one, other| other.1.busy.total_cmp(&one.1.busy));
        for (room, desk) in rooms {
            writeln!(
                f,
                "{room:<15}{:>8.0}{:>14.1}{:>12.0}{:>14.1}{:>10}",
                desk.busy,
                desk.events_per_batch,
                desk.events_per_second,
                desk.messages_per_second,
                desk.waiting
            )?;
        }
        writeln!(
            f,
            "the last window; {} mails due at its end, {:.1} s from the last delivery to rest",
            window.mails_waiting, window.rest_seconds
        )
    }

    fn write_latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.latencies.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{:<32}{:>22}{:>30}", "milliseconds", "payment.authorized", "shipment.requested")?;
        writeln!(
            f,
            "{:<32}{:>8}{:>7}{:>7}{:>16}{:>7}{:>7}",
            "from submit to", "p50", "p95", "p99", "p50", "p95", "p99"
        )?;
        for latency in &self.latencies {
            let name = format!("{}, {:.0}/s", latency.what, latency.orders_per_second);
            let (a, r) = (latency.authorized, latency.requested);
            writeln!(
                f,
                "{name:<32}{:>8.1}{:>7.1}{:>7.1}{:>16.1}{:>7.1}{:>7.1}",
                a.p50, a.p95, a.p99, r.p50, r.p95, r.p99
            )?;
        }
        Ok(())
    }

    fn write_launch(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(launch) = &self.launch else { return Ok(()) };
        writeln!(
            f,
            "\nlaunch: {} orders for {} units, household limit 1: taken by the broker in {:.1} s, all decided in {:.1} s ({:.0}/s)",
            launch.orders,
            launch.units,
            launch.submitted_seconds,
            launch.decided_seconds,
            launch.decided_per_second
        )?;
        writeln!(
            f,
            "  {} units sold; {} orders were passed, by at most {} places in line and {:.3} s",
            launch.sold, launch.passed, launch.passed_by_orders, launch.passed_by_seconds
        )
    }

    fn write_growth(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.growth.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:<26}{:>10}{:>12}{:>10}{:>10}{:>16}",
            "stored orders", "orders/s", "p50 ms", "p95", "p99", "database GiB"
        )?;
        for growth in &self.growth {
            writeln!(f, "{growth}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for line in &self.title {
            writeln!(f, "{line}")?;
        }
        self.write_speeds(f)?;
        self.write_rooms(f)?;
        self.write_latencies(f)?;
        self.write_launch(f)?;
        self.write_growth(f)?;
        if self.plan.has(Mode::Orders) {
            writeln!(f)?;
        }
        for (name, ratio, wanted) in self.ratios() {
            writeln!(f, "{name}: {ratio:.2}   ({wanted})")?;
        }
        Ok(())
    }
}

/// What an order costs in milliseconds of one core, of all parts that are ours.
fn cost(window: &Window) -> f64 {
    let ours = window.cpu.iter().filter(|(part, _)| **part != Part::Others).map(|(_, percent)| percent);
    ours.sum::<f64>() * 10.0 / window.orders_per_second
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}

/// What ops/bench sets of PostgreSQL, or its caller.
const POSTGRES_SETTINGS: [&str; 4] =
    ["shared_buffers", "wal_compression", "max_wal_size", "checkpoint_timeout"];

/// The machine, the servers and the settings that a number depends on.
async fn machine() -> Value {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let system = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let mut database = PgConnection::connect(&crate::servers::address("OMS_DATABASE_URL"))
        .await
        .expect("PostgreSQL answers");
    let mut shown = BTreeMap::new();
    let names = ["server_version", "fsync", "synchronous_commit", "full_page_writes"];
    for name in names.into_iter().chain(POSTGRES_SETTINGS) {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(&mut database)
            .await
            .expect("a setting");
        shown.insert(name, value);
    }
    let management = crate::servers::address("OMS_RABBITMQ_MANAGEMENT_URL");
    let overview = reqwest_json(&format!("{management}/api/overview")).await;
    json!({
        "processor": processor.map_or("unknown processor", |(_, name)| name),
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "memory_mib": memory.map(|kilobytes| kilobytes / 1024),
        "system": format!("{} {}", std::env::consts::OS, system.trim()),
        "postgresql": shown["server_version"].split(' ').next(),
        "fsync": shown["fsync"],
        "synchronous_commit": shown["synchronous_commit"],
        "full_page_writes": shown["full_page_writes"],
        "postgresql_settings": POSTGRES_SETTINGS.map(|name| (name, &shown[name])).into_iter().collect::<BTreeMap<_, _>>(),
        "rabbitmq": overview["rabbitmq_version"],
        "erlang": overview["erlang_version"],
        "queues": "quorum, one node",
        "profile": if cfg!(debug_assertions) { "dev" } else { "release" },
        "commit": std::env::var("OPS_BENCH_COMMIT").unwrap_or_else(|_| "unknown commit".to_owned()),
        "begun": shell::clock::now().format(&time::format_description::well_known::Rfc3339).ok(),
    })
}

async fn reqwest_json(url: &str) -> Value {
    // The same provider as in the programs; a second install changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::get(url).await.expect("the management API answers");
    answer.json().await.expect("JSON")
}
