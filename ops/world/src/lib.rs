//! The outside world's stand-in: what the system meets beyond its own rooms, speaking as the real one does
//! and misbehaving when it is asked to. It must never be linked into a room, and never hold anything that a
//! room needs to start.

pub mod carriers;
pub mod chance;
pub mod clock;
pub mod customers;
pub mod gateway;
pub mod line;
pub mod mail;
pub mod products;
pub mod store;
pub mod warehouse;
