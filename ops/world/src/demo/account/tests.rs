//! The account of a small launch in which everything happened once, and what it says if one number is wrong.

use super::super::numbers::{
    Desk, Fact, Item, Ledger, LedgerSums, Money, Notice, Orders, Status, Sums, Verdict,
};
use super::*;

#[test]
fn a_launch_without_fault_adds_up() {
    assert_eq!(faults(&launch()), Vec::<String>::new());
}

/// One change to the numbers.
type Change = fn(&mut Numbers);

#[test]
fn a_wrong_number_is_noticed_where_it_stands() {
    #[rustfmt::skip]
    let table: &[(&str, Change, &[&str])] = &[
        ("an order without an answer", |n| { n.tally.accepted -= 1; n.tally.unanswered += 1; },
            &["unanswered", "answered otherwise", "told that they are accepted"]),
        ("an answer that was not foreseen", |n| { n.tally.accepted -= 1; n.tally.repeated += 1; },
            &["answered otherwise", "told that they are accepted"]),
        ("refused for another reason", |n| { n.tally.refused.insert("too_early".to_owned(), 1); n.tally.refused.insert("wrong_price".to_owned(), 1); },
            &["answered otherwise"]),
        ("an accepted order that intake lost", |n| n.status.orders.accepted -= 1, &["told that they are accepted"]),
        ("a held order twice", |n| n.status.orders.held += 1, &["told that they are held"]),
        ("a refusal that intake forgot", |n| n.status.orders.refused -= 1, &["told that they are refused"]),
        ("a malformed message that vanished", |n| n.parked -= 1, &["malformed"]),
        ("a line that nobody decided", |n| { fact(n, "limited").lines -= 1; fact(n, "limited").units -= 1; },
            &["lines accepted", "units accepted"]),
        ("a unit reserved twice", |n| fact(n, "reserved").units += 1, &["units accepted", "not found by the warehouse"]),
        ("a lost unit that was still charged", |n| fact(n, "adjusted").units -= 1, &["not found by the warehouse", "units received"]),
        ("more promised than there is", |n| n.peak = 11, &["promised at most"]),
        ("units left that were wanted", |n| { item(n, "19XE").on_hand += 1; item(n, "19XE").shipped -= 1; },
            &["of 19XE left", "units shipped from stock"]),
        ("a unit from nowhere", |n| item(n, "20EA").on_hand += 1, &["units received"]),
        ("a unit reserved for ever", |n| item(n, "20EA").reserved += 1, &["still reserved"]),
        ("a release that payment forgot", |n| fact(n, "ready").facts += 1, &["releases reserved", "in the audit's chain"]),
        ("a hold that we do not know of", |n| n.ledger.total.authorized += 6_595, &["authorized = "]),
        ("a hold of another amount", |n| fact(n, "authorized").minor -= 1, &["reserved = ", "authorized = "]),
        ("one cent too much taken", |n| n.ledger.total.captured += 1, &["shipped = "]),
        ("a parcel that left without being paid", |n| n.status.sums.shipped_minor += 6_595, &["shipped = "]),
        ("a customer charged twice", |n| n.ledger.doubled.push("7K2M-9QXT-04AH-B.1".to_owned()), &["charged or held twice"]),
        ("a hold that nobody released", |n| n.ledger.total.held = 1, &["held for nothing"]),
        ("a release that the warehouse never got", |n| fact(n, "requested").facts -= 1, &["releases authorized", "in the audit's chain"]),
        ("a parcel that never arrived", |n| fact(n, "delivered").facts -= 1, &["parcels dispatched", "times “delivered”", "in the audit's chain"]),
        ("a parcel that was not charged", |n| fact(n, "captured").facts -= 1, &["parcels dispatched", "in the audit's chain"]),
        ("a customer who was not told", |n| notice(n, "confirmed").notices -= 1, &["times “confirmed”"]),
        ("a mail that did not arrive", |n| { n.mails.insert("confirmed".to_owned(), 8); }, &["times “confirmed”"]),
        ("a mail that nobody sent", |n| { n.mails.insert("lottery".to_owned(), 1); }, &["of no known kind"]),
        ("a letter that is not listed", |n| n.letters = 0, &["listed for the mail room"]),
        ("a mail that waits", |n| { notice(n, "shipped").status = "pending".to_owned(); }, &["times “shipped”", "pending"]),
        ("a message that the audit missed", |n| n.verdict.rows -= 1, &["in the audit's chain"]),
        ("a chain that does not hold", |n| n.verdict.first_bad = Some(serde_json::json!({ "seq": 7 })), &["in the audit's chain"]),
        ("messages that still wait", |n| n.status.desks[0].waiting = 1, &["messages waiting"]),
    ];
    for (what, change, named) in table {
        let mut numbers = launch();
        change(&mut numbers);
        let faults = faults(&numbers);
        assert_eq!(faults.len(), named.len(), "{what}: {faults:#?}");
        for name in *named {
            assert!(faults.iter().any(|fault| fault.contains(name)), "{what}: {name} is not in {faults:#?}");
        }
    }
}

#[test]
fn units_may_be_left_where_nobody_wanted_them() {
    let mut numbers = launch();
    numbers.demand = 9;
    item(&mut numbers, "19XE").on_hand += 1;
    numbers.received += 1;
    assert_eq!(faults(&numbers), Vec::<String>::new());
}

#[test]
fn two_answers_exchanged_are_two_surprises_and_one_is_one() {
    let mut other = launch().expected;
    other.accepted -= 1;
    other.held += 1;
    assert_eq!(surprises(&other, &launch().expected), 1);
    other.accepted -= 1;
    other.unanswered += 1;
    assert_eq!(surprises(&other, &launch().expected), 2);
}

fn faults(numbers: &Numbers) -> Vec<String> {
    let sections = account(numbers);
    let lines = sections.iter().flat_map(|section| &section.lines);
    lines.filter(|line| !line.holds()).map(ToString::to_string).collect()
}

/// Ten units, twelve wanted; one card declined too late for anybody else, one unit not found and not replaced, one
/// companion replaced, one gift. All accepted orders but the gift are of one unit at 65.95 with 4.95 for shipping.
fn launch() -> Numbers {
    let tally = Tally {
        accepted: 13,
        held: 1,
        repeated: 1,
        refused: [("too_early".to_owned(), 2), (code::OTHER_CONTENT.to_owned(), 1)].into(),
        parked: [("unreadable".to_owned(), 2)].into(),
        silent: 1,
        unanswered: 0,
    };
    let facts = [
        // 13 lines of 19XE, one of them of a household that has its unit, and the gift's line of 20EA.
        ("accepted", 13, 14, 14, 0),
        ("held", 1, 1, 6, 0),
        ("reserved", 10, 11, 11, 0),
        ("limited", 1, 1, 1, 0),
        ("unavailable", 3, 3, 3, 0),
        ("ready", 12, 12, 12, 12 * 7_090),
        ("declined", 1, 0, 0, 0),
        ("authorized", 11, 11, 11, 11 * 7_090),
        ("requested", 11, 11, 11, 0),
        ("shorted", 2, 2, 2, 0),
        ("adjusted", 2, 2, 2, 0),
        ("voided", 2, 0, 0, 0),
        ("dispatched", 9, 9, 9, 0),
        ("captured", 9, 0, 0, 9 * 7_090),
        ("delivered", 8, 0, 0, 0),
        ("returned", 1, 0, 0, 0),
    ];
    let facts: Vec<Fact> = facts
        .map(|(kind, facts, lines, units, minor)| Fact { kind: kind.to_owned(), facts, lines, units, minor })
        .into();
    let notices = [
        ("received", "sent", 12),
        ("received", "letter", 1),
        ("held", "sent", 1),
        ("confirmed", "sent", 10),
        ("limited", "sent", 1),
        ("unavailable", "sent", 3),
        ("payment_declined", "sent", 1),
        ("shipped", "sent", 9),
        ("delivered", "sent", 8),
        ("returned", "sent", 1),
    ];
    let mails = notices.iter().filter(|(_, status, _)| *status == "sent");
    let stock = [("19XE", 10, 1, 8), ("20EA", 5, 3, 1)];
    let rows = facts.iter().map(|fact| fact.facts).sum();
    Numbers {
        submissions: 21,
        expected: tally.clone(),
        tally,
        item: "19XE".to_owned(),
        demand: 13,
        cap: 10,
        peak: 10,
        received: 15,
        parked: 2,
        letters: 1,
        ledger: Ledger {
            total: LedgerSums { authorized: 11 * 7_090, captured: 9 * 7_090, held: 0 },
            doubled: Vec::new(),
        },
        mails: mails.map(|(kind, _, notices)| ((*kind).to_owned(), *notices)).collect(),
        verdict: Verdict { rows, first_bad: None },
        status: Status {
            desks: vec![Desk { room: "intake".to_owned(), ..Desk::default() }],
            orders: Orders { accepted: 13, held: 1, refused: 2 },
            facts,
            sums: Sums { given_up_lines: 1, given_up_units: 1, shipped_minor: 9 * 7_090 },
            stock: stock
                .map(|(item, _, on_hand, shipped)| Item {
                    item: item.to_owned(),
                    on_hand,
                    reserved: 0,
                    shipped,
                })
                .into(),
            money: Money { authorized: 11 * 7_090, captured: 9 * 7_090, declined: 7_090 },
            notices: notices
                .map(|(kind, status, notices)| Notice {
                    kind: kind.to_owned(),
                    status: status.to_owned(),
                    notices,
                })
                .into(),
        },
    }
}

fn fact<'a>(numbers: &'a mut Numbers, kind: &str) -> &'a mut Fact {
    numbers.status.facts.iter_mut().find(|fact| fact.kind == kind).unwrap()
}

fn item<'a>(numbers: &'a mut Numbers, item: &str) -> &'a mut Item {
    numbers.status.stock.iter_mut().find(|stock| stock.item == item).unwrap()
}

fn notice<'a>(numbers: &'a mut Numbers, kind: &str) -> &'a mut Notice {
    numbers.status.notices.iter_mut().find(|notice| notice.kind == kind).unwrap()
}
