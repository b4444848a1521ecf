//! A fact as it is kept: what was said, when, about which order. It must never hold a sealed section, a fingerprint
//! or any personal value.

use messages::Timestamp;
use messages::case::{CaseChange, CaseClass, CaseEnd, Condition};
use messages::id::{OrderNumber, Reference, ReleaseId, ShipmentId, UserId};
use messages::item::ItemNumber;
use messages::money::{Amount, Currency};
use messages::notice::{NoticeKind, NoticeWay};
use messages::order::{Channel, HoldReason, Line};
use messages::payment::DeclineClass;
use messages::room::Room;
use messages::shipment::ParcelStatus;
use messages::stock::{LineUnits, UnavailableLine};
use messages::subscriber::{CampaignState, SubscriberChange, Topic};
use messages::task::TaskKind;
use messages::tracking_number::{Carrier, TrackingNumber};
use serde::{Deserialize, Serialize};
use time::UtcOffset;

use crate::eastern::day_text;
use crate::ranks::LineStatus;

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The id of the event that told it.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderNumber>,
    /// The time of that event, in a form that sorts as text.
    #[serde(with = "sortable")]
    pub time: Timestamp,
    /// What the fact says about how far something is; see [`LineStatus::rank`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u8>,
    /// The day of the order in US Eastern time, `YYYY-MM-DD`; with facts that make an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    pub what: What,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    Accepted(Accepted),
    Held(Held),
    Refused {
        sender: String,
        reference: Reference,
        code: String,
        text: String,
    },
    HoldEnded {
        released: bool,
        user: UserId,
        reason: String,
    },
    ProductDefined {
        item: ItemNumber,
        version: u64,
        sender: String,
        user: Option<UserId>,
        reason: Option<String>,
    },
    StockChanged {
        item: ItemNumber,
        change: i64,
        on_hand: u64,
        sender: String,
        user: Option<UserId>,
        reason: Option<String>,
    },
    Reserved {
        lines: Vec<LineUnits>,
    },
    Limited {
        lines: Vec<LineUnits>,
    },
    Unavailable {
        lines: Vec<UnavailableLine>,
    },
    Backordered {
        lines: Vec<LineUnits>,
        expected_at: Option<Timestamp>,
    },
    Waitlisted {
        lines: Vec<LineUnits>,
    },
    Ready(ReleaseFact),
    /// Units are set aside for a parcel that is sent again; others cannot be had.
    ReshipReady {
        shipment: ShipmentId,
        lines: Vec<LineUnits>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unavailable: Vec<LineUnits>,
    },
    /// No unit can be had for a parcel that was to be sent again, so there will be none.
    ReshipUnavailable {
        shipment: ShipmentId,
        unavailable: Vec<LineUnits>,
    },
    Authorized {
        #[serde(flatten)]
        release: ReleaseFact,
        capture_before: Timestamp,
    },
    Declined {
        release: ReleaseId,
        class: DeclineClass,
        code: String,
    },
    Delayed {
        release: ReleaseId,
        code: String,
        retry_at: Timestamp,
    },
    Renewed {
        release: ReleaseId,
        capture_before: Timestamp,
    },
    Captured {
        release: ReleaseId,
        amount: Amount,
        currency: Currency,
    },
    CaptureFailed {
        release: ReleaseId,
        amount: Amount,
        code: String,
    },
    Voided {
        release: ReleaseId,
    },
    Adjusted {
        release: ReleaseId,
        missing: Vec<LineUnits>,
    },
    Requested {
        shipment: ShipmentId,
        lines: Vec<LineUnits>,
    },
    Shorted {
        shipment: ShipmentId,
        missing: Vec<LineUnits>,
    },
    Dispatched {
        shipment: ShipmentId,
        carrier: Carrier,
        tracking: TrackingNumber,
        packed_at: Timestamp,
        lines: Vec<LineUnits>,
    },
    Progressed {
        shipment: ShipmentId,
        status: ParcelStatus,
        scanned_at: Timestamp,
    },
    Delivered {
        shipment: ShipmentId,
        delivered_at: Timestamp,
    },
    Undeliverable {
        shipment: ShipmentId,
        carrier: Carrier,
        code: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endorsement: Option<String>,
        scanned_at: Timestamp,
    },
    Returned {
        shipment: ShipmentId,
        carrier: Carrier,
        code: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endorsement: Option<String>,
        returned_at: Timestamp,
    },
    Lost {
        shipment: ShipmentId,
        carrier: Carrier,
        last_seen_at: Timestamp,
    },
    Cancelled {
        /// These releases go on.
        handed_over: Vec<ReleaseId>,
        sender: String,
        user: Option<UserId>,
        reason: String,
    },
    CaseOpened {
        case: ShipmentId,
        class: CaseClass,
        reason: Option<String>,
        gift: bool,
    },
    CaseAsked {
        case: ShipmentId,
        contact: u8,
        answer_by: Timestamp,
    },
    CaseChanged {
        case: ShipmentId,
        change: CaseChange,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
    },
    CaseResolved {
        case: ShipmentId,
        resolution: CaseEnd,
        user: Option<UserId>,
        reason: String,
    },
    CaseReceived {
        case: ShipmentId,
        condition: Condition,
        lines: Vec<LineUnits>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
    },
    Refunded {
        release: ReleaseId,
        amount: Amount,
        currency: Currency,
    },
    AddressFlagged {
        case: ShipmentId,
        reason: String,
    },
    AddressSuppressed {
        status: String,
    },
    SubscriberChanged {
        change: SubscriberChange,
        topics: Vec<Topic>,
        consent_text: String,
    },
    CampaignChanged {
        campaign: Reference,
        state: CampaignState,
        user: Option<UserId>,
        reason: Option<String>,
    },
    Noticed {
        notice: NoticeKind,
        way: NoticeWay,
    },
    TaskOpened {
        room: Room,
        task: TaskKind,
        key: String,
        reason: String,
    },
    TaskClosed {
        room: Room,
        task: TaskKind,
        key: String,
        user: UserId,
        reason: String,
    },
}

/// An order that stands in line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub sender: String,
    pub reference: Reference,
    pub channel: Channel,
    pub received_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<UserId>,
    pub lines: Vec<Line>,
    pub shipping: Amount,
    pub total: Amount,
    pub currency: Currency,
}

/// An order that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub sender: String,
    pub reference: Reference,
    pub channel: Channel,
    pub reasons: Vec<HoldReason>,
    pub lines: Vec<Line>,
    pub total: Amount,
    pub currency: Currency,
}

/// A release, as far as its place in the order and its amount go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFact {
    pub release: ReleaseId,
    pub lines: Vec<LineUnits>,
    pub amount: Amount,
    pub currency: Currency,
}

impl What {
    /// How far the fact says that something is; nothing for what moves no line.
    #[must_use]
    pub fn status(&self) -> Option<LineStatus> {
        match self {
            Self::Accepted(_) => Some(LineStatus::Received),
            Self::Held(_) => Some(LineStatus::Held),
            Self::Refused { .. } => Some(LineStatus::Refused),
            Self::Reserved { .. } => Some(LineStatus::Reserved),
            Self::Limited { .. } => Some(LineStatus::Limited),
            Self::Unavailable { .. } => Some(LineStatus::Unavailable),
            Self::Backordered { .. } => Some(LineStatus::Backordered),
            Self::Waitlisted { .. } => Some(LineStatus::Waitlisted),
            Self::Ready(_) => Some(LineStatus::Ready),
            Self::Authorized { .. } => Some(LineStatus::Authorized),
            Self::Declined { .. } => Some(LineStatus::PaymentDeclined),
            Self::Delayed { .. } => Some(LineStatus::PaymentDelayed),
            Self::Adjusted { .. } | Self::Shorted { .. } => Some(LineStatus::Shorted),
            Self::Requested { .. } => Some(LineStatus::Requested),
            Self::Dispatched { .. } => Some(LineStatus::Shipped),
            Self::Progressed { status, .. } => Some(LineStatus::of_parcel(*status)),
            Self::Delivered { .. } => Some(LineStatus::Delivered),
            Self::Undeliverable { .. } => Some(LineStatus::Undeliverable),
            Self::Returned { .. } | Self::CaseReceived { .. } => Some(LineStatus::Returned),
            Self::Lost { .. } => Some(LineStatus::Lost),
            Self::Cancelled { .. } => Some(LineStatus::Cancelled),
            Self::CaseResolved { resolution: CaseEnd::Reship, .. } => Some(LineStatus::Reshipped),
            Self::ReshipUnavailable { .. } => Some(LineStatus::Unavailable),
            Self::Refunded { .. } => Some(LineStatus::Refunded),
            Self::CaseResolved { resolution: CaseEnd::Refund | CaseEnd::Closed, .. }
            | Self::CaseOpened { .. }
            | Self::CaseAsked { .. }
            | Self::CaseChanged { .. }
            | Self::ReshipReady { .. }
            | Self::AddressFlagged { .. }
            | Self::AddressSuppressed { .. }
            | Self::SubscriberChanged { .. }
            | Self::CampaignChanged { .. }
            | Self::HoldEnded { .. }
            | Self::ProductDefined { .. }
            | Self::StockChanged { .. }
            | Self::Captured { .. }
            | Self::CaptureFailed { .. }
            | Self::Renewed { .. }
            | Self::Voided { .. }
            | Self::Noticed { .. }
            | Self::TaskOpened { .. }
            | Self::TaskClosed { .. } => None,
        }
    }

    /// The parcel whose way the fact tells.
    #[must_use]
    pub fn shipment(&self) -> Option<&ShipmentId> {
        match self {
            Self::Requested { shipment, .. }
            | Self::Dispatched { shipment, .. }
            | Self::Progressed { shipment, .. }
            | Self::Delivered { shipment, .. }
            | Self::Undeliverable { shipment, .. }
            | Self::Returned { shipment, .. }
            | Self::Lost { shipment, .. }
            | Self::CaseReceived { case: shipment, .. } => Some(shipment),
            Self::Accepted(_)
            | Self::Held(_)
            | Self::Refused { .. }
            | Self::HoldEnded { .. }
            | Self::ProductDefined { .. }
            | Self::StockChanged { .. }
            | Self::Reserved { .. }
            | Self::Limited { .. }
            | Self::Unavailable { .. }
            | Self::Backordered { .. }
            | Self::Waitlisted { .. }
            | Self::Ready(_)
            | Self::ReshipReady { .. }
            | Self::ReshipUnavailable { .. }
            | Self::Authorized { .. }
            | Self::Declined { .. }
            | Self::Delayed { .. }
            | Self::Renewed { .. }
            | Self::Captured { .. }
            | Self::CaptureFailed { .. }
            | Self::Voided { .. }
            | Self::Adjusted { .. }
            | Self::Shorted { .. }
            | Self::Cancelled { .. }
            | Self::CaseOpened { .. }
            | Self::CaseAsked { .. }
            | Self::CaseChanged { .. }
            | Self::CaseResolved { .. }
            | Self::Refunded { .. }
            | Self::AddressFlagged { .. }
            | Self::AddressSuppressed { .. }
            | Self::SubscriberChanged { .. }
            | Self::CampaignChanged { .. }
            | Self::Noticed { .. }
            | Self::TaskOpened { .. }
            | Self::TaskClosed { .. } => None,
        }
    }
}

/// RFC 3339 in UTC with six digits of a second: texts sort as times do.
#[must_use]
pub fn sortable_text(time: Timestamp) -> String {
    let at = time.0.to_offset(UtcOffset::UTC);
    let (day, second) = (at.date(), at.time());
    let (hour, minute, micros) = (second.hour(), second.minute(), second.microsecond());
    format!("{}T{hour:02}:{minute:02}:{:02}.{micros:06}Z", day_text(day), second.second())
}

mod sortable {
    use messages::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::sortable_text(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}
