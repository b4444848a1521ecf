//! Shipments out to the warehouse: the point of no return.
//!
//! | | |
//! | --- | --- |
//! | Reads | `payment.authorized`, `order.accepted` and `order.held` (that the order exists, and its units), `order.refused`, `stock.limited`, `stock.unavailable` and `payment.declined` (what of it ended without a parcel), `payment.delayed` and `payment.renewed` (whether an authorization lapses), `case.resolved`, `reship.ready` from rooms; `shipment.packed`, `shipment.short`, `order.cancel`, `task.close` (by the shell) from the warehouse, stores and staff |
//! | Owns | `orders`: what was handed over, and whether the rest is cancelled; `releases`: what is to be shipped, was asked for, was packed, is missing; `reships`: the same for a parcel that goes out again |
//! | Emits | `order.cancelled`, `shipment.requested`, `release.shorted`, `shipment.dispatched`, `task.opened`, `task.closed` to rooms; `shipment.requested` with the address to the warehouse; answers |
//! | Outside | nothing is called; the address is re-sealed under the warehouse's own key where a request leaves |
//!
//! *Invariants.* A release is handed over at most once, by the commit that stores `shipment.requested`. Every
//! unit that was asked for ends at most once, in a parcel or as missing, and with the parcel nothing stays
//! open: what is not in it is missing. The address is kept while a parcel may still come and dropped with the
//! row's last step. No price enters a row, so none can be on a slip. This room never opens an address to look
//! at it, never charges, and never puts units back in line.
//!
//! A release whose authorization lapses is not handed over until it stands again; what was handed over before goes on.
//!
//! A cancellation is refused where nothing is left to cancel: all of it is with the warehouse, or ended before. A cancelled
//! order hands nothing more over, whatever comes later, and is told once, with every release that was
//! handed over before. A case asks for one more parcel at most, with what was in the one that did not arrive, and the
//! warehouse is asked for it only when inventory has set its units aside. Units that are missing from it are a task: they
//! are paid for, and a person decides.
//!
//! *Races.* `order.cancel` and the hand-over (the authorization, or the timer): whichever comes first decides whether
//! the release goes. `order.cancel` and the first word of its order: the cancellation waits a day for it, then it is
//! refused; an order that is known only by a release is cancelled without asking how many units it has. `order.cancel`
//! and `shipment.short`: units that are missing can be cancelled again. `order.cancel` and the end of the last units that are
//! left: one that comes first is done, though nothing may come of it. `payment.delayed` and the hand-over: whichever comes
//! first decides whether the release goes; `payment.delayed` and `payment.renewed` commute. `shipment.packed` and `shipment.short` for the
//! same units: whichever comes first decides, the other is refused by name. All other pairs commute.

use messages::sealed::{Keyring, SealError};
use messages::{Room, Timestamp};
use shell::migrate::Schema;
use shell::worker::Emit;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

mod cancel;
pub mod decide;
mod lapse;
pub mod outside;
pub mod read;
mod reship;
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

    fn blank(key: &Key) -> State {
        match key {
            Key::Order(_) => State::Order(store::Order::default()),
            Key::Release(_) | Key::Again(_) => State::New,
        }
    }

    fn read(&self, arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival, ring)
    }

    fn scope(&self, input: &Input, found: &World<Self>) -> Vec<Key> {
        input.keys(found)
    }

    fn decide(&self, world: &World<Self>, input: &Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(self, world, input, at)
    }

    fn dress(&self, emit: &mut Emit, ring: &Keyring, now: Timestamp) -> Result<(), SealError> {
        outside::dress(emit, ring, now)
    }
}
