//! What the facts of an order amount to, case by case and over all orders in which they may come.

use crate::story::*;
use lifecycle::status::{LineStatus as L, OrderStatus as O, progress};
use lifecycle::view::view;
use messages::case::CaseEnd;
use messages::shipment::ParcelStatus;
use proptest::prelude::*;

pub(crate) const ALL: Units<'static> = &[(1, 2), (2, 1)];
pub(crate) const FIRST: Units<'static> = &[(1, 2)];
pub(crate) const SECOND: Units<'static> = &[(2, 1)];
const HALF: Units<'static> = &[(1, 1)];

/// What was said; the order's status; each line's.
pub(crate) type Case = (&'static str, Vec<Said>, O, Vec<L>);

#[test]
fn an_order_is_where_its_units_are() {
    let cases: Vec<Case> = vec![
        ("nothing", vec![], O::Early, vec![]),
        ("a parcel, but no order yet", vec![delivered(1)], O::Early, vec![]),
        ("held", vec![held()], O::Held, vec![L::Held, L::Held]),
        ("hold released, not accepted yet", vec![held(), hold_ended(true)], O::Held, vec![L::Held, L::Held]),
        (
            "released and accepted",
            vec![held(), hold_ended(true), accepted()],
            O::Received,
            vec![L::Received; 2],
        ),
        ("refused at once", vec![refused()], O::Refused, vec![]),
        ("refused by a person", vec![held(), hold_ended(false), refused()], O::Refused, vec![L::Refused; 2]),
        ("accepted", way(0), O::Received, vec![L::Received; 2]),
        ("reserved", way(1), O::Reserved, vec![L::Reserved; 2]),
        ("ready", way(2), O::Ready, vec![L::Ready; 2]),
        ("payment delayed", and(way(2), vec![delayed(1)]), O::PaymentDelayed, vec![L::PaymentDelayed; 2]),
        ("authorized", way(3), O::Authorized, vec![L::Authorized; 2]),
        ("delay told late", and(way(3), vec![delayed(1)]), O::Authorized, vec![L::Authorized; 2]),
        ("declined", and(way(2), vec![declined(1)]), O::PaymentDeclined, vec![L::PaymentDeclined; 2]),
        ("handed over", way(4), O::Requested, vec![L::Requested; 2]),
        ("shipped", way(5), O::Shipped, vec![L::Shipped; 2]),
        ("in transit", way(6), O::InTransit, vec![L::InTransit; 2]),
        ("undeliverable", and(way(6), vec![undeliverable(1)]), O::Undeliverable, vec![L::Undeliverable; 2]),
        (
            "returning",
            and(way(6), vec![progressed(1, ParcelStatus::Returning)]),
            O::Undeliverable,
            vec![L::Undeliverable; 2],
        ),
        ("delivered", way(7), O::Delivered, vec![L::Delivered; 2]),
        ("delivered after all", and(way(7), vec![undeliverable(1)]), O::Delivered, vec![L::Delivered; 2]),
        ("returned", and(way(6), vec![undeliverable(1), returned(1)]), O::Returned, vec![L::Returned; 2]),
    ];
    check(cases);
}

#[test]
fn an_order_in_parts_is_where_its_slowest_units_are() {
    let cases: Vec<Case> = vec![
        ("one line limited", and(way(0), vec![limited(SECOND)]), O::Received, vec![L::Received, L::Limited]),
        ("both lines limited", and(way(0), vec![limited(ALL)]), O::Limited, vec![L::Limited; 2]),
        ("no units", and(way(0), vec![unavailable(ALL)]), O::Unavailable, vec![L::Unavailable; 2]),
        (
            "waits and waits",
            and(way(0), vec![backordered(FIRST), waitlisted(SECOND)]),
            O::Waitlisted,
            vec![L::Backordered, L::Waitlisted],
        ),
        (
            "the rest limited",
            [vec![accepted(), limited(SECOND)], whole_way(1, FIRST)].concat(),
            O::Delivered,
            vec![L::Delivered, L::Limited],
        ),
        (
            "one line out, one waits",
            [vec![accepted(), backordered(SECOND)], whole_way(1, FIRST)[..5].to_vec()].concat(),
            O::PartlyShipped,
            vec![L::Shipped, L::Backordered],
        ),
        (
            "one line there, one waits",
            [vec![accepted(), backordered(SECOND)], whole_way(1, FIRST)].concat(),
            O::PartlyDelivered,
            vec![L::Delivered, L::Backordered],
        ),
        (
            "one delivered, one returned",
            [vec![accepted()], whole_way(1, FIRST), whole_way(2, SECOND)[..6].to_vec(), vec![returned(2)]]
                .concat(),
            O::PartlyReturned,
            vec![L::Delivered, L::Returned],
        ),
        (
            "half a line there, the other half on its way",
            [vec![accepted(), limited(SECOND)], whole_way(1, HALF), whole_way(2, HALF)[..5].to_vec()]
                .concat(),
            O::PartlyDelivered,
            vec![L::Shipped, L::Limited],
        ),
        (
            "not found in the warehouse",
            and(way(4), vec![shorted(1, FIRST), adjusted(1, FIRST), dispatched(1, SECOND)]),
            O::PartlyShipped,
            vec![L::Shorted, L::Shipped],
        ),
        (
            "found again and sent",
            [way(4), vec![shorted(1, FIRST), adjusted(1, FIRST), delivered(1)], whole_way(2, FIRST)].concat(),
            O::Delivered,
            vec![L::Delivered; 2],
        ),
        (
            "not found and sold out",
            and(way(4), vec![shorted(1, ALL), adjusted(1, ALL), unavailable(ALL)]),
            O::Unavailable,
            vec![L::Unavailable; 2],
        ),
    ];
    check(cases);
}

#[test]
fn every_status_has_one_name_one_rank_and_words() {
    let lines = L::ALL.iter().map(|status| (status.name(), status.rank(), status.to_string()));
    let orders = O::ALL.iter().map(|status| (status.name(), status.rank(), status.to_string()));
    for statuses in [lines.collect::<Vec<_>>(), orders.collect::<Vec<_>>()] {
        assert!(statuses.is_sorted_by(|a, b| a.1 < b.1), "declared in the order of ranks");
        assert!(statuses.iter().all(|(name, _, words)| !name.is_empty() && !words.contains('_')));
    }
    assert!(O::ALL.iter().all(|&status| O::parse(status.name()) == Some(status)));
    assert!(L::ALL.iter().all(|&status| L::parse(status.name()) == Some(status)));
    assert_eq!(O::parse("mislaid"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn neither_order_nor_repeats_of_facts_change_what_is_shown(
        (said, order) in history(true).prop_flat_map(shuffled),
        again in prop::collection::vec(0_usize..64, 0..8),
    ) {
        let events = events(&said);
        let mut mixed: Vec<_> = order.iter().map(|&at| events[at].clone()).collect();
        mixed.extend(again.iter().map(|&at| events[at % events.len()].clone()));
        let (straight, mixed) = (facts(&events), facts(&mixed));
        prop_assert_eq!(&mixed, &straight, "the same rows");
        // The database gives rows in no order at all.
        let any: Vec<_> = order.iter().map(|&at| straight[at].clone()).collect();
        prop_assert_eq!(view(&crate::story::order(), &any), view(&crate::story::order(), &straight));
    }

    #[test]
    fn a_status_never_goes_back_in_whatever_order_facts_come((said, order) in history(false).prop_flat_map(shuffled)) {
        let facts = facts(&events(&said));
        let mut before = progress([]);
        for end in 1..=order.len() {
            let now = progress(order[..end].iter().map(|&at| &facts[at]));
            prop_assert!(before.status <= now.status, "{} became {}", before.status, now.status);
            for (old, new) in before.lines.iter().zip(&now.lines) {
                prop_assert!(old.status <= new.status, "line {}: {} became {}", old.line, old.status, new.status);
            }
            before = now;
        }
        prop_assert!(before.status.is_final(), "nothing is stuck once everything was told: {}", before.status);
    }

    #[test]
    fn the_parts_of_a_line_are_always_the_whole_line((said, order) in history(true).prop_flat_map(shuffled)) {
        let facts = facts(&events(&said));
        for end in 0..=order.len() {
            for line in progress(order[..end].iter().map(|&at| &facts[at])).lines {
                prop_assert_eq!(line.parts.iter().map(|part| part.units).sum::<u32>(), line.quantity);
            }
        }
    }

    #[test]
    fn a_search_by_status_never_passes_over_an_order_that_has_it(said in history(true), share in 0_usize..=100) {
        let facts = facts(&events(&said));
        // What was told in its order up to here; a search may miss an order while its facts overtake each other.
        let told = &facts[..facts.len() * share / 100];
        let status = progress(told).status;
        let signs = status.signs();
        let ranks: Vec<i32> = told.iter().filter_map(|fact| fact.rank).map(i32::from).collect();
        if !told.is_empty() {
            prop_assert!(ranks.iter().any(|rank| signs.some.contains(rank)), "{status} without a sign: {ranks:?}");
            let again = i32::from(L::Reshipped.rank());
            let against = ranks.iter().any(|rank| signs.none.contains(rank)) && !ranks.contains(&again);
            prop_assert!(!against, "{status} against a sign: {ranks:?}");
        }
    }
}

pub(crate) fn check(cases: Vec<Case>) {
    for (what, said, order, lines) in cases {
        let found = progress(&facts(&events(&said)));
        let statuses: Vec<L> = found.lines.iter().map(|line| line.status).collect();
        assert_eq!((found.status, statuses), (order, lines), "{what}");
        for line in &found.lines {
            let sum: u32 = line.parts.iter().map(|part| part.units).sum();
            assert_eq!(sum, line.quantity, "{what}: the parts of a line are the line");
        }
    }
}

/// The first steps of an order whose units all go one way.
pub(crate) fn way(steps: usize) -> Vec<Said> {
    and(vec![accepted()], whole_way(1, ALL)[..steps].to_vec())
}

pub(crate) fn and(mut said: Vec<Said>, more: Vec<Said>) -> Vec<Said> {
    said.extend(more);
    said
}

/// A whole life of an order as its rooms would tell it; with `back`, the warehouse may lose units and parcels may be sent
/// again.
fn history(back: bool) -> impl Strategy<Value = Vec<Said>> {
    let fates = prop::collection::vec(0_u8..13, 3);
    (0_u8..4, fates).prop_map(move |(start, fates)| {
        let mut said = match start {
            0 => return vec![held(), hold_ended(false), refused()],
            1 => vec![held(), hold_ended(true), accepted()],
            _ => vec![accepted()],
        };
        // The first line may come in two halves.
        let parts: Vec<Units<'static>> =
            if fates[2] % 2 == 0 { vec![HALF, HALF, SECOND] } else { vec![FIRST, SECOND] };
        let mut handed_over = Vec::new();
        for (at, units) in parts.into_iter().enumerate() {
            let number = u16::try_from(at).expect("few") + 1;
            said.extend(fate(number, units, fates[at], back));
            if fates[at] >= 3 && fates[at] != CANCELLED {
                handed_over.push(number);
            }
        }
        if fates.contains(&CANCELLED) {
            said.push(cancelled(&handed_over));
        }
        said
    })
}

/// The fate of units that are cancelled before they are handed over.
const CANCELLED: u8 = 7;

fn fate(number: u16, units: Units<'_>, fate: u8, back: bool) -> Vec<Said> {
    let way = whole_way(number, units);
    match fate {
        0 => vec![limited(units)],
        1 => vec![unavailable(units)],
        2 => [way[..2].to_vec(), vec![delayed(number), declined(number)]].concat(),
        3 => [way[..6].to_vec(), vec![undeliverable(number), returned(number)]].concat(),
        4 => [way[..6].to_vec(), vec![undeliverable(number), delivered(number)]].concat(),
        5 => [vec![waitlisted(units), backordered(units)], way].concat(),
        CANCELLED => way[..2].to_vec(),
        8 => [way[..6].to_vec(), vec![lost(number), case_opened(number), delivered(number)]].concat(),
        9 => {
            let end = vec![lost(number), case_resolved(number, CaseEnd::Refund), refunded(number)];
            [way[..6].to_vec(), end].concat()
        }
        10 if back => {
            let end = vec![returned(number), case_resolved(number, CaseEnd::Reship)];
            [way[..6].to_vec(), end, sent_again(number, units)].concat()
        }
        6 if back => {
            let lost = vec![shorted(number, units), adjusted(number, units)];
            [way[..4].to_vec(), lost, whole_way(number + 10, units)].concat()
        }
        _ => way,
    }
}

/// The messages, and an order in which they may come.
fn shuffled(said: Vec<Said>) -> impl Strategy<Value = (Vec<Said>, Vec<usize>)> {
    let order: Vec<usize> = (0..said.len()).collect();
    (Just(said), Just(order).prop_shuffle())
}
