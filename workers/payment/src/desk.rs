//! One decision in the making: what is told, what the gateway is asked, and how often. It knows no order rule; those
//! are in the decision.

use messages::Timestamp;
use messages::id::ReleaseId;
use messages::money::{Amount, Currency};
use messages::payment::{PaymentAdjusted, PaymentCaptureFailed, PaymentCaptured, PaymentVoided};
use messages::sealed::Sealed;
use messages::stock::LineUnits;
use messages::task::TaskKind;
use shell::Decision;

use crate::Payment;
use crate::call::{
    AUTHORIZE, Answer, AuthorizeCall, CAPTURE, CaptureCall, Errand, Operation, VOID, VoidCall,
};
use crate::charge::Charge;
use crate::store::{Quest, ReleaseRow, Stage};

/// Unclear answers after which a person is asked, and asked again.
const UNCLEAR_UNTIL_TASK: u32 = 20;
/// Seconds between tries, at most, until then.
const WAIT_MAX_SECONDS: i64 = 60;
/// Seconds between tries afterwards, and wherever only a person can help.
pub(crate) const SLOW_SECONDS: i64 = 600;

/// One decision in the making: the row without its stage, and what follows so far.
pub(crate) struct Desk<'a> {
    pub(crate) worker: &'a Payment,
    pub(crate) now: Timestamp,
    pub(crate) release: &'a ReleaseId,
    pub(crate) row: ReleaseRow,
    pub(crate) decision: Decision<Payment>,
}

impl Desk<'_> {
    /// An answer that decides nothing: the same is asked again, or looked up, or asked anew. Gives the next attempt
    /// and its time. `is_searched`: what was done may be found a while after it was done only.
    pub(crate) fn pursue(
        &mut self,
        quest: &mut Quest,
        attempt: i32,
        answer: &Answer,
        is_searched: bool,
    ) -> (i32, Timestamp) {
        match answer {
            Answer::NotFound => (0, self.anew(quest)),
            Answer::Misconfigured { what } => {
                let reason = format!("the gateway does not take our request: {what}");
                self.task(TaskKind::PaymentUnclear, reason);
                (attempt + 1, self.now.plus_seconds(SLOW_SECONDS))
            }
            Answer::Unclear { what, key_is_spent } => {
                let pause = if is_searched && *key_is_spent { self.worker.lookup_delay_seconds } else { 0 };
                quest.look |= key_is_spent;
                (attempt + 1, self.doubt(quest, what, pause))
            }
            Answer::Authorized { .. }
            | Answer::Declined { .. }
            | Answer::Captured { .. }
            | Answer::CaptureDeclined { .. }
            | Answer::Voided
            | Answer::Refunded { .. }
            | Answer::RefundDeclined { .. } => {
                (attempt + 1, self.doubt(quest, "the answer is to another question", 0))
            }
        }
    }

    /// The gateway knows of no such thing, so this epoch has come to nothing and another may be opened. It counts
    /// as one more doubt, so that a gateway that contradicts itself is not asked without a pause.
    fn anew(&mut self, quest: &mut Quest) -> Timestamp {
        let due_at = self.doubt(quest, "it knows nothing of it", 0);
        *quest = self.open(due_at, quest.unclear);
        due_at
    }

    fn doubt(&mut self, quest: &mut Quest, what: &str, pause_seconds: i64) -> Timestamp {
        quest.unclear += 1;
        let unclear = quest.unclear;
        if unclear.is_multiple_of(UNCLEAR_UNTIL_TASK) {
            self.task(
                TaskKind::PaymentUnclear,
                format!(
                    "after {unclear} answers of the gateway it is open what became of our request: {what}"
                ),
            );
        }
        self.now.plus_seconds(wait_seconds(unclear).max(pause_seconds))
    }

    /// Opens an epoch.
    pub(crate) fn open(&mut self, since: Timestamp, unclear: u32) -> Quest {
        self.row.epoch += 1;
        Quest { epoch: self.row.epoch, since, unclear, look: false }
    }

    pub(crate) fn errand(&self, operation: &str, quest: &Quest) -> Errand {
        Errand {
            idempotency_key: format!("{}:{operation}:{}", self.release, quest.epoch),
            since: quest.since,
            look: quest.look,
        }
    }

    /// Writes the call that a stage stands for. A stage that asks for nothing stays as it is.
    pub(crate) fn ask(&mut self, stage: Stage, attempt: i32, due_at: Timestamp) -> Stage {
        match &stage {
            Stage::Authorizing { folder, quest, .. } => {
                let hold = (folder.release.amount, folder.release.currency, folder.payment.clone());
                self.ask_for_hold(hold, quest, attempt, due_at);
            }
            Stage::Renewing { charge, payment, asked, quest, .. } => {
                self.ask_for_hold((*asked, charge.currency, payment.clone()), quest, attempt, due_at);
            }
            Stage::Capturing { charge, intent, asked, quest } => {
                let call = CaptureCall {
                    errand: self.errand(CAPTURE, quest),
                    intent: intent.clone(),
                    amount: *asked,
                    captured_before: charge.captured,
                };
                self.decision.due_again(self.release, CAPTURE, quest.epoch, attempt, due_at, &call);
            }
            Stage::Voiding { intent, quest, .. } => {
                let call = VoidCall { errand: self.errand(VOID, quest), intent: intent.clone() };
                self.decision.due_again(self.release, VOID, quest.epoch, attempt, due_at, &call);
            }
            Stage::New
            | Stage::Authorized { .. }
            | Stage::Captured { .. }
            | Stage::CaptureFailed { .. }
            | Stage::Voided { .. }
            | Stage::Declined { .. } => {}
        }
        stage
    }

    fn ask_for_hold(
        &mut self,
        (amount, currency, payment): (Amount, Currency, Sealed),
        quest: &Quest,
        attempt: i32,
        due_at: Timestamp,
    ) {
        let call = AuthorizeCall {
            errand: self.errand(AUTHORIZE, quest),
            reference: format!("{}:{}", self.release, quest.epoch),
            order: self.release.order(),
            amount,
            currency,
            payment,
        };
        self.decision.due_again(self.release, AUTHORIZE, quest.epoch, attempt, due_at, &call);
    }

    pub(crate) fn tell_captured(&mut self, charge: &Charge, amount: Amount) {
        let order = self.release.order();
        let body = PaymentCaptured {
            release: self.release.clone(),
            order: order.clone(),
            amount,
            currency: charge.currency,
        };
        self.decision.emit(order, &body);
    }

    pub(crate) fn tell_capture_failed(&mut self, amount: Amount, code: &str) {
        let order = self.release.order();
        let body = PaymentCaptureFailed {
            release: self.release.clone(),
            order: order.clone(),
            amount,
            code: code.to_owned(),
        };
        self.decision.emit(order, &body);
        self.task(
            TaskKind::CaptureFailed,
            format!("the release was dispatched but could not be charged: {code}"),
        );
    }

    pub(crate) fn tell_voided(&mut self) {
        let order = self.release.order();
        let body = PaymentVoided { release: self.release.clone(), order: order.clone() };
        self.decision.emit(order, &body);
    }

    pub(crate) fn task(&mut self, kind: TaskKind, reason: String) {
        let order = self.release.order();
        self.decision.open_task(kind, self.release, Some(&order), reason);
    }

    pub(crate) fn adjusted(
        &mut self,
        delivery: u16,
        missing: Vec<LineUnits>,
        payment: Sealed,
        address: Sealed,
    ) {
        let order = self.release.order();
        let body = PaymentAdjusted {
            release: self.release.clone(),
            order: order.clone(),
            delivery,
            missing,
            payment,
            address,
        };
        self.decision.emit(order, &body);
    }
}

/// Doubles from 2 seconds to a minute, and is slow once a person has been asked.
fn wait_seconds(unclear: u32) -> i64 {
    if unclear < UNCLEAR_UNTIL_TASK { (1 << unclear.min(6)).min(WAIT_MAX_SECONDS) } else { SLOW_SECONDS }
}

/// The question that a stage waits for, if it waits for one.
pub(crate) fn quest_of(stage: &mut Stage) -> Option<(Operation, &mut Quest)> {
    match stage {
        Stage::Authorizing { quest, .. } | Stage::Renewing { quest, .. } => {
            Some((Operation::Authorize, quest))
        }
        Stage::Capturing { quest, .. } => Some((Operation::Capture, quest)),
        Stage::Voiding { quest, .. } => Some((Operation::Void, quest)),
        Stage::New
        | Stage::Authorized { .. }
        | Stage::Captured { .. }
        | Stage::CaptureFailed { .. }
        | Stage::Voided { .. }
        | Stage::Declined { .. } => None,
    }
}
