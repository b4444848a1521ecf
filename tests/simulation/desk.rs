//! The broker as one room of one process sees it: a connection that is lost, held by an alarm, or forgets to say that it
//! took something. It keeps nothing; that is the broker's.

use std::sync::Arc;

use messages::Room;
use shell::faults::{self, Point};
use shell::ledger::OutboxRow;
use shell::seams::{Broker, Consumption, Lane};
use shell::wire::{Arrived, WireError};
use tokio::sync::Notify;

use crate::broker::{Stored, lost};
use crate::process::Process;

pub(crate) struct RoomBroker {
    pub process: Arc<Process>,
    pub room: Room,
    pub user: String,
}

pub(crate) struct RoomConsumption {
    process: Arc<Process>,
    number: u64,
    queue: String,
}

impl Broker for RoomBroker {
    type Consumption = RoomConsumption;

    fn user(&self) -> &str {
        &self.user
    }

    fn is_blocked(&self) -> bool {
        self.process.sim.is_alarmed()
    }

    async fn consume(&self, queue: &str, _: &str, prefetch: u16) -> Result<RoomConsumption, WireError> {
        self.process.pass("consume", 30).await;
        let number = self.process.net.open(self.process.number, queue, prefetch);
        Ok(RoomConsumption { process: Arc::clone(&self.process), number, queue: queue.to_owned() })
    }

    async fn publish(&self, _: Lane, rows: Vec<OutboxRow>) -> Vec<OutboxRow> {
        let sim = &self.process.sim;
        let all = rows.clone();
        let mut left = Vec::new();
        self.process.pass("publish", 30).await;
        if sim.fault("alarm", 40) {
            sim.broker_takes_alarm(200 + sim.below(8_000));
        }
        // Who has published meanwhile waits for confirms that do not come.
        sim.held_by_alarm().await;
        for (place, row) in rows.into_iter().enumerate() {
            if sim.fault("connection lost in a window", 200) {
                self.process.net.lose(self.process.number);
                return all;
            }
            if sim.fault("refused publish", 300) {
                left.push(row);
                continue;
            }
            match self.process.net.store(&message(&row, &self.user)) {
                Stored::Taken if sim.fault("confirm lost", 300) => left.push(row),
                Stored::Taken => {}
                Stored::Refused => left.push(row),
                // The whole window counts as not taken.
                Stored::Unroutable => return all,
            }
            if place == 0 {
                faults::point(Point::MidPublish, self.room).await;
            }
        }
        self.process.pass("confirmed", 30).await;
        left
    }
}

fn message(row: &OutboxRow, user: &str) -> Arrived {
    Arrived {
        tag: 0,
        exchange: row.exchange.clone(),
        routing_key: row.routing_key.clone(),
        content_type: Some(row.content_type.clone()),
        message_id: Some(row.message_id.clone()),
        user_id: Some(user.to_owned()),
        app_id: Some(user.to_owned()),
        headers: row.headers.clone(),
        delivery_count: 0,
        bytes: row.body.to_vec(),
    }
}

impl Consumption for RoomConsumption {
    async fn next(&mut self) -> Result<Arrived, WireError> {
        let net = Arc::clone(&self.process.net);
        loop {
            let told = net.told.get(&self.queue).map(Notify::notified);
            if let Some(next) = net.next(self.number) {
                return next;
            }
            match told {
                Some(told) => told.await,
                None => return Err(WireError::NoQueue(self.queue.clone())),
            }
        }
    }

    fn ready(&mut self) -> Option<Result<Arrived, WireError>> {
        self.process.net.next(self.number)
    }

    async fn ack(&mut self, tag: u64) -> Result<(), WireError> {
        self.process.pass("ack", 30).await;
        if self.process.sim.fault("ack lost", 300) {
            self.process.net.lose(self.process.number);
            return Err(lost());
        }
        self.process.net.ack(self.number, tag)
    }
}

impl Drop for RoomConsumption {
    fn drop(&mut self) {
        self.process.net.leave(self.number);
    }
}
