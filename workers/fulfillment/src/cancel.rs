//! Cancelling: this room owns the point of no return, so it decides what is still to be cancelled. What was handed over
//! goes on; everything else of the order ends, in every room. It never takes a parcel back, and never says that it cancelled
//! an order of which nothing was left.

use messages::answer::{CommandAnswered, Outcome};
use messages::id::{OrderNumber, ReleaseId};
use messages::order::{OrderCancel, OrderCancelled};
use shell::{At, Decision, World};

use crate::Fulfillment;
use crate::store::{Asked, HAND_OVER, Key, Order, State, UNKNOWN_ORDER};

/// How long a cancellation waits for its order before it is refused, in seconds.
const UNKNOWN_AFTER_SECONDS: i64 = 86_400;
/// Characters of a reason at most: it goes on in clear to every room.
const REASON_MAX: usize = 500;

/// The order's row.
pub(crate) fn order(world: &World<Fulfillment>, number: &OrderNumber) -> Order {
    match world.get(&Key::Order(number.clone())).as_ref() {
        State::Order(order) => order.clone(),
        State::New
        | State::Waiting(_)
        | State::Awaiting(_)
        | State::Reserved(_)
        | State::Requested(_)
        | State::Dispatched(_)
        | State::Shorted(_)
        | State::Cancelled => Order::default(),
    }
}

/// The order exists, with so many units: it was accepted, or is held.
pub(crate) fn known(world: &World<Fulfillment>, number: &OrderNumber, units: u64) -> Decision<Fulfillment> {
    let before = order(world, number);
    let mut row = Order { units: Some(units), ..before.clone() };
    let mut decision = Decision::nothing();
    exists(&mut row, number, &mut decision);
    if row != before {
        decision.set(Key::Order(number.clone()), State::Order(row));
    }
    decision
}

/// So many more of its units ended without a parcel. That alone does not say how many it has, so nothing waits for it.
pub(crate) fn ended(world: &World<Fulfillment>, number: &OrderNumber, units: u64) -> Decision<Fulfillment> {
    let mut row = order(world, number);
    row.ended = row.ended.saturating_add(units);
    let mut decision = Decision::nothing();
    decision.set(Key::Order(number.clone()), State::Order(row));
    decision
}

/// The order is not taken: nothing of it is left to cancel.
pub(crate) fn refused(world: &World<Fulfillment>, number: &OrderNumber) -> Decision<Fulfillment> {
    let mut row = Order { refused: true, ..order(world, number) };
    let mut decision = Decision::nothing();
    exists(&mut row, number, &mut decision);
    decision.set(Key::Order(number.clone()), State::Order(row));
    decision
}

/// Something proves that the order exists: a cancellation that waited for it takes effect.
pub(crate) fn exists(row: &mut Order, number: &OrderNumber, decision: &mut Decision<Fulfillment>) {
    if let Some(asked) = row.asked.take() {
        decision.drop_due(number, UNKNOWN_ORDER);
        let answer = cancel(row, number, &asked, decision);
        answer_later(decision, number, &asked, answer);
    }
}

/// Somebody asks to cancel.
pub(crate) fn asked(world: &World<Fulfillment>, wish: &OrderCancel, at: &At<'_>) -> Decision<Fulfillment> {
    let mut decision = Decision::nothing();
    let Some(sender) = at.sender else { return decision };
    let number = &wish.order;
    let mut row = order(world, number);
    let asked = Asked {
        sender: sender.to_owned(),
        message_id: at.id.to_owned(),
        reference: wish.reference.clone(),
        user: wish.user.clone(),
        reason: wish.reason.clone(),
    };
    let (outcome, code, text) = match row.cancelled.as_ref().or(row.asked.as_ref()) {
        _ if wish.reason.trim().is_empty() || wish.reason.chars().count() > REASON_MAX => BAD_REASON,
        Some(before) if before.is_same(&asked) => REPEATED,
        Some(before) if before.has_name_of(&asked) => OTHER_CONTENT,
        Some(_) => ALREADY_CANCELLED,
        None if row.is_known() => {
            let answer = cancel(&mut row, number, &asked, &mut decision);
            if row.cancelled.is_some() {
                decision.set(Key::Order(number.clone()), State::Order(row));
            }
            answer
        }
        None => {
            // A cancellation may overtake its order. It is answered when that comes, or when it has not come for a day.
            let until = at.now.plus_seconds(UNKNOWN_AFTER_SECONDS);
            decision.due(number, UNKNOWN_ORDER, 0, until, number);
            row.asked = Some(asked);
            decision.set(Key::Order(number.clone()), State::Order(row));
            return decision;
        }
    };
    let text = text.map(str::to_owned);
    decision.answer(at, Some(wish.reference.as_str()), outcome, Some(number), code, text);
    decision
}

/// No order has come.
pub(crate) fn unknown(world: &World<Fulfillment>, number: &OrderNumber) -> Decision<Fulfillment> {
    let row = order(world, number);
    let mut decision = Decision::nothing();
    if let Some(asked) = row.asked.filter(|_| row.cancelled.is_none()) {
        answer_later(&mut decision, number, &asked, UNKNOWN);
        // Anybody may name an order that does not exist; its row does not stay.
        decision.remove(Key::Order(number.clone()));
    }
    decision
}

/// The warehouse misses units of a release: they go back in line, where they can be cancelled again.
pub(crate) fn missed(
    world: &World<Fulfillment>,
    release: &ReleaseId,
    missing: u64,
    decision: &mut Decision<Fulfillment>,
) {
    let number = release.order();
    let mut row = order(world, &number);
    if let Some(units) = row.handed_over.get_mut(release) {
        *units = units.saturating_sub(missing);
        decision.set(Key::Order(number), State::Order(row));
    }
}

/// What became of a command, its code, and a sentence.
type Answer = (Outcome, Option<&'static str>, Option<&'static str>);

const DONE: Answer = (Outcome::Done, None, None);
const REPEATED: Answer = (Outcome::Repeated, None, Some("the same cancellation was sent before"));
const OTHER_CONTENT: Answer = (
    Outcome::Refused,
    Some("already_seen_with_other_content"),
    Some("a cancellation of this reference was sent before with other content, and stands as it is"),
);
const ALREADY_CANCELLED: Answer =
    (Outcome::Refused, Some("already_cancelled"), Some("another command cancels the order already"));
const NOTHING_TO_CANCEL: Answer = (
    Outcome::Refused,
    Some("nothing_to_cancel"),
    Some("nothing of the order is left: it is with the warehouse already, or had ended before"),
);
const UNKNOWN: Answer =
    (Outcome::Refused, Some("unknown_order"), Some("no order of this number was heard of within a day"));
const BAD_REASON: Answer = (Outcome::Refused, Some("bad_reason"), Some("a reason has 1 to 500 characters"));

/// What waits to be handed over ends here; what is not authorized yet ends when it comes.
fn cancel(
    row: &mut Order,
    number: &OrderNumber,
    asked: &Asked,
    decision: &mut Decision<Fulfillment>,
) -> Answer {
    if !row.has_something_left() {
        return NOTHING_TO_CANCEL;
    }
    row.cancelled = Some(asked.clone());
    row.lapsing.clear();
    for release in std::mem::take(&mut row.waiting) {
        decision.drop_due(&release, HAND_OVER);
        decision.set(Key::Release(release), State::Cancelled);
    }
    decision.emit(
        number,
        &OrderCancelled {
            order: number.clone(),
            handed_over: row.handed_over.keys().cloned().collect(),
            sender: asked.sender.clone(),
            user: asked.user.clone(),
            reason: asked.reason.clone(),
        },
    );
    DONE
}

/// The answer to a command of an earlier event.
fn answer_later(
    decision: &mut Decision<Fulfillment>,
    number: &OrderNumber,
    asked: &Asked,
    (outcome, code, text): Answer,
) {
    let body = CommandAnswered {
        answers: Some(asked.message_id.clone()),
        reference: Some(asked.reference.to_string()),
        outcome,
        order: Some(number.clone()),
        code: code.map(str::to_owned),
        text: text.map(str::to_owned),
    };
    decision.emit_to(&asked.sender, number, &body);
}
