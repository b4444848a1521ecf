//! What lies in the queues: from the management API where there is one, since only it knows what was handed out and not
//! acked; otherwise by passive declarations, which change nothing.

use std::collections::BTreeMap;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use messages::{Room, topology};
use shell::config::{self, Config};
use shell::telemetry::{self, Metric};
use shell::wire::{Link, short};

use super::Found;
use crate::management::Management;
use crate::topology::management;

/// The broker, as far as counting goes.
pub(super) struct Broker {
    management: Option<Management>,
    /// By address: mostly one for all rooms.
    links: Vec<(Link, Vec<Room>)>,
    outsiders: Vec<String>,
}

/// Ready and unacked messages of a queue.
type Counts = BTreeMap<String, (f64, f64)>;

impl Broker {
    /// # Errors
    /// An address is not readable, or the list of outsiders is not.
    pub(super) fn of(config: &Config) -> Result<Self, String> {
        let mut by_url: BTreeMap<&str, Vec<Room>> = BTreeMap::new();
        for room in Room::ALL {
            by_url.entry(config.for_room(room, config::AMQP_URL)?).or_default().push(room);
        }
        let links = by_url.into_iter().map(|(url, rooms)| {
            let link = Link::new(url, "oms watch").map_err(|error| error.to_string())?;
            Ok((link, rooms))
        });
        let links = links.collect::<Result<_, String>>()?;
        let outsiders = config.outsiders()?.all().iter().map(|outsider| outsider.name.clone()).collect();
        Ok(Self { management: management(config)?, links, outsiders })
    }

    /// # Errors
    /// Neither way answers.
    pub(super) async fn look(&self) -> Result<(), String> {
        let counts = match &self.management {
            Some(management) => match managed(management).await {
                Ok(counts) => counts,
                Err(error) => {
                    tracing::warn!(%error, "queues are counted without their unacked messages");
                    self.declared().await?
                }
            },
            None => self.declared().await?,
        };
        let mut queues = Found::new();
        for room in Room::ALL {
            for (name, queue) in queues_of(room) {
                let (ready, unacked) = counts.get(&queue).copied().unwrap_or_default();
                queues.insert(format!("{room}/{name}/ready"), ready);
                queues.insert(format!("{room}/{name}/unacked"), unacked);
            }
        }
        telemetry::tell(Metric::QueueMessages, &queues);
        for outsider in &self.outsiders {
            if let Some((ready, unacked)) = counts.get(&topology::out_queue(outsider)) {
                telemetry::set(Metric::OutsiderMessages, &[("outsider", outsider)], ready + unacked);
            }
        }
        Ok(())
    }

    /// What is ready, by passive declarations: a queue that is missing closes the channel, so each has its own.
    async fn declared(&self) -> Result<Counts, String> {
        let passive = QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
        let mut counts = Counts::new();
        for (at, (link, rooms)) in self.links.iter().enumerate() {
            let mut queues: Vec<String> =
                rooms.iter().flat_map(|room| queues_of(*room).map(|(_, queue)| queue)).collect();
            if at == 0 {
                queues.extend(self.outsiders.iter().map(|name| topology::out_queue(name)));
            }
            for queue in queues {
                let channel = link.channel().await.map_err(|error| error.to_string())?;
                let declared = channel.queue_declare(short(&queue), passive, FieldTable::default()).await;
                if let Ok(declared) = declared {
                    counts.insert(queue, (declared.message_count().into(), 0.0));
                    // It ends with the connection otherwise.
                    let _ = channel.close(200, short("counted")).await;
                }
            }
        }
        Ok(counts)
    }
}

async fn managed(management: &Management) -> Result<Counts, String> {
    let queues = management.queues().await?;
    Ok(queues
        .iter()
        .filter_map(|queue| {
            let count = |name: &str| queue[name].as_f64().unwrap_or_default();
            let counts = (count("messages_ready"), count("messages_unacknowledged"));
            Some((queue["name"].as_str()?.to_owned(), counts))
        })
        .collect())
}

/// A room's queues, as metrics name them.
fn queues_of(room: Room) -> [(&'static str, String); 5] {
    [
        ("inner", topology::inner_queue(room)),
        ("outside", topology::outside_queue(room)),
        ("control", topology::control_queue(room)),
        ("dead", topology::dead_queue(room)),
        ("parked", topology::parked_queue(room)),
    ]
}
