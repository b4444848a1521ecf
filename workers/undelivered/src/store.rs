//! The room's two tables and what operators read of them. It never gives out an address, sealed or not.

use std::borrow::Cow;

use messages::Timestamp;
use messages::case::{CaseClass, CaseEnd};
use messages::id::{OrderNumber, ShipmentId, UserId};
use messages::stock::LineUnits;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::case::{Answered, CaseState, Entry, Facts, File, Note, OrderState};

pub static FILES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/undelivered");

/// The timer that asks the purchaser; its epoch is the number of the contact.
pub const CONTACT: &str = "contact";
/// The timer that ends a case without an answer, or whose parcel does not come back.
pub const DECIDE: &str = "decide";
/// The most rows that an operator's list shows.
const LIST_ROWS_MAX: i64 = 500;

/// The rows, in the order in which they are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Order(OrderNumber),
    Case(ShipmentId),
}

impl shell::Key for Key {
    fn table(&self) -> &'static str {
        match self {
            Self::Order(_) => "orders",
            Self::Case(_) => "cases",
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Order(order) => Cow::Borrowed(order.as_str()),
            Self::Case(case) => Cow::Borrowed(case.as_str()),
        }
    }
}

/// A row of either table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Order(OrderState),
    Case(CaseState),
}

/// The parcels that wait for their order.
pub(crate) fn waiting(state: &State) -> Vec<Key> {
    match state {
        State::Order(OrderState::Unseen { waiting }) => waiting.iter().cloned().map(Key::Case).collect(),
        State::Order(OrderState::Accepted { .. }) | State::Case(_) => Vec::new(),
    }
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseLine {
    pub case: ShipmentId,
    pub order: OrderNumber,
    pub class: CaseClass,
    /// The carrier's word that decided the class.
    pub word: Option<String>,
    pub gift: bool,
    /// `opened`, `asked`, `awaiting`, `person` or `ended`.
    pub step: &'static str,
    pub opened_at: Timestamp,
    /// How often the purchaser was asked.
    pub contacts: u8,
    /// When the rules act next; absent where a person has to, or at the end.
    pub until: Option<Timestamp>,
    /// Whether the parcel is back.
    pub back: bool,
    pub resolution: Option<CaseEnd>,
}

/// A case with all that staff may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseView {
    #[serde(flatten)]
    pub line: CaseLine,
    pub lines: Vec<LineUnits>,
    pub facts: Facts,
    /// The answer that was taken.
    pub answered: Option<Answered>,
    pub notes: Vec<Note>,
    pub history: Vec<Entry>,
    pub ended_at: Option<Timestamp>,
    /// Who ended it; absent: the rules.
    pub user: Option<UserId>,
    pub reason: Option<String>,
}

/// How many cases of a class stand where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ClassCount {
    pub class: String,
    pub open: i64,
    /// Of the open ones, those that a person decides.
    pub person: i64,
    pub reshipped: i64,
    pub refunded: i64,
    pub closed: i64,
}

/// Cases, oldest first; all, or those that are open.
///
/// # Errors
/// The database does not answer, or a row is of another version.
pub async fn cases(pool: &sqlx::PgPool, only_open: bool) -> Result<Vec<CaseLine>, sqlx::Error> {
    let rows: Vec<(String, Json<State>)> = sqlx::query_as(
        "SELECT key, state FROM undelivered.cases WHERE status = 'open' OR (NOT $1 AND status = 'ended')
         ORDER BY opened_at, key LIMIT $2",
    )
    .bind(only_open)
    .bind(LIST_ROWS_MAX)
    .fetch_all(pool)
    .await?;
    let views = rows.into_iter().map(|(key, state)| view(&key, state.0)).collect::<Result<Vec<_>, _>>()?;
    Ok(views.into_iter().flatten().map(|view| view.line).collect())
}

/// One case; none where none is or was open for this shipment.
///
/// # Errors
/// The database does not answer, or the row is of another version.
pub async fn case(pool: &sqlx::PgPool, id: &ShipmentId) -> Result<Option<CaseView>, sqlx::Error> {
    let row: Option<Json<State>> =
        sqlx::query_scalar("SELECT state FROM undelivered.cases WHERE key = $1 AND state IS NOT NULL")
            .bind(id.as_str())
            .fetch_optional(pool)
            .await?;
    row.map_or(Ok(None), |state| view(id.as_str(), state.0))
}

/// The cases by class.
///
/// # Errors
/// The database does not answer.
pub async fn counts(pool: &sqlx::PgPool) -> Result<Vec<ClassCount>, sqlx::Error> {
    sqlx::query_as(
        "SELECT class, count(*) FILTER (WHERE status = 'open') AS open,
                count(*) FILTER (WHERE step = 'person') AS person,
                count(*) FILTER (WHERE resolution = 'reship') AS reshipped,
                count(*) FILTER (WHERE resolution = 'refund') AS refunded,
                count(*) FILTER (WHERE resolution = 'closed') AS closed
         FROM undelivered.cases WHERE class IS NOT NULL GROUP BY class ORDER BY class",
    )
    .fetch_all(pool)
    .await
}

fn view(key: &str, state: State) -> Result<Option<CaseView>, sqlx::Error> {
    let case = ShipmentId::parse(key).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(match state {
        State::Order(_) | State::Case(CaseState::Quiet(_)) => None,
        State::Case(CaseState::Open(open)) => {
            let (step, until) = (open.step.name(), open.step.until());
            Some(of_file(case, open.file, step, until))
        }
        State::Case(CaseState::Ended(ended)) => {
            let mut view = of_file(case, ended.file, "ended", None);
            view.line.resolution = Some(ended.resolution);
            Some(CaseView { ended_at: Some(ended.at), user: ended.user, reason: Some(ended.reason), ..view })
        }
    })
}

fn of_file(case: ShipmentId, file: File, step: &'static str, until: Option<Timestamp>) -> CaseView {
    let line = CaseLine {
        order: case.order(),
        case,
        class: file.class,
        word: file.facts.reason.as_ref().and_then(|reason| reason.word.clone()),
        gift: file.parcel.gift,
        step,
        opened_at: file.opened_at,
        contacts: file.contacts,
        until,
        back: file.facts.is_back(),
        resolution: None,
    };
    CaseView {
        line,
        lines: file.parcel.lines,
        facts: file.facts,
        answered: file.answered,
        notes: file.notes,
        history: file.history,
        ended_at: None,
        user: None,
        reason: None,
    }
}
