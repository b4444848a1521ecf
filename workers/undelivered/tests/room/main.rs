//! The room on a stage: a table per class from the first scan to the end, the commands, the edge, the races, and what
//! may be doubled and permuted.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod classes;
mod commands;
mod edge;
mod partners;
mod properties;
mod races;
