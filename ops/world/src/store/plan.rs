//! A launch before it happens: the same plan gives the same submissions, and each is known to end in one way. The
//! shape is that of 14 November 2019: one product, a household limit, most orders in the first moments.

use anyhow::{anyhow, ensure};
use messages::envelope::{SINGLE, encode};
use messages::item::ItemNumber;
use messages::{Event, Kind, Timestamp};
use serde_json::value::{RawValue, to_raw_value};

use super::category::{Category, Ending};
use super::draft::{Draft, Writer};
use super::seller::Seller;
use super::tally::Tally;
use crate::line::Letter;
use crate::products::Catalogue;

/// What is to be launched.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Submissions in all, repeats and nonsense included.
    pub orders: usize,
    /// The product that is launched.
    pub item: ItemNumber,
    /// Another seed is another crowd with other references; the same one repeats every order.
    pub seed: u64,
    /// The `time` of the events: when the crowd writes.
    pub at: Timestamp,
    pub mix: Mix,
}

/// What is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Every [`Category`], in the proportions of a launch.
    Launch,
    /// Good orders only, each of one unit and of another household.
    Plain,
}

/// A plan, written out.
#[derive(Debug, Clone)]
pub struct Launch {
    /// In the order in which they are sent.
    pub submissions: Vec<Submission>,
    /// How they must end.
    pub expected: Tally,
    /// Units of the launched product in the orders that will be accepted.
    pub demand: u64,
    /// Units that there are.
    pub cap: u64,
}

/// One submission.
#[derive(Debug, Clone)]
pub struct Submission {
    pub category: Category,
    pub seller: Seller,
    /// The id that its answer names.
    pub id: String,
    said: Said,
}

#[derive(Debug, Clone)]
enum Said {
    Event(Box<Event>),
    /// Not to be read as an event.
    Noise {
        content_type: &'static str,
        bytes: Vec<u8>,
    },
}

impl Launch {
    /// Writes a plan out.
    ///
    /// # Errors
    /// The catalogue does not have the product, has nothing to go with it, or there are too few submissions to have
    /// one of every kind.
    pub fn prepare(plan: &Plan, catalogue: &Catalogue) -> anyhow::Result<Self> {
        let counts = match plan.mix {
            Mix::Launch => Category::counts(plan.orders).map_err(|why| anyhow!(why))?,
            Mix::Plain => vec![(Category::Normal, plan.orders)],
        };
        let mut writer = Writer::new(plan, catalogue)?;
        ensure!(
            plan.mix == Mix::Plain || writer.has_companions(),
            "the catalogue has nothing that is on sale before {} and may go with it",
            plan.item
        );
        let mut drafts: Vec<Draft> = Vec::with_capacity(plan.orders);
        for &(category, count) in counts.iter().filter(|(category, _)| !category.follows_another()) {
            drafts.extend((0..count).map(|_| writer.order(category)));
        }
        // The normal orders come first in the list, and each is followed at most once.
        let mut followed = 0;
        for &(category, count) in counts.iter().filter(|(category, _)| category.follows_another()) {
            for _ in 0..count {
                drafts.push(writer.follow(category, &drafts[followed]));
                followed += 1;
            }
        }
        drafts.sort_by_key(|draft| draft.moment_ms);
        let expected = Tally::expected(drafts.iter().map(|draft| draft.category));
        let demand = drafts
            .iter()
            .filter(|draft| draft.category.ending() == Ending::Accepted)
            .map(|draft| draft.units_of(&plan.item))
            .sum();
        let submissions = drafts.into_iter().map(|draft| Submission::of(draft, plan.at)).collect();
        Ok(Self { submissions, expected, demand, cap: catalogue.units(&plan.item)? })
    }

    /// Answers that must come: an event that is sent twice is answered once.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.expected.submitted() - self.expected.silent
    }
}

impl Submission {
    fn of(draft: Draft, at: Timestamp) -> Self {
        let Draft { category, seller, id, order, .. } = draft;
        let mut event = crate::line::event(seller.name(), id.clone(), at, order.reference.as_str(), &order);
        let said = match category {
            Category::NotJson => {
                let (_, mut bytes) = encode(std::slice::from_ref(&event));
                bytes.truncate(bytes.len() * 3 / 4);
                Said::Noise { content_type: SINGLE, bytes }
            }
            Category::ContentType => {
                let (_, bytes) = encode(std::slice::from_ref(&event));
                Said::Noise { content_type: "application/json", bytes }
            }
            Category::UnknownType => {
                event.kind = "order.sumbit.v1".to_owned();
                Said::Event(Box::new(event))
            }
            Category::MissingField => {
                event.data = without_lines(&event.data);
                Said::Event(Box::new(event))
            }
            Category::Normal
            | Category::ChangedMind
            | Category::SeveralProducts
            | Category::Gift
            | Category::NoEmail
            | Category::Household
            | Category::DeclineNever
            | Category::DeclineLater
            | Category::DeclineData
            | Category::Unusual
            | Category::TooEarly
            | Category::WrongPrice
            | Category::UnknownItem
            | Category::WrongTotal
            | Category::BadAddress
            | Category::CardNumber
            | Category::OtherContent
            | Category::RepeatNewId
            | Category::RepeatSameId => Said::Event(Box::new(event)),
        };
        Self { category, seller, id, said }
    }

    /// The event, if it is one.
    #[must_use]
    pub fn event(&self) -> Option<&Event> {
        match &self.said {
            Said::Event(event) => Some(event),
            Said::Noise { .. } => None,
        }
    }

    /// The AMQP message that it is alone. The routing key is right even where the type is not: the broker lets no
    /// store write under another one.
    #[must_use]
    pub fn letter(&self) -> Letter {
        let key = Kind::OrderSubmit.name();
        match &self.said {
            Said::Event(event) => Letter::under(key, std::slice::from_ref(event)),
            Said::Noise { content_type, bytes } => Letter::raw(key, content_type, &self.id, bytes.clone()),
        }
    }
}

fn without_lines(data: &RawValue) -> Box<RawValue> {
    let mut order: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(data.get()).unwrap_or_default();
    order.remove("lines");
    to_raw_value(&order).unwrap_or_else(|_| data.to_owned())
}
