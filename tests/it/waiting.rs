//! Waiting over real services: units go to those who wait in their place in line, cards are held only for what can ship,
//! and whoever waits too long is seen.

use serde_json::{Value, json};
use tests::TestHouse;
use tests::client::Client;
use tests::orders::{PRICE, SHIPPING, at, order, product};
use tests::parcels::Trade;
use tests::steps::{Money, Stock, nothing_found, packed};

const DAY: i64 = 86_400;
/// An hour for the hand-over: long enough that it comes only when a test lets it.
const LONG: &str = "3600";

#[tokio::test]
async fn back_orders_are_filled_by_place_in_line_and_authorized_only_then() {
    let mut coin = product("19XE");
    coin["backorder_expected_at"] = json!(at(30 * DAY));
    let house = open("backorder", &[coin], &[]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut mail_room = Client::open(&house, "mail-room").await;
    let ann = store.accepted(order("WEB-ANN", 1, &[("19XE", 2)])).await;
    let bob = store.accepted(order("WEB-BOB", 2, &[("19XE", 2)])).await;
    // A letter that comes last and was posted first.
    let mut letter = order("MAIL-CAT", 3, &[("19XE", 1)]);
    (letter["channel"], letter["received_at"]) = (json!("mail"), json!(at(-3 * DAY)));
    let cat = mail_room.accepted(letter).await;
    for number_text in [&ann, &bob, &cat] {
        house.until_status(number_text, "backordered").await;
        house.until_fact(number_text, "noticed", 2).await;
        assert_eq!(
            house.subjects(number_text).await,
            ["items on back order", "received, not yet confirmed"],
            "nobody is told `confirmed` for an empty shelf"
        );
    }
    assert!(house.mail_text(&ann, "items on back order").contains("expect"), "it says when");
    house.until_stock("19XE", Stock { backordered: 5, ..Stock::of(0, 0, 0) }).await;
    assert_eq!(house.money().await, Money::of(0, 0, 0), "no card is held for a coin that is not there");

    house.oms_ok(&["stock", "receive", "19XE", "3"]);
    house.until_status(&cat, "authorized").await;
    house.until_status(&ann, "authorized").await;
    house.until_stock("19XE", Stock { backordered: 2, ..Stock::of(3, 3, 0) }).await;
    house.until_money(Money::of(3 * PRICE + 2 * SHIPPING, 0, 0)).await;
    for number_text in [&ann, &cat] {
        house.until_fact(number_text, "noticed", 3).await;
        assert_eq!(
            house.subjects(number_text).await,
            ["confirmed", "items on back order", "received, not yet confirmed"]
        );
    }
    assert_eq!(house.status(&bob), "backordered");

    // One unit is not enough for the next in line, and nobody overtakes, neither of old nor new.
    let dan = store.accepted(order("WEB-DAN", 4, &[("19XE", 1)])).await;
    house.until_status(&dan, "backordered").await;
    house.oms_ok(&["stock", "receive", "19XE", "1"]);
    house.until_stock("19XE", Stock { backordered: 3, ..Stock::of(4, 3, 0) }).await;
    let eve = store.accepted(order("WEB-EVE", 5, &[("19XE", 1)])).await;
    house.until_stock("19XE", Stock { backordered: 4, ..Stock::of(4, 3, 0) }).await;
    assert_eq!((house.status(&dan), house.status(&eve)), ("backordered".into(), "backordered".into()));

    // Whoever gives up the place lets the others move on.
    assert_eq!(store.cancel(&bob, "CANCEL-BOB").await.0, "done");
    house.until_status(&dan, "authorized").await;
    house.until_stock("19XE", Stock { backordered: 1, ..Stock::of(4, 4, 0) }).await;
    house.oms_ok(&["stock", "receive", "19XE", "5"]);
    house.until_status(&eve, "authorized").await;
    house.until_stock("19XE", Stock::of(9, 5, 0)).await;
    house.until_money(Money::of(5 * PRICE + 4 * SHIPPING, 0, 0)).await;
    assert_eq!(house.status(&bob), "cancelled");
    assert_eq!(house.facts(&bob, "ready").await, 0);
}

#[tokio::test]
async fn a_pre_order_has_its_units_at_once_and_is_authorized_on_the_day() {
    let day = at(30 * DAY);
    let mut coin = product("19XE");
    coin["ships_from"] = json!(day);
    let house = open("preorder", &[coin, product("20EA")], &[("19XE", 5), ("20EA", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    // What ships at once goes alone, with the shipping charge.
    let number_text = store.accepted(order("WEB-1", 1, &[("19XE", 2), ("20EA", 1)])).await;
    house.until_fact(&number_text, "authorized", 1).await;
    house.until_fact(&number_text, "noticed", 2).await;
    assert_eq!(house.subjects(&number_text).await, ["confirmed", "received, not yet confirmed"]);
    house.until_stock("19XE", Stock::of(5, 2, 0)).await;
    house.until_money(Money::of(PRICE + SHIPPING, 0, 0)).await;
    assert_eq!(house.facts(&number_text, "ready").await, 1);
    let line = |at: usize| house.oms_json(&["orders", "show", &number_text])["lines"][at]["status"].clone();
    assert_eq!((line(0), line(1)), (json!("reserved"), json!("authorized")));

    // The timer alone, before the day, releases nothing.
    house.comes_due("inventory", "release", &number_text).await;
    let again = format!("SELECT count(*) FROM inventory.due WHERE key = '{number_text}' AND due_at > now()");
    house.until_count("it waits for its day", &again, 1).await;
    assert_eq!(house.facts(&number_text, "ready").await, 1);

    house
        .execute(&format!(
            "UPDATE inventory.orders SET state = jsonb_set(state, '{{order,allotted,later,lines,0,standing,reserved,ready_at}}', to_jsonb('{}'::text))
             WHERE key = '{number_text}'",
            at(0)
        ))
        .await;
    house.comes_due("inventory", "release", &number_text).await;
    house.until_fact(&number_text, "ready", 2).await;
    house.until_status(&number_text, "authorized").await;
    house.until_fact(&number_text, "authorized", 2).await;
    house.until_money(Money::of(3 * PRICE + SHIPPING, 0, 0)).await;
    assert_eq!(house.facts(&number_text, "noticed").await, 2, "who was told `confirmed` is not told again");
}

#[tokio::test]
async fn freed_units_fill_the_waitlist_whose_places_nobody_is_told() {
    let mut coin = product("19XE");
    (coin["product_limit"], coin["waitlist_units"]) = (json!(2), json!(3));
    let mut house = TestHouse::new("waitlist").await;
    house.start_mail_sink().await;
    // Which of two mails under way at once is through first is chance, and is told as it was.
    house.set("OMS_MAIL_CONCURRENCY", "1");
    house.set("OMS_FULFILLMENT_HANDOVER_DELAY", LONG);
    house.set("OMS_PAYMENT_TIMEOUT", "30");
    house.start_rooms("rooms", "all").await;
    house.define(&[coin], &[("19XE", 2)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let first = store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    house.until_fact(&first, "authorized", 1).await;
    // The second one's card is declined, but not before others wait.
    house.freeze("gateway");
    let mut stolen = order("WEB-2", 2, &[("19XE", 1)]);
    stolen["payment"]["token"] = json!("tok_decline_never");
    let second = store.accepted(stolen).await;
    house.until_fact(&second, "ready", 1).await;

    let (mut waits, mut told) = (Vec::new(), Vec::new());
    for at in 3..6 {
        let reference = format!("WEB-{at}");
        let id = store.send("order.submit.v1", order(&reference, at, &[("19XE", 1)])).await;
        let answer = store.answer_to(&id).await;
        assert_eq!(answer["outcome"], "accepted", "{answer}");
        let number_text = answer["order"].as_str().expect("a number").to_owned();
        house.until_status(&number_text, "waitlisted").await;
        house.until_fact(&number_text, "noticed", 2).await;
        assert_eq!(
            house.subjects(&number_text).await,
            ["items on the waiting list", "received, not yet confirmed"]
        );
        let mail = house.mail_text(&number_text, "items on the waiting list");
        let story = house.history(&number_text).join("; ");
        let name = order(&reference, at, &[])["contact"]["name"].as_str().expect("a name").to_owned();
        let words = format!("{answer}\n{mail}\n{story}");
        told.push(
            [(&number_text, "NUMBER"), (&reference, "REFERENCE"), (&id, "ID"), (&name, "NAME")]
                .into_iter()
                .fold(words, |words, (own, what)| words.replace(own.as_str(), what)),
        );
        waits.push(number_text);
    }
    assert!(told.iter().all(|words| *words == told[0]), "no place shows in what each is told: {told:#?}");
    house.until_stock("19XE", Stock { waitlisted: 3, ..Stock::of(2, 2, 0) }).await;
    let full = store.accepted(order("WEB-6", 6, &[("19XE", 1)])).await;
    house.until_fact(&full, "unavailable", 1).await;

    // Freed by the declined payment, then by a cancellation.
    house.thaw("gateway");
    house.until_fact(&second, "declined", 1).await;
    house.until_status(&waits[0], "authorized").await;
    house.until_stock("19XE", Stock { waitlisted: 2, ..Stock::of(2, 2, 0) }).await;
    assert_eq!(house.status(&waits[1]), "waitlisted");
    assert_eq!(store.cancel(&first, "CANCEL-1").await.0, "done");
    house.until_status(&waits[1], "authorized").await;
    house.until_stock("19XE", Stock { waitlisted: 1, ..Stock::of(2, 2, 0) }).await;
    assert_eq!(house.status(&waits[2]), "waitlisted");
    house.until_money(Money::of(2 * (PRICE + SHIPPING), 0, PRICE + SHIPPING)).await;
    house.until_fact(&waits[0], "noticed", 3).await;
    assert_eq!(
        house.subjects(&waits[0]).await,
        ["confirmed", "items on the waiting list", "received, not yet confirmed"]
    );
    // Units that arrive do not raise the limit.
    house.oms_ok(&["stock", "receive", "19XE", "5"]);
    house.until_stock("19XE", Stock { waitlisted: 1, ..Stock::of(7, 2, 0) }).await;
    assert_eq!(house.status(&waits[2]), "waitlisted");
}

#[tokio::test]
async fn a_hold_on_a_card_is_renewed_before_it_lapses() {
    let house = open("renew", &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let price = PRICE + SHIPPING;
    let number_text = store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    let release = format!("{number_text}.1");
    house.until_fact(&number_text, "authorized", 1).await;
    house.comes_due("payment", "renew", &release).await;
    house.until_money(Money::of(price, 0, price)).await;
    assert!(house.tasks(&number_text).is_empty());
    assert_eq!(house.facts(&number_text, "voided").await, 0, "the order's money is still held");

    house.comes_due("fulfillment", "hand_over", &release).await;
    let asked = warehouse.asked_to_ship(&number_text).await;
    warehouse.ask("shipment.packed.v1", packed(&asked, 1)).await;
    house.until_fact(&number_text, "captured", 1).await;
    house.until_money(Money::of(0, price, price)).await;
}

#[tokio::test]
async fn where_a_hold_is_not_renewed_the_customer_and_the_staff_are_told_and_it_is_tried_again() {
    let house = open("lapse", &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let price = PRICE + SHIPPING;
    let number_text = lapses(&house, &mut store).await;
    let release = format!("{number_text}.1");
    house.until_fact(&number_text, "task_opened", 1).await;
    assert_eq!(house.tasks(&number_text), ["payment hold_lapsed"]);
    house.until_fact(&number_text, "noticed", 3).await;
    assert_eq!(
        house.subjects(&number_text).await,
        ["confirmed", "payment delayed", "received, not yet confirmed"]
    );
    let history = house.history(&number_text);
    assert!(
        history.iter().any(|entry| entry.starts_with("card not authorized yet: authorization lapsed")),
        "{history:#?}"
    );
    assert_eq!(house.money().await.held, price, "the old hold stands until it lapses");
    house.until_stock("19XE", Stock::of(5, 1, 0)).await;

    // The hand-over's time has come, and passes: no money is sure.
    house.comes_due("fulfillment", "hand_over", &release).await;
    house.until_count("hand-overs that are due", "SELECT count(*) FROM fulfillment.due", 0).await;
    assert_eq!(house.facts(&number_text, "requested").await, 0);

    house.comes_due("payment", "renew", &release).await;
    house.until_money(Money::of(price, 0, price)).await;
    house.until_fact(&number_text, "renewed", 1).await;
    house.until_fact(&number_text, "requested", 1).await;
    assert_eq!(house.facts(&number_text, "noticed").await, 3);
    assert_eq!(store.cancel(&number_text, "CANCEL-1").await.0, "refused");
}

#[tokio::test]
async fn what_waits_for_a_card_that_is_not_authorized_again_can_be_cancelled() {
    let house = open("lapsed", &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let price = PRICE + SHIPPING;
    let number_text = lapses(&house, &mut store).await;
    let release = format!("{number_text}.1");
    house.comes_due("payment", "renew", &release).await;
    house.until_money(Money::of(price, 0, price)).await;
    assert_eq!(store.cancel(&number_text, "CANCEL-1").await.0, "done");
    house.until_money(Money::of(0, 0, 2 * price)).await;
}

#[tokio::test]
async fn a_capture_that_fails_is_a_task() {
    let house = open("capture", &[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let mut bad = order("WEB-1", 1, &[("19XE", 1)]);
    bad["payment"]["token"] = json!("tok_capture_fails_a");
    let number_text = store.accepted(bad).await;
    house.comes_due("fulfillment", "hand_over", &format!("{number_text}.1")).await;
    let asked = warehouse.asked_to_ship(&number_text).await;
    warehouse.ask("shipment.packed.v1", packed(&asked, 1)).await;
    house.until_fact(&number_text, "capture_failed", 1).await;
    house.until_fact(&number_text, "task_opened", 1).await;
    assert_eq!(house.tasks(&number_text), ["payment capture_failed"]);
    let story = house.oms_ok(&["orders", "show", &number_text]);
    assert!(story.contains("card could not be charged 70.90"), "{story}");
    assert!(story.contains("open task: payment capture_failed"), "{story}");
    house.until_stock("19XE", Stock::of(4, 0, 1)).await;
    assert_eq!(house.money().await.captured, 0);
    house.oms_ok(&[
        "tasks",
        "close",
        "payment",
        "capture_failed",
        &format!("{number_text}.1"),
        "--reason",
        "paid by cheque",
    ]);
    house.until_fact(&number_text, "task_closed", 1).await;
    assert!(house.tasks(&number_text).is_empty());
}

#[tokio::test]
async fn whoever_waits_longer_than_his_state_allows_is_seen_by_command_and_metric() {
    let mut backordered = product("20EA");
    backordered["backorder_expected_at"] = json!(at(30 * DAY));
    let mut house = TestHouse::new("stuck").await;
    house.start_mail_sink().await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    house.set("OMS_FULFILLMENT_HANDOVER_DELAY", LONG);
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE"), backordered], &[("19XE", 50)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut warehouse = Client::open(&house, "warehouse").await;
    let held = store.submitted(order("WEB-HELD", 1, &[("19XE", 11)]), "held").await;
    let waits = store.accepted(order("WEB-BACK", 2, &[("20EA", 1)])).await;
    let ready = store.accepted(order("WEB-AUTH", 3, &[("19XE", 1)])).await;
    let asked = store.accepted(order("WEB-ASKED", 4, &[("19XE", 1)])).await;
    house.comes_due("fulfillment", "hand_over", &format!("{asked}.1")).await;
    warehouse.asked_to_ship(&asked).await;
    let over = store.accepted(order("WEB-OVER", 5, &[("19XE", 1)])).await;
    house.until_fact(&over, "authorized", 1).await;
    assert_eq!(store.cancel(&over, "CANCEL-OVER").await.0, "done");
    house.until_status(&over, "cancelled").await;
    for (number_text, status, notices) in [
        (&held, "held", 1),
        (&waits, "backordered", 2),
        (&ready, "authorized", 2),
        (&asked, "requested", 2),
        (&over, "cancelled", 3),
    ] {
        house.until_status(number_text, status).await;
        house.until_fact(number_text, "noticed", notices).await;
    }
    house.until_fact(&over, "voided", 1).await;
    assert_eq!(house.oms(&["orders", "stuck"]).code, Some(0));

    // Each just short of its time, then over it; what is over never is.
    for (number_text, hours) in
        [(&held, 3 * 24), (&waits, 180 * 24), (&ready, 24), (&asked, 5 * 24), (&over, 300 * 24)]
    {
        house.hours_pass(number_text, hours - 1).await;
    }
    assert_eq!(stuck(&house), Vec::<String>::new());
    let oldest = "oms_oldest_waiting_order_seconds{status=\"backordered\"}";
    let hour = 3_600.0;
    house.until_metric("rooms", oldest, |seconds| seconds >= f64::from(180 * 24 - 1) * hour).await;
    house.until_metric("rooms", "oms_stuck_orders{status=\"backordered\"}", |orders| orders == 0.0).await;

    let mut expected = Vec::new();
    for number_text in [&held, &waits, &ready, &asked, &over] {
        house.hours_pass(number_text, 2).await;
        if number_text != &over {
            expected.push(number_text.clone());
        }
    }
    expected.sort();
    assert_eq!(stuck(&house), expected);
    let list = house.oms(&["orders", "stuck"]);
    assert_eq!(list.code, Some(3), "a script can tell");
    for status in ["held for a person", "on backorder", "card authorized", "at the warehouse"] {
        assert!(list.out.contains(status), "{}", list.out);
    }
    house.until_metric("rooms", "oms_stuck_orders{status=\"backordered\"}", |orders| orders == 1.0).await;
    house.until_metric("rooms", "oms_stuck_orders{status=\"held\"}", |orders| orders == 1.0).await;

    // News moves it on.
    house.oms_ok(&["stock", "receive", "20EA", "1"]);
    house.until_status(&waits, "authorized").await;
    expected.retain(|number_text| *number_text != waits);
    house.until("it is stuck no more", |house| stuck(house) == expected).await;
    house.until_metric("rooms", oldest, |seconds| seconds == 0.0).await;
}

#[tokio::test]
async fn a_parcel_that_is_sent_again_has_units_of_its_own_or_waits_for_some() {
    let mut coin = product("19XE");
    coin["backorder_expected_at"] = json!(at(30 * DAY));
    let house = open_at_once("resend", &[coin], &[("19XE", 3)]).await;
    let mut trade = Trade::open(&house).await;
    let first = trade.parcel(order("WEB-1", 1, &[("19XE", 2)])).await;
    house.until_fact(&first.order, "captured", 1).await;
    let paid = 2 * PRICE + SHIPPING;
    assert_eq!(house.money().await, Money::of(0, paid, 0));
    // It comes back, but nobody has opened it yet; one unit is left, which is not enough, and somebody else wants it.
    trade.scan(&first, "21", 10).await;
    trade.come_back(&first, 20).await;
    house.until_case(&first.shipment, "asked").await;
    house.until_back(&first.shipment).await;
    house.oms_ok(&["cases", "resolve", &first.shipment, "reship", "--reason", "agreed by telephone"]);
    house.until_stock("19XE", Stock { backordered: 2, ..Stock::of(1, 0, 2) }).await;
    house.until_status(&first.order, "reshipped").await;
    let other = trade.store.accepted(order("WEB-2", 2, &[("19XE", 1)])).await;
    house.until_status(&other, "backordered").await;
    assert_eq!(house.facts(&first.order, "requested").await, 1, "nobody asks for units that are not there");
    house.hours_pass(&first.order, 25).await;
    assert_eq!(stuck(&house), [first.order.as_str()], "whoever waits for it is seen");

    // The first units that come are its own, since it had them before; then the other one's turn comes.
    house.oms_ok(&["stock", "receive", "19XE", "1"]);
    let second = trade.pack(&first.order).await;
    assert_eq!(second.shipment, format!("{}.2", first.release()));
    house.until_fact(&first.order, "reship_ready", 1).await;
    house.until_status(&first.order, "shipped").await;
    house.until_stock("19XE", Stock { backordered: 1, ..Stock::of(0, 0, 4) }).await;
    assert_eq!(house.status(&other), "backordered");
    assert_eq!(trade.scan_in(&first, "restock").await, "done");
    let its = trade.pack(&other).await;
    assert_eq!(its.order, other);
    house.until_stock("19XE", Stock::of(1, 0, 3)).await;

    // Nothing is charged for what is sent again, and nobody is told `confirmed` twice.
    house.until_fact(&other, "captured", 1).await;
    house.until_money(Money::of(0, paid + PRICE + SHIPPING, 0)).await;
    assert_eq!(house.facts(&first.order, "captured").await, 1);
    let confirmed = house.subjects(&first.order).await.iter().filter(|it| *it == "confirmed").count();
    assert_eq!(confirmed, 1);
    assert_eq!(house.tasks(&first.order), [""; 0]);
}

#[tokio::test]
async fn what_the_warehouse_misses_of_a_parcel_that_is_sent_again_is_a_task_and_off_the_books() {
    let house = open_at_once("resend_short", &[product("19XE")], &[("19XE", 3)]).await;
    let mut trade = Trade::open(&house).await;
    let first = trade.parcel(order("WEB-1", 1, &[("19XE", 1)])).await;
    trade.scan(&first, "21", 10).await;
    trade.come_back(&first, 20).await;
    house.until_case(&first.shipment, "asked").await;
    house.oms_ok(&["cases", "resolve", &first.shipment, "reship", "--reason", "agreed by telephone"]);
    let asked = trade.warehouse.asked_to_ship(&first.order).await;
    house.until_stock("19XE", Stock::of(2, 1, 1)).await;
    let answer = trade.warehouse.ask("shipment.short.v1", nothing_found(&asked)).await;
    assert_eq!(answer["outcome"], "done", "{answer}");
    house.until_stock("19XE", Stock::of(1, 0, 1)).await;
    house.until_fact(&first.order, "task_opened", 1).await;
    assert_eq!(house.tasks(&first.order), ["fulfillment shipment_short"]);
    house.until_fact(&first.order, "captured", 1).await;
    house.until_money(Money::of(0, PRICE + SHIPPING, 0)).await;
    assert_eq!(house.facts(&first.order, "adjusted").await, 0, "it is paid for, and stays so");
}

#[tokio::test]
async fn a_lost_parcel_of_a_coin_that_is_gone_is_paid_back_when_it_was_to_be_sent_again() {
    let house = open_at_once("resend_none", &[product("19XE")], &[("19XE", 1)]).await;
    let mut trade = Trade::open(&house).await;
    let number_text = trade.store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    let first = trade.pack_at(&number_text, -31 * DAY).await;
    house.until_fact(&first.order, "captured", 1).await;
    house.until_lost_timer().await;
    house.until_case(&first.shipment, "asked").await;
    house.oms_ok(&["cases", "resolve", &first.shipment, "reship", "--reason", "agreed by telephone"]);
    house.until_fact(&first.order, "refunded", 1).await;
    house.until_status(&first.order, "refunded").await;
    let paid = PRICE + SHIPPING;
    assert_eq!(house.gateway_ledger().await["total"]["refunded"], json!(paid));
    house.until_mailed(&first.order, "money goes back to you", 1).await;
    let shown = house.oms_ok(&["orders", "show", &first.order]);
    assert!(shown.contains("cannot be sent again, the money goes back: 1 × 19XE"), "{shown}");
    house.hours_pass(&first.order, 100).await;
    assert_eq!(stuck(&house), [""; 0], "nobody waits for it");
    assert_eq!(house.facts(&first.order, "requested").await, 1);
    assert_eq!(house.tasks(&first.order), [""; 0]);
    house.until_stock("19XE", Stock::of(0, 0, 1)).await;
}

#[tokio::test]
async fn a_parcel_that_came_back_and_cannot_be_found_is_paid_back_once_somebody_says_so() {
    let house = open_at_once("resend_unfound", &[product("19XE")], &[("19XE", 1)]).await;
    let mut trade = Trade::open(&house).await;
    let first = trade.parcel(order("WEB-1", 1, &[("19XE", 1)])).await;
    house.until_fact(&first.order, "captured", 1).await;
    trade.scan(&first, "21", 10).await;
    trade.come_back(&first, 20).await;
    house.until_case(&first.shipment, "asked").await;
    house.until_back(&first.shipment).await;
    house.oms_ok(&["cases", "resolve", &first.shipment, "reship", "--reason", "agreed by telephone"]);
    house.until_status(&first.order, "reshipped").await;
    assert_eq!(house.facts(&first.order, "reship_unavailable").await, 0, "its own unit may still turn up");
    house.oms_ok(&["cases", "receive", &first.shipment, "damaged"]);
    house.until_fact(&first.order, "refunded", 1).await;
    house.until_status(&first.order, "refunded").await;
    assert_eq!(house.gateway_ledger().await["total"]["refunded"], json!(PRICE + SHIPPING));
    assert_eq!(stuck(&house), [""; 0]);
    house.until_stock("19XE", Stock::of(0, 0, 1)).await;
}

/// An order whose card declines the first renewal of its hold, up to there.
async fn lapses(house: &TestHouse, store: &mut Client) -> String {
    let mut poor = order("WEB-1", 1, &[("19XE", 1)]);
    poor["payment"]["token"] = json!("tok_decline_renewal_1_a");
    let number_text = store.accepted(poor).await;
    house.until_fact(&number_text, "authorized", 1).await;
    house.comes_due("payment", "renew", &format!("{number_text}.1")).await;
    house.until_fact(&number_text, "delayed", 1).await;
    number_text
}

/// The numbers of the orders that `oms orders stuck` lists, sorted.
fn stuck(house: &TestHouse) -> Vec<String> {
    let output = house.oms(&["--json", "orders", "stuck"]);
    let listed: Value = serde_json::from_str(&output.out).expect("JSON");
    let orders = listed["orders"].as_array().expect("orders");
    let mut numbers: Vec<String> =
        orders.iter().map(|order| order["order"].as_str().expect("a number").to_owned()).collect();
    numbers.sort();
    assert_eq!(output.code, Some(if numbers.is_empty() { 0 } else { 3 }));
    numbers
}

/// A house with all rooms in one process and a mail sink, and these units on the shelf. What is paid for is handed over at once.
async fn open_at_once(test: &str, products: &[Value], stock: &[(&str, u32)]) -> TestHouse {
    let mut house = TestHouse::new(test).await;
    house.start_mail_sink().await;
    house.start_rooms("rooms", "all").await;
    house.define(products, stock).await;
    house
}

/// The same with a long way to the hand-over.
async fn open(test: &str, products: &[Value], stock: &[(&str, u32)]) -> TestHouse {
    let mut house = TestHouse::new(test).await;
    house.start_mail_sink().await;
    house.set("OMS_FULFILLMENT_HANDOVER_DELAY", LONG);
    house.start_rooms("rooms", "all").await;
    house.define(products, stock).await;
    house
}
