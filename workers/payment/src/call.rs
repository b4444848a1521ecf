//! What decisions and the gateway say to each other: the calls, as they stand in due rows, and the answers. No card
//! is named here; the payment section travels sealed.

use messages::Timestamp;
use messages::id::OrderNumber;
use messages::money::{Amount, Currency};
use messages::sealed::Sealed;
use serde::{Deserialize, Serialize};

pub const AUTHORIZE: &str = "authorize";
pub const CAPTURE: &str = "capture";
pub const VOID: &str = "void";

/// The kinds of due rows that are calls; this room has no timers.
pub const KINDS: &[&str] = &[AUTHORIZE, CAPTURE, VOID];

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
