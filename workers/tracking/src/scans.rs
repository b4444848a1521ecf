//! What the scans of one parcel amount to. A pure function of their set: only what the status needs is kept
//! (the latest move, the earliest sign of each turn), so order, repeats and lateness change nothing, and the
//! row stays small.

use messages::Timestamp;
use messages::shipment::ParcelStatus;
use messages::tracking_number::Carrier;
use serde::{Deserialize, Serialize};

/// Reasons of one parcel at most, the earliest ones; no carrier has as many.
const REASONS_MAX: usize = 16;

/// One scan, its code already understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub status: ParcelStatus,
    /// It says why the parcel cannot be delivered.
    pub cannot_be_delivered: bool,
    /// It is about the way back: "Delivered, To Original Sender" is a return.
    pub to_sender: bool,
    pub mark: Mark,
}

/// When and by whom something was seen. Its order is by time, then by what tells two scans of one time apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    pub at: Timestamp,
    pub carrier: Carrier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The postal endorsement on the parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement: Option<String>,
}

impl Mark {
    /// Whether the other gives the same reason, whenever that was.
    fn tells_as_much_as(&self, other: &Self) -> bool {
        (&self.code, &self.endorsement) == (&other.code, &other.endorsement)
    }
}

/// When a parcel was last known to be somewhere, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seen {
    pub at: Timestamp,
    pub carrier: Carrier,
}

/// Everything that counts of a parcel's scans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scans {
    /// The latest on the way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Move>,
    /// Those that say why it cannot be delivered: the earliest of each reason, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Mark>,
    /// The earliest on the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returning: Option<Mark>,
    /// The earliest and the latest delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivered: Option<(Mark, Mark)>,
    /// The earliest that says by itself that it is back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned: Option<Mark>,
}

/// A scan on the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Move {
    status: ParcelStatus,
    mark: Mark,
}

/// Where a parcel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// No scan has come.
    Unseen,
    /// On its way, out or back.
    Moving { status: ParcelStatus, at: Timestamp },
    /// With its recipient; only a return comes after it.
    Delivered { at: Timestamp },
    /// Back at the sender; nothing comes after it.
    Returned { mark: &'a Mark, why: &'a Mark },
}

impl Standing<'_> {
    #[must_use]
    pub const fn status(self) -> Option<ParcelStatus> {
        match self {
            Self::Unseen => None,
            Self::Moving { status, .. } => Some(status),
            Self::Delivered { .. } => Some(ParcelStatus::Delivered),
            Self::Returned { .. } => Some(ParcelStatus::Returned),
        }
    }
}

impl Scans {
    /// These and one more.
    #[must_use]
    pub fn with(mut self, scan: Scan) -> Self {
        let Scan { status, cannot_be_delivered, to_sender, mark } = scan;
        if cannot_be_delivered {
            self.reason(mark.clone());
        }
        match (status, to_sender) {
            (ParcelStatus::Returned, _) | (ParcelStatus::Delivered, true) => {
                earliest(&mut self.returned, mark);
            }
            (ParcelStatus::Delivered, false) => self.deliver(mark),
            (ParcelStatus::Returning, _)
            | (
                ParcelStatus::LabelCreated
                | ParcelStatus::InTransit
                | ParcelStatus::OutForDelivery
                | ParcelStatus::Attempted
                | ParcelStatus::PickupReady
                | ParcelStatus::Exception,
                true,
            ) => earliest(&mut self.returning, mark),
            (
                ParcelStatus::LabelCreated
                | ParcelStatus::InTransit
                | ParcelStatus::OutForDelivery
                | ParcelStatus::Attempted
                | ParcelStatus::PickupReady
                | ParcelStatus::Exception,
                false,
            ) => self.go(Move { status, mark }),
        }
        self
    }

    /// Where the parcel stands. Ends win over moves, a return over a delivery, the way back over the way out;
    /// of two moves the later one counts, so that an exception recovers.
    #[must_use]
    pub fn standing(&self) -> Standing<'_> {
        if let Some(mark) = self.back() {
            // The reason says more than the beginning of the way back, and that more than its end.
            let why = self.reasons.first().or(self.returning.as_ref()).unwrap_or(mark);
            return Standing::Returned { mark, why };
        }
        if let Some((first, _)) = &self.delivered {
            return Standing::Delivered { at: first.at };
        }
        if let Some(mark) = &self.returning {
            return Standing::Moving { status: ParcelStatus::Returning, at: mark.at };
        }
        match &self.moved {
            Some(Move { status, mark }) => Standing::Moving { status: *status, at: mark.at },
            None => Standing::Unseen,
        }
    }

    /// Why it cannot be delivered, as long as it has not come to an end.
    #[must_use]
    pub fn trouble(&self) -> Option<&Mark> {
        match self.standing() {
            Standing::Unseen | Standing::Moving { .. } => self.reasons.first(),
            Standing::Delivered { .. } | Standing::Returned { .. } => None,
        }
    }

    /// The reasons to be told, since they were not known before: as long as it has not come to an end, and if it is back,
    /// but for the one that the return itself tells.
    #[must_use]
    pub fn reasons_since(&self, before: &Self) -> Vec<&Mark> {
        let is_known = |mark: &Mark| before.reasons.iter().any(|known| known.tells_as_much_as(mark));
        let new = self.reasons.iter().filter(|mark| !is_known(mark));
        match (before.standing(), self.standing()) {
            (_, Standing::Delivered { .. }) => Vec::new(),
            (_, Standing::Unseen | Standing::Moving { .. })
            | (Standing::Returned { .. }, Standing::Returned { .. }) => new.collect(),
            (
                Standing::Unseen | Standing::Moving { .. } | Standing::Delivered { .. },
                Standing::Returned { why, .. },
            ) => new.filter(|mark| *mark != why).collect(),
        }
    }

    /// Whether it has come to an end, with its recipient or with us.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self.standing() {
            Standing::Unseen | Standing::Moving { .. } => false,
            Standing::Delivered { .. } | Standing::Returned { .. } => true,
        }
    }

    /// How many reasons scans gave, told or overtaken.
    #[must_use]
    pub fn reasons(&self) -> usize {
        self.reasons.len()
    }

    /// A return under the same number ends in an ordinary delivery, so one that follows the way back is one.
    fn back(&self) -> Option<&Mark> {
        if self.returned.is_some() {
            return self.returned.as_ref();
        }
        let (returning, (_, last)) = (self.returning.as_ref()?, self.delivered.as_ref()?);
        (last.at >= returning.at).then_some(last)
    }

    fn reason(&mut self, mark: Mark) {
        match self.reasons.iter_mut().find(|known| known.tells_as_much_as(&mark)) {
            Some(known) if mark < *known => *known = mark,
            Some(_) => {}
            None => self.reasons.push(mark),
        }
        self.reasons.sort();
        self.reasons.truncate(REASONS_MAX);
    }

    fn deliver(&mut self, mark: Mark) {
        self.delivered = Some(match self.delivered.take() {
            None => (mark.clone(), mark),
            Some((first, last)) => (first.min(mark.clone()), last.max(mark)),
        });
    }

    fn go(&mut self, next: Move) {
        if self.moved.as_ref().is_none_or(|last| last.rank() < next.rank()) {
            self.moved = Some(next);
        }
    }
}

impl Move {
    /// By time; but a label is told by a computer, often after the parcel was seen, and never says that it
    /// went back.
    fn rank(&self) -> (bool, Timestamp, ParcelStatus, &Mark) {
        (self.status != ParcelStatus::LabelCreated, self.mark.at, self.status, &self.mark)
    }
}

fn earliest(place: &mut Option<Mark>, mark: Mark) {
    if place.as_ref().is_none_or(|known| mark < *known) {
        *place = Some(mark);
    }
}

#[cfg(test)]
mod tests {
    use messages::shipment::ParcelStatus::*;

    use super::*;

    /// What happens, the scans with their hours, and what they amount to.
    type Row = (&'static str, &'static [(ParcelStatus, i64)], Option<ParcelStatus>);

    #[test]
    fn a_set_of_scans_is_one_status() {
        #[rustfmt::skip]
        let table: &[Row] = &[
            ("nothing", &[], None),
            ("a label", &[(LabelCreated, 1)], Some(LabelCreated)),
            ("a label told late", &[(InTransit, 1), (LabelCreated, 2)], Some(InTransit)),
            ("the later move", &[(InTransit, 1), (OutForDelivery, 2)], Some(OutForDelivery)),
            ("a new day", &[(OutForDelivery, 1), (InTransit, 2)], Some(InTransit)),
            ("the higher of one time", &[(OutForDelivery, 1), (InTransit, 1)], Some(OutForDelivery)),
            ("an exception recovers", &[(Exception, 1), (InTransit, 2)], Some(InTransit)),
            ("delivered after all", &[(Exception, 1), (Delivered, 2)], Some(Delivered)),
            ("nothing after delivery", &[(Delivered, 1), (InTransit, 2), (Exception, 3)], Some(Delivered)),
            ("on its way back", &[(Exception, 1), (Returning, 2)], Some(Returning)),
            ("the way back has ordinary scans", &[(Returning, 1), (InTransit, 2)], Some(Returning)),
            ("delivered to the sender", &[(Returning, 1), (InTransit, 2), (Delivered, 3)], Some(Returned)),
            ("one time for both", &[(Returning, 1), (Delivered, 1)], Some(Returned)),
            ("sent back after delivery", &[(Delivered, 1), (Returning, 2)], Some(Delivered)),
            ("and back", &[(Delivered, 1), (Returning, 2), (Delivered, 3)], Some(Returned)),
            ("nothing after a return", &[(Returned, 1), (Delivered, 2), (InTransit, 3)], Some(Returned)),
        ];
        for (what, scans, expected) in table {
            let forth =
                scans.iter().fold(Scans::default(), |known, &(status, at)| known.with(scan(status, at)));
            let back = scans
                .iter()
                .rev()
                .fold(Scans::default(), |known, &(status, at)| known.with(scan(status, at)));
            assert_eq!(forth.standing().status(), *expected, "{what}");
            assert_eq!(forth, back, "{what}, the other way round");
        }
    }

    #[test]
    fn a_scan_to_the_sender_is_of_the_way_back() {
        for (status, expected) in
            [(Delivered, Returned), (Returned, Returned), (InTransit, Returning), (OutForDelivery, Returning)]
        {
            let scans = Scans::default().with(Scan { to_sender: true, ..scan(status, 1) });
            assert_eq!(scans.standing().status(), Some(expected), "{status:?}");
        }
    }

    #[test]
    fn trouble_is_over_with_the_end() {
        let trouble = Scan { cannot_be_delivered: true, ..scan(Exception, 1) };
        let scans = Scans::default().with(trouble).with(scan(InTransit, 2));
        assert_eq!(scans.trouble().map(|mark| mark.at), Some(at(1)), "ordinary scans do not disprove it");
        assert_eq!(scans.clone().with(scan(Delivered, 3)).trouble(), None);
        assert_eq!(scans.with(scan(Returned, 3)).trouble(), None);
    }

    #[test]
    fn a_reason_is_told_once_also_when_it_comes_after_the_return() {
        let trouble = Scan { cannot_be_delivered: true, ..scan(Exception, 1) };
        let (none, back) = (Scans::default(), Scans::default().with(scan(Returned, 3)));
        let (known, both) = (none.clone().with(trouble.clone()), back.clone().with(trouble.clone()));
        let delivered = none.clone().with(scan(Delivered, 3));
        for (before, after, is_told) in [
            (&none, &known, true),
            (&back, &both, true),
            (&none, &both, false),
            (&known, &both, false),
            (&both, &both, false),
            (&delivered, &delivered.clone().with(trouble), false),
        ] {
            assert_eq!(!after.reasons_since(before).is_empty(), is_told, "{before:?} {after:?}");
        }
    }

    #[test]
    fn of_several_reasons_each_is_told_once() {
        let coded = |code: &str, hours| {
            let mut trouble = Scan { cannot_be_delivered: true, ..scan(Exception, hours) };
            trouble.mark.code = Some(code.to_owned());
            trouble
        };
        let words = |after: &Scans, before: &Scans| -> Vec<String> {
            after.reasons_since(before).iter().filter_map(|mark| mark.code.clone()).collect()
        };
        let one = Scans::default().with(coded("21", 2));
        let two = one.clone().with(coded("28", 3));
        assert_eq!(words(&two, &one), ["28"], "a better reason is news");
        assert_eq!(words(&two.clone().with(coded("21", 1)), &two), [""; 0], "the same one earlier is none");
        let back = two.with(scan(Returned, 4));
        assert_eq!(words(&back, &Scans::default()), ["28"], "the return tells the first itself");
        assert_eq!(words(&back, &one), ["28"]);
    }

    #[test]
    fn a_return_names_when_it_ended_and_the_first_reason_that_is_known() {
        let coded = |status, time, code: &str| {
            let mut scan = scan(status, time);
            scan.mark.code = Some(code.to_owned());
            scan
        };
        let scans = Scans::default().with(coded(Delivered, 9, "01")).with(coded(Returning, 5, "09"));
        let Standing::Returned { mark, why } = scans.standing() else { panic!("returned") };
        assert_eq!((mark.at, why.code.as_deref()), (at(9), Some("09")));
        let reason = Scan { cannot_be_delivered: true, ..coded(Exception, 4, "22") };
        let scans = scans.with(reason);
        let Standing::Returned { mark, why } = scans.standing() else { panic!("returned") };
        assert_eq!((mark.at, why.code.as_deref()), (at(9), Some("22")));
    }

    fn scan(status: ParcelStatus, hours: i64) -> Scan {
        let mark = Mark { at: at(hours), carrier: Carrier::Usps, code: None, endorsement: None };
        Scan { status, cannot_be_delivered: false, to_sender: false, mark }
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::parse("2026-11-24T12:00:00Z").expect("a time").plus_seconds(hours * 3600)
    }
}
