//! Says everything three times: what passes the exchanges of rooms and outsiders is published twice more with the same
//! properties, under the login that its `user_id` names. It must never repeat a repeat, and is silent around a power cut: a
//! copy would stand in for a message that was lost.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Consumer, message::Delivery};
use messages::topology::{IN, OMS};

use super::line::{Line, bounded, short};

const COPIES: usize = 2;
const PAUSE: Duration = Duration::from_millis(300);

/// Logins by name; the empty name is the administrator's.
pub(super) type Logins = BTreeMap<String, String>;

/// Repeats until the task is ended, but nothing while it is to be silent.
pub(super) async fn run(logins: Logins, copies: Arc<AtomicU64>, silent: Arc<AtomicBool>) {
    let mut lines: BTreeMap<String, Line> =
        logins.iter().map(|(name, url)| (name.clone(), Line::new(url.clone()))).collect();
    let mut ear = Line::new(logins.get("").cloned().unwrap_or_default());
    let mut seen = HashSet::new();
    loop {
        // Whatever breaks is made anew: what passes meanwhile is said once only.
        if let Ok(mut heard) = listen(&mut ear).await {
            while let Some(Ok(delivery)) = heard.next().await {
                let id = delivery.properties.message_id().as_ref().map(ToString::to_string);
                let Some(id) = id.filter(|id| !id.is_empty()) else { continue };
                if silent.load(Ordering::Relaxed) {
                    continue;
                }
                if seen.insert((delivery.exchange.to_string(), delivery.routing_key.to_string(), id)) {
                    repeat(&mut lines, &delivery, &copies).await;
                }
            }
        }
        ear.forget();
        tokio::time::sleep(PAUSE).await;
    }
}

async fn repeat(lines: &mut BTreeMap<String, Line>, delivery: &Delivery, copies: &AtomicU64) {
    let user = delivery.properties.user_id().as_ref().map(ToString::to_string);
    let name = if delivery.exchange.as_str() == IN { user.unwrap_or_default() } else { String::new() };
    let Some(line) = lines.get_mut(&name) else { return };
    for _ in 0..COPIES {
        let (exchange, key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        match line.publish(exchange, key, &delivery.data, delivery.properties.clone()).await {
            Ok(is_stored) => copies.fetch_add(u64::from(is_stored), Ordering::Relaxed),
            Err(_) => {
                line.forget();
                return;
            }
        };
    }
}

async fn listen(line: &mut Line) -> Result<Consumer, String> {
    let channel = line.channel().await?;
    let options =
        QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    let queue =
        bounded(channel.queue_declare(ShortString::default(), options, FieldTable::default())).await?;
    for exchange in [OMS, IN] {
        let bind = channel.queue_bind(
            queue.name().clone(),
            short(exchange),
            short("#"),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bounded(bind).await?;
    }
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    bounded(channel.basic_consume(queue.name().clone(), short("triple"), options, FieldTable::default()))
        .await
}
