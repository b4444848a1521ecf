//! The operator's program: what is missing or wrong is told in one plain sentence with a non-zero exit code, and what it
//! finds is told with exit code 3.

use std::os::unix::fs::PermissionsExt as _;

use messages::Room;
use serde_json::{Value, json};
use tests::TestHouse;
use tests::broker::Broker;
use tests::client::Client;
use tests::orders::{number, order, product};

const ORDER: &str = "Y6FN-9WSA-MH40-J";
const NO_DATABASE: &str = "oms: OMS_DATABASE_URL is not set: The database: one address that always leads to the primary. OMS_<ROOM>_DATABASE_URL overrides it for one room.\n";
const NO_BROKER: &str = "oms: OMS_AMQP_URL is not set: The broker, with user and password; several with commas between them are the nodes of a cluster, tried in turn. OMS_<ROOM>_AMQP_URL overrides it for one room.\n";
const DATABASE_AWAY: &str = "oms: the database at 127.0.0.1:1 does not answer: ";
const BROKER_AWAY: &str = "oms: the broker at 127.0.0.1:1 does not answer: ";
const NOT_MIGRATED: &str = "oms: the database has no such schema for this version; run `oms migrate`\n";

#[tokio::test]
async fn whatever_is_missing_is_told_in_one_plain_sentence() {
    let house = TestHouse::new("operator").await;
    let empty = house.setting("OMS_DATABASE_URL").replace(house.name(), "postgres");
    let no_database = [("OMS_DATABASE_URL", "")];
    let no_broker = [("OMS_AMQP_URL", "")];
    let database_away = [("OMS_DATABASE_URL", "postgres://oms@127.0.0.1:1/oms")];
    let broker_away = [("OMS_AMQP_URL", "amqp://oms:oms@127.0.0.1:1/oms"), ("OMS_CREDENTIALS_FILE", "")];
    let not_migrated = [("OMS_DATABASE_URL", empty.as_str())];
    let reads: [&[&str]; 8] = [
        &["orders", "show", ORDER],
        &["orders", "find", "--status", "held"],
        &["hold", "list"],
        &["tasks", "list"],
        &["products", "list"],
        &["audit", "verify"],
        &["status"],
        &["run", "--rooms", "audit"],
    ];
    let asks: [&[&str]; 9] = [
        &["hold", "release", ORDER, "--reason", "r"],
        &["hold", "refuse", ORDER, "--reason", "r"],
        &["stock", "receive", "19XE", "1"],
        &["stock", "adjust", "19XE", "1", "--reason", "r"],
        &["tasks", "close", "payment", "letter", "k", "--reason", "r"],
        &["parked", "list"],
        &["parked", "show", "00"],
        &["topology", "apply"],
        &["topology", "diff"],
    ];
    for arguments in reads {
        told(&house, &no_database, arguments, NO_DATABASE);
        told(&house, &database_away, arguments, DATABASE_AWAY);
        let said = if arguments[0] == "run" {
            "oms: the schema audit is not there yet; run `oms migrate`\n"
        } else {
            NOT_MIGRATED
        };
        told(&house, &not_migrated, arguments, said);
    }
    for arguments in asks {
        told(&house, &no_broker, arguments, NO_BROKER);
        told(&house, &broker_away, arguments, BROKER_AWAY);
    }
    told(&house, &no_database, &["migrate"], NO_DATABASE);
    told(&house, &database_away, &["migrate"], DATABASE_AWAY);
    for arguments in [&["status"][..], &["run"]] {
        told(&house, &no_broker, arguments, NO_BROKER);
        told(&house, &broker_away, arguments, BROKER_AWAY);
    }
    let no_keys = [("OMS_KEYS_FILE", "/nowhere/keys.json")];
    for arguments in [&["run"][..], &["keys", "export", "warehouse"], &["parked", "show", "00"]] {
        told(
            &house,
            &no_keys,
            arguments,
            "oms: the key file /nowhere/keys.json cannot be read (No such file or directory (os error 2)); `oms keys init` makes one, OMS_KEYS_FILE says where\n",
        );
    }
    told(
        &house,
        &[("OMS_USER", "")],
        &["stock", "receive", "19XE", "1"],
        "oms: say who you are, with --user or OMS_USER: it stands beside every change\n",
    );
    told(
        &house,
        &[("OMS_CREDENTIALS_FILE", "/nowhere")],
        &["parked", "list"],
        "oms: /nowhere (OMS_CREDENTIALS_FILE) cannot be read: ",
    );
    told(
        &house,
        &[("OMS_DATABSE_URL", "x")],
        &["status"],
        "oms: OMS_DATABSE_URL is not a setting; did you mean OMS_DATABASE_URL? `oms settings` lists them\n",
    );
    told(
        &house,
        &[("OMS_BATCH_EVENTS", "many")],
        &["run", "--rooms", "audit"],
        "oms: OMS_BATCH_EVENTS must be a whole number (events)\n",
    );
    told(
        &house,
        &[("OMS_PAYMENT_URL", "")],
        &["run", "--rooms", "payment"],
        "oms: OMS_PAYMENT_URL is not set: A Stripe-compatible card gateway.\n",
    );
    told(
        &house,
        &[("OMS_AMQP_URL", "nonsense")],
        &["status"],
        "oms: the AMQP address is not readable; it looks like amqp://user:password@host:5672/vhost, or like several of these with commas between them\n",
    );
    told(
        &house,
        &[("OMS_DATABASE_URL", "nonsense")],
        &["audit", "verify"],
        "oms: the database address is not readable (",
    );
    told(
        &house,
        &[("OMS_HTTP_ADDR", "here")],
        &["run", "--rooms", "audit"],
        "oms: OMS_HTTP_ADDR must be address:port, for example 127.0.0.1:9464, or off\n",
    );
    Broker::of(&house).delete_queue("oms.audit").await;
    told(
        &house,
        &[("OMS_LOG", "off")],
        &["run", "--rooms", "audit"],
        "oms: queue oms.audit is missing; run `oms topology apply`\n",
    );
}

#[tokio::test]
async fn whatever_is_wrong_on_the_command_line_is_told_in_one_plain_sentence() {
    let house = TestHouse::new("arguments").await;
    for (arguments, said) in [
        (
            &["run", "--rooms", "cellar"][..],
            "oms: `cellar` is not a room; rooms are intake, inventory, payment, fulfillment, tracking, undelivered, notifications, promotions, lifecycle, audit\n",
        ),
        (
            &["orders", "show", "123"],
            "oms: an order number looks like 7K2M-9QXT-04AH-B, and its last character is a check digit that does not fit here\n",
        ),
        (&["orders", "show", ORDER], "oms: nothing was ever heard of order Y6FN-9WSA-MH40-J\n"),
        (&["orders", "find", "--day", "2019"], "oms: `2019` is not a day; it looks like 2019-11-14\n"),
        (
            &["orders", "find", "--status", "mislaid"],
            "oms: `mislaid` is not a status of an order; statuses are early, held, ",
        ),
        (
            &["orders", "find", "--tracking", "12"],
            "oms: the tracking number is not in any carrier's format\n",
        ),
        (
            &["orders", "find", "--reference", "a b"],
            "oms: a reference is 1 to 64 letters, digits or the characters . _ - / :\n",
        ),
        (
            &["--user", "a b", "stock", "receive", "19XE", "1"],
            "oms: a user id is 1 to 64 letters, digits or the characters . _ - @\n",
        ),
        (
            &["stock", "receive", "x y z", "5"],
            "oms: an item number has 2 to 16 letters, digits and hyphens, and no hyphen in front\n",
        ),
        (
            &["products", "apply", "/nowhere.json"],
            "oms: /nowhere.json cannot be read: No such file or directory (os error 2)\n",
        ),
        (&["products", "apply", "/etc/passwd"], "oms: /etc/passwd is not a product file: "),
        (&["tasks", "close", "cellar", "letter", "k", "--reason", "r"], "oms: `cellar` is not a room\n"),
        (
            &["tasks", "close", "payment", "chore", "k", "--reason", "r"],
            "oms: `chore` is not a kind of task; `oms tasks list` shows them\n",
        ),
        (&["keys", "export", "nobody"], "oms: nobody is not a registered outsider\n"),
        (&["keys", "export", "web-store"], "oms: web-store opens no sealed sections\n"),
        (
            &["parked", "list", "--reason", "boredom"],
            "oms: `boredom` is not a reason; reasons are unreadable, unknown_sender, ",
        ),
    ] {
        told(&house, &[], arguments, said);
    }
    for (arguments, said) in [
        (&["frobnicate"][..], "unrecognized subcommand 'frobnicate'"),
        (&["stock", "receive", "19XE", "five"], "invalid value 'five' for '<QUANTITY>'"),
        (&["orders", "find"], "required"),
        (&["hold", "release", ORDER], "--reason <REASON>"),
        (&["orders"], "Usage: oms orders"),
    ] {
        let run = house.oms(arguments);
        assert!(
            run.code == Some(2) && run.out.is_empty() && run.err.contains(said),
            "{arguments:?}: {run:?}"
        );
    }
    for (command, said) in [
        ("run", "Run rooms until SIGTERM"),
        ("migrate", "Make roles and schemas"),
        ("topology", "exchanges, queues, bindings"),
        ("keys", "keys that seal personal data"),
        ("products", "Products, prices and caps"),
        ("stock", "Units in the warehouse"),
        ("orders", "Where is my order?"),
        ("hold", "Orders that wait for a person"),
        ("tasks", "handed to a person"),
        ("parked", "could not be decided"),
        ("rooms", "pausing and resuming"),
        ("audit", "record of every message"),
        ("status", "at a glance"),
        ("check", "Is the configuration safe"),
        ("settings", "Every setting"),
    ] {
        let help = house.oms_ok(&[command, "--help"]);
        assert!(help.contains(said) && help.contains("Usage: oms"), "{help}");
    }
    let listed = house.oms_json(&["settings"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(shell::config::SETTINGS.len()));
    let (text, env) = (house.oms_ok(&["settings"]), house.oms_ok(&["settings", "--env"]));
    for setting in shell::config::SETTINGS {
        assert!(
            text.contains(setting.name) && env.contains(&format!("#{}=", setting.name)),
            "{}",
            setting.name
        );
    }
}

#[tokio::test]
async fn what_differs_on_the_broker_is_named_and_made_again() {
    let house = TestHouse::new("topology").await;
    assert_eq!(house.oms_ok(&["topology", "diff"]), "nothing differs\n");
    let broker = Broker::of(&house);
    broker.delete_queue("oms.tracking.in").await;
    broker.delete_binding("oms.rooms", "oms.payment", "release.ready.v1").await;
    broker.let_write("carriers", ".*").await;
    let diff = house.oms(&["topology", "diff"]);
    assert_eq!(diff.code, Some(3));
    for line in [
        "queue oms.tracking.in is missing",
        "binding oms.rooms -> oms.payment with key release.ready.v1 is missing",
        "binding oms.in -> oms.tracking.in with key carrier.scan.v1 is missing",
    ] {
        assert!(diff.out.lines().any(|said| said == line), "{line}: {}", diff.out);
    }
    let without = house.oms_with(&[("OMS_RABBITMQ_MANAGEMENT_URL", "")], &["topology", "diff"]);
    assert_eq!(
        (without.code, without.out.as_str()),
        (
            Some(3),
            "queue oms.tracking.in is missing\n (without OMS_RABBITMQ_MANAGEMENT_URL: bindings, arguments and users were not compared)\n"
        )
    );
    house.oms_ok(&["topology", "apply"]);
    assert_eq!(house.oms_json(&["topology", "diff"]), json!([]));
    let lines = house.oms_with(&[("OMS_RABBITMQ_MANAGEMENT_URL", "")], &["topology", "apply"]);
    assert!(
        lines.out.contains("rabbitmqctl add_user web-store")
            && lines.out.contains("rabbitmqctl set_topic_permissions"),
        "{lines:?}"
    );
    let exported: Value = serde_json::from_str(&house.oms_ok(&["topology", "export"])).expect("JSON");
    assert!(exported["queues"].as_array().is_some_and(|queues| queues.len() > 32));
}

#[tokio::test]
async fn an_unsafe_configuration_is_found() {
    let house = TestHouse::new("check").await;
    let good = house.oms(&["check"]);
    assert_eq!(good.code, Some(0), "{good:?}");
    let keys = house.setting("OMS_KEYS_FILE");
    std::fs::set_permissions(keys, std::fs::Permissions::from_mode(0o644)).expect("our own file");
    let url = house.setting("OMS_AMQP_URL");
    let host = url.rsplit_once('@').map(|(_, host)| host).expect("a login");
    let guest = format!("amqp://guest:guest@{host}");
    for (changes, said) in [
        (&[][..], "BAD   the key file may be read by other users of this machine: chmod 600"),
        (&[("OMS_AMQP_URL", guest.as_str())], "BAD   the broker login is guest/guest, which everybody knows"),
        (
            &[("OMS_AMQP_URL", "amqp://a:b@broker.example/v")],
            "BAD   the broker connection to another machine is not encrypted",
        ),
        (
            &[("OMS_PAYMENT_URL", "http://gateway.example")],
            "BAD   the gateway on another machine is not called over https",
        ),
        (&[("OMS_PAYMENT_KEY", "")], "BAD   OMS_PAYMENT_KEY is not set"),
        (&[("OMS_SENDERS", "app_id")], "note  senders are unverified"),
        (&[("OMS_DATABASE_URL", "")], "BAD   OMS_DATABASE_URL is not set"),
    ] {
        let run = house.oms_with(changes, &["check"]);
        assert!(run.code == Some(3) && run.out.lines().any(|line| line.starts_with(said)), "{said}: {run:?}");
    }
}

#[tokio::test]
async fn a_login_that_may_not_make_roles_is_given_the_statements_for_the_administrator() {
    let house = TestHouse::new("roles").await;
    let login = house.name().to_owned();
    // A database without schemas, and a login that may only connect.
    let database = format!("{login}_bare");
    house.execute(&format!("CREATE DATABASE {database}")).await;
    house.execute(&format!("CREATE ROLE {login} LOGIN PASSWORD 'x'")).await;
    let url = house.setting("OMS_DATABASE_URL").to_owned();
    let (_, host) = url.rsplit_once('@').expect("a login");
    let (host, _) = host.split_once('/').expect("a database");
    let run = house
        .oms_with(&[("OMS_DATABASE_URL", &format!("postgres://{login}:x@{host}/{database}"))], &["migrate"]);
    house.execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await;
    house.execute(&format!("DROP ROLE {login}")).await;
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.starts_with(&format!("oms: the login {login} may not make roles (")), "{run:?}");
    for statement in [
        format!("GRANT oms_audit TO \"{login}\";"),
        "CREATE SCHEMA IF NOT EXISTS intake AUTHORIZATION oms_intake;".to_owned(),
    ] {
        assert!(run.err.lines().any(|line| line == statement), "{statement}: {}", run.err);
    }
}

#[tokio::test]
async fn an_edited_record_is_named_by_the_audit_and_every_view_of_an_order_can_be_read() {
    let mut house = TestHouse::new("audit").await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    house.start_warehouse(&[]).await;
    let mut store = Client::open(&house, "web-store").await;
    let id = store.send("order.submit.v1", order("WEB-1", 1, &[("19XE", 1)])).await;
    let answer = store.answer_to(&id).await;
    let order_number = answer["order"].as_str().expect("a number");
    house.until_fact(order_number, "noticed", 4).await;
    house.until_fact(order_number, "captured", 1).await;
    let day = house.oms_json(&["orders", "show", order_number])["day"].as_str().expect("a day").to_owned();
    for search in [
        &["--number", order_number][..],
        &["--reference", "WEB-1"],
        &["--status", "delivered"],
        &["--day", &day],
    ] {
        let found = house.oms_json(&[&["orders", "find"], search].concat());
        assert_eq!(found["orders"][0]["order"], json!(order_number), "{search:?}");
        assert!(house.oms_ok(&[&["orders", "find"], search].concat()).contains(order_number));
    }
    let status = house.oms_json(&["status"]);
    assert_eq!(
        (
            &status["orders"]["accepted"],
            &status["money"]["captured"],
            status["desks"].as_array().map(Vec::len)
        ),
        (&json!(1), &json!(7090), Some(Room::ALL.len())),
        "{status}"
    );
    assert!(house.oms_ok(&["status"]).contains("orders: 1 accepted, 0 held, 0 refused"));
    let adjusted = house.oms_ok(&[
        "stock",
        "adjust",
        "19XE",
        "-1",
        "--reason",
        "counted again",
        "--reference",
        "COUNT-1",
    ]);
    assert_eq!(adjusted, "1 stock line adjusted\n");
    assert_eq!(
        house.oms_ok(&[
            "stock",
            "adjust",
            "19XE",
            "-1",
            "--reason",
            "counted again",
            "--reference",
            "COUNT-1"
        ]),
        "1 stock line adjusted, 1 of them known already\n"
    );
    assert!(house.oms_ok(&["products", "list"]).contains("19XE"));
    let refused = house.oms(&["stock", "adjust", "19XE", "-100", "--reason", "stolen"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");

    let whole = house.oms(&["audit", "verify"]);
    assert!(whole.code == Some(0) && whole.out.starts_with("the chain holds: "), "{whole:?}");
    house.execute(
        "ALTER TABLE audit.records DISABLE TRIGGER USER;
         UPDATE audit.records SET state = replace(state::text, '7090', '7091')::jsonb WHERE key = (SELECT min(key) FROM audit.records WHERE kind = 'order.accepted.v1');
         ALTER TABLE audit.records ENABLE TRIGGER USER;",
    ).await;
    let edited = house.count("SELECT min(seq) FROM audit.records WHERE kind = 'order.accepted.v1'").await;
    let broken = house.oms(&["audit", "verify"]);
    assert_eq!(broken.code, Some(3), "{broken:?}");
    assert!(
        broken.out.starts_with(&format!("the chain breaks at record {edited}: ")),
        "{edited}: {}",
        broken.out
    );
    let refused = house.oms_with(&[], &["--json", "audit", "verify"]);
    let verdict: Value = serde_json::from_str(&refused.out).expect("JSON");
    assert_eq!(number(&verdict["first_bad"]["seq"]), edited);
}

/// The command must fail with exactly this on standard error; without a line feed at its end, with this beginning.
fn told(house: &TestHouse, changes: &[(&str, &str)], arguments: &[&str], said: &str) {
    let run = house.oms_with(changes, arguments);
    assert_eq!(run.code, Some(1), "{arguments:?} {changes:?}: {run:?}");
    let fits = if said.ends_with('\n') {
        run.err == said
    } else {
        run.err.starts_with(said) && run.err.matches('\n').count() == 1
    };
    assert!(fits, "{arguments:?} {changes:?}\nsays   {}should {said}", run.err);
    assert_eq!(run.out, "", "{arguments:?}");
}
