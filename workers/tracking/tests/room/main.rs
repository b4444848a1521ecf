//! The room on a stage: what each message leads to, what is refused, and what may be doubled and permuted.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod bytes;
mod cells;
mod lost;
mod partners;
mod properties;
