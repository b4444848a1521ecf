//! What a room gives the shell: which rows an event touches, and the pure decision over them. Nothing in this
//! module does I/O, reads a clock or draws a number.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::panic::RefUnwindSafe;

use messages::answer::{CommandAnswered, Outcome};
use messages::catalogue::Kind;
use messages::id::{OrderNumber, UserId};
use messages::sealed::{Keyring, SealError};
use messages::task::TaskKind;
use messages::{Body, Event, Room, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use messages::envelope::Unreadable;

/// The key of one row. The order of keys is the order in which rows are locked, so an enum of keys must name
/// its tables in the room's one fixed order.
pub trait Key: Ord + Clone + Debug + Send + Sync + 'static {
    /// The table, in the room's schema: `key text`, `state jsonb`, whatever else it derives from these.
    fn table(&self) -> &'static str;
    /// The row's key in it.
    fn text(&self) -> Cow<'_, str>;
}

/// One room's decisions. It is a value without connections: settings at most.
pub trait Worker: Clone + Debug + Send + Sync + RefUnwindSafe + Sized + 'static {
    const ROOM: Room;
    type Key: Key;
    /// What a row holds; [`Worker::blank`] is what a row holds that nobody has written yet.
    type State: Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// One thing that arrived, parsed.
    type Input: Send + Sync + RefUnwindSafe;

    fn blank(key: &Self::Key) -> Self::State;

    /// Parses what arrived. This is the shell's edge: personal data is sealed here and nowhere later.
    ///
    /// # Errors
    /// The event is unreadable, or this process lacks a key.
    fn read(&self, arrival: &Arrival<'_>, ring: &Keyring) -> Result<Self::Input, ReadError>;

    /// The rows that an input touches, given those found so far; asked again until it names no new ones.
    fn scope(&self, input: &Self::Input, found: &World<Self>) -> Vec<Self::Key>;

    /// Rows that an input only reads: no lock, as they stand at this moment, and the decision must not set them. Right
    /// only where the room lists the pair (this input, a change of the row) as a race.
    fn looks(&self, _input: &Self::Input, _found: &World<Self>) -> Vec<Self::Key> {
        Vec::new()
    }

    /// Keys to be looked up by prefix before the scope is asked, for an input that does not know whom it concerns
    /// (stock for those who wait). They come without a lock; the scope names those it wants locked.
    fn peek(&self, _input: &Self::Input) -> Option<Peek> {
        None
    }

    /// The decision. Pure.
    fn decide(&self, world: &World<Self>, input: &Self::Input, at: &At<'_>) -> Decision<Self>;

    /// Last touch on an output at the shell's edge: sections are re-sealed here for the outsider who opens them.
    ///
    /// # Errors
    /// This process lacks a key, or the section does not open.
    fn dress(&self, _emit: &mut Emit, _ring: &Keyring, _now: Timestamp) -> Result<(), SealError> {
        Ok(())
    }
}

/// Why an arrival did not become an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The event's own fault: it is parked, and its sender told.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Ours: the batch waits.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What reaches a room.
#[derive(Debug, Clone, Copy)]
pub enum Arrival<'a> {
    Message {
        kind: Kind,
        event: &'a Event,
        sender: &'a Sender,
    },
    /// A time that the room asked for has come.
    Timer {
        due: &'a DueRow,
    },
    /// A call to the outside ended.
    Answer {
        due: &'a DueRow,
        answer: &'a RawValue,
    },
}

/// Who sent a message, as far as the broker vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    Room,
    Outsider(String),
}

/// The moment of a decision.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The transaction's time in the database.
    pub now: Timestamp,
    /// The id of the event that is decided.
    pub id: &'a str,
    /// The outsider who sent it, where one did.
    pub sender: Option<&'a str>,
}

/// The first keys of a table that begin with a prefix, in key order; those after a key where one is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peek {
    pub table: &'static str,
    pub prefix: String,
    pub after: Option<String>,
    pub most: u32,
}

/// The rows that a batch works on. A row that was asked for is always there.
#[derive(Debug, Clone)]
pub struct World<W: Worker> {
    rows: BTreeMap<W::Key, W::State>,
    locked: BTreeSet<W::Key>,
    peeked: BTreeMap<Peek, Vec<String>>,
}

impl<W: Worker> Default for World<W> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), locked: BTreeSet::new(), peeked: BTreeMap::new() }
    }
}

impl<W: Worker> World<W> {
    /// A world of these rows, for tests of a decision.
    #[must_use]
    pub fn of(rows: impl IntoIterator<Item = (W::Key, W::State)>) -> Self {
        let rows: BTreeMap<W::Key, W::State> = rows.into_iter().collect();
        Self { locked: rows.keys().cloned().collect(), rows, peeked: BTreeMap::new() }
    }

    /// The row, if the scope named it.
    #[must_use]
    pub fn find(&self, key: &W::Key) -> Option<&W::State> {
        self.rows.get(key)
    }

    /// The row, or a blank one.
    #[must_use]
    pub fn get(&self, key: &W::Key) -> Cow<'_, W::State> {
        self.rows.get(key).map_or_else(|| Cow::Owned(W::blank(key)), Cow::Borrowed)
    }

    pub fn put(&mut self, key: W::Key, state: W::State) {
        self.rows.insert(key, state);
    }

    pub(crate) fn put_locked(&mut self, key: W::Key, state: W::State) {
        self.locked.insert(key.clone());
        self.rows.insert(key, state);
    }

    pub(crate) fn is_locked(&self, key: &W::Key) -> bool {
        self.locked.contains(key)
    }

    /// What a peek found: the keys as text, in order.
    #[must_use]
    pub fn peeked(&self, peek: &Peek) -> Option<&[String]> {
        self.peeked.get(peek).map(Vec::as_slice)
    }

    pub(crate) fn put_peeked(&mut self, peek: Peek, found: Vec<String>) {
        self.peeked.insert(peek, found);
    }

    /// Every row, in key order.
    pub fn rows(&self) -> impl Iterator<Item = (&W::Key, &W::State)> {
        self.rows.iter()
    }
}

/// What follows from an event.
#[derive(Debug, Clone)]
pub struct Decision<W: Worker> {
    pub set: Vec<(W::Key, W::State)>,
    /// Rows that are over and done with.
    pub remove: Vec<W::Key>,
    /// Rows that are only ever added; one that exists stays as it is.
    pub insert: Vec<(W::Key, W::State)>,
    pub emit: Vec<Emit>,
    pub due: Vec<DueChange>,
    /// In this order.
    pub tasks: Vec<TaskChange>,
}

impl<W: Worker> Default for Decision<W> {
    fn default() -> Self {
        Self {
            set: Vec::new(),
            remove: Vec::new(),
            insert: Vec::new(),
            emit: Vec::new(),
            due: Vec::new(),
            tasks: Vec::new(),
        }
    }
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Emit {
    pub route: Route,
    pub kind: Kind,
    pub subject: Option<String>,
    pub data: Box<RawValue>,
}

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// To every room that reads the kind, and to audit.
    Oms,
    /// To one outsider's queue.
    Out(String),
}

/// A due row as it stands in the table: a timer, or a call to the outside.
#[derive(Debug, Clone)]
pub struct DueRow {
    pub key: String,
    pub kind: String,
    /// Counts the purposes of this key and kind; an answer of an earlier epoch is stale.
    pub epoch: i32,
    /// Counts the tries within an epoch, from 0.
    pub attempt: i32,
    /// The number of the batch that wrote it: the same words written again are another row.
    pub serial: i64,
    pub traceparent: Option<String>,
    pub due_at: Timestamp,
    pub body: Box<RawValue>,
    /// When the first performer of this attempt began; present and not ours: the outcome is unknown.
    pub started_at: Option<Timestamp>,
}

impl DueRow {
    /// Reads the body that the room itself wrote.
    ///
    /// # Errors
    /// The row was written by another version of the room.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        messages::envelope::read_body(&self.body)
    }
}

/// A change of the due table.
#[derive(Debug, Clone)]
pub enum DueChange {
    /// Replaces whatever stands for this key and kind.
    Set {
        key: String,
        kind: &'static str,
        epoch: i32,
        attempt: i32,
        due_at: Timestamp,
        body: Box<RawValue>,
    },
    Drop {
        key: String,
        kind: &'static str,
    },
}

/// A task to be opened, unless it is open already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub kind: TaskKind,
    pub key: String,
    pub order: Option<OrderNumber>,
    pub reason: String,
}

/// What a decision does to the room's tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskChange {
    Open(Task),
    /// Closes it, if it is open: what it asked for is done.
    Close {
        kind: TaskKind,
        key: String,
        /// Absent: the room's own rules did it.
        user: Option<UserId>,
        reason: String,
    },
}

/// Serializes a body of ours.
///
/// # Panics
/// Never: message bodies are strings, numbers, lists and maps with string keys.
#[must_use]
pub fn raw<T: Serialize>(body: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(body).expect("message bodies always serialize")
}

impl<W: Worker> Decision<W> {
    /// Nothing follows: a repeat, or a fact that is already known.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    pub fn set(&mut self, key: W::Key, state: W::State) {
        self.set.push((key, state));
    }

    /// The row goes; whoever asks for it again finds a blank one.
    pub fn remove(&mut self, key: W::Key) {
        self.remove.push(key);
    }

    pub fn insert(&mut self, key: W::Key, state: W::State) {
        self.insert.push((key, state));
    }

    /// Tells the rooms. `subject` is the order number or whatever the fact is about.
    pub fn emit<B: Body>(&mut self, subject: impl ToString, body: &B) {
        self.emit.push(Emit {
            route: Route::Oms,
            kind: B::KIND,
            subject: Some(subject.to_string()),
            data: raw(body),
        });
    }

    /// Tells one outsider.
    pub fn emit_to<B: Body>(&mut self, outsider: &str, subject: impl ToString, body: &B) {
        self.emit.push(Emit {
            route: Route::Out(outsider.to_owned()),
            kind: B::KIND,
            subject: Some(subject.to_string()),
            data: raw(body),
        });
    }

    /// Answers whoever sent the command; a command of a room has nobody to answer.
    pub fn answer(
        &mut self,
        at: &At<'_>,
        reference: Option<&str>,
        outcome: Outcome,
        order: Option<&OrderNumber>,
        code: Option<&str>,
        text: Option<String>,
    ) {
        let Some(sender) = at.sender else { return };
        let body = CommandAnswered {
            answers: Some(at.id.to_owned()),
            reference: reference.map(str::to_owned),
            outcome,
            order: order.cloned(),
            code: code.map(str::to_owned),
            text,
        };
        self.emit.push(Emit {
            route: Route::Out(sender.to_owned()),
            kind: Kind::CommandAnswered,
            subject: None,
            data: raw(&body),
        });
    }

    /// Asks to be called back, or for a call to the outside, in the first attempt of an epoch.
    pub fn due<T: Serialize>(
        &mut self,
        key: impl ToString,
        kind: &'static str,
        epoch: i32,
        due_at: Timestamp,
        body: &T,
    ) {
        self.due_again(key, kind, epoch, 0, due_at, body);
    }

    /// The same for a later attempt.
    pub fn due_again<T: Serialize>(
        &mut self,
        key: impl ToString,
        kind: &'static str,
        epoch: i32,
        attempt: i32,
        due_at: Timestamp,
        body: &T,
    ) {
        self.due.push(DueChange::Set { key: key.to_string(), kind, epoch, attempt, due_at, body: raw(body) });
    }

    pub fn drop_due(&mut self, key: impl ToString, kind: &'static str) {
        self.due.push(DueChange::Drop { key: key.to_string(), kind });
    }

    pub fn open_task(
        &mut self,
        kind: TaskKind,
        key: impl ToString,
        order: Option<&OrderNumber>,
        reason: impl Into<String>,
    ) {
        let task = Task { kind, key: key.to_string(), order: order.cloned(), reason: reason.into() };
        self.tasks.push(TaskChange::Open(task));
    }

    /// What the task asked for is done; one that is not open stays as it is.
    pub fn close_task(
        &mut self,
        kind: TaskKind,
        key: impl ToString,
        user: Option<&UserId>,
        reason: impl Into<String>,
    ) {
        let (key, user, reason) = (key.to_string(), user.cloned(), reason.into());
        self.tasks.push(TaskChange::Close { kind, key, user, reason });
    }
}

/// The outside world of a room: a gateway, a mail server. It never touches the database.
pub trait Outside: Send + Sync + 'static {
    /// The kinds of due rows that are calls; all others are timers.
    fn kinds(&self) -> &'static [&'static str];
    /// Calls at one time in one process.
    fn concurrency(&self) -> usize {
        32
    }
    /// Makes one call and tells what became of it. It must not fail: not knowing is an answer too.
    fn perform<'a>(
        &'a self,
        call: &'a Call,
        ring: &'a Keyring,
    ) -> std::pin::Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;
}

/// One call to the outside.
#[derive(Debug, Clone)]
pub struct Call {
    pub due: DueRow,
    /// An earlier performer of this attempt began and left no answer: look before acting again.
    pub unknown: bool,
}

/// What a call gave.
#[derive(Debug)]
pub struct Reply {
    /// What [`Worker::read`] gets as [`Arrival::Answer`].
    pub answer: Box<RawValue>,
    /// Whether the far side itself is unreachable or broken; then the performer pauses.
    pub far_side_down: bool,
}
