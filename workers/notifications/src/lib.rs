//! Notifications tells the customer what became of the order: one mail per order, kind and cause.
//!
//! | | |
//! | --- | --- |
//! | Reads | `order.accepted`, `order.held`, `order.refused`; `stock.reserved`, `.limited`, `.unavailable`, `.backordered`, `.waitlisted`; `payment.declined`, `.delayed`; `shipment.dispatched`, `.delivered`, `.undeliverable`, `.returned`; `task.close` (the shell) |
//! | Owns | `orders`: contact (sealed), what was ordered, parcels, facts that wait for these; `notices`: one row per mail |
//! | Emits | `notice.sent`; the tasks `letter`, `mail_unclear`, `mail_failed` |
//! | Outside | the mail relay (SMTP), or a directory of files |
//!
//! # Invariants
//! - Nobody is told "confirmed" but by a notice whose cause is `stock.reserved`.
//! - The words are for the purchaser alone; a recipient of a gift gets no mail. Notices are transactional and hold
//!   no advertising, so consent to advertising does not matter for them (16 CFR 316).
//! - A mail of unknown outcome goes out once more under the same Message-ID, then a person looks; never a third time.
//! - A notice that cannot be mailed ends as a task, never in silence.
//! - Name and e-mail are opened only in [`outside`], for the time of one call.
//! - A fact that comes before the contact, or before its parcel, waits on the order's row.
//!
//! # Races
//! - `order.held` and what ends the hold (`order.accepted`, `order.refused`): if the end is known first, nobody is
//!   told of the hold. An order accepted after a hold gets no second "received".

pub mod decide;
pub mod facts;
pub mod mail;
pub mod outside;
pub mod read;
mod smtp;
pub mod store;
mod url;
pub mod words;

use messages::Room;
use messages::sealed::Keyring;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

use crate::read::Input;
use crate::store::{Key, State};

/// The room. `mail_domain` is the right side of every Message-ID: the domain of the sender's address.
#[derive(Debug, Clone)]
pub struct Notifications {
    pub mail_domain: String,
}

impl Worker for Notifications {
    const ROOM: Room = Room::Notifications;
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
        decide::decide(self, world, input, at)
    }
}

/// The room's tables.
#[must_use]
pub fn schema() -> shell::migrate::Schema {
    shell::migrate::Schema { room: Room::Notifications, files: &store::FILES }
}
