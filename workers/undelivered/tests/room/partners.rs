//! Model partners: the rooms, the carriers' words as tracking tells them, customers, staff and the warehouse. They
//! hold no rule of the room.

use messages::answer::{CommandAnswered, Outcome};
use messages::case::{
    CaseAnswer, CaseAsked, CaseChange, CaseChanged, CaseEnd, CaseNote, CaseOpened, CaseReceive, CaseReceived,
    CaseResolve, CaseResolved, CaseWish, Condition,
};
use messages::id::{OrderNumber, Reference, ReleaseId, ShipmentId, UserId};
use messages::order::{DeliverySection, OrderAccepted, SubmittedAddress};
use messages::person::PersonName;
use messages::sealed::Section;
use messages::shipment::{
    ShipmentDelivered, ShipmentDispatched, ShipmentLost, ShipmentReturned, ShipmentUndeliverable,
};
use messages::tracking_number::Carrier;
use messages::{Body, Kind, samples};
use shell::stage::{Said, Stage};
use shell::worker::Route;
use undelivered::Undelivered;
use undelivered::case::{CaseState, OrderState};
use undelivered::store::{Key, State};

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn stage() -> Stage<Undelivered> {
    stage_of(Undelivered::default())
}

pub(crate) fn stage_of(room: Undelivered) -> Stage<Undelivered> {
    let mut stage = Stage::new(room);
    // Corrections are sealed by the computer's clock, whatever the stage's says.
    stage.ring.init(&[], shell::clock::now()).unwrap();
    stage
}

/// A stage with an order accepted and its first parcel on its way.
pub(crate) fn dispatched_stage() -> Stage<Undelivered> {
    let mut stage = stage();
    accept(&mut stage);
    dispatch(&mut stage);
    stage
}

pub(crate) fn order() -> OrderNumber {
    OrderAccepted::sample().order
}

/// The parcel of this number: 1 is the first, 2 what was sent again.
pub(crate) fn parcel(number: u16) -> ShipmentId {
    ShipmentId::of(&ReleaseId::of(&order(), 1), number)
}

pub(crate) fn section() -> DeliverySection {
    DeliverySection {
        recipient: PersonName::parse("Pat Example").unwrap(),
        address: samples::postal_address(),
        phone: None,
        gift_message: None,
    }
}

pub(crate) fn accepted(stage: &Stage<Undelivered>) -> OrderAccepted {
    let mut body = OrderAccepted::sample();
    for delivery in &mut body.deliveries {
        let number = delivery.number;
        delivery.section = stage
            .ring
            .seal(Section::Delivery, body.order.as_str(), number, &section(), stage.now().0)
            .unwrap();
    }
    body
}

pub(crate) fn dispatched(number: u16) -> ShipmentDispatched {
    let release = ReleaseId::of(&order(), 1);
    ShipmentDispatched { shipment: parcel(number), release, order: order(), ..ShipmentDispatched::sample() }
}

pub(crate) fn undeliverable(
    number: u16,
    code: Option<&str>,
    endorsement: Option<&str>,
) -> ShipmentUndeliverable {
    ShipmentUndeliverable {
        shipment: parcel(number),
        order: order(),
        carrier: Carrier::Usps,
        code: code.map(str::to_owned),
        endorsement: endorsement.map(str::to_owned),
        ..ShipmentUndeliverable::sample()
    }
}

pub(crate) fn returned(number: u16, endorsement: Option<&str>) -> ShipmentReturned {
    ShipmentReturned {
        shipment: parcel(number),
        order: order(),
        carrier: Carrier::Usps,
        code: Some("09".to_owned()),
        endorsement: endorsement.map(str::to_owned),
        ..ShipmentReturned::sample()
    }
}

pub(crate) fn lost(number: u16) -> ShipmentLost {
    ShipmentLost { shipment: parcel(number), order: order(), ..ShipmentLost::sample() }
}

pub(crate) fn delivered(number: u16) -> ShipmentDelivered {
    ShipmentDelivered { shipment: parcel(number), order: order(), ..ShipmentDelivered::sample() }
}

pub(crate) fn received(number: u16, condition: Condition) -> CaseReceive {
    CaseReceive { shipment: parcel(number), condition, ..CaseReceive::sample() }
}

pub(crate) fn new_address() -> SubmittedAddress {
    SubmittedAddress {
        line1: "7 Corrected Ave".to_owned(),
        line2: None,
        city: "Denver".to_owned(),
        state: Some("CO".to_owned()),
        postal_code: "80204".to_owned(),
        country: "US".to_owned(),
    }
}

/// The customer's answer with the token of this contact.
pub(crate) fn answer(
    stage: &Stage<Undelivered>,
    contact: u16,
    wish: CaseWish,
    address: Option<SubmittedAddress>,
) -> CaseAnswer {
    let token = stage.ring.token("case", parcel(1).as_str(), contact).unwrap();
    let reference = Reference::parse(&format!("ANSWER-{contact}")).unwrap();
    CaseAnswer { reference, case: parcel(1), token: Some(token), user: None, wish, address }
}

/// The same by staff.
pub(crate) fn staff_answer(wish: CaseWish, address: Option<SubmittedAddress>) -> CaseAnswer {
    let reference = Reference::parse("CALL-1").unwrap();
    CaseAnswer { reference, case: parcel(1), token: None, user: Some(user()), wish, address }
}

pub(crate) fn resolve(number: u16, resolution: CaseEnd) -> CaseResolve {
    CaseResolve { case: parcel(number), user: user(), reason: "agreed by telephone".to_owned(), resolution }
}

pub(crate) fn note(text: &str) -> CaseNote {
    CaseNote { case: parcel(1), user: user(), text: text.to_owned() }
}

pub(crate) fn user() -> UserId {
    UserId::parse("kim").unwrap()
}

pub(crate) type Step = fn(&mut Stage<Undelivered>) -> Vec<Said>;

pub(crate) fn accept(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    let body = accepted(stage);
    stage.tell(&body)
}

pub(crate) fn dispatch(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&dispatched(1))
}

pub(crate) fn no_such_number(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&undeliverable(1, Some("21"), None))
}

pub(crate) fn deceased(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&undeliverable(1, Some("28"), None))
}

pub(crate) fn silence(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&lost(1))
}

pub(crate) fn deliver(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&delivered(1))
}

pub(crate) fn come_back(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.tell(&returned(1, None))
}

pub(crate) fn scan_in(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.command("warehouse", &received(1, Condition::Restock))
}

pub(crate) fn scan_in_damaged(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.command("warehouse", &received(1, Condition::Damaged))
}

pub(crate) fn scan_in_wrong(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.command("warehouse", &received(1, Condition::WrongItem))
}

pub(crate) fn want_reship(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    let body = answer(stage, 1, CaseWish::Reship, Some(new_address()));
    stage.command("web-store", &body)
}

pub(crate) fn want_refund(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    let body = answer(stage, 1, CaseWish::Refund, None);
    stage.command("web-store", &body)
}

pub(crate) fn staff_refund(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.command("operator", &resolve(1, CaseEnd::Refund))
}

pub(crate) fn staff_reship(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.command("operator", &resolve(1, CaseEnd::Reship))
}

pub(crate) fn staff_close(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.command("operator", &resolve(1, CaseEnd::Closed))
}

/// Eight days later: the second question is due.
pub(crate) fn a_week(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    stage.set_now(stage.now().plus_seconds(8 * DAY));
    stage.fire(&[])
}

/// A month and more, with all that is due on the way.
pub(crate) fn a_month(stage: &mut Stage<Undelivered>) -> Vec<Said> {
    (0..4).flat_map(|_| a_week(stage)).collect()
}

pub(crate) fn case(stage: &Stage<Undelivered>, number: u16) -> Option<CaseState> {
    match stage.rows().get(&Key::Case(parcel(number)))? {
        State::Case(case) => Some(case.clone()),
        State::Order(_) => panic!("an order under a case's key"),
    }
}

pub(crate) fn order_row(stage: &Stage<Undelivered>) -> Option<OrderState> {
    match stage.rows().get(&Key::Order(order()))? {
        State::Order(row) => Some(row.clone()),
        State::Case(_) => panic!("a case under an order's key"),
    }
}

/// Where the case of a parcel stands: `quiet`, a step, or how it ended.
pub(crate) fn standing(stage: &Stage<Undelivered>, number: u16) -> &'static str {
    match case(stage, number) {
        None | Some(CaseState::Quiet(_)) => "quiet",
        Some(CaseState::Open(open)) => open.step.name(),
        Some(CaseState::Ended(ended)) => ended.resolution.name(),
    }
}

/// What was said, in words.
pub(crate) fn words(said: &[Said]) -> Vec<String> {
    said.iter().map(word).collect()
}

fn word(said: &Said) -> String {
    let name = said.kind.name().trim_end_matches(".v1");
    let Route::Out(outsider) = &said.to else { return fact(said).unwrap_or_else(|| name.to_owned()) };
    let answer: CommandAnswered = said.body();
    match answer.outcome {
        Outcome::Refused => format!("{outsider}: refused {}", answer.code.unwrap()),
        outcome @ (Outcome::Accepted | Outcome::Held | Outcome::Done | Outcome::Repeated) => {
            format!("{outsider}: {}", outcome.name())
        }
    }
}

fn fact(said: &Said) -> Option<String> {
    let of = |kind| said.kind == kind;
    if of(Kind::CaseOpened) {
        return Some(format!("opened {}", said.body::<CaseOpened>().class.name()));
    }
    if of(Kind::CaseAsked) {
        return Some(format!("asked {}", said.body::<CaseAsked>().contact));
    }
    if of(Kind::CaseResolved) {
        return Some(format!("resolved {}", said.body::<CaseResolved>().resolution.name()));
    }
    if of(Kind::CaseChanged) {
        return Some(match said.body::<CaseChanged>().change {
            CaseChange::Noted { .. } => "noted".to_owned(),
            CaseChange::Answered { .. } => "answered".to_owned(),
            CaseChange::Reclassified { class, .. } => format!("now {}", class.name()),
            CaseChange::Resumed => "resumed".to_owned(),
        });
    }
    if of(Kind::CaseReceived) {
        let condition = serde_json::to_value(said.body::<CaseReceived>().condition).unwrap();
        return Some(format!("received {}", condition.as_str().unwrap()));
    }
    None
}
