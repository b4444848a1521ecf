//! The edge: what arrives becomes an input. It opens no section.

use messages::case::CaseResolved;
use messages::catalogue::Kind;
use messages::envelope::{Unreadable, read_body};
use messages::id::ReleaseId;
use messages::order::OrderCancelled;
use messages::shipment::{ReleaseShorted, ShipmentDispatched};
use messages::stock::{ReleaseReady, ReshipReady};
use shell::worker::DueRow;
use shell::{Arrival, ReadError};

use crate::call::{Answer, Operation, RENEW};

/// Exactly what this room reads.
#[derive(Debug, Clone)]
pub enum Input {
    Ready(Box<ReleaseReady>),
    Dispatched(ShipmentDispatched),
    Shorted(ReleaseShorted),
    /// What of a parcel that is to be sent again cannot be sent.
    ReshipReady(ReshipReady),
    Cancelled(OrderCancelled),
    Resolved(Box<CaseResolved>),
    /// A hold is about to lapse.
    Renew {
        release: ReleaseId,
    },
    /// A call to the gateway ended.
    Answered {
        release: ReleaseId,
        operation: Operation,
        epoch: i32,
        attempt: i32,
        answer: Answer,
    },
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
            } else if *kind == Kind::ReshipReady {
                Ok(Input::ReshipReady(read_body(&event.data)?))
            } else if *kind == Kind::OrderCancelled {
                Ok(Input::Cancelled(read_body(&event.data)?))
            } else if *kind == Kind::CaseResolved {
                Ok(Input::Resolved(Box::new(read_body(&event.data)?)))
            } else {
                Err(Unreadable::UnknownType.into())
            }
        }
        Arrival::Answer { due, answer } => {
            let operation = Operation::parse(&due.kind).ok_or(Unreadable::UnknownType)?;
            let (release, answer) = (release_of(due)?, read_body::<Answer>(answer)?);
            Ok(Input::Answered { release, operation, epoch: due.epoch, attempt: due.attempt, answer })
        }
        Arrival::Timer { due } if due.kind == RENEW => Ok(Input::Renew { release: release_of(due)? }),
        Arrival::Timer { .. } => Err(Unreadable::UnknownType.into()),
    }
}

fn release_of(due: &DueRow) -> Result<ReleaseId, ReadError> {
    Ok(ReleaseId::parse(&due.key).map_err(|_| Unreadable::UnknownType)?)
}
