//! A card gateway that speaks Stripe's HTTP interface (payment intents with manual capture, refunds,
//! idempotency keys) and misbehaves as the payment token says. State is in memory. It must never stand
//! between real cards and real money: every token that it does not know is authorized.
//!
//! `latest_charge` is an id, as at Stripe, unless `expand[]=latest_charge` (in a search
//! `expand[]=data.latest_charge`) is sent. A declined intent stays declined: the next attempt is a new
//! intent. Unlike Stripe's, the search sees an intent at once, an expired hold still reads
//! `requires_capture`, and every hold may be captured several times.

mod asks;
mod book;
mod call;
mod desk;
mod fault;
mod keys;
mod ledger;
mod params;
mod query;
mod script;
#[cfg(test)]
mod tests;
mod wire;

use anyhow::Context;
use asks::Ask;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use call::Call;
use desk::{Control, ControlReport, Desk, Entry, Outcome, Work};
use fault::Fault;
use keys::Answer;
use params::Params;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// How long an unanswered call is held open, unless told otherwise.
pub const DEFAULT_HANG: Duration = Duration::from_secs(30);

/// Rows of a list when the caller does not say (Stripe API, "Pagination").
const LIMIT_DEFAULT: u64 = 10;
const LIMIT_MAX: u64 = 100;

/// One gateway with its book; clones share it.
#[derive(Clone)]
pub struct Gateway {
    key: Arc<str>,
    hang: Duration,
    desk: Arc<Mutex<Desk>>,
}

impl Gateway {
    /// An empty gateway that answers only callers with this secret key.
    #[must_use]
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self { key: key.into(), hang: DEFAULT_HANG, desk: Arc::default() }
    }

    /// Holds an unanswered call open for `hang` before its connection is dropped.
    #[must_use]
    pub fn hanging_for(mut self, hang: Duration) -> Self {
        self.hang = hang;
        self
    }

    fn key(&self) -> &str {
        &self.key
    }

    fn is_out(&self) -> bool {
        self.desk().is_out()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The work is a task of its own, because the real gateway goes on when its caller has hung up.
    async fn post(&self, call: Call, read: impl FnOnce(&mut Params) -> Result<Ask, Fault>) -> Response {
        let entry = self.desk().enter(call, read);
        let (work, delay) = match entry {
            Err(fault) => return fault.into_response(),
            Ok(Entry::Replay(answer)) => {
                return ([("idempotent-replayed", "true")], respond(answer)).into_response();
            }
            Ok(Entry::Work { work, delay }) => (work, delay),
        };
        let outcome = if delay.is_zero() {
            self.desk().execute(work)
        } else {
            match tokio::spawn(self.clone().execute_late(work, delay)).await {
                Ok(outcome) => outcome,
                Err(_) => return Fault::Broken.into_response(),
            }
        };
        if outcome.is_told { respond(outcome.answer) } else { self.hang_up().await }
    }

    async fn execute_late(self, work: Work, delay: Duration) -> Outcome {
        tokio::time::sleep(delay).await;
        self.desk().execute(work)
    }

    /// Unwinding past the HTTP server is the one way to close a connection without a status line.
    async fn hang_up(&self) -> Response {
        tokio::time::sleep(self.hang).await;
        std::panic::resume_unwind(Box::new("the script leaves this call unanswered"))
    }
}

/// Serves a gateway with the default hang until the process ends.
///
/// # Errors
/// The listening socket fails.
pub async fn serve(listener: TcpListener, key: String) -> anyhow::Result<()> {
    serve_gateway(listener, Gateway::new(key)).await
}

/// Serves this gateway until the process ends.
///
/// # Errors
/// The listening socket fails.
pub async fn serve_gateway(listener: TcpListener, gateway: Gateway) -> anyhow::Result<()> {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    axum::serve(listener, router(gateway)).await.context("the card gateway stopped")
}

/// The gateway's routes.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/v1/payment_intents", post(authorize))
        .route("/v1/payment_intents/search", get(search))
        .route("/v1/payment_intents/{id}", get(retrieve))
        .route("/v1/payment_intents/{id}/capture", post(capture))
        .route("/v1/payment_intents/{id}/cancel", post(cancel))
        .route("/v1/refunds", post(refund).get(list_refunds))
        .route("/_control", post(control))
        .route("/_ledger", get(show_ledger))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .with_state(gateway)
}

async fn authorize(State(gateway): State<Gateway>, call: Call) -> Response {
    gateway.post(call, Ask::authorize).await
}

async fn capture(State(gateway): State<Gateway>, Path(id): Path<String>, call: Call) -> Response {
    gateway.post(call, |params| Ask::capture(id, params)).await
}

async fn cancel(State(gateway): State<Gateway>, Path(id): Path<String>, call: Call) -> Response {
    gateway.post(call, |params| Ask::cancel(id, params)).await
}

async fn refund(State(gateway): State<Gateway>, call: Call) -> Response {
    gateway.post(call, Ask::refund).await
}

async fn retrieve(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Json<Value>, Fault> {
    let is_expanded = call.params.expands("latest_charge");
    call.params.finish()?;
    let desk = gateway.desk();
    let index = desk.book.find(&id).ok_or(Fault::Missing { what: "payment_intent", id })?;
    Ok(Json(wire::intent(&desk.book.intents()[index], is_expanded)))
}

async fn search(State(gateway): State<Gateway>, mut call: Call) -> Result<Json<Value>, Fault> {
    let clauses = query::parse(&call.params.required("query")?)?;
    let limit = limit(&mut call.params)?;
    let is_expanded = call.params.expands("data.latest_charge");
    call.params.finish()?;
    let desk = gateway.desk();
    let found =
        desk.book.search(&clauses).into_iter().map(|intent| wire::intent(intent, is_expanded)).collect();
    Ok(Json(wire::list("search_result", "/v1/payment_intents/search", found, limit)))
}

async fn list_refunds(State(gateway): State<Gateway>, mut call: Call) -> Result<Json<Value>, Fault> {
    let id = call.params.required("payment_intent")?;
    let limit = limit(&mut call.params)?;
    call.params.finish()?;
    let desk = gateway.desk();
    let index = desk.book.find(&id).ok_or(Fault::Missing { what: "payment_intent", id })?;
    let intent = &desk.book.intents()[index];
    let refunds = intent.refunds.iter().rev().map(|refund| wire::refund(intent, refund)).collect();
    Ok(Json(wire::list("list", "/v1/refunds", refunds, limit)))
}

async fn control(State(gateway): State<Gateway>, Json(control): Json<Control>) -> Json<ControlReport> {
    Json(gateway.desk().control(&control))
}

async fn show_ledger(State(gateway): State<Gateway>) -> Json<Value> {
    Json(gateway.desk().ledger())
}

async fn unknown(request: Request) -> Fault {
    Fault::UnknownRoute { route: format!("{}: {}", request.method(), request.uri().path()) }
}

fn limit(params: &mut Params) -> Result<usize, Fault> {
    let limit = params.amount("limit")?.unwrap_or(LIMIT_DEFAULT);
    if limit > LIMIT_MAX {
        return Err(Fault::invalid("parameter_invalid_integer", "limit", "The limit is at most 100."));
    }
    Ok(limit as usize)
}

fn respond(answer: Answer) -> Response {
    (answer.status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response()
}
