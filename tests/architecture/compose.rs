//! That `docker-compose.yml` speaks of this program: its rooms, its settings, its files. Whether it is well formed at all is
//! asked of compose itself, by `ops/test`; it is never started.

use std::collections::{BTreeMap, BTreeSet};

use messages::Room;
use shell::config::SETTINGS;
use shell::telemetry::Metric;

use super::{names, read, root};

/// The blocks of one level, by name: `services:` has one per service, `x-room: &room` is one of the first level.
fn blocks(text: &str, indent: usize) -> BTreeMap<String, String> {
    let mut blocks: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let depth = line.len() - line.trim_start().len();
        if depth == indent
            && let Some((key, rest)) = line.trim().split_once(':')
        {
            key.clone_into(&mut name);
            blocks.insert(name.clone(), format!("{rest}\n"));
        } else if !name.is_empty() {
            *blocks.entry(name.clone()).or_default() += &format!("{line}\n");
        }
    }
    blocks
}

fn compose() -> BTreeMap<String, String> {
    blocks(&read(&root().join("docker-compose.yml")), 0)
}

#[test]
fn every_room_is_a_service_of_one_anchor_that_can_be_scaled() {
    let compose = compose();
    let services = blocks(&compose["services"], 2);
    for room in Room::ALL {
        let service = services.get(room.name()).unwrap_or_else(|| panic!("{room} is no service"));
        assert!(service.contains("<<: *room\n"), "{room} is made by hand");
        assert!(
            service.contains(&format!("command: [\"run\", \"--rooms\", \"{room}\"]\n")),
            "{room}: {service}"
        );
    }
    let rooms: BTreeSet<&str> = Room::ALL.map(Room::name).into();
    let made: BTreeSet<&str> = services
        .iter()
        .filter(|(_, service)| service.contains("*room"))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(made, rooms, "a service is a room that the program does not know");
    // A name or a port of the host's is there once, so a second replica would not start.
    for (name, text) in services.iter().filter(|(name, _)| rooms.contains(name.as_str())).chain(&compose) {
        let is_room = rooms.contains(name.as_str()) || ["x-oms", "x-room"].contains(&name.as_str());
        let once = ["ports:", "container_name:", "hostname:"].iter().find(|once| text.contains(**once));
        assert!(!is_room || once.is_none(), "{name} has {once:?}, so it cannot be scaled");
    }
}

#[test]
fn what_the_containers_are_told_are_settings_of_the_program_and_its_secrets_come_from_the_environment() {
    let compose = compose();
    let told = blocks(&compose["x-oms"], 4);
    for setting in SETTINGS {
        let is_needed = setting.default.is_none() && ["all", "payment"].contains(&setting.needed_by);
        let is_optional = setting.name == "OMS_OUTSIDERS_FILE";
        assert!(
            !is_needed || is_optional || told.contains_key(setting.name),
            "no room can run without {}: {}",
            setting.name,
            setting.help
        );
    }
    for name in told.keys().filter(|name| name.starts_with("OMS_")) {
        assert!(SETTINGS.iter().any(|setting| setting.name == name), "{name} is no setting");
    }
    let text = read(&root().join("docker-compose.yml"));
    let secret = |line: &str| {
        let name = line.split(':').next().unwrap_or_default().trim();
        SETTINGS.iter().any(|setting| setting.secret && setting.name == name)
            || ["PASS:", "PASSWORD:", "_KEY:"].iter().any(|end| line.trim().contains(end))
    };
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#') && secret(line)) {
        let is_open = line.contains("smtp://mailpit:1025");
        assert!(is_open || line.contains("${O"), "a secret stands in the file: {line}");
    }
}

#[test]
fn the_example_of_an_environment_file_names_every_setting_and_nothing_else() {
    let written = read(&root().join("ops/env.example"));
    let lines: BTreeSet<&str> = written
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter_map(|line| line.split_once('=').filter(|_| line.starts_with("OMS_")).map(|(name, _)| name))
        .collect();
    assert_eq!(lines, SETTINGS.iter().map(|setting| setting.name).collect());
}

#[test]
fn what_compose_mounts_is_there_and_prometheus_asks_every_room() {
    let text = read(&root().join("docker-compose.yml"));
    let mounted: Vec<&str> =
        text.split('"').filter_map(|quoted| quoted.strip_prefix("./ops/")?.split(':').next()).collect();
    assert!(!mounted.is_empty());
    for path in mounted {
        assert!(root().join("ops").join(path).is_dir(), "ops/{path} is mounted and not there");
    }
    let asked = read(&root().join("ops/prometheus/prometheus.yml"));
    for room in Room::ALL {
        assert!(
            asked.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == room.name()),
            "Prometheus does not ask {room}"
        );
    }
    assert!(asked.contains("9100") && blocks(&compose()["x-oms"], 4)["OMS_HTTP_ADDR"].contains(":9100"));
}

#[test]
fn the_image_serves_what_compose_asks_of_it() {
    let image = read(&root().join("ops/Dockerfile"));
    let text = read(&root().join("docker-compose.yml"));
    for target in text.lines().filter_map(|line| line.trim().strip_prefix("target: ")) {
        assert!(image.contains(&format!(" AS {target}\n")), "the image has no target {target}");
    }
    let user = image.lines().filter(|line| line.starts_with("USER ")).collect::<Vec<_>>();
    assert_eq!(user, ["USER 10001:10001"], "nothing runs as root");
    assert!(names(&image).is_empty(), "an image holds no settings");
}

#[test]
fn the_example_of_an_autoscaler_names_queues_and_a_room_that_are_there() {
    let text = read(&root().join("ops/keda/payment.yaml"));
    let queues: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("queueName: ")).collect();
    assert_eq!(
        queues,
        [messages::topology::inner_queue(Room::Payment), messages::topology::outside_queue(Room::Payment)]
    );
    assert!(text.contains("args: [\"run\", \"--rooms\", \"payment\"]"), "{text}");
    for name in names(&text) {
        assert!(SETTINGS.iter().any(|setting| setting.name == name), "{name} is no setting");
    }
    for file in ["ops/keda/payment.yaml", "ops/SCALING.md"] {
        let text = read(&root().join(file));
        let measured: BTreeSet<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("oms_"))
            .map(|word| word.trim_end_matches("_bucket"))
            .collect();
        assert!(measured.contains("oms_event_age_seconds"), "{file}: {measured:?}");
        for name in measured {
            assert!(Metric::ALL.iter().any(|metric| metric.name() == name), "{file}: {name} is not measured");
        }
    }
}
