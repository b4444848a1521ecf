//! The gateway's behaviour over HTTP, each test with a gateway of its own on a port of its own.

mod shop;

use serde_json::{Value, json};
use shop::{Fields, KEY, Shop, assert_fields, id, intent, path};

#[tokio::test]
async fn a_hold_is_captured_and_refunded() {
    let shop = Shop::open().await;
    let held = shop.authorize("tok_ok", "r1").await;
    assert_fields(
        &held,
        json!({
            "object": "payment_intent", "status": "requires_capture", "amount": 5000,
            "amount_capturable": 5000,
            "amount_received": 0, "currency": "usd", "payment_method": "tok_ok", "capture_method": "manual",
            "metadata": { "reference": "r1", "order": "r1" },
        }),
    );
    let captured = shop.post(&path(&held, "/capture"), &[("amount_to_capture", "3000")], 200).await;
    assert_fields(
        &captured,
        json!({ "status": "succeeded", "amount_capturable": 0, "amount_received": 3000 }),
    );
    let intent = id(&held);
    let refund = shop.post("/v1/refunds", &[("payment_intent", intent), ("amount", "1000")], 200).await;
    assert_fields(
        &refund,
        json!({ "object": "refund", "status": "succeeded", "amount": 1000, "payment_intent": intent }),
    );
    shop.post("/v1/refunds", &[("payment_intent", intent), ("metadata[reference]", "b1")], 200).await;
    let list = shop.get(&format!("/v1/refunds?payment_intent={intent}"), 200).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert_fields(&list["data"][0], json!({ "amount": 2000, "metadata": { "reference": "b1" } }));
    let list = shop.get(&format!("/v1/refunds?payment_intent={intent}&limit=1"), 200).await;
    assert_fields(&list, json!({ "has_more": true }));
    let again = shop.post("/v1/refunds", &[("payment_intent", intent)], 400).await;
    assert_fields(&again["error"], json!({ "code": "charge_already_refunded" }));
    let ledger = shop.ledger().await;
    assert_fields(
        &ledger["references"]["r1"],
        json!({
            "intents": 1, "live_intents": 1, "authorized": 5000, "captured": 3000,
            "released": 2000, "refunded": 3000,
        }),
    );
}

#[tokio::test]
async fn several_captures_keep_the_rest_until_the_final_one() {
    let shop = Shop::open().await;
    let held = shop.authorize("tok_ok", "r1").await;
    let capture = path(&held, "/capture");
    let steps: [(Fields, u16, Value); 5] = [
        (
            &[("amount_to_capture", "1000"), ("final_capture", "false")],
            200,
            json!({ "status": "requires_capture", "amount_capturable": 4000, "amount_received": 1000 }),
        ),
        (&[("amount_to_capture", "4001"), ("final_capture", "false")], 400, Value::Null),
        (
            &[("amount_to_capture", "500"), ("final_capture", "false")],
            200,
            json!({ "status": "requires_capture", "amount_capturable": 3500, "amount_received": 1500 }),
        ),
        (
            &[("amount_to_capture", "0")],
            200,
            json!({ "status": "succeeded", "amount_capturable": 0, "amount_received": 1500 }),
        ),
        (&[("amount_to_capture", "1")], 400, Value::Null),
    ];
    for (fields, status, expected) in steps {
        let answer = shop.post(&capture, fields, status).await;
        if !expected.is_null() {
            assert_fields(&answer, expected);
        }
    }
    let ledger = shop.ledger().await;
    assert_fields(&ledger["total"], json!({ "captures": 2, "captured": 1500, "released": 3500 }));
    assert_eq!(ledger["captures"][id(&held)], 2);
}

#[tokio::test]
async fn illegal_steps_are_refused_and_change_nothing() {
    let shop = Shop::open().await;
    let held = shop.authorize("tok_ok", "held").await;
    let succeeded = shop.authorize("tok_ok", "succeeded").await;
    shop.post(&path(&succeeded, "/capture"), &[], 200).await;
    let canceled = shop.authorize("tok_ok", "canceled").await;
    let reason = [("cancellation_reason", "requested_by_customer")];
    let answer = shop.post(&path(&canceled, "/cancel"), &reason, 200).await;
    assert_fields(
        &answer,
        json!({
            "status": "canceled", "amount_capturable": 0, "cancellation_reason": "requested_by_customer",
        }),
    );
    let before = shop.ledger().await;
    let refund = |intent| vec![("payment_intent", id(intent))];
    let over = [refund(&succeeded), vec![("amount", "5001")]].concat();
    let table = [
        (path(&held, "/capture"), vec![("amount_to_capture", "5001")], "amount_too_large"),
        (path(&succeeded, "/capture"), vec![], "payment_intent_unexpected_state"),
        (path(&succeeded, "/cancel"), vec![], "payment_intent_unexpected_state"),
        (path(&canceled, "/capture"), vec![], "payment_intent_unexpected_state"),
        (path(&canceled, "/cancel"), vec![], "payment_intent_unexpected_state"),
        ("/v1/refunds".to_owned(), refund(&held), "payment_intent_unexpected_state"),
        ("/v1/refunds".to_owned(), refund(&canceled), "payment_intent_unexpected_state"),
        ("/v1/refunds".to_owned(), over, "amount_too_large"),
    ];
    for (path, fields, code) in table {
        let answer = shop.post(&path, &fields, 400).await;
        assert_fields(&answer["error"], json!({ "type": "invalid_request_error", "code": code }));
        assert!(answer["error"]["payment_intent"]["status"].is_string(), "{path}");
    }
    assert_eq!(shop.ledger().await["total"], before["total"]);
}

#[tokio::test]
async fn malformed_requests_are_refused_by_name() {
    let shop = Shop::open().await;
    let intents = "/v1/payment_intents";
    let whole = [
        ("amount", "5000"),
        ("currency", "usd"),
        ("payment_method", "tok_ok"),
        ("capture_method", "manual"),
        ("confirm", "true"),
    ];
    let without = |name: &str| whole.iter().filter(|(field, _)| *field != name).copied().collect::<Vec<_>>();
    let with = |field: (&'static str, &'static str)| [without(field.0), vec![field]].concat();
    let table = [
        (without("amount"), "parameter_missing", "amount"),
        (without("currency"), "parameter_missing", "currency"),
        (without("payment_method"), "parameter_missing", "payment_method"),
        (without("confirm"), "parameter_missing", "confirm"),
        (with(("amount", "50.00")), "parameter_invalid_integer", "amount"),
        (with(("amount", "0")), "parameter_invalid_integer", "amount"),
        (with(("currency", "USD")), "parameter_invalid", "currency"),
        (with(("capture_method", "later")), "parameter_invalid", "capture_method"),
        (with(("reference", "r1")), "parameter_unknown", "reference"),
    ];
    for (fields, code, param) in table {
        let answer = shop.post(intents, &fields, 400).await;
        let expected = json!({ "type": "invalid_request_error", "code": code, "param": param });
        assert_fields(&answer["error"], expected);
    }
    let missing = shop.get("/v1/payment_intents/pi_none", 404).await;
    assert_fields(&missing["error"], json!({ "code": "resource_missing" }));
    shop.post("/v1/payment_intents/pi_none/capture", &[], 404).await;
    shop.get("/v1/charges", 404).await;
    shop.get("/v1/payment_intents/search?query=status:'succeeded'", 400).await;
    assert_fields(&shop.ledger().await, json!({ "intents": 0 }));
}

#[tokio::test]
async fn only_the_key_opens() {
    let shop = Shop::open().await;
    let url = format!("{}/v1/payment_intents/pi_none", shop.base);
    let table = [
        (shop.client.get(&url), 401),
        (shop.client.get(&url).bearer_auth("sk_other"), 401),
        (shop.client.get(&url).basic_auth("sk_other", Some("")), 401),
        (shop.client.get(&url).bearer_auth(KEY), 404),
        (shop.client.get(&url).basic_auth(KEY, Some("")), 404),
    ];
    for (request, status) in table {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn declines_carry_code_and_advice() {
    let shop = Shop::open().await;
    let table = [
        ("tok_decline_never", "card_declined", "stolen_card", "do_not_try_again"),
        ("tok_decline_later", "card_declined", "insufficient_funds", "try_again_later"),
        ("tok_decline_data", "expired_card", "expired_card", "confirm_card_data"),
    ];
    for (token, code, decline_code, advice_code) in table {
        let answer = shop.post("/v1/payment_intents", &intent(token, token), 402).await;
        let expected = json!({
            "type": "card_error", "code": code, "decline_code": decline_code, "advice_code": advice_code,
        });
        assert_fields(&answer["error"], expected.clone());
        let found = shop.get(&path(&answer["error"]["payment_intent"], ""), 200).await;
        assert_fields(
            &found,
            json!({
                "status": "requires_payment_method", "payment_method": null, "amount_capturable": 0,
            }),
        );
        assert_fields(&found["last_payment_error"], expected);
    }
    assert_fields(&shop.ledger().await["total"], json!({ "declined_intents": 3, "authorized": 0 }));
}

#[tokio::test]
async fn scripts_that_fail_for_a_while_count_per_order() {
    let table: [(&str, &[u16]); 4] = [
        ("tok_decline_later_x", &[402, 200, 200]),
        ("tok_decline_later_2_x", &[402, 402, 200]),
        ("tok_decline_never_x", &[402, 402, 402]),
        ("tok_500_2_x", &[500, 500, 200]),
    ];
    let shop = Shop::open().await;
    for (token, statuses) in table {
        for order in ["o1", "o2"] {
            for status in statuses {
                shop.post("/v1/payment_intents", &intent(token, order), *status).await;
            }
        }
    }
}

#[tokio::test]
async fn a_key_answers_as_it_did_first() {
    let shop = Shop::open().await;
    for (token, status) in [("tok_ok", 200), ("tok_decline_later", 402), ("tok_500_1", 500)] {
        let first = shop.keyed(token, &intent(token, token)).await;
        assert_eq!(first.0, status, "{token}");
        assert_eq!(shop.keyed(token, &intent(token, token)).await, first, "{token}");
        let other = shop.keyed(token, &intent(token, "other")).await;
        assert_eq!(other.0, 400, "{token}");
        assert_eq!(other.1["error"]["type"], "idempotency_error");
    }
    assert_fields(&shop.ledger().await, json!({ "intents": 2, "replayed": 3 }));
}

#[tokio::test]
async fn a_key_does_not_keep_what_was_never_begun() {
    let shop = Shop::open().await;
    let refused = shop.keyed("k", &[("amount", "x")]).await;
    assert_eq!(refused.0, 400);
    shop.control(json!({ "outage_seconds": 60 })).await;
    assert_eq!(shop.keyed("k", &intent("tok_ok", "r1")).await.0, 503);
    shop.control(json!({ "outage_seconds": 0 })).await;
    assert_eq!(shop.keyed("k", &intent("tok_ok", "r1")).await.0, 200);
    assert_eq!(shop.keyed(&"k".repeat(256), &intent("tok_ok", "r1")).await.0, 400);
}

#[tokio::test]
async fn a_key_in_use_conflicts_though_its_first_caller_hung_up() {
    let shop = Shop::open().await;
    let fields = intent("tok_slow_3600000", "r1");
    let answer = tokio::select! {
        answer = shop.keyed("k", &fields) => answer,
        answer = shop.keyed("k", &fields) => answer,
    };
    assert_eq!(answer.0, 409);
    assert_eq!(shop.keyed("k", &fields).await.0, 409);
    assert_fields(&shop.ledger().await, json!({ "intents": 0 }));
}

#[tokio::test]
async fn a_slow_card_is_authorized_in_the_end() {
    let shop = Shop::open().await;
    assert_eq!(shop.authorize("tok_slow_1", "r1").await["status"], "requires_capture");
}

#[tokio::test]
async fn a_committed_call_without_an_answer_is_found_by_its_reference() {
    let shop = Shop::open().await;
    let lost =
        shop.request("/v1/payment_intents", &intent("tok_timeout", "r1")).header("idempotency-key", "k");
    assert!(lost.send().await.is_err());
    let found = shop.get("/v1/payment_intents/search?query=metadata['reference']:'r1'", 200).await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    let held = &found["data"][0];
    assert_fields(
        held,
        json!({ "status": "requires_capture", "metadata": { "reference": "r1", "order": "r1" } }),
    );
    let replayed = shop.keyed("k", &intent("tok_timeout", "r1")).await;
    assert_eq!((replayed.0, &replayed.1["id"]), (200, &held["id"]));
    assert_fields(&shop.ledger().await, json!({ "intents": 1, "doubled": [] }));
    shop.authorize("tok_timeout", "r1").await;
    assert_fields(&shop.ledger().await, json!({ "intents": 2, "doubled": ["r1"] }));
}

#[tokio::test]
async fn a_capture_without_an_answer_is_made_once() {
    let shop = Shop::open().await;
    let held = shop.authorize("tok_capture_timeout", "r1").await;
    assert!(shop.request(&path(&held, "/capture"), &[]).send().await.is_err());
    shop.post(&path(&held, "/capture"), &[], 400).await;
    let found = shop.get(&path(&held, ""), 200).await;
    assert_fields(&found, json!({ "status": "succeeded", "amount_received": 5000 }));
}

#[tokio::test]
async fn a_capture_can_be_declined() {
    let shop = Shop::open().await;
    let held = shop.authorize("tok_capture_fails", "r1").await;
    let answer = shop.post(&path(&held, "/capture"), &[], 402).await;
    assert_fields(&answer["error"], json!({ "code": "card_declined", "decline_code": "generic_decline" }));
    assert_eq!(answer["error"].get("advice_code"), None);
    shop.post(&path(&held, "/cancel"), &[], 200).await;
    assert_fields(
        &shop.ledger().await["total"],
        json!({ "authorized": 5000, "canceled": 5000, "captured": 0 }),
    );
}

#[tokio::test]
async fn a_hold_expires_silently() {
    let day = 24 * 3600;
    let table = [
        ("tok_ok", None, 200),
        ("tok_expire", None, 402),
        ("tok_ok", Some(json!({ "advance_seconds": 7 * day - 60 })), 200),
        ("tok_ok", Some(json!({ "advance_seconds": 7 * day })), 402),
        ("tok_ok", Some(json!({ "expire_all_holds": true })), 402),
    ];
    for (token, control, status) in table {
        let shop = Shop::open().await;
        let fields = [intent(token, "r1"), vec![("expand[]", "latest_charge")]].concat();
        let held = shop.post("/v1/payment_intents", &fields, 200).await;
        let card = &held["latest_charge"]["payment_method_details"]["card"];
        assert_eq!(card["capture_before"].as_i64(), held["created"].as_i64().map(|at| at + 7 * day));
        if let Some(control) = control.clone() {
            shop.control(control).await;
        }
        let capture = shop.post(&path(&held, "/capture"), &[], status).await;
        if status == 402 {
            assert_fields(&capture["error"], json!({ "code": "charge_expired_for_capture" }));
            assert_eq!(shop.get(&path(&held, ""), 200).await["status"], "requires_capture");
            assert_fields(
                &shop.ledger().await["total"],
                json!({ "expired": 5000, "held": 0, "live_intents": 0 }),
            );
            shop.post(&path(&held, "/cancel"), &[], 200).await;
        }
    }
}

#[tokio::test]
async fn the_charge_is_an_id_unless_expanded() {
    let shop = Shop::open().await;
    let held = shop.authorize("tok_ok", "r1").await;
    let charge = held["latest_charge"].as_str().unwrap();
    let search = "/v1/payment_intents/search?query=metadata['order']:'r1'";
    let found = shop.get(&format!("{search}&expand[]=data.latest_charge"), 200).await;
    for expanded in [&found["data"][0], &shop.get(&path(&held, "?expand[]=latest_charge"), 200).await] {
        assert_eq!(expanded["latest_charge"]["id"], charge);
    }
    assert_eq!(shop.get(search, 200).await["data"][0]["latest_charge"], charge);
    assert_eq!(
        shop.get("/v1/payment_intents/search?query=metadata['order']:'r2'", 200).await["data"],
        json!([])
    );
}

#[tokio::test]
async fn an_outage_ends_with_the_virtual_clock() {
    let shop = Shop::open().await;
    shop.control(json!({ "outage_seconds": 600 })).await;
    let answer = shop.post("/v1/payment_intents", &intent("tok_ok", "r1"), 503).await;
    assert_eq!(answer["error"]["type"], "api_error");
    shop.control(json!({ "advance_seconds": 600 })).await;
    shop.authorize("tok_ok", "r1").await;
}

#[tokio::test]
async fn automatic_capture_takes_the_money_at_once() {
    let shop = Shop::open().await;
    let fields = [("amount", "900"), ("currency", "usd"), ("payment_method", "tok_ok"), ("confirm", "true")];
    let answer = shop.post("/v1/payment_intents", &fields, 200).await;
    assert_fields(&answer, json!({ "status": "succeeded", "amount_received": 900 }));
    assert_fields(&shop.ledger().await, json!({ "without_reference": 1 }));
}
