//! Starting and stopping rooms. A process runs any number of rooms over two broker connections per address; a room
//! that cannot start says why in one sentence.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use messages::Room;
use messages::outsiders::Outsiders;
use messages::sealed::Section;
use messages::topology::inner_queue;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::config::{self, Config};
use crate::consume::{self, Door};
use crate::hall::Hall;
use crate::keys::Keys;
use crate::migrate::{self, Schema};
use crate::postgres::PgLedger;
use crate::seams::Seams;
use crate::wire::{self, Amqp, Link, Publisher};
use crate::worker::{Outside, Worker};
use crate::{clock, due, faults, http, pausing, sweep, upkeep};

/// What the rooms of one process share.
pub struct House {
    config: Config,
    outsiders: Arc<Outsiders>,
    links: BTreeMap<String, (Arc<Link>, Arc<Link>)>,
    stop: watch::Sender<bool>,
    closing: watch::Sender<bool>,
    /// What a stop waits for.
    loops: JoinSet<()>,
    /// Senders to outsiders: they end after the loops.
    senders: JoinSet<()>,
    /// Publishing tasks: they end with the process.
    publishers: JoinSet<()>,
    ready: Vec<Ready>,
}

/// What readiness asks of one room.
#[derive(Clone)]
struct Ready {
    room: Room,
    pool: sqlx::PgPool,
    consuming: Arc<Link>,
    publishing: Arc<Link>,
}

/// A loop of a room, until it stops.
pub type Loop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Everything that runs for one room.
pub struct Loops {
    /// What a stop waits for first.
    pub working: Vec<Loop>,
    /// Sends to outsiders; it ends after the others.
    pub sending: Loop,
}

impl Loops {
    #[must_use]
    pub fn of<W: Worker, S: Seams<W>>(hall: Arc<Hall<W, S>>, outside: Option<Arc<dyn Outside>>) -> Self {
        let mut working: Vec<Loop> = Vec::new();
        for door in [Door::Inner, Door::Outside, Door::Control, Door::Dead] {
            working.push(Box::pin(consume::run(Arc::clone(&hall), door)));
        }
        working.push(Box::pin(pausing::watch(Arc::clone(&hall))));
        let kinds: &'static [&'static str] = outside.as_ref().map_or(&[], |outside| outside.kinds());
        working.push(Box::pin(due::timers(Arc::clone(&hall), kinds)));
        if let Some(outside) = outside {
            working.push(Box::pin(due::calls(Arc::clone(&hall), outside)));
        }
        let sending = Box::pin(sweep::send_out(Arc::clone(&hall)));
        working.push(Box::pin(sweep::tidy(hall)));
        Self { working, sending }
    }
}

impl House {
    /// # Errors
    /// One sentence: a missing key file, a bad list of outsiders.
    pub fn open(config: Config) -> Result<Self, String> {
        faults::checked()?;
        config.keyring()?;
        let outsiders = Arc::new(config.outsiders()?);
        Ok(Self {
            config,
            outsiders,
            links: BTreeMap::new(),
            stop: watch::channel(false).0,
            closing: watch::channel(false).0,
            loops: JoinSet::new(),
            senders: JoinSet::new(),
            publishers: JoinSet::new(),
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
        upkeep::partitions(&pool)
            .await
            .map_err(|error| format!("the inbox of {room} cannot be kept: {error}"))?;
        let paused = pausing::is_paused(&pool)
            .await
            .map_err(|error| format!("whether {room} is paused is not known: {error}"))?;
        let (consuming, publishing) = self.links(room)?;
        let channel = consuming.channel().await.map_err(|error| error.to_string())?;
        wire::look_for(&channel, &inner_queue(room)).await.map_err(|error| error.to_string())?;
        let hall = Arc::new(self.hall(worker, &pool, &consuming, &publishing)?);
        hall.paused.send_replace(paused);
        self.spawn(hall, outside);
        self.ready.push(Ready { room, pool, consuming, publishing });
        Ok(())
    }

    fn hall<W: Worker>(
        &mut self,
        worker: W,
        pool: &sqlx::PgPool,
        consuming: &Arc<Link>,
        publishing: &Arc<Link>,
    ) -> Result<Hall<W>, String> {
        let (to_rooms, publish_rooms) = Publisher::new(Arc::clone(publishing), W::ROOM);
        let (to_outsiders, publish_out) = Publisher::new(Arc::clone(publishing), W::ROOM);
        self.publishers.spawn(publish_rooms);
        self.publishers.spawn(publish_out);
        let (out, out_rows) = mpsc::channel(256);
        Ok(Hall {
            worker,
            ledger: PgLedger::new(pool.clone()),
            keys: self.keys(W::ROOM)?,
            outsiders: Arc::clone(&self.outsiders),
            broker: Amqp {
                consuming: Arc::clone(consuming),
                publishing: Arc::clone(publishing),
                to_rooms,
                to_outsiders,
            },
            out,
            out_rows: Mutex::new(Some(out_rows)),
            confirmed: Mutex::new(Vec::new()),
            wake_timers: Notify::new(),
            wake_calls: Notify::new(),
            stop: self.stop.subscribe(),
            closing: self.closing.subscribe(),
            paused: watch::channel(false).0,
            verified: match self.config.need(config::SENDERS)? {
                "user_id" => true,
                "app_id" => false,
                _ => return Err(format!("{} must be user_id or app_id", config::SENDERS.name)),
            },
            batch_events_max: self.config.number::<usize>(config::BATCH_EVENTS)?.clamp(1, 4_096),
        })
    }

    /// A room's own keys, of which it must have those to seal what it parks.
    fn keys(&self, room: Room) -> Result<Keys, String> {
        let opens_for_outsiders = room == Room::Fulfillment;
        let audiences: Vec<String> = self
            .outsiders
            .audiences()
            .into_iter()
            .filter(|_| opens_for_outsiders)
            .map(str::to_owned)
            .collect();
        let config = self.config.clone();
        let keys = Keys::load(move || {
            let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
            Ok(config.keyring()?.for_room(room, &audiences))
        })?;
        keys.ring()
            .seal(Section::Parked, "probe", 0, &"", clock::now())
            .map_err(|error| error.to_string())?;
        Ok(keys)
    }

    fn spawn<W: Worker>(&mut self, hall: Arc<Hall<W>>, outside: Option<Arc<dyn Outside>>) {
        let Loops { working, sending } = Loops::of(hall, outside);
        for working in working {
            self.loops.spawn(working);
        }
        self.senders.spawn(sending);
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
                    // In a task of its own: a probe that hangs up must not cancel a pool's acquire half way.
                    let pool = room.pool.clone();
                    let asked =
                        tokio::spawn(async move { sqlx::query("SELECT 1").execute(&pool).await.map(|_| ()) })
                            .await;
                    if !matches!(asked, Ok(Ok(()))) {
                        missing.push(format!("{}: the database does not answer", room.room));
                    }
                    for link in [&room.consuming, &room.publishing] {
                        if let Err(error) = link.channel().await {
                            missing.push(format!("{}: {error}", room.room));
                        }
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
        let all = async {
            let mut well = true;
            while let Some(ended) = self.loops.join_next().await {
                well &= ended.is_ok();
            }
            // Nobody listening means that nothing runs any more.
            let _ = self.closing.send(true);
            while let Some(ended) = self.senders.join_next().await {
                well &= ended.is_ok();
            }
            well
        };
        tokio::time::timeout(most, all).await.unwrap_or(false)
    }

    /// Returns when a task ended that should not have: a panic in the shell itself.
    pub async fn any_ended(&mut self) -> String {
        let ended = tokio::select! {
            Some(ended) = self.loops.join_next() => ended,
            Some(ended) = self.senders.join_next() => ended,
            Some(ended) = self.publishers.join_next() => ended,
            else => return "every room has stopped".to_owned(),
        };
        match ended {
            Err(error) => format!("a task of the shell ended badly: {error}"),
            Ok(()) => "a task of the shell ended by itself".to_owned(),
        }
    }

    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }
}
