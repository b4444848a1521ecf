//! `oms subscribers` and `oms campaign`: the mailing lists. It reads as `oms_reader`; everything else is a message to
//! promotions. Of a person it shows consents, never a name or an address.

use std::collections::BTreeSet;
use std::path::Path;

use messages::email::Email;
use messages::id::{Reference, UserId};
use messages::sealed::Trait;
use messages::subscriber::{
    CampaignControl, CampaignDefine, CampaignVerb, ContactChannel, Segment, SubscriberWithdraw, Topic,
};
use messages::{Room, Timestamp};
use promotions::store::{CampaignReport, Counts, SubscriberReport};
use serde::Deserialize;
use shell::config::{self, Config};
use shell::migrate;
use sqlx::postgres::PgPool;

use crate::cli::{CampaignCommand, SubscribersCommand};
use crate::operator::{carry_out, reference};
use crate::{operator, reading_failed, show};

/// A campaign as a file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CampaignFile {
    campaign: Reference,
    topic: Topic,
    #[serde(default)]
    segment: Segment,
    subject: String,
    text: String,
    per_minute: u32,
}

/// # Errors
/// A bad address or topic, promotions refuses, or the database does not answer.
pub(crate) async fn subscribers(
    config: &Config,
    command: SubscribersCommand,
    user: Option<&str>,
    json: bool,
) -> Result<(), String> {
    match command {
        SubscribersCommand::Count => count(config, json).await,
        SubscribersCommand::Show { email } => {
            let email = email_of(&email)?;
            let fingerprint = config
                .keyring()?
                .fingerprint(Trait::Email, &email.normalized())
                .map_err(|error| error.to_string())?;
            let found = promotions::store::subscriber(&pool(config).await?, &fingerprint).await;
            let found = found.map_err(|error| reading_failed(&error))?;
            let found = found.ok_or("this address never subscribed")?;
            show::print(json, &found, || consents(&found))
        }
        SubscribersCommand::Withdraw { email, topics } => {
            let command = SubscriberWithdraw {
                reference: reference(None)?,
                token: None,
                email: Some(email_of(&email)?.as_str().to_owned()),
                topics: topics.iter().map(|name| topic(name)).collect::<Result<_, _>>()?,
                user: Some(operator::user(config, user)?),
            };
            show::done(json, &carry_out(config, command, "withdrawn").await?)
        }
    }
}

/// # Errors
/// A bad name or file, promotions refuses, or the database does not answer.
pub(crate) async fn campaign(
    config: &Config,
    command: CampaignCommand,
    user: Option<&str>,
    json: bool,
) -> Result<(), String> {
    let (name, verb, version, reason) = match command {
        CampaignCommand::List => return list(config, json).await,
        CampaignCommand::Show { name } => {
            let report = report(config, &name).await?;
            return show::print(json, &report, || story(&report));
        }
        CampaignCommand::DryRun { name } => return dry_run(config, &name, json).await,
        CampaignCommand::Define { file } => {
            let command = define(&file, operator::user(config, user)?)?;
            return show::done(json, &carry_out(config, command, "defined").await?);
        }
        CampaignCommand::Approve { name, version } => (name, CampaignVerb::Approve, Some(version), None),
        CampaignCommand::Start { name } => (name, CampaignVerb::Start, None, None),
        CampaignCommand::Pause { name, reason } => (name, CampaignVerb::Pause, None, reason),
        CampaignCommand::Resume { name } => (name, CampaignVerb::Resume, None, None),
        CampaignCommand::Stop { name, reason } => (name, CampaignVerb::Stop, None, Some(reason)),
    };
    let user = operator::user(config, user)?;
    let command = CampaignControl { campaign: named(&name)?, verb, version, user, reason };
    show::done(json, &carry_out(config, command, "done").await?)
}

async fn pool(config: &Config) -> Result<PgPool, String> {
    migrate::reader_pool(config.for_room(Room::Promotions, config::DATABASE_URL)?).await
}

fn named(text: &str) -> Result<Reference, String> {
    let rule = "a campaign's name is 1 to 64 letters, digits or the characters . _ - / :";
    Reference::parse(text).map_err(|_| rule.to_owned())
}

fn email_of(text: &str) -> Result<Email, String> {
    let text = if text == "-" { show::file_or_input(Path::new("-"))? } else { text.to_owned() };
    Email::parse(text.trim()).map_err(|error| error.to_string())
}

fn topic(name: &str) -> Result<Topic, String> {
    let known = || Topic::ALL.map(Topic::name).join(", ");
    let found = Topic::ALL.into_iter().find(|topic| topic.name() == name.replace('-', "_"));
    found.ok_or_else(|| format!("`{name}` is not a topic; topics are {}", known()))
}

fn define(path: &Path, user: UserId) -> Result<CampaignDefine, String> {
    let file: CampaignFile = serde_json::from_str(&show::file_or_input(path)?)
        .map_err(|error| format!("{} is not a campaign: {error}", path.display()))?;
    let CampaignFile { campaign, topic, segment, subject, text, per_minute } = file;
    Ok(CampaignDefine { campaign, topic, segment, subject, text, per_minute, user })
}

async fn count(config: &Config, json: bool) -> Result<(), String> {
    let counts = promotions::store::subscribers(&pool(config).await?).await;
    let counts = counts.map_err(|error| reading_failed(&error))?;
    show::print(json, &counts, || {
        if counts.is_empty() {
            return "nobody has subscribed\n".to_owned();
        }
        let rows = counts.iter().map(|count| {
            let topic = count.topic.replace('_', " ");
            [topic, count.state.clone(), count.subscribers.to_string(), count.suppressed.to_string()]
        });
        show::table(["topic", "state", "subscribers", "of these without mail"], rows)
    })
}

fn consents(report: &SubscriberReport) -> String {
    let mut text = format!("subscriber {}\n", report.subscriber.as_str());
    if let Some(status) = &report.suppressed {
        text += &format!("no mail goes there: {status}\n");
    }
    let rows = report.topics.iter().map(|(topic, standing)| {
        let state = format!("{:?}", standing.state).to_lowercase();
        [topic.name().replace('_', " "), state, by_which(&standing.channels), seconds(standing.since)]
    });
    text += &show::table(["topic", "state", "by", "since"], rows);
    let entries = report.ledger.iter().map(|entry| {
        let confirmed = entry.confirmed_at.map_or_else(|| "-".to_owned(), seconds);
        let ended = entry.ended.as_ref().map(|end| {
            let by = end.user.as_ref().map(|user| format!(" by {user}")).unwrap_or_default();
            format!("{} {}{by}", format!("{:?}", end.how).to_lowercase(), seconds(end.at))
        });
        let topic = entry.topic.name().replace('_', " ");
        let ended = ended.unwrap_or_else(|| "-".to_owned());
        [topic, entry.text.clone(), seconds(entry.consented_at), confirmed, ended]
    });
    text += "\nledger of consents, oldest first\n";
    text += &show::table(["topic", "text", "consented", "confirmed", "ended"], entries);
    text
}

fn by_which(channels: &BTreeSet<ContactChannel>) -> String {
    let name = |channel: &ContactChannel| match channel {
        ContactChannel::Email => "e-mail",
        ContactChannel::Print => "print",
        ContactChannel::Phone => "phone",
    };
    channels.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn seconds(at: Timestamp) -> String {
    Timestamp(at.0.truncate_to_second()).to_string()
}

async fn list(config: &Config, json: bool) -> Result<(), String> {
    let campaigns = promotions::store::campaigns(&pool(config).await?).await;
    let campaigns = campaigns.map_err(|error| reading_failed(&error))?;
    let as_json: Vec<_> = campaigns
        .iter()
        .map(|(campaign, state, counts)| serde_json::json!({ "campaign": campaign, "state": state, "counts": counts }))
        .collect();
    show::print(json, &as_json, || {
        if campaigns.is_empty() {
            return "no campaign is defined; `oms campaign define FILE` defines one\n".to_owned();
        }
        let rows = campaigns.iter().map(|(campaign, state, counts)| {
            let [made, sent, skipped, refused, unknown] = numbers(counts);
            [campaign.clone(), state.clone(), made, sent, skipped, refused, unknown]
        });
        show::table(["campaign", "state", "made", "sent", "skipped", "refused", "unknown"], rows)
    })
}

fn numbers(counts: &Counts) -> [String; 5] {
    [counts.made, counts.sent, counts.skipped, counts.refused, counts.unknown].map(|count| count.to_string())
}

async fn report(config: &Config, name: &str) -> Result<CampaignReport, String> {
    let name = named(name)?;
    let found = promotions::store::campaign(&pool(config).await?, &name).await;
    let found = found.map_err(|error| reading_failed(&error))?;
    found.ok_or_else(|| format!("there is no campaign {name}"))
}

fn story(report: &CampaignReport) -> String {
    let (row, draft) = (&report.row, &report.row.draft);
    let approved = row.approved_by.as_ref().map_or_else(|| "nobody yet".to_owned(), ToString::to_string);
    let mut text = format!(
        "campaign {}  {}\ndraft {} by {}; approved by {approved}\nto subscribers of {}{}; {} a minute\n\nsubject: {}\n\n{}\n\n",
        report.campaign,
        format!("{:?}", row.state).to_lowercase(),
        row.version,
        row.defined_by,
        draft.topic.name().replace('_', " "),
        rules(&draft.segment),
        show::counted(usize::try_from(draft.per_minute).unwrap_or(usize::MAX), "mail"),
        draft.subject,
        draft.text,
    );
    let rows = report.mails.iter().map(|count| {
        let why = count.why.as_ref().map_or_else(|| "-".to_owned(), |why| why.replace('_', " "));
        [count.status.clone(), why, count.mails.to_string()]
    });
    text += &match report.mails.is_empty() {
        true => "no mail was made yet\n".to_owned(),
        false => show::table(["mails", "why", "count"], rows),
    };
    text
}

/// The rules of a segment: whoever approves a draft approves of its recipients too.
fn rules(segment: &Segment) -> String {
    let rule = |words: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!(" who {words} {}", names.join(" or ")),
    };
    let rules = [
        rule("prefer", &segment.prefers),
        rule("have bought", &segment.bought),
        rule("have not bought", &segment.not_bought),
    ];
    rules.into_iter().filter(|rule| !rule.is_empty()).collect::<Vec<_>>().join(" and")
}

fn people(number: u64) -> String {
    show::counted(usize::try_from(number).unwrap_or(usize::MAX), "subscriber")
}

async fn dry_run(config: &Config, name: &str, json: bool) -> Result<(), String> {
    let report = report(config, name).await?;
    let draft = &report.row.draft;
    let count = promotions::store::dry_run(&pool(config).await?, &draft.segment, draft.topic).await;
    let count = count.map_err(|error| reading_failed(&error))?;
    let as_json =
        serde_json::json!({ "campaign": report.campaign, "version": report.row.version, "count": count });
    show::print(json, &as_json, || {
        format!(
            "draft {} of {} would go to {} now\n{} more of the segment would get none: no consent to this topic, no mail to the address, or not by e-mail\n",
            report.row.version,
            report.campaign,
            people(count.would_get),
            count.kept_back,
        )
    })
}
