//! How a hold ends: by a person, who releases or refuses the order, or by its cancellation. Whichever comes first. It
//! never judges an order.

use messages::answer::Outcome;
use messages::id::OrderNumber;
use messages::order::HoldEnded;
use shell::{At, World};

use crate::Intake;
use crate::admit::Fault;
use crate::decide::{Decision, UNKNOWN_ORDER, number, order, owner, refuse};
use crate::read::Ruling;
use crate::store::{Held, Key, NumberState, OrderName, OrderState, State};

/// A cancellation ends a hold; an accepted order is for others to end. What is cancelled before it came is kept under
/// its number.
pub(crate) fn cancelled(world: &World<Intake>, cancelled: &OrderNumber) -> Decision {
    let mut decision = Decision::nothing();
    match number(world, cancelled) {
        NumberState::Free => {
            decision.set(Key::Number(cancelled.clone()), State::Number(NumberState::Cancelled));
        }
        NumberState::Of(name) => match order(world, name) {
            OrderState::Held(held) => {
                let state = OrderState::Cancelled { content: held.content.clone(), order: cancelled.clone() };
                decision.set(Key::Order(name.clone()), State::Order(state));
            }
            OrderState::Unseen
            | OrderState::Faulty { .. }
            | OrderState::Accepted { .. }
            | OrderState::Refused { .. }
            | OrderState::Cancelled { .. } => {}
        },
        NumberState::Cancelled => {}
    }
    decision
}

/// A person ends a hold.
pub(crate) fn ruled(world: &World<Intake>, ruling: &Ruling, at: &At<'_>) -> Decision {
    let reason = match &ruling.reason {
        Ok(reason) => reason,
        Err(fault) => return ruling_refused(ruling, fault.code, &fault.text, at),
    };
    let Some(name) = owner(world, &ruling.order) else {
        return ruling_refused(ruling, UNKNOWN_ORDER.0, UNKNOWN_ORDER.1, at);
    };
    match order(world, name) {
        OrderState::Held(held) => hold_ended(name, held, ruling, reason, at),
        OrderState::Accepted { .. } => {
            ruling_refused(ruling, "not_held", "the order is not held: it was accepted", at)
        }
        OrderState::Refused { .. } => {
            ruling_refused(ruling, "not_held", "the order is not held: it was refused", at)
        }
        OrderState::Cancelled { .. } => {
            ruling_refused(ruling, "not_held", "the order is not held: it was cancelled", at)
        }
        OrderState::Unseen | OrderState::Faulty { .. } => {
            ruling_refused(ruling, UNKNOWN_ORDER.0, UNKNOWN_ORDER.1, at)
        }
    }
}

/// A released order goes on with its old place in line (R66).
fn hold_ended(name: &OrderName, held: &Held, ruling: &Ruling, reason: &str, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    let folder = &held.folder;
    if ruling.released {
        decision.set(
            Key::Order(name.clone()),
            State::Order(OrderState::Accepted { content: held.content.clone(), order: folder.order.clone() }),
        );
        decision.emit(&folder.order, folder);
    } else {
        let fault = Fault::new("hold_refused", "the order was held and then refused by a person");
        refuse(&mut decision, held.content.clone(), folder, &fault);
    }
    decision.emit(
        &folder.order,
        &HoldEnded {
            order: folder.order.clone(),
            released: ruling.released,
            user: ruling.user.clone(),
            reason: reason.to_owned(),
        },
    );
    decision.answer(at, None, Outcome::Done, Some(&ruling.order), None, None);
    decision
}

fn ruling_refused(ruling: &Ruling, code: &str, text: &str, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    decision.answer(at, None, Outcome::Refused, Some(&ruling.order), Some(code), Some(text.to_owned()));
    decision
}
