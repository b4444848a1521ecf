//! Shipments out to the warehouse: the point of no return.
//!
//! | | |
//! | --- | --- |
//! | Reads | `payment.authorized` from rooms; `shipment.packed`, `shipment.short`, `task.close` (by the shell) from the warehouse and staff |
//! | Owns | `releases`: what is to be shipped, was asked for, was packed, is missing |
//! | Emits | `shipment.requested`, `release.shorted`, `shipment.dispatched`, `task.opened`, `task.closed` to rooms; `shipment.requested` with the address to the warehouse; answers |
//! | Outside | nothing is called; the address is re-sealed under the warehouse's own key where a request leaves |
//!
//! *Invariants.* A release is handed over at most once, by the commit that stores `shipment.requested`. Every
//! unit that was asked for ends at most once, in a parcel or as missing, and with the parcel nothing stays
//! open: what is not in it is missing. The address is kept while a parcel may still come and dropped with the
//! row's last step. No price enters a row, so none can be on a slip. This room never opens an address to look
//! at it, never charges, and never puts units back in line.
//!
//! *Races.* `shipment.packed` and `shipment.short` for the same units: whichever comes first decides, the
//! other is refused by name. All other pairs commute.

use messages::sealed::{Keyring, SealError};
use messages::{Room, Timestamp};
use shell::migrate::Schema;
use shell::worker::Emit;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

pub mod decide;
pub mod outside;
pub mod read;
pub mod store;
pub mod units;

use read::Input;
use store::{Key, State};

/// The room and its settings.
#[derive(Debug, Clone)]
pub struct Fulfillment {
    /// Seconds that an authorized release waits before it is handed over; 0 hands it over at once.
    pub handover_delay_seconds: i64,
}

/// The room's tables.
#[must_use]
pub fn schema() -> Schema {
    Schema { room: Room::Fulfillment, files: &store::FILES }
}

impl Worker for Fulfillment {
    const ROOM: Room = Room::Fulfillment;
    type Key = Key;
    type State = State;
    type Input = Input;

    fn blank(_key: &Key) -> State {
        State::New
    }

    fn read(&self, arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival, ring)
    }

    fn scope(&self, input: &Input, _found: &World<Self>) -> Vec<Key> {
        vec![Key::Release(input.release())]
    }

    fn decide(&self, world: &World<Self>, input: &Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(self, world, input, at)
    }

    fn dress(&self, emit: &mut Emit, ring: &Keyring, now: Timestamp) -> Result<(), SealError> {
        outside::dress(emit, ring, now)
    }
}
