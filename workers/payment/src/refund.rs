//! Refunds: what a captured release gives back for a case, or for units that cannot be sent again, each once and one at a
//! time. It never gives back more than was captured, nothing before the capture is known, and for a case nothing before its
//! parcel's dispatch is.

use messages::Timestamp;
use messages::case::CaseResolved;
use messages::id::ShipmentId;
use messages::money::Amount;
use messages::payment::PaymentRefunded;
use messages::stock::LineUnits;
use messages::task::TaskKind;

use crate::call::{Answer, REFUND, RefundCall};
use crate::desk::Desk;
use crate::store::{Ground, Quest, Refund, Stage};

/// The code of a refund that was not asked for, since only a part of the release could be charged.
const PARTLY_CAPTURED: &str = "partly_captured";
/// The same where nothing could be charged: a person may have charged it by hand.
const NOT_CAPTURED: &str = "not_captured";

impl Desk<'_> {
    /// A repeat of a case changes nothing.
    pub(crate) fn want_refund(&mut self, resolved: &CaseResolved) {
        let refund = || Refund::Wanted { lines: resolved.lines.clone() };
        self.row.refunds.entry(Ground::Case(resolved.case.clone())).or_insert_with(refund);
    }

    /// Of these units of a parcel, those that were not told to be missing before.
    pub(crate) fn missing(&mut self, shipment: &ShipmentId, told: &[LineUnits]) -> Vec<LineUnits> {
        if told.is_empty() {
            return Vec::new();
        }
        self.row.shorted.entry(shipment.clone()).or_default().learn(told)
    }

    /// These units are paid for and will not come: the parcel that did not arrive is sent again without them, or not at all.
    pub(crate) fn want_back(&mut self, shipment: &ShipmentId, missing: Vec<LineUnits>) {
        let mut reports = 1..=u16::MAX;
        let is_new =
            |report: &u16| !self.row.refunds.contains_key(&Ground::Missing(shipment.clone(), *report));
        if let Some(report) = reports.find(is_new) {
            let ground = Ground::Missing(shipment.clone(), report);
            self.row.refunds.insert(ground, Refund::Wanted { lines: missing });
        }
    }

    /// Asks for the next refund that can be asked for.
    pub(crate) fn settle_refunds(&mut self, stage: &mut Stage) {
        let asked = |refund: &Refund| matches!(refund, Refund::Asked { .. });
        while !self.row.refunds.values().any(asked) {
            let Some(ground) = self.next_ground() else { return };
            match stage {
                Stage::Captured { .. } => self.settle_refund(stage, ground),
                Stage::CaptureFailed { charge, .. } => {
                    let is_part = charge.captured > Amount::ZERO;
                    let code = if is_part { PARTLY_CAPTURED } else { NOT_CAPTURED };
                    self.refund_failed(ground, Amount::ZERO, code);
                }
                Stage::New
                | Stage::Authorizing { .. }
                | Stage::Authorized { .. }
                | Stage::Renewing { .. }
                | Stage::Capturing { .. }
                | Stage::Voiding { .. }
                | Stage::Voided { .. }
                | Stage::Declined { .. } => return,
            }
        }
    }

    /// The first ground that waits; a case, until its parcel is known to have left.
    fn next_ground(&self) -> Option<Ground> {
        let may_be_asked = |ground: &Ground| match ground {
            Ground::Case(shipment) => self.row.dispatched.contains(shipment),
            Ground::Missing(..) => true,
        };
        let mut refunds = self.row.refunds.iter();
        let is_next = |ground: &Ground, refund: &Refund| {
            matches!(refund, Refund::Wanted { .. }) && may_be_asked(ground)
        };
        refunds.find(|(ground, refund)| is_next(ground, refund)).map(|(ground, _)| ground.clone())
    }

    fn settle_refund(&mut self, stage: &mut Stage, ground: Ground) {
        let kept = Amount::sum(self.row.refunds.values().filter_map(failed)).unwrap_or(Amount::MAX);
        let (Some(charge), Some(Refund::Wanted { lines })) =
            (stage.charge_mut(), self.row.refunds.get(&ground))
        else {
            return;
        };
        let amount = charge.give_back(lines, kept);
        match charge.intent.clone().filter(|_| amount > Amount::ZERO) {
            Some(intent) => {
                let quest = self.open(self.now, 0);
                self.ask_refund((ground, intent, amount), quest, 0, self.now);
            }
            None => {
                self.row.refunds.insert(ground, Refund::Done { amount });
            }
        }
    }

    pub(crate) fn refund_answered(&mut self, stage: &mut Stage, epoch: i32, attempt: i32, answer: &Answer) {
        let asked = self.row.refunds.iter().find_map(|(ground, refund)| match refund {
            Refund::Asked { amount, quest } if quest.epoch == epoch => {
                Some((ground.clone(), *amount, quest.clone()))
            }
            Refund::Asked { .. } | Refund::Wanted { .. } | Refund::Done { .. } | Refund::Failed { .. } => {
                None
            }
        });
        let (Some((ground, asked, mut quest)), Some(charge)) = (asked, stage.charge_mut()) else { return };
        match answer {
            Answer::Refunded { amount } => {
                let amount = charge.refund(*amount);
                let (order, currency) = (self.release.order(), charge.currency);
                let body =
                    PaymentRefunded { release: self.release.clone(), order: order.clone(), amount, currency };
                self.decision.emit(order, &body);
                self.row.refunds.insert(ground, Refund::Done { amount });
            }
            Answer::RefundDeclined { code } => self.refund_failed(ground, asked, code),
            Answer::Authorized { .. }
            | Answer::Declined { .. }
            | Answer::Captured { .. }
            | Answer::CaptureDeclined { .. }
            | Answer::Voided
            | Answer::NotFound
            | Answer::Unclear { .. }
            | Answer::Misconfigured { .. } => {
                let intent = charge.intent.clone().unwrap_or_default();
                let (attempt, due_at) = self.pursue(&mut quest, attempt, answer, true);
                self.ask_refund((ground, intent, asked), quest, attempt, due_at);
            }
        }
    }

    fn ask_refund(
        &mut self,
        (ground, intent, amount): (Ground, String, Amount),
        quest: Quest,
        attempt: i32,
        due_at: Timestamp,
    ) {
        let call = RefundCall {
            errand: self.errand(REFUND, &quest),
            reference: format!("{}:{}", self.release, quest.epoch),
            order: self.release.order(),
            case: ground.shipment().clone(),
            intent,
            amount,
        };
        self.decision.due_again(self.release, REFUND, quest.epoch, attempt, due_at, &call);
        self.row.refunds.insert(ground, Refund::Asked { amount, quest });
    }

    fn refund_failed(&mut self, ground: Ground, amount: Amount, code: &str) {
        let (order, reason) = (self.release.order(), format!("the money could not be given back: {code}"));
        self.decision.open_task(TaskKind::RefundFailed, ground.shipment(), Some(&order), reason);
        self.row.refunds.insert(ground, Refund::Failed { amount, code: code.to_owned() });
    }
}

fn failed(refund: &Refund) -> Option<Amount> {
    match refund {
        Refund::Failed { amount, .. } => Some(*amount),
        Refund::Wanted { .. } | Refund::Asked { .. } | Refund::Done { .. } => None,
    }
}
