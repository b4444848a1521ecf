//! The search for what must not lie anywhere in clear: unusual strings that a test plants, looked for in every version
//! of every row, in every message that passed or lies in a queue, and in every log, also in hex and base64.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use messages::Room;

use crate::TestHouse;
use crate::broker::Broker;
use crate::tap::Passed;

/// An unusual string, and what it stands for.
#[derive(Debug, Clone)]
pub struct Canary {
    pub what: &'static str,
    pub text: String,
}

/// The canaries that stand in `haystack`, each with the place.
#[must_use]
pub fn hits(place: &str, haystack: &[u8], canaries: &[Canary]) -> Vec<String> {
    let exact = String::from_utf8_lossy(haystack);
    let lower = exact.to_ascii_lowercase();
    let mut found = Vec::new();
    for Canary { what, text } in canaries {
        let plain = text.to_lowercase();
        let hex = messages::id::hex(text.as_bytes());
        let is_there = [plain, hex].iter().any(|form| lower.contains(form.as_str()))
            || in_base64(text).iter().any(|form| exact.contains(form.as_str()));
        if is_there {
            found.push(format!("{what} in {place}"));
        }
    }
    found
}

/// The letters that a text surely leaves in base64, wherever in a longer text it stands.
fn in_base64(text: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let shifted = [vec![b' '; before], text.as_bytes().to_vec()].concat();
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            // The first letters also hold what stands before, the last two what comes after.
            let sure = &encoded[(before * 4).div_ceil(3)..encoded.len() - 2];
            forms.push(sure.to_owned());
        }
    }
    forms
}

/// Keeps every version of every row of the rooms from now on, also of those that are deleted at once.
pub async fn keep_every_row(house: &TestHouse) {
    house
        .execute(
            "CREATE SCHEMA spy;
             CREATE TABLE spy.seen (place text, said text);
             CREATE FUNCTION spy.see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN
                 INSERT INTO spy.seen SELECT TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, string_agg(
                     name || ' ' || CASE WHEN value LIKE '\\\\x%' THEN encode(value::bytea, 'escape') ELSE value END, ' ')
                 FROM jsonb_each_text(to_jsonb(NEW)) AS field (name, value);
                 RETURN NULL;
             END $$;",
        )
        .await;
    for room in Room::ALL {
        let tables = house
            .texts(&format!(
                "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = '{room}'::regnamespace
                 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '_sqlx_migrations'"
            ))
            .await;
        for table in tables {
            house
                .execute(&format!(
                    "CREATE TRIGGER spy AFTER INSERT OR UPDATE ON {room}.{table} FOR EACH ROW EXECUTE FUNCTION spy.see()"
                ))
                .await;
        }
    }
}

/// What [`keep_every_row`] kept.
pub async fn in_rows(house: &TestHouse, canaries: &[Canary]) -> Vec<String> {
    let mut found = Vec::new();
    for row in house.texts("SELECT place || ': ' || said FROM spy.seen").await {
        let place = row.split_once(':').map_or("a row", |(place, _)| place);
        found.extend(hits(place, row.as_bytes(), canaries));
    }
    found
}

/// Every table as it stands, whoever owns it.
pub async fn in_tables(house: &TestHouse, canaries: &[Canary]) -> Vec<String> {
    let tables = house
        .texts(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'spy')",
        )
        .await;
    assert!(tables.len() > 8 * 6, "every room has tables: {tables:?}");
    let mut found = Vec::new();
    for table in tables {
        for row in house.texts(&format!("SELECT t::text FROM {table} t")).await {
            found.extend(hits(&table, row.as_bytes(), canaries));
        }
    }
    found
}

/// Every queue but those in which clear text may lie, the rooms' `.in` and `.dead`, and the tests' own.
pub async fn in_queues(house: &TestHouse, canaries: &[Canary]) -> Vec<String> {
    let broker = Broker::of(house);
    let mut found = Vec::new();
    for queue in broker.queues().await {
        if queue.ends_with(".in") || queue.ends_with(".dead") || queue.starts_with("amq.") {
            continue;
        }
        for message in broker.peek(&queue).await {
            found.extend(hits(&queue, message.as_bytes(), canaries));
        }
    }
    found
}

/// Messages that passed. What goes back to a room's `.in` queue may be clear.
#[must_use]
pub fn in_messages(passed: &[Passed], canaries: &[Canary]) -> Vec<String> {
    let mut found = Vec::new();
    for Passed { exchange, key, properties, bytes } in passed {
        if key.ends_with(".in.again") || key.ends_with(".dead") {
            continue;
        }
        let place = format!("{exchange}/{key}");
        found.extend(hits(&place, bytes, canaries));
        found.extend(hits(&place, format!("{key} {properties:?}").as_bytes(), canaries));
    }
    found
}

/// The logs of the rooms' processes.
#[must_use]
pub fn in_logs(house: &TestHouse, processes: &[&str], canaries: &[Canary]) -> Vec<String> {
    processes
        .iter()
        .flat_map(|process| hits(&format!("the log of {process}"), house.log(process).as_bytes(), canaries))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_every_disguise() {
        let canary = [Canary { what: "name", text: "Zebulon Quuxworth".to_owned() }];
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}zebulon QUUXWORTH, and more");
            let exact = format!("{before}Zebulon Quuxworth, and more");
            for haystack in [
                text.clone(),
                messages::id::hex(exact.as_bytes()),
                STANDARD_NO_PAD.encode(&exact),
                URL_SAFE_NO_PAD.encode(&exact),
            ] {
                assert_eq!(hits("here", haystack.as_bytes(), &canary), ["name in here"], "{haystack}");
            }
        }
        assert!(hits("here", b"Zebulon Quixworth", &canary).is_empty());
    }
}
