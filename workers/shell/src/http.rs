//! What each process serves: `/livez` (the process runs), `/readyz` (its rooms can work), `/metrics`. It is for
//! probes and scrapers and never shows an order.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

/// Tells what is not ready: an empty list is ready.
pub type Readiness =
    Arc<dyn Fn() -> std::pin::Pin<Box<dyn Future<Output = Vec<String>> + Send>> + Send + Sync>;

#[derive(Clone)]
struct Shown {
    metrics: PrometheusHandle,
    readiness: Readiness,
}

/// Serves until the process ends.
///
/// # Errors
/// The address is taken or not allowed.
pub async fn serve(
    addr: SocketAddr,
    metrics: PrometheusHandle,
    readiness: Readiness,
) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(addr)
        .await
        .map_err(|error| format!("cannot listen on {addr} (OMS_HTTP_ADDR): {error}"))?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    let upkeep = metrics.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    let router = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(|State(shown): State<Shown>| async move { shown.metrics.render() }))
        .with_state(Shown { metrics, readiness });
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the HTTP server ended");
        }
    });
    Ok(bound)
}

async fn readyz(State(shown): State<Shown>) -> impl IntoResponse {
    let missing = (shown.readiness)().await;
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
    }
}
