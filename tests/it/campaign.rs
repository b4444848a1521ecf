//! A campaign to many people whose worker is killed in the middle, again and again, while some of them unsubscribe and
//! some addresses stop taking mail: nobody twice, nobody after opting out, and what may have gone out is counted.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use messages::sealed::{Keyring, Trait};
use reqwest::Method;
use serde_json::{Value, json};
use tests::TestHouse;
use tests::client::{Submitter, event};
use tests::lists::{ONE_CLICK, UNSUBSCRIBE, campaign, request, subscription};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Subscribers; `OPS_CAMPAIGN_SIZE` sets another number.
const MEMBERS: usize = 3_000;
/// Of these, addresses whose mail the sink keeps and never answers for.
const DROPS: usize = 20;
/// Members who unsubscribe while the campaign runs, by the link of an earlier mail.
const LEAVERS: usize = 300;
/// Members whose address stops taking mail while the campaign runs.
const BOUNCED: usize = 50;
const KILLS: usize = 5;
const CONVERSATIONS: usize = 16;
const EVENTS_A_MESSAGE: usize = 100;
/// How often somebody presses the button whose page only says that the wish is noted; each waits some seconds.
const PRESSES: usize = 24;

#[tokio::test]
async fn a_campaign_whose_worker_is_killed_again_and_again_reaches_nobody_twice_and_nobody_who_has_left() {
    let members = std::env::var("OPS_CAMPAIGN_SIZE").map_or(MEMBERS, |size| size.parse().expect("a number"));
    let mut house = TestHouse::new("campaign").await;
    house.start_mail_sink().await;
    house.set("OMS_PUBLIC_ADDR", "127.0.0.1:0");
    house.set("OMS_MAIL_CONCURRENCY", &CONVERSATIONS.to_string());
    house.start_rooms("rooms", "promotions").await;
    let crowd = Crowd::subscribe(&house, members).await;

    let mut early = campaign("early");
    (early["segment"], early["subject"]) = (json!({ "prefers": ["early"] }), json!("Before the others"));
    house.launch(&early);
    assert_eq!(house.finished("early").await["sent"], LEAVERS);
    let mut staying = links(&house, "Before the others");
    assert_eq!(staying.len(), LEAVERS);

    house.define_campaign(&campaign("all"), "a.writer");
    assert_eq!(house.oms_json(&["campaign", "dry-run", "all"])["count"]["would_get"], members);
    house.launch(&campaign("all"));
    let mut left = BTreeSet::new();
    let mut never = BTreeSet::new();
    for kill in 0..KILLS {
        let sent = members * (2 * kill + 1) / (2 * KILLS) - DROPS;
        house
            .until_at_least("it is under way", &mails_that_are("sent"), i64::try_from(sent).expect("few"))
            .await;
        crowd.bounce(&house, kill).await;
        // The process dies while people press the button: who got no answer presses it again next time.
        let leaving = staying.len().min(LEAVERS / KILLS);
        let pressed: Vec<Link> = staying.split_off(staying.len() - leaving);
        let mut answered = press(&house, pressed.clone());
        let mut told = BTreeSet::new();
        while told.len() < leaving * 3 / 4 {
            told.insert(answered.recv().await.expect("most are answered"));
        }
        house.kill("rooms");
        while let Some(link) = answered.recv().await {
            told.insert(link);
        }
        staying.extend(pressed.into_iter().filter(|link| !told.contains(link)));
        left.extend(told.into_iter().map(|link| link.email));
        never.extend(who_must_never_get_it(&house, &crowd, &left).await);
        house.execute("UPDATE promotions.outbox SET next_at = next_at - interval '60 seconds'").await;
        house.start_rooms("rooms", "promotions").await;
    }
    let mut answered = press(&house, staying);
    while let Some(link) = answered.recv().await {
        left.insert(link.email);
    }
    assert_eq!(left.len(), LEAVERS, "everybody who pressed the button was told that it is done");
    let counts = house.finished("all").await;
    adds_up(&house, &crowd, &counts).await;
    let got = recipients(&house).await;
    let wrongly: Vec<&String> = never.iter().filter(|email| got.contains(*email)).collect();
    assert!(wrongly.is_empty(), "they had left before it was sent: {wrongly:?}");
    eprintln!("{members} members, {} mails in the sink, {} left in time, {counts}", got.len(), never.len());
    assert!(never.len() >= LEAVERS / 5, "most had left in time: {}", never.len());
}

/// Everybody on the list: the key of each as promotions knows it, by address.
struct Crowd {
    keys: BTreeMap<String, String>,
    bounced: Vec<String>,
}

impl Crowd {
    /// Subscribes and confirms, by messages of the store. The tokens are made from the house's keys, where the store
    /// would take them from as many mails.
    async fn subscribe(house: &TestHouse, members: usize) -> Self {
        let ring = std::fs::read_to_string(house.setting("OMS_KEYS_FILE")).expect("the key file");
        let ring = Keyring::from_json(&ring).expect("keys");
        let store = Submitter::open(house, "web-store").await;
        let mut crowd = Self { keys: BTreeMap::new(), bounced: Vec::new() };
        let (mut forms, mut confirmations) = (Vec::new(), Vec::new());
        for at in 0..members {
            let email = match at {
                0..DROPS => format!("drop{at}@example.com"),
                _ => format!("member{at}@example.com"),
            };
            let mut form = subscription(&format!("SUB-{at}"), &email);
            match at.checked_sub(DROPS) {
                Some(0..LEAVERS) => form["preferences"] = json!(["early"]),
                Some(LEAVERS..) if crowd.bounced.len() < BOUNCED => crowd.bounced.push(email.clone()),
                Some(_) | None => {}
            }
            let key = ring.fingerprint(Trait::Email, &email).expect("keys");
            let token = ring.token("subscribe", key.as_str(), 1).expect("keys");
            let token = format!("{}.1.{token}", key.as_str());
            forms.push(form);
            confirmations.push(json!({ "reference": format!("CONFIRM-{at}"), "token": token }));
            crowd.keys.insert(email, key.as_str().to_owned());
        }
        for (forms, confirmations) in
            forms.chunks(EVENTS_A_MESSAGE).zip(confirmations.chunks(EVENTS_A_MESSAGE))
        {
            publish(&store, "subscriber.submit.v1", forms).await;
            publish(&store, "subscriber.confirm.v1", confirmations).await;
        }
        let confirmed = "SELECT count(*) FROM promotions.subscribers
             WHERE state->'subscriber'->'topics'->'numismatic_products'->>'state' = 'confirmed'";
        house.until_count("all have confirmed", confirmed, i64::try_from(members).expect("few")).await;
        crowd
    }

    /// Some more addresses turn out to take no mail, as notifications tells it.
    async fn bounce(&self, house: &TestHouse, round: usize) {
        let admin = Submitter::open_at(house.setting("OMS_AMQP_URL"), "").await;
        for email in self.bounced.iter().skip(round * BOUNCED / KILLS).take(BOUNCED / KILLS) {
            let body = json!({ "email": self.keys[email], "status": "5.1.1" });
            let event = event("notifications", &Uuid::now_v7().to_string(), "address.suppressed.v1", &body);
            let (kind, text) = ("application/cloudevents+json", event.to_string());
            let properties =
                lapin::BasicProperties::default().with_content_type(kind.into()).with_delivery_mode(2);
            admin
                .publish_with("oms", "address.suppressed.v1", text.as_bytes(), properties)
                .await
                .expect("the broker takes it");
        }
    }
}

async fn publish(store: &Submitter, kind: &str, bodies: &[Value]) {
    let events: Vec<Value> =
        bodies.iter().map(|body| event("web-store", &Uuid::now_v7().to_string(), kind, body)).collect();
    let bytes = Value::Array(events).to_string();
    let id = Uuid::now_v7().to_string();
    store.publish(kind, Some("application/cloudevents-batch+json"), bytes.as_bytes(), &id).await;
}

/// A link to unsubscribe, in somebody's mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    email: String,
    token: String,
}

fn links(house: &TestHouse, subject: &str) -> Vec<Link> {
    let letters = house.letters("").into_iter().filter(|letter| letter.header("Subject") == subject);
    letters.map(|letter| Link { email: letter.header("To"), token: letter.token(UNSUBSCRIBE) }).collect()
}

/// Unsubscribes people, some at a time; those who were told that it is done come out. Who is told that it is noted
/// presses again, since a room that has just started and is busy does not decide within the page's patience.
fn press(house: &TestHouse, links: Vec<Link>) -> mpsc::UnboundedReceiver<Link> {
    let (page, client) = (house.page_of("rooms"), reqwest::Client::new());
    let (told, answered) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let each = stream::iter(links).for_each_concurrent(4, |link| {
            let (url, told, client) = (format!("{page}?t={}", link.token), told.clone(), client.clone());
            async move {
                let mut answer = None;
                for _ in 0..PRESSES {
                    answer = request(&client, Method::POST, &url, ONE_CLICK).await.map(|(status, _)| status);
                    if answer != Some(202) {
                        break;
                    }
                }
                if answer == Some(200) {
                    // The test reads to the end.
                    let _ = told.send(link);
                }
            }
        });
        each.await;
    });
    answered
}

/// While nothing runs: of those who were told that they are off the list, all whose mail has not left and is not on its
/// way. None of the others is known to have left too late.
async fn who_must_never_get_it(house: &TestHouse, crowd: &Crowd, left: &BTreeSet<String>) -> Vec<String> {
    let withdrawn = house
        .texts("SELECT key FROM promotions.subscribers WHERE state->'subscriber'->'topics'->'numismatic_products'->>'state' = 'withdrawn'")
        .await;
    let status = statuses(house).await;
    let mut never = Vec::new();
    for email in left {
        let key = &crowd.keys[email];
        assert!(withdrawn.contains(key), "told that it is done, and it is not");
        match status.get(key).map(String::as_str) {
            None | Some("pending" | "skipped") => never.push(email.clone()),
            Some("sent" | "unknown") => {}
            Some(other) => panic!("{other} after the withdrawal was told as done"),
        }
    }
    let got = recipients(house).await;
    let wrongly: Vec<&String> = never.iter().filter(|email| got.contains(*email)).collect();
    assert!(wrongly.is_empty(), "promotions does not know that it mailed to {wrongly:?}");
    never
}

async fn adds_up(house: &TestHouse, crowd: &Crowd, counts: &Value) {
    let status = statuses(house).await;
    let got = recipients(house).await;
    let of = |wanted: &str| status.values().filter(|status| *status == wanted).count();
    let (sent, unknown, skipped) = (of("sent"), of("unknown"), of("skipped"));
    assert_eq!(sent + unknown + skipped, status.len(), "every mail has ended: {counts}");
    for (name, number) in [("made", status.len()), ("sent", sent), ("unknown", unknown), ("skipped", skipped)]
    {
        assert_eq!(counts[name], number, "{name}: {counts}");
    }
    for (email, key) in &crowd.keys {
        let is_in_sink = got.contains(email);
        match status.get(key).map(String::as_str) {
            Some("sent") => assert!(is_in_sink, "{email} is told as sent"),
            Some("unknown") => {}
            Some(_) | None => assert!(!is_in_sink, "{email} was passed over"),
        }
    }
    // A mail that was called back while it waited for the relay is of unknown outcome too.
    let called_back = "SELECT count(*) FROM promotions.mails WHERE campaign = 'all' AND status = 'unknown' AND state->'mail'->>'called_back' IS NOT NULL";
    let broken_off = unknown - usize::try_from(house.count(called_back).await).expect("a number");
    assert!(
        (DROPS..=DROPS + KILLS * CONVERSATIONS).contains(&broken_off),
        "{broken_off} of {unknown} unknown were broken off"
    );
    // Whoever was no member any more when the campaign came by has no mail, and a reason.
    let gone = house
        .texts("SELECT key FROM promotions.subscribers WHERE suppressed IS NOT NULL OR state->'subscriber'->'topics'->'numismatic_products'->>'state' = 'withdrawn'")
        .await;
    assert_eq!(gone.len(), LEAVERS + BOUNCED);
    let passed_by = crowd.keys.values().filter(|key| !status.contains_key(*key));
    let passed_by = passed_by.inspect(|key| assert!(gone.contains(key), "a member was forgotten")).count();
    assert_eq!(sent + unknown + skipped + passed_by, crowd.keys.len());
    for (key, status) in &status {
        assert!(status != "skipped" || gone.contains(key), "skipped without a reason");
    }
    house.until_count("nothing is left to do", "SELECT count(*) FROM promotions.due", 0).await;
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
}

/// Who got the campaign's mail; nobody twice.
async fn recipients(house: &TestHouse) -> BTreeSet<String> {
    let mut got = BTreeSet::new();
    for mail in house.mails().await.into_iter().filter(|mail| mail.subject == "The new Eagle") {
        assert_eq!(mail.copies, 1, "the same mail twice: {mail:?}");
        for to in mail.to {
            assert!(got.insert(to), "two mails to one person: {}", mail.message_id);
        }
    }
    got
}

/// What became of the campaign's mails, by subscriber.
async fn statuses(house: &TestHouse) -> BTreeMap<String, String> {
    let rows = house
        .texts("SELECT split_part(key, '/', 2) || ' ' || status FROM promotions.mails WHERE campaign = 'all' AND status IS NOT NULL")
        .await;
    let pair = |row: &String| row.split_once(' ').map(|(key, status)| (key.to_owned(), status.to_owned()));
    rows.iter().filter_map(pair).collect()
}

fn mails_that_are(status: &str) -> String {
    format!("SELECT count(*) FROM promotions.mails WHERE campaign = 'all' AND status = '{status}'")
}
