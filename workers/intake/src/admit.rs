//! A submission in clear, parsed into types or refused by name. It never looks at a product, a clock or
//! another order, and no fault repeats a personal value.

use messages::address::{AddressParts, PostalAddress, Unparsed};
use messages::card::{CardExpiry, LastFour, PaymentToken};
use messages::email::Email;
use messages::item::ItemNumber;
use messages::money::{Amount, Currency};
use messages::order::{
    ContactSection, DeliverySection, Line, Method, OrderSubmit, PaymentSection, SubmittedAddress,
    SubmittedContact, SubmittedDelivery, SubmittedLine, SubmittedPayment,
};
use messages::person::{GiftMessage, PersonName};
use messages::phone::Phone;

use crate::cards::CardData;

/// Recipients of one order at most.
const DELIVERIES_MAX: usize = 20;
/// Lines of one order at most.
const LINES_MAX: usize = 100;
/// Units of one line at most.
const QUANTITY_MAX: u32 = 100_000;

/// Why an order is not taken: a stable name, and one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub text: String,
}

impl Fault {
    #[must_use]
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl From<CardData> for Fault {
    fn from(found: CardData) -> Self {
        let what = match found {
            CardData::Number => "a card number stands in clear in the message",
            CardData::Field => "the message has a field for a card number or a security code",
        };
        Self::new("card_number_in_clear", format!("{what}; send only the token of the payment gateway"))
    }
}

/// A submission that parses, still in clear: it exists only between parsing and sealing.
pub(crate) struct Clear {
    pub customer: Option<String>,
    pub contact: ContactSection,
    pub payment: PaymentSection,
    /// The gateway's fingerprint of the card.
    pub card: String,
    pub deliveries: Vec<ClearDelivery>,
    pub lines: Vec<Line>,
    pub shipping: Amount,
    pub total: Amount,
    pub currency: Currency,
}

/// One recipient in clear.
pub(crate) struct ClearDelivery {
    pub gift: bool,
    pub method: Method,
    pub section: DeliverySection,
}

/// Parses a submission.
///
/// # Errors
/// The first fault, in the order of the message's fields.
pub(crate) fn admit(submit: OrderSubmit) -> Result<Clear, Fault> {
    let customer = submit.customer.map(customer).transpose()?;
    let contact = contact(submit.contact)?;
    let billing = address("billing", submit.billing)?;
    let (payment, card) = payment(submit.payment, billing)?;
    let deliveries = deliveries(submit.deliveries)?;
    let lines = lines(&submit.lines, deliveries.len())?;
    let shipping = amount("the shipping charge", submit.shipping)?;
    let total = amount("the total", submit.total)?;
    let currency =
        Currency::parse(&submit.currency).map_err(|e| Fault::new("bad_currency", e.to_string()))?;
    check_sum(&lines, shipping, total)?;
    Ok(Clear { customer, contact, payment, card, deliveries, lines, shipping, total, currency })
}

/// It travels in clear, so it must be a plain id and no e-mail address.
fn customer(text: String) -> Result<String, Fault> {
    if is_plain(&text, 32) {
        Ok(text)
    } else {
        Err(Fault::new("bad_customer", "a customer id has 1 to 32 letters, digits or the characters . _ -"))
    }
}

fn contact(submitted: SubmittedContact) -> Result<ContactSection, Fault> {
    let name = name("contact", &submitted.name)?;
    let email = submitted
        .email
        .map(|text| Email::parse(&text))
        .transpose()
        .map_err(|error| Fault::new("bad_email", error.to_string()))?;
    Ok(ContactSection { name, email })
}

fn payment(submitted: SubmittedPayment, billing: PostalAddress) -> Result<(PaymentSection, String), Fault> {
    let fault = |text: String| Fault::new("bad_payment", text);
    let section = PaymentSection {
        token: PaymentToken::parse(&submitted.token).map_err(|error| fault(error.to_string()))?,
        brand: submitted.brand,
        last_four: LastFour::parse(&submitted.last_four).map_err(|error| fault(error.to_string()))?,
        expiry: CardExpiry::parse(&submitted.expiry).map_err(|error| fault(error.to_string()))?,
        billing,
    };
    if !is_plain(&submitted.fingerprint, 128) {
        return Err(fault(
            "the gateway's fingerprint of a card has 1 to 128 letters, digits or the characters . _ -".into(),
        ));
    }
    Ok((section, submitted.fingerprint))
}

fn deliveries(submitted: Vec<SubmittedDelivery>) -> Result<Vec<ClearDelivery>, Fault> {
    if !(1..=DELIVERIES_MAX).contains(&submitted.len()) {
        return Err(Fault::new("bad_deliveries", format!("an order has 1 to {DELIVERIES_MAX} deliveries")));
    }
    submitted.into_iter().zip(1_u16..).map(|(one, number)| delivery(one, number)).collect()
}

fn delivery(submitted: SubmittedDelivery, number: u16) -> Result<ClearDelivery, Fault> {
    let what = format!("delivery {number}");
    let phone = submitted
        .phone
        .map(|text| Phone::parse(&text))
        .transpose()
        .map_err(|error| Fault::new("bad_phone", format!("{what}: {error}")))?;
    let gift_message = submitted
        .gift_message
        .map(|text| GiftMessage::parse(&text))
        .transpose()
        .map_err(|error| Fault::new("bad_gift_message", format!("{what}: {error}")))?;
    let section = DeliverySection {
        recipient: name(&what, &submitted.recipient)?,
        address: address(&what, submitted.address)?,
        phone,
        gift_message,
    };
    Ok(ClearDelivery { gift: submitted.gift, method: submitted.method, section })
}

fn lines(submitted: &[SubmittedLine], deliveries: usize) -> Result<Vec<Line>, Fault> {
    if !(1..=LINES_MAX).contains(&submitted.len()) {
        return Err(Fault::new("bad_lines", format!("an order has 1 to {LINES_MAX} lines")));
    }
    let lines = submitted
        .iter()
        .zip(1_u16..)
        .map(|(one, number)| line(one, number, deliveries))
        .collect::<Result<Vec<Line>, Fault>>()?;
    let unused = (1_u16..).take(deliveries).find(|number| lines.iter().all(|line| line.delivery != *number));
    match unused {
        None => Ok(lines),
        Some(number) => Err(Fault::new("unused_delivery", format!("no line goes to delivery {number}"))),
    }
}

fn line(submitted: &SubmittedLine, number: u16, deliveries: usize) -> Result<Line, Fault> {
    let fault = |code, text: String| Fault::new(code, format!("line {number}: {text}"));
    let item = ItemNumber::parse(&submitted.item).map_err(|error| fault("bad_item", error.to_string()))?;
    if !(1..=QUANTITY_MAX).contains(&submitted.quantity) {
        return Err(fault("bad_quantity", format!("a quantity is 1 to {QUANTITY_MAX} units")));
    }
    let unit_price =
        Amount::new(submitted.unit_price).map_err(|error| fault("bad_amount", error.to_string()))?;
    if !(1..=deliveries).contains(&usize::from(submitted.delivery)) {
        return Err(fault("bad_delivery", format!("the order has no delivery {}", submitted.delivery)));
    }
    Ok(Line { line: number, item, quantity: submitted.quantity, unit_price, delivery: submitted.delivery })
}

fn check_sum(lines: &[Line], shipping: Amount, total: Amount) -> Result<(), Fault> {
    let sum = lines
        .iter()
        .try_fold(Amount::ZERO, |sum, line| sum.checked_add(line.amount()?))
        .and_then(|sum| sum.checked_add(shipping));
    match sum {
        Some(sum) if sum == total => Ok(()),
        Some(sum) => Err(Fault::new(
            "total_does_not_add_up",
            format!("the lines and the shipping charge come to {sum}, the total says {total}"),
        )),
        None => Err(Fault::new(
            "total_does_not_add_up",
            "the lines and the shipping charge come to more than an amount can be",
        )),
    }
}

fn name(whose: &str, text: &str) -> Result<PersonName, Fault> {
    PersonName::parse(text).map_err(|error| Fault::new("bad_name", format!("{whose}: {error}")))
}

fn address(whose: &str, submitted: SubmittedAddress) -> Result<PostalAddress, Fault> {
    let parts = AddressParts {
        line1: Unparsed(submitted.line1),
        line2: submitted.line2.map(Unparsed),
        city: Unparsed(submitted.city),
        state: submitted.state.map(Unparsed),
        postal_code: Unparsed(submitted.postal_code),
        country: Unparsed(submitted.country),
    };
    PostalAddress::parse(parts).map_err(|error| Fault::new("bad_address", format!("{whose}: {error}")))
}

fn amount(what: &str, minor: i64) -> Result<Amount, Fault> {
    Amount::new(minor).map_err(|error| Fault::new("bad_amount", format!("{what}: {error}")))
}

fn is_plain(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
