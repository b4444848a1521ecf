//! Authorizations that lapse: as long as no money is sure for a release, it is not handed over. What the warehouse has goes
//! on; payment charges that anew when it leaves. This never lets a release go by itself: it goes on when the authorization
//! stands again, or ends when its order is cancelled.

use messages::id::ReleaseId;
use shell::{At, Decision, World};

use crate::Fulfillment;
use crate::cancel;
use crate::decide::hand_over;
use crate::store::{Folder, Key, Order, State, Waiting};

/// Payment says that the authorization lapses.
pub(crate) fn told(world: &World<Fulfillment>, release: &ReleaseId) -> Decision<Fulfillment> {
    let mut row = cancel::order(world, &release.order());
    let mut decision = Decision::nothing();
    if is_open(&row, release) {
        let lapsing = row.lapsing.entry(release.clone()).or_default();
        lapsing.told = lapsing.told.saturating_add(1);
        decision.set(Key::Order(release.order()), State::Order(row));
    }
    decision
}

/// It has waited long enough, but no money is sure.
pub(crate) fn time_is_over(release: &ReleaseId, folder: &Folder, at: &At<'_>) -> Decision<Fulfillment> {
    let mut decision = Decision::nothing();
    let waiting = Waiting { folder: folder.clone(), until: at.now };
    decision.set(Key::Release(release.clone()), State::Waiting(waiting));
    decision
}

/// Payment says that it stands again. What waited for nothing else is handed over at once.
pub(crate) fn renewed(
    world: &World<Fulfillment>,
    release: &ReleaseId,
    delays: u32,
    at: &At<'_>,
) -> Decision<Fulfillment> {
    let mut row = cancel::order(world, &release.order());
    if !is_open(&row, release) {
        return Decision::nothing();
    }
    let lapsing = row.lapsing.entry(release.clone()).or_default();
    lapsing.renewed = lapsing.renewed.max(delays);
    if let State::Waiting(waiting) = world.get(&Key::Release(release.clone())).as_ref()
        && waiting.until <= at.now
        && !row.lapses(release)
    {
        return hand_over(Decision::nothing(), row, release.clone(), &waiting.folder, at);
    }
    let mut decision = Decision::nothing();
    decision.set(Key::Order(release.order()), State::Order(row));
    decision
}

/// Whether it is still to be decided that it goes.
fn is_open(row: &Order, release: &ReleaseId) -> bool {
    row.cancelled.is_none() && !row.handed_over.contains_key(release)
}
