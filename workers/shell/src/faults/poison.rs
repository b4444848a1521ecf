//! Poison that only a build with the feature `faults` swallows: an event that makes its decision panic, and one that
//! ends the process. It must never be in a release build.

use messages::Event;

/// The `subject` of an event whose decision panics.
const PANIC: &str = "oms:panic";
/// The `subject` of an event that takes its process along.
const ABORT: &str = "oms:abort";

/// Called where an event is decided.
///
/// # Panics
/// The event says so.
pub(crate) fn swallow(event: &Event) {
    match event.subject.as_deref() {
        Some(PANIC) => panic!("the event asked for it: {PANIC}"),
        Some(ABORT) => std::process::abort(),
        Some(_) | None => {}
    }
}
