//! What an operator does to a room by hand, and the facts that are kept of it: parked messages are settled, and a
//! room is paused and resumed. None of it is about an order, and none of it repeats a parked message's content.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ParkedId, UserId};
use crate::room::Room;
use crate::timestamp::Timestamp;

/// What became of a parked message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ParkedEnd {
    /// Sent to its room again as it was, under these new ids.
    Replayed { successors: Vec<String> },
    /// Another message was sent in its place, under these new ids.
    Edited { successors: Vec<String> },
    /// It was no message but a row that had become due: the row is there again, unless a newer one stands in its place.
    Restored,
    /// Nothing was sent; its content is gone.
    Discarded,
}

/// A timer or a call of a room as it was when it was parked. The body is the room's own and holds no clear text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DueAgain {
    pub kind: String,
    pub key: String,
    /// Counts the purposes of this key and kind, from 0.
    pub epoch: i32,
    /// Counts the tries within an epoch, from 0.
    pub attempt: i32,
    pub due_at: Timestamp,
    /// A call that was begun before: what became of it is looked up first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    pub body: serde_json::Value,
}

impl ParkedEnd {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Replayed { .. } => "replayed",
            Self::Edited { .. } => "edited",
            Self::Restored => "restored",
            Self::Discarded => "discarded",
        }
    }
}

/// Operator: this parked message is dealt with. Routing key `parked.settle.v1.<room>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedSettle {
    pub room: Room,
    pub parked: ParkedId,
    /// When it was parked: the same bytes may be parked again later, and are then settled again.
    pub parked_at: Timestamp,
    pub end: ParkedEnd,
    /// With `restored`, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<DueAgain>,
    pub user: UserId,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// The room: a parked message was dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedSettled {
    pub room: Room,
    pub parked: ParkedId,
    pub parked_at: Timestamp,
    pub end: ParkedEnd,
    pub user: UserId,
    pub reason: String,
}

/// Operator: the room stops taking messages, firing timers and making calls, until it is resumed. Routing key
/// `room.pause.v1.<room>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomPause {
    pub room: Room,
    pub user: UserId,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// Operator: the room goes on. Routing key `room.resume.v1.<room>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomResume {
    pub room: Room,
    pub user: UserId,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// The room: it is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomPaused {
    pub room: Room,
    pub user: UserId,
    pub reason: String,
}

/// The room: it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomResumed {
    pub room: Room,
    pub user: UserId,
    pub reason: String,
}
