//! Payment: holds the amount of a release on the customer's card, takes it when the parcel is on its way, and
//! lets it go when the parcel never will be.
//!
//! | | |
//! | --- | --- |
//! | Reads | `release.ready` (inventory), `shipment.dispatched`, `release.shorted` (fulfillment) |
//! | Owns | `releases`: one row per release, what is held and taken for it |
//! | Emits | `payment.authorized`, `.declined`, `.delayed`, `.captured`, `.capture_failed`, `.voided`, `.adjusted`; tasks `capture_failed`, `payment_unclear` |
//! | Outside | a Stripe-compatible card gateway: `authorize`, `capture`, `void` |
//!
//! # Invariants
//! - Captured ≤ authorized ≤ the release's amount; the database holds both as constraints.
//! - One purpose, one idempotency key: `{release}:{operation}:{epoch}`. A call whose outcome is unknown is repeated
//!   under its own key for 20 hours and looked up afterwards; a new epoch is opened only after the gateway has
//!   said no, or has said that it knows of no such thing.
//! - A unit is charged at most once, and never after its release has been told missing.
//! - What is declined stays declined; what may succeed later is told as `payment.delayed` and tried again here.
//! - The `delivery` section leaves with `payment.authorized`; the `payment` section stays as long as a unit may still be
//!   reported missing, for it is part of `payment.adjusted`. Neither is ever opened by a decision.
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
//!
//! No race: whatever fulfillment says before `release.ready` or before the gateway's answer is kept in the row
//! and takes effect with the answer.

pub mod call;
pub mod charge;
pub mod decide;
pub mod decline;
mod desk;
pub mod outside;
pub mod read;
pub mod store;

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
}

impl Default for Payment {
    /// One hour, one day, two days: the first steps of Mastercard's merchant advice 24 to 26 (domain §5), and far
    /// below the 15 retries in 30 days that cost a fee.
    fn default() -> Self {
        Self { retry_delays_seconds: vec![3_600, 86_400, 172_800], lookup_delay_seconds: 60 }
    }
}

impl Worker for Payment {
    const ROOM: Room = Room::Payment;
    type Key = Key;
    type State = State;
    type Input = Input;

    fn blank(_: &Key) -> State {
        State::default()
    }

    fn read(&self, arrival: &Arrival<'_>, _: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival)
    }

    fn scope(&self, input: &Input, _: &World<Self>) -> Vec<Key> {
        vec![Key::Release(input.release().clone())]
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
