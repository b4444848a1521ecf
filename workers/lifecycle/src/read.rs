//! The edge: from a message to the fact that is kept of it. Sealed sections and fingerprints end here; what leaves
//! this module must hold none.

use messages::bounce::AddressSuppressed;
use messages::case::{AddressFlagged, CaseAsked, CaseChanged, CaseOpened, CaseReceived, CaseResolved};
use messages::catalogue::Kind;
use messages::envelope::{Unreadable, read_body};
use messages::id::OrderNumber;
use messages::notice::NoticeSent;
use messages::order::{HoldEnded, OrderAccepted, OrderCancelled, OrderHeld, OrderRefused};
use messages::payment::{
    PaymentAdjusted, PaymentAuthorized, PaymentCaptureFailed, PaymentCaptured, PaymentDeclined,
    PaymentDelayed, PaymentRefunded, PaymentRenewed, PaymentVoided,
};
use messages::product::{ProductDefined, StockChanged};
use messages::shipment::{
    ReleaseShorted, ShipmentDelivered, ShipmentDispatched, ShipmentLost, ShipmentProgressed,
    ShipmentRequested, ShipmentReturned, ShipmentUndeliverable,
};
use messages::stock::{
    LineUnits, Release, ReleaseReady, ReshipReady, StockBackordered, StockLimited, StockReserved,
    StockUnavailable, StockWaitlisted,
};
use messages::subscriber::{CampaignChanged, SubscriberChanged};
use messages::task::{TaskClosed, TaskOpened};
use messages::{Event, Timestamp};
use serde_json::value::RawValue;
use shell::{Arrival, ReadError};

use crate::eastern;
use crate::fact::{Accepted, Fact, Held, ReleaseFact, What};
use crate::status::LineStatus;

/// Every message becomes a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub fact: Fact,
}

/// Reads one message; lifecycle asks for no time and makes no calls.
///
/// # Errors
/// The body is not readable, or it is of a kind that this room does not read.
pub fn read(arrival: &Arrival<'_>) -> Result<Input, ReadError> {
    match arrival {
        Arrival::Message { kind, event, .. } => Ok(Input { fact: fact(*kind, event)? }),
        Arrival::Timer { .. } | Arrival::Answer { .. } => Err(Unreadable::UnknownType.into()),
    }
}

fn fact(kind: Kind, event: &Event) -> Result<Fact, Unreadable> {
    let (order, what) = what(kind, &event.data)?;
    let heard = Timestamp(event.time);
    Ok(Fact {
        id: event.id.clone(),
        order,
        time: heard,
        rank: what.status().map(LineStatus::rank),
        day: received(&what, heard).map(|at| eastern::day_text(eastern::day(at))),
        what,
    })
}

/// When an order was received; an order that is held or refused does not say it, so we take when we heard of it.
fn received(what: &What, heard: Timestamp) -> Option<Timestamp> {
    if let What::Accepted(accepted) = what {
        return Some(accepted.received_at);
    }
    matches!(what, What::Held(_) | What::Refused { .. }).then_some(heard)
}

type Told = (Option<OrderNumber>, What);

fn what(kind: Kind, data: &RawValue) -> Result<Told, Unreadable> {
    match kind {
        Kind::OrderAccepted => read_body(data).map(accepted),
        Kind::OrderHeld => read_body(data).map(held),
        Kind::OrderRefused => read_body(data).map(refused),
        Kind::HoldEnded => read_body(data).map(hold_ended),
        Kind::ProductDefined => read_body(data).map(product_defined),
        Kind::StockChanged => read_body(data).map(stock_changed),
        Kind::StockReserved => read_body(data).map(reserved),
        Kind::StockLimited => read_body(data).map(limited),
        Kind::StockUnavailable => read_body(data).map(unavailable),
        Kind::StockBackordered => read_body(data).map(backordered),
        Kind::StockWaitlisted => read_body(data).map(waitlisted),
        Kind::ReleaseReady => read_body(data).map(ready),
        Kind::ReshipReady => read_body(data).map(reship_ready),
        Kind::PaymentAuthorized => read_body(data).map(authorized),
        Kind::PaymentDeclined => read_body(data).map(declined),
        Kind::PaymentDelayed => read_body(data).map(delayed),
        Kind::PaymentRenewed => read_body(data).map(renewed),
        Kind::PaymentCaptured => read_body(data).map(captured),
        Kind::PaymentCaptureFailed => read_body(data).map(capture_failed),
        Kind::PaymentVoided => read_body(data).map(voided),
        Kind::PaymentAdjusted => read_body(data).map(adjusted),
        Kind::ShipmentRequested => read_body(data).map(requested),
        Kind::ReleaseShorted => read_body(data).map(shorted),
        Kind::ShipmentDispatched => read_body(data).map(dispatched),
        Kind::ShipmentProgressed => read_body(data).map(progressed),
        Kind::ShipmentDelivered => read_body(data).map(delivered),
        Kind::ShipmentUndeliverable => read_body(data).map(undeliverable),
        Kind::ShipmentReturned => read_body(data).map(returned),
        Kind::ShipmentLost => read_body(data).map(lost),
        Kind::OrderCancelled => read_body(data).map(cancelled),
        Kind::CaseOpened => read_body(data).map(case_opened),
        Kind::CaseAsked => read_body(data).map(case_asked),
        Kind::CaseChanged => read_body(data).map(case_changed),
        Kind::CaseResolved => read_body(data).map(case_resolved),
        Kind::CaseReceived => read_body(data).map(case_received),
        Kind::PaymentRefunded => read_body(data).map(refunded),
        Kind::AddressFlagged => read_body(data).map(address_flagged),
        Kind::AddressSuppressed => read_body(data).map(address_suppressed),
        Kind::SubscriberChanged => read_body(data).map(subscriber_changed),
        Kind::CampaignChanged => read_body(data).map(campaign_changed),
        Kind::NoticeSent => read_body(data).map(noticed),
        Kind::TaskOpened => read_body(data).map(task_opened),
        Kind::TaskClosed => read_body(data).map(task_closed),
        Kind::OrderSubmit
        | Kind::OrderChange
        | Kind::OrderCancel
        | Kind::HoldRelease
        | Kind::HoldRefuse
        | Kind::ProductDefine
        | Kind::StockReceive
        | Kind::StockAdjust
        | Kind::ShipmentPacked
        | Kind::ShipmentShort
        | Kind::CarrierScan
        | Kind::CaseAnswer
        | Kind::CaseNote
        | Kind::CaseResolve
        | Kind::CaseReceive
        | Kind::MailBounced
        | Kind::SubscriberSubmit
        | Kind::SubscriberConfirm
        | Kind::SubscriberWithdraw
        | Kind::CampaignDefine
        | Kind::CampaignControl
        | Kind::TaskClose
        | Kind::ParkedSettle
        | Kind::ParkedSettled
        | Kind::RoomPause
        | Kind::RoomPaused
        | Kind::RoomResume
        | Kind::RoomResumed
        | Kind::CommandAnswered => Err(Unreadable::UnknownType),
    }
}

// The bodies are taken apart field by field, so that a field that is added must be looked at here: is it personal?

fn accepted(body: OrderAccepted) -> Told {
    let OrderAccepted {
        order,
        sender,
        reference,
        channel,
        place,
        agent,
        lines,
        shipping,
        total,
        currency,
        ..
    } = body;
    let received_at = place.received_at;
    let what = Accepted { sender, reference, channel, received_at, agent, lines, shipping, total, currency };
    (Some(order), What::Accepted(what))
}

fn held(body: OrderHeld) -> Told {
    let OrderHeld {
        order,
        sender,
        reference,
        channel,
        reasons,
        lines,
        total,
        currency,
        contact: _,
        email: _,
    } = body;
    (Some(order), What::Held(Held { sender, reference, channel, reasons, lines, total, currency }))
}

fn refused(body: OrderRefused) -> Told {
    let OrderRefused { sender, reference, order, code, text, contact: _, email: _ } = body;
    (order, What::Refused { sender, reference, code, text })
}

fn hold_ended(body: HoldEnded) -> Told {
    let HoldEnded { order, released, user, reason } = body;
    (Some(order), What::HoldEnded { released, user, reason })
}

fn product_defined(body: ProductDefined) -> Told {
    let ProductDefined { product, version, sender, user, reason } = body;
    (None, What::ProductDefined { item: product.item, version, sender, user, reason })
}

fn stock_changed(body: StockChanged) -> Told {
    let StockChanged { item, change, on_hand, sender, reference: _, user, reason } = body;
    (None, What::StockChanged { item, change, on_hand, sender, user, reason })
}

fn reserved(body: StockReserved) -> Told {
    (Some(body.order), What::Reserved { lines: body.lines })
}

fn limited(body: StockLimited) -> Told {
    (Some(body.order), What::Limited { lines: body.lines })
}

fn unavailable(body: StockUnavailable) -> Told {
    (Some(body.order), What::Unavailable { lines: body.lines })
}

fn backordered(body: StockBackordered) -> Told {
    (Some(body.order), What::Backordered { lines: body.lines, expected_at: body.expected_at })
}

fn waitlisted(body: StockWaitlisted) -> Told {
    (Some(body.order), What::Waitlisted { lines: body.lines })
}

fn reship_ready(body: ReshipReady) -> Told {
    let ReshipReady { shipment, order, lines, unavailable } = body;
    let what = if lines.is_empty() {
        What::ReshipUnavailable { shipment, unavailable }
    } else {
        What::ReshipReady { shipment, lines, unavailable }
    };
    (Some(order), what)
}

fn ready(body: ReleaseReady) -> Told {
    let (order, release) = release(body.release);
    (order, What::Ready(release))
}

fn authorized(body: PaymentAuthorized) -> Told {
    let (order, release) = release(body.release);
    (order, What::Authorized { release, capture_before: body.capture_before })
}

fn release(body: Release) -> (Option<OrderNumber>, ReleaseFact) {
    let Release { release, order, delivery: _, gift: _, method: _, lines, shipping: _, amount, currency } =
        body;
    (Some(order), ReleaseFact { release, lines: lines.iter().map(LineUnits::of).collect(), amount, currency })
}

fn declined(body: PaymentDeclined) -> Told {
    let PaymentDeclined { release, order, class, code, lines: _ } = body;
    (Some(order), What::Declined { release, class, code })
}

fn delayed(body: PaymentDelayed) -> Told {
    let PaymentDelayed { release, order, code, retry_at } = body;
    (Some(order), What::Delayed { release, code, retry_at })
}

fn renewed(body: PaymentRenewed) -> Told {
    let PaymentRenewed { release, order, capture_before, delays: _ } = body;
    (Some(order), What::Renewed { release, capture_before })
}

fn captured(body: PaymentCaptured) -> Told {
    let PaymentCaptured { release, order, amount, currency } = body;
    (Some(order), What::Captured { release, amount, currency })
}

fn capture_failed(body: PaymentCaptureFailed) -> Told {
    let PaymentCaptureFailed { release, order, amount, code } = body;
    (Some(order), What::CaptureFailed { release, amount, code })
}

fn voided(body: PaymentVoided) -> Told {
    (Some(body.order), What::Voided { release: body.release })
}

fn adjusted(body: PaymentAdjusted) -> Told {
    let PaymentAdjusted { release, order, delivery: _, missing, payment: _, address: _ } = body;
    (Some(order), What::Adjusted { release, missing })
}

fn requested(body: ShipmentRequested) -> Told {
    let ShipmentRequested { shipment, release: _, order, delivery: _, gift: _, method: _, lines, address: _ } =
        body;
    (Some(order), What::Requested { shipment, lines })
}

fn shorted(body: ReleaseShorted) -> Told {
    let ReleaseShorted { shipment, release: _, order, delivery: _, missing, address: _ } = body;
    (Some(order), What::Shorted { shipment, missing })
}

fn dispatched(body: ShipmentDispatched) -> Told {
    let ShipmentDispatched { shipment, release: _, order, gift: _, carrier, tracking, packed_at, lines } =
        body;
    (Some(order), What::Dispatched { shipment, carrier, tracking, packed_at, lines })
}

fn progressed(body: ShipmentProgressed) -> Told {
    let ShipmentProgressed { shipment, order, status, scanned_at } = body;
    (Some(order), What::Progressed { shipment, status, scanned_at })
}

fn delivered(body: ShipmentDelivered) -> Told {
    let ShipmentDelivered { shipment, order, delivered_at } = body;
    (Some(order), What::Delivered { shipment, delivered_at })
}

fn undeliverable(body: ShipmentUndeliverable) -> Told {
    let ShipmentUndeliverable { shipment, order, carrier, code, endorsement, scanned_at } = body;
    (Some(order), What::Undeliverable { shipment, carrier, code, endorsement, scanned_at })
}

fn returned(body: ShipmentReturned) -> Told {
    let ShipmentReturned { shipment, order, carrier, code, endorsement, returned_at } = body;
    (Some(order), What::Returned { shipment, carrier, code, endorsement, returned_at })
}

fn lost(body: ShipmentLost) -> Told {
    let ShipmentLost { shipment, order, carrier, last_seen_at } = body;
    (Some(order), What::Lost { shipment, carrier, last_seen_at })
}

fn cancelled(body: OrderCancelled) -> Told {
    let OrderCancelled { order, handed_over, sender, user, reason } = body;
    (Some(order), What::Cancelled { handed_over, sender, user, reason })
}

fn case_opened(body: CaseOpened) -> Told {
    let CaseOpened { case, order, class, reason, gift } = body;
    (Some(order), What::CaseOpened { case, class, reason, gift })
}

fn case_asked(body: CaseAsked) -> Told {
    let CaseAsked { case, order, class: _, contact, answer_by } = body;
    (Some(order), What::CaseAsked { case, contact, answer_by })
}

fn case_changed(body: CaseChanged) -> Told {
    let CaseChanged { case, order, change, user } = body;
    (Some(order), What::CaseChanged { case, change, user })
}

fn case_resolved(body: CaseResolved) -> Told {
    let CaseResolved {
        case,
        release: _,
        order,
        delivery: _,
        gift: _,
        class: _,
        resolution,
        returned: _,
        lines: _,
        address: _,
        user,
        reason,
    } = body;
    (Some(order), What::CaseResolved { case, resolution, user, reason })
}

fn case_received(body: CaseReceived) -> Told {
    let CaseReceived { case, release: _, order, condition, lines, user } = body;
    (Some(order), What::CaseReceived { case, condition, lines, user })
}

fn refunded(body: PaymentRefunded) -> Told {
    let PaymentRefunded { release, order, amount, currency } = body;
    (Some(order), What::Refunded { release, amount, currency })
}

fn address_flagged(body: AddressFlagged) -> Told {
    let AddressFlagged { address: _, case, order, reason } = body;
    (Some(order), What::AddressFlagged { case, reason })
}

fn address_suppressed(body: AddressSuppressed) -> Told {
    let AddressSuppressed { email: _, status } = body;
    (None, What::AddressSuppressed { status })
}

fn subscriber_changed(body: SubscriberChanged) -> Told {
    let SubscriberChanged { subscriber: _, change, topics, consent_text } = body;
    (None, What::SubscriberChanged { change, topics, consent_text })
}

fn campaign_changed(body: CampaignChanged) -> Told {
    let CampaignChanged { campaign, state, user, reason } = body;
    (None, What::CampaignChanged { campaign, state, user, reason })
}

fn noticed(body: NoticeSent) -> Told {
    let NoticeSent { order, kind, cause: _, way } = body;
    (Some(order), What::Noticed { notice: kind, way })
}

fn task_opened(body: TaskOpened) -> Told {
    let TaskOpened { room, kind, key, order, reason } = body;
    (order, What::TaskOpened { room, task: kind, key, reason })
}

fn task_closed(body: TaskClosed) -> Told {
    let TaskClosed { room, kind, key, order, user, reason } = body;
    (order, What::TaskClosed { room, task: kind, key, user, reason })
}
