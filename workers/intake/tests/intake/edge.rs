//! The edge: what is refused by name before any decision, and that nothing personal gets past it.

use intake::Intake;
use messages::answer::{CommandAnswered, Outcome};
use messages::order::{
    ContactSection, DeliverySection, HoldRelease, OrderAccepted, OrderRefused, OrderSubmit, PaymentSection,
};
use messages::sealed::Section;
use messages::{Body, topology};
use serde_json::{Value, json};
use shell::stage::{Said, Stage};

use crate::support::*;

#[test]
fn faults_of_a_message_are_refused_by_name() {
    let line = |change: &[(&str, Value)]| {
        let mut line = sample()["lines"][0].clone();
        change.iter().for_each(|(name, value)| line[*name] = value.clone());
        line
    };
    let delivery = || sample()["deliveries"][0].clone();
    for (path, value, code) in [
        ("/customer", json!("pat@example.com"), "bad_customer"),
        ("/customer", json!(""), "bad_customer"),
        ("/contact/name", json!(" "), "bad_name"),
        ("/contact/email", json!("pat"), "bad_email"),
        ("/billing/postal_code", json!("1910"), "bad_address"),
        ("/payment/token", json!("tok 1"), "bad_payment"),
        ("/payment/last_four", json!("424"), "bad_payment"),
        ("/payment/expiry", json!("08/27"), "bad_payment"),
        ("/payment/fingerprint", json!(""), "bad_payment"),
        ("/deliveries", json!([]), "bad_deliveries"),
        ("/deliveries", json!(vec![delivery(); 21]), "bad_deliveries"),
        ("/deliveries", json!(vec![delivery(); 2]), "unused_delivery"),
        ("/deliveries/0/recipient", json!("123"), "bad_name"),
        ("/deliveries/0/address/state", json!("ZZ"), "bad_address"),
        ("/deliveries/0/phone", json!("12"), "bad_phone"),
        ("/deliveries/0/gift_message", json!("x".repeat(201)), "bad_gift_message"),
        ("/lines", json!([]), "bad_lines"),
        ("/lines", json!(vec![line(&[]); 101]), "bad_lines"),
        ("/lines/0/item", json!("19_XE"), "bad_item"),
        ("/lines/0/quantity", json!(0), "bad_quantity"),
        ("/lines/0/quantity", json!(100_001), "bad_quantity"),
        ("/lines/0/unit_price", json!(-1), "bad_amount"),
        ("/lines/0/delivery", json!(0), "bad_delivery"),
        ("/lines/0/delivery", json!(2), "bad_delivery"),
        ("/shipping", json!(-495), "bad_amount"),
        ("/total", json!(-1), "bad_amount"),
        ("/total", json!(7091), "total_does_not_add_up"),
        ("/lines/0/unit_price", json!(9_007_199_254_740_991_i64), "total_does_not_add_up"),
        ("/currency", json!("JPY"), "bad_currency"),
    ] {
        let mut body = sample();
        let (parent, name) = path.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        let (said, _) = submit(&body);
        assert_eq!(told(&said), ["order.refused.v1"], "{path} {code}");
        let refused: OrderRefused = find(&said);
        assert_eq!((refused.code.as_str(), refused.reference.as_str()), (code, REFERENCE), "{path}");
        assert_eq!(answered(&said), Some((Outcome::Refused, Some(code.to_owned()))), "{path}");
    }
}

#[test]
fn a_sum_beyond_every_amount_is_refused() {
    let mut body = sample();
    body["lines"][0]["unit_price"] = json!(9_000_000_000_000_000_i64);
    body["lines"][0]["quantity"] = json!(100_000);
    assert_eq!(
        find::<OrderRefused>(&submit(&body).0).text,
        "the lines and the shipping charge come to more than an amount can be"
    );
}

#[test]
fn card_data_is_refused_in_any_field_and_leaves_no_trace() {
    for (path, name, value) in [
        ("/contact", "name", json!("Pat 4111 1111 1111 1111")),
        ("/deliveries/0", "gift_message", json!("4111-1111-1111-1111")),
        ("/payment", "token", json!("4111111111111111")),
        ("/payment", "cvv", json!("123")),
        ("", "card_number", json!("none")),
        ("", "note", json!({"deep": [4_111_111_111_111_111_u64]})),
        ("", "customer", json!("4111111111111111")),
        ("", "agent", json!("4111111111111111")),
    ] {
        let mut body = sample();
        body.pointer_mut(path).unwrap()[name] = value;
        let (said, stage) = submit(&body);
        let refused: OrderRefused = find(&said);
        assert_eq!(refused.code, "card_number_in_clear", "{path}/{name}");
        let traces = traces(&stage, &said).replace(['-', ' '], "");
        assert!(!traces.contains("41111111"), "{path}/{name}");
    }
}

#[test]
fn a_phone_number_that_looks_like_a_card_is_a_phone_number() {
    let looks_alike = (0..10)
        .map(|digit| format!("491512345678{digit}"))
        .find(|digits| messages::card::find_card_number(digits).is_some())
        .unwrap();
    let mut body = sample();
    body["deliveries"][0]["phone"] = json!(format!("+{looks_alike}"));
    assert_eq!(told(&submit(&body).0), ["order.accepted.v1"]);
}

#[test]
fn a_card_number_as_reference_is_parked_and_not_repeated() {
    let mut body = sample();
    body["reference"] = json!("4111111111111111");
    let (said, stage) = submit(&body);
    let answer: CommandAnswered = find(&said);
    assert_eq!((answer.code.as_deref(), answer.reference.as_deref()), (Some("unreadable"), None));
    assert!(!traces(&stage, &said).contains("41111111"));
}

#[test]
fn a_body_of_another_form_is_parked_and_answered_under_its_reference() {
    let mut body = sample();
    body["lines"][0]["quantity"] = json!("two");
    let (said, stage) = submit(&body);
    assert_eq!(told(&said), [""; 0]);
    let answer: CommandAnswered = find(&said);
    assert_eq!((answer.code.as_deref(), answer.reference.as_deref()), (Some("unreadable"), Some(REFERENCE)));
    assert_eq!(status(&stage, REFERENCE), "unseen");
}

#[test]
fn a_hold_ends_only_with_a_reason_and_without_card_data() {
    for (reason, code) in [
        ("", Some("bad_reason")),
        (" ", Some("bad_reason")),
        (&*"x".repeat(501), Some("bad_reason")),
        ("pays with 4111 1111 1111 1111", Some("card_number_in_clear")),
        ("called the customer", None),
    ] {
        let mut stage = stage();
        stage.command(STORE, &order_of(REFERENCE, 11));
        let order = number(&stage, REFERENCE);
        let said = stage.command(OPERATOR, &HoldRelease { reason: reason.to_owned(), ..release(&order) });
        assert_eq!(answered(&said).unwrap().1.as_deref(), code, "{reason}");
        assert_eq!(status(&stage, REFERENCE), if code.is_some() { "held" } else { "accepted" });
    }
}

#[test]
fn sections_open_for_their_order_and_nothing_personal_is_in_clear() {
    for units in [1, 11] {
        let mut body = order_of(REFERENCE, units);
        body.deliveries.push(body.deliveries[0].clone());
        body.deliveries[1].gift_message = Some("Enjoy it".to_owned());
        body.lines.push(body.lines[0].clone());
        body.lines[1].delivery = 2;
        body.total += i64::from(units) * 6595;
        let mut stage = stage();
        let mut said = stage.command(STORE, &body);
        if units > 10 {
            let order = number(&stage, REFERENCE);
            said.extend(stage.command(OPERATOR, &release(&order)));
        }
        let folder: OrderAccepted = find(&said);
        let subject = folder.order.as_str();
        let contact: ContactSection = stage.ring.open(Section::Contact, subject, 0, &folder.contact).unwrap();
        assert_eq!(contact.email.unwrap().as_str(), "pat@example.com");
        let payment: PaymentSection = stage.ring.open(Section::Payment, subject, 0, &folder.payment).unwrap();
        assert_eq!(payment.token.as_str(), "tok_ok_100001");
        let second: DeliverySection =
            stage.ring.open(Section::Delivery, subject, 2, &folder.deliveries[1].section).unwrap();
        assert_eq!(second.gift_message.unwrap().as_str(), "Enjoy it");
        let traces = traces(&stage, &said);
        for personal in ["Pat", "example.com", "Independence", "19106", "2155550123", "tok_", "fpr_", "Enjoy"]
        {
            assert!(!traces.contains(personal), "{personal}");
        }
    }
}

#[test]
fn one_household_has_one_fingerprint_in_every_order() {
    let mut stage = stage();
    let one: OrderAccepted = find(&stage.command(STORE, &order_of("A", 1)));
    let mut other_words = order_of("B", 1);
    other_words.contact.email = Some("PAT@Example.com".to_owned());
    other_words.deliveries[0].address.line1 = "151 n independence mall e".to_owned();
    let two: OrderAccepted = find(&stage.command("call-centre", &other_words));
    assert_eq!(one.deliveries[0].address, two.deliveries[0].address);
    assert_eq!((&one.card, &one.account), (&two.card, &two.account));
    assert_eq!(one.email, two.email);
    let mut guest = order_of("C", 1);
    guest.contact.email = None;
    guest.customer = None;
    guest.payment.fingerprint = "fpr_other".to_owned();
    let three: OrderAccepted = find(&stage.command(STORE, &guest));
    assert_eq!((three.account, three.email), (None, None));
    assert_ne!(three.card, one.card);
}

#[test]
fn the_same_fields_in_another_order_are_the_same_content() {
    let mut stage = stage();
    let first = event_with(&mut stage, &sample());
    stage.command_event(STORE, &first);
    let Value::Object(fields) = sample() else { panic!("a body is an object") };
    let turned: Vec<String> =
        fields.iter().rev().map(|(name, value)| format!("{name:?} : {value:#}")).collect();
    let mut second = event_with(&mut stage, &sample());
    second.data = serde_json::value::RawValue::from_string(format!("{{ {} }}", turned.join(" , "))).unwrap();
    assert_eq!(answered(&stage.command_event(STORE, &second)), Some((Outcome::Repeated, None)));
}

#[test]
fn a_room_cannot_submit_and_an_outsider_cannot_define() {
    let mut stage = bare_stage();
    let order = stage.event(&OrderSubmit::sample());
    assert!(stage.tell_event(&order).is_empty());
    let product = stage.event(&messages::product::ProductDefined::sample());
    let (content_type, bytes) = messages::envelope::encode(std::slice::from_ref(&product));
    stage.arrive_bytes(topology::IN, &product.kind, Some(STORE), Some(content_type), &bytes);
    assert!(stage.rows().is_empty());
}

fn sample() -> Value {
    serde_json::to_value(order_of(REFERENCE, 1)).unwrap()
}

fn submit(body: &Value) -> (Vec<Said>, Stage<Intake>) {
    let mut stage = stage();
    let event = event_with(&mut stage, body);
    (stage.command_event(STORE, &event), stage)
}

#[test]
fn two_senders_may_use_one_event_id_and_both_orders_go_on_under_ids_of_their_own() {
    let mut stage = stage();
    let event = stage.event(&order_of(REFERENCE, 1));
    let ids: Vec<String> = ["web-store", "call-centre"]
        .into_iter()
        .map(|sender| {
            let mut event = event.clone();
            event.source = format!("/{sender}");
            let said = stage.command_event(sender, &event);
            let accepted =
                said.iter().find(|said| said.kind == messages::Kind::OrderAccepted).expect("accepted");
            accepted.event.id.clone()
        })
        .collect();
    assert_ne!(ids[0], ids[1], "the second would be taken for a repeat of the first");
}

#[test]
fn an_event_of_another_decade_is_parked_and_answered_though_the_inbox_has_no_place_for_it() {
    let mut stage = stage();
    let mut event = stage.event(&order_of(REFERENCE, 1));
    event.time = time::macros::datetime!(2019-11-14 17:00 UTC);
    let said = stage.command_event(STORE, &event);
    let answer: CommandAnswered = find(&said);
    assert_eq!((answer.outcome, answer.code.as_deref()), (Outcome::Refused, Some("bad_time")));
}
