//! What a process that runs lifecycle measures of the orders themselves: who waits longest, and who is stuck. It reads
//! as `oms_reader` and never for more than a small part of the time.

use std::time::{Duration, Instant};

use lifecycle::status::OrderStatus;
use messages::{Room, Timestamp};
use shell::config::{self, Config};
use shell::telemetry::{self, Metric};
use shell::{clock, migrate};
use sqlx::PgPool;

/// Between two looks, at least.
const PAUSE: Duration = Duration::from_secs(15);
/// A look that takes long is followed by a rest of so many times as long: with very many orders, a twentieth of the
/// database's time at most goes to this.
const REST: u32 = 20;

/// Looks until the process ends.
///
/// # Errors
/// No database answers.
pub(crate) async fn start(config: &Config) -> Result<(), String> {
    let pool = migrate::reader_pool(config.for_room(Room::Lifecycle, config::DATABASE_URL)?).await?;
    tokio::spawn(async move {
        loop {
            let begun = Instant::now();
            if let Err(error) = look(&pool).await {
                tracing::warn!(error = %crate::reading_failed(&error), "waiting orders were not counted");
            }
            tokio::time::sleep(PAUSE.max(begun.elapsed() * REST)).await;
        }
    });
    Ok(())
}

async fn look(pool: &PgPool) -> Result<(), sqlx::Error> {
    let waiting = lifecycle::store::waiting(pool, Timestamp(clock::now())).await?;
    for status in OrderStatus::ALL {
        let found = waiting.get(status).copied().unwrap_or_default();
        telemetry::set(Metric::OldestWaitingOrder, status.name(), found.oldest_seconds as f64);
        telemetry::set(Metric::StuckOrders, status.name(), found.stuck as f64);
    }
    Ok(())
}
