//! What one decision costs in each room, on an order as the room meets it, without reading, database or broker; and one
//! link of audit's chain. `cargo bench -p oms --bench rooms` tells times; `ops/bench --instructions` counts.

use divan::{Bencher, black_box};
use messages::item::ItemNumber;
use messages::money::Amount;
use messages::order::{Method, OrderSubmit};
use messages::outsiders::{OPERATOR, Outsiders, WAREHOUSE};
use messages::product::{ProductDefine, StockReceive};
use messages::shipment::{CarrierScan, ParcelStatus, ShipmentPacked, ShipmentRequested};
use messages::{Body, Event, Kind, KindOf as _};
use shell::stage::{Said, Stage};
use shell::worker::{Arrival, At, Sender, Worker, World};
use world::store::{Launch, Mix, Plan};

fn main() {
    divan::main();
}

/// A decision that is ready to be made.
struct Ready<W: Worker> {
    worker: W,
    world: World<W>,
    input: W::Input,
    event: Event,
    sender: Sender,
}

impl<W: Worker> Ready<W> {
    /// Before the stage hears of it.
    fn of(stage: &Stage<W>, event: &Event, sender: Option<&str>) -> Self {
        let sender = sender.map_or(Sender::Room, |name| Sender::Outsider(name.to_owned()));
        let kind = Kind::parse(&event.kind).expect("a kind of ours");
        let input = stage
            .worker
            .read(&Arrival::Message { kind, event, sender: &sender }, &stage.ring)
            .unwrap_or_else(|error| panic!("{}: {error}", event.kind));
        let mut rows = stage.rows();
        loop {
            let world = World::of(rows.clone());
            let missing =
                stage.worker.scope(&input, &world).into_iter().filter(|key| !rows.contains_key(key));
            let missing: Vec<W::Key> = missing.collect();
            if missing.is_empty() {
                return Self { worker: stage.worker.clone(), world, input, event: event.clone(), sender };
            }
            rows.extend(missing.into_iter().map(|key| (key.clone(), W::blank(&key))));
        }
    }

    fn bench(&self, bencher: Bencher<'_, '_>) {
        let sender = match &self.sender {
            Sender::Outsider(name) => Some(name.as_str()),
            Sender::Room => None,
        };
        let at = At { now: messages::Timestamp(self.event.time), id: &self.event.id, sender };
        let made = self.worker.decide(&self.world, &self.input, &at);
        assert!(
            !made.set.is_empty() || !made.insert.is_empty() || W::ROOM == messages::Room::Promotions,
            "it decides nothing"
        );
        bencher.bench(|| self.worker.decide(black_box(&self.world), black_box(&self.input), &at));
    }
}

/// One stage per room, all with the same keys.
struct House {
    ring: messages::sealed::Keyring,
}

impl House {
    fn new() -> Self {
        let outsiders = Outsiders::default();
        let mut ring = Stage::new(audit::Audit).ring;
        // Intake seals by the clock, the others by the stage's noon.
        ring.init(&outsiders.audiences(), shell::clock::now()).expect("random bytes");
        Self { ring }
    }

    fn stage<W: Worker>(&self, worker: W) -> Stage<W> {
        let mut stage = Stage::new(worker);
        stage.ring = self.ring.clone();
        stage
    }

    fn inventory(&self) -> (Stage<inventory::Inventory>, Event) {
        let mut stage = self.stage(inventory::Inventory);
        let mut product = ProductDefine::sample();
        product.product = catalogue().products.swap_remove(0);
        let defined = stage.command(OPERATOR, &product);
        let received =
            StockReceive { item: product.product.item.clone(), quantity: 1_000, ..StockReceive::sample() };
        stage.command(WAREHOUSE, &received);
        (stage, event_of(&defined, Kind::ProductDefined))
    }

    fn intake(&self) -> (Stage<intake::Intake>, Event) {
        let mut stage =
            self.stage(intake::Intake { verify_amount: Amount::new(2_500_000).expect("an amount") });
        stage.tell_event(&self.inventory().1);
        let now = stage.now();
        let plan = Plan { orders: 1, item: item(), seed: 1, at: now, mix: Mix::Plain };
        let launch = Launch::prepare(&plan, &catalogue()).expect("the catalogue has the item");
        let submission = &launch.submissions[0];
        let mut event = submission.event().expect("a plain order").clone();
        event.source = format!("/{}", submission.seller.name());
        (stage, event)
    }

    fn accepted(&self) -> Event {
        let (mut stage, submit) = self.intake();
        let sender = submit.source.trim_start_matches('/').to_owned();
        event_of(&stage.command_event(&sender, &submit), Kind::OrderAccepted)
    }

    fn ready(&self) -> Event {
        event_of(&self.inventory().0.tell_event(&self.accepted()), Kind::ReleaseReady)
    }

    fn authorized(&self) -> Event {
        let mut stage = self.stage(payment::Payment::default());
        stage.tell_event(&self.ready());
        let due = stage.due();
        let row = due.iter().find(|row| row.kind == "authorize").expect("the gateway is asked");
        let capture_before = messages::Timestamp(stage.now().0 + time::Duration::days(7));
        let answer = payment::call::Answer::Authorized { intent: "pi_1".to_owned(), capture_before };
        event_of(&stage.answer_row(row, &answer), Kind::PaymentAuthorized)
    }

    fn dispatched(&self) -> (Event, CarrierScan) {
        let mut stage = self.stage(fulfillment::Fulfillment { handover_delay_seconds: 0 });
        stage.tell_event(&self.accepted());
        let mut said = stage.tell_event(&self.authorized());
        said.extend(stage.fire(&[]));
        let asked =
            said.iter().find(|said| said.kind == ShipmentRequested::KIND).expect("the warehouse is asked");
        let asked: ShipmentRequested = asked.body();
        let (carrier, tracking) = world::warehouse::label(&asked.shipment, Method::Standard);
        let packed = ShipmentPacked {
            shipment: asked.shipment,
            carrier,
            tracking: tracking.clone(),
            packed_at: stage.now(),
            lines: asked.lines,
        };
        let scan = CarrierScan {
            carrier,
            tracking,
            code: None,
            status: Some(ParcelStatus::Delivered),
            to_sender: false,
            endorsement: None,
            scanned_at: stage.now(),
        };
        (event_of(&stage.command(WAREHOUSE, &packed), Kind::ShipmentDispatched), scan)
    }
}

fn item() -> ItemNumber {
    ItemNumber::parse("20EA").expect("an item number")
}

fn catalogue() -> world::products::Catalogue {
    let mut catalogue = world::products::Catalogue::built_in().expect("the built-in catalogue");
    catalogue.products.retain(|product| product.item == item());
    catalogue
}

fn event_of(said: &[Said], kind: Kind) -> Event {
    let kinds: Vec<Kind> = said.iter().map(|said| said.kind).collect();
    let found = said.iter().find(|said| said.kind == kind);
    found.unwrap_or_else(|| panic!("{kind:?} is not said: {kinds:?}")).event.clone()
}

#[divan::bench]
fn decide_intake(bencher: Bencher<'_, '_>) {
    let (stage, submit) = House::new().intake();
    let sender = submit.source.trim_start_matches('/').to_owned();
    Ready::of(&stage, &submit, Some(&sender)).bench(bencher);
}

/// The edge of intake is dear: it parses, seals and fingerprints.
#[divan::bench]
fn read_intake(bencher: Bencher<'_, '_>) {
    let (stage, submit) = House::new().intake();
    let sender = Sender::Outsider(submit.source.trim_start_matches('/').to_owned());
    let arrival = Arrival::Message { kind: OrderSubmit::KIND, event: &submit, sender: &sender };
    bencher.bench(|| stage.worker.read(black_box(&arrival), &stage.ring));
}

#[divan::bench]
fn decide_inventory(bencher: Bencher<'_, '_>) {
    let house = House::new();
    Ready::of(&house.inventory().0, &house.accepted(), None).bench(bencher);
}

#[divan::bench]
fn decide_payment(bencher: Bencher<'_, '_>) {
    let house = House::new();
    Ready::of(&house.stage(payment::Payment::default()), &house.ready(), None).bench(bencher);
}

#[divan::bench]
fn decide_fulfillment(bencher: Bencher<'_, '_>) {
    let house = House::new();
    let stage = house.stage(fulfillment::Fulfillment { handover_delay_seconds: 0 });
    Ready::of(&stage, &house.authorized(), None).bench(bencher);
}

#[divan::bench]
fn decide_tracking(bencher: Bencher<'_, '_>) {
    let house = House::new();
    let (dispatched, scan) = house.dispatched();
    let mut stage = house.stage(tracking::Tracking { lost_after_days: 30 });
    stage.tell_event(&dispatched);
    let scan = stage.event(&scan);
    Ready::of(&stage, &scan, Some("carriers")).bench(bencher);
}

#[divan::bench]
fn decide_notifications(bencher: Bencher<'_, '_>) {
    let house = House::new();
    let worker = notifications::Notifications { mail_domain: "mint.example".to_owned() };
    Ready::of(&house.stage(worker), &house.accepted(), None).bench(bencher);
}

#[divan::bench]
fn decide_undelivered(bencher: Bencher<'_, '_>) {
    let house = House::new();
    let worker = undelivered::Undelivered {
        ask_after_seconds: 0,
        contact_seconds: 604_800,
        decide_seconds: 2_592_000,
    };
    Ready::of(&house.stage(worker), &house.accepted(), None).bench(bencher);
}

#[divan::bench]
fn decide_promotions(bencher: Bencher<'_, '_>) {
    let house = House::new();
    Ready::of(&house.stage(promotions::Promotions), &house.accepted(), None).bench(bencher);
}

#[divan::bench]
fn decide_lifecycle(bencher: Bencher<'_, '_>) {
    let house = House::new();
    Ready::of(&house.stage(lifecycle::Lifecycle), &house.accepted(), None).bench(bencher);
}

#[divan::bench]
fn decide_audit(bencher: Bencher<'_, '_>) {
    let house = House::new();
    Ready::of(&house.stage(audit::Audit), &house.accepted(), None).bench(bencher);
}

#[divan::bench]
fn link_of_the_chain(bencher: Bencher<'_, '_>) {
    let event = messages::envelope::encode(&[House::new().accepted()]).1;
    let event = String::from_utf8(event).expect("JSON");
    let prev = "0".repeat(64);
    bencher.bench(|| audit::chain::link(black_box(&prev), 4_711, "2026-11-24T12:00:00Z", black_box(&event)));
}
