//! Who gets which units, in which order, never above the cap.
//!
//! | | |
//! | --- | --- |
//! | **Reads** | `order.accepted`, `order.cancelled`, `payment.declined`, `payment.adjusted`, `shipment.dispatched`, `release.shorted` (of parcels sent again), `case.received`, `case.resolved` |
//! | **Owns** | orders (releases and what they hold, lines that wait), places in line, items, mintage pools, household counters, commands; timers `allocate` (a look at an item's line) and `release` (an order's next day) |
//! | **Emits** | `stock.reserved`, `stock.backordered`, `stock.waitlisted`, `stock.limited`, `stock.unavailable`, `release.ready`, `reship.ready`; `product.defined`, `stock.changed` |
//! | **Outside** | `product.define`, `stock.receive`, `stock.adjust` come in and are answered; it calls nobody |
//!
//! # Invariants
//! - reserved ≤ on hand; promised = reserved + backordered + shipped ≤ product limit; coins promised ≤ mintage; waitlist
//!   ≤ its limit when a line joins it. Also constraints in the database, the last excepted.
//! - What releases and lines that wait for their day hold of an item is what is reserved of it, what stands in its two
//!   lists is what is backordered and waitlisted. Units received and adjusted = free + reserved + shipped + missing.
//! - A backorder is a promise under the caps, only the shelf is empty; the waitlist is none. Both count for the household.
//! - Units go to those who wait in place order, backorders first, all of a line or none, and nobody overtakes: a new line
//!   joins those who wait or gets nothing. Only a release that the warehouse found short and a parcel that is sent again
//!   take free units ahead of them, since they had their units before these came.
//! - A parcel that is sent again is asked for when all its units are set aside. While the first ones are to come back it
//!   stands in line at its order's place, as a backorder, or on the waitlist where a cap has no room for others. In place of
//!   lost ones others are free, or expected, or that line is told as `unavailable` and paid back: it never waits for what
//!   does not come.
//! - A household has no more units of an item than the limit that was in force when it got the last one. Units that came
//!   back from a recipient do not free it.
//! - A line gets all its units or none. Releases, lines that wait, lines without units and, if there is no release, the
//!   shipping charge sum to the order's total.
//! - A cancelled order holds nothing but what was handed over, and gets nothing any more.
//! - A parcel that came back counts once, and only if it is fit to be sold: a damaged coin stays shipped.
//! - A refused command changes nothing but its own row.
//! - It never opens a sealed section and keeps none once the last line has gone out or ended, never says a place in line,
//!   and never takes units back that it gave.
//!
//! # Races
//! Pairs whose order is the decision, each about one scarce item, pool or household:
//! - two of `order.accepted`, `payment.adjusted` and a lowering `stock.adjust`: the free units or the cap go to the first;
//! - one of these and `stock.receive`, a raising `stock.adjust`, `payment.declined`, `order.cancelled` or `case.received`:
//!   units that come (back) before are given, those that come after go to who waits or to the next order;
//! - the timer `allocate` and everything that claims or brings units: the line is as it stands at that moment;
//! - `order.cancelled` and `order.accepted`, `payment.adjusted` or a timer of the order: nothing is given afterwards;
//! - `product.define` and `order.accepted`: caps, pool, limits and days hold for the orders after it. A household limit that
//!   comes in the very batch of an order, and was not there before, holds from the next batch on;
//! - `shipment.dispatched` and `order.accepted`: whether a reached cap is called sold out already;
//! - two `payment.adjusted` of one order, or one and a timer: only the numbers of the releases made;
//! - `case.resolved` that sends a parcel again and anything that claims or brings units: what is free goes to the first;
//! - commands of one item among each other, and two different ones under one reference: the first has it.

pub mod decide;
pub mod read;
pub mod store;

use messages::Room;
use messages::sealed::Keyring;
use shell::migrate::Schema;
use shell::worker::{Arrival, At, Decision, Peek, ReadError, Worker, World};

use crate::read::Input;
use crate::store::{Key, State};

/// The room. It has no settings: caps, limits and days come with the products.
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

    fn peek(&self, input: &Input) -> Option<Peek> {
        match input {
            Input::Allocate { item, .. } => Some(decide::waiting::peek(item)),
            Input::Define { .. }
            | Input::Receive { .. }
            | Input::Adjust { .. }
            | Input::Accepted(_)
            | Input::Declined(_)
            | Input::Adjusted(_)
            | Input::Dispatched(_)
            | Input::Returned(_)
            | Input::Reship { .. }
            | Input::Missed(_)
            | Input::Nothing
            | Input::Cancelled(_)
            | Input::Release(_) => None,
        }
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
