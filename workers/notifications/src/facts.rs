//! What a notice tells: the data of its words, taken from the events' bodies. Nothing personal ever gets in here,
//! and no word is chosen here.

use messages::case::CaseClass;
use messages::id::{ReleaseId, ShipmentId};
use messages::item::ItemNumber;
use messages::money::{Amount, Currency};
use messages::notice::NoticeKind;
use messages::order::Line;
use messages::payment::DeclineClass;
use messages::stock::{LineUnits, Unavailable, UnavailableLine};
use messages::tracking_number::{Carrier, TrackingNumber};
use messages::{Timestamp, shipment};
use serde::{Deserialize, Serialize};

use crate::store::Order;

/// Units of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub item: ItemNumber,
    pub quantity: u32,
}

/// Units of one item with the price of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedItem {
    pub item: ItemNumber,
    pub quantity: u32,
    pub unit_price: Amount,
}

/// Units of one item that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingItem {
    pub item: ItemNumber,
    pub quantity: u32,
    pub why: Unavailable,
}

/// What the customer asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub items: Vec<PricedItem>,
    /// Shipping included.
    pub total: Amount,
    pub currency: Currency,
}

/// A parcel that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    pub items: Vec<Item>,
    pub carrier: Carrier,
    pub tracking: TrackingNumber,
    /// Sent a second time, after the first parcel of the same units came back or was lost: nothing is charged for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// What one notice tells. A part that is absent has not come yet, and the notice waits for it ([`Facts::fill`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    Received(Placed),
    Held(Placed),
    Refused {
        code: String,
    },
    Confirmed(Vec<Item>),
    Limited(Vec<Item>),
    Unavailable(Vec<MissingItem>),
    Backordered {
        items: Vec<Item>,
        expected_at: Option<Timestamp>,
    },
    Waitlisted(Vec<Item>),
    PaymentDelayed {
        release: ReleaseId,
        order: Option<Placed>,
    },
    PaymentDeclined {
        release: ReleaseId,
        class: DeclineClass,
        order: Option<Placed>,
    },
    Shipped(Parcel),
    Delivered {
        at: Timestamp,
        parcel: Option<Parcel>,
    },
    Undeliverable {
        parcel: Option<Parcel>,
    },
    Returned {
        parcel: Option<Parcel>,
    },
    /// `handed_over` counts the parts that were with the warehouse already.
    Cancelled {
        handed_over: usize,
    },
    /// The first or second question of a case; the answer code is made of `contact` where the mail is.
    Asked {
        contact: u8,
        class: CaseClass,
        answer_by: Timestamp,
        parcel: Option<Parcel>,
    },
    Reshipped {
        parcel: Option<Parcel>,
    },
    Refunded {
        release: ReleaseId,
        amount: Amount,
        currency: Currency,
    },
}

impl Facts {
    #[must_use]
    pub const fn kind(&self) -> NoticeKind {
        match self {
            Self::Received(_) => NoticeKind::Received,
            Self::Held(_) => NoticeKind::Held,
            Self::Refused { .. } => NoticeKind::Refused,
            Self::Confirmed(_) => NoticeKind::Confirmed,
            Self::Limited(_) => NoticeKind::Limited,
            Self::Unavailable(_) => NoticeKind::Unavailable,
            Self::Backordered { .. } => NoticeKind::Backordered,
            Self::Waitlisted(_) => NoticeKind::Waitlisted,
            Self::PaymentDelayed { .. } => NoticeKind::PaymentDelayed,
            Self::PaymentDeclined { .. } => NoticeKind::PaymentDeclined,
            Self::Shipped(_) => NoticeKind::Shipped,
            Self::Delivered { .. } => NoticeKind::Delivered,
            Self::Undeliverable { .. } => NoticeKind::Undeliverable,
            Self::Returned { .. } => NoticeKind::Returned,
            Self::Cancelled { .. } => NoticeKind::Cancelled,
            Self::Asked { contact: 0 | 1, .. } => NoticeKind::Question,
            Self::Asked { .. } => NoticeKind::Reminder,
            Self::Reshipped { .. } => NoticeKind::Reshipped,
            Self::Refunded { .. } => NoticeKind::Refunded,
        }
    }

    /// Adds what the order's row knows. Gives whether nothing is missing now; `cause` is the shipment id where
    /// the facts are about a parcel.
    pub fn fill(&mut self, row: &Order, cause: &str) -> bool {
        match self {
            Self::PaymentDelayed { order, .. } | Self::PaymentDeclined { order, .. } => {
                order.clone_from(&row.placed);
                order.is_some()
            }
            Self::Delivered { parcel, .. }
            | Self::Undeliverable { parcel }
            | Self::Returned { parcel }
            | Self::Asked { parcel, .. }
            | Self::Reshipped { parcel } => {
                *parcel = row.parcels.get(cause).cloned();
                parcel.is_some()
            }
            Self::Received(_)
            | Self::Held(_)
            | Self::Refused { .. }
            | Self::Confirmed(_)
            | Self::Limited(_)
            | Self::Unavailable(_)
            | Self::Backordered { .. }
            | Self::Waitlisted(_)
            | Self::Shipped(_)
            | Self::Cancelled { .. }
            | Self::Refunded { .. } => true,
        }
    }

    /// Whether what the order's row knows has overtaken the facts: to tell them now would be untrue.
    #[must_use]
    pub fn is_overtaken(&self, row: &Order, cause: &str) -> bool {
        match self {
            Self::Received(_)
            | Self::Held(_)
            | Self::Refused { .. }
            | Self::Confirmed(_)
            | Self::Limited(_)
            | Self::Unavailable(_)
            | Self::Backordered { .. }
            | Self::Waitlisted(_)
            | Self::PaymentDelayed { .. }
            | Self::PaymentDeclined { .. } => row.cancelled,
            Self::Asked { .. } => row.ended.contains(cause),
            Self::Undeliverable { .. } => row.returned.contains(cause),
            Self::Shipped(_)
            | Self::Delivered { .. }
            | Self::Returned { .. }
            | Self::Cancelled { .. }
            | Self::Reshipped { .. }
            | Self::Refunded { .. } => false,
        }
    }
}

impl Placed {
    #[must_use]
    pub fn of(lines: Vec<Line>, total: Amount, currency: Currency) -> Self {
        let items = lines
            .into_iter()
            .map(|line| PricedItem { item: line.item, quantity: line.quantity, unit_price: line.unit_price })
            .collect();
        Self { items, total, currency }
    }
}

impl From<shipment::ShipmentDispatched> for Parcel {
    fn from(body: shipment::ShipmentDispatched) -> Self {
        let again = is_sent_again(&body.shipment);
        Self { items: items(body.lines), carrier: body.carrier, tracking: body.tracking, again }
    }
}

/// A release's first parcel has the number 1; one that is sent again has the next.
fn is_sent_again(shipment: &ShipmentId) -> bool {
    !shipment.as_str().ends_with(".1")
}

#[must_use]
pub fn items(lines: Vec<LineUnits>) -> Vec<Item> {
    lines.into_iter().map(|line| Item { item: line.item, quantity: line.quantity }).collect()
}

#[must_use]
pub fn missing_items(lines: Vec<UnavailableLine>) -> Vec<MissingItem> {
    lines
        .into_iter()
        .map(|line| MissingItem { item: line.units.item, quantity: line.units.quantity, why: line.why })
        .collect()
}

#[cfg(test)]
pub(crate) mod examples;
