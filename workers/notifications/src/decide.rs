//! The decision: which notices a fact makes, and whether they are mailed. It never sees a name or an address, and it
//! chooses no words.

use messages::bounce::AddressSuppressed;
use messages::id::{OrderNumber, Reference, sha256_hex};
use messages::notice::{NoticeSent, NoticeWay};
use messages::sealed::{Fingerprint, Sealed};
use messages::task::TaskKind;
use shell::{At, Decision, World};

use crate::Notifications;
use crate::facts::{Facts, Placed};
use crate::read::{Announced, Input, MAIL, Mail, Refusal};
use crate::store::{Address, Key, Notice, NoticeId, Order, Progress, State, Status, Waiting};

mod bounces;
mod reach;
mod tries;

pub use reach::{looks, peek, scope};

/// Hexadecimal digits of a Message-ID: 80 bits tell the notices of one order apart.
const MESSAGE_ID_DIGITS: usize = 20;
/// What [`AddressSuppressed`] says of an address whose owner has died.
const DECEASED: &str = "deceased";

/// What follows.
#[must_use]
pub fn decide(
    room: &Notifications,
    world: &World<Notifications>,
    input: &Input,
    at: &At<'_>,
) -> Decision<Notifications> {
    match input {
        Input::NothingToTell => Decision::nothing(),
        Input::Answered { mail, attempt, answer } => tries::answered(world, mail, *attempt, *answer, at),
        Input::Bounced(bounce) => bounces::bounced(world, bounce, at),
        Input::NoBounce { reference, why } => bounces::no_bounce(reference, *why, at),
        Input::Accepted(body) => with_order(room, world, &body.order, at, |row| accept(row, body)),
        Input::Held(body) => with_order(room, world, &body.order, at, |row| hold(row, body)),
        Input::Refused(body) => with_order(room, world, &body.order, at, |row| refuse(row, body)),
        Input::Dispatched { order, shipment, parcel } => with_order(room, world, order, at, |row| {
            row.parcels.entry(shipment.clone()).or_insert_with(|| parcel.clone());
            wait(row, shipment, Facts::Shipped(parcel.clone()));
        }),
        Input::Cancelled { order, handed_over } => with_order(room, world, order, at, |row| {
            row.cancelled = true;
            wait(row, order.as_str(), Facts::Cancelled { handed_over: *handed_over });
        }),
        Input::CaseEnded { order, case, facts } => with_order(room, world, order, at, |row| {
            row.ended.insert(case.clone());
            if let Some(facts) = facts {
                wait(row, case, facts.clone());
            }
        }),
        Input::Silence { order } => {
            let mut decision = with_order(room, world, order, at, |row| row.silent = true);
            withhold_all(world, order, &mut decision);
            decision
        }
        Input::Told { order, cause, facts } => with_order(room, world, order, at, |row| {
            if matches!(facts, Facts::Returned { .. }) {
                row.returned.insert(cause.clone());
            }
            wait(row, cause, facts.clone());
        }),
    }
}

fn order_row<'a>(world: &'a World<Notifications>, order: &OrderNumber) -> Option<&'a Order> {
    match world.find(&Key::Order(order.clone())) {
        Some(State::Order(row)) => Some(row),
        Some(State::Notice(_) | State::Address(_)) | None => None,
    }
}

fn notice_row<'a>(world: &'a World<Notifications>, id: &NoticeId) -> Option<&'a Notice> {
    match world.find(&Key::Notice(id.clone())) {
        Some(State::Notice(notice)) => notice.as_ref(),
        Some(State::Order(_) | State::Address(_)) | None => None,
    }
}

fn address_row(world: &World<Notifications>, email: &Fingerprint) -> Address {
    match world.find(&Key::Address(email.clone())) {
        Some(State::Address(address)) => address.clone(),
        Some(State::Order(_) | State::Notice(_)) | None => Address::default(),
    }
}

/// Changes the order's row, then makes every notice that nothing is missing for.
fn with_order(
    room: &Notifications,
    world: &World<Notifications>,
    number: &OrderNumber,
    at: &At<'_>,
    change: impl FnOnce(&mut Order),
) -> Decision<Notifications> {
    let before = order_row(world, number).cloned().unwrap_or_default();
    let mut row = before.clone();
    change(&mut row);
    let mut decision = Decision::nothing();
    let way = Way::of(&row, world);
    for mut waiting in std::mem::take(&mut row.waiting) {
        if waiting.facts.is_overtaken(&row, &waiting.cause) {
            continue;
        }
        let is_whole = waiting.facts.fill(&row, &waiting.cause);
        match (&row.contact, is_whole) {
            (Some(contact), true) => {
                let mail = mail(room, number, waiting, contact, row.reference.as_ref());
                make(world, &mail, way, at, &mut decision);
            }
            (_, _) => row.waiting.push(waiting),
        }
    }
    silence_address(world, &row, &mut decision);
    if row != before {
        decision.set(Key::Order(number.clone()), State::Order(row));
    }
    decision
}

/// What is done with a notice once it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Mail,
    /// The address takes no mail.
    Letter,
    Nothing,
}

impl Way {
    fn of(row: &Order, world: &World<Notifications>) -> Self {
        let address = row.email.as_ref().map(|email| address_row(world, email)).unwrap_or_default();
        if row.silent || address.silent {
            Self::Nothing
        } else if address.suppressed.is_some() {
            Self::Letter
        } else {
            Self::Mail
        }
    }
}

/// The address of an order about which somebody has died gets no mail at all, as soon as it is known.
fn silence_address(world: &World<Notifications>, row: &Order, decision: &mut Decision<Notifications>) {
    let Some(email) = row.email.as_ref().filter(|_| row.silent) else { return };
    let mut address = address_row(world, email);
    if !address.silent {
        address.silent = true;
        decision.set(Key::Address(email.clone()), State::Address(address));
        let body = AddressSuppressed { email: email.clone(), status: DECEASED.to_owned() };
        decision.emit(email.as_str(), &body);
    }
}

/// Notices of the order that still wait to be mailed, in this batch or before, are not.
fn withhold_all(world: &World<Notifications>, order: &OrderNumber, decision: &mut Decision<Notifications>) {
    for (key, state) in world.rows() {
        if let (Key::Notice(id), State::Notice(Some(notice))) = (key, state)
            && id.order == *order
            && notice.status == Status::Pending
        {
            let notice = Notice { status: Status::Withheld, ..notice.clone() };
            decision.drop_due(id, MAIL);
            decision.set(key.clone(), State::Notice(Some(notice)));
        }
    }
}

fn accept(row: &mut Order, body: &Announced) {
    learn(row, (&body.contact, body.email.as_ref()), &body.reference, Some(&body.placed));
    match row.progress {
        Progress::Unknown => {
            row.progress = Progress::Accepted;
            wait(row, &body.cause, Facts::Received(body.placed.clone()));
        }
        // The customer already knows that the order was received.
        Progress::Held => row.progress = Progress::Accepted,
        Progress::Accepted | Progress::Refused => {}
    }
}

fn hold(row: &mut Order, body: &Announced) {
    learn(row, (&body.contact, body.email.as_ref()), &body.reference, Some(&body.placed));
    match row.progress {
        Progress::Unknown => {
            row.progress = Progress::Held;
            wait(row, &body.cause, Facts::Held(body.placed.clone()));
        }
        // The hold is over: to tell of it now would be untrue.
        Progress::Held | Progress::Accepted | Progress::Refused => {}
    }
}

fn refuse(row: &mut Order, body: &Refusal) {
    learn(row, (&body.contact, body.email.as_ref()), &body.reference, None);
    match row.progress {
        Progress::Unknown | Progress::Held => {
            row.progress = Progress::Refused;
            wait(row, &body.cause, Facts::Refused { code: body.code.clone() });
        }
        Progress::Accepted | Progress::Refused => {}
    }
}

fn learn(
    row: &mut Order,
    (contact, email): (&Sealed, Option<&Fingerprint>),
    reference: &Reference,
    placed: Option<&Placed>,
) {
    row.contact.get_or_insert_with(|| contact.clone());
    if row.email.is_none() {
        row.email = email.cloned();
    }
    row.reference.get_or_insert_with(|| reference.clone());
    if row.placed.is_none() {
        row.placed = placed.cloned();
    }
}

/// A fact that is told twice waits once.
fn wait(row: &mut Order, cause: &str, facts: Facts) {
    let is_same = |old: &Waiting| old.cause == cause && old.facts.kind() == facts.kind();
    if !row.waiting.iter().any(is_same) {
        row.waiting.push(Waiting { cause: cause.to_owned(), facts });
    }
}

fn mail(
    room: &Notifications,
    order: &OrderNumber,
    waiting: Waiting,
    contact: &Sealed,
    reference: Option<&Reference>,
) -> Mail {
    let Waiting { cause, facts } = waiting;
    let (order, contact, reference) = (order.clone(), contact.clone(), reference.cloned());
    let mut mail = Mail { order, cause, message_id: String::new(), reference, facts, contact };
    mail.message_id = message_id(&mail.id(), &room.mail_domain);
    mail
}

fn make(
    world: &World<Notifications>,
    mail: &Mail,
    way: Way,
    at: &At<'_>,
    decision: &mut Decision<Notifications>,
) {
    let id = mail.id();
    if notice_row(world, &id).is_some() {
        return;
    }
    let status = match way {
        Way::Mail => Status::Pending,
        Way::Letter => Status::Letter,
        Way::Nothing => Status::Withheld,
    };
    let notice = Notice {
        status,
        message_id: mail.message_id.clone(),
        attempt: 0,
        unclear: 0,
        at: at.now,
        reference: mail.reference.clone(),
        facts: mail.facts.clone(),
    };
    match way {
        Way::Mail => decision.due(&id, MAIL, 0, at.now, mail),
        Way::Letter => {
            let reason = "the order's e-mail address takes no mail: print this notice and post it";
            letter(&id, reason, decision);
        }
        Way::Nothing => {}
    }
    decision.set(Key::Notice(id), State::Notice(Some(notice)));
}

fn letter(id: &NoticeId, reason: &str, decision: &mut Decision<Notifications>) {
    tell(id, NoticeWay::Letter, decision);
    decision.open_task(TaskKind::Letter, id, Some(&id.order), reason);
}

fn tell(id: &NoticeId, way: NoticeWay, decision: &mut Decision<Notifications>) {
    let body = NoticeSent { order: id.order.clone(), kind: id.kind, cause: id.cause.clone(), way };
    decision.emit(&id.order, &body);
}

fn message_id(id: &NoticeId, domain: &str) -> String {
    format!("{}.{}.{}@{domain}", digits(id), id.kind.name(), id.order)
}

/// The beginning of a notice's Message-ID, made of all of its key.
fn digits(id: &NoticeId) -> String {
    sha256_hex(id.to_string().as_bytes()).chars().take(MESSAGE_ID_DIGITS).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
