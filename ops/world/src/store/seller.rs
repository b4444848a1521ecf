//! Who submits orders: the four outsiders that speak for the four channels. It must never know what an order holds.

use messages::order::Channel;

use crate::chance::Chance;

/// One of the registered outsiders that may send `order.submit.v1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seller {
    WebStore,
    CallCentre,
    MailRoom,
    SalesCounter,
}

impl Seller {
    pub const ALL: [Self; 4] = [Self::WebStore, Self::CallCentre, Self::MailRoom, Self::SalesCounter];

    /// The outsider's name: its broker user and its queue.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebStore => "web-store",
            Self::CallCentre => "call-centre",
            Self::MailRoom => "mail-room",
            Self::SalesCounter => "sales-counter",
        }
    }

    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::WebStore => Channel::Web,
            Self::CallCentre => Channel::Phone,
            Self::MailRoom => Channel::Mail,
            Self::SalesCounter => Channel::InPerson,
        }
    }

    /// How its references begin.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::WebStore => "WEB",
            Self::CallCentre => "TEL",
            Self::MailRoom => "MAIL",
            Self::SalesCounter => "DESK",
        }
    }

    /// Whether it sends what it has collected as one message; the others send each order at once.
    pub(super) const fn collects(self) -> bool {
        matches!(self, Self::MailRoom)
    }

    /// The agent who takes the order, where there is one.
    pub(super) fn agent(self, chance: &mut Chance) -> Option<String> {
        match self {
            Self::CallCentre => Some(format!("agent.{}", 1 + chance.below(40))),
            Self::SalesCounter => Some(format!("desk.{}", 1 + chance.below(6))),
            Self::WebStore | Self::MailRoom => None,
        }
    }

    /// Most orders come by the web.
    pub(super) fn draw(chance: &mut Chance) -> Self {
        match chance.below(10) {
            0..6 => Self::WebStore,
            6..8 => Self::CallCentre,
            8 => Self::MailRoom,
            _ => Self::SalesCounter,
        }
    }
}
