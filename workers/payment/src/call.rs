//! What decisions and the gateway say to each other: the calls, as they stand in due rows, and the answers. No card
//! is named here; the payment section travels sealed.

use messages::Timestamp;
use messages::id::{OrderNumber, ShipmentId};
use messages::money::{Amount, Currency};
use messages::sealed::Sealed;
use serde::{Deserialize, Serialize};

pub const AUTHORIZE: &str = "authorize";
pub const CAPTURE: &str = "capture";
pub const VOID: &str = "void";
/// Voids a hold that has been replaced by another, or that nobody waits for any more.
pub const LET_GO: &str = "let_go";
pub const REFUND: &str = "refund";

/// The kinds of due rows that are calls.
pub const KINDS: &[&str] = &[AUTHORIZE, CAPTURE, VOID, LET_GO, REFUND];

/// The one timer: a hold is to be renewed before it lapses.
pub const RENEW: &str = "renew";

/// What the gateway may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Authorize,
    Capture,
    Void,
    LetGo,
    Refund,
}

impl Operation {
    /// The operation of this kind of due row.
    #[must_use]
    pub fn parse(kind: &str) -> Option<Self> {
        match kind {
            AUTHORIZE => Some(Self::Authorize),
            CAPTURE => Some(Self::Capture),
            VOID => Some(Self::Void),
            LET_GO => Some(Self::LetGo),
            REFUND => Some(Self::Refund),
            _ => None,
        }
    }
}

/// What every call carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// `{release}:{operation}:{epoch}`.
    pub idempotency_key: String,
    /// When this epoch was to be asked first: the gateway keeps a key for a day.
    pub since: Timestamp,
    /// The key will only ever give back an error: look instead of asking.
    pub look: bool,
}

/// Hold an amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeCall {
    pub errand: Errand,
    /// `{release}:{epoch}`, by which the hold is found again.
    pub reference: String,
    pub order: OrderNumber,
    pub amount: Amount,
    pub currency: Currency,
    /// Sealed `payment` section.
    pub payment: Sealed,
}

/// Take a part of what is held, and let the rest go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureCall {
    pub errand: Errand,
    pub intent: String,
    pub amount: Amount,
    /// What earlier captures of this hold took.
    pub captured_before: Amount,
}

/// Let everything go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidCall {
    pub errand: Errand,
    pub intent: String,
}

/// Give back a part of what has been taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundCall {
    pub errand: Errand,
    /// `{release}:{epoch}`, by which the refund is found again.
    pub reference: String,
    pub order: OrderNumber,
    /// The parcel that came back, or that was to be sent again.
    pub case: ShipmentId,
    pub intent: String,
    pub amount: Amount,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Answer {
    Authorized {
        intent: String,
        /// When the hold lapses.
        capture_before: Timestamp,
    },
    Declined {
        /// The gateway's decline code, or its error code where there is none.
        code: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        advice: Option<String>,
    },
    Captured {
        amount: Amount,
    },
    CaptureDeclined {
        code: String,
    },
    Voided,
    Refunded {
        amount: Amount,
    },
    RefundDeclined {
        code: String,
    },
    /// Looked up, and not there: it has not been done.
    NotFound,
    /// It may have been done or not.
    Unclear {
        what: String,
        /// The idempotency key gives back a stored error, so asking again under it tells nothing.
        key_is_spent: bool,
    },
    /// The gateway refuses us, not the customer: a wrong key, or a request that it does not take.
    Misconfigured {
        what: String,
    },
}
