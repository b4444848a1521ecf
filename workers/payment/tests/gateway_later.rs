//! The same over HTTP for what comes later: a hold that is renewed, a cancelled order, money that goes back.

mod common;

use common::shop::*;
use common::*;
use messages::case::CaseEnd;
use payment::call::{KINDS, RefundCall};
use serde_json::json;
use shell::worker::{DueRow, raw};

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_renewed_hold_replaces_the_old_one_and_is_captured() {
    let mut shop = held_for("tok_ok_0001").await;
    pass(&mut shop, 6 * DAY + 60).await;
    renew_now(&mut shop).await;
    assert_eq!(shop.answers[1..], owned(&["authorized", "voided"])[..]);
    assert_eq!(shop.total(["live_intents", "held", "canceled"]).await, [1, 10_500, 10_500]);
    pass(&mut shop, 2 * DAY).await;
    shop.dispatched(1, 2);
    shop.run().await;
    assert_eq!(shop.answers[3..], owned(&["captured 10500"])[..], "the first hold would have lapsed");
    assert_eq!(shop.total(["captured", "held"]).await, [10_500, 0]);
}

#[tokio::test]
async fn a_renewal_is_for_what_is_left() {
    let mut shop = held_for("tok_ok_0001").await;
    shop.shorted(1);
    renew_now(&mut shop).await;
    assert_eq!(shop.total(["held", "canceled"]).await, [5_500, 10_500]);
}

#[tokio::test]
async fn a_declined_renewal_is_told_and_succeeds_later() {
    let mut shop = held_for("tok_decline_renewal_2_x").await;
    for declined in [true, true, false] {
        renew_now(&mut shop).await;
        let is_told = shop.said.pop_if(|said| said == "task.opened").is_some()
            | shop.said.pop_if(|said| said == "payment.delayed").is_some();
        assert_eq!(is_told, declined);
    }
    let expected = ["declined insufficient_funds", "declined insufficient_funds", "authorized", "voided"];
    assert_eq!(shop.answers[1..], owned(&expected)[..]);
    assert_eq!(shop.total(["live_intents", "held"]).await, [1, 10_500]);
}

#[tokio::test]
async fn a_parcel_that_leaves_without_a_hold_is_held_and_charged_anew() {
    // Token, what the calls came to, what the room said last, captured.
    let table: [(&str, &[&str], &str, u64); 2] = [
        ("tok_ok_0001", &["authorized", "captured 10500", "voided"], "payment.captured", 10_500),
        ("tok_decline_renewal_9_x", &["declined insufficient_funds"], "payment.capture_failed", 0),
    ];
    for (token, answers, said, captured) in table {
        let mut shop = held_for(token).await;
        shop.post("/_control", Some(json!({ "expire_all_holds": true }))).await;
        pass(&mut shop, 8 * DAY).await;
        shop.dispatched(1, 2);
        shop.run().await;
        assert_eq!(shop.answers[1..], owned(answers)[..], "{token}");
        assert_eq!(shop.said.iter().rfind(|said| *said != "task.opened").map(String::as_str), Some(said));
        assert_eq!(shop.total(["captured", "held"]).await, [captured, 0], "{token}");
    }
}

#[tokio::test]
async fn a_cancelled_order_holds_nothing_whenever_the_cancellation_comes() {
    for token in ["tok_ok_0001", "tok_timeout_1", "tok_decline_later_2", "tok_500_1_a"] {
        for answered in 0..3 {
            let mut shop = Shop::open().await;
            shop.ready(token);
            for _ in 0..answered {
                let Some(row) = calls(&shop.stage).into_iter().next() else { break };
                let (answer, _) = shop.perform(row.clone(), false).await;
                shop.stage.answer_row(&row, &answer);
            }
            shop.stage.tell(&cancelled(Vec::new()));
            shop.run().await;
            assert_eq!(status(&state(&shop.stage)), "voided", "{token} {answered}");
            assert_eq!(shop.total(["held", "captured"]).await, [0, 0], "{token} {answered}");
            assert!(shop.stage.due().is_empty(), "{token} {answered}");
        }
    }
}

#[tokio::test]
async fn money_goes_back_once_per_case() {
    // Units of each case, what the refunds came to, refunded in all.
    let table: [(&[u32], &[&str], u64); 3] = [
        (&[2], &["refunded 10500"], 10_500),
        (&[1], &["refunded 5000"], 5_000),
        (&[1, 1], &["refunded 5000", "refunded 5500"], 10_500),
    ];
    for (cases, answers, total) in table {
        let mut shop = captured_in_two_parcels().await;
        for (shipment, quantity) in (1..).zip(cases) {
            for _ in 0..2 {
                refund(&mut shop, shipment, *quantity);
                shop.run().await;
            }
        }
        assert_eq!(shop.answers[2..], owned(answers)[..], "{cases:?}");
        assert_eq!(shop.said[2..], owned(&["payment.refunded"].repeat(cases.len()))[..], "{cases:?}");
        assert_eq!(shop.total(["refunded"]).await, [total], "{cases:?}");
    }
}

#[tokio::test]
async fn a_refund_of_unknown_outcome_is_repeated_under_its_key_or_looked_up() {
    // Seconds since it was first due, whether the key is spent, whether the lost call had been executed.
    for (age, spent, reached, expected) in [
        (60, false, false, "refunded 10500"),
        (60, false, true, "refunded 10500"),
        (60, true, false, "not found"),
        (60, true, true, "refunded 10500"),
        (DAY, false, false, "not found"),
        (DAY, false, true, "refunded 10500"),
    ] {
        let mut shop = captured_in_two_parcels().await;
        refund(&mut shop, 1, 2);
        let row = shop.row();
        if reached {
            shop.perform(row.clone(), false).await;
        }
        let mut body: RefundCall = row.body().expect("ours");
        body.errand.look = spent;
        body.errand.since = body.errand.since.plus_seconds(-age);
        let late = DueRow { body: raw(&body), ..row };
        let (answer, _) = shop.perform(late, true).await;
        assert_eq!(word(&answer), expected, "{age} {spent} {reached}");
        let refunded = u64::from(expected != "not found") * 10_500;
        assert_eq!(shop.total(["refunded"]).await, [refunded], "{age} {spent} {reached}");
    }
}

#[tokio::test]
async fn what_somebody_gave_back_by_hand_is_a_task_and_not_given_back_twice() {
    for (by_hand, code) in [(10_500, "charge_already_refunded"), (1_000, "amount_too_large")] {
        let mut shop = captured_in_two_parcels().await;
        refund(&mut shop, 1, 2);
        let call: RefundCall = shop.row().body().expect("ours");
        shop.refund_by_hand(&call.intent, by_hand).await;
        shop.run().await;
        assert_eq!(shop.answers[2..], owned(&[&format!("refund declined {code}")])[..]);
        assert_eq!(shop.said[2..], owned(&["task.opened"])[..]);
        assert_eq!(shop.total(["refunded"]).await, [by_hand]);
    }
}

async fn held_for(token: &str) -> Shop {
    let mut shop = Shop::open().await;
    shop.ready(token);
    shop.run().await;
    assert_eq!(shop.answers, owned(&["authorized"]));
    shop
}

/// Two parcels that were heard of before the answer, so that one capture pays for both.
async fn captured_in_two_parcels() -> Shop {
    let mut shop = Shop::open().await;
    shop.ready("tok_ok_0001");
    shop.dispatched(1, 1);
    shop.dispatched(2, 1);
    shop.run().await;
    assert_eq!(shop.said, owned(&["payment.authorized", "payment.captured"]));
    shop
}

fn refund(shop: &mut Shop, shipment: u16, quantity: u32) {
    let said = shop.stage.tell(&resolved(shipment, CaseEnd::Refund, vec![units(1, quantity)]));
    shop.note(&said);
}

/// Time passes here and at the gateway.
async fn pass(shop: &mut Shop, seconds: i64) {
    shop.post("/_control", Some(json!({ "advance_seconds": seconds }))).await;
    shop.stage.set_now(shop.stage.now().plus_seconds(seconds));
}

/// The renewal comes due, wherever the clock stands.
async fn renew_now(shop: &mut Shop) {
    let at = timer(&shop.stage).expect("a renewal is planned").due_at;
    shop.stage.set_now(at.max(shop.stage.now()));
    let said = shop.stage.fire(KINDS);
    shop.note(&said);
    shop.run().await;
}
