//! A broker in memory with the house's own topology: exchanges, bindings, alternate exchanges, prefetch, redelivery with
//! its count, refused publishes. It loses connections, forgets to confirm, doubles and reorders; it never loses what it
//! has confirmed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use messages::Room;
use messages::outsiders::Outsiders;
use messages::topology::{self, Target, Topology};
use shell::faults::{self, Point};
use shell::ledger::{OutboxRow, WireHeaders};
use shell::seams::{Broker, Consumption, Lane};
use shell::wire::{Arrived, WireError};
use tokio::sync::Notify;

use crate::process::Process;
use crate::sim::Sim;

pub(crate) struct Net {
    sim: Arc<Sim>,
    topology: Topology,
    inner: Mutex<Inner>,
    /// Told when a queue has got something, or a consumer lost its connection.
    told: BTreeMap<String, Notify>,
}

#[derive(Default)]
struct Inner {
    queues: BTreeMap<String, VecDeque<Arrived>>,
    consumers: BTreeMap<u64, Consumer>,
    consumed: u64,
    routes: BTreeMap<(String, String), Vec<String>>,
    /// Everything that rooms told rooms, as it was published.
    heard: Vec<(String, Arc<[u8]>)>,
}

struct Consumer {
    process: u64,
    queue: String,
    prefetch: usize,
    tag: u64,
    /// Delivered, and not asked for yet.
    buffer: VecDeque<Arrived>,
    unacked: VecDeque<Arrived>,
    is_open: bool,
}

impl Net {
    pub(crate) fn new(sim: Arc<Sim>, outsiders: &Outsiders) -> Arc<Self> {
        let topology = Topology::of(outsiders);
        let told = topology.queues.iter().map(|queue| (queue.name.clone(), Notify::new())).collect();
        Arc::new(Self { sim, topology, inner: Mutex::default(), told })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, queue: &str) {
        if let Some(told) = self.told.get(queue) {
            told.notify_waiters();
        }
    }

    /// The queues that a message reaches, by bindings and alternates.
    fn route(&self, inner: &mut Inner, exchange: &str, key: &str) -> Vec<String> {
        let place = (exchange.to_owned(), key.to_owned());
        if let Some(known) = inner.routes.get(&place) {
            return known.clone();
        }
        let mut queues = BTreeSet::new();
        self.follow(exchange, key, &mut queues);
        let queues: Vec<String> = queues.into_iter().collect();
        inner.routes.insert(place, queues.clone());
        queues
    }

    fn follow(&self, exchange: &str, key: &str, queues: &mut BTreeSet<String>) {
        let exchange = self.topology.exchanges.iter().find(|found| found.name == exchange);
        let Some(exchange) = exchange else { return };
        let is_fanout = exchange.kind == topology::ExchangeKind::Fanout;
        let mut is_bound = false;
        for binding in self.topology.bindings.iter().filter(|binding| binding.source == exchange.name) {
            if is_fanout || fits(&binding.key, key) {
                is_bound = true;
                match &binding.target {
                    Target::Queue(name) => drop(queues.insert(name.clone())),
                    Target::Exchange(name) => self.follow(name, key, queues),
                }
            }
        }
        if let (false, Some(alternate)) = (is_bound, exchange.alternate) {
            self.follow(alternate, key, queues);
        }
    }

    /// Stores a message in every queue that it reaches; gives whether there is one.
    pub(crate) fn store(&self, message: &Arrived) -> bool {
        let mut inner = self.lock();
        let queues = self.route(&mut inner, &message.exchange, &message.routing_key);
        if message.exchange == topology::OMS {
            inner
                .heard
                .push((message.content_type.clone().unwrap_or_default(), message.bytes.clone().into()));
        }
        for name in &queues {
            let copies = 1 + u64::from(self.sim.fault("doubled", 500));
            for _ in 0..copies {
                let queue = inner.queues.entry(name.clone()).or_default();
                let behind = if self.sim.fault("reordered", 1_000) { self.sim.below(6) } else { 0 };
                let behind = usize::try_from(behind).unwrap_or(0);
                queue.insert(queue.len() - behind.min(queue.len()), message.clone());
            }
        }
        drop(inner);
        for name in &queues {
            self.tell(name);
        }
        !queues.is_empty()
    }

    /// An outsider publishes; it waits for its confirm and gets it.
    pub(crate) fn publish_outside(
        &self,
        sender: &str,
        key: &str,
        content_type: &str,
        id: &str,
        bytes: &[u8],
    ) {
        let message = Arrived {
            tag: 0,
            exchange: topology::IN.to_owned(),
            routing_key: key.to_owned(),
            content_type: Some(content_type.to_owned()),
            message_id: Some(id.to_owned()),
            user_id: Some(sender.to_owned()),
            app_id: None,
            headers: WireHeaders::default(),
            delivery_count: 0,
            bytes: bytes.to_vec(),
        };
        self.store(&message);
    }

    /// An outsider takes what waits for it.
    pub(crate) fn take_outside(&self, name: &str) -> Vec<Arrived> {
        let mut inner = self.lock();
        inner.queues.get_mut(&topology::out_queue(name)).map(std::mem::take).unwrap_or_default().into()
    }

    /// Messages in the queues that rooms work on, delivered ones included; those that keep are none.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let inner = self.lock();
        let is_work = |name: &str| {
            Room::ALL.into_iter().any(|room| {
                [topology::inner_queue(room), topology::outside_queue(room), topology::dead_queue(room)]
                    .iter()
                    .any(|queue| queue == name)
            })
        };
        let ready = inner.queues.iter().filter(|(name, queue)| is_work(name) && !queue.is_empty());
        let unacked = inner.consumers.values().filter(|consumer| !consumer.unacked.is_empty());
        ready
            .map(|(name, queue)| format!("{} in {name}", queue.len()))
            .chain(
                unacked.map(|consumer| format!("{} unacked of {}", consumer.unacked.len(), consumer.queue)),
            )
            .collect()
    }

    /// What lies in a queue that nobody works on.
    pub(crate) fn kept(&self, queue: &str) -> Vec<Arrived> {
        self.lock().queues.get(queue).map(|queue| queue.iter().cloned().collect()).unwrap_or_default()
    }

    /// Everything that rooms told rooms: content type and bytes.
    pub(crate) fn heard(&self) -> Vec<(String, Arc<[u8]>)> {
        self.lock().heard.clone()
    }

    /// A process's connections break: what it has not acked comes again, counted.
    pub(crate) fn lose(&self, process: u64) {
        let lost: Vec<u64> = {
            let inner = self.lock();
            let of_it = inner.consumers.iter().filter(|(_, consumer)| consumer.process == process);
            of_it.map(|(number, _)| *number).collect()
        };
        for number in lost {
            self.close(number);
        }
    }

    fn close(&self, number: u64) {
        let mut inner = self.lock();
        let Some(consumer) = inner.consumers.get_mut(&number) else { return };
        consumer.is_open = false;
        consumer.buffer.clear();
        let (unacked, name) = (std::mem::take(&mut consumer.unacked), consumer.queue.clone());
        let queue = inner.queues.entry(name.clone()).or_default();
        for mut message in unacked.into_iter().rev() {
            message.delivery_count += 1;
            queue.push_front(message);
        }
        drop(inner);
        self.tell(&name);
    }

    fn open(&self, process: u64, queue: &str, prefetch: u16) -> u64 {
        let mut inner = self.lock();
        inner.consumed += 1;
        let number = inner.consumed;
        let consumer = Consumer {
            process,
            queue: queue.to_owned(),
            prefetch: prefetch.into(),
            tag: 0,
            buffer: VecDeque::new(),
            unacked: VecDeque::new(),
            is_open: true,
        };
        inner.consumers.insert(number, consumer);
        number
    }

    /// The next message of a consumer, if there is one; it gets as many as its prefetch allows.
    fn next(&self, number: u64) -> Option<Result<Arrived, WireError>> {
        let mut inner = self.lock();
        let Inner { queues, consumers, .. } = &mut *inner;
        let Some(consumer) = consumers.get_mut(&number).filter(|consumer| consumer.is_open) else {
            return Some(Err(lost()));
        };
        if let Some(queue) = queues.get_mut(&consumer.queue) {
            while consumer.unacked.len() < consumer.prefetch
                && let Some(mut message) = queue.pop_front()
            {
                consumer.tag += 1;
                message.tag = consumer.tag;
                consumer.buffer.push_back(message.clone());
                consumer.unacked.push_back(message);
            }
        }
        consumer.buffer.pop_front().map(Ok)
    }

    fn ack(&self, number: u64, tag: u64) -> Result<(), WireError> {
        let mut inner = self.lock();
        let consumer =
            inner.consumers.get_mut(&number).filter(|consumer| consumer.is_open).ok_or_else(lost)?;
        consumer.unacked.retain(|message| message.tag > tag);
        Ok(())
    }
}

fn lost() -> WireError {
    WireError::Refused("the connection is lost".to_owned())
}

/// Whether a topic binding takes a key; the house binds exact keys, `#` and `<name>.#` only.
fn fits(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('#') {
        Some(start) => key.starts_with(start),
        None => pattern == key,
    }
}

/// The broker as one room of one process sees it.
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
        self.process.sim.fault("blocked", 5_000)
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
        for (place, row) in rows.into_iter().enumerate() {
            if sim.fault("connection lost in a window", 200) {
                self.process.net.lose(self.process.number);
                return all;
            }
            if sim.fault("refused publish", 300) {
                left.push(row);
            } else if !self.process.net.store(&message(&row, &self.user)) {
                // Unroutable: the whole window counts as not taken.
                return all;
            } else if sim.fault("confirm lost", 300) {
                left.push(row);
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
        self.process.net.close(self.number);
        self.process.net.lock().consumers.remove(&self.number);
    }
}
