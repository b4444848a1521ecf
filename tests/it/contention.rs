//! Many want the same few units at one moment, and several replicas of each room decide. Not one unit too many may be
//! promised, and not one be left over.

use serde_json::{Value, json};
use tests::TestHouse;
use tests::client::{Client, Submitter};
use tests::orders::{address, order, product};

const SUBMITTERS: usize = 64;
const CAP: i64 = 40;
const REPLICAS: [&str; 3] = ["one", "two", "three"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_times_the_demand_exactly_the_cap_is_reserved_by_three_replicas() {
    let mut scarce = product("19XE");
    scarce["product_limit"] = json!(CAP);
    scarce["mintage"] = json!({ "pool": "2019-ERP", "limit": 1000, "coins_per_unit": 1 });
    let house = open("contention", &[scarce], 1_000).await;
    // 96 orders for 120 units: every fourth one asks in two lines of the same item.
    let orders: Vec<Value> = (0..96)
        .map(|at| {
            let lines: &[(&str, u32)] =
                if at % 4 == 0 { &[("19XE", 1), ("19XE", 1)] } else { &[("19XE", 1)] };
            order(&format!("RUSH-{at}"), at, lines)
        })
        .collect();
    let units: u64 = orders
        .iter()
        .flat_map(|order| order["lines"].as_array().expect("lines"))
        .filter_map(|line| line["quantity"].as_u64())
        .sum();
    assert_eq!(units, 3 * CAP as u64);
    rush(&house, orders).await;

    let given = "SELECT coalesce(sum((line->>'quantity')::bigint), 0)::bigint FROM lifecycle.facts, jsonb_array_elements(state->'what'->'lines') AS line";
    house
        .until_count("every other unit is refused", &format!("{given} WHERE kind = 'unavailable'"), 2 * CAP)
        .await;
    house
        .until_count("exactly the cap is told as reserved", &format!("{given} WHERE kind = 'reserved'"), CAP)
        .await;
    assert_eq!(house.count("SELECT reserved FROM inventory.items WHERE key = '19XE'").await, CAP);
    assert_eq!(house.count("SELECT promised FROM inventory.pools WHERE key = '2019-ERP'").await, CAP);
    house
        .until_count("what is reserved is authorized", &format!("{given} WHERE kind = 'authorized'"), CAP)
        .await;
    assert!(house.gateway_ledger().await["doubled"].as_array().is_some_and(Vec::is_empty));
    every_replica_worked(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_household_gets_its_limit_once_however_many_replicas_and_channels_it_asks() {
    let mut limited = product("19XE");
    limited["household_limit"] = json!({ "units": 1 });
    let house = open("household", &[limited], 1_000).await;
    // Three households of 24 orders: one by its address, one by its card, one by its account. A fourth asks for two units in two lines.
    let mut orders: Vec<Value> = (0..72)
        .map(|at| {
            let mut one = order(&format!("HOUSE-{at}"), at, &[("19XE", 1)]);
            match at % 3 {
                0 => one["deliveries"][0]["address"] = address(1_000),
                1 => one["payment"]["fingerprint"] = json!("fpr_shared"),
                _ => one["customer"] = json!("C-SHARED"),
            }
            one
        })
        .collect();
    orders.push(order("HOUSE-TWO-LINES", 500, &[("19XE", 1), ("19XE", 1)]));
    rush(&house, orders).await;

    let lines = "SELECT count(*) FROM lifecycle.facts, jsonb_array_elements(state->'what'->'lines') AS line";
    house
        .until_count("everybody else is over the limit", &format!("{lines} WHERE kind = 'limited'"), 74 - 4)
        .await;
    house.until_count("one unit for each household", &format!("{lines} WHERE kind = 'reserved'"), 4).await;
    assert_eq!(house.count("SELECT reserved FROM inventory.items WHERE key = '19XE'").await, 4);
    every_replica_worked(&house).await;
}

/// Three replicas of each room.
async fn open(test: &str, products: &[Value], stock: u32) -> TestHouse {
    let mut house = TestHouse::new(test).await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    // Small batches, so that no replica takes the whole rush at once.
    house.set("OMS_BATCH_EVENTS", "8");
    for process in REPLICAS {
        house.start_rooms(process, "intake,inventory").await;
        let rest = "payment,fulfillment,tracking,notifications,lifecycle,audit";
        house.start_rooms(&format!("{process}-rest"), rest).await;
    }
    house.define(products, &[("19XE", stock)]).await;
    house
}

/// Submits by many connections at one moment, and waits until each order is answered as accepted. The item is held until
/// every replica of inventory waits for it, so that they all go on at one moment too.
async fn rush(house: &TestHouse, orders: Vec<Value>) {
    let held = house.hold("SELECT FROM inventory.items WHERE key = '19XE' FOR UPDATE").await;
    let mut store = Client::open(house, "web-store").await;
    let mut shares: Vec<Vec<Value>> = vec![Vec::new(); SUBMITTERS];
    let count = orders.len();
    for (at, order) in orders.into_iter().enumerate() {
        shares[at % SUBMITTERS].push(order);
    }
    let submitters =
        futures_util::future::join_all((0..SUBMITTERS).map(|_| Submitter::open(house, "web-store"))).await;
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(SUBMITTERS));
    let tasks: Vec<_> = submitters
        .into_iter()
        .zip(shares)
        .map(|(submitter, share)| {
            let gate = gate.clone();
            tokio::spawn(async move {
                gate.wait().await;
                for order in share {
                    submitter.send("order.submit.v1", order).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every submitter submits");
    }
    for _ in 0..count {
        let answer = store.next("an answer", |event| event["type"] == "command.answered.v1").await;
        assert_eq!(answer["data"]["outcome"], "accepted", "{answer}");
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    house.until_at_least("every replica waits for the item", waiting, 3).await;
    drop(held);
}

/// Without this, one replica might have done all the work, and nothing would have been shown.
async fn every_replica_worked(house: &TestHouse) {
    for process in REPLICAS {
        let metrics = house.metrics(process).await;
        for room in ["intake", "inventory"] {
            let decided = metrics[&format!("oms_events_decided_total{{room=\"{room}\"}}")];
            assert!(decided > 0.0, "{process} took no part in {room}: {metrics:#?}");
        }
    }
}
