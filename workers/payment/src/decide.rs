//! The decision: what follows for a release from a fact or from the gateway's answer. Pure; the card stays sealed.

use messages::Timestamp;
use messages::money::Amount;
use messages::payment::{
    DeclineClass, PaymentAuthorized, PaymentCaptureFailed, PaymentDeclined, PaymentDelayed,
};
use messages::stock::ReleaseReady;
use messages::task::TaskKind;
use shell::{At, Decision, World};

use crate::call::Answer;
use crate::charge::{Charge, Next};
use crate::decline::class_of;
use crate::desk::{Desk, SLOW_SECONDS};
use crate::read::Input;
use crate::store::{Fact, Key, Stage};
use crate::{Payment, free_until};

/// Decides one input.
#[must_use]
pub fn decide(worker: &Payment, world: &World<Payment>, input: &Input, at: &At<'_>) -> Decision<Payment> {
    let key = Key::Release(input.release().clone());
    let before = world.get(&key);
    let mut state = before.clone().into_owned();
    let stage = std::mem::take(&mut state.stage);
    let mut desk =
        Desk { worker, now: at.now, release: input.release(), state, decision: Decision::nothing() };
    desk.state.stage = match input {
        Input::Ready(ready) => desk.ready(stage, ready),
        Input::Dispatched(dispatched) => {
            if desk.state.dispatched.insert(dispatched.shipment.clone()) {
                desk.heard(stage, Fact::Dispatched { lines: dispatched.lines.clone() })
            } else {
                stage
            }
        }
        Input::Shorted(shorted) => {
            if desk.state.shorted.insert(shorted.shipment.clone()) {
                let (delivery, missing, address) =
                    (shorted.delivery, shorted.missing.clone(), shorted.address.clone());
                desk.heard(stage, Fact::Shorted { delivery, missing, address })
            } else {
                stage
            }
        }
        Input::Answered { attempt, answer, .. } => desk.answered(stage, *attempt, answer),
    };
    let Desk { state, mut decision, .. } = desk;
    if *before != state {
        decision.set(key, state);
    }
    decision
}

impl Desk<'_> {
    fn ready(&mut self, stage: Stage, ready: &ReleaseReady) -> Stage {
        match stage {
            Stage::New if ready.release.amount == Amount::ZERO => {
                self.authorized(ready, None, free_until(self.now))
            }
            Stage::New => {
                let quest = self.open(self.now, 0);
                let stage = Stage::Authorizing { folder: Box::new(ready.clone()), quest, declines: 0 };
                self.ask(stage, 0, self.now)
            }
            Stage::Authorizing { .. }
            | Stage::Authorized { .. }
            | Stage::Capturing { .. }
            | Stage::Captured { .. }
            | Stage::CaptureFailed { .. }
            | Stage::Voiding { .. }
            | Stage::Voided { .. }
            | Stage::Declined { .. } => stage,
        }
    }

    fn heard(&mut self, stage: Stage, fact: Fact) -> Stage {
        match stage {
            Stage::New | Stage::Authorizing { .. } => {
                self.state.early.push(fact);
                stage
            }
            Stage::Authorized { mut charge } => {
                self.absorb(&mut charge, fact);
                self.proceed(charge)
            }
            Stage::Capturing { mut charge, intent, asked, quest } => {
                self.absorb(&mut charge, fact);
                Stage::Capturing { charge, intent, asked, quest }
            }
            Stage::Captured { mut charge } => {
                let due = charge.due();
                self.absorb(&mut charge, fact);
                if charge.due() > due { self.proceed(charge) } else { Stage::Captured { charge } }
            }
            Stage::CaptureFailed { mut charge, code } => {
                let due = charge.due();
                self.absorb(&mut charge, fact);
                if charge.due() > due { self.proceed(charge) } else { Stage::CaptureFailed { charge, code } }
            }
            Stage::Voiding { mut charge, intent, quest } => {
                self.absorb(&mut charge, fact);
                Stage::Voiding { charge, intent, quest }
            }
            Stage::Voided { mut charge } => {
                self.absorb(&mut charge, fact);
                Stage::Voided { charge }
            }
            Stage::Declined { .. } => {
                self.unpaid(&fact);
                stage
            }
        }
    }

    fn absorb(&mut self, charge: &mut Charge, fact: Fact) {
        match fact {
            Fact::Dispatched { lines } => {
                if charge.ship(&lines) {
                    self.task(
                        TaskKind::CaptureFailed,
                        "units were dispatched that had been reported missing, or never were in this release; they are not charged".to_owned(),
                    );
                }
            }
            Fact::Shorted { delivery, missing, address } => {
                if let Some((missing, payment)) = charge.lose(&missing) {
                    self.adjusted(delivery, missing, payment, address);
                }
            }
        }
    }

    /// What a charge calls for, now that something has changed.
    fn proceed(&mut self, charge: Charge) -> Stage {
        let next = charge.next();
        let Some(intent) = charge.intent.clone() else { return self.proceed_free(charge, next) };
        match next {
            Next::Wait => Stage::Authorized { charge },
            Next::Capture(asked) => {
                let quest = self.open(self.now, 0);
                self.ask(Stage::Capturing { charge, intent, asked, quest }, 0, self.now)
            }
            Next::Void => {
                let quest = self.open(self.now, 0);
                self.ask(Stage::Voiding { charge, intent, quest }, 0, self.now)
            }
        }
    }

    /// The same where there is nothing to pay: the gateway is not asked.
    fn proceed_free(&mut self, charge: Charge, next: Next) -> Stage {
        match next {
            Next::Wait => Stage::Authorized { charge },
            Next::Capture(amount) => {
                self.tell_captured(&charge, amount);
                Stage::Captured { charge }
            }
            Next::Void => {
                self.tell_voided();
                Stage::Voided { charge }
            }
        }
    }

    fn answered(&mut self, stage: Stage, attempt: i32, answer: &Answer) -> Stage {
        match (stage, answer) {
            (Stage::Authorizing { folder, .. }, Answer::Authorized { intent, capture_before }) => {
                self.authorized(&folder, Some(intent.clone()), *capture_before)
            }
            (Stage::Authorizing { folder, declines, .. }, Answer::Declined { code, advice }) => {
                self.declined(folder, declines, code, advice.as_deref())
            }
            (Stage::Capturing { charge, .. }, Answer::Captured { amount }) => self.captured(charge, *amount),
            (Stage::Capturing { charge, asked, .. }, Answer::CaptureDeclined { code }) => {
                self.capture_failed(charge, asked, code)
            }
            (Stage::Voiding { charge, .. }, Answer::Voided) => {
                self.tell_voided();
                Stage::Voided { charge }
            }
            (stage, Answer::NotFound) => self.ask_anew(stage),
            (stage, Answer::Misconfigured { what }) => {
                self.task(TaskKind::PaymentUnclear, format!("the gateway does not take our request: {what}"));
                self.ask(stage, attempt + 1, self.now.plus_seconds(SLOW_SECONDS))
            }
            (stage, Answer::Unclear { what, key_is_spent }) => {
                self.unclear(stage, attempt, what, *key_is_spent)
            }
            (
                stage,
                Answer::Authorized { .. }
                | Answer::Declined { .. }
                | Answer::Captured { .. }
                | Answer::CaptureDeclined { .. }
                | Answer::Voided,
            ) => self.unclear(stage, attempt, "the answer is to another question", false),
        }
    }

    fn authorized(
        &mut self,
        folder: &ReleaseReady,
        intent: Option<String>,
        capture_before: Timestamp,
    ) -> Stage {
        let ReleaseReady { release, address, .. } = folder;
        let body = PaymentAuthorized { release: release.clone(), address: address.clone(), capture_before };
        self.decision.emit(&release.order, &body);
        let mut charge = Charge::of(folder, intent, capture_before);
        let early = std::mem::take(&mut self.state.early);
        if early.is_empty() {
            return Stage::Authorized { charge };
        }
        for fact in early {
            self.absorb(&mut charge, fact);
        }
        self.proceed(charge)
    }

    fn declined(
        &mut self,
        folder: Box<ReleaseReady>,
        declines: usize,
        code: &str,
        advice: Option<&str>,
    ) -> Stage {
        let class = class_of(code, advice);
        let delay = match class {
            DeclineClass::Later => self.worker.retry_delays_seconds.get(declines).copied(),
            DeclineClass::Never | DeclineClass::FixData => None,
        };
        let (release, order) = (self.release.clone(), self.release.order());
        if let Some(delay) = delay {
            let retry_at = self.now.plus_seconds(delay);
            let body = PaymentDelayed { release, order: order.clone(), code: code.to_owned(), retry_at };
            self.decision.emit(order, &body);
            let quest = self.open(retry_at, 0);
            return self.ask(Stage::Authorizing { folder, quest, declines: declines + 1 }, 0, retry_at);
        }
        let body = PaymentDeclined { release, order: order.clone(), class, code: code.to_owned() };
        self.decision.emit(order, &body);
        for fact in std::mem::take(&mut self.state.early) {
            self.unpaid(&fact);
        }
        let (amount, currency) = (folder.release.amount, folder.release.currency);
        Stage::Declined { amount, currency, class, code: code.to_owned() }
    }

    /// Nothing is held. What was declined is free already, so a shortage says nothing new; a parcel does.
    fn unpaid(&mut self, fact: &Fact) {
        match fact {
            Fact::Dispatched { .. } => self.task(
                TaskKind::CaptureFailed,
                "the release was dispatched though its payment had been declined".to_owned(),
            ),
            Fact::Shorted { .. } => {}
        }
    }

    fn captured(&mut self, mut charge: Charge, amount: Amount) -> Stage {
        let taken = charge.capture(amount);
        self.tell_captured(&charge, taken);
        // More may have left while the gateway was asked.
        if charge.due() > Amount::ZERO { self.proceed(charge) } else { Stage::Captured { charge } }
    }

    fn capture_failed(&mut self, charge: Charge, asked: Amount, code: &str) -> Stage {
        let order = self.release.order();
        let body = PaymentCaptureFailed {
            release: self.release.clone(),
            order: order.clone(),
            amount: asked,
            code: code.to_owned(),
        };
        self.decision.emit(order, &body);
        self.task(
            TaskKind::CaptureFailed,
            format!("the release was dispatched but could not be charged: {code}"),
        );
        if charge.due() > asked {
            self.proceed(charge)
        } else {
            Stage::CaptureFailed { charge, code: code.to_owned() }
        }
    }
}
