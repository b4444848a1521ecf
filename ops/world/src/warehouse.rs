//! The warehouse: it opens the labels that are sealed for it, packs, says what it packed and what it could not find,
//! hands the parcels to the carriers, and opens those that come back. It must never print a label's text, and never pack for a label that does not
//! open.

mod label;
mod pick;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use messages::envelope::read_body;
use messages::outsiders::WAREHOUSE;
use messages::sealed::Keyring;
use messages::shipment::ShipmentRequested;
use messages::{Event, Kind, Timestamp};
use tokio::sync::mpsc;

use crate::carriers::{self, Parcel, Returned, Rounds, is_refusal};
use crate::clock;
use crate::line::{Credentials, Letter, Line};
pub use label::label;
pub use pick::Habits;
use pick::{Picked, open_label, pick, unpacked};

/// Parcels on the counter between the warehouse and the carriers.
const COUNTER: usize = 10_000;

/// A warehouse with its carriers.
#[derive(Clone)]
pub struct Warehouse {
    ring: Keyring,
    habits: Habits,
    rounds: Rounds,
    /// From a request to its packed parcel.
    pick_time: Duration,
    /// From a returned parcel on the counter to its being opened.
    unpack_time: Duration,
    counts: Arc<Counts>,
}

/// What was done so far. Shared with the running warehouse.
#[derive(Debug, Default)]
pub struct Counts {
    requested: AtomicU64,
    opened: AtomicU64,
    unopened: AtomicU64,
    packed: AtomicU64,
    short: AtomicU64,
    doubled: AtomicU64,
    unpacked: AtomicU64,
    refused: AtomicU64,
    pub carriers: Arc<carriers::Counts>,
}

macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        impl Counts {
            $($(#[$doc])* pub fn $name(&self) -> u64 {
                self.$name.load(Ordering::Relaxed)
            })*
        }
    };
}
reads! {
    /// Requests that arrived, repeats included.
    requested;
    /// Labels that opened.
    opened;
    /// Labels that did not open; nothing was packed for them.
    unopened;
    /// Shipments told as packed.
    packed;
    /// Shipments told as short.
    short;
    /// Shipments of which something was told twice.
    doubled;
    /// Parcels that came back and were opened.
    unpacked;
    /// Messages of the warehouse that the system refused.
    refused;
}

impl Warehouse {
    /// A warehouse with its own keys: those of `oms keys export warehouse`.
    #[must_use]
    pub fn new(ring: Keyring) -> Self {
        Self {
            ring,
            habits: Habits::default(),
            rounds: Rounds::default(),
            pick_time: Duration::ZERO,
            unpack_time: Duration::ZERO,
            counts: Arc::default(),
        }
    }

    #[must_use]
    pub fn with_habits(self, habits: Habits) -> Self {
        Self { habits, ..self }
    }

    #[must_use]
    pub fn with_rounds(self, rounds: Rounds) -> Self {
        Self { rounds, ..self }
    }

    #[must_use]
    pub fn taking(self, pick_time: Duration) -> Self {
        Self { pick_time, ..self }
    }

    #[must_use]
    pub fn unpacking_after(self, unpack_time: Duration) -> Self {
        Self { unpack_time, ..self }
    }

    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Works until the future is dropped. Parcels that are on their way then get no more scans.
    ///
    /// # Errors
    /// The broker does not let the warehouse or the carriers in.
    pub async fn run(self, url: &str, credentials: Option<&Credentials>) -> anyhow::Result<()> {
        let line = Line::open(url, credentials, WAREHOUSE).await?;
        let carriers_line = Line::open(url, credentials, carriers::NAME).await?;
        let (counter, parcels) = mpsc::channel(COUNTER);
        let (back, returned) = mpsc::unbounded_channel();
        let counts = Arc::clone(&self.counts.carriers);
        let carrying = carriers::run(carriers_line, parcels, back, self.rounds, counts);
        tokio::try_join!(self.pack(&line, counter), self.unpack(&line, returned), carrying)?;
        Ok(())
    }

    async fn unpack(
        &self,
        line: &Line,
        mut returned: mpsc::UnboundedReceiver<Returned>,
    ) -> anyhow::Result<()> {
        let mut parcels = Vec::new();
        while returned.recv_many(&mut parcels, COUNTER).await > 0 {
            // One time for all of them: who comes meanwhile is next.
            tokio::time::sleep(self.unpack_time).await;
            let at = clock::now();
            let events: Vec<Event> =
                parcels.drain(..).map(|parcel| unpacked(line.name(), &parcel, at)).collect();
            self.counts.unpacked.fetch_add(events.len() as u64, Ordering::Relaxed);
            line.publish(Letter::batches(&events)).await?;
        }
        Ok(())
    }

    async fn pack(&self, line: &Line, counter: mpsc::Sender<Parcel>) -> anyhow::Result<()> {
        let mut ear = line.ear().await?;
        loop {
            let heard = ear.hear().await;
            if heard.unreadable > 0 {
                tracing::error!(count = heard.unreadable, "the system sent what cannot be read");
            }
            if !self.pick_time.is_zero() {
                tokio::time::sleep(self.pick_time).await;
            }
            let picked: Vec<Picked> =
                heard.events.iter().filter_map(|event| self.take(line.name(), event)).collect();
            // Sorted by kind, so that neighbours share a letter; what is missing is told before what is packed.
            let mut events: Vec<Event> =
                picked.iter().flat_map(|picked| picked.events.iter().cloned()).collect();
            events.sort_by(|one, other| other.kind.cmp(&one.kind));
            line.publish(Letter::batches(&events)).await?;
            for picked in picked {
                self.count(&picked);
                if let Some(parcel) = picked.parcel {
                    counter.send(parcel).await.map_err(|_| anyhow!("the carriers have closed"))?;
                }
            }
            ear.ack().await;
        }
    }

    fn take(&self, name: &str, event: &Event) -> Option<Picked> {
        let kind = Kind::parse(&event.kind);
        if kind == Some(Kind::CommandAnswered) {
            self.counts.refused.fetch_add(u64::from(is_refusal(event)), Ordering::Relaxed);
            return None;
        }
        if kind != Some(Kind::ShipmentRequested) {
            tracing::error!(kind = %event.kind, "this is not for the warehouse");
            return None;
        }
        self.counts.requested.fetch_add(1, Ordering::Relaxed);
        let request: ShipmentRequested = match read_body(&event.data) {
            Ok(request) => request,
            Err(error) => {
                self.counts.unopened.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "a shipment request cannot be read; it is not packed");
                return None;
            }
        };
        if let Err(error) = open_label(&self.ring, &request) {
            self.counts.unopened.fetch_add(1, Ordering::Relaxed);
            tracing::error!(shipment = %request.shipment, %error, "a label does not open; the shipment is not packed");
            return None;
        }
        self.counts.opened.fetch_add(1, Ordering::Relaxed);
        let picked = pick(name, &request, Timestamp(event.time), self.habits);
        Some(picked.in_trace(event.traceparent.as_deref()))
    }

    fn count(&self, picked: &Picked) {
        let add = |counter: &AtomicU64, is: bool| counter.fetch_add(u64::from(is), Ordering::Relaxed);
        add(&self.counts.packed, picked.parcel.is_some());
        add(&self.counts.short, picked.is_short);
        add(&self.counts.doubled, picked.is_doubled);
    }
}
