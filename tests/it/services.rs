//! The script that starts broker and database, where the machine is slow. It must never call a server dead that has not
//! begun yet.

use std::path::PathBuf;

use tests::OwnPair;

/// Every program that a script detaches begins this much later.
const SLOW: &str = "setsid() { sleep 2; exec setsid \"$@\"; }\n";

#[tokio::test]
async fn a_broker_that_begins_late_is_not_taken_for_one_that_has_died() {
    let pair = OwnPair::start("test-slow");
    let slow = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("slow.bash");
    std::fs::write(&slow, SLOW).expect("a file in the build's folder");
    pair.run("kill-broker", &[]);
    pair.run("start-broker", &[("BASH_ENV", &slow)]);
}
