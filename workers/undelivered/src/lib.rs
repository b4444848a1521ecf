//! Parcels that did not arrive: one case each, researched, resolved, and back to stock.
//!
//! | | |
//! | --- | --- |
//! | Reads | `order.accepted`, `shipment.dispatched`, `shipment.undeliverable`, `shipment.returned`, `shipment.lost`, `shipment.delivered` from rooms; `case.answer` from stores and staff; `case.note`, `case.resolve`, `task.close` (by the shell) from staff; `case.receive` from the warehouse |
//! | Owns | `orders`: recipients of each order, sealed; `cases`: what was seen of each parcel, and its case |
//! | Emits | `case.opened`, `case.asked`, `case.changed`, `case.resolved`, `case.received`, `address.flagged`, `task.opened`, `task.closed`; answers |
//! | Outside | nothing is called; a corrected address is merged into the recipient's section where a reship leaves |
//!
//! What each class leads to ([`classes`]):
//!
//! | class | what is done |
//! | --- | --- |
//! | address fault, person moved | ask twice; refund, or reship (an address fault only with another address), once the parcel is back; no answer, or not back in time: refund |
//! | lost | the same, at once: nothing is waited for, and no address is needed |
//! | refused, unclaimed | refund once it is back, or has not come back in time |
//! | damaged | refund |
//! | suspicious | the address is flagged; a person decides |
//! | deceased | all mail stops (`case.opened` or `case.changed` says so); a person decides; nobody is ever asked |
//!
//! *Invariants.* A parcel has at most one case, opened once, however many scans say so and in whatever order; what is
//! seen before `shipment.dispatched` or `order.accepted` is kept and counts when they come. An open case ends in
//! exactly one of reship, refund, closed: one field of one row. Only a first parcel is reshipped, so a release at most
//! once; what comes back of a reship is a case of its own and refunded. A reship takes its units from the shelf;
//! it waits until the parcel is back, and not as bad units, that there are some; a lost parcel is not waited for. What
//! was scanned in is told by `case.received` once, whatever became of the case: damaged or wrong at once, good units
//! when the case ends (before its end is told, so that a reship finds them). `case.opened` is told once; another class
//! that is learned later, an answer and a note are `case.changed`. A case that was closed because the parcel was
//! delivered after all goes on if it comes back (`shipment.returned`, `case.receive`): `case.changed` says so, and only
//! then does another `case.resolved` follow. A task that a case made ends with it. The corrected address leaves the
//! row with the case's end. This room never sees an address in its decisions, never charges, refunds, ships or mails, and never asks a recipient of
//! a gift: `gift` says so to those who mail.
//!
//! *Races.* Whichever comes first decides: an answer and the time to decide; two answers (a token works once); an
//! answer and `case.resolve`; `shipment.delivered` and any end of the case; `shipment.delivered` and what says that it
//! cannot be delivered (opened and closed, or never opened); two reasons for one parcel and the first question or end
//! (until then the more specific counts, afterwards only deceased); an answer and `case.receive` of what cannot be
//! sent again (reshipped, or refunded); `case.receive` and `shipment.dispatched` (refused by name before).

use std::collections::BTreeSet;

use messages::sealed::{Keyring, SealError};
use messages::{Room, Timestamp};
use shell::migrate::Schema;
use shell::worker::Emit;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

pub mod case;
pub mod classes;
mod commands;
pub mod decide;
mod desk;
pub mod outside;
pub mod read;
pub mod store;

use case::{CaseState, OrderState, Quiet};
use read::Input;
use store::{Key, State};

/// The room and its settings, in seconds.
#[derive(Debug, Clone)]
pub struct Undelivered {
    /// From the opening of a case to its first question; 0 asks at once. Until then a better reason may come.
    pub ask_after_seconds: i64,
    /// From the first question to the second.
    pub contact_seconds: i64,
    /// From the first question to the end without an answer; also how long a parcel may take to come back.
    pub decide_seconds: i64,
}

impl Default for Undelivered {
    fn default() -> Self {
        Self { ask_after_seconds: 0, contact_seconds: 7 * 86_400, decide_seconds: 30 * 86_400 }
    }
}

/// The room's tables.
#[must_use]
pub fn schema() -> Schema {
    Schema { room: Room::Undelivered, files: &store::FILES }
}

impl Worker for Undelivered {
    const ROOM: Room = Room::Undelivered;
    type Key = Key;
    type State = State;
    type Input = Input;

    fn blank(key: &Key) -> State {
        match key {
            Key::Order(_) => State::Order(OrderState::Unseen { waiting: BTreeSet::new() }),
            Key::Case(_) => State::Case(CaseState::Quiet(Quiet::default())),
        }
    }

    fn read(&self, arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival, ring)
    }

    /// Whoever locks a case has locked its order before.
    fn scope(&self, input: &Input, found: &World<Self>) -> Vec<Key> {
        let order = Key::Order(input.order());
        let cases: Vec<Key> = match input.shipment() {
            Some(shipment) => vec![Key::Case(shipment.clone())],
            None => found.find(&order).map(store::waiting).unwrap_or_default(),
        };
        std::iter::once(order).chain(cases).collect()
    }

    fn decide(&self, world: &World<Self>, input: &Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(self, world, input, at)
    }

    fn dress(&self, emit: &mut Emit, ring: &Keyring, now: Timestamp) -> Result<(), SealError> {
        outside::dress(emit, ring, now)
    }
}
