//! The words: a pure table from what happened to what the customer reads. They must never promise what the rooms do
//! not do, never say "confirmed" before units are reserved, and never name a place in line.

use messages::Timestamp;
use messages::case::CaseClass;
use messages::id::{OrderNumber, Reference, ReleaseId};
use messages::money::{Amount, Currency};
use messages::notice::NoticeKind;
use messages::payment::DeclineClass;
use messages::stock::Unavailable;
use messages::tracking_number::Carrier;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::facts::{Facts, Item, MissingItem, Parcel, Placed, PricedItem};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[month repr:long] [day padding:none], [year]");
const DATE_AND_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[month repr:long] [day padding:none], [year] at [hour]:[minute] UTC");

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub subject: String,
    pub paragraphs: Vec<String>,
    pub table: Option<Table>,
    /// Names and values at the end: order number, tracking number.
    pub details: Vec<(&'static str, String)>,
}

/// Units, with a third column where `remark` names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub caption: &'static str,
    pub remark: Option<&'static str>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub item: String,
    pub quantity: u32,
    pub remark: Option<String>,
}

/// The words of one notice; `has_code` says whether the page shows an answer code.
#[must_use]
pub fn words(order: &OrderNumber, reference: Option<&Reference>, facts: &Facts, has_code: bool) -> Words {
    let mut details = vec![("Order number", order.to_string())];
    details.extend(reference.map(|reference| ("Reference", reference.to_string())));
    details.extend(details_of(facts));
    Words {
        subject: format!("Order {order}: {}", headline(facts)),
        paragraphs: paragraphs(facts, has_code),
        table: table(facts),
        details,
    }
}

const fn headline(facts: &Facts) -> &'static str {
    match facts {
        Facts::Received(_) => "received, not yet confirmed",
        Facts::Held(_) => "received, a person looks at it first",
        Facts::Refused { .. } => "we cannot take it",
        Facts::Confirmed(_) => "confirmed",
        Facts::Limited(_) => "over the household limit",
        Facts::Unavailable(_) => "items that we cannot supply",
        Facts::Backordered { .. } => "items on back order",
        Facts::Waitlisted(_) => "items on the waiting list",
        Facts::PaymentDelayed { .. } => "payment delayed",
        Facts::PaymentDeclined { .. } => "payment declined",
        Facts::Shipped(_) => "a parcel is on its way",
        Facts::Delivered { .. } => "a parcel was delivered",
        Facts::Undeliverable { .. } => "a parcel could not be delivered",
        Facts::Returned { .. } => "a parcel came back to us",
        Facts::Cancelled { .. } => "cancelled",
        Facts::Asked { contact: 0 | 1, .. } => "we need your answer about a parcel",
        Facts::Asked { .. } => "we still need your answer about a parcel",
        Facts::Reshipped { .. } => "a parcel is sent again",
        Facts::Refunded { .. } => "money goes back to you",
    }
}

fn paragraphs(facts: &Facts, has_code: bool) -> Vec<String> {
    match facts {
        Facts::Received(_) => lines(&[
            "We have received your order. It is not yet confirmed.",
            "What happens next: orders get units in the order in which we received them. We write to you again as soon as we know which units are yours. Your card is charged only when a parcel is on its way.",
        ]),
        Facts::Held(_) => lines(&[
            "We have received your order. A person looks at it before it can go on. It is not yet confirmed.",
            "What happens next: your order keeps its time of receipt while it is looked at. We write to you again when we know which units are yours, or if we cannot take the order. Nothing is charged meanwhile.",
        ]),
        Facts::Refused { code } => refused(code),
        Facts::Confirmed(_) => lines(&[
            "Your order is confirmed for the items below: these units are set aside for you.",
            "What happens next: we write to you when a parcel is on its way, and only then is your card charged. Should the payment be declined, the units are no longer set aside for you. If you ordered anything that is not listed here, we write to you about it separately.",
        ]),
        Facts::Limited(_) => lines(&[
            "We cannot supply the units below: together with what your household has already ordered, they would be more than one household may have.",
            "What happens next: you are not charged for these units. The rest of your order, if there is any, is not affected.",
        ]),
        Facts::Unavailable(_) => lines(&[
            "We have no units for the items below.",
            "What happens next: you are not charged for them, and your order does not wait for them. The rest of your order, if there is any, is not affected.",
        ]),
        Facts::Backordered { expected_at, .. } => backordered(*expected_at),
        Facts::Waitlisted(_) => lines(&[
            "All units of the items below are promised to orders that we received before yours. Your order is on the waiting list; these items are not yet confirmed.",
            "What happens next: units that come back go to the waiting list in the order of receipt. We cannot say whether any will. We write to you again if units are set aside for you. You are not charged while you wait.",
        ]),
        Facts::PaymentDelayed { .. } => lines(&[
            "The payment for a part of your order has not gone through yet.",
            "What happens next: we try again by ourselves, and the units stay set aside for you meanwhile. You need not do anything, but please make sure that your card can be charged.",
        ]),
        Facts::PaymentDeclined { class, .. } => declined(*class),
        Facts::Shipped(parcel) if parcel.again => lines(&[
            "The parcel that we send you again is on its way, with the items below. Nothing is charged for it.",
            "What happens next: the carrier delivers it. With the tracking number, which is a new one, you can ask the carrier where it is.",
        ]),
        Facts::Shipped(_) => lines(&[
            "A parcel with the items below is on its way. Your card is charged for it now.",
            "What happens next: the carrier delivers it. With the tracking number you can ask the carrier where it is.",
        ]),
        Facts::Delivered { at, .. } => vec![
            format!("The carrier reports that the parcel was delivered on {}.", text(*at, DATE_AND_TIME)),
            "If it has not reached its recipient, please ask the carrier first, with the tracking number below."
                .to_owned(),
        ],
        Facts::Undeliverable { .. } => lines(&[
            "The carrier reports that it could not deliver the parcel below.",
            "What happens next: the carrier may try again, or send the parcel back to us. We write to you again when it is delivered or when it comes back.",
        ]),
        Facts::Returned { .. } => lines(&[
            "The carrier could not deliver the parcel below, and it came back to us.",
            "What happens next: we look into why. We write to you if we need an answer from you, when the parcel is sent again, or when your money goes back to you.",
        ]),
        Facts::Cancelled { handed_over } => cancelled(*handed_over),
        Facts::Asked { class, answer_by, .. } => asked(facts.kind(), *class, *answer_by, has_code),
        Facts::Reshipped { .. } => lines(&[
            "The parcel below did not arrive. We send its items again, under the same order.",
            "What happens next: we write to you with a new tracking number when the new parcel is on its way. Nothing is charged for it. Should an item be gone by now, we give your money for it back and write to you about that.",
        ]),
        Facts::Refunded { amount, currency, .. } => vec![
            format!(
                "We have given {} back to the card that you paid with, for a part of your order that did not arrive.",
                money(*amount, *currency)
            ),
            "What happens next: it may take your card issuer some days to show it. You need not do anything."
                .to_owned(),
        ],
    }
}

fn cancelled(handed_over: usize) -> Vec<String> {
    let what = match handed_over {
        0 => "Your order is cancelled. No units are set aside for you any more, and nothing is charged."
            .to_owned(),
        1 => cancelled_but(
            "One part of it was already with the warehouse: that part is not cancelled. What is in its parcel is charged, and we have written or will write to you about it.",
        ),
        parts => cancelled_but(&format!(
            "{parts} parts of it were already with the warehouse: these are not cancelled. What is in their parcels is charged, and we have written or will write to you about them."
        )),
    };
    vec![
        what,
        "If an amount is held on your card for what is cancelled, we let it go; it may take your card issuer some days to show that.".to_owned(),
    ]
}

fn cancelled_but(goes_on: &str) -> String {
    format!(
        "Your order is cancelled, as far as that was still possible. {goes_on} For the rest no units are set aside for you any more, and nothing is charged."
    )
}

fn asked(kind: NoticeKind, class: CaseClass, answer_by: Timestamp, has_code: bool) -> Vec<String> {
    let mut said = Vec::new();
    if kind == NoticeKind::Reminder {
        said.push("We have asked you about the parcel below, and have no answer yet.".to_owned());
    }
    said.push(why_not(class).to_owned());
    said.push(choice(class).to_owned());
    said.push(if has_code {
        "Please answer on the page below, or tell customer service the case and the answer code. The code works once."
            .to_owned()
    } else {
        "Please answer customer service, and have the order number at hand.".to_owned()
    });
    said.push(format!(
        "What happens next: if we have no answer by {}, your money goes back to the card that you paid with.",
        text(answer_by, DATE_AND_TIME)
    ));
    said
}

/// What undelivered does with each answer.
const fn choice(class: CaseClass) -> &'static str {
    match class {
        CaseClass::AddressFault => {
            "Please choose: we send the items again at no charge, to the corrected address that you give us, once they are back with us; or we give you your money back."
        }
        CaseClass::Lost => {
            "Please choose: we send the items again at no charge, as long as there are any, to the same address or to another one that you give us; or we give you your money back."
        }
        CaseClass::PersonMoved
        | CaseClass::RefusedOrUnclaimed
        | CaseClass::Suspicious
        | CaseClass::Deceased
        | CaseClass::Damaged => {
            "Please choose: we send the items again at no charge, to the same address or to another one that you give us, once they are back with us; or we give you your money back."
        }
    }
}

/// Nothing here says or guesses more of a recipient than the carrier does.
const fn why_not(class: CaseClass) -> &'static str {
    match class {
        CaseClass::AddressFault => {
            "The carrier could not deliver the parcel below: it reports that the address is incomplete or not right."
        }
        CaseClass::PersonMoved => {
            "The carrier could not deliver the parcel below: it reports that the recipient is not known or not to be found at the address."
        }
        CaseClass::RefusedOrUnclaimed => {
            "The carrier could not deliver the parcel below: it reports that the parcel was refused or not picked up."
        }
        CaseClass::Damaged => "The carrier reports that the parcel below was damaged on its way.",
        CaseClass::Lost => {
            "The carrier has not reported anything about the parcel below for days. We have to assume that it is lost."
        }
        CaseClass::Suspicious | CaseClass::Deceased => "The carrier could not deliver the parcel below.",
    }
}

fn refused(code: &str) -> Vec<String> {
    // The text of a refusal is for the store; only reasons with words of their own are told.
    let why = match code {
        "too_early" => {
            "We cannot take your order: it reached us before its items were on sale, and such orders are not valid."
        }
        _ => "We have looked at your order, and we cannot take it.",
    };
    lines(&[
        why,
        "Nothing was charged, and no units are set aside for you. If you have questions, please have the order number at hand.",
    ])
}

fn backordered(expected_at: Option<Timestamp>) -> Vec<String> {
    let expected = expected_at.map(|at| {
        format!("We expect the stock around {}. This is an estimate, not a promise.", text(at, DATE))
    });
    let mut said = lines(&[
        "The items below are not in stock now, but more are to come. Your order keeps its time of receipt; these items are not yet confirmed.",
    ]);
    said.extend(expected);
    said.push("What happens next: we write to you again when units are set aside for you. You are not charged while you wait.".to_owned());
    said
}

fn declined(class: DeclineClass) -> Vec<String> {
    let why = match class {
        DeclineClass::Never => "Your card issuer declined the payment for a part of your order.",
        DeclineClass::Later => {
            "Your card issuer declined the payment for a part of your order each time that we tried."
        }
        DeclineClass::FixData => {
            "The payment for a part of your order was declined because the card's details are not right or not valid any more."
        }
    };
    lines(&[
        why,
        "This is final for that part: it is not charged, and its units are no longer set aside for you. Other parts of your order, if there are any, are not affected. If you still want the items, please order again.",
    ])
}

fn table(facts: &Facts) -> Option<Table> {
    let parcel = |parcel: &Parcel| plain("In the parcel", &parcel.items);
    match facts {
        Facts::Received(placed) | Facts::Held(placed) => Some(priced("Your order", placed)),
        Facts::Refused { .. } => None,
        Facts::Confirmed(items) => Some(plain("Set aside for you", items)),
        Facts::Limited(items) => Some(plain("Over the limit", items)),
        Facts::Unavailable(items) => Some(missing("Not available", items)),
        Facts::Backordered { items, .. } => Some(plain("On back order", items)),
        Facts::Waitlisted(items) => Some(plain("On the waiting list", items)),
        Facts::PaymentDelayed { order, .. } | Facts::PaymentDeclined { order, .. } => {
            order.as_ref().map(|placed| priced("Your whole order, as you placed it", placed))
        }
        Facts::Shipped(shipped) => Some(parcel(shipped)),
        Facts::Delivered { parcel: shipped, .. }
        | Facts::Undeliverable { parcel: shipped }
        | Facts::Returned { parcel: shipped }
        | Facts::Asked { parcel: shipped, .. }
        | Facts::Reshipped { parcel: shipped } => shipped.as_ref().map(parcel),
        Facts::Cancelled { .. } | Facts::Refunded { .. } => None,
    }
}

fn details_of(facts: &Facts) -> Vec<(&'static str, String)> {
    match facts {
        Facts::Received(placed) | Facts::Held(placed) => vec![total(placed)],
        Facts::PaymentDelayed { release, order } | Facts::PaymentDeclined { release, order, .. } => {
            let mut details = vec![part(release)];
            details.extend(order.as_ref().map(total));
            details
        }
        Facts::Shipped(parcel) => tracking(parcel),
        Facts::Delivered { parcel, .. }
        | Facts::Undeliverable { parcel }
        | Facts::Returned { parcel }
        | Facts::Asked { parcel, .. }
        | Facts::Reshipped { parcel } => parcel.as_ref().map(tracking).unwrap_or_default(),
        Facts::Refunded { release, amount, currency } => {
            vec![part(release), ("Amount", money(*amount, *currency))]
        }
        Facts::Refused { .. }
        | Facts::Confirmed(_)
        | Facts::Limited(_)
        | Facts::Unavailable(_)
        | Facts::Backordered { .. }
        | Facts::Waitlisted(_)
        | Facts::Cancelled { .. } => Vec::new(),
    }
}

fn total(placed: &Placed) -> (&'static str, String) {
    ("Order total, shipping included", money(placed.total, placed.currency))
}

fn part(release: &ReleaseId) -> (&'static str, String) {
    ("Part of the order", release.to_string())
}

fn tracking(parcel: &Parcel) -> Vec<(&'static str, String)> {
    let carrier = match parcel.carrier {
        Carrier::Usps => "USPS",
        Carrier::Ups => "UPS",
        Carrier::Fedex => "FedEx",
        Carrier::Dhl => "DHL",
        Carrier::Postal => "Postal service",
    };
    vec![("Carrier", carrier.to_owned()), ("Tracking number", parcel.tracking.as_str().to_owned())]
}

fn plain(caption: &'static str, items: &[Item]) -> Table {
    let row =
        |item: &Item| Row { item: item.item.as_str().to_owned(), quantity: item.quantity, remark: None };
    Table { caption, remark: None, rows: items.iter().map(row).collect() }
}

fn priced(caption: &'static str, placed: &Placed) -> Table {
    let row = |item: &PricedItem| Row {
        item: item.item.as_str().to_owned(),
        quantity: item.quantity,
        remark: item.unit_price.checked_mul(item.quantity).map(|amount| money(amount, placed.currency)),
    };
    Table { caption, remark: Some("Amount"), rows: placed.items.iter().map(row).collect() }
}

fn missing(caption: &'static str, items: &[MissingItem]) -> Table {
    let row = |item: &MissingItem| Row {
        item: item.item.as_str().to_owned(),
        quantity: item.quantity,
        remark: Some(
            match item.why {
                Unavailable::SoldOut => "sold out",
                Unavailable::CurrentlyUnavailable => "currently unavailable",
            }
            .to_owned(),
        ),
    };
    Table { caption, remark: Some("Why"), rows: items.iter().map(row).collect() }
}

/// `$70.90`; other currencies by their code.
fn money(amount: Amount, currency: Currency) -> String {
    if currency == Currency::USD { format!("${amount}") } else { format!("{amount} {}", currency.as_str()) }
}

fn text(at: Timestamp, format: &[BorrowedFormatItem<'_>]) -> String {
    // A format of dates and times alone cannot fail for a date and time; RFC 3339 reads as well.
    at.0.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| at.to_string())
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

#[cfg(test)]
mod tests;
