//! What a collector gets: one order's journey is one trace, in which each hop knows the one before it, and which says
//! nothing of the customer. A collector that is away holds nothing up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use tests::TestHouse;
use tests::client::{Client, event};
use tests::orders::{order, product};

/// As the store's own tracing made it.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// One span as it arrived.
#[derive(Debug, Clone)]
struct Span {
    service: String,
    name: String,
    trace: String,
    id: String,
    parent: String,
    kind: SpanKind,
    attributes: BTreeMap<String, String>,
    nanos: std::ops::RangeInclusive<u64>,
}

/// A collector of the test's own: it takes OTLP over HTTP in protobuf, and keeps everything.
struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    async fn start() -> Self {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let routes = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { endpoint, spans }
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("no panic").clone()
    }
}

async fn take(State(spans): State<Arc<Mutex<Vec<Span>>>>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
    let mut taken = spans.lock().expect("no panic");
    for resource in request.resource_spans {
        let about = texts(&resource.resource.expect("a resource").attributes);
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            taken.push(Span {
                service: about["service.name"].clone(),
                trace: messages::id::hex(&span.trace_id),
                id: messages::id::hex(&span.span_id),
                parent: messages::id::hex(&span.parent_span_id),
                kind: span.kind(),
                attributes: texts(&span.attributes),
                nanos: span.start_time_unix_nano..=span.end_time_unix_nano,
                name: span.name,
            });
        }
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| {
        let value = attribute.value.as_ref().and_then(|value| value.value.clone());
        let Some(Any::StringValue(text)) = value else { panic!("{}: {value:?} is no text", attribute.key) };
        (attribute.key.clone(), text)
    };
    attributes.iter().map(text).collect()
}

// The collector answers while the house is asked to stop, which blocks a thread.
#[tokio::test(flavor = "multi_thread")]
async fn one_order_from_the_store_to_the_door_is_one_trace() {
    let collector = Collector::start().await;
    let mut house = TestHouse::new("traces").await;
    house.set("OMS_OTLP_ENDPOINT", &collector.endpoint);
    house.start_mail_sink().await;
    house.start_rooms("first", "intake,inventory,payment,fulfillment").await;
    house.start_rooms("second", "tracking,notifications,undelivered,promotions,lifecycle,audit").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    house.start_warehouse(&["--trouble-permille", "0"]).await;
    let mut store = Client::open(&house, "web-store").await;

    let mut submission =
        event("web-store", "traced-1", "order.submit.v1", &order("WEB-1", 1, &[("19XE", 1)]));
    submission["traceparent"] = format!("00-{TRACE}-{SPAN}-01").into();
    let json = Some("application/cloudevents+json");
    store.publish("order.submit.v1", json, submission.to_string().as_bytes(), "traced-1").await;
    let number = store.answer_to("traced-1").await["order"].as_str().expect("a number").to_owned();
    let other = store.send("order.submit.v1", order("WEB-2", 2, &[("19XE", 1)])).await;
    let other = store.answer_to(&other).await["order"].as_str().expect("a number").to_owned();
    for (order, fact) in [(&number, "delivered"), (&number, "captured"), (&other, "delivered")] {
        house.until_fact(order, fact, 1).await;
    }
    house
        .until_count("mails are sent", "SELECT count(*) FROM notifications.notices WHERE status = 'sent'", 8)
        .await;
    // What is told last is told when a process ends.
    assert_eq!((house.terminate("first"), house.terminate("second")), (Some(0), Some(0)));

    let all = collector.spans();
    let journey: Vec<&Span> = all.iter().filter(|span| span.trace == TRACE).collect();
    let rooms: BTreeSet<&str> = journey.iter().map(|span| span.service.as_str()).collect();
    for room in
        ["intake", "inventory", "payment", "fulfillment", "tracking", "notifications", "lifecycle", "audit"]
    {
        assert!(rooms.contains(format!("oms-{room}").as_str()), "the trace does not reach {room}: {rooms:?}");
    }
    follows(&journey);
    tells_of(&journey, &number, &other);
    let strange: Vec<&Span> = all
        .iter()
        .filter(|span| span.trace != TRACE && span.attributes.get("order.id") == Some(&number))
        .collect();
    assert!(strange.is_empty(), "told under another trace: {strange:#?}");
    let said = format!("{all:?}");
    for personal in ["example.com", "Buyer", "Liberty", "tok_ok", "fpr_"] {
        assert!(!said.contains(personal), "a span tells {personal}");
    }
}

/// From each span a way leads back to what the store did.
fn follows(journey: &[&Span]) {
    let by_id: BTreeMap<&str, &Span> = journey.iter().map(|span| (span.id.as_str(), *span)).collect();
    assert_eq!(by_id.len(), journey.len(), "each is told once");
    for span in journey {
        assert!(span.nanos.start() <= span.nanos.end(), "{span:?}");
        if span.parent != SPAN {
            assert!(by_id.contains_key(span.parent.as_str()), "nobody made way for {span:?}");
        }
    }
    let first: Vec<&str> =
        journey.iter().filter(|span| span.parent == SPAN).map(|span| span.service.as_str()).collect();
    assert_eq!(first, ["oms-intake"], "only intake hears the store");
}

fn tells_of(journey: &[&Span], number: &str, other: &str) {
    let has = |service: &str, name: &str, kind: SpanKind| {
        journey.iter().any(|span| span.service == service && span.name == name && span.kind == kind)
    };
    for (service, name, kind) in [
        ("oms-intake", "order.submit.v1", SpanKind::Consumer),
        ("oms-inventory", "order.accepted.v1", SpanKind::Consumer),
        ("oms-payment", "call authorize", SpanKind::Client),
        ("oms-payment", "due authorize", SpanKind::Consumer),
        ("oms-payment", "call capture", SpanKind::Client),
        ("oms-fulfillment", "shipment.packed.v1", SpanKind::Consumer),
        ("oms-tracking", "carrier.scan.v1", SpanKind::Consumer),
        ("oms-notifications", "call mail", SpanKind::Client),
        ("oms-lifecycle", "shipment.delivered.v1", SpanKind::Consumer),
    ] {
        assert!(has(service, name, kind), "{service} tells no {name}: {journey:#?}");
    }
    assert!(journey.iter().any(|span| span.attributes.get("order.id").is_some_and(|id| id == number)));
    assert!(journey.iter().all(|span| span.attributes.get("order.id").is_none_or(|id| id != other)));
}

#[tokio::test]
async fn a_collector_that_is_away_or_never_answers_holds_nothing_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let away = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut house = TestHouse::new("untraced").await;
    let mut store = Client::open(&house, "web-store").await;
    for (at, address) in [(1, silent.local_addr().expect("an address")), (2, away)] {
        house.set("OMS_OTLP_ENDPOINT", &format!("http://{address}"));
        house.start_rooms("rooms", "all").await;
        if at == 1 {
            house.define(&[product("19XE")], &[("19XE", 5)]).await;
        }
        let id = store.send("order.submit.v1", order(&format!("WEB-{at}"), at, &[("19XE", 1)])).await;
        let number = store.answer_to(&id).await["order"].as_str().expect("a number").to_owned();
        house.until_fact(&number, "authorized", 1).await;
        assert_eq!(house.terminate("rooms"), Some(0), "{}", house.log("rooms"));
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_said_in_one_sentence() {
    let house = TestHouse::new("trace_address").await;
    for (settings, said) in [
        ([("OMS_OTLP_ENDPOINT", "localhost:4318")], "OMS_OTLP_ENDPOINT must be the URL of a collector"),
        ([("OMS_OTLP_ENDPOINT", "collector")], "OMS_OTLP_ENDPOINT must be the URL of a collector"),
    ] {
        let ran = house.oms_with(&settings, &["run", "--rooms", "audit"]);
        assert_ne!(ran.code, Some(0));
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}
