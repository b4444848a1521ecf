//! Pausing a room: while it is paused, each of its replicas takes no messages, fires no timers and makes no calls. It
//! still publishes what is stored, hands in the answers of calls that were under way, and hears the operator; it must
//! never stop half way through a batch.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;

use crate::consume::Door;
use crate::hall::Hall;
use crate::ledger::Store as _;
use crate::seams::Seams;
use crate::worker::Worker;

/// How soon every replica knows.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether the room of this pool is paused.
///
/// # Errors
/// The database's own.
pub async fn is_paused(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pause)").fetch_one(pool).await
}

/// Looks each second until the room stops. While the database is away, what was known last stays true.
pub async fn watch<W: Worker, S: Seams<W>>(hall: Arc<Hall<W, S>>) {
    while !hall.is_stopping() {
        match hall.ledger.is_paused().await {
            Ok(now) => {
                let changed = hall.paused.send_if_modified(|paused| std::mem::replace(paused, now) != now);
                if changed {
                    tracing::info!(room = %W::ROOM, paused = now, "the operator paused or resumed the room");
                }
            }
            Err(error) => tracing::warn!(room = %W::ROOM, %error, "whether the room is paused is not known"),
        }
        tokio::select! { biased; () = hall.stopping() => {}, () = tokio::time::sleep(LOOK_EVERY) => {} }
    }
}

impl<W: Worker, S: Seams<W>> Hall<W, S> {
    /// Waits while the room is paused; gives whether it goes on, and is not asked to stop.
    pub async fn resumed(&self) -> bool {
        let mut paused = self.paused.subscribe();
        tokio::select! {
            biased;
            // An error means that the hall itself is gone.
            _ = paused.wait_for(|paused| !paused) => {}
            () = self.stopping() => {}
        }
        !self.is_stopping()
    }

    /// Returns when a door may be opened, or the room is asked to stop.
    pub(crate) async fn opened(&self, door: Door) {
        if door != Door::Control {
            self.resumed().await;
        }
    }

    /// Whether a door must be closed: the room is stopping, or is paused.
    pub(crate) fn is_shut(&self, door: Door) -> bool {
        self.is_stopping() || door != Door::Control && *self.paused.borrow()
    }

    /// Returns when a door must be closed.
    pub(crate) async fn shut(&self, door: Door) {
        if door == Door::Control {
            return self.stopping().await;
        }
        let mut paused = self.paused.subscribe();
        tokio::select! {
            biased;
            // As above.
            _ = paused.wait_for(|paused| *paused) => {}
            () = self.stopping() => {}
        }
    }
}
