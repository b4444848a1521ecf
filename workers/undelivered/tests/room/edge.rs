//! The edge: who may read which address, what is kept sealed and how long, and what is not let in.

use messages::Room;
use messages::case::{CaseAnswer, CaseResolved, CaseWish};
use messages::order::{DeliverySection, OrderAccepted};
use messages::sealed::Section;
use messages::{Body, samples};
use undelivered::store::State;

use crate::partners::*;

#[test]
fn a_reship_has_the_old_recipient_at_the_corrected_address() {
    let mut stage = dispatched_stage();
    for step in [no_such_number as Step, come_back] {
        step(&mut stage);
    }
    let said = want_reship(&mut stage);
    let resolved: CaseResolved = said[2].body();
    assert!(!said[2].event.data.get().contains("correction"), "the correction does not leave by itself");
    let section = resolved.address.unwrap();
    let open = |room| {
        let ring = stage.ring.for_room(room, &[]);
        ring.open::<DeliverySection>(Section::Delivery, resolved.order.as_str(), resolved.delivery, &section)
    };
    let opened = open(Room::Fulfillment).unwrap();
    assert!(opened.recipient == section_before().recipient && opened.phone == section_before().phone);
    assert_eq!((opened.address.line1(), opened.address.city()), ("7 Corrected Ave", "Denver"));
    assert!(open(Room::Payment).is_err() && open(Room::Notifications).is_err());
}

#[test]
fn without_a_correction_the_section_goes_as_it_is() {
    let mut stage = stage();
    let body = accepted(&stage);
    stage.tell(&body);
    dispatch(&mut stage);
    come_back(&mut stage);
    let asked = answer(&stage, 1, CaseWish::Reship, None);
    let resolved: CaseResolved = stage.command("web-store", &asked)[2].body();
    assert_eq!(resolved.address.as_ref(), Some(&body.deliveries[0].section));
}

fn section_before() -> DeliverySection {
    section()
}

#[test]
fn a_correction_stays_only_until_the_case_ends() {
    for (end, expected) in
        [(come_back as Step, "reship"), (deliver, "closed"), (a_month, "refund"), (deceased, "person")]
    {
        let mut stage = dispatched_stage();
        no_such_number(&mut stage);
        want_reship(&mut stage);
        assert!(has_section(&stage), "kept while it waits");
        end(&mut stage);
        assert_eq!(standing(&stage, 1), expected);
        assert!(!has_section(&stage), "{expected}");
    }
}

fn has_section(stage: &shell::stage::Stage<undelivered::Undelivered>) -> bool {
    serde_json::to_string(&case(stage, 1).unwrap()).unwrap().contains("oms1.")
}

#[test]
fn nothing_in_rows_or_messages_is_in_clear() {
    let mut stage = dispatched_stage();
    let mut said = no_such_number(&mut stage);
    said.extend(want_reship(&mut stage));
    let rows = stage.rows();
    said.extend(come_back(&mut stage));
    let mut texts: Vec<String> = said.iter().map(|said| said.event.data.get().to_owned()).collect();
    texts.extend(rows.values().chain(stage.rows().values()).map(|row| serde_json::to_string(row).unwrap()));
    let token = stage.ring.token("case", parcel(1).as_str(), 1).unwrap();
    for text in texts {
        for hidden in ["Pat", "Example", "Independence", "Corrected", "80204", "Denver", token.as_str()] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}

#[test]
fn an_order_whose_section_would_not_open_is_parked_alone() {
    let mut stage = stage();
    let good = accepted(&stage);
    let mut foreign = good.clone();
    foreign.deliveries[0].section =
        stage.ring.seal(Section::Delivery, "another order", 1, &section(), stage.now().0).unwrap();
    let mut no_section = good.clone();
    no_section.deliveries[0].section = stage
        .ring
        .seal(Section::Delivery, good.order.as_str(), good.deliveries[0].number, &"no section", stage.now().0)
        .unwrap();
    for bad in [foreign, no_section] {
        assert!(stage.tell(&bad).is_empty());
        assert_eq!(order_row(&stage), None);
    }
    stage.tell(&good);
    assert!(matches!(order_row(&stage), Some(undelivered::case::OrderState::Accepted { .. })));
}

#[test]
fn a_card_number_in_an_answer_is_refused() {
    let mut stage = dispatched_stage();
    no_such_number(&mut stage);
    let mut body = answer(&stage, 1, CaseWish::Reship, Some(new_address()));
    body.address.as_mut().unwrap().line2 = Some("4111 1111 1111 1111".to_owned());
    let said = stage.command("web-store", &body);
    assert_eq!(words(&said), ["web-store: refused unreadable"]);
    assert_eq!(standing(&stage, 1), "asked");
}

#[test]
fn rows_read_back_as_they_are_written_and_name_their_status() {
    let scenes: &[(&[Step], &str)] = &[
        (&[], "quiet"),
        (&[no_such_number], "asked"),
        (&[no_such_number, want_reship], "awaiting"),
        (&[deceased], "person"),
        (&[no_such_number, want_reship, come_back, scan_in], "reship"),
        (&[no_such_number, staff_refund], "refund"),
    ];
    for (steps, expected) in scenes {
        let mut stage = dispatched_stage();
        steps.iter().for_each(|step| drop(step(&mut stage)));
        for row in stage.rows().values() {
            let text = serde_json::to_value(row).unwrap();
            assert_eq!(&serde_json::from_value::<State>(text.clone()).unwrap(), row);
            let Some(case) = text.get("case") else { continue };
            // The columns that the database derives.
            let told = [&case["resolution"], &case["step"]["name"], &case["status"]];
            let told = told.into_iter().find_map(|value| value.as_str()).unwrap();
            assert_eq!(told, *expected);
            assert_eq!(case["status"] == "quiet", case["file"]["class"].is_null());
        }
    }
}

#[test]
fn the_samples_of_every_kind_are_read() {
    let mut stage = stage();
    let order = OrderAccepted::sample().order;
    assert_eq!(order, CaseAnswer::sample().case.order(), "the samples are about one order");
    assert_eq!(section().address, samples::postal_address());
    for said in [
        stage.command("web-store", &CaseAnswer::sample()),
        stage.command("operator", &messages::case::CaseNote::sample()),
        stage.command("operator", &messages::case::CaseResolve::sample()),
        stage.command("warehouse", &messages::case::CaseReceive::sample()),
    ] {
        assert_eq!(said.len(), 1, "every command is answered");
    }
}
