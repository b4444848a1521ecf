//! Cancelling over real services: what is not handed over ends in every room, whatever is under way, and what is handed
//! over goes on. Whoever cancels is answered; the customer is told once; no money stays held and no unit reserved.

use serde_json::{Value, json};
use tests::TestHouse;
use tests::broker::Broker;
use tests::client::{Client, Submitter};
use tests::orders::{PRICE, SHIPPING, address, at, number, order, product};
use tests::steps::{Money, Stock, cancel, nothing_found, packed};
use tests::tap::Tap;

/// An hour for the hand-over: long enough that it comes only when a test lets it.
const LONG: &str = "3600";

#[tokio::test]
async fn an_order_that_is_not_handed_over_is_cancelled_in_every_room_and_told_once() {
    let house = open("cancel", LONG, &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let number_text = store.accepted(order("WEB-1", 1, &[("19XE", 2)])).await;
    house.until_fact(&number_text, "authorized", 1).await;
    house.until_fact(&number_text, "noticed", 2).await;
    let total = 2 * PRICE + SHIPPING;
    assert_eq!(house.money().await, Money::of(total, 0, 0));

    assert_eq!(store.cancel(&number_text, "CANCEL-1").await, done());
    house.until_fact(&number_text, "voided", 1).await;
    house.until_fact(&number_text, "noticed", 3).await;
    house.until_stock("19XE", Stock::of(5, 0, 0)).await;
    house.until_money(Money::of(0, 0, total)).await;
    assert_eq!(house.status(&number_text), "cancelled");

    // The same wish under another id, another wish, and the same reference for something else.
    assert_eq!(store.cancel(&number_text, "CANCEL-1").await, ("repeated".to_owned(), None));
    assert_eq!(store.cancel(&number_text, "CANCEL-2").await, refused("already_cancelled"));
    let mut other = cancel(&number_text, "CANCEL-1");
    other["reason"] = json!("found it elsewhere");
    let other = store.ask("order.cancel.v1", other).await;
    assert_eq!(other["code"], "already_seen_with_other_content", "{other}");
    let again = house.oms(&["orders", "cancel", &number_text, "--reason", "rang us"]);
    assert_eq!(
        (again.code, again.err.as_str()),
        (Some(1), "oms: another command cancels the order already\n")
    );

    let history = house.history(&number_text);
    for told in [
        "card authorized for $136.85",
        "cancelled by web-store (changed my mind)",
        "nothing is held on the card any more for release",
        "customer told by e-mail: cancelled",
    ] {
        let times = history.iter().filter(|entry| entry.starts_with(told)).count();
        assert_eq!(times, 1, "the history tells `{told}` once: {history:#?}");
    }
    let subjects = house.subjects(&number_text).await;
    assert_eq!(subjects, ["cancelled", "confirmed", "received, not yet confirmed"]);
    assert!(house.mails().await.iter().all(|mail| mail.copies == 1));
    assert_eq!(house.count("SELECT count(*) FROM fulfillment.due").await, 0, "no hand-over is left to come");
    assert_eq!(house.facts(&number_text, "requested").await, 0);
    assert!(house.tasks(&number_text).is_empty());
    // What is free again is the next one's.
    let next = store.accepted(order("WEB-2", 2, &[("19XE", 5)])).await;
    house.until_fact(&next, "authorized", 1).await;
}

#[tokio::test]
async fn an_operator_cancels_with_name_and_reason() {
    let house = open("cancel_operator", LONG, &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let number_text = store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    house.until_fact(&number_text, "authorized", 1).await;
    house.until_fact(&number_text, "noticed", 2).await;

    let said =
        house.oms_ok(&["--user", "m.rivera", "orders", "cancel", &number_text, "--reason", "rang us, twice"]);
    assert!(said.contains("cancelled"), "{said}");
    house.until_money(Money::of(0, 0, PRICE + SHIPPING)).await;
    house.until_status(&number_text, "cancelled").await;
    let story = house.oms_ok(&["orders", "show", &number_text]);
    assert!(story.contains("cancelled by m.rivera (rang us, twice)"), "{story}");
    house.until_fact(&number_text, "noticed", 3).await;
    assert!(!house.mail_text(&number_text, "cancelled").contains("rang us"), "the reason is the staff's own");

    let nobody = house.oms_with(&[("OMS_USER", "")], &["orders", "cancel", &number_text, "--reason", "x"]);
    assert_eq!(nobody.code, Some(1), "nobody cancels without a name: {nobody:?}");
    let why = house.oms(&["orders", "cancel", &number_text, "--reason", " "]);
    assert_eq!((why.code, why.err.as_str()), (Some(1), "oms: a reason has 1 to 500 characters\n"));
}

#[tokio::test]
async fn what_is_handed_over_is_refused_by_name_and_goes_on() {
    let house = open("cancel_late", "0", &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let number_text = store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    let asked = warehouse.asked_to_ship(&number_text).await;

    assert_eq!(store.cancel(&number_text, "CANCEL-1").await, refused("nothing_to_cancel"));
    let late = house.oms(&["orders", "cancel", &number_text, "--reason", "rang us"]);
    assert_eq!(
        (late.code, late.err.as_str()),
        (
            Some(1),
            "oms: nothing of the order is left: it is with the warehouse already, or had ended before\n"
        )
    );
    warehouse.ask("shipment.packed.v1", packed(&asked, 1)).await;
    house.until_fact(&number_text, "captured", 1).await;
    assert_eq!(store.cancel(&number_text, "CANCEL-2").await, refused("nothing_to_cancel"));
    house.until_money(Money::of(0, PRICE + SHIPPING, 0)).await;
    house.until_fact(&number_text, "noticed", 3).await;
    assert_eq!(
        house.subjects(&number_text).await,
        ["a parcel is on its way", "confirmed", "received, not yet confirmed"]
    );
    assert_eq!(house.facts(&number_text, "cancelled").await, 0);
}

#[tokio::test]
async fn where_the_rest_has_ended_nothing_is_left_to_cancel() {
    let products = [product("19XE"), product("21RCS")];
    let house = open("cancel_rest", "0", &products, &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let half = store.accepted(order("WEB-1", 1, &[("19XE", 1), ("21RCS", 1)])).await;
    let none = store.accepted(order("WEB-2", 2, &[("21RCS", 2)])).await;
    let mut poor = order("WEB-3", 3, &[("19XE", 1)]);
    poor["payment"]["token"] = json!("tok_decline_never_a");
    let declined = store.accepted(poor).await;
    warehouse.asked_to_ship(&half).await;
    for (number_text, ended) in [(&half, 1), (&none, 2), (&declined, 1)] {
        let heard = format!("key = '{number_text}' AND (state ->> 'ended')::int = {ended}");
        let heard = format!("SELECT count(*) FROM fulfillment.orders WHERE {heard}");
        house.until_count("fulfillment hears of units that ended", &heard, 1).await;
        assert_eq!(store.cancel(number_text, "CANCEL-1").await, refused("nothing_to_cancel"), "{heard}");
        assert_eq!(house.facts(number_text, "cancelled").await, 0);
    }
}

#[tokio::test]
async fn of_two_parcels_the_one_at_the_warehouse_goes_on_until_it_cannot_be_found() {
    let house = open("cancel_half", LONG, &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let number_text = store.accepted(for_two("WEB-1", 1, 2)).await;
    house.until_fact(&number_text, "authorized", 2).await;
    house.until_fact(&number_text, "noticed", 2).await;
    let (first, second) = (format!("{number_text}.1"), format!("{number_text}.2"));
    house.comes_due("fulfillment", "hand_over", &first).await;
    let asked = warehouse.asked_to_ship(&number_text).await;
    assert_eq!(asked["release"], json!(first));

    let mut tap = Tap::open(&house, &["oms"]).await;
    assert_eq!(store.cancel(&number_text, "CANCEL-1").await, done());
    let said = tap.until("oms", "order.cancelled.v1").await;
    let body: Value = serde_json::from_slice(&said.last().expect("the last").bytes).expect("JSON");
    assert_eq!(body["data"]["handed_over"], json!([first]), "{body}");
    house.until_money(Money::of(PRICE + SHIPPING, 0, 2 * PRICE)).await;
    house.until_stock("19XE", Stock::of(5, 1, 0)).await;
    house.until_status(&number_text, "requested").await;
    house.until_fact(&number_text, "noticed", 3).await;
    let told = house.mail_text(&number_text, "cancelled");
    assert!(told.contains("One part of it was already with the warehouse"), "{told}");
    let line = |at: usize| house.oms_json(&["orders", "show", &number_text])["lines"][at]["status"].clone();
    assert_eq!((line(0), line(1)), (json!("requested"), json!("cancelled")));

    // The warehouse does not find it: nothing is sent after it.
    let answer = warehouse.ask("shipment.short.v1", nothing_found(&asked)).await;
    assert_eq!(answer["outcome"], "done", "{answer}");
    house.until_fact(&number_text, "voided", 2).await;
    house.until_money(Money::of(0, 0, 3 * PRICE + SHIPPING)).await;
    house.until_stock("19XE", Stock::of(4, 0, 0)).await;
    house.until_status(&number_text, "cancelled").await;
    assert_eq!(house.facts(&number_text, "ready").await, 2, "its units are not put back in line");
    assert_eq!(house.count("SELECT count(*) FROM inventory.orders WHERE waits").await, 0);
    assert_eq!(house.tasks(&number_text), ["fulfillment shipment_short"], "somebody looks for the unit");
    assert_eq!(house.facts(&number_text, "requested").await, 1, "{second} was never asked for");
    assert_eq!(store.cancel(&number_text, "CANCEL-1").await, ("repeated".to_owned(), None));
}

#[tokio::test]
async fn of_two_parcels_the_one_at_the_warehouse_is_shipped_and_charged_alone() {
    let house = open("cancel_rest", LONG, &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let number_text = store.accepted(for_two("WEB-1", 2, 1)).await;
    house.until_fact(&number_text, "authorized", 2).await;
    house.until_fact(&number_text, "noticed", 2).await;
    house.comes_due("fulfillment", "hand_over", &format!("{number_text}.1")).await;
    let asked = warehouse.asked_to_ship(&number_text).await;
    assert_eq!(store.cancel(&number_text, "CANCEL-1").await, done());
    warehouse.ask("shipment.packed.v1", packed(&asked, 1)).await;
    house.until_fact(&number_text, "captured", 1).await;
    house.until_money(Money::of(0, 2 * PRICE + SHIPPING, PRICE)).await;
    house.until_stock("19XE", Stock::of(3, 0, 2)).await;
    house.until_status(&number_text, "shipped").await;
    assert!(house.tasks(&number_text).is_empty());
    house.until_fact(&number_text, "noticed", 4).await;
    assert_eq!(
        house.subjects(&number_text).await,
        ["a parcel is on its way", "cancelled", "confirmed", "received, not yet confirmed"]
    );
}

#[tokio::test]
async fn a_cancellation_ends_a_hold_and_every_kind_of_waiting() {
    let mut backordered = product("20EA");
    backordered["backorder_expected_at"] = json!(at(30 * 86_400));
    let mut limited = product("21RCS");
    (limited["product_limit"], limited["waitlist_units"]) = (json!(1), json!(5));
    let products = [product("19XE"), backordered, limited];
    let house = open("cancel_waiting", LONG, &products, &[("19XE", 50), ("21RCS", 1)]).await;
    let mut store = Client::open(&house, "web-store").await;

    let held = store.submitted(order("WEB-HELD", 1, &[("19XE", 11)]), "held").await;
    assert_eq!(store.cancel(&held, "CANCEL-HELD").await, done());
    house.until_status(&held, "cancelled").await;
    house.until("nothing is held", |house| house.oms_json(&["hold", "list"]) == json!([])).await;
    let late = house.oms(&["hold", "release", &held, "--reason", "rang the customer"]);
    assert_eq!(
        (late.code, late.err.as_str()),
        (Some(1), "oms: the order is not held: it was cancelled\n"),
        "no hold is released after that"
    );
    let again = store.ask("order.submit.v1", order("WEB-HELD", 1, &[("19XE", 1)])).await;
    assert_eq!(again["outcome"], "refused", "its reference is used up: {again}");

    let waits = store.accepted(order("WEB-BACK", 2, &[("20EA", 3)])).await;
    house.until_status(&waits, "backordered").await;
    house.until_stock("20EA", Stock { backordered: 3, ..Stock::of(0, 0, 0) }).await;
    assert_eq!(store.cancel(&waits, "CANCEL-BACK").await, done());
    house.until_status(&waits, "cancelled").await;
    house.until_stock("20EA", Stock::of(0, 0, 0)).await;

    let first = store.accepted(order("WEB-FIRST", 3, &[("21RCS", 1)])).await;
    house.until_fact(&first, "authorized", 1).await;
    let listed = store.accepted(order("WEB-LIST", 4, &[("21RCS", 1)])).await;
    house.until_status(&listed, "waitlisted").await;
    house.until_stock("21RCS", Stock { waitlisted: 1, ..Stock::of(1, 1, 0) }).await;
    assert_eq!(store.cancel(&listed, "CANCEL-LIST").await, done());
    house.until_status(&listed, "cancelled").await;
    house.until_stock("21RCS", Stock::of(1, 1, 0)).await;

    // What comes now is nobody's of these.
    house.oms_ok(&["stock", "receive", "20EA", "5"]);
    house.until_stock("20EA", Stock::of(5, 0, 0)).await;
    house.until_money(Money::of(PRICE + SHIPPING, 0, 0)).await;
    for (number_text, subjects) in [
        (&held, ["cancelled", "received, a person looks at it first"].as_slice()),
        (&waits, &["cancelled", "items on back order", "received, not yet confirmed"]),
        (&listed, &["cancelled", "items on the waiting list", "received, not yet confirmed"]),
    ] {
        house.until_fact(number_text, "noticed", i64::try_from(subjects.len()).expect("few")).await;
        assert_eq!(house.subjects(number_text).await, *subjects);
        assert_eq!(house.facts(number_text, "ready").await, 0);
    }
    assert_eq!(house.count("SELECT count(*) FROM inventory.waiting WHERE state IS NOT NULL").await, 0);
}

#[tokio::test]
async fn a_cancellation_waits_a_day_for_its_order() {
    let house = open("cancel_early", LONG, &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;

    // Before the order: it takes effect when that comes.
    let early = house.order_number("web-store", "WEB-1").to_string();
    let wish = store.send("order.cancel.v1", cancel(&early, "CANCEL-1")).await;
    let waits = format!("SELECT count(*) FROM fulfillment.orders WHERE key = '{early}' AND state ? 'asked'");
    house.until_count("the cancellation waits", &waits, 1).await;
    assert_eq!(store.cancel(&early, "CANCEL-2").await, refused("already_cancelled"));
    assert_eq!(store.accepted(order("WEB-1", 1, &[("19XE", 2)])).await, early);
    assert_eq!(store.answer_to(&wish).await["outcome"], "done");
    house.until_status(&early, "cancelled").await;
    house.until_stock("19XE", Stock::of(5, 0, 0)).await;
    assert_eq!(house.count("SELECT count(*) FROM fulfillment.due").await, 0);

    // An order that never comes.
    let unknown = "Y6FN-9WSA-MH40-J";
    let wish = store.send("order.cancel.v1", cancel(unknown, "CANCEL-3")).await;
    house.comes_due("fulfillment", "unknown_order", unknown).await;
    let answer = store.answer_to(&wish).await;
    assert_eq!(
        (&answer["outcome"], &answer["code"], &answer["order"], &answer["reference"]),
        (&json!("refused"), &json!("unknown_order"), &json!(unknown), &json!("CANCEL-3")),
        "{answer}"
    );
    let rows = format!("SELECT count(*) FROM fulfillment.orders WHERE key = '{unknown}'");
    house.until_count("nothing is kept of it", &rows, 0).await;
    assert_eq!(house.money().await.held, 0);
}

#[tokio::test]
async fn a_card_that_is_authorized_after_the_cancellation_is_let_go() {
    let mut house = TestHouse::new("cancel_card").await;
    house.start_mail_sink().await;
    house.set("OMS_PAYMENT_TIMEOUT", "30");
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    house.freeze("gateway");
    let number_text = store.accepted(order("WEB-1", 1, &[("19XE", 2)])).await;
    let asked = "SELECT count(*) FROM payment.due WHERE kind = 'authorize' AND started_at IS NOT NULL";
    house.until_count("the gateway is asked", asked, 1).await;
    house.until_fact(&number_text, "noticed", 2).await;
    assert_eq!(store.cancel(&number_text, "CANCEL-1").await, done());
    let heard = "SELECT count(*) FROM payment.releases WHERE state #>> '{release,cancelled}' = 'true'";
    house.until_count("payment knows", heard, 1).await;
    house.until_stock("19XE", Stock::of(5, 0, 0)).await;
    house.thaw("gateway");

    house.until_fact(&number_text, "voided", 1).await;
    house.until_money(Money::of(0, 0, 2 * PRICE + SHIPPING)).await;
    assert_eq!(house.facts(&number_text, "authorized").await, 0, "nobody is told of a hold that must not be");
    house.until_fact(&number_text, "noticed", 3).await;
    assert_eq!(house.subjects(&number_text).await, ["cancelled", "confirmed", "received, not yet confirmed"]);
    house.until_status(&number_text, "cancelled").await;
}

#[tokio::test]
async fn an_authorization_that_comes_after_the_cancellation_hands_nothing_over() {
    let house = open("cancel_tombstone", "0", &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut tap = Tap::open(&house, &["oms"]).await;
    let authorized = "payment.authorized.v1";
    let broker = Broker::of(&house);
    broker.delete_binding("oms.rooms", "oms.fulfillment", authorized).await;
    let number_text = store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    let said = tap.until("oms", authorized).await;
    assert_eq!(store.cancel(&number_text, "CANCEL-1").await, done());
    house.until_fact(&number_text, "voided", 1).await;

    // It comes after all, and only to fulfillment as something new.
    broker.make_binding("oms.rooms", "oms.fulfillment", authorized).await;
    let admin = Submitter::open_at(house.setting("OMS_AMQP_URL"), "").await;
    let late = said.last().expect("the authorization");
    admin.publish_with("oms", authorized, &late.bytes, late.properties.clone()).await.expect("taken");
    let status = format!("SELECT status FROM fulfillment.releases WHERE key = '{number_text}.1'");
    let heard = format!("SELECT count(*) FROM ({status}) AS row WHERE status IS NOT NULL");
    house.until_count("the authorization is heard", &heard, 1).await;
    assert_eq!(house.texts(&status).await, ["cancelled"]);
    assert_eq!(house.facts(&number_text, "requested").await, 0);
    house.until_money(Money::of(0, 0, PRICE + SHIPPING)).await;
}

/// Cancellations meet hand-overs while the house is killed in the middle of both.
#[tokio::test]
async fn cancellations_that_race_the_hand_over_through_power_cuts_end_one_way_or_the_other() {
    const ORDERS: usize = 120;
    let mut house = TestHouse::new("cancel_killed").await;
    house.start_mail_sink().await;
    house.set("OMS_PAYMENT_LOOKUP_DELAY", "1");
    house.set("OMS_FULFILLMENT_HANDOVER_DELAY", "1");
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 200)]).await;
    house.start_warehouse(&[]).await;
    let mut store = Client::open(&house, "web-store").await;
    let reference = |at: usize| format!("WEB-{at}");
    // Three waves, each cut off in the middle. Every second order is cancelled: some of them at once, some when the
    // first of the wave is at the warehouse.
    let mut wishes = Vec::new();
    for (wave, (kind, facts)) in
        [("cancelled", 3), ("requested", 30), ("captured", 40)].into_iter().enumerate()
    {
        let orders = (0..ORDERS).skip(wave * ORDERS / 3).take(ORDERS / 3);
        for at in orders.clone() {
            store.send("order.submit.v1", order(&reference(at), at, &[("19XE", 1)])).await;
        }
        for part in [0, 2] {
            for at in orders.clone().filter(|at| at % 4 == part) {
                let number_text = house.order_number("web-store", &reference(at)).to_string();
                let wish = cancel(&number_text, &format!("CANCEL-{at}"));
                wishes.push((number_text, store.send("order.cancel.v1", wish).await));
            }
            let asked =
                "SELECT count(*) FROM fulfillment.releases WHERE status IN ('requested', 'dispatched')";
            let before = i64::try_from(wave * 15 + 1).expect("few");
            house.until_at_least("the warehouse is asked", asked, before).await;
        }
        let sql = format!("SELECT count(*) FROM lifecycle.facts WHERE kind = '{kind}'");
        house.until_at_least(kind, &sql, facts).await;
        house.kill("rooms");
        house.time_passes().await;
        house.start_rooms("rooms", "all").await;
    }

    let mut answered = Vec::new();
    for (number_text, wish) in &wishes {
        let answer = store.answer_to(wish).await;
        match (answer["outcome"].as_str(), answer["code"].as_str()) {
            (Some("done"), None) => answered.push((number_text, true)),
            (Some("refused"), Some("nothing_to_cancel")) => answered.push((number_text, false)),
            _ => panic!("{number_text}: {answer}"),
        }
    }
    let cancelled = answered.iter().filter(|(_, is_cancelled)| *is_cancelled).count();
    let shipped = ORDERS - cancelled;
    assert!(cancelled > 0, "some came in time");
    let (cancelled, shipped) = (i64::try_from(cancelled).expect("few"), i64::try_from(shipped).expect("few"));
    let facts = |kind: &str| format!("SELECT count(*) FROM lifecycle.facts WHERE kind = '{kind}'");
    house.until_count("every other one is delivered", &facts("delivered"), shipped).await;
    house.until_count("and charged", &facts("captured"), shipped).await;
    let price = PRICE + SHIPPING;
    let settled = "SELECT count(*) FROM payment.due";
    house.until_count("payment has nothing left to do", settled, 0).await;
    house.until_stock("19XE", Stock::of(200 - shipped, 0, shipped)).await;
    let money = house.money().await;
    assert_eq!((money.held, money.captured, money.doubled), (0, shipped * price, 0));
    assert_eq!(money.authorized, money.captured + money.voided);

    for (number_text, is_cancelled) in answered {
        let ended = (
            house.facts(number_text, "cancelled").await == 1,
            house.facts(number_text, "requested").await == 0,
            house.facts(number_text, "captured").await == 0,
        );
        assert_eq!(ended, (is_cancelled, is_cancelled, is_cancelled), "{number_text} ends in one way");
    }
    let held = "SELECT count(*) FROM (
            SELECT order_number, count(*) FILTER (WHERE kind = 'authorized') AS authorized,
                   count(*) FILTER (WHERE kind IN ('captured', 'voided')) AS settled
            FROM lifecycle.facts GROUP BY order_number) AS told WHERE authorized > 0 AND settled <> 1";
    assert_eq!(house.count(held).await, 0, "what was held is taken or let go, once");
    let told = "SELECT count(*) FROM notifications.notices WHERE status IN ('sent', 'unclear') AND";
    house.until_count("told once", &format!("{told} kind = 'cancelled'"), cancelled).await;
    house.until_count("told once", &format!("{told} kind = 'delivered'"), shipped).await;
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
    let verdict = house.oms_json(&["audit", "verify"]);
    assert!(number(&verdict["rows"]) > 0 && verdict["first_bad"].is_null(), "{verdict}");
}

/// A house with all rooms in one process and a mail sink, and these units on the shelf.
async fn open(test: &str, handover: &str, products: &[Value], stock: &[(&str, u32)]) -> TestHouse {
    let mut house = TestHouse::new(test).await;
    house.start_mail_sink().await;
    house.set("OMS_FULFILLMENT_HANDOVER_DELAY", handover);
    house.start_rooms("rooms", "all").await;
    house.define(products, stock).await;
    house
}

/// An order for two recipients, of so many units for each.
fn for_two(reference: &str, first: u32, second: u32) -> Value {
    let mut order = order(reference, 1, &[("19XE", first), ("19XE", second)]);
    let other = json!({ "recipient": "Robin Quill", "address": address(7), "method": "standard" });
    order["deliveries"].as_array_mut().expect("deliveries").push(other);
    order["lines"][1]["delivery"] = json!(2);
    order
}

fn done() -> (String, Option<String>) {
    ("done".to_owned(), None)
}

fn refused(code: &str) -> (String, Option<String>) {
    ("refused".to_owned(), Some(code.to_owned()))
}
