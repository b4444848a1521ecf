//! Any AMQP message, and the body in it: read or refused in a sentence, and written as it was read.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messages::scrutiny::message(bytes));
