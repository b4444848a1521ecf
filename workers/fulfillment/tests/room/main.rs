//! The room on a stage: every cell of its table, its races, its edge, and what may be doubled and permuted.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod cancelled;
mod cancelling;
mod cells;
mod edge;
mod lapsing;
mod orders;
mod partners;
mod properties;
