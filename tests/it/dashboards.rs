//! Each expression of the dashboards, asked of a real Prometheus that has scraped a running house: each has an answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use messages::Room;
use serde_json::Value;
use tests::TestHouse;
use tests::client::Client;
use tests::orders::{order, product};

#[tokio::test]
async fn every_panel_of_a_dashboard_shows_something_of_a_house_that_runs() {
    let mut house = TestHouse::new("dashboards").await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    house.start_mail_sink().await;
    house.start_rooms("rooms", "all").await;
    let prometheus = Prometheus::start(&house);
    let mut limited = product("19XE");
    limited["product_limit"] = 30.into();
    house.define(&[limited], &[("19XE", 20)]).await;
    house.start_warehouse(&[]).await;
    let mut store = Client::open(&house, "web-store").await;
    for at in 1..=5 {
        let id = store.send("order.submit.v1", order(&format!("WEB-{at}"), at, &[("19XE", 1)])).await;
        let number = store.answer_to(&id).await["order"].as_str().expect("a number").to_owned();
        house.until_fact(&number, "delivered", 1).await;
    }

    // The gauges of the house are read every fifteen seconds, and a rate needs two scrapes.
    house.until_metric("rooms", "oms_units{item=\"19XE\",state=\"shipped\"}", |units| units == 5.0).await;
    let mut shown = 0;
    for (board, panel, expression) in panels() {
        for room in rooms_of(&expression) {
            let asked = fill(&expression, room);
            let series = prometheus.answer(&asked).await;
            assert!(series > 0, "{board}, {panel}: nothing to see for {asked}");
            shown += 1;
        }
    }
    assert!(shown > 200, "{shown} expressions");
}

/// A Prometheus of the test's own.
struct Prometheus {
    child: Child,
    url: String,
    http: reqwest::Client,
}

impl Prometheus {
    fn start(house: &TestHouse) -> Self {
        let tools = Command::new(root().join("ops/tools")).arg("prometheus").output().expect("it runs");
        assert!(tools.status.success(), "{}", String::from_utf8_lossy(&tools.stderr));
        let folder = house.folder().join("prometheus");
        std::fs::create_dir_all(&folder).expect("the house's folder is writable");
        let target = house.bound("rooms");
        let settings = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: oms\n    static_configs: [{{ targets: ['{target}'] }}]\n"
        );
        std::fs::write(folder.join("prometheus.yml"), settings).expect("the folder is writable");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let log = std::fs::File::create(folder.join("log")).expect("the folder is writable");
        let child = Command::new(root().join(".local/prometheus/prometheus"))
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Prometheus starts");
        Self { child, url: format!("http://{address}/api/v1/query"), http: reqwest::Client::new() }
    }

    /// How many series an expression gives, as soon as it gives any.
    async fn answer(&self, expression: &str) -> usize {
        let begun = Instant::now();
        loop {
            let asked = self.http.post(&self.url).form(&[("query", expression)]).send().await;
            let found = match asked {
                Ok(answer) => {
                    let answer: Value = answer.json().await.expect("JSON");
                    assert_eq!(answer["status"], "success", "{expression}: {answer}");
                    answer["data"]["result"].as_array().expect("a vector").len()
                }
                // It is starting.
                Err(_) => 0,
            };
            if found > 0 || begun.elapsed() > Duration::from_secs(60) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself, which is as dead.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Board, panel and expression.
fn panels() -> Vec<(String, String, String)> {
    let mut panels = Vec::new();
    for name in ["overview", "room", "launch"] {
        let path = root().join(format!("ops/grafana/{name}.json"));
        let text = std::fs::read_to_string(&path).expect("a dashboard");
        let board: Value = serde_json::from_str(&text).expect("JSON");
        for panel in board["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                panels.push((name.to_owned(), text(&panel["title"]), text(&target["expr"])));
            }
        }
    }
    panels
}

/// A board of one room is asked about each.
fn rooms_of(expression: &str) -> Vec<Room> {
    if expression.contains("$room") { Room::ALL.to_vec() } else { vec![Room::Intake] }
}

/// As Grafana fills the variables in.
fn fill(expression: &str, room: Room) -> String {
    let variables = BTreeMap::from([("$room", room.name()), ("$item", "19XE"), ("$__rate_interval", "1m")]);
    variables.iter().fold(expression.to_owned(), |filled, (name, value)| filled.replace(name, value))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}
