//! `oms check`: is the configuration safe, and is everything there? It looks and changes nothing.

use std::path::Path;

use lapin::uri::{AMQPScheme, AMQPUri};
use messages::{Room, sealed::Section};
use serde::Serialize;
use shell::addresses::Addresses;
use shell::clock;
use shell::config::{self, Config};
use shell::migrate;

use crate::keys::is_open_to_others;
use crate::{rooms, topology};

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Good,
    /// It works, but an operator should know.
    Note,
    Bad,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) text: String,
}

fn good(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Good, text: text.into() }
}

fn note(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Note, text: text.into() }
}

fn bad(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Bad, text: text.into() }
}

/// Looks at everything.
pub(crate) async fn check(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(broker_address(config));
    found.extend(keys(config));
    found.extend(senders(config));
    found.extend(outside(config));
    found.extend(schemas(config).await);
    match topology::diff(config).await {
        Ok(lines) if lines.is_empty() => found.push(good("the broker's topology is as it should be")),
        Ok(lines) => found.extend(lines.into_iter().map(bad)),
        Err(error) => found.push(bad(error)),
    }
    if config.get(config::MANAGEMENT_URL).is_none() {
        found.push(note("without OMS_RABBITMQ_MANAGEMENT_URL only what AMQP shows was compared: no bindings, users or policies"));
    }
    found
}

fn broker_address(config: &Config) -> Vec<Finding> {
    let url = match config.need(config::AMQP_URL) {
        Ok(url) => url,
        Err(error) => return vec![bad(error)],
    };
    let addresses = match Addresses::parse(url) {
        Ok(addresses) => addresses,
        Err(error) => return vec![bad(format!("OMS_AMQP_URL: {error}"))],
    };
    let mut found: Vec<Finding> = Vec::new();
    for finding in addresses.iter().flat_map(one_address) {
        if !found.contains(&finding) {
            found.push(finding);
        }
    }
    found
}

fn one_address(uri: &AMQPUri) -> Vec<Finding> {
    let mut found = Vec::new();
    if uri.authority.userinfo.username == "guest" && uri.authority.userinfo.password == "guest" {
        found.push(bad("the broker login is guest/guest, which everybody knows"));
    }
    let is_local = matches!(uri.authority.host.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
    match (&uri.scheme, is_local) {
        (AMQPScheme::AMQPS, _) => found.push(good("the broker connection is encrypted")),
        (AMQPScheme::AMQP, true) => found.push(good("the broker is on this machine")),
        (AMQPScheme::AMQP, false) => found.push(bad("the broker connection to another machine is not encrypted: use amqps://, since oms.in carries personal data in clear")),
    }
    found
}

fn keys(config: &Config) -> Vec<Finding> {
    let ring = match config.keyring() {
        Ok(ring) => ring,
        Err(error) => return vec![bad(error)],
    };
    let mut found = Vec::new();
    if config.get(config::KEYS_FILE).is_some_and(|path| is_open_to_others(Path::new(path))) {
        found.push(bad("the key file may be read by other users of this machine: chmod 600"));
    }
    for section in Section::ALL {
        if let Err(error) = ring.seal(section, "check", 0, &"", clock::now()) {
            found.push(bad(error.to_string()));
        }
        if ring.seal(section, "check", 0, &"", clock::now() + time::Duration::days(14)).is_err() {
            found.push(bad(format!(
                "the {} key of the coming quarter is missing; run `oms keys init`",
                section.name()
            )));
        }
    }
    if found.is_empty() {
        found.push(good("every key of this quarter is there"));
    }
    found
}

fn senders(config: &Config) -> Vec<Finding> {
    match config.get(config::SENDERS) {
        Some("user_id") => vec![good("the broker verifies who sends")],
        Some("app_id") => vec![note(
            "senders are unverified (OMS_SENDERS=app_id): anybody with the common login can send as anybody",
        )],
        Some(_) | None => vec![bad("OMS_SENDERS must be user_id or app_id")],
    }
}

fn outside(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    for setting in [config::PAYMENT_URL, config::PAYMENT_KEY] {
        if let Err(error) = config.need(setting) {
            found.push(bad(error));
        }
    }
    let gateway = config.get(config::PAYMENT_URL).unwrap_or("https://");
    if !gateway.starts_with("https://") && !is_on_this_machine(gateway) {
        found.push(bad("the gateway on another machine is not called over https"));
    }
    for setting in [config::PUBLIC_URL, config::ANSWER_URL, config::CONFIRM_URL] {
        let url = config.get(setting).unwrap_or_default();
        if !url.starts_with("https://") && !is_on_this_machine(url) {
            found.push(bad(format!("{} does not begin with https://: its links carry tokens", setting.name)));
        }
        if Some(url) == setting.default {
            found.push(note(format!("{} is not set: the links of mails lead nowhere", setting.name)));
        }
    }
    if config.get(config::PUBLIC_ADDR) == Some("off") {
        found.push(note("OMS_PUBLIC_ADDR is off: another process must serve /unsubscribe"));
    }
    if config.get(config::SMTP_URL).is_none() {
        found.push(note("no OMS_SMTP_URL: mails are written as files"));
    }
    found
}

fn is_on_this_machine(url: &str) -> bool {
    ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|local| url.starts_with(local))
}

async fn schemas(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    for room in Room::ALL {
        let checked =
            match config.for_room(room, config::DATABASE_URL).and_then(|url| migrate::pool(url, room, 1)) {
                Ok(pool) => migrate::check(&pool, &rooms::schema(room)).await,
                Err(error) => Err(error),
            };
        if let Err(error) = checked {
            found.push(bad(error));
        }
    }
    if found.is_empty() {
        found.push(good("every room's schema is as this version expects it"));
    }
    found.dedup_by(|a, b| a.text == b.text);
    found
}
