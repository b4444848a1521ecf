//! Everything around a decision: consume, batch, transaction, inbox, outbox, publish, ack, park, due rows, drain.
//!
//! A room gives `read / scope / decide` ([`worker::Worker`]); the shell does the rest, the same for every room:
//!
//! 1. **Fill** with what has arrived; what comes alone never waits for more ([`consume`], `pace`).
//! 2. **Read**: sender, type, body; what is unreadable is parked whole and its sender told ([`reading`], [`parking`]).
//! 3. **One transaction** ([`settle`]): inbox ids, rows locked in one order, the decisions folded, rows saved,
//!    outputs stored.
//! 4. **Publish** with pipelined confirms until the broker has every output, then **ack** once ([`hall`], [`wire`]).
//! 5. Confirmed outputs are deleted with the next batch; a sweeper sends again what was left ([`sweep`]).
//!
//! If the power goes before the commit, nothing happened and the broker redelivers. After the commit, the redelivered
//! events are known, and their stored outputs are published. After the confirm, likewise, and the readers know them.
//!
//! The shell knows no order rule, and it never acks what is not confirmed.

pub mod addresses;
mod cards;
pub mod clock;
pub mod config;
pub mod consume;
pub mod control;
pub mod due;
pub mod faults;
mod fold;
pub mod hall;
pub mod http;
pub mod keys;
pub mod ledger;
#[cfg(feature = "mail")]
pub mod mail;
pub mod memory;
pub mod migrate;
mod owner;
mod pace;
pub mod parking;
pub mod pausing;
pub mod postgres;
pub mod reading;
mod reference;
pub mod retry;
pub mod run;
pub mod seams;
pub mod settle;
pub mod stage;
pub mod sweep;
pub mod telemetry;
mod upkeep;
pub mod wire;
pub mod worker;

pub use worker::{Arrival, At, Decision, Key, ReadError, Worker, World};
