//! Audit keeps every message that rooms send, in one chain of hashes that shows tampering.
//!
//! | | |
//! | --- | --- |
//! | Reads | every kind on the exchange `oms` |
//! | Owns | `head` (one row: number and hash of the last record) and `records` (one row per message, only added) |
//! | Emits | nothing |
//! | Outside | nothing |
//!
//! # Invariants
//! - Records are numbered from 1 without a gap, in the order of commit. Each holds the hash of the one before it and
//!   its own: SHA-256 over the hash before, number, time of receipt and the event's text ([`chain::link`]).
//! - The head row is locked by every batch, so there is one chain however many replicas write it.
//! - A sealed section is kept as its SHA-256 only: erasing it where it lives erases it. Audit holds no key that
//!   opens a section, and what it stores opens nothing.
//! - A record is never changed or deleted; the database refuses both. Whoever gets round the database is found by
//!   [`store::verify`], which names the first record that does not fit. Whoever rewrites the whole chain and its
//!   head is found only by comparing with a head that was noted elsewhere, which is why the verdict shows it.
//!
//! # Races
//! None decides anything: whichever message commits first comes first.

pub mod chain;
pub mod decide;
pub mod read;
pub mod store;

use messages::Room;
use messages::sealed::Keyring;
use shell::migrate::Schema;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

/// The room.
#[derive(Debug, Clone, Copy, Default)]
pub struct Audit;

impl Worker for Audit {
    const ROOM: Room = Room::Audit;
    type Key = store::Key;
    type State = store::State;
    type Input = read::Input;

    fn blank(_: &store::Key) -> store::State {
        // Records are never loaded, so this is always the head's.
        store::State::Head(chain::Head::default())
    }

    fn read(&self, arrival: &Arrival<'_>, _: &Keyring) -> Result<read::Input, ReadError> {
        read::read(arrival)
    }

    fn scope(&self, _: &read::Input, _: &World<Self>) -> Vec<store::Key> {
        vec![store::Key::Head]
    }

    fn decide(&self, world: &World<Self>, input: &read::Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(world, input, at)
    }
}

/// The room's tables.
#[must_use]
pub fn schema() -> Schema {
    Schema { room: Room::Audit, files: &store::FILES }
}
