//! Parcels that come back while the house is killed again and again: one case, one end, one refund and one letter each.

use serde_json::json;
use tests::TestHouse;
use tests::orders::{PRICE, SHIPPING, address, now, number, order, product};
use tests::parcels::{Parcel, QUESTION, REFUNDED, Trade, refund, reship};
use tests::steps::Stock;

/// What becomes of a parcel, by its number.
const REASONS: [&str; 6] = ["21", "25", "04", "DAMAGED", "22", "28"];
const PARCELS: i64 = 60;
/// Parcels of each reason.
const EACH: i64 = 10;

#[tokio::test]
async fn sixty_parcels_that_come_back_to_a_house_that_is_killed_have_one_case_one_end_and_one_refund_each() {
    let (mut house, mut trade) = Trade::house(
        "case_killed",
        &[("OMS_PAYMENT_LOOKUP_DELAY", "1")],
        &[product("19XE")],
        &[("19XE", 200)],
    )
    .await;
    let mut parcels = Vec::new();
    for household in 0..usize::try_from(PARCELS).expect("few") {
        let body = order(&format!("WEB-{household}"), household, &[("19XE", 1)]);
        trade.store.send("order.submit.v1", body).await;
    }
    house.until_count("all are asked for", &facts("requested"), PARCELS).await;
    for number in
        house.texts("SELECT order_number FROM lifecycle.facts WHERE kind = 'requested' ORDER BY 1").await
    {
        parcels.push(trade.pack(&number).await);
    }
    house.until_count("all are charged", &facts("captured"), PARCELS).await;

    for (parcel, reason) in parcels.iter().zip(REASONS.iter().cycle()) {
        trade.scan(parcel, reason, 20).await;
        trade.scan(parcel, "10", 10).await;
        trade.scan(parcel, reason, 20).await;
    }
    power_goes(&mut house, "case_opened", 15).await;
    house.until_count("a case each", &facts("case_opened"), PARCELS).await;
    house.until_count("three in six are asked about", &facts("case_asked"), 3 * EACH).await;

    let of = |reason: &str| -> Vec<&Parcel> {
        let with = parcels.iter().zip(REASONS.iter().cycle());
        with.filter(|(_, known)| **known == reason).map(|(parcel, _)| parcel).collect()
    };
    for (reason, wish) in [("21", reship(Some(address(99)))), ("25", refund())] {
        for parcel in of(reason) {
            let mut body =
                json!({ "reference": format!("ANSWER-{}", parcel.shipment), "case": parcel.shipment });
            body["token"] = json!(house.case_token(&parcel.shipment, 1));
            body.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
            trade.store.send("case.answer.v1", body).await;
        }
    }
    for reason in ["21", "25", "04", "28"] {
        for parcel in of(reason) {
            trade.come_back(parcel, 40).await;
        }
    }
    for parcel in of("22") {
        trade.scan(parcel, "01", 40).await;
    }
    power_goes(&mut house, "case_resolved", 25).await;
    for (condition, reasons) in [("restock", ["21", "25", "04"].as_slice()), ("damaged", &["DAMAGED"])] {
        for parcel in reasons.iter().flat_map(|reason| of(reason)) {
            let dock = json!({ "reference": format!("DOCK-{}", parcel.shipment), "shipment": parcel.shipment, "condition": condition, "received_at": now() });
            for _ in 0..2 {
                trade.warehouse.send("case.receive.v1", dock.clone()).await;
            }
        }
    }
    power_goes(&mut house, "refunded", 12).await;
    for parcel in of("28") {
        house.oms_ok(&["cases", "resolve", &parcel.shipment, "refund", "--reason", "the estate asks for it"]);
    }
    power_goes(&mut house, "case_received", 30).await;
    for parcel in of("21") {
        let second = trade.pack(&parcel.order).await;
        trade.scan(&second, "01", 60).await;
    }
    house
        .until_count(
            "the second parcels arrive, and those of which it was doubted",
            &facts("delivered"),
            2 * EACH,
        )
        .await;

    for (kind, times) in [("case_opened", 6), ("case_resolved", 6), ("case_received", 4), ("refunded", 4)] {
        house.until_count(kind, &facts(kind), times * EACH).await;
        let orders =
            format!("SELECT count(DISTINCT order_number) FROM lifecycle.facts WHERE kind = '{kind}'");
        assert_eq!(house.count(&orders).await, times * EACH, "{kind}: once each");
    }
    // Of every six: one is out again, one is broken, one was delivered after all, one was not brought to the dock.
    house.until_stock("19XE", Stock::of(200 - 4 * EACH, 0, 4 * EACH)).await;
    let ledger = house.gateway_ledger().await;
    assert_eq!(
        (number(&ledger["total"]["refunded"]), number(&ledger["refunds"])),
        (4 * EACH * (PRICE + SHIPPING), 4 * EACH),
        "the gateway's own account"
    );
    assert_eq!(ledger["doubled"], json!([]));
    house.until_count("no mail is under way", "SELECT count(*) FROM notifications.due", 0).await;
    let mails = house.mails().await;
    for (headline, wanted) in [(QUESTION, 3 * EACH), (REFUNDED, 3 * EACH), ("a parcel is sent again", EACH)] {
        let ids: Vec<&str> = mails
            .iter()
            .filter(|mail| mail.subject.ends_with(headline))
            .map(|mail| mail.message_id.as_str())
            .collect();
        let unclear = format!(
            "SELECT count(*) FROM notifications.notices WHERE status = 'unclear' AND kind = '{}'",
            kind_of(headline)
        );
        let unclear = house.count(&unclear).await;
        let told = i64::try_from(ids.len()).expect("few");
        assert!(
            (wanted - unclear..=wanted).contains(&told),
            "{headline}: {told} Message-IDs, {unclear} unclear"
        );
    }
    assert!(
        mails.iter().all(|mail| mail.copies <= 2),
        "an unknown outcome goes out once more, never a third time"
    );
    assert_eq!(house.oms_json(&["cases", "list"]), json!([]));
    assert_eq!(house.oms_json(&["parked", "list"]), json!([]));
}

/// The rooms die when so many facts of this kind are known, and come back.
async fn power_goes(house: &mut TestHouse, kind: &str, facts_before: i64) {
    house.until_at_least(&format!("{kind} is under way"), &facts(kind), facts_before).await;
    house.kill("rooms");
    house.time_passes().await;
    house.start_rooms("rooms", "all").await;
}

fn facts(kind: &str) -> String {
    format!("SELECT count(*) FROM lifecycle.facts WHERE kind = '{kind}'")
}

fn kind_of(headline: &str) -> &'static str {
    match headline {
        QUESTION => "question",
        REFUNDED => "refunded",
        _ => "reshipped",
    }
}
