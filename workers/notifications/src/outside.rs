//! The way out: one try to mail one notice, by a relay or into a directory. The contact is opened here and nowhere
//! else, and nothing of it is logged or answered.

use std::path::{Path, PathBuf};
use std::pin::Pin;

use lettre::Message;
use lettre::message::Mailbox;
use messages::order::ContactSection;
use messages::sealed::{Keyring, SealError, Section};
use shell::worker::{Call, Outside, Reply, raw};

use crate::mail::message;
use crate::read::{Answer, MAIL, Mail};
use crate::smtp::Fate;
pub use crate::smtp::Smtp;

/// Where mails go.
#[derive(Debug)]
pub enum Transport {
    Smtp(Smtp),
    /// One file per mail; a repeat replaces it.
    Files(PathBuf),
}

/// The performer of mails.
#[derive(Debug)]
pub struct Mailer {
    pub transport: Transport,
    pub from: Mailbox,
    /// Conversations at one time.
    pub concurrency: usize,
}

/// The relay of `smtp_url` (`smtp://host:port`, `smtp://user:password@host?tls=required`,
/// `smtps://user:password@host`), or else the directory.
///
/// # Errors
/// One sentence that does not repeat the address: it is not readable, or unsafe.
pub fn transport(smtp_url: Option<&str>, dir: &Path) -> Result<Transport, String> {
    match smtp_url {
        Some(url) => Ok(Transport::Smtp(Smtp::new(url)?)),
        None => Ok(Transport::Files(dir.to_owned())),
    }
}

/// The sender of notices.
///
/// # Errors
/// The text is no mailbox.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|_| "the sender of notices is no mailbox such as The Mint <orders@mint.example>".to_owned())
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
        match message(&mail, &self.from, &contact.name, email, call.due.due_at) {
            Ok(message) => self.transport.send(&mail, &message).await,
            Err(_) => (Answer::Unsendable, false),
        }
    }
}

impl Transport {
    async fn send(&self, mail: &Mail, message: &Message) -> (Answer, bool) {
        match self {
            Self::Smtp(smtp) => match smtp.send(message.envelope(), &message.formatted()).await {
                Fate::Taken => (Answer::Sent, false),
                Fate::Refused(code) => (Answer::Refused { code }, false),
                Fate::PutOff => (Answer::TryLater, false),
                Fate::Down => (Answer::TryLater, true),
                Fate::Unknown => (Answer::Unclear, false),
            },
            Self::Files(dir) => match write(dir, &file_name(mail), &message.formatted()).await {
                Ok(()) => (Answer::Sent, false),
                Err(error) => {
                    tracing::warn!(%error, "a mail cannot be written");
                    (Answer::TryLater, true)
                }
            },
        }
    }
}

fn file_name(mail: &Mail) -> String {
    let id = mail.message_id.split('.').next().unwrap_or_default();
    format!("{}-{}-{id}.eml", mail.facts.kind().name(), mail.order)
}

/// Renamed when whole, so that whoever watches the directory never reads half a mail.
async fn write(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(dir).await?;
    let part = dir.join(format!(".{name}.part"));
    tokio::fs::write(&part, bytes).await?;
    tokio::fs::rename(&part, dir.join(name)).await
}

#[cfg(test)]
mod tests;
