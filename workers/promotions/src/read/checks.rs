//! What is wrong with a command whatever we know. A fault names a rule, and never the text that breaks it. Card
//! numbers need no search here: the shell refuses an event from outside with one in it.

use std::collections::BTreeSet;

use messages::Timestamp;
use messages::email::Email;
use messages::item::ItemNumber;
use messages::person::PersonName;
use messages::subscriber::{CampaignDefine, ContactChannel, Segment, SubscriberSubmit, Topic};
use time::{Duration, OffsetDateTime};

use super::Contact;
use crate::store::Draft;

/// Most preferences of one subscription, and most names in one rule of a segment.
const NAMES_MAX: usize = 32;
const NAME_LENGTH_MAX: usize = 40;
const SUBJECT_LENGTH_MAX: usize = 120;
const TEXT_LENGTH_MAX: usize = 20_000;
const REASON_LENGTH_MAX: usize = 500;
/// How far clocks may differ.
const AHEAD_MAX: Duration = Duration::DAY;

/// Why a command is refused: a stable code, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub text: String,
}

impl Fault {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

pub(super) fn bad_token() -> Fault {
    Fault::new("bad_token", "the token is not one of ours")
}

/// A submission without fault, in clear.
pub(super) struct Subscription {
    pub contact: Contact,
    pub topics: BTreeSet<Topic>,
    pub channels: BTreeSet<ContactChannel>,
    pub preferences: BTreeSet<String>,
    pub text: String,
    pub consented_at: Timestamp,
}

/// `sent_at` is when the event was made.
pub(super) fn subscription(body: SubscriberSubmit, sent_at: OffsetDateTime) -> Result<Subscription, Fault> {
    let email = Email::parse(&body.email).map_err(|error| Fault::new("bad_email", error.to_string()))?;
    let name = body.name.as_deref().map(PersonName::parse).transpose();
    let name = name.map_err(|error| Fault::new("bad_name", error.to_string()))?;
    if body.topics.is_empty() || body.channels.is_empty() {
        return Err(Fault::new("bad_topics", "a subscription names at least one topic and one channel"));
    }
    let text = body.consent_text.trim();
    if text.is_empty() || text.chars().count() > NAME_LENGTH_MAX || text.chars().any(char::is_control) {
        return Err(Fault::new("bad_consent_text", "the version of the consent text has 1 to 40 characters"));
    }
    if body.consented_at.0 > sent_at.saturating_add(AHEAD_MAX) {
        return Err(Fault::new("bad_consented_at", "the consent is dated more than a day ahead"));
    }
    Ok(Subscription {
        contact: Contact { name, email },
        topics: body.topics.into_iter().collect(),
        channels: body.channels.into_iter().collect(),
        preferences: names(&body.preferences)
            .ok_or_else(|| Fault::new("bad_preferences", "a subscription has at most 32 preferences of 1 to 40 letters, digits, spaces, hyphens and underscores"))?,
        text: text.to_owned(),
        consented_at: body.consented_at,
    })
}

pub(super) fn draft(body: CampaignDefine) -> Result<Draft, Fault> {
    let subject = body.subject.trim();
    if subject.is_empty()
        || subject.chars().count() > SUBJECT_LENGTH_MAX
        || subject.chars().any(char::is_control)
    {
        return Err(Fault::new("bad_subject", "a subject is one line of 1 to 120 characters"));
    }
    let text = body.text.trim().replace("\r\n", "\n");
    let is_hidden = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.is_empty() || text.chars().count() > TEXT_LENGTH_MAX || text.chars().any(is_hidden) {
        return Err(Fault::new(
            "bad_text",
            "a text has 1 to 20,000 characters, none of them a control character",
        ));
    }
    if body.per_minute == 0 {
        return Err(Fault::new("bad_pace", "a campaign sends at least one mail a minute"));
    }
    Ok(Draft {
        topic: body.topic,
        segment: segment(&body.segment).ok_or_else(|| {
            Fault::new("bad_segment", "a rule of a segment has at most 32 names: preferences of 1 to 40 letters and digits, or item numbers")
        })?,
        subject: subject.to_owned(),
        text,
        per_minute: body.per_minute,
    })
}

pub(super) fn reason(reason: Option<&str>) -> Result<(), Fault> {
    if reason.is_some_and(|reason| reason.chars().count() > REASON_LENGTH_MAX) {
        return Err(Fault::new("bad_reason", "a reason has at most 500 characters"));
    }
    Ok(())
}

fn segment(segment: &Segment) -> Option<Segment> {
    Some(Segment {
        prefers: names(&segment.prefers)?.into_iter().collect(),
        bought: items(&segment.bought)?,
        not_bought: items(&segment.not_bought)?,
    })
}

/// Each once, in lower case and in order, so that the same rule is the same text.
fn names(given: &[String]) -> Option<BTreeSet<String>> {
    let name = |text: &String| {
        let name = text.trim().to_lowercase();
        let is_good = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        ((1..=NAME_LENGTH_MAX).contains(&name.chars().count()) && name.chars().all(is_good)).then_some(name)
    };
    let names = given.iter().map(name).collect::<Option<BTreeSet<String>>>()?;
    (names.len() <= NAMES_MAX).then_some(names)
}

fn items(given: &[String]) -> Option<Vec<String>> {
    let items: Option<BTreeSet<String>> =
        given.iter().map(|text| ItemNumber::parse(text).ok().map(|item| item.to_string())).collect();
    items.filter(|items| items.len() <= NAMES_MAX).map(|items| items.into_iter().collect())
}
