//! The decisions: commands about products and stock, orders that want units, what became of their releases, those who
//! wait.
//! Pure: no clock, no I/O, no chance; rows come in as the world and go out as the decision.

pub mod books;
pub mod commands;
pub mod facts;
pub mod order;
pub mod orders;
pub mod reship;
pub mod stock;
pub mod waiting;

use messages::case::{CaseClass, Condition};
use shell::worker::{At, Decision, World};

use crate::Inventory;
use crate::decide::order::Fact;
use crate::read::Input;
use crate::store::Key;

/// The rows that an input touches, given those found so far. Every input names its rows in the same rounds: orders
/// and commands, then items, then pools, households and places in line.
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
        Input::Declined(body) => facts::scope_fact(&body.release, found),
        Input::Adjusted(body) => facts::scope_fact(&body.release, found),
        Input::Dispatched(body) => facts::scope_fact(&body.release, found),
        Input::Returned(body) => facts::scope_fact(&body.release, found),
        Input::Reship { body, .. } => facts::scope_fact(&body.release, found),
        Input::Missed(body) => facts::scope_fact(&body.release, found),
        Input::Nothing => Vec::new(),
        Input::Cancelled(body) => facts::scope_cancelled(&body.order, found),
        Input::Allocate { item, .. } => waiting::scope_allocate(item, found),
        Input::Release(order) => waiting::scope_release(order, found),
    }
}

/// What follows from an input.
#[must_use]
pub fn decide(world: &World<Inventory>, input: &Input, at: &At<'_>) -> Decision<Inventory> {
    match input {
        Input::Define { sender, body } => commands::define(world, at, sender, body),
        Input::Receive { sender, body } => commands::receive(world, at, sender, body),
        Input::Adjust { sender, body } => commands::adjust(world, at, sender, body),
        Input::Accepted(order) => orders::accept(world, order, at),
        Input::Declined(body) => facts::learn(world, &body.release, Fact::Declined, at),
        Input::Adjusted(body) => {
            let fact = Fact::Adjusted {
                missing: body.missing.clone(),
                payment: body.payment.clone(),
                address: body.address.clone(),
            };
            facts::learn(world, &body.release, fact, at)
        }
        Input::Dispatched(body) => {
            let fact = Fact::Dispatched { shipment: body.shipment.clone(), lines: body.lines.clone() };
            facts::learn(world, &body.release, fact, at)
        }
        Input::Returned(body) => {
            let fact = Fact::Returned {
                shipment: body.case.clone(),
                lines: body.lines.clone(),
                is_fit: match body.condition {
                    Condition::Restock => true,
                    Condition::Damaged | Condition::WrongItem => false,
                },
            };
            facts::learn(world, &body.release, fact, at)
        }
        Input::Reship { shipment, body } => {
            let (shipment, case, lines) = (shipment.clone(), body.case.clone(), body.lines.clone());
            let is_lost = body.class == CaseClass::Lost && !body.returned;
            facts::learn(world, &body.release, Fact::Reship { shipment, case, lines, is_lost }, at)
        }
        Input::Missed(body) => {
            let fact = Fact::Missed { shipment: body.shipment.clone(), missing: body.missing.clone() };
            facts::learn(world, &body.release, fact, at)
        }
        Input::Nothing => Decision::nothing(),
        Input::Cancelled(body) => facts::cancel(world, body, at),
        Input::Allocate { item, attempt } => waiting::allocate(world, item, *attempt, at),
        Input::Release(order) => waiting::release(world, order, at),
    }
}
