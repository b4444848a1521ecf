//! What was told to the customer, by which way. The words themselves are notifications' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::OrderNumber;

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Received, not yet confirmed.
    Received,
    /// Received; a person looks at it first.
    Held,
    Refused,
    /// Units are reserved: the only mail that says "confirmed".
    Confirmed,
    /// Lines beyond the household limit.
    Limited,
    /// Lines without units.
    Unavailable,
    Backordered,
    Waitlisted,
    PaymentDelayed,
    PaymentDeclined,
    Shipped,
    Delivered,
    Undeliverable,
    Returned,
    /// What was not handed over is cancelled.
    Cancelled,
    /// A parcel did not arrive: how shall it go on? With a token.
    Question,
    /// The same question again.
    Reminder,
    Reshipped,
    Refunded,
}

impl NoticeKind {
    pub const ALL: [Self; 19] = [
        Self::Received,
        Self::Held,
        Self::Refused,
        Self::Confirmed,
        Self::Limited,
        Self::Unavailable,
        Self::Backordered,
        Self::Waitlisted,
        Self::PaymentDelayed,
        Self::PaymentDeclined,
        Self::Shipped,
        Self::Delivered,
        Self::Undeliverable,
        Self::Returned,
        Self::Cancelled,
        Self::Question,
        Self::Reminder,
        Self::Reshipped,
        Self::Refunded,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Confirmed => "confirmed",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::Backordered => "backordered",
            Self::Waitlisted => "waitlisted",
            Self::PaymentDelayed => "payment_delayed",
            Self::PaymentDeclined => "payment_declined",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Undeliverable => "undeliverable",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
            Self::Question => "question",
            Self::Reminder => "reminder",
            Self::Reshipped => "reshipped",
            Self::Refunded => "refunded",
        }
    }
}

/// How a notice left us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeWay {
    Email,
    /// No e-mail on the order: listed for the mail room.
    Letter,
}

/// Notifications: a notice went out, once per order, kind and cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeSent {
    pub order: OrderNumber,
    pub kind: NoticeKind,
    /// The id of the event that the notice tells of.
    pub cause: String,
    pub way: NoticeWay,
}
