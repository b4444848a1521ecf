//! What the room keeps: of an order what a case needs, and of a parcel what is known of it and where its case
//! stands. Nothing in here is in clear but numbers and words of our own; a sealed section stays only while it may
//! still be needed.

use std::collections::BTreeSet;

use messages::Timestamp;
use messages::case::{CaseClass, CaseEnd, CaseWish, Condition};
use messages::id::{Reference, ShipmentId, UserId};
use messages::sealed::{Fingerprint, Sealed};
use messages::stock::LineUnits;
use serde::{Deserialize, Serialize};

use crate::classes::Reason;

/// An order, as far as its parcels may need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum OrderState {
    /// Not accepted yet, as far as we heard; these parcels of it wait for that.
    Unseen {
        waiting: BTreeSet<ShipmentId>,
    },
    Accepted {
        deliveries: Vec<Recipient>,
    },
}

/// One recipient of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    pub number: u16,
    /// The numbers of the lines that go there.
    pub lines: Vec<u16>,
    pub address: Fingerprint,
    /// Sealed `delivery` section.
    pub section: Sealed,
}

impl OrderState {
    /// The recipient of a parcel, known by what is in it.
    #[must_use]
    pub fn recipient_of(&self, parcel: &Parcel) -> Option<&Recipient> {
        let line = parcel.lines.first()?.line;
        self.recipients().iter().find(|recipient| recipient.lines.contains(&line))
    }

    #[must_use]
    pub fn recipient(&self, number: u16) -> Option<&Recipient> {
        self.recipients().iter().find(|recipient| recipient.number == number)
    }

    fn recipients(&self) -> &[Recipient] {
        match self {
            Self::Unseen { .. } => &[],
            Self::Accepted { deliveries } => deliveries,
        }
    }
}

/// One parcel and its case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CaseState {
    /// Nothing is wrong, or not all is known yet.
    Quiet(Quiet),
    Open(Box<Open>),
    Ended(Box<Ended>),
}

impl CaseState {
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        match self {
            Self::Quiet(quiet) => &quiet.facts,
            Self::Open(open) => &open.file.facts,
            Self::Ended(ended) => &ended.file.facts,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// Absent until it was dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parcel: Option<Parcel>,
    #[serde(default)]
    pub facts: Facts,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    pub gift: bool,
    pub lines: Vec<LineUnits>,
}

/// What was seen of a parcel: a set, whatever the order in which it was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Received>,
}

/// How it was scanned in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    pub condition: Condition,
    pub at: Timestamp,
    /// Who told it, where that was a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Whether the rooms heard of it. Good units are told when the case ends: until then the purchaser may want them.
    pub told: bool,
}

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// It cannot be delivered, or nothing is heard of it.
    Trouble(Reason),
    Returned {
        at: Timestamp,
        reason: Reason,
    },
    Delivered {
        at: Timestamp,
    },
}

impl Facts {
    #[must_use]
    pub fn with(mut self, sighting: &Sighting) -> Self {
        match sighting {
            Sighting::Trouble(reason) => self.reason(reason),
            Sighting::Returned { at, reason } => {
                self.reason(reason);
                self.returned_at = Some(self.returned_at.map_or(*at, |known| known.min(*at)));
            }
            Sighting::Delivered { at } => {
                self.delivered_at = Some(self.delivered_at.map_or(*at, |known| known.min(*at)));
            }
        }
        self
    }

    fn reason(&mut self, reason: &Reason) {
        self.reason = Some(match self.reason.take() {
            Some(known) => known.or(reason.clone()),
            None => reason.clone(),
        });
    }

    /// Whether it is with us again.
    #[must_use]
    pub const fn is_back(&self) -> bool {
        self.returned_at.is_some() || self.received.is_some()
    }

    /// Whether it is with its recipient. A parcel that came back after that is not.
    #[must_use]
    pub const fn is_delivered(&self) -> bool {
        self.delivered_at.is_some() && !self.is_back()
    }
}

/// What a case keeps from its opening to long after its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub parcel: Parcel,
    /// The recipient's number in the order.
    pub delivery: u16,
    pub facts: Facts,
    pub class: CaseClass,
    pub opened_at: Timestamp,
    /// How often the purchaser was asked.
    pub contacts: u8,
    /// Whether the rooms heard that the recipient is deceased.
    pub mail_stopped: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    pub history: Vec<Entry>,
}

/// The answer that was taken: a token works once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub sender: String,
    pub reference: Reference,
    pub wish: CaseWish,
    /// Whether it came with an address.
    pub address: bool,
}

/// What staff wrote down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub at: Timestamp,
    pub user: UserId,
    pub text: String,
}

/// One step of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub what: Event,
    /// Absent: the rules, the purchaser or a carrier did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// What can happen to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Opened,
    /// A more specific reason changed the class.
    Reclassified,
    Asked,
    AskedAgain,
    Answered,
    /// Handed to a person.
    Handed,
    Received,
    Ended,
    /// It came back after it was closed as delivered.
    Resumed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub file: File,
    pub step: Step,
}

/// Where an open case stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Step {
    /// The first contact is due.
    Opened,
    /// The purchaser was asked, and the tokens work until then.
    Asked { answer_by: Timestamp },
    /// It is clear what is to be done once the parcel is back.
    Awaiting {
        then: CaseWish,
        /// Sealed corrected address, for a reship.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        correction: Option<Sealed>,
        /// Not back until then: refund.
        until: Timestamp,
    },
    /// A person decides.
    Person,
}

impl Step {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Asked { .. } => "asked",
            Self::Awaiting { .. } => "awaiting",
            Self::Person => "person",
        }
    }

    /// When the rules act next.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Opened | Self::Person => None,
            Self::Asked { answer_by } => Some(*answer_by),
            Self::Awaiting { until, .. } => Some(*until),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub file: File,
    pub resolution: CaseEnd,
    /// Absent: the rules ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    pub reason: String,
    pub at: Timestamp,
}

impl Ended {
    /// Whether the rules closed it because it was delivered after all. They close a case for nothing else.
    #[must_use]
    pub fn is_by_delivery(&self) -> bool {
        self.resolution == CaseEnd::Closed && self.user.is_none()
    }
}
