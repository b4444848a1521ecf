//! The edge: who may read which address, and what is not let in.

use fulfillment::store::State;
use messages::order::DeliverySection;
use messages::outsiders::WAREHOUSE;
use messages::payment::PaymentAuthorized;
use messages::sealed::Section;
use messages::shipment::{ReleaseShorted, ShipmentDispatched, ShipmentRequested};
use messages::{Kind, Room};
use shell::worker::Route;

use crate::partners::*;

#[test]
fn the_warehouse_opens_its_label_and_nobody_else_does() {
    let mut stage = stage(0);
    let body = authorized(&stage, 1, (1, 0));
    let said = stage.tell(&body);
    let rooms: ShipmentRequested = said[0].body();
    assert_eq!(rooms.address, None, "rooms get no section");
    assert_eq!(said[1].to, Route::Out(WAREHOUSE.to_owned()));
    let request: ShipmentRequested = said[1].body();
    let label = request.address.clone().unwrap();
    let open = |ring: messages::sealed::Keyring| {
        ring.open::<DeliverySection>(Section::Delivery, request.order.as_str(), request.delivery, &label)
    };
    assert!(open(stage.ring.for_outsider(WAREHOUSE)).unwrap() == section());
    assert!(open(stage.ring.for_room(Room::Notifications, &[])).is_err());
    assert_eq!(ShipmentRequested { address: None, ..request }, rooms);
}

#[test]
fn no_message_holds_clear_text_or_a_price() {
    let mut stage = stage(0);
    let mut body = authorized(&stage, 1, (2, 1));
    body.release.gift = true;
    let mut said = stage.tell(&body);
    said.extend(stage.command(WAREHOUSE, &short(1, (1, 0))));
    said.extend(stage.command(WAREHOUSE, &packed(1, (1, 1))));
    for message in &said {
        let text = message.event.data.get();
        for hidden in ["Pat", "Example", "Independence", "19106", "price", "amount", "6595"] {
            assert!(!text.contains(hidden), "{} holds {hidden}", message.kind.name());
        }
    }
    let gifts = said.iter().filter(|message| message.event.data.get().contains(r#""gift":true"#));
    assert_eq!(gifts.count(), 3, "both requests and the fact of dispatch");
}

#[test]
fn the_address_leaves_the_row_with_its_last_step() {
    let kept = |commands: &[Pieces], missing: &[Pieces]| {
        let mut stage = stage(0);
        let body = authorized(&stage, 1, (2, 1));
        stage.tell(&body);
        for pieces in missing {
            stage.command(WAREHOUSE, &short(1, *pieces));
        }
        for pieces in commands {
            stage.command(WAREHOUSE, &packed(1, *pieces));
        }
        serde_json::to_string(&state(&stage, 1)).unwrap().contains("oms1.")
    };
    assert!(kept(&[], &[]));
    assert!(kept(&[], &[(1, 0)]));
    assert!(!kept(&[(2, 1)], &[]));
    assert!(!kept(&[(1, 1)], &[(1, 0)]));
    assert!(!kept(&[], &[(2, 1)]));
}

#[test]
fn what_is_missing_goes_on_with_the_address_for_the_release_that_is_made_again() {
    let mut stage = stage(0);
    let body = authorized(&stage, 1, (2, 1));
    stage.tell(&body);
    let said = stage.command(WAREHOUSE, &packed(1, (1, 0)));
    let shorted: ReleaseShorted = said[0].body();
    assert_eq!((pieces(&shorted.missing), &shorted.address), ((1, 1), &body.address));
    let dispatched: ShipmentDispatched = said[1].body();
    assert_eq!(pieces(&dispatched.lines), (1, 0));
}

#[test]
fn each_report_of_a_shipment_tells_all_that_is_missing_of_it() {
    let after_one = || {
        let mut stage = stage(0);
        let body = authorized(&stage, 1, (2, 1));
        stage.tell(&body);
        stage.command(WAREHOUSE, &short(1, (1, 0)));
        stage
    };
    let by_parcel: ReleaseShorted = after_one().command(WAREHOUSE, &packed(1, (1, 0)))[0].body();
    assert_eq!(pieces(&by_parcel.missing), (1, 1));
    let by_report: ReleaseShorted = after_one().command(WAREHOUSE, &short(1, (2, 1)))[0].body();
    assert_eq!(pieces(&by_report.missing), (2, 1));
}

#[test]
fn an_authorization_that_could_not_be_shipped_is_parked_alone() {
    let mut stage = stage(0);
    let good = authorized(&stage, 1, (1, 0));
    let foreign = stage.ring.seal(Section::Delivery, "another order", 1, &section(), stage.now().0).unwrap();
    let no_section = stage
        .ring
        .seal(Section::Delivery, good.release.order.as_str(), 1, &"no section", stage.now().0)
        .unwrap();
    let mut empty = good.clone();
    empty.release.lines.clear();
    for bad in [
        PaymentAuthorized { address: foreign, ..good.clone() },
        PaymentAuthorized { address: no_section, ..good.clone() },
        empty,
    ] {
        assert!(stage.tell(&bad).is_empty());
        assert_eq!(state(&stage, 1), State::New);
    }
    assert_eq!(stage.tell(&good)[0].kind, Kind::ShipmentRequested);
}

#[test]
fn a_row_reads_back_as_it_is_written() {
    for (missing, packed_pieces) in [
        (None, None),
        (Some((1, 0)), None),
        (Some((2, 1)), None),
        (None, Some((2, 1))),
        (Some((1, 0)), Some((1, 1))),
    ] {
        let mut stage = stage(0);
        let body = authorized(&stage, 1, (2, 1));
        stage.tell(&body);
        if let Some(missing) = missing {
            stage.command(WAREHOUSE, &short(1, missing));
        }
        if let Some(pieces) = packed_pieces {
            stage.command(WAREHOUSE, &packed(1, pieces));
        }
        let row = state(&stage, 1);
        let text = serde_json::to_value(&row).unwrap();
        assert_eq!(text["status"], status(&row), "the database derives its status from here");
        assert_eq!(serde_json::from_value::<State>(text).unwrap(), row);
    }
}
