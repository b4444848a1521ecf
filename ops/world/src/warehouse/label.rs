//! Tracking numbers for new parcels, with the carriers' check digits. A shipment always gets the same number, so that
//! a repeated request makes no second parcel; no number may look like a card's.

use messages::id::ShipmentId;
use messages::order::Method;
use messages::tracking_number::{Carrier, TrackingNumber};

use crate::chance::{Chance, of_text};

/// Expedited parcels go by UPS, and of the others this many of a thousand.
const UPS_PERMILLE: u32 = 200;

/// The carrier and the number of a shipment.
#[must_use]
pub fn label(shipment: &ShipmentId, method: Method) -> (Carrier, TrackingNumber) {
    let mut chance = of_text(shipment.as_str());
    let by_ups = match method {
        Method::Expedited => true,
        Method::Standard => chance.permille(UPS_PERMILLE),
    };
    if by_ups {
        (Carrier::Ups, number(&ups(&mut chance)))
    } else {
        (Carrier::Usps, number(&usps(&mut chance)))
    }
}

fn number(text: &str) -> TrackingNumber {
    TrackingNumber::parse(text).expect("a number with its check digit")
}

/// An Intelligent Mail package barcode of 22 digits (USPS Publication 199): 94, the service 001, mailer and serial
/// number, and a check digit modulo 10 with weight 3 on every other digit.
fn usps(chance: &mut Chance) -> String {
    // The mailer's first digits are ours; the rest is wide enough that no two shipments meet.
    let serial = format!("94001118{:013}", chance.below(10_000_000_000_000));
    let sum: u32 =
        serial.bytes().rev().zip([3, 1].into_iter().cycle()).map(|(byte, weight)| digit(byte) * weight).sum();
    format!("{serial}{}", (10 - sum % 10) % 10)
}

/// 1Z, the shipper's account, the service 03 (ground), a serial number, and a check digit modulo 10 with weight 2 on
/// every other character; a letter counts as its place in ASCII less 3.
fn ups(chance: &mut Chance) -> String {
    let mut shipper = String::with_capacity(6);
    for at in 0..6 {
        // A letter at either end, so that no row of digits is long enough for a card number.
        let letter = matches!(at, 0 | 2 | 5);
        let byte = if letter { b'A' } else { b'0' };
        let reach = if letter { 26 } else { 10 };
        shipper.push(char::from(byte + u8::try_from(chance.below(reach)).unwrap_or(0)));
    }
    let serial = format!("{shipper}03{:07}", chance.below(10_000_000));
    let value = |byte: u8| if byte.is_ascii_digit() { digit(byte) } else { (u32::from(byte) - 3) % 10 };
    let sum: u32 =
        serial.bytes().zip([1, 2].into_iter().cycle()).map(|(byte, weight)| value(byte) * weight).sum();
    format!("1Z{serial}{}", (10 - sum % 10) % 10)
}

fn digit(byte: u8) -> u32 {
    u32::from(byte - b'0')
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use messages::card::find_card_number;
    use messages::id::{OrderNumber, ReleaseId};

    use super::*;

    #[test]
    fn every_number_is_valid_its_carriers_and_new() {
        let mut numbers = HashSet::new();
        let mut carriers = BTreeMap::new();
        for bits in 0..20_000 {
            let (carrier, number) = label(&shipment(bits), Method::Standard);
            assert!(number.carriers().contains(&carrier), "{number}");
            assert_eq!(number.as_str().len(), if carrier == Carrier::Usps { 22 } else { 18 });
            assert_eq!(find_card_number(number.as_str()), None, "{number}");
            assert!(numbers.insert(number));
            *carriers.entry(carrier).or_insert(0) += 1;
        }
        assert!(carriers[&Carrier::Ups] > 3_000 && carriers[&Carrier::Usps] > 15_000, "{carriers:?}");
    }

    #[test]
    fn the_same_shipment_gets_the_same_number_again() {
        for method in [Method::Standard, Method::Expedited] {
            assert_eq!(label(&shipment(7), method), label(&shipment(7), method));
        }
        assert_eq!(label(&shipment(7), Method::Expedited).0, Carrier::Ups);
    }

    fn shipment(bits: u64) -> ShipmentId {
        ShipmentId::of(&ReleaseId::of(&OrderNumber::from_bits(bits), 1), 1)
    }
}
