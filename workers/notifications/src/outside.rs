//! The way out: one try to mail one notice, by a relay or into a directory. The contact is opened here and nowhere
//! else, and nothing of it is logged or answered.

use std::pin::Pin;

use lettre::message::Mailbox;
use messages::order::ContactSection;
use messages::sealed::{Keyring, SealError, Section};
use shell::mail::Fate;
pub use shell::mail::{Transport, mailbox, transport};
use shell::worker::{Call, Outside, Reply, raw};

use crate::facts::Facts;
use crate::mail::{AnswerCode, message};
use crate::read::{Answer, MAIL, Mail};

/// The performer of mails.
#[derive(Debug)]
pub struct Mailer {
    pub transport: Transport,
    pub from: Mailbox,
    /// Where the store's page for answers begins: `<answer_base_url>/answer?case=…&t=…`.
    pub answer_base_url: String,
    /// Conversations at one time.
    pub concurrency: usize,
}

impl Outside for Mailer {
    fn kinds(&self) -> &'static [&'static str] {
        &[MAIL]
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
            let (answer, far_side_down) = self.mail(call, ring).await;
            Reply { answer: raw(&answer), far_side_down }
        })
    }
}

impl Mailer {
    async fn mail(&self, call: &Call, ring: &Keyring) -> (Answer, bool) {
        // Whoever began this try may have sent it: the room counts that before anybody sends again.
        if call.unknown {
            return (Answer::Unclear, false);
        }
        let Ok(mail) = call.due.body::<Mail>() else {
            tracing::error!(due.key = %call.due.key, "a mail is not readable by this version");
            return (Answer::TryLater, false);
        };
        let contact: ContactSection = match ring.open(Section::Contact, mail.order.as_str(), 0, &mail.contact)
        {
            Ok(contact) => contact,
            Err(error @ SealError::MissingKey(_)) => {
                tracing::error!(%error, "a notice waits for its key");
                return (Answer::TryLater, false);
            }
            Err(
                SealError::Form
                | SealError::DoesNotOpen(_)
                | SealError::Content
                | SealError::NoRandom
                | SealError::KeyFile(_),
            ) => return (Answer::Unsendable, false),
        };
        let Some(email) = &contact.email else { return (Answer::NoEmail, false) };
        let code = match self.answer_code(&mail, ring) {
            Ok(code) => code,
            Err(error) => {
                tracing::error!(%error, "a question waits for the key of its answer code");
                return (Answer::TryLater, false);
            }
        };
        match message(&mail, &self.from, &contact.name, email, code, call.due.due_at) {
            Ok(message) => answer(self.transport.send(&file_name(&mail), &message).await),
            Err(_) => (Answer::Unsendable, false),
        }
    }
}

impl Mailer {
    /// The code of the question that the mail asks, if it asks one. It is made here so that it rests nowhere.
    fn answer_code(&self, mail: &Mail, ring: &Keyring) -> Result<Option<AnswerCode>, SealError> {
        let Facts::Asked { contact, .. } = mail.facts else { return Ok(None) };
        // The case has the shipment's id, and the notice's cause is that.
        AnswerCode::linked(ring, &self.answer_base_url, &mail.cause, contact).map(Some)
    }
}

const fn answer(fate: Fate) -> (Answer, bool) {
    match fate {
        Fate::Taken => (Answer::Sent, false),
        Fate::Refused(code) => (Answer::Refused { code }, false),
        Fate::PutOff => (Answer::PutOff, false),
        Fate::Down => (Answer::TryLater, true),
        Fate::Unknown => (Answer::Unclear, false),
    }
}

fn file_name(mail: &Mail) -> String {
    let id = mail.message_id.split('.').next().unwrap_or_default();
    format!("{}-{}-{id}.eml", mail.facts.kind().name(), mail.order)
}

#[cfg(test)]
mod tests;
