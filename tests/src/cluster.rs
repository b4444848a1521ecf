//! Three RabbitMQ nodes as one cluster, or PostgreSQL with a replica, of a test's own, by `ops/cluster`; and what the
//! management API says of them. It must never touch other services, and leaves none behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use messages::topology;
use serde_json::Value;

use crate::{PATIENCE, Servers};

/// The nodes, as RabbitMQ names them.
pub const NODES: [&str; 3] = ["oms1@localhost", "oms2@localhost", "oms3@localhost"];

/// A cluster that lives as long as this.
pub struct Cluster {
    name: &'static str,
}

/// Which half of `ops/cluster` is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Broker,
    Database,
}

impl Cluster {
    /// A new one; what an earlier run has left of it is removed.
    ///
    /// # Panics
    /// RabbitMQ or PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start(name: &'static str, half: Half) -> Self {
        let cluster = Self { name };
        cluster.run(&["remove"]);
        let half = match half {
            Half::Broker => "broker",
            Half::Database => "database",
        };
        cluster.run(&["start", half]);
        cluster
    }

    /// Runs a command of `ops/cluster`.
    ///
    /// # Panics
    /// It fails.
    pub fn run(&self, arguments: &[&str]) {
        let output = Command::new(script())
            .args(arguments)
            .args(["--name", self.name])
            .output()
            .expect("bash runs the script");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "ops/cluster {arguments:?}: {}", String::from_utf8_lossy(&said));
    }

    /// The addresses of a house that has this half of the cluster, and the other from the environment.
    ///
    /// # Panics
    /// The script gives none.
    #[must_use]
    pub fn servers(&self) -> Servers {
        Servers::printed_by(&script(), self.name)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A test that failed leaves its logs for a look; the next run removes them.
        let command = if std::thread::panicking() { "stop" } else { "remove" };
        let _ = Command::new(script()).args([command, "--name", self.name]).output();
    }
}

fn script() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/cluster")
}

/// The same addresses with the one of node N (from 1) before the others.
///
/// # Panics
/// There is no such node.
#[must_use]
pub fn with_node_first(amqp: &str, node: usize) -> String {
    let mut addresses = topology::addresses(amqp);
    let first = addresses.remove(node - 1);
    addresses.insert(0, first);
    addresses.join(",")
}

/// The number (from 1) of a node of this name.
///
/// # Panics
/// There is none.
#[must_use]
pub fn number_of(node: &str) -> usize {
    1 + NODES.iter().position(|known| *known == node).unwrap_or_else(|| panic!("no node {node}"))
}

/// A quorum queue: which node leads it, and which of its members are up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    pub queue: String,
    pub leader: String,
    pub members: BTreeSet<String>,
    pub online: BTreeSet<String>,
}

/// The queues of a virtual host.
///
/// # Panics
/// The management API does not answer.
pub async fn quorums(management: &str, vhost: &str) -> Vec<Quorum> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let queues = ask(management, &["queues", vhost]).await;
    let each = |queue: &Value| Quorum {
        queue: text(&queue["name"]),
        leader: text(&queue["leader"]),
        members: texts(&queue["members"]),
        online: texts(&queue["online"]),
    };
    queues.as_array().expect("queues").iter().map(each).collect()
}

/// Waits until every queue of a virtual host has all three members up; gives how many queues each node leads.
///
/// # Panics
/// It does not come to that.
pub async fn until_all_three(management: &str, vhost: &str) -> BTreeMap<String, usize> {
    let begun = Instant::now();
    loop {
        let quorums = quorums(management, vhost).await;
        let all: BTreeSet<String> = NODES.iter().map(|node| (*node).to_owned()).collect();
        let is_whole = |quorum: &Quorum| quorum.members == all && quorum.online == all;
        let missing: Vec<&Quorum> = quorums.iter().filter(|quorum| !is_whole(quorum)).collect();
        if !quorums.is_empty() && missing.is_empty() {
            let mut leads = BTreeMap::new();
            for quorum in quorums {
                *leads.entry(quorum.leader).or_default() += 1;
            }
            return leads;
        }
        assert!(begun.elapsed() < PATIENCE, "queues without three members: {missing:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// How many connections of a virtual host each node has.
///
/// # Panics
/// The management API does not answer.
pub async fn connections(management: &str, vhost: &str) -> BTreeMap<String, usize> {
    let mut by_node = BTreeMap::new();
    for connection in
        ask(management, &["vhosts", vhost, "connections"]).await.as_array().expect("connections")
    {
        *by_node.entry(connection["node"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    by_node
}

async fn ask(management: &str, path: &[&str]) -> Value {
    let mut url = reqwest::Url::parse(management).expect("a management address");
    url.path_segments_mut().expect("a base address").push("api").extend(path);
    let answer = reqwest::Client::new().get(url).send().await.expect("the management API answers");
    answer.json().await.expect("JSON")
}
