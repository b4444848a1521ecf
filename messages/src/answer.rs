//! The answer to an outsider: what became of the message that it sent. It repeats no value but the sender's own reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::OrderNumber;

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The order stands in line.
    Accepted,
    /// The order waits for a person.
    Held,
    /// Done as asked.
    Done,
    /// Not done; `code` and `text` say why.
    Refused,
    /// The same order or command again; `text` tells what became of the first.
    Repeated,
}

impl Outcome {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Held => "held",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Repeated => "repeated",
        }
    }
}

/// To the sender of a command, in its own queue `oms.out.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandAnswered {
    /// The id of the message that is answered; absent where the message had none that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
    /// The sender's own reference, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderNumber>,
    /// Stable name of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// One sentence for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}
