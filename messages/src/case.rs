//! What is said about undelivered parcels (R45, R46): a case per parcel, the customer's answer, what came back,
//! and how it ended. A corrected address travels sealed like any other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{OrderNumber, Reference, ReleaseId, ShipmentId, UserId};
use crate::order::SubmittedAddress;
use crate::sealed::{Fingerprint, Sealed};
use crate::stock::LineUnits;
use crate::timestamp::Timestamp;

/// Why a parcel did not arrive, as far as it decides what is done (USPS DMM 507, exhibit 1.4.1; domain §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseClass {
    /// No such number or street, insufficient, illegible: ask for a corrected address, reship once.
    AddressFault,
    /// Moved, not known, temporarily away: ask, then reship or refund.
    PersonMoved,
    /// Refused or unclaimed: refund, no automatic reship.
    RefusedOrUnclaimed,
    /// Vacant, in dispute, false representation, mail agency: flag the address and hold its orders.
    Suspicious,
    /// Stop all mail at once; a person decides.
    Deceased,
    /// The coin may be damaged: never restocked.
    Damaged,
    /// No scan for days.
    Lost,
}

impl CaseClass {
    pub const ALL: [Self; 7] = [
        Self::AddressFault,
        Self::PersonMoved,
        Self::RefusedOrUnclaimed,
        Self::Suspicious,
        Self::Deceased,
        Self::Damaged,
        Self::Lost,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddressFault => "address_fault",
            Self::PersonMoved => "person_moved",
            Self::RefusedOrUnclaimed => "refused_or_unclaimed",
            Self::Suspicious => "suspicious",
            Self::Deceased => "deceased",
            Self::Damaged => "damaged",
            Self::Lost => "lost",
        }
    }
}

/// Undelivered: a case is open for a parcel. The case has the shipment's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseOpened {
    pub case: ShipmentId,
    pub order: OrderNumber,
    pub class: CaseClass,
    /// The carrier's code or the endorsement that decided the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub gift: bool,
}

/// Undelivered: the purchaser is asked, the first time or again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseAsked {
    pub case: ShipmentId,
    pub order: OrderNumber,
    pub class: CaseClass,
    /// 1 or 2.
    pub contact: u8,
    /// No answer until then ends in a refund.
    pub answer_by: Timestamp,
}

/// What the customer, or staff for the customer, wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseWish {
    /// Send it again, to `address` if one is given.
    Reship,
    Refund,
}

/// The store, for the customer: an answer to the question of a mail. A token works once and expires.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CaseAnswer {
    pub reference: Reference,
    pub case: ShipmentId,
    /// The opaque token of the mail's link, or the short code for typing; staff give their user id instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    pub wish: CaseWish,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SubmittedAddress>,
}

/// Staff: a note on a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseNote {
    pub case: ShipmentId,
    pub user: UserId,
    /// Without personal data: it is kept as it is.
    #[schemars(length(min = 1, max = 500))]
    pub text: String,
}

/// Staff: end a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResolve {
    pub case: ShipmentId,
    pub user: UserId,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
    pub resolution: CaseEnd,
}

/// How a case ends. Reship or refund is one field of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseEnd {
    Reship,
    Refund,
    /// It was delivered after all, or nothing is owed.
    Closed,
}

impl CaseEnd {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reship => "reship",
            Self::Refund => "refund",
            Self::Closed => "closed",
        }
    }
}

/// Undelivered: a case has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResolved {
    pub case: ShipmentId,
    pub release: ReleaseId,
    pub order: OrderNumber,
    /// The recipient's number in the order, from 1.
    pub delivery: u16,
    pub gift: bool,
    pub class: CaseClass,
    pub resolution: CaseEnd,
    /// Whether the parcel is back or was said to come back, a lost one included.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returned: bool,
    /// What was in the parcel.
    pub lines: Vec<LineUnits>,
    /// Sealed `delivery` section for a reship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Sealed>,
    /// Who ended it; absent: the rules did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// One sentence without personal data.
    pub reason: String,
}

/// What was done about a case besides opening, asking and ending it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum CaseChange {
    /// Staff wrote something down.
    Noted { text: String },
    /// An answer was taken; `corrected` says whether it came with an address.
    Answered { wish: CaseWish, corrected: bool },
    /// A reason that says more is known, and with it another class.
    Reclassified {
        class: CaseClass,
        /// The carrier's code or the endorsement that decided the class.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The parcel came back after its case was closed as delivered: the case goes on, and will end once more.
    Resumed,
}

/// Undelivered: a case has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseChanged {
    pub case: ShipmentId,
    pub order: OrderNumber,
    pub change: CaseChange,
    /// Who of the staff did it; absent: the purchaser, a carrier or the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// What a returned parcel looked like when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Restock,
    Damaged,
    WrongItem,
}

/// The warehouse: a returned parcel was scanned in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseReceive {
    pub reference: Reference,
    pub shipment: ShipmentId,
    pub condition: Condition,
    pub received_at: Timestamp,
    /// Who opened it, where a person told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// Undelivered: a returned parcel is back, exactly once. Only what can be restocked goes back to the shelf. While its
/// case is open, this is not told of good units: they are kept for the purchaser until the case ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseReceived {
    pub case: ShipmentId,
    pub release: ReleaseId,
    pub order: OrderNumber,
    pub condition: Condition,
    pub lines: Vec<LineUnits>,
    /// Who opened it, where a person told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// Undelivered: orders to this address wait for a person from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressFlagged {
    pub address: Fingerprint,
    pub case: ShipmentId,
    pub order: OrderNumber,
    pub reason: String,
}
