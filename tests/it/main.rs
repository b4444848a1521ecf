//! Journeys over real services: one house per test, real processes, the same program that an operator runs.

mod bounces;
mod campaign;
mod cancelling;
mod cases;
mod cases_killed;
mod clear_text;
mod contention;
mod crash_points;
mod dashboards;
mod faults;
mod foreign;
mod http;
mod journey;
mod measured_trouble;
mod metrics;
mod operator;
mod parked;
mod poison;
mod promotions;
mod restoring;
mod scaling;
mod status;
mod traces;
mod waiting;
