//! What must hold of what waits for people when a world has come to rest: orders that were held, parcels that did not
//! arrive. It only looks.

use std::collections::{BTreeMap, BTreeSet};

use messages::case::{CaseChange, CaseChanged, CaseEnd, CaseOpened, CaseResolved};
use messages::id::{OrderNumber, ShipmentId};
use messages::order::{HoldEnded, OrderAccepted, OrderCancelled, OrderHeld, OrderRefused};
use messages::stock::ReshipReady;

use crate::check::{Facts, counted};
use crate::house::World;

/// A held order is released, refused or cancelled: by one of them, once.
pub(crate) fn holds(facts: &Facts, found: &mut Vec<String>) {
    let accepted: BTreeSet<OrderNumber> =
        facts.of_kind::<OrderAccepted>().into_iter().map(|fact| fact.order).collect();
    let refused: BTreeSet<OrderNumber> =
        facts.of_kind::<OrderRefused>().into_iter().filter_map(|fact| fact.order).collect();
    let cancelled: BTreeSet<OrderNumber> =
        facts.of_kind::<OrderCancelled>().into_iter().map(|fact| fact.order).collect();
    let mut ended: BTreeMap<OrderNumber, Vec<HoldEnded>> = BTreeMap::new();
    for fact in facts.of_kind::<HoldEnded>() {
        ended.entry(fact.order.clone()).or_default().push(fact);
    }
    for order in accepted.intersection(&refused) {
        found.push(format!("{order}: both accepted and refused"));
    }
    for OrderHeld { order, .. } in facts.of_kind::<OrderHeld>() {
        let ends = ended.get(&order).map(Vec::as_slice).unwrap_or_default();
        let fits = match ends {
            [] => cancelled.contains(&order) && !accepted.contains(&order) && !refused.contains(&order),
            [end] => accepted.contains(&order) == end.released && refused.contains(&order) != end.released,
            [_, _, ..] => false,
        };
        if !fits {
            found.push(format!("{order}: held, and its hold ended {} times", ends.len()));
        }
    }
}

/// A case is opened once and ends once, and once more if its parcel turned up after all; what its end promises is done.
pub(crate) fn cases(world: &World, facts: &Facts, found: &mut Vec<String>) {
    let opened = facts.of_kind::<CaseOpened>();
    for (case, times) in counted(opened.iter().map(|fact| &fact.case)) {
        if times > 1 {
            found.push(format!("{case}: opened {times} times"));
        }
    }
    let resumed =
        facts.of_kind::<CaseChanged>().into_iter().filter(|fact| fact.change == CaseChange::Resumed);
    let resumed = counted(resumed.map(|fact| fact.case));
    let resolved = facts.of_kind::<CaseResolved>();
    let ends = counted(resolved.iter().map(|fact| &fact.case));
    for CaseOpened { case, class, .. } in &opened {
        let (ended, wanted) =
            (ends.get(case).copied().unwrap_or(0), 1 + resumed.get(case).copied().unwrap_or(0));
        if ended != wanted {
            found.push(format!("{case}: {class:?}, resolved {ended} times of {wanted}"));
        }
    }
    let again: BTreeSet<ShipmentId> =
        facts.of_kind::<ReshipReady>().into_iter().map(|fact| fact.shipment).collect();
    let waiting = world.stores.inventory.with(|tables| {
        let rows = tables.rows.keys().filter(|key| shell::Key::table(*key) == "waiting");
        rows.map(|key| shell::Key::text(key).into_owned()).collect::<Vec<String>>()
    });
    for end in &resolved {
        let CaseResolved { case, release, order, resolution, .. } = end;
        let is_again = again.iter().any(|shipment| shipment.release() == *release);
        let is_waiting = waiting.iter().any(|place| place.contains(order.as_str()));
        if *resolution == CaseEnd::Reship && !is_again && !is_waiting {
            found.push(format!("{case}: to be sent again, and nobody knows when"));
        }
    }
}
