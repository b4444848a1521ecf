//! From AMQP messages to entries of a batch: who sent it, may it be sent, is it readable. It decides nothing
//! about orders, and it never lets an unreadable event take its neighbours along.

use std::panic::{AssertUnwindSafe, catch_unwind};

use messages::card::find_card_number;
use messages::catalogue::{From as SentBy, Kind};
use messages::envelope::{OUTSIDE_BYTES_MAX, RawEvent, Unreadable, decode, read_body};
use messages::id::derived_id;
use messages::outsiders::{OPERATOR, Outsiders};
use messages::sealed::{Keyring, SealError};
use messages::task::TaskClose;
use messages::{Event, topology};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use crate::ledger::DueId;
use crate::parking::{ParkReason, Parked};
use crate::settle::{Cause, Entry, Work};
use crate::wire::Arrived;
use crate::worker::{Arrival, DueRow, ReadError, Sender, Worker};

/// Older events are refused: the inbox no longer knows whether they were decided.
const EVENT_DAYS_MAX: i64 = 90;
const EVENT_DAYS_AHEAD_MAX: i64 = 1;

/// What a room needs to read.
pub struct Reader<'a, W: Worker> {
    pub worker: &'a W,
    pub ring: &'a Keyring,
    pub outsiders: &'a Outsiders,
    /// The room's own broker user.
    pub own_user: &'a str,
    /// Whether `user_id` names the sender; otherwise there are no users and `app_id` does.
    pub verified: bool,
    pub now: OffsetDateTime,
}

impl<W: Worker> Reader<'_, W> {
    /// The entries of one AMQP message.
    ///
    /// # Errors
    /// This process lacks a key: the batch must wait.
    pub fn read(&self, message: &Arrived, queue: &str) -> Result<Vec<Entry<W>>, SealError> {
        let is_inner = message.exchange == topology::OMS || message.exchange == topology::ROOMS;
        let sender = if is_inner { Some(Sender::Room) } else { self.sender(message, queue) };
        let Some(sender) = sender else {
            return Ok(vec![self.parked(message, queue, None, ParkReason::UnknownSender, None)]);
        };
        if sender != Sender::Room && message.bytes.len() > OUTSIDE_BYTES_MAX {
            return Ok(vec![self.parked(
                message,
                queue,
                Some(&sender),
                ParkReason::TooLarge,
                Some(Unreadable::TooLarge.to_string()),
            )]);
        }
        match decode(message.content_type.as_deref(), &message.bytes) {
            Err(why) => Ok(vec![self.parked(
                message,
                queue,
                Some(&sender),
                ParkReason::Unreadable,
                Some(why.to_string()),
            )]),
            Ok(events) => events
                .into_iter()
                .map(|event| match event {
                    Ok(event) => self.event(message, queue, &sender, event),
                    Err(bad) => Ok(self.unreadable(message, queue, &sender, bad)),
                })
                .collect(),
        }
    }

    fn sender(&self, message: &Arrived, queue: &str) -> Option<Sender> {
        let published_by = if self.verified {
            message.user_id.as_deref()
        } else {
            message.user_id.as_deref().or(message.app_id.as_deref())
        };
        let name = if message.exchange == topology::SELF {
            let trusted =
                !self.verified || published_by == Some(self.own_user) || published_by == Some(OPERATOR);
            match &message.headers.oms_sender {
                Some(name) if trusted => name.as_str(),
                None if trusted && queue == topology::inner_queue(W::ROOM) => return Some(Sender::Room),
                Some(_) | None => return None,
            }
        } else if self.verified {
            published_by?
        } else {
            message.app_id.as_deref()?
        };
        self.outsiders.named(name).map(|outsider| Sender::Outsider(outsider.name.clone()))
    }

    fn event(
        &self,
        message: &Arrived,
        queue: &str,
        sender: &Sender,
        event: Event,
    ) -> Result<Entry<W>, SealError> {
        let fault =
            |reason, text: String| Ok(self.parked_event(message, queue, sender, &event, reason, text));
        let Some(kind) = Kind::parse(&event.kind) else {
            return fault(ParkReason::UnknownType, Unreadable::UnknownType.to_string());
        };
        match sender {
            Sender::Room
                if !matches!(kind.sent_by(), SentBy::Rooms(_))
                    || !kind.read_by().contains(&W::ROOM) && W::ROOM != messages::Room::Audit =>
            {
                return fault(ParkReason::UnknownType, "no room sends this type to here".to_owned());
            }
            Sender::Room if event.time < self.now - Duration::days(EVENT_DAYS_MAX) => {
                return fault(ParkReason::TooOld, String::new());
            }
            Sender::Room => {}
            Sender::Outsider(name) => {
                let may = self.outsiders.named(name).is_some_and(|outsider| outsider.may_send(kind));
                let key_fits = message.exchange == topology::SELF || kind.fits_key(&message.routing_key);
                if !may || !key_fits || !kind.read_by().contains(&W::ROOM) {
                    return fault(
                        ParkReason::NotAllowed,
                        format!(
                            "{name} may not send an event of type {} under this routing key",
                            kind.name()
                        ),
                    );
                }
                if event.time < self.now - Duration::days(EVENT_DAYS_MAX)
                    || event.time > self.now + Duration::days(EVENT_DAYS_AHEAD_MAX)
                {
                    return fault(
                        ParkReason::BadTime,
                        format!(
                            "the event's time must lie within {EVENT_DAYS_MAX} days before and {EVENT_DAYS_AHEAD_MAX} day after now"
                        ),
                    );
                }
            }
        }
        let cause = self.cause(queue, sender, &event);
        if kind == Kind::TaskClose {
            return Ok(match read_body::<TaskClose>(&event.data) {
                Ok(close) => {
                    Entry { cause: Cause { event: Some(event), ..cause }, work: Work::CloseTask(close) }
                }
                Err(why) => {
                    self.parked_event(message, queue, sender, &event, ParkReason::Unreadable, why.to_string())
                }
            });
        }
        let arrival = Arrival::Message { kind, event: &event, sender };
        let read = catch_unwind(AssertUnwindSafe(|| self.worker.read(&arrival, self.ring)));
        let Ok(read) = read else {
            return fault(ParkReason::Panicked, "the event could not be read".to_owned());
        };
        match read {
            Ok(input) => {
                Ok(Entry { cause: Cause { event: Some(event), ..cause }, work: Work::Decide(input) })
            }
            Err(ReadError::Unreadable(why)) => fault(ParkReason::Unreadable, why.to_string()),
            Err(ReadError::Seal(error)) => Err(error),
        }
    }

    fn cause(&self, queue: &str, sender: &Sender, event: &Event) -> Cause {
        let inbox = match sender {
            Sender::Room => derived_id(event.time, &[event.source.as_bytes(), event.id.as_bytes()]),
            Sender::Outsider(_) => derived_id(
                event.time,
                &[event.source.as_bytes(), event.id.as_bytes(), event.data.get().as_bytes()],
            ),
        };
        Cause {
            inbox: Some(inbox),
            id: event.id.clone(),
            sender: name_of(Some(sender)),
            traceparent: event.traceparent.clone(),
            queue: queue.to_owned(),
            event: None,
        }
    }

    fn unreadable(&self, message: &Arrived, queue: &str, sender: &Sender, bad: RawEvent) -> Entry<W> {
        let mut entry =
            self.parked(message, queue, Some(sender), ParkReason::Unreadable, Some(bad.why.to_string()));
        if let Work::Park(parked) = &mut entry.work {
            parked.reference = reference_in(&bad.bytes);
            parked.event_id = bad.id.filter(|id| id.len() <= 255).or_else(|| message.message_id.clone());
            parked.bytes = bad.bytes;
        }
        entry
    }

    fn parked_event(
        &self,
        message: &Arrived,
        queue: &str,
        sender: &Sender,
        event: &Event,
        reason: ParkReason,
        told: String,
    ) -> Entry<W> {
        let cause = self.cause(queue, sender, event);
        let cause = Cause { event: Some(event.clone()), ..cause };
        let mut parked = Parked::event(&cause, reason);
        parked.routing_key.clone_from(&message.routing_key);
        parked.reference = reference_in(event.data.get().as_bytes());
        parked.told = Some(told);
        Entry { cause, work: Work::Park(Box::new(parked)) }
    }

    fn parked(
        &self,
        message: &Arrived,
        queue: &str,
        sender: Option<&Sender>,
        reason: ParkReason,
        told: Option<String>,
    ) -> Entry<W> {
        let id = message.message_id.clone().unwrap_or_default();
        let cause = Cause {
            inbox: None,
            id,
            sender: name_of(sender),
            traceparent: None,
            queue: queue.to_owned(),
            event: None,
        };
        let parked = Parked {
            reason,
            queue: queue.to_owned(),
            routing_key: message.routing_key.clone(),
            content_type: message.content_type.clone(),
            sender: cause.sender.clone(),
            event_id: message.message_id.clone(),
            reference: reference_in(&message.bytes),
            told,
            bytes: message.bytes.clone(),
        };
        Entry { cause, work: Work::Park(Box::new(parked)) }
    }

    /// The entry of a due row: a timer, or the answer of a call.
    ///
    /// # Errors
    /// This process lacks a key.
    pub fn due(
        &self,
        due: &DueRow,
        answer: Option<&serde_json::value::RawValue>,
    ) -> Result<Entry<W>, SealError> {
        let (word, time) = match answer {
            None => ("timer", due.due_at.0),
            Some(_) => ("answer", due.started_at.map_or(due.due_at.0, |at| at.0)),
        };
        let numbers = [due.epoch.to_be_bytes(), due.attempt.to_be_bytes()].concat();
        let id = derived_id(
            time,
            &[W::ROOM.name().as_bytes(), due.kind.as_bytes(), due.key.as_bytes(), &numbers, word.as_bytes()],
        );
        let cause = Cause {
            inbox: Some(id),
            id: id.to_string(),
            sender: None,
            traceparent: None,
            queue: format!("due/{}/{}", due.kind, due.key),
            event: None,
        };
        let arrival = match answer {
            None => Arrival::Timer { due },
            Some(answer) => Arrival::Answer { due, answer },
        };
        match self.worker.read(&arrival, self.ring) {
            Ok(input) => Ok(Entry { cause, work: Work::Due(input, DueId::of(due)) }),
            Err(ReadError::Seal(error)) => Err(error),
            Err(ReadError::Unreadable(why)) => {
                tracing::error!(due.kind = %due.kind, due.key = %due.key, error = %why, "a due row is not readable by this version");
                let parked = Parked::event(&cause, ParkReason::Unreadable);
                Ok(Entry { cause, work: Work::Park(Box::new(parked)) })
            }
        }
    }
}

fn name_of(sender: Option<&Sender>) -> Option<String> {
    match sender {
        Some(Sender::Outsider(name)) => Some(name.clone()),
        Some(Sender::Room) | None => None,
    }
}

/// The sender's own reference, wherever it still can be found, so that even an unreadable order is answered
/// under the name that its sender knows.
fn reference_in(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Outer {
        reference: Option<serde_json::Value>,
        data: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        reference: Option<serde_json::Value>,
    }
    let found = match serde_json::from_slice::<Outer>(bytes) {
        Ok(outer) => outer
            .data
            .and_then(|data| data.reference)
            .or(outer.reference)
            .and_then(|value| value.as_str().map(str::to_owned)),
        Err(_) => quoted_after(bytes, "\"reference\""),
    };
    found.filter(|text| messages::id::Reference::parse(text).is_ok() && find_card_number(text).is_none())
}

/// In bytes that are no JSON, what stands in quotation marks after `name` and a colon.
fn quoted_after(bytes: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let rest = &text[text.find(name)? + name.len()..];
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    rest.split('"').next().map(str::to_owned)
}
