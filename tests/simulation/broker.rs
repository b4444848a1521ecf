//! A broker in memory with the house's own topology: exchanges, bindings, alternate exchanges, prefetch, redelivery with
//! its count and its limit, queues that are full and refuse. It doubles and reorders; it never loses what it has taken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use messages::Room;
use messages::outsiders::Outsiders;
use messages::topology::{self, Target, Topology};
use shell::ledger::WireHeaders;
use shell::wire::{Arrived, WireError};
use tokio::sync::Notify;

use crate::sim::Sim;

/// The most messages that wait for one outsider here, so that the limit is met.
const OUT_LENGTH_MAX: usize = 6;
/// The most bytes that wait from outside for one room here.
const IN_BYTES_MAX: usize = 12_000;
/// Where RabbitMQ 4 gives a message up unless told otherwise; a house that needs more would park what is good.
const DELIVERIES_MAX: u64 = 20;

pub(crate) struct Net {
    sim: Arc<Sim>,
    topology: Topology,
    inner: Mutex<Inner>,
    /// Told when a queue has got something, or a consumer lost its connection.
    pub told: BTreeMap<String, Notify>,
}

/// What became of a message that was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Taken,
    /// A queue is full: it lies in none of those that are.
    Refused,
    Unroutable,
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

impl Inner {
    /// As the house's topology limits queues, only lower: answers to an outsider by number, what comes from outside by
    /// bytes.
    fn is_full(&self, queue: &str, more: usize) -> bool {
        let Some(messages) = self.queues.get(queue) else { return false };
        if queue.starts_with(topology::OUT) {
            return messages.len() >= OUT_LENGTH_MAX;
        }
        let is_from_outside = queue.ends_with(".in");
        is_from_outside
            && messages.iter().map(|message| message.bytes.len()).sum::<usize>() + more > IN_BYTES_MAX
    }
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

    /// Stores a message in every queue that it reaches.
    pub(crate) fn store(&self, message: &Arrived) -> Stored {
        let mut inner = self.lock();
        let queues = self.route(&mut inner, &message.exchange, &message.routing_key);
        if queues.iter().any(|name| inner.is_full(name, message.bytes.len())) {
            self.sim.count("queue full");
            return Stored::Refused;
        }
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
        if queues.is_empty() { Stored::Unroutable } else { Stored::Taken }
    }

    /// An outsider publishes; it waits for its confirm.
    pub(crate) fn publish_outside(
        &self,
        sender: &str,
        key: &str,
        content_type: &str,
        id: &str,
        bytes: &[u8],
    ) -> Stored {
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
        self.store(&message)
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

    /// Everything that rooms told rooms from this place on: content type and bytes.
    pub(crate) fn heard(&self, from: usize) -> Vec<(String, Arc<[u8]>)> {
        self.lock().heard[from..].to_vec()
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

    /// Ends a consumer: what it has not acked comes again.
    pub(crate) fn leave(&self, number: u64) {
        self.close(number);
        self.lock().consumers.remove(&number);
    }

    fn close(&self, number: u64) {
        let mut inner = self.lock();
        let Some(consumer) = inner.consumers.get_mut(&number) else { return };
        consumer.is_open = false;
        consumer.buffer.clear();
        let (unacked, name) = (std::mem::take(&mut consumer.unacked), consumer.queue.clone());
        let queue = inner.queues.entry(name.clone()).or_default();
        let mut given_up = Vec::new();
        for mut message in unacked.into_iter().rev() {
            message.delivery_count += 1;
            if message.delivery_count > DELIVERIES_MAX {
                given_up.push(message);
            } else {
                queue.push_front(message);
            }
        }
        drop(inner);
        self.tell(&name);
        for message in given_up {
            self.give_up(message, &name);
        }
    }

    /// A message that came back too often goes to the queue of the dead.
    fn give_up(&self, mut message: Arrived, queue: &str) {
        let room = Room::ALL.into_iter().find(|room| {
            [topology::inner_queue(*room), topology::outside_queue(*room)].iter().any(|name| name == queue)
        });
        let Some(room) = room else { return };
        message.exchange = topology::SELF.to_owned();
        message.routing_key = topology::dead_key(room);
        self.store(&message);
    }

    pub(crate) fn open(&self, process: u64, queue: &str, prefetch: u16) -> u64 {
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
    pub(crate) fn next(&self, number: u64) -> Option<Result<Arrived, WireError>> {
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

    pub(crate) fn ack(&self, number: u64, tag: u64) -> Result<(), WireError> {
        let mut inner = self.lock();
        let consumer =
            inner.consumers.get_mut(&number).filter(|consumer| consumer.is_open).ok_or_else(lost)?;
        consumer.unacked.retain(|message| message.tag > tag);
        Ok(())
    }
}

pub(crate) fn lost() -> WireError {
    WireError::Refused("the connection is lost".to_owned())
}

/// Whether a topic binding takes a key; the house binds exact keys, `#` and `<name>.#` only.
fn fits(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('#') {
        Some(start) => key.starts_with(start),
        None => pattern == key,
    }
}
