//! Orders as they are written, good ones and each kind of bad one. A bad order has exactly one fault, so that it is
//! known how it is refused.

use anyhow::Context;
use messages::Timestamp;
use messages::id::{Reference, UserId, derived_id};
use messages::item::ItemNumber;
use messages::order::{
    Method, OrderSubmit, SubmittedContact, SubmittedDelivery, SubmittedLine, SubmittedPayment,
};
use messages::product::Product;

use super::category::Category;
use super::people::{Household, Town, written_otherwise};
use super::plan::Plan;
use super::seller::Seller;
use crate::chance::Chance;
use crate::products::Catalogue;

/// The crowd comes within this time.
const RUSH_MS: u64 = 60_000;
/// How early the early ones are at most.
const EARLY_MS: u64 = 30 * 60_000;
/// How soon a sender repeats itself.
const REPEAT_MS: u64 = 15_000;
/// Cents; no table of the real charges is public.
const SHIPPING_STANDARD: i64 = 495;
const SHIPPING_EXPEDITED: i64 = 1_295;
/// Dearer products do not go along with another one.
const COMPANION_PRICE_MAX: i64 = 10_000;
/// Units of one companion in an order at most: two lines of two.
const COMPANION_UNITS_MAX: u32 = 4;
/// The number that every gateway takes for its tests; it is nobody's.
const TEST_CARD_NUMBER: &str = "4111 1111 1111 1111";

const GIFT_MESSAGES: &[&str] = &[
    "Happy birthday! Keep it in its capsule.",
    "For your collection, with love from all of us",
    "Congratulations on your graduation",
    "Merry Christmas, and see you in January",
    "Thank you for everything.\nYours, the neighbours",
];

/// An order before it is sent.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) category: Category,
    pub(super) seller: Seller,
    pub(super) id: String,
    /// Milliseconds after the sale begins at which it is sent.
    pub(super) moment_ms: i64,
    pub(super) order: OrderSubmit,
    household: Household,
}

impl Draft {
    pub(super) fn units_of(&self, item: &ItemNumber) -> u64 {
        self.order
            .lines
            .iter()
            .filter(|line| line.item == item.as_str())
            .map(|line| u64::from(line.quantity))
            .sum()
    }
}

/// Writes orders.
pub(super) struct Writer<'a> {
    plan: &'a Plan,
    product: &'a Product,
    /// What may be bought along.
    companions: Vec<&'a Product>,
    town: Town,
    chance: Chance,
    number: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(plan: &'a Plan, catalogue: &'a Catalogue) -> anyhow::Result<Self> {
        let product = catalogue.product(&plan.item)?;
        let goes_along = |other: &&Product| {
            other.item != product.item
                && other.on_sale_at <= product.on_sale_at
                && other.household_limit.is_none()
                && (1..=COMPANION_PRICE_MAX).contains(&other.price.minor())
                && other.unusual_quantity.is_none_or(|units| units >= COMPANION_UNITS_MAX)
        };
        let companions = catalogue.products.iter().filter(goes_along).collect();
        product.on_sale_at.0.checked_add(time::Duration::hours(1)).context("the sale begins too late")?;
        let town = Town::new(plan.seed);
        Ok(Self { plan, product, companions, town, chance: Chance::new(plan.seed), number: 0 })
    }

    pub(super) fn has_companions(&self) -> bool {
        !self.companions.is_empty()
    }

    /// An order of a category that stands for itself.
    pub(super) fn order(&mut self, category: Category) -> Draft {
        let household = self.town.household();
        // The smaller of two draws: many come at once, and fewer and fewer after them.
        let moment = self.chance.below(RUSH_MS).min(self.chance.below(RUSH_MS));
        let moment_ms = if category == Category::TooEarly {
            -1_000 - signed(self.chance.below(EARLY_MS))
        } else {
            signed(moment)
        };
        let seller = Seller::draw(&mut self.chance);
        let mut draft = self.plain(category, seller, household, moment_ms);
        self.alter(&mut draft);
        draft
    }

    /// An order that follows another one.
    pub(super) fn follow(&mut self, category: Category, first: &Draft) -> Draft {
        let moment_ms = first.moment_ms + 500 + signed(self.chance.below(REPEAT_MS));
        if category == Category::Household {
            let seller = Seller::draw(&mut self.chance);
            let mut draft = self.plain(category, seller, first.household.clone(), moment_ms);
            for delivery in &mut draft.order.deliveries {
                delivery.address = written_otherwise(&delivery.address);
            }
            return draft;
        }
        let mut draft = Draft { category, moment_ms, ..first.clone() };
        if category != Category::RepeatSameId {
            draft.id = self.next_id();
        }
        if category == Category::OtherContent {
            draft.order.deliveries[0].phone = Some("+12025550100".to_owned());
        }
        draft
    }

    /// One unit of the launched product for the household itself.
    fn plain(&mut self, category: Category, seller: Seller, household: Household, moment_ms: i64) -> Draft {
        let id = self.next_id();
        let number = self.number;
        let run = self.plan.seed & 0xFFFF_FFFF;
        let method = if self.chance.permille(100) { Method::Expedited } else { Method::Standard };
        let received = self.product.on_sale_at.0 + time::Duration::milliseconds(moment_ms);
        let mut order = OrderSubmit {
            // Dots part the numbers, for spaces and dashes could make a card number of them.
            reference: reference(&format!("{}.{run:x}.{number:06}", seller.prefix())),
            channel: seller.channel(),
            received_at: Timestamp(received),
            agent: seller.agent(&mut self.chance).and_then(|agent| UserId::parse(&agent).ok()),
            customer: household.account.clone(),
            contact: SubmittedContact { name: household.name.clone(), email: Some(household.email.clone()) },
            billing: household.address.clone(),
            payment: SubmittedPayment {
                token: format!("tok_ok_{run:x}x{number}"),
                brand: household.card.brand,
                last_four: household.card.last_four.clone(),
                expiry: household.card.expiry.clone(),
                fingerprint: household.card.fingerprint.clone(),
            },
            deliveries: vec![SubmittedDelivery {
                recipient: household.name.clone(),
                address: household.address.clone(),
                phone: Some(household.phone.clone()),
                gift: false,
                gift_message: None,
                method,
            }],
            lines: vec![line(self.product, 1, 1)],
            shipping: match method {
                Method::Standard => SHIPPING_STANDARD,
                Method::Expedited => SHIPPING_EXPEDITED,
            },
            total: 0,
            currency: self.product.currency.as_str().to_owned(),
        };
        order.total = sum(&order);
        Draft { category, seller, id, moment_ms, order, household }
    }

    /// Makes of a plain order what its category says.
    fn alter(&mut self, draft: &mut Draft) {
        let unique = format!("{:x}x{}", self.plan.seed & 0xFFFF_FFFF, self.number);
        let order = &mut draft.order;
        match draft.category {
            Category::Normal
            | Category::ChangedMind
            | Category::Household
            | Category::TooEarly
            | Category::OtherContent
            | Category::RepeatNewId
            | Category::RepeatSameId
            | Category::NotJson
            | Category::MissingField
            | Category::UnknownType
            | Category::ContentType => {}
            Category::SeveralProducts => {
                for _ in 0..=self.chance.below(2) {
                    let other = *self.chance.pick(&self.companions);
                    order.lines.push(line(other, 1 + u32::from(self.chance.permille(300)), 1));
                }
            }
            Category::Gift => {
                let friend = self.town.household();
                order.deliveries.push(SubmittedDelivery {
                    recipient: friend.name,
                    address: friend.address,
                    phone: None,
                    gift: true,
                    gift_message: Some((*self.chance.pick(GIFT_MESSAGES)).to_owned()),
                    method: Method::Standard,
                });
                let present = *self.chance.pick(&self.companions);
                order.lines.push(line(present, 1, 2));
            }
            Category::NoEmail => order.contact.email = None,
            Category::DeclineNever => order.payment.token = format!("tok_decline_never_{unique}"),
            Category::DeclineLater => order.payment.token = format!("tok_decline_later_1_{unique}"),
            Category::DeclineData => order.payment.token = format!("tok_decline_data_{unique}"),
            Category::Unusual => {
                let usual = self.product.unusual_quantity.unwrap_or(100);
                order.lines[0].quantity = usual + 1 + u32::from(self.chance.permille(500)) * 20;
            }
            Category::WrongPrice => order.lines[0].unit_price -= 100,
            Category::UnknownItem => order.lines[0].item = "19ZZ".to_owned(),
            Category::BadAddress => order.deliveries[0].address.postal_code = "0000".to_owned(),
            Category::CardNumber => write_card_number(order, &mut self.chance),
            // Below, where the others' totals are made right.
            Category::WrongTotal => {}
        }
        order.total = sum(order);
        if draft.category == Category::WrongTotal {
            order.total += 100;
        }
    }

    fn next_id(&mut self) -> String {
        self.number += 1;
        derived_id(self.plan.at.0, &[b"order", &self.plan.seed.to_be_bytes(), &self.number.to_be_bytes()])
            .to_string()
    }
}

/// Where people write it who should not.
fn write_card_number(order: &mut OrderSubmit, chance: &mut Chance) {
    match chance.below(4) {
        0 => order.deliveries[0].gift_message = Some(format!("card {TEST_CARD_NUMBER}")),
        1 => order.contact.name = format!("{} {TEST_CARD_NUMBER}", order.contact.name),
        2 => order.deliveries[0].address.line2 = Some(format!("Visa {TEST_CARD_NUMBER}")),
        _ => order.payment.token = format!("tok_{}", TEST_CARD_NUMBER.replace(' ', "")),
    }
}

fn line(product: &Product, quantity: u32, delivery: u16) -> SubmittedLine {
    SubmittedLine {
        item: product.item.as_str().to_owned(),
        quantity,
        unit_price: product.price.minor(),
        delivery,
    }
}

fn sum(order: &OrderSubmit) -> i64 {
    order.lines.iter().map(|line| line.unit_price * i64::from(line.quantity)).sum::<i64>() + order.shipping
}

fn reference(text: &str) -> Reference {
    Reference::parse(text).expect("a prefix and numbers, parted by dots")
}

/// Draws are bounded far below 2^63.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
