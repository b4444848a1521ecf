//! `oms topology`: the broker is made to look as `messages::topology` says, or compared with it. Workers themselves
//! never declare anything but passively.

use std::collections::BTreeMap;
use std::path::Path;

use lapin::options::{ExchangeBindOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};
use messages::outsiders::Outsiders;
use messages::topology::{
    Argument, Exchange, ExchangeKind as Kind, Permission, Target, Topology, permissions, room_permissions,
};
use serde_json::{Value, json};
use shell::addresses::Addresses;
use shell::config::{self, Config};
use shell::wire::{Link, short};

use crate::keys::write_private;
use crate::management::Management;

/// RabbitMQ gives a new quorum queue so many members, if it has so many nodes.
const MEMBERS: usize = 3;

/// Makes what is missing and says what was done.
///
/// # Errors
/// One sentence.
pub(crate) async fn apply(config: &Config, credentials: Option<&Path>) -> Result<Vec<String>, String> {
    let outsiders = config.outsiders()?;
    let topology = Topology::of(&outsiders);
    let link =
        Link::new(config.need(config::AMQP_URL)?, "oms topology").map_err(|error| error.to_string())?;
    let channel = link.channel().await.map_err(|error| error.to_string())?;
    for exchange in &topology.exchanges {
        declare_exchange(&channel, exchange, false)
            .await
            .map_err(|error| differs("exchange", exchange.name, &error))?;
    }
    for queue in &topology.queues {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel
            .queue_declare(short(&queue.name), options, table(&queue.arguments))
            .await
            .map_err(|error| differs("queue", &queue.name, &error))?;
    }
    for binding in &topology.bindings {
        let key = short(&binding.key);
        match &binding.target {
            Target::Queue(name) => {
                channel
                    .queue_bind(
                        short(name),
                        short(binding.source),
                        key,
                        QueueBindOptions::default(),
                        FieldTable::default(),
                    )
                    .await
            }
            Target::Exchange(name) => {
                channel
                    .exchange_bind(
                        short(name),
                        short(binding.source),
                        key,
                        ExchangeBindOptions::default(),
                        FieldTable::default(),
                    )
                    .await
            }
        }
        .map_err(|error| format!("the binding of {} could not be made: {error}", binding.source))?;
    }
    let mut report = vec![format!(
        "{} exchanges, {} queues, {} bindings are there",
        topology.exchanges.len(),
        topology.queues.len(),
        topology.bindings.len()
    )];
    report.extend(users(config, &outsiders, credentials).await?);
    Ok(report)
}

fn differs(what: &str, name: &str, error: &lapin::Error) -> String {
    if error.to_string().contains("inequivalent") {
        return format!(
            "{what} {name} exists with other arguments, which a broker cannot change: let it run empty, delete it and apply again (`oms topology diff` says what differs)"
        );
    }
    format!("{what} {name} could not be declared: {error}")
}

async fn declare_exchange(channel: &Channel, exchange: &Exchange, passive: bool) -> Result<(), lapin::Error> {
    let kind = match exchange.kind {
        Kind::Topic => ExchangeKind::Topic,
        Kind::Fanout => ExchangeKind::Fanout,
    };
    let mut arguments = FieldTable::default();
    if let Some(alternate) = exchange.alternate {
        arguments.insert("alternate-exchange".into(), AMQPValue::LongString(alternate.into()));
    }
    let options = ExchangeDeclareOptions { durable: true, passive, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(short(exchange.name), kind, options, arguments).await
}

fn table(arguments: &[(&'static str, Argument)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
        };
        table.insert(short(name), value);
    }
    table
}

fn all_permissions(outsiders: &Outsiders) -> Vec<Permission> {
    [permissions(outsiders), room_permissions()].concat()
}

async fn users(
    config: &Config,
    outsiders: &Outsiders,
    credentials: Option<&Path>,
) -> Result<Vec<String>, String> {
    let all = all_permissions(outsiders);
    let Some(management) = management(config)? else {
        let mut lines = vec![
            "OMS_RABBITMQ_MANAGEMENT_URL is not set, so no users were made. On the broker's machine:"
                .to_owned(),
        ];
        let vhost = vhost(config)?;
        for permission in &all {
            lines.push(format!("  rabbitmqctl add_user {} \"$(openssl rand -hex 16)\"", permission.user));
            lines.push(format!(
                "  rabbitmqctl set_permissions -p {vhost} {} '{}' '{}' '{}'",
                permission.user, permission.configure, permission.write, permission.read
            ));
            for (exchange, write) in &permission.topics {
                lines.push(format!(
                    "  rabbitmqctl set_topic_permissions -p {vhost} {} {exchange} '{write}' '.*'",
                    permission.user
                ));
            }
        }
        return Ok(lines);
    };
    let Some(path) = credentials.or_else(|| config.get(config::CREDENTIALS_FILE).map(Path::new)) else {
        return Ok(vec![
            "no users were made: say with --credentials FILE where their passwords are kept".to_owned(),
        ]);
    };
    let mut known: BTreeMap<String, String> = match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .map_err(|_| format!("{} is not a JSON object of user names and passwords", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let before = known.len();
    for permission in &all {
        if !known.contains_key(&permission.user) {
            let mut bytes = [0_u8; 16];
            getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
            known.insert(permission.user.clone(), messages::id::hex(&bytes));
        }
    }
    if known.len() > before {
        write_private(
            path,
            &(serde_json::to_string_pretty(&known).map_err(|error| error.to_string())? + "\n"),
        )?;
    }
    for permission in &all {
        management.put_user(&permission.user, &known[&permission.user]).await?;
        management.put_permission(permission).await?;
    }
    Ok(vec![format!("{} users with their permissions are there; passwords in {}", all.len(), path.display())])
}

pub(crate) fn management(config: &Config) -> Result<Option<Management>, String> {
    config.get(config::MANAGEMENT_URL).map(|url| Management::new(url, &vhost(config)?)).transpose()
}

fn vhost(config: &Config) -> Result<String, String> {
    Addresses::parse(config.need(config::AMQP_URL)?)
        .map(|addresses| addresses.vhost().to_owned())
        .map_err(|error| format!("OMS_AMQP_URL: {error}"))
}

/// What is missing or different, a line each.
///
/// # Errors
/// The broker or its management API does not answer.
pub(crate) async fn diff(config: &Config) -> Result<Vec<String>, String> {
    let outsiders = config.outsiders()?;
    let topology = Topology::of(&outsiders);
    let link =
        Link::new(config.need(config::AMQP_URL)?, "oms topology").map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for exchange in &topology.exchanges {
        let channel = link.channel().await.map_err(|error| error.to_string())?;
        if declare_exchange(&channel, exchange, true).await.is_err() {
            found.push(format!("exchange {} is missing", exchange.name));
        }
    }
    for queue in &topology.queues {
        // A refused declaration closes its channel, so each queue has one of its own.
        let channel = link.channel().await.map_err(|error| error.to_string())?;
        let options = QueueDeclareOptions { durable: true, passive: true, ..QueueDeclareOptions::default() };
        match channel.queue_declare(short(&queue.name), options, FieldTable::default()).await {
            Ok(_) => close(&channel).await,
            Err(_) => found.push(format!("queue {} is missing", queue.name)),
        }
    }
    if let Some(management) = management(config)? {
        let queues = management.queues().await?;
        found.extend(compare_queues(&topology, &queues));
        // A login without the tag `monitoring` does not see the nodes.
        found.extend(
            management.nodes().await.map_or_else(|_| Vec::new(), |nodes| compare_members(&queues, nodes)),
        );
        found.extend(compare_bindings(&topology, &management.bindings().await?));
        found.extend(compare_users(
            &all_permissions(&outsiders),
            &management.users().await?,
            &management.permissions().await?,
        ));
    }
    Ok(found)
}

async fn close(channel: &Channel) {
    // A channel that does not close is closed with the connection.
    let _ = channel.close(200, short("done")).await;
}

fn compare_queues(topology: &Topology, have: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for queue in &topology.queues {
        let Some(there) = have.iter().find(|there| there["name"] == queue.name.as_str()) else { continue };
        for (name, want) in &queue.arguments {
            let want = match want {
                Argument::Text(text) => json!(text),
                Argument::Number(number) => json!(number),
            };
            if there["arguments"][*name] != want {
                found.push(format!(
                    "queue {}: {name} is {} and should be {want}",
                    queue.name, there["arguments"][*name]
                ));
            }
        }
        if let Some(limit) = there["effective_policy_definition"]["delivery-limit"].as_i64() {
            found.push(format!(
                "queue {}: a policy sets delivery-limit {limit}, which lowers ours",
                queue.name
            ));
        }
    }
    found
}

/// Queues that a cluster does not keep on as many nodes as it would today: they were made before it grew.
fn compare_members(queues: &[Value], nodes: usize) -> Vec<String> {
    let members = |queue: &Value| queue["members"].as_array().map_or(nodes, Vec::len);
    let is_ours = |queue: &&Value| queue["name"].as_str().is_some_and(|name| name.starts_with("oms."));
    let behind = queues.iter().filter(is_ours).filter(|queue| members(queue) < nodes.min(MEMBERS));
    behind
        .map(|queue| {
            format!(
                "queue {} lies on {} of the cluster's {nodes} nodes, so the loss of one stops it: `rabbitmq-queues grow NODE all` for each node",
                queue["name"].as_str().unwrap_or_default(),
                members(queue)
            )
        })
        .collect()
}

fn compare_bindings(topology: &Topology, have: &[Value]) -> Vec<String> {
    let is_there = |source: &str, target: &str, key: &str| {
        have.iter().any(|there| {
            there["source"] == source && there["destination"] == target && there["routing_key"] == key
        })
    };
    let target = |target: &Target| match target {
        Target::Queue(name) => name.clone(),
        Target::Exchange(name) => (*name).to_owned(),
    };
    let mut found: Vec<String> = topology
        .bindings
        .iter()
        .filter(|binding| !is_there(binding.source, &target(&binding.target), &binding.key))
        .map(|binding| {
            format!(
                "binding {} -> {} with key {} is missing",
                binding.source,
                target(&binding.target),
                binding.key
            )
        })
        .collect();
    for there in have.iter().filter(|there| {
        there["source"].as_str().is_some_and(|source| source == "oms" || source.starts_with("oms."))
    }) {
        let wanted = topology.bindings.iter().any(|binding| {
            there["source"] == binding.source
                && there["destination"] == target(&binding.target).as_str()
                && there["routing_key"] == binding.key.as_str()
        });
        if !wanted {
            found.push(format!(
                "binding {} -> {} with key {} is not ours",
                there["source"], there["destination"], there["routing_key"]
            ));
        }
    }
    found
}

fn compare_users(want: &[Permission], users: &[String], permissions: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for permission in want {
        let Some(there) = permissions
            .iter()
            .find(|there| there["user"] == permission.user.as_str())
            .filter(|_| users.contains(&permission.user))
        else {
            found.push(format!("user {} or its permissions are missing", permission.user));
            continue;
        };
        for (what, want) in
            [("configure", &permission.configure), ("write", &permission.write), ("read", &permission.read)]
        {
            if there[what] != want.as_str() {
                found.push(format!(
                    "user {}: {what} is {} and should be \"{want}\"",
                    permission.user, there[what]
                ));
            }
        }
    }
    found
}

/// RabbitMQ's definitions of the topology, without users.
///
/// # Errors
/// The list of outsiders is not readable.
pub(crate) fn export(config: &Config) -> Result<Value, String> {
    let topology = Topology::of(&config.outsiders()?);
    let vhost =
        config.get(config::AMQP_URL).and_then(|_| vhost(config).ok()).unwrap_or_else(|| "/".to_owned());
    let exchanges: Vec<Value> = topology.exchanges.iter().map(|exchange| {
        let arguments = exchange.alternate.map_or_else(|| json!({}), |alternate| json!({ "alternate-exchange": alternate }));
        let kind = match exchange.kind {
            Kind::Topic => "topic",
            Kind::Fanout => "fanout",
        };
        json!({ "name": exchange.name, "vhost": vhost, "type": kind, "durable": true, "auto_delete": false, "internal": false, "arguments": arguments })
    }).collect();
    let queues: Vec<Value> = topology.queues.iter().map(|queue| {
        let arguments: serde_json::Map<String, Value> = queue.arguments.iter().map(|(name, value)| {
            let value = match value {
                Argument::Text(text) => json!(text),
                Argument::Number(number) => json!(number),
            };
            ((*name).to_owned(), value)
        }).collect();
        json!({ "name": queue.name, "vhost": vhost, "durable": true, "auto_delete": false, "arguments": arguments })
    }).collect();
    let bindings: Vec<Value> = topology.bindings.iter().map(|binding| {
        let (name, kind) = match &binding.target {
            Target::Queue(name) => (name.as_str(), "queue"),
            Target::Exchange(name) => (*name, "exchange"),
        };
        json!({ "source": binding.source, "vhost": vhost, "destination": name, "destination_type": kind, "routing_key": binding.key, "arguments": {} })
    }).collect();
    Ok(json!({ "exchanges": exchanges, "queues": queues, "bindings": bindings }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_a_grown_cluster_keeps_on_too_few_nodes_is_told() {
        let queues = [
            json!({ "name": "oms.intake", "members": ["a"] }),
            json!({ "name": "oms.payment", "members": ["a", "b", "c"] }),
            json!({ "name": "theirs", "members": ["a"] }),
            json!({ "name": "oms.old", "type": "classic" }),
        ];
        for (nodes, told) in [(1, 0), (2, 1), (3, 1), (5, 1)] {
            let found = compare_members(&queues, nodes);
            assert_eq!(found.len(), told, "{nodes} nodes: {found:?}");
            assert!(found.iter().all(|line| line.starts_with("queue oms.intake lies on 1 of ")), "{found:?}");
        }
    }
}
