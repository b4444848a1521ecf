//! The catalogue: every kind of message that may be said, who sends it and who reads it. This table is the
//! only place where that stands; queues, bindings, permissions, schemas and pages are derived from it.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::envelope::{Unreadable, read_body};
use crate::room::Room::{
    self, Audit, Fulfillment, Intake, Inventory, Lifecycle, Notifications, Payment, Promotions, Tracking,
    Undelivered,
};
use crate::{
    answer, bounce, case, control, notice, order, payment, product, shipment, stock, subscriber, task,
};

/// Who may send a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Registered outsiders, by the exchange `oms.in`.
    Outside,
    /// These rooms, by the exchange `oms`.
    Rooms(&'static [Room]),
    /// Every room, to the one outsider who asked, by `oms.out` only.
    Answer,
}

/// The body of a kind.
pub trait Body: KindOf + Serialize + DeserializeOwned + JsonSchema + Clone {
    /// A complete example, made of invented values.
    fn sample() -> Self;
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $kind:ident($body:ty) = $name:literal: $from:expr => [$($to:ident),*];)*) => {
        /// Every kind of message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $kind),* }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The CloudEvents type, also the routing key.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            #[must_use]
            pub const fn sent_by(self) -> From {
                match self { $(Self::$kind => $from),* }
            }

            /// The rooms that read it; audit reads everything besides.
            #[must_use]
            pub const fn read_by(self) -> &'static [Room] {
                match self { $(Self::$kind => &[$($to),*]),* }
            }

            /// The kind of that name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$kind),)* _ => None }
            }

            /// The sample body as JSON.
            #[must_use]
            pub fn sample(self) -> serde_json::Value {
                match self { $(Self::$kind => to_value(&<$body as Body>::sample())),* }
            }

            /// The draft-07 JSON Schema of the body.
            #[must_use]
            pub fn schema(self) -> serde_json::Value {
                let settings = schemars::generate::SchemaSettings::draft07();
                let mut generator = settings.into_generator();
                match self { $(Self::$kind => generator.root_schema_for::<$body>().to_value()),* }
            }

            /// Reads a body and writes it again.
            ///
            /// # Errors
            /// It is no body of this kind; the field is named, never its value.
            pub fn reread(self, data: &RawValue) -> Result<serde_json::Value, Unreadable> {
                match self { $(Self::$kind => read_body::<$body>(data).map(|body| to_value(&body))),* }
            }

            /// Whether `json` reads as the body of this kind and is written back equal.
            #[must_use]
            pub fn round_trips(self, json: &serde_json::Value) -> bool {
                match self { $(Self::$kind => serde_json::from_value::<$body>(json.clone()).is_ok_and(|body| &to_value(&body) == json)),* }
            }
        }

        $(impl KindOf for $body { const KIND: Kind = Kind::$kind; })*
    };
}

/// Ties a body type to its kind; [`Body`] adds the sample.
pub trait KindOf {
    const KIND: Kind;
}

fn to_value<T: Serialize>(body: &T) -> serde_json::Value {
    serde_json::to_value(body).unwrap_or_default()
}

catalogue! {
    // From outside: each has exactly one reading room.
    OrderSubmit(order::OrderSubmit) = "order.submit.v1": From::Outside => [Intake];
    OrderChange(order::OrderChange) = "order.change.v1": From::Outside => [Intake];
    OrderCancel(order::OrderCancel) = "order.cancel.v1": From::Outside => [Fulfillment];
    HoldRelease(order::HoldRelease) = "hold.release.v1": From::Outside => [Intake];
    HoldRefuse(order::HoldRefuse) = "hold.refuse.v1": From::Outside => [Intake];
    ProductDefine(product::ProductDefine) = "product.define.v1": From::Outside => [Inventory];
    StockReceive(product::StockReceive) = "stock.receive.v1": From::Outside => [Inventory];
    StockAdjust(product::StockAdjust) = "stock.adjust.v1": From::Outside => [Inventory];
    ShipmentPacked(shipment::ShipmentPacked) = "shipment.packed.v1": From::Outside => [Fulfillment];
    ShipmentShort(shipment::ShipmentShort) = "shipment.short.v1": From::Outside => [Fulfillment];
    CarrierScan(shipment::CarrierScan) = "carrier.scan.v1": From::Outside => [Tracking];
    CaseAnswer(case::CaseAnswer) = "case.answer.v1": From::Outside => [Undelivered];
    CaseNote(case::CaseNote) = "case.note.v1": From::Outside => [Undelivered];
    CaseResolve(case::CaseResolve) = "case.resolve.v1": From::Outside => [Undelivered];
    CaseReceive(case::CaseReceive) = "case.receive.v1": From::Outside => [Undelivered];
    MailBounced(bounce::MailBounced) = "mail.bounced.v1": From::Outside => [Notifications];
    SubscriberSubmit(subscriber::SubscriberSubmit) = "subscriber.submit.v1": From::Outside => [Promotions];
    SubscriberConfirm(subscriber::SubscriberConfirm) = "subscriber.confirm.v1": From::Outside => [Promotions];
    SubscriberWithdraw(subscriber::SubscriberWithdraw) = "subscriber.withdraw.v1": From::Outside => [Promotions];
    CampaignDefine(subscriber::CampaignDefine) = "campaign.define.v1": From::Outside => [Promotions];
    CampaignControl(subscriber::CampaignControl) = "campaign.control.v1": From::Outside => [Promotions];
    // Addressed to one room: the routing key is longer than the type, the room follows.
    TaskClose(task::TaskClose) = "task.close.v1": From::Outside => [Payment, Fulfillment, Notifications, Undelivered, Promotions];
    ParkedSettle(control::ParkedSettle) = "parked.settle.v1": From::Outside => [Intake, Inventory, Payment, Fulfillment, Tracking, Undelivered, Notifications, Promotions, Lifecycle, Audit];
    RoomPause(control::RoomPause) = "room.pause.v1": From::Outside => [Intake, Inventory, Payment, Fulfillment, Tracking, Undelivered, Notifications, Promotions, Lifecycle, Audit];
    RoomResume(control::RoomResume) = "room.resume.v1": From::Outside => [Intake, Inventory, Payment, Fulfillment, Tracking, Undelivered, Notifications, Promotions, Lifecycle, Audit];

    // Between rooms.
    OrderAccepted(order::OrderAccepted) = "order.accepted.v1": From::Rooms(&[Intake]) => [Inventory, Fulfillment, Undelivered, Notifications, Promotions, Lifecycle];
    OrderHeld(order::OrderHeld) = "order.held.v1": From::Rooms(&[Intake]) => [Fulfillment, Notifications, Lifecycle];
    OrderRefused(order::OrderRefused) = "order.refused.v1": From::Rooms(&[Intake]) => [Fulfillment, Notifications, Lifecycle];
    OrderCancelled(order::OrderCancelled) = "order.cancelled.v1": From::Rooms(&[Fulfillment]) => [Intake, Inventory, Payment, Notifications, Lifecycle];
    HoldEnded(order::HoldEnded) = "hold.ended.v1": From::Rooms(&[Intake]) => [Lifecycle];
    ProductDefined(product::ProductDefined) = "product.defined.v1": From::Rooms(&[Inventory]) => [Intake, Lifecycle];
    StockChanged(product::StockChanged) = "stock.changed.v1": From::Rooms(&[Inventory]) => [Lifecycle];
    StockReserved(stock::StockReserved) = "stock.reserved.v1": From::Rooms(&[Inventory]) => [Notifications, Lifecycle];
    StockLimited(stock::StockLimited) = "stock.limited.v1": From::Rooms(&[Inventory]) => [Fulfillment, Notifications, Lifecycle];
    StockUnavailable(stock::StockUnavailable) = "stock.unavailable.v1": From::Rooms(&[Inventory]) => [Fulfillment, Notifications, Lifecycle];
    StockBackordered(stock::StockBackordered) = "stock.backordered.v1": From::Rooms(&[Inventory]) => [Notifications, Lifecycle];
    StockWaitlisted(stock::StockWaitlisted) = "stock.waitlisted.v1": From::Rooms(&[Inventory]) => [Notifications, Lifecycle];
    ReleaseReady(stock::ReleaseReady) = "release.ready.v1": From::Rooms(&[Inventory]) => [Payment, Lifecycle];
    ReshipReady(stock::ReshipReady) = "reship.ready.v1": From::Rooms(&[Inventory]) => [Payment, Fulfillment, Lifecycle];
    PaymentAuthorized(payment::PaymentAuthorized) = "payment.authorized.v1": From::Rooms(&[Payment]) => [Fulfillment, Lifecycle];
    PaymentDeclined(payment::PaymentDeclined) = "payment.declined.v1": From::Rooms(&[Payment]) => [Inventory, Fulfillment, Notifications, Lifecycle];
    PaymentDelayed(payment::PaymentDelayed) = "payment.delayed.v1": From::Rooms(&[Payment]) => [Fulfillment, Notifications, Lifecycle];
    PaymentRenewed(payment::PaymentRenewed) = "payment.renewed.v1": From::Rooms(&[Payment]) => [Fulfillment, Lifecycle];
    PaymentCaptured(payment::PaymentCaptured) = "payment.captured.v1": From::Rooms(&[Payment]) => [Lifecycle];
    PaymentCaptureFailed(payment::PaymentCaptureFailed) = "payment.capture_failed.v1": From::Rooms(&[Payment]) => [Lifecycle];
    PaymentVoided(payment::PaymentVoided) = "payment.voided.v1": From::Rooms(&[Payment]) => [Lifecycle];
    PaymentAdjusted(payment::PaymentAdjusted) = "payment.adjusted.v1": From::Rooms(&[Payment]) => [Inventory, Lifecycle];
    PaymentRefunded(payment::PaymentRefunded) = "payment.refunded.v1": From::Rooms(&[Payment]) => [Notifications, Lifecycle];
    /// Also addressed to the warehouse, there with the section that it opens.
    ShipmentRequested(shipment::ShipmentRequested) = "shipment.requested.v1": From::Rooms(&[Fulfillment]) => [Lifecycle];
    ReleaseShorted(shipment::ReleaseShorted) = "release.shorted.v1": From::Rooms(&[Fulfillment]) => [Inventory, Payment, Lifecycle];
    ShipmentDispatched(shipment::ShipmentDispatched) = "shipment.dispatched.v1": From::Rooms(&[Fulfillment]) => [Inventory, Payment, Tracking, Undelivered, Notifications, Lifecycle];
    ShipmentProgressed(shipment::ShipmentProgressed) = "shipment.progressed.v1": From::Rooms(&[Tracking]) => [Lifecycle];
    ShipmentDelivered(shipment::ShipmentDelivered) = "shipment.delivered.v1": From::Rooms(&[Tracking]) => [Undelivered, Notifications, Lifecycle];
    ShipmentUndeliverable(shipment::ShipmentUndeliverable) = "shipment.undeliverable.v1": From::Rooms(&[Tracking]) => [Undelivered, Notifications, Lifecycle];
    ShipmentReturned(shipment::ShipmentReturned) = "shipment.returned.v1": From::Rooms(&[Tracking]) => [Undelivered, Notifications, Lifecycle];
    ShipmentLost(shipment::ShipmentLost) = "shipment.lost.v1": From::Rooms(&[Tracking]) => [Undelivered, Lifecycle];
    CaseOpened(case::CaseOpened) = "case.opened.v1": From::Rooms(&[Undelivered]) => [Notifications, Lifecycle];
    CaseAsked(case::CaseAsked) = "case.asked.v1": From::Rooms(&[Undelivered]) => [Notifications, Lifecycle];
    CaseChanged(case::CaseChanged) = "case.changed.v1": From::Rooms(&[Undelivered]) => [Notifications, Lifecycle];
    CaseResolved(case::CaseResolved) = "case.resolved.v1": From::Rooms(&[Undelivered]) => [Inventory, Payment, Fulfillment, Notifications, Lifecycle];
    CaseReceived(case::CaseReceived) = "case.received.v1": From::Rooms(&[Undelivered]) => [Inventory, Lifecycle];
    AddressFlagged(case::AddressFlagged) = "address.flagged.v1": From::Rooms(&[Undelivered]) => [Intake, Lifecycle];
    AddressSuppressed(bounce::AddressSuppressed) = "address.suppressed.v1": From::Rooms(&[Notifications]) => [Promotions, Lifecycle];
    SubscriberChanged(subscriber::SubscriberChanged) = "subscriber.changed.v1": From::Rooms(&[Promotions]) => [Lifecycle];
    CampaignChanged(subscriber::CampaignChanged) = "campaign.changed.v1": From::Rooms(&[Promotions]) => [Lifecycle];
    NoticeSent(notice::NoticeSent) = "notice.sent.v1": From::Rooms(&[Notifications]) => [Lifecycle];
    TaskOpened(task::TaskOpened) = "task.opened.v1": From::Rooms(&[Payment, Fulfillment, Undelivered, Notifications, Promotions]) => [Lifecycle];
    TaskClosed(task::TaskClosed) = "task.closed.v1": From::Rooms(&[Payment, Fulfillment, Undelivered, Notifications, Promotions]) => [Lifecycle];
    // What an operator did to a room: for the record only.
    ParkedSettled(control::ParkedSettled) = "parked.settled.v1": From::Rooms(&Room::ALL) => [Audit];
    RoomPaused(control::RoomPaused) = "room.paused.v1": From::Rooms(&Room::ALL) => [Audit];
    RoomResumed(control::RoomResumed) = "room.resumed.v1": From::Rooms(&Room::ALL) => [Audit];

    // To one outsider.
    CommandAnswered(answer::CommandAnswered) = "command.answered.v1": From::Answer => [];
}

impl Kind {
    /// The routing keys under which a room gets this kind.
    #[must_use]
    pub fn routing_key(self, room: Room) -> String {
        if self.is_addressed() { format!("{}.{room}", self.name()) } else { self.name().to_owned() }
    }

    /// Whether a message with this routing key may hold an event of this kind.
    #[must_use]
    pub fn fits_key(self, key: &str) -> bool {
        let of_a_room = || {
            key.strip_prefix(self.name())
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|room| Room::parse(room).is_some())
        };
        if self.is_addressed() { of_a_room() } else { key == self.name() }
    }

    /// Whether it is sent to one room of several that read it, by its routing key.
    #[must_use]
    pub fn is_addressed(self) -> bool {
        self == Self::TaskClose || self.is_control()
    }

    /// Whether a room reads it even while it is paused.
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(self, Self::ParkedSettle | Self::RoomPause | Self::RoomResume)
    }

    /// Whether it comes from outside.
    #[must_use]
    pub fn is_from_outside(self) -> bool {
        matches!(self.sent_by(), From::Outside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_the_house_and_a_reader() {
        for &kind in Kind::ALL {
            let parts: Vec<&str> = kind.name().split('.').collect();
            assert_eq!(parts.len(), 3, "{}: <noun>.<verb>.v<major>", kind.name());
            assert!(
                parts[2].strip_prefix('v').is_some_and(|major| major.parse::<u16>().is_ok()),
                "{}",
                kind.name()
            );
            assert_eq!(Kind::parse(kind.name()), Some(kind));
            match kind.sent_by() {
                From::Outside => assert!(
                    kind.is_addressed() || kind.read_by().len() == 1,
                    "{} has one reading room",
                    kind.name()
                ),
                From::Rooms(rooms) => assert!(
                    !rooms.is_empty() && !kind.read_by().is_empty(),
                    "{} has a sender and a reader",
                    kind.name()
                ),
                From::Answer => assert!(kind.read_by().is_empty()),
            }
        }
    }

    #[test]
    fn samples_are_read_back_as_they_are_written() {
        for &kind in Kind::ALL {
            assert!(kind.round_trips(&kind.sample()), "{}", kind.name());
        }
    }

    #[test]
    fn samples_fit_their_schemas() {
        for &kind in Kind::ALL {
            let schema = jsonschema::draft7::new(&kind.schema()).expect("a valid schema");
            let sample = kind.sample();
            let faults: Vec<String> = schema.iter_errors(&sample).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:?}", kind.name());
        }
    }
}
