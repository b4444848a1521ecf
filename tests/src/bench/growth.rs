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
    let mut database = connect(&shop).await;
    let mut loaders = [connect(&shop).await, connect(&shop).await, connect(&shop).await];
    run(&mut database, &templates()).await;
    let mut stored = 0;
    let mut bytes_each = 0;
    for &wanted in &plan.stored {
        let begun = Instant::now();
        if !fits(&mut database, bytes_each, stored, wanted).await {
            break;
        }
        let (before, bytes_before) = (stored, size(&mut database).await);
        run(&mut database, &in_haste()).await;
        while stored < wanted {
            let next = wanted.min(stored + STEP);
            store(&mut loaders, stored, next).await;
            stored = next;
        }
        run(&mut database, &as_shipped()).await;
        bytes_each = (size(&mut database).await - bytes_before) / (stored - before).max(1);
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

async fn connect(shop: &Shop) -> PgConnection {
    PgConnection::connect(shop.house.setting("OMS_DATABASE_URL")).await.expect("PostgreSQL answers")
}

/// What is loaded need not survive a crash, so PostgreSQL may load it faster than it may work.
fn in_haste() -> Vec<String> {
    [
        "ALTER SYSTEM SET full_page_writes = off",
        "ALTER SYSTEM SET synchronous_commit = off",
        "ALTER SYSTEM SET max_wal_size = '4GB'",
        "ALTER SYSTEM SET autovacuum = off",
        "SELECT pg_reload_conf()",
    ]
    .map(str::to_owned)
    .into()
}

/// All as it was before anything is measured, and nothing left to do for autovacuum that no real day would have left.
fn as_shipped() -> Vec<String> {
    [
        "VACUUM (ANALYZE)",
        "ALTER SYSTEM RESET full_page_writes",
        "ALTER SYSTEM RESET synchronous_commit",
        "ALTER SYSTEM RESET max_wal_size",
        "ALTER SYSTEM RESET autovacuum",
        "SELECT pg_reload_conf()",
        "CHECKPOINT",
    ]
    .map(str::to_owned)
    .into()
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

/// Whether the disk has room for so many orders, if each is as large as those of the step before.
async fn fits(database: &mut PgConnection, bytes_each: u64, stored: u64, wanted: u64) -> bool {
    let more = bytes_each * wanted.saturating_sub(stored);
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

/// The rows of the real orders as formats, to be filled with another number, reference and tracking number; audit's records
/// also with their place in the chain.
fn templates() -> Vec<String> {
    let named = |text: &str| {
        format!(
            "replace(replace(replace(replace({text}, '%', '%%'), t.number, '%1$s'), t.reference, '%2$s'), t.tracking, '%3$s')"
        )
    };
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
            "INSERT INTO growth.row SELECT '{place}', t.at, {}, {} FROM growth.template t JOIN {place} r ON {of} WHERE r.state IS NOT NULL",
            named("r.key"),
            named("r.state::text")
        ));
    }
    let unchained = "jsonb_set(jsonb_set(jsonb_set(r.state, '{record,seq}', '\"@seq\"'), '{record,prev}', '\"@prev\"'), '{record,hash}', '\"@hash\"')::text";
    statements.push(format!(
        "INSERT INTO growth.row SELECT 'audit.records', t.at, r.key,
             replace(replace(replace({}, '\"@seq\"', '%4$s'), '@prev', '%5$s'), '@hash', '%6$s')
         FROM growth.template t JOIN audit.records r ON r.subject = t.number",
        named(unchained)
    ));
    statements.push("CREATE INDEX ON growth.row (place, at)".to_owned());
    // As many as each room remembers of a real order.
    let remembered = Room::ALL
        .map(|room| format!("SELECT '{room}' AS room, count(*) / {TEMPLATES} AS events FROM {room}.inbox"));
    statements.push(format!("CREATE TABLE growth.remembered AS {}", remembered.join(" UNION ALL ")));
    statements.push("ANALYZE".to_owned());
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

/// Makes the orders from this number up to that one: the rooms' rows, audit's records and what the inboxes remember beside
/// each other.
async fn store([first, second, third]: &mut [PgConnection; 3], from: u64, to: u64) {
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
        .execute(&mut *first)
        .await
        .expect("new names");
    let of = |place: &str| {
        format!(
            "growth.name m JOIN growth.row r ON r.place = '{place}' AND r.at = m.n % (SELECT count(*) FROM growth.template)
             WHERE m.n >= {from} AND m.n < {to}"
        )
    };
    let rows = PLACES.map(|(place, _)| {
        format!(
            "INSERT INTO {place} (key, state) SELECT format(r.key, {NAMES}), format(r.state, {NAMES})::jsonb FROM {} ON CONFLICT DO NOTHING",
            of(place)
        )
    });
    let records = [audit(&of("audit.records")), AUDIT_HEAD.to_owned()];
    let inboxes = Room::ALL.map(|room| {
        format!(
            "INSERT INTO {room}.inbox (id, batch)
             SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - n % 3600000), 12, '0') || left(md5(n::text || '/' || k), 20))::uuid, 0
             FROM generate_series({from}, {to} - 1) AS n,
                  generate_series(1, (SELECT events FROM growth.remembered WHERE room = '{room}')) AS k
             ON CONFLICT DO NOTHING"
        )
    });
    tokio::join!(run(first, &rows), run(second, &records), run(third, &inboxes));
}

/// What fills a format.
const NAMES: &str = "m.number, 'OLD.' || m.n, '94' || lpad(m.n::text, 20, '0')";

const AUDIT_HEAD: &str = "UPDATE audit.head SET state = (SELECT jsonb_build_object('head', jsonb_build_object('seq', seq, 'hash', hash)) FROM audit.records ORDER BY key DESC LIMIT 1)";

/// Audit's records go on from its head; each link is the hash of its number.
fn audit(of: &str) -> String {
    let hash = |seq: &str| format!("encode(sha256(convert_to(({seq})::text, 'UTF8')), 'hex')");
    format!(
        "INSERT INTO audit.records (key, state)
         SELECT lpad(seq::text, 20, '0'), format(state, number, reference, tracking, seq, {}, {})::jsonb
         FROM (SELECT r.state, m.number, 'OLD.' || m.n AS reference, '94' || lpad(m.n::text, 20, '0') AS tracking,
                      (SELECT max(seq) FROM audit.head) + row_number() OVER () AS seq
               FROM {of}) AS wanted",
        hash("seq - 1"),
        hash("seq")
    )
}
