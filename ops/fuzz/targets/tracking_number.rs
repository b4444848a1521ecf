//! Any text for a tracking number, and for the other values that people type.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messages::scrutiny::typed(bytes));
