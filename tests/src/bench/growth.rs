//! The same house with more and more orders stored. What is stored is made by SQL from real orders that went through the
//! house: their rows in every room, under new numbers. Only the audit chain's links are made up, so nothing here may be
//! used to try `oms audit verify`.

use std::fmt;
use std::process::Command;
use std::time::Instant;

use messages::id::OrderNumber;
use messages::{Kind, Room};
use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::latency::{self, Times};
use super::median;
use super::plan::Plan;
use super::report::Report;
use super::shop::Shop;
use super::speed;
use super::tap::Tap;

/// Real orders of which the stored ones are made.
const TEMPLATES: usize = 200;
/// Orders that are made by one statement.
const STEP: u64 = 10_000;
/// Of the disk, what must stay free.
const SPARE_BYTES: u64 = 10 << 30;

/// One step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Growth {
    pub(super) what: String,
    pub(super) stored: u64,
    pub(super) orders_per_second: f64,
    /// Until `payment.authorized`, at 10 orders per second.
    pub(super) authorized: Option<Times>,
    pub(super) database_bytes: i64,
    pub(super) loaded_seconds: f64,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = self.database_bytes as f64 / f64::from(1 << 30);
        write!(f, "{:<26}{:>10.1}", self.what, self.orders_per_second)?;
        match self.authorized {
            Some(Times { p50, p95, p99 }) => write!(f, "{p50:>12.1}{p95:>10.1}{p99:>10.1}{gib:>16.2}"),
            None => write!(f, "{:>32}{gib:>16.2}", ""),
        }
    }
}

pub(super) async fn measure(plan: &Plan, report: &mut Report) {
    let mut shop = Shop::open(plan, "bench_growth", &[], 1).await;
    shop.store.pour(&mut shop.crowd, TEMPLATES).await;
    shop.rest().await;
    let mut database =
        PgConnection::connect(shop.house.setting("OMS_DATABASE_URL")).await.expect("PostgreSQL answers");
    run(&mut database, &templates()).await;
    let mut stored = 0;
    for &wanted in &plan.stored {
        let begun = Instant::now();
        if stored > 0 && !fits(&mut database, stored, wanted).await {
            break;
        }
        while stored < wanted {
            let next = wanted.min(stored + STEP);
            store(&mut database, stored, next).await;
            stored = next;
        }
        run(&mut database, &["ANALYZE".to_owned()]).await;
        let loaded_seconds = begun.elapsed().as_secs_f64();
        let mut rates = Vec::new();
        for run in 1..=plan.runs {
            let window = speed::window(&mut shop, plan, plan.in_flight).await;
            rates.push(window.orders_per_second);
            report.progress(&format!("{stored} stored {run}"), Some(&window));
        }
        let latency = latency::of(&mut shop, plan, "orders", 10.0).await;
        report.growth(Growth {
            what: format!("{stored} stored"),
            stored,
            orders_per_second: median(&rates),
            authorized: Some(latency.authorized),
            database_bytes: size(&mut database).await as i64,
            loaded_seconds,
        });
    }
    backlog(&mut shop, plan, report, stored).await;
}

/// Orders that arrived while no room ran.
async fn backlog(shop: &mut Shop, plan: &Plan, report: &mut Report, stored: u64) {
    shop.stop_rooms();
    let tap = Tap::open(shop.url(), &[Kind::ShipmentDelivered]).await;
    shop.store.pour(&mut shop.crowd, plan.backlog).await;
    let begun = Instant::now();
    shop.start_rooms().await;
    speed::delivered(&tap.heard, plan.backlog).await;
    let seconds = begun.elapsed().as_secs_f64();
    shop.rest().await;
    let bytes = shop.house.count("SELECT pg_database_size(current_database())").await;
    report.growth(Growth {
        what: format!("a backlog of {}", plan.backlog),
        stored,
        orders_per_second: plan.backlog as f64 / seconds,
        authorized: None,
        database_bytes: bytes,
        loaded_seconds: 0.0,
    });
}

async fn run(database: &mut PgConnection, statements: &[String]) {
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement.clone()))
            .execute(&mut *database)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

async fn size(database: &mut PgConnection) -> u64 {
    let bytes: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
        .fetch_one(database)
        .await
        .expect("a size");
    bytes.unsigned_abs()
}

/// Whether the disk has room for so many orders, by the size of those that are stored.
async fn fits(database: &mut PgConnection, stored: u64, wanted: u64) -> bool {
    let more = size(database).await / stored * wanted.saturating_sub(stored);
    let is_enough = free_bytes(database).await > more + SPARE_BYTES;
    if !is_enough {
        println!("  {wanted} stored orders would need {} GiB more of disk: left out", more >> 30);
    }
    is_enough
}

async fn free_bytes(database: &mut PgConnection) -> u64 {
    let folder: String = sqlx::query_scalar("SELECT current_setting('data_directory')")
        .fetch_one(database)
        .await
        .expect("a folder");
    let output = Command::new("df").args(["-Pk", &folder]).output().expect("df tells what is free");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let kilobytes = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    kilobytes.expect("df -P prints kilobytes") * 1024
}

/// The rows of the real orders, each with the number, the reference and the tracking number that it is of.
fn templates() -> Vec<String> {
    let mut statements = vec![
        "CREATE SCHEMA growth".to_owned(),
        "CREATE TABLE growth.template AS
         SELECT row_number() OVER (ORDER BY o.key) - 1 AS at, o.state->'order'->>'order' AS number, o.reference, r.tracking
         FROM intake.orders o JOIN fulfillment.releases r ON r.order_number = o.state->'order'->>'order'"
            .to_owned(),
        "CREATE TABLE growth.row (place text, at bigint, key text, state text)".to_owned(),
        "CREATE TABLE growth.name (n bigint PRIMARY KEY, number text)".to_owned(),
    ];
    for (place, of) in PLACES {
        statements.push(format!(
            "INSERT INTO growth.row SELECT '{place}', t.at, r.key, r.state::text
             FROM growth.template t JOIN {place} r ON {of} WHERE r.state IS NOT NULL"
        ));
    }
    statements.push("CREATE INDEX ON growth.row (place, at)".to_owned());
    statements.push("ANALYZE growth.template, growth.row".to_owned());
    statements
}

/// Every table that holds something of an order, and how its rows are found.
const PLACES: [(&str, &str); 13] = [
    ("intake.numbers", "r.key = t.number"),
    ("intake.orders", "r.reference = t.reference"),
    ("inventory.orders", "r.key = t.number"),
    ("payment.orders", "r.key = t.number"),
    ("payment.releases", "r.order_number = t.number"),
    ("fulfillment.orders", "r.key = t.number"),
    ("fulfillment.releases", "r.order_number = t.number"),
    ("tracking.parcels", "r.order_number = t.number"),
    ("undelivered.orders", "r.key = t.number"),
    ("undelivered.cases", "r.order_number = t.number"),
    ("notifications.orders", "r.key = t.number"),
    ("notifications.notices", "r.order_number = t.number"),
    ("lifecycle.facts", "r.order_number = t.number"),
];

/// Makes the orders from this number up to that one.
async fn store(database: &mut PgConnection, from: u64, to: u64) {
    let (ns, numbers): (Vec<i64>, Vec<String>) = (from..to)
        // Spread over all numbers, as a keyed function spreads them.
        .map(|n| {
            (
                n as i64,
                OrderNumber::from_bits(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 4)
                    .to_string(),
            )
        })
        .unzip();
    sqlx::query("INSERT INTO growth.name SELECT * FROM unnest($1::bigint[], $2::text[])")
        .bind(ns)
        .bind(numbers)
        .execute(&mut *database)
        .await
        .expect("new names");
    let named = |text: &str| {
        format!(
            "replace(replace(replace({text}, t.number, m.number), t.reference, 'OLD.' || m.n), t.tracking, '94' || lpad(m.n::text, 20, '0'))"
        )
    };
    let of = format!(
        "growth.name m JOIN growth.template t ON t.at = m.n % (SELECT count(*) FROM growth.template)
         JOIN growth.row r ON r.at = t.at WHERE m.n >= {from} AND m.n < {to}"
    );
    let mut statements = Vec::new();
    for (place, _) in PLACES {
        statements.push(format!(
            "INSERT INTO {place} (key, state) SELECT {}, {}::jsonb FROM {of} AND r.place = '{place}' ON CONFLICT DO NOTHING",
            named("r.key"),
            named("r.state")
        ));
    }
    statements.push(audit(&named("a.state::text"), from, to));
    statements.push(
        "UPDATE audit.head SET state = (SELECT jsonb_build_object('head', jsonb_build_object('seq', seq, 'hash', hash)) FROM audit.records ORDER BY key DESC LIMIT 1)".to_owned(),
    );
    for room in Room::ALL {
        // As many as that room remembers of each real order.
        statements.push(format!(
            "INSERT INTO {room}.inbox (id, batch)
             SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - n % 3600000), 12, '0') || left(md5(n::text || '/' || k), 20))::uuid, 0
             FROM generate_series({from}, {to} - 1) AS n,
                  generate_series(1, (SELECT count(*) / {TEMPLATES} FROM {room}.inbox WHERE batch > 0 AND batch <= (SELECT last_value FROM growth.{room}_batch))) AS k
             ON CONFLICT DO NOTHING"
        ));
    }
    for room in Room::ALL {
        // What the templates made, once: later batches are those of the measurement.
        let remember = format!(
            "CREATE TABLE IF NOT EXISTS growth.{room}_batch AS SELECT last_value FROM {room}.batch_number"
        );
        run(database, &[remember]).await;
    }
    run(database, &statements).await;
}

/// Audit's records go on from its head; each link is the hash of its number.
fn audit(named: &str, from: u64, to: u64) -> String {
    let hash = |seq: &str| format!("encode(sha256(convert_to(({seq})::text, 'UTF8')), 'hex')");
    format!(
        "WITH wanted AS (
             SELECT {named} AS state, (SELECT max(seq) FROM audit.head) + row_number() OVER () AS seq
             FROM growth.name m JOIN growth.template t ON t.at = m.n % (SELECT count(*) FROM growth.template)
             JOIN audit.records a ON a.subject = t.number WHERE m.n >= {from} AND m.n < {to}
         )
         INSERT INTO audit.records (key, state)
         SELECT lpad(seq::text, 20, '0'), jsonb_set(jsonb_set(jsonb_set(state::jsonb, '{{record,seq}}', to_jsonb(seq)),
             '{{record,prev}}', to_jsonb({})), '{{record,hash}}', to_jsonb({})) FROM wanted",
        hash("seq - 1"),
        hash("seq")
    )
}
