//! Intake on a stage: the real reading, settling and deciding over a ledger in memory. No broker, no
//! database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bytes;
mod edge;
mod properties;
mod races;
mod support;
mod table;
