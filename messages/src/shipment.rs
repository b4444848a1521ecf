//! What is said about shipments: the request to the warehouse, its answers, and what the carriers' scans amount to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{OrderNumber, ReleaseId, ShipmentId};
use crate::order::Method;
use crate::sealed::Sealed;
use crate::stock::LineUnits;
use crate::timestamp::Timestamp;
use crate::tracking_number::{Carrier, TrackingNumber};

/// Fulfillment: handed over. To the warehouse it carries the section under the warehouse's own key; on `oms` it
/// carries none. No price is on it, so none can be on a gift's slip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentRequested {
    pub shipment: ShipmentId,
    pub release: ReleaseId,
    pub order: OrderNumber,
    /// The recipient's number in the order, part of the section's associated data.
    pub delivery: u16,
    pub gift: bool,
    pub method: Method,
    pub lines: Vec<LineUnits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Sealed>,
}

/// The warehouse: the parcel is packed, labelled and in the carriers' area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentPacked {
    pub shipment: ShipmentId,
    pub carrier: Carrier,
    pub tracking: TrackingNumber,
    pub packed_at: Timestamp,
    /// What is in it.
    #[schemars(length(min = 1))]
    pub lines: Vec<LineUnits>,
}

/// The warehouse: units cannot be found. What can be found is packed all the same and told by `shipment.packed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentShort {
    pub shipment: ShipmentId,
    /// All units of the shipment that are missing, those of an earlier report included.
    #[schemars(length(min = 1))]
    pub missing: Vec<LineUnits>,
}

/// Fulfillment: the warehouse reported a shipment short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseShorted {
    pub shipment: ShipmentId,
    pub release: ReleaseId,
    pub order: OrderNumber,
    /// The recipient's number in the order, from 1.
    pub delivery: u16,
    /// All units of the shipment that are missing so far, those of an earlier event included.
    pub missing: Vec<LineUnits>,
    /// Sealed `delivery` section, for the release that is made again.
    pub address: Sealed,
}

/// Fulfillment: a parcel is on its way. It is what the customer is charged for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentDispatched {
    pub shipment: ShipmentId,
    pub release: ReleaseId,
    pub order: OrderNumber,
    pub gift: bool,
    pub carrier: Carrier,
    pub tracking: TrackingNumber,
    pub packed_at: Timestamp,
    pub lines: Vec<LineUnits>,
}

/// One status per parcel; a later rank never gives way to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParcelStatus {
    LabelCreated,
    InTransit,
    OutForDelivery,
    Attempted,
    PickupReady,
    /// The carrier met an obstacle; it may recover.
    Exception,
    /// On its way back to us.
    Returning,
    Delivered,
    /// Back at the sender.
    Returned,
}

impl ParcelStatus {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LabelCreated => "label_created",
            Self::InTransit => "in_transit",
            Self::OutForDelivery => "out_for_delivery",
            Self::Attempted => "attempted",
            Self::PickupReady => "pickup_ready",
            Self::Exception => "exception",
            Self::Returning => "returning",
            Self::Delivered => "delivered",
            Self::Returned => "returned",
        }
    }
}

/// A carrier: one scan of one parcel. Give the carrier's own `code`, or a `status` that was already mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CarrierScan {
    pub carrier: Carrier,
    pub tracking: TrackingNumber,
    /// The carrier's event code, e.g. USPS `01`, `OF`, `09`; UPS `D`, `I`, `X`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ParcelStatus>,
    /// "Delivered, To Original Sender" is a return, not a delivery.
    #[serde(default)]
    pub to_sender: bool,
    /// The postal endorsement on the parcel, e.g. `NSN`, `UTF`, `DEC`, `REF`, `VAC` (USPS DMM 507).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub endorsement: Option<String>,
    pub scanned_at: Timestamp,
}

/// Tracking: the parcel's status moved on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentProgressed {
    pub shipment: ShipmentId,
    pub order: OrderNumber,
    pub status: ParcelStatus,
    pub scanned_at: Timestamp,
}

/// Tracking: the parcel is with its recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentDelivered {
    pub shipment: ShipmentId,
    pub order: OrderNumber,
    pub delivered_at: Timestamp,
}

/// Tracking: the carrier cannot deliver the parcel, for the reason of `code`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentUndeliverable {
    pub shipment: ShipmentId,
    pub order: OrderNumber,
    pub carrier: Carrier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement: Option<String>,
    pub scanned_at: Timestamp,
}

/// Tracking: the parcel came back to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentReturned {
    pub shipment: ShipmentId,
    pub order: OrderNumber,
    pub carrier: Carrier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement: Option<String>,
    pub returned_at: Timestamp,
}

/// Tracking: no scan of the parcel for days; it may still turn up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentLost {
    pub shipment: ShipmentId,
    pub order: OrderNumber,
    pub carrier: Carrier,
    pub last_seen_at: Timestamp,
}
