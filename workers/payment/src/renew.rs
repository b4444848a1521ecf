//! Renewal: a hold is replaced before it lapses, or after, when units leave; and holds that nobody wants are let go. It
//! never lets the old hold go before the new one stands, and never captures from two.

use messages::Timestamp;
use messages::money::Amount;
use messages::payment::{AUTHORIZATION_LAPSED, DeclineClass, PaymentDelayed, PaymentRenewed};
use messages::task::TaskKind;

use crate::call::{Answer, LET_GO, RENEW, VOID, VoidCall};
use crate::charge::{Charge, Next, Renewal};
use crate::decline::class_of;
use crate::desk::{Desk, SLOW_SECONDS};
use crate::store::{Loose, Quest, Stage};

impl Desk<'_> {
    /// Half of a hold's life at most goes to its renewal, so that a short one is not renewed without end.
    pub(crate) fn plan_renewal(&self, charge: &Charge) -> Renewal {
        if charge.intent.is_none() {
            return Renewal::Idle;
        }
        let life = charge.capture_before.seconds_since(self.now);
        let lead = self.worker.renew_before_seconds.min(life / 2);
        let at = charge.capture_before.plus_seconds(-lead).max(self.now.plus_seconds(SLOW_SECONDS));
        Renewal::At { at, declines: 0 }
    }

    /// The timer is set exactly while a renewal is planned.
    pub(crate) fn set_timer(&mut self, before: &Stage, after: &Stage) {
        let (old, new) = (renew_at(before), renew_at(after));
        match new {
            Some(at) if old != new => self.decision.due(self.release, RENEW, self.row.epoch, at, &()),
            None if old.is_some() => self.decision.drop_due(self.release, RENEW),
            Some(_) | None => {}
        }
    }

    pub(crate) fn renew(&mut self, stage: Stage) -> Stage {
        match stage {
            Stage::Authorized { charge } => {
                let declines = match charge.renewal {
                    Renewal::At { declines, .. } => declines,
                    Renewal::Idle | Renewal::GivenUp { .. } => return Stage::Authorized { charge },
                };
                self.hold_anew(charge, declines)
            }
            Stage::New
            | Stage::Authorizing { .. }
            | Stage::Renewing { .. }
            | Stage::Capturing { .. }
            | Stage::Captured { .. }
            | Stage::CaptureFailed { .. }
            | Stage::Voiding { .. }
            | Stage::Voided { .. }
            | Stage::Declined { .. } => stage,
        }
    }

    /// Whether the hold has lapsed and the card is still at hand. What was captured from is not replaced.
    pub(crate) fn needs_new_hold(&self, charge: &Charge) -> bool {
        self.now >= charge.capture_before && charge.captured == Amount::ZERO && charge.payment.is_some()
    }

    /// Units have left and no hold stands.
    pub(crate) fn charge_anew(&mut self, charge: Charge, due: Amount) -> Stage {
        let refused = match &charge.renewal {
            Renewal::GivenUp { class: DeclineClass::Never, code } => Some(code.clone()),
            Renewal::GivenUp { class: DeclineClass::Later | DeclineClass::FixData, .. }
            | Renewal::At { .. }
            | Renewal::Idle => None,
        };
        match refused {
            Some(code) => self.capture_failed(charge, due, &code),
            None => self.hold_anew(charge, 0),
        }
    }

    fn hold_anew(&mut self, charge: Charge, declines: usize) -> Stage {
        let Some(payment) = charge.payment.clone() else { return Stage::Authorized { charge } };
        let (asked, quest) = (charge.outstanding(), self.open(self.now, 0));
        self.ask(Stage::Renewing { charge, payment, asked, quest, declines }, 0, self.now)
    }

    /// The new hold stands.
    pub(crate) fn renewed(
        &mut self,
        mut charge: Charge,
        asked: Amount,
        intent: &str,
        capture_before: Timestamp,
    ) -> Stage {
        if let Some(old) = charge.intent.replace(intent.to_owned()).filter(|old| old != intent) {
            self.row.loose.push(Loose { intent: old, quest: None });
        }
        charge.authorized = asked;
        charge.capture_before = capture_before;
        charge.renewal = self.plan_renewal(&charge);
        self.proceed(charge)
    }

    /// The card was declined; the old hold stands until it lapses.
    pub(crate) fn not_renewed(
        &mut self,
        mut charge: Charge,
        declines: usize,
        code: &str,
        advice: Option<&str>,
    ) -> Stage {
        match charge.next() {
            Next::Capture(due) if self.now >= charge.capture_before => {
                return self.capture_failed(charge, due, code);
            }
            Next::Capture(_) | Next::Void => return self.proceed(charge),
            Next::Wait => {}
        }
        let reason = format!(
            "the authorization lapses and the card declined another one: {code}; what is not at the warehouse waits until it \
             is authorized, or the order is cancelled"
        );
        self.task(TaskKind::HoldLapsed, reason);
        let class = class_of(code, advice);
        let delay = match class {
            DeclineClass::Later => self.worker.retry_delays_seconds.get(declines).copied(),
            DeclineClass::Never | DeclineClass::FixData => None,
        };
        if let Some(delay) = delay {
            let at = self.now.plus_seconds(delay);
            charge.renewal = Renewal::At { at, declines: declines + 1 };
            self.tell_lapsing(&mut charge, at);
        } else {
            charge.renewal = Renewal::GivenUp { class, code: code.to_owned() };
            // Whoever heard of an earlier decline knows already that the hold has lapsed.
            if self.now < charge.capture_before || charge.delays == 0 {
                let until = charge.capture_before;
                self.tell_lapsing(&mut charge, until);
            }
        }
        Stage::Authorized { charge }
    }

    /// Takes back what was told of the declines before.
    pub(crate) fn tell_renewed(&mut self, charge: &Charge, capture_before: Timestamp) {
        let order = self.release.order();
        let (release, delays) = (self.release.clone(), charge.delays);
        self.decision.emit(order.clone(), &PaymentRenewed { release, order, capture_before, delays });
    }

    fn tell_lapsing(&mut self, charge: &mut Charge, retry_at: Timestamp) {
        charge.delays = charge.delays.saturating_add(1);
        let order = self.release.order();
        let body = PaymentDelayed {
            release: self.release.clone(),
            order: order.clone(),
            code: AUTHORIZATION_LAPSED.to_owned(),
            retry_at,
        };
        self.decision.emit(order, &body);
    }

    /// A hold stands whose question has been given up.
    pub(crate) fn nobody_waits_for(&mut self, stage: &Stage, intent: &str) {
        let is_ours = stage.charge().and_then(|charge| charge.intent.as_deref()) == Some(intent);
        if !is_ours && self.row.loose.iter().all(|loose| loose.intent != intent) {
            self.row.loose.push(Loose { intent: intent.to_owned(), quest: None });
        }
    }

    /// Asks for the first loose hold to be voided, if it has not been asked for.
    pub(crate) fn let_go(&mut self) {
        if self.row.loose.first().is_some_and(|loose| loose.quest.is_none()) {
            let quest = self.open(self.now, 0);
            self.ask_let_go(quest, 0, self.now);
        }
    }

    pub(crate) fn let_go_answered(&mut self, epoch: i32, attempt: i32, answer: &Answer) {
        let asked = self.row.loose.first().and_then(|loose| loose.quest.clone());
        let Some(mut quest) = asked.filter(|quest| quest.epoch == epoch) else { return };
        if *answer == Answer::Voided {
            self.row.loose.remove(0);
            return;
        }
        let (attempt, due_at) = self.pursue(&mut quest, attempt, answer, false);
        self.ask_let_go(quest, attempt, due_at);
    }

    fn ask_let_go(&mut self, quest: Quest, attempt: i32, due_at: Timestamp) {
        let errand = self.errand(VOID, &quest);
        let Some(loose) = self.row.loose.first_mut() else { return };
        let call = VoidCall { errand, intent: loose.intent.clone() };
        self.decision.due_again(self.release, LET_GO, quest.epoch, attempt, due_at, &call);
        loose.quest = Some(quest);
    }
}

fn renew_at(stage: &Stage) -> Option<Timestamp> {
    match stage {
        Stage::Authorized { charge } if charge.outstanding() > Amount::ZERO => match charge.renewal {
            Renewal::At { at, .. } => Some(at),
            Renewal::Idle | Renewal::GivenUp { .. } => None,
        },
        Stage::New
        | Stage::Authorizing { .. }
        | Stage::Authorized { .. }
        | Stage::Renewing { .. }
        | Stage::Capturing { .. }
        | Stage::Captured { .. }
        | Stage::CaptureFailed { .. }
        | Stage::Voiding { .. }
        | Stage::Voided { .. }
        | Stage::Declined { .. } => None,
    }
}
