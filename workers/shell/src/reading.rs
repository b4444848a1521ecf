//! From AMQP messages to entries of a batch: who sent it, may it be sent, is it readable. It decides nothing
//! about orders, and it never lets an unreadable event take its neighbours along.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use messages::catalogue::{From as SentBy, Kind};
use messages::envelope::{OUTSIDE_BYTES_MAX, RawEvent, Unreadable, decode_with_text, is_good_id, read_body};
use messages::id::derived_id;
use messages::outsiders::{OPERATOR, Outsiders};
use messages::sealed::{Keyring, SealError};
use messages::task::TaskClose;
use messages::{Room, topology};
use serde_json::value::RawValue;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::cards::{attribute_with_card, has_card, without_cards};
use crate::control::Control;
use crate::parking::{ParkReason, Parked};
use crate::reference::reference_in;
use crate::settle::{Cause, Entry, Original, Work};
use crate::telemetry::trace;
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

/// One AMQP message, with who sent it.
struct Letter<'a> {
    message: &'a Arrived,
    queue: &'a str,
    sender: &'a Sender,
}

impl<W: Worker> Reader<'_, W> {
    /// The entries of one AMQP message.
    ///
    /// # Errors
    /// This process lacks a key: the batch must wait.
    pub fn read(&self, message: &Arrived, queue: &str) -> Result<Vec<Entry<W>>, SealError> {
        let Some(sender) = self.sender(message, queue) else {
            return Ok(vec![self.whole(message, queue, None, ParkReason::UnknownSender, None)]);
        };
        let letter = Letter { message, queue, sender: &sender };
        if sender != Sender::Room && message.bytes.len() > OUTSIDE_BYTES_MAX {
            let told = Some(Unreadable::TooLarge.to_string());
            return Ok(vec![self.whole(message, queue, Some(&sender), ParkReason::TooLarge, told)]);
        }
        match decode_with_text(message.content_type.as_deref(), &message.bytes) {
            Err(why) => Ok(vec![self.whole(
                message,
                queue,
                Some(&sender),
                ParkReason::Unreadable,
                Some(why.to_string()),
            )]),
            Ok(events) => events
                .into_iter()
                .enumerate()
                .map(|(place, event)| match event {
                    Ok((event, text)) => self.event(&letter, &Arc::new(Original { event, text })),
                    Err(bad) => Ok(self.unreadable(&letter, place, bad)),
                })
                .collect(),
        }
    }

    /// Whether a message on `oms.self` comes from the room itself or from the operator, so that its own headers count.
    #[must_use]
    pub fn is_trusted(&self, message: &Arrived) -> bool {
        let publisher = message.user_id.as_deref();
        message.exchange == topology::SELF
            && (!self.verified || publisher == Some(self.own_user) || publisher == Some(OPERATOR))
    }

    /// Who sent a message, as far as the broker vouches for it; none: nobody we know.
    #[must_use]
    pub fn sender(&self, message: &Arrived, queue: &str) -> Option<Sender> {
        let name = match message.exchange.as_str() {
            topology::OMS | topology::ROOMS => return Some(Sender::Room),
            topology::SELF => match &message.headers.oms_sender {
                _ if !self.is_trusted(message) => return None,
                Some(name) => name.as_str(),
                None if queue == topology::inner_queue(W::ROOM) => return Some(Sender::Room),
                None => return None,
            },
            _ if self.verified => message.user_id.as_deref()?,
            _ => message.app_id.as_deref()?,
        };
        self.outsiders.named(name).map(|outsider| Sender::Outsider(outsider.name.clone()))
    }

    fn event(&self, letter: &Letter<'_>, original: &Arc<Original>) -> Result<Entry<W>, SealError> {
        let is_outside = *letter.sender != Sender::Room;
        if let Some(attribute) = attribute_with_card(&original.event).filter(|_| is_outside) {
            let why = format!("the attribute {attribute} has a card number in it");
            let Original { event, text } = Original::clone(original);
            let clean = Arc::new(Original { event: without_cards(event), text });
            return Ok(parked(self.cause(letter, &clean), letter.message, ParkReason::Unreadable, Some(why)));
        }
        let event = &original.event;
        let cause = self.cause(letter, original);
        let fault = |reason, text: String| Ok(parked(cause.clone(), letter.message, reason, Some(text)));
        let Some(kind) = Kind::parse(&event.kind) else {
            return fault(ParkReason::UnknownType, Unreadable::UnknownType.to_string());
        };
        if let Some((reason, text)) = self.refusal(letter, kind, event.time) {
            return fault(reason, text);
        }
        if let Some(control) = Control::read(kind, &event.data, W::ROOM) {
            return match control {
                Ok(control) => Ok(Entry { cause, work: Work::Control(control) }),
                Err(why) => fault(ParkReason::Unreadable, why),
            };
        }
        // Intake looks for itself: it knows the fields of an order, and refuses by a name of its own.
        if is_outside && W::ROOM != Room::Intake && has_card(event) {
            return fault(ParkReason::Unreadable, "a card number stands in clear in the message".to_owned());
        }
        if kind == Kind::TaskClose {
            return match read_body::<TaskClose>(&event.data) {
                Ok(close) => Ok(Entry { cause, work: Work::CloseTask(close) }),
                Err(why) => fault(ParkReason::Unreadable, why.to_string()),
            };
        }
        match self.parse(&Arrival::Message { kind, event, sender: letter.sender }) {
            Ok(input) => Ok(Entry { cause, work: Work::Decide(input) }),
            Err(Fault::Ours(error)) => Err(error),
            Err(Fault::Event(reason, text)) => fault(reason, text),
        }
    }

    /// What the broker cannot check: a `CC` header passes topic permissions.
    fn refusal(&self, letter: &Letter<'_>, kind: Kind, time: OffsetDateTime) -> Option<(ParkReason, String)> {
        let (oldest, newest) =
            (self.now - Duration::days(EVENT_DAYS_MAX), self.now + Duration::days(EVENT_DAYS_AHEAD_MAX));
        let is_read_here = kind.read_by().contains(&W::ROOM) || W::ROOM == Room::Audit;
        match letter.sender {
            Sender::Room if !matches!(kind.sent_by(), SentBy::Rooms(_)) || !is_read_here => {
                Some((ParkReason::UnknownType, "no room sends this type to here".to_owned()))
            }
            Sender::Room => (time < oldest).then(|| (ParkReason::TooOld, String::new())),
            Sender::Outsider(name) => {
                let may = self.outsiders.named(name).is_some_and(|outsider| outsider.may_send(kind));
                let key_fits =
                    letter.message.exchange == topology::SELF || kind.fits_key(&letter.message.routing_key);
                if !may || !key_fits || !kind.read_by().contains(&W::ROOM) {
                    let text = format!(
                        "{name} may not send an event of type {} under this routing key",
                        kind.name()
                    );
                    return Some((ParkReason::NotAllowed, text));
                }
                (time < oldest || time > newest).then(|| {
                    let text = format!(
                        "the event's time must lie within {EVENT_DAYS_MAX} days before and {EVENT_DAYS_AHEAD_MAX} day after now"
                    );
                    (ParkReason::BadTime, text)
                })
            }
        }
    }

    fn parse(&self, arrival: &Arrival<'_>) -> Result<W::Input, Fault> {
        match catch_unwind(AssertUnwindSafe(|| self.worker.read(arrival, self.ring))) {
            Err(_) => Err(Fault::Event(ParkReason::Panicked, "the event could not be read".to_owned())),
            Ok(Ok(input)) => Ok(input),
            Ok(Err(ReadError::Seal(error))) if error.is_ours() => Err(Fault::Ours(error)),
            Ok(Err(error)) => Err(Fault::Event(ParkReason::Unreadable, error.to_string())),
        }
    }

    fn cause(&self, letter: &Letter<'_>, original: &Arc<Original>) -> Cause {
        let event = &original.event;
        let (source, id) = (event.source.as_bytes(), event.id.as_bytes());
        let origin = match letter.sender {
            Sender::Room => derived_id(event.time, &[source, id]),
            Sender::Outsider(_) => derived_id(event.time, &[source, id, event.data.get().as_bytes()]),
        };
        Cause {
            inbox: self.remembered(event.time, origin),
            origin,
            id: event.id.clone(),
            sender: name_of(Some(letter.sender)),
            traceparent: Some(trace::context(event.traceparent.as_deref(), origin)),
            queue: letter.queue.to_owned(),
            original: Some(Arc::clone(original)),
            due: None,
        }
    }

    /// The inbox has partitions for these times only. What lies outside is parked, and its parked id counts it once.
    fn remembered(&self, time: OffsetDateTime, origin: Uuid) -> Option<Uuid> {
        let inside = time >= self.now - Duration::days(EVENT_DAYS_MAX)
            && time <= self.now + Duration::days(EVENT_DAYS_AHEAD_MAX);
        inside.then_some(origin)
    }

    fn unreadable(&self, letter: &Letter<'_>, place: usize, bad: RawEvent) -> Entry<W> {
        let mut entry = self.whole(
            letter.message,
            letter.queue,
            Some(letter.sender),
            ParkReason::Unreadable,
            Some(bad.why.to_string()),
        );
        entry.cause.origin = derived_id(OffsetDateTime::UNIX_EPOCH, &[&bad.bytes, &place.to_be_bytes()]);
        if let Work::Park(parked) = &mut entry.work {
            parked.reference = reference_in(&bad.bytes);
            parked.event_id = bad.id.or_else(|| parked.event_id.take());
            parked.bytes = bad.bytes;
        }
        entry
    }

    /// A message that is parked as a whole.
    pub(crate) fn whole(
        &self,
        message: &Arrived,
        queue: &str,
        sender: Option<&Sender>,
        reason: ParkReason,
        told: Option<String>,
    ) -> Entry<W> {
        let id = message.message_id.clone().filter(|id| is_good_id(id)).unwrap_or_default();
        let cause = Cause {
            inbox: None,
            origin: derived_id(OffsetDateTime::UNIX_EPOCH, &[queue.as_bytes(), &message.bytes]),
            id: id.clone(),
            sender: name_of(sender),
            traceparent: None,
            queue: queue.to_owned(),
            original: None,
            due: None,
        };
        let parked = Parked {
            reason,
            queue: queue.to_owned(),
            routing_key: message.routing_key.clone(),
            content_type: message.content_type.clone(),
            sender: cause.sender.clone(),
            event_id: Some(id).filter(|id| !id.is_empty()),
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
    pub fn due(&self, due: &DueRow, answer: Option<&RawValue>) -> Result<Entry<W>, SealError> {
        let (word, time) = match answer {
            None => ("timer", due.due_at.0),
            Some(_) => ("answer", due.started_at.map_or(due.due_at.0, |at| at.0)),
        };
        let numbers =
            [due.serial.to_be_bytes().as_slice(), &due.epoch.to_be_bytes(), &due.attempt.to_be_bytes()]
                .concat();
        let room = W::ROOM.name().as_bytes();
        let id =
            derived_id(time, &[room, due.kind.as_bytes(), due.key.as_bytes(), &numbers, word.as_bytes()]);
        let cause = Cause {
            inbox: self.remembered(time, id),
            origin: id,
            id: id.to_string(),
            sender: None,
            traceparent: due.traceparent.clone(),
            queue: format!("due/{}", due.kind),
            original: None,
            due: Some(due.clone()),
        };
        let arrival = match answer {
            None => Arrival::Timer { due },
            Some(answer) => Arrival::Answer { due, answer },
        };
        match (self.parse(&arrival), answer) {
            (Ok(input), None) => Ok(Entry { cause, work: Work::Timer(input) }),
            (Ok(input), Some(_)) => Ok(Entry { cause, work: Work::Answer(input) }),
            (Err(Fault::Ours(error)), _) => Err(error),
            (Err(Fault::Event(reason, text)), _) => {
                tracing::error!(room = %W::ROOM, due.kind = %due.kind, due.key = %due.key, error = %text, "a due row is parked: this version cannot read it");
                let mut parked = Parked::event(&cause, reason);
                if let Some(answer) = answer {
                    parked.bytes.extend_from_slice(answer.get().as_bytes());
                }
                Ok(Entry { cause, work: Work::Park(Box::new(parked)) })
            }
        }
    }
}

/// Whose fault it is that an arrival is no input.
enum Fault {
    Ours(SealError),
    Event(ParkReason, String),
}

fn parked<W: Worker>(cause: Cause, message: &Arrived, reason: ParkReason, told: Option<String>) -> Entry<W> {
    let mut parked = Parked::event(&cause, reason);
    parked.routing_key.clone_from(&message.routing_key);
    parked.reference = reference_in(&parked.bytes);
    parked.told = told;
    Entry { cause, work: Work::Park(Box::new(parked)) }
}

fn name_of(sender: Option<&Sender>) -> Option<String> {
    match sender {
        Some(Sender::Outsider(name)) => Some(name.clone()),
        Some(Sender::Room) | None => None,
    }
}
