//! What the tests share: a stage with a product, submissions to change, and short ways to look at what was
//! said.

use intake::store::{OrderName, OrderState};
use intake::{Intake, Key, State};
use messages::answer::{CommandAnswered, Outcome};
use messages::id::{OrderNumber, Reference};
use messages::money::Amount;
use messages::order::{HoldRefuse, HoldRelease, OrderCancelled, OrderChange, OrderSubmit};
use messages::product::ProductDefined;
use messages::{Body, Event, Kind};
use serde_json::Value;
use shell::stage::{Said, Stage};

pub(crate) const STORE: &str = "web-store";
pub(crate) const OPERATOR: &str = "operator";
pub(crate) const REFERENCE: &str = "WEB-100001";
/// Orders above are held for verification: more than eleven units of the sample product.
pub(crate) const VERIFY_AMOUNT: i64 = 80_000;

/// A stage that knows no product.
pub(crate) fn bare_stage() -> Stage<Intake> {
    let mut stage = Stage::new(Intake { verify_amount: Amount::new(VERIFY_AMOUNT).unwrap() });
    // Sections are sealed by the computer's clock, whatever the stage's says.
    stage.ring.init(&[], shell::clock::now()).unwrap();
    stage
}

/// A stage where item 19XE is sold for 65.95, more than 10 units being unusual.
pub(crate) fn stage() -> Stage<Intake> {
    let mut stage = bare_stage();
    stage.tell(&ProductDefined::sample());
    stage
}

/// A good order of this many units.
pub(crate) fn order_of(reference: &str, units: u32) -> OrderSubmit {
    let mut submit = OrderSubmit::sample();
    submit.reference = Reference::parse(reference).unwrap();
    submit.lines[0].quantity = units;
    submit.total = 6595 * i64::from(units) + submit.shipping;
    submit
}

/// An order that would be good at this price per unit.
pub(crate) fn at_price(mut submit: OrderSubmit, price: i64) -> OrderSubmit {
    submit.lines[0].unit_price = price;
    submit.total = price * i64::from(submit.lines[0].quantity) + submit.shipping;
    submit
}

pub(crate) fn number(stage: &Stage<Intake>, reference: &str) -> OrderNumber {
    stage.ring.order_number(STORE, reference).unwrap()
}

pub(crate) fn release(order: &OrderNumber) -> HoldRelease {
    HoldRelease { order: order.clone(), ..HoldRelease::sample() }
}

pub(crate) fn refuse(order: &OrderNumber) -> HoldRefuse {
    HoldRefuse { order: order.clone(), ..HoldRefuse::sample() }
}

pub(crate) fn change(order: &OrderNumber) -> OrderChange {
    OrderChange { order: order.clone(), ..OrderChange::sample() }
}

/// Fulfillment says that the order is cancelled and nothing of it was handed over.
pub(crate) fn cancelled(order: &OrderNumber) -> OrderCancelled {
    OrderCancelled { order: order.clone(), handed_over: Vec::new(), ..OrderCancelled::sample() }
}

pub(crate) fn state(stage: &Stage<Intake>, reference: &str) -> OrderState {
    let key =
        Key::Order(OrderName { sender: STORE.to_owned(), reference: Reference::parse(reference).unwrap() });
    match stage.rows().remove(&key) {
        Some(State::Order(state)) => state,
        Some(other) => panic!("an order's row holds {other:?}"),
        None => OrderState::Unseen,
    }
}

/// The status as the migration derives it from the row.
pub(crate) fn status(stage: &Stage<Intake>, reference: &str) -> String {
    let row = serde_json::to_value(State::Order(state(stage, reference))).unwrap();
    row["order"]["status"].as_str().unwrap().to_owned()
}

/// What was told to the rooms.
pub(crate) fn told(said: &[Said]) -> Vec<&'static str> {
    said.iter().filter(|one| one.kind != Kind::CommandAnswered).map(|one| one.kind.name()).collect()
}

/// Outcome and code of the only answer; nothing if nobody was answered.
pub(crate) fn answered(said: &[Said]) -> Option<(Outcome, Option<String>)> {
    let answers: Vec<CommandAnswered> =
        said.iter().filter(|one| one.kind == Kind::CommandAnswered).map(Said::body).collect();
    assert!(answers.len() <= 1, "one message has one answer");
    answers.into_iter().next().map(|answer| (answer.outcome, answer.code))
}

pub(crate) fn find<B: Body>(said: &[Said]) -> B {
    said.iter().find(|one| one.kind == B::KIND).expect("it was said").body()
}

/// An event with exactly this body.
pub(crate) fn event_with(stage: &mut Stage<Intake>, body: &Value) -> Event {
    let mut event = stage.event(&OrderSubmit::sample());
    event.data = shell::worker::raw(body);
    event
}

/// Everything that a batch leaves behind in clear, as text.
pub(crate) fn traces(stage: &Stage<Intake>, said: &[Said]) -> String {
    let rows = stage.rows().into_values().map(|state| serde_json::to_value(state).unwrap());
    let events = said.iter().map(|one| serde_json::to_value(&one.event).unwrap());
    rows.chain(events).map(|value| unsealed(value).to_string() + "\n").collect()
}

/// A value with every sealed section replaced, since a nonce is never the same twice.
pub(crate) fn unsealed(value: Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("oms1.") => Value::String("sealed".to_owned()),
        Value::Array(values) => values.into_iter().map(unsealed).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, unsealed(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
