//! What the witnesses say, in their own words: the JSON of `oms`, of the gateway and of the mail sink. Only the fields
//! that the account needs; nothing is computed here that they could be asked for.

use std::collections::BTreeMap;

use serde::Deserialize;
use world::customers::{Reader, Readers};
use world::store::{Cancels, Tally};

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
    /// Units of all items that arrived, before the launch and during it.
    pub(super) received: i64,
    /// Cancellations by the customers themselves, and by telephone after the parcel had arrived.
    pub(super) cancels: Cancels,
    pub(super) late: LateCancels,
    pub(super) campaigned: Campaigned,
    /// Parcels about which a customer was asked by mail.
    pub(super) asked: i64,
    pub(super) status: Status,
    /// Messages that lie in the parked queues, and open tasks for letters.
    pub(super) parked: i64,
    pub(super) letters: i64,
    pub(super) ledger: Ledger,
    /// Distinct Message-IDs in the sink, by kind of notice.
    pub(super) mails: BTreeMap<String, MailCount>,
    pub(super) verdict: Verdict,
}

/// `oms --json status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Status {
    pub(super) desks: Vec<Desk>,
    pub(super) orders: Orders,
    pub(super) facts: Vec<Fact>,
    pub(super) sums: Sums,
    /// Facts about orders of which not everything is told.
    pub(super) quiet: Vec<Quiet>,
    pub(super) stock: Vec<Item>,
    pub(super) money: Money,
    pub(super) notices: Vec<Notice>,
    pub(super) cases: Vec<Class>,
    pub(super) subscribers: Vec<Subscribers>,
    pub(super) campaigns: Vec<Campaign>,
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
    pub(super) reserved_lines: i64,
    pub(super) reserved_units: i64,
    pub(super) waiting_lines: i64,
    pub(super) waiting_units: i64,
    pub(super) withdrawn_lines: i64,
    pub(super) withdrawn_units: i64,
    pub(super) lost_in_cancelled: i64,
    pub(super) filled_units: i64,
    pub(super) unfilled_units: i64,
    pub(super) again_parcels: i64,
    pub(super) left_out_parcels: i64,
    pub(super) again_units: i64,
    pub(super) awaited_again_units: i64,
    pub(super) restocked_units: i64,
    pub(super) voided_unsent: i64,
    pub(super) unheld_minor: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Quiet {
    pub(super) kind: String,
    pub(super) facts: i64,
}

/// The cases of one class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Class {
    pub(super) class: String,
    pub(super) open: i64,
    /// Of the open ones, those that a person decides.
    pub(super) person: i64,
    pub(super) reshipped: i64,
    pub(super) refunded: i64,
    pub(super) closed: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Subscribers {
    pub(super) state: String,
    pub(super) subscribers: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Campaign {
    pub(super) campaign: String,
    pub(super) state: String,
    pub(super) counts: CampaignCounts,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) struct CampaignCounts {
    pub(super) made: i64,
    pub(super) sent: i64,
    pub(super) skipped: i64,
    pub(super) refused: i64,
    pub(super) unknown: i64,
}

/// What the readers of the outside world did, and should get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Campaigned {
    pub(super) subscribed: i64,
    pub(super) will_confirm: i64,
    /// Tell the store before the campaign that they want no more.
    pub(super) withdraw: i64,
    /// Have confirmed the campaign's topic, and want its mails.
    pub(super) want: i64,
    /// Mails of the campaign that were read, and those of them that went to somebody who had not consented.
    pub(super) arrived: i64,
    pub(super) unwanted: i64,
    /// Pressed the button.
    pub(super) one_click: i64,
}

impl Campaigned {
    pub(super) fn of(readers: &Readers) -> Self {
        let of = |natures: &[Reader]| i64::try_from(readers.of(natures)).unwrap_or(i64::MAX);
        let want = of(&[Reader::Stays, Reader::OneClick, Reader::Unclear]);
        let others = of(&[Reader::Withdraws, Reader::OtherList]);
        Self {
            subscribed: want + others + of(&[Reader::NeverConfirms]),
            will_confirm: want + others,
            withdraw: of(&[Reader::Withdraws]),
            want,
            arrived: 0,
            unwanted: 0,
            one_click: 0,
        }
    }
}

/// Cancellations after the parcel had arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LateCancels {
    pub(super) asked: i64,
    pub(super) too_late: i64,
}

/// Mails of one kind in the sink.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MailCount {
    /// By Message-ID.
    pub(super) mails: i64,
    /// Of these, those that came more than once.
    pub(super) repeated: i64,
}

/// One case of `oms --json cases list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct OpenCase {
    pub(super) case: String,
    pub(super) order: String,
    pub(super) class: String,
    pub(super) step: String,
    #[serde(default)]
    pub(super) resolution: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Item {
    pub(super) item: String,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) backordered: i64,
    pub(super) waitlisted: i64,
    pub(super) shipped: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Money {
    pub(super) authorized: i64,
    pub(super) captured: i64,
    pub(super) refunded: i64,
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
    /// Held, and given back before anything was captured, or by a capture of less.
    pub(super) canceled: i64,
    pub(super) released: i64,
    pub(super) held: i64,
    pub(super) expired: i64,
    pub(super) refunded: i64,
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
    #[serde(default)]
    pub(super) reference: Option<String>,
}

impl Class {
    pub(super) fn cases(&self) -> i64 {
        self.open + self.reshipped + self.refunded + self.closed
    }
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

    /// Units of an item that are somebody's: reserved, on back order or shipped.
    pub(super) fn promised(&self, item: &str) -> i64 {
        let item = self.item(item);
        item.reserved + item.backordered + item.shipped
    }

    /// Facts of a kind about orders of which not everything is told.
    pub(super) fn quiet(&self, kind: &str) -> i64 {
        self.quiet.iter().find(|quiet| quiet.kind == kind).map_or(0, |quiet| quiet.facts)
    }

    /// Sums a number over the classes of cases.
    pub(super) fn cases(&self, of: fn(&Class) -> i64) -> i64 {
        self.cases.iter().map(of).sum()
    }

    pub(super) fn class(&self, class: &str) -> Class {
        self.cases.iter().find(|known| known.class == class).cloned().unwrap_or_default()
    }

    /// Classes of which a case waits for a person.
    pub(super) fn classes_with_a_person(&self) -> Vec<String> {
        let waits = self.cases.iter().filter(|class| class.person > 0);
        waits.map(|class| class.class.clone()).collect()
    }

    /// Subscriptions in a state, over all topics.
    pub(super) fn subscribers_in(&self, state: &str) -> i64 {
        let found = self.subscribers.iter().filter(|count| count.state == state);
        found.map(|count| count.subscribers).sum()
    }

    pub(super) fn campaign(&self, name: &str) -> Option<&Campaign> {
        self.campaigns.iter().find(|campaign| campaign.campaign == name)
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
