//! Every command of every page in `ops/runbooks`, run as it stands there in a house that has something for each of them:
//! held orders, parked messages, tasks, a case, a paused room. An operator at night must be able to trust the page.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::client::{Client, event};
use tests::orders::{at, order, product};
use tests::parcels::{Trade, tracking_number};
use tests::{Output, OwnPair, Servers, TestHouse};

const SINGLE: &str = "application/cloudevents+json";
/// Services of its own, so that the pages' commands about them have some, whatever the environment names.
const SERVICES: &str = "runbooks";
const A_MONTH: i64 = 30 * 86_400;

/// What the words in capitals stand for here.
struct Things {
    delivered: String,
    held: [String; 2],
    waits: String,
    case: String,
    letters: Vec<String>,
    scans: Vec<String>,
    unreadable: [String; 2],
}

#[tokio::test]
async fn every_command_of_every_page_does_what_the_page_says() {
    let _services = OwnPair::start(SERVICES);
    let (mut house, mut things) = eventful(&Servers::printed_by(&script(), SERVICES)).await;
    let mut run = 0;
    for page in pages() {
        let name = page.file_stem().and_then(std::ffi::OsStr::to_str).expect("a name");
        for line in commands(&page) {
            let command = things.fill(name, &line);
            if let Some(rooms) = command.strip_prefix("oms run --rooms ") {
                let process = format!("{name}-{run}");
                house.start_rooms(&process, rooms).await;
                assert_eq!(house.terminate(&process), Some(0), "{name}: {command}");
            } else {
                let said = shell(&house, &command);
                assert_eq!(said.code, Some(0), "{name}: {command}\n{}{}", said.out, said.err);
            }
            run += 1;
        }
    }
    assert!(run > 60, "{run} commands");

    // What they were for has happened.
    house.until_status(&things.held[1], "refused").await;
    house.until_status(&things.waits, "cancelled").await;
    house.until_fact(&things.held[0], "authorized", 1).await;
    for reference in ["WEB-OUT", "WEB-ODD"] {
        let number = house.order_number("web-store", reference).to_string();
        house.until_fact(&number, "authorized", 1).await;
    }
    for list in ["hold", "parked", "tasks"] {
        assert_eq!(house.oms_json(&[list, "list"]), json!([]), "{list}");
    }
    let rooms = house.oms_json(&["rooms", "list"]);
    assert!(rooms.as_array().expect("a list").iter().all(|room| room["paused"].is_null()), "{rooms}");
    assert!(things.letters.is_empty() && things.scans.is_empty(), "each was used");
}

#[tokio::test]
async fn a_command_that_is_wrong_is_found() {
    let house = TestHouse::new("wrong_page").await;
    for wrong in ["oms orders shown NUMBER", "oms hold release NUMBER --because x", "oms status --everything"]
    {
        assert_eq!(shell(&house, wrong).code, Some(2), "{wrong}");
    }
}

/// A house with something for every page.
async fn eventful(servers: &Servers) -> (TestHouse, Things) {
    let mut house = TestHouse::on(servers, "runbooks").await;
    house.start_mail_sink().await;
    let list = house.folder().join("outsiders.json");
    house.set("OMS_OUTSIDERS_FILE", &list.display().to_string());
    std::fs::write(&list, outsiders(&["carrier.scan.v1", "order.submit.v1"])).expect("writable");
    house.start_rooms("rooms", "all").await;
    let mut later = product("20XE");
    later["backorder_expected_at"] = json!(at(A_MONTH));
    house.define(&[product("19XE"), later], &[("19XE", 100)]).await;
    let mut trade = Trade::open(&house).await;

    // From outsiders that may not say so, until the list is mended.
    trade.store.send("order.submit.v1", order("WEB-OUT", 1, &[("19XE", 1)])).await;
    for tracking in [tracking_number(901), tracking_number(902)] {
        let scan = json!({ "carrier": "usps", "tracking": tracking, "code": "10", "scanned_at": at(0) });
        trade.carriers.send("carrier.scan.v1", scan).await;
    }
    parked(&house, "not_allowed", 3).await;
    assert_eq!(house.terminate("rooms"), Some(0));
    std::fs::write(&list, outsiders(&[])).expect("writable");
    house.start_rooms("rooms", "all").await;
    for id in ["WEB-ODD", "WEB-TEST"] {
        let mut odd = event("web-store", id, "order.submit.v1", &order(id, 2, &[("19XE", 1)]));
        odd["data"]["lines"][0]["quantity"] = json!("eleven");
        trade.store.publish("order.submit.v1", Some(SINGLE), odd.to_string().as_bytes(), id).await;
    }
    let unreadable = parked(&house, "unreadable", 2).await;
    let scans = parked(&house, "not_allowed", 3).await.into_iter();
    let scans = scans.filter(|one| one["room"] == "tracking").map(|one| text(&one["id"])).collect();
    let unreadable = ["WEB-ODD", "WEB-TEST"]
        .map(|event| text(&unreadable.iter().find(|one| one["event_id"] == event).expect("parked")["id"]));

    let parcel = trade.parcel(order("WEB-BACK", 3, &[("19XE", 1)])).await;
    trade.scan(&parcel, "25", 10).await;
    house.until_case(&parcel.shipment, "asked").await;
    let arrives = trade.parcel(order("WEB-GOOD", 4, &[("19XE", 1)])).await;
    trade.scan(&arrives, "01", 10).await;
    house.until_status(&arrives.order, "delivered").await;
    let held = [
        trade.store.submitted(order("WEB-MANY", 5, &[("19XE", 11)]), "held").await,
        trade.store.submitted(order("WEB-MORE", 6, &[("19XE", 12)]), "held").await,
    ];
    let waits = trade.store.accepted(order("WEB-LATER", 7, &[("20XE", 1)])).await;
    house.until_status(&waits, "backordered").await;
    let letters = letters(&house).await;
    house.oms_ok(&["rooms", "pause", "promotions", "--reason", "a campaign too many"]);
    let things =
        Things { delivered: arrives.order, held, waits, case: parcel.shipment, letters, scans, unreadable };
    (house, things)
}

/// A customer without an address for mail: what would be mailed is a task for somebody who posts it.
async fn letters(house: &TestHouse) -> Vec<String> {
    let mut mail_room = Client::open(house, "mail-room").await;
    let mut letter = order("MAIL-1", 8, &[("19XE", 1)]);
    (letter["channel"], letter["received_at"]) = (json!("mail"), json!(at(-3 * 86_400)));
    letter["contact"].as_object_mut().expect("a contact").remove("email");
    let number = mail_room.accepted(letter).await;
    house.until_fact(&number, "task_opened", 2).await;
    let tasks = house.oms_json(&["tasks", "list"]);
    tasks.as_array().expect("tasks").iter().map(|task| text(&task["key"])).collect()
}

/// The list of outsiders, in which nobody may say these.
fn outsiders(without: &[&str]) -> String {
    let mut all: Value = serde_json::from_str(messages::outsiders::DEFAULT).expect("JSON");
    for one in all.as_array_mut().expect("a list") {
        let kinds = one["may_publish"].as_array_mut().expect("a list");
        kinds.retain(|kind| !without.iter().any(|left_out| kind == left_out));
    }
    all.to_string()
}

/// Waits until so many messages are parked for that reason; gives them.
async fn parked(house: &TestHouse, reason: &str, wanted: usize) -> Vec<Value> {
    let list = |house: &TestHouse| house.oms_json(&["parked", "list", "--reason", reason]);
    house
        .until(&format!("{wanted} are parked: {reason}"), |house| {
            list(house).as_array().is_some_and(|all| all.len() == wanted)
        })
        .await;
    list(house).as_array().expect("a list").clone()
}

impl Things {
    /// The line with something in place of every word in capitals.
    fn fill(&mut self, page: &str, line: &str) -> String {
        if line.starts_with("ops/services ") {
            return line.to_owned();
        }
        let verb = line.split(" --").next().unwrap_or(line);
        let mut filled = line.replace("WHAT WAS DONE", "posted").replace("WHY", "as the page says");
        for (word, value) in [
            ("POINTER=VALUE", "lines/0/quantity=1".to_owned()),
            ("REFERENCE", "DELIVERY-1".to_owned()),
            ("REASON", "not_allowed".to_owned()),
            ("KIND", "letter".to_owned()),
            ("CASE", self.case.clone()),
        ] {
            filled = filled.replace(word, &value);
        }
        if filled.contains("ROOM") {
            let room = match (page, verb) {
                (_, "oms tasks close ROOM KIND KEY") => "notifications",
                ("paused", _) => "promotions",
                _ => "intake",
            };
            filled = filled.replace("ROOM", room);
        }
        if filled.contains("KEY") {
            filled = filled.replace("KEY", &self.letters.pop().expect("a letter"));
        }
        if filled.contains("NUMBER") {
            let number = match verb {
                "oms hold release NUMBER" => &self.held[0],
                "oms hold refuse NUMBER" => &self.held[1],
                "oms orders cancel NUMBER" => &self.waits,
                _ => &self.delivered,
            };
            filled = filled.replace("NUMBER", number);
        }
        if filled.contains(" ID") {
            let id = match verb {
                "oms parked replay ID" => self.scans.pop().expect("a scan"),
                "oms parked discard ID" => self.unreadable[1].clone(),
                _ => self.unreadable[0].clone(),
            };
            filled = filled.replace(" ID", &format!(" {id}"));
        }
        filled
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn script() -> PathBuf {
    root().join("ops/services")
}

fn pages() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("ops/runbooks")).expect("the pages");
    let mut pages: Vec<PathBuf> = folder.map(|entry| entry.expect("a file").path()).collect();
    pages.sort();
    pages
}

/// The lines of the page's blocks.
fn commands(page: &Path) -> Vec<String> {
    let page = std::fs::read_to_string(page).expect("a text");
    let blocks = page.split("```bash\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// Runs a line as an operator types it, in the house's folder.
fn shell(house: &TestHouse, line: &str) -> Output {
    let line = line.strip_prefix("ops/services ").map_or_else(
        || line.to_owned(),
        |rest| {
            let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            format!("{} {verb} --name {SERVICES} {rest}", script().display())
        },
    );
    house.shell(&line)
}
