//! A shop to play in: products, orders and the partners' messages in few words. It decides nothing itself.

use inventory::Inventory;
use inventory::decide::order::Order;
use inventory::decide::stock::{Household, Pool, Stock};
use inventory::store::{By, HouseholdKey, Key, State};
use messages::answer::CommandAnswered;
use messages::case::{CaseReceived, CaseResolved, Condition};
use messages::id::{OrderNumber, Reference, ReleaseId, ShipmentId, UserId};
use messages::item::{ItemNumber, PoolId};
use messages::money::{Amount, Currency};
use messages::order::{Channel, Delivery, Line, Method, OrderAccepted, OrderCancelled, Place};
use messages::payment::{DeclineClass, PaymentAdjusted, PaymentDeclined};
use messages::product::{HouseholdLimit, Mintage, Product, ProductDefine, StockAdjust, StockReceive};
use messages::sealed::{Fingerprint, Sealed};
use messages::shipment::{ReleaseShorted, ShipmentDispatched};
use messages::stock::LineUnits;
use messages::tracking_number::{Carrier, TrackingNumber};
use messages::{Body, Event, Kind, Timestamp, topology};
use shell::stage::{Said, Stage};

pub(crate) const SHIPPING: i64 = 495;
pub(crate) const DAY: i64 = 24 * 3600;
pub(crate) const PRICE: i64 = 1_000;

pub(crate) struct Shop {
    pub(crate) stage: Stage<Inventory>,
    /// Every message so far, in order, with the outsider who sent it.
    pub(crate) history: Vec<(Option<&'static str>, Event)>,
    references: u32,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self { stage: Stage::new(Inventory), history: Vec::new(), references: 0 }
    }

    /// A shop with one product and so many units of it.
    pub(crate) fn with(product: Product, on_hand: u32) -> Self {
        let mut shop = Self::new();
        shop.stock(product, on_hand);
        shop
    }

    pub(crate) fn stock(&mut self, product: Product, on_hand: u32) {
        let item = product.item.clone();
        assert_eq!(self.define(product), "done");
        if on_hand > 0 {
            assert_eq!(self.receive(item.as_str(), on_hand), "done");
        }
    }

    /// The answer in one word: what became of it, or the refusal's code.
    pub(crate) fn define(&mut self, product: Product) -> String {
        let body = ProductDefine { reference: self.reference(), product, user: None, reason: None };
        word(&self.command("merchandising", &body))
    }

    pub(crate) fn receive(&mut self, item: &str, quantity: u32) -> String {
        let body = StockReceive { reference: self.reference(), item: number(item), quantity, user: None };
        word(&self.command("warehouse", &body))
    }

    pub(crate) fn adjust(&mut self, item: &str, change: i64) -> String {
        let body = StockAdjust {
            reference: self.reference(),
            item: number(item),
            change,
            user: UserId::parse("m.rivera").unwrap(),
            reason: "recount".to_owned(),
        };
        word(&self.command("merchandising", &body))
    }

    fn reference(&mut self) -> Reference {
        self.references += 1;
        reference(&format!("R-{}", self.references))
    }

    fn command<B: Body>(&mut self, sender: &'static str, body: &B) -> Vec<Said> {
        let event = self.stage.event(body);
        self.replay(&(Some(sender), event))
    }

    /// A room tells something.
    pub(crate) fn say<B: Body>(&mut self, body: &B) -> Vec<Said> {
        let event = self.stage.event(body);
        self.replay(&(None, event))
    }

    /// What is said when this is told.
    pub(crate) fn tell<B: Body>(&mut self, body: &B) -> String {
        kinds(&self.say(body))
    }

    /// Every timer whose time has come fires, until none is left.
    pub(crate) fn settle(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        while self.stage.due().iter().any(|row| row.due_at <= self.stage.now()) {
            said.extend(self.stage.fire(&[]));
        }
        said
    }

    /// What is said when this is told, and then by the timers that it sets.
    pub(crate) fn tell_through<B: Body>(&mut self, body: &B) -> String {
        let mut said = self.say(body);
        said.extend(self.settle());
        kinds(&said)
    }

    /// A message of a history, this shop's or another's.
    pub(crate) fn replay(&mut self, (sender, event): &(Option<&'static str>, Event)) -> Vec<Said> {
        self.history.push((*sender, event.clone()));
        match sender {
            Some(sender) => self.stage.command_event(sender, event),
            None => self.stage.tell_event(event),
        }
    }

    /// Several events of one kind in one AMQP message.
    pub(crate) fn tell_batch(&mut self, events: &[Event]) -> Vec<Said> {
        let (content_type, bytes) = messages::envelope::encode(events);
        self.stage.arrive_bytes(topology::ROOMS, &events[0].kind, None, Some(content_type), &bytes)
    }

    pub(crate) fn item(&self, item: &str) -> Option<Stock> {
        match self.stage.rows().remove(&Key::Item(number(item))) {
            Some(State::Item(stock)) => stock.map(|stock| *stock),
            _ => None,
        }
    }

    pub(crate) fn pool(&self, pool: &str) -> Pool {
        match self.stage.rows().remove(&Key::Pool(PoolId::parse(pool).unwrap())) {
            Some(State::Pool(pool)) => pool,
            _ => Pool::default(),
        }
    }

    pub(crate) fn household(&self, item: &str, by: By, who: &str) -> u64 {
        let key = HouseholdKey { item: number(item), by, fingerprint: fingerprint(who) };
        match self.stage.rows().remove(&Key::Household(key)) {
            Some(State::Household(Household { units })) => units,
            _ => 0,
        }
    }

    pub(crate) fn order(&self, order: u64) -> Order {
        self.order_of(&order_number(order))
    }

    pub(crate) fn order_of(&self, order: &OrderNumber) -> Order {
        match self.stage.rows().remove(&Key::Order(order.clone())) {
            Some(State::Order(order)) => order,
            _ => Order::default(),
        }
    }

    /// The places in line, first one first.
    pub(crate) fn places(&self) -> Vec<String> {
        let places = self.stage.rows().into_keys().filter_map(|key| match key {
            Key::Waiting(place) => Some(place.as_str().to_owned()),
            Key::Order(_) | Key::Command { .. } | Key::Item(_) | Key::Pool(_) | Key::Household(_) => None,
        });
        places.collect()
    }

    /// `backordered/waitlisted` of an item.
    pub(crate) fn lists(&self, item: &str) -> String {
        let stock = self.item(item).unwrap();
        format!("{}/{}", stock.promised.backordered, stock.waitlisted)
    }

    /// `on hand/reserved/shipped` of an item.
    pub(crate) fn units(&self, item: &str) -> String {
        self.item(item).map_or_else(
            || "-".to_owned(),
            |stock| format!("{}/{}/{}", stock.on_hand, stock.promised.reserved, stock.promised.shipped),
        )
    }
}

/// A product without any limit.
pub(crate) fn product(item: &str) -> Product {
    Product {
        item: number(item),
        name: format!("Product {item}"),
        price: Amount::new(PRICE).unwrap(),
        currency: Currency::USD,
        on_sale_at: noon(),
        product_limit: None,
        mintage: None,
        household_limit: None,
        ships_from: None,
        backorder_expected_at: None,
        waitlist_units: None,
        unusual_quantity: None,
    }
}

pub(crate) fn capped(item: &str, limit: u64) -> Product {
    Product { product_limit: Some(limit), ..product(item) }
}

pub(crate) fn pooled(item: &str, pool: &str, limit: u64, coins_per_unit: u32) -> Product {
    let pool = PoolId::parse(pool).unwrap();
    Product { mintage: Some(Mintage { pool, limit, coins_per_unit }), ..product(item) }
}

pub(crate) fn limited(product: Product, units: u32, hours: Option<u32>) -> Product {
    Product { household_limit: Some(HouseholdLimit { units, hours }), ..product }
}

/// It may wait for stock, which is expected tomorrow.
pub(crate) fn backorderable(product: Product) -> Product {
    Product { backorder_expected_at: Some(noon().plus_seconds(DAY)), ..product }
}

/// It ships from that day on.
pub(crate) fn ships(product: Product, day: Timestamp) -> Product {
    Product { ships_from: Some(day), ..product }
}

/// So many units may wait for others to come back.
pub(crate) fn listed(product: Product, units: u64) -> Product {
    Product { waitlist_units: Some(units), ..product }
}

/// An order in few words: who wants what. Each line is an item, a quantity and a recipient.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) order: u64,
    pub(crate) who: &'static str,
    pub(crate) received_at: Timestamp,
    pub(crate) lines: Vec<(&'static str, u32, u16)>,
}

pub(crate) fn wish(order: u64, who: &'static str, lines: &[(&'static str, u32, u16)]) -> Wish {
    Wish { order, who, received_at: noon(), lines: lines.to_vec() }
}

impl Wish {
    /// Recipient 1 lives at the buyer's own address, the others elsewhere.
    pub(crate) fn accepted(&self) -> OrderAccepted {
        let price = Amount::new(PRICE).unwrap();
        let line = |(at, (item, quantity, delivery)): (usize, &(&str, u32, u16))| Line {
            line: u16::try_from(at + 1).unwrap(),
            item: number(item),
            quantity: *quantity,
            unit_price: price,
            delivery: *delivery,
        };
        let lines: Vec<Line> = self.lines.iter().enumerate().map(line).collect();
        let recipients = lines.iter().map(|line| line.delivery).max().unwrap_or(1);
        let shipping = Amount::new(SHIPPING).unwrap();
        let total = Amount::sum(lines.iter().map(|line| line.amount().unwrap()).chain([shipping])).unwrap();
        let delivery = |number: u16| Delivery {
            number,
            gift: number > 1,
            method: if number > 1 { Method::Expedited } else { Method::Standard },
            address: fingerprint(&if number == 1 { self.who.to_owned() } else { format!("home-{number}") }),
            section: sealed(&format!("delivery-{number}")),
        };
        OrderAccepted {
            order: order_number(self.order),
            sender: "web-store".to_owned(),
            reference: reference(&format!("WEB-{}", self.order)),
            channel: Channel::Web,
            place: Place { received_at: self.received_at, message_id: format!("m-{}", self.order) },
            agent: None,
            customer: None,
            lines,
            shipping,
            total,
            currency: Currency::USD,
            card: fingerprint(self.who),
            account: Some(fingerprint(self.who)),
            email: None,
            deliveries: (1..=recipients).map(delivery).collect(),
            payment: sealed("payment"),
            contact: sealed("contact"),
        }
    }
}

pub(crate) fn declined(release: &ReleaseId) -> PaymentDeclined {
    let code = "stolen_card".to_owned();
    PaymentDeclined {
        release: release.clone(),
        order: release.order(),
        class: DeclineClass::Never,
        code,
        lines: Vec::new(),
    }
}

pub(crate) fn dispatched(release: &ReleaseId, shipment: u16, lines: Vec<LineUnits>) -> ShipmentDispatched {
    ShipmentDispatched {
        shipment: ShipmentId::of(release, shipment),
        release: release.clone(),
        order: release.order(),
        gift: false,
        carrier: Carrier::Usps,
        tracking: TrackingNumber::parse("9400111206206406260787").unwrap(),
        packed_at: noon(),
        lines,
    }
}

pub(crate) fn adjusted(release: &ReleaseId, missing: Vec<LineUnits>) -> PaymentAdjusted {
    PaymentAdjusted {
        release: release.clone(),
        order: release.order(),
        delivery: 1,
        missing,
        payment: sealed("payment-again"),
        address: sealed("delivery-again"),
    }
}

pub(crate) fn cancelled(order: u64, handed_over: &[ReleaseId]) -> OrderCancelled {
    OrderCancelled {
        order: order_number(order),
        handed_over: handed_over.to_vec(),
        sender: "web-store".to_owned(),
        user: None,
        reason: "changed my mind".to_owned(),
    }
}

/// A parcel of a release is back.
pub(crate) fn back(
    release: &ReleaseId,
    shipment: u16,
    condition: Condition,
    lines: Vec<LineUnits>,
) -> CaseReceived {
    let case = ShipmentId::of(release, shipment);
    CaseReceived { case, release: release.clone(), order: release.order(), condition, lines, user: None }
}

pub(crate) fn late(number: u64, seconds: i64, quantity: u32) -> OrderAccepted {
    Wish { received_at: noon().plus_seconds(seconds), ..wish(number, "ann", &[("AA", quantity, 1)]) }
        .accepted()
}

/// A case's end: what was in the `shipment`th parcel is to be sent again.
pub(crate) fn resend(release: &ReleaseId, shipment: u16, lines: Vec<LineUnits>) -> CaseResolved {
    CaseResolved {
        case: ShipmentId::of(release, shipment),
        release: release.clone(),
        order: release.order(),
        lines,
        ..CaseResolved::sample()
    }
}

/// Units that the warehouse misses of the `shipment`th parcel.
pub(crate) fn shorted(release: &ReleaseId, shipment: u16, missing: Vec<LineUnits>) -> ReleaseShorted {
    ReleaseShorted {
        shipment: ShipmentId::of(release, shipment),
        release: release.clone(),
        order: release.order(),
        missing,
        ..ReleaseShorted::sample()
    }
}

pub(crate) fn release(order: u64, number: u16) -> ReleaseId {
    ReleaseId::of(&order_number(order), number)
}

pub(crate) fn units(line: u16, item: &str, quantity: u32) -> LineUnits {
    LineUnits { line, item: number(item), quantity }
}

pub(crate) fn order_number(order: u64) -> OrderNumber {
    OrderNumber::from_bits(order)
}

pub(crate) fn number(item: &str) -> ItemNumber {
    ItemNumber::parse(item).unwrap()
}

pub(crate) fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

pub(crate) fn fingerprint(text: &str) -> Fingerprint {
    serde_json::from_value(text.into()).unwrap()
}

pub(crate) fn sealed(text: &str) -> Sealed {
    Sealed::try_from(format!("oms1.test-2026q4.{text}")).unwrap()
}

pub(crate) fn noon() -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
}

/// The names of what was said, in order.
pub(crate) fn kinds(said: &[Said]) -> String {
    let names: Vec<&str> = said.iter().map(|said| said.kind.name().trim_end_matches(".v1")).collect();
    names.join(" ")
}

pub(crate) fn answer(said: &[Said]) -> CommandAnswered {
    said.iter().find(|said| said.kind == Kind::CommandAnswered).expect("a command is answered").body()
}

/// Bodies of one kind.
pub(crate) fn told<B: Body>(said: &[Said]) -> Vec<B> {
    said.iter().filter(|said| said.kind == B::KIND).map(Said::body).collect()
}

fn word(said: &[Said]) -> String {
    let answer = answer(said);
    answer.code.unwrap_or_else(|| answer.outcome.name().to_owned())
}
