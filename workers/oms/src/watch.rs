//! What a process that runs lifecycle measures of the whole house: backlog, outbox, orders, units, cases, mails. It reads
//! as `oms_reader`, changes nothing, and never takes more than a small part of the database's time.

mod backlog;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use messages::{Room, Timestamp};
use shell::config::{self, Config};
use shell::telemetry::{self, Metric};
use shell::{clock, migrate};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Row as _};

use crate::reading_failed;
use backlog::Broker;

/// Between two looks at the same thing, at least and at most.
const PAUSE: Duration = Duration::from_secs(15);
const PAUSE_MAX: Duration = Duration::from_secs(900);
/// A look is followed by a rest of so many times as long as it costs. Only two grow with the number of orders, so that a
/// twentieth of the database's time at most goes to this.
const REST: u32 = 40;
/// A look that waits for others is long and costs no more, so the shortest of so many tells the cost.
const COSTS: usize = 5;

/// Series of a gauge: the values of its labels joined with `/`, as [`telemetry::tell`] wants them.
type Found = BTreeMap<String, f64>;

/// What is read from.
struct House {
    pools: BTreeMap<Room, PgPool>,
    broker: Broker,
}

/// What is looked at, each by itself: a slow one must not make the others old.
#[derive(Debug, Clone, Copy)]
enum Look {
    Queues,
    Ledgers,
    Orders,
    Waiting,
    Units,
    Cases,
    Mails,
}

/// Looks until the process ends.
///
/// # Errors
/// No database answers, or an address is not readable.
pub(crate) async fn start(config: &Config) -> Result<(), String> {
    let house = Arc::new(House { pools: pools(config).await?, broker: Broker::of(config)? });
    for look in Look::ALL {
        tokio::spawn(keep_looking(Arc::clone(&house), look));
    }
    Ok(())
}

async fn keep_looking(house: Arc<House>, look: Look) {
    let mut costs: VecDeque<Duration> = VecDeque::new();
    let name = [("look", look.name())];
    loop {
        let begun = Instant::now();
        match look.take(&house).await {
            Ok(()) => telemetry::set(Metric::WatchedAt, &name, clock::now().unix_timestamp() as f64),
            Err(error) => tracing::warn!(look = look.name(), %error, "gauges keep their last values"),
        }
        let took = begun.elapsed();
        telemetry::set(Metric::WatchSeconds, &name, took.as_secs_f64());
        costs.push_back(took);
        if costs.len() > COSTS {
            costs.pop_front();
        }
        let cost = costs.iter().min().copied().unwrap_or_default();
        tokio::time::sleep((cost * REST).clamp(PAUSE, PAUSE_MAX)).await;
    }
}

impl Look {
    const ALL: [Self; 7] =
        [Self::Queues, Self::Ledgers, Self::Orders, Self::Waiting, Self::Units, Self::Cases, Self::Mails];

    /// As the catalogue of metrics has it.
    const fn name(self) -> &'static str {
        match self {
            Self::Queues => "queues",
            Self::Ledgers => "ledgers",
            Self::Orders => "orders",
            Self::Waiting => "waiting",
            Self::Units => "units",
            Self::Cases => "cases",
            Self::Mails => "mails",
        }
    }

    async fn take(self, house: &House) -> Result<(), String> {
        let pool = |room: Room| &house.pools[&room];
        let looked = match self {
            Self::Queues => return house.broker.look().await,
            Self::Ledgers => ledgers(house).await,
            Self::Orders => orders(pool(Room::Intake)).await,
            Self::Waiting => waiting(pool(Room::Lifecycle)).await,
            Self::Units => units(pool(Room::Inventory)).await,
            Self::Cases => cases(pool(Room::Undelivered)).await,
            Self::Mails => mails(pool(Room::Notifications)).await,
        };
        looked.map_err(|error| reading_failed(&error))
    }
}

/// One pool per address: mostly one for all rooms.
async fn pools(config: &Config) -> Result<BTreeMap<Room, PgPool>, String> {
    let mut by_url: BTreeMap<&str, PgPool> = BTreeMap::new();
    let mut pools = BTreeMap::new();
    for room in Room::ALL {
        let url = config.for_room(room, config::DATABASE_URL)?;
        let pool = match by_url.get(url) {
            Some(pool) => pool.clone(),
            None => migrate::reader_pool(url).await?,
        };
        by_url.insert(url, pool.clone());
        pools.insert(room, pool);
    }
    Ok(pools)
}

async fn ledgers(house: &House) -> Result<(), sqlx::Error> {
    let [mut rows, mut oldest, mut days, mut tasks, mut paused] = std::array::from_fn(|_| Found::new());
    for (room, pool) in &house.pools {
        let sql = format!(
            "SELECT count(*) FILTER (WHERE exchange <> 'oms.out') AS rooms, count(*) FILTER (WHERE exchange = 'oms.out') AS outsiders,
                    COALESCE(extract(epoch FROM now() - min(created_at) FILTER (WHERE exchange <> 'oms.out')), 0)::float8 AS rooms_oldest,
                    COALESCE(extract(epoch FROM now() - min(created_at) FILTER (WHERE exchange = 'oms.out')), 0)::float8 AS outsiders_oldest,
                    (SELECT count(*) FROM {room}.task WHERE closed_at IS NULL) AS tasks,
                    EXISTS (SELECT FROM {room}.pause) AS paused,
                    COALESCE((SELECT to_date(right(max(c.relname), 8), 'YYYYMMDD') - (now() AT TIME ZONE 'UTC')::date
                              FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                              WHERE i.inhparent = '{room}.inbox'::regclass), 0) AS days
             FROM {room}.outbox"
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await?;
        for to in ["rooms", "outsiders"] {
            rows.insert(format!("{room}/{to}"), row.try_get::<i64, _>(to)? as f64);
            oldest.insert(format!("{room}/{to}"), row.try_get(format!("{to}_oldest").as_str())?);
        }
        tasks.insert(room.to_string(), row.try_get::<i64, _>("tasks")? as f64);
        paused.insert(room.to_string(), if row.try_get("paused")? { 1.0 } else { 0.0 });
        days.insert(room.to_string(), row.try_get::<i32, _>("days")?.into());
    }
    telemetry::tell(Metric::OutboxMessages, &rows);
    telemetry::tell(Metric::OutboxOldest, &oldest);
    telemetry::tell(Metric::OpenTasks, &tasks);
    telemetry::tell(Metric::RoomPaused, &paused);
    telemetry::tell(Metric::InboxDaysAhead, &days);
    Ok(())
}

async fn orders(pool: &PgPool) -> Result<(), sqlx::Error> {
    let counts = intake::store::counts(pool).await?;
    let states = [("accepted", counts.accepted), ("held", counts.held), ("refused", counts.refused)];
    telemetry::tell(Metric::Orders, &found(states.map(|(state, orders)| (state.to_owned(), orders))));
    Ok(())
}

async fn waiting(pool: &PgPool) -> Result<(), sqlx::Error> {
    let waiting = lifecycle::store::waiting(pool, Timestamp(clock::now())).await?;
    let by_status = |of: fn(&lifecycle::store::Waiting) -> f64| -> Found {
        waiting.iter().map(|(status, found)| (status.name().to_owned(), of(found))).collect()
    };
    telemetry::tell(Metric::WaitingOrders, &by_status(|found| found.orders as f64));
    telemetry::tell(Metric::OldestWaitingOrder, &by_status(|found| found.oldest_seconds as f64));
    telemetry::tell(Metric::StuckOrders, &by_status(|found| found.stuck as f64));
    Ok(())
}

async fn units(pool: &PgPool) -> Result<(), sqlx::Error> {
    for item in inventory::store::stock(pool).await? {
        let states = [
            ("on_hand", item.on_hand),
            ("reserved", item.reserved),
            ("backordered", item.backordered),
            ("waitlisted", item.waitlisted),
            ("shipped", item.shipped),
        ];
        for (state, units) in states {
            telemetry::set(Metric::Units, &[("item", &item.item), ("state", state)], units as f64);
        }
        let promised = item.reserved + item.backordered + item.shipped;
        let by_product = item.product_limit.map(|limit| (limit, limit - promised));
        let by_pool = item.pool_limit.map(|limit| (limit, limit - item.pool_promised.unwrap_or(0)));
        // A limit that was taken back must not stay as a number.
        let (cap, left) = match (by_product, by_pool) {
            (Some(product), Some(pool)) => (product.0.min(pool.0) as f64, product.1.min(pool.1) as f64),
            (Some((cap, left)), None) | (None, Some((cap, left))) => (cap as f64, left as f64),
            (None, None) => (f64::NAN, f64::NAN),
        };
        telemetry::set(Metric::UnitsCap, &[("item", &item.item)], cap);
        telemetry::set(Metric::UnitsLeft, &[("item", &item.item)], left);
    }
    Ok(())
}

async fn cases(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut cases = Found::new();
    for class in undelivered::store::counts(pool).await? {
        let states = [
            ("open", class.open),
            ("person", class.person),
            ("reshipped", class.reshipped),
            ("refunded", class.refunded),
            ("closed", class.closed),
        ];
        cases.extend(found(states.map(|(state, cases)| (format!("{}/{state}", class.class), cases))));
    }
    telemetry::tell(Metric::Cases, &cases);
    Ok(())
}

async fn mails(pool: &PgPool) -> Result<(), sqlx::Error> {
    let counts = notifications::store::counts(pool).await?;
    let mails = counts.iter().map(|count| (format!("{}/{}", count.kind, count.status), count.notices));
    telemetry::tell(Metric::Mails, &found(mails));
    Ok(())
}

fn found(counts: impl IntoIterator<Item = (String, i64)>) -> Found {
    counts.into_iter().map(|(name, count)| (name, count as f64)).collect()
}

#[cfg(test)]
mod tests {
    use shell::telemetry::catalogue::Values;

    use super::*;

    #[test]
    fn the_catalogue_knows_every_look() {
        let [label] = Metric::WatchedAt.entry().labels else { panic!("one label") };
        let Values::Closed(list) = label.values else { panic!("a closed set") };
        assert_eq!(list(), Look::ALL.map(Look::name));
    }
}
