//! The room and the gateway's stand-in together, over HTTP: the room decides, the client asks, the stand-in misbehaves
//! as the token says, and its ledger must agree.

mod common;

use std::time::Duration;

use common::shop::*;
use common::*;
use payment::Gateway;
use serde_json::{Value, json};
use shell::worker::DueRow;
use tokio::net::TcpListener;

#[tokio::test]
async fn an_authorization_comes_to_what_the_card_says() {
    // Token, what the calls came to, what the room said, live holds at the gateway.
    #[rustfmt::skip]
    let table: &[(&str, &[&str], &[&str], u64)] = &[
        ("tok_ok_0001", &["authorized"], &["payment.authorized"], 1),
        ("tok_decline_never_1", &["declined stolen_card"], &["payment.declined"], 0),
        ("tok_decline_data_1", &["declined expired_card"], &["payment.declined"], 0),
        ("tok_decline_later_2", &["declined insufficient_funds", "declined insufficient_funds", "authorized"],
            &["payment.delayed", "payment.delayed", "payment.authorized"], 1),
        ("tok_decline_later_9", &["declined insufficient_funds"; 4],
            &["payment.delayed", "payment.delayed", "payment.delayed", "payment.declined"], 0),
        // The key gives the stored 500 back, the search finds nothing, a new epoch succeeds.
        ("tok_500_1_a", &["unclear", "unclear, key spent", "not found", "authorized"], &["payment.authorized"], 1),
        // Held, but the answer was lost; the key gives it back.
        ("tok_timeout_1", &["unclear", "authorized"], &["payment.authorized"], 1),
    ];
    for (token, answers, said, live) in table {
        let mut shop = Shop::open().await;
        shop.ready(token);
        shop.run().await;
        assert_eq!((&shop.answers[..], &shop.said[..]), (&owned(answers)[..], &owned(said)[..]), "{token}");
        assert_eq!(shop.total(["live_intents"]).await, [*live], "{token}");
    }
}

#[tokio::test]
async fn the_hold_is_for_this_release_and_its_end_is_the_gateways() {
    let mut shop = Shop::open().await;
    shop.ready("tok_ok_0001");
    shop.run().await;
    let payment::store::Stage::Authorized { charge } = state(&shop.stage).stage else { panic!("it is held") };
    let ledger = shop.ledger().await;
    assert_eq!(ledger["references"][format!("{}:1", release())]["held"], 10_500);
    let left = charge.capture_before.0.unix_timestamp() - ledger["now"].as_i64().expect("a time");
    assert!(
        left > 6 * 24 * 3_600,
        "a week as the gateway says, not the shorter time of a gateway that says nothing"
    );
}

#[tokio::test]
async fn a_slow_card_is_held_once_however_often_it_is_asked() {
    let mut shop = Shop::open().await;
    shop.gateway = client(&shop.base, KEY, Duration::from_millis(50));
    shop.ready("tok_slow_120_x");
    shop.run().await;
    assert_eq!(shop.answers.last().map(String::as_str), Some("authorized"));
    assert_eq!(shop.total(["intents", "held"]).await, [1, 10_500]);
}

/// Token, units dispatched, an order to the gateway before; answers, what the room said, captured and released.
type Capture = (&'static str, u32, Option<Value>, &'static [&'static str], &'static str, [u64; 2]);

#[tokio::test]
async fn a_capture_comes_to_what_the_gateway_says() {
    #[rustfmt::skip]
    let table: &[Capture] = &[
        ("tok_ok_0001", 2, None, &["captured 10500"], "payment.captured", [10_500, 0]),
        ("tok_ok_0001", 1, None, &["captured 5500"], "payment.captured", [5_500, 5_000]),
        ("tok_capture_timeout", 2, None, &["unclear", "captured 10500"], "payment.captured", [10_500, 0]),
        ("tok_capture_fails_1", 2, None, &["capture declined generic_decline"], "payment.capture_failed", [0, 0]),
        ("tok_expired_1", 2, None, &["capture declined charge_expired_for_capture"], "payment.capture_failed", [0, 0]),
        ("tok_ok_0001", 2, Some(json!({ "expire_all_holds": true })),
            &["capture declined charge_expired_for_capture"], "payment.capture_failed", [0, 0]),
    ];
    for (token, quantity, control, answers, said, sums) in table {
        let mut shop = Shop::open().await;
        shop.ready(token);
        shop.run().await;
        if let Some(control) = control {
            shop.post("/_control", Some(control.clone())).await;
        }
        shop.dispatched(1, *quantity);
        shop.run().await;
        assert_eq!(shop.answers[1..], owned(answers)[..], "{token}");
        assert_eq!(shop.said[1], *said, "{token}");
        assert_eq!(shop.total(["captured", "released"]).await, *sums, "{token}");
    }
}

#[tokio::test]
async fn a_second_capture_is_refused_since_the_first_let_the_rest_go() {
    let mut shop = Shop::open().await;
    shop.ready("tok_ok_0001");
    shop.run().await;
    for shipment in [1, 2] {
        shop.dispatched(shipment, 1);
        shop.run().await;
    }
    assert_eq!(shop.answers[1..], owned(&["captured 5500", "capture declined already_captured"])[..]);
    assert_eq!(shop.said[1..], owned(&["payment.captured", "payment.capture_failed", "task.opened"])[..]);
    assert_eq!(shop.total(["captured"]).await, [5_500]);
}

#[tokio::test]
async fn a_release_that_cannot_be_found_is_let_go() {
    let mut shop = Shop::open().await;
    shop.ready("tok_ok_0001");
    shop.run().await;
    shop.shorted(2);
    shop.run().await;
    assert_eq!(shop.said, owned(&["payment.authorized", "payment.adjusted", "payment.voided"]));
    assert_eq!(shop.total(["canceled", "held"]).await, [10_500, 0]);
}

#[tokio::test]
async fn a_void_of_what_is_no_longer_held_is_looked_up() {
    for (by_hand, expected) in [("cancel", "voided"), ("capture", "unclear, key spent")] {
        let mut shop = Shop::open().await;
        shop.ready("tok_ok_0001");
        shop.run().await;
        let payment::store::Stage::Authorized { charge } = state(&shop.stage).stage else { panic!("held") };
        let intent = charge.intent.expect("it costs something");
        shop.post(&format!("/v1/payment_intents/{intent}/{by_hand}"), None).await;
        shop.shorted(2);
        let (answer, _) = shop.perform(shop.row(), false).await;
        assert_eq!(word(&answer), expected, "{by_hand}");
    }
}

#[tokio::test]
async fn after_a_crash_a_young_call_is_repeated_and_an_old_one_looked_up() {
    let day = 24 * 3_600;
    // Seconds since it was first due, whether the crashed call had reached the gateway, what it comes to.
    for (age, reached, expected) in [
        (60, false, "authorized"),
        (60, true, "authorized"),
        (day, false, "not found"),
        (day, true, "authorized"),
    ] {
        let mut shop = Shop::open().await;
        shop.ready("tok_ok_0001");
        let mut row = shop.row();
        if reached {
            shop.perform(row.clone(), false).await;
        }
        let mut body: payment::call::AuthorizeCall = row.body().expect("ours");
        body.errand.since = body.errand.since.plus_seconds(-age);
        row.body = shell::worker::raw(&body);
        let (answer, _) = shop.perform(row, true).await;
        assert_eq!(word(&answer), expected, "{age} {reached}");
        assert_eq!(shop.total(["intents"]).await, [u64::from(expected == "authorized")]);
    }
}

#[tokio::test]
async fn a_spent_key_is_looked_up_for_every_kind_of_call() {
    let mut shop = Shop::open().await;
    shop.ready("tok_ok_0001");
    shop.run().await;
    shop.dispatched(1, 2);
    let row = shop.row();
    let mut body: payment::call::CaptureCall = row.body().expect("ours");
    body.errand.look = true;
    let looking = DueRow { body: shell::worker::raw(&body), ..row.clone() };
    assert_eq!(word(&shop.perform(looking.clone(), false).await.0), "not found");
    shop.perform(row, false).await;
    assert_eq!(word(&shop.perform(looking, false).await.0), "captured 10500");
}

#[tokio::test]
async fn only_what_everybody_would_meet_pauses_the_calls() {
    let mut shop = Shop::open().await;
    shop.ready("tok_ok_0001");
    let row = shop.row();
    shop.post("/_control", Some(json!({ "outage_seconds": 3_600 }))).await;
    let (answer, down) = shop.perform(row.clone(), false).await;
    assert_eq!((word(&answer).as_str(), down), ("unclear", true), "503");
    shop.post("/_control", Some(json!({ "outage_seconds": 0 }))).await;

    shop.gateway = client(&shop.base, "sk_wrong", Duration::from_secs(20));
    let (answer, down) = shop.perform(row.clone(), false).await;
    assert_eq!((word(&answer).as_str(), down), ("misconfigured", true), "401");

    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let nowhere = format!("http://{}", closed.local_addr().expect("bound"));
    drop(closed);
    shop.gateway = client(&nowhere, KEY, Duration::from_secs(20));
    let (answer, down) = shop.perform(row.clone(), false).await;
    assert_eq!((word(&answer).as_str(), down), ("unclear", true), "nobody there");

    shop.gateway = client(&shop.base, KEY, Duration::from_secs(20));
    let mut body: payment::call::AuthorizeCall = row.body().expect("ours");
    body.amount = amount(100_000_000);
    let too_much = DueRow { body: shell::worker::raw(&body), ..row.clone() };
    let (answer, down) = shop.perform(too_much, false).await;
    assert_eq!((word(&answer).as_str(), down), ("misconfigured", false), "400 is about this one release");

    body.payment = sealed("payment");
    let unreadable = DueRow { body: shell::worker::raw(&body), ..row };
    let (answer, down) = shop.perform(unreadable, false).await;
    assert_eq!((word(&answer).as_str(), down), ("misconfigured", false), "a section of another order");
    assert_eq!(shop.total(["intents"]).await, [0]);
}

#[test]
fn an_address_that_is_none_is_refused_by_name() {
    for (url, said) in [
        ("gateway", "the gateway's address is not a URL"),
        ("ftp://gateway", "the gateway's address must begin with http:// or https://"),
    ] {
        let settings = settings(url, KEY, Duration::from_secs(1));
        let error = Gateway::new(&settings).err().expect("no gateway");
        assert!(error.starts_with(said), "{error}");
    }
}
