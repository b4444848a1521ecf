//! The committed contracts are what the types say, and nothing else lies beside them.

use std::collections::BTreeSet;
use std::path::Path;

use messages::contracts::contracts;

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
    let schema: serde_json::Value = serde_json::from_str(&contracts()[0].text).expect("JSON");
    let schema = jsonschema::draft7::new(&schema).expect("a valid schema");
    for &kind in messages::Kind::ALL {
        let sample = messages::contracts::sample(kind);
        assert!(schema.is_valid(&sample), "{}", kind.name());
        let read =
            messages::envelope::decode(Some(messages::envelope::SINGLE), sample.to_string().as_bytes())
                .expect("JSON");
        assert!(read[0].is_ok(), "{}", kind.name());
    }
}
