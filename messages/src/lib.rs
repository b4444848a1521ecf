//! What may be said in this house: the envelope, one file per noun, sealed sections, and the topology as data.
//!
//! A message is a [`envelope::Event`] whose type is one of [`catalogue::Kind`]. This crate has no I/O: it must
//! never know tokio, lapin or sqlx, never read a clock, and never hold a rule about what an order may do.

pub mod address;
pub mod answer;
pub mod bounce;
pub mod card;
pub mod case;
pub mod catalogue;
pub mod contracts;
pub mod control;
pub mod email;
pub mod envelope;
pub mod id;
pub mod item;
pub mod money;
pub mod notice;
pub mod order;
pub mod outsiders;
pub mod payment;
pub mod person;
pub mod phone;
pub mod product;
pub mod room;
pub mod samples;
pub mod scrutiny;
pub mod sealed;
pub mod shipment;
pub mod stock;
pub mod subscriber;
pub mod task;
mod text;
pub mod timestamp;
pub mod topology;
pub mod tracking_number;

pub use catalogue::{Body, Kind, KindOf};
pub use envelope::Event;
pub use room::Room;
pub use timestamp::Timestamp;
