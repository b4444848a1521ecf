//! Mails: every fact that a customer must know was told once, and a campaign reached those who wanted it and nobody else.

use super::super::claim::{Line, Sum, term};
use super::super::numbers::Numbers;
use super::super::staff::CAMPAIGN;
use super::{at_most, line, none, one, same};

/// Kinds of notices, and the kind of fact of which each must tell. Some are not told every time: a refusal is often
/// between intake and the sender, a release that is put off twice is told of once, a parcel that is back already is not
/// said to be undeliverable, a question is asked once or twice.
const NOTICES: [(&str, &str, bool); 19] = [
    ("received", "accepted", true),
    ("held", "held", true),
    ("confirmed", "reserved", true),
    ("backordered", "backordered", true),
    ("waitlisted", "waitlisted", true),
    ("limited", "limited", true),
    ("unavailable", "unavailable", true),
    ("payment_declined", "declined", true),
    ("shipped", "dispatched", true),
    ("delivered", "delivered", true),
    ("undeliverable", "undeliverable", false),
    ("returned", "returned", true),
    ("payment_delayed", "delayed", false),
    ("refused", "refused", false),
    ("cancelled", "cancelled", true),
    ("question", "case_asked", false),
    ("reminder", "case_asked", false),
    ("reshipped", "case_resolved", false),
    ("refunded", "refunded", true),
];

/// Mails of the lists, which are no notices.
const LISTS: [&str; 2] = ["confirm", "campaign"];

pub(super) fn notices(numbers: &Numbers) -> Vec<Line> {
    let status = &numbers.status;
    let mut lines = Vec::new();
    for (kind, fact, is_always_told) in NOTICES {
        let facts = status.fact(fact).facts;
        let (sent, letters) = (status.notices(Some(kind), "sent"), status.notices(Some(kind), "letter"));
        let withheld = status.notices(Some(kind), "withheld");
        let arrived = mails(numbers, kind);
        if facts == 0 && sent == 0 && letters == 0 && arrived == 0 {
            continue;
        }
        // What is known only after a cancellation or a death is not told any more.
        let untold =
            (facts - sent - letters - withheld).clamp(0, (status.quiet(fact) - withheld).max(0)) + withheld;
        let mut told = vec![term(sent, "mails"), term(letters, "letters")];
        if is_always_told && untold > 0 {
            told.push(term(untold, "kept back"));
        }
        let due = one(facts, format!("times “{}”", kind.replace('_', " ")));
        let claim = if is_always_told { same([due, told]) } else { at_most(told, due) };
        lines.push(Line(vec![claim, same([one(sent, "sent"), one(arrived, "in the mail sink")])]));
    }
    let is_known = |kind: &str| NOTICES.iter().any(|(known, ..)| *known == kind) || LISTS.contains(&kind);
    let others = numbers.mails.iter().filter(|(kind, _)| !is_known(kind)).map(|(_, count)| count.mails).sum();
    lines.push(Line(vec![
        same([
            one(status.notices(None, "letter"), "letters"),
            one(numbers.letters, "listed for the mail room"),
        ]),
        none([
            term(status.notices(None, "pending"), "pending"),
            term(status.notices(None, "failed"), "failed"),
            term(status.notices(None, "unclear"), "of unknown outcome"),
            term(others, "of no known kind"),
        ]),
    ]));
    lines
}

pub(super) fn campaign(numbers: &Numbers) -> Vec<Line> {
    let (status, readers) = (&numbers.status, &numbers.campaigned);
    let counts = status.campaign(CAMPAIGN).map(|campaign| campaign.counts).unwrap_or_default();
    let state = |name: &str| status.subscribers_in(name);
    let arrived = mails(numbers, "campaign");
    let may_have_come: Sum = vec![term(counts.sent, "sent"), term(counts.unknown, "of unknown outcome")];
    vec![
        line(same([
            one(readers.subscribed, "subscribed"),
            vec![
                term(state("confirmed"), "consented"),
                term(state("withdrawn"), "withdrawn"),
                term(state("asked"), "never confirmed"),
            ],
        ])),
        line(same([
            one(state("withdrawn"), "withdrawn"),
            vec![
                term(readers.withdraw, "at the store before the campaign"),
                term(readers.one_click, "by the one click of its mail"),
            ],
        ])),
        line(same([
            one(readers.want, "consented to the topic when it began"),
            one(counts.made, "mails made"),
            vec![
                term(counts.sent, "sent"),
                term(counts.unknown, "of unknown outcome"),
                term(counts.skipped, "skipped"),
                term(counts.refused, "refused"),
            ],
        ])),
        Line(vec![
            at_most(one(counts.sent, "sent"), one(arrived, "in the mail sink")),
            at_most(one(arrived, "in the mail sink"), may_have_come),
        ]),
        line(none([
            term(numbers.mails.get("campaign").map_or(0, |count| count.repeated), "sent twice"),
            term(readers.unwanted, "sent to somebody who had not consented or no longer"),
        ])),
    ]
}

fn mails(numbers: &Numbers, kind: &str) -> i64 {
    numbers.mails.get(kind).map_or(0, |count| count.mails)
}
