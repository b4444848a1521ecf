//! What inventory says about the lines of an order: reserved, limited, without units, waiting; and the release
//! that may go on to payment. It never says which place in line somebody has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{OrderNumber, ReleaseId, ShipmentId};
use crate::item::ItemNumber;
use crate::money::{Amount, Currency};
use crate::order::{Line, Method};
use crate::sealed::Sealed;
use crate::timestamp::Timestamp;

/// Units of one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct LineUnits {
    /// The line's number in the order, from 1.
    pub line: u16,
    pub item: ItemNumber,
    /// Units.
    pub quantity: u32,
}

impl LineUnits {
    /// All units of an order's line.
    #[must_use]
    pub fn of(line: &Line) -> Self {
        Self { line: line.line, item: line.item.clone(), quantity: line.quantity }
    }
}

/// Inventory: these units are the customer's. Only now may anybody say "confirmed".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    pub order: OrderNumber,
    pub lines: Vec<LineUnits>,
}

/// Inventory: the household limit leaves no room for these lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockLimited {
    pub order: OrderNumber,
    pub lines: Vec<LineUnits>,
}

/// Why a line gets no units (Coin World's account of the Mint's words, domain §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// The cap is reached and every promised unit has shipped: nothing can come back.
    SoldOut,
    /// The cap is reached, or no unit is on the shelf, and units may still come back or arrive.
    CurrentlyUnavailable,
}

impl Unavailable {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SoldOut => "sold_out",
            Self::CurrentlyUnavailable => "currently_unavailable",
        }
    }
}

/// One line without units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnavailableLine {
    #[serde(flatten)]
    pub units: LineUnits,
    pub why: Unavailable,
}

/// Inventory: no units for these lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockUnavailable {
    pub order: OrderNumber,
    pub lines: Vec<UnavailableLine>,
}

/// Inventory: these lines wait for stock that is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockBackordered {
    pub order: OrderNumber,
    pub lines: Vec<LineUnits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at: Option<Timestamp>,
}

/// Inventory: these lines wait for units that others give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockWaitlisted {
    pub order: OrderNumber,
    pub lines: Vec<LineUnits>,
}

/// What one recipient gets in one parcel, with what the next desks need of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    pub release: ReleaseId,
    pub order: OrderNumber,
    /// The recipient's number in the order.
    pub delivery: u16,
    pub gift: bool,
    pub method: Method,
    pub lines: Vec<Line>,
    /// The order's shipping charge with its first release, else 0.
    pub shipping: Amount,
    /// Lines and shipping.
    pub amount: Amount,
    pub currency: Currency,
}

/// Inventory: the units of a parcel that is sent again are set aside, so it may be asked for. They are paid for already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReshipReady {
    /// The parcel to come.
    pub shipment: ShipmentId,
    pub order: OrderNumber,
    pub lines: Vec<LineUnits>,
}

/// Inventory: a release can ship now, so it may be paid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseReady {
    #[serde(flatten)]
    pub release: Release,
    /// Sealed `payment` section.
    pub payment: Sealed,
    /// Sealed `delivery` section.
    pub address: Sealed,
}
