//! Payment: holds the amount of a release on the customer's card, takes it when the parcel is on its way, lets it go
//! when the parcel never will be, and gives it back when a case says so.
//!
//! | | |
//! | --- | --- |
//! | Reads | `release.ready`, `reship.ready` (inventory), `shipment.dispatched`, `release.shorted`, `order.cancelled` (fulfillment), `case.resolved` (undelivered) |
//! | Owns | `orders`: the releases of an order, and its cancellation; `releases`: what is held, taken and given back for one |
//! | Emits | `payment.authorized`, `.declined`, `.delayed`, `.renewed`, `.captured`, `.capture_failed`, `.voided`, `.adjusted`, `.refunded`; tasks `capture_failed`, `payment_unclear`, `hold_lapsed`, `refund_failed` |
//! | Outside | a Stripe-compatible card gateway: `authorize`, `capture`, `void`, `let_go` (a void of a hold that was replaced), `refund`; the timer `renew` |
//!
//! # Invariants
//! - Refunded ≤ captured ≤ authorized ≤ the release's amount; the database holds all three as constraints.
//! - One purpose, one idempotency key: `{release}:{operation}:{epoch}`. A call whose outcome is unknown is repeated
//!   under its own key for 20 hours and looked up afterwards; a new epoch is opened only after the gateway has
//!   said no, or has said that it knows of no such thing. An answer to another epoch decides nothing, but a hold that
//!   it tells of is let go.
//! - A unit is charged at most once, and never after its release has been told missing or cancelled.
//! - What is declined stays declined; what may succeed later is told as `payment.delayed` and tried again here.
//! - `order.cancelled` is absorbing: in the end nothing is held for what was not handed over, also if it is authorized
//!   or told of later. Only `payment.voided` is said of it then. Releases that were handed over go on, and what has
//!   been charged stays charged.
//! - A hold is renewed a day before it lapses, for what is still to be charged; the old one goes when the new one
//!   stands. A declined renewal is a task and told as `payment.delayed` with the code `authorization_lapsed`, and is
//!   retried like any other (a card that must not be tried again is not; `retry_at` is then the hold's end). That
//!   keeps fulfillment from handing the release over until `payment.renewed` says that the hold stands again. What was
//!   handed over is not lost: if a parcel leaves without a hold, it is held and charged anew, or that is a failed capture.
//! - A refund is one per case, of the units in it that were charged and not refunded before; the shipping charge goes
//!   back with the last unit of the release that was shipped. It waits for the capture and for the case's own parcel.
//!   Units that cannot be had for a parcel that is to be sent again (`reship.ready`), or are missing when it is packed
//!   (`release.shorted`), are refunded in the same way, unasked.
//!   What the gateway will not give back is a task, and is not tried again.
//! - The `delivery` section leaves with `payment.authorized`; the `payment` section stays as long as a unit may still be
//!   reported missing or held anew, for it is part of `payment.adjusted`. Neither is ever opened by a decision.
//! - It never asks the gateway for more than one hold per release at a time, never names a card, and never
//!   charges for what has not been dispatched.
//!
//! A capture is always final: several captures of one hold are a feature that few accounts have, and a release is
//! one shipment. What a short parcel leaves over is released by the gateway with the capture.
//!
//! # Races
//! - `shipment.dispatched` and `release.shorted` for the same units: the first one heard owns the units. Dispatched after
//!   shorted is a parcel that nobody pays for, and opens a task.
//! - A second `shipment.dispatched` of a release, and the capture for the first: heard before the capture is
//!   decided, they are charged together; after it, the gateway may refuse the second, which is a failed capture.
//! - `order.cancelled` and the gateway's answer: answered first, the hold (or its decline) is told and then voided;
//!   cancelled first, only the void is told. Nothing is held either way.
//! - The renewal and a dispatch: the parcel is charged from the old hold, or from the new one; from one of them.
//! - Two refunds of one release, or a refund and another dispatch: the one that is last gives the shipping charge back.
//!
//! No race: whatever fulfillment or a case says before `release.ready` or before the gateway's answer is kept in the
//! row and takes effect with the answer.

pub mod call;
mod cancel;
pub mod charge;
pub mod decide;
pub mod decline;
mod desk;
pub mod outside;
pub mod read;
mod refund;
mod renew;
pub mod store;

use messages::case::CaseEnd;
use messages::sealed::Keyring;
use messages::{Room, Timestamp};
use shell::migrate::Schema;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

pub use outside::{Gateway, GatewaySettings};
pub use read::Input;
pub use store::{Key, State};

/// The room's settings.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Seconds until each further try after a decline that may pass; after the last one it is final.
    pub retry_delays_seconds: Vec<i64>,
    /// Seconds from an authorization of unknown outcome until the gateway's search can be believed when it finds
    /// nothing (Stripe, "Search": data is searchable in under a minute).
    pub lookup_delay_seconds: i64,
    /// Seconds before a hold lapses at which it is renewed; half of its life if that is shorter.
    pub renew_before_seconds: i64,
}

impl Default for Payment {
    /// One hour, one day, two days: the first steps of Mastercard's merchant advice 24 to 26 (domain §5), and far
    /// below the 15 retries in 30 days that cost a fee.
    fn default() -> Self {
        Self {
            retry_delays_seconds: vec![3_600, 86_400, 172_800],
            lookup_delay_seconds: 60,
            renew_before_seconds: 86_400,
        }
    }
}

impl Worker for Payment {
    const ROOM: Room = Room::Payment;
    type Key = Key;
    type State = State;
    type Input = Input;

    fn blank(key: &Key) -> State {
        State::blank(key)
    }

    fn read(&self, arrival: &Arrival<'_>, _: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival)
    }

    fn scope(&self, input: &Input, found: &World<Self>) -> Vec<Key> {
        match input {
            Input::Ready(ready) => {
                vec![Key::Order(ready.release.order.clone()), Key::Release(ready.release.release.clone())]
            }
            Input::Cancelled(cancelled) => {
                let key = Key::Order(cancelled.order.clone());
                let order = found.find(&key).and_then(State::order);
                let releases = order.into_iter().flat_map(|order| &order.releases).cloned();
                releases.map(Key::Release).chain([key.clone()]).collect()
            }
            Input::Dispatched(dispatched) => vec![Key::Release(dispatched.release.clone())],
            Input::Shorted(shorted) => vec![Key::Release(shorted.release.clone())],
            Input::ReshipReady(ready) => vec![Key::Release(ready.shipment.release())],
            Input::Resolved(resolved) => match resolved.resolution {
                CaseEnd::Refund => vec![Key::Release(resolved.release.clone())],
                CaseEnd::Reship | CaseEnd::Closed => Vec::new(),
            },
            Input::Renew { release } | Input::Answered { release, .. } => {
                vec![Key::Release(release.clone())]
            }
        }
    }

    fn decide(&self, world: &World<Self>, input: &Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(self, world, input, at)
    }
}

/// The room's tables.
#[must_use]
pub fn schema() -> Schema {
    Schema { room: Room::Payment, files: &store::FILES }
}

/// How long a hold is taken to live when the gateway does not say: 4 days 18 hours, the shortest window of the
/// card networks (Visa, merchant-initiated; domain §5).
pub(crate) const HOLD_SECONDS_DEFAULT: i64 = (4 * 24 + 18) * 3_600;

/// Nothing is held for a release that costs nothing, so nothing lapses; the message needs a date all the same.
pub(crate) fn free_until(now: Timestamp) -> Timestamp {
    now.plus_seconds(365 * 86_400)
}
