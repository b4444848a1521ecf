//! Parcels that did not arrive: one journey per class, from the carrier's first scan to the end of the case, as customers,
//! carriers, the warehouse and staff drive it.

use serde_json::{Value, json};
use tests::TestHouse;
use tests::client::Client;
use tests::orders::{PRICE, SHIPPING, address, number, order, product};
use tests::parcels::{Parcel, QUESTION, REFUNDED, REMINDER, Trade, outcome, refund, reship};
use tests::steps::Stock;

#[tokio::test]
async fn an_address_fault_is_asked_about_answered_once_and_sent_again_once() {
    let hour = [("OMS_CASE_ASK_AFTER", "3600")];
    let (house, mut trade) = Trade::house("case_address", &hour, &[product("19XE")], &[("19XE", 5)]).await;
    let parcel = trade.parcel(order("WEB-1", 1, &[("19XE", 2)])).await;
    house.until_fact(&parcel.order, "dispatched", 1).await;

    // Five scans of one failure: the last first, one doubled, one of the way out, and the reason when it is back already.
    trade.come_back(&parcel, 50).await;
    trade.scan(&parcel, "09", 40).await;
    trade.scan(&parcel, "21", 30).await;
    trade.scan(&parcel, "21", 30).await;
    trade.scan(&parcel, "10", 20).await;
    let reason = format!(
        "SELECT count(*) FROM undelivered.cases WHERE key = '{}' AND class = 'address_fault'",
        parcel.shipment
    );
    house.until_count("the reason is known", &reason, 1).await;
    house.comes_due("undelivered", "contact", &parcel.shipment).await;
    let question = house.question(&parcel.order, QUESTION).await;

    let elsewhere = address(7);
    for (token, wish, expected) in [
        ("a-guess", refund(), "token_does_not_fit"),
        (question.token.as_str(), reship(None), "address_needed"),
        (
            question.token.as_str(),
            reship(Some(json!({ "line1": "7 Here St", "city": "X", "postal_code": "1", "country": "US" }))),
            "bad_address",
        ),
        (question.token.as_str(), reship(Some(elsewhere.clone())), "done"),
        (question.token.as_str(), reship(Some(elsewhere.clone())), "repeated"),
        (question.code.as_str(), refund(), "already_answered"),
    ] {
        assert_eq!(trade.answer(&parcel, "ANSWER-1", token, wish).await, expected);
    }
    assert_eq!(trade.answer(&parcel, "ANSWER-2", &question.token, refund()).await, "already_answered");
    house.until_case(&parcel.shipment, "reship").await;

    let second = trade.pack(&parcel.order).await;
    assert_eq!(second.shipment, format!("{}.2", parcel.release()), "the same order, another parcel");
    assert_ne!(second.tracking, parcel.tracking);
    assert_eq!(second.asked["lines"], parcel.asked["lines"]);
    assert_ne!(second.asked["address"], parcel.asked["address"], "sealed anew, with the corrected address");
    trade.scan(&second, "01", 90).await;
    house.until_status(&parcel.order, "delivered").await;
    house.until_stock("19XE", Stock::of(1, 0, 4)).await;

    // The first parcel's units are counted when somebody has them in hand, and once.
    assert_eq!(trade.scan_in(&parcel, "restock").await, "done");
    assert_eq!(trade.scan_in(&parcel, "restock").await, "repeated");
    assert_eq!(trade.scan_in(&parcel, "damaged").await, "already_received");
    house.until_stock("19XE", Stock::of(3, 0, 2)).await;

    once(&house, &parcel, &["case_opened", "case_asked", "case_resolved", "case_received"]).await;
    let ledger = house.gateway_ledger().await;
    assert_eq!((number(&ledger["total"]["captures"]), number(&ledger["total"]["refunded"])), (1, 0));
    assert_eq!(house.oms_json(&["cases", "list"]), json!([]));
    assert_eq!(house.tasks(&parcel.order), [""; 0]);
    let told = house.mailed(&parcel.order, "a parcel is sent again").await;
    assert!(told.contains("Nothing is charged for it"), "{told}");
}

#[tokio::test]
async fn the_purchaser_of_a_gift_is_asked_and_staff_may_answer_for_them() {
    let (house, mut trade) = open("case_gift", &[("19XE", 5)]).await;
    let mut gift = order("WEB-GIFT", 1, &[("19XE", 1)]);
    gift["deliveries"][0]["gift"] = json!(true);
    gift["deliveries"][0]["recipient"] = json!("Robin Quill");
    let parcel = trade.parcel(gift).await;
    trade.scan(&parcel, "25", 10).await;
    house.until_case(&parcel.shipment, "asked").await;
    house.mailed(&parcel.order, QUESTION).await;
    for mail in house.mails().await {
        assert_eq!(mail.to, ["buyer1@example.com"], "{}", mail.subject);
    }
    for text in [QUESTION, "confirmed"] {
        assert!(!house.mail_text(&parcel.order, text).contains("Quill"));
    }

    let shipment = parcel.shipment.as_str();
    assert_eq!(house.oms_ok(&["cases", "note", shipment, "rang the purchaser"]), "noted\n");
    let taken =
        house.oms_ok(&["--user", "m.rivera", "cases", "answer", shipment, "refund", "--reference", "CALL-1"]);
    assert_eq!(taken, "taken\n");
    house.until_case(shipment, "awaiting").await;
    let again = house.oms(&["cases", "answer", shipment, "reship"]);
    assert_eq!(
        (again.code, again.err.as_str()),
        (Some(1), "oms: the case was already answered, and an answer is taken once\n")
    );
    trade.come_back(&parcel, 20).await;
    house.until_case(shipment, "refund").await;
    until_refunded(&house, &parcel, 1).await;
    assert_eq!(trade.scan_in(&parcel, "restock").await, "done");
    house.until_stock("19XE", Stock::of(5, 0, 0)).await;

    let story = house.oms_ok(&["cases", "show", shipment]);
    for line in [
        "answered: money back by m.rivera",
        "note of tester: rang the purchaser",
        "a gift",
        "the purchaser was asked",
    ] {
        assert!(story.contains(line), "{line}: {story}");
    }
    let history = house.history(&parcel.order).join("\n");
    for line in ["noted (rang the purchaser; by tester)", "answered: money back (case"] {
        assert!(history.contains(line), "{line}: {history}");
    }
    let noted = "SELECT count(*) FROM audit.records WHERE kind = 'case.changed.v1' AND state::text LIKE '%rang the purchaser%' AND state::text LIKE '%tester%'";
    assert_eq!(house.count(noted).await, 1, "audit knows who noted what");
    once(&house, &parcel, &["case_opened", "case_resolved", "case_received", "refunded"]).await;
}

#[tokio::test]
async fn without_an_answer_the_purchaser_is_asked_twice_and_paid_back() {
    let (house, mut trade) = open("case_silence", &[("19XE", 5)]).await;
    let parcel = trade.parcel(order("WEB-1", 1, &[("19XE", 1)])).await;
    trade.scan(&parcel, "22", 10).await;
    let first = house.question(&parcel.order, QUESTION).await;
    let shipment = parcel.shipment.as_str();
    house.comes_due("undelivered", "contact", shipment).await;
    let second = house.question(&parcel.order, REMINDER).await;
    assert_ne!((&first.token, &first.code), (&second.token, &second.code));

    house.execute(&format!(
        "UPDATE undelivered.cases SET state = jsonb_set(state, '{{case,step,answer_by}}', '\"2026-01-01T00:00:00Z\"') WHERE key = '{shipment}'"
    ))
    .await;
    for token in [&first.token, &second.token, &second.code] {
        assert_eq!(trade.answer(&parcel, "LATE-1", token, refund()).await, "token_expired");
    }
    house.comes_due("undelivered", "decide", shipment).await;
    house.until_case(shipment, "refund").await;
    until_refunded(&house, &parcel, 1).await;
    assert_eq!(trade.answer(&parcel, "LATE-2", &second.token, refund()).await, "already_resolved");
    house.until_mailed(&parcel.order, QUESTION, 1).await;
    house.until_mailed(&parcel.order, REMINDER, 1).await;
    let story = house.oms_ok(&["cases", "show", shipment]);
    assert!(story.contains("ended by the rules: there was no answer in time"), "{story}");
}

#[tokio::test]
async fn what_comes_back_damaged_is_paid_back_and_on_no_shelf_and_what_is_whole_is_sold_again() {
    let mut limited = product("24YA");
    limited["product_limit"] = json!(2);
    let (house, mut trade) =
        Trade::house("case_damaged", &[], &[limited, product("19XE")], &[("24YA", 2), ("19XE", 1)]).await;
    let broken = trade.parcel(order("WEB-1", 1, &[("24YA", 2)])).await;
    let refused = trade.parcel(order("WEB-2", 2, &[("19XE", 1)])).await;
    trade.scan(&broken, "DAMAGED", 10).await;
    trade.scan(&refused, "04", 10).await;
    house.until_case(&broken.shipment, "refund").await;
    house.until_case(&refused.shipment, "awaiting").await;
    until_refunded(&house, &broken, 2).await;
    assert_eq!(trade.answer(&refused, "ANSWER-1", "a-guess", refund()).await, "token_does_not_fit");
    assert!(
        !house.subjects(&refused.order).await.contains(&QUESTION.to_owned()),
        "nobody is asked why they refused"
    );

    assert_eq!(trade.scan_in(&broken, "damaged").await, "done");
    assert_eq!(trade.scan_in(&refused, "restock").await, "done");
    house.until_case(&refused.shipment, "refund").await;
    until_refunded(&house, &refused, 1).await;
    house.until_stock("19XE", Stock::of(1, 0, 0)).await;
    house.until_fact(&broken.order, "case_received", 1).await;
    assert_eq!(house.stock("24YA"), Stock::of(0, 0, 2), "a coin was struck and stays counted");
    let next = trade.store.accepted(order("WEB-3", 3, &[("19XE", 1)])).await;
    house.until_fact(&next, "reserved", 1).await;
    let none = trade.store.accepted(order("WEB-4", 4, &[("24YA", 1)])).await;
    house.until_fact(&none, "unavailable", 1).await;
    for parcel in [&broken, &refused] {
        once(&house, parcel, &["case_opened", "case_resolved", "case_received", "refunded"]).await;
    }
}

#[tokio::test]
async fn a_parcel_that_nobody_has_seen_is_replaced_and_what_turns_up_goes_to_the_shelf() {
    let (house, mut trade) = open("case_lost", &[("19XE", 2)]).await;
    let number_text = trade.store.accepted(order("WEB-1", 1, &[("19XE", 1)])).await;
    // 31 days ago, and no scan since.
    let lost = trade.pack_at(&number_text, -31 * 86_400).await;
    house.until_lost_timer().await;
    house.until_case(&lost.shipment, "asked").await;
    house.question(&number_text, QUESTION).await;
    let ended =
        house.oms_ok(&["cases", "resolve", &lost.shipment, "reship", "--reason", "agreed by telephone"]);
    assert_eq!(ended, "ended\n");
    let again = house.oms(&["cases", "resolve", &lost.shipment, "refund", "--reason", "changed their mind"]);
    assert_eq!((again.code, again.err.as_str()), (Some(1), "oms: the case has already ended\n"));
    let second = trade.pack(&number_text).await;
    trade.scan(&second, "01", 10).await;
    house.until_status(&number_text, "delivered").await;
    house.until_stock("19XE", Stock::of(0, 0, 2)).await;
    trade.come_back(&lost, 20).await;
    assert_eq!(trade.scan_in(&lost, "restock").await, "done");
    house.until_stock("19XE", Stock::of(1, 0, 1)).await;
    once(&house, &lost, &["case_opened", "case_resolved", "case_received"]).await;
    assert_eq!(number(&house.gateway_ledger().await["total"]["refunded"]), 0);
    let reason = house.oms_ok(&["cases", "show", &lost.shipment]);
    assert!(reason.contains("ended by tester: agreed by telephone"), "{reason}");
}

#[tokio::test]
async fn a_death_stops_all_mail_and_only_a_person_decides() {
    let (house, mut trade) = open("case_deceased", &[("19XE", 5)]).await;
    let parcel = trade.parcel(order("WEB-1", 1, &[("19XE", 1)])).await;
    let learned_late = trade.parcel(order("WEB-2", 2, &[("19XE", 1)])).await;
    house.until_mailed(&parcel.order, "a parcel is on its way", 1).await;
    trade.scan(&learned_late, "21", 5).await;
    let question = house.question(&learned_late.order, QUESTION).await;
    trade.scan(&parcel, "28", 10).await;
    trade.scan(&learned_late, "28", 10).await;
    house.until_case(&parcel.shipment, "person").await;
    house.until_case(&learned_late.shipment, "person").await;
    for parcel in [&parcel, &learned_late] {
        once(&house, parcel, &["case_opened", "task_opened"]).await;
        assert_eq!(house.tasks(&parcel.order), ["undelivered case_decision"]);
    }
    let silenced = "SELECT count(*) FROM notifications.addresses WHERE state->'address'->>'silent' = 'true'";
    house.until_count("both addresses are silent", silenced, 2).await;
    house.until_count("no mail is under way", "SELECT count(*) FROM notifications.due", 0).await;
    let before = house.mails().await.len();
    let view = house.oms_json(&["orders", "show", &learned_late.order]);
    assert_eq!(view["cases"][0]["opened"]["class"], "deceased", "what was learned later counts");

    assert_eq!(trade.answer(&learned_late, "ANSWER-1", &question.token, refund()).await, "not_asked");
    trade.come_back(&parcel, 20).await;
    house.until_fact(&parcel.order, "returned", 1).await;
    for (shipment, reason) in
        [(&parcel.shipment, "the estate asks for it"), (&learned_late.shipment, "their daughter called")]
    {
        house.oms_ok(&["cases", "resolve", shipment, "refund", "--reason", reason]);
    }
    for parcel in [&parcel, &learned_late] {
        until_refunded_silently(&house, parcel, 1).await;
        once(&house, parcel, &["case_resolved", "task_closed"]).await;
    }
    assert_eq!(
        house.oms_json(&["tasks", "list"]),
        json!([]),
        "who has decided need not close the task as well"
    );
    let later = trade.store.accepted(order("WEB-3", 1, &[("19XE", 1)])).await;
    house.until_fact(&later, "reserved", 1).await;
    let withheld = "SELECT count(*) FROM notifications.notices WHERE status = 'withheld'";
    house.until_at_least("the refunds and the new order are told to nobody", withheld, 4).await;
    assert_eq!(house.mails().await.len(), before, "not one mail more, whatever happens");
}

#[tokio::test]
async fn another_thing_in_the_parcel_is_for_a_person_and_a_suspicious_address_holds_its_orders() {
    let (house, mut trade) = open("case_wrong", &[("19XE", 5)]).await;
    let wrong = trade.parcel(order("WEB-1", 1, &[("19XE", 1)])).await;
    let vacant = trade.parcel(order("WEB-2", 2, &[("19XE", 1)])).await;
    trade.scan(&wrong, "21", 10).await;
    let question = house.question(&wrong.order, QUESTION).await;
    let elsewhere = reship(Some(address(7)));
    assert_eq!(trade.answer(&wrong, "ANSWER-1", &question.token, elsewhere).await, "done");
    house.until_case(&wrong.shipment, "awaiting").await;
    assert_eq!(trade.scan_in(&wrong, "wrong_item").await, "done");
    house.until_case(&wrong.shipment, "person").await;
    let refused = house.oms(&["cases", "resolve", &wrong.shipment, "reship", "--reason", "send it"]);
    assert_eq!((refused.code, refused.err.as_str()), (Some(1), "oms: what came back cannot be sent again\n"));
    house.until_fact(&wrong.order, "task_opened", 1).await;
    assert_eq!(house.tasks(&wrong.order), ["undelivered case_decision"]);
    house.oms_ok(&[
        "cases",
        "resolve",
        &wrong.shipment,
        "closed",
        "--reason",
        "it was somebody else's parcel",
    ]);
    house.until_fact(&wrong.order, "task_closed", 1).await;
    assert_eq!(house.stock("19XE"), Stock::of(3, 0, 2), "not ours, so on no shelf");

    let mut scan = vacant.scan("09", 10);
    scan["endorsement"] = json!("VAC");
    trade.carriers.send("carrier.scan.v1", scan).await;
    house.until_case(&vacant.shipment, "person").await;
    house.until_fact(&vacant.order, "address_flagged", 1).await;
    let flagged = "SELECT count(*) FROM intake.addresses WHERE state IS NOT NULL";
    house.until_at_least("intake knows the address", flagged, 1).await;
    trade.store.submitted(order("WEB-3", 2, &[("19XE", 1)]), "held").await;
    house.oms_ok(&["cases", "resolve", &vacant.shipment, "refund", "--reason", "nobody lives there"]);
    until_refunded(&house, &vacant, 1).await;
    assert_eq!(house.oms_json(&["tasks", "list"]), json!([]));
}

#[tokio::test]
async fn a_parcel_that_arrives_after_all_closes_its_case_and_one_that_comes_back_then_opens_it_again() {
    let (house, mut trade) = open("case_after_all", &[("19XE", 5)]).await;
    let parcel = trade.parcel(order("WEB-1", 1, &[("19XE", 1)])).await;
    trade.scan(&parcel, "22", 10).await;
    let question = house.question(&parcel.order, QUESTION).await;
    trade.scan(&parcel, "01", 20).await;
    house.until_case(&parcel.shipment, "closed").await;
    house.until_status(&parcel.order, "delivered").await;
    assert_eq!(trade.answer(&parcel, "ANSWER-1", &question.token, refund()).await, "already_resolved");
    assert_eq!(house.oms_json(&["orders", "show", &parcel.order])["cases"][0]["end"]["resolution"], "closed");

    trade.come_back(&parcel, 30).await;
    house.until_case(&parcel.shipment, "asked").await;
    let second = house.question(&parcel.order, REMINDER).await;
    assert!(house.oms_json(&["orders", "show", &parcel.order])["cases"][0]["end"].is_null(), "it goes on");
    assert_eq!(trade.answer(&parcel, "ANSWER-2", &second.code, refund()).await, "done");
    until_refunded(&house, &parcel, 1).await;
    once(&house, &parcel, &["case_opened", "refunded"]).await;
    house.until_fact(&parcel.order, "case_resolved", 2).await;
    let history = house.history(&parcel.order).join("\n");
    assert!(history.contains("goes on: the parcel came back after all"), "{history}");
}

#[tokio::test]
async fn a_customer_without_an_email_is_asked_by_letter_and_answers_with_a_code_that_can_be_typed() {
    let (house, mut trade) = open("case_letter", &[("19XE", 5)]).await;
    let mut mail_room = Client::open(&house, "mail-room").await;
    let mut call_centre = Client::open(&house, "call-centre").await;
    let mut letter = order("MAIL-1", 1, &[("19XE", 1)]);
    letter["channel"] = json!("mail");
    letter["contact"].as_object_mut().expect("a contact").remove("email");
    let number_text = mail_room.accepted(letter).await;
    let parcel = trade.pack(&number_text).await;
    trade.scan(&parcel, "23", 10).await;
    house.until_case(&parcel.shipment, "asked").await;
    let asked = format!(
        "SELECT count(*) FROM notifications.notices WHERE status = 'letter' AND kind = 'question' AND order_number = '{number_text}'"
    );
    house.until_count("the question is a letter", &asked, 1).await;

    let letters = house.oms_json(&["mail", "letters"]);
    let letters = letters.as_array().expect("letters");
    let question = letters
        .iter()
        .find(|letter| letter["subject"].as_str().is_some_and(|subject| subject.ends_with(QUESTION)));
    let text = question.expect("the question is printed")["text"].as_str().expect("a text").to_owned();
    let printed = house.oms_ok(&["mail", "letters"]);
    assert!(printed.contains(&text) && text.contains(&parcel.shipment) && !text.contains("&t="), "{text}");
    let code = text
        .split_once("Answer code: ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .expect("a code");
    let spoken = code.to_lowercase().replace('-', " ");
    let mut body =
        json!({ "reference": "CALL-1", "case": parcel.shipment, "token": spoken, "wish": "refund" });
    assert_eq!(outcome(&call_centre.ask("case.answer.v1", body.clone()).await), "done");
    body["reference"] = json!("CALL-2");
    assert_eq!(outcome(&call_centre.ask("case.answer.v1", body).await), "already_answered");
    trade.come_back(&parcel, 20).await;
    house.until_case(&parcel.shipment, "refund").await;
    until_refunded_silently(&house, &parcel, 1).await;
}

/// A house with all rooms, a mail sink, and these units on the shelf.
async fn open(test: &str, stock: &[(&str, u32)]) -> (TestHouse, Trade) {
    let products: Vec<Value> = stock.iter().map(|(item, _)| product(item)).collect();
    Trade::house(test, &[], &products, stock).await
}

/// Each of these facts of the parcel's order was told once.
async fn once(house: &TestHouse, parcel: &Parcel, kinds: &[&str]) {
    for kind in kinds {
        house.until_fact(&parcel.order, kind, 1).await;
    }
    let cases = format!(
        "SELECT count(*) FROM undelivered.cases WHERE order_number = '{}' AND class IS NOT NULL",
        parcel.order
    );
    assert_eq!(house.count(&cases).await, 1);
}

/// The gateway gave these units back, and the shipping of a release of which nothing arrived; the rooms say so once, and
/// the customer was told once.
async fn until_refunded(house: &TestHouse, parcel: &Parcel, units: i64) {
    until_refunded_silently(house, parcel, units).await;
    house.until_mailed(&parcel.order, REFUNDED, 1).await;
}

async fn until_refunded_silently(house: &TestHouse, parcel: &Parcel, units: i64) {
    house.until_fact(&parcel.order, "refunded", 1).await;
    let ledger = house.gateway_ledger().await;
    let releases = ledger["references"].as_object().expect("references").iter();
    let own = releases.filter(|(reference, _)| reference.starts_with(parcel.release()));
    let given: i64 = own.map(|(_, sums)| number(&sums["refunded"])).sum();
    assert_eq!(given, units * PRICE + SHIPPING, "of {}: {ledger}", parcel.release());
}
