//! What may be said to a release, step by step, and the steps that lead to each state.

use messages::case::CaseEnd;
use payment::Payment;
use payment::call::Answer;
use shell::stage::{Said, Stage};

use super::*;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Ready,
    /// Shipment and units.
    Dispatched(u16, u32),
    Shorted(u16, u32),
    /// Whether the release has been handed over.
    Cancelled(bool),
    /// Shipment and units to be refunded.
    Resolved(u16, u32),
    /// The renewal comes due.
    Renew,
    Answer(Answer),
}

pub(crate) fn said_by(stage: &mut Stage<Payment>, step: &Step) -> Vec<Said> {
    match step {
        Step::Ready => stage.tell(&ready()),
        Step::Dispatched(shipment, quantity) => stage.tell(&dispatched(*shipment, vec![units(1, *quantity)])),
        Step::Shorted(shipment, quantity) => stage.tell(&shorted(*shipment, vec![units(1, *quantity)])),
        Step::Cancelled(true) => stage.tell(&cancelled(vec![release()])),
        Step::Cancelled(false) => stage.tell(&cancelled(Vec::new())),
        Step::Resolved(shipment, quantity) => {
            stage.tell(&resolved(*shipment, CaseEnd::Refund, vec![units(1, *quantity)]))
        }
        Step::Renew => renew(stage),
        Step::Answer(given) => answer(stage, given),
    }
}

pub(crate) fn after(steps: &[Step]) -> Stage<Payment> {
    let mut stage = Stage::new(Payment::default());
    for step in steps {
        said_by(&mut stage, step);
    }
    stage
}

/// `status | what was said | what is due | open tasks`.
pub(crate) fn told(stage: &mut Stage<Payment>, step: &Step) -> String {
    let said = kinds(&said_by(stage, step));
    let due: Vec<String> =
        calls(stage).iter().map(|row| format!("{} {}.{}", row.kind, row.epoch, row.attempt)).collect();
    let tasks: Vec<&str> = stage.open_tasks().iter().map(|(kind, _)| kind.name()).collect();
    format!("{} | {said} | {} | {}", status(&state(stage)), due.join(" "), tasks.join(" "))
}

pub(crate) fn captured(minor: i64) -> Step {
    Step::Answer(Answer::Captured { amount: amount(minor) })
}

/// The states by the steps that lead there.
pub(crate) fn way_to(status: &str) -> Vec<Step> {
    use Step::{Dispatched, Ready, Shorted};
    let held = [Ready, Step::Answer(authorized())];
    let and = |more: &[Step]| [&held[..], more].concat();
    match status {
        "new" => vec![],
        "authorizing" => vec![Ready],
        "authorized" => held.to_vec(),
        "capturing" => and(&[Dispatched(1, 2)]),
        "capturing a part" => and(&[Dispatched(1, 1)]),
        "captured" => and(&[Dispatched(1, 2), captured(10_500)]),
        "captured a part" => and(&[Dispatched(1, 1), captured(5_500)]),
        "capture_failed" => and(&[Dispatched(1, 2), Step::Answer(capture_declined())]),
        "capture_failed a part" => and(&[Dispatched(1, 1), Step::Answer(capture_declined())]),
        "renewing" => and(&[Step::Renew]),
        "waiting to renew" => and(&[Step::Renew, Step::Answer(declined("insufficient_funds", None))]),
        "waiting" => vec![Ready, Step::Answer(declined("insufficient_funds", None))],
        "voiding" => and(&[Shorted(1, 2)]),
        "voided" => and(&[Shorted(1, 2), Step::Answer(Answer::Voided)]),
        "declined" => vec![Ready, Step::Answer(declined("stolen_card", Some("do_not_try_again")))],
        other => panic!("no state is called {other}"),
    }
}
