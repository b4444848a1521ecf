//! Parked messages: what could not be decided, kept whole and sealed, with a reason. Nothing is ever dropped
//! instead, and nothing lies in a parked queue in clear.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use messages::card::redact_cards;
use messages::envelope::SINGLE;
use messages::id::sha256_hex;
use messages::sealed::{Keyring, SealError, Sealed, Section};
use messages::{Room, Timestamp, topology};
use serde::{Deserialize, Serialize};

use crate::ledger::{OutboxRow, WireHeaders};
use crate::settle::Cause;
use crate::worker::{DueRow, Worker};

/// Why a message was parked. Stable names, for operators and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// The bytes are not an event, or not of its type.
    Unreadable,
    /// The sender is missing or not registered.
    UnknownSender,
    /// A registered sender sent what it may not send, or under another key.
    NotAllowed,
    UnknownType,
    /// An outside event without a plausible time.
    BadTime,
    TooLarge,
    TooOld,
    /// The decision panicked.
    Panicked,
    /// The database refuses the event's rows.
    Refused,
    /// Tried alone three times without a result.
    Poison,
    /// The broker's last fence.
    DeliveryLimit,
}

impl ParkReason {
    pub const ALL: [Self; 11] = [
        Self::Unreadable,
        Self::UnknownSender,
        Self::NotAllowed,
        Self::UnknownType,
        Self::BadTime,
        Self::TooLarge,
        Self::TooOld,
        Self::Panicked,
        Self::Refused,
        Self::Poison,
        Self::DeliveryLimit,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnknownSender => "unknown_sender",
            Self::NotAllowed => "not_allowed",
            Self::UnknownType => "unknown_type",
            Self::BadTime => "bad_time",
            Self::TooLarge => "too_large",
            Self::TooOld => "too_old",
            Self::Panicked => "panicked",
            Self::Refused => "refused_by_database",
            Self::Poison => "poison",
            Self::DeliveryLimit => "delivery_limit",
        }
    }
}

/// A message on its way to the parked queue.
#[derive(Debug, Clone)]
pub struct Parked {
    pub reason: ParkReason,
    /// The queue it came from.
    pub queue: String,
    pub routing_key: String,
    pub content_type: Option<String>,
    pub sender: Option<String>,
    pub event_id: Option<String>,
    pub reference: Option<String>,
    /// What a known sender is told; absent for what is nobody's to know.
    pub told: Option<String>,
    pub bytes: Vec<u8>,
}

/// A parked message as it lies in `oms.<room>.parked`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParkedRecord {
    /// SHA-256 of queue and bytes: one message that was parked twice is one.
    pub id: String,
    pub room: Room,
    pub reason: ParkReason,
    pub queue: String,
    pub routing_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    pub parked_at: Timestamp,
    /// What is wrong with it, in a sentence without personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The original bytes, base64 within the `parked` section (subject: `id`).
    pub body: Sealed,
}

impl Parked {
    /// Parks an event that was read but cannot be decided, as it came.
    pub(crate) fn event(cause: &Cause, reason: ParkReason) -> Self {
        let bytes = match (&cause.original, &cause.due) {
            (Some(original), _) => original.text.clone().into_bytes(),
            (None, Some(due)) => due_text(due).into_bytes(),
            (None, None) => cause.id.clone().into_bytes(),
        };
        let event = cause.original.as_ref().map(|original| &original.event);
        Self {
            reason,
            queue: cause.queue.clone(),
            routing_key: event.map(|event| event.kind.clone()).unwrap_or_default(),
            content_type: event.map(|_| SINGLE.to_owned()),
            sender: cause.sender.clone(),
            event_id: Some(cause.id.clone()),
            reference: None,
            told: None,
            bytes,
        }
    }

    /// The outbox row that parks it.
    pub(crate) fn row<W: Worker>(&self, ring: &Keyring, now: Timestamp) -> Result<OutboxRow, SealError> {
        let id = sha256_hex(&[self.queue.as_bytes(), b"\n", &self.bytes].concat());
        let clear = STANDARD.encode(redacted(&self.bytes));
        let record = ParkedRecord {
            body: ring.seal(Section::Parked, &id, 0, &clear, now.0)?,
            room: W::ROOM,
            reason: self.reason,
            queue: self.queue.clone(),
            routing_key: shown(&self.routing_key),
            content_type: self.content_type.as_deref().map(shown),
            sender: self.sender.clone(),
            event_id: self.event_id.as_deref().map(shown),
            parked_at: now,
            why: self.told.clone().filter(|told| !told.is_empty()),
            id: id.clone(),
        };
        Ok(OutboxRow {
            id: 0,
            exchange: topology::SELF.to_owned(),
            routing_key: topology::parked_key(W::ROOM),
            content_type: "application/json".to_owned(),
            message_id: id,
            headers: WireHeaders::default(),
            body: serde_json::to_vec(&record).map_err(|_| SealError::Content)?.into(),
        })
    }
}

/// A due row with all that it says; the body is the room's own and holds no clear text.
fn due_text(due: &DueRow) -> String {
    serde_json::json!({
        "due": { "kind": due.kind, "key": due.key, "epoch": due.epoch, "attempt": due.attempt },
        "due_at": due.due_at,
        "started_at": due.started_at,
        "body": due.body,
    })
    .to_string()
}

/// The bytes without card numbers. Where there is one in bytes that are no text, the text that they nearly are is kept.
fn redacted(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    match redact_cards(&text) {
        Cow::Borrowed(_) => bytes.to_vec(),
        Cow::Owned(redacted) => redacted.into_bytes(),
    }
}

/// Free text of a sender that stays readable for operators: short, and without a card number.
fn shown(text: &str) -> String {
    redact_cards(&text.chars().take(255).collect::<String>()).into_owned()
}

impl ParkedRecord {
    /// The original bytes.
    ///
    /// # Errors
    /// The key is not held, or the record was changed.
    pub fn open(&self, ring: &Keyring) -> Result<Vec<u8>, SealError> {
        let clear: String = ring.open(Section::Parked, &self.id, 0, &self.body)?;
        STANDARD.decode(clear).map_err(|_| SealError::Content)
    }
}
