//! What inventory says about the lines of an order: reserved, limited, without units, waiting; and the release
//! that may go on to payment. It never says which place in line somebody has.

use std::collections::BTreeMap;

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

/// Units by line that are known of already, where each message tells all of them and not only the latest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<u16, u32>);

impl Tally {
    /// Learns what a message tells and gives what is new of it. A repeat or a message that was overtaken says nothing new.
    pub fn learn(&mut self, lines: &[LineUnits]) -> Vec<LineUnits> {
        let mut news = Vec::new();
        for units in lines {
            let known = self.0.entry(units.line).or_default();
            if units.quantity > *known {
                news.push(LineUnits { quantity: units.quantity - *known, ..units.clone() });
                *known = units.quantity;
            }
        }
        news
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn of_line(&self, line: u16) -> u32 {
        self.0.get(&line).copied().unwrap_or_default()
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

/// Inventory: it is decided what can be sent again of a parcel that did not arrive. What is set aside may be asked for; it is
/// paid for already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReshipReady {
    /// The parcel to come.
    pub shipment: ShipmentId,
    pub order: OrderNumber,
    /// Units that are set aside; none if there will be no parcel.
    pub lines: Vec<LineUnits>,
    /// Units that are lost or came back unfit, and for which no others can be had: their money goes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<LineUnits>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_told_again_only_what_is_new_counts_in_whatever_order_it_comes() {
        let lines = |told: &[(u16, u32)]| -> Vec<LineUnits> {
            let item = ItemNumber::parse("19XE").expect("an item");
            told.iter().map(|&(line, quantity)| LineUnits { line, item: item.clone(), quantity }).collect()
        };
        let (one, all) = (lines(&[(1, 1)]), lines(&[(1, 3), (2, 1)]));
        let mut tally = Tally::default();
        assert_eq!(tally.learn(&one), one);
        assert_eq!(tally.learn(&one), []);
        assert_eq!(tally.learn(&all), lines(&[(1, 2), (2, 1)]));
        assert_eq!((tally.of_line(1), tally.of_line(2), tally.of_line(3)), (3, 1, 0));
        let mut overtaken = Tally::default();
        assert_eq!(overtaken.learn(&all), all);
        assert_eq!(overtaken.learn(&one), []);
        assert_eq!(overtaken, tally);
    }
}
