//! The room's keys and tables, and what the operator reads of them. It must never write: saving is the shell's.

use std::borrow::Cow;

use messages::id::{OrderNumber, Reference};
use messages::item::{ItemNumber, PoolId};
use messages::sealed::Fingerprint;
use serde::{Deserialize, Serialize};
use shell::World;

use crate::Inventory;
use crate::decide::books::{Household, Pool, Stock};
use crate::decide::commands::Command;
use crate::decide::orders::Order;

/// The room's migrations.
pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/inventory");

/// One row's key. The variants are the order of locks, and `scope` names them in the same order round by round
/// (orders and commands, then items, then pools and households), so that no two batches wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Order(OrderNumber),
    Command { sender: String, verb: Verb, reference: Reference },
    Item(ItemNumber),
    Pool(PoolId),
    Household(HouseholdKey),
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

/// The order's row, if the scope named it.
pub(crate) fn find_order<'a>(world: &'a World<Inventory>, number: &OrderNumber) -> Option<&'a Order> {
    match world.find(&Key::Order(number.clone())) {
        Some(State::Order(order)) => Some(order),
        Some(State::Command(_) | State::Item(_) | State::Pool(_) | State::Household(_)) | None => None,
    }
}

/// The product and its units, if it is defined.
pub(crate) fn find_stock<'a>(world: &'a World<Inventory>, item: &ItemNumber) -> Option<&'a Stock> {
    match world.find(&Key::Item(item.clone())) {
        Some(State::Item(stock)) => stock.as_deref(),
        Some(State::Order(_) | State::Command(_) | State::Pool(_) | State::Household(_)) | None => None,
    }
}

/// The pool's row, if the scope named it.
pub(crate) fn find_pool(world: &World<Inventory>, pool: &PoolId) -> Option<Pool> {
    match world.find(&Key::Pool(pool.clone())) {
        Some(State::Pool(pool)) => Some(*pool),
        Some(State::Order(_) | State::Command(_) | State::Item(_) | State::Household(_)) | None => None,
    }
}

/// The counter's row, if the scope named it.
pub(crate) fn find_household(world: &World<Inventory>, key: &HouseholdKey) -> Option<Household> {
    match world.find(&Key::Household(key.clone())) {
        Some(State::Household(household)) => Some(*household),
        Some(State::Order(_) | State::Command(_) | State::Item(_) | State::Pool(_)) | None => None,
    }
}

/// One product as the operator sees it. All counts are units of the product, those of the pool coins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ItemStock {
    pub item: String,
    pub name: String,
    /// Units in the warehouse, reserved ones included.
    pub on_hand: i64,
    pub reserved: i64,
    pub shipped: i64,
    pub product_limit: Option<i64>,
    pub pool: Option<String>,
    pub pool_limit: Option<i64>,
    /// Coins of the pool that are reserved or shipped, over all its products.
    pub pool_promised: Option<i64>,
}

/// Every product's units, by item number. `reader` is connected as `oms_reader`.
///
/// # Errors
/// The database is away, or the schema is not migrated.
pub async fn stock(reader: &sqlx::PgPool) -> Result<Vec<ItemStock>, sqlx::Error> {
    sqlx::query_as(
        "SELECT i.key AS item, i.name, i.on_hand, i.reserved, i.shipped, i.product_limit,
                i.pool, p.coin_limit AS pool_limit, p.promised AS pool_promised
         FROM inventory.items i LEFT JOIN inventory.pools p ON p.key = i.pool
         WHERE i.name IS NOT NULL ORDER BY i.key",
    )
    .fetch_all(reader)
    .await
}
