//! Half a minute of `ops/chaos` on services of its own: the house keeps its promise, and with any one of its guards
//! switched off the account shows it. A proof that could not fail would prove nothing.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// There is one pair of services of that name.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs it; gives whether it ended well, and its account.
fn chaos(arguments: &[&str]) -> (bool, Value) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/chaos");
    let run = Command::new("bash")
        .args([script, "--as-built", "--json", "--seconds", "30"])
        .args(arguments)
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&run.stderr);
    let account = serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("no account:\n{said}"));
    (run.status.success(), account)
}

fn broken(account: &Value) -> Vec<&str> {
    let breaches = account["breaches"].as_array().expect("a list");
    breaches.iter().filter_map(|breach| breach["count"].as_str()).collect()
}

#[test]
fn whatever_breaks_no_order_is_lost_doubled_or_oversold() {
    let (ended_well, account) = chaos(&[]);
    assert!(ended_well && broken(&account).is_empty(), "{account:#}");
}

/// Which count must show it: a run that only misses an injector, or breaks elsewhere, has shown nothing. One count, the
/// one that only this guard keeps; what else breaks is luck.
fn goes_red(sabotage: &str, count: &str) {
    let (ended_well, account) = chaos(&["--sabotage", sabotage]);
    let broken = broken(&account);
    assert!(!ended_well, "{sabotage}: {account:#}");
    assert!(broken.contains(&count), "{sabotage}: {broken:?}");
}

/// The chain of the audit grows by every copy; the other rooms' own states still know what they did.
#[test]
fn without_the_inbox_it_shows() {
    goes_red("inbox", "messages in the chain");
}

/// What a killed process had acked and not yet stored is nowhere.
#[test]
fn with_an_ack_before_the_confirm_it_shows() {
    goes_red("ack", "lost");
}

/// What a killed process had stored and not yet published stays where it is. An order is lost only if that was on its
/// way from room to room; answers to outsiders and copies for the audit stay as well.
#[test]
fn without_the_sweeper_it_shows() {
    goes_red("sweeper", "outbox left");
}

/// Two replicas that make one row each from nothing: the second overwrites what the first decided.
#[test]
fn with_locks_on_rows_that_are_not_there_it_shows() {
    goes_red("lock", "lost");
}
