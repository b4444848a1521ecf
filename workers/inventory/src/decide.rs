//! The decisions: commands about products and stock, orders that want units, and what became of their releases.
//! Pure: no clock, no I/O, no chance; rows come in as the world and go out as the decision.

pub mod books;
pub mod commands;
pub mod orders;

use shell::worker::{At, Decision, World};

use crate::Inventory;
use crate::decide::orders::Fact;
use crate::read::Input;
use crate::store::Key;

/// The rows that an input touches, given those found so far. Every input names its rows in the same rounds: orders
/// and commands, then items, then pools and households.
#[must_use]
pub fn scope(input: &Input, found: &World<Inventory>) -> Vec<Key> {
    match input {
        Input::Define { sender, body } => commands::scope_define(sender, body, found),
        Input::Receive { sender, body } => {
            commands::scope_count(commands::receive_key(sender, body), &body.item, found)
        }
        Input::Adjust { sender, body } => {
            commands::scope_count(commands::adjust_key(sender, body), &body.item, found)
        }
        Input::Accepted(order) => orders::scope_accepted(order, found),
        Input::Declined(body) => orders::scope_fact(&body.release, found),
        Input::Adjusted(body) => orders::scope_fact(&body.release, found),
        Input::Dispatched(body) => orders::scope_fact(&body.release, found),
    }
}

/// What follows from an input.
#[must_use]
pub fn decide(world: &World<Inventory>, input: &Input, at: &At<'_>) -> Decision<Inventory> {
    match input {
        Input::Define { sender, body } => commands::define(world, at, sender, body),
        Input::Receive { sender, body } => commands::receive(world, at, sender, body),
        Input::Adjust { sender, body } => commands::adjust(world, at, sender, body),
        Input::Accepted(order) => orders::accept(world, order),
        Input::Declined(body) => orders::learn(world, &body.release, Fact::Declined),
        Input::Adjusted(body) => {
            let fact = Fact::Adjusted {
                missing: body.missing.clone(),
                payment: body.payment.clone(),
                address: body.address.clone(),
            };
            orders::learn(world, &body.release, fact)
        }
        Input::Dispatched(body) => {
            let fact = Fact::Dispatched { shipment: body.shipment.clone(), lines: body.lines.clone() };
            orders::learn(world, &body.release, fact)
        }
    }
}
