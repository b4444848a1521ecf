//! Journeys over real services: one house per test, real processes, the same program that an operator runs.

mod chaos;
mod clear_text;
mod contention;
mod faults;
mod foreign;
mod http;
mod journey;
mod operator;
mod parked;
mod poison;
