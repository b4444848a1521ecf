//! Who is asked: `oms` as an operator asks it, the gateway and the mail sink over HTTP. It only asks, and changes
//! nothing.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use world::customers::kind_of_id;

use super::numbers::{Found, Ledger, MailCount, OpenCase, Status, Verdict};
use super::oms::Oms;

pub(super) struct Witness {
    oms: Oms,
    gateway: String,
    mails: String,
    http: reqwest::Client,
}

impl Witness {
    pub(super) fn new(oms: Oms, gateway: String, mails: String) -> Self {
        Self { oms, gateway, mails, http: reqwest::Client::new() }
    }

    pub(super) async fn status(&self) -> anyhow::Result<Status> {
        self.oms.ask(&["status", "--sums"]).await
    }

    pub(super) async fn verify(&self) -> anyhow::Result<Verdict> {
        self.oms.ask(&["audit", "verify"]).await
    }

    /// Messages that lie in the parked queues.
    pub(super) async fn parked(&self) -> anyhow::Result<i64> {
        let parked: Vec<serde::de::IgnoredAny> = self.oms.ask(&["parked", "list"]).await?;
        Ok(i64::try_from(parked.len())?)
    }

    /// Letters that are listed for the mail room.
    pub(super) async fn letters(&self) -> anyhow::Result<i64> {
        #[derive(Deserialize)]
        struct Task {
            kind: String,
        }
        let tasks: Vec<Task> = self.oms.ask(&["tasks", "list"]).await?;
        Ok(i64::try_from(tasks.iter().filter(|task| task.kind == "letter").count())?)
    }

    pub(super) async fn find(&self, by: &str, what: &str) -> anyhow::Result<Vec<Found>> {
        #[derive(Deserialize)]
        struct Orders {
            orders: Vec<Found>,
        }
        let found: Orders = self.oms.ask(&["orders", "find", by, what]).await?;
        Ok(found.orders)
    }

    /// An order as `oms` prints it.
    pub(super) async fn story(&self, order: &str) -> anyhow::Result<String> {
        self.oms.print(&["orders", "show", order]).await
    }

    /// Cases that have not ended, oldest first.
    pub(super) async fn open_cases(&self) -> anyhow::Result<Vec<OpenCase>> {
        self.oms.ask(&["cases", "list"]).await
    }

    /// Cases, those that have ended too.
    pub(super) async fn all_cases(&self) -> anyhow::Result<Vec<OpenCase>> {
        self.oms.ask(&["cases", "list", "--all"]).await
    }

    /// Held orders whose address was flagged by a case meanwhile: nobody could foresee them.
    pub(super) async fn flagged(&self) -> anyhow::Result<u64> {
        #[derive(Deserialize)]
        struct Held {
            reasons: Vec<String>,
        }
        let held: Vec<Held> = self.oms.ask(&["hold", "list"]).await?;
        let is_flagged = |held: &&Held| held.reasons.iter().any(|reason| reason == "flagged_address");
        Ok(held.iter().filter(is_flagged).count() as u64)
    }

    pub(super) async fn ledger(&self) -> anyhow::Result<Ledger> {
        self.get(&format!("{}/_ledger", self.gateway)).await
    }

    /// Distinct Message-IDs by kind of notice, which is the second part of our ids, and how many of them came twice.
    pub(super) async fn mails(&self) -> anyhow::Result<BTreeMap<String, MailCount>> {
        #[derive(Deserialize)]
        struct Summary {
            mails: Vec<Mail>,
        }
        #[derive(Deserialize)]
        struct Mail {
            message_id: String,
            count: i64,
        }
        let summary: Summary = self.get(&format!("{}/mails", self.mails)).await?;
        let mut kinds: BTreeMap<String, MailCount> = BTreeMap::new();
        for mail in summary.mails {
            let kind = kind_of_id(&mail.message_id).unwrap_or_default();
            let known = kinds.entry(kind.to_owned()).or_default();
            known.mails += 1;
            known.repeated += i64::from(mail.count > 1);
        }
        Ok(kinds)
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> anyhow::Result<T> {
        let response = self.http.get(url).send().await.with_context(|| format!("{url} does not answer"))?;
        response.json().await.with_context(|| format!("{url} answers something else"))
    }
}
