//! `oms run`: starts the rooms, serves health and metrics, and stops in an orderly way.

use std::net::SocketAddr;
use std::process::ExitCode;

use messages::Room;
use shell::config::{self, Config};
use shell::run::House;
use shell::{http, telemetry};
use tokio::signal::unix::{SignalKind, signal};

use crate::{public, rooms, watch};

/// Runs until a signal asks to stop. Exit code 1 if the rooms could not finish in time or ended by themselves.
///
/// # Errors
/// One sentence: what is missing.
pub(crate) async fn run(config: Config, wanted: &[Room]) -> Result<ExitCode, String> {
    telemetry::install_logs(config.need(config::LOG)?);
    let metrics = telemetry::install_metrics(wanted)?;
    telemetry::spans::install(&config, wanted)?;
    let mut house = House::open(config)?;
    for &room in wanted {
        rooms::start(&mut house, room).await?;
    }
    if wanted.contains(&Room::Lifecycle) {
        watch::start(house.config()).await?;
    }
    let addr = house.config().need(config::HTTP_ADDR)?.to_owned();
    if addr != "off" {
        let addr: SocketAddr = addr.parse().map_err(|_| {
            format!("{} must be address:port, for example 127.0.0.1:9464, or off", config::HTTP_ADDR.name)
        })?;
        let bound = http::serve(addr, metrics, house.readiness()).await?;
        tracing::info!(%bound, "serving /livez, /readyz and /metrics");
    }
    if wanted.contains(&Room::Promotions)
        && let Some(bound) = public::serve(house.config()).await?
    {
        tracing::info!(%bound, "serving /unsubscribe");
    }
    tracing::info!(rooms = wanted.len(), "running");
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        why = house.any_ended() => return Err(why),
    }
    tracing::info!("stopping: finishing what was begun");
    house.ask_to_stop();
    let drained = house.drained().await;
    telemetry::spans::finish().await;
    if drained {
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    } else {
        Err("the rooms did not finish within OMS_DRAIN_SECONDS; what was not acked is redelivered".to_owned())
    }
}
