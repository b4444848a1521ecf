//! `oms orders` and `oms hold`: where is my order, and what waits for a person. It reads as `oms_reader`; ending a
//! hold is a message to intake.

use std::process::ExitCode;

use lifecycle::status::OrderStatus;
use lifecycle::store::{OrderView, Orders, Query};
use messages::answer::Outcome;
use messages::id::{OrderNumber, Reference, UserId};
use messages::order::{HoldRefuse, HoldRelease, OrderCancel};
use messages::tracking_number::TrackingNumber;
use messages::{Body, Room, Timestamp};
use shell::clock;
use shell::config::{self, Config};
use shell::migrate;
use time::Date;

use crate::cli::FindArgs;
use crate::operator::{Operator, carry_out, key_of, reference};
use crate::{FOUND, reading_failed, show};

fn number(text: &str) -> Result<OrderNumber, String> {
    OrderNumber::parse(text).map_err(|error| error.to_string())
}

/// # Errors
/// A bad number, an unknown order, or the database.
pub(crate) async fn show(config: &Config, text: &str, json: bool) -> Result<(), String> {
    let number = number(text)?;
    let pool = migrate::reader_pool(config.for_room(Room::Lifecycle, config::DATABASE_URL)?).await?;
    let view = lifecycle::store::show(&pool, &number).await.map_err(|error| reading_failed(&error))?;
    let view = view.ok_or_else(|| format!("nothing was ever heard of order {number}"))?;
    show::print(json, &view, || story(&view))
}

fn story(view: &OrderView) -> String {
    let summary = &view.summary;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let total =
        summary.total.zip(summary.currency).map(|(total, currency)| format!("{total} {}", currency.as_str()));
    let mut text = format!(
        "order {}  {}\n{} by {}, reference {}; received {}; total {}\n\n",
        summary.order,
        summary.status,
        or_dash(summary.channel.map(|channel| channel.name().to_owned())),
        or_dash(summary.sender.clone()),
        or_dash(summary.reference.as_ref().map(ToString::to_string)),
        or_dash(summary.received_at.map(|at| at.to_string())),
        or_dash(total),
    );
    let lines = view.lines.iter().map(|line| {
        [
            line.line.to_string(),
            line.item.as_str().to_owned(),
            line.quantity.to_string(),
            line.status.to_string(),
        ]
    });
    text += &show::table(["line", "item", "quantity", "status"], lines);
    for parcel in &view.parcels {
        text += &format!(
            "\nparcel {}  {} {}  {}",
            parcel.shipment,
            lifecycle::words::carrier_name(parcel.carrier),
            parcel.tracking.as_str(),
            parcel.status
        );
    }
    for case in &view.cases {
        let class = case.opened.as_ref().map_or("not opened yet", |opened| opened.class.name());
        let end = case.end.as_ref().map_or("open", |end| end.resolution.name());
        text += &format!("\ncase {}  {}  {end}", case.case, class.replace('_', " "));
    }
    text += "\n\n";
    for entry in &view.history {
        let detail = entry.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        text += &format!("{}  {}{detail}\n", entry.time, entry.what);
    }
    for task in view.tasks.iter().filter(|task| task.closed.is_none()) {
        text += &format!("\nopen task: {} {}: {}\n", task.room, task.kind.name(), task.reason);
    }
    text
}

/// # Errors
/// A bad key, or the database.
pub(crate) async fn find(config: &Config, args: &FindArgs, json: bool) -> Result<(), String> {
    let query = query(args)?;
    let pool = migrate::reader_pool(config.for_room(Room::Lifecycle, config::DATABASE_URL)?).await?;
    let found = lifecycle::store::find(&pool, &query).await.map_err(|error| reading_failed(&error))?;
    show::print(json, &found, || list(&found))
}

/// Exit code 3 if an order is stuck.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn stuck(config: &Config, json: bool) -> Result<ExitCode, String> {
    let pool = migrate::reader_pool(config.for_room(Room::Lifecycle, config::DATABASE_URL)?).await?;
    let now = Timestamp(clock::now());
    let found = lifecycle::store::stuck(&pool, now).await.map_err(|error| reading_failed(&error))?;
    show::print(json, &found, || {
        if found.orders.is_empty() {
            return "no order is stuck\n".to_owned();
        }
        let rows = found.orders.iter().map(|order| {
            let or_dash = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            [
                order.order.to_string(),
                order.status.to_string(),
                order.last_at.to_string(),
                or_dash(order.stuck_at),
            ]
        });
        let more = if found.more { "there may be more\n" } else { "" };
        show::table(["order", "status", "last heard of", "should have moved by"], rows) + more
    })?;
    Ok(if found.orders.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

/// # Errors
/// A bad number, or fulfillment refuses.
pub(crate) async fn cancel(
    config: &Config,
    user: UserId,
    text: &str,
    reason: String,
) -> Result<String, String> {
    let (reference, order) = (reference(None)?, number(text)?);
    carry_out(config, OrderCancel { reference, order, user: Some(user), reason }, "cancelled").await
}

fn list(found: &Orders) -> String {
    if found.orders.is_empty() {
        return "no order fits\n".to_owned();
    }
    let rows = found.orders.iter().map(|order| {
        [
            order.order.to_string(),
            order.status.to_string(),
            order.reference.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            order.sender.clone().unwrap_or_else(|| "-".to_owned()),
            order.received_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            order.total.map_or_else(|| "-".to_owned(), |total| total.to_string()),
        ]
    });
    let more = if found.more { "there are more; narrow the search\n" } else { "" };
    show::table(["order", "status", "reference", "sender", "received at", "total"], rows) + more
}

fn query(args: &FindArgs) -> Result<Query, String> {
    if let Some(text) = &args.number {
        return Ok(Query::Number(number(text)?));
    }
    if let Some(text) = &args.reference {
        return Reference::parse(text).map(Query::Reference).map_err(|error| error.to_string());
    }
    if let Some(text) = &args.tracking {
        return TrackingNumber::parse(text).map(Query::Tracking).map_err(|error| error.to_string());
    }
    if let Some(text) = &args.status {
        let known = || OrderStatus::ALL.iter().map(|status| status.name()).collect::<Vec<_>>().join(", ");
        let status = OrderStatus::parse(&text.replace([' ', '-'], "_"));
        return status
            .map(Query::Status)
            .ok_or_else(|| format!("`{text}` is not a status of an order; statuses are {}", known()));
    }
    let day = args.day.as_deref().unwrap_or_default();
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(day, format)
        .map(Query::Day)
        .map_err(|_| format!("`{day}` is not a day; it looks like 2019-11-14"))
}

/// # Errors
/// The database does not answer.
pub(crate) async fn held(config: &Config, json: bool) -> Result<(), String> {
    let pool = migrate::reader_pool(config.for_room(Room::Intake, config::DATABASE_URL)?).await?;
    let held = intake::store::held(&pool).await.map_err(|error| reading_failed(&error))?;
    show::print(json, &held, || {
        if held.is_empty() {
            return "no order is held\n".to_owned();
        }
        let rows = held.iter().map(|order| {
            let reasons: Vec<&str> = order.reasons.iter().map(|reason| reason.name()).collect();
            [
                order.order.to_string(),
                reasons.join(", "),
                order.channel.name().to_owned(),
                order.reference.to_string(),
                order.total.to_string(),
                order.since.to_string(),
            ]
        });
        show::table(["order", "reasons", "channel", "reference", "total", "held since"], rows)
    })
}

/// # Errors
/// A bad number, or intake refuses.
pub(crate) async fn release(
    config: &Config,
    user: UserId,
    text: &str,
    reason: String,
) -> Result<String, String> {
    end(config, HoldRelease { order: number(text)?, user, reason }, "released").await
}

/// # Errors
/// A bad number, or intake refuses.
pub(crate) async fn refuse(
    config: &Config,
    user: UserId,
    text: &str,
    reason: String,
) -> Result<String, String> {
    end(config, HoldRefuse { order: number(text)?, user, reason }, "refused").await
}

async fn end<B: Body>(config: &Config, command: B, done: &str) -> Result<String, String> {
    let answers = Operator::open(config)?.ask(&[command], &key_of(B::KIND)).await?;
    match answers.first() {
        Some(answer) if answer.outcome == Outcome::Done => Ok(done.to_owned()),
        Some(answer) => Err(answer.text.clone().unwrap_or_else(|| answer.outcome.name().to_owned())),
        None => Err("intake gave no answer".to_owned()),
    }
}
