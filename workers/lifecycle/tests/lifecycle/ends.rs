//! What ends an order otherwise than by a delivery, and what counts as stuck.

use crate::status::{ALL, Case, FIRST, SECOND, and, check, way};
use crate::story::*;
use lifecycle::cases::cases;
use lifecycle::dwell::{SHORTEST_SECONDS, max_dwell};
use lifecycle::status::{LineStatus as L, OrderStatus as O};
use lifecycle::view::view;
use messages::case::CaseEnd;

#[test]
fn a_cancelled_order_is_where_its_handed_over_units_are() {
    let cases: Vec<Case> = vec![
        ("before it is known", vec![cancelled(&[])], O::Early, vec![]),
        ("while it is held", vec![held(), cancelled(&[])], O::Cancelled, vec![L::Cancelled; 2]),
        ("accepted", and(way(0), vec![cancelled(&[])]), O::Cancelled, vec![L::Cancelled; 2]),
        ("reserved", and(way(1), vec![cancelled(&[])]), O::Cancelled, vec![L::Cancelled; 2]),
        ("authorized", and(way(3), vec![cancelled(&[])]), O::Cancelled, vec![L::Cancelled; 2]),
        ("waiting", and(way(0), vec![backordered(ALL), cancelled(&[])]), O::Cancelled, vec![L::Cancelled; 2]),
        (
            "a line had ended before",
            and(way(0), vec![limited(SECOND), cancelled(&[])]),
            O::Cancelled,
            vec![L::Cancelled, L::Limited],
        ),
        (
            "declined before",
            and(way(2), vec![declined(1), cancelled(&[])]),
            O::PaymentDeclined,
            vec![L::PaymentDeclined; 2],
        ),
        ("handed over", and(way(4), vec![cancelled(&[1])]), O::Requested, vec![L::Requested; 2]),
        (
            "partly handed over",
            [vec![accepted(), backordered(SECOND)], whole_way(1, FIRST)[..4].to_vec(), vec![cancelled(&[1])]]
                .concat(),
            O::Requested,
            vec![L::Requested, L::Cancelled],
        ),
        (
            "partly delivered",
            [vec![accepted(), backordered(SECOND)], whole_way(1, FIRST), vec![cancelled(&[1])]].concat(),
            O::Delivered,
            vec![L::Delivered, L::Cancelled],
        ),
        (
            "the release that was handed over is not known yet",
            [vec![accepted(), backordered(SECOND), cancelled(&[1])]].concat(),
            O::Received,
            vec![L::Received, L::Backordered],
        ),
        (
            "not found in the warehouse: never in line again",
            and(way(4), vec![cancelled(&[1]), shorted(1, FIRST), adjusted(1, FIRST), dispatched(1, SECOND)]),
            O::Shipped,
            vec![L::Cancelled, L::Shipped],
        ),
    ];
    check(cases);
}

#[test]
fn a_parcel_that_did_not_arrive_is_sent_again_or_paid_back() {
    let came_back = || and(way(6), vec![undeliverable(1), case_opened(1), returned(1)]);
    let again = || sent_again(1, ALL);
    let to_be_sent = || and(way(6), vec![lost(1), case_resolved(1, CaseEnd::Reship)]);
    let cases: Vec<Case> = vec![
        ("lost", and(way(6), vec![lost(1)]), O::Lost, vec![L::Lost; 2]),
        ("lost and found", and(way(6), vec![lost(1), delivered(1)]), O::Delivered, vec![L::Delivered; 2]),
        (
            "lost and back",
            and(way(6), vec![lost(1), undeliverable(1)]),
            O::Undeliverable,
            vec![L::Undeliverable; 2],
        ),
        ("a case is open", came_back(), O::Returned, vec![L::Returned; 2]),
        ("received without a scan", and(way(6), vec![case_received(1)]), O::Returned, vec![L::Returned; 2]),
        (
            "to be sent again",
            and(came_back(), vec![case_resolved(1, CaseEnd::Reship)]),
            O::Reshipped,
            vec![L::Reshipped; 2],
        ),
        (
            "sent again",
            [came_back(), vec![case_resolved(1, CaseEnd::Reship)], again()[..2].to_vec()].concat(),
            O::Shipped,
            vec![L::Shipped; 2],
        ),
        (
            "sent again and delivered",
            [came_back(), again(), vec![case_resolved(1, CaseEnd::Reship), case_received(1)]].concat(),
            O::Delivered,
            vec![L::Delivered; 2],
        ),
        (
            "a refund is due",
            and(came_back(), vec![case_resolved(1, CaseEnd::Refund)]),
            O::Returned,
            vec![L::Returned; 2],
        ),
        (
            "paid back",
            and(came_back(), vec![case_resolved(1, CaseEnd::Refund), refunded(1)]),
            O::Refunded,
            vec![L::Refunded; 2],
        ),
        ("paid back, then delivered", and(way(7), vec![refunded(1)]), O::Refunded, vec![L::Refunded; 2]),
        (
            "one line is sent again, the other cannot be",
            and(to_be_sent(), vec![reship_ready(1, SECOND, FIRST)]),
            O::Reshipped,
            vec![L::Reshipped; 2],
        ),
        (
            "one line is sent again, the other is paid back",
            [to_be_sent(), vec![reship_ready(1, SECOND, FIRST), refunded(1)], sent_again(1, SECOND)].concat(),
            O::PartlyRefunded,
            vec![L::Refunded, L::Delivered],
        ),
        (
            "its second parcel is paid back, too",
            [
                to_be_sent(),
                vec![reship_ready(1, SECOND, FIRST), refunded(1)],
                sent_again(1, SECOND)[..2].to_vec(),
                vec![case_resolved(1, CaseEnd::Refund), refunded(1)],
            ]
            .concat(),
            O::Refunded,
            vec![L::Refunded; 2],
        ),
        (
            "nothing can be sent again",
            and(to_be_sent(), vec![reship_ready(1, &[], ALL)]),
            O::Unavailable,
            vec![L::Unavailable; 2],
        ),
        (
            "nothing can be sent again, and all is paid back",
            and(to_be_sent(), vec![refunded(1), reship_ready(1, &[], ALL)]),
            O::Refunded,
            vec![L::Refunded; 2],
        ),
        (
            "one line there, the other paid back",
            [
                vec![accepted()],
                whole_way(1, FIRST),
                whole_way(2, SECOND)[..6].to_vec(),
                vec![lost(2), refunded(2)],
            ]
            .concat(),
            O::PartlyRefunded,
            vec![L::Delivered, L::Refunded],
        ),
    ];
    check(cases);
}

#[test]
fn whatever_is_no_end_is_stuck_after_its_longest_time() {
    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;
    let came_back = || and(way(6), vec![undeliverable(1), case_opened(1), returned(1)]);
    let ended = |end| and(came_back(), vec![case_resolved(1, end)]);
    let table: Vec<(&str, Vec<Said>, Option<i64>)> = vec![
        ("not known", vec![delivered(1)], Some(HOUR)),
        ("held", vec![held()], Some(3 * DAY)),
        ("refused", vec![refused()], None),
        ("accepted", way(0), Some(HOUR)),
        ("reserved", way(1), Some(180 * DAY)),
        ("waitlisted", and(way(0), vec![waitlisted(ALL)]), Some(365 * DAY)),
        ("at the warehouse", way(4), Some(5 * DAY)),
        (
            "a line waits for stock, the other is at the warehouse",
            [vec![accepted(), backordered(SECOND)], whole_way(1, FIRST)[..4].to_vec()].concat(),
            Some(5 * DAY),
        ),
        ("delivered", way(7), None),
        ("cancelled", and(way(1), vec![cancelled(&[])]), None),
        ("returned, and no case was heard of", and(way(6), vec![returned(1)]), None),
        ("a case is open", came_back(), Some(45 * DAY)),
        (
            "a case was asked about",
            and(came_back(), vec![case_asked(1, 1), case_asked(1, 2)]),
            Some(45 * DAY),
        ),
        ("nothing is owed", ended(CaseEnd::Closed), None),
        ("a refund is due", ended(CaseEnd::Refund), Some(45 * DAY)),
        ("paid back", and(ended(CaseEnd::Refund), vec![refunded(1)]), None),
        ("to be sent again", ended(CaseEnd::Reship), Some(DAY)),
    ];
    for (what, said, seconds) in table {
        let view = view(&crate::story::order(), &facts(&events(&said))).expect("something was said");
        let found = view.summary.stuck_at.map(|at| at.seconds_since(view.summary.last_at));
        assert_eq!(found, seconds, "{what}");
    }
    for &status in L::ALL {
        let is_end = !status.is_live() || matches!(status, L::Delivered | L::Returned | L::Refunded);
        assert_eq!(max_dwell(status).is_none(), is_end, "{status}");
        assert!(max_dwell(status).is_none_or(|seconds| seconds >= SHORTEST_SECONDS));
    }
}

#[test]
fn of_a_case_the_later_word_counts_in_whatever_order_the_facts_are_listed() {
    let said = vec![
        case_opened(1),
        case_asked(1, 1),
        case_resolved(1, CaseEnd::Closed),
        case_asked(1, 2),
        case_resolved(1, CaseEnd::Refund),
        case_received(1),
    ];
    let mut facts = facts(&events(&said));
    let found = cases(&facts);
    facts.reverse();
    assert_eq!(cases(&facts), found);
    let [case] = &found[..] else { panic!("one parcel has one case") };
    assert_eq!(case.end.as_ref().map(|end| end.resolution), Some(CaseEnd::Refund));
    assert_eq!(case.asked.as_ref().map(|asked| asked.contact), Some(2));
    assert!(case.opened.is_some() && case.received.is_some() && case.is_waiting, "the refund is due");
}
