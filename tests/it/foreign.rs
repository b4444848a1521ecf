//! A client that shares no code with this repository takes part: the example in Python, in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tests::TestHouse;
use tests::orders::product;

#[tokio::test]
async fn a_client_in_python_submits_an_order_made_from_the_published_sample_and_reads_the_answer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned();
    let python = python(&root);
    let mut house = TestHouse::new("foreign").await;
    house.start_rooms("rooms", "all").await;
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    let url = house.amqp_url_of("web-store");
    let submit = || {
        let run = Command::new(&python)
            .arg(root.join("messages/examples/submit_order.py"))
            .arg(&url)
            .output()
            .expect("Python starts");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        serde_json::from_slice::<Value>(&run.stdout).expect("the example prints the answer")
    };
    let answer = submit();
    assert_eq!(
        (&answer["outcome"], &answer["reference"]),
        (&json!("accepted"), &json!("WEB-100001")),
        "{answer}"
    );
    house.until_fact(answer["order"].as_str().expect("an order number"), "authorized", 1).await;
    let again = submit();
    assert_eq!((&again["outcome"], &again["order"]), (&json!("repeated"), &answer["order"]));
}

/// The environment that `ops/tools python` makes; it is made if it is not there.
fn python(root: &Path) -> PathBuf {
    let python = root.join(".local/python/bin/python");
    if !Command::new(&python).args(["-c", "import pika"]).output().is_ok_and(|run| run.status.success()) {
        let made = Command::new(root.join("ops/tools")).arg("python").output().expect("ops/tools starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    python
}
