//! Mail that came back: what a relay hands over by the broker or by its pipe, what the address and the notice become then,
//! and what nobody may make of it.

use serde_json::{Value, json};
use tests::client::Client;
use tests::orders::{order, product};
use tests::parcels::{Trade, outcome};
use tests::{Mail, TestHouse};

#[tokio::test]
async fn a_notice_that_came_back_is_a_task_and_its_address_gets_letters_from_then_on() {
    let (house, mut trade) = open("bounced").await;
    let mut relay = Client::open(&house, "mail-relay").await;
    let number = trade.store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    let confirmed = mail(&house, &number, "confirmed").await;
    let report = report("buyer1@example.com", "failed", "5.1.1", &confirmed.message_id);
    assert_eq!(bounce(&mut relay, "DSN-1", &report).await, "done");
    house.until_count("the notice came back", &notices(&number, "bounced"), 1).await;
    house.until_count("promotions heard of it", SUPPRESSED, 1).await;
    assert_eq!(house.tasks(&number), ["notifications mail_bounced"]);
    let tasks = house.oms_json(&["tasks", "list"]);
    let reason = tasks[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("5.1.1") && !reason.contains("buyer1"), "{reason}");

    // Told again, by another report and by the pipe, it is one mail that came back.
    assert_eq!(bounce(&mut relay, "DSN-1", &report).await, "repeated");
    let piped = house.oms_fed(&["mail", "bounce"], &report);
    assert_eq!((piped.code, piped.out.as_str()), (Some(0), "nothing of this report is new\n"), "{piped:?}");
    assert_eq!(house.tasks(&number), ["notifications mail_bounced"]);

    let before = house.mails().await.len();
    let parcel = trade.pack(&number).await;
    trade.scan(&parcel, "01", 10).await;
    house.until_count("shipped and delivered are letters", &notices(&number, "letter"), 2).await;
    let other = trade.store.accepted(order("WEB-2", 1, &[("19XE", 1)])).await;
    house.until_count("and so are those of the next order", &notices(&other, "letter"), 2).await;
    assert_eq!(house.mails().await.len(), before);
    let letters = house.oms_json(&["mail", "letters"]);
    assert_eq!(letters.as_array().map(Vec::len), Some(4));
    for letter in letters.as_array().expect("letters") {
        let key = letter["key"].as_str().expect("a key");
        house.oms_ok(&["tasks", "close", "notifications", "letter", key, "--reason", "posted"]);
    }
    assert_eq!(house.oms_ok(&["mail", "letters"]), "no letters\n");
}

#[tokio::test]
async fn a_full_mailbox_is_forgiven_four_times_and_the_fifth_suppresses() {
    let (house, mut trade) = open("bounced_soft").await;
    let mut relay = Client::open(&house, "mail-relay").await;
    for turn in 1..=5 {
        let number = trade.store.accepted(order(&format!("WEB-{turn}"), 1, &[("19XE", 1)])).await;
        let mail = mail(&house, &number, "received, not yet confirmed").await;
        let report = report("buyer1@example.com", "failed", "4.2.2", &mail.message_id);
        for (reference, expected) in
            [(format!("DSN-{turn}"), "done"), (format!("DSN-{turn}-again"), "repeated")]
        {
            assert_eq!(bounce(&mut relay, &reference, &report).await, expected, "{turn}");
        }
        house.until_count("the notice is a task each time", &notices(&number, "bounced"), 1).await;
        let suppressed = house.count("SELECT count(*) FROM notifications.addresses WHERE state->'address'->>'suppressed' = '4.2.2'").await;
        assert_eq!(suppressed, i64::from(turn == 5), "{turn}");
    }
    house.until_count("promotions heard of it", SUPPRESSED, 1).await;
}

#[tokio::test]
async fn a_relays_pipe_is_told_what_became_of_its_report_and_to_try_again_only_when_that_helps() {
    let (house, mut trade) = open("bounced_pipe").await;
    let number = trade.store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    let confirmed = mail(&house, &number, "confirmed").await;
    let of = |action: &str, status: &str, id: &str| report("buyer1@example.com", action, status, id);
    for (text, said) in [
        (
            of("delayed", "4.4.1", &confirmed.message_id),
            "the report tells of no failure, so there is nothing to do\n",
        ),
        (
            of("delivered", "2.0.0", &confirmed.message_id),
            "the report tells of no failure, so there is nothing to do\n",
        ),
        ("Hello".to_owned(), "the text is no delivery status notification (RFC 3464)\n"),
        (
            of("failed", "5.0", "x"),
            "the report gives no status of class 4 or 5 (RFC 3463) for the recipient\n",
        ),
        (report("nobody", "failed", "5.1.1", "x"), "the report names no recipient with an e-mail address\n"),
        ("x".repeat(60_000), "the report has more than 49152 bytes\n"),
        // Somebody else's Message-ID: the address counts, no notice does.
        (
            report("nobody@example.net", "failed", "5.1.1", "1.confirmed.A@example.net"),
            "the mail counts as not delivered\n",
        ),
        (of("failed", "5.1.1", &confirmed.message_id), "the mail counts as not delivered\n"),
        (of("failed", "5.1.1", &confirmed.message_id), "nothing of this report is new\n"),
    ] {
        let piped = house.oms_fed(&["mail", "bounce"], &text);
        assert_eq!((piped.code, piped.out.as_str(), piped.err.as_str()), (Some(0), said, ""));
    }
    assert_eq!(house.tasks(&number), ["notifications mail_bounced"]);
    let json = house.oms_fed(&["--json", "mail", "bounce"], &of("delayed", "4.4.1", "x"));
    assert_eq!(
        serde_json::from_str::<Value>(&json.out).expect("JSON")["done"],
        json!("the report tells of no failure, so there is nothing to do")
    );
    let none = house.oms_with(
        &[("OMS_AMQP_URL", "amqp://a:b@127.0.0.1:1/x"), ("OMS_CREDENTIALS_FILE", "")],
        &["mail", "bounce"],
    );
    assert_eq!(none.code, Some(75), "{none:?}");
    let logged = house.log("rooms");
    assert!(
        !logged.contains("buyer1@example.com") && !logged.contains("nobody@example.net"),
        "no address is logged"
    );
}

/// Whom promotions mail no more.
const SUPPRESSED: &str = "SELECT count(*) FROM lifecycle.facts WHERE kind = 'address_suppressed'";

async fn open(test: &str) -> (TestHouse, Trade) {
    Trade::house(test, &[], &[product("19XE")], &[("19XE", 50)]).await
}

async fn bounce(relay: &mut Client, reference: &str, report: &str) -> String {
    outcome(&relay.ask("mail.bounced.v1", json!({ "reference": reference, "report": report })).await)
}

/// The order's mail of this headline, once it is in the sink.
async fn mail(house: &TestHouse, order: &str, headline: &str) -> Mail {
    house.until_mailed(order, headline, 1).await;
    let subject = format!("Order {order}: {headline}");
    let mails = house.mails().await;
    mails.into_iter().find(|mail| mail.subject == subject).expect("it is in the sink")
}

fn notices(order: &str, status: &str) -> String {
    format!(
        "SELECT count(*) FROM notifications.notices WHERE order_number = '{order}' AND status = '{status}'"
    )
}

/// A report as Postfix writes it.
fn report(to: &str, action: &str, status: &str, message_id: &str) -> String {
    let id = message_id.trim_matches(['<', '>']);
    [
        "From: MAILER-DAEMON@relay.example (Mail Delivery System)",
        "Subject: Undelivered Mail Returned to Sender",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "\tboundary=\"4T9k.17/relay.example\"",
        "",
        "--4T9k.17/relay.example",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "I'm sorry to have to inform you that your message could not be delivered.",
        "",
        "--4T9k.17/relay.example",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; relay.example",
        "",
        &format!("Final-Recipient: rfc822; {to}"),
        &format!("Action: {action}"),
        &format!("Status: {status}"),
        "",
        "--4T9k.17/relay.example",
        "Content-Type: text/rfc822-headers",
        "",
        &format!("Message-ID: <{id}>"),
        "Subject: Order",
        "",
        "--4T9k.17/relay.example--",
        "",
    ]
    .join("\r\n")
}
