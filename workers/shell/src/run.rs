//! Starting and stopping rooms. A process runs any number of rooms over two broker connections per address; a room
//! that cannot start says why in one sentence.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use messages::Room;
use messages::outsiders::Outsiders;
use messages::sealed::Keyring;
use messages::timestamp::Timestamp;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::config::{self, Config};
use crate::consume::{self, Door};
use crate::hall::Hall;
use crate::migrate::{self, Schema};
use crate::postgres::PgLedger;
use crate::wire::{Link, Publisher};
use crate::worker::{Outside, Worker};
use crate::{clock, due, http, sweep};

/// What the rooms of one process share.
pub struct House {
    config: Config,
    ring: Keyring,
    outsiders: Arc<Outsiders>,
    links: BTreeMap<String, (Arc<Link>, Arc<Link>)>,
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
    ready: Vec<Ready>,
}

/// What readiness asks of one room.
#[derive(Clone)]
struct Ready {
    room: Room,
    pool: sqlx::PgPool,
    consuming: Arc<Link>,
}

impl House {
    /// # Errors
    /// One sentence: a missing key file, a bad list of outsiders.
    pub fn open(config: Config) -> Result<Self, String> {
        let ring = config.keyring()?;
        let outsiders = Arc::new(config.outsiders()?);
        let (stop, _) = watch::channel(false);
        Ok(Self {
            config,
            ring,
            outsiders,
            links: BTreeMap::new(),
            stop,
            loops: JoinSet::new(),
            ready: Vec::new(),
        })
    }

    /// Starts a room.
    ///
    /// # Errors
    /// One sentence: no database, an old schema, a missing key, no broker, a missing queue.
    pub async fn start<W: Worker>(
        &mut self,
        worker: W,
        outside: Option<Arc<dyn Outside>>,
        schema: &Schema,
    ) -> Result<(), String> {
        let room = W::ROOM;
        let connections = self.config.number(config::DATABASE_CONNECTIONS)?;
        let pool = migrate::pool(self.config.for_room(room, config::DATABASE_URL)?, room, connections)?;
        migrate::check(&pool, schema).await?;
        sweep::partitions(&pool)
            .await
            .map_err(|error| format!("the inbox of {room} cannot be kept: {error}"))?;
        let (consuming, publishing) = self.links(room)?;
        let (channel, _consumer) = crate::wire::consume(
            &consuming,
            &messages::topology::inner_queue(room),
            &format!("{room}-probe"),
            1,
        )
        .await
        .map_err(|error| error.to_string())?;
        channel.close(200, crate::wire::short("probe")).await.map_err(|error| error.to_string())?;

        let audiences = if room == Room::Fulfillment { self.outsiders.audiences() } else { Vec::new() };
        let ring = self.ring.for_room(room, &audiences);
        ring.seal(messages::sealed::Section::Parked, "probe", 0, &"", clock::now())
            .map_err(|error| error.to_string())?;
        let (out, out_rows) = mpsc::unbounded_channel();
        let hall = Arc::new(Hall {
            worker,
            ledger: PgLedger::new(pool.clone()),
            ring: Arc::new(ring),
            outsiders: Arc::clone(&self.outsiders),
            consuming: Arc::clone(&consuming),
            publishing: Arc::clone(&publishing),
            inner: Publisher::start(Arc::clone(&publishing)),
            out,
            confirmed: Mutex::new(Vec::new()),
            due_wake: Notify::new(),
            stop: self.stop.subscribe(),
            verified: self.config.need(config::SENDERS)? == "user_id",
            batch_events_max: self.config.number::<usize>(config::BATCH_EVENTS)?.clamp(1, 4_096),
        });
        for door in [Door::Inner, Door::Outside, Door::Dead] {
            self.loops.spawn(consume::run(Arc::clone(&hall), door));
        }
        let kinds: &'static [&'static str] = outside.as_ref().map_or(&[], |outside| outside.kinds());
        self.loops.spawn(due::timers(Arc::clone(&hall), kinds));
        if let Some(outside) = outside {
            self.loops.spawn(due::calls(Arc::clone(&hall), outside));
        }
        // Not one of the loops that a stop waits for: it ends with the last handle of its channel.
        tokio::spawn(sweep::send_out(Arc::clone(&hall), Publisher::start(publishing), out_rows));
        self.loops.spawn(sweep::tidy(hall));
        self.ready.push(Ready { room, pool, consuming });
        Ok(())
    }

    fn links(&mut self, room: Room) -> Result<(Arc<Link>, Arc<Link>), String> {
        let url = self.config.for_room(room, config::AMQP_URL)?.to_owned();
        if let Some(links) = self.links.get(&url) {
            return Ok(links.clone());
        }
        let link = |name: &str| Link::new(&url, name).map(Arc::new).map_err(|error| error.to_string());
        let links = (link("oms consuming")?, link("oms publishing")?);
        self.links.insert(url, links.clone());
        Ok(links)
    }

    /// What `/readyz` asks.
    #[must_use]
    pub fn readiness(&self) -> http::Readiness {
        let rooms = self.ready.clone();
        Arc::new(move || {
            let rooms = rooms.clone();
            Box::pin(async move {
                let mut missing = Vec::new();
                for room in rooms {
                    if let Err(error) = sqlx::query("SELECT 1").execute(&room.pool).await {
                        missing.push(format!("{}: the database does not answer: {error}", room.room));
                    }
                    if let Err(error) = room.consuming.channel().await {
                        missing.push(format!("{}: {error}", room.room));
                    }
                }
                missing
            })
        })
    }

    /// Asks every room to stop.
    pub fn ask_to_stop(&self) {
        // Nobody listening means that nothing runs any more.
        let _ = self.stop.send(true);
    }

    /// Waits until every room has finished what it had begun, at most as long as configured. Gives whether it did.
    pub async fn drained(&mut self) -> bool {
        let most = Duration::from_secs(self.config.number(config::DRAIN_SECONDS).unwrap_or(20));
        let all = async { while self.loops.join_next().await.is_some() {} };
        tokio::time::timeout(most, all).await.is_ok()
    }

    /// Returns when a loop ended that should not have: a panic in the shell itself.
    pub async fn any_ended(&mut self) -> String {
        match self.loops.join_next().await {
            Some(Err(error)) => format!("a loop of the shell ended badly: {error}"),
            Some(Ok(())) | None => "every room has stopped".to_owned(),
        }
    }

    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The time, for what is shown to people.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(clock::now())
    }
}
