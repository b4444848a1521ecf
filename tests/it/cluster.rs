//! A node of the broker's cluster dies under load, then the database's primary: nothing else is lost, no order, no charge,
//! no mail, and whoever was told "accepted" was told the truth. What an operator does then is in `ops/SCALING.md`.

use std::time::Duration;

use serde_json::json;
use tests::chaos::proxy::Proxy;
use tests::cluster::{self, Cluster, Half};
use tests::{Servers, TestHouse};

use super::faults::{Sale, adds_up, apply_catalogue, open_on, start_store};

const DELIVERED: &str = "SELECT count(DISTINCT order_number) FROM lifecycle.facts WHERE kind = 'delivered'";
/// A steady load that two cores carry beside three brokers.
const PER_SECOND: u32 = 10;
const ORDERS: i64 = 160;
/// Orders that pass the whole house before anything breaks.
const SOME: i64 = 40;

#[tokio::test]
async fn a_broker_that_loses_a_node_under_load_loses_nothing_else() {
    let broker = Cluster::start("test-cluster", Half::Broker);
    let management = broker.servers().management;
    let mut house = open_on(&broker.servers(), "node").await;
    let leads = cluster::until_all_three(&management, house.name()).await;
    let (leader, _) = leads.into_iter().max_by_key(|(_, queues)| *queues).expect("every queue has a leader");
    let node = cluster::number_of(&leader);
    // The node that leads most queues is also the one that everybody is connected to.
    let amqp = cluster::with_node_first(house.setting("OMS_AMQP_URL"), node);
    house.set("OMS_AMQP_URL", &amqp);
    let products = start_all(&mut house).await;
    until_connected(&management, &house, &leader).await;
    start_store(&mut house, &products, &sale("first", 1));
    house.until_at_least("orders pass", DELIVERED, SOME).await;

    broker.run(&["kill-node", &node.to_string()]);
    assert!(house.count(DELIVERED).await < ORDERS, "killed under load, not after it");
    finish(&mut house, "first").await;
    house.until_count("every order passes without the node", DELIVERED, ORDERS).await;

    start_store(&mut house, &products, &sale("second", 2));
    house.until_at_least("orders pass", DELIVERED, ORDERS + SOME / 2).await;
    broker.run(&["start-node", &node.to_string()]);
    finish(&mut house, "second").await;
    let management = broker.servers().management;
    house.set("OMS_RABBITMQ_MANAGEMENT_URL", &management);
    cluster::until_all_three(&management, house.name()).await;
    house.oms_ok(&["topology", "diff"]);
    nothing_is_lost(&house, 2 * ORDERS).await;
    assert!(
        house.mails().await.iter().all(|mail| mail.copies == 1),
        "a broker that breaks mails nothing twice"
    );
}

// The address is held by a task of this process, and the house waits for its programs without yielding.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_fails_over_to_its_replica_under_load_loses_nothing() {
    let database = Cluster::start("test-replica", Half::Database);
    let primary = database.servers();
    let address = Proxy::open(port_of(&primary.database)).await.expect("a free port");
    let by_address = primary
        .database
        .replace(&format!(":{}/", port_of(&primary.database)), &format!(":{}/", address.port));
    let mut house = open_on(&Servers { database: by_address, ..primary }, "failover").await;
    let products = start_all(&mut house).await;
    start_store(&mut house, &products, &sale("first", 1));
    house.until_at_least("orders pass", DELIVERED, SOME).await;

    database.run(&["kill-primary"]);
    database.run(&["promote"]);
    address.lead_to(port_of(&database.servers().database));
    assert!(house.count(DELIVERED).await < ORDERS, "killed under load, not after it");

    finish(&mut house, "first").await;
    nothing_is_lost(&house, ORDERS).await;
}

/// Two processes, each with every room; gives the path of the catalogue.
async fn start_all(house: &mut TestHouse) -> String {
    for process in ["rooms-1", "rooms-2"] {
        house.start_rooms(process, "all").await;
    }
    let products = apply_catalogue(house);
    house.start_warehouse(&[]).await;
    products
}

fn sale(process: &str, seed: u32) -> Sale<'_> {
    Sale { process, orders: ORDERS, per_second: PER_SECOND, seed }
}

/// Every order of a store has been answered, and none otherwise than with yes.
async fn finish(house: &mut TestHouse, store: &str) {
    let sale = house.finish_json(store);
    assert_eq!(sale["tally"]["accepted"], json!(ORDERS), "{store}: {sale}");
}

/// Whoever was accepted got everything, once.
async fn nothing_is_lost(house: &TestHouse, orders: i64) {
    for kind in ["accepted", "dispatched", "captured", "delivered"] {
        let sql = format!("SELECT count(*) FROM lifecycle.facts WHERE kind = '{kind}'");
        house.until_count(kind, &sql, orders).await;
    }
    let told = "SELECT count(*) FROM notifications.notices WHERE status IN ('sent', 'unclear')";
    house.until_count("every customer is told, four times each", told, 4 * orders).await;
    adds_up(house).await;
}

async fn until_connected(management: &str, house: &TestHouse, node: &str) {
    let mut tries = 0;
    // The management API knows connections some seconds late.
    while cluster::connections(management, house.name()).await.get(node).copied().unwrap_or_default() < 4 {
        tries += 1;
        assert!(tries < 60, "nobody is connected to {node}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn port_of(url: &str) -> u16 {
    let (_, port) = url.rsplit_once(':').expect("a port");
    port.split('/').next().and_then(|port| port.parse().ok()).expect("a port")
}
