//! The rooms by name. A room's name is its queue, its schema, its role and its metric label; it must never
//! be spelled out anywhere else.

use serde::{Deserialize, Serialize};

/// One worker. Everything that is called after it is derived from [`Room::name`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Room {
    Intake,
    Inventory,
    Payment,
    Fulfillment,
    Tracking,
    Undelivered,
    Notifications,
    Promotions,
    Lifecycle,
    Audit,
}

impl Room {
    /// Every room, in the order in which an order passes them.
    pub const ALL: [Self; 10] = [
        Self::Intake,
        Self::Inventory,
        Self::Payment,
        Self::Fulfillment,
        Self::Tracking,
        Self::Undelivered,
        Self::Notifications,
        Self::Promotions,
        Self::Lifecycle,
        Self::Audit,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Fulfillment => "fulfillment",
            Self::Tracking => "tracking",
            Self::Undelivered => "undelivered",
            Self::Notifications => "notifications",
            Self::Promotions => "promotions",
            Self::Lifecycle => "lifecycle",
            Self::Audit => "audit",
        }
    }

    /// The room of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|room| room.name() == name)
    }
}

impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
