//! Lifecycle knows where every order is: its status, its history, and which orders are stuck.
//!
//! | | |
//! | --- | --- |
//! | Reads | every fact that rooms tell about orders, parcels, cases, products, stock, notices, tasks, addresses, subscribers and campaigns ([`read`]) |
//! | Owns | `facts`, only added to |
//! | Emits | nothing |
//! | Outside | nothing |
//!
//! # Invariants
//! - A fact is stored once and never changed; no row is locked, so any number of replicas write side by side.
//! - Status and history are computed from the set of facts, so the order in which they came cannot matter ([`status`]).
//! - What a release or a parcel has reached is the highest rank among its facts: a late scan takes nothing back. An
//!   order's status does not go back either. The two exceptions are real: units that the warehouse cannot find leave
//!   their release and stand in line again, and a parcel that did not arrive is sent again.
//! - A fact that comes before its partner (a parcel before its release, a release before the order) is kept and takes
//!   effect when the partner comes.
//! - Every status that is no end has a longest time ([`dwell`]); an order that stays longer is stuck.
//! - Nothing personal is stored: sections are dropped where a message is read, and this room holds no key that opens
//!   one. Fingerprints are not kept either.
//!
//! # Races
//! None: nothing is decided here.

pub mod cases;
pub mod decide;
pub mod dwell;
pub mod eastern;
pub mod fact;
pub mod ranks;
pub mod read;
pub mod status;
pub mod store;
pub mod view;
pub mod words;

use messages::Room;
use messages::sealed::Keyring;
use shell::migrate::Schema;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

/// The room.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lifecycle;

impl Worker for Lifecycle {
    const ROOM: Room = Room::Lifecycle;
    type Key = store::Key;
    type State = store::State;
    type Input = read::Input;

    fn blank(_: &store::Key) -> store::State {
        None
    }

    fn read(&self, arrival: &Arrival<'_>, _: &Keyring) -> Result<read::Input, ReadError> {
        read::read(arrival)
    }

    fn scope(&self, _: &read::Input, _: &World<Self>) -> Vec<store::Key> {
        Vec::new()
    }

    fn decide(&self, _: &World<Self>, input: &read::Input, _: &At<'_>) -> Decision<Self> {
        decide::decide(input)
    }
}

/// The room's tables.
#[must_use]
pub fn schema() -> Schema {
    Schema { room: Room::Lifecycle, files: &store::FILES }
}
