//! What the carriers say of parcels, without a broker.

use std::collections::HashSet;

use messages::envelope::read_body;
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::order::Method;

use super::*;
use crate::warehouse::label;

const CALM: Rounds =
    Rounds { step: Duration::from_millis(10), late_permille: 0, double_permille: 0, trouble_permille: 0 };

#[test]
fn a_parcel_is_scanned_in_order_until_it_is_delivered() {
    for bits in 0..300 {
        let scans = plan(&parcel(bits), Fate::Arrives, CALM);
        let bodies: Vec<CarrierScan> =
            scans.iter().map(|scan| read_body(&scan.event.data).unwrap()).collect();
        assert!((4..=6).contains(&bodies.len()));
        assert!(bodies.windows(2).all(|two| two[0].scanned_at < two[1].scanned_at));
        let ends: Vec<Option<End>> = scans.iter().map(|scan| scan.end.clone()).collect();
        assert_eq!(ends.last(), Some(&Some(End::Delivered)));
        assert_eq!(ends.iter().flatten().count(), 1);
        let last = bodies.last().unwrap();
        assert!(matches!(last.code.as_deref(), Some("01" | "D")) && !last.to_sender);
    }
}

#[test]
fn a_disturbed_parcel_says_the_same_late_twice_and_out_of_order() {
    let rounds = Rounds { late_permille: 1000, double_permille: 1000, ..CALM };
    let (mut out_of_order, mut resent, mut repeated) = (0, 0, 0);
    for bits in 0..300 {
        let calm: HashSet<String> = said_by(&plan(&parcel(bits), Fate::Arrives, CALM));
        let scans = plan(&parcel(bits), Fate::Arrives, rounds);
        let ids: HashSet<&str> = scans.iter().map(|scan| &*scan.event.id).collect();
        if ids.len() < scans.len() {
            resent += 1
        } else {
            repeated += 1
        }
        let times: Vec<_> =
            scans.iter().map(|scan| read_body::<CarrierScan>(&scan.event.data).unwrap().scanned_at).collect();
        out_of_order += u32::from(!times.is_sorted());
        assert_eq!(said_by(&scans), calm, "nothing is lost and nothing is new");
        assert_eq!(scans.iter().filter(|scan| scan.end == Some(End::Delivered)).count(), 1);
        assert!(scans.last().unwrap().end.is_some(), "the parcel counts when all of it is said");
    }
    assert!(out_of_order > 200 && resent > 50 && repeated > 50, "{out_of_order} {resent} {repeated}");
}

#[test]
fn a_parcel_in_trouble_ends_as_its_fate_says() {
    for (bits, fate) in Fate::TROUBLES.into_iter().enumerate() {
        let parcel = parcel(bits as u64);
        let scans = plan(&parcel, fate, CALM);
        let bodies: Vec<CarrierScan> =
            scans.iter().map(|scan| read_body(&scan.event.data).unwrap()).collect();
        let last = bodies.last().unwrap();
        match scans.last().unwrap().end.clone().unwrap() {
            End::Delivered => assert!(fate == Fate::FoundAfterAll && !last.to_sender),
            End::Vanished => assert!(fate == Fate::DeadMail && !last.to_sender),
            End::Returned(returned) => {
                assert!(last.to_sender, "{fate:?}: delivered, to original sender");
                assert_eq!(returned.shipment, parcel.shipment);
                assert_eq!(returned.condition == Condition::Damaged, fate == Fate::Damaged);
            }
        }
        let says_why =
            |body: &CarrierScan| body.endorsement.is_some() || body.code.as_deref() == Some(fate.usps_code());
        assert!(parcel.carrier != Carrier::Usps || bodies.iter().any(says_why), "{fate:?}");
    }
}

#[test]
fn a_parcel_handed_over_twice_is_scanned_alike() {
    let write = || {
        serde_json::to_string(
            &plan(&parcel(9), Fate::Damaged, Rounds::default())
                .iter()
                .map(|scan| scan.event.clone())
                .collect::<Vec<_>>(),
        )
        .unwrap()
    };
    assert_eq!(write(), write());
}

#[test]
fn every_carrier_has_a_word_for_every_stop() {
    for carrier in [Carrier::Usps, Carrier::Ups, Carrier::Fedex, Carrier::Dhl, Carrier::Postal] {
        for stop in [
            Stop::Label,
            Stop::Transit(0),
            Stop::Transit(2),
            Stop::Out,
            Stop::Delivered,
            Stop::Trouble,
            Stop::OnTheWayBack,
            Stop::BackAtSender,
        ] {
            let (code, status) = said(carrier, Fate::Refused, stop);
            assert!(code.is_some() != status.is_some(), "{carrier:?} {stop:?}");
        }
    }
}

fn said_by(scans: &[Planned]) -> HashSet<String> {
    scans.iter().map(|scan| scan.event.data.get().to_owned()).collect()
}

pub(super) fn parcel(bits: u64) -> Parcel {
    let shipment = ShipmentId::of(&ReleaseId::of(&OrderNumber::from_bits(bits), 1), 1);
    let (carrier, tracking) = label(&shipment, Method::Standard);
    let packed_at = Timestamp::parse("2026-11-24T08:00:00Z").unwrap();
    Parcel { shipment, carrier, tracking, packed_at, traceparent: None }
}
