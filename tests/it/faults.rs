//! Processes die in the middle of their work, are asked to stop, and hear everything several times. No order may be lost,
//! no card charged twice, no unit counted twice, nobody told twice.

use std::collections::BTreeSet;

use messages::{Kind, Room};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::chaos::ledger::{OVERSOLD, SHIPPED_TWICE};
use tests::client::{Client, Submitter, event};
use tests::orders::{now, number, order, product};
use tests::tap::{Passed, Tap};
use tests::{Servers, TestHouse};

const ORDERS: i64 = 400;
/// Longer than a sweep.
const PATIENCE_SECONDS: &str = "100";

#[tokio::test]
async fn a_house_that_is_killed_again_and_again_still_accounts_for_every_order() {
    let mut house = open("killed").await;
    // Whole batches would carry all orders past a desk between two looks at it.
    house.set("OMS_BATCH_EVENTS", "16");
    house.start_rooms("rooms", "all").await;
    let path = apply_catalogue(&house);
    house.start_warehouse(&["--double-permille", "50", "--late-permille", "50"]).await;
    start_store(&mut house, &path, &at_once(ORDERS));

    // Each time in the middle of another desk's work.
    for (desk, kind, facts) in [
        ("intake", "accepted", 40),
        ("payment", "authorized", 60),
        ("fulfillment", "dispatched", 80),
        ("payment", "captured", 100),
        ("tracking", "delivered", 120),
    ] {
        let sql = format!("SELECT count(*) FROM lifecycle.facts WHERE kind = '{kind}'");
        house.until_at_least(&format!("{desk} is at work"), &sql, facts).await;
        house.kill("rooms");
        let passed = house.count(&sql).await;
        assert!(passed < ORDERS, "killed in the middle of {kind}, not after it: {passed}");
        house.time_passes().await;
        house.start_rooms("rooms", "all").await;
    }

    let sale = house.finish_json("store");
    assert_eq!(sale["tally"]["accepted"], json!(ORDERS), "{sale}");
    house
        .until_count(
            "every order is delivered",
            "SELECT count(DISTINCT order_number) FROM lifecycle.facts WHERE kind = 'delivered'",
            ORDERS,
        )
        .await;
    house
        .until_count(
            "every parcel is charged",
            "SELECT count(*) FROM lifecycle.facts WHERE kind = 'captured'",
            ORDERS,
        )
        .await;
    let told = "SELECT count(*) FROM notifications.notices WHERE status IN ('sent', 'unclear')";
    house.until_count("every customer is told, four times each", told, 4 * ORDERS).await;
    adds_up(&house).await;
}

#[tokio::test]
async fn a_house_that_loses_the_sessions_that_vouch_for_its_calls_makes_each_call_once() {
    let mut house = open("unvouched").await;
    house.start_rooms("rooms", "all").await;
    // A second process that may take the calls of the first as soon as nobody vouches for them.
    house.start_rooms("second", "payment,notifications").await;
    let path = apply_catalogue(&house);
    house.start_warehouse(&[]).await;
    start_store(&mut house, &path, &at_once(150));
    for authorized in [20, 60, 100] {
        let sql = "SELECT count(*) FROM lifecycle.facts WHERE kind = 'authorized'";
        house.until_at_least("payment is at work", sql, authorized).await;
        house
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks
                 WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            .await;
    }
    house.finish("store");
    for (kind, wanted) in [("delivered", 150), ("captured", 150)] {
        let sql = format!("SELECT count(*) FROM lifecycle.facts WHERE kind = '{kind}'");
        house.until_count(kind, &sql, wanted).await;
    }
    let told = "SELECT count(*) FROM notifications.notices WHERE status IN ('sent', 'unclear')";
    house.until_count("every customer is told, four times each", told, 600).await;
    adds_up(&house).await;
}

/// A database that stalls cancels whatever runs too long, and so may a person: neither is the event's fault.
#[tokio::test]
async fn a_statement_that_is_cancelled_parks_nobody() {
    let mut house = open("cancelled").await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 1)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut other =
        PgConnection::connect(house.setting("OMS_DATABASE_URL")).await.expect("PostgreSQL answers");
    let mut standstill = other.begin().await.expect("a transaction");
    let lock = "LOCK TABLE intake.orders IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *standstill).await.expect("nobody is at work");
    let id = store.send("order.submit.v1", order("ALONE", 1, &[("19XE", 1)])).await;
    for _ in 0..3 {
        let cancelled = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
             WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%orders%'";
        house.until_at_least("its statement is cancelled", cancelled, 1).await;
    }
    standstill.rollback().await.expect("a rollback");
    assert_eq!(store.answer_to(&id).await["outcome"], "accepted");
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
    assert!(house.log("rooms").contains("SQLSTATE 57014"), "it was cancelled");
}

#[tokio::test]
async fn a_process_that_is_asked_to_stop_finishes_what_it_has_begun_and_ends_well() {
    let mut house = open("drain").await;
    house.start_rooms("rooms", "all").await;
    let path = apply_catalogue(&house);
    house.start_warehouse(&[]).await;
    start_store(&mut house, &path, &at_once(150));
    for (kind, facts) in [("accepted", 30), ("captured", 60)] {
        house
            .until_at_least(
                kind,
                &format!("SELECT count(*) FROM lifecycle.facts WHERE kind = '{kind}'"),
                facts,
            )
            .await;
        // Exit code 1 would say that the deadline of OMS_DRAIN_SECONDS has passed.
        assert_eq!(house.terminate("rooms"), Some(0), "{}", house.log("rooms"));
        assert!(
            house.log("rooms").lines().last().is_some_and(|line| line.contains("\"message\":\"stopped\""))
        );
        for room in Room::ALL {
            let left = house.texts(&format!("SELECT routing_key FROM {room}.outbox")).await;
            assert!(left.is_empty(), "{room} would leave this to a later sweep: {left:?}");
        }
        // Nothing is in an unknown state, so nothing has to be waited for or looked up.
        for room in ["payment", "notifications"] {
            assert_eq!(
                house.count(&format!("SELECT count(*) FROM {room}.due WHERE started_at IS NOT NULL")).await,
                0,
                "{room} left a call open"
            );
        }
        house.start_rooms("rooms", "all").await;
    }
    house.finish("store");
    house
        .until_count(
            "every order is delivered",
            "SELECT count(DISTINCT order_number) FROM lifecycle.facts WHERE kind = 'delivered'",
            150,
        )
        .await;
    house
        .until_count(
            "every parcel is charged",
            "SELECT count(*) FROM lifecycle.facts WHERE kind = 'captured'",
            150,
        )
        .await;
    house
        .until_count(
            "every customer is told",
            "SELECT count(*) FROM notifications.notices WHERE status = 'sent'",
            600,
        )
        .await;
    adds_up(&house).await;
    assert!(house.mails().await.iter().all(|mail| mail.copies == 1), "an orderly stop mails nothing twice");
}

#[tokio::test]
async fn whatever_rooms_say_to_each_other_may_be_said_four_times() {
    let mut house = open("said_again").await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    house.start_rooms("rooms", "all").await;
    let mut tap = Tap::open(&house, &["oms"]).await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    house.start_warehouse(&[]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut numbers = Vec::new();
    for (household, token) in ["tok_ok_1", "tok_decline_never"].into_iter().enumerate() {
        let mut one = order(&format!("WEB-{household}"), household, &[("19XE", 2)]);
        one["payment"]["token"] = json!(token);
        let id = store.send("order.submit.v1", one).await;
        let answer = store.answer_to(&id).await;
        assert_eq!(answer["outcome"], "accepted", "{answer}");
        numbers.push(answer["order"].as_str().expect("a number").to_owned());
    }
    house.until_fact(&numbers[0], "noticed", 4).await;
    house.until_fact(&numbers[0], "captured", 1).await;
    house.until_fact(&numbers[1], "noticed", 3).await;

    let said = tap.events(house.count("SELECT count(*) FROM audit.records").await).await;
    let before = picture(&house).await;
    let admin = Submitter::open_at(house.setting("OMS_AMQP_URL"), "").await;
    let mut heard_again = 0;
    for _ in 0..3 {
        for Passed { key, properties, bytes, .. } in &said {
            admin.publish_with("oms", key, bytes, properties.clone()).await.expect("taken");
            let events: Value = serde_json::from_slice(bytes).expect("JSON");
            let events = events.as_array().map_or(1, Vec::len);
            let readers = Kind::parse(key).expect("a kind").read_by().len() + 1;
            heard_again += events * readers;
        }
        // Round by round: two copies in one batch would count as one.
        until_repeated(&house, heard_again).await;
    }
    assert_eq!(picture(&house).await, before);
    assert_eq!(house.mails().await.iter().map(|mail| mail.copies).sum::<u64>(), 7);
    adds_up(&house).await;
}

#[tokio::test]
async fn whatever_outsiders_say_is_silent_under_its_own_id_and_answered_under_a_new_one() {
    let mut house = open("resent").await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 50)]).await;
    let mut merchandising = Client::open(&house, "merchandising").await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let carriers = Client::open(&house, "carriers").await;
    let mut define = product("20EA");
    define["price"] = json!(6450);
    let mut heard_again = 0;
    let definition = json!({ "reference": "DEF-1", "product": define });
    repeats(&house, &mut merchandising, "merchandising", "product.define.v1", definition, &mut heard_again)
        .await;
    let pallet = json!({ "reference": "PALLET-1", "item": "20EA", "quantity": 7 });
    repeats(&house, &mut merchandising, "merchandising", "stock.receive.v1", pallet, &mut heard_again).await;
    repeats(
        &house,
        &mut store,
        "web-store",
        "order.submit.v1",
        order("WEB-1", 1, &[("19XE", 1)]),
        &mut heard_again,
    )
    .await;
    let asked = warehouse.next("a shipment request", |event| event["type"] == "shipment.requested.v1").await
        ["data"]
        .clone();
    let parcel = json!({ "shipment": asked["shipment"], "carrier": "usps", "tracking": "9400111206206406260787", "packed_at": now(), "lines": asked["lines"] });
    repeats(&house, &mut warehouse, "warehouse", "shipment.packed.v1", parcel, &mut heard_again).await;
    // Scans are many and answered only if they are refused.
    let scan =
        json!({ "carrier": "usps", "tracking": "9400111206206406260787", "code": "01", "scanned_at": now() });
    let bytes = event("carriers", "scan-1", "carrier.scan.v1", &scan).to_string();
    carriers
        .publish("carrier.scan.v1", Some("application/cloudevents+json"), bytes.as_bytes(), "scan-1")
        .await;
    house.until_fact(asked["order"].as_str().expect("an order"), "delivered", 1).await;
    resend(&house, &carriers, "carrier.scan.v1", "scan-1", &bytes, &mut heard_again).await;
    carriers.send("carrier.scan.v1", scan).await;
    let number_text = asked["order"].as_str().expect("an order");
    house.until_fact(number_text, "noticed", 4).await;
    house.until_fact(number_text, "delivered", 1).await;
    house.until_count("received once", "SELECT on_hand FROM inventory.items WHERE key = '20EA'", 7).await;
    assert!(!carriers.has(|_| true));
    adds_up(&house).await;
}

/// Sends an event four times under its id and once under a new one; `heard_again` counts the repeats of the house.
async fn repeats(
    house: &TestHouse,
    client: &mut Client,
    name: &str,
    kind: &str,
    body: Value,
    heard_again: &mut usize,
) {
    let id = format!("first-{kind}");
    let bytes = event(name, &id, kind, &body).to_string();
    client.publish(kind, Some("application/cloudevents+json"), bytes.as_bytes(), &id).await;
    let first = client.answer_to(&id).await;
    assert!(["accepted", "done"].contains(&first["outcome"].as_str().unwrap_or_default()), "{kind}: {first}");
    resend(house, client, kind, &id, &bytes, heard_again).await;
    let again = client.send(kind, body).await;
    let again = client.answer_to(&again).await;
    assert_eq!(again["outcome"], "repeated", "{kind}: {again}");
    assert!(
        !client.has(|event| event["data"]["answers"] == id.as_str()),
        "{kind}: a resend under its own id is silent"
    );
}

async fn resend(
    house: &TestHouse,
    client: &Client,
    kind: &str,
    id: &str,
    bytes: &str,
    heard_again: &mut usize,
) {
    for _ in 0..3 {
        client.publish(kind, Some("application/cloudevents+json"), bytes.as_bytes(), id).await;
        *heard_again += 1;
        // One by one: two copies in one batch would count as one.
        until_repeated(house, *heard_again).await;
    }
}

pub(super) async fn open(test: &str) -> TestHouse {
    open_on(&Servers::of_environment(), test).await
}

pub(super) async fn open_on(servers: &Servers, test: &str) -> TestHouse {
    let mut house = TestHouse::on(servers, test).await;
    house.start_mail_sink().await;
    house.set("OMS_PAYMENT_LOOKUP_DELAY", "1");
    house
}

pub(super) fn apply_catalogue(house: &TestHouse) -> String {
    let path = house.folder().join("catalogue.json");
    std::fs::write(&path, house.world_ok(&["products", "--units", "1000"]))
        .expect("the house's folder is writable");
    let path = path.display().to_string();
    house.oms_ok(&["products", "apply", &path]);
    path
}

/// Orders of a store, all of them good; another seed is another crowd.
pub(super) struct Sale<'a> {
    pub(super) process: &'a str,
    pub(super) orders: i64,
    pub(super) per_second: u32,
    pub(super) seed: u32,
}

/// More orders per second than the house takes.
const fn at_once(orders: i64) -> Sale<'static> {
    Sale { process: "store", orders, per_second: 80, seed: 1 }
}

pub(super) fn start_store(house: &mut TestHouse, products: &str, sale: &Sale<'_>) {
    let users = house.setting("OMS_CREDENTIALS_FILE").to_owned();
    let (orders, rate, seed) = (sale.orders.to_string(), sale.per_second.to_string(), sale.seed.to_string());
    let mut arguments = vec!["store", "--plain", "--json", "--credentials", &users, "--products", products];
    arguments.extend(["--orders", &orders, "--rate", &rate, "--seed", &seed, "--patience", PATIENCE_SECONDS]);
    house.start(sale.process, "world", &arguments);
}

/// What must be true of every house in which nothing is under way any more.
pub(super) async fn adds_up(house: &TestHouse) {
    for room in Room::ALL {
        house
            .until_count(
                &format!("the outbox of {room} is empty"),
                &format!("SELECT count(*) FROM {room}.outbox"),
                0,
            )
            .await;
        house
            .until_count(&format!("nothing is due in {room}"), &format!("SELECT count(*) FROM {room}.due"), 0)
            .await;
        assert_eq!(house.count(&format!("SELECT count(*) FROM {room}.mark")).await, 0);
    }
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
    let ledger = house.gateway_ledger().await;
    assert_eq!(ledger["doubled"], json!([]), "nobody is charged twice");
    assert_eq!(ledger["total"]["held"], json!(0));
    let owed = house
        .count(
            "SELECT coalesce(sum((a.state->'what'->>'total')::bigint), 0)::bigint FROM lifecycle.facts a WHERE a.kind = 'accepted'
             AND EXISTS (SELECT FROM lifecycle.facts d WHERE d.order_number = a.order_number AND d.kind = 'delivered')",
        )
        .await;
    assert_eq!(number(&ledger["total"]["captured"]), owed, "charged is what was delivered, to the cent");
    assert_eq!(
        house.count("SELECT coalesce(sum(captured), 0)::bigint FROM payment.releases").await,
        owed,
        "payment's own books say the same"
    );
    for count in [SHIPPED_TWICE, OVERSOLD] {
        assert_eq!(house.count(count).await, 0, "{count}");
    }
    let units = "SELECT coalesce(sum((line->>'quantity')::bigint), 0)::bigint FROM lifecycle.facts, jsonb_array_elements(state->'what'->'lines') AS line WHERE kind = 'dispatched'";
    let received = "SELECT sum((state->'what'->>'change')::bigint)::bigint FROM lifecycle.facts WHERE kind = 'stock_changed'";
    let (units, received) = (house.count(units).await, house.count(received).await);
    house.until_count("the units have left", "SELECT sum(shipped)::bigint FROM inventory.items", units).await;
    assert_eq!(house.count("SELECT sum(reserved)::bigint FROM inventory.items").await, 0);
    assert_eq!(house.count("SELECT sum(on_hand)::bigint FROM inventory.items").await, received - units);
    let mails = house.mails().await;
    let ids: BTreeSet<&str> = mails.iter().map(|mail| mail.message_id.as_str()).collect();
    assert_eq!(ids.len(), mails.len());
    assert!(
        mails.iter().all(|mail| mail.copies <= 2),
        "a mail of unknown outcome goes out once more, never a third time"
    );
    let notices = house.count("SELECT count(*) FROM notifications.notices WHERE status = 'sent'").await;
    let unclear = house.count("SELECT count(*) FROM notifications.notices WHERE status = 'unclear'").await;
    let sent = i64::try_from(ids.len()).expect("few");
    assert!(
        (notices..=notices + unclear).contains(&sent),
        "{sent} mails for {notices} notices, {unclear} unclear"
    );
    let verdict = house.oms_json(&["audit", "verify"]);
    assert!(verdict["first_bad"].is_null(), "{verdict}");
    let events = house.count("SELECT count(DISTINCT event_id) FROM audit.records").await;
    assert_eq!(number(&verdict["rows"]), events, "no message stands in the chain twice");
}

/// Waits until the rooms of the process "rooms" have recognized so many events as known.
async fn until_repeated(house: &TestHouse, wanted: usize) {
    let begun = std::time::Instant::now();
    loop {
        let metrics = house.metrics("rooms").await;
        let repeated: f64 = metrics
            .iter()
            .filter(|(name, _)| name.starts_with("oms_events_repeated_total"))
            .map(|(_, count)| count)
            .sum();
        assert!(repeated <= wanted as f64, "{repeated} repeats, wanted {wanted}");
        if repeated == wanted as f64 {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "{repeated} repeats, wanted {wanted}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Every row of every table that means something, as one text.
async fn picture(house: &TestHouse) -> String {
    let tables = house
        .texts(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname = ANY(ARRAY['intake','inventory','payment','fulfillment','tracking','notifications','lifecycle','audit'])
             AND tablename NOT LIKE 'inbox%' AND tablename NOT IN ('outbox', '_sqlx_migrations') ORDER BY 1",
        )
        .await;
    let mut picture = String::new();
    for table in tables {
        let rows = house.texts(&format!("SELECT t::text FROM {table} t ORDER BY 1")).await;
        picture += &format!("{table}\n{}\n", rows.join("\n"));
    }
    picture
}
