//! The Mint's own people: they take in a delivery of stock, write and approve a campaign, and decide about parcels that
//! only a person may decide about. All that they do is a command of `oms`; they must never do what a rule does.

use messages::item::ItemNumber;
use serde::Serialize;

use super::numbers::OpenCase;
use super::oms::Oms;
use super::witness::Witness;

/// The campaign, by its name.
pub(super) const CAMPAIGN: &str = "demo.launch";
/// Who writes it, and the second person who approves it.
const AUTHOR: &str = "demo";
const SECOND: &str = "demo.second";
/// The topic of `world::customers::Readers::TOPIC`, as a campaign's file names it.
const TOPIC: &str = "numismatic_products";
/// Mails a minute; more than the demo has subscribers, so that it is over in seconds.
const PER_MINUTE: u32 = 60_000;

pub(super) struct Staff(Oms);

/// A campaign's file.
#[derive(Serialize)]
struct Campaign {
    campaign: &'static str,
    topic: &'static str,
    subject: &'static str,
    text: &'static str,
    per_minute: u32,
}

impl Staff {
    pub(super) const fn new(oms: Oms) -> Self {
        Self(oms)
    }

    /// A lorry has come.
    pub(super) async fn take_in(&self, item: &ItemNumber, units: u64) -> anyhow::Result<()> {
        let units = units.to_string();
        let words = ["stock", "receive", item.as_str(), &units, "--reference", "second-delivery"];
        self.must(&words, None).await
    }

    /// One person writes it, another one reads and approves it, and it starts.
    pub(super) async fn start_campaign(&self) -> anyhow::Result<()> {
        let file = Campaign {
            campaign: CAMPAIGN,
            topic: TOPIC,
            subject: "The next Enhanced Reverse Proof is being struck",
            text: "You asked us to tell you about new coins.\n\nThe next American Eagle is on sale soon: \
                https://store.mint.example/soon.\n\nThank you for collecting.",
            per_minute: PER_MINUTE,
        };
        let file = serde_json::to_string(&file)?;
        self.must(&["--user", AUTHOR, "campaign", "define", "-"], Some(file)).await?;
        self.must(&["--user", SECOND, "campaign", "approve", CAMPAIGN, "--version", "1"], None).await?;
        self.must(&["--user", AUTHOR, "campaign", "start", CAMPAIGN], None).await
    }

    /// Pays back; the other cases of its kind are left for whoever looks around.
    pub(super) async fn pay_back(&self, case: &OpenCase) -> anyhow::Result<()> {
        let reason = "spoke to the family, who want the money back";
        let reason = if case.class == "deceased" { reason } else { "the address is nobody's" };
        self.must(&["cases", "resolve", &case.case, "refund", "--reason", reason], None).await
    }

    /// A customer asks for it on the telephone; the sentence if it is refused.
    pub(super) async fn cancel(&self, order: &str) -> anyhow::Result<Result<(), String>> {
        self.0.tell(&["orders", "cancel", order, "--reason", "asked for on the telephone"], None).await
    }

    async fn must(&self, words: &[&str], input: Option<String>) -> anyhow::Result<()> {
        let told = self.0.tell(words, input).await?;
        told.map_err(|why| anyhow::anyhow!("`oms {}` says: {why}", words.join(" ")))
    }
}

/// The first case of each class that a person decides and that nobody has decided yet.
pub(super) async fn to_decide(witness: &Witness, decided: &[String]) -> anyhow::Result<Vec<OpenCase>> {
    let mut first: Vec<OpenCase> = Vec::new();
    for case in witness.open_cases().await? {
        let is_new = !decided.contains(&case.class) && !first.iter().any(|known| known.class == case.class);
        if case.step == "person" && is_new {
            first.push(case);
        }
    }
    Ok(first)
}
