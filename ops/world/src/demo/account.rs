//! The account: what must be equal if no order was lost, nobody was charged twice and nothing was sold that is not
//! there. Pure: numbers in, lines with their verdicts out.

use world::store::{Tally, code};

use super::claim::{Claim, Line, Section, Sum, cents, term};
use super::numbers::{Numbers, signed};

/// Every line, under its heading.
pub(super) fn account(numbers: &Numbers) -> Vec<Section> {
    vec![
        Section { title: "orders", lines: orders(numbers) },
        Section { title: "units", lines: units(numbers) },
        Section { title: "money", lines: money(numbers) },
        Section { title: "parcels", lines: parcels(numbers) },
        Section { title: "notices", lines: notices(numbers) },
        Section { title: "messages", lines: messages(numbers) },
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
        line(same([
            one(malformed, "malformed"),
            one(told, "told so"),
            one(numbers.parked, "in the parked queues"),
        ])),
    ]
}

fn units(numbers: &Numbers) -> Vec<Line> {
    let status = &numbers.status;
    let fact = |kind: &str| status.fact(kind);
    let (accepted, reserved, limited) = (fact("accepted"), fact("reserved"), fact("limited"));
    let (unavailable, adjusted, sums) = (fact("unavailable"), fact("adjusted"), &status.sums);
    let item = status.item(&numbers.item);
    let total = |of: fn(&super::numbers::Item) -> i64| status.stock.iter().map(of).sum::<i64>();
    // Inventory says "unavailable" of a line without units, and again of a unit that was lost and not replaced.
    let (lines_without, units_without) =
        (unavailable.lines - sums.given_up_lines, unavailable.units - sums.given_up_units);
    // Every reserved unit is in a release; what was found missing and replaced is in a second one.
    let replaced = fact("ready").units - reserved.units;
    let never_wanted = (numbers.cap - (numbers.demand - limited.units)).max(0);
    let mut may_be_left = one(fact("declined").facts, "freed by declined cards");
    if never_wanted > 0 {
        may_be_left.push(term(never_wanted, "never asked for"));
    }
    vec![
        line(same([
            one(accepted.lines, "lines accepted"),
            vec![
                term(reserved.lines, "reserved"),
                term(limited.lines, "over the household limit"),
                term(lines_without, "without units"),
            ],
        ])),
        line(same([
            one(accepted.units, "units accepted"),
            vec![
                term(reserved.units, "reserved"),
                term(limited.units, "over the household limit"),
                term(units_without, "without units"),
            ],
        ])),
        line(same([
            one(fact("shorted").units, "not found by the warehouse"),
            one(adjusted.units, "taken off their charge"),
            vec![term(replaced, "replaced"), term(sums.given_up_units, "given up")],
        ])),
        line(at_most(
            one(numbers.peak, format!("of {} promised at most", numbers.item)),
            one(numbers.cap, "there are"),
        )),
        line(at_most(one(item.on_hand - item.reserved, format!("of {} left", numbers.item)), may_be_left)),
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
    ]
}

fn money(numbers: &Numbers) -> Vec<Line> {
    let (status, ledger) = (&numbers.status, &numbers.ledger);
    let fact = |kind: &str| status.fact(kind);
    let (ready, authorized, captured) = (fact("ready"), fact("authorized"), fact("captured"));
    let shipped: i64 = status.stock.iter().map(|item| item.shipped).sum();
    vec![
        line(same([
            one(ready.facts, "releases reserved"),
            vec![term(authorized.facts, "authorized"), term(fact("declined").facts, "declined")],
        ])),
        line(same([
            vec![cents(ready.minor, "reserved")],
            vec![cents(authorized.minor, "authorized"), cents(status.money.declined, "declined")],
        ])),
        line(same([
            vec![cents(authorized.minor, "authorized")],
            vec![cents(status.money.authorized, "in payment's books")],
            vec![cents(ledger.total.authorized, "in the gateway's ledger")],
        ])),
        line(same([
            one(shipped, "units shipped from stock"),
            one(fact("dispatched").units, "in parcels that were charged for"),
        ])),
        line(same([
            vec![cents(status.sums.shipped_minor, "shipped")],
            vec![cents(captured.minor, "captured")],
            vec![cents(status.money.captured, "in payment's books")],
            vec![cents(ledger.total.captured, "in the gateway's ledger")],
        ])),
        Line(vec![
            none([
                term(signed(ledger.doubled.len() as u64), "charged or held twice"),
                term(fact("capture_failed").facts, "captures failed"),
            ]),
            none([cents(ledger.total.held, "held for nothing")]),
        ]),
    ]
}

fn parcels(numbers: &Numbers) -> Vec<Line> {
    let facts = |kind: &str| numbers.status.fact(kind).facts;
    vec![
        line(same([
            one(facts("authorized"), "releases authorized"),
            one(facts("requested"), "handed to the warehouse"),
            vec![
                term(facts("dispatched"), "dispatched"),
                term(facts("voided"), "not found at all, and voided"),
            ],
        ])),
        line(same([
            one(facts("dispatched"), "parcels dispatched"),
            one(facts("captured"), "charged for"),
            vec![term(facts("delivered"), "delivered"), term(facts("returned"), "returned")],
        ])),
    ]
}

/// Kinds of notices, and the kind of fact of which each must tell. Some are not told every time: a refusal is often
/// between intake and the sender, a release that is put off twice is told of once, a question is asked once or twice.
const NOTICES: [(&str, &str, bool); 17] = [
    ("received", "accepted", true),
    ("held", "held", true),
    ("confirmed", "reserved", true),
    ("limited", "limited", true),
    ("unavailable", "unavailable", true),
    ("payment_declined", "declined", true),
    ("shipped", "dispatched", true),
    ("delivered", "delivered", true),
    ("undeliverable", "undeliverable", true),
    ("returned", "returned", true),
    ("payment_delayed", "delayed", false),
    ("refused", "refused", false),
    ("cancelled", "cancelled", true),
    ("question", "case_asked", false),
    ("reminder", "case_asked", false),
    ("reshipped", "case_resolved", false),
    ("refunded", "refunded", true),
];

fn notices(numbers: &Numbers) -> Vec<Line> {
    let status = &numbers.status;
    let mut lines = Vec::new();
    for (kind, fact, is_always_told) in NOTICES {
        let facts = status.fact(fact).facts;
        let (sent, letters) = (status.notices(Some(kind), "sent"), status.notices(Some(kind), "letter"));
        let arrived = numbers.mails.get(kind).copied().unwrap_or(0);
        if facts == 0 && sent == 0 && letters == 0 && arrived == 0 {
            continue;
        }
        let told = vec![term(sent, "mails"), term(letters, "letters")];
        let due = one(facts, format!("times “{}”", kind.replace('_', " ")));
        let claim = if is_always_told { same([due, told]) } else { at_most(told, due) };
        lines.push(Line(vec![claim, same([one(sent, "sent"), one(arrived, "in the mail sink")])]));
    }
    let others = numbers.mails.iter().filter(|(kind, _)| !NOTICES.iter().any(|(known, ..)| known == kind));
    lines.push(Line(vec![
        same([
            one(status.notices(None, "letter"), "letters"),
            one(numbers.letters, "listed for the mail room"),
        ]),
        none([
            term(status.notices(None, "pending"), "pending"),
            term(status.notices(None, "failed"), "failed"),
            term(status.notices(None, "unclear"), "of unknown outcome"),
            term(others.map(|(_, mails)| mails).sum(), "of no known kind"),
        ]),
    ]));
    lines
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
