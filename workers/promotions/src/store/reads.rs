//! What operators read, as the role that may only read. No address is shown: it is sealed.

use std::collections::BTreeMap;

use messages::id::Reference;
use messages::sealed::Fingerprint;
use messages::subscriber::{Segment, Topic};
use serde::Serialize;
use sqlx::PgPool;
use sqlx::types::Json;

use super::{AskMail, Campaign, Consent, Counts, Standing, State, Subscriber};
use crate::decide::{fits, refusal};

/// Subscribers that a dry run reads at once.
const DRY_RUN_PAGE: i64 = 1_000;

/// Subscribers of one topic in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriberCount {
    pub topic: String,
    pub state: String,
    pub subscribers: i64,
    /// Of these, addresses that take no mail.
    pub suppressed: i64,
}

/// How many subscribers stand in each state, by topic.
///
/// # Errors
/// The database does not answer.
pub async fn subscribers(pool: &PgPool) -> Result<Vec<SubscriberCount>, sqlx::Error> {
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT t.key, t.value->>'state', count(*), count(s.suppressed)
         FROM promotions.subscribers s, jsonb_each(s.state->'subscriber'->'topics') t
         GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .fetch_all(pool)
    .await?;
    let count =
        |(topic, state, subscribers, suppressed)| SubscriberCount { topic, state, subscribers, suppressed };
    Ok(rows.into_iter().map(count).collect())
}

/// One subscriber's consents. Neither name nor address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriberReport {
    pub subscriber: Fingerprint,
    pub topics: BTreeMap<Topic, Standing>,
    pub suppressed: Option<String>,
    pub confirmation_mail: AskMail,
    /// Oldest first.
    pub ledger: Vec<Consent>,
}

/// The consents of one subscriber and their ledger; none if the address never subscribed.
///
/// # Errors
/// The database does not answer, or the row was written by another version.
pub async fn subscriber(
    pool: &PgPool,
    subscriber: &Fingerprint,
) -> Result<Option<SubscriberReport>, sqlx::Error> {
    let row: Option<Json<State>> =
        sqlx::query_scalar("SELECT state FROM promotions.subscribers WHERE key = $1 AND state IS NOT NULL")
            .bind(subscriber.as_str())
            .fetch_optional(pool)
            .await?;
    Ok(match row {
        Some(Json(State::Subscriber(row))) => Some(SubscriberReport {
            subscriber: subscriber.clone(),
            topics: row.topics,
            suppressed: row.suppressed,
            confirmation_mail: row.asks.mail,
            ledger: row.ledger,
        }),
        Some(Json(State::Campaign(_) | State::Mail(_))) | None => None,
    })
}

/// Whether no mail of these topics goes to a subscriber any more; no topic: of any.
///
/// # Errors
/// The database does not answer.
pub async fn is_withdrawn(
    pool: &PgPool,
    subscriber: &Fingerprint,
    topics: &[Topic],
) -> Result<bool, sqlx::Error> {
    let topics: Vec<&str> = topics.iter().copied().map(Topic::name).collect();
    sqlx::query_scalar(
        "SELECT NOT EXISTS (
             SELECT FROM promotions.subscribers s, jsonb_each(s.state->'subscriber'->'topics') t
             WHERE s.key = $1 AND (cardinality($2) = 0 OR t.key = ANY($2)) AND t.value->>'state' IN ('asked', 'confirmed')
         )",
    )
    .bind(subscriber.as_str())
    .bind(topics)
    .fetch_one(pool)
    .await
}

/// Mails of a campaign by outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailCount {
    pub status: String,
    /// Why they were skipped or called back.
    pub why: Option<String>,
    pub mails: i64,
}

/// A campaign as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignReport {
    pub campaign: String,
    #[serde(flatten)]
    pub row: Campaign,
    /// Of the rows themselves; the counts of the campaign's own row say the same.
    pub mails: Vec<MailCount>,
}

/// One campaign with its mails by outcome; none if nobody defined it.
///
/// # Errors
/// The database does not answer, or the row was written by another version.
pub async fn campaign(pool: &PgPool, name: &Reference) -> Result<Option<CampaignReport>, sqlx::Error> {
    let row: Option<Json<State>> =
        sqlx::query_scalar("SELECT state FROM promotions.campaigns WHERE key = $1 AND state IS NOT NULL")
            .bind(name.as_str())
            .fetch_optional(pool)
            .await?;
    let row = match row {
        Some(Json(State::Campaign(Some(row)))) => *row,
        Some(Json(State::Campaign(None) | State::Subscriber(_) | State::Mail(_))) | None => return Ok(None),
    };
    let mails: Vec<(String, Option<String>, i64)> = sqlx::query_as(
        "SELECT status, COALESCE(state->'mail'->>'why', state->'mail'->>'called_back'), count(*)
         FROM promotions.mails WHERE campaign = $1 AND status IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .bind(name.as_str())
    .fetch_all(pool)
    .await?;
    let mails = mails.into_iter().map(|(status, why, mails)| MailCount { status, why, mails }).collect();
    Ok(Some(CampaignReport { campaign: name.to_string(), row, mails }))
}

/// Every campaign by name, 1,000 at most: its state and its counts.
///
/// # Errors
/// The database does not answer, or a row was written by another version.
pub async fn campaigns(pool: &PgPool) -> Result<Vec<(String, String, Counts)>, sqlx::Error> {
    let rows: Vec<(String, String, Json<Counts>)> = sqlx::query_as(
        "SELECT key, status, state->'campaign'->'counts' FROM promotions.campaigns
         WHERE status IS NOT NULL ORDER BY key LIMIT 1000",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(key, status, counts)| (key, status, counts.0)).collect())
}

/// Who would get a campaign if it went now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DryRun {
    pub would_get: u64,
    /// Of the segment, but without consent, suppressed, or not by e-mail.
    pub kept_back: u64,
    /// Subscribers that were asked about.
    pub subscribers: u64,
}

/// Counts by the very rules that the campaign goes by.
///
/// # Errors
/// The database does not answer, or a row was written by another version.
pub async fn dry_run(pool: &PgPool, segment: &Segment, topic: Topic) -> Result<DryRun, sqlx::Error> {
    let mut count = DryRun::default();
    let mut after = String::new();
    loop {
        let page: Vec<(String, Json<State>)> = sqlx::query_as(
            "SELECT key, state FROM promotions.subscribers WHERE is_live AND key > $1 ORDER BY key LIMIT $2",
        )
        .bind(&after)
        .bind(DRY_RUN_PAGE)
        .fetch_all(pool)
        .await?;
        for (key, state) in &page {
            if let State::Subscriber(row) = &state.0 {
                add(&mut count, segment, topic, row);
            }
            after.clone_from(key);
        }
        if i64::try_from(page.len()).is_ok_and(|length| length < DRY_RUN_PAGE) {
            return Ok(count);
        }
    }
}

fn add(count: &mut DryRun, segment: &Segment, topic: Topic, row: &Subscriber) {
    count.subscribers += 1;
    if fits(segment, row) {
        match refusal(topic, row) {
            None => count.would_get += 1,
            Some(_) => count.kept_back += 1,
        }
    }
}
