//! The list of rooms with their settings: the only place, besides the tests, that knows more than one of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use messages::Room;
use messages::money::Amount;
use shell::config::{self, Config};
use shell::mail;
use shell::migrate::Schema;
use shell::run::House;
use shell::worker::Outside;

/// Every room's schema, in the order of an order's way.
pub(crate) fn schemas() -> Vec<Schema> {
    Room::ALL.into_iter().map(schema).collect()
}

pub(crate) fn schema(room: Room) -> Schema {
    match room {
        Room::Intake => intake::schema(),
        Room::Inventory => inventory::schema(),
        Room::Payment => payment::schema(),
        Room::Fulfillment => fulfillment::schema(),
        Room::Tracking => tracking::schema(),
        Room::Undelivered => undelivered::schema(),
        Room::Notifications => notifications::schema(),
        Room::Promotions => promotions::schema(),
        Room::Lifecycle => lifecycle::schema(),
        Room::Audit => audit::schema(),
    }
}

/// The rooms of `--rooms`.
///
/// # Errors
/// A name that is no room.
pub(crate) fn parse(list: &str) -> Result<Vec<Room>, String> {
    if list == "all" {
        return Ok(Room::ALL.to_vec());
    }
    list.split(',')
        .map(str::trim)
        .map(|name| {
            Room::parse(name).ok_or_else(|| {
                format!("`{name}` is not a room; rooms are {}", Room::ALL.map(Room::name).join(", "))
            })
        })
        .collect()
}

/// Starts one room with its settings.
///
/// # Errors
/// One sentence.
pub(crate) async fn start(house: &mut House, room: Room) -> Result<(), String> {
    let config = house.config().clone();
    let schema = schema(room);
    match room {
        Room::Intake => {
            let verify_amount =
                Amount::new(config.number(config::VERIFY_AMOUNT)?).map_err(|error| error.to_string())?;
            house.start(intake::Intake { verify_amount }, None, &schema).await
        }
        Room::Inventory => house.start(inventory::Inventory, None, &schema).await,
        Room::Payment => {
            let outside = gateway(&config)?;
            let worker = payment::Payment {
                retry_delays_seconds: retry_delays(&config)?,
                lookup_delay_seconds: config.number(config::PAYMENT_LOOKUP_DELAY)?,
                renew_before_seconds: config.number(config::PAYMENT_RENEW_BEFORE)?,
            };
            house.start(worker, Some(outside), &schema).await
        }
        Room::Fulfillment => {
            let handover_delay_seconds = config.number(config::HANDOVER_DELAY)?;
            house.start(fulfillment::Fulfillment { handover_delay_seconds }, None, &schema).await
        }
        Room::Tracking => {
            let lost_after_days = config.number(config::TRACKING_LOST_AFTER)?;
            house.start(tracking::Tracking { lost_after_days }, None, &schema).await
        }
        Room::Undelivered => {
            let worker = undelivered::Undelivered {
                ask_after_seconds: config.number(config::CASE_ASK_AFTER)?,
                contact_seconds: config.number(config::CASE_CONTACT)?,
                decide_seconds: config.number(config::CASE_DECIDE)?,
            };
            house.start(worker, None, &schema).await
        }
        Room::Notifications => {
            let (worker, outside) = mailer(&config)?;
            house.start(worker, Some(outside), &schema).await
        }
        Room::Promotions => house.start(promotions::Promotions, Some(list_mailer(&config)?), &schema).await,
        Room::Lifecycle => house.start(lifecycle::Lifecycle, None, &schema).await,
        Room::Audit => house.start(audit::Audit, None, &schema).await,
    }
}

fn retry_delays(config: &Config) -> Result<Vec<i64>, String> {
    let text = config.need(config::PAYMENT_RETRY_DELAYS)?;
    text.split(',')
        .map(|part| {
            part.trim().parse().map_err(|_| {
                format!("{} must be whole seconds with commas", config::PAYMENT_RETRY_DELAYS.name)
            })
        })
        .collect()
}

fn gateway(config: &Config) -> Result<Arc<dyn Outside>, String> {
    let settings = payment::GatewaySettings {
        url: config.need(config::PAYMENT_URL)?.to_owned(),
        secret_key: config.need(config::PAYMENT_KEY)?.to_owned(),
        timeout: payment_timeout(config)?,
        concurrency: config.number(config::PAYMENT_CONCURRENCY)?,
    };
    Ok(Arc::new(payment::Gateway::new(&settings)?))
}

/// A call makes at most two requests, and both must end before another performer may look after it.
fn payment_timeout(config: &Config) -> Result<Duration, String> {
    match config.number(config::PAYMENT_TIMEOUT)? {
        seconds @ 1..=30 => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("{} must be 1 to 30 seconds", config::PAYMENT_TIMEOUT.name)),
    }
}

fn mailer(config: &Config) -> Result<(notifications::Notifications, Arc<dyn Outside>), String> {
    let from = mail::mailbox(config.need(config::MAIL_FROM)?)?;
    let worker = notifications::Notifications { mail_domain: from.email.domain().to_owned() };
    let outside = notifications::outside::Mailer {
        transport: relay(config)?,
        from,
        answer_base_url: config.need(config::ANSWER_URL)?.to_owned(),
        concurrency: config.number(config::MAIL_CONCURRENCY)?,
    };
    Ok((worker, Arc::new(outside)))
}

fn list_mailer(config: &Config) -> Result<Arc<dyn Outside>, String> {
    let from = mail::mailbox(config.need(config::LIST_FROM)?)?;
    let settings = promotions::mail::Settings {
        base_url: config.need(config::PUBLIC_URL)?.trim_end_matches('/').to_owned(),
        confirm_url: config.need(config::CONFIRM_URL)?.to_owned(),
        list_id: config.need(config::LIST_ID)?.to_owned(),
        postal_address: config.need(config::POSTAL_ADDRESS)?.to_owned(),
        mail_domain: from.email.domain().to_owned(),
    };
    let (transport, concurrency) = (relay(config)?, config.number(config::MAIL_CONCURRENCY)?);
    Ok(Arc::new(promotions::outside::Mailer { transport, from, settings, concurrency }))
}

fn relay(config: &Config) -> Result<mail::Transport, String> {
    mail::transport(config.get(config::SMTP_URL), &PathBuf::from(config.need(config::MAIL_DIR)?))
}
