//! What operators get back: parked messages are listed, shown, edited, sent again and discarded, a room is paused and
//! resumed, and the audit knows who did it and why. Nothing is decided twice, however often it is repeated.

use serde_json::{Value, json};
use tests::TestHouse;
use tests::broker::Broker;
use tests::client::{Client, event};
use tests::orders::{order, product};

const SINGLE: &str = "application/cloudevents+json";
const ACCEPTED: &str = "SELECT count(*) FROM intake.orders WHERE status = 'accepted'";

#[tokio::test]
async fn a_poison_order_is_found_shown_and_edited_and_its_sender_hears_of_it() {
    let mut house = open("edited").await;
    let mut store = Client::open(&house, "web-store").await;
    for (id, quantity) in [("WEB-1", json!("eleven")), ("WEB-2", json!(-1)), ("WEB-3", json!({}))] {
        send_order(&store, id, id, |event| event["data"]["lines"][0]["quantity"] = quantity).await;
        assert_eq!(store.answer_to(id).await["code"], "unreadable");
    }
    store.publish("order.submit.v1", Some(SINGLE), b"{\"reference\": ", "torn").await;
    assert_eq!(store.answer_to("torn").await["code"], "unreadable");
    let all = until_parked(&house, 4).await;

    let listed = |arguments: &[&str]| ids(&house.oms_json(&[&["parked", "list"], arguments].concat())).len();
    for (arguments, wanted) in [
        (&["--reason", "unreadable"][..], 4),
        (&["--reason", "poison"], 0),
        (&["--room", "intake"], 4),
        (&["--room", "payment"], 0),
        (&["--newer-than", "1h"], 4),
        (&["--older-than", "1h"], 0),
        (&["--older-than", "0s", "--reason", "unreadable", "--room", "intake"], 4),
    ] {
        assert_eq!(listed(arguments), wanted, "{arguments:?}");
    }
    let counts = house.oms_json(&["parked", "list", "--counts"]);
    assert_eq!(
        (counts.as_array().map(Vec::len), &counts[0]["messages"], &counts[0]["reason"]),
        (Some(1), &json!(4), &json!("unreadable"))
    );
    let first = id_of(&all, "WEB-1");
    let shown = house.oms_json(&["parked", "show", &first[..12]]);
    assert_eq!(
        shown["why"], "field lines[0].quantity: has a wrong type or a value that is not allowed",
        "{shown}"
    );
    assert_eq!(shown["decoded"]["data"]["contact"]["name"], "…");

    // What would be parked again is refused, and nothing changes.
    let because = ["--because", "they meant one"];
    for (change, said) in [
        (&["--set", "/data/lines/0/quantity=\"ten\""][..], "field data.lines[0].quantity: has a wrong type"),
        (&["--set", "/type=order.accepted.v1"], "intake does not read order.accepted.v1"),
        (&["--set", "/data/rows/0=1"], "the message has nothing at /data/rows"),
        (&["--remove", "/source"], "missing field `source`"),
    ] {
        let run = house.oms(&[&["parked", "edit", &first], change, &because].concat());
        assert!(run.code == Some(1) && run.err.contains(said), "{change:?}: {run:?}");
    }
    assert_eq!(ids(&house.oms_json(&["parked", "list"])).len(), 4);

    let said = house
        .oms_json(&[&["parked", "edit", &first, "--set", "/data/lines/0/quantity=1"][..], &because].concat());
    let answer = answer_about(&mut store, "WEB-1").await;
    assert_eq!((&answer["outcome"], &answer["answers"]), (&json!("accepted"), &said["id"]), "{answer}");
    // The whole of it, as `show` prints it: what was not shown is kept.
    let second = id_of(&all, "WEB-2");
    let mut body: Value = house.oms_json(&["parked", "show", &second, "--body"]);
    body["data"]["lines"][0]["quantity"] = json!(1);
    let path = house.folder().join("message.json");
    std::fs::write(&path, body.to_string()).expect("the house's folder is writable");
    house.oms_ok(
        &[&["parked", "edit", &second, "--from", &path.display().to_string()][..], &because].concat(),
    );
    assert_eq!(answer_about(&mut store, "WEB-2").await["outcome"], "accepted");
    let order = number_of(&house, "WEB-2").await;
    house.until_fact(&order, "authorized", 1).await;

    let gone = house.oms(&["parked", "discard", "--all"]);
    assert_eq!(gone.code, Some(2), "a reason is asked for: {gone:?}");
    let gone = house.oms_json(&["--user", "r.day", "parked", "discard", "--all", "--because", "test orders"]);
    assert_eq!(gone["messages"], 2);
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
    assert_eq!(house.count(ACCEPTED).await, 2);

    house.until_count("each is on record", &records("parked.settled.v1"), 4).await;
    for (id, wanted) in [
        (&first, json!(["edited", "tester", "they meant one", said["id"]])),
        (&second, json!(["edited", "tester", "they meant one"])),
        (&id_of(&all, "WEB-3"), json!(["discarded", "r.day", "test orders"])),
    ] {
        let recorded = recorded(&house, id).await;
        for part in wanted.as_array().expect("parts") {
            assert!(recorded.contains(&part.to_string()), "{part}: {recorded}");
        }
        assert!(!recorded.contains("Buyer"), "{recorded}");
    }
    assert_eq!(house.terminate("rooms"), Some(0));
}

#[tokio::test]
async fn exactly_the_listed_set_is_sent_again_once_however_often_and_whatever_dies() {
    let mut house = open("replayed").await;
    let may = |kinds: &[&str]| {
        let mut outsiders: Value = serde_json::from_str(messages::outsiders::DEFAULT).expect("JSON");
        let mut all = outsiders.as_array_mut().expect("a list").iter_mut();
        all.find(|one| one["name"] == "web-store").expect("the store")["may_publish"] = json!(kinds);
        outsiders.to_string()
    };
    let path = house.folder().join("outsiders.json");
    std::fs::write(&path, may(&["order.change.v1"])).expect("the house's folder is writable");
    house.set("OMS_OUTSIDERS_FILE", &path.display().to_string());
    assert_eq!(house.terminate("rooms"), Some(0));
    house.start_rooms("rooms", "all").await;
    let mut store = Client::open(&house, "web-store").await;
    for id in ["WEB-1", "WEB-2", "WEB-3"] {
        send_order(&store, id, id, |_| ()).await;
        assert_eq!(store.answer_to(id).await["code"], "not_allowed");
    }
    until_parked(&house, 3).await;
    let list = house.folder().join("set").display().to_string();
    std::fs::write(&list, house.oms_ok(&["parked", "list", "--reason", "not_allowed", "--ids"]))
        .expect("writable");
    send_order(&store, "WEB-4", "WEB-4", |_| ()).await;
    assert_eq!(store.answer_to("WEB-4").await["code"], "not_allowed");
    until_parked(&house, 4).await;

    // The replay dies when its messages are with the broker and nothing is on record: no room runs.
    assert_eq!(house.terminate("rooms"), Some(0));
    std::fs::write(&path, may(&["order.submit.v1"])).expect("the house's folder is writable");
    house.start("replay", "oms", &["parked", "replay", "--from", &list]);
    let broker = Broker::of(&house);
    let begun = std::time::Instant::now();
    while broker.peek("oms.intake.control").await.len() < 3 {
        assert!(begun.elapsed().as_secs() < 30, "the record is not asked for: {}", house.log("replay"));
    }
    house.kill("replay");
    assert_eq!(ids(&house.oms_json(&["parked", "list"])).len(), 4, "nothing was taken yet");
    house.start_rooms("rooms", "all").await;
    let again = house.oms_json(&["parked", "replay", "--from", &list]);
    assert_eq!((&again["replayed"], &again["gone"]), (&json!(3), &json!(0)), "{again}");
    let again = house.oms_json(&["parked", "replay", "--from", &list, "--because", "once more"]);
    assert_eq!((&again["replayed"], &again["gone"]), (&json!(0), &json!(3)), "{again}");
    let left = house.oms_json(&["parked", "list"]);
    assert_eq!(ids(&left).len(), 1, "what was parked since is not touched: {left}");
    assert_eq!(left[0]["event_id"], "WEB-4");

    for reference in ["WEB-1", "WEB-2", "WEB-3"] {
        assert_eq!(answer_about(&mut store, reference).await["outcome"], "accepted");
        let order = number_of(&house, reference).await;
        house.until_fact(&order, "authorized", 1).await;
    }
    house.until_count("each is on record", &records("parked.settled.v1"), 3).await;
    // A last message behind them: nothing more of the three comes.
    house.oms_ok(&["parked", "replay", "--all"]);
    assert_eq!(answer_about(&mut store, "WEB-4").await["outcome"], "accepted");
    house.until_count("each is on record", &records("parked.settled.v1"), 4).await;
    assert_eq!(house.count(ACCEPTED).await, 4);
    assert!(!store.has(|event| event["data"]["code"].is_null()), "each sender is told once");
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
}

#[tokio::test]
async fn a_paused_room_takes_nothing_stays_paused_over_restarts_and_misses_nothing() {
    let mut house = open("paused").await;
    let mut store = Client::open(&house, "web-store").await;
    let said = house.oms_ok(&["rooms", "pause", "inventory", "--reason", "stock-taking"]);
    assert!(said.starts_with("inventory is paused: "), "{said}");
    assert_eq!(
        house.oms_ok(&["rooms", "pause", "inventory", "--reason", "again"]),
        "the room is paused already\n"
    );
    house.until("it is known", |house| house.log("rooms").contains("\"paused\":true")).await;
    for reference in ["WEB-1", "WEB-2", "WEB-3"] {
        send_order(&store, reference, reference, |_| ()).await;
        assert_eq!(answer_about(&mut store, reference).await["outcome"], "accepted", "others go on");
    }
    let waiting = || {
        let status = house.oms_json(&["status"]);
        let desks = status["desks"].as_array().expect("desks").clone();
        desks.into_iter().find(|desk| desk["room"] == "inventory").expect("inventory")
    };
    let begun = std::time::Instant::now();
    while waiting()["waiting"].as_i64() < Some(3) {
        assert!(begun.elapsed().as_secs() < 60, "nothing piles up: {}", waiting());
    }
    assert_eq!(waiting()["paused"], true);
    assert!(house.oms_ok(&["status"]).contains("inventory (PAUSED)"));

    house.kill("rooms");
    house.start_rooms("rooms", "all").await;
    let listed = house.oms_json(&["rooms", "list"]);
    let paused: Vec<&Value> =
        listed.as_array().expect("a list").iter().filter(|room| !room["paused"].is_null()).collect();
    assert_eq!(paused.len(), 1, "{listed}");
    assert_eq!(
        (&paused[0]["room"], &paused[0]["paused"]["user"], &paused[0]["paused"]["reason"]),
        (&json!("inventory"), &json!("tester"), &json!("stock-taking"))
    );
    // Another message goes all the way while this room stands still.
    send_order(&store, "WEB-4", "WEB-4", |_| ()).await;
    assert_eq!(answer_about(&mut store, "WEB-4").await["outcome"], "accepted");
    assert_eq!(house.count("SELECT count(*) FROM lifecycle.facts WHERE kind = 'reserved'").await, 0);

    assert_eq!(house.oms_ok(&["rooms", "resume", "inventory"]), "inventory goes on\n");
    assert_eq!(house.oms_ok(&["rooms", "resume", "inventory"]), "the room is not paused\n");
    for reference in ["WEB-1", "WEB-2", "WEB-3", "WEB-4"] {
        let order = number_of(&house, reference).await;
        house.until_fact(&order, "authorized", 1).await;
    }
    house.until_count("it is on record", &records("room.paused.v1"), 1).await;
    house.until_count("it is on record", &records("room.resumed.v1"), 1).await;
    let recorded = recorded(&house, "inventory").await;
    assert!(recorded.contains("stock-taking") && recorded.contains("\"tester\""), "{recorded}");
    let refused = house.oms(&["rooms", "pause", "cellar", "--reason", "r"]);
    assert!(refused.err.starts_with("oms: `cellar` is not a room; rooms are intake, "), "{refused:?}");
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
}

#[tokio::test]
async fn a_paused_room_fires_no_timer_and_makes_no_call_but_records_what_was_settled() {
    let mut house = open("still").await;
    let mut store = Client::open(&house, "web-store").await;
    house.oms_ok(&["rooms", "pause", "payment", "--reason", "the gateway is being moved"]);
    house.until("it is known", |house| house.log("rooms").contains("\"paused\":true")).await;
    send_order(&store, "WEB-1", "WEB-1", |_| ()).await;
    assert_eq!(answer_about(&mut store, "WEB-1").await["outcome"], "accepted");
    house.until_count("it is ready", "SELECT count(*) FROM lifecycle.facts WHERE kind = 'ready'", 1).await;
    // A call that fell due before stays; an operator's word is heard all the same.
    house
        .execute("INSERT INTO payment.due (key, kind, epoch, attempt, due_at, body, serial) VALUES ('x', 'authorize', 1, 1, now(), '{}', 1)")
        .await;
    let admin = tests::client::Submitter::open_at(house.setting("OMS_AMQP_URL"), "").await;
    let torn = lapin::BasicProperties::default().with_content_type(SINGLE.into());
    house.oms_ok(&["rooms", "pause", "intake", "--reason", "both"]);
    house.until("it is known", |house| house.log("rooms").matches("\"paused\":true").count() == 2).await;
    admin.publish_with("oms.in", "order.submit.v1", b"{", torn).await.expect("taken");
    assert_eq!(ids(&house.oms_json(&["parked", "list"])).len(), 0, "a paused room parks nothing");
    house.oms_ok(&["rooms", "resume", "intake"]);
    let parked = until_parked(&house, 1).await;
    house.oms_ok(&["rooms", "pause", "intake", "--reason", "once more"]);
    house.oms_ok(&["parked", "discard", &ids(&parked)[0], "--because", "noise"]);
    house.until_count("it is on record", &records("parked.settled.v1"), 1).await;
    // Not even on its way out.
    assert_eq!(house.terminate("rooms"), Some(0));
    assert_eq!(
        house.count("SELECT count(*) FROM payment.due WHERE key = 'x' AND started_at IS NULL").await,
        1,
        "the call was not made"
    );
    house.start_rooms("rooms", "all").await;
    house.execute("DELETE FROM payment.due WHERE key = 'x'").await;
    house.oms_ok(&["rooms", "resume", "payment"]);
    house
        .until_count("it is paid", "SELECT count(*) FROM lifecycle.facts WHERE kind = 'authorized'", 1)
        .await;
}

async fn open(name: &str) -> TestHouse {
    let mut house = TestHouse::new(name).await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 50)]).await;
    house
}

/// Publishes an order with a change made to its event.
async fn send_order(store: &Client, id: &str, reference: &str, change: impl FnOnce(&mut Value)) {
    let mut event = event("web-store", id, "order.submit.v1", &order(reference, 1, &[("19XE", 1)]));
    change(&mut event);
    store.publish("order.submit.v1", Some(SINGLE), event.to_string().as_bytes(), id).await;
}

/// The answer that tells what became of an order, under its sender's own name for it.
async fn answer_about(store: &mut Client, reference: &str) -> Value {
    store
        .next(&format!("the answer about {reference}"), |event| {
            event["data"]["reference"] == reference && event["data"]["outcome"] != "refused"
        })
        .await["data"]
        .clone()
}

/// Our number of an order, once lifecycle has heard of it.
async fn number_of(house: &TestHouse, reference: &str) -> String {
    let found = || house.oms_json(&["orders", "find", "--reference", reference]);
    house.until(&format!("{reference} is known"), |_| found()["orders"] != json!([])).await;
    found()["orders"][0]["order"].as_str().expect("a number").to_owned()
}

fn ids(parked: &Value) -> Vec<String> {
    let list = parked.as_array().expect("a list");
    list.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

fn id_of(parked: &Value, event: &str) -> String {
    let found = parked.as_array().expect("a list").iter().find(|one| one["event_id"] == event);
    found.unwrap_or_else(|| panic!("{event}: {parked}"))["id"].as_str().expect("an id").to_owned()
}

async fn until_parked(house: &TestHouse, wanted: usize) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let parked = house.oms_json(&["parked", "list"]);
        if ids(&parked).len() == wanted {
            return parked;
        }
        assert!(begun.elapsed().as_secs() < 60, "{wanted} messages should be parked: {parked:#}");
    }
}

fn records(kind: &str) -> String {
    format!("SELECT count(*) FROM audit.records WHERE kind = '{kind}'")
}

/// What the audit kept under this subject.
async fn recorded(house: &TestHouse, subject: &str) -> String {
    let sql = format!(
        "SELECT state->'record'->>'event' FROM audit.records WHERE subject = '{subject}' ORDER BY key"
    );
    house.texts(&sql).await.join("\n")
}

#[tokio::test]
async fn a_timer_that_was_parked_is_put_back_and_fires_again() {
    let house = open("timer").await;
    house
        .execute("INSERT INTO payment.due (key, kind, epoch, attempt, due_at, body, serial) VALUES ('x', 'renew', 1, 0, now(), '\"unreadable\"', 1)")
        .await;
    let parked = until_parked(&house, 1).await;
    assert_eq!((&parked[0]["room"], &parked[0]["queue"]), (&json!("payment"), &json!("due/renew")));
    let again = house.oms_json(&["parked", "replay", "--all", "--because", "the room can read it now"]);
    assert_eq!((&again["replayed"], &again["restored"]), (&json!(1), &json!(1)), "{again}");
    // It cannot, so the same row fires and is parked once more, later.
    let parked_again = until_parked(&house, 1).await;
    assert_eq!(parked_again[0]["id"], parked[0]["id"]);
    assert_ne!(parked_again[0]["parked_at"], parked[0]["parked_at"]);
    house.oms_ok(&["parked", "discard", "--all", "--because", "made by hand"]);
    house.until_count("both are on record", &records("parked.settled.v1"), 2).await;
    let recorded = recorded(&house, parked[0]["id"].as_str().expect("an id")).await;
    assert!(recorded.contains("\"restored\"") && recorded.contains("\"discarded\""), "{recorded}");
    assert_eq!(house.count("SELECT count(*) FROM payment.due WHERE key = 'x'").await, 0);
}
