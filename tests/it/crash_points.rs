//! A house dies at every named point, one after the other, and must come out as a house to which nothing happened.

use std::collections::BTreeMap;

use messages::Room;
use messages::sealed::Sealed;
use serde_json::{Value, json};
use shell::faults::Point;
use tests::TestHouse;
use tests::client::Client;
use tests::orders::{order, product};

/// Where the house dies, in this order; each point in a room whose every order passes it.
const DEATHS: [(Room, Point); 16] = [
    (Room::Inventory, Point::AfterReceive),
    (Room::Intake, Point::AfterLock),
    (Room::Payment, Point::BeforeCommit),
    (Room::Fulfillment, Point::AfterCommit),
    (Room::Intake, Point::MidPublish),
    (Room::Inventory, Point::AfterConfirm),
    (Room::Tracking, Point::BeforeAck),
    (Room::Payment, Point::AfterAck),
    (Room::Payment, Point::CallClaimed),
    (Room::Payment, Point::FarSideDone),
    (Room::Payment, Point::AnswerStored),
    (Room::Notifications, Point::CallClaimed),
    (Room::Notifications, Point::FarSideDone),
    (Room::Fulfillment, Point::TimerPicked),
    (Room::Intake, Point::Forget),
    // Last: it takes rows that were left, and those are made for it.
    (Room::Payment, Point::SweepPicked),
];

#[tokio::test]
async fn a_house_that_dies_at_every_point_ends_as_one_that_never_died() {
    let mut quiet = open("quiet").await;
    let mut dying = open("dying").await;
    // The same keys make the same order numbers.
    std::fs::copy(quiet.setting("OMS_KEYS_FILE"), dying.setting("OMS_KEYS_FILE")).expect("both are files");

    serve(&mut quiet).await;
    let store = Client::open(&quiet, "web-store").await;
    let orders = orders();
    for order in &orders {
        store.send("order.submit.v1", order.clone()).await;
    }
    settle(&quiet, DEATHS.len() + 1).await;

    serve(&mut dying).await;
    dying.terminate("rooms");
    let mut store = Client::open(&dying, "web-store").await;
    for (place, (room, point)) in DEATHS.into_iter().enumerate() {
        if point == Point::SweepPicked {
            leave_rows(&mut dying, &mut store, &orders[DEATHS.len()]).await;
        }
        dying.set("OMS_CRASH_AT", &format!("{room}:{}:1", point.name()));
        dying.start("rooms", "oms", &["run", "--rooms", "all"]);
        store.send("order.submit.v1", orders[place].clone()).await;
        dying.until_aborted("rooms", &format!("{room} dies at {}", point.name())).await;
    }
    dying.set("OMS_CRASH_AT", "");
    rows_grow_old(&dying).await;
    dying.start_rooms("rooms", "all").await;
    settle(&dying, DEATHS.len() + 1).await;

    assert_eq!(effects(&dying).await, effects(&quiet).await);
    for table in TABLES {
        assert_eq!(rows(&dying, table).await, rows(&quiet, table).await, "{table}");
    }
}

/// A message cannot tell its process's end from outside from one of its own doing, so that it takes many to call it poison.
#[tokio::test]
async fn a_message_whose_process_is_killed_again_and_again_is_no_poison() {
    let mut house = TestHouse::new("unlucky").await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    house.terminate("rooms");
    let store = Client::open(&house, "web-store").await;
    store.send("order.submit.v1", order("UNLUCKY", 0, &[("19XE", 1)])).await;
    // Five deaths until it is taken out of its batch, three while it is tried alone.
    house.set("OMS_CRASH_AT", &format!("{}:{}:1", Room::Intake, Point::AfterLock.name()));
    for death in 1..=8 {
        house.start("rooms", "oms", &["run", "--rooms", "intake"]);
        house.until_aborted("rooms", &format!("death {death}")).await;
    }
    house.set("OMS_CRASH_AT", "");
    // The database goes away once more, right after the decision and before the mark is gone.
    house
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'going down' USING ERRCODE = '57P01'; END $$",
        )
        .await;
    house
        .execute("CREATE TRIGGER refuse BEFORE DELETE ON intake.mark FOR EACH ROW EXECUTE FUNCTION refuse()")
        .await;
    house.start_rooms("rooms", "intake").await;
    house
        .until("a mark stays for a moment", |house| {
            house.log("rooms").contains("a mark could not be taken back")
        })
        .await;
    house.execute("DROP TRIGGER refuse ON intake.mark").await;
    let accepted = "SELECT count(*) FROM intake.orders WHERE status = 'accepted'";
    house.until_count("the order is accepted", accepted, 1).await;
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
    house.until_count("no mark is left", "SELECT count(*) FROM intake.mark", 0).await;
}

/// Tables whose rows say the same whatever happened on the way, but for times, ids and seals.
const TABLES: [&str; 10] = [
    "intake.numbers",
    "intake.orders",
    "inventory.orders",
    "inventory.items",
    "inventory.households",
    "payment.orders",
    "payment.releases",
    "fulfillment.orders",
    "fulfillment.releases",
    "tracking.parcels",
];

async fn open(test: &str) -> TestHouse {
    let mut house = TestHouse::new(test).await;
    house.start_mail_sink().await;
    house.set("OMS_PAYMENT_LOOKUP_DELAY", "1");
    house.set("OMS_FULFILLMENT_HANDOVER_DELAY", "1");
    house
}

async fn serve(house: &mut TestHouse) {
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 50)]).await;
    house.start_warehouse(&[]).await;
}

/// Dies right after the decision on a gateway's answer, whose outputs no redelivery brings back, and lets them grow old.
async fn leave_rows(house: &mut TestHouse, store: &mut Client, order: &Value) {
    house.set("OMS_CRASH_AT", "");
    rows_grow_old(house).await;
    house.start_rooms("rooms", "all").await;
    settle(house, DEATHS.len() - 1).await;
    house.terminate("rooms");
    // The order's first commit in payment asks the gateway, the second is about the answer.
    house.set("OMS_CRASH_AT", &format!("{}:{}:2", Room::Payment, Point::AfterCommit.name()));
    house.start("rooms", "oms", &["run", "--rooms", "all"]);
    store.send("order.submit.v1", order.clone()).await;
    house.until_aborted("rooms", "payment leaves rows").await;
    assert!(house.count("SELECT count(*) FROM payment.outbox").await > 0);
    rows_grow_old(house).await;
}

/// Both houses get the same orders, to the letter.
fn orders() -> Vec<Value> {
    (0..=DEATHS.len()).map(|place| order(&format!("CRASH-{place}"), place, &[("19XE", 1)])).collect()
}

/// What a minute does to rows that were left in an outbox.
async fn rows_grow_old(house: &TestHouse) {
    for room in Room::ALL {
        house.execute(&format!("UPDATE {room}.outbox SET next_at = next_at - interval '60 seconds'")).await;
    }
}

/// Waits until so many orders have gone all their way.
async fn settle(house: &TestHouse, orders: usize) {
    let orders = i64::try_from(orders).expect("few");
    for (kind, wanted) in [("delivered", orders), ("captured", orders), ("noticed", 4 * orders)] {
        let sql = format!("SELECT least(count(*), {wanted}) FROM lifecycle.facts WHERE kind = '{kind}'");
        house.until_count(kind, &sql, wanted).await;
    }
    for room in Room::ALL {
        for table in ["due", "mark"] {
            let sql = format!("SELECT count(*) FROM {room}.{table}");
            house.until_count(&format!("{room}.{table} is empty"), &sql, 0).await;
        }
    }
}

/// What the world has seen of the house.
async fn effects(house: &TestHouse) -> Value {
    let ledger = house.gateway_ledger().await;
    let mails = house.mails().await;
    let mut subjects: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in &mails {
        *subjects.entry(&mail.subject).or_default() += 1;
    }
    let facts = house
        .texts(
            "SELECT format('%s %s %s', order_number, kind, count(*)) FROM lifecycle.facts
             WHERE kind IN ('accepted', 'reserved', 'authorized', 'dispatched', 'captured', 'delivered', 'noticed') GROUP BY order_number, kind ORDER BY 1",
        )
        .await;
    json!({ "doubled": ledger["doubled"], "total": ledger["total"], "mails": subjects, "facts": facts })
}

/// The rows of a table without what two houses cannot share.
async fn rows(house: &TestHouse, table: &str) -> Vec<String> {
    let rows = house
        .texts(&format!("SELECT key || ' ' || coalesce(state::text, 'null') FROM {table} ORDER BY key"))
        .await;
    rows.iter()
        .map(|row| {
            let (key, state) = row.split_once(' ').expect("two columns");
            let state: Value = serde_json::from_str(state).expect("JSON");
            format!("{} {}", plain(&json!(key)), plain(&state))
        })
        .collect()
}

/// A value without times, ids that hold a time, seals, and the gateway's own ids.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::String(text) if Sealed::try_from(text.clone()).is_ok() => json!("sealed"),
        Value::String(text) => json!(text.split('/').map(plain_word).collect::<Vec<_>>().join("/")),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn plain_word(word: &str) -> &str {
    let is_time = word.starts_with("20") && word.len() > 10 && word.as_bytes()[10] == b'T';
    let is_id = word.len() == 36 && word.bytes().filter(|byte| *byte == b'-').count() == 4;
    match word {
        _ if is_time => "time",
        _ if is_id => "id",
        _ if word.starts_with("pi_") => "intent",
        _ => word,
    }
}
