//! The list of rooms with their settings: the only place, besides the tests, that knows more than one of them.

use std::path::PathBuf;
use std::sync::Arc;

use messages::Room;
use messages::money::Amount;
use shell::config::{self, Config};
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
        Room::Notifications => notifications::schema(),
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
    list.split(',').map(str::trim).map(|name| {
        Room::parse(name).ok_or_else(|| format!("`{name}` is not a room; rooms are {}", Room::ALL.map(Room::name).join(", ")))
    }).collect()
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
            let verify_amount = Amount::new(config.number(config::VERIFY_AMOUNT)?).map_err(|error| error.to_string())?;
            house.start(intake::Intake { verify_amount }, None, &schema).await
        }
        Room::Inventory => house.start(inventory::Inventory {}, None, &schema).await,
        Room::Payment => {
            let outside = gateway(&config)?;
            house.start(payment::Payment { retry_delays_seconds: retry_delays(&config)? }, Some(outside), &schema).await
        }
        Room::Fulfillment => {
            let handover_delay_seconds = config.number(config::HANDOVER_DELAY)?;
            house.start(fulfillment::Fulfillment { handover_delay_seconds }, None, &schema).await
        }
        Room::Tracking => house.start(tracking::Tracking {}, None, &schema).await,
        Room::Notifications => {
            let outside = mailer(&config)?;
            house.start(notifications::Notifications {}, Some(outside), &schema).await
        }
        Room::Lifecycle => house.start(lifecycle::Lifecycle {}, None, &schema).await,
        Room::Audit => house.start(audit::Audit {}, None, &schema).await,
    }
}

fn retry_delays(config: &Config) -> Result<Vec<i64>, String> {
    let text = config.need(config::PAYMENT_RETRY_DELAYS)?;
    text.split(',').map(|part| part.trim().parse().map_err(|_| format!("{} must be whole seconds with commas", config::PAYMENT_RETRY_DELAYS.name))).collect()
}
