//! The room's keys and tables, and what the operator reads of them. It must never write: saving is the shell's.

use std::borrow::Cow;

use messages::id::{OrderNumber, Reference, ShipmentId};
use messages::item::{ItemNumber, PoolId};
use messages::order::Place;
use messages::sealed::Fingerprint;
use serde::{Deserialize, Serialize};
use shell::World;

use crate::Inventory;
use crate::decide::commands::Command;
use crate::decide::order::Order;
use crate::decide::stock::{Household, List, Pool, Stock};

/// The room's migrations.
pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/inventory");

/// The table of places in line.
pub const WAITING: &str = "waiting";

/// One row's key. The variants are the order of locks, and `scope` names them in the same order round by round
/// (orders and commands, then items, then pools, households and places in line), so that no two batches wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Order(OrderNumber),
    Command { sender: String, verb: Verb, reference: Reference },
    Item(ItemNumber),
    Pool(PoolId),
    Household(HouseholdKey),
    Waiting(WaitingKey),
}

/// A place in line, as text: `<item>/<b|w>/<received at>/<message id>/<order>/<line>`, with `.<release>.<parcel>` behind
/// the line where it is for a parcel that is sent again. The order of the text is the order of the places: backorders,
/// which are promised, before the waitlist, then as received (UTC, of fixed width).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WaitingKey {
    text: String,
    order: OrderNumber,
}

/// What a command asks for; references are unique per sender and verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Define,
    Receive,
    Adjust,
}

/// One of the three counters of a household.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HouseholdKey {
    pub item: ItemNumber,
    pub by: By,
    pub fingerprint: Fingerprint,
}

/// What a household is recognized by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    Address,
    Card,
    Account,
}

/// What a row holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Order(Order),
    /// Nothing: never seen.
    Command(Option<Command>),
    /// Nothing: nobody has defined the product.
    Item(Option<Box<Stock>>),
    Pool(Pool),
    Household(Household),
    /// A place in line says all in its key; what stands there is in the order's row.
    Waiting,
}

impl WaitingKey {
    #[must_use]
    pub fn of(item: &ItemNumber, list: List, place: &Place, order: &OrderNumber, line: u16) -> Self {
        let list = match list {
            List::Backorder => 'b',
            List::Waitlist => 'w',
        };
        let Place { received_at, message_id } = place;
        let utc = received_at.0.to_offset(time::UtcOffset::UTC);
        let (year, month, day) = utc.to_calendar_date();
        let (hour, minute, second, nanosecond) = utc.to_hms_nano();
        let month = u8::from(month);
        let at = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanosecond:09}Z");
        Self { text: format!("{item}/{list}/{at}/{message_id}/{order}/{line:05}"), order: order.clone() }
    }

    /// The place of a line of a parcel that is sent again, beside those of the same line that were not sent yet.
    #[must_use]
    pub fn to_resend(item: &ItemNumber, list: List, place: &Place, shipment: &ShipmentId, line: u16) -> Self {
        let order = shipment.order();
        let of_line = Self::of(item, list, place, &order, line);
        let parcel = shipment.as_str().strip_prefix(order.as_str()).unwrap_or_default();
        Self { text: format!("{}{parcel}", of_line.text), order }
    }

    /// The place of that text, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // From the end, since the message id may hold a slash.
        let order = text.rsplit('/').nth(1)?;
        Some(Self { text: text.to_owned(), order: OrderNumber::parse(order).ok()? })
    }

    #[must_use]
    pub fn order(&self) -> &OrderNumber {
        &self.order
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for WaitingKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| "a place in line names its order before its line".to_owned())
    }
}

impl From<WaitingKey> for String {
    fn from(key: WaitingKey) -> Self {
        key.text
    }
}

impl State {
    /// What a row holds that nobody has written yet.
    #[must_use]
    pub fn blank(key: &Key) -> Self {
        match key {
            Key::Order(_) => Self::Order(Order::default()),
            Key::Command { .. } => Self::Command(None),
            Key::Item(_) => Self::Item(None),
            Key::Pool(_) => Self::Pool(Pool::default()),
            Key::Household(_) => Self::Household(Household::default()),
            Key::Waiting(_) => Self::Waiting,
        }
    }
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Order(_) => "orders",
            Self::Command { .. } => "commands",
            Self::Item(_) => "items",
            Self::Pool(_) => "pools",
            Self::Household(_) => "households",
            Self::Waiting(_) => WAITING,
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Order(order) => order.as_str().into(),
            // The reference comes last, since it may hold a slash.
            Self::Command { sender, verb, reference } => {
                format!("{sender}/{}/{reference}", verb.name()).into()
            }
            Self::Item(item) => item.as_str().into(),
            Self::Pool(pool) => pool.as_str().into(),
            Self::Household(HouseholdKey { item, by, fingerprint }) => {
                format!("{item}/{}/{}", by.name(), fingerprint.as_str()).into()
            }
            Self::Waiting(key) => key.as_str().into(),
        }
    }
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Define => "define",
            Self::Receive => "receive",
            Self::Adjust => "adjust",
        }
    }
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Card => "card",
            Self::Account => "account",
        }
    }
}

impl State {
    fn order(&self) -> Option<&Order> {
        if let Self::Order(order) = self { Some(order) } else { None }
    }

    fn stock(&self) -> Option<&Stock> {
        if let Self::Item(stock) = self { stock.as_deref() } else { None }
    }

    fn pool(&self) -> Option<&Pool> {
        if let Self::Pool(pool) = self { Some(pool) } else { None }
    }

    fn household(&self) -> Option<Household> {
        if let Self::Household(household) = self { Some(*household) } else { None }
    }
}

/// The order's row, if the scope named it.
pub(crate) fn find_order<'a>(world: &'a World<Inventory>, number: &OrderNumber) -> Option<&'a Order> {
    world.find(&Key::Order(number.clone())).and_then(State::order)
}

/// The product and its units, if it is defined.
pub(crate) fn find_stock<'a>(world: &'a World<Inventory>, item: &ItemNumber) -> Option<&'a Stock> {
    world.find(&Key::Item(item.clone())).and_then(State::stock)
}

/// The pool's row, if the scope named it.
pub(crate) fn find_pool<'a>(world: &'a World<Inventory>, pool: &PoolId) -> Option<&'a Pool> {
    world.find(&Key::Pool(pool.clone())).and_then(State::pool)
}

/// The counter's row, if the scope named it.
pub(crate) fn find_household(world: &World<Inventory>, key: &HouseholdKey) -> Option<Household> {
    world.find(&Key::Household(key.clone())).and_then(State::household)
}

/// One product as the operator sees it. All counts are units of the product, those of the pool coins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ItemStock {
    pub item: String,
    pub name: String,
    /// Units in the warehouse, reserved ones included.
    pub on_hand: i64,
    pub reserved: i64,
    /// Promised, and not here yet.
    pub backordered: i64,
    /// Waiting without a promise.
    pub waitlisted: i64,
    pub shipped: i64,
    pub product_limit: Option<i64>,
    pub pool: Option<String>,
    pub pool_limit: Option<i64>,
    /// Coins of the pool that are reserved, backordered or shipped, over all its products.
    pub pool_promised: Option<i64>,
}

/// Every product's units, by item number. `reader` is connected as `oms_reader`.
///
/// # Errors
/// The database is away, or the schema is not migrated.
pub async fn stock(reader: &sqlx::PgPool) -> Result<Vec<ItemStock>, sqlx::Error> {
    sqlx::query_as(
        "SELECT i.key AS item, i.name, i.on_hand, i.reserved, i.backordered, i.waitlisted, i.shipped,
                i.product_limit, i.pool, p.coin_limit AS pool_limit, p.promised AS pool_promised
         FROM inventory.items i LEFT JOIN inventory.pools p ON p.key = i.pool
         WHERE i.name IS NOT NULL ORDER BY i.key",
    )
    .fetch_all(reader)
    .await
}
