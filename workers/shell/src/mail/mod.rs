//! The way of a mail out of the house, for the rooms that send any: a conversation with a relay, or a file in a
//! directory. It never writes a mail, never opens a section, and logs nothing of what it sends.

mod smtp;
mod url;

use std::path::{Path, PathBuf};

use lettre::Message;
use lettre::message::Mailbox;

pub use smtp::Smtp;

/// Where mails go.
#[derive(Debug)]
pub enum Transport {
    Smtp(Smtp),
    /// One file per mail; a repeat replaces it.
    Files(PathBuf),
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Taken,
    /// For good, for this recipient or this mail.
    Refused(u16),
    /// For now, for this recipient or this mail.
    PutOff,
    /// Not taken, and the relay takes nobody's.
    Down,
    /// The mail was on its way when the conversation broke off.
    Unknown,
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

/// The sender of mails.
///
/// # Errors
/// The text is no mailbox.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|_| "the sender of mails is no mailbox such as The Mint <orders@mint.example>".to_owned())
}

impl Transport {
    /// One try. `file_name` is used only where mails are files.
    pub async fn send(&self, file_name: &str, message: &Message) -> Fate {
        match self {
            Self::Smtp(smtp) => smtp.send(message.envelope(), &message.formatted()).await,
            Self::Files(dir) => match write(dir, file_name, &message.formatted()).await {
                Ok(()) => Fate::Taken,
                Err(error) => {
                    tracing::warn!(%error, "a mail cannot be written");
                    Fate::Down
                }
            },
        }
    }
}

/// Renamed when whole, so that whoever watches the directory never reads half a mail.
async fn write(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(dir).await?;
    let part = dir.join(format!(".{name}.part"));
    tokio::fs::write(&part, bytes).await?;
    tokio::fs::rename(&part, dir.join(name)).await
}
