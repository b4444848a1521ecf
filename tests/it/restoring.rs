//! The database is lost, and a backup of a moment is restored beside a broker that went on: `ops/runbooks/restore-postgresql.md`
//! as it stands, command by command. Every order ends, nothing is charged, sent or counted twice.

use std::process::Command;

use lapin::BasicProperties;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::{Connection as _, PgConnection};
use tests::TestHouse;
use tests::client::{Client, Submitter};
use tests::orders::{number, order, product};
use tests::tap::{Passed, Tap};

const UNITS: u32 = 100;

#[tokio::test]
async fn a_database_restored_beside_a_newer_broker_ends_every_order_once() {
    let mut house = TestHouse::new("restoring").await;
    house.set("OMS_PAYMENT_LOOKUP_DELAY", "0");
    house.start_mail_sink().await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", UNITS)]).await;
    house.start_warehouse(&["--trouble-permille", "0"]).await;
    let mut store = Client::open(&house, "web-store").await;
    let tap = Tap::open(&house, &["oms.in", MARK]).await;

    // What is in the backup: orders that were through, and some that were under way.
    let orders: Vec<Value> = (1..=20).map(|at| order(&format!("WEB-{at}"), at, &[("19XE", 1)])).collect();
    let mut numbers = submit(&mut store, &orders[..4]).await;
    for number in &numbers {
        house.until_fact(number, "delivered", 1).await;
    }
    numbers.extend(submit(&mut store, &orders[4..8]).await);
    let backup = back_up(&house);
    let head = step(&house, "oms --json audit verify");

    // What is not: orders that were through, and others that a crash met anywhere.
    numbers.extend(submit(&mut store, &orders[8..12]).await);
    for number in &numbers {
        house.until_fact(number, "delivered", 1).await;
    }
    numbers.extend(submit(&mut store, &orders[12..16]).await);
    house.kill("rooms");
    // Outsiders go on sending.
    for order in &orders[16..] {
        store.send("order.submit.v1", order.clone()).await;
    }

    let heard = said(&house, tap).await;

    restore(&house, &backup).await;
    step(&house, "oms migrate");
    // The test's own ear goes away by itself.
    house.until("nothing else is bound", |house| house.oms(&["topology", "diff"]).code == Some(0)).await;
    for command in ["oms topology diff", "oms audit verify"] {
        step(&house, command);
    }
    let restored = step(&house, "oms --json audit verify");
    assert!(
        restored["rows"].as_i64() <= head["rows"].as_i64(),
        "T is before what was noted: {restored} {head}"
    );
    assert!(numbers_of(&house).await < 16, "the backup knows less than the broker");

    start(&mut house, "careful", "oms run --rooms intake,inventory,tracking,undelivered,lifecycle,audit")
        .await;
    step(&house, "oms status");
    // Each outsider sends again what it has sent: the store under the same references, the others the same words.
    let again = submit(&mut store, &orders).await;
    for name in ["warehouse", "carriers"] {
        say_again(&house, name, &heard).await;
    }
    assert_eq!(again[..numbers.len()], numbers, "an order that is sent again is the same order");
    for command in ["oms hold list", "oms tasks list", "oms products list"] {
        step(&house, command);
    }
    start(&mut house, "acting", "oms run --rooms payment,fulfillment").await;
    start(&mut house, "telling", "oms run --rooms notifications,promotions").await;

    for number in &again {
        house.until_fact(number, "delivered", 1).await;
        house.until_fact(number, "captured", 1).await;
    }
    ends_well(&house, i64::try_from(again.len()).expect("few")).await;
}

/// An exchange of the broker's own, on which a mark is heard by nobody else.
const MARK: &str = "amq.fanout";

/// Everything that outsiders have said so far, as each of them would have kept it.
async fn said(house: &TestHouse, mut tap: Tap) -> Vec<Passed> {
    let end = Submitter::open_at(house.setting("OMS_AMQP_URL"), "oms").await;
    end.publish_with(MARK, "mark", b"{}", BasicProperties::default()).await.expect("taken");
    tap.until(MARK, "mark").await
}

/// One of them says everything once more.
async fn say_again(house: &TestHouse, name: &str, heard: &[Passed]) {
    let sender = Submitter::open(house, name).await;
    let is_its =
        |passed: &&Passed| passed.properties.user_id().as_ref().is_some_and(|user| user.as_str() == name);
    let mut times = 0;
    for passed in heard.iter().filter(is_its) {
        let properties = passed.properties.clone();
        sender.publish_with("oms.in", &passed.key, &passed.bytes, properties).await.expect("taken");
        times += 1;
    }
    assert!(times > 0, "{name} has said nothing");
}

/// Sends each order; gives their numbers.
async fn submit(store: &mut Client, orders: &[Value]) -> Vec<String> {
    let mut numbers = Vec::new();
    for order in orders {
        let id = store.send("order.submit.v1", order.clone()).await;
        numbers.push(store.answer_to(&id).await["order"].as_str().expect("a number").to_owned());
    }
    numbers
}

/// Runs a command that the page names, which must do well; gives what it printed, if that is JSON.
fn step(house: &TestHouse, command: &str) -> Value {
    assert!(page().lines().any(|line| line == command), "the page does not say: {command}");
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    serde_json::from_str(&house.oms_ok(&arguments)).unwrap_or_default()
}

async fn start(house: &mut TestHouse, process: &str, command: &str) {
    assert!(page().lines().any(|line| line == command), "the page does not say: {command}");
    house.start_rooms(process, command.rsplit(' ').next().expect("rooms")).await;
}

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/runbooks/restore-postgresql.md");
    std::fs::read_to_string(path).expect("the page")
}

/// A consistent copy of one moment, as a base backup with its WAL would be.
fn back_up(house: &TestHouse) -> String {
    let path = house.folder().join("backup").display().to_string();
    let url = house.setting("OMS_DATABASE_URL");
    let ran = Command::new("pg_dump").args(["--format", "custom", "--file", &path, url]).output();
    let ran = ran.expect("pg_dump runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    path
}

/// The house's database is gone, and then as it was.
async fn restore(house: &TestHouse, backup: &str) {
    let url = house.setting("OMS_DATABASE_URL");
    let (server, name) = url.rsplit_once('/').expect("a URL");
    let mut admin = PgConnection::connect(&format!("{server}/postgres")).await.expect("PostgreSQL answers");
    for statement in [format!("DROP DATABASE {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.expect("the login may");
    }
    let ran = Command::new("pg_restore").args(["--exit-on-error", "--dbname", url, backup]).output();
    let ran = ran.expect("pg_restore runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

async fn numbers_of(house: &TestHouse) -> i64 {
    house.count("SELECT count(*) FROM intake.orders").await
}

/// Nothing waits, nothing is told twice, and the gateway and the shelf say the same as the house.
async fn ends_well(house: &TestHouse, orders: i64) {
    for room in messages::Room::ALL {
        let empty = format!("SELECT count(*) FROM {room}.outbox");
        house.until_count(&format!("the outbox of {room} is empty"), &empty, 0).await;
        house
            .until_count(&format!("nothing is due in {room}"), &format!("SELECT count(*) FROM {room}.due"), 0)
            .await;
    }
    assert_eq!(step(house, "oms parked list"), Value::Null);
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
    // It would end with another code if some were.
    step(house, "oms orders stuck");
    assert_eq!(numbers_of(house).await, orders);
    let ledger = house.gateway_ledger().await;
    assert_eq!(ledger["doubled"], json!([]), "nobody is charged twice");
    assert_eq!(ledger["total"]["held"], json!(0), "nothing is held for nothing");
    // An order that was accepted before the loss and again after it may be told twice; it is one order.
    let owed = "SELECT sum(total)::bigint FROM (SELECT DISTINCT order_number, (state->'what'->>'total')::bigint AS total
                FROM lifecycle.facts WHERE kind = 'accepted') AS orders";
    assert_eq!(number(&ledger["total"]["captured"]), house.count(owed).await, "charged to the cent");
    for (what, sql, wanted) in [
        (
            "sent",
            "SELECT count(DISTINCT state->'what'->>'shipment') FROM lifecycle.facts WHERE kind = 'dispatched'",
            orders,
        ),
        ("shipped", "SELECT sum(shipped)::bigint FROM inventory.items", orders),
        ("on the shelf", "SELECT sum(on_hand)::bigint FROM inventory.items", i64::from(UNITS) - orders),
        ("reserved", "SELECT sum(reserved)::bigint FROM inventory.items", 0),
        ("parcels", "SELECT count(*) FROM tracking.parcels WHERE state IS NOT NULL", orders),
    ] {
        house.until_count(what, sql, wanted).await;
    }
    assert!(step(house, "oms --json audit verify")["first_bad"].is_null());
}
