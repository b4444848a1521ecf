//! Which rows an input touches: those that it changes are locked, those that it only reads are looked at.

use messages::id::OrderNumber;
use messages::notice::NoticeKind;
use messages::sealed::Fingerprint;
use shell::World;
use shell::worker::Peek;

use super::{bounces, order_row};
use crate::Notifications;
use crate::read::{Announced, Input, Refusal};
use crate::store::{Key, NOTICES, NoticeId, Order};

/// Most notices of an order that are looked for; none has as many.
const NOTICES_MAX: u32 = 1_000;

/// The rows that an input changes: the order's, the notice that the input may make, those that wait on the row, and the
/// address's where that is told something.
#[must_use]
pub fn scope(input: &Input, found: &World<Notifications>) -> Vec<Key> {
    match input {
        Input::NothingToTell | Input::NoBounce { .. } => Vec::new(),
        Input::Answered { mail, .. } => vec![Key::Notice(mail.id())],
        Input::Bounced(bounce) => bounces::scope(bounce, found),
        Input::Silence { order } => {
            let made = found.peeked(&notices_of(format!("{order}/"))).unwrap_or_default();
            let mut keys: Vec<Key> =
                made.iter().filter_map(|text| NoticeId::parse(text)).map(Key::Notice).collect();
            keys.extend(of_order(order, found, |_| true, None));
            keys
        }
        Input::Accepted(body) => announced(body, NoticeKind::Received, found),
        Input::Held(body) => announced(body, NoticeKind::Held, found),
        Input::Refused(Refusal { order, cause, email, .. }) => {
            introduced(order, NoticeKind::Refused, cause, email.as_ref(), found)
        }
        Input::Dispatched { order, shipment, .. } => with_own(order, NoticeKind::Shipped, shipment, found),
        Input::Cancelled { order, .. } => with_own(order, NoticeKind::Cancelled, order.as_str(), found),
        Input::CaseEnded { order, case, .. } => with_own(order, NoticeKind::Reshipped, case, found),
        Input::Told { order, cause, facts } => with_own(order, facts.kind(), cause, found),
    }
}

/// The rows that an input only reads: what is known of the order's address, and of the order.
#[must_use]
pub fn looks(input: &Input, found: &World<Notifications>) -> Vec<Key> {
    let address = |order: &OrderNumber| {
        order_row(found, order).and_then(|row| row.email.clone()).map(Key::Address).into_iter()
    };
    match input {
        Input::NothingToTell | Input::NoBounce { .. } | Input::Silence { .. } => Vec::new(),
        Input::Answered { mail, .. } => {
            std::iter::once(Key::Order(mail.order.clone())).chain(address(&mail.order)).collect()
        }
        Input::Bounced(bounce) => bounces::looks(bounce),
        Input::Accepted(Announced { order, email, .. })
        | Input::Held(Announced { order, email, .. })
        | Input::Refused(Refusal { order, email, .. }) => {
            address(order).chain(email.iter().cloned().map(Key::Address)).collect()
        }
        Input::Dispatched { order, .. }
        | Input::Cancelled { order, .. }
        | Input::CaseEnded { order, .. }
        | Input::Told { order, .. } => address(order).collect(),
    }
}

/// The notices of an order of which a mail came back, or about which somebody has died, are found by their keys.
#[must_use]
pub fn peek(input: &Input) -> Option<Peek> {
    match input {
        Input::Silence { order } => Some(notices_of(format!("{order}/"))),
        Input::Bounced(bounce) => bounce.notice.as_ref().map(|returned| notices_of(returned.prefix())),
        Input::NothingToTell
        | Input::NoBounce { .. }
        | Input::Answered { .. }
        | Input::Accepted(_)
        | Input::Held(_)
        | Input::Refused(_)
        | Input::Dispatched { .. }
        | Input::Cancelled { .. }
        | Input::CaseEnded { .. }
        | Input::Told { .. } => None,
    }
}

fn notice(order: &OrderNumber, kind: NoticeKind, cause: &str) -> Key {
    Key::Notice(NoticeId { order: order.clone(), kind, cause: cause.to_owned() })
}

pub(super) fn notices_of(prefix: String) -> Peek {
    Peek { table: NOTICES, prefix, after: None, most: NOTICES_MAX }
}

fn announced(body: &Announced, kind: NoticeKind, found: &World<Notifications>) -> Vec<Key> {
    introduced(&body.order, kind, &body.cause, body.email.as_ref(), found)
}

/// With the address that a silent order brings.
fn introduced(
    order: &OrderNumber,
    kind: NoticeKind,
    cause: &str,
    email: Option<&Fingerprint>,
    found: &World<Notifications>,
) -> Vec<Key> {
    let mut keys = vec![notice(order, kind, cause)];
    keys.extend(of_order(order, found, |row| row.silent, email));
    keys
}

fn with_own(order: &OrderNumber, kind: NoticeKind, cause: &str, found: &World<Notifications>) -> Vec<Key> {
    let mut keys = vec![notice(order, kind, cause)];
    keys.extend(of_order(order, found, |_| false, None));
    keys
}

/// The order's row, the notices that wait on it, and its address if that `is_told` something.
fn of_order(
    order: &OrderNumber,
    found: &World<Notifications>,
    is_told: impl Fn(&Order) -> bool,
    email: Option<&Fingerprint>,
) -> Vec<Key> {
    let mut keys = vec![Key::Order(order.clone())];
    if let Some(row) = order_row(found, order) {
        keys.extend(row.waiting.iter().map(|waiting| notice(order, waiting.facts.kind(), &waiting.cause)));
        let email = row.email.as_ref().or(email).filter(|_| is_told(row));
        keys.extend(email.cloned().map(Key::Address));
    }
    keys
}
