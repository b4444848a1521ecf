//! Who gets which units, in which order, never above the cap.
//!
//! | | |
//! | --- | --- |
//! | **Reads** | `order.accepted`, `payment.declined`, `payment.adjusted`, `shipment.dispatched` |
//! | **Owns** | orders (releases and what they hold), items, mintage pools, household counters, commands |
//! | **Emits** | `stock.reserved`, `stock.limited`, `stock.unavailable`, `release.ready`; `product.defined`, `stock.changed` |
//! | **Outside** | `product.define`, `stock.receive`, `stock.adjust` come in and are answered; it calls nobody |
//!
//! # Invariants
//! - reserved ≤ on hand; reserved + shipped ≤ product limit; coins promised ≤ mintage. Also constraints in the database.
//! - What the releases hold of an item is what is reserved of it. Units received and adjusted = free + reserved +
//!   shipped + missing.
//! - A household has no more units of an item than the limit that was in force when it got the last one.
//! - A line gets all its units or none. Releases, lines without units and, if there is no release, the shipping charge
//!   sum to the order's total.
//! - A refused command changes nothing but its own row.
//! - It never opens a sealed section and keeps none once the release has gone out, never says a place in line, and
//!   never takes units back that it gave.
//!
//! # Races
//! Pairs whose order is the decision, each about one scarce item, pool or household:
//! - two of `order.accepted`, `payment.adjusted` and a lowering `stock.adjust`: the free units or the cap go to the first;
//! - one of these and `stock.receive`, a raising `stock.adjust` or `payment.declined`: units that come (back) before
//!   are given, those that come after wait for the next order;
//! - `product.define` and `order.accepted`: the cap, pool and limit hold for the orders after it. A household limit that
//!   comes in the very batch of an order, and was not there before, holds from the next batch on;
//! - `shipment.dispatched` and `order.accepted`: whether a reached cap is called sold out already;
//! - two `payment.adjusted` of one order: only the numbers of the releases made again;
//! - commands of one item among each other, and two different ones under one reference: the first has it.

pub mod decide;
pub mod read;
pub mod store;

use messages::Room;
use messages::sealed::Keyring;
use shell::migrate::Schema;
use shell::worker::{Arrival, At, Decision, ReadError, Worker, World};

use crate::read::Input;
use crate::store::{Key, State};

/// The room. It has no settings: caps and limits come with the products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inventory;

impl Worker for Inventory {
    const ROOM: Room = Room::Inventory;
    type Key = Key;
    type State = State;
    type Input = Input;

    fn blank(key: &Key) -> State {
        State::blank(key)
    }

    fn read(&self, arrival: &Arrival<'_>, _ring: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival)
    }

    fn scope(&self, input: &Input, found: &World<Self>) -> Vec<Key> {
        decide::scope(input, found)
    }

    fn decide(&self, world: &World<Self>, input: &Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(world, input, at)
    }
}

/// The room's schema.
#[must_use]
pub fn schema() -> Schema {
    Schema { room: Room::Inventory, files: &store::FILES }
}
