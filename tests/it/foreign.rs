//! Clients that share no code with this repository take part: the examples in Python and Node, each in an
//! environment of its own, by the addresses, keys and documents that any outsider gets.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use lapin::BasicProperties;
use lapin::types::ShortString;
use messages::Kind;
use messages::envelope::{BATCH, SINGLE};
use messages::outsiders::WAREHOUSE;
use messages::topology::{IN, OUT, out_queue};
use serde_json::{Value, json};
use tests::TestHouse;
use tests::client::{Client, Submitter};
use tests::orders::{order, product};

#[tokio::test]
async fn clients_in_python_and_node_submit_the_published_sample_and_read_the_answer() {
    let mut house = TestHouse::new("foreign").await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    let url = house.amqp_url_of("web-store");
    let submit = |language: Language| -> Value {
        let example = language.example("submit_order");
        let run = language.run(&[&example.display().to_string(), &url]);
        assert!(run.status.success(), "{language:?}: {}", String::from_utf8_lossy(&run.stderr));
        serde_json::from_slice(&run.stdout).expect("the example prints the answer")
    };
    let answer = submit(Language::Python);
    assert_eq!(
        (&answer["outcome"], &answer["reference"]),
        (&json!("accepted"), &json!("WEB-100001")),
        "{answer}"
    );
    house.until_fact(answer["order"].as_str().expect("an order number"), "authorized", 1).await;
    for language in [Language::Python, Language::Node] {
        let again = submit(language);
        assert_eq!(
            (&again["outcome"], &again["order"]),
            (&json!("repeated"), &answer["order"]),
            "the same order is one order in every language"
        );
    }
}

#[tokio::test]
async fn a_warehouse_in_python_opens_its_sections_and_answers_plain_and_batched_requests() {
    a_foreign_warehouse_packs(Language::Python).await;
}

#[tokio::test]
async fn a_warehouse_in_node_opens_its_sections_and_answers_plain_and_batched_requests() {
    a_foreign_warehouse_packs(Language::Node).await;
}

async fn a_foreign_warehouse_packs(language: Language) {
    let mut house = TestHouse::new(language.name()).await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let first = [submit(&mut store, "WEB-1", 1).await, submit(&mut store, "WEB-2", 2).await];
    batch_what_waits_for_the_warehouse(&house, &first).await;

    let keys = house.folder().join("warehouse.keys");
    std::fs::write(&keys, house.oms_ok(&["keys", "export", WAREHOUSE])).expect("the folder is writable");
    let printed = house.folder().join("labels");
    let url = house.amqp_url_of(WAREHOUSE);
    let _packing = language.start(
        &[&language.example("warehouse").display().to_string(), &url, &keys.display().to_string()],
        &printed,
    );
    for order in &first {
        house.until_fact(order, "captured", 1).await;
    }
    // The third comes alone.
    let third = submit(&mut store, "WEB-3", 3).await;
    house.until_fact(&third, "captured", 1).await;

    let labels: Vec<Value> = std::fs::read_to_string(&printed)
        .expect("labels")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for (order, recipient, line1) in [
        (&first[0], "Buyer b", "2 Liberty Street"),
        (&first[1], "Buyer c", "3 Liberty Street"),
        (&third, "Buyer d", "4 Liberty Street"),
    ] {
        let mut of_order = labels
            .iter()
            .filter(|label| label["shipment"].as_str().is_some_and(|id| id.starts_with(order.as_str())));
        let label = &of_order.next().unwrap_or_else(|| panic!("no label of {order}: {labels:?}"))["label"];
        assert_eq!((&label["recipient"], &label["address"]["line1"]), (&json!(recipient), &json!(line1)));
    }
}

async fn submit(store: &mut Client, reference: &str, household: usize) -> String {
    let id = store.send("order.submit.v1", order(reference, household, &[("19XE", 1)])).await;
    store.answer_to(&id).await["order"].as_str().expect("an order number").to_owned()
}

/// Takes the requests of these orders out of the warehouse's queue and puts them back as one message, as a
/// busy house sends.
async fn batch_what_waits_for_the_warehouse(house: &TestHouse, orders: &[String]) {
    let mut requests = Vec::new();
    {
        let mut reader = Client::open(house, WAREHOUSE).await;
        for order in orders {
            let is_request =
                |event: &Value| event["type"] == "shipment.requested.v1" && event["data"]["order"] == **order;
            requests.push(reader.next(&format!("the request for {order}"), is_request).await);
        }
    }
    let url = house.setting("OMS_AMQP_URL");
    let user = url.split("://").nth(1).and_then(|rest| rest.split(':').next()).expect("a user");
    let broker = Submitter::open_at(url, user).await;
    let properties = BasicProperties::default()
        .with_content_type(ShortString::try_new(BATCH).expect("short"))
        .with_user_id(ShortString::try_new(user).expect("short"))
        .with_delivery_mode(2);
    let key = format!("{WAREHOUSE}.shipment.requested.v1");
    broker.publish_with(OUT, &key, json!(requests).to_string().as_bytes(), properties).await.expect("routed");
}

#[test]
fn readers_in_python_and_node_open_the_test_vector_and_nothing_else() {
    let vector = root().join("messages/sealed-vector.json");
    let text = std::fs::read_to_string(&vector).expect("it is committed");
    let mut other: Value = serde_json::from_str(&text).expect("JSON");
    other["subject"] = json!("0000-0000-0000-0");
    let bad = scratch("vector.json", &other.to_string());
    for language in [Language::Python, Language::Node] {
        let reader = language.example("sealed").display().to_string();
        let run = language.run(&[&reader, &vector.display().to_string()]);
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(
            run.status.success() && said.starts_with("opened, and 5 others did not"),
            "{language:?}: {run:?}"
        );
        let run = language.run(&[&reader, &bad.display().to_string()]);
        assert!(!run.status.success(), "{language:?} opens a section of another order");
    }
}

#[test]
fn the_asyncapi_project_s_own_parser_takes_the_document_and_refuses_a_broken_one() {
    let committed = root().join("messages/asyncapi.json");
    let (is_valid, said) = parse(&committed);
    let faults: Vec<&str> = said.lines().filter(|line| !line.contains("asyncapi-latest-version")).collect();
    assert!(is_valid && faults.len() == 1 && faults[0].ends_with("operations"), "{said}");

    let document: Value =
        serde_json::from_str(&std::fs::read_to_string(committed).expect("it is committed")).expect("JSON");
    for (what, at, value, wanted) in [
        (
            "a body",
            "/components/schemas/order.submit.v1/properties/shipping/type",
            json!("strnig"),
            "shipping/type",
        ),
        ("what bodies share", "/components/schemas/ItemNumber/type", json!("strnig"), "item/type"),
        (
            "a payload",
            "/components/messages/order.submit.v1/payload/schema",
            json!({ "type": "strnig" }),
            "payload/schema/type",
        ),
        (
            "a limit",
            "/components/schemas/order.submit.v1/properties/lines/minItems",
            json!(-1),
            "lines/minItems",
        ),
        (
            "a reference",
            "/operations/web-store.send.order.submit.v1/channel/$ref",
            json!("#/channels/none"),
            "does not exist",
        ),
    ] {
        let mut broken = document.clone();
        *broken.pointer_mut(at).unwrap_or_else(|| panic!("{at} is not in the document")) = value;
        let (is_valid, said) = parse(&scratch("asyncapi.json", &broken.to_string()));
        assert!(!is_valid && said.contains(wanted), "the parser does not see {what} that is broken: {said}");
    }
}

/// No Java is at hand where the tests run; JAVA.md says how it was tried.
#[test]
fn the_example_in_java_names_what_the_house_names() {
    let example =
        std::fs::read_to_string(root().join("messages/examples/Oms.java")).expect("it is committed");
    for (place, word) in [
        ("the exchange", IN),
        ("the outsider's queue", &out_queue("")),
        ("one event", SINGLE),
        ("several events", BATCH),
        ("an order", Kind::OrderSubmit.name()),
        ("a request to the warehouse", Kind::ShipmentRequested.name()),
        ("its answer", Kind::ShipmentPacked.name()),
    ] {
        assert!(example.contains(&format!("\"{word}")), "Oms.java does not name {place}, {word}");
    }
}

/// What the parser says, and whether it takes the document.
fn parse(document: &Path) -> (bool, String) {
    let script = root().join("tests/it/asyncapi.js");
    let run = Language::Node.run(&[&script.display().to_string(), &document.display().to_string()]);
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        matches!(run.status.code(), Some(0 | 1)),
        "the parser did not run: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    (run.status.success(), said)
}

/// A file of this test's own.
fn scratch(name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("foreign-{name}"));
    std::fs::write(&path, text).expect("the target folder is writable");
    path
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// A language of which `ops/tools` makes an environment; it is made if it is not there.
#[derive(Debug, Clone, Copy)]
enum Language {
    Python,
    Node,
}

impl Language {
    const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
        }
    }

    fn example(self, name: &str) -> PathBuf {
        let ending = match self {
            Self::Python => "py",
            Self::Node => "js",
        };
        root().join(format!("messages/examples/{name}.{ending}"))
    }

    fn command(self) -> Command {
        let local = root().join(".local");
        let mut command = match self {
            Self::Python => Command::new(local.join("python/bin/python")),
            Self::Node => Command::new("node"),
        };
        command.env("NODE_PATH", local.join("node/node_modules")).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// The command, once everything is there that the examples import.
    fn ready(self) -> Command {
        let everything: &[&str] = match self {
            Self::Python => &["-c", "import pika, Crypto"],
            Self::Node => &[
                "-e",
                "for (const name of ['amqplib', '@noble/ciphers/chacha', '@asyncapi/parser']) require.resolve(name)",
            ],
        };
        if !self.command().args(everything).output().is_ok_and(|run| run.status.success()) {
            let made =
                Command::new(root().join("ops/tools")).arg(self.name()).output().expect("ops/tools starts");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        self.command()
    }

    fn run(self, arguments: &[&str]) -> Output {
        self.ready().args(arguments).output().expect("it starts")
    }

    /// A process that runs until it is dropped, and prints into this file.
    fn start(self, arguments: &[&str], printed: &Path) -> Running {
        let out = File::create(printed).expect("the folder is writable");
        let mut command = self.ready();
        command.args(arguments).stdin(Stdio::null()).stdout(out);
        Running(command.spawn().expect("it starts"))
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
