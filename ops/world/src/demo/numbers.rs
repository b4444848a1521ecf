//! What the witnesses say, in their own words: the JSON of `oms`, of the gateway and of the mail sink. Only the fields
//! that the account needs; nothing is computed here that they could be asked for.

use std::collections::BTreeMap;

use serde::Deserialize;
use world::store::Tally;

/// Everything that an account is made of.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    pub(super) submissions: i64,
    /// As the senders were answered, and as they should have been.
    pub(super) tally: Tally,
    pub(super) expected: Tally,
    /// The launched item: units in good orders, units that there are, most that were promised at one time.
    pub(super) item: String,
    pub(super) demand: i64,
    pub(super) cap: i64,
    pub(super) peak: i64,
    /// Units of all items that arrived before the launch.
    pub(super) received: i64,
    pub(super) status: Status,
    /// Messages that lie in the parked queues, and open tasks for letters.
    pub(super) parked: i64,
    pub(super) letters: i64,
    pub(super) ledger: Ledger,
    /// Distinct Message-IDs in the sink, by kind of notice.
    pub(super) mails: BTreeMap<String, i64>,
    pub(super) verdict: Verdict,
}

/// `oms --json status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Status {
    pub(super) desks: Vec<Desk>,
    pub(super) orders: Orders,
    pub(super) facts: Vec<Fact>,
    pub(super) sums: Sums,
    pub(super) stock: Vec<Item>,
    pub(super) money: Money,
    pub(super) notices: Vec<Notice>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Desk {
    pub(super) room: String,
    pub(super) waiting: i64,
    pub(super) waiting_outside: i64,
    pub(super) outbox: i64,
    pub(super) due: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Orders {
    pub(super) accepted: i64,
    pub(super) held: i64,
    pub(super) refused: i64,
}

/// All facts of one kind, with the lines, units and minor units of money that they name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Fact {
    pub(super) kind: String,
    pub(super) facts: i64,
    pub(super) lines: i64,
    pub(super) units: i64,
    pub(super) minor: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Sums {
    pub(super) given_up_lines: i64,
    pub(super) given_up_units: i64,
    pub(super) shipped_minor: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Item {
    pub(super) item: String,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) shipped: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Money {
    pub(super) authorized: i64,
    pub(super) captured: i64,
    pub(super) declined: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Notice {
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) notices: i64,
}

/// The gateway's `/_ledger`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Ledger {
    pub(super) total: LedgerSums,
    pub(super) doubled: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct LedgerSums {
    pub(super) authorized: i64,
    pub(super) captured: i64,
    pub(super) held: i64,
}

/// `oms --json audit verify`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Verdict {
    pub(super) rows: i64,
    pub(super) first_bad: Option<serde_json::Value>,
}

/// One order of `oms --json orders find`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Found {
    pub(super) order: String,
    pub(super) status: String,
}

impl Status {
    /// Zeros if there are none of the kind.
    pub(super) fn fact(&self, kind: &str) -> Fact {
        self.facts.iter().find(|fact| fact.kind == kind).cloned().unwrap_or_default()
    }

    pub(super) fn facts_in_all(&self) -> i64 {
        self.facts.iter().map(|fact| fact.facts).sum()
    }

    pub(super) fn item(&self, item: &str) -> Item {
        self.stock.iter().find(|stock| stock.item == item).cloned().unwrap_or_default()
    }

    /// Units of an item that are reserved or shipped.
    pub(super) fn promised(&self, item: &str) -> i64 {
        let item = self.item(item);
        item.reserved + item.shipped
    }

    /// Notices of a status; of every kind if none is named.
    pub(super) fn notices(&self, kind: Option<&str>, status: &str) -> i64 {
        let wanted = self.notices.iter().filter(|notice| notice.status == status);
        wanted.filter(|notice| kind.is_none_or(|kind| notice.kind == kind)).map(|notice| notice.notices).sum()
    }
}

/// Counts are far below 2^63.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
