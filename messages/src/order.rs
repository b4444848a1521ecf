//! What is said about orders. From outside an order comes in clear ([`OrderSubmit`]); between rooms it is a
//! folder of lines and sealed sections. No fact on `oms` carries a name, address, phone, e-mail or token in clear.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::PostalAddress;
use crate::card::{CardBrand, CardExpiry, LastFour, PaymentToken};
use crate::email::Email;
use crate::id::{OrderNumber, Reference, ReleaseId, UserId};
use crate::item::ItemNumber;
use crate::money::{Amount, Currency};
use crate::person::{GiftMessage, PersonName};
use crate::phone::Phone;
use crate::sealed::{Fingerprint, Sealed};
use crate::timestamp::Timestamp;

/// How an order reached us (R33).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Web,
    Phone,
    Mail,
    InPerson,
}

impl Channel {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Phone => "phone",
            Self::Mail => "mail",
            Self::InPerson => "in_person",
        }
    }
}

/// How fast a delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Standard,
    Expedited,
}

/// An order as an upstream system submits it. Values are plain here; intake parses them, so that what does
/// not parse can be refused by name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OrderSubmit {
    /// The sender's own name of the order, unique per sender.
    pub reference: Reference,
    pub channel: Channel,
    /// When the order was taken; for mail the postmark or receipt stamp.
    pub received_at: Timestamp,
    /// The agent who took it, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<UserId>,
    /// Absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub customer: Option<String>,
    pub contact: SubmittedContact,
    pub billing: SubmittedAddress,
    pub payment: SubmittedPayment,
    /// Recipients, counted from 1 by the lines.
    #[schemars(length(min = 1, max = 20))]
    pub deliveries: Vec<SubmittedDelivery>,
    #[schemars(length(min = 1, max = 100))]
    pub lines: Vec<SubmittedLine>,
    /// Shipping charge of the whole order in minor units.
    #[schemars(range(min = 0))]
    pub shipping: i64,
    /// Minor units: the sum of the lines and the shipping charge.
    #[schemars(range(min = 0))]
    pub total: i64,
    /// ISO 4217.
    pub currency: String,
}

/// Who ordered, and where notices go.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubmittedContact {
    pub name: String,
    /// Without one, notices go out as letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A postal address; in the United States with a state and a ZIP code.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubmittedAddress {
    pub line1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    pub city: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A card as the gateway tokenized it; a card number or security code is refused wherever it turns up.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubmittedPayment {
    pub token: String,
    pub brand: CardBrand,
    pub last_four: String,
    /// `YYYY-MM`.
    pub expiry: String,
    /// The gateway's fingerprint of the card, the same for every token of it.
    pub fingerprint: String,
}

/// One recipient.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubmittedDelivery {
    pub recipient: String,
    pub address: SubmittedAddress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// A gift's slip shows no prices (R17).
    #[serde(default)]
    pub gift: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift_message: Option<String>,
    pub method: Method,
}

/// Units of one item for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubmittedLine {
    pub item: String,
    /// Units of the item.
    #[schemars(range(min = 1, max = 100_000))]
    pub quantity: u32,
    /// Minor units.
    #[schemars(range(min = 0))]
    pub unit_price: i64,
    /// The recipient's place in `deliveries`, from 1.
    #[schemars(range(min = 1))]
    pub delivery: u16,
}

macro_rules! silent_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}
silent_debug!(
    SubmittedContact,
    SubmittedAddress,
    SubmittedPayment,
    SubmittedDelivery,
    PaymentSection,
    DeliverySection,
    ContactSection
);

/// A wish to change an order. Always refused once the order is accepted: `order_is_final` (R75).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OrderChange {
    pub reference: Reference,
    pub order: OrderNumber,
}

/// The `payment` section in clear: only inside intake's edge and payment's `outside.rs`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentSection {
    pub token: PaymentToken,
    pub brand: CardBrand,
    pub last_four: LastFour,
    pub expiry: CardExpiry,
    pub billing: PostalAddress,
}

/// The `delivery` section in clear: only inside intake's edge, fulfillment's `outside.rs` and the warehouse.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliverySection {
    pub recipient: PersonName,
    pub address: PostalAddress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift_message: Option<GiftMessage>,
}

/// The `contact` section in clear: only inside intake's edge and notifications' `outside.rs`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactSection {
    pub name: PersonName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

/// The place in line: receipt, then message id (messages with equal receipt are told apart by it).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub received_at: Timestamp,
    pub message_id: String,
}

/// Units of one item in an order, numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The line's number in the order, from 1.
    pub line: u16,
    pub item: ItemNumber,
    /// Units.
    pub quantity: u32,
    pub unit_price: Amount,
    /// The recipient, from 1.
    pub delivery: u16,
}

impl Line {
    /// Quantity times unit price.
    #[must_use]
    pub fn amount(&self) -> Option<Amount> {
        self.unit_price.checked_mul(self.quantity)
    }
}

/// One recipient of an accepted order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// From 1; also the delivery number of the section's associated data.
    pub number: u16,
    pub gift: bool,
    pub method: Method,
    /// Fingerprint of the normalized address, for the household limit.
    pub address: Fingerprint,
    /// Sealed `delivery` section.
    pub section: Sealed,
}

/// Intake: the order is valid and stands in line. It is not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAccepted {
    pub order: OrderNumber,
    /// The registered outsider who submitted it.
    pub sender: String,
    pub reference: Reference,
    pub channel: Channel,
    pub place: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    pub lines: Vec<Line>,
    pub shipping: Amount,
    pub total: Amount,
    pub currency: Currency,
    /// Fingerprint of the card, for the household limit.
    pub card: Fingerprint,
    /// Fingerprint of the account; guests have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Fingerprint>,
    /// Fingerprint of the normalized e-mail address, for what a subscriber has bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Fingerprint>,
    pub deliveries: Vec<Delivery>,
    /// Sealed `payment` section.
    pub payment: Sealed,
    /// Sealed `contact` section.
    pub contact: Sealed,
}

/// Why an order waits for a person (R65, R66).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    UnusualQuantity,
    NeedsVerification,
    /// The address was flagged by an undelivered parcel.
    FlaggedAddress,
}

impl HoldReason {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnusualQuantity => "unusual_quantity",
            Self::NeedsVerification => "needs_verification",
            Self::FlaggedAddress => "flagged_address",
        }
    }
}

/// Intake: the order is valid but waits until a person releases or refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderHeld {
    pub order: OrderNumber,
    pub sender: String,
    pub reference: Reference,
    pub channel: Channel,
    pub reasons: Vec<HoldReason>,
    pub lines: Vec<Line>,
    pub total: Amount,
    pub currency: Currency,
    pub contact: Sealed,
    /// Fingerprint of the normalized e-mail address, if there is one: some take no mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Fingerprint>,
}

/// Intake: the order is not taken. `code` is stable, `text` is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRefused {
    pub sender: String,
    pub reference: Reference,
    /// Present where the order was read far enough to have a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderNumber>,
    pub code: String,
    pub text: String,
    /// Present where the customer should hear of it: a held order that a person refused, or one too early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Sealed>,
    /// With `contact`: fingerprint of the normalized e-mail address, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Fingerprint>,
}

/// Staff: let a held order go on, in its old place in line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldRelease {
    pub order: OrderNumber,
    pub user: UserId,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// Staff: a held order is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldRefuse {
    pub order: OrderNumber,
    pub user: UserId,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// Intake: a person ended a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldEnded {
    pub order: OrderNumber,
    pub released: bool,
    pub user: UserId,
    pub reason: String,
}

/// A wish to cancel what has not been handed over to the warehouse yet (R75).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancel {
    pub reference: Reference,
    pub order: OrderNumber,
    /// Absent where the customer asked by the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// Fulfillment: everything of the order is cancelled but the releases that were handed over already. It is absorbing:
/// whatever else of the order comes later ends too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    pub order: OrderNumber,
    /// Already with the warehouse: these go on.
    pub handed_over: Vec<ReleaseId>,
    pub sender: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    pub reason: String,
}
