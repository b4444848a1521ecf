//! One connection, made when it is needed and made again when it broke. lapin's own recovery is never used: a
//! broken connection is dropped whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::types::ShortString;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::Mutex;

use super::LineError;

/// Calls that take longer mean that the connection is dead or blocked.
const CALL_SECONDS_MAX: u64 = 30;
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// Clones share the connection.
#[derive(Clone)]
pub(super) struct Link {
    /// The nodes, tried in turn.
    uris: Arc<[AMQPUri]>,
    turn: Arc<AtomicUsize>,
    user: Arc<str>,
    name: Arc<str>,
    purpose: &'static str,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({} {})", self.name, self.purpose)
    }
}

impl Link {
    pub(super) fn new(uris: Arc<[AMQPUri]>, name: &str, purpose: &'static str) -> Self {
        let user = uris.first().map_or("", |uri| &uri.authority.userinfo.username).into();
        Self { uris, turn: Arc::default(), user, name: name.into(), purpose, connection: Arc::default() }
    }

    /// The outsider.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The login, which the broker compares with `user_id`.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) async fn channel(&self) -> Result<Channel, LineError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|connection| connection.status().connected())
            && let Ok(channel) = bounded(connection.create_channel()).await
        {
            return Ok(channel);
        }
        if held.take().is_some() {
            self.pass();
        }
        let mut failed = LineError::Address;
        for _ in 0..self.uris.len() {
            let uri = &self.uris[self.turn.load(Ordering::Relaxed) % self.uris.len()];
            match self.connect(uri).await {
                Ok((connection, channel)) => {
                    *held = Some(connection);
                    return Ok(channel);
                }
                Err(fault) => {
                    let at = format!("{}:{}", uri.authority.host, uri.authority.port);
                    failed = LineError::Unreachable { at, name: self.name.to_string(), why: fault.why };
                    self.pass();
                }
            }
        }
        Err(failed)
    }

    async fn connect(&self, uri: &AMQPUri) -> Result<(Connection, Channel), Fault> {
        let title = format!("world {} {}", self.name, self.purpose);
        let properties = ConnectionProperties::default().with_connection_name(title.into());
        let connection = bounded(Connection::connect_uri(uri.clone(), properties)).await?;
        let channel = bounded(connection.create_channel()).await?;
        Ok((connection, channel))
    }

    /// A node that has failed is tried last.
    fn pass(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// Drops the connection, so that the next channel is made on a new one.
    pub(super) async fn abandon(&self) {
        if self.connection.lock().await.take().is_some() {
            self.pass();
        }
    }

    pub(super) fn refused(&self, fault: Fault) -> LineError {
        LineError::Refused { name: self.name.to_string(), why: fault.why }
    }
}

/// A call to the broker that failed.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) why: String,
    /// The broker's last word on this message or queue (AMQP's soft errors): the same call fails again.
    pub(super) is_final: bool,
}

impl From<LineError> for Fault {
    fn from(error: LineError) -> Self {
        Self { why: error.to_string(), is_final: false }
    }
}

/// Bounds a call to the broker: a blocked connection would wait for ever.
pub(super) async fn bounded<T>(call: impl Future<Output = lapin::Result<T>>) -> Result<T, Fault> {
    match tokio::time::timeout(Duration::from_secs(CALL_SECONDS_MAX), call).await {
        Ok(result) => {
            result.map_err(|error| Fault { is_final: error.is_amqp_soft_error(), why: error.to_string() })
        }
        Err(_) => Err(Fault { why: "no answer in time".to_owned(), is_final: false }),
    }
}

/// A text as AMQP's short string, cut at its 255 bytes.
pub(super) fn short(text: &str) -> ShortString {
    let end = text.floor_char_boundary(255);
    ShortString::try_new(&text[..end]).unwrap_or_default()
}

/// Pauses between tries, each twice as long as the one before.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(PAUSE_FIRST)
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSE_LONGEST);
    }
}
