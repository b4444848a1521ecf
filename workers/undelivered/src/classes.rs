//! Why a parcel did not arrive, as one class, and what each class leads to: a pure table. It never guesses: a
//! word that is not here says nothing, and what is left is the kind of the fact itself.

use messages::case::CaseClass::{
    self, AddressFault, Damaged, Deceased, Lost, PersonMoved, RefusedOrUnclaimed, Suspicious,
};
use messages::tracking_number::Carrier;
use serde::{Deserialize, Serialize};

/// Postal endorsements (USPS DMM 507, exhibit 1.4.1), and one word of our own for what carriers call damaged.
const ENDORSEMENTS: &[(&str, CaseClass)] = &[
    ("NSN", AddressFault),       // no such number
    ("NSS", AddressFault),       // no such street
    ("NSO", AddressFault),       // no such office in state
    ("IA", AddressFault),        // insufficient address
    ("ILL", AddressFault),       // illegible
    ("NMR", AddressFault),       // no mail receptacle
    ("RBA", AddressFault),       // returned for better address
    ("ODL", AddressFault),       // outside delivery limits
    ("ANK", PersonMoved),        // attempted, not known
    ("UTF", PersonMoved),        // not deliverable as addressed, unable to forward
    ("MLNA", PersonMoved),       // moved, left no address
    ("BCNO", PersonMoved),       // box closed, no order
    ("TA", PersonMoved),         // temporarily away
    ("REF", RefusedOrUnclaimed), // refused
    ("UNC", RefusedOrUnclaimed), // unclaimed
    ("VAC", Suspicious),         // vacant
    ("DIS", Suspicious),         // in dispute
    ("CMRA", Suspicious),        // delivery suspended to a commercial mail agency
    ("FRL", Suspicious),         // false representation and lottery law
    ("DEC", Deceased),           // deceased
    ("DMG", Damaged),            // damaged; no postal word
];

/// USPS Publication 199. Codes that tell only that a parcel comes back (09, 29) name no reason.
const USPS: &[(&str, CaseClass)] = &[
    ("04", RefusedOrUnclaimed), // refused
    ("05", AddressFault),       // undeliverable as addressed
    ("11", Lost),               // dead mail: neither delivered nor sent back
    ("21", AddressFault),       // no such number
    ("22", AddressFault),       // insufficient address
    ("23", PersonMoved),        // moved, left no address
    ("24", PersonMoved),        // forwarding expired
    ("25", PersonMoved),        // addressee unknown
    ("26", Suspicious),         // vacant
    ("27", RefusedOrUnclaimed), // unclaimed
    ("28", Deceased),           // deceased
    ("31", RefusedOrUnclaimed), // not picked up
    ("51", PersonMoved),        // business closed
];

/// Details by which aggregators tell what carriers have no code of their own for, as tracking lets them in (EasyPost's
/// status detail `damaged`).
const DETAILS: &[(&str, CaseClass)] = &[
    ("DAMAGED", Damaged), // what is left of it does not arrive
];

/// DHL Express checkpoints.
const DHL: &[(&str, CaseClass)] = &[
    ("DM", Damaged),            // damaged
    ("BA", AddressFault),       // bad address
    ("CM", PersonMoved),        // recipient moved
    ("RD", RefusedOrUnclaimed), // refused
];

/// What kind of fact it was, where neither endorsement nor code says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// No scan for days.
    Lost,
    /// The carrier cannot deliver it, or brought it back.
    NotDelivered,
}

/// How much a reason says. A later one counts more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Nothing was heard.
    Silence,
    Event,
    Code,
    Endorsement,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub class: CaseClass,
    pub weight: Weight,
    /// The word that decided: always one of the tables, so never anything personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}

impl Reason {
    /// The reason of a fact.
    #[must_use]
    pub fn of(carrier: Carrier, code: Option<&str>, endorsement: Option<&str>, event: Event) -> Self {
        let found = |word: Option<&str>, table: &[(&str, CaseClass)], weight| {
            let word = word?.trim().to_ascii_uppercase();
            let class = table.iter().find(|(known, _)| *known == word)?.1;
            Some(Self { class, weight, word: Some(word) })
        };
        found(endorsement, ENDORSEMENTS, Weight::Endorsement)
            .or_else(|| found(code, codes(carrier), Weight::Code))
            .or_else(|| found(code, DETAILS, Weight::Code))
            .unwrap_or(match event {
                Event::Lost => Self { class: Lost, weight: Weight::Silence, word: None },
                // Where nobody says why, the purchaser is asked, and may give an address or not.
                Event::NotDelivered => Self { class: PersonMoved, weight: Weight::Event, word: None },
            })
    }

    /// The one of two that counts, whichever came first: deceased above all, then the more specific.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let rank =
            |reason: &Self| (reason.class == Deceased, reason.weight, reason.class, reason.word.clone());
        if rank(&other) > rank(&self) { other } else { self }
    }
}

/// The codes of UPS, FedEx and foreign posts tell that a parcel is in trouble, not why (UPS: type X; UPU: a field of
/// its own), so only an endorsement does.
const fn codes(carrier: Carrier) -> &'static [(&'static str, CaseClass)] {
    match carrier {
        Carrier::Usps => USPS,
        Carrier::Dhl => DHL,
        Carrier::Ups | Carrier::Fedex | Carrier::Postal => &[],
    }
}

/// What is done about a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Ask the purchaser: reship or refund.
    Ask,
    /// Refund once it is back, or has not come back in time.
    RefundWhenBack,
    /// Refund at once.
    Refund,
    /// A person decides; `flag` holds further orders to the address.
    Person { flag: bool },
}

impl Plan {
    /// The plan. What was reshipped once is not reshipped again, so there is nothing to ask.
    #[must_use]
    pub const fn of(class: CaseClass, is_reshipped: bool) -> Self {
        match (class, is_reshipped) {
            (AddressFault | PersonMoved | Lost, false) => Self::Ask,
            (AddressFault | PersonMoved, true) | (RefusedOrUnclaimed, _) => Self::RefundWhenBack,
            (Lost, true) | (Damaged, _) => Self::Refund,
            (Suspicious, _) => Self::Person { flag: true },
            (Deceased, _) => Self::Person { flag: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endorsement_decides_then_the_code_then_the_event() {
        for (carrier, code, endorsement, event, class, word) in [
            (Carrier::Usps, Some("21"), None, Event::NotDelivered, AddressFault, Some("21")),
            (Carrier::Usps, Some("21"), Some("dec"), Event::NotDelivered, Deceased, Some("DEC")),
            (Carrier::Usps, Some("21"), Some("HELLO PAT"), Event::NotDelivered, AddressFault, Some("21")),
            (Carrier::Usps, Some("09"), None, Event::NotDelivered, PersonMoved, None),
            (Carrier::Usps, Some("09"), Some("REF"), Event::NotDelivered, RefusedOrUnclaimed, Some("REF")),
            (Carrier::Usps, Some("26"), None, Event::NotDelivered, Suspicious, Some("26")),
            (Carrier::Usps, Some("11"), None, Event::NotDelivered, Lost, Some("11")),
            (Carrier::Ups, Some("X"), None, Event::NotDelivered, PersonMoved, None),
            (Carrier::Fedex, Some("RS"), Some("VAC"), Event::NotDelivered, Suspicious, Some("VAC")),
            (Carrier::Dhl, Some("BA"), None, Event::NotDelivered, AddressFault, Some("BA")),
            (Carrier::Dhl, Some("DM"), None, Event::NotDelivered, Damaged, Some("DM")),
            (Carrier::Usps, Some("DAMAGED"), None, Event::NotDelivered, Damaged, Some("DAMAGED")),
            (Carrier::Ups, Some("damaged"), None, Event::NotDelivered, Damaged, Some("DAMAGED")),
            (Carrier::Dhl, Some("21"), None, Event::NotDelivered, PersonMoved, None),
            (Carrier::Postal, None, Some("DMG"), Event::NotDelivered, Damaged, Some("DMG")),
            (Carrier::Usps, None, None, Event::Lost, Lost, None),
        ] {
            let reason = Reason::of(carrier, code, endorsement, event);
            assert_eq!(
                (reason.class, reason.word.as_deref()),
                (class, word),
                "{carrier:?} {code:?} {endorsement:?}"
            );
        }
    }

    #[test]
    fn of_two_reasons_the_same_one_counts_whichever_came_first() {
        let all: Vec<Reason> = [
            (Some("21"), None, Event::NotDelivered),
            (Some("04"), None, Event::NotDelivered),
            (Some("28"), None, Event::NotDelivered),
            (None, Some("NSN"), Event::NotDelivered),
            (None, Some("VAC"), Event::NotDelivered),
            (None, None, Event::NotDelivered),
            (None, None, Event::Lost),
        ]
        .into_iter()
        .map(|(code, endorsement, event)| Reason::of(Carrier::Usps, code, endorsement, event))
        .collect();
        for first in &all {
            for second in &all {
                assert_eq!(first.clone().or(second.clone()), second.clone().or(first.clone()));
            }
        }
        let deceased = all[2].clone();
        assert!(all.iter().all(|other| other.clone().or(deceased.clone()) == deceased));
    }

    #[test]
    fn a_word_stands_once_and_every_class_has_a_reason() {
        for table in [ENDORSEMENTS, USPS, DHL, DETAILS] {
            for (at, (word, _)) in table.iter().enumerate() {
                assert!(!table[..at].iter().any(|(other, _)| other == word), "{word} stands twice");
                assert_eq!(*word, word.to_ascii_uppercase());
            }
        }
        for class in CaseClass::ALL {
            let named = ENDORSEMENTS.iter().chain(USPS).any(|(_, named)| *named == class);
            assert!(named, "{}", class.name());
        }
    }

    #[test]
    fn what_was_reshipped_is_never_asked_about() {
        for class in CaseClass::ALL {
            assert_ne!(Plan::of(class, true), Plan::Ask, "{}", class.name());
        }
    }
}
