//! Spans for an OpenTelemetry collector: one for each event that a room has dealt with and one for each call to the
//! outside, so that an order's journey is one trace. Off unless an address is set, and then one look at a cell per batch.
//! It must never hold up a room: what a slow collector does not take is dropped. It names ids and kinds only.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use messages::Room;
use messages::id::derived_id;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _,
};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{CallEnd, journal, trace};
use crate::clock;
use crate::config::{self, Config};
use crate::settle::{Cause, Entry, Work};
use crate::worker::{DueRow, Worker};

/// Spans of a room that wait for the collector; more are dropped.
const QUEUE_MAX: usize = 16_384;
const SEND_EVERY: Duration = Duration::from_secs(1);
const SEND_SECONDS_MAX: Duration = Duration::from_secs(10);
/// How long a stopping process waits for the collector.
const LAST_SECONDS_MAX: Duration = Duration::from_secs(3);

/// Where the spans of this process go.
struct Export {
    permille: u128,
    rooms: BTreeMap<Room, BatchSpanProcessor>,
}

static EXPORT: OnceLock<Export> = OnceLock::new();

/// Starts sending spans of these rooms, if there is an address to send them to.
///
/// # Errors
/// One sentence: the address or the share is not readable.
pub fn install(config: &Config, rooms: &[Room]) -> Result<(), String> {
    let Some(endpoint) = config.get(config::OTLP_ENDPOINT) else { return Ok(()) };
    let permille: u16 = config.number(config::OTLP_PERMILLE)?;
    let readable = reqwest::Url::parse(endpoint).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
    if !readable {
        let name = config::OTLP_ENDPOINT.name;
        return Err(format!("{name} must be the URL of a collector, for example http://127.0.0.1:4318"));
    }
    let failed = |error: String| format!("spans cannot be sent: {error}");
    let http = reqwest::Client::builder().timeout(SEND_SECONDS_MAX).build();
    let post = Post { http: http.map_err(|error| failed(error.to_string()))?, runtime: Handle::current() };
    let mut processors = BTreeMap::new();
    for &room in rooms {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(post.clone())
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(SEND_SECONDS_MAX)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_MAX)
            .with_scheduled_delay(SEND_EVERY)
            .build();
        let mut processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        processor.set_resource(&resource(room));
        processors.insert(room, processor);
    }
    // A second start within one process (tests) keeps the first.
    let _ = EXPORT.set(Export { permille: permille.into(), rooms: processors });
    Ok(())
}

/// Sends what has not been sent; afterwards nothing is.
pub async fn finish() {
    let Some(export) = EXPORT.get() else { return };
    // Each waits for a thread of its own, which waits for this runtime; all at once, so that one pause is the longest.
    let ends = export.rooms.iter().map(|(room, processor)| {
        tokio::task::spawn_blocking(move || {
            if let Err(error) = processor.shutdown_with_timeout(LAST_SECONDS_MAX) {
                tracing::warn!(%room, %error, "the last spans were not sent");
            }
        })
    });
    for end in ends.collect::<Vec<_>>() {
        if end.await.is_err() {
            tracing::warn!("the last spans were not sent");
        }
    }
}

pub(crate) fn is_on() -> bool {
    EXPORT.get().is_some()
}

/// Tells of a batch that was settled and published; what had been decided before was told then.
pub(crate) fn tell<W: Worker>(entries: &[Entry<W>], repeated: &[Uuid], begun: OffsetDateTime) {
    let ended = clock::now();
    for Entry { cause, work } in entries {
        if cause.inbox.is_some_and(|id| repeated.contains(&id)) {
            continue;
        }
        let Some((trace, parent)) = cause.traceparent.as_deref().and_then(trace::trace_and_parent) else {
            continue;
        };
        let mut attributes = about(cause);
        let status = match work {
            Work::Park(parked) => {
                attributes.push(KeyValue::new("oms.parked", parked.reason.name()));
                Status::error(parked.reason.name())
            }
            Work::Decide(_) | Work::Timer(_) | Work::Answer(_) | Work::CloseTask(_) | Work::Control(_) => {
                Status::Unset
            }
        };
        let span = trace::span(W::ROOM, cause.origin);
        let ids = Ids { trace, span, parent };
        send(W::ROOM, ids, SpanKind::Consumer, what(work, cause), (begun, ended), status, attributes);
    }
}

/// Tells of one call to the outside.
pub(crate) fn tell_call(room: Room, due: &DueRow, kind: &'static str, end: CallEnd, begun: OffsetDateTime) {
    if !is_on() {
        return;
    }
    let Some((trace, parent)) = due.traceparent.as_deref().and_then(trace::trace_and_parent) else { return };
    let numbers = [due.serial.to_be_bytes().as_slice(), &due.attempt.to_be_bytes()].concat();
    let id = derived_id(begun, &[b"call", kind.as_bytes(), due.key.as_bytes(), &numbers]);
    let status = match end {
        CallEnd::Answered => Status::Unset,
        CallEnd::Down | CallEnd::Lost => Status::error(end.name()),
    };
    let mut attributes = vec![KeyValue::new("oms.outcome", end.name())];
    attributes.extend(journal::order_in(&due.key).map(|order| KeyValue::new("order.id", order.to_owned())));
    let ids = Ids { trace, span: trace::span(room, id), parent };
    let name = format!("call {kind}");
    send(room, ids, SpanKind::Client, name, (begun, clock::now()), status, attributes);
}

struct Ids {
    trace: u128,
    span: u64,
    parent: Option<u64>,
}

fn send(
    room: Room,
    ids: Ids,
    kind: SpanKind,
    name: String,
    (begun, ended): (OffsetDateTime, OffsetDateTime),
    status: Status,
    attributes: Vec<KeyValue>,
) {
    let Some(export) = EXPORT.get() else { return };
    // By the trace's own id, whose last digits are as good as random: a trace is told by every process or by none.
    if u128::from(ids.trace as u64) % 1_000 >= export.permille {
        return;
    }
    let Some(processor) = export.rooms.get(&room) else { return };
    let id = |span: u64| SpanId::from_bytes(span.to_be_bytes());
    processor.on_end(SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes(ids.trace.to_be_bytes()),
            id(ids.span),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: ids.parent.map_or(SpanId::INVALID, id),
        parent_span_is_remote: ids.parent.is_some(),
        span_kind: kind,
        name: name.into(),
        start_time: SystemTime::from(begun),
        end_time: SystemTime::from(ended),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status,
        instrumentation_scope: InstrumentationScope::builder("oms").build(),
    });
}

/// What the room did, by the name of the message or of the due row.
fn what<W: Worker>(work: &Work<W>, cause: &Cause) -> String {
    // What was parked may call itself anything.
    let is_known = !matches!(work, Work::Park(_));
    match (&cause.original, &cause.due) {
        (Some(original), _) if is_known => original.event.kind.clone(),
        (_, Some(due)) => format!("due {}", due.kind),
        (Some(_), None) | (None, None) => "park".to_owned(),
    }
}

fn about(cause: &Cause) -> Vec<KeyValue> {
    let mut about = vec![
        KeyValue::new("messaging.system", "rabbitmq"),
        KeyValue::new("messaging.destination.name", cause.queue.clone()),
        KeyValue::new("messaging.message.id", cause.id.clone()),
    ];
    about.extend(journal::order_of(cause).map(|order| KeyValue::new("order.id", order.to_owned())));
    about
}

/// Each room is a service of its own, so that a collector draws the line of desks.
fn resource(room: Room) -> Resource {
    Resource::builder_empty()
        .with_service_name(format!("oms-{room}"))
        .with_attribute(KeyValue::new("service.namespace", "oms"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends with the runtime of the process: the exporter's own threads have none.
#[derive(Debug, Clone)]
struct Post {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sending = self.runtime.spawn(async move {
            let answer = http.execute(request.try_into()?).await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let (status, body) = sending.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}
