//! The trace that an event belongs to (W3C trace context). What comes without one, or with something else in its place,
//! begins one that follows from the event itself, so that a redelivery does not begin another.

use messages::Room;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The event's own context, or a new one.
pub(crate) fn context(given: Option<&str>, origin: Uuid) -> String {
    match given {
        Some(given) if id(given).is_some() => given.to_owned(),
        Some(_) | None => {
            let trace = origin.simple().to_string();
            format!("00-{trace}-{}-00", &trace[16..])
        }
    }
}

/// The context of what a room makes of an event: the same trace, the room's own span. It follows from the event, so that
/// what is told again after a crash is told in the same words.
pub(crate) fn onward(context: &str, room: Room, origin: Uuid) -> String {
    match parts(context) {
        Some([version, trace, _, flags]) => format!("{version}-{trace}-{:016x}-{flags}", span(room, origin)),
        None => context.to_owned(),
    }
}

/// The id of a room's span for an event; never zero, which is none.
pub(crate) fn span(room: Room, origin: Uuid) -> u64 {
    let hash = Sha256::new().chain_update(room.name()).chain_update(origin.as_bytes()).finalize();
    let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
    u64::from_be_bytes(*first).max(1)
}

/// Trace and the span before this one; there is none before the first of a trace that began here.
pub(crate) fn trace_and_parent(context: &str) -> Option<(u128, Option<u64>)> {
    let [_, trace, span, _] = parts(context)?;
    let number = u128::from_str_radix(trace, 16).ok()?;
    let began_here = trace.ends_with(span);
    Some((number, u64::from_str_radix(span, 16).ok().filter(|_| !began_here)))
}

/// The trace id of a context, if it is one.
pub(crate) fn id(context: &str) -> Option<&str> {
    parts(context).map(|[_, trace, _, _]| trace)
}

/// Version, trace, span and flags.
fn parts(context: &str) -> Option<[&str; 4]> {
    let mut parts = context.split('-');
    let [version, trace, span, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let fits = parts.next().is_none()
        && is_hex(version, 2)
        && is_hex(trace, 32)
        && is_hex(span, 16)
        && is_hex(flags, 2)
        && trace.bytes().any(|byte| byte != b'0');
    fits.then_some([version, trace, span, flags])
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_kept_and_anything_else_begins_one_that_stays() {
        let origin = Uuid::from_u128(0x0193_5c00_0000_8000_8000_0000_0000_0001);
        assert_eq!(context(Some(GIVEN), origin), GIVEN);
        let begun = context(None, origin);
        assert_eq!(id(&begun), Some("01935c00000080008000000000000001"));
        assert_eq!(context(None, origin), begun);
        assert_eq!(trace_and_parent(&begun), Some((0x0193_5c00_0000_8000_8000_0000_0000_0001, None)));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "Jane Doe, 1 Liberty Street",
        ] {
            assert_eq!(context(Some(bad), origin), begun, "{bad}");
        }
    }

    #[test]
    fn each_room_goes_on_under_its_own_span_of_the_same_trace_and_always_the_same() {
        let origin = Uuid::from_u128(7);
        let onward_of = |room| onward(GIVEN, room, origin);
        let (trace, parent) = trace_and_parent(&onward_of(Room::Intake)).expect("a context");
        assert_eq!(trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(parent, Some(span(Room::Intake, origin)));
        assert!(onward_of(Room::Intake).ends_with("-01"), "whoever samples is heard");
        assert_eq!(onward_of(Room::Intake), onward_of(Room::Intake));
        assert_ne!(onward_of(Room::Intake), onward_of(Room::Audit));
        assert_ne!(onward_of(Room::Intake), onward(GIVEN, Room::Intake, Uuid::from_u128(8)));
    }
}
