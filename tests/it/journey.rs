//! One order's way through the eight rooms, and each of the ways on which it can end elsewhere.

use serde_json::{Value, json};
use tests::TestHouse;
use tests::client::{Client, event};
use tests::orders::{PRICE, SHIPPING, address, at, now, number, order, product, total_up};

#[tokio::test]
async fn an_order_of_the_web_store_goes_from_submit_to_delivered_through_all_rooms() {
    let mut house = TestHouse::new("journey").await;
    house.start_mail_sink().await;
    house.start_rooms("front", "intake,inventory,lifecycle").await;
    house.start_rooms("middle", "payment,fulfillment,audit").await;
    house.start_rooms("back", "tracking,notifications").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    house.start_warehouse(&[]).await;
    let mut store = Client::open(&house, "web-store").await;

    let id = store.send("order.submit.v1", order("WEB-1", 1, &[("19XE", 2)])).await;
    let answer = store.answer_to(&id).await;
    assert_eq!((&answer["outcome"], &answer["reference"]), (&json!("accepted"), &json!("WEB-1")));
    let number_text = answer["order"].as_str().expect("an order number").to_owned();

    house.until_fact(&number_text, "delivered", 1).await;
    house.until_fact(&number_text, "captured", 1).await;
    house.until_fact(&number_text, "noticed", 4).await;
    let view = house.oms_json(&["orders", "show", &number_text]);
    assert_eq!(
        (&view["status"], &view["reference"], &view["total"]),
        (&json!("delivered"), &json!("WEB-1"), &json!(2 * PRICE + SHIPPING))
    );
    let told: Vec<&str> = view["history"]
        .as_array()
        .expect("a history")
        .iter()
        .filter_map(|entry| entry["what"].as_str())
        .collect();
    for start in [
        "order WEB-1 of web-store accepted",
        "customer told by e-mail: received",
        "units reserved: 2 × 19XE",
        "customer told by e-mail: confirmed",
        "release ",
        "card authorized for $136.85",
        "handed over to the warehouse",
        "parcel ",
        "card charged $136.85",
        "customer told by e-mail: shipped",
        "parcel delivered",
        "customer told by e-mail: delivered",
    ] {
        assert!(told.iter().any(|told| told.starts_with(start)), "the history tells `{start}`: {told:#?}");
    }
    assert_eq!(
        house.subjects(&number_text).await,
        ["a parcel is on its way", "a parcel was delivered", "confirmed", "received, not yet confirmed"]
    );
    let ledger = house.gateway_ledger().await;
    assert_eq!(
        (&ledger["total"]["captured"], &ledger["total"]["held"]),
        (&json!(2 * PRICE + SHIPPING), &json!(0))
    );
    assert_eq!(stock(&house, "19XE"), (3, 0, 2));
    let verdict = house.oms_json(&["audit", "verify"]);
    assert!(number(&verdict["rows"]) > 10 && verdict["first_bad"].is_null(), "{verdict}");
}

#[tokio::test]
async fn a_gift_for_two_recipients_becomes_two_shipments_that_name_no_price() {
    let house = open("gift", &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let mut gift = order("WEB-GIFT", 1, &[("19XE", 1), ("19XE", 2)]);
    gift["deliveries"][0]["gift"] = json!(true);
    gift["deliveries"][0]["gift_message"] = json!("Happy birthday");
    let second =
        json!({ "recipient": "Robin Quill", "address": address(7), "gift": true, "method": "expedited" });
    gift["deliveries"].as_array_mut().expect("deliveries").push(second);
    gift["lines"][1]["delivery"] = json!(2);
    let number_text = accepted(&mut store, gift).await;

    let mut seen = Vec::new();
    for _ in 0..2 {
        let asked = warehouse
            .next("a shipment request", |event| event["type"] == "shipment.requested.v1")
            .await["data"]
            .clone();
        assert_eq!(asked["gift"], true);
        let text = asked.to_string();
        for priced in ["price", "amount", "total", "shipping", "6595", "Quill", "Liberty"] {
            assert!(
                !text.contains(priced),
                "`{priced}` is nobody's business in the warehouse's queue: {text}"
            );
        }
        seen.push((
            asked["delivery"].clone(),
            asked["method"].clone(),
            asked["lines"][0]["quantity"].clone(),
        ));
        warehouse.send("shipment.packed.v1", packed(&asked, seen.len(), &asked["lines"])).await;
    }
    seen.sort_by_key(|(delivery, ..)| number(delivery));
    assert_eq!(seen, [(json!(1), json!("standard"), json!(1)), (json!(2), json!("expedited"), json!(2))]);
    house.until_fact(&number_text, "captured", 2).await;
    assert_eq!(captured(&house).await, 3 * PRICE + SHIPPING, "shipping is charged once");
}

#[tokio::test]
async fn a_mail_order_without_an_email_is_told_by_letters_which_are_tasks() {
    let house = open("letters", &[("19XE", 5)]).await;
    let mut mail_room = Client::open(&house, "mail-room").await;
    let mut letter = order("MAIL-1", 1, &[("19XE", 1)]);
    letter["channel"] = json!("mail");
    letter["received_at"] = json!(at(-3 * 86_400));
    letter["contact"].as_object_mut().expect("a contact").remove("email");
    let number_text = accepted(&mut mail_room, letter).await;

    house.until_fact(&number_text, "task_opened", 2).await;
    let tasks = house.oms_json(&["tasks", "list"]);
    let tasks = tasks.as_array().expect("tasks");
    assert_eq!(tasks.len(), 2, "{tasks:?}");
    for task in tasks {
        assert_eq!(
            (&task["room"], &task["kind"], &task["order"]),
            (&json!("notifications"), &json!("letter"), &json!(number_text))
        );
        let key = task["key"].as_str().expect("a key");
        house.oms_ok(&["tasks", "close", "notifications", "letter", key, "--reason", "posted"]);
    }
    assert_eq!(house.oms_json(&["tasks", "list"]), json!([]));
    house.until_fact(&number_text, "task_closed", 2).await;
    let again = house.oms(&[
        "tasks",
        "close",
        "notifications",
        "letter",
        tasks[0]["key"].as_str().expect("a key"),
        "--reason",
        "posted",
    ]);
    assert_eq!(again.code, Some(1), "a closed task is not closed again: {again:?}");
}

#[tokio::test]
async fn a_held_order_goes_on_when_a_person_releases_it_and_ends_when_a_person_refuses_it() {
    let house = open("held", &[("19XE", 100)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut numbers = Vec::new();
    for (household, reference) in ["WEB-MANY", "WEB-TOO-MANY"].into_iter().enumerate() {
        let id = store.send("order.submit.v1", order(reference, household, &[("19XE", 11)])).await;
        let answer = store.answer_to(&id).await;
        assert_eq!(answer["outcome"], "held");
        numbers.push(answer["order"].as_str().expect("an order number").to_owned());
    }
    let held = house.oms_json(&["hold", "list"]);
    assert_eq!(held.as_array().map(Vec::len), Some(2));
    assert_eq!(held[0]["reasons"], json!(["unusual_quantity"]));
    house.oms_ok(&["hold", "release", &numbers[0], "--reason", "rang the customer"]);
    house.oms_ok(&["--user", "m.rivera", "hold", "refuse", &numbers[1], "--reason", "a dealer"]);
    house.until_fact(&numbers[0], "requested", 1).await;
    house.until_fact(&numbers[1], "hold_ended", 1).await;
    house.until_fact(&numbers[1], "refused", 1).await;
    assert_eq!(house.oms_json(&["hold", "list"]), json!([]));
    assert_eq!(
        house.oms_json(&["orders", "find", "--status", "refused"])["orders"][0]["order"],
        json!(numbers[1])
    );
    let story = house.oms_ok(&["orders", "show", &numbers[1]]);
    assert!(story.contains("held order refused by m.rivera (a dealer)"), "{story}");
    let again = house.oms(&["hold", "release", &numbers[0], "--reason", "again"]);
    assert_eq!((again.code, again.err.as_str()), (Some(1), "oms: the order is not held: it was accepted\n"));
}

#[tokio::test]
async fn a_declined_card_frees_the_unit_for_the_next_order() {
    let mut house = TestHouse::new("decline").await;
    house.start_mail_sink().await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 1)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut stolen = order("WEB-STOLEN", 1, &[("19XE", 1)]);
    stolen["payment"]["token"] = json!("tok_decline_never_1");
    let first = accepted(&mut store, stolen).await;
    house.until_fact(&first, "declined", 1).await;
    house.until_count("the unit is free", "SELECT reserved FROM inventory.items WHERE key = '19XE'", 0).await;
    let second = accepted(&mut store, order("WEB-NEXT", 2, &[("19XE", 1)])).await;
    house.until_fact(&second, "authorized", 1).await;
    house.until_fact(&first, "noticed", 3).await;
    assert_eq!(house.oms_json(&["orders", "show", &first])["status"], "payment_declined");
    assert_eq!(
        house.subjects(&first).await,
        ["confirmed", "payment declined", "received, not yet confirmed"]
    );
    let ledger = house.gateway_ledger().await;
    assert_eq!(ledger["total"]["authorized"], json!(PRICE + SHIPPING));
    let third = accepted(&mut store, order("WEB-LATE", 3, &[("19XE", 1)])).await;
    house.until_fact(&third, "unavailable", 1).await;
}

#[tokio::test]
async fn of_a_short_shipment_the_part_that_ships_is_charged_and_the_rest_is_sent_after_it() {
    let house = open("short", &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let number_text = accepted(&mut store, order("WEB-3", 1, &[("19XE", 3)])).await;
    let asked = warehouse.next("a shipment request", |event| event["type"] == "shipment.requested.v1").await
        ["data"]
        .clone();
    let units = |quantity: u32| json!([{ "line": 1, "item": "19XE", "quantity": quantity }]);
    warehouse.send("shipment.short.v1", json!({ "shipment": asked["shipment"], "missing": units(1) })).await;
    warehouse.send("shipment.packed.v1", packed(&asked, 1, &units(2))).await;

    house.until_fact(&number_text, "captured", 1).await;
    assert_eq!(captured(&house).await, 2 * PRICE + SHIPPING);
    let rest = warehouse
        .next("a second request", |event| {
            event["type"] == "shipment.requested.v1" && event["data"]["shipment"] != asked["shipment"]
        })
        .await["data"]
        .clone();
    assert_eq!(rest["lines"], units(1));
    warehouse.send("shipment.packed.v1", packed(&rest, 2, &units(1))).await;
    house.until_fact(&number_text, "captured", 2).await;
    assert_eq!(
        captured(&house).await,
        3 * PRICE + SHIPPING,
        "in the end the order's total, and not a cent more"
    );
    house
        .until_count("the units have left", "SELECT shipped FROM inventory.items WHERE key = '19XE'", 3)
        .await;
    assert_eq!(stock(&house, "19XE"), (1, 0, 3), "the missing unit is no longer on hand");

    let tasks = house.oms_json(&["tasks", "list"]);
    let task = tasks
        .as_array()
        .and_then(|tasks| tasks.iter().find(|task| task["kind"] == "shipment_short"))
        .expect("a task");
    let (room, key) = (task["room"].as_str().expect("a room"), task["key"].as_str().expect("a key"));
    house.oms_ok(&["tasks", "close", room, "shipment_short", key, "--reason", "counted again"]);
    house.until_fact(&number_text, "task_closed", 1).await;
}

#[tokio::test]
async fn late_doubled_and_disordered_scans_give_one_status() {
    let house = open("scans", &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let mut carriers = Client::open(&house, "carriers").await;
    let number_text = accepted(&mut store, order("WEB-4", 1, &[("19XE", 1)])).await;
    let asked = warehouse.next("a shipment request", |event| event["type"] == "shipment.requested.v1").await
        ["data"]
        .clone();
    let parcel = packed(&asked, 1, &asked["lines"]);
    let scan = |code: &str, seconds: i64| json!({ "carrier": "usps", "tracking": parcel["tracking"], "code": code, "scanned_at": at(seconds) });
    let (delivered, transit) = (scan("01", 400), scan("10", 200));
    // Before the shipment is known, and the last scan first.
    carriers.send("carrier.scan.v1", delivered.clone()).await;
    carriers.send("carrier.scan.v1", delivered).await;
    carriers.send("carrier.scan.v1", transit.clone()).await;
    house
        .until_count("tracking has a row", "SELECT count(*) FROM tracking.parcels WHERE state IS NOT NULL", 1)
        .await;
    warehouse.send("shipment.packed.v1", parcel.clone()).await;
    house.until_fact(&number_text, "delivered", 1).await;
    carriers.send("carrier.scan.v1", scan("OF", 300)).await;
    carriers.send("carrier.scan.v1", transit).await;
    let bad =
        json!({ "carrier": "usps", "tracking": "9400111899223100001234", "code": "01", "scanned_at": now() });
    let id = carriers.send("carrier.scan.v1", bad).await;
    // Refused, and after the others: when its answer is here, they are decided.
    assert_eq!(carriers.answer_to(&id).await["outcome"], "refused");
    house.until_fact(&number_text, "noticed", 4).await;
    assert_eq!(house.oms_json(&["orders", "show", &number_text])["status"], "delivered");
    let tracking = parcel["tracking"].as_str().expect("a tracking number");
    assert_eq!(
        house.oms_json(&["orders", "find", "--tracking", tracking])["orders"][0]["order"],
        json!(number_text)
    );
    house.until_fact(&number_text, "delivered", 1).await;

    let mut back = scan("01", 500);
    back["to_sender"] = json!(true);
    carriers.send("carrier.scan.v1", back).await;
    house.until_fact(&number_text, "returned", 1).await;
    assert_eq!(
        house.oms_json(&["orders", "show", &number_text])["status"],
        "returned",
        "delivered to the original sender is a return"
    );
}

#[tokio::test]
async fn an_accepted_order_is_final_and_a_resubmission_is_told_what_became_of_the_first() {
    let house = open("final", &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let body = order("WEB-5", 1, &[("19XE", 1)]);
    let bytes = event("web-store", "the-first-id", "order.submit.v1", &body).to_string();
    for _ in 0..3 {
        store
            .publish(
                "order.submit.v1",
                Some("application/cloudevents+json"),
                bytes.as_bytes(),
                "the-first-id",
            )
            .await;
    }
    let first = store.answer_to("the-first-id").await;
    assert_eq!(first["outcome"], "accepted");
    let again = store.send("order.submit.v1", body.clone()).await;
    let again = store.answer_to(&again).await;
    assert_eq!((&again["outcome"], &again["order"]), (&json!("repeated"), &first["order"]));
    assert!(
        !store.has(|event| event["data"]["answers"] == "the-first-id"),
        "a resend under its own id is silent"
    );

    let mut other = body;
    other["lines"][0]["quantity"] = json!(2);
    total_up(&mut other);
    let other = store.send("order.submit.v1", other).await;
    assert_eq!(store.answer_to(&other).await["code"], "already_seen_with_other_content");

    let change =
        store.send("order.change.v1", json!({ "reference": "CHANGE-1", "order": first["order"] })).await;
    let change = store.answer_to(&change).await;
    assert_eq!(
        (&change["outcome"], &change["code"], &change["reference"]),
        (&json!("refused"), &json!("order_is_final"), &json!("CHANGE-1"))
    );
    let unknown =
        store.send("order.change.v1", json!({ "reference": "CHANGE-2", "order": "Y6FN-9WSA-MH40-J" })).await;
    assert_eq!(store.answer_to(&unknown).await["code"], "unknown_order");
    house.until_count("one order", "SELECT count(*) FROM intake.orders WHERE status = 'accepted'", 1).await;
}

#[tokio::test]
async fn every_refusal_is_told_by_name_and_under_the_senders_reference() {
    let house = open("refusals", &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let changes: [(&str, &str, Value); 8] = [
        ("too_early", "/received_at", json!("2019-11-14T16:59:59Z")),
        ("unknown_item", "/lines/0/item", json!("99ZZ")),
        ("wrong_price", "/lines/0/unit_price", json!(PRICE - 1)),
        ("bad_address", "/deliveries/0/address/postal_code", json!("ABCDE")),
        ("total_does_not_add_up", "/total", json!(1)),
        ("card_number_in_clear", "/contact/name", json!("4111 1111 1111 1111")),
        ("bad_email", "/contact/email", json!("nobody")),
        ("wrong_currency", "/currency", json!("EUR")),
    ];
    for (at, (code, path, value)) in changes.into_iter().enumerate() {
        let reference = format!("WEB-BAD-{at}");
        let mut bad = order(&reference, at, &[("19XE", 1)]);
        *bad.pointer_mut(path).expect("a field") = value;
        if code == "wrong_price" {
            total_up(&mut bad);
        }
        let id = store.send("order.submit.v1", bad).await;
        let answer = store.answer_to(&id).await;
        assert_eq!(
            (&answer["outcome"], &answer["code"], &answer["reference"]),
            (&json!("refused"), &json!(code), &json!(reference)),
            "{answer}"
        );
        assert!(answer["text"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
    // Neither JSON nor an event, and answered all the same.
    store
        .publish(
            "order.submit.v1",
            Some("application/cloudevents+json"),
            br#"{"reference":"WEB-TORN", "lin"#,
            "torn-1",
        )
        .await;
    let torn = store.answer_to("torn-1").await;
    assert_eq!((&torn["outcome"], &torn["reference"]), (&json!("refused"), &json!("WEB-TORN")));
}

/// A house with all rooms in one process, and these units on the shelf.
async fn open(test: &str, stock: &[(&str, u32)]) -> TestHouse {
    let mut house = TestHouse::new(test).await;
    house.start_rooms("rooms", "all").await;
    let products: Vec<Value> = stock.iter().map(|(item, _)| product(item)).collect();
    house.define(&products, stock).await;
    house
}

/// Submits an order that is good; gives its number.
async fn accepted(store: &mut Client, order: Value) -> String {
    let id = store.send("order.submit.v1", order).await;
    let answer = store.answer_to(&id).await;
    assert_eq!(answer["outcome"], "accepted", "{answer}");
    answer["order"].as_str().expect("an order number").to_owned()
}

/// What the warehouse says of a shipment; `parcel` chooses one of a few good tracking numbers.
fn packed(asked: &Value, parcel: usize, lines: &Value) -> Value {
    let tracking = ["9400111206206406260787", "9361289878700317633795"][parcel - 1];
    json!({ "shipment": asked["shipment"], "carrier": "usps", "tracking": tracking, "packed_at": now(), "lines": lines })
}

async fn captured(house: &TestHouse) -> i64 {
    number(&house.gateway_ledger().await["total"]["captured"])
}

/// On hand, reserved, shipped.
fn stock(house: &TestHouse, item: &str) -> (i64, i64, i64) {
    let products = house.oms_json(&["products", "list"]);
    let products = products.as_array().expect("products").clone();
    let of =
        products.iter().find(|product| product["item"] == item).unwrap_or_else(|| panic!("{item} is listed"));
    (number(&of["on_hand"]), number(&of["reserved"]), number(&of["shipped"]))
}
