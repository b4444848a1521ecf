//! Who is asked: `oms` as an operator asks it, the gateway and the mail sink over HTTP. It only asks, and changes
//! nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::numbers::{Found, Ledger, Status, Verdict};

/// `oms` has found something that needs a person, and printed it all the same.
const FOUND: i32 = 3;

pub(super) struct Witness {
    oms: PathBuf,
    gateway: String,
    mails: String,
    http: reqwest::Client,
}

impl Witness {
    pub(super) fn new(oms: PathBuf, gateway: String, mails: String) -> Self {
        Self { oms, gateway, mails, http: reqwest::Client::new() }
    }

    pub(super) async fn status(&self) -> anyhow::Result<Status> {
        self.ask(&["status", "--sums"]).await
    }

    pub(super) async fn verify(&self) -> anyhow::Result<Verdict> {
        self.ask(&["audit", "verify"]).await
    }

    /// Messages that lie in the parked queues.
    pub(super) async fn parked(&self) -> anyhow::Result<i64> {
        let parked: Vec<serde::de::IgnoredAny> = self.ask(&["parked", "list"]).await?;
        Ok(i64::try_from(parked.len())?)
    }

    /// Letters that are listed for the mail room.
    pub(super) async fn letters(&self) -> anyhow::Result<i64> {
        #[derive(Deserialize)]
        struct Task {
            kind: String,
        }
        let tasks: Vec<Task> = self.ask(&["tasks", "list"]).await?;
        Ok(i64::try_from(tasks.iter().filter(|task| task.kind == "letter").count())?)
    }

    pub(super) async fn find(&self, by: &str, what: &str) -> anyhow::Result<Vec<Found>> {
        #[derive(Deserialize)]
        struct Orders {
            orders: Vec<Found>,
        }
        let found: Orders = self.ask(&["orders", "find", by, what]).await?;
        Ok(found.orders)
    }

    /// Prints an order as `oms` does.
    pub(super) async fn show(&self, order: &str) -> anyhow::Result<()> {
        let output = self.run(&["orders", "show", order]).await?;
        ensure!(output.status.success(), "{}", complaint(&output));
        print!("{}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    }

    pub(super) async fn ledger(&self) -> anyhow::Result<Ledger> {
        self.get(&format!("{}/_ledger", self.gateway)).await
    }

    /// Distinct Message-IDs by kind of notice, which is the second part of our ids.
    pub(super) async fn mails(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        #[derive(Deserialize)]
        struct Summary {
            mails: Vec<Mail>,
        }
        #[derive(Deserialize)]
        struct Mail {
            message_id: String,
        }
        let summary: Summary = self.get(&format!("{}/mails", self.mails)).await?;
        let mut kinds = BTreeMap::new();
        for mail in summary.mails {
            let kind = mail.message_id.split('.').nth(1).unwrap_or_default();
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
        Ok(kinds)
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> anyhow::Result<T> {
        let response = self.http.get(url).send().await.with_context(|| format!("{url} does not answer"))?;
        response.json().await.with_context(|| format!("{url} answers something else"))
    }

    async fn ask<T: DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<T> {
        let output = self.run(&[&["--json"], words].concat()).await?;
        if !matches!(output.status.code(), Some(0 | FOUND)) {
            bail!("`oms {}` says: {}", words.join(" "), complaint(&output));
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`oms --json {}` answers something else", words.join(" ")))
    }

    async fn run(&self, words: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.oms);
        command.args(words).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await?;
        output.with_context(|| format!("cannot run {}", self.oms.display()))
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("oms: ").to_owned()
}
