//! One decision in the making: what is told, what the gateway is asked, and how often. It knows no order rule; those
//! are in the decision.

use messages::Timestamp;
use messages::id::ReleaseId;
use messages::money::Amount;
use messages::payment::{PaymentAdjusted, PaymentCaptured, PaymentVoided};
use messages::sealed::Sealed;
use messages::stock::LineUnits;
use messages::task::TaskKind;
use shell::Decision;

use crate::Payment;
use crate::call::{AUTHORIZE, AuthorizeCall, CAPTURE, CaptureCall, Errand, VOID, VoidCall};
use crate::charge::Charge;
use crate::store::{Quest, Stage, State};

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
    pub(crate) state: State,
    pub(crate) decision: Decision<Payment>,
}

impl Desk<'_> {
    /// The gateway knows of no such thing, so this epoch has come to nothing and another may be opened. It counts
    /// as one more doubt, so that a gateway that contradicts itself is not asked without a pause.
    pub(crate) fn ask_anew(&mut self, mut stage: Stage) -> Stage {
        let Some(quest) = quest_of(&mut stage) else { return stage };
        let unclear = quest.unclear + 1;
        let due_at = self.now.plus_seconds(wait_seconds(unclear));
        *quest = self.open(due_at, unclear);
        self.raise_doubt(unclear, "it knows nothing of it");
        self.ask(stage, 0, due_at)
    }

    pub(crate) fn unclear(
        &mut self,
        mut stage: Stage,
        attempt: i32,
        what: &str,
        key_is_spent: bool,
    ) -> Stage {
        let is_searched = matches!(stage, Stage::Authorizing { .. });
        let Some(quest) = quest_of(&mut stage) else { return stage };
        quest.unclear += 1;
        quest.look |= key_is_spent;
        let unclear = quest.unclear;
        self.raise_doubt(unclear, what);
        let pause = if is_searched && key_is_spent { self.worker.lookup_delay_seconds } else { 0 };
        self.ask(stage, attempt + 1, self.now.plus_seconds(wait_seconds(unclear).max(pause)))
    }

    fn raise_doubt(&mut self, unclear: u32, what: &str) {
        if unclear.is_multiple_of(UNCLEAR_UNTIL_TASK) {
            self.task(
                TaskKind::PaymentUnclear,
                format!(
                    "after {unclear} answers of the gateway it is open what became of our request: {what}"
                ),
            );
        }
    }

    /// Opens an epoch.
    pub(crate) fn open(&mut self, since: Timestamp, unclear: u32) -> Quest {
        self.state.epoch += 1;
        Quest { since, unclear, look: false }
    }

    /// Writes the call that a stage stands for. A stage that asks for nothing stays as it is.
    pub(crate) fn ask(&mut self, stage: Stage, attempt: i32, due_at: Timestamp) -> Stage {
        let (release, epoch) = (self.release, self.state.epoch);
        let errand = |operation: &str, quest: &Quest| Errand {
            idempotency_key: format!("{release}:{operation}:{epoch}"),
            since: quest.since,
            look: quest.look,
        };
        match &stage {
            Stage::Authorizing { folder, quest, .. } => {
                let call = AuthorizeCall {
                    errand: errand(AUTHORIZE, quest),
                    reference: format!("{release}:{epoch}"),
                    order: folder.release.order.clone(),
                    amount: folder.release.amount,
                    currency: folder.release.currency,
                    payment: folder.payment.clone(),
                };
                self.decision.due_again(release, AUTHORIZE, epoch, attempt, due_at, &call);
            }
            Stage::Capturing { charge, intent, asked, quest } => {
                let call = CaptureCall {
                    errand: errand(CAPTURE, quest),
                    intent: intent.clone(),
                    amount: *asked,
                    captured_before: charge.captured,
                };
                self.decision.due_again(release, CAPTURE, epoch, attempt, due_at, &call);
            }
            Stage::Voiding { intent, quest, .. } => {
                let call = VoidCall { errand: errand(VOID, quest), intent: intent.clone() };
                self.decision.due_again(release, VOID, epoch, attempt, due_at, &call);
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

fn quest_of(stage: &mut Stage) -> Option<&mut Quest> {
    match stage {
        Stage::Authorizing { quest, .. } | Stage::Capturing { quest, .. } | Stage::Voiding { quest, .. } => {
            Some(quest)
        }
        Stage::New
        | Stage::Authorized { .. }
        | Stage::Captured { .. }
        | Stage::CaptureFailed { .. }
        | Stage::Voided { .. }
        | Stage::Declined { .. } => None,
    }
}
