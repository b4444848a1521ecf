//! The chain itself, pure: how a record is linked to the one before, and the walk that finds the first record that
//! does not fit. It never touches the database, so that what it says about a chain can be tested on any chain.

use messages::id::sha256_hex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::store::State;

/// The last record that was written: its number, 0 before the first, and its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub seq: u64,
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: "0".repeat(64) }
    }
}

/// One message in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub seq: u64,
    /// The hash of the record before, 64 zeros in the first.
    pub prev: String,
    pub hash: String,
    /// When audit took it, RFC 3339 in UTC.
    pub received: String,
    pub about: About,
    /// The event as text, because JSON in the database keeps neither spaces nor the order of fields.
    pub event: String,
}

/// What records are looked up by, as the event says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub kind: String,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The person who acted, where one did (R28, R64).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl About {
    /// What an event's text says of itself; nothing if it is no event.
    #[must_use]
    pub fn of(event: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Outer<'a> {
            #[serde(rename = "type")]
            kind: String,
            id: String,
            subject: Option<String>,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        #[derive(Default, Deserialize)]
        struct Inner {
            user: Option<String>,
            agent: Option<String>,
        }
        let outer: Outer<'_> = serde_json::from_str(event).ok()?;
        let inner: Inner = serde_json::from_str(outer.data.get()).unwrap_or_default();
        Some(Self {
            kind: outer.kind,
            id: outer.id,
            subject: outer.subject,
            user: inner.user.or(inner.agent),
        })
    }
}

/// The hash of a record: SHA-256, in hex, over the four values with a line feed between them. Only the last may
/// itself hold line feeds, so no two records give the same bytes.
#[must_use]
pub fn link(prev: &str, seq: u64, received: &str, event: &str) -> String {
    sha256_hex(format!("{prev}\n{seq}\n{received}\n{event}").as_bytes())
}

/// A record's key: 20 digits, so that the order of texts is the order of numbers.
#[must_use]
pub fn key(seq: u64) -> String {
    format!("{seq:020}")
}

/// A row of `records` as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub key: String,
    pub state: Option<String>,
}

/// What a walk along the chain came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Records that fit, up to the first that does not.
    pub rows: u64,
    pub first_bad: Option<Bad>,
    /// The head as it was found. Note it elsewhere: it is what a chain that was rewritten as a whole cannot keep.
    pub head: Option<Head>,
}

/// A record that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bad {
    pub seq: u64,
    /// One sentence.
    pub why: String,
}

/// A walk along the chain, record by record in the order of their keys.
#[derive(Debug)]
pub struct Walk {
    head: Option<Head>,
    last: Head,
}

impl Walk {
    /// `head` is the head row as it was found, if there is one.
    #[must_use]
    pub fn new(head: Option<Head>) -> Self {
        Self { head, last: Head::default() }
    }

    /// The next row.
    ///
    /// # Errors
    /// It is the first that does not fit.
    pub fn step(&mut self, row: &Row) -> Result<(), Bad> {
        let seq = self.last.seq + 1;
        let bad = |why: String| Err(Bad { seq, why });
        let Some(found) = number(&row.key) else {
            return bad("a row stands here whose key is no number of 20 digits".to_owned());
        };
        let known = self.head.as_ref().map_or(0, |head| head.seq);
        if found > seq && seq <= known {
            return bad(missing(seq, known.min(found - 1)));
        }
        if found > known {
            return Err(Bad {
                seq: found,
                why: format!("it lies beyond the head, which knows {known} records"),
            });
        }
        let Some(State::Record(record)) =
            row.state.as_deref().and_then(|text| serde_json::from_str(text).ok())
        else {
            return bad("its row does not hold a record".to_owned());
        };
        if record.seq != seq || found != seq {
            return bad(format!("its row holds record {}: rows were exchanged or renumbered", record.seq));
        }
        if record.prev != self.last.hash {
            return bad(format!("it does not follow record {}: one of the two was replaced", self.last.seq));
        }
        if link(&record.prev, seq, &record.received, &record.event) != record.hash {
            return bad("its content does not fit its hash: it was edited".to_owned());
        }
        if About::of(&record.event).as_ref() != Some(&record.about) {
            return bad("what it is looked up by does not fit its event: it was edited".to_owned());
        }
        self.last = Head { seq, hash: record.hash };
        Ok(())
    }

    /// The end of the rows, or of the walk at a row that does not fit.
    #[must_use]
    pub fn end(self, bad: Option<Bad>) -> Verdict {
        let rows = self.last.seq;
        let first_bad = bad.or_else(|| self.tail());
        Verdict { rows, first_bad, head: self.head }
    }

    fn tail(&self) -> Option<Bad> {
        let head = self.head.as_ref()?;
        if head.seq > self.last.seq {
            return Some(Bad { seq: self.last.seq + 1, why: missing(self.last.seq + 1, head.seq) });
        }
        let why =
            || format!("the head names another hash for record {}: one of the two was replaced", head.seq);
        (head.hash != self.last.hash).then(|| Bad { seq: head.seq, why: why() })
    }
}

/// Walks along a whole chain.
#[must_use]
pub fn verify_chain(rows: impl IntoIterator<Item = Row>, head: Option<Head>) -> Verdict {
    let mut walk = Walk::new(head);
    let bad = rows.into_iter().find_map(|row| walk.step(&row).err());
    walk.end(bad)
}

fn number(key: &str) -> Option<u64> {
    let digits = key.len() == 20 && key.bytes().all(|byte| byte.is_ascii_digit());
    if digits { key.parse().ok() } else { None }
}

fn missing(from: u64, to: u64) -> String {
    if from == to {
        "it is missing".to_owned()
    } else {
        format!("the records from {from} to {to} are missing")
    }
}
