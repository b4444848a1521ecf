//! The account: what must be equal if no order was lost, nobody was charged twice and nothing was sold that is not
//! there. Pure: numbers in, lines with their verdicts out.

mod goods;
mod mail;
mod money;

use world::store::{Tally, code};

use super::claim::{Claim, Line, Section, Sum, term};
use super::numbers::{Numbers, signed};

/// Every line, under its heading.
pub(super) fn account(numbers: &Numbers) -> Vec<Section> {
    vec![
        section("orders", orders(numbers)),
        section("units", goods::units(numbers)),
        section("parcels", goods::parcels(numbers)),
        Section { table: goods::case_table(&numbers.status), ..section("cases", goods::cases(numbers)) },
        section("money", money::money(numbers)),
        section("notices", mail::notices(numbers)),
        section("campaign", mail::campaign(numbers)),
        section("messages", messages(numbers)),
    ]
}

fn orders(numbers: &Numbers) -> Vec<Line> {
    let (tally, intake) = (&numbers.tally, &numbers.status.orders);
    let refused: i64 = tally.refused.values().copied().map(signed).sum();
    let told: i64 = tally.parked.values().copied().map(signed).sum();
    let malformed: i64 = numbers.expected.parked.values().copied().map(signed).sum();
    let changed = tally.refused.get(code::OTHER_CONTENT).copied().map_or(0, signed);
    let ends = vec![
        term(signed(tally.accepted), "accepted"),
        term(signed(tally.held), "held"),
        term(refused, "refused"),
        term(signed(tally.repeated), "repeated"),
        term(signed(tally.silent), "sent twice and answered once"),
        term(told, "parked"),
    ];
    let codes = tally.refused.iter().map(|(code, count)| term(signed(*count), code.replace('_', " ")));
    vec![
        Line(vec![
            same([one(numbers.submissions, "submitted"), ends]),
            none([term(signed(tally.unanswered), "unanswered")]),
        ]),
        line(same([one(refused, "refused"), codes.collect()])),
        line(none([term(surprises(tally, &numbers.expected), "answered otherwise than was planned")])),
        line(same([
            one(signed(tally.accepted), "told that they are accepted"),
            one(intake.accepted, "at intake"),
            one(numbers.status.fact("accepted").facts, "in the order history"),
        ])),
        line(same([
            one(signed(tally.held), "told that they are held"),
            one(intake.held, "at intake"),
            one(numbers.status.fact("held").facts, "in the order history"),
        ])),
        // A change to a known order is refused, and the order stays what it was.
        line(same([
            one(refused, "told that they are refused"),
            vec![term(intake.refused, "at intake"), term(changed, "changes to a known order")],
        ])),
        Line(vec![
            same([
                one(signed(numbers.cancels.asked), "cancelled by customers at once"),
                vec![
                    term(signed(numbers.cancels.done), "before hand-over"),
                    term(signed(numbers.cancels.too_late), "too late, and refused"),
                ],
            ]),
            same([
                one(signed(numbers.cancels.done), "before hand-over"),
                one(numbers.status.fact("cancelled").facts, "in the order history"),
            ]),
        ]),
        line(same([
            one(numbers.late.asked, "cancelled after the parcel arrived"),
            one(numbers.late.too_late, "refused, since everything was with the warehouse"),
        ])),
        line(same([
            one(malformed, "malformed"),
            one(told, "told so"),
            one(numbers.parked, "in the parked queues"),
        ])),
    ]
}

fn messages(numbers: &Numbers) -> Vec<Line> {
    let (status, verdict) = (&numbers.status, &numbers.verdict);
    let total = |of: fn(&super::numbers::Desk) -> i64| status.desks.iter().map(of).sum::<i64>();
    vec![
        Line(vec![
            same([
                one(verdict.rows, "messages in the audit's chain"),
                one(status.facts_in_all(), "in the order history"),
            ]),
            none([term(i64::from(verdict.first_bad.is_some()), "links broken")]),
        ]),
        line(none([
            term(total(|desk| desk.waiting + desk.waiting_outside), "messages waiting"),
            term(total(|desk| desk.outbox), "unsent"),
            term(total(|desk| desk.due), "calls due"),
        ])),
    ]
}

/// Submissions that were answered otherwise than they should have been. Every one of them is missing somewhere and too
/// many elsewhere, and is counted once.
fn surprises(is: &Tally, should: &Tally) -> i64 {
    let mut over = 0;
    let mut under = 0;
    let mut compare = |is: u64, should: u64| {
        over += is.saturating_sub(should);
        under += should.saturating_sub(is);
    };
    compare(is.accepted, should.accepted);
    compare(is.held, should.held);
    compare(is.repeated, should.repeated);
    compare(is.silent, should.silent);
    compare(is.unanswered, should.unanswered);
    for (is, should) in [(&is.refused, &should.refused), (&is.parked, &should.parked)] {
        let codes: std::collections::BTreeSet<&String> = is.keys().chain(should.keys()).collect();
        for code in codes {
            let count = |of: &std::collections::BTreeMap<String, u64>| of.get(code).copied().unwrap_or(0);
            compare(count(is), count(should));
        }
    }
    signed(over.max(under))
}

fn section(title: &'static str, lines: Vec<Line>) -> Section {
    Section { title, table: Vec::new(), lines }
}

fn one(number: i64, name: impl Into<String>) -> Sum {
    vec![term(number, name)]
}

fn same<const N: usize>(sums: [Sum; N]) -> Claim {
    Claim::Same(sums.into())
}

fn at_most(less: Sum, more: Sum) -> Claim {
    Claim::AtMost(less, more)
}

fn none<const N: usize>(terms: [super::claim::Term; N]) -> Claim {
    Claim::None(terms.into())
}

fn line(claim: Claim) -> Line {
    Line(vec![claim])
}

#[cfg(test)]
mod tests;
