//! `oms status`, `oms products list` and `oms audit verify`: how the house stands. It reads and changes nothing.

use std::process::ExitCode;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use messages::{Room, topology};
use serde::Serialize;
use shell::config::{self, Config};
use shell::migrate;
use shell::wire::{Link, short};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Row as _};

use crate::{FOUND, reading_failed, show};

/// One room's desk.
#[derive(Debug, Serialize)]
struct Desk {
    room: Room,
    /// AMQP messages that wait, from rooms and from outside.
    waiting: u32,
    waiting_outside: u32,
    parked: u32,
    outbox: i64,
    due: i64,
    tasks: i64,
    paused: bool,
}

/// What only an order's facts together tell, over all orders: for comparing with the gateway and the shelf.
#[derive(Debug, Serialize, sqlx::FromRow)]
struct Sums {
    /// Lines and units that had been reserved, were not found in the warehouse and could not be replaced.
    given_up_lines: i64,
    given_up_units: i64,
    /// Everything that was dispatched for the first time, at its order's own prices, with the shipping charge that goes with an order's
    /// first release. Minor units, whatever the currency.
    shipped_minor: i64,
    /// Lines and units that were ever reserved, each counted once.
    reserved_lines: i64,
    reserved_units: i64,
    /// Accepted lines and units that have neither units nor a refusal: they wait.
    waiting_lines: i64,
    waiting_units: i64,
    /// The same, of orders that were cancelled.
    withdrawn_lines: i64,
    withdrawn_units: i64,
    /// Units of cancelled orders that were not found in the warehouse.
    lost_in_cancelled: i64,
    /// Units that stood in line and got what they waited for, and those whose order was cancelled first.
    filled_units: i64,
    unfilled_units: i64,
    /// Parcels and units that were sent instead of others, and units that shall be as soon as there are some.
    again_parcels: i64,
    again_units: i64,
    awaited_again_units: i64,
    /// Units that came back whole and went back to the shelf.
    restocked_units: i64,
    /// Releases that ended before anything was handed over, and what was never held of them, in minor units.
    voided_unsent: i64,
    unheld_minor: i64,
}

/// Facts of one kind about orders of which not everything is told: cancelled ones, and those of the deceased.
#[derive(Debug, Serialize, sqlx::FromRow)]
struct Quiet {
    kind: String,
    facts: i64,
}

#[derive(Debug, Serialize)]
struct Status {
    desks: Vec<Desk>,
    orders: intake::store::Counts,
    facts: Vec<lifecycle::store::Tally>,
    sums: Sums,
    quiet: Vec<Quiet>,
    stock: Vec<inventory::store::ItemStock>,
    money: payment::store::Money,
    notices: Vec<notifications::store::Count>,
    cases: Vec<undelivered::store::ClassCount>,
    subscribers: Vec<promotions::store::SubscriberCount>,
    campaigns: Vec<Campaign>,
}

#[derive(Debug, Serialize)]
struct Campaign {
    campaign: String,
    state: String,
    counts: promotions::store::Counts,
}

/// # Errors
/// The broker or the database does not answer.
pub(crate) async fn status(config: &Config, json: bool) -> Result<(), String> {
    let pool = async |room: Room| migrate::reader_pool(config.for_room(room, config::DATABASE_URL)?).await;
    let failed = |error: sqlx::Error| reading_failed(&error);
    let status = Status {
        desks: desks(config).await?,
        orders: intake::store::counts(&pool(Room::Intake).await?).await.map_err(failed)?,
        facts: lifecycle::store::tally(&pool(Room::Lifecycle).await?).await.map_err(failed)?,
        sums: sums(&pool(Room::Lifecycle).await?).await.map_err(failed)?,
        quiet: quiet(&pool(Room::Lifecycle).await?).await.map_err(failed)?,
        stock: inventory::store::stock(&pool(Room::Inventory).await?).await.map_err(failed)?,
        money: payment::store::money(&pool(Room::Payment).await?).await.map_err(failed)?,
        notices: notifications::store::counts(&pool(Room::Notifications).await?).await.map_err(failed)?,
        cases: undelivered::store::counts(&pool(Room::Undelivered).await?).await.map_err(failed)?,
        subscribers: promotions::store::subscribers(&pool(Room::Promotions).await?).await.map_err(failed)?,
        campaigns: promotions::store::campaigns(&pool(Room::Promotions).await?)
            .await
            .map_err(failed)?
            .into_iter()
            .map(|(campaign, state, counts)| Campaign { campaign, state, counts })
            .collect(),
    };
    show::print(json, &status, || text(&status))
}

fn text(status: &Status) -> String {
    let desks = status.desks.iter().map(|desk| {
        [
            format!("{}{}", desk.room, if desk.paused { " (PAUSED)" } else { "" }),
            desk.waiting_outside.to_string(),
            desk.waiting.to_string(),
            desk.parked.to_string(),
            desk.outbox.to_string(),
            desk.due.to_string(),
            desk.tasks.to_string(),
        ]
    });
    let orders = &status.orders;
    let cents = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
    let money = &status.money;
    let mut text =
        show::table(["room", "from outside", "from rooms", "parked", "outbox", "due", "tasks"], desks);
    text += &format!(
        "\norders: {} accepted, {} held, {} refused\n",
        orders.accepted, orders.held, orders.refused
    );
    text += &format!(
        "money:  {} authorized, {} captured, {} voided, {} declined\n",
        cents(money.authorized),
        cents(money.captured),
        cents(money.voided),
        cents(money.declined)
    );
    let sent: i64 =
        status.notices.iter().filter(|count| count.status == "sent").map(|count| count.notices).sum();
    let open: i64 = status.notices.iter().map(|count| count.notices).sum::<i64>() - sent;
    text += &format!("mails:  {sent} sent, {open} otherwise\n");
    let sum = |count: fn(&undelivered::store::ClassCount) -> i64| status.cases.iter().map(count).sum::<i64>();
    text += &format!(
        "cases:  {} open, {} sent again, {} paid back, {} closed\n",
        sum(|class| class.open),
        sum(|class| class.reshipped),
        sum(|class| class.refunded),
        sum(|class| class.closed)
    );
    for Campaign { campaign, state, counts } in &status.campaigns {
        text += &format!(
            "campaign {campaign}: {state}, {} sent, {} skipped, {} unknown\n",
            counts.sent, counts.skipped, counts.unknown
        );
    }
    text + "\n" + &stock_table(&status.stock)
}

fn stock_table(stock: &[inventory::store::ItemStock]) -> String {
    let or_none = |number: Option<i64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
    let rows = stock.iter().map(|item| {
        let pool = item.pool.as_ref().map_or_else(
            || "-".to_owned(),
            |pool| format!("{pool} {}/{}", item.pool_promised.unwrap_or(0), or_none(item.pool_limit)),
        );
        [
            item.item.clone(),
            item.on_hand.to_string(),
            item.reserved.to_string(),
            item.shipped.to_string(),
            or_none(item.product_limit),
            pool,
        ]
    });
    show::table(["item", "on hand", "reserved", "shipped", "product limit", "mintage promised"], rows)
}

async fn desks(config: &Config) -> Result<Vec<Desk>, String> {
    let mut desks = Vec::new();
    let mut link: Option<(String, Link)> = None;
    for room in Room::ALL {
        let url = config.for_room(room, config::AMQP_URL)?;
        if link.as_ref().is_none_or(|(known, _)| known != url) {
            link = Some((url.to_owned(), Link::new(url, "oms status").map_err(|error| error.to_string())?));
        }
        let Some((_, link)) = &link else { continue };
        let channel = link.channel().await.map_err(|error| error.to_string())?;
        let mut counts = [0; 3];
        for (count, queue) in counts.iter_mut().zip([
            topology::inner_queue(room),
            topology::outside_queue(room),
            topology::parked_queue(room),
        ]) {
            let passive =
                QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
            let declared = channel.queue_declare(short(&queue), passive, FieldTable::default()).await;
            *count = declared
                .map_err(|_| format!("queue {queue} is missing; run `oms topology apply`"))?
                .message_count();
        }
        let pool = migrate::reader_pool(config.for_room(room, config::DATABASE_URL)?).await?;
        let (outbox, due, tasks, paused) =
            ledger(&pool, room).await.map_err(|error| reading_failed(&error))?;
        desks.push(Desk {
            room,
            waiting: counts[0],
            waiting_outside: counts[1],
            parked: counts[2],
            outbox,
            due,
            tasks,
            paused,
        });
    }
    Ok(desks)
}

async fn ledger(pool: &PgPool, room: Room) -> Result<(i64, i64, i64, bool), sqlx::Error> {
    let sql = format!(
        "SELECT (SELECT count(*) FROM {room}.outbox), (SELECT count(*) FROM {room}.due WHERE due_at < now() + interval '1 minute'), (SELECT count(*) FROM {room}.task WHERE closed_at IS NULL), EXISTS (SELECT FROM {room}.pause)"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await?;
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
}

async fn sums(pool: &PgPool) -> Result<Sums, sqlx::Error> {
    // Shipments are named <order>.<release>.<parcel>, so the first release's begin with <order>.1, and first parcels end
    // with .1.
    sqlx::query_as(
        "WITH told AS MATERIALIZED (
             SELECT kind, order_number, time, state->'what' AS what FROM lifecycle.facts
             WHERE kind IN ('accepted', 'reserved', 'limited', 'unavailable', 'backordered', 'waitlisted', 'ready', 'authorized', 'voided', 'requested', 'dispatched', 'adjusted', 'cancelled', 'case_received', 'case_resolved', 'reship_ready')
         ), cancelled AS (
             SELECT DISTINCT order_number FROM told WHERE kind = 'cancelled'
         ), by_line AS (
             SELECT order_number IN (TABLE cancelled) AS is_cancelled,
                    max(quantity) FILTER (WHERE kind = 'accepted') AS wanted,
                    max(unit_price) FILTER (WHERE kind = 'accepted') AS price,
                    sum(quantity) FILTER (WHERE kind = 'dispatched' AND what->>'shipment' LIKE '%.1') AS shipped,
                    bool_or(kind = 'reserved') AS was_reserved,
                    bool_or(kind IN ('reserved', 'limited', 'unavailable')) AS was_decided,
                    count(*) FILTER (WHERE kind = 'unavailable') AS refusals,
                    sum(quantity) FILTER (WHERE kind = 'unavailable') AS refused,
                    COALESCE(sum(quantity) FILTER (WHERE kind IN ('backordered', 'waitlisted')), 0) AS waited,
                    COALESCE(sum(quantity) FILTER (WHERE kind = 'reserved'), 0)
                        - CASE WHEN min(time) FILTER (WHERE kind = 'reserved') <= COALESCE(min(time) FILTER (WHERE kind IN ('backordered', 'waitlisted')), '~')
                               THEN max(quantity) FILTER (WHERE kind = 'accepted') ELSE 0 END AS filled
             FROM told, jsonb_to_recordset(what->'lines') AS l (line integer, quantity bigint, unit_price bigint)
             WHERE kind IN ('accepted', 'reserved', 'limited', 'unavailable', 'backordered', 'waitlisted', 'dispatched')
             GROUP BY order_number, line
         ), by_order AS (
             SELECT max((what->>'shipping')::bigint) AS shipping,
                    bool_or(starts_with(what->>'shipment', order_number || '.1.')) FILTER (WHERE kind = 'dispatched') AS is_due
             FROM told GROUP BY order_number
         ), by_release AS (
             SELECT max((what->>'amount')::bigint) FILTER (WHERE kind = 'ready') AS amount,
                    bool_or(kind = 'voided') AS is_voided,
                    bool_or(kind = 'authorized') AS is_held,
                    bool_or(kind = 'requested') AS is_sent
             FROM told WHERE kind IN ('ready', 'authorized', 'voided', 'requested')
             GROUP BY COALESCE(what->>'release', regexp_replace(what->>'shipment', '[.][0-9]+$', ''))
         ), missing AS (
             SELECT COALESCE(sum(quantity), 0)::bigint AS units
             FROM told, jsonb_to_recordset(what->'missing') AS l (quantity bigint)
             WHERE kind = 'adjusted' AND order_number IN (TABLE cancelled)
         ), again AS (
             SELECT count(DISTINCT what->>'shipment') AS parcels, COALESCE(sum(quantity), 0)::bigint AS units
             FROM told, jsonb_to_recordset(what->'lines') AS l (quantity bigint)
             WHERE kind = 'dispatched' AND what->>'shipment' NOT LIKE '%.1'
         ), awaited AS (
             SELECT COALESCE(sum(quantity), 0)::bigint AS units
             FROM told, jsonb_to_recordset(what->'lines') AS l (quantity bigint)
             WHERE kind = 'dispatched'
               AND what->>'shipment' IN (SELECT what->>'case' FROM told WHERE kind = 'case_resolved' AND what->>'resolution' = 'reship')
               AND regexp_replace(what->>'shipment', '[0-9]+$', '2') NOT IN (SELECT what->>'shipment' FROM told WHERE kind = 'reship_ready')
         ), back AS (
             SELECT COALESCE(sum(quantity), 0)::bigint AS units
             FROM told, jsonb_to_recordset(what->'lines') AS l (quantity bigint)
             WHERE kind = 'case_received' AND what->>'condition' = 'restock'
         )
         SELECT COALESCE(sum(refusals) FILTER (WHERE was_reserved), 0)::bigint AS given_up_lines,
                COALESCE(sum(refused) FILTER (WHERE was_reserved), 0)::bigint AS given_up_units,
                (COALESCE(sum(shipped * price), 0)
                    + (SELECT COALESCE(sum(shipping) FILTER (WHERE is_due), 0) FROM by_order))::bigint AS shipped_minor,
                count(*) FILTER (WHERE was_reserved) AS reserved_lines,
                COALESCE(sum(wanted) FILTER (WHERE was_reserved), 0)::bigint AS reserved_units,
                count(*) FILTER (WHERE NOT was_decided AND NOT is_cancelled) AS waiting_lines,
                COALESCE(sum(wanted) FILTER (WHERE NOT was_decided AND NOT is_cancelled), 0)::bigint AS waiting_units,
                count(*) FILTER (WHERE NOT was_decided AND is_cancelled) AS withdrawn_lines,
                COALESCE(sum(wanted) FILTER (WHERE NOT was_decided AND is_cancelled), 0)::bigint AS withdrawn_units,
                (SELECT units FROM missing) AS lost_in_cancelled,
                (SELECT parcels FROM again) AS again_parcels,
                (SELECT units FROM again) AS again_units,
                (SELECT units FROM awaited) AS awaited_again_units,
                (SELECT units FROM back) AS restocked_units,
                COALESCE(sum(filled), 0)::bigint AS filled_units,
                COALESCE(sum(waited - filled) FILTER (WHERE is_cancelled), 0)::bigint AS unfilled_units,
                (SELECT count(*) FROM by_release WHERE is_voided AND NOT is_sent) AS voided_unsent,
                (SELECT COALESCE(sum(amount), 0)::bigint FROM by_release WHERE is_voided AND NOT is_held) AS unheld_minor
         FROM by_line",
    )
    .fetch_one(pool)
    .await
}

async fn quiet(pool: &PgPool) -> Result<Vec<Quiet>, sqlx::Error> {
    sqlx::query_as(
        "SELECT kind, count(*) AS facts FROM lifecycle.facts
         WHERE order_number IN (
             SELECT order_number FROM lifecycle.facts
             WHERE kind = 'cancelled' OR kind = 'case_opened' AND state->'what'->>'class' = 'deceased'
                OR kind = 'case_changed' AND state->'what'->'change'->>'class' = 'deceased')
         GROUP BY kind ORDER BY kind",
    )
    .fetch_all(pool)
    .await
}

/// # Errors
/// The database does not answer.
pub(crate) async fn products(config: &Config, json: bool) -> Result<(), String> {
    let pool = migrate::reader_pool(config.for_room(Room::Inventory, config::DATABASE_URL)?).await?;
    let stock = inventory::store::stock(&pool).await.map_err(|error| reading_failed(&error))?;
    show::print(json, &stock, || {
        if stock.is_empty() {
            "no product is defined; `oms products apply FILE` defines them\n".to_owned()
        } else {
            stock_table(&stock)
        }
    })
}

/// Exit code 3 if a row does not fit.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn verify(config: &Config, json: bool) -> Result<ExitCode, String> {
    let pool = migrate::reader_pool(config.for_room(Room::Audit, config::DATABASE_URL)?).await?;
    let verdict = audit::store::verify(&pool).await.map_err(|error| reading_failed(&error))?;
    show::print(json, &verdict, || match &verdict.first_bad {
        None => {
            let head = verdict.head.as_ref().map(|head| {
                format!(
                    "head {} {}\nA head noted elsewhere shows even a chain that was rewritten as a whole.\n",
                    head.seq, head.hash
                )
            });
            format!(
                "the chain holds: {} messages, none changed, missing or added\n{}",
                verdict.rows,
                head.unwrap_or_default()
            )
        }
        Some(bad) => format!("the chain breaks at record {}: {}\n", bad.seq, bad.why),
    })?;
    Ok(if verdict.first_bad.is_some() { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}
