//! What became of submissions, counted. It must never count one submission twice, however often it is answered.

use std::collections::{BTreeMap, HashMap, HashSet};

use messages::answer::{CommandAnswered, Outcome};
use messages::catalogue::Kind;
use messages::envelope::read_body;
use messages::id::{OrderNumber, Reference, derived_id};
use messages::order::OrderCancel;
use messages::{Event, Timestamp};
use serde::Serialize;

use super::category::{Category, Ending, code};
use super::plan::Submission;
use super::seller::Seller;
use crate::line::event;

/// How many submissions ended how. All of it together is what was submitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub accepted: u64,
    pub held: u64,
    pub repeated: u64,
    /// By code.
    pub refused: BTreeMap<String, u64>,
    /// By the code under which the sender was told.
    pub parked: BTreeMap<String, u64>,
    /// Events sent twice: only one of the two is answered.
    pub silent: u64,
    pub unanswered: u64,
}

impl Tally {
    #[must_use]
    pub fn submitted(&self) -> u64 {
        self.accepted
            + self.held
            + self.repeated
            + self.refused.values().sum::<u64>()
            + self.parked.values().sum::<u64>()
            + self.silent
            + self.unanswered
    }

    fn add(&mut self, ending: Ending) {
        match ending {
            Ending::Accepted => self.accepted += 1,
            Ending::Held => self.held += 1,
            Ending::Repeated => self.repeated += 1,
            Ending::Silent => self.silent += 1,
            Ending::Refused(code) => *self.refused.entry(code.to_owned()).or_default() += 1,
            Ending::Parked(code) => *self.parked.entry(code.to_owned()).or_default() += 1,
        }
    }

    fn add_answer(&mut self, answer: &CommandAnswered) {
        match answer.outcome {
            Outcome::Accepted | Outcome::Done => self.accepted += 1,
            Outcome::Held => self.held += 1,
            Outcome::Repeated => self.repeated += 1,
            Outcome::Refused => {
                let code = answer.code.clone().unwrap_or_default();
                let is_parked = matches!(&*code, code::UNREADABLE | code::UNKNOWN_TYPE);
                let place = if is_parked { &mut self.parked } else { &mut self.refused };
                *place.entry(code).or_default() += 1;
            }
        }
    }

    /// The tally of submissions of these categories, if the system does what it must.
    pub(super) fn expected(categories: impl Iterator<Item = Category>) -> Self {
        let mut tally = Self::default();
        for category in categories {
            tally.add(category.ending());
        }
        tally
    }
}

/// What became of a launch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sale {
    pub tally: Tally,
    /// For every category, how often each answer came: an outcome, or the code of a refusal. Of an order and its
    /// repeat, either may be the one that is accepted.
    pub answers: BTreeMap<Category, BTreeMap<String, u64>>,
    pub cancels: Cancels,
}

/// What became of cancellations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cancels {
    pub asked: u64,
    pub done: u64,
    /// Everything was with the warehouse already.
    pub too_late: u64,
    /// Answered otherwise, which should not be.
    pub otherwise: u64,
}

impl Cancels {
    #[must_use]
    pub fn answered(self) -> u64 {
        self.done + self.too_late + self.otherwise
    }
}

/// One seller's open answers.
pub(super) struct Sheet<'a> {
    open: HashMap<&'a str, Category>,
    sale: Sale,
    /// Who sells to those who will change their minds.
    sellers: HashMap<&'a str, Seller>,
    /// Accepted orders of theirs.
    regretted: Vec<(Seller, OrderNumber)>,
    /// Cancellations without an answer, by their ids.
    cancelling: HashSet<String>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(submissions: &[&'a Submission]) -> Self {
        let mut sheet = Self {
            open: HashMap::with_capacity(submissions.len()),
            sale: Sale::default(),
            sellers: HashMap::new(),
            regretted: Vec::new(),
            cancelling: HashSet::new(),
        };
        for submission in submissions {
            if submission.category == Category::ChangedMind {
                sheet.sellers.insert(&submission.id, submission.seller);
            }
            if submission.category == Category::RepeatSameId {
                sheet.sale.tally.silent += 1;
            } else {
                sheet.open.insert(&submission.id, submission.category);
            }
        }
        sheet
    }

    /// Takes an answer; gives whether it was the first to one of these submissions. Others are of an earlier launch.
    pub(super) fn take(&mut self, event: &Event) -> bool {
        if event.kind != Kind::CommandAnswered.name() {
            return false;
        }
        let Ok(answer) = read_body::<CommandAnswered>(&event.data) else { return false };
        let id = answer.answers.as_deref().unwrap_or_default();
        if self.cancelling.remove(id) {
            self.sale.cancels.add(&answer);
            return false;
        }
        let Some(category) = self.open.remove(id) else { return false };
        if let (Outcome::Accepted, Some(&seller), Some(order)) =
            (answer.outcome, self.sellers.get(id), &answer.order)
        {
            self.regretted.push((seller, order.clone()));
        }
        self.sale.tally.add_answer(&answer);
        let said = match answer.outcome {
            Outcome::Refused => answer.code.clone().unwrap_or_default(),
            Outcome::Accepted | Outcome::Held | Outcome::Done | Outcome::Repeated => {
                answer.outcome.name().to_owned()
            }
        };
        *self.sale.answers.entry(category).or_default().entry(said).or_default() += 1;
        true
    }

    /// The cancellations that are to be sent now.
    pub(super) fn regrets(&mut self, at: Timestamp) -> Vec<Event> {
        let regretted = std::mem::take(&mut self.regretted);
        let events: Vec<Event> =
            regretted.into_iter().filter_map(|(seller, order)| cancel(seller, &order, at)).collect();
        self.sale.cancels.asked += events.len() as u64;
        self.cancelling.extend(events.iter().map(|event| event.id.clone()));
        events
    }

    pub(super) fn is_complete(&self) -> bool {
        self.open.is_empty() && self.regretted.is_empty() && self.cancelling.is_empty()
    }

    pub(super) fn close(self) -> Sale {
        let mut sale = self.sale;
        sale.tally.unanswered = self.open.len() as u64;
        sale
    }
}

impl Cancels {
    fn add(&mut self, answer: &CommandAnswered) {
        match (answer.outcome, answer.code.as_deref()) {
            (Outcome::Done, _) => self.done += 1,
            (Outcome::Refused, Some(code::NOTHING_TO_CANCEL)) => self.too_late += 1,
            (Outcome::Refused | Outcome::Accepted | Outcome::Held | Outcome::Repeated, _) => {
                self.otherwise += 1;
            }
        }
    }
}

/// The customer's own wish, so no user of ours stands in it.
fn cancel(seller: Seller, order: &OrderNumber, at: Timestamp) -> Option<Event> {
    let body = OrderCancel {
        reference: Reference::parse(&format!("cancel.{order}")).ok()?,
        order: order.clone(),
        user: None,
        reason: "the customer has changed their mind".to_owned(),
    };
    let id = derived_id(at.0, &[b"cancel", order.as_str().as_bytes()]).to_string();
    Some(event(seller.name(), id, at, order.as_str(), &body))
}

impl Sale {
    pub(super) fn join(&mut self, other: Self) {
        let Cancels { asked, done, too_late, otherwise } = other.cancels;
        self.cancels.asked += asked;
        self.cancels.done += done;
        self.cancels.too_late += too_late;
        self.cancels.otherwise += otherwise;
        let Tally { accepted, held, repeated, refused, parked, silent, unanswered } = other.tally;
        self.tally.accepted += accepted;
        self.tally.held += held;
        self.tally.repeated += repeated;
        self.tally.silent += silent;
        self.tally.unanswered += unanswered;
        add_all(&mut self.tally.refused, refused);
        add_all(&mut self.tally.parked, parked);
        for (category, answers) in other.answers {
            add_all(self.answers.entry(category).or_default(), answers);
        }
    }
}

fn add_all(sums: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (name, count) in more {
        *sums.entry(name).or_default() += count;
    }
}
