//! Intake: is this a valid order, and may it go ahead?
//!
//! | | |
//! | --- | --- |
//! | Reads | from outside `order.submit`, `order.change`, `hold.release`, `hold.refuse`; from inventory `product.defined`, from fulfillment `order.cancelled`, from undelivered `address.flagged` |
//! | Owns | `orders` (what became of every order, under its sender's name), `numbers` (our number to that name), `items` (price, currency, on sale from, usual quantity), `addresses` (flagged ones, as fingerprints) |
//! | Emits | `order.accepted`, `order.held`, `order.refused`, `hold.ended`; `command.answered` to whoever asked |
//! | Outside | nothing |
//!
//! # Invariants
//! - An order is known by (sender, reference), and its number is a keyed function of both. The same content
//!   again is answered with the first outcome and nothing follows. Other content is refused
//!   (`already_seen_with_other_content`) once the order is accepted, held, or refused under its number.
//! - A *faulty* order may be corrected under the same reference: no room has heard its number, so
//!   `order.refused` for a fault carries none. `too_early` and `hold_refused` carry number and contact,
//!   because the customer is told; they are final, and another try needs another reference.
//! - `order.accepted` is said at most once per order and never beside an `order.refused` of the same number.
//! - A submitted order is never changed (R75): `order.change` gives `order_is_final` or `unknown_order`.
//! - A released order keeps its old place in line (R66).
//! - Personal data is parsed, fingerprinted and sealed in `read.rs`, once. Sealed sections stay in a row only
//!   while the order is held; a CHECK says so too. A card number or security code in any field, known or not,
//!   is refused (`card_number_in_clear`), in a hold's reason as well.
//! - It never counts stock, households or mintage (inventory does), never sees a card, and never draws a
//!   number.
//!
//! # Faults
//! Of the message: `card_number_in_clear`, `bad_customer`, `bad_name`, `bad_email`, `bad_address`,
//! `bad_payment`, `bad_deliveries`, `bad_phone`, `bad_gift_message`, `bad_lines`, `bad_item`, `bad_quantity`,
//! `bad_amount`, `bad_delivery`, `unused_delivery`, `bad_currency`, `total_does_not_add_up`. Against what we
//! know: `bad_received_at` (more than five minutes ahead), `unknown_item`, `too_early`, `wrong_currency`,
//! `wrong_price`, `order_number_taken`, `cancelled`. Of a hold's end: `unknown_order`, `not_held`, `bad_reason`.
//!
//! # Races
//! - Product and order: an order that comes before its item is defined is refused as `unknown_item`.
//! - Price and order: an order is judged by the highest definition that came before it.
//! - Two contents under one reference: the first valid one is the order.
//! - Release and refusal of one hold: the first one ends it, the other is answered `not_held`.
//! - Cancellation and a hold's end: the first one ends the hold, the other finds nothing to end (`not_held`).
//! - Cancellation and order: an order that comes after its cancellation is refused (`cancelled`); one that was
//!   accepted before stays accepted here, and the others end it.
//! - Flag and order: an order is judged by the flags that came before it.
//! - A hold's end, or a change, and its order: before the order it is `unknown_order`. The number cannot be
//!   guessed, so nobody has a reason to send it before we told it.

mod admit;
mod cards;
mod decide;
mod holds;
mod read;
pub mod store;

use messages::Room;
use messages::money::Amount;
use messages::sealed::Keyring;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

pub use read::Input;
pub use store::{Key, State};

/// The room.
#[derive(Debug, Clone)]
pub struct Intake {
    /// Orders of a larger total are held until a person has verified them (R66); zero holds none.
    pub verify_amount: Amount,
}

impl Worker for Intake {
    const ROOM: Room = Room::Intake;
    type Key = Key;
    type State = State;
    type Input = Input;

    fn blank(key: &Key) -> State {
        match key {
            Key::Number(_) => State::Number(store::NumberState::Free),
            Key::Order(_) => State::Order(store::OrderState::Unseen),
            Key::Item(_) => State::Item(None),
            Key::Address(_) => State::Address(false),
        }
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

    fn decide(&self, world: &World<Self>, input: &Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(self, world, input, at)
    }
}

/// The room's schema.
#[must_use]
pub fn schema() -> shell::migrate::Schema {
    shell::migrate::Schema { room: Room::Intake, files: &store::FILES }
}
