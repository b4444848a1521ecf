//! Launches without a broker: the same plan is the same launch, and every submission is what its category says.

use std::collections::{BTreeMap, HashSet};

use messages::address::PostalAddress;
use messages::answer::{CommandAnswered, Outcome};
use messages::card::{CardExpiry, LastFour, PaymentToken, find_card_number};
use messages::envelope::{OUTSIDE_BYTES_MAX, read_body};
use messages::id::OrderNumber;
use messages::item::ItemNumber;
use messages::order::OrderSubmit;
use messages::{Body, Timestamp};

use super::*;
use crate::line::event;
use crate::products::Catalogue;

#[test]
fn the_same_plan_is_the_same_launch() {
    assert_eq!(written(&launch(500, 7)), written(&launch(500, 7)));
    let (one, other) = (launch(500, 7), launch(500, 8));
    let references =
        |launch: &Launch| orders(launch).map(|(_, order)| order.reference).collect::<HashSet<_>>();
    assert!(references(&one).is_disjoint(&references(&other)), "another seed is another crowd");
}

#[test]
fn the_expected_counts_are_those_of_the_categories() {
    let launch = launch(1000, 1);
    assert_eq!(launch.expected.submitted(), 1000);
    assert_eq!(launch.submissions.len(), 1000);
    let of = |category| {
        launch.submissions.iter().filter(|submission| submission.category == category).count() as u64
    };
    assert_eq!(launch.expected.silent, of(Category::RepeatSameId));
    assert_eq!(launch.expected.repeated, of(Category::RepeatNewId));
    assert_eq!(launch.expected.held, of(Category::Unusual));
    assert_eq!(launch.expected.refused[code::TOO_EARLY], of(Category::TooEarly));
    assert_eq!(
        launch.expected.parked,
        BTreeMap::from([
            (
                code::UNREADABLE.to_owned(),
                of(Category::NotJson) + of(Category::MissingField) + of(Category::ContentType)
            ),
            (code::UNKNOWN_TYPE.to_owned(), of(Category::UnknownType)),
        ])
    );
    assert_eq!(launch.answers(), 1000 - launch.expected.silent);
    assert_eq!(launch.cap, 30_000);
    let accepted =
        launch.submissions.iter().filter(|submission| submission.category.ending() == Ending::Accepted);
    assert_eq!(launch.demand, accepted.count() as u64, "each wants one unit");
}

#[test]
fn every_order_that_is_taken_is_valid_and_adds_up() {
    let launch = launch(2000, 3);
    let catalogue = catalogue();
    for (category, order) in orders(&launch) {
        let fits =
            matches!(category.ending(), Ending::Accepted | Ending::Held | Ending::Repeated | Ending::Silent);
        if !fits {
            continue;
        }
        check_parts(&order);
        let lines: i64 = order.lines.iter().map(|line| line.unit_price * i64::from(line.quantity)).sum();
        assert_eq!(lines + order.shipping, order.total, "{}", category.name());
        for line in &order.lines {
            let product = catalogue.product(&ItemNumber::parse(&line.item).unwrap()).unwrap();
            assert_eq!(
                (product.price.minor(), product.currency.as_str()),
                (line.unit_price, &*order.currency)
            );
            assert!(product.on_sale_at <= order.received_at);
            assert!((1..=order.deliveries.len()).contains(&usize::from(line.delivery)));
            let is_unusual = product.unusual_quantity.is_some_and(|most| line.quantity > most);
            assert_eq!(is_unusual, category == Category::Unusual, "{}", category.name());
        }
    }
}

#[test]
fn every_category_is_what_it_says() {
    let launch = launch(3000, 11);
    for (category, order) in orders(&launch) {
        let catalogue = catalogue();
        let launched = catalogue.product(&item()).unwrap();
        match category {
            Category::SeveralProducts => assert!((2..=3).contains(&order.lines.len())),
            Category::Gift => {
                assert!(
                    order.deliveries.len() == 2 && order.deliveries[1].gift && order.lines[1].delivery == 2
                );
                assert!(order.deliveries[1].gift_message.is_some() && !order.deliveries[0].gift);
            }
            Category::NoEmail => assert!(order.contact.email.is_none()),
            Category::DeclineNever => assert!(order.payment.token.starts_with("tok_decline_never_")),
            Category::DeclineLater => assert!(order.payment.token.starts_with("tok_decline_later_1_")),
            Category::DeclineData => assert!(order.payment.token.starts_with("tok_decline_data_")),
            Category::TooEarly => assert!(order.received_at < launched.on_sale_at),
            Category::WrongPrice => assert_ne!(order.lines[0].unit_price, launched.price.minor()),
            Category::UnknownItem => {
                assert!(catalogue.product(&ItemNumber::parse(&order.lines[0].item).unwrap()).is_err());
            }
            Category::WrongTotal => assert_eq!(order.total, order.lines[0].unit_price + order.shipping + 100),
            Category::BadAddress => assert!(address(&order.deliveries[0].address).is_err()),
            Category::CardNumber => assert!(has_card_number(&order)),
            Category::Normal
            | Category::ChangedMind
            | Category::Household
            | Category::Unusual
            | Category::OtherContent
            | Category::RepeatNewId
            | Category::RepeatSameId
            | Category::NotJson
            | Category::MissingField
            | Category::UnknownType
            | Category::ContentType => {}
        }
        assert_eq!(has_card_number(&order), category == Category::CardNumber, "{}", category.name());
    }
    for submission in &launch.submissions {
        let reads = submission.event().map(|event| read_body::<OrderSubmit>(&event.data).is_ok());
        match submission.category {
            Category::NotJson | Category::ContentType => assert_eq!(reads, None),
            Category::MissingField => assert_eq!(reads, Some(false)),
            Category::UnknownType => {
                assert!(submission.event().is_some_and(|event| Kind::parse(&event.kind).is_none()))
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
            | Category::RepeatSameId => assert_eq!(reads, Some(true)),
        }
    }
}

#[test]
fn repeats_follow_what_they_repeat() {
    let launch = launch(1000, 5);
    let mut firsts: BTreeMap<String, (usize, &Submission, OrderSubmit)> = BTreeMap::new();
    let mut households = HashSet::new();
    for (at, submission) in launch.submissions.iter().enumerate() {
        let Some(order) = submission.event().and_then(|event| read_body::<OrderSubmit>(&event.data).ok())
        else {
            continue;
        };
        let household = (
            order.payment.fingerprint.clone(),
            address(&order.deliveries[0].address).map(|a| a.normalized()).ok(),
        );
        if submission.category == Category::Household {
            assert!(households.contains(&household), "somebody of the household has ordered before");
        }
        households.insert(household);
        if !submission.category.follows_another() || submission.category == Category::Household {
            assert!(
                firsts.insert(order.reference.to_string(), (at, submission, order)).is_none(),
                "a reference is used once"
            );
            continue;
        }
        let (_, first, original) = &firsts[order.reference.as_str()];
        assert_eq!(submission.seller, first.seller);
        let is_same = serde_json::to_value(&order).unwrap() == serde_json::to_value(original).unwrap();
        assert_eq!(is_same, submission.category != Category::OtherContent);
        assert_eq!(submission.id == first.id, submission.category == Category::RepeatSameId);
    }
    let ids: HashSet<&str> = launch.submissions.iter().map(|submission| &*submission.id).collect();
    assert_eq!(ids.len() as u64, launch.answers());
}

#[test]
fn each_submission_is_sent_once_and_the_mail_room_sends_its_orders_together() {
    let launch = launch(1000, 5);
    for seller in Seller::ALL {
        let own: Vec<&Submission> =
            launch.submissions.iter().filter(|submission| submission.seller == seller).collect();
        assert!(own.len() > 20, "{}", seller.name());
        let letters = letters(&own);
        assert_eq!(letters.len() == own.len(), !seller.collects());
        assert!(letters.len() <= own.len());
    }
    for submission in &launch.submissions {
        let Some(event) = submission.event() else { continue };
        assert!(event.data.get().len() < OUTSIDE_BYTES_MAX / 8);
    }
}

#[test]
fn a_plain_launch_has_good_orders_only() {
    let plan = Plan { mix: Mix::Plain, ..plan(64, 1) };
    let launch = Launch::prepare(&plan, &Catalogue::built_in().unwrap()).unwrap();
    assert_eq!((launch.expected.accepted, launch.expected.submitted(), launch.demand), (64, 64, 64));
}

#[test]
fn a_launch_that_cannot_be_says_why() {
    let catalogue = Catalogue::built_in().unwrap();
    let unknown = Plan { item: ItemNumber::parse("99ZZ").unwrap(), ..plan(500, 1) };
    assert!(Launch::prepare(&unknown, &catalogue).unwrap_err().to_string().contains("no item 99ZZ"));
    assert!(Launch::prepare(&plan(10, 1), &catalogue).unwrap_err().to_string().contains("at least 100"));
    let alone = Catalogue { products: vec![catalogue.product(&item()).unwrap().clone()], ..catalogue };
    assert!(
        Launch::prepare(&plan(500, 1), &alone).unwrap_err().to_string().contains("nothing that is on sale")
    );
}

#[test]
fn a_launch_that_is_answered_as_it_should_be_tallies_as_expected() {
    let launch = launch(1000, 5);
    let own: Vec<&Submission> = launch.submissions.iter().collect();
    let mut sheet = Sheet::new(&own);
    assert!(!sheet.take(&answer("of-another-launch", Outcome::Accepted, None)));
    for submission in &launch.submissions {
        let (outcome, code) = match submission.category.ending() {
            Ending::Accepted => (Outcome::Accepted, None),
            Ending::Held => (Outcome::Held, None),
            Ending::Repeated => (Outcome::Repeated, None),
            Ending::Refused(code) | Ending::Parked(code) => (Outcome::Refused, Some(code)),
            Ending::Silent => continue,
        };
        assert!(!sheet.is_complete());
        let answer = answer(&submission.id, outcome, code);
        assert!(sheet.take(&answer));
        assert!(!sheet.take(&answer), "an answer that comes twice counts once");
    }
    let regrets = sheet.regrets(at());
    let changed = |submission: &&Submission| submission.category == Category::ChangedMind;
    assert_eq!(regrets.len(), launch.submissions.iter().filter(changed).count());
    assert!(sheet.regrets(at()).is_empty() && !sheet.is_complete(), "each is sent once and has its answer");
    for (number, cancel) in regrets.iter().enumerate() {
        let (outcome, code) = if number == 0 {
            (Outcome::Refused, Some(code::NOTHING_TO_CANCEL))
        } else {
            (Outcome::Done, None)
        };
        sheet.take(&answer(&cancel.id, outcome, code));
    }
    assert!(sheet.is_complete());
    let sale = sheet.close();
    assert_eq!(sale.tally, launch.expected);
    let asked = regrets.len() as u64;
    assert_eq!(sale.cancels, Cancels { asked, done: asked - 1, too_late: 1, otherwise: 0 });
    let silent = Sheet::new(&own).close();
    assert_eq!((silent.tally.unanswered, silent.tally.submitted()), (launch.answers(), 1000));
}

/// Every order has a number of its own.
fn answer(id: &str, outcome: Outcome, code: Option<&str>) -> Event {
    let number = id.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let body = CommandAnswered {
        answers: Some(id.to_owned()),
        outcome,
        code: code.map(str::to_owned),
        order: Some(OrderNumber::from_bits(number)),
        ..CommandAnswered::sample()
    };
    event("intake", format!("answer-{id}"), at(), "answer", &body)
}

fn check_parts(order: &OrderSubmit) {
    address(&order.billing).unwrap();
    for delivery in &order.deliveries {
        address(&delivery.address).unwrap();
    }
    PaymentToken::parse(&order.payment.token).unwrap();
    LastFour::parse(&order.payment.last_four).unwrap();
    CardExpiry::parse(&order.payment.expiry).unwrap();
}

fn has_card_number(order: &OrderSubmit) -> bool {
    let json = serde_json::to_value(order).unwrap();
    texts(&json).iter().any(|text| find_card_number(text).is_some())
}

fn texts(json: &serde_json::Value) -> Vec<&str> {
    match json {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(parts) => parts.iter().flat_map(texts).collect(),
        serde_json::Value::Object(parts) => parts.values().flat_map(texts).collect(),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => Vec::new(),
    }
}

fn address(address: &messages::order::SubmittedAddress) -> Result<PostalAddress, serde_json::Error> {
    serde_json::from_value(serde_json::to_value(address).unwrap())
}

fn orders(launch: &Launch) -> impl Iterator<Item = (Category, OrderSubmit)> {
    launch
        .submissions
        .iter()
        .filter_map(|submission| Some((submission.category, read_body(&submission.event()?.data).ok()?)))
}

fn written(launch: &Launch) -> Vec<Letter> {
    launch.submissions.iter().map(Submission::letter).collect()
}

fn launch(orders: usize, seed: u64) -> Launch {
    Launch::prepare(&plan(orders, seed), &catalogue()).unwrap()
}

fn plan(orders: usize, seed: u64) -> Plan {
    Plan { orders, item: item(), seed, at: at(), mix: Mix::Launch }
}

fn catalogue() -> Catalogue {
    Catalogue::built_in().unwrap()
}

fn item() -> ItemNumber {
    ItemNumber::parse("19XE").unwrap()
}

fn at() -> Timestamp {
    Timestamp::parse("2026-11-24T08:00:00Z").unwrap()
}
