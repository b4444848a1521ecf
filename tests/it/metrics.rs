//! What operators see: one catalogue of metrics; dashboards, alerts and runbooks that name nothing else; logs that follow
//! one order through the house and tell nothing of the customer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use lifecycle::status::OrderStatus;
use messages::Room;
use serde_json::{Value, json};
use shell::parking::ParkReason;
use shell::telemetry::Metric;
use shell::telemetry::catalogue::{Entry, Kind, Label, Scope, Values, calls};
use tests::TestHouse;
use tests::client::Client;
use tests::orders::{order, product};

#[tokio::test]
async fn the_metrics_tell_what_happened() {
    let mut house = TestHouse::new("metrics").await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    house.set("OMS_LOG", "info,oms_events=debug");
    house.start_mail_sink().await;
    house.start_rooms("rooms", "all").await;
    let before = house.metrics("rooms").await;
    for metric in Metric::ALL {
        for labels in metric.combinations(&Room::ALL) {
            let name = series(*metric, &labels);
            assert!(before.contains_key(&name), "{name} is not there from the start");
        }
    }

    let mut limited = product("19XE");
    limited["product_limit"] = json!(3);
    house.define(&[limited], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let mut numbers = Vec::new();
    for (at, quantity) in [(1, 1), (2, 1)] {
        let id = store.send("order.submit.v1", order(&format!("WEB-{at}"), at, &[("19XE", quantity)])).await;
        numbers.push(store.answer_to(&id).await["order"].as_str().expect("a number").to_owned());
    }
    let refused = store.send("order.submit.v1", json!({ "reference": "WEB-3" })).await;
    assert_eq!(store.answer_to(&refused).await["outcome"], "refused");
    for number in &numbers {
        house.until_fact(number, "authorized", 1).await;
        house.until_fact(number, "noticed", 2).await;
    }

    for (name, wanted) in [
        ("oms_events_received_total{room=\"intake\",door=\"outside\"}", 3.0),
        ("oms_events_refused_total{room=\"intake\"}", 1.0),
        ("oms_events_repeated_total{room=\"intake\"}", 0.0),
        ("oms_outside_calls_total{room=\"payment\",kind=\"authorize\",outcome=\"answered\"}", 2.0),
        ("oms_outside_calls_total{room=\"notifications\",kind=\"mail\",outcome=\"answered\"}", 4.0),
        ("oms_circuit_open{room=\"payment\"}", 0.0),
        // From here on they are read every 15 seconds.
        ("oms_orders{state=\"accepted\"}", 2.0),
        ("oms_units{item=\"19XE\",state=\"on_hand\"}", 5.0),
        ("oms_units{item=\"19XE\",state=\"reserved\"}", 2.0),
        ("oms_units_cap{item=\"19XE\"}", 3.0),
        ("oms_units_left{item=\"19XE\"}", 1.0),
        ("oms_mails{kind=\"confirmed\",status=\"sent\"}", 2.0),
        ("oms_outbox_messages{room=\"payment\",to=\"rooms\"}", 0.0),
        ("oms_inbox_days_ahead{room=\"audit\"}", 7.0),
    ] {
        house.until_metric("rooms", name, |value| value == wanted).await;
    }
    house
        .until_metric("rooms", "oms_outsider_messages{outsider=\"warehouse\"}", |messages| messages >= 0.0)
        .await;
    let after = house.metrics("rooms").await;
    for room in [Room::Intake, Room::Inventory, Room::Payment, Room::Audit] {
        for step in ["read", "settle", "publish", "ack"] {
            let name = format!("oms_batch_step_seconds_count{{room=\"{room}\",step=\"{step}\"}}");
            assert!(after[&name] > 0.0, "{name} is {}", after[&name]);
        }
        assert!(
            after[&format!("oms_events_sent_total{{room=\"{room}\",to=\"rooms\"}}")] > 0.0
                || room == Room::Audit
        );
        assert!(after[&format!("oms_event_age_seconds_count{{room=\"{room}\",door=\"inner\"}}")] > 0.0);
    }
    follow(&house.log("rooms"), &numbers[0], &numbers[1]);
}

/// One order's journey is one trace, and the log says nothing else of it.
fn follow(log: &str, number: &str, other: &str) {
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |name: &str, line: &Value| line["fields"][name].as_str().unwrap_or_default().to_owned();
    let traces: BTreeSet<String> = lines
        .iter()
        .filter(|line| of("order.id", line) == number)
        .map(|line| of("trace_id", line))
        .filter(|trace| !trace.is_empty())
        .collect();
    assert_eq!(traces.len(), 1, "one journey, one trace: {traces:?}");
    let on_the_way: Vec<&Value> =
        lines.iter().filter(|line| traces.contains(&of("trace_id", line))).collect();
    let rooms: BTreeSet<String> = on_the_way.iter().map(|line| of("room", line)).collect();
    for room in ["intake", "inventory", "payment", "fulfillment", "notifications", "lifecycle", "audit"] {
        assert!(rooms.contains(room), "the trace does not reach {room}: {rooms:?}");
    }
    assert!(
        on_the_way.iter().all(|line| !of("message.id", line).is_empty() && of("order.id", line) != other)
    );
    for personal in ["example.com", "Buyer", "Liberty", "tok_ok", "fpr_"] {
        assert!(!log.contains(personal), "the log tells {personal}");
    }
}

#[test]
fn the_catalogue_knows_the_words_of_the_rooms() {
    let words = |metric: Metric, name: &str| -> Vec<&'static str> {
        let entry = metric.entry();
        let label = entry.labels.iter().find(|label| label.name == name).expect("a label");
        let Values::Closed(list) = label.values else { panic!("{name} is no closed set") };
        list()
    };
    let statuses: Vec<&str> = OrderStatus::ALL.iter().map(|status| status.name()).collect();
    assert_eq!(words(Metric::StuckOrders, "status"), statuses);
    let migration = read("migrations/notifications/1002_notices.sql");
    for status in words(Metric::Mails, "status") {
        assert!(migration.contains(&format!("'{status}'")), "{status}");
    }
    assert_eq!(calls(Room::Payment), payment::call::KINDS);
    assert_eq!(calls(Room::Notifications), [notifications::read::MAIL]);
    assert_eq!(calls(Room::Promotions), [promotions::read::CONFIRM, promotions::read::DELIVER]);
}

#[test]
fn dashboards_and_alerts_ask_only_for_what_the_catalogue_has() {
    let mut asked = BTreeSet::new();
    for (file, expressions) in expressions() {
        assert!(!expressions.is_empty(), "{file} asks for nothing");
        for expression in expressions {
            for (metric, matchers) in uses(&file, &expression) {
                asked.insert(metric.name());
                for (label, values) in matchers {
                    check_label(metric, &label, &values)
                        .unwrap_or_else(|why| panic!("{file}: {why} in {expression}"));
                }
            }
        }
    }
    for metric in Metric::ALL {
        assert!(asked.contains(metric.name()), "nobody looks at {}", metric.name());
    }
}

#[test]
fn a_wrong_name_in_an_expression_is_found() {
    for (expression, fits) in [
        ("sum(rate(oms_events_decided_total{room=\"intake\"}[5m]))", true),
        ("rate(oms_batch_seconds_bucket{room=~\"intake|audit\"}[5m])", true),
        ("max(oms_units{item=\"$item\", state=\"reserved\"})", true),
        ("oms_orders{state=\"acepted\"}", false),
        ("oms_orders{room=\"intake\"}", false),
        ("oms_room_up{room=~\"intake|kitchen\"}", false),
    ] {
        let found = uses("here", expression);
        assert_eq!(found.len(), 1);
        let all = found.iter().all(|(metric, matchers)| {
            matchers.iter().all(|(label, values)| check_label(*metric, label, values).is_ok())
        });
        assert_eq!(all, fits, "{expression}");
    }
    assert!(std::panic::catch_unwind(|| uses("here", "oms_orders_total")).is_err(), "not in the catalogue");
    assert!(std::panic::catch_unwind(|| uses("here", "oms_orders_bucket")).is_err(), "not a histogram");
}

#[test]
fn whatever_the_whole_house_tells_is_never_added_up_over_processes() {
    for (expression, adds) in [
        ("sum(oms_orders)", true),
        ("sum by (state) (oms_orders)", true),
        ("sum by (state) (max by (state) (oms_orders))", false),
        ("max(oms_orders)", false),
    ] {
        assert_eq!(adds_up(expression, "oms_orders"), adds, "{expression}");
    }
    for (file, expressions) in expressions() {
        for expression in expressions {
            let flat = expression.split_whitespace().collect::<Vec<_>>().join(" ");
            for (metric, _) in uses(&file, &expression) {
                let Entry { name, scope, .. } = metric.entry();
                if scope == Scope::House {
                    assert!(!adds_up(&flat, name), "{file}: {expression}");
                }
            }
        }
    }
}

#[test]
fn every_alert_leads_to_a_page_and_every_page_is_listed() {
    let rules = read("ops/prometheus/rules.yml");
    let list = read("ops/runbooks/README.md");
    let field = |line: &str, name: &str| line.trim().strip_prefix(name).map(|rest| rest.trim().to_owned());
    let mut alert = None;
    let mut pages = BTreeSet::new();
    for line in rules.lines() {
        if let Some(name) = field(line, "- alert:") {
            assert_eq!(alert.replace(name), None, "the alert before has no runbook");
        }
        if let Some(page) = field(line, "runbook:") {
            let name = alert.take().expect("an alert");
            let text = read(&page);
            assert!(text.contains(&format!("`{name}`")), "{page} does not speak of {name}");
            let file = page.rsplit('/').next().expect("a file").to_owned();
            assert!(
                list.lines().any(|line| line.contains(&name) && line.contains(&file)),
                "{name} is not listed"
            );
            assert!(
                read("ops/prometheus/rules.test.yml").contains(&format!("alertname: {name}")),
                "{name} is not tested"
            );
            pages.insert(file);
        }
    }
    assert_eq!(alert, None);
    for reason in ParkReason::ALL.map(ParkReason::name) {
        assert!(
            read("ops/runbooks/parked.md").contains(&format!("`{reason}`")),
            "what to do about {reason}?"
        );
    }
    for file in files("ops/runbooks", "md") {
        let text = std::fs::read_to_string(&file).expect("a text");
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if name != "README.md" {
            assert!(list.contains(&format!("({name})")), "{name} is not listed");
            for part in ["**Symptom.**", "**Act.**"] {
                assert!(text.contains(part), "{name} lacks {part}");
            }
            assert!(pages.contains(&name) || name == "restore-postgresql.md", "no alert leads to {name}");
        }
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            assert!(file.parent().expect("a folder").join(path).exists(), "{name} links {link}");
        }
    }
}

#[test]
fn prometheus_accepts_the_rules_and_each_alert_comes_when_it_must() {
    succeeds(Command::new(root().join("ops/tools")).arg("prometheus"));
    let folder = root().join("ops/prometheus");
    let promtool = || {
        let mut command = Command::new(root().join(".local/prometheus/promtool"));
        command.current_dir(&folder);
        command
    };
    succeeds(promtool().args(["check", "config", "prometheus.yml"]));
    succeeds(promtool().args(["test", "rules", "rules.test.yml"]));
}

/// Whether a sum is taken of the metric itself.
fn adds_up(expression: &str, name: &str) -> bool {
    expression.match_indices(name).any(|(at, _)| {
        let before = expression[..at].trim_end_matches('(').trim_end();
        let head =
            before.rsplit_once(" by (").filter(|_| before.ends_with(')')).map_or(before, |(head, _)| head);
        head.ends_with("sum")
    })
}

/// The output of a command that must do well.
fn succeeds(command: &mut Command) -> String {
    let ran = command.output().expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{command:?}: {said}");
    said
}

/// By file: everything that is asked of Prometheus.
fn expressions() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for file in files("ops/grafana", "json") {
        let board: Value =
            serde_json::from_str(&std::fs::read_to_string(&file).expect("a text")).expect("JSON");
        let mut asked = Vec::new();
        collect(&board, &mut asked);
        found.insert(file.display().to_string(), asked);
    }
    for file in files("ops/keda", "yaml") {
        let text = std::fs::read_to_string(&file).expect("a text");
        let asked = text.lines().filter(|line| line.contains("oms_event")).map(str::to_owned).collect();
        found.insert(file.display().to_string(), asked);
    }
    // Everything in it but comments: a name in a summary must exist as well.
    let rules = read("ops/prometheus/rules.yml");
    let rules: Vec<String> = rules.split("- alert:").skip(1).map(str::to_owned).collect();
    found.insert("ops/prometheus/rules.yml".to_owned(), rules);
    found
}

fn collect(value: &Value, asked: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(text) if name == "expr" || name == "definition" => asked.push(text.to_owned()),
                    Some(_) | None => collect(field, asked),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, asked)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

type Matchers = Vec<(String, String)>;

/// The metrics of an expression, each with what its labels are compared with.
fn uses(file: &str, expression: &str) -> Vec<(Metric, Matchers)> {
    let mut found = Vec::new();
    for (at, _) in expression.match_indices("oms_") {
        let rest = &expression[at..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let metric =
            named(&rest[..end]).unwrap_or_else(|| panic!("{file}: {} is not in the catalogue", &rest[..end]));
        let inside =
            rest[end..].strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
        let matchers =
            inside.split(',').map(str::trim).filter(|matcher| !matcher.is_empty()).map(|matcher| {
                let (label, value) = matcher.split_once('=').expect("a matcher");
                (label.to_owned(), value.trim_start_matches('~').trim_matches('"').to_owned())
            });
        found.push((metric, matchers.collect()));
    }
    found
}

fn named(name: &str) -> Option<Metric> {
    Metric::ALL.iter().copied().find(|metric| {
        let entry = metric.entry();
        let parts: &[&str] =
            if matches!(entry.kind, Kind::Histogram(_)) { &["_bucket", "_sum", "_count"] } else { &[""] };
        parts.iter().any(|part| name.strip_suffix(part) == Some(entry.name))
    })
}

fn check_label(metric: Metric, label: &str, compared: &str) -> Result<(), String> {
    let entry = metric.entry();
    if label == "le" && matches!(entry.kind, Kind::Histogram(_)) {
        return Ok(());
    }
    let Label { values, .. } = entry
        .labels
        .iter()
        .find(|one| one.name == label)
        .ok_or(format!("{} has no label {label}", entry.name))?;
    let known: Vec<&str> = match values {
        Values::Closed(list) => list(),
        Values::Rooms | Values::Callers => Room::ALL.map(Room::name).into(),
        Values::Calls => Room::ALL.into_iter().flat_map(|room| calls(room).to_vec()).collect(),
        Values::Open(_) => return Ok(()),
    };
    match compared.split('|').find(|value| !value.starts_with('$') && !known.contains(value)) {
        Some(value) => Err(format!("{label} of {} is never {value}", entry.name)),
        None => Ok(()),
    }
}

fn series(metric: Metric, labels: &[(&str, &str)]) -> String {
    let entry = metric.entry();
    let part = if matches!(entry.kind, Kind::Histogram(_)) { "_count" } else { "" };
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    if labels.is_empty() {
        entry.name.to_owned()
    } else {
        format!("{}{part}{{{}}}", entry.name, labels.join(","))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join(folder))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|has| has == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}
