//! Bodies of messages as the outside world writes them: plain JSON, so that a test also says what our own types would
//! not let it say.

use serde_json::{Value, json};

/// The shipping charge of every order here, in minor units.
pub const SHIPPING: i64 = 495;
/// What a unit of every product here costs.
pub const PRICE: i64 = 6595;

/// Now, as messages write it.
#[must_use]
pub fn now() -> String {
    at(0)
}

/// A moment so many seconds from now.
#[must_use]
pub fn at(seconds: i64) -> String {
    let time = shell::clock::now() + time::Duration::seconds(seconds);
    time.format(&time::format_description::well_known::Rfc3339).expect("a time of this century")
}

/// A good order of one household: one recipient, lines of item and quantity.
#[must_use]
pub fn order(reference: &str, household: usize, lines: &[(&str, u32)]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(item, quantity)| json!({ "item": item, "quantity": quantity, "unit_price": PRICE, "delivery": 1 }))
        .collect();
    let address = address(household);
    let mut order = json!({
        "reference": reference,
        "channel": "web",
        "received_at": now(),
        "contact": { "name": format!("Buyer {}", name_of(household)), "email": format!("buyer{household}@example.com") },
        "billing": address,
        "payment": {
            "token": format!("tok_ok_{household}"), "brand": "visa", "last_four": "4242", "expiry": "2031-08",
            "fingerprint": format!("fpr_{household}"),
        },
        "deliveries": [{ "recipient": format!("Buyer {}", name_of(household)), "address": address, "method": "standard" }],
        "lines": lines,
        "shipping": SHIPPING,
        "currency": "USD",
    });
    total_up(&mut order);
    order
}

/// Makes the total the sum of the parts.
pub fn total_up(order: &mut Value) {
    let lines = order["lines"].as_array().expect("lines");
    let sum: i64 = lines.iter().map(|line| number(&line["quantity"]) * number(&line["unit_price"])).sum();
    order["total"] = json!(sum + number(&order["shipping"]));
}

/// A whole number in JSON.
///
/// # Panics
/// It is none.
#[must_use]
pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// The address of a household.
#[must_use]
pub fn address(household: usize) -> Value {
    json!({ "line1": format!("{} Liberty Street", household + 1), "city": "Philadelphia", "state": "PA", "postal_code": "19106", "country": "US" })
}

// Letters only: a name with many digits might look like a card number.
fn name_of(household: usize) -> String {
    household.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

/// A product without any limit; a test adds those that it is about.
#[must_use]
pub fn product(item: &str) -> Value {
    json!({
        "item": item, "name": format!("Coin {item}"), "price": PRICE, "currency": "USD", "on_sale_at": "2019-11-14T17:00:00Z",
        "unusual_quantity": 10,
    })
}
