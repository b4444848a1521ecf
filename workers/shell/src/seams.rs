//! The narrow seams of a running room: its store and its broker, as types, so that the same loops also run in memory
//! under a simulator. Nothing here costs a running room anything: every call is resolved when it is compiled.

use crate::ledger::{OutboxRow, Store};
use crate::postgres::PgLedger;
use crate::wire::{Amqp, Arrived, WireError};
use crate::worker::Worker;

/// Which store and which broker a room runs over.
pub trait Seams<W: Worker>: Send + Sync + Sized + 'static {
    type Store: Store<W>;
    type Broker: Broker;
}

/// PostgreSQL and RabbitMQ.
#[derive(Debug, Clone, Copy)]
pub struct Real;

impl<W: Worker> Seams<W> for Real {
    type Store = PgLedger;
    type Broker = Amqp;
}

/// Whom a row is for. Rows for outsiders have a channel of their own: one full queue there stops nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Rooms,
    Outsiders,
}

/// A broker as one room sees it.
pub trait Broker: Send + Sync + 'static {
    type Consumption: Consumption;

    /// The user under which the room publishes.
    fn user(&self) -> &str;

    /// Whether the broker has asked not to publish for now.
    fn is_blocked(&self) -> bool;

    /// Begins to consume a queue.
    fn consume(
        &self,
        queue: &str,
        tag: &str,
        prefetch: u16,
    ) -> impl Future<Output = Result<Self::Consumption, WireError>> + Send;

    /// Publishes rows in order and gives back those that were not confirmed.
    fn publish(&self, lane: Lane, rows: Vec<OutboxRow>) -> impl Future<Output = Vec<OutboxRow>> + Send;
}

/// One life of a consumer. Whatever it has not acked when it is dropped comes again.
pub trait Consumption: Send {
    /// The next message; it may be given up while it waits.
    fn next(&mut self) -> impl Future<Output = Result<Arrived, WireError>> + Send;

    /// The next message, if it has arrived already.
    fn ready(&mut self) -> Option<Result<Arrived, WireError>>;

    /// Acks everything up to this tag.
    fn ack(&mut self, tag: u64) -> impl Future<Output = Result<(), WireError>> + Send;
}
