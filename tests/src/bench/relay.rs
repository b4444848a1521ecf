//! The broker's own limit: a bare chain that carries the messages of one order from hop to hop, one event per AMQP
//! message, every message copied to an audit queue, without a database. It does all that a chain can do to be fast:
//! up to 256 messages are taken at once, published with pipelined confirms, and acked by one ack.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeBindOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, ExchangeKind,
};
use messages::Room;
use messages::outsiders::Outsiders;
use messages::topology::{Argument, Topology, inner_queue};
use shell::wire::short;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::meters::{self, Meters};
use super::plan::Plan;
use super::speed::{self, Window};
use super::way::Said;

const EXCHANGE: &str = "relay";
/// Apart from the audit queue's, as in the house.
const HOPS: &str = "relay.hops";
const AUDIT: &str = "relay.audit";
/// As the house's own for messages that hold one event.
const PREFETCH: u16 = 512;
/// AMQP messages per ack.
const BATCH_MAX: usize = 256;

/// Carries orders from hop to hop for one window.
///
/// # Panics
/// The broker refuses or loses something.
pub(super) async fn window(url: &str, hops: &[Said], plan: &Plan) -> Window {
    let connect =
        async || Connection::connect(url, ConnectionProperties::default()).await.expect("the broker answers");
    // Two connections for the chain and one for the store, as the house has them; a fourth makes and removes the queues.
    let (consuming, publishing, submitting) = (connect().await, connect().await, connect().await);
    let maker = connect().await;
    let setting_up = maker.create_channel().await.expect("a channel");
    remove(&setting_up, hops.len()).await;
    declare(&setting_up, hops.len()).await;
    let free = Arc::new(Semaphore::new(plan.in_flight));
    let arrived = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for (at, said) in hops.iter().enumerate().skip(1) {
        let (channel, consumer) = consume(&consuming, &queue(at)).await;
        let out = confirming(&publishing).await;
        tasks.spawn(hop(channel, consumer, out, at + 1, said.body.clone()));
    }
    let (channel, consumer) = consume(&consuming, &queue(hops.len())).await;
    let (ended, permits) = (Arc::clone(&arrived), Arc::clone(&free));
    tasks.spawn(last(channel, consumer, move |count| {
        ended.fetch_add(count, Ordering::Relaxed);
        permits.add_permits(count);
    }));
    let (channel, consumer) = consume(&consuming, AUDIT).await;
    tasks.spawn(last(channel, consumer, |_| {}));
    tasks.spawn(submit(confirming(&submitting).await, free, hops[0].body.clone()));

    tokio::time::sleep(plan.warm_up()).await;
    speed::turned_over(plan.in_flight, || arrived.load(Ordering::Relaxed)).await;
    let meters = Meters::new(Vec::new(), Vec::new());
    let (begun, before, cpu) = (Instant::now(), arrived.load(Ordering::Relaxed), meters.cpu());
    tokio::time::sleep(plan.window()).await;
    let seconds = begun.elapsed().as_secs_f64();
    let orders = arrived.load(Ordering::Relaxed) - before;
    let cpu = meters::percent(&cpu, &meters.cpu(), seconds);
    let ended_early = tasks.try_join_next();
    assert!(ended_early.is_none(), "a part of the relay ended: {ended_early:?}");
    tasks.shutdown().await;
    // Whole connections, so that no consumer is cancelled while its queue is deleted (lapin 4.12.3 takes that for a fault).
    for connection in [consuming, publishing, submitting] {
        let _ = connection.close(200, "the window is over".into()).await;
    }
    remove(&setting_up, hops.len()).await;
    let orders_per_second = orders as f64 / seconds;
    Window {
        orders_per_second,
        events_per_second: orders_per_second * hops.len() as f64,
        cpu,
        ..Window::default()
    }
}

fn queue(hop: usize) -> String {
    format!("relay.{hop}")
}

async fn declare(channel: &Channel, hops: usize) {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    for exchange in [EXCHANGE, HOPS] {
        channel
            .exchange_declare(short(exchange), ExchangeKind::Topic, durable, FieldTable::default())
            .await
            .expect("an exchange");
    }
    let bind = ExchangeBindOptions::default();
    channel
        .exchange_bind(short(HOPS), short(EXCHANGE), "#".into(), bind, FieldTable::default())
        .await
        .expect("bound");
    let queues = (1..=hops).map(|hop| (queue(hop), HOPS, queue(hop)));
    for (name, source, key) in queues.chain([(AUDIT.to_owned(), EXCHANGE, "#".to_owned())]) {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(short(&name), durable, work_arguments()).await.expect("a queue");
        channel
            .queue_bind(
                short(&name),
                short(source),
                short(&key),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .expect("bound");
    }
}

async fn remove(channel: &Channel, hops: usize) {
    for name in (1..=hops).map(queue).chain([AUDIT.to_owned()]) {
        channel.queue_delete(short(&name), QueueDeleteOptions::default()).await.expect("deleted");
    }
    for exchange in [HOPS, EXCHANGE] {
        channel.exchange_delete(short(exchange), ExchangeDeleteOptions::default()).await.expect("deleted");
    }
}

/// Those of a room's work queue.
fn work_arguments() -> FieldTable {
    let topology = Topology::of(&Outsiders::default());
    let work = topology.queues.iter().find(|queue| queue.name == inner_queue(Room::Inventory));
    let mut table = FieldTable::default();
    for (name, value) in &work.expect("inventory has a queue").arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
        };
        table.insert(short(name), value);
    }
    table
}

async fn consume(connection: &Connection, queue: &str) -> (Channel, Consumer) {
    let channel = connection.create_channel().await.expect("a channel");
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.expect("a prefetch");
    let options = BasicConsumeOptions::default();
    let consumer = channel
        .basic_consume(short(queue), short(queue), options, FieldTable::default())
        .await
        .expect("consuming");
    (channel, consumer)
}

async fn confirming(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.expect("a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    channel
}

/// What has arrived, at least one message and at most a batch.
async fn batch(consumer: &mut Consumer) -> Vec<Delivery> {
    let mut taken = Vec::with_capacity(BATCH_MAX);
    let mut next = consumer.next().await;
    while let Some(delivery) = next {
        taken.push(delivery.expect("a delivery"));
        if taken.len() == BATCH_MAX {
            break;
        }
        next = consumer.next().now_or_never().flatten();
    }
    assert!(!taken.is_empty(), "the queue stays");
    taken
}

async fn ack(channel: &Channel, taken: &[Delivery]) {
    if let Some(last) = taken.last() {
        channel.basic_ack(last.delivery_tag, BasicAckOptions { multiple: true }).await.expect("acked");
    }
}

async fn hop(channel: Channel, mut consumer: Consumer, out: Channel, to: usize, body: Vec<u8>) {
    loop {
        let taken = batch(&mut consumer).await;
        let ids = taken.iter().filter_map(|delivery| delivery.properties.message_id().clone());
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        publish(&out, to, &body, &ids).await;
        ack(&channel, &taken).await;
    }
}

async fn last(channel: Channel, mut consumer: Consumer, count: impl Fn(usize)) {
    loop {
        let taken = batch(&mut consumer).await;
        count(taken.len());
        ack(&channel, &taken).await;
    }
}

/// Submits one order per AMQP message, as long as not too many are under way.
async fn submit(out: Channel, free: Arc<Semaphore>, body: Vec<u8>) {
    let mut number = 0_usize;
    loop {
        free.acquire().await.expect("it is never closed").forget();
        let mut orders = 1;
        while orders < BATCH_MAX && free.try_acquire().map(|permit| permit.forget()).is_ok() {
            orders += 1;
        }
        let ids: Vec<String> = (number..number + orders).map(|id| format!("order-{id:032}")).collect();
        number += orders;
        publish(&out, 1, &body, &ids).await;
    }
}

async fn publish(out: &Channel, to: usize, body: &[u8], ids: &[String]) {
    let key = queue(to);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut confirms = Vec::with_capacity(ids.len());
    for id in ids {
        let properties = BasicProperties::default()
            .with_content_type(short(messages::envelope::SINGLE))
            .with_delivery_mode(2)
            .with_message_id(short(id))
            .with_type(short(&key))
            .with_timestamp(0)
            .with_correlation_id(short(id));
        confirms.push(
            out.basic_publish(short(EXCHANGE), short(&key), options, body, properties)
                .await
                .expect("published"),
        );
    }
    for confirm in confirms {
        let said = tokio::time::timeout(Duration::from_secs(60), confirm).await.expect("a confirm in time");
        assert!(matches!(said.expect("a confirm"), Confirmation::Ack(None)), "the broker took it");
    }
}
