//! What becomes of a parcel: most arrive, and of the others each comes to one of the ends that carriers know, in turn,
//! so that a small launch has one of every kind too. A fate must never depend on what is in the parcel.

use std::collections::HashMap;

use messages::case::Condition;
use messages::tracking_number::{Carrier, TrackingNumber};

use super::{Parcel, Stop};

/// What becomes of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fate {
    Arrives,
    NoSuchNumber,
    Moved,
    Refused,
    Unclaimed,
    Vacant,
    Deceased,
    Damaged,
    /// To the recovery centre: neither delivered nor sent back.
    DeadMail,
    /// "No such number" in the morning, delivered in the afternoon.
    FoundAfterAll,
}

impl Fate {
    pub(super) const TROUBLES: [Self; 9] = [
        Self::NoSuchNumber,
        Self::Refused,
        Self::DeadMail,
        Self::FoundAfterAll,
        Self::Damaged,
        Self::Vacant,
        Self::Moved,
        Self::Deceased,
        Self::Unclaimed,
    ];

    /// Where it is scanned after its transit.
    pub(super) fn stops(self) -> Vec<Stop> {
        match self {
            Self::Arrives => vec![Stop::Out, Stop::Delivered],
            Self::FoundAfterAll => vec![Stop::Trouble, Stop::Out, Stop::Delivered],
            Self::DeadMail => vec![Stop::Out, Stop::Trouble],
            Self::NoSuchNumber
            | Self::Moved
            | Self::Refused
            | Self::Unclaimed
            | Self::Vacant
            | Self::Deceased
            | Self::Damaged => {
                vec![Stop::Out, Stop::Trouble, Stop::OnTheWayBack, Stop::BackAtSender]
            }
        }
    }

    /// What it looks like when it is opened, should it come back.
    pub(super) fn condition(self) -> Condition {
        if self == Self::Damaged { Condition::Damaged } else { Condition::Restock }
    }

    /// Why it cannot be delivered (USPS Publication 199).
    pub(super) const fn usps_code(self) -> &'static str {
        match self {
            Self::NoSuchNumber | Self::FoundAfterAll => "21",
            Self::Moved => "23",
            Self::Refused => "04",
            Self::Unclaimed => "27",
            Self::Vacant => "26",
            Self::Deceased => "28",
            Self::DeadMail => "11",
            // Aggregators say it for every carrier.
            Self::Damaged => "DAMAGED",
            Self::Arrives => "05",
        }
    }

    /// What is written on the parcel (USPS DMM 507): the codes of UPS give no reason.
    pub(super) fn endorsement(self, carrier: Carrier, stop: Stop) -> Option<&'static str> {
        let tells = match stop {
            Stop::Trouble => self == Self::Damaged,
            Stop::BackAtSender => carrier == Carrier::Ups,
            Stop::Label | Stop::Transit(_) | Stop::Out | Stop::Delivered | Stop::OnTheWayBack => false,
        };
        let word = match self {
            Self::Arrives | Self::DeadMail | Self::FoundAfterAll => return None,
            Self::NoSuchNumber => "NSN",
            Self::Moved => "MLNA",
            Self::Refused => "REF",
            Self::Unclaimed => "UNC",
            Self::Vacant => "VAC",
            Self::Deceased => "DEC",
            Self::Damaged => "DMG",
        };
        tells.then_some(word)
    }

    /// Whether the carrier has words for it on the way: of UPS only what comes back tells.
    const fn is_told_by(self, carrier: Carrier) -> bool {
        match self {
            Self::DeadMail | Self::FoundAfterAll => matches!(carrier, Carrier::Usps),
            Self::Arrives
            | Self::NoSuchNumber
            | Self::Moved
            | Self::Refused
            | Self::Unclaimed
            | Self::Vacant
            | Self::Deceased
            | Self::Damaged => true,
        }
    }
}

/// Gives each parcel its fate. One that is handed over twice keeps it.
pub(super) struct Fates {
    permille: u32,
    given: HashMap<TrackingNumber, Fate>,
    /// Thousandths of a parcel in trouble that are owed.
    owed: u32,
    next: usize,
}

impl Fates {
    pub(super) fn new(permille: u32) -> Self {
        Self { permille: permille.min(1000), given: HashMap::new(), owed: 0, next: 0 }
    }

    pub(super) fn of(&mut self, parcel: &Parcel) -> Fate {
        if let Some(&fate) = self.given.get(&parcel.tracking) {
            return fate;
        }
        self.owed += self.permille;
        let trouble = Fate::TROUBLES[self.next % Fate::TROUBLES.len()];
        let fate = if self.owed >= 1000 && trouble.is_told_by(parcel.carrier) {
            self.owed -= 1000;
            self.next += 1;
            trouble
        } else {
            Fate::Arrives
        };
        self.given.insert(parcel.tracking.clone(), fate);
        fate
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::parcel;
    use super::*;

    #[test]
    fn troubles_come_in_turn_and_as_often_as_asked() {
        let mut fates = Fates::new(100);
        let mut count: BTreeMap<Fate, u32> = BTreeMap::new();
        for bits in 0..1_800 {
            *count.entry(fates.of(&parcel(bits))).or_default() += 1;
        }
        let troubles: u32 = Fate::TROUBLES.iter().map(|fate| count[fate]).sum();
        // What one carrier has no words for waits for the next parcel of another.
        assert!((175..=180).contains(&troubles), "{count:?}");
        assert!(Fate::TROUBLES.iter().all(|fate| (19..=20).contains(&count[fate])), "{count:?}");
    }

    #[test]
    fn a_parcel_handed_over_twice_keeps_its_fate_and_costs_nobody_else_one() {
        let (mut once, mut twice) = (Fates::new(300), Fates::new(300));
        for bits in 0..100 {
            let fate = once.of(&parcel(bits));
            assert_eq!((twice.of(&parcel(bits)), twice.of(&parcel(bits))), (fate, fate));
        }
    }

    #[test]
    fn nothing_goes_wrong_unless_it_is_asked_for() {
        let mut fates = Fates::new(0);
        assert!((0..500).all(|bits| fates.of(&parcel(bits)) == Fate::Arrives));
    }
}
