//! `oms status`, `oms products list` and `oms audit verify`: how the house stands. It reads and changes nothing.

mod desks;
mod live;
mod picture;
mod sums;

use std::process::ExitCode;

use messages::Room;
use serde::Serialize;
use shell::config::{self, Config};
use shell::migrate;

use self::desks::{Desk, Desks};
pub(crate) use self::live::watch;

use crate::{FOUND, reading_failed, show};

#[derive(Debug, Serialize)]
struct Status {
    desks: Vec<Desk>,
    orders: intake::store::Counts,
    #[serde(flatten)]
    told: Option<sums::Told>,
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
pub(crate) async fn status(config: &Config, with_sums: bool, json: bool) -> Result<(), String> {
    let pool = async |room: Room| migrate::reader_pool(config.for_room(room, config::DATABASE_URL)?).await;
    let failed = |error: sqlx::Error| reading_failed(&error);
    let status = Status {
        desks: Desks::open(config).await?.look().await?,
        orders: intake::store::counts(&pool(Room::Intake).await?).await.map_err(failed)?,
        told: if with_sums {
            Some(sums::told(&pool(Room::Lifecycle).await?).await.map_err(failed)?)
        } else {
            None
        },
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
            format!("{}{}", desk.room, if desk.books.paused { " (PAUSED)" } else { "" }),
            desk.waiting_outside.to_string(),
            desk.waiting.to_string(),
            desk.parked.to_string(),
            desk.books.outbox.to_string(),
            desk.books.due.to_string(),
            desk.books.tasks.to_string(),
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
    text += &format!("\n{}", stock_table(&status.stock));
    if let Some(told) = &status.told {
        text += &format!("\n{}", sums::text(told));
    }
    text
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
