//! The edge: what arrives becomes an input. It opens no section.

use messages::catalogue::Kind;
use messages::envelope::{Unreadable, read_body};
use messages::id::ReleaseId;
use messages::shipment::{ReleaseShorted, ShipmentDispatched};
use messages::stock::ReleaseReady;
use shell::{Arrival, ReadError};

use crate::call::{Answer, KINDS};

/// Exactly what this room reads.
#[derive(Debug, Clone)]
pub enum Input {
    Ready(Box<ReleaseReady>),
    Dispatched(ShipmentDispatched),
    Shorted(ReleaseShorted),
    /// A call to the gateway ended.
    Answered {
        release: ReleaseId,
        attempt: i32,
        answer: Answer,
    },
}

impl Input {
    /// The release that it is about.
    #[must_use]
    pub fn release(&self) -> &ReleaseId {
        match self {
            Self::Ready(ready) => &ready.release.release,
            Self::Dispatched(dispatched) => &dispatched.release,
            Self::Shorted(shorted) => &shorted.release,
            Self::Answered { release, .. } => release,
        }
    }
}

/// Parses what arrived.
///
/// # Errors
/// The event is unreadable or not for this room.
pub fn read(arrival: &Arrival<'_>) -> Result<Input, ReadError> {
    match arrival {
        Arrival::Message { kind, event, .. } => {
            if *kind == Kind::ReleaseReady {
                Ok(Input::Ready(Box::new(read_body(&event.data)?)))
            } else if *kind == Kind::ShipmentDispatched {
                Ok(Input::Dispatched(read_body(&event.data)?))
            } else if *kind == Kind::ReleaseShorted {
                Ok(Input::Shorted(read_body(&event.data)?))
            } else {
                Err(Unreadable::UnknownType.into())
            }
        }
        Arrival::Answer { due, answer } if KINDS.contains(&due.kind.as_str()) => {
            let release = ReleaseId::parse(&due.key).map_err(|_| Unreadable::UnknownType)?;
            Ok(Input::Answered { release, attempt: due.attempt, answer: read_body::<Answer>(answer)? })
        }
        Arrival::Answer { .. } | Arrival::Timer { .. } => Err(Unreadable::UnknownType.into()),
    }
}
