//! Nothing personal lies anywhere in clear: unusual strings are planted wherever an outsider can write, in good, held,
//! refused, torn and foreign messages, and then looked for everywhere.

use lapin::BasicProperties;
use messages::Room;
use messages::sealed::Keyring;
use serde_json::{Value, json};
use shell::parking::ParkedRecord;
use tests::TestHouse;
use tests::broker::Broker;
use tests::client::{Client, Submitter, event};
use tests::orders::{at, now, order, product};
use tests::search::{self, Canary};
use tests::tap::Tap;

/// Passes the check of Luhn, so it is a card number to everybody.
const CARD: &str = "4539578763621486";
const CARD_FORMS: [&str; 3] = [CARD, "4539 5787 6362 1486", "4539-5787-6362-1486"];
const SINGLE: &str = "application/cloudevents+json";

fn canaries() -> Vec<Canary> {
    let canary = |what, text: &str| Canary { what, text: text.to_owned() };
    let mut all = vec![
        canary("the name", "Zebulon Quuxworth"),
        canary("the recipient", "Philomena Zyxwort"),
        canary("the street", "77 Qwyzzle Lane"),
        canary("the second line", "Apt Zqx-9"),
        canary("the phone", "2155550199"),
        canary("the e-mail", "zq.canary@quux-mail.example"),
        canary("the gift message", "Kwyjibo for ever"),
        canary("the token", "tok_ok_canary_Zq81"),
        canary("the card's fingerprint", "fpr_canary_Zq82"),
        canary("the security code", "cvv-QX73-9Z"),
        canary("what nobody knows", "Unbekannt-Zq83"),
    ];
    all.extend(CARD_FORMS.map(|form| canary("the card number", form)));
    all
}

/// An order full of canaries that is good all the same.
fn full(reference: &str) -> Value {
    let mut order = order(reference, 1, &[("19XE", 1)]);
    let address = json!({ "line1": "77 Qwyzzle Lane", "line2": "Apt Zqx-9", "city": "Philadelphia", "state": "PA", "postal_code": "19106", "country": "US" });
    order["contact"] = json!({ "name": "Zebulon Quuxworth", "email": "zq.canary@quux-mail.example" });
    order["billing"] = address.clone();
    order["payment"]["token"] = json!("tok_ok_canary_Zq81");
    order["payment"]["fingerprint"] = json!("fpr_canary_Zq82");
    order["deliveries"] = json!([{
        "recipient": "Philomena Zyxwort", "address": address, "phone": "+12155550199", "gift": true,
        "gift_message": "Kwyjibo for ever", "method": "standard",
    }]);
    // A field that no version of ours has.
    order["note"] = json!("Unbekannt-Zq83");
    order
}

#[tokio::test]
async fn nothing_personal_lies_in_clear_in_any_table_queue_parked_message_or_log() {
    let mut house = TestHouse::new("clear").await;
    house.set("OMS_LOG", "debug");
    house.start_mail_sink().await;
    search::keep_every_row(&house).await;
    let mut tap = Tap::open(&house, &["oms", "oms.out", "oms.self", "oms.unrouted"]).await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 50)]).await;
    let mut store = Client::open(&house, "web-store").await;

    let good = submit(&mut store, full("CLEAR-GOOD"), "accepted").await;
    let mut many = full("CLEAR-HELD");
    many["lines"][0]["quantity"] = json!(11);
    many["lines"][0]["unit_price"] = json!(6595);
    many["total"] = json!(11 * 6595 + 495);
    let held = submit(&mut store, many.clone(), "held").await;
    many["reference"] = json!("CLEAR-HELD-2");
    let refused = submit(&mut store, many, "held").await;
    refuse_each(&mut store).await;
    park_each(&house, &mut store).await;
    write_cards_as_staff(&house, held["order"].as_str().expect("a number")).await;
    house.start_warehouse(&[]).await;
    house.oms_ok(&[
        "hold",
        "release",
        held["order"].as_str().expect("a number"),
        "--reason",
        "known customer",
    ]);
    house.oms_ok(&[
        "hold",
        "refuse",
        refused["order"].as_str().expect("a number"),
        "--reason",
        "unknown customer",
    ]);
    let good = good["order"].as_str().expect("a number");
    house.until_fact(good, "noticed", 4).await;
    house.until_fact(held["order"].as_str().expect("a number"), "delivered", 1).await;
    house.until_fact(refused["order"].as_str().expect("a number"), "noticed", 2).await;

    // The control: what is planted in each place is found there, so that finding nothing means something.
    let control = [Canary { what: "the control", text: "Kontrolle-Zq99".to_owned() }];
    let broker = Broker::of(&house);
    let admin = Submitter::open_at(house.setting("OMS_AMQP_URL"), "").await;
    admin
        .publish_with("oms.unrouted", "control", b"{\"x\":\"Kontrolle-Zq99\"}", BasicProperties::default())
        .await
        .expect("taken");
    house
        .execute(
            "INSERT INTO payment.task (kind, key, reason) VALUES ('control', 'control', 'Kontrolle-Zq99')",
        )
        .await;
    house.execute("INSERT INTO intake.outbox (batch, exchange, routing_key, content_type, message_id, body) VALUES (0, 'oms.unrouted', 'x', 'x', 'x', 'Kontrolle-Zq99')").await;
    let passed = tap.until("oms.unrouted", "control").await;
    assert_eq!(search::in_messages(&passed, &control), ["the control in oms.unrouted/control"]);
    assert_eq!(search::in_queues(&house, &control).await, ["the control in oms.unrouted"]);
    let mut rows = search::in_rows(&house, &control).await;
    rows.sort();
    assert_eq!(rows, ["the control in intake.outbox", "the control in payment.task"]);
    assert!(search::in_tables(&house, &control).await.contains(&"the control in payment.task".to_owned()));

    let canaries = canaries();
    let mut found = search::in_messages(&passed, &canaries);
    found.extend(search::in_rows(&house, &canaries).await);
    found.extend(search::in_tables(&house, &canaries).await);
    found.extend(search::in_queues(&house, &canaries).await);
    found.extend(search::in_logs(&house, &["rooms", "warehouse"], &canaries));
    found.extend(in_answers_to_the_operator(&house, good, &canaries));
    found.extend(in_opened_parked_messages(&house, &broker).await);
    found.sort();
    found.dedup();
    assert_eq!(found, Vec::<String>::new());
    let addressed =
        house.mails().await.iter().filter(|mail| mail.to == ["zq.canary@quux-mail.example"]).count();
    assert!(addressed >= 4, "the customer's own mails name him, or nothing was planted");
}

async fn submit(store: &mut Client, order: Value, outcome: &str) -> Value {
    let id = store.send("order.submit.v1", order).await;
    let answer = store.answer_to(&id).await;
    assert_eq!(answer["outcome"], outcome, "{answer}");
    answer
}

/// Orders that are read and refused: each with every canary, and with a card where it does not belong.
async fn refuse_each(store: &mut Client) {
    let mut changes: Vec<(String, Value)> = vec![
        ("/total".to_owned(), json!(1)),
        ("/lines/0/item".to_owned(), json!("99ZZ")),
        ("/received_at".to_owned(), json!("2019-11-14T16:00:00Z")),
        ("/deliveries/0/address/postal_code".to_owned(), json!("Unbekannt-Zq83")),
        ("/deliveries/0/phone".to_owned(), json!("2155550199 ext Unbekannt-Zq83")),
        ("/contact/email".to_owned(), json!("zq.canary@quux-mail.example@")),
        ("/contact/name".to_owned(), json!("Zebulon Quuxworth\u{7}")),
        ("/payment/token".to_owned(), json!("Unbekannt-Zq83 tok")),
        ("/payment/expiry".to_owned(), json!("Unbekannt-Zq83")),
        ("/payment/last_four".to_owned(), json!("Unbekannt-Zq83")),
        ("/currency".to_owned(), json!("Unbekannt-Zq83")),
        ("/customer".to_owned(), json!("zq.canary@quux-mail.example")),
    ];
    for form in CARD_FORMS {
        for field in [
            "/contact/name",
            "/deliveries/0/gift_message",
            "/billing/line1",
            "/payment/token",
            "/payment/fingerprint",
            "/lines/0/item",
            "/note",
            "/customer",
        ] {
            changes.push((field.to_owned(), json!(format!("{form}"))));
        }
    }
    for (at, (field, value)) in changes.into_iter().enumerate() {
        let mut bad = full(&format!("CLEAR-BAD-{at}"));
        match bad.pointer_mut(&field) {
            Some(place) => *place = value,
            None => bad[field.trim_start_matches('/')] = value,
        }
        submit(store, bad, "refused").await;
    }
    for (name, value) in [
        ("cvv", json!("cvv-QX73-9Z")),
        ("extra", json!({ "security_code": "cvv-QX73-9Z" })),
        (CARD, json!(true)),
        ("number", json!(4_539_578_763_621_486_u64)),
    ] {
        let mut bad = full(&format!("CLEAR-FIELD-{}", name.len()));
        bad[name] = value;
        submit(store, bad, "refused").await;
    }
}

/// Messages that are not read at all.
async fn park_each(house: &TestHouse, store: &mut Client) {
    let whole = |id: &str, body: Value| event("web-store", id, "order.submit.v1", &body);
    let mut shapes: Vec<(&str, Option<&str>, Value)> = vec![
        ("no-time", Some(SINGLE), whole("no-time", full("PARK-1"))),
        ("type", Some("text/plain"), whole("type", full("PARK-2"))),
    ];
    shapes[0].2.as_object_mut().expect("an event").remove("time");
    let with = |id: &'static str, field: &str, value: Value| {
        let mut event = whole(id, full("PARK-3"));
        event[field] = value;
        (id, Some(SINGLE), event)
    };
    shapes.push(with("bad-time", "time", json!("Zebulon Quuxworth")));
    shapes.push(with("old-time", "time", json!(at(-100 * 86_400))));
    shapes.push(with("bad-data", "data", json!("Zebulon Quuxworth 4539578763621486")));
    shapes.push(with("bad-spec", "specversion", json!("Zebulon Quuxworth")));
    shapes.push(with("bad-type", "type", json!("Zebulon Quuxworth")));
    shapes.push(with("card-type", "type", json!(CARD)));
    shapes.push(with("card-source", "source", json!(CARD)));
    shapes.push(with("card-subject", "subject", json!(CARD)));
    shapes.push(with("card-trace", "traceparent", json!(CARD)));
    shapes.push(with("card-cause", "causationid", json!(CARD)));
    let wrong = |id: &'static str, path: &str, value: Value| {
        let mut body = full("PARK-4");
        *body.pointer_mut(path).expect("a field") = value;
        (id, Some(SINGLE), whole(id, body))
    };
    shapes.push(wrong("channel", "/channel", json!("Zebulon Quuxworth")));
    shapes.push(wrong("brand", "/payment/brand", json!(CARD)));
    shapes.push(wrong("received", "/received_at", json!("Zebulon Quuxworth")));
    shapes.push(wrong("quantity", "/lines/0/quantity", json!("Zebulon Quuxworth")));
    shapes.push(wrong("reference", "/reference", json!(CARD)));
    shapes.push(wrong("reference-2", "/reference", json!("Zebulon Quuxworth")));
    shapes.push(wrong("agent", "/billing", json!("77 Qwyzzle Lane")));
    for (id, content_type, event) in shapes {
        store.publish("order.submit.v1", content_type, event.to_string().as_bytes(), id).await;
        if !["card-source", "card-subject", "card-trace", "card-cause"].contains(&id) {
            assert_eq!(store.answer_to(id).await["outcome"], "refused", "{id}");
        }
    }
    let torn = full("PARK-TORN").to_string();
    store.publish("order.submit.v1", Some(SINGLE), &torn.as_bytes()[..torn.len() - 40], "torn").await;
    store.publish("order.submit.v1", Some(SINGLE), torn.replace(',', ",,").as_bytes(), "torn-2").await;
    let large = format!("{{\"a\":\"{}\",\"b\":{torn}}}", "x".repeat(70_000));
    store.publish("order.submit.v1", Some(SINGLE), large.as_bytes(), "large").await;
    for id in ["torn", "torn-2", "large"] {
        store.answer_to(id).await;
    }
    // The id of an event, and of an AMQP message.
    let card_id = event("web-store", CARD, "order.submit.v1", &full("PARK-ID"));
    store.publish("order.submit.v1", Some(SINGLE), card_id.to_string().as_bytes(), CARD).await;
    store.publish("order.submit.v1", Some(SINGLE), b"torn 4539 5787 6362 1486", "4539 5787 6362 1486").await;
    // From nobody.
    let admin = Submitter::open_at(house.setting("OMS_AMQP_URL"), "").await;
    let nobody = whole("nobody", full("PARK-NOBODY")).to_string();
    for exchange_key in ["order.submit.v1", "order.nobody.v1", CARD] {
        admin
            .publish_with(
                "oms.in",
                exchange_key,
                nobody.as_bytes(),
                BasicProperties::default().with_content_type(SINGLE.into()),
            )
            .await
            .expect("taken");
    }
    let last = store.send("order.submit.v1", full("CLEAR-LAST")).await;
    store.answer_to(&last).await;
}

/// Staff write free text, and carriers and the warehouse codes of their own; a card number is none of either.
async fn write_cards_as_staff(house: &TestHouse, held: &str) {
    let card = "see card 4539 5787 6362 1486";
    house
        .execute(
            "INSERT INTO payment.task (kind, key, reason) VALUES ('capture_failed', 'a-key', 'a reason')",
        )
        .await;
    for arguments in [
        &["hold", "release", held, "--reason", card][..],
        &["stock", "adjust", "19XE", "1", "--reason", card],
        &["stock", "adjust", "19XE", "1", "--reason", "count", "--reference", CARD],
        &["--user", CARD, "stock", "receive", "19XE", "1"],
        &["tasks", "close", "payment", "capture_failed", "a-key", "--reason", card],
    ] {
        let run = house.oms(arguments);
        assert_eq!(run.code, Some(1), "{arguments:?}: {run:?}");
    }
    let mut merchandising = Client::open(house, "merchandising").await;
    let mut named = product("20EA");
    named["name"] = json!(card);
    let id = merchandising.send("product.define.v1", json!({ "reference": "NAMED", "product": named })).await;
    assert_eq!(merchandising.answer_to(&id).await["outcome"], "refused");
    let mut carriers = Client::open(house, "carriers").await;
    let scan =
        json!({ "carrier": "usps", "tracking": "9400111206206406260787", "code": CARD, "scanned_at": now() });
    let id = carriers.send("carrier.scan.v1", scan).await;
    assert_eq!(carriers.answer_to(&id).await["outcome"], "refused");
}

fn in_answers_to_the_operator(house: &TestHouse, order: &str, canaries: &[Canary]) -> Vec<String> {
    let mut found = Vec::new();
    let parked = house.oms_json(&["parked", "list"]);
    let ids: Vec<&str> =
        parked.as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
    assert!(ids.len() > 20, "{} parked messages", ids.len());
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["orders", "show", order],
        vec!["orders", "find", "--reference", "CLEAR-GOOD"],
        vec!["orders", "find", "--status", "refused"],
        vec!["parked", "list"],
        vec!["hold", "list"],
        vec!["tasks", "list"],
        vec!["status"],
        vec!["products", "list"],
    ];
    commands.extend(ids.iter().map(|id| vec!["parked", "show", id]));
    for command in commands {
        for json in [&[][..], &["--json"]] {
            let run = house.oms(&[json, &command].concat());
            assert_eq!(run.code, Some(0), "{command:?}: {run:?}");
            found.extend(search::hits(
                &command[..command.len().min(2)].join(" "),
                (run.out + &run.err).as_bytes(),
                canaries,
            ));
        }
    }
    found
}

/// Opened, a parked message is what was sent, but for card numbers.
async fn in_opened_parked_messages(house: &TestHouse, broker: &Broker) -> Vec<String> {
    let keys = std::fs::read_to_string(house.setting("OMS_KEYS_FILE")).expect("the key file");
    let ring = Keyring::from_json(&keys).expect("keys");
    let cards = CARD_FORMS.map(|form| Canary { what: "the card number", text: form.to_owned() });
    let (mut found, mut names) = (Vec::new(), 0);
    for room in Room::ALL {
        let queue = messages::topology::parked_queue(room);
        for message in broker.peek(&queue).await {
            let mut records = serde_json::Deserializer::from_str(&message).into_iter::<ParkedRecord>();
            let record = records.next().expect("a record").expect("a record");
            let bytes = record.open(&ring).expect("it opens");
            found.extend(search::hits(&format!("{queue}, opened"), &bytes, &cards));
            names += usize::from(String::from_utf8_lossy(&bytes).contains("Quuxworth"));
        }
    }
    assert!(names > 10, "parked messages are kept whole: {names}");
    found
}
