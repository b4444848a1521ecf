//! The trace that an event belongs to (W3C trace context). What comes without one, or with something else in its place,
//! begins one that follows from the event itself, so that a redelivery does not begin another.

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

/// The trace id of a context, if it is one: version, trace, span, flags.
pub(crate) fn id(context: &str) -> Option<&str> {
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
    fits.then_some(trace)
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
}
