//! The gateway's sums, for a test to compare with the system's own. It must never change the book. All
//! amounts are in minor units, whatever the currency.

use super::book::{Intent, Standing};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Default, Serialize)]
pub(super) struct Ledger<'a> {
    now: i64,
    /// Every intent, declined ones too.
    intents: u64,
    refunds: u64,
    replayed: u64,
    without_reference: u64,
    total: Sums,
    references: BTreeMap<&'a str, Sums>,
    /// References with more than one live intent: whoever is here is charged or held twice.
    doubled: Vec<&'a str>,
    /// Number of captures of every intent that has one.
    captures: BTreeMap<&'a str, usize>,
}

/// `authorized = captured + canceled + released + held + expired`.
#[derive(Default, Serialize)]
struct Sums {
    intents: u64,
    /// Intents that hold or have taken money.
    live_intents: u64,
    declined_intents: u64,
    captures: u64,
    authorized: u64,
    captured: u64,
    canceled: u64,
    /// Left over by a final capture of less than the hold.
    released: u64,
    held: u64,
    /// Still open in the book, but too late to be captured.
    expired: u64,
    refunded: u64,
}

impl<'a> Ledger<'a> {
    pub(super) fn of(intents: &'a [Intent], replayed: u64, now: i64) -> Self {
        let mut ledger = Self { now, replayed, ..Self::default() };
        for intent in intents {
            ledger.intents += 1;
            ledger.refunds += intent.refunds.len() as u64;
            ledger.total.add(intent, now);
            match intent.metadata.get("reference") {
                Some(reference) => ledger.references.entry(reference).or_default().add(intent, now),
                None => ledger.without_reference += 1,
            }
            if !intent.captures.is_empty() {
                ledger.captures.insert(&intent.id, intent.captures.len());
            }
        }
        let doubled = ledger.references.iter().filter(|(_, sums)| sums.live_intents > 1);
        ledger.doubled = doubled.map(|(reference, _)| *reference).collect();
        ledger
    }
}

impl Sums {
    fn add(&mut self, intent: &Intent, now: i64) {
        let received = intent.received();
        let mut is_held = false;
        self.intents += 1;
        self.captures += intent.captures.len() as u64;
        self.captured += received;
        self.refunded += intent.refunded();
        match intent.standing {
            Standing::Declined(_) => self.declined_intents += 1,
            Standing::Held { expires_at } => {
                self.authorized += intent.amount;
                is_held = now < expires_at;
                *(if is_held { &mut self.held } else { &mut self.expired }) += intent.capturable();
            }
            Standing::Succeeded => {
                self.authorized += intent.amount;
                self.released += intent.amount - received;
            }
            Standing::Canceled { released, .. } => {
                self.authorized += received + released;
                self.canceled += released;
            }
        }
        self.live_intents += u64::from(is_held || received > 0);
    }
}
