//! What is known, what comes, and what is said of it.

use messages::shipment::{CarrierScan, ParcelStatus};
use messages::tracking_number::Carrier;
use shell::stage::Stage;
use tracking::Tracking;
use tracking::store::State;

use crate::partners::*;

/// Codes with their hours.
type Seen = &'static [(&'static str, i64)];
type Words = &'static [&'static str];

#[test]
fn each_scan_says_what_is_new_and_nothing_else() {
    #[rustfmt::skip]
    let table: &[(Seen, (&str, i64), Words)] = &[
        (&[], ("MA", 1), &["label_created at 1"]),
        (&[], ("03", 1), &["in_transit at 1"]),
        (&[("03", 1)], ("03", 1), &[]),
        (&[("03", 1)], ("10", 2), &[]),
        (&[("10", 2)], ("03", 1), &[]),
        (&[("10", 2)], ("OF", 3), &["out_for_delivery at 3"]),
        (&[("OF", 3)], ("10", 2), &[]),
        (&[("OF", 3)], ("02", 4), &["attempted at 4"]),
        (&[("02", 4)], ("14", 5), &["pickup_ready at 5"]),
        (&[("14", 5)], ("01", 6), &["delivered at 6"]),
        (&[], ("01", 6), &["delivered at 6"]),
        (&[("01", 6)], ("01", 6), &[]),
        (&[("01", 6)], ("01", 7), &[]),
        (&[("01", 6)], ("10", 8), &[]),
        (&[("01", 6)], ("22", 8), &[]),
        (&[("01", 6)], ("09", 8), &[]),
        (&[("01", 6), ("09", 8)], ("01", 9), &["returned at 9 by 09"]),
        (&[("22", 6), ("09", 8)], ("01", 9), &["returned at 9 by 22"]),
        (&[("01", 6)], ("09", 5), &["returned at 6 by 09"]),
        (&[("03", 1)], ("22", 2), &["undeliverable at 2 by 22", "exception at 2"]),
        (&[("03", 1)], ("11", 2), &["undeliverable at 2 by 11", "exception at 2"]),
        (&[("22", 2)], ("05", 3), &["undeliverable at 3 by 05"]),
        (&[("22", 2)], ("22", 3), &[]),
        (&[("22", 2)], ("06", 3), &["in_transit at 3"]),
        (&[("22", 2), ("06", 3)], ("25", 4), &["undeliverable at 4 by 25", "exception at 4"]),
        (&[("10", 3)], ("22", 2), &["undeliverable at 2 by 22"]),
        (&[("22", 2)], ("01", 3), &["delivered at 3"]),
        (&[("22", 2)], ("09", 3), &["returning at 3"]),
        (&[("09", 3)], ("10", 4), &[]),
        (&[("09", 3)], ("27", 2), &["undeliverable at 2 by 27"]),
        (&[("09", 3)], ("01", 5), &["returned at 5 by 09"]),
        (&[("09", 3), ("01", 5)], ("01", 2), &[]),
        (&[("09", 3), ("01", 5)], ("27", 2), &["undeliverable at 2 by 27"]),
        (&[("27", 2), ("09", 3), ("01", 5)], ("22", 1), &["undeliverable at 1 by 22"]),
        (&[("27", 2), ("09", 3), ("01", 5)], ("27", 1), &[]),
    ];
    for (row, (before, (code, hours), said)) in table.iter().enumerate() {
        let mut stage = Stage::new(Tracking::default());
        stage.tell(&dispatched(1));
        for (code, hours) in *before {
            stage.command(CARRIERS, &coded(code, *hours));
        }
        let words = words(&stage.command(CARRIERS, &coded(code, *hours)));
        assert_eq!(words, *said, "row {row}: {before:?}, then {code} at {hours}");
    }
}

#[test]
fn a_status_may_come_already_mapped_with_or_without_a_code() {
    let to_sender = CarrierScan { to_sender: true, ..coded("01", 3) };
    let foreign = CarrierScan { code: Some("unclaimed".to_owned()), ..mapped(ParcelStatus::Returning, 3) };
    let mapped_27 = CarrierScan { code: Some("27".to_owned()), ..mapped(ParcelStatus::Exception, 3) };
    let endorsed = |code: &str| CarrierScan { endorsement: Some(" nsn ".to_owned()), ..coded(code, 3) };
    let damaged = CarrierScan { code: Some("damaged".to_owned()), ..mapped(ParcelStatus::Exception, 3) };
    let lower_case = coded(" of ", 3);
    for (scan, said) in [
        (mapped(ParcelStatus::OutForDelivery, 3), vec!["out_for_delivery at 3"]),
        (mapped(ParcelStatus::Exception, 3), vec!["exception at 3"]),
        (mapped(ParcelStatus::Returned, 3), vec!["returned at 3 by no code"]),
        (to_sender, vec!["returned at 3 by 01"]),
        (foreign, vec!["returning at 3"]),
        (mapped_27, vec!["undeliverable at 3 by 27", "exception at 3"]),
        (endorsed("22"), vec!["undeliverable at 3 by 22 NSN", "exception at 3"]),
        (endorsed("09"), vec!["undeliverable at 3 by 09 NSN", "returning at 3"]),
        (endorsed("10"), vec!["in_transit at 3"]),
        (damaged, vec!["undeliverable at 3 by DAMAGED", "exception at 3"]),
        (lower_case, vec!["out_for_delivery at 3"]),
    ] {
        let mut stage = Stage::new(Tracking::default());
        stage.tell(&dispatched(1));
        assert_eq!(words(&stage.command(CARRIERS, &scan)), said, "{scan:?}");
    }
}

/// A deceased customer must not be asked anything, and that may be learned from the parcel alone.
#[test]
fn the_reason_on_a_parcel_that_is_back_goes_with_its_return_or_is_told_after_it() {
    let endorsed = |scan: CarrierScan| CarrierScan { endorsement: Some("DEC".to_owned()), ..scan };
    let to_sender = |hours| CarrierScan { to_sender: true, ..coded("01", hours) };
    let returned = |hours| mapped(ParcelStatus::Returned, hours);
    let cases: [(Vec<CarrierScan>, CarrierScan, Words); 6] = [
        (vec![], endorsed(to_sender(5)), &["returned at 5 by 01 DEC"]),
        (vec![coded("09", 3)], endorsed(to_sender(5)), &["returned at 5 by 01 DEC"]),
        (vec![coded("09", 3)], endorsed(returned(5)), &["returned at 5 by no code DEC"]),
        (vec![to_sender(5)], endorsed(to_sender(6)), &["undeliverable at 6 by 01 DEC"]),
        (vec![returned(5)], endorsed(returned(5)), &["undeliverable at 5 by no code DEC"]),
        (
            vec![coded("22", 2), coded("09", 3)],
            endorsed(to_sender(5)),
            &["undeliverable at 5 by 01 DEC", "returned at 5 by 22"],
        ),
    ];
    for (before, scan, said) in cases {
        let mut stage = Stage::new(Tracking::default());
        stage.tell(&dispatched(1));
        for scan in &before {
            stage.command(CARRIERS, scan);
        }
        assert_eq!(words(&stage.command(CARRIERS, &scan)), said, "{before:?}, then {scan:?}");
    }
}

#[test]
fn what_says_nothing_is_refused_and_leaves_no_row() {
    let no_code = CarrierScan { code: None, ..coded("01", 1) };
    let of_ups = CarrierScan { carrier: Carrier::Ups, ..coded("D", 1) };
    let prose = coded("left with Pat at the door", 1);
    let endorsed = CarrierScan { endorsement: Some("moved to Pat".to_owned()), ..coded("22", 1) };
    for (scan, said) in [
        (coded("ZZ", 1), vec!["refused unknown_code"]),
        (coded("D", 1), vec!["refused unknown_code"]),
        (coded("", 1), vec!["refused unknown_code"]),
        (no_code, vec!["refused unknown_code"]),
        (of_ups, vec!["refused tracking_number_not_of_carrier"]),
        (by_ups("01", 1), vec!["refused unknown_code"]),
        (by_ups("D", 1), vec![]),
        (prose, vec!["refused unreadable"]),
        (endorsed, vec!["refused unreadable"]),
    ] {
        let mut stage = Stage::new(Tracking::default());
        let heard = stage.command(CARRIERS, &scan);
        assert_eq!(words(&heard), said, "{scan:?}");
        assert_eq!(stage.rows().is_empty(), !said.is_empty(), "{scan:?}");
        assert!(heard.iter().all(|message| !message.event.data.get().contains("Pat")));
    }
}

/// It would outrank all that come until then.
#[test]
fn a_scan_from_the_future_is_refused_and_hides_none() {
    let mut stage = Stage::new(Tracking::default());
    stage.tell(&dispatched(1));
    assert_eq!(words(&stage.command(CARRIERS, &coded("03", 25))), ["refused bad_scanned_at"]);
    assert_eq!(words(&stage.command(CARRIERS, &coded("03", 1))), ["in_transit at 1"]);
    assert_eq!(words(&stage.command(CARRIERS, &coded("OF", 24))), ["out_for_delivery at 24"]);
}

#[test]
fn scans_before_their_shipment_are_told_when_it_comes() {
    let cases: [(Seen, Words); 6] = [
        (&[], &[]),
        (&[("03", 1), ("OF", 2)], &["out_for_delivery at 2"]),
        (&[("03", 1), ("22", 2), ("10", 3)], &["undeliverable at 2 by 22", "in_transit at 3"]),
        (&[("22", 2), ("01", 3)], &["delivered at 3"]),
        (&[("01", 1), ("09", 2)], &["delivered at 1"]),
        (&[("22", 2), ("09", 3), ("01", 4)], &["returned at 4 by 22"]),
    ];
    for (scans, said) in cases {
        let mut stage = Stage::new(Tracking::default());
        for (code, hours) in scans {
            assert!(stage.command(CARRIERS, &coded(code, *hours)).is_empty(), "nobody to tell yet");
        }
        assert_eq!(words(&stage.tell(&dispatched(1))), said, "{scans:?}");
        assert!(stage.tell(&dispatched(1)).is_empty(), "said again");
    }
}

#[test]
fn every_shipment_in_a_box_hears_of_it() {
    let mut stage = Stage::new(Tracking::default());
    stage.tell(&dispatched(1));
    stage.command(CARRIERS, &coded("OF", 1));
    assert_eq!(words(&stage.tell(&dispatched(2))), ["out_for_delivery at 1"]);
    assert_eq!(words(&stage.command(CARRIERS, &coded("01", 2))), ["delivered at 2", "delivered at 2"]);
}

#[test]
fn a_row_reads_back_as_it_is_written() {
    let mut stage = Stage::new(Tracking::default());
    stage.tell(&dispatched(1));
    for (code, hours) in [("MA", 0), ("03", 1), ("22", 2), ("01", 3), ("09", 4), ("01", 5)] {
        stage.command(CARRIERS, &coded(code, hours));
        let text = serde_json::to_value(row(&stage)).unwrap();
        let status = row(&stage).status().map(ParcelStatus::name);
        assert_eq!(text["status"].as_str(), status, "the database derives its status from here");
        assert_eq!(text["shipments"][0].as_str(), Some(dispatched(1).shipment.as_str()));
        assert_eq!(serde_json::from_value::<State>(text).unwrap(), row(&stage));
    }
    let text = serde_json::to_string(&row(&stage)).unwrap();
    assert!(text.len() < 700, "a row stays small: {} bytes", text.len());
}
