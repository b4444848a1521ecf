//! The room's table and what the operator reads of it. Reads are made as `oms_reader`, so they name the schema;
//! nothing here writes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use messages::Timestamp;
use messages::id::{OrderNumber, Reference};
use messages::tracking_number::TrackingNumber;
use serde::Serialize;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{PgConnection, Row as _};
use time::Date;

use crate::dwell;
use crate::eastern::day_text;
use crate::fact::{Fact, sortable_text};
use crate::ranks::{LineStatus, OrderStatus};
pub use crate::view::{OrderSummary, OrderView};
use crate::view::{summary, view};

/// The room's migrations.
pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/lifecycle");

/// The most orders that a search gives.
pub const FOUND_MAX: usize = 100;
/// Facts that one step of a search looks at, and the most steps.
const PAGE_ROWS: i64 = 1_000;
const PAGES_MAX: usize = 50;
/// How far [`stuck`] looks back.
const STUCK_DAYS_MAX: i64 = 400;

/// The key of one fact; facts of an order lie together. The only table, so the only order of locks, and none is taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

/// A fact; nothing in a row that nobody has written, of which there are none.
pub type State = Option<Fact>;

impl Key {
    #[must_use]
    pub fn of(fact: &Fact) -> Self {
        let order = fact.order.as_ref().map_or("-", OrderNumber::as_str);
        Self(format!("{order}/{}", fact.id))
    }
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        "facts"
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

/// What orders are searched by (R56, R57, R62).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    Number(OrderNumber),
    /// The sender's own name of the order; several senders may use the same.
    Reference(Reference),
    Tracking(TrackingNumber),
    Status(OrderStatus),
    /// The day of receipt in US Eastern time.
    Day(Date),
}

/// Orders that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orders {
    pub orders: Vec<OrderSummary>,
    /// There are more than [`FOUND_MAX`], or the search looked at as many facts as it may.
    pub more: bool,
}

/// Orders of one status that wait for something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    pub orders: u64,
    /// How long ago anything was last heard of the quietest.
    pub oldest_seconds: i64,
    /// How many of them wait for longer than they may.
    pub stuck: u64,
}

/// All facts of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Tally {
    pub kind: String,
    pub facts: i64,
    /// Lines and units that they name.
    pub lines: i64,
    pub units: i64,
    /// Sum of their amounts in minor units.
    pub minor: i64,
}

impl Tally {
    /// Adds those of other orders.
    pub fn add(&mut self, more: &Self) {
        self.facts += more.facts;
        self.lines += more.lines;
        self.units += more.units;
        self.minor += more.minor;
    }
}

/// Counts the facts of a stretch of keys by kind: it reads each of them, so a stretch should not be long.
///
/// # Errors
/// The database does not answer.
pub async fn tally(connection: &mut PgConnection, from: &str, to: &str) -> Result<Vec<Tally>, sqlx::Error> {
    sqlx::query_as(
        "SELECT kind, count(*) AS facts, COALESCE(sum(l.lines), 0)::bigint AS lines, COALESCE(sum(l.units), 0)::bigint AS units,
                COALESCE(sum((state->'what'->>'amount')::bigint), 0)::bigint AS minor
         FROM lifecycle.facts
         LEFT JOIN LATERAL (
             SELECT count(*) AS lines, sum((line->>'quantity')::bigint) AS units
             FROM jsonb_array_elements(COALESCE(state->'what'->'lines', state->'what'->'missing')) AS line
         ) l ON true
         WHERE key >= $1 AND key < $2
         GROUP BY kind ORDER BY kind",
    )
    .bind(from)
    .bind(to)
    .fetch_all(connection)
    .await
}

const BY_REFERENCE: &str = "SELECT DISTINCT order_number FROM lifecycle.facts WHERE reference = $1 AND order_number IS NOT NULL ORDER BY 1 LIMIT $2";
const BY_TRACKING: &str = "SELECT DISTINCT order_number FROM lifecycle.facts WHERE tracking = $1 AND order_number IS NOT NULL ORDER BY 1 LIMIT $2";

/// Searches orders.
///
/// # Errors
/// The database does not answer.
pub async fn find(pool: &PgPool, query: &Query) -> Result<Orders, sqlx::Error> {
    match query {
        Query::Number(number) => {
            Ok(Orders { orders: summaries(pool, &[number.to_string()]).await?, more: false })
        }
        Query::Reference(reference) => by_text(pool, BY_REFERENCE, reference.as_str()).await,
        Query::Tracking(tracking) => by_text(pool, BY_TRACKING, tracking.as_str()).await,
        Query::Status(status) => by_status(pool, *status).await,
        Query::Day(day) => by_day(pool, &day_text(*day)).await,
    }
}

/// One order in full, if anything was ever heard of it.
///
/// # Errors
/// The database does not answer.
pub async fn show(pool: &PgPool, order: &OrderNumber) -> Result<Option<OrderView>, sqlx::Error> {
    let facts = facts(pool, &[order.to_string()]).await?;
    Ok(facts.get(order).and_then(|facts| view(order, facts)))
}

/// Orders that stay where they are for longer than they may ([`crate::dwell`]), those that are over it the longest first.
/// It looks at the orders of 400 days, the latest first.
///
/// # Errors
/// The database does not answer.
pub async fn stuck(pool: &PgPool, now: Timestamp) -> Result<Orders, sqlx::Error> {
    let mut found = quiet(now).run(pool, |order| is_stuck(order, now)).await?;
    found.orders.sort_by(|a, b| (a.stuck_at, &a.order).cmp(&(b.stuck_at, &b.order)));
    Ok(found)
}

/// Who waits, by status, of the orders that [`stuck`] looks at: those without news for an hour.
///
/// # Errors
/// The database does not answer.
pub async fn waiting(pool: &PgPool, now: Timestamp) -> Result<BTreeMap<OrderStatus, Waiting>, sqlx::Error> {
    let mut waiting: BTreeMap<OrderStatus, Waiting> = BTreeMap::new();
    let count = |orders: Vec<OrderSummary>| {
        for order in orders.iter().filter(|order| order.stuck_at.is_some()) {
            let of = waiting.entry(order.status).or_default();
            of.orders += 1;
            of.oldest_seconds = of.oldest_seconds.max(now.seconds_since(order.last_at));
            of.stuck += u64::from(is_stuck(order, now));
        }
        false
    };
    quiet(now).each(pool, count).await?;
    Ok(waiting)
}

fn is_stuck(order: &OrderSummary, now: Timestamp) -> bool {
    order.stuck_at.is_some_and(|at| at <= now)
}

/// The search for orders without news that may still wait for some.
fn quiet(now: Timestamp) -> Search {
    Search {
        sql: QUIET,
        some: [LineStatus::Received, LineStatus::Held].map(|status| status.rank().into()).to_vec(),
        none: vec![LineStatus::Refused.rank().into()],
        from: sortable_text(now.plus_seconds(-STUCK_DAYS_MAX * 86_400)),
        until: sortable_text(now.plus_seconds(-dwell::SHORTEST_SECONDS)),
    }
}

async fn by_status(pool: &PgPool, status: OrderStatus) -> Result<Orders, sqlx::Error> {
    let signs = status.signs();
    let (from, until) = (String::new(), "~".to_owned());
    let search = Search { sql: WITH_SIGNS, some: signs.some, none: signs.none, from, until };
    search.run(pool, |order| order.status == status).await
}

async fn by_day(pool: &PgPool, day: &str) -> Result<Orders, sqlx::Error> {
    let sql = "SELECT DISTINCT order_number FROM lifecycle.facts WHERE day = $1 AND order_number > $2 ORDER BY 1 LIMIT $3";
    let (mut after, mut found) = (String::new(), Orders { orders: Vec::new(), more: false });
    for _ in 0..PAGES_MAX {
        let page: Vec<String> =
            sqlx::query_scalar(sql).bind(day).bind(&after).bind(PAGE_ROWS).fetch_all(pool).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after.clone_from(last);
        // An order that was held first may have two days; it counts under the one that it shows.
        if found.add(summaries(pool, &page).await?, |order| order.day.as_deref() == Some(day)) {
            return Ok(found);
        }
    }
    found.more = true;
    Ok(found)
}

async fn by_text(pool: &PgPool, sql: &'static str, text: &str) -> Result<Orders, sqlx::Error> {
    let limit = i64::try_from(FOUND_MAX + 1).unwrap_or(i64::MAX);
    let numbers: Vec<String> = sqlx::query_scalar(sql).bind(text).bind(limit).fetch_all(pool).await?;
    let mut found = Orders { orders: Vec::new(), more: false };
    found.add(summaries(pool, &numbers).await?, |_| true);
    Ok(found)
}

impl Orders {
    /// Adds those that fit; says whether there are more than may be given.
    fn add(&mut self, orders: Vec<OrderSummary>, fits: impl Fn(&OrderSummary) -> bool) -> bool {
        self.orders.extend(orders.into_iter().filter(fits));
        self.more = self.orders.len() > FOUND_MAX;
        self.orders.truncate(FOUND_MAX);
        self.more
    }
}

/// A search over facts by rank, the latest first.
struct Search {
    sql: &'static str,
    /// Ranks of facts of which an order has one.
    some: Vec<i32>,
    /// Ranks of facts of which it has none.
    none: Vec<i32>,
    /// One of `some` is not before this time.
    from: String,
    /// No fact of the order is as late as this.
    until: String,
}

/// The facts of one page: for each rank its latest, then the latest of all; the index gives both without sorting all.
macro_rules! page {
    ($fits:literal) => {
        concat!(
            "SELECT p.order_number, p.time, p.key, ",
            $fits,
            " AS fits FROM (SELECT c.* FROM unnest($1::int[]) AS r (rank) CROSS JOIN LATERAL (
                SELECT order_number, time, key FROM lifecycle.facts
                WHERE rank = r.rank AND order_number IS NOT NULL AND (time, key) < ($3, $4) AND time >= $5
                ORDER BY time DESC, key DESC LIMIT $6) AS c
            ORDER BY c.time DESC, c.key DESC LIMIT $6) AS p ORDER BY p.time DESC, p.key DESC"
        )
    };
}

/// An order's facts lie between its number with `/` and its number with `0`, the character after. Of an order with a
/// parcel that was sent again (95), the first parcel's facts say nothing.
const WITH_SIGNS: &str = page!(
    "(SELECT max(f.time) < $7 AND (count(*) FILTER (WHERE f.rank = ANY($2)) = 0 OR count(*) FILTER (WHERE f.rank = 95) > 0)
      FROM lifecycle.facts f WHERE f.key >= p.order_number || '/' AND f.key < p.order_number || '0')"
);

/// The same, but without orders of which as many parcels were delivered or came back as releases were made or sent
/// again, and of which no case waits: they have ended, and there are very many.
const QUIET: &str = page!(
    "(SELECT max(f.time) < $7 AND count(*) FILTER (WHERE f.rank = ANY($2)) = 0 AND (
        greatest(count(*) FILTER (WHERE f.kind = 'delivered'), count(*) FILTER (WHERE f.kind = 'returned'))
            < greatest(1, count(*) FILTER (WHERE f.rank IN (70, 95)))
        OR count(DISTINCT f.state->'what'->>'case') FILTER (WHERE f.kind = 'case_opened')
            > count(DISTINCT f.state->'what'->>'case') FILTER (WHERE f.kind = 'case_resolved')
        OR count(*) FILTER (WHERE f.kind = 'case_resolved' AND f.state->'what'->>'resolution' = 'refund')
            > count(*) FILTER (WHERE f.kind = 'refunded'))
      FROM lifecycle.facts f WHERE f.key >= p.order_number || '/' AND f.key < p.order_number || '0')"
);

impl Search {
    async fn run(&self, pool: &PgPool, fits: impl Fn(&OrderSummary) -> bool) -> Result<Orders, sqlx::Error> {
        let mut found = Orders { orders: Vec::new(), more: false };
        let is_whole = self.each(pool, |orders| found.add(orders, &fits)).await?;
        found.more |= !is_whole;
        Ok(found)
    }

    /// Visits orders until the visitor has enough. Says whether there are no more than those.
    async fn each(
        &self,
        pool: &PgPool,
        mut visit: impl FnMut(Vec<OrderSummary>) -> bool,
    ) -> Result<bool, sqlx::Error> {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let (mut time, mut key) = (self.until.clone(), String::new());
        for _ in 0..PAGES_MAX {
            let page = self.page(pool, &time, &key).await?;
            let Some(last) = page.last() else { return Ok(true) };
            (time, key) = (last.try_get("time")?, last.try_get("key")?);
            let mut numbers = Vec::new();
            for row in &page {
                let number: String = row.try_get("order_number")?;
                if row.try_get("fits")? && seen.insert(number.clone()) {
                    numbers.push(number);
                }
            }
            if visit(summaries(pool, &numbers).await?) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    async fn page(&self, pool: &PgPool, time: &str, key: &str) -> Result<Vec<PgRow>, sqlx::Error> {
        sqlx::query(self.sql)
            .bind(&self.some)
            .bind(&self.none)
            .bind(time)
            .bind(key)
            .bind(&self.from)
            .bind(PAGE_ROWS)
            .bind(&self.until)
            .fetch_all(pool)
            .await
    }
}

/// The orders of these numbers, in their order.
async fn summaries(pool: &PgPool, numbers: &[String]) -> Result<Vec<OrderSummary>, sqlx::Error> {
    let facts = facts(pool, numbers).await?;
    let order = |number: &String| {
        let number = OrderNumber::parse(number).ok()?;
        summary(&number, facts.get(&number)?)
    };
    Ok(numbers.iter().filter_map(order).collect())
}

/// Every fact of these orders.
async fn facts(pool: &PgPool, numbers: &[String]) -> Result<BTreeMap<OrderNumber, Vec<Fact>>, sqlx::Error> {
    let sql = "SELECT f.key, f.state::text AS state FROM unnest($1::text[]) AS n (number)
        JOIN LATERAL (SELECT key, state FROM lifecycle.facts
            WHERE key >= n.number || '/' AND key < n.number || '0') AS f ON true";
    let mut facts: BTreeMap<OrderNumber, Vec<Fact>> = BTreeMap::new();
    if numbers.is_empty() {
        return Ok(facts);
    }
    for row in sqlx::query(sql).bind(numbers).fetch_all(pool).await? {
        let fact = fact(&row)?;
        if let Some(order) = fact.order.clone() {
            facts.entry(order).or_default().push(fact);
        }
    }
    Ok(facts)
}

fn fact(row: &PgRow) -> Result<Fact, sqlx::Error> {
    let key: String = row.try_get("key")?;
    let state: String = row.try_get("state")?;
    serde_json::from_str(&state)
        .map_err(|_| sqlx::Error::Decode(format!("the fact {key} is not readable by this version").into()))
}
