//! The room's tables and what the operator reads of them. Reads are made as `oms_reader`, so they name the schema;
//! nothing here writes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnection, PgPool, PgRow};
use sqlx::{Acquire as _, Row as _};

use crate::chain::{self, Bad, Head, Record, Verdict, Walk};

/// The room's migrations.
pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/audit");

/// Rows of one query of [`verify`].
const PAGE_ROWS: i64 = 10_000;
/// The most records that [`find`] gives.
pub const FOUND_MAX: i64 = 1_000;

/// Keys in the order in which they are locked; records are only inserted, so only the head ever is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Head,
    /// By number, from 1.
    Record(u64),
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Record(_) => "records",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Head => Cow::Borrowed("head"),
            Self::Record(seq) => Cow::Owned(chain::key(*seq)),
        }
    }
}

/// What a row holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Head(Head),
    Record(Record),
}

impl State {
    /// Where the chain goes on after this row.
    #[must_use]
    pub fn end(&self) -> (u64, &str) {
        match self {
            Self::Head(head) => (head.seq, &head.hash),
            Self::Record(record) => (record.seq, &record.hash),
        }
    }
}

/// Walks along the whole chain as it stands at this moment and names the first record that does not fit.
///
/// # Errors
/// The database does not answer.
pub async fn verify(pool: &PgPool) -> Result<Verdict, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut tx = connection.begin().await?;
    // One snapshot: records that are added meanwhile are neither missing nor beyond the head.
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
    let verdict = match head(&mut tx).await? {
        Ok(head) => walk(&mut tx, head).await?,
        Err(bad) => Verdict { rows: 0, first_bad: Some(bad), head: None },
    };
    tx.rollback().await?;
    Ok(verdict)
}

async fn head(tx: &mut PgConnection) -> Result<Result<Option<Head>, Bad>, sqlx::Error> {
    let state: Option<Option<String>> =
        sqlx::query_scalar("SELECT state::text FROM audit.head WHERE key = 'head'")
            .fetch_optional(tx)
            .await?;
    Ok(match state.flatten().map(|text| serde_json::from_str(&text)) {
        None => Ok(None),
        Some(Ok(State::Head(head))) => Ok(Some(head)),
        Some(Ok(State::Record(_)) | Err(_)) => {
            Err(Bad { seq: 0, why: "the head row does not hold a head: it was edited".to_owned() })
        }
    })
}

async fn walk(tx: &mut PgConnection, head: Option<Head>) -> Result<Verdict, sqlx::Error> {
    let mut walk = Walk::new(head);
    let mut after = String::new();
    loop {
        let rows = sqlx::query(
            "SELECT key, state::text AS state FROM audit.records WHERE key > $1 ORDER BY key LIMIT $2",
        )
        .bind(&after)
        .bind(PAGE_ROWS)
        .fetch_all(&mut *tx)
        .await?;
        for row in &rows {
            let row = chain::Row { key: row.try_get("key")?, state: row.try_get("state")? };
            if let Err(bad) = walk.step(&row) {
                return Ok(walk.end(Some(bad)));
            }
            after = row.key;
        }
        if rows.is_empty() {
            return Ok(walk.end(None));
        }
    }
}

/// What records are searched by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// What the message is about: an order number finds its releases and shipments too.
    Subject(String),
    /// The person who acted (R64).
    User(String),
}

/// A record as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    pub seq: u64,
    pub kind: String,
    pub subject: Option<String>,
    pub user: Option<String>,
    pub received: String,
    /// The event as text.
    pub event: String,
}

/// The latest [`FOUND_MAX`] records that a query finds, oldest first.
///
/// # Errors
/// The database does not answer.
pub async fn find(pool: &PgPool, query: &Query) -> Result<Vec<Found>, sqlx::Error> {
    let (sql, value) = match query {
        // In this collation `/` is the character after `.`.
        Query::Subject(subject) => (
            "SELECT key, state::text AS state FROM audit.records WHERE subject = $1 OR (subject >= $1 || '.' AND subject < $1 || '/') ORDER BY key DESC LIMIT $2",
            subject,
        ),
        Query::User(user) => (
            "SELECT key, state::text AS state FROM audit.records WHERE user_id = $1 ORDER BY key DESC LIMIT $2",
            user,
        ),
    };
    let rows = sqlx::query(sql).bind(value).bind(FOUND_MAX).fetch_all(pool).await?;
    rows.iter().rev().map(found).collect()
}

fn found(row: &PgRow) -> Result<Found, sqlx::Error> {
    let key: String = row.try_get("key")?;
    let state: String = row.try_get("state")?;
    match serde_json::from_str(&state) {
        Ok(State::Record(Record { seq, received, about, event, .. })) => {
            Ok(Found { seq, kind: about.kind, subject: about.subject, user: about.user, received, event })
        }
        Ok(State::Head(_)) | Err(_) => Err(sqlx::Error::Decode(
            format!("the row {key} does not hold a record; run `oms audit verify`").into(),
        )),
    }
}
