//! The decision: what follows for a release from a fact or from the gateway's answer. Pure; the card stays sealed.

use messages::Timestamp;
use messages::case::CaseEnd;
use messages::id::ReleaseId;
use messages::money::Amount;
use messages::payment::{DeclineClass, PaymentAuthorized, PaymentDeclined, PaymentDelayed};
use messages::shipment::ReleaseShorted;
use messages::stock::{LineUnits, ReleaseReady, ReshipReady};
use messages::task::TaskKind;
use shell::{At, Decision, World};

use crate::call::{Answer, Operation};
use crate::charge::{Charge, Next};
use crate::decline::class_of;
use crate::desk::{Desk, quest_of};
use crate::read::Input;
use crate::store::{Fact, Key, ReleaseRow, Stage, State};
use crate::{Payment, cancel, free_until};

/// Decides one input.
#[must_use]
pub fn decide(worker: &Payment, world: &World<Payment>, input: &Input, at: &At<'_>) -> Decision<Payment> {
    let room = Room { worker, world, now: at.now };
    let mut decision = Decision::nothing();
    match input {
        Input::Ready(ready) => {
            let ends = cancel::enter(&room, &ready.release, &mut decision);
            room.with(&ready.release.release, decision, |desk, stage| desk.ready(stage, ready, ends))
        }
        Input::Cancelled(cancelled) => cancel::cancel(&room, cancelled),
        Input::Dispatched(dispatched) => room.with(&dispatched.release, decision, |desk, stage| {
            if !desk.row.dispatched.insert(dispatched.shipment.clone()) {
                return stage;
            }
            desk.heard(stage, Fact::Dispatched { lines: dispatched.lines.clone() })
        }),
        Input::Shorted(shorted) if shorted.shipment.is_first() => {
            room.with(&shorted.release, decision, |desk, stage| {
                let missing = desk.missing(&shorted.shipment, &shorted.missing);
                if missing.is_empty() {
                    return stage;
                }
                let (delivery, address) = (shorted.delivery, shorted.address.clone());
                desk.heard(stage, Fact::Shorted { delivery, missing, address })
            })
        }
        Input::Shorted(ReleaseShorted { shipment, missing, .. })
        | Input::ReshipReady(ReshipReady { shipment, unavailable: missing, .. }) => {
            room.with(&shipment.release(), decision, |desk, stage| {
                let missing = desk.missing(shipment, missing);
                if !missing.is_empty() {
                    desk.want_back(shipment, missing);
                }
                stage
            })
        }
        Input::Resolved(resolved) => {
            if resolved.resolution == CaseEnd::Refund {
                decision = room.with(&resolved.release, decision, |desk, stage| {
                    desk.want_refund(resolved);
                    stage
                });
            }
            decision
        }
        Input::Renew { release } => room.with(release, decision, |desk, stage| desk.renew(stage)),
        Input::Answered { release, operation, epoch, attempt, answer } => {
            room.with(release, decision, |desk, stage| {
                desk.answered(stage, *operation, (*epoch, *attempt), answer)
            })
        }
    }
}

/// What every decision sees.
pub(crate) struct Room<'a> {
    pub(crate) worker: &'a Payment,
    pub(crate) world: &'a World<Payment>,
    pub(crate) now: Timestamp,
}

impl Room<'_> {
    /// Does something with one release, and what follows for its timer, its loose holds and its refunds.
    pub(crate) fn with(
        &self,
        release: &ReleaseId,
        decision: Decision<Payment>,
        act: impl FnOnce(&mut Desk<'_>, Stage) -> Stage,
    ) -> Decision<Payment> {
        let key = Key::Release(release.clone());
        let found = self.world.get(&key);
        let blank = ReleaseRow::default();
        let before = found.release().unwrap_or(&blank);
        let mut row = before.clone();
        let stage = std::mem::take(&mut row.stage);
        let mut desk = Desk { worker: self.worker, now: self.now, release, row, decision };
        let mut stage = act(&mut desk, stage);
        if let Some(charge) = stage.charge_mut() {
            charge.forget_card();
        }
        desk.settle_refunds(&mut stage);
        desk.let_go();
        desk.set_timer(&before.stage, &stage);
        desk.row.stage = stage;
        let Desk { row, mut decision, .. } = desk;
        if *before != row {
            decision.set(key, State::Release(Box::new(row)));
        }
        decision
    }
}

impl Desk<'_> {
    fn ready(&mut self, stage: Stage, ready: &ReleaseReady, ends: bool) -> Stage {
        match stage {
            Stage::New if ends => {
                self.row.cancelled = true;
                self.end_unheld(ready)
            }
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
            | Stage::Renewing { .. }
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
                self.row.early.push(fact);
                stage
            }
            Stage::Authorized { mut charge } => {
                self.absorb(&mut charge, fact);
                self.proceed(charge)
            }
            Stage::Renewing { mut charge, payment, asked, quest, declines } => {
                self.absorb(&mut charge, fact);
                Stage::Renewing { charge, payment, asked, quest, declines }
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

    pub(crate) fn absorb(&mut self, charge: &mut Charge, fact: Fact) {
        match fact {
            Fact::Dispatched { lines } => {
                if charge.ship(&lines) {
                    self.task(
                        TaskKind::CaptureFailed,
                        "units were dispatched that had been cancelled or reported missing, or never were in this release; they are not charged".to_owned(),
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
    pub(crate) fn proceed(&mut self, charge: Charge) -> Stage {
        let next = charge.next();
        let Some(intent) = charge.intent.clone() else { return self.proceed_free(charge, next) };
        match next {
            Next::Wait => Stage::Authorized { charge },
            Next::Capture(asked) if self.needs_new_hold(&charge) => self.charge_anew(charge, asked),
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

    fn answered(
        &mut self,
        mut stage: Stage,
        operation: Operation,
        (epoch, attempt): (i32, i32),
        answer: &Answer,
    ) -> Stage {
        match operation {
            Operation::LetGo => self.let_go_answered(epoch, attempt, answer),
            Operation::Refund => self.refund_answered(&mut stage, epoch, attempt, answer),
            Operation::Authorize | Operation::Capture | Operation::Void => {
                let awaited = quest_of(&mut stage)
                    .is_some_and(|(awaited, quest)| awaited == operation && quest.epoch == epoch);
                if awaited {
                    return self.answered_as_asked(stage, attempt, answer);
                }
                if let Answer::Authorized { intent, .. } = answer {
                    self.nobody_waits_for(&stage, intent);
                }
            }
        }
        stage
    }

    fn answered_as_asked(&mut self, stage: Stage, attempt: i32, answer: &Answer) -> Stage {
        match (stage, answer) {
            (Stage::Authorizing { folder, .. }, Answer::Authorized { intent, capture_before }) => {
                self.authorized(&folder, Some(intent.clone()), *capture_before)
            }
            (Stage::Authorizing { folder, .. }, Answer::Declined { .. } | Answer::NotFound)
                if self.row.cancelled =>
            {
                self.end_unheld(&folder)
            }
            (Stage::Authorizing { folder, declines, .. }, Answer::Declined { code, advice }) => {
                self.declined(folder, declines, code, advice.as_deref())
            }
            (
                Stage::Renewing { charge, asked, declines, .. },
                Answer::Authorized { intent, capture_before },
            ) => {
                if declines > 0 {
                    self.tell_renewed(&charge, *capture_before);
                }
                self.renewed(charge, asked, intent, *capture_before)
            }
            (Stage::Renewing { charge, declines, .. }, Answer::Declined { code, advice }) => {
                self.not_renewed(charge, declines, code, advice.as_deref())
            }
            (Stage::Renewing { charge, .. }, Answer::NotFound) if charge.next() == Next::Void => {
                self.proceed(charge)
            }
            (Stage::Capturing { charge, .. }, Answer::Captured { amount }) => self.captured(charge, *amount),
            (Stage::Capturing { charge, asked, .. }, Answer::CaptureDeclined { code }) => {
                self.capture_failed(charge, asked, code)
            }
            (Stage::Voiding { charge, .. }, Answer::Voided) => {
                self.tell_voided();
                Stage::Voided { charge }
            }
            (
                mut stage,
                Answer::Authorized { .. }
                | Answer::Declined { .. }
                | Answer::Captured { .. }
                | Answer::CaptureDeclined { .. }
                | Answer::Voided
                | Answer::Refunded { .. }
                | Answer::RefundDeclined { .. }
                | Answer::NotFound
                | Answer::Unclear { .. }
                | Answer::Misconfigured { .. },
            ) => {
                let Some((operation, quest)) = quest_of(&mut stage) else { return stage };
                let mut asked = quest.clone();
                let is_searched = operation == Operation::Authorize;
                let (attempt, due_at) = self.pursue(&mut asked, attempt, answer, is_searched);
                *quest = asked;
                self.ask(stage, attempt, due_at)
            }
        }
    }

    fn authorized(
        &mut self,
        folder: &ReleaseReady,
        intent: Option<String>,
        capture_before: Timestamp,
    ) -> Stage {
        let mut charge = Charge::of(folder, intent, capture_before);
        if self.row.cancelled {
            charge.give_up();
        } else {
            let ReleaseReady { release, address, .. } = folder;
            let body =
                PaymentAuthorized { release: release.clone(), address: address.clone(), capture_before };
            self.decision.emit(&release.order, &body);
            charge.renewal = self.plan_renewal(&charge);
        }
        for fact in std::mem::take(&mut self.row.early) {
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
        let lines = folder.release.lines.iter().map(LineUnits::of).collect();
        let body = PaymentDeclined { release, order: order.clone(), class, code: code.to_owned(), lines };
        self.decision.emit(order, &body);
        for fact in std::mem::take(&mut self.row.early) {
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

    pub(crate) fn capture_failed(&mut self, charge: Charge, asked: Amount, code: &str) -> Stage {
        self.tell_capture_failed(asked, code);
        if charge.due() > asked {
            self.proceed(charge)
        } else {
            Stage::CaptureFailed { charge, code: code.to_owned() }
        }
    }
}
