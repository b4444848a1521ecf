//! Messages that nobody can decide: each is parked under its reason, told to its sender if he is known, and stops nothing.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use serde_json::{Value, json};
use tests::TestHouse;
use tests::broker::Broker;
use tests::client::{Client, Submitter, event};
use tests::orders::{at, order, product};

const SINGLE: &str = "application/cloudevents+json";

#[tokio::test]
async fn what_cannot_be_decided_is_parked_by_name_counted_exactly_and_told_to_its_sender() {
    let mut house = TestHouse::new("poison").await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let good = |reference: &str| order(reference, 1, &[("19XE", 1)]);
    let changed = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut event = event("web-store", id, "order.submit.v1", &good(id));
        change(&mut event);
        event.to_string()
    };
    let large = changed("too-large", &|event| event["data"]["note"] = json!("x".repeat(70_000)));
    // What is wrong, the bytes, the content type, the reason, and what the sender is told.
    let cases: Vec<(&str, String, Option<&str>, &str, &str)> = vec![
        (
            "not-json",
            "{\"reference\": \"not-json\", ".to_owned(),
            Some(SINGLE),
            "unreadable",
            "the body is not JSON",
        ),
        (
            "no-type",
            changed("no-type", &|_| ()),
            Some("application/json"),
            "unreadable",
            "the content type must be application/cloudevents+json",
        ),
        (
            "none",
            changed("none", &|_| ()),
            None,
            "unreadable",
            "the content type must be application/cloudevents+json",
        ),
        (
            "no-time",
            changed("no-time", &|event| drop(event.as_object_mut().expect("an event").remove("time"))),
            Some(SINGLE),
            "unreadable",
            "missing field `time`",
        ),
        (
            "no-lines",
            changed("no-lines", &|event| {
                drop(event["data"].as_object_mut().expect("an order").remove("lines"))
            }),
            Some(SINGLE),
            "unreadable",
            "lines",
        ),
        (
            "too-old",
            changed("too-old", &|event| event["time"] = json!(at(-91 * 86_400))),
            Some(SINGLE),
            "bad_time",
            "within 90 days before and 1 day after now",
        ),
        (
            "too-new",
            changed("too-new", &|event| event["time"] = json!(at(2 * 86_400))),
            Some(SINGLE),
            "bad_time",
            "within 90 days before and 1 day after now",
        ),
        (
            "much-too-new",
            changed("much-too-new", &|event| event["time"] = json!(at(40 * 86_400))),
            Some(SINGLE),
            "bad_time",
            "within 90 days before and 1 day after now",
        ),
        ("too-large", large, Some(SINGLE), "too_large", "larger than 65536 bytes"),
        (
            "unknown",
            changed("unknown", &|event| event["type"] = json!("order.steal.v1")),
            Some(SINGLE),
            "unknown_type",
            "not one that this system knows",
        ),
        (
            "inner",
            changed("inner", &|event| event["type"] = json!("order.accepted.v1")),
            Some(SINGLE),
            "not_allowed",
            "web-store may not send",
        ),
        (
            "other-key",
            changed("other-key", &|event| event["type"] = json!("order.change.v1")),
            Some(SINGLE),
            "not_allowed",
            "web-store may not send",
        ),
    ];
    let mut reasons: Vec<&str> = Vec::new();
    for (id, bytes, content_type, reason, told) in cases {
        store.publish("order.submit.v1", content_type, bytes.as_bytes(), id).await;
        let answer = store.answer_to(id).await;
        assert_eq!(
            (&answer["outcome"], &answer["code"], &answer["reference"]),
            (&json!("refused"), &json!(reason), &json!(id)),
            "{answer}"
        );
        assert!(answer["text"].as_str().is_some_and(|text| text.contains(told)), "{id}: {answer}");
        reasons.push(reason);
    }
    reasons.extend(senders(&house, &mut store).await);
    // A room's own message that cannot be read: by each of its readers, payment, lifecycle and audit.
    let admin = Submitter::open_at(house.setting("OMS_AMQP_URL"), "").await;
    let torn = BasicProperties::default().with_content_type(SINGLE.into());
    admin.publish_with("oms", "release.ready.v1", b"{", torn).await.expect("taken");
    reasons.extend(["unreadable"; 3]);
    house
        .until_count("nothing is held up", "SELECT count(*) FROM intake.orders WHERE status = 'accepted'", 1)
        .await;
    let last = store.send("order.submit.v1", good("GOOD-LAST")).await;
    assert_eq!(store.answer_to(&last).await["outcome"], "accepted");

    reasons.sort_unstable();
    let parked = until_parked(&house, "at first", reasons.len()).await;
    assert_eq!(reasons_of(&parked), reasons);
    // Looking takes nothing away.
    assert_eq!(reasons_of(&house.oms_json(&["parked", "list"])), reasons);
    let metrics = house.metrics("rooms").await;
    let counted: f64 = metrics
        .iter()
        .filter(|(name, _)| name.starts_with("oms_events_parked_total"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(counted, reasons.len() as f64);
    lists_and_shows(&house, &parked);
    // What is wrong with them has not gone away, so after a replay they lie there again, and not one more. But a
    // message without a content type is now taken for an event, and a routing key counts only where it was sent.
    let replayed = house.oms_json(&["parked", "replay", "--all"]);
    let unvouched = reasons.iter().filter(|reason| **reason == "unknown_sender").count();
    assert_eq!(replayed["replayed"], json!(reasons.len() - unvouched));
    assert_eq!(replayed["left"], json!(unvouched), "the room would park them again");
    let without_key = reasons.iter().position(|reason| *reason == "not_allowed").expect("one of them");
    reasons.remove(without_key);
    let again = until_parked(&house, "after the replay", reasons.len()).await;
    assert_eq!(reasons_of(&again), reasons);
    house
        .until_count(
            "one order came of it",
            "SELECT count(*) FROM intake.orders WHERE status = 'accepted'",
            3,
        )
        .await;
}

/// Who sends what he may not, and who is nobody. Gives the reasons.
async fn senders(house: &TestHouse, store: &mut Client) -> Vec<&'static str> {
    let pallet = |id: &str| {
        event(
            "web-store",
            id,
            "stock.receive.v1",
            &json!({ "reference": id, "item": "19XE", "quantity": 1000 }),
        )
        .to_string()
    };
    let own = |id: &str| {
        BasicProperties::default()
            .with_content_type(SINGLE.into())
            .with_message_id(id.into())
            .with_user_id("web-store".into())
    };
    // The broker's own fence: a channel that tries is closed.
    let thief = Submitter::open(house, "web-store").await;
    let refused = thief
        .publish_with("oms.in", "stock.receive.v1", pallet("fenced").as_bytes(), own("fenced"))
        .await
        .expect_err("refused");
    assert!(refused.contains("ACCESS_REFUSED") || refused.contains("403"), "{refused}");
    let liar = Submitter::open(house, "web-store").await;
    let as_warehouse =
        BasicProperties::default().with_content_type(SINGLE.into()).with_user_id("warehouse".into());
    let refused =
        liar.publish_with("oms.in", "order.submit.v1", b"{}", as_warehouse).await.expect_err("refused");
    assert!(refused.contains("PRECONDITION_FAILED") || refused.contains("406"), "{refused}");

    // What passes the fence by a CC header, or by a permission too many, meets the shell.
    let copy = FieldArray::from(vec![AMQPValue::LongString("stock.receive.v1".into())]);
    let mut headers = FieldTable::default();
    headers.insert("CC".into(), AMQPValue::FieldArray(copy));
    let smuggled = pallet("smuggled");
    store
        .publish_with("oms.in", "order.submit.v1", smuggled.as_bytes(), own("smuggled").with_headers(headers))
        .await
        .expect("the broker takes it");
    for _ in ["intake", "inventory"] {
        assert_eq!(store.answer_to("smuggled").await["code"], "not_allowed");
    }
    Broker::of(house).let_write("web-store", ".*").await;
    let permitted = Submitter::open(house, "web-store").await;
    permitted.publish("stock.receive.v1", Some(SINGLE), pallet("permitted").as_bytes(), "permitted").await;
    assert_eq!(store.answer_to("permitted").await["code"], "not_allowed");
    let unheard =
        event("web-store", "unheard", "order.unheard.v1", &json!({ "reference": "unheard" })).to_string();
    permitted.publish("order.unheard.v1", Some(SINGLE), unheard.as_bytes(), "unheard").await;
    let answer = store.answer_to("unheard").await;
    assert_eq!(
        (&answer["code"], &answer["reference"]),
        (&json!("unknown_type"), &json!("unheard")),
        "a key that nobody reads is refused by intake"
    );

    // Nobody: without a user, and as the administrator, who is no outsider.
    let admin = Submitter::open_at(house.setting("OMS_AMQP_URL"), "").await;
    let nobody =
        event("web-store", "nobody", "order.submit.v1", &order("nobody", 1, &[("19XE", 1)])).to_string();
    let claims = BasicProperties::default().with_content_type(SINGLE.into()).with_app_id("web-store".into());
    admin.publish_with("oms.in", "order.submit.v1", nobody.as_bytes(), claims.clone()).await.expect("taken");
    let login = house
        .setting("OMS_AMQP_URL")
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split(':').next())
        .expect("a login")
        .to_owned();
    let as_admin = claims.with_user_id(login.into());
    admin
        .publish_with("oms.in", "order.submit.v1", nobody.replace("nobody", "root").as_bytes(), as_admin)
        .await
        .expect("taken");
    let good = store.send("order.submit.v1", order("GOOD", 1, &[("19XE", 1)])).await;
    assert_eq!(store.answer_to(&good).await["outcome"], "accepted");
    assert!(!store.has(|_| true), "what nobody sent is answered to nobody");
    assert_eq!(house.count("SELECT on_hand FROM inventory.items WHERE key = '19XE'").await, 5);
    vec!["not_allowed", "not_allowed", "not_allowed", "unknown_type", "unknown_sender", "unknown_sender"]
}

fn lists_and_shows(house: &TestHouse, parked: &Value) {
    let of = |arguments: &[&str]| {
        house.oms_json(&[&["parked", "list"], arguments].concat()).as_array().expect("a list").len()
    };
    assert_eq!(
        (of(&["--room", "payment"]), of(&["--reason", "unknown_sender"]), of(&["--room", "tracking"])),
        (1, 2, 0)
    );
    let large = parked
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["reason"] == "too_large")
        .expect("the large one");
    let id = &large["id"].as_str().expect("an id")[..12];
    let shown = house.oms_json(&["parked", "show", id]);
    assert_eq!(
        (&shown["room"], &shown["sender"], &shown["event_id"]),
        (&json!("intake"), &json!("web-store"), &json!("too-large"))
    );
    assert_eq!(shown["decoded"]["data"]["contact"]["name"], "…");
    assert_eq!(shown["decoded"]["data"]["reference"], "too-large");
    let table = house.oms_ok(&["parked", "list"]);
    assert!(table.lines().count() > 10 && table.contains(id) && table.contains("too_large"), "{table}");
    for (arguments, said) in [
        (
            &["parked", "show", "ffffffffffff"][..],
            "oms: no parked message has an id that begins with ffffffffffff; `oms parked list` shows them\n",
        ),
        (
            &["parked", "replay", "ffffffffffff"],
            "oms: no parked message has an id that begins with ffffffffffff; nothing was changed\n",
        ),
        (
            &["parked", "replay"],
            "oms: say which messages: ids from `oms parked list`, --from a list of them, or --all\n",
        ),
        (&["parked", "list", "--room", "cellar"], "oms: `cellar` is not a room\n"),
    ] {
        let run = house.oms(arguments);
        assert_eq!((run.code, run.err.as_str()), (Some(1), said), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_parked_order_is_taken_by_a_replay_once_the_reason_has_gone() {
    let mut house = TestHouse::new("replay").await;
    // A list of outsiders in which somebody forgot what the web store may send.
    let mut outsiders: Value = serde_json::from_str(messages::outsiders::DEFAULT).expect("JSON");
    let store = outsiders
        .as_array_mut()
        .and_then(|all| all.iter_mut().find(|one| one["name"] == "web-store"))
        .expect("the web store");
    store["may_publish"] = json!(["order.change.v1"]);
    let path = house.folder().join("outsiders.json");
    std::fs::write(&path, outsiders.to_string()).expect("the house's folder is writable");
    house.set("OMS_OUTSIDERS_FILE", &path.display().to_string());
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let id = store.send("order.submit.v1", order("WEB-1", 1, &[("19XE", 1)])).await;
    assert_eq!(store.answer_to(&id).await["code"], "not_allowed");
    let parked = until_parked(&house, "at first", 1).await;
    assert_eq!(parked[0]["reason"], "not_allowed");

    assert_eq!(house.terminate("rooms"), Some(0));
    house.set("OMS_OUTSIDERS_FILE", "");
    house.start_rooms("rooms", "all").await;
    house.oms_ok(&["parked", "replay", &parked[0]["id"].as_str().expect("an id")[..12]]);
    let answer = store
        .next("the answer to the replayed order", |event| event["data"]["reference"] == "WEB-1")
        .await["data"]
        .clone();
    assert_eq!(answer["outcome"], "accepted", "{answer}");
    house.until_fact(answer["order"].as_str().expect("a number"), "authorized", 1).await;
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
    assert_eq!(house.oms_json(&["parked", "replay", "--all"])["replayed"], 0);
}

/// Waits until so many messages are parked; gives them.
async fn until_parked(house: &TestHouse, when: &str, wanted: usize) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let parked = house.oms_json(&["parked", "list"]);
        if parked.as_array().map(Vec::len) == Some(wanted) {
            return parked;
        }
        assert!(begun.elapsed().as_secs() < 30, "{when}, {wanted} messages should be parked: {parked:#}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn reasons_of(parked: &Value) -> Vec<&str> {
    let mut reasons: Vec<&str> =
        parked.as_array().expect("a list").iter().filter_map(|one| one["reason"].as_str()).collect();
    reasons.sort_unstable();
    reasons
}
