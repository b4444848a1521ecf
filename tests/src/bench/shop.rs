//! A house under measurement: its rooms, the outside world in processes of its own, a store, and one plain product of
//! which there is always enough. It differs from production only in what the plan says.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use messages::item::ItemNumber;
use messages::topology::{inner_queue, outside_queue};
use messages::{Room, Timestamp};
use shell::wire::short;
use world::line::Credentials;
use world::products::{Catalogue, Stock};

use super::meters::Meters;
use super::plan::Plan;
use super::store::{Crowd, Store};
use crate::TestHouse;

/// A product without any limit.
const PLAIN: &str = "20EA";
/// The product of the launch: household limit 1.
const LAUNCHED: &str = "19XE";
const ENOUGH: u32 = 1_000_000_000;
/// How long nothing may be kept by audit in a shop that is not at rest: longer than the lease of a call.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) struct Shop {
    pub(super) house: TestHouse,
    pub(super) store: Store,
    pub(super) crowd: Crowd,
    pub(super) item: ItemNumber,
    rooms: Vec<String>,
    channel: Channel,
    // Dropping the connection would close the channel.
    _connection: Connection,
}

impl Shop {
    /// A house with so many processes of all rooms each, and plenty of a plain product.
    pub(super) async fn open(plan: &Plan, name: &str, settings: &[(&str, &str)], replicas: usize) -> Self {
        Self::with(plan, name, settings, replicas, None).await
    }

    /// The same with so many units of the product of a launch.
    pub(super) async fn for_launch(plan: &Plan, name: &str) -> Self {
        Self::with(plan, name, &[], 1, Some(plan.launch_units)).await
    }

    async fn with(
        plan: &Plan,
        name: &str,
        settings: &[(&str, &str)],
        replicas: usize,
        units: Option<u32>,
    ) -> Self {
        let item = if units.is_some() { LAUNCHED } else { PLAIN };
        let item = ItemNumber::parse(item).expect("an item number");
        let catalogue = catalogue(&item, units);
        let mut house = TestHouse::new(name).await;
        for (name, value) in [
            ("OMS_LOG", "warn,oms=info"),
            ("OMS_HTTP_ADDR", "127.0.0.1:0"),
            ("OMS_PAYMENT_TIMEOUT", "20"),
            ("OMS_MAIL_CONCURRENCY", "16"),
        ] {
            house.set(name, value);
        }
        let planned = plan.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in planned.chain(settings.iter().copied()) {
            house.set(name, value);
        }
        start_warehouse(&mut house).await;
        let mut rooms = Vec::new();
        for number in 1..=replicas {
            rooms.push(format!("rooms-{number}"));
            house.start_rooms(&rooms[number - 1], "all").await;
        }
        let products: Vec<_> = catalogue
            .products
            .iter()
            .map(|product| serde_json::to_value(product).expect("a product is JSON"))
            .collect();
        house.define(&products, &[(item.as_str(), units.unwrap_or(ENOUGH))]).await;
        let on_the_shelf =
            format!("SELECT count(*) FROM inventory.items WHERE key = '{item}' AND on_hand > 0");
        house.until_count("the units are on the shelf", &on_the_shelf, 1).await;
        let credentials =
            Credentials::read(house.setting("OMS_CREDENTIALS_FILE").as_ref()).expect("the users");
        let url = house.setting("OMS_AMQP_URL").to_owned();
        let store = Store::open(&url, &credentials).await;
        let connection =
            Connection::connect(&url, ConnectionProperties::default()).await.expect("the broker answers");
        let channel = connection.create_channel().await.expect("a channel");
        let crowd = Crowd::new(catalogue, item.clone());
        Self { house, store, crowd, item, rooms, channel, _connection: connection }
    }

    /// Nobody, to stand for the crowd while it is out.
    pub(super) fn empty_crowd(&self) -> Crowd {
        Crowd::new(self.crowd.catalogue().clone(), self.item.clone())
    }

    pub(super) fn url(&self) -> &str {
        self.house.setting("OMS_AMQP_URL")
    }

    pub(super) fn meters(&self) -> Meters {
        let pids = |names: &[&str]| names.iter().filter_map(|name| self.house.process_id(name)).collect();
        let rooms: Vec<&str> = self.rooms.iter().map(String::as_str).collect();
        Meters::new(pids(&rooms), pids(&["gateway", "warehouse"]))
    }

    /// Ends the rooms' processes in order.
    pub(super) fn stop_rooms(&mut self) {
        for room in std::mem::take(&mut self.rooms) {
            self.house.terminate(&room);
        }
    }

    pub(super) async fn start_rooms(&mut self) {
        self.rooms.push("rooms-1".to_owned());
        self.house.start_rooms("rooms-1", "all").await;
    }

    /// The sums of the rooms' own metrics over all processes.
    pub(super) async fn metrics(&self) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for process in &self.rooms {
            for (name, value) in self.house.metrics(process).await {
                *sums.entry(name).or_insert(0.0) += value;
            }
        }
        sums
    }

    /// Messages that audit keeps, so far.
    pub(super) async fn kept(&self) -> i64 {
        self.house.count("SELECT coalesce(max(seq), 0)::bigint FROM audit.head").await
    }

    /// AMQP messages that wait in front of each room and are in nobody's hands.
    pub(super) async fn waiting(&self) -> BTreeMap<&'static str, u32> {
        let mut waiting = BTreeMap::new();
        for room in Room::ALL {
            let mut sum = 0;
            for queue in [inner_queue(room), outside_queue(room)] {
                let passive =
                    QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
                let found = self.channel.queue_declare(short(&queue), passive, FieldTable::default()).await;
                sum += found.expect("the queue is there").message_count();
            }
            waiting.insert(room.name(), sum);
        }
        waiting
    }

    /// Calls that are due in front of each room that talks to the outside.
    pub(super) async fn calls_due(&self, room: Room) -> i64 {
        self.house.count(&format!("SELECT count(*) FROM {room}.due WHERE due_at <= now()")).await
    }

    /// Waits until nothing waits, no call is due and no message was kept for a while; gives how long that took.
    pub(super) async fn rest(&self) -> Duration {
        let begun = Instant::now();
        let mut moved = begun;
        let mut before = -1;
        loop {
            let kept = self.kept().await;
            let mut due = 0;
            for room in [Room::Payment, Room::Notifications, Room::Fulfillment] {
                due += self.calls_due(room).await;
            }
            let waiting: u32 = self.waiting().await.values().sum();
            if kept == before && due == 0 && waiting == 0 {
                return begun.elapsed();
            }
            assert!(
                moved.elapsed() < PATIENCE,
                "the house does not come to rest: {waiting} messages, {due} due"
            );
            if kept != before {
                moved = Instant::now();
            }
            before = kept;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

fn catalogue(item: &ItemNumber, units: Option<u32>) -> Catalogue {
    let mut catalogue = Catalogue::built_in().expect("the built-in catalogue");
    if let Some(units) = units {
        catalogue.scale(item, units).expect("it has the item");
    }
    // Before now, so that no order is early.
    let on_sale = Timestamp(shell::clock::now() - time::Duration::minutes(2));
    catalogue.launch_at(item, on_sale).expect("it has the item");
    let product = catalogue.product(item).expect("it has the item").clone();
    let stock = Stock { item: item.clone(), quantity: units.unwrap_or(ENOUGH) };
    Catalogue { products: vec![product], stock: vec![stock] }
}

/// A warehouse and carriers without delays or whims.
async fn start_warehouse(house: &mut TestHouse) {
    let path = house.folder().join("warehouse.keys").display().to_string();
    let keys = house.oms_ok(&["keys", "export", "warehouse"]);
    std::fs::write(&path, keys).expect("the house's folder is writable");
    let users = house.setting("OMS_CREDENTIALS_FILE").to_owned();
    let mut arguments = vec!["warehouse", "--keys", &path, "--credentials", &users];
    for whim in
        ["--short-permille", "--double-permille", "--late-permille", "--trouble-permille", "--scan-ms"]
    {
        arguments.extend([whim, "0"]);
    }
    house.start("warehouse", "world", &arguments);
    house
        .until("the warehouse reads", |house| house.log("warehouse").contains("reading oms.out.warehouse"))
        .await;
}
