//! The mailing lists over real services: how somebody comes to be on one, who may let a campaign go, and what stops a
//! mail that is not wanted any more.

use reqwest::Method;
use serde_json::{Value, json};
use tests::TestHouse;
use tests::client::Client;
use tests::lists::{CONFIRM, ONE_CLICK, UNSUBSCRIBE, campaign, subscription};
use tests::orders::{address, order, product, total_up};

#[tokio::test]
async fn nobody_is_on_a_list_before_the_owner_of_the_address_has_confirmed() {
    let house = open("double_opt_in").await;
    let mut store = Client::open(&house, "web-store").await;
    let mut form = subscription("SUB-1", "pat@example.com");
    form["topics"] = json!(["numismatic_products", "activities"]);
    assert_eq!(said(&mut store, "subscriber.submit.v1", form.clone()).await["outcome"], "done");
    assert_eq!(said(&mut store, "subscriber.submit.v1", form).await["outcome"], "repeated");
    house.until("a mail asks", |house| house.letters("pat@example.com").len() == 1).await;
    assert_eq!(shown(&house, "pat@example.com"), ["numismatic_products asked", "activities asked"]);
    house.launch(&campaign("too-early"));
    assert_eq!(house.finished("too-early").await["made"], 0, "nobody has confirmed");

    let asking = &house.letters("pat@example.com")[0];
    assert_eq!(
        (asking.header("Subject"), asking.header("Auto-Submitted"), asking.header("List-Unsubscribe")),
        ("Please confirm your subscription".to_owned(), "auto-generated".to_owned(), String::new())
    );
    assert!(asking.text().contains("801 9th Street NW, Washington, DC 20220"), "{}", asking.text());
    let token = asking.token(CONFIRM);
    let confirm = |token: &str| json!({ "reference": "CONFIRM-1", "token": token });
    let cut_off = confirm(&token[..token.len() - 1]);
    assert_eq!(said(&mut store, "subscriber.confirm.v1", cut_off).await["code"], "bad_token");
    assert_eq!(said(&mut store, "subscriber.confirm.v1", confirm(&token)).await["outcome"], "done");
    assert_eq!(said(&mut store, "subscriber.confirm.v1", confirm(&token)).await["outcome"], "repeated");
    house.launch(&campaign("in-time"));
    assert_eq!(house.finished("in-time").await["sent"], 1);
    assert_eq!(house.letters("pat@example.com").len(), 2);

    let withdraw = ["subscribers", "withdraw", "pat@example.com", "--topic", "numismatic-products"];
    house.oms_ok(&[&["--user", "m.rivera"], &withdraw[..]].concat());
    assert_eq!(shown(&house, "pat@example.com"), ["numismatic_products withdrawn", "activities confirmed"]);
    let consents = house.oms_json(&["subscribers", "show", "pat@example.com"])["ledger"].clone();
    let consents = consents.as_array().expect("a ledger");
    assert_eq!(consents.len(), 2);
    let of = |topic: &str| consents.iter().find(|entry| entry["topic"] == topic).expect("an entry");
    let (coins, activities) = (of("numismatic_products"), of("activities"));
    for entry in [coins, activities] {
        assert_eq!((&entry["text"], &entry["channels"]), (&json!("web-2026-01"), &json!(["email"])));
        assert!(entry["consented_at"].is_string() && entry["confirmed_at"].is_string(), "{entry}");
    }
    assert_eq!((&coins["ended"]["how"], &coins["ended"]["user"]), (&json!("withdrawn"), &json!("m.rivera")));
    assert!(activities["ended"].is_null());
    let story = house.oms_ok(&["subscribers", "show", "pat@example.com"]);
    assert!(story.contains("web-2026-01") && story.contains(" by m.rivera"), "{story}");
    assert!(!story.contains("pat@"), "consents, and never an address: {story}");

    let stale = json!({ "reference": "CONFIRM-2", "token": token });
    assert_eq!(
        said(&mut store, "subscriber.confirm.v1", stale).await["outcome"],
        "repeated",
        "the link still stands for the other topic, and brings back none"
    );
    assert_eq!(shown(&house, "pat@example.com"), ["numismatic_products withdrawn", "activities confirmed"]);
}

#[tokio::test]
async fn an_order_subscribes_nobody_and_chooses_among_those_who_are() {
    let mut house = TestHouse::new("segments").await;
    house.start_mail_sink().await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE"), product("20EA")], &[("19XE", 9), ("20EA", 9)]).await;
    let mut store = Client::open(&house, "web-store").await;
    for (at, email) in ["buyer1@example.com", "buyer2@example.com", "reader@example.com"].iter().enumerate() {
        let mut form = subscription(&format!("SUB-{at}"), email);
        if at == 2 {
            form["preferences"] = json!(["Silver Dollars"]);
        }
        subscribe(&house, &mut store, form, email).await;
    }
    // By print only: nobody may send this person an e-mail (R30).
    let mut print = subscription("SUB-PRINT", "print@example.com");
    (print["channels"], print["preferences"]) = (json!(["print"]), json!(["silver dollars"]));
    assert_eq!(said(&mut store, "subscriber.submit.v1", print).await["text"], "the subscription stands");
    // Buyer 1 and 3 buy 19XE, and buyer 3 is on no list. Buyer 1 sends it to somebody who did not ask for anything.
    let mut gift = order("WEB-1", 1, &[("19XE", 1), ("20EA", 1)]);
    gift["deliveries"].as_array_mut().expect("deliveries").push(
        json!({ "recipient": "Robin Quill", "address": address(7), "gift": true, "gift_message": "For you", "method": "standard" }),
    );
    gift["lines"][1]["delivery"] = json!(2);
    total_up(&mut gift);
    for order in [gift, order("WEB-2", 2, &[("20EA", 1)]), order("WEB-3", 3, &[("19XE", 1)])] {
        assert_eq!(said(&mut store, "order.submit.v1", order).await["outcome"], "accepted");
    }
    let bought = "SELECT sum(jsonb_array_length(state->'subscriber'->'purchases'))::bigint FROM promotions.subscribers";
    house.until_count("what subscribers bought is known, and of nobody else", bought, 3).await;

    for (name, segment, chosen) in [
        ("everybody", json!({}), &["buyer1", "buyer2", "reader"][..]),
        ("bought", json!({ "bought": ["19XE"] }), &["buyer1"]),
        ("bought-either", json!({ "bought": ["19XE", "20EA"] }), &["buyer1", "buyer2"]),
        ("not-bought", json!({ "not_bought": ["19XE"] }), &["buyer2", "reader"]),
        ("prefers", json!({ "prefers": ["silver dollars"] }), &["reader"]),
        ("both", json!({ "bought": ["20EA"], "not_bought": ["19XE"] }), &["buyer2"]),
        ("nobody", json!({ "prefers": ["silver dollars"], "bought": ["19XE"] }), &[]),
    ] {
        let mut campaign = campaign(name);
        (campaign["segment"], campaign["subject"]) = (segment, json!(format!("Campaign {name}")));
        house.define_campaign(&campaign, "a.writer");
        let count = house.oms_json(&["campaign", "dry-run", name])["count"].clone();
        assert_eq!(count["would_get"], chosen.len(), "{name}: {count}");
        house.launch(&campaign);
        assert_eq!(house.finished(name).await["sent"], chosen.len(), "{name}");
        let subject = format!("Campaign {name}");
        let mails = house.mails().await;
        let mut got: Vec<&str> = mails
            .iter()
            .filter(|mail| mail.subject == subject)
            .map(|mail| mail.to[0].split('@').next().unwrap_or_default())
            .collect();
        got.sort_unstable();
        assert_eq!(got, chosen, "{name}");
    }
    let text: Vec<String> = house.mails().await.into_iter().flat_map(|mail| mail.to).collect();
    assert!(!text.iter().any(|to| to.starts_with("robin") || to.starts_with("print")), "{text:?}");
}

#[tokio::test]
async fn a_campaign_goes_by_two_people_who_have_read_the_same_draft() {
    let house = open("two_people").await;
    let mut store = Client::open(&house, "web-store").await;
    subscribe(&house, &mut store, subscription("SUB-1", "pat@example.com"), "pat@example.com").await;
    let mut draft = campaign("2026/11");
    house.define_campaign(&draft, "a.writer");
    assert_eq!(house.oms_json(&["campaign", "dry-run", "2026/11"])["count"]["would_get"], 1);
    let refused = |user: &str, arguments: &[&str], why: &str| {
        let run = house.campaign(user, arguments);
        assert_eq!(
            (run.code, run.err.as_str()),
            (Some(1), format!("oms: {why}\n").as_str()),
            "{arguments:?}"
        );
    };
    refused("b.reader", &["start", "2026/11"], "the draft as it stands is not approved by a second person");
    for user in ["a.writer", "A.Writer"] {
        refused(user, &["approve", "2026/11", "--version", "1"], "whoever defined a draft cannot approve it");
    }
    let blind = house.campaign("b.reader", &["approve", "2026/11"]);
    assert!(blind.code == Some(2) && blind.err.contains("--version <VERSION>"), "{blind:?}");
    // Between the reading and the approval the words change.
    draft["text"] = json!("Everything is free.");
    house.define_campaign(&draft, "a.writer");
    refused(
        "b.reader",
        &["approve", "2026/11", "--version", "1"],
        "this is not the draft as it stands now: it was replaced; read it again",
    );
    let shown = house.oms_ok(&["campaign", "show", "2026/11"]);
    assert!(shown.contains("draft 2 by a.writer") && shown.contains("Everything is free."), "{shown}");
    assert_eq!(house.campaign("b.reader", &["approve", "2026/11", "--version", "2"]).code, Some(0));
    // And between the approval and the start.
    draft["text"] = json!("The 2026 Eagle is here.");
    house.define_campaign(&draft, "b.reader");
    refused("b.reader", &["start", "2026/11"], "the draft as it stands is not approved by a second person");
    refused(
        "b.reader",
        &["approve", "2026/11", "--version", "3"],
        "whoever defined a draft cannot approve it",
    );
    assert_eq!(house.campaign("a.writer", &["approve", "2026/11", "--version", "3"]).code, Some(0));
    assert_eq!(house.campaign("a.writer", &["start", "2026/11"]).code, Some(0));
    assert_eq!(house.finished("2026/11").await["sent"], 1);
    draft["text"] = json!("Too late.");
    let path = house.folder().join("campaign.json");
    std::fs::write(&path, draft.to_string()).expect("written");
    refused(
        "a.writer",
        &["define", &path.display().to_string()],
        "the campaign has started or was stopped and stands as it is; define another one",
    );

    let mail = house.letters("pat@example.com").pop().expect("a mail");
    let token = mail.token(UNSUBSCRIBE);
    assert_eq!(mail.header("List-Unsubscribe"), format!("<{UNSUBSCRIBE}?t={token}>"));
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    assert_eq!(mail.header("List-Id"), "\"Numismatic products\" <numismatic-products.lists.mint.example>");
    assert_eq!(mail.header("Subject"), "The new Eagle");
    let text = mail.text();
    assert_eq!(
        text.matches("The Mint, 801 9th Street NW, Washington, DC 20220").count(),
        2,
        "in both parts: {text}"
    );
    assert!(text.contains("The 2026 Eagle is here.") && !text.contains("free"), "{text}");
    assert!(!text.contains("<img") && !text.contains("<script"), "{text}");
}

#[tokio::test]
async fn one_press_of_a_button_unsubscribes_and_a_scanner_that_follows_the_link_does_not() {
    let house = open("one_click").await;
    let mut store = Client::open(&house, "web-store").await;
    let mut form = subscription("SUB-1", "pat@example.com");
    form["topics"] = json!(["numismatic_products", "activities", "circulating_coins"]);
    subscribe(&house, &mut store, form, "pat@example.com").await;
    house.launch(&campaign("2026/11"));
    house.finished("2026/11").await;
    let token = house.letters("pat@example.com").pop().expect("a mail").token(UNSUBSCRIBE);
    let status = async |method: Method, token: &str, body: &'static str| {
        house.page("rooms", method, token, body).await.expect("it answers").0
    };
    for (method, body) in [(Method::GET, ""), (Method::HEAD, ""), (Method::GET, ONE_CLICK)] {
        assert_eq!(status(method, &token, body).await, 200);
    }
    assert_eq!(status(Method::POST, &token, "List-Unsubscribe=No").await, 400);
    assert_eq!(status(Method::POST, &token[1..], ONE_CLICK).await, 404);
    // A second mail comes after all that a GET could have said.
    house.launch(&campaign("2026/12"));
    assert_eq!(house.finished("2026/12").await["sent"], 1, "a GET never unsubscribes");
    let states = |house: &TestHouse| shown(house, "pat@example.com");
    assert_eq!(
        states(&house),
        ["numismatic_products confirmed", "circulating_coins confirmed", "activities confirmed"]
    );

    assert_eq!(status(Method::POST, &token, ONE_CLICK).await, 200);
    assert_eq!(
        states(&house),
        ["numismatic_products withdrawn", "circulating_coins confirmed", "activities confirmed"],
        "what is told as done is done, and of no other topic"
    );
    assert_eq!(status(Method::POST, &token, ONE_CLICK).await, 200, "twice is once");
    house.launch(&campaign("2027/01"));
    assert_eq!(house.finished("2027/01").await["made"], 0);
    assert_eq!(status(Method::POST, &token, "List-Unsubscribe=All-Lists").await, 200);
    assert!(states(&house).iter().all(|state| state.ends_with("withdrawn")), "{:?}", states(&house));
    assert_eq!(house.count("SELECT count(*) FROM promotions.subscribers WHERE has_contact").await, 0);
}

#[tokio::test]
async fn a_wish_that_the_room_cannot_decide_yet_is_noted_and_not_told_as_done() {
    let house = open("noted").await;
    let mut store = Client::open(&house, "web-store").await;
    subscribe(&house, &mut store, subscription("SUB-1", "pat@example.com"), "pat@example.com").await;
    house.launch(&campaign("2026/11"));
    house.finished("2026/11").await;
    let token = house.letters("pat@example.com").pop().expect("a mail").token(UNSUBSCRIBE);
    let held = house.hold("SELECT FROM promotions.subscribers FOR UPDATE").await;
    let (status, page) = house.page("rooms", Method::POST, &token, ONE_CLICK).await.expect("it answers");
    assert_eq!(status, 202, "{page}");
    assert!(page.contains("We have your wish"), "{page}");
    drop(held);
    house
        .until_count(
            "the wish is carried out",
            "SELECT count(*) FROM promotions.subscribers WHERE state->'subscriber'->'topics'->'numismatic_products'->>'state' = 'withdrawn'",
            1,
        )
        .await;
}

#[tokio::test]
async fn whoever_withdraws_or_bounces_after_the_approval_gets_nothing_and_the_pace_holds() {
    let mut house = TestHouse::new("pace").await;
    house.start_mail_sink().await;
    house.set("OMS_PUBLIC_ADDR", "127.0.0.1:0");
    house.start_rooms("rooms", "promotions,notifications").await;
    let mut store = Client::open(&house, "web-store").await;
    let relay = Client::open(&house, "mail-relay").await;
    let people: Vec<String> = (0..5).map(|at| format!("member{at}@example.com")).collect();
    for (at, email) in people.iter().enumerate() {
        subscribe(&house, &mut store, subscription(&format!("SUB-{at}"), email), email).await;
    }
    let mut slow = campaign("slow");
    slow["per_minute"] = json!(1);
    house.launch(&slow);
    house.until_count("the first has left", &mails_that_are("slow", "sent"), 1).await;
    house.until_count("the others wait", &mails_that_are("slow", "pending"), 4).await;
    // Impatience changes nothing: the timers fire, and are set for the next minute.
    house.execute("UPDATE promotions.due SET due_at = now() - interval '1 second' WHERE kind = 'send'").await;
    let waits = "SELECT count(*) FROM promotions.due WHERE kind = 'send' AND due_at > now()";
    house.until_count("each is told to wait for the next minute", waits, 4).await;
    assert_eq!(house.count(&mails_that_are("slow", "sent")).await, 1);

    assert_eq!(house.campaign("a.writer", &["pause", "slow", "--reason", "a typo?"]).code, Some(0));
    assert_eq!(house.count("SELECT count(*) FROM promotions.due WHERE kind IN ('send', 'walk')").await, 0);
    let got: Vec<String> = house
        .mails()
        .await
        .into_iter()
        .filter(|mail| mail.subject == "The new Eagle")
        .flat_map(|mail| mail.to)
        .collect();
    let waiting: Vec<&String> = people.iter().filter(|email| !got.contains(email)).collect();
    let (withdrawn, bounced, staying) = (waiting[0], waiting[1], &waiting[2..]);
    house.oms_ok(&["subscribers", "withdraw", withdrawn]);
    relay.send("mail.bounced.v1", json!({ "reference": "BOUNCE-1", "report": report(bounced) })).await;
    let suppressed = "SELECT count(*) FROM promotions.subscribers WHERE suppressed = '5.1.1'";
    house.until_count("the bounce is known", suppressed, 1).await;

    assert_eq!(house.campaign("a.writer", &["resume", "slow"]).code, Some(0));
    for _ in 0..4 {
        a_minute_passes(&house, "slow").await;
    }
    let counts = house.finished("slow").await;
    assert_eq!(
        (&counts["made"], &counts["sent"], &counts["skipped"], &counts["unknown"]),
        (&json!(5), &json!(3), &json!(2), &json!(0))
    );
    let why = house.oms_json(&["campaign", "show", "slow"])["mails"].clone();
    for reason in ["withdrawn", "suppressed"] {
        assert!(
            why.as_array()
                .expect("mails")
                .contains(&json!({ "status": "skipped", "why": reason, "mails": 1 })),
            "{why}"
        );
    }
    for email in [withdrawn, bounced] {
        assert_eq!(house.letters(email).len(), 1, "only the mail that asked");
    }
    assert!(staying.iter().all(|email| house.letters(email).len() == 2));

    slow["campaign"] = json!("stopped");
    house.launch(&slow);
    house.until_count("the first has left", &mails_that_are("stopped", "sent"), 1).await;
    house.until_count("the others wait", &mails_that_are("stopped", "pending"), 2).await;
    assert_eq!(house.campaign("c.boss", &["stop", "stopped", "--reason", "recalled"]).code, Some(0));
    assert_eq!(house.count(&mails_that_are("stopped", "skipped")).await, 2);
    for verb in ["start", "resume"] {
        let run = house.campaign("b.reader", &[verb, "stopped"]);
        assert_eq!(run.err, "oms: the campaign was stopped or is finished\n");
    }
    assert_eq!(house.oms_json(&["campaign", "list"]).as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_mail_under_way_when_its_process_dies_is_counted_as_unknown_and_never_sent_again() {
    let mut house = open("unknown").await;
    let mut store = Client::open(&house, "web-store").await;
    subscribe(&house, &mut store, subscription("SUB-1", "pat@example.com"), "pat@example.com").await;
    // The sink keeps this one's mails and is silent, so the call is under way for as long as the test likes.
    assert_eq!(
        said(&mut store, "subscriber.submit.v1", subscription("SUB-2", "stall@example.com")).await["outcome"],
        "done"
    );
    house.until("a mail asks", |house| house.letters("stall@example.com").len() == 1).await;
    let token = house.letters("stall@example.com")[0].token(CONFIRM);
    let confirmed = json!({ "reference": "CONFIRM-2", "token": token });
    assert_eq!(said(&mut store, "subscriber.confirm.v1", confirmed).await["outcome"], "done");
    house.launch(&campaign("2026/11"));
    house.until("the mail is on its way", |house| house.letters("stall@example.com").len() == 2).await;
    house.until_count("the other has left", &mails_that_are("2026/11", "sent"), 1).await;
    house.kill("rooms");
    house.start_rooms("rooms", "promotions").await;
    let counts = house.finished("2026/11").await;
    assert_eq!((&counts["sent"], &counts["unknown"]), (&json!(1), &json!(1)), "{counts}");
    assert_eq!(house.letters("stall@example.com").len(), 2);
    assert!(house.mails().await.iter().all(|mail| mail.copies == 1));
    let shown = house.oms_ok(&["campaign", "show", "2026/11"]);
    assert!(shown.contains("unknown"), "{shown}");
}

/// A house in which only promotions runs, with its page.
async fn open(test: &str) -> TestHouse {
    let mut house = TestHouse::new(test).await;
    house.start_mail_sink().await;
    house.set("OMS_PUBLIC_ADDR", "127.0.0.1:0");
    house.start_rooms("rooms", "promotions").await;
    house
}

/// Sends a command and gives its answer.
async fn said(store: &mut Client, kind: &str, body: Value) -> Value {
    let id = store.send(kind, body).await;
    store.answer_to(&id).await
}

/// Subscribes somebody and confirms it with the token of the mail that asks.
async fn subscribe(house: &TestHouse, store: &mut Client, form: Value, email: &str) {
    assert_eq!(said(store, "subscriber.submit.v1", form).await["outcome"], "done");
    house.until(&format!("{email} is asked"), |house| house.letters(email).len() == 1).await;
    let token = house.letters(email)[0].token(CONFIRM);
    let confirm = json!({ "reference": format!("CONFIRM-{email}").replace('@', "-"), "token": token });
    assert_eq!(said(store, "subscriber.confirm.v1", confirm).await["outcome"], "done");
}

/// How each topic of somebody stands.
fn shown(house: &TestHouse, email: &str) -> Vec<String> {
    let shown = house.oms_json(&["subscribers", "show", email]);
    let topics = shown["topics"].as_object().expect("topics").clone();
    let order = ["numismatic_products", "circulating_coins", "activities"];
    order
        .iter()
        .filter_map(|topic| Some(format!("{topic} {}", topics.get(*topic)?["state"].as_str()?)))
        .collect()
}

fn mails_that_are(campaign: &str, status: &str) -> String {
    format!("SELECT count(*) FROM promotions.mails WHERE campaign = '{campaign}' AND status = '{status}'")
}

/// The minute in which the throttle counts ends, and the next mail's time comes.
async fn a_minute_passes(house: &TestHouse, campaign: &str) {
    let open = format!(
        "SELECT count(*) FROM promotions.mails WHERE campaign = '{campaign}' AND status IN ('pending', 'sending')"
    );
    let before = house.count(&open).await;
    house.execute(&format!("UPDATE promotions.campaigns SET state = jsonb_set(state, '{{campaign,minute}}', '{{\"mails\": 0}}') WHERE key = '{campaign}'")).await;
    house.execute("UPDATE promotions.due SET due_at = now() WHERE (key, kind) = (SELECT key, kind FROM promotions.due WHERE kind = 'send' ORDER BY due_at LIMIT 1)").await;
    house.until_count("one mail has ended", &open, (before - 1).max(0)).await;
}

/// What a mail server says of an address that does not exist (RFC 3464).
fn report(to: &str) -> String {
    [
        "From: MAILER-DAEMON@relay.example",
        "To: bounces@mint.example",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"",
        "",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; relay.example",
        "",
        &format!("Final-Recipient: rfc822; {to}"),
        "Action: failed",
        "Status: 5.1.1",
        "",
        "--b--",
        "",
    ]
    .join("\r\n")
}
