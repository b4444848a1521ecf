//! Any JSON for a postal address.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messages::scrutiny::address(bytes));
