//! `oms status --watch` as an operator has it: plain where it is piped, live in a terminal, which it gives back.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use messages::Room;
use serde_json::json;
use tests::TestHouse;
use tests::client::Client;
use tests::orders::{order, product};

#[tokio::test]
async fn piped_it_looks_twice_and_prints_one_plain_table() {
    let mut house = TestHouse::new("watch_piped").await;
    house.start_rooms("intake", "intake,inventory").await;
    house.define(&[product("19XE")], &[("19XE", 50)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let id = store.send("order.submit.v1", order("WEB-1", 1, &[("19XE", 1)])).await;
    store.answer_to(&id).await;
    house.until_count("it is reserved", "SELECT reserved FROM inventory.items WHERE key = '19XE'", 1).await;

    let printed = house.oms_ok(&["status", "--watch", "--every", "1"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert!(!printed.contains('\x1b') && !printed.contains('\r'), "{printed:?}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{printed}");
    for room in Room::ALL {
        let of_room: Vec<&&str> = lines.iter().filter(|line| line.starts_with(room.name())).collect();
        assert_eq!(of_room.len(), 1, "one table: {printed}");
        let runs = of_room[0].split_whitespace().nth(1);
        let wanted = if [Room::Intake, Room::Inventory].contains(&room) { "1" } else { "0" };
        assert_eq!(runs, Some(wanted), "{printed}");
    }
    // Nobody reads the accepted order at notifications: it waits, and nothing moves it.
    let notifications = lines.iter().find(|line| line.starts_with("notifications")).expect("a desk");
    let cells: Vec<&str> = notifications.split_whitespace().collect();
    assert!(cells[3].parse::<u32>().is_ok_and(|waiting| waiting > 0), "{printed}");
    assert_eq!((cells[4], cells[5]), ("0.0", "stands"), "{printed}");
    let stock = lines.iter().find(|line| line.starts_with("19XE")).expect("the one item");
    let cells: Vec<&str> = stock.split_whitespace().skip(1).take(4).collect();
    assert_eq!(cells, ["50", "1", "0", "0"], "on hand, reserved, shipped, in line: {printed}");

    let seen = house.oms_json(&["status", "--watch", "--every", "1"]);
    assert_eq!(seen["desks"].as_array().map(Vec::len), Some(Room::ALL.len()), "{seen}");
    assert_eq!(seen["desks"][0]["running"], json!(1), "{seen}");
    house.execute("INSERT INTO payment.pause (paused_by, reason) VALUES ('ann', 'a test')").await;
    let printed = house.oms_ok(&["status", "--watch", "--every", "1"]);
    assert!(printed.contains("\npaused   payment by ann\n"), "{printed}");
}

#[tokio::test]
async fn the_sums_of_all_facts_are_read_only_when_they_are_asked_for() {
    let house = TestHouse::new("status_sums").await;
    let (without, with) = (house.oms_json(&["status"]), house.oms_json(&["status", "--sums"]));
    for part in ["facts", "sums", "quiet"] {
        assert!(without.get(part).is_none() && with.get(part).is_some(), "{part}");
    }
    assert!(house.oms_ok(&["status", "--sums"]).contains("shipped_minor"));
    let refused = house.oms(&["status", "--sums", "--watch"]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
}

/// Every order again under so many other numbers, as lifecycle would know it.
const COPIES: i64 = 4_000;

#[tokio::test]
async fn the_sums_of_many_orders_are_those_of_one_as_many_times_and_no_question_takes_long() {
    let mut house = TestHouse::new("status_many").await;
    house.start_mail_sink().await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 50)]).await;
    house.start_warehouse(&["--trouble-permille", "0"]).await;
    let mut store = Client::open(&house, "web-store").await;
    let id = store.send("order.submit.v1", order("WEB-1", 1, &[("19XE", 2)])).await;
    let number = store.answer_to(&id).await["order"].as_str().expect("a number").to_owned();
    house.until_fact(&number, "delivered", 1).await;
    house.until_fact(&number, "captured", 1).await;
    house.until_fact(&number, "noticed", 4).await;
    house.terminate("rooms");
    let once = house.oms_json(&["status", "--sums"]);
    house
        .execute(&format!(
            "INSERT INTO lifecycle.facts (key, state)
             SELECT replace(key, '{number}', n), replace(state::text, '{number}', n)::jsonb
             FROM lifecycle.facts, (SELECT left('{number}', 1) || lpad(at::text, length('{number}') - 1, '0') AS n
                                    FROM generate_series(1, {COPIES}) AS at) AS numbers
             WHERE order_number = '{number}'"
        ))
        .await;
    let many = house.oms_json(&["status", "--sums"]);
    let times = |count: &serde_json::Value| count.as_i64().expect("a number") * (COPIES + 1);
    for (name, sum) in once["sums"].as_object().expect("sums") {
        assert_eq!(many["sums"][name], json!(times(sum)), "{name}");
    }
    assert_eq!(many["sums"]["reserved_units"], json!(2 * (COPIES + 1)));
    for (one, all) in
        once["facts"].as_array().expect("facts").iter().zip(many["facts"].as_array().expect("facts"))
    {
        let is_of_orders =
            !["product_defined", "stock_changed"].contains(&one["kind"].as_str().expect("a kind"));
        for count in ["facts", "lines", "units", "minor"] {
            let wanted = if is_of_orders { json!(times(&one[count])) } else { one[count].clone() };
            assert_eq!((&all["kind"], &all[count]), (&one["kind"], &wanted), "{count}");
        }
    }
}

#[tokio::test]
async fn in_a_terminal_it_draws_again_and_again_and_gives_the_terminal_back() {
    let house = TestHouse::new("watch_live").await;
    for (end, name) in [(Some(3_u8), "Ctrl-C"), (None, "SIGTERM")] {
        let mut watch = terminal(&house);
        let mut out = watch.stdout.take().expect("a pipe");
        let mut drawn = String::new();
        let mut bytes = [0_u8; 4096];
        // Three pictures: the first two could be of one look.
        while drawn.matches("\x1b[H").count() < 3 {
            let count = out.read(&mut bytes).expect("it draws");
            assert!(count > 0, "it ended by itself: {drawn:?}");
            drawn += &String::from_utf8_lossy(&bytes[..count]);
        }
        match end {
            Some(key) => watch.stdin.as_mut().expect("a pipe").write_all(&[key]).expect("a key"),
            None => terminate_oms_under(watch.id()),
        }
        out.read_to_string(&mut drawn).expect("it ends");
        let status = watch.wait().expect("it ends");
        assert!(status.success(), "{name}: {status}: {drawn:?}");
        let (entered, left) = ("\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l");
        assert!(drawn.starts_with(entered), "{name}: {drawn:?}");
        let at =
            drawn.rfind(left).unwrap_or_else(|| panic!("{name}: the terminal is not given back: {drawn:?}"));
        assert!(!drawn[at + left.len()..].contains('\x1b'), "{name}: {drawn:?}");
        assert!(drawn.contains("oms status") && drawn.contains("every 1 s; Ctrl-C ends"), "{drawn:?}");
    }
}

/// `oms status --watch` at a terminal of its own: `script` has one made and copies it.
fn terminal(house: &TestHouse) -> std::process::Child {
    let test = std::env::current_exe().expect("this test is a file");
    let oms = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>").join("oms");
    let command = format!("exec '{}' status --watch --every 1", oms.display());
    Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("OMS_DATABASE_URL", house.setting("OMS_DATABASE_URL"))
        .env("OMS_AMQP_URL", house.setting("OMS_AMQP_URL"))
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script (util-linux) starts")
}

/// Asks the one child of this process to end.
fn terminate_oms_under(parent: u32) {
    let children =
        std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).expect("it has one");
    for child in children.split_whitespace() {
        let status = Command::new("kill").args(["-TERM", child]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -TERM {child}");
    }
}
