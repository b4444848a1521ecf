//! What the house looks like, checked on its files: one shape per room, no room knows another, decisions stay pure. It
//! needs no services.

mod compose;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use messages::Room;
use shell::config::{self, SETTINGS};

/// Rooms that talk to the world themselves, or seal for it.
const WITH_OUTSIDE: [Room; 5] =
    [Room::Payment, Room::Fulfillment, Room::Undelivered, Room::Notifications, Room::Promotions];
/// The files of a room that may do I/O, see keys or read a clock; everything else is a function of its arguments.
/// A folder of the same name belongs to its file.
const EDGES: [&str; 5] = ["lib", "read", "store", "outside", "web"];
const IMPURE: [&str; 16] = [
    "async",
    "await",
    "sqlx",
    "lapin",
    "tokio",
    "tracing",
    "metrics",
    "reqwest",
    "SystemTime",
    "Instant",
    "now_utc",
    "clock",
    "rand",
    "getrandom",
    "println",
    "eprintln",
];
const LINES_MAX: usize = 600;

#[test]
fn every_room_has_the_same_files() {
    for room in Room::ALL {
        let folder = root().join("workers").join(room.name());
        for file in ["Cargo.toml", "build.rs", "src/lib.rs", "src/decide.rs", "src/read.rs", "src/store.rs"] {
            assert!(folder.join(file).is_file(), "{room} has no {file}");
        }
        assert_eq!(
            folder.join("src/outside.rs").is_file(),
            WITH_OUTSIDE.contains(&room),
            "{room}: outside.rs"
        );
        assert!(root().join("migrations").join(room.name()).is_dir(), "{room} has no migrations");
        let door = read(&folder.join("src/lib.rs")).to_lowercase();
        for part in ["reads", "owns", "emits", "outside", "invariants", "races"] {
            assert!(door.contains(part), "the door of {room} does not say {part}");
        }
    }
}

#[test]
fn no_room_knows_another_and_only_the_shell_knows_the_broker() {
    for room in Room::ALL {
        let dependencies = dependencies(&format!("workers/{room}"), false);
        let others = Room::ALL.into_iter().filter(|other| *other != room).map(Room::name);
        for other in others.chain(["lapin", "backoff", "world", "oms"]) {
            assert!(!dependencies.contains(other), "{room} depends on {other}");
        }
        assert!(dependencies.contains("messages") && dependencies.contains("shell"));
        for file in sources(&root().join("workers").join(room.name())) {
            for other in Room::ALL.into_iter().filter(|other| *other != room) {
                let named = format!("{other}::");
                let is_crate = |line: &str| {
                    line.trim_start().starts_with(&format!("use {named}"))
                        || line.contains(&format!(" {named}"))
                };
                assert!(
                    !code(&read(&file)).lines().any(is_crate),
                    "{} names the crate {other}",
                    file.display()
                );
            }
        }
    }
    for folder in ["messages", "workers/shell", "ops/world"] {
        let dependencies = dependencies(folder, true);
        for room in Room::ALL {
            assert!(!dependencies.contains(room.name()), "{folder} depends on {room}");
        }
    }
    for heavy in ["tokio", "sqlx", "lapin", "shell"] {
        assert!(!dependencies("messages", false).contains(heavy), "messages depends on {heavy}");
    }
}

#[test]
fn decisions_do_not_wait_look_at_a_clock_throw_dice_or_log() {
    let mut looked = 0;
    for room in Room::ALL {
        let src = root().join("workers").join(room.name()).join("src");
        for file in sources(&src) {
            let inside = file.strip_prefix(&src).expect("inside");
            let first =
                inside.components().next().expect("a part").as_os_str().to_string_lossy().into_owned();
            if EDGES.contains(&first.trim_end_matches(".rs")) || inside.ends_with("tests.rs") {
                continue;
            }
            looked += 1;
            let text = code(&read(&file));
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            for word in IMPURE {
                assert!(!words.contains(word), "{} has `{word}`", file.display());
            }
        }
    }
    assert!(looked > 20, "{looked} files");
}

#[test]
fn every_module_says_what_it_is_for_and_none_is_long() {
    for folder in ["messages", "workers", "ops/world", "tests"] {
        for file in sources(&root().join(folder)) {
            let text = read(&file);
            assert!(text.starts_with("//!"), "{} does not say what it is for", file.display());
            let lines = text.lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines", file.display());
        }
    }
}

#[test]
fn what_must_stand_in_one_place_stands_in_one_place() {
    for file in sources(&root().join("workers")) {
        let text = code(&read(&file));
        let name = file.strip_prefix(root()).expect("inside").display().to_string();
        assert_eq!(
            text.contains("backoff::"),
            name == "workers/shell/src/retry.rs",
            "{name}: the crate backoff"
        );
        if !name.contains("/tests/") {
            let reads_environment = text.contains("std::env::var") || text.contains("env::var(");
            // The second is for tests alone, and a release build refuses it.
            let may = ["workers/shell/src/config.rs", "workers/shell/src/faults.rs"];
            assert_eq!(reads_environment, may.contains(&name.as_str()), "{name}: reading the environment");
        }
    }
    let mut texts =
        vec![root().join("docker-compose.yml"), root().join("README.md"), root().join("ARCHITECTURE.md")];
    texts.extend(
        files(&root().join("ops")).into_iter().filter(|file| !file.starts_with(root().join("ops/world"))),
    );
    let per_room: BTreeSet<String> = [config::AMQP_URL, config::DATABASE_URL]
        .into_iter()
        .flat_map(|setting| {
            Room::ALL
                .map(|room| setting.name.replacen("OMS_", &format!("OMS_{}_", room.name().to_uppercase()), 1))
        })
        .collect();
    for file in texts {
        for name in names(&String::from_utf8_lossy(&std::fs::read(&file).expect("readable"))) {
            let is_known = SETTINGS.iter().any(|setting| setting.name == name) || per_room.contains(&name);
            assert!(is_known, "{} names {name}, which is no setting", file.display());
        }
    }
}

#[test]
fn no_migration_holds_a_row_and_no_file_points_out_of_the_repository() {
    for file in files(&root().join("migrations")) {
        let text = read(&file);
        let sql: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        let sql = sql.join("\n").to_uppercase();
        assert!(!sql.contains("INSERT INTO") && !sql.contains("FROM STDIN"), "{}", file.display());
    }
    // Put together, since this file is looked at as well.
    let outside = [["/wo", "rk/"].concat(), ["../sha", "red"].concat(), ["/ho", "me/"].concat()];
    for file in files(&root()) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("readable")).into_owned();
        for path in &outside {
            assert!(!text.contains(path.as_str()), "{} names {path}", file.display());
        }
    }
}

#[test]
fn the_tables_of_rooms_name_the_rooms() {
    let readme = read(&root().join("README.md"));
    let named: Vec<&str> =
        readme.lines().filter_map(|line| line.strip_prefix("| [")?.split(']').next()).collect();
    assert_eq!(named, Room::ALL.map(Room::name));
    for room in Room::ALL {
        assert!(readme.contains(&format!("(workers/{room}/src/lib.rs)")), "{room} has no link");
    }
    let architecture = read(&root().join("ARCHITECTURE.md"));
    for room in Room::ALL {
        assert!(
            architecture.contains(&format!("**{room}**")),
            "ARCHITECTURE.md does not walk through {room}"
        );
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every file under a folder, but for what is built or fetched.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", ".git", ".local", "node_modules"].contains(&name.as_str()) {
                found.extend(files(&path));
            }
        } else if !name.ends_with(".xz") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    files(folder)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The text without lines of comment.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The names of a crate's dependencies; also those for tests only, if asked.
fn dependencies(folder: &str, with_dev: bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut counts = false;
    for line in read(&root().join(folder).join("Cargo.toml")).lines() {
        if line.starts_with('[') {
            counts = line.starts_with("[dependencies")
                || line.starts_with("[build-dependencies")
                || with_dev && line.starts_with("[dev-dependencies");
        } else if counts && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            names.insert(name.to_owned());
        }
    }
    names
}

/// Every name `OMS_…` of a text; a name that goes on with an underscore and something else (`OMS_<ROOM>_…`) is none.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.split(|c: char| !is_part(c))
        .filter(|word| word.starts_with("OMS_") && !word.ends_with('_'))
        .map(str::to_owned)
        .collect()
}
