//! The one page that the public reaches: `/unsubscribe`, served by processes that run promotions. What it takes goes
//! into the house as a message of an outsider of its own, who may say nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use messages::Room;
use messages::outsiders::UNSUBSCRIBE_PAGE;
use shell::config::{self, Config};
use tokio::net::TcpListener;

use crate::operator::Operator;

/// Between two tries to reach the broker again.
const PAUSE_SECONDS: u64 = 5;

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
    let publish: promotions::web::Publish = Arc::new(move |withdrawal| {
        let page = Arc::clone(&page);
        Box::pin(async move { page.send(&withdrawal).await })
    });
    let router = promotions::web::router(Arc::new(ring), publish);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the page to unsubscribe is not served any more");
        }
    });
    Ok(Some(bound))
}

/// Whoever pressed the button is told at once; the answers that come later would only fill their queue.
async fn forget_answers(page: Arc<Operator>) {
    loop {
        if let Err(error) = page.drain().await {
            tracing::warn!(%error, "the answers to the page to unsubscribe are not taken");
        }
        tokio::time::sleep(Duration::from_secs(PAUSE_SECONDS)).await;
    }
}
