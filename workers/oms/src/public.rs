//! The one page that the public reaches: `/unsubscribe`, served by processes that run promotions. What it takes goes
//! into the house as a message of an outsider of its own, who may say nothing else. Whether the room has decided it is
//! read from the room's table: several processes serve the page, and an answer in their common queue may go to another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use messages::Room;
use messages::outsiders::UNSUBSCRIBE_PAGE;
use messages::sealed::Fingerprint;
use messages::subscriber::{SubscriberWithdraw, Topic};
use promotions::store::is_withdrawn;
use promotions::web::{Taken, Withdraw, router};
use shell::config::{self, Config};
use shell::migrate;
use sqlx::postgres::PgPool;
use tokio::net::TcpListener;

use crate::operator::Operator;

/// Between two tries to reach the broker again.
const PAUSE_SECONDS: u64 = 5;
/// How long whoever pressed the button waits for the room; mailbox providers are patient, people are not.
const DECIDED_SECONDS_MAX: u64 = 5;
/// Between two looks whether the room has decided.
const LOOK_MILLIS: u64 = 25;

/// Serves until the process ends; gives the address, or nothing where another process serves the page.
///
/// # Errors
/// One sentence: a bad address, one that is taken, no key, or a login that the house would not believe.
pub(crate) async fn serve(config: &Config) -> Result<Option<SocketAddr>, String> {
    let setting = config::PUBLIC_ADDR.name;
    let addr = config.need(config::PUBLIC_ADDR)?;
    if addr == "off" {
        return Ok(None);
    }
    let addr: SocketAddr = addr
        .parse()
        .map_err(|_| format!("{setting} must be address:port, for example 127.0.0.1:9465, or off"))?;
    let page = Arc::new(Operator::open_as(config, UNSUBSCRIBE_PAGE)?);
    if config.need(config::SENDERS)? == "user_id" && !page.is_verified() {
        return Err(format!(
            "the page to unsubscribe has no login of its own, and nobody would believe it: {} must have the user {UNSUBSCRIBE_PAGE}, or {setting} be off",
            config::CREDENTIALS_FILE.name
        ));
    }
    let ring = config.keyring()?.for_room(Room::Promotions, &[]);
    ring.token("probe", "", 0).map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(addr)
        .await
        .map_err(|error| format!("cannot listen on {addr} ({setting}): {error}"))?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(forget_answers(Arc::clone(&page)));
    let pool = migrate::reader_pool(config.for_room(Room::Promotions, config::DATABASE_URL)?).await?;
    let withdraw: Withdraw = Arc::new(move |subscriber, withdrawal| {
        let (page, pool) = (Arc::clone(&page), pool.clone());
        Box::pin(async move { take(&page, &pool, &subscriber, &withdrawal).await })
    });
    let router = router(Arc::new(ring), withdraw);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the page to unsubscribe is not served any more");
        }
    });
    Ok(Some(bound))
}

async fn take(
    page: &Operator,
    pool: &PgPool,
    subscriber: &Fingerprint,
    withdrawal: &SubscriberWithdraw,
) -> Result<Taken, String> {
    page.send(withdrawal).await?;
    let decided = until_decided(pool, subscriber, &withdrawal.topics);
    match tokio::time::timeout(Duration::from_secs(DECIDED_SECONDS_MAX), decided).await {
        Ok(Ok(())) => Ok(Taken::Decided),
        Ok(Err(error)) => {
            tracing::warn!(%error, "whether a withdrawal is decided cannot be seen");
            Ok(Taken::Noted)
        }
        Err(_) => Ok(Taken::Noted),
    }
}

async fn until_decided(pool: &PgPool, subscriber: &Fingerprint, topics: &[Topic]) -> Result<(), sqlx::Error> {
    while !is_withdrawn(pool, subscriber, topics).await? {
        tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)).await;
    }
    Ok(())
}

/// What was decided is read from the table; the answers would only fill their queue.
async fn forget_answers(page: Arc<Operator>) {
    loop {
        if let Err(error) = page.drain().await {
            tracing::warn!(%error, "the answers to the page to unsubscribe are not taken");
        }
        tokio::time::sleep(Duration::from_secs(PAUSE_SECONDS)).await;
    }
}
