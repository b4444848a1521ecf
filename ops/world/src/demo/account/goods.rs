//! Units, parcels and cases: every unit that arrived is somewhere, every parcel ended, every case says how.

use super::super::claim::{Line, Sum, grouped, term};
use super::super::numbers::{Class, Item, Numbers, Status};
use super::{at_most, line, none, one, same};

pub(super) fn units(numbers: &Numbers) -> Vec<Line> {
    let status = &numbers.status;
    let fact = |kind: &str| status.fact(kind);
    let (accepted, limited, unavailable) = (fact("accepted"), fact("limited"), fact("unavailable"));
    let (sums, adjusted, item) = (&status.sums, fact("adjusted"), status.item(&numbers.item));
    let total = |of: fn(&Item) -> i64| status.stock.iter().map(of).sum::<i64>();
    // Inventory says "unavailable" of a line without units, and again of a unit that was lost and not replaced.
    let ends = |reserved, limited, without, waiting, withdrawn| {
        vec![
            term(reserved, "reserved"),
            term(limited, "over the household limit"),
            term(without, "without units"),
            term(waiting, "waiting"),
            term(withdrawn, "cancelled before"),
        ]
    };
    vec![
        line(same([
            one(accepted.lines, "lines accepted"),
            ends(
                sums.reserved_lines,
                limited.lines,
                unavailable.lines - sums.given_up_lines,
                sums.waiting_lines,
                sums.withdrawn_lines,
            ),
        ])),
        line(same([
            one(accepted.units, "units accepted"),
            ends(
                sums.reserved_units,
                limited.units,
                unavailable.units - sums.given_up_units,
                sums.waiting_units,
                sums.withdrawn_units,
            ),
        ])),
        Line(vec![
            same([
                vec![
                    term(fact("backordered").units, "units on back order"),
                    term(fact("waitlisted").units, "on the waiting list"),
                    term(sums.awaited_again_units, "to be sent again"),
                ],
                vec![
                    term(sums.filled_units, "filled"),
                    term(total(|item| item.backordered), "still on back order"),
                    term(total(|item| item.waitlisted), "still on the list"),
                    term(sums.unfilled_units, "cancelled"),
                ],
            ]),
            none([term(free_and_awaited(status), "free while somebody waits")]),
        ]),
        not_found(numbers),
        line(at_most(
            one(numbers.peak, format!("of {} promised at most", numbers.item)),
            one(numbers.cap, "there are"),
        )),
        line(at_most(
            one(item.on_hand - item.reserved, format!("of {} left", numbers.item)),
            may_be_left(numbers),
        )),
        Line(vec![
            same([
                one(numbers.received, "units received"),
                vec![
                    term(total(|item| item.shipped), "shipped"),
                    term(total(|item| item.on_hand), "on the shelf"),
                    term(adjusted.units, "not found"),
                ],
            ]),
            none([term(total(|item| item.reserved), "still reserved")]),
        ]),
        line(same([
            vec![
                term(total(|item| item.shipped), "units shipped, by the books"),
                term(sums.restocked_units, "back on the shelf"),
            ],
            vec![
                term(first_units(status), "in parcels that were charged for"),
                term(sums.again_units, "sent again"),
            ],
        ])),
    ]
}

pub(super) fn parcels(numbers: &Numbers) -> Vec<Line> {
    let (status, sums) = (&numbers.status, &numbers.status.sums);
    let facts = |kind: &str| status.fact(kind).facts;
    let handed = facts("requested") - facts("reship_ready");
    let left = facts("dispatched") - sums.again_parcels;
    vec![
        line(same([
            one(facts("ready"), "releases reserved"),
            vec![
                term(handed, "handed to the warehouse"),
                term(facts("declined"), "declined"),
                term(sums.voided_unsent, "cancelled before"),
            ],
        ])),
        line(same([
            one(handed, "handed to the warehouse"),
            vec![
                term(left, "dispatched"),
                term(facts("voided") - sums.voided_unsent, "not found at all, and voided"),
            ],
        ])),
        line(same([one(left, "dispatched for the first time"), one(facts("captured"), "charged for")])),
        line(same([
            vec![term(left, "dispatched for the first time"), term(sums.again_parcels, "sent again")],
            vec![
                term(facts("delivered"), "delivered"),
                term(facts("returned"), "returned"),
                term(status.class("lost").cases(), "lost"),
            ],
        ])),
    ]
}

pub(super) fn cases(numbers: &Numbers) -> Vec<Line> {
    let status = &numbers.status;
    let facts = |kind: &str| status.fact(kind).facts;
    let all = status.cases(Class::cases);
    let reshipped = status.cases(|class| class.reshipped);
    vec![
        line(same([
            one(all, "cases"),
            vec![
                term(facts("returned"), "parcels returned"),
                term(status.class("lost").cases(), "lost"),
                term(status.cases(|class| class.closed), "delivered after all"),
            ],
        ])),
        line(same([one(all, "cases"), one(facts("case_opened"), "opened in the order history")])),
        line(same([
            one(reshipped, "to be sent again"),
            vec![
                term(status.sums.again_parcels, "second parcels dispatched"),
                term(facts("reship_unavailable"), "not to be had"),
                term(reshipped - facts("reship_ready") - facts("reship_unavailable"), "waiting for units"),
            ],
        ])),
        line(same([
            vec![
                term(status.cases(|class| class.refunded), "paid back"),
                term(status.sums.left_out_parcels, "not to be had"),
            ],
            one(facts("refunded"), "refunds made"),
        ])),
        Line(vec![
            same([
                one(status.cases(|class| class.open), "open"),
                one(status.cases(|class| class.person), "with a person"),
            ]),
            at_most(one(numbers.asked, "customers asked by mail"), one(facts("case_asked"), "questions")),
        ]),
    ]
}

/// A row for each class that there was, and the sums.
pub(super) fn case_table(status: &Status) -> Vec<String> {
    let row = |name: &str, class: &Class| {
        let number = |number: i64| if number == 0 { "·".to_owned() } else { grouped(number) };
        format!(
            "{name:<24}{:>8}{:>14}{:>12}{:>18}{:>16}",
            number(class.cases()),
            number(class.reshipped),
            number(class.refunded),
            number(class.closed),
            number(class.open),
        )
    };
    let mut sum = Class::default();
    let mut table = vec![format!(
        "{:<24}{:>8}{:>14}{:>12}{:>18}{:>16}",
        "", "cases", "sent again", "paid back", "arrived after all", "with a person"
    )];
    for class in &status.cases {
        table.push(row(&class.class.replace('_', " "), class));
        sum.open += class.open;
        sum.reshipped += class.reshipped;
        sum.refunded += class.refunded;
        sum.closed += class.closed;
    }
    table.push(row("in all", &sum));
    table
}

/// Every reserved unit is in a release; what was found missing and replaced is in a second one. In an order that was
/// cancelled meanwhile, nothing is replaced.
fn not_found(numbers: &Numbers) -> Line {
    let (status, sums) = (&numbers.status, &numbers.status.sums);
    let (shorted, adjusted) = (status.fact("shorted").units, status.fact("adjusted").units);
    let replaced = status.fact("ready").units - sums.reserved_units;
    let waiting: i64 = status.stock.iter().map(|item| item.backordered + item.waitlisted).sum();
    let again = waiting - sums.waiting_units - sums.awaited_again_units;
    let cancelled = (adjusted - replaced - sums.given_up_units - again).clamp(0, sums.lost_in_cancelled);
    line(same([
        one(shorted, "not found by the warehouse"),
        one(adjusted, "taken off their charge"),
        vec![
            term(replaced, "replaced"),
            term(again, "waiting again"),
            term(sums.given_up_units, "given up"),
            term(cancelled, "cancelled"),
        ],
    ]))
}

/// What others gave back too late for anybody to want it, and what nobody ever wanted.
fn may_be_left(numbers: &Numbers) -> Sum {
    let status = &numbers.status;
    let never_wanted = (numbers.cap - (numbers.demand - status.fact("limited").units)).max(0);
    let mut left = vec![
        term(status.fact("declined").facts, "freed by declined cards"),
        term(status.fact("cancelled").facts, "by cancellations"),
        term(status.sums.restocked_units, "by returns"),
    ];
    if never_wanted > 0 {
        left.push(term(never_wanted, "never asked for"));
    }
    left
}

/// Units that could be given to somebody who waits for them.
fn free_and_awaited(status: &Status) -> i64 {
    let of = |item: &Item| (item.on_hand - item.reserved).min(item.backordered + item.waitlisted);
    status.stock.iter().map(of).sum()
}

/// Units in parcels that were not sent instead of others. What was sent again was not charged for.
pub(super) fn first_units(status: &Status) -> i64 {
    status.fact("dispatched").units - status.sums.again_units
}
