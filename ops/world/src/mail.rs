//! An SMTP server (RFC 5321) that keeps every mail in a directory and in memory, and misbehaves as the
//! recipient's local part says: `greylist…` is put off once, `reject…` is refused, `drop…` is kept and hung up on,
//! `stall…` is kept and left without an answer until the other side hangs up. It must never deliver a mail.

mod own;
mod session;
mod wire;

use anyhow::Context;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
pub use own::OwnSink;
use serde::Serialize;
use session::{Envelope, Session, Step};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use wire::{Data, Line, Wire};

/// Characters of a Message-ID that go into a file name.
const FILE_NAME_ID_MAX: usize = 100;

/// The mails accepted so far; clones share them.
#[derive(Clone)]
pub struct Sink {
    dir: Arc<PathBuf>,
    inside: Arc<Mutex<Inside>>,
}

/// One accepted mail. `message_id` is without its angle brackets, empty if the mail has none; `to` are the
/// recipients of the envelope; `subject` is unfolded and otherwise as sent; `raw` has no dot-stuffing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMail {
    pub message_id: String,
    pub to: Vec<String>,
    pub subject: String,
    pub raw: Vec<u8>,
}

struct Inside {
    mails: Vec<StoredMail>,
    greylisted: HashSet<String>,
    next_number: u64,
}

impl Sink {
    /// A sink that writes each mail as `DIR/<n>-<message-id>.eml`, going on after the highest number that is
    /// already there.
    ///
    /// # Errors
    /// The directory can neither be read nor made.
    pub fn open(dir: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make the directory {}", dir.display()))?;
        let mut next_number = 1;
        for entry in std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let name = entry.context("cannot read the mail directory")?.file_name();
            let number = name.to_str().and_then(|name| name.split('-').next()?.parse::<u64>().ok());
            next_number = next_number.max(number.unwrap_or(0) + 1);
        }
        let inside = Inside { mails: Vec::new(), greylisted: HashSet::new(), next_number };
        Ok(Self { dir: Arc::new(dir), inside: Arc::new(Mutex::new(inside)) })
    }

    /// What was accepted since the sink was opened, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<StoredMail> {
        self.inside().mails.clone()
    }

    /// True once per address.
    fn is_first_attempt(&self, address: &str) -> bool {
        self.inside().greylisted.insert(address.to_ascii_lowercase())
    }

    async fn keep(&self, to: Vec<String>, raw: Vec<u8>) -> std::io::Result<()> {
        let message_id = header(&raw, "message-id").unwrap_or_default();
        let message_id = message_id.trim_start_matches('<').trim_end_matches('>').to_owned();
        let subject = header(&raw, "subject").unwrap_or_default();
        let number = {
            let mut inside = self.inside();
            inside.next_number += 1;
            inside.next_number - 1
        };
        let path = self.dir.join(format!("{number}-{}.eml", file_name(&message_id)));
        // Renamed when whole, so that whoever watches the directory never reads half a mail.
        let part = path.with_extension("part");
        tokio::fs::write(&part, &raw).await?;
        tokio::fs::rename(&part, &path).await?;
        self.inside().mails.push(StoredMail { message_id, to, subject, raw });
        Ok(())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers SMTP until the process ends.
///
/// # Errors
/// The listening socket fails; a failing connection only ends itself.
pub async fn serve_smtp(listener: TcpListener, sink: Sink) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await.context("the mail sink stopped")?;
        let sink = sink.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(stream, sink).await {
                tracing::debug!(%error, "a mail connection ended early");
            }
        });
    }
}

/// Serves `GET /mails` until the process ends.
///
/// # Errors
/// The listening socket fails.
pub async fn serve_http(listener: TcpListener, sink: Sink) -> anyhow::Result<()> {
    let router = Router::new().route("/mails", get(summary)).with_state(sink);
    axum::serve(listener, router).await.context("the summary of mails stopped")
}

/// The mails of one Message-ID; those without one are counted together.
#[derive(Default, Serialize)]
struct MailSummary {
    message_id: String,
    to: BTreeSet<String>,
    subject: String,
    count: u64,
}

#[derive(Serialize)]
struct Summary {
    accepted: usize,
    mails: Vec<MailSummary>,
}

async fn summary(State(sink): State<Sink>) -> Json<Summary> {
    let inside = sink.inside();
    let mut by_id: BTreeMap<&str, MailSummary> = BTreeMap::new();
    for mail in &inside.mails {
        let entry = by_id.entry(&mail.message_id).or_insert_with(|| MailSummary {
            message_id: mail.message_id.clone(),
            subject: mail.subject.clone(),
            ..MailSummary::default()
        });
        entry.count += 1;
        entry.to.extend(mail.to.iter().cloned());
    }
    Json(Summary { accepted: inside.mails.len(), mails: by_id.into_values().collect() })
}

async fn converse(stream: TcpStream, sink: Sink) -> std::io::Result<()> {
    let mut wire = Wire::new(stream)?;
    let mut session = Session::new(sink.clone());
    wire.say("220 world ESMTP mail sink").await?;
    loop {
        let step = match wire.line().await? {
            Line::Text(line) => session.hear(&line),
            Line::TooLong => Step::Say("500 the line is too long".to_owned()),
            Line::Silence => Step::Leave("421 the connection was silent for too long".to_owned()),
            Line::End => return Ok(()),
        };
        match step {
            Step::Say(reply) => wire.say(&reply).await?,
            Step::Leave(reply) => return wire.say(&reply).await,
            Step::Read(envelope) => {
                wire.say("354 end with a line of one dot").await?;
                let Some(reply) = receive(&mut wire, &sink, envelope).await? else { return Ok(()) };
                wire.say(reply).await?;
            }
        }
    }
}

/// The answer to a mail's last dot, or none if its recipient wants the connection dropped or has waited for its end.
async fn receive(wire: &mut Wire, sink: &Sink, envelope: Envelope) -> std::io::Result<Option<&'static str>> {
    let raw = match wire.data().await? {
        Data::Whole(raw) => raw,
        Data::TooBig => return Ok(Some("552 the mail is too big")),
    };
    let (is_dropped, is_stalled) = (envelope.is_dropped(), envelope.is_stalled());
    if let Err(error) = sink.keep(envelope.to, raw).await {
        tracing::error!(%error, "a mail could not be written");
        return Ok(Some("451 the mail could not be written"));
    }
    if is_stalled {
        wire.line().await?;
    }
    Ok((!is_dropped && !is_stalled).then_some("250 the mail is kept"))
}

/// A header's value without its folds (RFC 5322 §2.2.3), by its name in small letters.
fn header(raw: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(raw);
    let mut lines = text.lines().take_while(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let mut whole = line.to_owned();
        while let Some(fold) = lines.next_if(|next| next.starts_with([' ', '\t'])) {
            whole.push_str(fold);
        }
        if let Some((found, value)) = whole.split_once(':')
            && found.trim_end().eq_ignore_ascii_case(name)
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

fn file_name(message_id: &str) -> String {
    if message_id.is_empty() {
        return "without-message-id".to_owned();
    }
    let safe =
        |letter: char| if letter.is_ascii_alphanumeric() || "@.-_".contains(letter) { letter } else { '_' };
    message_id.chars().map(safe).take(FILE_NAME_ID_MAX).collect()
}

#[cfg(test)]
mod tests;
