//! What is said about mailing lists (R09, R19, R30, R34b, R39, R41): subscriptions with double opt-in, consent, and
//! campaigns. A subscriber needs neither order nor account.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Reference, UserId};
use crate::sealed::Fingerprint;
use crate::timestamp::Timestamp;

/// What somebody may subscribe to (R39).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    NumismaticProducts,
    CirculatingCoins,
    Activities,
}

impl Topic {
    pub const ALL: [Self; 3] = [Self::NumismaticProducts, Self::CirculatingCoins, Self::Activities];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NumismaticProducts => "numismatic_products",
            Self::CirculatingCoins => "circulating_coins",
            Self::Activities => "activities",
        }
    }
}

/// By which way (R30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactChannel {
    Email,
    Print,
    Phone,
}

/// The store: somebody wants to subscribe. A mail asks for confirmation (double opt-in); nothing else is sent before.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubscriberSubmit {
    pub reference: Reference,
    pub email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[schemars(length(min = 1))]
    pub topics: Vec<Topic>,
    #[schemars(length(min = 1))]
    pub channels: Vec<ContactChannel>,
    /// Items of interest, for segments (R19).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preferences: Vec<String>,
    /// The version of the consent text that was shown.
    pub consent_text: String,
    /// When the box was ticked.
    pub consented_at: Timestamp,
}

impl std::fmt::Debug for SubscriberSubmit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubscriberSubmit(…)")
    }
}

/// The store: the link of the confirmation mail was followed and its button pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriberConfirm {
    pub reference: Reference,
    #[schemars(length(max = 128))]
    pub token: String,
}

/// The store or staff: no more of these topics; none named: of all.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubscriberWithdraw {
    pub reference: Reference,
    /// The token of a mail, or the address itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<Topic>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

impl std::fmt::Debug for SubscriberWithdraw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubscriberWithdraw(…)")
    }
}

/// Promotions: a subscriber's consents changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriberChanged {
    /// Fingerprint of the normalized e-mail address: the subscriber's id.
    pub subscriber: Fingerprint,
    pub change: SubscriberChange,
    pub topics: Vec<Topic>,
    pub consent_text: String,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriberChange {
    Asked,
    Confirmed,
    Withdrawn,
    Suppressed,
}

/// Staff: a campaign, as a draft. Sent again under the same name it replaces the draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignDefine {
    pub campaign: Reference,
    pub topic: Topic,
    #[serde(default)]
    pub segment: Segment,
    #[schemars(length(min = 1, max = 120))]
    pub subject: String,
    /// Plain text; the HTML is made from it.
    #[schemars(length(min = 1, max = 20_000))]
    pub text: String,
    /// Most mails a minute.
    #[schemars(range(min = 1))]
    pub per_minute: u32,
    pub user: UserId,
}

/// Rules over preferences and purchases; every rule that is given must hold (R21).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    /// Any of these preferences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefers: Vec<String>,
    /// Has bought any of these items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bought: Vec<String>,
    /// Has not bought any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_bought: Vec<String>,
}

/// What staff do with a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignVerb {
    /// By a second person.
    Approve,
    Start,
    Pause,
    Resume,
    /// For good.
    Stop,
}

/// Staff: approve, start, pause, resume or stop a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignControl {
    pub campaign: Reference,
    pub verb: CampaignVerb,
    /// An approval names the draft that was read, counted from 1; of another one, or of none, it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub version: Option<u32>,
    pub user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Promotions: a campaign's state changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignChanged {
    pub campaign: Reference,
    pub state: CampaignState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    Draft,
    Approved,
    Running,
    Paused,
    Stopped,
    Finished,
}
