//! Notifications tells the customer what became of the order: one mail per order, kind and cause.
//!
//! | | |
//! | --- | --- |
//! | Reads | `order.accepted`, `order.held`, `order.refused`; `stock.reserved`, `.limited`, `.unavailable`, `.backordered`, `.waitlisted`; `payment.declined`, `.delayed`; `payment.refunded`; `shipment.dispatched`, `.delivered`, `.undeliverable`, `.returned`; `order.cancelled`; `case.opened`, `.asked`, `.changed`, `.resolved`; `mail.bounced` (outside); `task.close` (the shell) |
//! | Owns | `orders`: contact (sealed), what was ordered, parcels, facts that wait for these; `notices`: one row per mail; `addresses`: by fingerprint, which take mail |
//! | Emits | `notice.sent`, `address.suppressed`; the tasks `letter`, `mail_unclear`, `mail_failed`, `mail_bounced` |
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
//! - Once somebody has died (`case.opened`, `case.changed`), nothing more is mailed about the order nor to its address.
//! - The code that answers a question is made where it is mailed or printed, and rests nowhere: of the rooms only those
//!   two that share its key, this one and undelivered, know it.
//! - A notice that came back ends as a task. An address that takes no mail gets letters. A mail counts as come back
//!   once, however many reports tell it.
//!
//! # Races
//! - `order.held` and what ends the hold (`order.accepted`, `order.refused`): if the end is known first, nobody is
//!   told of the hold. An order accepted after a hold gets no second "received".
//! - `order.cancelled` and what came before it (acceptance, stock, payment): what is known only after the cancellation
//!   is told no more. `case.asked` and `case.resolved`: nobody is asked about a case that ended in a
//!   reship or refund.
//! - `case.opened` or `case.changed` of somebody who died, and a notice: what the relay has taken is out; everything else is withheld.
//! - `shipment.returned` and `.undeliverable`: of what came back nobody is told afterwards that it may still be delivered.
//! - `mail.bounced`, and a notice to the same address: the notice made first is mailed, the later one is a letter.

pub mod decide;
pub mod facts;
pub mod mail;
pub mod outside;
pub mod read;
pub mod report;
pub mod store;
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

    fn read(&self, arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival, ring)
    }

    fn scope(&self, input: &Input, found: &World<Self>) -> Vec<Key> {
        decide::scope(input, found)
    }

    fn looks(&self, input: &Input, found: &World<Self>) -> Vec<Key> {
        decide::looks(input, found)
    }

    fn peek(&self, input: &Input) -> Option<shell::worker::Peek> {
        decide::peek(input)
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
