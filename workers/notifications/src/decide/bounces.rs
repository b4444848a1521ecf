//! What follows from a mail that came back: its address gets no more advertising, and a person tells the customer what
//! the notice would have told.

use messages::answer::Outcome;
use messages::bounce::AddressSuppressed;
use messages::id::Reference;
use messages::sealed::Fingerprint;
use messages::task::TaskKind;
use shell::{At, Decision, World};

use super::reach::notices_of;
use super::{address_row, digits, notice_row, order_row};
use crate::Notifications;
use crate::read::{Bounce, MAIL, Returned};
use crate::report::ReportError;
use crate::store::{Address, Key, Notice, NoticeId, State, Status};

/// Mails not taken for the time being (4.x.x) after which an address counts as one that takes none.
pub(super) const MISSED_MAX: usize = 5;

pub(super) fn scope(bounce: &Bounce, found: &World<Notifications>) -> Vec<Key> {
    let own = bounce.notice.as_ref();
    // The order says which address its notices went to; it is looked at first.
    if own.is_some_and(|returned| order_row(found, &returned.order).is_none()) {
        return Vec::new();
    }
    let notice = own_id(bounce, found).map(Key::Notice);
    notice.into_iter().chain([Key::Address(email(bounce, found).clone())]).collect()
}

pub(super) fn looks(bounce: &Bounce) -> Vec<Key> {
    bounce.notice.iter().map(|Returned { order, .. }| Key::Order(order.clone())).collect()
}

pub(super) fn bounced(world: &World<Notifications>, bounce: &Bounce, at: &At<'_>) -> Decision<Notifications> {
    let mut decision = Decision::nothing();
    let email = email(bounce, world);
    let before = address_row(world, email);
    let address = after(before.clone(), bounce);
    if let (None, Some(status)) = (&before.suppressed, &address.suppressed) {
        let body = AddressSuppressed { email: email.clone(), status: status.clone() };
        decision.emit(email.as_str(), &body);
    }
    let is_news = address != before;
    if is_news {
        decision.set(Key::Address(email.clone()), State::Address(address));
    }
    let own = own_id(bounce, world);
    let came_back = own.is_some_and(|id| come_back(world, &id, bounce, &mut decision));
    let (outcome, text) = if is_news || came_back {
        (Outcome::Done, "the mail counts as not delivered")
    } else {
        (Outcome::Repeated, "nothing of this report is new")
    };
    let reference = Some(bounce.reference.as_str());
    decision.answer(at, reference, outcome, None, None, Some(text.to_owned()));
    decision
}

pub(super) fn no_bounce(
    reference: &Reference,
    why: Option<ReportError>,
    at: &At<'_>,
) -> Decision<Notifications> {
    let mut decision = Decision::nothing();
    let (outcome, code, text) = match why {
        None => (Outcome::Done, None, "the report tells of no failure, so there is nothing to do".to_owned()),
        Some(why) => (Outcome::Refused, Some(why.code()), why.to_string()),
    };
    decision.answer(at, Some(reference.as_str()), outcome, None, code, Some(text));
    decision
}

/// What the address is known for now.
fn after(mut address: Address, bounce: &Bounce) -> Address {
    if address.suppressed.is_none() {
        if !bounce.status.is_permanent() {
            address.missed.insert(bounce.mark.clone());
        }
        if bounce.status.is_permanent() || address.missed.len() >= MISSED_MAX {
            address.suppressed = Some(bounce.status.as_str().to_owned());
        }
    }
    address
}

/// Whether the notice counts as come back only now.
fn come_back(
    world: &World<Notifications>,
    id: &NoticeId,
    bounce: &Bounce,
    decision: &mut Decision<Notifications>,
) -> bool {
    let Some(notice) = notice_row(world, id) else { return false };
    match notice.status {
        Status::Sent | Status::Unclear => {}
        // It went out, though nobody has answered yet whether: no second copy.
        Status::Pending => decision.drop_due(id, MAIL),
        Status::Letter | Status::Failed | Status::Bounced | Status::Withheld => return false,
    }
    let reason = format!(
        "this notice came back from the customer's mail server with status {}: tell the customer another way",
        bounce.status.as_str()
    );
    decision.open_task(TaskKind::MailBounced, id, Some(&id.order), reason);
    let notice = Notice { status: Status::Bounced, ..notice.clone() };
    decision.set(Key::Notice(id.clone()), State::Notice(Some(notice)));
    true
}

/// The notice that came back, if it is one of ours: a Message-ID is believed only if it is made of the notice's key.
fn own_id(bounce: &Bounce, world: &World<Notifications>) -> Option<NoticeId> {
    let returned = bounce.notice.as_ref()?;
    let made = world.peeked(&notices_of(returned.prefix()))?;
    made.iter().filter_map(|text| NoticeId::parse(text)).find(|id| digits(id) == returned.digits)
}

/// The address that the mail went to: our own word where the notice is ours, since a report may name another one.
fn email<'a>(bounce: &'a Bounce, world: &'a World<Notifications>) -> &'a Fingerprint {
    let own = own_id(bounce, world);
    let known = own.and_then(|id| order_row(world, &id.order)).and_then(|row| row.email.as_ref());
    known.unwrap_or(&bounce.email)
}
