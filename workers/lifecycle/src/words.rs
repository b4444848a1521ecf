//! Facts in words, for people at a desk. It repeats nothing but what the fact holds, and so nothing personal.

use messages::case::{CaseChange, CaseEnd, CaseWish, Condition};
use messages::id::ShipmentId;
use messages::money::{Amount, Currency};
use messages::notice::NoticeWay;
use messages::order::{Channel, Line};
use messages::payment::DeclineClass;
use messages::shipment::ParcelStatus;
use messages::stock::{LineUnits, Unavailable};
use messages::subscriber::{CampaignState, SubscriberChange};
use messages::tracking_number::Carrier;

use crate::fact::What;

/// The fact in one sentence without a full stop.
#[must_use]
pub fn sentence(what: &What) -> String {
    match what {
        What::Accepted(order) => {
            let total = money(order.total, order.currency);
            format!(
                "order {} of {} accepted {}, total {total}",
                order.reference,
                order.sender,
                by(order.channel)
            )
        }
        What::Held(order) => {
            let reasons = list(order.reasons.iter().map(|reason| plain(reason.name())));
            format!("order {} of {} held for a person: {reasons}", order.reference, order.sender)
        }
        What::Refused { sender, reference, code, .. } => {
            format!("order {reference} of {sender} refused: {}", plain(code))
        }
        What::HoldEnded { released: true, user, .. } => format!("hold released by {user}"),
        What::HoldEnded { released: false, user, .. } => format!("held order refused by {user}"),
        What::ProductDefined { item, version: 1, sender, .. } => {
            format!("product {item} defined by {sender}")
        }
        What::ProductDefined { item, sender, .. } => format!("product {item} changed by {sender}"),
        What::StockChanged { item, change, on_hand, .. } => {
            format!("stock of {item} changed by {change:+} to {on_hand}")
        }
        What::Reserved { lines } => format!("units reserved: {}", units(lines)),
        What::Limited { lines } => format!("over the household limit: {}", units(lines)),
        What::Unavailable { lines } => {
            format!(
                "no units: {}",
                list(lines.iter().map(|line| format!("{} ({})", one(&line.units), why(line.why))))
            )
        }
        What::Backordered { lines, .. } => format!("on backorder: {}", units(lines)),
        What::Waitlisted { lines } => format!("on the waiting list: {}", units(lines)),
        What::Ready(release) => format!("release {} can ship: {}", release.release, units(&release.lines)),
        What::ReshipReady { lines, unavailable, .. } => {
            let aside = format!("units set aside to be sent again: {}", units(lines));
            let left_out = (!unavailable.is_empty()).then(|| format!("; {}", cannot_be_sent(unavailable)));
            aside + &left_out.unwrap_or_default()
        }
        What::ReshipUnavailable { unavailable, .. } => cannot_be_sent(unavailable),
        What::Authorized { release, .. } => {
            format!("card authorized for {}", money(release.amount, release.currency))
        }
        What::Declined { code, .. } => format!("card declined: {}", plain(code)),
        What::Delayed { code, .. } => format!("card not authorized yet: {}", plain(code)),
        What::Captured { amount, currency, .. } => format!("card charged {}", money(*amount, *currency)),
        What::CaptureFailed { amount, code, .. } => {
            format!("card could not be charged {amount}: {}", plain(code))
        }
        What::Renewed { .. } => "card authorized anew".to_owned(),
        What::Voided { release } => format!("nothing is held on the card any more for release {release}"),
        What::Adjusted { missing, .. } => format!("taken off the release, back in line: {}", units(missing)),
        What::Requested { lines, .. } => format!("handed over to the warehouse: {}", units(lines)),
        What::Shorted { missing, .. } => format!("not found in the warehouse so far: {}", units(missing)),
        What::Dispatched { carrier, tracking, .. } => {
            format!("parcel {} handed to {}", tracking.as_str(), carrier_name(*carrier))
        }
        What::Progressed { status, .. } => format!("parcel {}", progress(*status)),
        What::Delivered { .. } => "parcel delivered".to_owned(),
        What::Undeliverable { carrier, .. } => {
            format!("{} cannot deliver the parcel", carrier_name(*carrier))
        }
        What::Returned { .. } => "parcel came back to us".to_owned(),
        What::Lost { carrier, .. } => {
            format!("{} has not seen the parcel for days", carrier_name(*carrier))
        }
        What::Cancelled { handed_over, sender, user, .. } => {
            let by = user.as_ref().map_or(sender.as_str(), |user| user.as_str());
            match handed_over.len() {
                0 => format!("cancelled by {by}"),
                parts => format!("cancelled by {by}, but for {parts} already at the warehouse"),
            }
        }
        What::CaseOpened { case, class, .. } => format!("case {case} opened: {}", plain(class.name())),
        What::CaseAsked { contact: 1, .. } => "customer asked how it shall go on".to_owned(),
        What::CaseAsked { .. } => "customer asked again how it shall go on".to_owned(),
        What::CaseChanged { case, change, .. } => case_changed(case, change),
        What::CaseResolved { case, resolution, .. } => format!("case {case} ended: {}", end(*resolution)),
        What::CaseReceived { condition, lines, .. } => {
            format!("parcel is back and opened, {}: {}", condition_text(*condition), units(lines))
        }
        What::Refunded { amount, currency, .. } => {
            format!("{} given back to the card", money(*amount, *currency))
        }
        What::AddressFlagged { .. } => "orders to this address wait for a person from now on".to_owned(),
        What::AddressSuppressed { status } => {
            format!("an e-mail address gets no more advertising: {}", plain(status))
        }
        What::SubscriberChanged { change, topics, .. } => {
            format!("subscription {}: {}", changed(*change), list(topics.iter().map(|it| plain(it.name()))))
        }
        What::CampaignChanged { campaign, state, .. } => {
            format!("campaign {campaign} {}", campaign_state(*state))
        }
        What::Noticed { notice, way: NoticeWay::Email } => {
            format!("customer told by e-mail: {}", plain(notice.name()))
        }
        What::Noticed { notice, way: NoticeWay::Letter } => {
            format!("letter to the customer listed: {}", plain(notice.name()))
        }
        What::TaskOpened { room, task, .. } => {
            format!("task for a person opened by {room}: {}", plain(task.name()))
        }
        What::TaskClosed { task, user, .. } => format!("task closed by {user}: {}", plain(task.name())),
    }
}

/// What else the fact holds that helps, if anything.
#[must_use]
pub fn detail(what: &What) -> Option<String> {
    match what {
        What::Accepted(order) => {
            let shipping = money(order.shipping, order.currency);
            let agent = order.agent.as_ref().map_or_else(String::new, |agent| format!("; taken by {agent}"));
            Some(format!("{}; shipping {shipping}{agent}", priced(&order.lines, order.currency)))
        }
        What::Held(order) => Some(priced(&order.lines, order.currency)),
        What::Refused { text, .. } => Some(text.clone()),
        What::HoldEnded { reason, .. }
        | What::Cancelled { reason, .. }
        | What::TaskOpened { reason, .. }
        | What::TaskClosed { reason, .. } => Some(reason.clone()),
        What::ProductDefined { user, reason, .. } | What::StockChanged { user, reason, .. } => {
            let user = user.as_ref().map(|user| format!("by {user}"));
            join([user, reason.clone()])
        }
        What::Backordered { expected_at, .. } => expected_at.map(|at| format!("expected {at}")),
        What::Ready(release) => Some(money(release.amount, release.currency)),
        What::Authorized { release, capture_before } => {
            Some(format!("release {}; the hold lapses {capture_before}", release.release))
        }
        What::Declined { release, class, .. } => Some(format!("release {release}; {}", meaning(*class))),
        What::Delayed { release, retry_at, .. } => Some(format!("release {release}; tried again {retry_at}")),
        What::Renewed { release, capture_before } => {
            Some(format!("release {release}; the hold lapses {capture_before}"))
        }
        What::Captured { release, .. }
        | What::Refunded { release, .. }
        | What::CaptureFailed { release, .. }
        | What::Adjusted { release, .. } => Some(format!("release {release}")),
        What::ReshipReady { shipment, .. }
        | What::ReshipUnavailable { shipment, .. }
        | What::Requested { shipment, .. }
        | What::Shorted { shipment, .. } => Some(format!("shipment {shipment}")),
        What::Dispatched { shipment, packed_at, lines, .. } => {
            Some(format!("shipment {shipment}, packed {packed_at}: {}", units(lines)))
        }
        What::Progressed { shipment, scanned_at: at, .. }
        | What::Delivered { shipment, delivered_at: at } => Some(format!("shipment {shipment}, {at}")),
        What::Undeliverable { shipment, code, endorsement, scanned_at: at, .. }
        | What::Returned { shipment, code, endorsement, returned_at: at, .. } => {
            let code = code.as_ref().map(|code| format!("the carrier's code {code}"));
            let endorsement = endorsement.as_ref().map(|text| format!("marked {text}"));
            join([Some(format!("shipment {shipment}, {at}")), code, endorsement])
        }
        What::Lost { shipment, last_seen_at, .. } => {
            Some(format!("shipment {shipment}, last seen {last_seen_at}"))
        }
        What::CaseOpened { reason, gift, .. } => {
            let reason = reason.as_ref().map(|reason| format!("the carrier's reason {reason}"));
            join([reason, gift.then(|| "a gift".to_owned())])
        }
        What::CaseAsked { case, answer_by, .. } => {
            Some(format!("case {case}; without an answer by {answer_by} it ends in a refund"))
        }
        What::CaseChanged { case, change, user } => {
            let by = user.as_ref().map(|user| format!("by {user}"));
            match change {
                CaseChange::Noted { text } => join([Some(text.clone()), by]),
                CaseChange::Reclassified { reason, .. } => {
                    join([reason.as_ref().map(|reason| format!("the carrier's reason {reason}")), by])
                }
                CaseChange::Answered { .. } | CaseChange::Resumed => join([Some(format!("case {case}")), by]),
            }
        }
        What::CaseResolved { user, reason, .. } => {
            join([Some(reason.clone()), user.as_ref().map(|user| format!("by {user}"))])
        }
        What::CaseReceived { case, user, .. } => {
            join([Some(format!("case {case}")), user.as_ref().map(|user| format!("by {user}"))])
        }
        What::AddressFlagged { case, reason } => Some(format!("case {case}: {reason}")),
        What::SubscriberChanged { consent_text, .. } => Some(format!("consent text {consent_text}")),
        What::CampaignChanged { user, reason, .. } => {
            join([user.as_ref().map(|user| format!("by {user}")), reason.clone()])
        }
        What::AddressSuppressed { .. }
        | What::Reserved { .. }
        | What::Limited { .. }
        | What::Unavailable { .. }
        | What::Waitlisted { .. }
        | What::Voided { .. }
        | What::Noticed { .. } => None,
    }
}

/// The carrier as people call it.
#[must_use]
pub const fn carrier_name(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Usps => "USPS",
        Carrier::Ups => "UPS",
        Carrier::Fedex => "FedEx",
        Carrier::Dhl => "DHL",
        Carrier::Postal => "the post",
    }
}

/// An amount with its currency.
#[must_use]
pub fn money(amount: Amount, currency: Currency) -> String {
    if currency == Currency::USD { format!("${amount}") } else { format!("{} {amount}", currency.as_str()) }
}

const fn by(channel: Channel) -> &'static str {
    match channel {
        Channel::Web => "online",
        Channel::Phone => "by telephone",
        Channel::Mail => "by mail",
        Channel::InPerson => "in person",
    }
}

const fn why(why: Unavailable) -> &'static str {
    match why {
        Unavailable::SoldOut => "sold out",
        Unavailable::CurrentlyUnavailable => "currently unavailable",
    }
}

const fn meaning(class: DeclineClass) -> &'static str {
    match class {
        DeclineClass::Never => "the card must not be tried again",
        DeclineClass::Later => "tried as often as allowed",
        DeclineClass::FixData => "the card's data are not right",
    }
}

fn case_changed(case: &ShipmentId, change: &CaseChange) -> String {
    match change {
        CaseChange::Noted { .. } => format!("case {case} noted"),
        CaseChange::Answered { wish: CaseWish::Refund, .. } => "answered: money back".to_owned(),
        CaseChange::Answered { wish: CaseWish::Reship, corrected: false } => {
            "answered: send it again".to_owned()
        }
        CaseChange::Answered { wish: CaseWish::Reship, corrected: true } => {
            "answered: send it again, to another address".to_owned()
        }
        CaseChange::Reclassified { class, .. } => format!("case {case} is {}", plain(class.name())),
        CaseChange::Resumed => format!("case {case} goes on: the parcel came back after all"),
    }
}

const fn end(end: CaseEnd) -> &'static str {
    match end {
        CaseEnd::Reship => "sent again",
        CaseEnd::Refund => "money back",
        CaseEnd::Closed => "nothing to do",
    }
}

/// What was found in a parcel that came back.
#[must_use]
pub const fn condition_text(condition: Condition) -> &'static str {
    match condition {
        Condition::Restock => "back on the shelf",
        Condition::Damaged => "damaged",
        Condition::WrongItem => "not what we sent",
    }
}

const fn changed(change: SubscriberChange) -> &'static str {
    match change {
        SubscriberChange::Asked => "asked for, not confirmed yet",
        SubscriberChange::Confirmed => "confirmed",
        SubscriberChange::Withdrawn => "withdrawn",
        SubscriberChange::Suppressed => "suppressed",
    }
}

const fn campaign_state(state: CampaignState) -> &'static str {
    match state {
        CampaignState::Draft => "drafted",
        CampaignState::Approved => "approved",
        CampaignState::Running => "running",
        CampaignState::Paused => "paused",
        CampaignState::Stopped => "stopped for good",
        CampaignState::Finished => "finished",
    }
}

const fn progress(status: ParcelStatus) -> &'static str {
    match status {
        ParcelStatus::LabelCreated => "labelled",
        ParcelStatus::InTransit => "on its way",
        ParcelStatus::OutForDelivery => "out for delivery",
        ParcelStatus::Attempted => "not delivered at the first attempt",
        ParcelStatus::PickupReady => "ready to be picked up",
        ParcelStatus::Exception => "met an obstacle",
        ParcelStatus::Returning => "on its way back to us",
        ParcelStatus::Delivered => "delivered",
        ParcelStatus::Returned => "back with us",
    }
}

fn cannot_be_sent(unavailable: &[LineUnits]) -> String {
    format!("cannot be sent again, the money goes back: {}", units(unavailable))
}

fn one(units: &LineUnits) -> String {
    format!("{} × {}", units.quantity, units.item.as_str())
}

fn units(lines: &[LineUnits]) -> String {
    list(lines.iter().map(one))
}

fn priced(lines: &[Line], currency: Currency) -> String {
    list(lines.iter().map(|line| {
        format!("{} × {} at {}", line.quantity, line.item.as_str(), money(line.unit_price, currency))
    }))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<String>>().join(", ")
}

fn join<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// A stable name as words.
fn plain(name: &str) -> String {
    name.replace('_', " ")
}
