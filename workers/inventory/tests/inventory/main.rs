//! What the room does, told as examples, properties and races over the real read, settle and decide.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::type_complexity, reason = "the type of a table is its heading")]

mod commands;
mod lines;
mod play;
mod properties;
mod races;
mod releases;
mod resending;
mod support;
mod waiting;
