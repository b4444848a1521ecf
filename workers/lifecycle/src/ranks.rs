//! The statuses in their stated order. A rank is stored with each fact, so a number here is never changed; new
//! statuses go between.

use std::fmt;

use messages::shipment::ParcelStatus;
use serde::Serialize;

macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $rank:literal, $text:literal, $words:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$case_doc])* $case),* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$case),*];

            /// The place in the stated order.
            #[must_use]
            pub const fn rank(self) -> u8 {
                match self { $(Self::$case => $rank),* }
            }

            /// The stable name, as programs and command lines have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$case => $text),* }
            }

            /// The status of that name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$case),)* _ => None }
            }
        }

        /// In words, for people.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$case => $words),* })
            }
        }
    };
}

statuses! {
    /// How far units of a line have come.
    LineStatus {
        Held = 10, "held", "held for a person";
        Received = 20, "received", "received";
        /// The warehouse could not find them; they stand in line again.
        Shorted = 30, "shorted", "not found in the warehouse, in line again";
        Waitlisted = 40, "waitlisted", "on the waiting list";
        Backordered = 50, "backordered", "on backorder";
        Reserved = 60, "reserved", "reserved";
        /// They can ship now; payment is asked.
        Ready = 70, "ready", "ready, waiting for payment";
        PaymentDelayed = 80, "payment_delayed", "payment delayed";
        Authorized = 90, "authorized", "card authorized";
        /// Their parcel did not arrive; another one is to be made.
        Reshipped = 95, "reshipped", "to be sent again";
        /// At the warehouse: the point of no return.
        Requested = 100, "requested", "at the warehouse";
        Shipped = 110, "shipped", "shipped";
        InTransit = 120, "in_transit", "in transit";
        /// No scan for days; a later one takes it back.
        Lost = 125, "lost", "lost on its way";
        Undeliverable = 130, "undeliverable", "undeliverable";
        Delivered = 140, "delivered", "delivered";
        Returned = 150, "returned", "returned to us";
        /// The money for them went back.
        Refunded = 155, "refunded", "refunded";
        Cancelled = 190, "cancelled", "cancelled";
        Limited = 200, "limited", "over the household limit";
        Unavailable = 210, "unavailable", "unavailable";
        PaymentDeclined = 220, "payment_declined", "payment declined";
        Refused = 230, "refused", "refused";
    }
}

statuses! {
    /// How far an order has come, by its lines.
    OrderStatus {
        /// Facts came before the order itself.
        Early = 0, "early", "not known yet";
        Held = 10, "held", "held for a person";
        Received = 20, "received", "received";
        Shorted = 30, "shorted", "not found in the warehouse, in line again";
        Waitlisted = 40, "waitlisted", "on the waiting list";
        Backordered = 50, "backordered", "on backorder";
        Reserved = 60, "reserved", "reserved";
        Ready = 70, "ready", "ready, waiting for payment";
        PaymentDelayed = 80, "payment_delayed", "payment delayed";
        Authorized = 90, "authorized", "card authorized";
        Reshipped = 95, "reshipped", "to be sent again";
        Requested = 100, "requested", "at the warehouse";
        PartlyShipped = 105, "partly_shipped", "partly shipped";
        Shipped = 110, "shipped", "shipped";
        InTransit = 120, "in_transit", "in transit";
        Lost = 125, "lost", "lost on its way";
        Undeliverable = 130, "undeliverable", "undeliverable";
        PartlyDelivered = 135, "partly_delivered", "partly delivered";
        Delivered = 140, "delivered", "delivered";
        PartlyReturned = 145, "partly_returned", "partly returned to us";
        /// Some units were delivered, the money for others went back.
        PartlyRefunded = 147, "partly_refunded", "partly refunded";
        Returned = 150, "returned", "returned to us";
        Refunded = 155, "refunded", "refunded";
        Cancelled = 190, "cancelled", "cancelled";
        Limited = 200, "limited", "over the household limit";
        Unavailable = 210, "unavailable", "unavailable";
        PaymentDeclined = 220, "payment_declined", "payment declined";
        Refused = 230, "refused", "refused";
    }
}

impl LineStatus {
    /// The last rank of units that go on; above it they ended without goods.
    pub const LIVE_RANK_MAX: u8 = Self::Refunded.rank();

    /// What a parcel's status says of the units in it.
    #[must_use]
    pub const fn of_parcel(status: ParcelStatus) -> Self {
        match status {
            ParcelStatus::LabelCreated => Self::Shipped,
            ParcelStatus::InTransit
            | ParcelStatus::OutForDelivery
            | ParcelStatus::Attempted
            | ParcelStatus::PickupReady
            | ParcelStatus::Exception => Self::InTransit,
            ParcelStatus::Returning => Self::Undeliverable,
            ParcelStatus::Delivered => Self::Delivered,
            ParcelStatus::Returned => Self::Returned,
        }
    }

    /// Whether units of that status still go on, or left us and came to their recipient, back or to a refund.
    #[must_use]
    pub const fn is_live(self) -> bool {
        self.rank() <= Self::LIVE_RANK_MAX
    }

    /// The slowest of those that go on; if none does, how the last of them ended.
    #[must_use]
    pub fn slowest(parts: impl Iterator<Item = Self> + Clone) -> Option<Self> {
        parts.clone().filter(|status| status.is_live()).min().or_else(|| parts.max())
    }

    const fn is_out(self) -> bool {
        self.is_live() && self.rank() >= Self::Shipped.rank()
    }
}

impl OrderStatus {
    /// The order's status by the units of its lines.
    #[must_use]
    pub fn of(parts: impl Iterator<Item = LineStatus> + Clone) -> Self {
        use LineStatus::{Cancelled, Delivered, Lost, Refunded, Returned, Undeliverable};
        let mut live = parts.clone().filter(|status| status.is_live());
        let (mut rest, all) = (live.clone(), live.clone());
        if live.any(|status| matches!(status, Delivered | Returned | Refunded)) {
            return match (all.clone().min(), all.max()) {
                (Some(Refunded), _) => Self::Refunded,
                (Some(Returned), _) => Self::Returned,
                (Some(Delivered), Some(Refunded)) => Self::PartlyRefunded,
                (Some(Delivered), Some(Returned)) => Self::PartlyReturned,
                (Some(Delivered), _) => Self::Delivered,
                (_, _) => Self::PartlyDelivered,
            };
        }
        for obstacle in [Undeliverable, Lost] {
            if rest.clone().any(|status| status == obstacle) {
                return Self::alike(obstacle);
            }
        }
        // Whoever cancelled an order wants to read that, however its other lines had ended before.
        if rest.clone().next().is_none() && parts.clone().any(|status| status == Cancelled) {
            return Self::Cancelled;
        }
        if rest.clone().any(LineStatus::is_out) && !rest.all(LineStatus::is_out) {
            return Self::PartlyShipped;
        }
        LineStatus::slowest(parts).map_or(Self::Received, Self::alike)
    }

    /// Whether nothing more is expected to happen, unless a case is open.
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.rank() >= Self::Delivered.rank()
    }

    const fn alike(status: LineStatus) -> Self {
        match status {
            LineStatus::Held => Self::Held,
            LineStatus::Received => Self::Received,
            LineStatus::Shorted => Self::Shorted,
            LineStatus::Waitlisted => Self::Waitlisted,
            LineStatus::Backordered => Self::Backordered,
            LineStatus::Reserved => Self::Reserved,
            LineStatus::Ready => Self::Ready,
            LineStatus::PaymentDelayed => Self::PaymentDelayed,
            LineStatus::Authorized => Self::Authorized,
            LineStatus::Reshipped => Self::Reshipped,
            LineStatus::Requested => Self::Requested,
            LineStatus::Shipped => Self::Shipped,
            LineStatus::InTransit => Self::InTransit,
            LineStatus::Lost => Self::Lost,
            LineStatus::Undeliverable => Self::Undeliverable,
            LineStatus::Delivered => Self::Delivered,
            LineStatus::Returned => Self::Returned,
            LineStatus::Cancelled => Self::Cancelled,
            LineStatus::Limited => Self::Limited,
            LineStatus::Unavailable => Self::Unavailable,
            LineStatus::PaymentDeclined => Self::PaymentDeclined,
            LineStatus::Refused => Self::Refused,
            LineStatus::Refunded => Self::Refunded,
        }
    }

    /// What facts tell that an order may have this status; a search looks at no order that fails it.
    #[must_use]
    pub fn signs(self) -> Signs {
        let ranks = |from: LineStatus, to: LineStatus| {
            let within = LineStatus::ALL.iter().filter(|status| (from..=to).contains(*status));
            within.map(|status| i32::from(status.rank())).collect::<Vec<i32>>()
        };
        let one = vec![i32::from(self.rank())];
        let arrived = ranks(LineStatus::Delivered, LineStatus::Refunded);
        match self {
            // Whatever came first may be the sign; what makes the order known is none.
            Self::Early => Signs {
                some: ranks(LineStatus::Shorted, LineStatus::PaymentDeclined),
                none: [LineStatus::Held, LineStatus::Received, LineStatus::Refused]
                    .map(|it| it.rank().into())
                    .to_vec(),
            },
            Self::Held
            | Self::Received
            | Self::Shorted
            | Self::Waitlisted
            | Self::Backordered
            | Self::Reserved
            | Self::Ready
            | Self::PaymentDelayed
            | Self::Authorized
            | Self::Requested => Signs { some: one, none: ranks(LineStatus::Shipped, LineStatus::Refunded) },
            Self::PartlyShipped => Signs {
                some: ranks(LineStatus::Shipped, LineStatus::InTransit),
                none: ranks(LineStatus::Lost, LineStatus::Refunded),
            },
            Self::Lost => Signs { some: one, none: ranks(LineStatus::Undeliverable, LineStatus::Refunded) },
            Self::Shipped | Self::InTransit | Self::Undeliverable => Signs { some: one, none: arrived },
            Self::PartlyRefunded => {
                Signs { some: vec![LineStatus::Refunded.rank().into()], none: Vec::new() }
            }
            Self::PartlyDelivered | Self::PartlyReturned => Signs { some: arrived, none: Vec::new() },
            Self::Reshipped
            | Self::Delivered
            | Self::Returned
            | Self::Refunded
            | Self::Cancelled
            | Self::Limited
            | Self::Unavailable
            | Self::PaymentDeclined
            | Self::Refused => Signs { some: one, none: Vec::new() },
        }
    }
}

/// Ranks of facts: an order has at least one of `some` and none of `none`. Of an order with a parcel that was sent again
/// ([`LineStatus::Reshipped`]) the latter says nothing, since its first parcel's facts stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signs {
    pub some: Vec<i32>,
    pub none: Vec<i32>,
}
