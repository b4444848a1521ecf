//! The decision: which notices a fact makes, and what follows from a try to mail one. It never sees a name or an
//! address, and it chooses no words.

use messages::id::{OrderNumber, Reference, sha256_hex};
use messages::notice::{NoticeKind, NoticeSent, NoticeWay};
use messages::sealed::Sealed;
use messages::task::TaskKind;
use shell::{At, Decision, World};

use crate::Notifications;
use crate::facts::{Facts, Placed};
use crate::read::{Announced, Answer, Input, MAIL, Mail, Refusal};
use crate::store::{Key, Notice, NoticeId, Order, Progress, State, Status, Waiting};

/// Seconds before the next try, by the number of tries that failed; the last one for all further ones.
const RETRY_SECONDS: [i64; 4] = [30, 120, 600, 3_600];
/// Tries of unknown outcome after which a person looks.
const UNCLEAR_MAX: u8 = 2;
/// Hexadecimal digits of a Message-ID: 80 bits tell the notices of one order apart.
const MESSAGE_ID_DIGITS: usize = 20;

/// The order's row, the notice that the input may make, and those that wait on the row.
#[must_use]
pub fn scope(input: &Input, found: &World<Notifications>) -> Vec<Key> {
    let notice = |order: &OrderNumber, kind, cause: &str| {
        Key::Notice(NoticeId { order: order.clone(), kind, cause: cause.to_owned() })
    };
    let (order, own) = match input {
        Input::NobodyToTell => return Vec::new(),
        Input::Answered { mail, .. } => return vec![Key::Notice(mail.id())],
        Input::Accepted(body) => (&body.order, notice(&body.order, NoticeKind::Received, &body.cause)),
        Input::Held(body) => (&body.order, notice(&body.order, NoticeKind::Held, &body.cause)),
        Input::Refused(body) => (&body.order, notice(&body.order, NoticeKind::Refused, &body.cause)),
        Input::Dispatched { order, shipment, .. } => (order, notice(order, NoticeKind::Shipped, shipment)),
        Input::Told { order, cause, facts } => (order, notice(order, facts.kind(), cause)),
    };
    let key = Key::Order(order.clone());
    let mut keys = vec![own];
    if let Some(State::Order(row)) = found.find(&key) {
        keys.extend(row.waiting.iter().map(|waiting| notice(order, waiting.facts.kind(), &waiting.cause)));
    }
    keys.push(key);
    keys
}

/// What follows.
#[must_use]
pub fn decide(
    room: &Notifications,
    world: &World<Notifications>,
    input: &Input,
    at: &At<'_>,
) -> Decision<Notifications> {
    match input {
        Input::NobodyToTell => Decision::nothing(),
        Input::Answered { mail, attempt, answer } => answered(world, mail, *attempt, *answer, at),
        Input::Accepted(body) => with_order(room, world, &body.order, at, |row| accept(row, body)),
        Input::Held(body) => with_order(room, world, &body.order, at, |row| hold(row, body)),
        Input::Refused(body) => with_order(room, world, &body.order, at, |row| refuse(row, body)),
        Input::Dispatched { order, shipment, parcel } => with_order(room, world, order, at, |row| {
            row.parcels.entry(shipment.clone()).or_insert_with(|| parcel.clone());
            wait(row, shipment, Facts::Shipped(parcel.clone()));
        }),
        Input::Told { order, cause, facts } => {
            with_order(room, world, order, at, |row| wait(row, cause, facts.clone()))
        }
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
    let key = Key::Order(number.clone());
    let before = match world.find(&key) {
        Some(State::Order(row)) => row.clone(),
        Some(State::Notice(_)) | None => Order::default(),
    };
    let mut row = before.clone();
    change(&mut row);
    let mut decision = Decision::nothing();
    for mut waiting in std::mem::take(&mut row.waiting) {
        let is_whole = waiting.facts.fill(&row, &waiting.cause);
        match (&row.contact, is_whole) {
            (Some(contact), true) => {
                let mail = mail(room, number, waiting, contact, row.reference.as_ref());
                make(world, &mail, at, &mut decision);
            }
            (_, _) => row.waiting.push(waiting),
        }
    }
    if row != before {
        decision.set(key, State::Order(row));
    }
    decision
}

fn accept(row: &mut Order, body: &Announced) {
    learn(row, &body.contact, &body.reference, Some(&body.placed));
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
    learn(row, &body.contact, &body.reference, Some(&body.placed));
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
    learn(row, &body.contact, &body.reference, None);
    match row.progress {
        Progress::Unknown | Progress::Held => {
            row.progress = Progress::Refused;
            wait(row, &body.cause, Facts::Refused { code: body.code.clone() });
        }
        Progress::Accepted | Progress::Refused => {}
    }
}

fn learn(row: &mut Order, contact: &Sealed, reference: &Reference, placed: Option<&Placed>) {
    row.contact.get_or_insert_with(|| contact.clone());
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

fn make(world: &World<Notifications>, mail: &Mail, at: &At<'_>, decision: &mut Decision<Notifications>) {
    let id = mail.id();
    if let Some(State::Notice(Some(_))) = world.find(&Key::Notice(id.clone())) {
        return;
    }
    let notice = Notice {
        status: Status::Pending,
        message_id: mail.message_id.clone(),
        attempt: 0,
        unclear: 0,
        at: at.now,
        reference: mail.reference.clone(),
        facts: mail.facts.clone(),
    };
    decision.due(&id, MAIL, 0, at.now, mail);
    decision.set(Key::Notice(id), State::Notice(Some(notice)));
}

fn message_id(id: &NoticeId, domain: &str) -> String {
    let digest = sha256_hex(id.to_string().as_bytes());
    let digits: String = digest.chars().take(MESSAGE_ID_DIGITS).collect();
    format!("{digits}.{}.{}@{domain}", id.kind.name(), id.order)
}

fn answered(
    world: &World<Notifications>,
    mail: &Mail,
    attempt: i32,
    answer: Answer,
    at: &At<'_>,
) -> Decision<Notifications> {
    let id = mail.id();
    let key = Key::Notice(id.clone());
    let mut decision = Decision::nothing();
    let Some(State::Notice(Some(notice))) = world.find(&key) else { return decision };
    match notice.status {
        Status::Pending => {}
        Status::Sent | Status::Letter | Status::Unclear | Status::Failed => return decision,
    }
    let mut notice = notice.clone();
    match answer {
        Answer::Sent => {
            notice.status = Status::Sent;
            tell(&id, NoticeWay::Email, &mut decision);
        }
        Answer::NoEmail => {
            notice.status = Status::Letter;
            tell(&id, NoticeWay::Letter, &mut decision);
            let reason = "the order has no e-mail address: print this notice and post it";
            decision.open_task(TaskKind::Letter, &id, Some(&id.order), reason);
        }
        Answer::Refused { code } => {
            let reason = format!("the mail relay refused this notice for good, with code {code}");
            fail(&mut notice, &id, reason, &mut decision);
        }
        Answer::Unsendable => {
            let reason = "no mail can be made of this notice: the order's contact does not open, or its address does not fit into a mail";
            fail(&mut notice, &id, reason.to_owned(), &mut decision);
        }
        Answer::TryLater => again(&mut notice, mail, attempt, at, &mut decision),
        Answer::Unclear => {
            notice.unclear += 1;
            if notice.unclear < UNCLEAR_MAX {
                again(&mut notice, mail, attempt, at, &mut decision);
            } else {
                notice.status = Status::Unclear;
                let reason = "this notice was tried twice and may have gone out once, twice or never: look before you send it again";
                decision.open_task(TaskKind::MailUnclear, &id, Some(&id.order), reason);
            }
        }
    }
    decision.set(key, State::Notice(Some(notice)));
    decision
}

fn tell(id: &NoticeId, way: NoticeWay, decision: &mut Decision<Notifications>) {
    let body = NoticeSent { order: id.order.clone(), kind: id.kind, cause: id.cause.clone(), way };
    decision.emit(&id.order, &body);
}

fn fail(notice: &mut Notice, id: &NoticeId, reason: String, decision: &mut Decision<Notifications>) {
    notice.status = Status::Failed;
    decision.open_task(TaskKind::MailFailed, id, Some(&id.order), reason);
}

/// The same mail under the same Message-ID, later.
fn again(
    notice: &mut Notice,
    mail: &Mail,
    attempt: i32,
    at: &At<'_>,
    decision: &mut Decision<Notifications>,
) {
    let next = attempt.saturating_add(1);
    notice.attempt = next;
    let last = RETRY_SECONDS.len() - 1;
    let seconds = RETRY_SECONDS[usize::try_from(attempt).map_or(last, |attempt| attempt.min(last))];
    decision.due_again(mail.id(), MAIL, 0, next, at.now.plus_seconds(seconds), mail);
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
