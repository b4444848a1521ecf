//! Orders that stand in line: each line claims its units and hears what became of it. Lines with units become releases,
//! at once or on the day that the product ships from; a sealed section passes through here unopened.

use std::collections::BTreeMap;

use messages::Timestamp;
use messages::id::OrderNumber;
use messages::order::{Delivery, OrderAccepted};
use messages::stock::{
    LineUnits, StockBackordered, StockLimited, StockReserved, StockUnavailable, StockWaitlisted,
    UnavailableLine,
};
use shell::worker::{At, Decision, World};

use crate::Inventory;
use crate::decide::books::Books;
use crate::decide::facts::apply_early;
use crate::decide::order::{Allotted, Held, Later, Pending, Recipient, Standing, name_item};
use crate::decide::stock::{Buyer, List, Verdict};
use crate::decide::waiting::stand_in_line;
use crate::store::{Key, State, find_order, find_stock};

pub(super) fn scope_accepted(order: &OrderAccepted, found: &World<Inventory>) -> Vec<Key> {
    let mut keys = vec![Key::Order(order.order.clone())];
    match find_order(found, &order.order) {
        Some(row) if row.allotted.is_none() => {}
        // Not asked for yet, or decided already.
        Some(_) | None => return keys,
    }
    for line in &order.lines {
        let is_limited = find_stock(found, &line.item)
            .is_some_and(|stock| stock.household_limit(order.place.received_at).is_some());
        let delivery = order.deliveries.iter().find(|delivery| delivery.number == line.delivery);
        let buyer = delivery.filter(|_| is_limited).map(|delivery| buyer_of(order, delivery));
        name_item(&mut keys, found, &line.item, buyer);
    }
    keys
}

/// An order stands in line: each line gets its units, or a place, or is told why not.
pub(super) fn accept(world: &World<Inventory>, order: &OrderAccepted, at: &At<'_>) -> Decision<Inventory> {
    let mut decision = Decision::nothing();
    let mut row = find_order(world, &order.order).cloned().unwrap_or_default();
    if row.allotted.is_some() || row.cancelled.is_some() {
        return decision;
    }
    let mut books = Books::open(world);
    let sorted = sort_lines(&mut books, order);
    let recipient = |delivery: &Delivery| Recipient {
        gift: delivery.gift,
        method: delivery.method,
        address: delivery.address.clone(),
        section: delivery.section.clone(),
    };
    let later = Later {
        shipping: order.shipping,
        payment: order.payment.clone(),
        recipients: order.deliveries.iter().map(|it| (it.number, recipient(it))).collect(),
        lines: sorted.tell(&order.order, &mut decision),
    };
    let mut allotted = Allotted {
        card: order.card.clone(),
        account: order.account.clone(),
        currency: order.currency,
        place: order.place.clone(),
        releases: BTreeMap::new(),
        later: Some(later),
    };
    stand_in_line(world, &mut books, &mut decision, &order.order, &allotted);
    allotted.release(&order.order, at.now, &mut decision);
    row.allotted = Some(allotted);
    apply_early(world, &mut books, &mut decision, &order.order, &mut row);
    books.close(&mut decision, at.now);
    decision.set(Key::Order(order.order.clone()), State::Order(row));
    decision
}

/// The lines of an order by what became of them.
#[derive(Default)]
struct Sorted {
    /// Those that get or wait for units.
    pending: Vec<Pending>,
    limited: Vec<LineUnits>,
    unavailable: Vec<UnavailableLine>,
    backordered: BTreeMap<Option<Timestamp>, Vec<LineUnits>>,
}

fn sort_lines(books: &mut Books<'_>, order: &OrderAccepted) -> Sorted {
    let mut sorted = Sorted::default();
    let addresses: BTreeMap<u16, &Delivery> =
        order.deliveries.iter().map(|delivery| (delivery.number, delivery)).collect();
    for line in &order.lines {
        let delivery = addresses.get(&line.delivery).expect("the edge refuses a line without its recipient");
        let units = LineUnits::of(line);
        let (counted, standing) = match books.claim(line, buyer_of(order, delivery), order.place.received_at)
        {
            Verdict::Reserved { counted } => {
                (counted, Standing::Reserved { ready_at: books.ships_from(&line.item) })
            }
            Verdict::Waits { list, counted } => {
                if list == List::Backorder {
                    let expected_at = books.expected_at(&line.item);
                    sorted.backordered.entry(expected_at).or_default().push(units);
                }
                (counted, Standing::waits(list))
            }
            Verdict::Limited => {
                sorted.limited.push(units);
                continue;
            }
            Verdict::Unavailable(why) => {
                sorted.unavailable.push(UnavailableLine { units, why });
                continue;
            }
        };
        sorted.pending.push(Pending { held: Held::of(line, counted), delivery: line.delivery, standing });
    }
    sorted
}

impl Sorted {
    /// Says what became of each line, and gives those that stay.
    fn tell(self, order: &OrderNumber, decision: &mut Decision<Inventory>) -> Vec<Pending> {
        let Self { pending, limited, unavailable, backordered } = self;
        let of = |fits: fn(&Standing) -> bool| -> Vec<LineUnits> {
            pending.iter().filter(|it| fits(&it.standing)).map(|it| it.held.units()).collect()
        };
        let lines = of(|standing| matches!(standing, Standing::Reserved { .. }));
        if !lines.is_empty() {
            decision.emit(order, &StockReserved { order: order.clone(), lines });
        }
        tell_backordered(decision, order, backordered);
        let lines = of(|standing| matches!(standing, Standing::Waitlisted));
        if !lines.is_empty() {
            decision.emit(order, &StockWaitlisted { order: order.clone(), lines });
        }
        if !limited.is_empty() {
            decision.emit(order, &StockLimited { order: order.clone(), lines: limited });
        }
        if !unavailable.is_empty() {
            decision.emit(order, &StockUnavailable { order: order.clone(), lines: unavailable });
        }
        pending
    }
}

/// One message for each day on which stock is expected.
pub(super) fn tell_backordered(
    decision: &mut Decision<Inventory>,
    order: &OrderNumber,
    lines: BTreeMap<Option<Timestamp>, Vec<LineUnits>>,
) {
    for (expected_at, lines) in lines {
        decision.emit(order, &StockBackordered { order: order.clone(), lines, expected_at });
    }
}

fn buyer_of<'a>(order: &'a OrderAccepted, delivery: &'a Delivery) -> Buyer<'a> {
    Buyer { address: &delivery.address, card: &order.card, account: order.account.as_ref() }
}
