//! What goes wrong or waits is measured too: every number that an operator wakes up for comes from something that happened
//! in a running house.

use messages::Room;
use serde_json::json;
use tests::TestHouse;
use tests::client::{Client, event};
use tests::orders::{order, product};

#[tokio::test]
async fn the_metrics_tell_what_waits_and_what_goes_wrong() {
    let mut house = TestHouse::new("trouble").await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    // Nobody is there: every call finds the far side down.
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    house.set("OMS_PAYMENT_URL", &format!("http://{nobody}"));
    house.set("OMS_SMTP_URL", &format!("smtp://{nobody}"));
    house.start_rooms("rooms", "all").await;
    let mut coin = product("19XE");
    (coin["product_limit"], coin["waitlist_units"]) = (json!(2), json!(3));
    house.define(&[coin], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let json_type = Some("application/cloudevents+json");

    let body = order("WEB-1", 1, &[("19XE", 2)]);
    let first = event("web-store", "one", "order.submit.v1", &body).to_string();
    store.publish("order.submit.v1", json_type, first.as_bytes(), "one").await;
    let number = store.answer_to("one").await["order"].as_str().expect("a number").to_owned();
    house.until_fact(&number, "reserved", 1).await;
    // The same once more; one that must wait; one that a person must see; and one that nobody can read.
    store.publish("order.submit.v1", json_type, first.as_bytes(), "one").await;
    let waits = store.send("order.submit.v1", order("WEB-2", 2, &[("19XE", 1)])).await;
    assert_eq!(store.answer_to(&waits).await["outcome"], "accepted");
    let unusual = store.send("order.submit.v1", order("WEB-3", 3, &[("19XE", 50)])).await;
    assert_eq!(store.answer_to(&unusual).await["outcome"], "held");
    store.publish("order.submit.v1", json_type, b"{ not an event", "bad").await;

    for (name, wanted) in [
        ("oms_events_repeated_total{room=\"intake\"}", 1.0),
        ("oms_events_parked_total{room=\"intake\",reason=\"unreadable\"}", 1.0),
        ("oms_circuit_open{room=\"payment\"}", 1.0),
        ("oms_circuit_open{room=\"notifications\"}", 1.0),
        ("oms_orders{state=\"held\"}", 1.0),
        ("oms_units{item=\"19XE\",state=\"waitlisted\"}", 1.0),
        ("oms_units_left{item=\"19XE\"}", 0.0),
        ("oms_queue_messages{room=\"intake\",queue=\"parked\",state=\"ready\"}", 1.0),
    ] {
        house.until_metric("rooms", name, |value| value == wanted).await;
    }
    for name in [
        "oms_outside_calls_total{room=\"payment\",kind=\"authorize\",outcome=\"down\"}",
        "oms_outside_calls_total{room=\"notifications\",kind=\"mail\",outcome=\"down\"}",
        "oms_mails{kind=\"received\",status=\"pending\"}",
        "oms_batch_events_count{room=\"intake\"}",
        "oms_events_received_total{room=\"intake\",door=\"outside\"}",
    ] {
        house.until_metric("rooms", name, |value| value > 0.0).await;
    }

    let status = house.status(&number);
    house.hours_pass(&number, 24 * 30).await;
    for (name, least) in [
        ("oms_waiting_orders", 1.0),
        ("oms_oldest_waiting_order_seconds", 86_400.0),
        ("oms_stuck_orders", 1.0),
    ] {
        let name = format!("{name}{{status=\"{status}\"}}");
        house.until_metric("rooms", &name, |value| value >= least).await;
    }
    house.oms_ok(&["rooms", "pause", "tracking", "--reason", "to see it"]);
    house.until_metric("rooms", "oms_room_paused{room=\"tracking\"}", |paused| paused == 1.0).await;
    house.until_metric("rooms", "oms_room_up{room=\"tracking\"}", |up| up == 0.0).await;
    let metrics = house.metrics("rooms").await;
    for room in Room::ALL {
        let paused = if room == Room::Tracking { 1.0 } else { 0.0 };
        assert_eq!(metrics[&format!("oms_room_paused{{room=\"{room}\"}}")], paused, "{room}");
        assert_eq!(metrics[&format!("oms_room_up{{room=\"{room}\"}}")], 1.0 - paused, "{room}");
    }
    let control = "oms_events_received_total{room=\"tracking\",door=\"control\"}";
    assert_eq!(metrics[control], 1.0, "a paused room is told to pause at its own door");
}

#[tokio::test]
async fn the_metrics_tell_of_parcels_that_do_not_arrive() {
    let mut house = TestHouse::new("measured_cases").await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    house.start_mail_sink().await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 20)]).await;
    house.start_warehouse(&["--trouble-permille", "1000"]).await;
    let mut store = Client::open(&house, "web-store").await;
    for at in 1..=6 {
        let id = store.send("order.submit.v1", order(&format!("WEB-{at}"), at, &[("19XE", 1)])).await;
        store.answer_to(&id).await;
    }
    house
        .until_at_least("cases are open", "SELECT count(*) FROM undelivered.cases WHERE status <> 'quiet'", 3)
        .await;
    let begun = std::time::Instant::now();
    loop {
        let cases = house.count("SELECT count(*) FROM undelivered.cases WHERE status <> 'quiet'").await;
        let metrics = house.metrics("rooms").await;
        // Those with a person are open ones, told twice on purpose.
        let told: f64 = metrics
            .iter()
            .filter(|(name, _)| name.starts_with("oms_cases{") && !name.contains("\"person\""))
            .map(|(_, cases)| cases)
            .sum();
        if told == cases as f64 {
            break;
        }
        assert!(begun.elapsed().as_secs() < 90, "{told} told of {cases}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
