//! The cases of an order: why a parcel did not arrive, what was asked, how it ended. It must never depend on the order
//! in which facts are listed.

use std::collections::{BTreeMap, BTreeSet};

use messages::Timestamp;
use messages::case::{CaseChange, CaseClass, CaseEnd, Condition};
use messages::id::{ReleaseId, ShipmentId, UserId};
use serde::Serialize;

use crate::fact::{Fact, What};

/// One case. What is absent was not heard yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseView {
    /// The shipment's id.
    pub case: ShipmentId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<Opened>,
    /// The last question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Ended>,
    /// How the parcel looked when it was back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Condition>,
    /// Whether something more is expected: its end, or the refund that it ended in.
    pub is_waiting: bool,
    /// The last class that was learned after the opening, and when.
    #[serde(skip)]
    learned: Option<Learned>,
    /// When it last went on after it was closed.
    #[serde(skip)]
    resumed: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Learned {
    at: Timestamp,
    class: CaseClass,
    reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opened {
    pub at: Timestamp,
    pub class: CaseClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub gift: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    pub at: Timestamp,
    pub contact: u8,
    pub answer_by: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    pub at: Timestamp,
    pub resolution: CaseEnd,
    /// Absent: the rules ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    pub reason: String,
}

/// The cases of these facts, by shipment.
#[must_use]
pub fn cases<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Vec<CaseView> {
    let mut cases: BTreeMap<ShipmentId, CaseView> = BTreeMap::new();
    let mut refunded: BTreeSet<&ReleaseId> = BTreeSet::new();
    for fact in facts {
        if let What::Refunded { release, .. } = &fact.what {
            refunded.insert(release);
        }
        if let Some(case) = case_of(&fact.what) {
            cases.entry(case.clone()).or_insert_with(|| CaseView::new(case)).learn(fact);
        }
    }
    for view in cases.values_mut() {
        view.settle();
        view.is_waiting = match &view.end {
            Some(end) => end.resolution == CaseEnd::Refund && !refunded.contains(&view.case.release()),
            None => view.opened.is_some(),
        };
    }
    cases.into_values().collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other facts are about no case")]
const fn case_of(what: &What) -> Option<&ShipmentId> {
    match what {
        What::CaseOpened { case, .. }
        | What::CaseAsked { case, .. }
        | What::CaseChanged { case, .. }
        | What::CaseResolved { case, .. }
        | What::CaseReceived { case, .. } => Some(case),
        _ => None,
    }
}

impl CaseView {
    fn new(case: &ShipmentId) -> Self {
        Self {
            case: case.clone(),
            opened: None,
            asked: None,
            end: None,
            received: None,
            is_waiting: false,
            learned: None,
            resumed: None,
        }
    }

    /// What was learned later counts, and an end before it went on does not.
    fn settle(&mut self) {
        if let (Some(opened), Some(learned)) = (&mut self.opened, self.learned.take()) {
            (opened.class, opened.reason) = (learned.class, learned.reason);
        }
        let resumed = self.resumed.take();
        self.end = self.end.take().filter(|end| resumed.is_none_or(|at| end.at >= at));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all other facts are about no case")]
    fn learn(&mut self, fact: &Fact) {
        let at = fact.time;
        match &fact.what {
            What::CaseOpened { class, reason, gift, .. } => {
                let opened = Opened { at, class: *class, reason: reason.clone(), gift: *gift };
                later(&mut self.opened, opened, |it| (it.at, it.class));
            }
            What::CaseAsked { contact, answer_by, .. } => {
                let asked = Asked { at, contact: *contact, answer_by: *answer_by };
                later(&mut self.asked, asked, |it| (it.contact, it.at));
            }
            What::CaseChanged { change: CaseChange::Reclassified { class, reason }, .. } => {
                let learned = Learned { at, class: *class, reason: reason.clone() };
                later(&mut self.learned, learned, |it| (it.at, it.class));
            }
            What::CaseChanged { change: CaseChange::Resumed, .. } => {
                self.resumed = self.resumed.max(Some(at));
            }
            What::CaseResolved { resolution, user, reason, .. } => {
                let (by, reason) = (user.clone(), reason.clone());
                let ended = Ended { at, resolution: *resolution, by, reason };
                later(&mut self.end, ended, |it| (it.at, std::cmp::Reverse(it.resolution)));
            }
            What::CaseReceived { condition, .. } => self.received = Some(*condition),
            _ => {}
        }
    }
}

/// A case may turn out to be of another class, and one that was closed may go on: the later word counts.
fn later<T, K: Ord>(place: &mut Option<T>, new: T, key: impl Fn(&T) -> K) {
    if place.as_ref().is_none_or(|old| key(old) < key(&new)) {
        *place = Some(new);
    }
}
