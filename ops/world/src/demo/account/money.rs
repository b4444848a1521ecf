//! Money: what the rooms say was held, taken and given back is what the gateway says.

use super::super::claim::{Line, cents, term};
use super::super::numbers::{Numbers, signed};
use super::{at_most, line, none, same};

pub(super) fn money(numbers: &Numbers) -> Vec<Line> {
    let (status, ledger) = (&numbers.status, &numbers.ledger);
    let fact = |kind: &str| status.fact(kind);
    let (ready, authorized, captured) = (fact("ready"), fact("authorized"), fact("captured"));
    let gateway = &ledger.total;
    // A hold that comes after the cancellation is given back, and nobody is told that it was there.
    let held_too_late = (status.money.authorized - authorized.minor).clamp(0, status.sums.unheld_minor);
    vec![
        line(same([
            vec![cents(ready.minor, "reserved")],
            vec![
                cents(authorized.minor, "authorized"),
                cents(status.money.declined, "declined"),
                cents(status.sums.unheld_minor, "cancelled before"),
            ],
        ])),
        line(same([
            vec![
                cents(authorized.minor, "authorized"),
                cents(held_too_late, "for orders cancelled meanwhile"),
            ],
            vec![cents(status.money.authorized, "in payment's books")],
            vec![cents(gateway.authorized, "in the gateway's ledger")],
        ])),
        line(same([
            vec![cents(gateway.authorized, "authorized at the gateway")],
            vec![
                cents(gateway.captured, "captured"),
                cents(gateway.canceled, "voided"),
                cents(gateway.released, "released"),
                cents(gateway.held + gateway.expired, "held"),
            ],
        ])),
        line(same([
            vec![cents(status.sums.shipped_minor, "shipped")],
            vec![cents(captured.minor, "captured")],
            vec![cents(status.money.captured, "in payment's books")],
            vec![cents(gateway.captured, "in the gateway's ledger")],
        ])),
        line(same([
            vec![cents(fact("refunded").minor, "refunded")],
            vec![cents(status.money.refunded, "in payment's books")],
            vec![cents(gateway.refunded, "in the gateway's ledger")],
        ])),
        line(at_most(vec![cents(gateway.refunded, "refunded")], vec![cents(gateway.captured, "captured")])),
        Line(vec![
            none([
                term(signed(ledger.doubled.len() as u64), "charged or held twice"),
                term(fact("capture_failed").facts, "captures failed"),
            ]),
            none([cents(gateway.held, "held for nothing")]),
        ]),
    ]
}
