//! What each carrier's event codes mean, as data. It never guesses: a code that is not here means nothing
//! until somebody adds it, and its scan is refused by name.
//!
//! A code that tells the beginning of a return maps to `returning`, and the end follows from the scans after
//! it, since a return under the same number ends in an ordinary delivery, to the sender.

use messages::shipment::ParcelStatus::{
    self, Attempted, Delivered, Exception, InTransit, LabelCreated, OutForDelivery, PickupReady, Returned,
    Returning,
};
use messages::tracking_number::Carrier;

/// What one code says about its parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The parcel has this status.
    Is(ParcelStatus),
    /// An exception that says why the parcel cannot be delivered.
    CannotBeDelivered,
}

use Meaning::{CannotBeDelivered, Is};

impl Meaning {
    #[must_use]
    pub const fn status(self) -> ParcelStatus {
        match self {
            Self::Is(status) => status,
            Self::CannotBeDelivered => Exception,
        }
    }
}

/// A carrier's table.
pub type Table = &'static [(&'static str, Meaning)];

/// The meaning of a carrier's code, given in upper case.
#[must_use]
pub fn meaning(carrier: Carrier, code: &str) -> Option<Meaning> {
    let known = table(carrier).iter().chain(DETAILS).find(|(known, _)| *known == code);
    known.map(|(_, meaning)| *meaning)
}

/// The codes of one carrier.
#[must_use]
pub const fn table(carrier: Carrier) -> Table {
    match carrier {
        Carrier::Usps => USPS,
        Carrier::Ups => UPS,
        Carrier::Fedex => FEDEX,
        Carrier::Dhl => DHL,
        Carrier::Postal => POSTAL,
    }
}

/// Details by which aggregators (EasyPost's status detail `damaged`, as public client code lists it) tell what several carriers have no event code of
/// their own for: UPS has one type for every exception, and the UPU's reason is a field beside the event.
const DETAILS: Table = &[
    (DAMAGED, CannotBeDelivered), // what is left of it does not arrive
];

/// The detail of a damaged parcel.
pub const DAMAGED: &str = "DAMAGED";

/// USPS Publication 199, event codes of the tracking extract file.
const USPS: Table = &[
    ("MA", Is(LabelCreated)),   // manifest acknowledgement: label made, item awaited
    ("GX", Is(LabelCreated)),   // shipping label created, item awaited
    ("03", Is(InTransit)),      // accept or pickup
    ("OA", Is(InTransit)),      // origin acceptance
    ("TM", Is(InTransit)),      // shipment received, acceptance pending
    ("10", Is(InTransit)),      // processed, en route
    ("EF", Is(InTransit)),      // departed the facility
    ("SF", Is(InTransit)),      // departed the shipping partner
    ("07", Is(InTransit)),      // arrival at unit
    ("08", Is(InTransit)),      // missent, on its way again
    ("06", Is(InTransit)),      // forwarded
    ("OF", Is(OutForDelivery)), // out for delivery
    ("02", Is(Attempted)),      // notice left
    ("14", Is(PickupReady)),    // arrived at the pickup point
    ("16", Is(PickupReady)),    // available for pickup
    ("01", Is(Delivered)),      // delivered
    ("04", CannotBeDelivered),  // refused
    ("05", CannotBeDelivered),  // undeliverable as addressed
    ("11", CannotBeDelivered),  // dead mail: to the recovery centre, neither delivered nor sent back
    ("21", CannotBeDelivered),  // no such number
    ("22", CannotBeDelivered),  // insufficient address
    ("23", CannotBeDelivered),  // moved, left no address
    ("24", CannotBeDelivered),  // forwarding expired
    ("25", CannotBeDelivered),  // addressee unknown
    ("26", CannotBeDelivered),  // vacant
    ("27", CannotBeDelivered),  // unclaimed
    ("28", CannotBeDelivered),  // deceased
    ("51", CannotBeDelivered),  // business closed
    ("09", Is(Returning)),      // return to sender
    ("29", Is(Returning)),      // return to sender, other reason
    ("31", Is(Returning)),      // return to sender, not picked up
];

/// UPS Tracking API, status types of an activity.
const UPS: Table = &[
    ("M", Is(LabelCreated)),   // billing information received
    ("P", Is(InTransit)),      // picked up
    ("I", Is(InTransit)),      // in transit
    ("O", Is(OutForDelivery)), // out for delivery
    ("X", Is(Exception)),      // any exception; most recover, and the type alone does not say which
    ("D", Is(Delivered)),      // delivered
    ("RS", Is(Returned)),      // returned to shipper
];

/// FedEx Web Services, Track Service: status codes of an event. They have no code for damage: that is one of the reasons
/// of DE and SE, which is a text. Not checked against FedEx's own list.
const FEDEX: Table = &[
    ("OC", Is(LabelCreated)),   // shipment information sent
    ("PU", Is(InTransit)),      // picked up
    ("PX", Is(InTransit)),      // picked up, see details
    ("AR", Is(InTransit)),      // arrived
    ("DP", Is(InTransit)),      // departed
    ("AF", Is(InTransit)),      // at a FedEx facility
    ("AX", Is(InTransit)),      // at a USPS facility
    ("SF", Is(InTransit)),      // at a sort facility
    ("FD", Is(InTransit)),      // at the FedEx destination
    ("LO", Is(InTransit)),      // left the origin
    ("IT", Is(InTransit)),      // in transit
    ("IX", Is(InTransit)),      // in transit, see details
    ("TR", Is(InTransit)),      // transfer
    ("OX", Is(InTransit)),      // shipment information sent to USPS
    ("CC", Is(InTransit)),      // cleared customs
    ("AD", Is(OutForDelivery)), // at delivery
    ("ED", Is(OutForDelivery)), // en route to delivery
    ("OD", Is(OutForDelivery)), // out for delivery
    ("HL", Is(PickupReady)),    // held at location, to be picked up
    ("DL", Is(Delivered)),      // delivered
    ("DE", Is(Exception)),      // delivery exception; the next attempt may do
    ("SE", Is(Exception)),      // shipment exception
    ("CD", Is(Exception)),      // clearance delay
    ("DD", Is(Exception)),      // delivery delay
    ("DY", Is(Exception)),      // delay
    ("RS", Is(Returning)),      // return to shipper
];

/// DHL Express checkpoints, and the status codes of the DHL Shipment Tracking Unified API. WC, NH, CM, BA, RD and OK stand
/// in a forwarder's published table as well (WMG Connect, delivery status); DM and the others were not checked against
/// DHL's own list.
const DHL: Table = &[
    ("PRE-TRANSIT", Is(LabelCreated)),
    ("TRANSIT", Is(InTransit)),
    ("FAILURE", Is(Exception)),
    ("DELIVERED", Is(Delivered)),
    ("PU", Is(InTransit)),      // picked up
    ("PL", Is(InTransit)),      // processed at location
    ("DF", Is(InTransit)),      // departed a facility
    ("AF", Is(InTransit)),      // arrived at a facility
    ("AR", Is(InTransit)),      // arrived at the delivery facility
    ("WC", Is(OutForDelivery)), // with the delivery courier
    ("NH", Is(Attempted)),      // nobody home
    ("CC", Is(PickupReady)),    // awaiting collection
    ("OH", Is(Exception)),      // on hold
    ("BA", CannotBeDelivered),  // bad address
    ("CM", CannotBeDelivered),  // recipient moved
    ("RD", CannotBeDelivered),  // refused
    ("DM", CannotBeDelivered),  // damaged
    ("OK", Is(Delivered)),      // delivered
    ("RT", Is(Returning)),      // returned to shipper, from the delivery facility on
];

/// UPU EMSEVT v3, tracking events of postal items. The reason of an EMH is a field of its own there, so the
/// code alone never says that an item cannot be delivered.
const POSTAL: Table = &[
    ("EMA", Is(InTransit)),      // posting or collection
    ("EMB", Is(InTransit)),      // arrival at the outward office of exchange
    ("EXA", Is(InTransit)),      // presented to export customs
    ("EXC", Is(InTransit)),      // returned from export customs
    ("EMC", Is(InTransit)),      // departure from the outward office
    ("EMJ", Is(InTransit)),      // arrival at a transit office
    ("EMK", Is(InTransit)),      // departure from a transit office
    ("EMD", Is(InTransit)),      // arrival at the inward office
    ("EDB", Is(InTransit)),      // presented to import customs
    ("EDC", Is(InTransit)),      // returned from import customs
    ("EMF", Is(InTransit)),      // departure from the inward office
    ("EMG", Is(InTransit)),      // arrival at the delivery office
    ("EDG", Is(OutForDelivery)), // out for physical delivery
    ("EMH", Is(Attempted)),      // attempted delivery
    ("EDH", Is(PickupReady)),    // arrival at the collection point
    ("EXB", Is(Exception)),      // held by export customs
    ("EXD", Is(Exception)),      // held at the outward office
    ("EDA", Is(Exception)),      // held at the inward office
    ("EME", Is(Exception)),      // held by import customs
    ("EMI", Is(Delivered)),      // final delivery
];

#[cfg(test)]
mod tests {
    use super::*;

    const CARRIERS: [Carrier; 5] =
        [Carrier::Usps, Carrier::Ups, Carrier::Fedex, Carrier::Dhl, Carrier::Postal];

    #[test]
    fn a_code_stands_once_in_its_table_and_every_carrier_can_deliver() {
        for carrier in CARRIERS {
            let table = table(carrier);
            for (at, (code, _)) in table.iter().enumerate() {
                assert!(
                    !table[..at].iter().any(|(other, _)| other == code),
                    "{carrier:?} {code} stands twice"
                );
                assert!(code.len() <= 32 && *code == code.to_uppercase(), "{carrier:?} {code}");
            }
            assert!(table.iter().any(|(_, meaning)| meaning.status() == Delivered), "{carrier:?}");
            assert_eq!(meaning(carrier, DAMAGED), Some(CannotBeDelivered), "{carrier:?}");
            assert!(!table.iter().any(|(code, _)| DETAILS.iter().any(|(detail, _)| detail == code)));
        }
    }

    #[test]
    fn codes_mean_what_the_carriers_say() {
        for (carrier, code, expected) in [
            (Carrier::Usps, "01", Some(Is(Delivered))),
            (Carrier::Usps, "09", Some(Is(Returning))),
            (Carrier::Usps, "04", Some(CannotBeDelivered)),
            (Carrier::Usps, "27", Some(CannotBeDelivered)),
            (Carrier::Usps, "D", None),
            (Carrier::Ups, "D", Some(Is(Delivered))),
            (Carrier::Ups, "X", Some(Is(Exception))),
            (Carrier::Ups, "RS", Some(Is(Returned))),
            (Carrier::Fedex, "RS", Some(Is(Returning))),
            (Carrier::Postal, "EMI", Some(Is(Delivered))),
            (Carrier::Dhl, "DM", Some(CannotBeDelivered)),
            (Carrier::Dhl, "", None),
        ] {
            assert_eq!(meaning(carrier, code), expected, "{carrier:?} {code}");
        }
    }

    #[test]
    fn what_cannot_be_delivered_is_an_exception_until_it_comes_back() {
        assert_eq!(CannotBeDelivered.status(), Exception);
    }
}
