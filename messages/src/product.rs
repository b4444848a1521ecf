//! What is said about products and stock. Products, prices, caps and units come in as messages only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Reference, UserId};
use crate::item::{ItemNumber, PoolId};
use crate::money::{Amount, Currency};
use crate::timestamp::Timestamp;

/// A product as it is sold. Sent again, it changes the product; caps are refused below what is promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    pub item: ItemNumber,
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// Minor units per unit of the product.
    pub price: Amount,
    pub currency: Currency,
    /// Orders received before are not valid (US Mint FAQ 175).
    pub on_sale_at: Timestamp,
    /// Most units of this product ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_limit: Option<u64>,
    /// The struck coins that this product shares with others (R50).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mintage: Option<Mintage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub household_limit: Option<HouseholdLimit>,
    /// Units are reserved before, but released to payment and warehouse only from then on (pre-order).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ships_from: Option<Timestamp>,
    /// While out of stock and below every cap it may be ordered, and is expected then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backorder_expected_at: Option<Timestamp>,
    /// Most units that may wait for units that others give back, once a cap is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waitlist_units: Option<u64>,
    /// An order for more units than this is held for a person (R65).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusual_quantity: Option<u32>,
}

/// A mintage pool: coins struck, shared by every product that contains the coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mintage {
    pub pool: PoolId,
    /// Most coins of the pool ever; every product of the pool names the same number.
    pub limit: u64,
    /// Coins of the pool in one unit of this product.
    #[schemars(range(min = 1))]
    pub coins_per_unit: u32,
}

/// Most units of a product per household, counted by address, card and account, over all channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HouseholdLimit {
    /// Units that one household may have.
    #[schemars(range(min = 1))]
    pub units: u32,
    /// Hours after `on_sale_at` for which it holds; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// A command: define a product or change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductDefine {
    pub reference: Reference,
    pub product: Product,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Inventory: a product is as it says now. A later `version` wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductDefined {
    pub product: Product,
    /// Counts the definitions of this item, from 1.
    pub version: u64,
    pub sender: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A command: units arrived in the warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReceive {
    /// Unique per sender; the same reference is counted once.
    pub reference: Reference,
    pub item: ItemNumber,
    /// Units that arrived.
    #[schemars(range(min = 1))]
    pub quantity: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// A command: the count on the shelf was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockAdjust {
    pub reference: Reference,
    pub item: ItemNumber,
    /// Units more (or, negative, fewer) than thought; never below what is reserved.
    pub change: i64,
    pub user: UserId,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// Inventory: units on hand changed by a count, not by an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockChanged {
    pub item: ItemNumber,
    /// Units more or, negative, fewer.
    pub change: i64,
    /// Units in the warehouse after it, reserved ones included.
    pub on_hand: u64,
    pub sender: String,
    pub reference: Reference,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
