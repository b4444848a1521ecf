//! The consuming loops of a room: fill a batch with what has arrived, digest it, ack once. It never makes a message that
//! comes alone wait for more, and never acks what is not confirmed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use messages::envelope::{SINGLE, decode_with_text};
use messages::{Timestamp, topology};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::clock;
use crate::faults::{self, Point, Sabotage};
use crate::hall::{Hall, Stopped};
use crate::ledger::{OutboxRow, Store, Tried, WireHeaders};
use crate::pace::Pace;
use crate::parking::ParkReason;
use crate::reading::Reader;
use crate::retry::Pauses;
use crate::seams::{Broker, Consumption, Seams};
use crate::settle::Entry;
use crate::telemetry::{self, Metric, Step};
use crate::wire::{Arrived, WireError};
use crate::worker::{Sender, Worker};

/// AMQP messages in flight to one consumer: outside messages hold one event, inner ones up to 256.
const PREFETCH_OUTSIDE: u16 = 512;
const PREFETCH_INNER: u16 = 16;
/// From this delivery count on, a message is taken one at a time.
const COUNT_ONE_AT_A_TIME: u64 = 3;
/// From this one on, its events are tried alone.
const COUNT_ALONE: u64 = 5;
/// Tries of a message alone that left no result; the next one parks it unread. A process that is killed from outside
/// leaves the same sign as poison, so there are more of them than a few such kills in a row would use up.
const ALONE_TRIES_MAX: i32 = 4;

/// Which of a room's queues a loop reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// What rooms publish.
    Inner,
    /// What outsiders publish.
    Outside,
    /// What the operator says to the room itself: read even while it is paused.
    Control,
    /// What the broker gave up on.
    Dead,
}

impl Door {
    fn queue<W: Worker>(self) -> String {
        match self {
            Self::Inner => topology::inner_queue(W::ROOM),
            Self::Outside => topology::outside_queue(W::ROOM),
            Self::Control => topology::control_queue(W::ROOM),
            Self::Dead => topology::dead_queue(W::ROOM),
        }
    }

    fn again_key<W: Worker>(self) -> String {
        match self {
            Self::Inner | Self::Dead => topology::again_key(W::ROOM),
            Self::Outside | Self::Control => topology::again_in_key(W::ROOM),
        }
    }

    /// As metrics name it.
    const fn name(self) -> &'static str {
        match self {
            Self::Inner => "inner",
            Self::Outside => "outside",
            Self::Control => "control",
            Self::Dead => "dead",
        }
    }

    /// Never more messages than a batch may have events: who decides one at a time also fetches one at a time.
    fn prefetch(self, batch_events_max: usize) -> u16 {
        let most = match self {
            Self::Inner | Self::Control => PREFETCH_INNER,
            Self::Outside => PREFETCH_OUTSIDE,
            Self::Dead => 1,
        };
        most.min(u16::try_from(batch_events_max).unwrap_or(u16::MAX))
    }
}

/// Reads one queue until the room stops, over as many connections as that takes.
pub async fn run<W: Worker, S: Seams<W>>(hall: Arc<Hall<W, S>>, door: Door) {
    let mut pauses = Pauses::up_to(Duration::from_secs(10));
    while !hall.is_stopping() {
        hall.opened(door).await;
        match epoch(&hall, door, &mut pauses).await {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(room = %W::ROOM, queue = %door.queue::<W>(), %error, "consuming stopped; it starts again")
            }
        }
        if door == Door::Inner {
            telemetry::room_up(W::ROOM, false);
        }
        if !hall.is_stopping() {
            tokio::select! { biased; () = hall.stopping() => {}, () = pauses.wait() => {} }
        }
    }
}

/// One life of a consumer.
async fn epoch<W: Worker, S: Seams<W>>(
    hall: &Hall<W, S>,
    door: Door,
    pauses: &mut Pauses,
) -> Result<(), WireError> {
    let queue = door.queue::<W>();
    let tag = format!("{}-{door:?}", W::ROOM).to_lowercase();
    let connecting = hall.broker.consume(&queue, &tag, door.prefetch(hall.batch_events_max));
    let mut consumer = tokio::select! {
        biased;
        () = hall.shut(door) => return Ok(()),
        connected = connecting => connected?,
    };
    if door == Door::Inner {
        telemetry::room_up(W::ROOM, true);
    }
    tracing::info!(room = %W::ROOM, %queue, "consuming");
    let mut waiting: VecDeque<Arrived> = VecDeque::new();
    let mut pace = Pace::up_to(hall.batch_linger);
    loop {
        if hall.is_shut(door) {
            return Ok(());
        }
        if waiting.is_empty()
            && let Some(next) = consumer.ready()
        {
            waiting.push_back(next?);
        }
        let linger = pace.linger(!waiting.is_empty());
        if waiting.is_empty() {
            let first = tokio::select! {
                biased;
                () = hall.shut(door) => return Ok(()),
                first = consumer.next() => first,
            };
            waiting.push_back(first?);
        }
        let begun = Instant::now();
        let reading = telemetry::timed(W::ROOM, Step::Read);
        let Some(batch) = fill(hall, door, &mut consumer, &mut waiting, linger).await? else { continue };
        drop(reading);
        let filled = Instant::now();
        faults::point(Point::AfterReceive, W::ROOM).await;
        let events = batch.taken.len();
        telemetry::received(W::ROOM, door.name(), events, batch.taken.oldest(), Timestamp(clock::now()));
        let acks_early = faults::sabotages(Sabotage::Ack);
        if acks_early {
            consumer.ack(batch.last_tag).await?;
        }
        if take(hall, door, batch.taken).await.is_err() {
            return Ok(());
        }
        faults::point(Point::BeforeAck, W::ROOM).await;
        if !acks_early {
            let _acking = telemetry::timed(W::ROOM, Step::Ack);
            consumer.ack(batch.last_tag).await?;
        }
        faults::point(Point::AfterAck, W::ROOM).await;
        pauses.reset();
        pace.took(filled.elapsed());
        telemetry::observe(Metric::BatchEvents, W::ROOM, events as f64);
        telemetry::observe(Metric::BatchSeconds, W::ROOM, begun.elapsed().as_secs_f64());
    }
}

struct Batch<W: Worker> {
    taken: Taken<W>,
    last_tag: u64,
}

/// What one step works on.
enum Taken<W: Worker> {
    Together(Vec<Entry<W>>),
    /// Events of a message that keeps coming back: they are sent round once more, one by one.
    Isolate(Box<Arrived>),
    /// Such an event: it is decoded only after a mark is set.
    Alone(Box<Arrived>),
}

impl<W: Worker> Taken<W> {
    fn len(&self) -> usize {
        match self {
            Self::Together(entries) => entries.len(),
            Self::Isolate(_) | Self::Alone(_) => 1,
        }
    }

    /// When its oldest event was made, as far as its events could be read.
    fn oldest(&self) -> Option<Timestamp> {
        match self {
            Self::Together(entries) => {
                let events = entries.iter().filter_map(|entry| entry.cause.original.as_ref());
                events.map(|original| Timestamp(original.event.time)).min()
            }
            Self::Isolate(_) | Self::Alone(_) => None,
        }
    }
}

/// The header counts only where the room itself wrote it.
fn is_alone<W: Worker>(reader: &Reader<'_, W>, message: &Arrived) -> bool {
    message.headers.oms_alone && reader.is_trusted(message)
}

fn needs_care<W: Worker>(reader: &Reader<'_, W>, message: &Arrived) -> bool {
    is_alone(reader, message) || message.delivery_count >= COUNT_ONE_AT_A_TIME
}

/// Takes whole AMQP messages until there are enough events, waiting once for more. Gives none if a key is missing for the
/// moment.
async fn fill<W: Worker, S: Seams<W>>(
    hall: &Hall<W, S>,
    door: Door,
    consumer: &mut <S::Broker as Broker>::Consumption,
    waiting: &mut VecDeque<Arrived>,
    mut linger: Duration,
) -> Result<Option<Batch<W>>, WireError> {
    let queue = door.queue::<W>();
    let Some(first) = waiting.pop_front() else { return Ok(None) };
    let mut last_tag = first.tag;
    let ring = hall.keys.ring();
    let reader = hall.reader(&ring);
    if door == Door::Dead {
        return Ok(Some(Batch {
            taken: Taken::Together(vec![unread(&reader, &first, &queue, ParkReason::DeliveryLimit)]),
            last_tag,
        }));
    }
    if is_alone(&reader, &first) {
        return Ok(Some(Batch { taken: Taken::Alone(Box::new(first)), last_tag }));
    }
    // A control message has no other queue to go to: the room's outside queue is not read while it is paused.
    if first.delivery_count >= COUNT_ALONE && door != Door::Control {
        return Ok(Some(Batch { taken: Taken::Isolate(Box::new(first)), last_tag }));
    }
    let alone = needs_care(&reader, &first);
    let mut entries = match reader.read(&first, &queue) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::error!(room = %W::ROOM, %error, "a message cannot be read for now");
            hall.keys.look_again();
            waiting.push_front(first);
            tokio::time::sleep(Duration::from_secs(1)).await;
            return Ok(None);
        }
    };
    while !alone && entries.len() < hall.batch_events_max {
        let next = match waiting.pop_front() {
            Some(next) => next,
            None => match consumer.ready() {
                Some(next) => next?,
                None if linger.is_zero() => break,
                None => {
                    let waited = tokio::time::sleep(std::mem::take(&mut linger));
                    tokio::select! { biased; () = hall.shut(door) => {}, () = waited => {} }
                    continue;
                }
            },
        };
        match if needs_care(&reader, &next) { None } else { reader.read(&next, &queue).ok() } {
            Some(more) => {
                last_tag = next.tag;
                entries.extend(more);
            }
            None => {
                waiting.push_front(next);
                break;
            }
        }
    }
    Ok(Some(Batch { taken: Taken::Together(entries), last_tag }))
}

async fn take<W: Worker, S: Seams<W>>(hall: &Hall<W, S>, door: Door, taken: Taken<W>) -> Result<(), Stopped> {
    match taken {
        Taken::Together(entries) => hall.digest(entries).await,
        Taken::Isolate(message) => {
            tracing::warn!(room = %W::ROOM, deliveries = message.delivery_count, "a message keeps coming back; its events are tried one by one");
            let ring = hall.keys.ring();
            let reader = hall.reader(&ring);
            match reader.sender(&message, &door.queue::<W>()) {
                Some(sender) => hall.publish(isolate::<W>(&message, door, &sender)).await,
                None => {
                    let entry =
                        reader.whole(&message, &door.queue::<W>(), None, ParkReason::UnknownSender, None);
                    hall.digest(vec![entry]).await
                }
            }
        }
        Taken::Alone(message) => alone(hall, door, &message).await,
    }
}

/// The events of a message, each as a message of its own that is tried alone, under the sender that the broker verified.
fn isolate<W: Worker>(message: &Arrived, door: Door, sender: &Sender) -> Vec<OutboxRow> {
    let oms_sender = match sender {
        Sender::Outsider(name) => Some(name.clone()),
        Sender::Room => None,
    };
    let headers = WireHeaders { oms_alone: true, oms_sender, ..WireHeaders::default() };
    let row = |content_type: &str, bytes: Vec<u8>, message_id: String| OutboxRow {
        id: 0,
        exchange: topology::SELF.to_owned(),
        routing_key: door.again_key::<W>(),
        content_type: content_type.to_owned(),
        message_id,
        headers: headers.clone(),
        body: bytes.into(),
    };
    match decode_with_text(message.content_type.as_deref(), &message.bytes) {
        Err(_) => {
            let content_type = message.content_type.as_deref().unwrap_or_default();
            vec![row(content_type, message.bytes.clone(), message.message_id.clone().unwrap_or_default())]
        }
        Ok(events) => events
            .into_iter()
            .map(|event| match event {
                Ok((event, text)) => row(SINGLE, text.into_bytes(), event.id),
                Err(bad) => row(SINGLE, bad.bytes, bad.id.unwrap_or_default()),
            })
            .collect(),
    }
}

async fn alone<W: Worker, S: Seams<W>>(
    hall: &Hall<W, S>,
    door: Door,
    message: &Arrived,
) -> Result<(), Stopped> {
    let queue = door.queue::<W>();
    let hash = Sha256::digest(&message.bytes).to_vec();
    let mut pauses = Pauses::up_to(Duration::from_secs(5));
    let tries = loop {
        match hall.ledger.mark(&hash).await {
            Ok(tries) => break tries,
            Err(error) => {
                tracing::warn!(room = %W::ROOM, %error, "a message that is tried alone waits for the database");
            }
        }
        if hall.is_stopping() {
            return Err(Stopped);
        }
        pauses.wait().await;
    };
    let done = match read_alone(hall, message, &queue, tries).await {
        Some(entries) => hall.digest(entries).await,
        None => Err(Stopped),
    };
    let tried = if done.is_ok() { Tried::Settled } else { Tried::Interrupted };
    pauses.reset();
    while let Err(error) = hall.ledger.unmark(&hash, tried).await {
        tracing::warn!(room = %W::ROOM, %error, "a mark could not be taken back yet");
        if hall.is_stopping() {
            // Not acked, the message comes again, and whoever settles it takes the mark back.
            return Err(Stopped);
        }
        pauses.wait().await;
    }
    done
}

/// The entries of a message that is tried alone; none if the room stops before it can be read.
async fn read_alone<W: Worker, S: Seams<W>>(
    hall: &Hall<W, S>,
    message: &Arrived,
    queue: &str,
    tries: i32,
) -> Option<Vec<Entry<W>>> {
    loop {
        let ring = hall.keys.ring();
        let reader = hall.reader(&ring);
        if tries > ALONE_TRIES_MAX {
            tracing::error!(room = %W::ROOM, %queue, tries, "a message is parked unread: processes ended while they tried it alone");
            return Some(vec![unread(&reader, message, queue, ParkReason::Poison)]);
        }
        match reader.read(message, queue) {
            Ok(entries) => return Some(entries),
            Err(error) => tracing::error!(room = %W::ROOM, %error, "a message cannot be read for now"),
        }
        if hall.is_stopping() {
            return None;
        }
        hall.keys.look_again();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// A message that is parked without being decoded. Of a dead letter only its user is known to be true, and only if it
/// is an outsider's: what rooms sent goes back to the rooms' queue.
fn unread<W: Worker>(reader: &Reader<'_, W>, message: &Arrived, queue: &str, reason: ParkReason) -> Entry<W> {
    let sender = match reader.sender(message, queue) {
        Some(sender) => Some(sender),
        None => message
            .user_id
            .as_deref()
            .and_then(|user| reader.outsiders.named(user))
            .map(|outsider| Sender::Outsider(outsider.name.clone())),
    };
    reader.whole(message, queue, sender.as_ref(), reason, None)
}
