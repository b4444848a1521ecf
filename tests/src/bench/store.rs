//! The store of a measurement: plain orders, each of one unit and another household, submitted by the four sellers one
//! order per AMQP message. It is part of this process, whose share of the processor is told as the world's.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use messages::answer::{CommandAnswered, Outcome};
use messages::envelope::read_body;
use messages::item::ItemNumber;
use messages::order::OrderSubmit;
use messages::{Kind, Timestamp};
use tokio::task::JoinSet;
use world::line::{Credentials, Letter, Line};
use world::products::Catalogue;
use world::store::{Launch, Mix, Plan, Seller, Submission};

use super::tap::Heard;

/// Orders that are written at once.
const CHUNK: usize = 5_000;
/// Orders that are submitted at once.
const WINDOW: usize = 250;

/// Writes orders, ahead of time where that matters.
pub(super) struct Crowd {
    catalogue: Catalogue,
    item: ItemNumber,
    seed: u64,
    ready: VecDeque<Submission>,
}

impl Crowd {
    pub(super) fn new(catalogue: Catalogue, item: ItemNumber) -> Self {
        Self { catalogue, item, seed: 0, ready: VecDeque::new() }
    }

    /// Writes until so many are ready, so that nobody has to write while the clock runs.
    pub(super) fn prepare(&mut self, orders: usize) {
        while self.ready.len() < orders {
            // Another seed is another crowd: no household orders twice.
            self.seed += 1;
            let plan = Plan {
                orders: CHUNK,
                item: self.item.clone(),
                seed: self.seed,
                at: Timestamp(shell::clock::now()),
                mix: Mix::Plain,
            };
            let launch = Launch::prepare(&plan, &self.catalogue).expect("the catalogue has the item");
            self.ready.extend(launch.submissions);
        }
    }

    pub(super) const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// So many orders of one crowd, in the order in which they are received.
    pub(super) fn line(&mut self, orders: usize) -> Vec<Submission> {
        self.seed += 1;
        let at = Timestamp(shell::clock::now());
        let plan = Plan { orders, item: self.item.clone(), seed: self.seed, at, mix: Mix::Plain };
        Launch::prepare(&plan, &self.catalogue).expect("the catalogue has the item").submissions
    }

    fn take(&mut self, orders: usize) -> Vec<Submission> {
        self.prepare(orders);
        self.ready.drain(..orders).collect()
    }
}

/// What was answered: our number of the order, by the id of its submission.
pub(super) type Answers = Arc<Mutex<HashMap<String, String>>>;

/// The four sellers' open lines.
pub(super) struct Store {
    lines: BTreeMap<Seller, Line>,
    pub(super) answers: Answers,
    _ears: JoinSet<()>,
}

impl Store {
    pub(super) async fn open(url: &str, credentials: &Credentials) -> Self {
        let answers = Answers::default();
        let (mut lines, mut ears) = (BTreeMap::new(), JoinSet::new());
        for seller in Seller::ALL {
            let line =
                Line::open(url, Some(credentials), seller.name()).await.expect("the seller may log in");
            let mut ear = line.ear().await.expect("the seller may read its own queue");
            let answers = Arc::clone(&answers);
            ears.spawn(async move {
                loop {
                    let heard = ear.hear().await;
                    assert_eq!(heard.unreadable, 0, "the system sent what cannot be read");
                    note(&answers, &heard.events);
                    ear.ack().await;
                }
            });
            lines.insert(seller, line);
        }
        Self { lines, answers, _ears: ears }
    }

    /// Submits these, one AMQP message each, and returns when the broker has stored all of them.
    pub(super) async fn submit(&self, submissions: &[Submission]) {
        let parts = self.lines.iter().map(async |(&seller, line)| {
            let letters: Vec<Letter> = submissions
                .iter()
                .filter(|submission| submission.seller == seller)
                .map(Submission::letter)
                .collect();
            if !letters.is_empty() {
                line.publish(letters).await.expect("the broker takes an order");
            }
        });
        join_all(parts).await;
    }

    /// Keeps so many orders in flight until it is over; gives how many were submitted.
    pub(super) async fn flood(
        &self,
        crowd: &mut Crowd,
        in_flight: usize,
        heard: &Heard,
        is_over: &AtomicBool,
    ) -> usize {
        let before = heard.count(Kind::ShipmentDelivered);
        let mut news = heard.news();
        let mut submitted = 0;
        while !is_over.load(Ordering::Relaxed) {
            let delivered = heard.count(Kind::ShipmentDelivered) - before;
            let free = (in_flight + delivered).saturating_sub(submitted).min(WINDOW);
            if free == 0 {
                // A pause at most, since the end must be seen too.
                let _ = tokio::time::timeout(Duration::from_millis(50), news.changed()).await;
                continue;
            }
            self.submit(&crowd.take(free)).await;
            submitted += free;
        }
        submitted
    }

    /// Submits so many orders as fast as the broker takes them.
    pub(super) async fn pour(&self, crowd: &mut Crowd, orders: usize) {
        let mut left = orders;
        while left > 0 {
            let some = left.min(2 * WINDOW);
            self.submit(&crowd.take(some)).await;
            left -= some;
        }
    }

    /// Submits orders at this pace. Gives when each was to be submitted, by the id of its submission: a store that
    /// falls behind counts as waiting time.
    pub(super) async fn paced(
        &self,
        crowd: &mut Crowd,
        per_second: f64,
        duration: Duration,
    ) -> HashMap<String, Instant> {
        let orders = (duration.as_secs_f64() * per_second).round().max(1.0) as usize;
        crowd.prepare(orders);
        let begun = Instant::now();
        let moment = |number: usize| begun + Duration::from_secs_f64(number as f64 / per_second);
        let mut sent = HashMap::with_capacity(orders);
        while sent.len() < orders {
            tokio::time::sleep_until(moment(sent.len()).into()).await;
            let due = (begun.elapsed().as_secs_f64() * per_second).floor() as usize + 1;
            let submissions = crowd.take(due.min(orders) - sent.len());
            for submission in &submissions {
                sent.insert(submission.id.clone(), moment(sent.len()));
            }
            self.submit(&submissions).await;
        }
        sent
    }
}

/// When an order was received, as it says itself.
pub(super) fn received_at(submission: &Submission) -> time::OffsetDateTime {
    let event = submission.event().expect("a plain order is an event");
    let order: OrderSubmit = read_body(&event.data).expect("a plain order");
    order.received_at.0
}

fn note(answers: &Answers, events: &[messages::Event]) {
    let mut known = answers.lock().unwrap_or_else(PoisonError::into_inner);
    for event in events.iter().filter(|event| event.kind == Kind::CommandAnswered.name()) {
        let answer: CommandAnswered = read_body(&event.data).expect("an answer");
        assert_eq!(answer.outcome, Outcome::Accepted, "a plain order is accepted: {:?}", answer.text);
        if let (Some(id), Some(order)) = (answer.answers, answer.order) {
            known.insert(id, order.to_string());
        }
    }
}
