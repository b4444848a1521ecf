//! Tasks: what a room hands to a person. A task is a row of the room that raised it, closed by a message.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{OrderNumber, UserId};
use crate::room::Room;

/// What a person has to look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A shipped release could not be charged.
    CaptureFailed,
    /// The warehouse could not find units.
    ShipmentShort,
    /// The gateway's answer stayed unknown.
    PaymentUnclear,
    /// A notice may or may not have gone out twice over; look before sending again.
    MailUnclear,
    /// A notice could not be mailed.
    MailFailed,
    /// A notice for a customer without e-mail: print and post it.
    Letter,
    /// A notice came back from the customer's mail server.
    MailBounced,
    /// A case that only a person may decide.
    CaseDecision,
    /// Money could not be given back.
    RefundFailed,
    /// The hold on the card lapsed and was not renewed.
    HoldLapsed,
}

impl TaskKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CaptureFailed => "capture_failed",
            Self::ShipmentShort => "shipment_short",
            Self::PaymentUnclear => "payment_unclear",
            Self::MailUnclear => "mail_unclear",
            Self::MailFailed => "mail_failed",
            Self::Letter => "letter",
            Self::MailBounced => "mail_bounced",
            Self::CaseDecision => "case_decision",
            Self::RefundFailed => "refund_failed",
            Self::HoldLapsed => "hold_lapsed",
        }
    }
}

/// A room: somebody must look at this. `key` is unique per room and kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskOpened {
    pub room: Room,
    pub kind: TaskKind,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderNumber>,
    /// One plain sentence without personal data.
    pub reason: String,
}

/// Staff: it is dealt with. Routing key `task.close.v1.<room>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskClose {
    pub room: Room,
    pub kind: TaskKind,
    pub key: String,
    pub user: UserId,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// The room: the task is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskClosed {
    pub room: Room,
    pub kind: TaskKind,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderNumber>,
    pub user: UserId,
    pub reason: String,
}
