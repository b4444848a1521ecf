//! One look at every room's desk: what waits at the broker, and what the room still owes by its own books. It must stay
//! cheap with millions of orders, since it is asked every second or two.

use std::collections::BTreeMap;

use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use messages::{Room, topology};
use serde::Serialize;
use shell::config::{self, Config};
use shell::migrate;
use shell::wire::{Link, short};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

use crate::reading_failed;

/// One room's desk.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Desk {
    pub(super) room: Room,
    /// Processes that read the room's queue.
    pub(super) running: u32,
    /// AMQP messages that wait, from rooms and from outside. Those that a process has taken and not acked do not count.
    pub(super) waiting: u32,
    pub(super) waiting_outside: u32,
    pub(super) parked: u32,
    #[serde(flatten)]
    pub(super) books: Books,
}

/// What a room's tables tell.
#[derive(Debug, Clone, Default, Serialize, sqlx::FromRow)]
pub(super) struct Books {
    pub(super) outbox: i64,
    /// Calls and timers of the next minute.
    pub(super) due: i64,
    pub(super) tasks: i64,
    /// Age in seconds of the oldest row of the outbox, or of a call or timer whose time has come.
    pub(super) oldest_seconds: Option<i64>,
    /// Events decided since the database's statistics began: only differences mean something.
    pub(super) decided: i64,
    pub(super) paused: bool,
    /// Who paused the room.
    pub(super) paused_by: Option<String>,
}

/// The ways to every desk, kept open from one look to the next.
pub(super) struct Desks {
    links: BTreeMap<String, Link>,
    pools: BTreeMap<String, PgPool>,
    places: Vec<Place>,
}

struct Place {
    room: Room,
    broker: String,
    database: String,
    books: String,
}

impl Desks {
    /// # Errors
    /// One sentence: the broker's or the database's address is missing, or no database answers.
    pub(super) async fn open(config: &Config) -> Result<Self, String> {
        let (mut links, mut pools, mut places) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for room in Room::ALL {
            let broker = config.for_room(room, config::AMQP_URL)?.to_owned();
            if !links.contains_key(&broker) {
                let link = Link::new(&broker, "oms status").map_err(|error| error.to_string())?;
                // Asked before the database: whoever has neither hears of the broker.
                link.channel().await.map_err(|error| error.to_string())?;
                links.insert(broker.clone(), link);
            }
            let database = config.for_room(room, config::DATABASE_URL)?.to_owned();
            if !pools.contains_key(&database) {
                pools.insert(database.clone(), migrate::reader_pool(&database).await?);
            }
            places.push(Place { room, broker, database, books: books_sql(room) });
        }
        Ok(Self { links, pools, places })
    }

    /// The pool that reads a room's schema.
    pub(super) fn pool(&self, room: Room) -> &PgPool {
        let place = self.places.iter().find(|place| place.room == room).expect("every room has a place");
        &self.pools[&place.database]
    }

    /// # Errors
    /// One sentence: the broker or a database does not answer, or a queue or a schema is missing.
    pub(super) async fn look(&self) -> Result<Vec<Desk>, String> {
        let mut channels = BTreeMap::new();
        for (broker, link) in &self.links {
            channels.insert(broker, link.channel().await.map_err(|error| error.to_string())?);
        }
        let mut desks = Vec::with_capacity(self.places.len());
        for Place { room, broker, database, books } in &self.places {
            let channel = &channels[broker];
            let (waiting, running) = queue(channel, &topology::inner_queue(*room)).await?;
            let (waiting_outside, _) = queue(channel, &topology::outside_queue(*room)).await?;
            let (parked, _) = queue(channel, &topology::parked_queue(*room)).await?;
            let books = sqlx::query_as(AssertSqlSafe(books.clone()))
                .fetch_one(&self.pools[database])
                .await
                .map_err(|error| reading_failed(&error))?;
            desks.push(Desk { room: *room, running, waiting, waiting_outside, parked, books });
        }
        Ok(desks)
    }
}

/// A queue's waiting messages and its consumers.
async fn queue(channel: &Channel, name: &str) -> Result<(u32, u32), String> {
    let passive = QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
    channel
        .queue_declare(short(name), passive, FieldTable::default())
        .await
        .map(|queue| (queue.message_count(), queue.consumer_count()))
        .map_err(|_| format!("queue {name} is missing; run `oms topology apply`"))
}

fn books_sql(room: Room) -> String {
    // Inserts into the inbox, as the statistics count them: the rows themselves are too many to be counted.
    format!(
        "SELECT (SELECT count(*) FROM {room}.outbox) AS outbox,
                (SELECT count(*) FROM {room}.due WHERE due_at < now() + interval '1 minute') AS due,
                (SELECT count(*) FROM {room}.task WHERE closed_at IS NULL) AS tasks,
                extract(epoch FROM now() - LEAST(
                    (SELECT min(created_at) FROM {room}.outbox),
                    (SELECT min(due_at) FROM {room}.due WHERE due_at < now())))::bigint AS oldest_seconds,
                (SELECT COALESCE(sum(pg_stat_get_tuples_inserted(oid)), 0)::bigint FROM pg_class
                 WHERE relnamespace = '{room}'::regnamespace AND relkind = 'r' AND starts_with(relname, 'inbox')) AS decided,
                EXISTS (SELECT FROM {room}.pause) AS paused, (SELECT paused_by FROM {room}.pause) AS paused_by"
    )
}
