//! The committed contracts are what the types say, and nothing else lies beside them.

use std::collections::BTreeSet;
use std::path::Path;

use messages::Kind;
use messages::contracts::{Contract, contracts};
use messages::envelope::{BATCH_EVENTS_MAX, ID_BYTES_MAX, OUTSIDE_BYTES_MAX};
use serde_json::{Value, json};

const HOW: &str = "run `cargo run -p messages --example contracts` and look at the difference";

#[test]
fn the_committed_contracts_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for contract in contracts() {
        let committed = std::fs::read_to_string(root.join(&contract.path)).unwrap_or_default();
        assert!(committed == contract.text, "{} is not current: {HOW}", contract.path);
    }
}

#[test]
fn no_contract_is_left_over() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wanted: BTreeSet<String> = contracts().into_iter().map(|contract| contract.path).collect();
    for folder in ["schemas", "samples"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is committed") {
            let path = format!("{folder}/{}", entry.expect("readable").file_name().to_string_lossy());
            assert!(wanted.contains(&path), "{path} belongs to no type: {HOW}");
        }
    }
}

#[test]
fn a_sample_is_an_event_that_the_envelope_s_schema_takes() {
    let schema: Value = serde_json::from_str(&contracts()[0].text).expect("JSON");
    let schema = jsonschema::draft7::new(&schema).expect("a valid schema");
    for &kind in Kind::ALL {
        let sample = messages::contracts::sample(kind);
        assert!(schema.is_valid(&sample), "{}", kind.name());
        let read =
            messages::envelope::decode(Some(messages::envelope::SINGLE), sample.to_string().as_bytes())
                .expect("JSON");
        assert!(read[0].is_ok(), "{}", kind.name());
    }
}

fn asyncapi() -> Value {
    let file = |contract: &Contract| contract.path == "asyncapi.json";
    let document = contracts().into_iter().find(file).expect("it is one of the contracts");
    serde_json::from_str(&document.text).expect("JSON")
}

#[test]
fn every_payload_of_the_document_is_checked_by_parsers_and_holds_for_its_sample() {
    let document = asyncapi();
    let messages = document["components"]["messages"].as_object().expect("messages");
    assert_eq!(messages.len(), Kind::ALL.len() + 1, "every type, and the batch");
    for (name, message) in messages {
        for part in ["payload", "headers"] {
            // AsyncAPI's parser passes over any other format without a word.
            assert_eq!(message[part]["schemaFormat"], "application/schema+json;version=draft-07", "{name}");
        }
        let at = format!("#/components/messages/{name}/payload/schema");
        let schema = json!({ "allOf": [{ "$ref": at }], "components": document["components"] });
        let schema = jsonschema::draft7::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        for example in message["examples"].as_array().into_iter().flatten() {
            assert!(schema.is_valid(&example["payload"]), "{name}");
            let mut other = example["payload"].clone();
            other["type"] = json!("another.type.v1");
            assert!(!schema.is_valid(&other), "{name}: the schema holds its own type only");
        }
    }
}

#[test]
fn every_sender_and_every_reader_has_an_operation() {
    let document = asyncapi();
    let operations = document["operations"].as_object().expect("operations");
    let receives = |queue: &str, kind: Kind| {
        let wanted = json!({ "$ref": format!("#/channels/queue.{queue}/messages/{}", kind.name()) });
        let messages = operations.values().filter(|operation| operation["action"] == "receive");
        messages
            .flat_map(|operation| operation["messages"].as_array().expect("messages"))
            .any(|one| *one == wanted)
    };
    for &kind in Kind::ALL {
        for room in kind.read_by() {
            let queue = if kind.is_from_outside() {
                messages::topology::outside_queue(*room)
            } else {
                messages::topology::inner_queue(*room)
            };
            assert!(receives(&queue, kind), "{room} reads {}", kind.name());
        }
    }
    for outsider in messages::outsiders::Outsiders::default().all() {
        for kind in &outsider.may_publish {
            assert!(
                operations.contains_key(&format!("{}.send.{kind}", outsider.name)),
                "{} {kind}",
                outsider.name
            );
        }
        let queue = messages::topology::out_queue(&outsider.name);
        for kind in outsider
            .reads
            .iter()
            .map(|name| Kind::parse(name).expect("a type"))
            .chain([Kind::CommandAnswered])
        {
            assert!(receives(&queue, kind), "{} reads {}", outsider.name, kind.name());
        }
    }
}

#[test]
fn nobody_outside_can_hand_in_a_sealed_section() {
    for &kind in Kind::ALL.iter().filter(|kind| kind.is_from_outside()) {
        let schema = kind.schema().to_string();
        assert!(!schema.contains("oms1") && !schema.contains("Sealed"), "{}", kind.name());
    }
}

#[test]
fn the_page_for_newcomers_tells_the_limits_of_the_code() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
        .expect("it is committed");
    for limit in [
        format!("at most {BATCH_EVENTS_MAX} events"),
        format!("at most {OUTSIDE_BYTES_MAX} bytes"),
        format!("1 to {ID_BYTES_MAX} bytes"),
    ] {
        assert!(page.contains(&limit), "README.md does not say: {limit}");
    }
}
