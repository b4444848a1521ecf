//! Carrier scans become one status per parcel.
//!
//! | | |
//! | --- | --- |
//! | Reads | `carrier.scan` from carriers; `shipment.dispatched` from rooms |
//! | Owns | `parcels`: which shipments a tracking number carries, what of its scans counts, and when it was seen last |
//! | Emits | `shipment.progressed`, `shipment.delivered`, `shipment.undeliverable`, `shipment.returned`, `shipment.lost`; to carriers only refusals, since scans are many |
//! | Outside | nothing is called |
//!
//! *Invariants.* A parcel's row is a function of the set of its scans and shipments: their order, repeats and
//! lateness change nothing in it. Delivered and returned are never left again, but for delivered becoming
//! returned. Each shipment hears delivered, returned and lost at most once each, undeliverable once
//! for each reason (code, endorsement), and whatever its status says at the end it has heard; the first reason goes with
//! a return, and one that is learned later is told as undeliverable, also after it.
//! A parcel is lost after days without a word of it and before its end, and not before a day has passed in which its
//! scans could have come, where the house was away or hears of it late; a later scan revives it silently. A scan
//! before its shipment is kept and told when the shipment comes. This room never asks a carrier, never writes to
//! a customer, and never decides what becomes of a parcel that came back.
//!
//! *Races.* A scan and the end of the days without one: whichever comes first decides whether the loss is told. No
//! others: notices that a later status has overtaken (undeliverable after a delivery, delivered after the end) are not
//! told.

use messages::Room;
use messages::sealed::Keyring;
use shell::migrate::Schema;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

pub mod codes;
pub mod decide;
pub mod read;
pub mod scans;
pub mod store;

use read::Input;
use store::{Key, State};

/// The room and its settings.
#[derive(Debug, Clone)]
pub struct Tracking {
    /// Days without a scan, after which a parcel on its way is told to be lost; 0 tells of none.
    pub lost_after_days: i64,
}

impl Default for Tracking {
    /// 30 days, as aggregators let a tracking number expire.
    fn default() -> Self {
        Self { lost_after_days: 30 }
    }
}

/// The room's tables.
#[must_use]
pub fn schema() -> Schema {
    Schema { room: Room::Tracking, files: &store::FILES }
}

impl Worker for Tracking {
    const ROOM: Room = Room::Tracking;
    type Key = Key;
    type State = State;
    type Input = Input;

    fn blank(_key: &Key) -> State {
        State::default()
    }

    fn read(&self, arrival: &Arrival<'_>, _ring: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival)
    }

    fn scope(&self, input: &Input, _found: &World<Self>) -> Vec<Key> {
        input.parcel().map(|number| Key::Parcel(number.clone())).into_iter().collect()
    }

    fn decide(&self, world: &World<Self>, input: &Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(self, world, input, at)
    }
}
