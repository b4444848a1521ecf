//! The way out: one try to mail one mail, by a relay or into a directory. The contact is opened here and nowhere else,
//! and nothing of it is logged or answered.

use std::pin::Pin;

use lettre::Message;
use lettre::message::Mailbox;
use messages::sealed::{Fingerprint, Keyring, SealError, Sealed, Section};
use messages::subscriber::Topic;
use shell::mail::Fate;
pub use shell::mail::{Transport, mailbox, transport};
use shell::worker::{Call, Outside, Reply, raw};

pub use crate::mail::Settings;
use crate::mail::{Promotion, confirmation, digits, promotion};
use crate::read::{Answer, CONFIRM, ConfirmBody, Contact, DELIVER, DeliverBody};
use crate::token::{Purpose, Token, topic_number};

/// How old the check of consent may be when the call begins.
const CHECKED_SECONDS_MAX: i64 = 30;

/// The performer of mails.
#[derive(Debug)]
pub struct Mailer {
    pub transport: Transport,
    pub from: Mailbox,
    pub settings: Settings,
    /// Conversations at one time.
    pub concurrency: usize,
}

impl Outside for Mailer {
    fn kinds(&self) -> &'static [&'static str] {
        &[CONFIRM, DELIVER]
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn perform<'a>(
        &'a self,
        call: &'a Call,
        ring: &'a Keyring,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
        Box::pin(async move {
            let answer = self.mail(call, ring).await;
            Reply { answer: raw(&answer), far_side_down: answer == Answer::Down }
        })
    }
}

/// Why there is no mail.
enum Unmade {
    Unsendable,
    /// A key is missing, or another version wrote the row.
    Later,
}

impl From<SealError> for Unmade {
    fn from(error: SealError) -> Self {
        if error.is_ours() {
            tracing::error!(%error, "a mail waits for its key");
            Self::Later
        } else {
            Self::Unsendable
        }
    }
}

impl Mailer {
    async fn mail(&self, call: &Call, ring: &Keyring) -> Answer {
        // Whoever began this try may have sent it: a mail of a list is never repeated.
        if call.unknown {
            return Answer::Unclear;
        }
        let made = if call.due.kind == CONFIRM { self.confirm(call, ring) } else { self.deliver(call, ring) };
        match made {
            Ok(Some((name, message))) => answer(self.transport.send(&name, &message).await),
            Ok(None) => Answer::Stale,
            Err(Unmade::Unsendable) => Answer::Unsendable,
            Err(Unmade::Later) => Answer::Down,
        }
    }

    fn confirm(&self, call: &Call, ring: &Keyring) -> Result<Option<(String, Message)>, Unmade> {
        let body: ConfirmBody = call.due.body().map_err(|_| Unmade::Later)?;
        let contact = open(ring, &body.subscriber, &body.contact)?;
        let token = Token::make(ring, Purpose::Subscribe, &body.subscriber, body.number)?;
        let topics: Vec<Topic> = body.topics.iter().copied().collect();
        let made = confirmation(&self.settings, &topics, &token, &self.from, &contact, call.due.due_at);
        let name = format!("confirm-{}.eml", digits(&call.due.key));
        Ok(Some((name, made.map_err(|_| Unmade::Unsendable)?)))
    }

    fn deliver(&self, call: &Call, ring: &Keyring) -> Result<Option<(String, Message)>, Unmade> {
        // Both times are the database's.
        let waited = call.due.started_at.map_or(0, |started| started.seconds_since(call.due.due_at));
        if waited > CHECKED_SECONDS_MAX {
            return Ok(None);
        }
        let body: DeliverBody = call.due.body().map_err(|_| Unmade::Later)?;
        let subscriber = &body.mail.subscriber;
        let contact = open(ring, subscriber, &body.contact)?;
        let unsubscribe = Token::make(ring, Purpose::Unsubscribe, subscriber, topic_number(body.topic))?;
        let id = body.mail.to_string();
        let words = Promotion {
            topic: body.topic,
            subject: &body.subject,
            text: &body.text,
            id: &id,
            unsubscribe: &unsubscribe,
        };
        let made = promotion(&self.settings, &words, &self.from, &contact, call.due.due_at);
        Ok(Some((format!("campaign-{}.eml", digits(&id)), made.map_err(|_| Unmade::Unsendable)?)))
    }
}

fn open(ring: &Keyring, subscriber: &Fingerprint, contact: &Sealed) -> Result<Contact, Unmade> {
    Ok(ring.open(Section::Contact, subscriber.as_str(), 0, contact)?)
}

const fn answer(fate: Fate) -> Answer {
    match fate {
        Fate::Taken => Answer::Sent,
        Fate::Refused(code) => Answer::Refused { code },
        Fate::PutOff => Answer::PutOff,
        Fate::Down => Answer::Down,
        Fate::Unknown => Answer::Unclear,
    }
}

#[cfg(test)]
mod tests;
