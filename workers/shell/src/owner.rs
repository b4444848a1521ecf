//! How long a process lives, as its fellows can see it: a session of the database holds an advisory lock under a number
//! of the process's own, and with the process both go. A claim that carries the number is free as soon as nobody holds
//! the lock. A lock that is lost while the process lives costs nothing but a second look at the calls under way.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

/// How often the session is asked whether it is still there.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A session that is silent for longer is not there.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The number of this process, for as long as its session lives.
#[derive(Debug, Default)]
pub(crate) struct Owner(Mutex<Option<Session>>);

#[derive(Debug)]
struct Session {
    number: i64,
    connection: PgConnection,
    asked: Instant,
}

impl Owner {
    /// The number under which to claim now; a new one where the session was lost.
    pub(crate) async fn number(&self, options: &PgConnectOptions) -> Result<i64, sqlx::Error> {
        let mut held = self.0.lock().await;
        // Taken out while it is asked: half an answer would spoil it, and then it must not be kept.
        if let Some(mut session) = held.take() {
            if session.asked.elapsed() < ASK_EVERY || session.answers().await {
                let number = session.number;
                *held = Some(session);
                return Ok(number);
            }
            tracing::warn!(
                "the database session that vouches for this process was lost; its calls under way may be looked up by another"
            );
        }
        let session = Session::open(options).await?;
        let number = session.number;
        *held = Some(session);
        Ok(number)
    }
}

impl Session {
    async fn open(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let opening = async {
            let mut connection = PgConnection::connect_with(options).await?;
            let number = random();
            sqlx::query("SELECT pg_advisory_lock($1)").bind(number).execute(&mut connection).await?;
            Ok(Self { number, connection, asked: Instant::now() })
        };
        tokio::time::timeout(ANSWER_MAX, opening).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    async fn answers(&mut self) -> bool {
        self.asked = Instant::now();
        matches!(tokio::time::timeout(ANSWER_MAX, self.connection.ping()).await, Ok(Ok(())))
    }
}

/// 62 random bits: no two processes ever have the same number.
fn random() -> i64 {
    let (_, low) = Uuid::now_v7().as_u64_pair();
    i64::from_ne_bytes(low.to_ne_bytes())
}
