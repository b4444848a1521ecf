//! Cancellation: which releases of an order end with it, now or as soon as they are told of. It never touches what
//! was handed over or has been captured, and it never asks what a release holds before the gateway has said so.

use messages::Timestamp;
use messages::money::Amount;
use messages::order::OrderCancelled;
use messages::stock::{Release, ReleaseReady};
use shell::Decision;

use crate::Payment;
use crate::call::AUTHORIZE;
use crate::charge::Charge;
use crate::decide::Room;
use crate::desk::Desk;
use crate::store::{Key, OrderRow, Quest, Stage, State};

/// A call that is due within these seconds may be under way already: the performers' clock is not this transaction's.
const CLOCK_SECONDS: i64 = 60;

/// Notes that the order has this release, and says whether the release ends at once.
pub(crate) fn enter(room: &Room<'_>, release: &Release, decision: &mut Decision<Payment>) -> bool {
    let (key, mut order) = order_of(room, &release.order);
    let ends = order.ends(&release.release);
    if order.releases.insert(release.release.clone()) {
        decision.set(key, State::Order(order));
    }
    ends
}

/// Ends every release that was not handed over. The first cancellation counts.
pub(crate) fn cancel(room: &Room<'_>, cancelled: &OrderCancelled) -> Decision<Payment> {
    let (key, mut order) = order_of(room, &cancelled.order);
    let mut decision = Decision::nothing();
    if order.cancelled.is_some() {
        return decision;
    }
    order.cancelled = Some(cancelled.handed_over.iter().cloned().collect());
    for release in order.releases.iter().filter(|release| order.ends(release)) {
        decision = room.with(release, decision, |desk, stage| desk.cancel(stage));
    }
    decision.set(key, State::Order(order));
    decision
}

fn order_of(room: &Room<'_>, order: &messages::id::OrderNumber) -> (Key, OrderRow) {
    let key = Key::Order(order.clone());
    let row = room.world.get(&key).order().cloned().unwrap_or_default();
    (key, row)
}

impl Desk<'_> {
    fn cancel(&mut self, stage: Stage) -> Stage {
        self.row.cancelled = true;
        match stage {
            Stage::Authorizing { folder, quest, .. } if is_unasked(&quest, self.now) => {
                self.decision.drop_due(self.release, AUTHORIZE);
                self.end_unheld(&folder)
            }
            Stage::Authorized { mut charge } => {
                charge.give_up();
                self.proceed(charge)
            }
            Stage::Renewing { mut charge, payment, asked, quest, declines } => {
                charge.give_up();
                Stage::Renewing { charge, payment, asked, quest, declines }
            }
            Stage::New
            | Stage::Authorizing { .. }
            | Stage::Capturing { .. }
            | Stage::Captured { .. }
            | Stage::CaptureFailed { .. }
            | Stage::Voiding { .. }
            | Stage::Voided { .. }
            | Stage::Declined { .. } => stage,
        }
    }

    /// The release ends, and nothing was ever held for it.
    pub(crate) fn end_unheld(&mut self, folder: &ReleaseReady) -> Stage {
        let mut charge = Charge::of(folder, None, self.now);
        charge.authorized = Amount::ZERO;
        charge.give_up();
        for fact in std::mem::take(&mut self.row.early) {
            self.absorb(&mut charge, fact);
        }
        self.tell_voided();
        Stage::Voided { charge }
    }
}

/// Whether nobody can have asked this yet: it waits for its hour.
fn is_unasked(quest: &Quest, now: Timestamp) -> bool {
    quest.since > now.plus_seconds(CLOCK_SECONDS)
}
