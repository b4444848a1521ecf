//! An outsider's own line to the broker: it publishes on `oms.in` and reads `oms.out.<name>`, under its own
//! name, as any AMQP client can. It must never declare anything, never read another's queue, and never change
//! the id of what it sends again.

mod ear;
mod letter;
mod link;
mod publish;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use lapin::uri::AMQPUri;
use messages::envelope::SpecVersion;
use messages::topology::{addresses, out_queue};
use messages::{Body, Event, Timestamp};
use serde_json::value::to_raw_value;
use tokio::sync::{mpsc, oneshot};

pub use ear::{Ear, Heard};
pub use letter::Letter;
use link::Link;
use publish::Window;

/// What went wrong on the way to the broker. No text holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineError {
    /// The address is no AMQP address.
    Address,
    CredentialsFile {
        path: String,
        why: String,
    },
    /// The credentials do not name this outsider.
    NoPassword(String),
    Unreachable {
        at: String,
        name: String,
        why: String,
    },
    Refused {
        name: String,
        why: String,
    },
    /// A queue that is not there, or not this outsider's.
    Queue {
        queue: String,
        why: String,
    },
    /// A routing key that no queue takes.
    NoRoute(String),
    Closed(String),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str(
                "the AMQP address is not readable; it looks like amqp://user:password@host:5672/vhost, or like several of these with commas between them",
            ),
            Self::CredentialsFile { path, why } => {
                write!(f, "the credentials file {path} is not readable: {why}")
            }
            Self::NoPassword(name) => {
                write!(f, "there is no password for {name}; run `oms topology apply --credentials FILE`")
            }
            Self::Unreachable { at, name, why } => {
                write!(f, "the broker at {at} does not let {name} in: {why}")
            }
            Self::Refused { name, why } => write!(f, "the broker does not let {name} do this: {why}"),
            Self::Queue { queue, why } => {
                write!(f, "the queue {queue} cannot be read: {why}; run `oms topology apply`")
            }
            Self::NoRoute(key) => {
                write!(f, "the broker has no queue for messages of {key}; run `oms topology apply`")
            }
            Self::Closed(name) => write!(f, "the line of {name} is closed"),
        }
    }
}

impl std::error::Error for LineError {}

/// The outsiders' passwords, by their names.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, String>);

impl Credentials {
    /// Reads the file that `oms topology apply --credentials FILE` writes: JSON, name to password.
    ///
    /// # Errors
    /// The file is missing or has another form; its text is never repeated.
    pub fn read(path: &Path) -> Result<Self, LineError> {
        let failed = |why: String| LineError::CredentialsFile { path: path.display().to_string(), why };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::from_json(&text)
            .ok_or_else(|| failed("it must be a JSON object of names and passwords".to_owned()))
    }

    /// `None` if the text is no JSON object of texts.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// An open line. It lives on two connections, so that a broker that stops publishers does not stop their acks.
#[derive(Debug)]
pub struct Line {
    name: String,
    hearing: Link,
    windows: mpsc::Sender<Window>,
}

impl Line {
    /// Opens the line of the outsider `name`, at the first of the addresses that answers. With credentials it logs in as that outsider, and the broker vouches
    /// for the name; without, it keeps the address's own login and only claims the name (`app_id`).
    ///
    /// # Errors
    /// The address or the password is missing or wrong, or the broker does not answer.
    pub async fn open(url: &str, credentials: Option<&Credentials>, name: &str) -> Result<Self, LineError> {
        let each = addresses(url).into_iter().map(str::parse::<AMQPUri>);
        let mut uris = each.collect::<Result<Vec<_>, _>>().map_err(|_| LineError::Address)?;
        if let Some(credentials) = credentials {
            let password = credentials.0.get(name).ok_or_else(|| LineError::NoPassword(name.to_owned()))?;
            for uri in &mut uris {
                name.clone_into(&mut uri.authority.userinfo.username);
                uri.authority.userinfo.password.clone_from(password);
            }
        }
        let uris: Arc<[AMQPUri]> = uris.into();
        let publishing = Link::new(Arc::clone(&uris), name, "publishing");
        // At once, so that a wrong password is told here and not with the first message.
        publishing.channel().await?;
        let (windows, arriving) = mpsc::channel(4);
        tokio::spawn(publish::publish_windows(publishing, arriving));
        Ok(Self { name: name.to_owned(), hearing: Link::new(uris, name, "hearing"), windows })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Publishes the letters in order and returns when the broker has stored all of them. A lost connection or a
    /// full queue is waited out, and what was not confirmed is sent again under the same ids.
    ///
    /// # Errors
    /// The broker refuses this outsider, or no queue takes the letters.
    pub async fn publish(&self, letters: Vec<Letter>) -> Result<(), LineError> {
        let closed = || LineError::Closed(self.name.clone());
        for letters in windows_of(letters) {
            let (done, answer) = oneshot::channel();
            self.windows.send(Window { letters, done }).await.map_err(|_| closed())?;
            answer.await.map_err(|_| closed())??;
        }
        Ok(())
    }

    /// Starts to read this outsider's queue.
    ///
    /// # Errors
    /// The broker does not answer, or the queue is not there.
    pub async fn ear(&self) -> Result<Ear, LineError> {
        Ear::open(self.hearing.clone(), out_queue(&self.name)).await
    }
}

/// An event of the outsider `name`. The id must be the same for the same thing said again.
///
/// # Panics
/// Never: a body is made of strings, numbers and lists, which always serialize.
#[must_use]
pub fn event<B: Body>(name: &str, id: String, time: Timestamp, subject: &str, body: &B) -> Event {
    Event {
        specversion: SpecVersion::V1,
        id,
        source: format!("/{name}"),
        kind: B::KIND.name().to_owned(),
        time: time.0,
        subject: Some(subject.to_owned()),
        datacontenttype: Some("application/json".to_owned()),
        traceparent: None,
        causationid: None,
        data: to_raw_value(body).expect("strings, numbers and lists always serialize"),
    }
}

fn windows_of(letters: Vec<Letter>) -> impl Iterator<Item = Vec<Letter>> {
    let mut letters = letters.into_iter();
    std::iter::from_fn(move || {
        let window: Vec<Letter> = letters.by_ref().take(publish::WINDOW_MAX).collect();
        (!window.is_empty()).then_some(window)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_map_of_names_and_never_shown() {
        let credentials = Credentials::from_json(r#"{"web-store":"s3cret"}"#).unwrap();
        assert_eq!(format!("{credentials:?}"), r#"["web-store"]"#);
        for text in ["", "[]", r#"{"web-store":1}"#] {
            assert!(Credentials::from_json(text).is_none(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_line_that_cannot_be_opened_says_why_without_the_password() {
        let credentials = Credentials::from_json(r#"{"web-store":"s3cret"}"#).unwrap();
        for (url, name, said) in [
            ("http://localhost", "web-store", "not readable"),
            ("amqp://localhost", "call-centre", "no password for call-centre"),
            // Port 1 is nobody's.
            ("amqp://127.0.0.1:1", "web-store", "127.0.0.1:1 does not let web-store in"),
            ("amqp://127.0.0.1:1,amqp://127.0.0.1:2", "web-store", "127.0.0.1:2 does not let web-store in"),
            ("amqp://127.0.0.1:1,amqp://127.0.0.1:x", "web-store", "not readable"),
        ] {
            let error = Line::open(url, Some(&credentials), name).await.unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn windows_are_bounded() {
        let letters = vec![Letter::raw("order.submit.v1", "text/plain", "a", Vec::new()); 1201];
        let sizes: Vec<usize> = windows_of(letters).map(|window| window.len()).collect();
        assert_eq!(sizes, [500, 500, 201]);
    }
}
