//! What payment says. Amounts are minor units; nothing here names a card.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{OrderNumber, ReleaseId};
use crate::money::{Amount, Currency};
use crate::sealed::Sealed;
use crate::stock::{LineUnits, Release};
use crate::timestamp::Timestamp;

/// Payment: the amount is held on the customer's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAuthorized {
    #[serde(flatten)]
    pub release: Release,
    /// Sealed `delivery` section.
    pub address: Sealed,
    /// When the hold lapses, as the gateway says.
    pub capture_before: Timestamp,
}

/// What the issuer meant (Visa's categories, domain §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeclineClass {
    /// Never try this card again.
    Never,
    /// Might have succeeded later, but the retries are used up.
    Later,
    /// The card's data must be corrected.
    FixData,
}

/// Payment: final for this release; its units are free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentDeclined {
    pub release: ReleaseId,
    pub order: OrderNumber,
    pub class: DeclineClass,
    /// The gateway's decline code.
    pub code: String,
    /// The units that are free again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineUnits>,
}

/// The code of [`PaymentDelayed`] where an authorization that stood is about to lapse, or has: a release that is not handed
/// over yet stays where it is until [`PaymentRenewed`].
pub const AUTHORIZATION_LAPSED: &str = "authorization_lapsed";

/// Payment: not yet; it is tried again at `retry_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentDelayed {
    pub release: ReleaseId,
    pub order: OrderNumber,
    pub code: String,
    pub retry_at: Timestamp,
}

/// Payment: a hold that was told to lapse stands again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRenewed {
    pub release: ReleaseId,
    pub order: OrderNumber,
    /// When the new hold lapses, as the gateway says.
    pub capture_before: Timestamp,
    /// How often `payment.delayed` was said of this release with the code `authorization_lapsed` until now: so that a reader
    /// knows, in whatever order they come, whether one of them is still true.
    pub delays: u32,
}

/// Payment: the shipped part of a release has been charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCaptured {
    pub release: ReleaseId,
    pub order: OrderNumber,
    pub amount: Amount,
    pub currency: Currency,
}

/// Payment: a shipped release could not be charged; a task is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCaptureFailed {
    pub release: ReleaseId,
    pub order: OrderNumber,
    pub amount: Amount,
    pub code: String,
}

/// Payment: nothing is held any more for this release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentVoided {
    pub release: ReleaseId,
    pub order: OrderNumber,
}

/// Payment: units of a release that the warehouse could not find were taken off it; they go back to their
/// place in line, with what a new release needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAdjusted {
    pub release: ReleaseId,
    pub order: OrderNumber,
    /// The recipient's number in the order, from 1.
    pub delivery: u16,
    /// The missing units.
    pub missing: Vec<LineUnits>,
    /// Sealed `payment` section.
    pub payment: Sealed,
    /// Sealed `delivery` section.
    pub address: Sealed,
}

/// Payment: money went back to the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    pub release: ReleaseId,
    pub order: OrderNumber,
    pub amount: Amount,
    pub currency: Currency,
}
