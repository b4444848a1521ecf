//! Reading `oms.out.<name>`: what has arrived is heard at once and acked together. What was heard and not acked is
//! heard again, so whoever listens must take a repeat.

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use messages::Event;
use messages::envelope::decode;

use super::LineError;
use super::link::{Fault, Link, Pauses, bounded, short};

/// AMQP messages that wait unacked for one listener.
const PREFETCH: u16 = 500;

/// A queue that is being read.
#[derive(Debug)]
pub struct Ear {
    link: Link,
    queue: String,
    live: Option<(Channel, Consumer)>,
    last_tag: Option<u64>,
}

/// What had arrived: at least one AMQP message.
#[derive(Debug, Default)]
pub struct Heard {
    pub events: Vec<Event>,
    /// Messages or events that this outsider could not read.
    pub unreadable: usize,
}

impl Ear {
    pub(super) async fn open(link: Link, queue: String) -> Result<Self, LineError> {
        let live = consume(&link, &queue).await?;
        Ok(Self { link, queue, live: Some(live), last_tag: None })
    }

    /// Waits for a message and takes along what else has arrived. A lost connection is waited out. Dropping the
    /// future loses nothing.
    pub async fn hear(&mut self) -> Heard {
        let mut pauses = Pauses::new();
        loop {
            let next = match &mut self.live {
                Some((_, consumer)) => consumer.next().await,
                None => {
                    match consume(&self.link, &self.queue).await {
                        Ok(live) => self.live = Some(live),
                        Err(error) => {
                            tracing::warn!(queue = %self.queue, %error, "the queue cannot be read; trying again");
                            pauses.wait().await;
                        }
                    }
                    continue;
                }
            };
            match next {
                Some(Ok(delivery)) => return self.gather(delivery),
                Some(Err(_)) | None => {
                    tracing::warn!(queue = %self.queue, "reading stopped; it starts again");
                    self.forget().await;
                    pauses.wait().await;
                }
            }
        }
    }

    /// Acks all that was heard. If the connection was lost meanwhile, the broker delivers it again.
    pub async fn ack(&mut self) {
        let Some(tag) = self.last_tag.take() else { return };
        let Some((channel, _)) = &self.live else { return };
        if bounded(channel.basic_ack(tag, BasicAckOptions { multiple: true })).await.is_err() {
            self.forget().await;
        }
    }

    fn gather(&mut self, first: lapin::message::Delivery) -> Heard {
        let mut heard = Heard::default();
        let mut next = Some(first);
        let mut messages = 0;
        while let Some(delivery) = next.take() {
            self.last_tag = Some(delivery.delivery_tag);
            heard.take(&delivery);
            messages += 1;
            if let Some((_, consumer)) = &mut self.live
                && messages < PREFETCH
            {
                // An error here is met again by the next `hear`.
                next = consumer.next().now_or_never().flatten().and_then(Result::ok);
            }
        }
        heard
    }

    async fn forget(&mut self) {
        self.live = None;
        self.last_tag = None;
        self.link.abandon().await;
    }
}

impl Heard {
    fn take(&mut self, delivery: &lapin::message::Delivery) {
        let content_type = delivery.properties.content_type().as_ref().map(|text| text.as_str());
        match decode(content_type, &delivery.data) {
            Ok(events) => {
                for event in events {
                    match event {
                        Ok(event) => self.events.push(event),
                        Err(_) => self.unreadable += 1,
                    }
                }
            }
            Err(_) => self.unreadable += 1,
        }
    }
}

async fn consume(link: &Link, queue: &str) -> Result<(Channel, Consumer), LineError> {
    let channel = link.channel().await?;
    let refused = |fault: Fault| LineError::Queue { queue: queue.to_owned(), why: fault.why };
    bounded(channel.basic_qos(PREFETCH, BasicQosOptions::default())).await.map_err(refused)?;
    let consume = channel.basic_consume(
        short(queue),
        short(link.name()),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let consumer = bounded(consume).await.map_err(refused)?;
    Ok((channel, consumer))
}
