//! The seam to the broker: two crash-only connections per process and one publishing task per channel. On any
//! error the connection or channel is dropped and made anew; lapin's own recovery is never used.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::protocol::AMQPErrorKind;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use messages::Room;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::addresses::{Addresses, place};
use crate::faults::{self, Point};
use crate::ledger::{OutboxRow, WireHeaders};
use crate::retry::Pauses;
use crate::seams::{Broker, Consumption, Lane};

/// Confirms that stay out longer mean that the connection is dead or blocked.
const CONFIRM_SECONDS_MAX: u64 = 30;
/// Unconfirmed publishes at one time; lapin looks through all of them for a `multiple` ack.
const WINDOW_MAX: usize = 500;
const PERSISTENT: u8 = 2;

/// Why the broker could not be used.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error(
        "the AMQP address is not readable; it looks like amqp://user:password@host:5672/vhost, or like several of these with commas between them"
    )]
    Address,
    #[error(
        "the AMQP addresses name different users or virtual hosts; all of them must lead to the same one, by way of another node"
    )]
    Mixed,
    #[error("the broker at {at} does not answer: {why}")]
    Unreachable { at: String, why: String },
    #[error("the broker refused: {0}")]
    Refused(String),
    /// The broker closed the channel and left the connection: one message is not acceptable.
    #[error("the broker closed the channel: {0}")]
    Channel(String),
    #[error("queue {0} is missing; run `oms topology apply`")]
    NoQueue(String),
}

impl From<lapin::Error> for WireError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "lapin has many more errors; all of them end the connection"
    )]
    fn from(error: lapin::Error) -> Self {
        match error.kind() {
            lapin::ErrorKind::ProtocolError(protocol)
                if matches!(protocol.kind(), AMQPErrorKind::Soft(_)) =>
            {
                Self::Channel(error.to_string())
            }
            _ => Self::Refused(error.to_string()),
        }
    }
}

/// One connection, made when needed and made again when it broke: then the next node has its turn.
pub struct Link {
    addresses: Addresses,
    turn: AtomicUsize,
    name: String,
    live: Mutex<Option<Live>>,
    /// How many connections there were: whoever abandons a broken one must not hit its successor.
    generations: AtomicU64,
    /// The flag of the newest connection.
    blocked: std::sync::Mutex<Arc<AtomicBool>>,
}

struct Live {
    connection: Connection,
    generation: u64,
}

/// A channel, and which of the link's connections it is on.
pub struct OnLink {
    pub channel: Channel,
    generation: u64,
}

impl Link {
    /// # Errors
    /// The address has another form.
    pub fn new(url: &str, name: &str) -> Result<Self, WireError> {
        Ok(Self::to(Addresses::parse(url)?, name))
    }

    #[must_use]
    pub fn to(addresses: Addresses, name: &str) -> Self {
        Self {
            addresses,
            turn: AtomicUsize::new(0),
            name: name.to_owned(),
            live: Mutex::new(None),
            generations: AtomicU64::new(0),
            blocked: std::sync::Mutex::default(),
        }
    }

    /// The broker user of this connection.
    #[must_use]
    pub fn user(&self) -> &str {
        self.addresses.user()
    }

    /// Whether the broker has asked this connection to stop publishing (memory or disk alarm).
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).load(Ordering::Relaxed)
    }

    /// A new channel, on a new connection if the old one broke.
    ///
    /// # Errors
    /// The broker does not answer, or refuses.
    pub async fn channel(&self) -> Result<Channel, WireError> {
        Ok(self.on_link().await?.channel)
    }

    pub(crate) async fn on_link(&self) -> Result<OnLink, WireError> {
        let mut held = self.live.lock().await;
        if let Some(live) = held.as_ref() {
            let generation = live.generation;
            if live.connection.status().connected() {
                match bounded(live.connection.create_channel()).await {
                    Ok(channel) => return Ok(OnLink { channel, generation }),
                    Err(error) => {
                        tracing::warn!(connection = %self.name, %error, "dropping a broken broker connection");
                    }
                }
            }
            self.pass();
        }
        *held = None;
        let connection = self.connect().await?;
        let channel = bounded(connection.create_channel()).await?;
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        *held = Some(Live { connection, generation });
        Ok(OnLink { channel, generation })
    }

    /// Drops the connection that a channel was on, unless another has taken its place already.
    async fn abandon(&self, generation: u64) {
        let mut held = self.live.lock().await;
        if held.as_ref().is_some_and(|live| live.generation == generation) {
            *held = None;
            self.pass();
        }
    }

    /// A node that has failed is tried last.
    fn pass(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// The first node that answers, each tried once.
    async fn connect(&self) -> Result<Connection, WireError> {
        let mut failed: Option<WireError> = None;
        for _ in 0..self.addresses.len() {
            let uri = self.addresses.at(self.turn.load(Ordering::Relaxed));
            let properties = ConnectionProperties::default().with_connection_name(self.name.clone().into());
            match bounded(Connection::connect_uri(uri.clone(), properties)).await {
                Ok(connection) => return Ok(self.watched(connection)),
                Err(error) => failed = Some(unreachable(failed, place(uri), &error)),
            }
            self.pass();
        }
        Err(failed.unwrap_or(WireError::Address))
    }

    /// Follows what a new connection says of itself.
    fn watched(&self, connection: Connection) -> Connection {
        let blocked = Arc::new(AtomicBool::new(false));
        *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&blocked);
        let mut events = Box::pin(connection.events_listener());
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let lapin::Event::ConnectionBlocked(_) = event {
                    tracing::warn!("the broker blocks publishing: it is short of memory or disk");
                    blocked.store(true, Ordering::Relaxed);
                } else if let lapin::Event::ConnectionUnblocked = event {
                    blocked.store(false, Ordering::Relaxed);
                }
            }
        });
        connection
    }
}

/// Every node that was tried, and why the last one did not take us.
fn unreachable(before: Option<WireError>, place: String, error: &WireError) -> WireError {
    let at = match before {
        Some(WireError::Unreachable { at, .. }) => format!("{at}, {place}"),
        Some(_) | None => place,
    };
    WireError::Unreachable { at, why: error.to_string() }
}

/// Bounds a call on a publishing connection: while the broker blocks it, the time does not run.
async fn patient<T>(
    link: &Link,
    call: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, WireError> {
    let mut call = std::pin::pin!(call);
    loop {
        match tokio::time::timeout(Duration::from_secs(CONFIRM_SECONDS_MAX), &mut call).await {
            Ok(result) => return result.map_err(WireError::from),
            Err(_) if link.is_blocked() => {}
            Err(_) => return Err(WireError::Refused("no answer in time".to_owned())),
        }
    }
}

/// Bounds a call to the broker: a blocked connection would wait for ever.
async fn bounded<T>(call: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, WireError> {
    match tokio::time::timeout(Duration::from_secs(CONFIRM_SECONDS_MAX), call).await {
        Ok(result) => result.map_err(WireError::from),
        Err(_) => Err(WireError::Refused("no answer in time".to_owned())),
    }
}

/// Whether the queue is there; nothing is taken from it.
///
/// # Errors
/// The broker does not answer, or the queue is not there.
pub async fn look_for(channel: &Channel, queue: &str) -> Result<(), WireError> {
    let passive = QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
    let declared = bounded(channel.queue_declare(short(queue), passive, FieldTable::default())).await;
    declared.map(|_| ()).map_err(|_| WireError::NoQueue(queue.to_owned()))
}

/// A text as AMQP's short string; ours are all far below its 255 bytes.
#[must_use]
pub fn short(text: &str) -> ShortString {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    ShortString::try_new(&text[..end]).unwrap_or_default()
}

/// The broker as one room sees it: a connection to consume, one to publish, and a publishing task for each lane.
pub struct Amqp {
    pub consuming: Arc<Link>,
    pub publishing: Arc<Link>,
    pub to_rooms: Publisher,
    pub to_outsiders: Publisher,
}

/// A consumer on a channel of its own.
pub struct AmqpConsumption {
    channel: Channel,
    consumer: Consumer,
}

impl Broker for Amqp {
    type Consumption = AmqpConsumption;

    fn user(&self) -> &str {
        self.publishing.user()
    }

    fn is_blocked(&self) -> bool {
        self.publishing.is_blocked()
    }

    async fn consume(&self, queue: &str, tag: &str, prefetch: u16) -> Result<AmqpConsumption, WireError> {
        let channel = self.consuming.channel().await?;
        look_for(&channel, queue).await?;
        bounded(channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let options = BasicConsumeOptions::default();
        let consumer =
            bounded(channel.basic_consume(short(queue), short(tag), options, FieldTable::default())).await?;
        Ok(AmqpConsumption { channel, consumer })
    }

    async fn publish(&self, lane: Lane, rows: Vec<OutboxRow>) -> Vec<OutboxRow> {
        match lane {
            Lane::Rooms => self.to_rooms.publish(rows).await,
            Lane::Outsiders => self.to_outsiders.publish(rows).await,
        }
    }
}

impl Consumption for AmqpConsumption {
    async fn next(&mut self) -> Result<Arrived, WireError> {
        arrived(self.consumer.next().await)
    }

    fn ready(&mut self) -> Option<Result<Arrived, WireError>> {
        self.consumer.next().now_or_never().map(arrived)
    }

    async fn ack(&mut self, tag: u64) -> Result<(), WireError> {
        self.channel.basic_ack(tag, BasicAckOptions { multiple: true }).await.map_err(WireError::from)
    }
}

fn arrived(next: Option<Result<lapin::message::Delivery, lapin::Error>>) -> Result<Arrived, WireError> {
    match next {
        Some(Ok(delivery)) => Ok(Arrived::of(delivery)),
        Some(Err(error)) => Err(error.into()),
        // The broker ends a consumer when its queue is deleted: an error, not a wish to stop.
        None => Err(WireError::Refused("the consumer was cancelled".to_owned())),
    }
}

/// Hands rows to the one task that owns a confirm channel. A confirm channel that tasks share reports false
/// confirms (lapin 4.12.3), so nothing else ever publishes on it.
#[derive(Clone)]
pub struct Publisher {
    windows: mpsc::Sender<Window>,
}

struct Window {
    rows: Vec<OutboxRow>,
    done: oneshot::Sender<Vec<OutboxRow>>,
}

impl Publisher {
    /// The publisher, and the task that must be run for it. The task ends when the last handle is dropped.
    pub fn new(link: Arc<Link>, room: Room) -> (Self, impl Future<Output = ()> + Send) {
        let (windows, arriving) = mpsc::channel(64);
        (Self { windows }, publish_windows(link, room, arriving))
    }

    /// Publishes the rows in order and gives back those that were not confirmed.
    pub async fn publish(&self, rows: Vec<OutboxRow>) -> Vec<OutboxRow> {
        if rows.is_empty() {
            return rows;
        }
        let (done, answer) = oneshot::channel();
        // Bodies are shared, so this copies names only.
        let again = rows.clone();
        if self.windows.send(Window { rows, done }).await.is_err() {
            return again;
        }
        answer.await.unwrap_or(again)
    }
}

async fn publish_windows(link: Arc<Link>, room: Room, mut arriving: mpsc::Receiver<Window>) {
    let mut channel: Option<OnLink> = None;
    let mut pauses = Pauses::up_to(Duration::from_secs(5));
    let mut windows = Vec::new();
    // Whatever waits goes out as one window: one round of confirms for all.
    while arriving.recv_many(&mut windows, 64).await > 0 {
        let (rows, owners): (Vec<Vec<OutboxRow>>, Vec<oneshot::Sender<Vec<OutboxRow>>>) =
            windows.drain(..).map(|window| (window.rows, window.done)).unzip();
        let mut owned: Vec<(usize, OutboxRow)> = rows
            .into_iter()
            .enumerate()
            .flat_map(|(owner, rows)| rows.into_iter().map(move |row| (owner, row)))
            .collect();
        let mut left: Vec<Vec<OutboxRow>> = owners.iter().map(|_| Vec::new()).collect();
        while !owned.is_empty() {
            let rest = owned.split_off(owned.len().min(WINDOW_MAX));
            for at in confirm((&link, room), &mut channel, &owned, &mut pauses).await {
                let (owner, row) = &owned[at];
                left[*owner].push(row.clone());
            }
            owned = rest;
        }
        for (done, left) in owners.into_iter().zip(left) {
            // The owner may have stopped waiting; the rows are in the outbox all the same.
            let _ = done.send(left);
        }
    }
}

/// Publishes a window and gives the places of the rows that were not taken. Where the broker closes the channel, the
/// rows go one by one, so that a row that it will never take holds up nobody else.
async fn confirm(
    (link, room): (&Link, Room),
    channel: &mut Option<OnLink>,
    rows: &[(usize, OutboxRow)],
    pauses: &mut Pauses,
) -> Vec<usize> {
    let error = match publish_window((link, room), channel, rows).await {
        Ok(unconfirmed) => {
            pauses.reset();
            // A channel that first speaks to a queue while its leader is down refuses for that queue from then on
            // (RabbitMQ 3.10), so who was refused speaks on a new one.
            if !unconfirmed.is_empty() {
                *channel = None;
            }
            return unconfirmed;
        }
        Err(error) => error,
    };
    tracing::warn!(%error, rows = rows.len(), "a window of publishes was not confirmed");
    let is_channel_only = matches!(&error, WireError::Channel(_));
    if let Some(broken) = channel.take()
        && !is_channel_only
    {
        link.abandon(broken.generation).await;
    }
    if !is_channel_only || rows.len() == 1 {
        pauses.wait().await;
        return (0..rows.len()).collect();
    }
    let mut left = Vec::new();
    for at in 0..rows.len() {
        match publish_window((link, room), channel, &rows[at..=at]).await {
            Ok(unconfirmed) if unconfirmed.is_empty() => {}
            Ok(_) => {
                *channel = None;
                left.push(at);
            }
            Err(error) => {
                tracing::error!(%error, routing_key = %rows[at].1.routing_key, "the broker refuses this message");
                *channel = None;
                left.push(at);
            }
        }
    }
    left
}

/// Gives the places of the rows that the broker did not take.
async fn publish_window(
    (link, room): (&Link, Room),
    channel: &mut Option<OnLink>,
    rows: &[(usize, OutboxRow)],
) -> Result<Vec<usize>, WireError> {
    if channel.as_ref().is_none_or(|on_link| !on_link.channel.status().connected()) {
        let fresh = link.on_link().await?;
        bounded(fresh.channel.confirm_select(ConfirmSelectOptions::default())).await?;
        *channel = Some(fresh);
    }
    let Some(OnLink { channel: live, .. }) = channel.as_ref() else { return Ok((0..rows.len()).collect()) };
    let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut confirms = Vec::with_capacity(rows.len());
    for (_, row) in rows {
        let sent = live.basic_publish(
            short(&row.exchange),
            short(&row.routing_key),
            mandatory,
            &row.body,
            properties(row, link.user()),
        );
        confirms.push(patient(link, sent).await?);
        if confirms.len() == 1 {
            faults::point(Point::MidPublish, room).await;
        }
    }
    let mut unconfirmed = Vec::new();
    let mut returned = false;
    for (at, confirm) in confirms.into_iter().enumerate() {
        match patient(link, confirm).await? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) => returned = true,
            Confirmation::Nack(_) | Confirmation::NotRequested => unconfirmed.push(at),
        }
    }
    if returned {
        // lapin may pin a return to the wrong publish, so none of the window counts.
        tracing::error!(first_key = %rows[0].1.routing_key, "the broker has no queue for a message; run `oms topology diff`");
        return Ok((0..rows.len()).collect());
    }
    Ok(unconfirmed)
}

fn properties(row: &OutboxRow, user: &str) -> BasicProperties {
    let mut properties = BasicProperties::default()
        .with_content_type(short(&row.content_type))
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short(&row.message_id))
        .with_user_id(short(user))
        .with_app_id(short(user));
    if let Some(kind) = &row.headers.kind {
        properties = properties.with_type(short(kind));
    }
    if let Some(timestamp) = row.headers.timestamp {
        properties = properties.with_timestamp(timestamp);
    }
    if let Some(id) = &row.headers.correlation_id {
        properties = properties.with_correlation_id(short(id));
    }
    let mut table = FieldTable::default();
    if let Some(sender) = &row.headers.oms_sender {
        table.insert("oms-sender".into(), AMQPValue::LongString(sender.as_str().into()));
    }
    if row.headers.oms_alone {
        table.insert("oms-alone".into(), AMQPValue::Boolean(true));
    }
    properties.with_headers(table)
}

/// One AMQP message as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub tag: u64,
    pub exchange: String,
    pub routing_key: String,
    pub content_type: Option<String>,
    pub message_id: Option<String>,
    /// Verified by the broker: the user of the connection that published it.
    pub user_id: Option<String>,
    pub app_id: Option<String>,
    pub headers: WireHeaders,
    /// How often it was delivered before.
    pub delivery_count: u64,
    pub bytes: Vec<u8>,
}

impl Arrived {
    #[must_use]
    pub fn of(delivery: lapin::message::Delivery) -> Self {
        let text = |value: &Option<ShortString>| value.as_ref().map(|value| value.as_str().to_owned());
        let properties = &delivery.properties;
        let header = |name: &str| properties.headers().as_ref().and_then(|table| table.inner().get(name));
        let headers = WireHeaders {
            kind: text(properties.kind()),
            timestamp: *properties.timestamp(),
            correlation_id: text(properties.correlation_id()),
            oms_sender: header("oms-sender").and_then(as_text),
            oms_alone: matches!(header("oms-alone"), Some(AMQPValue::Boolean(true))),
        };
        Self {
            tag: delivery.delivery_tag,
            exchange: delivery.exchange.as_str().to_owned(),
            routing_key: delivery.routing_key.as_str().to_owned(),
            content_type: text(properties.content_type()),
            message_id: text(properties.message_id()),
            user_id: text(properties.user_id()),
            app_id: text(properties.app_id()),
            headers,
            // Absent at the first delivery from RabbitMQ 3.12 on.
            delivery_count: header("x-delivery-count").and_then(as_count).unwrap_or(0),
            bytes: delivery.data,
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other kind of AMQP value is not a text")]
fn as_text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other kind of AMQP value is not a count")]
fn as_count(value: &AMQPValue) -> Option<u64> {
    match value {
        AMQPValue::LongLongInt(count) => u64::try_from(*count).ok(),
        AMQPValue::LongInt(count) => u64::try_from(*count).ok(),
        AMQPValue::LongUInt(count) => Some(u64::from(*count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Ports 1 and 2 are nobody's.
    #[tokio::test]
    async fn a_link_tries_every_node_and_names_them_all_but_no_password() {
        for (url, at) in [
            ("amqp://u:secret@127.0.0.1:1/v", "127.0.0.1:1"),
            ("amqp://u:secret@127.0.0.1:1/v,amqp://u:secret@127.0.0.1:2/v", "127.0.0.1:1, 127.0.0.1:2"),
        ] {
            let link = Link::new(url, "test").unwrap();
            let error = link.channel().await.map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the broker at {at} does not answer: ")), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
