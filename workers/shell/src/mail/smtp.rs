//! One conversation with the relay, and what it came to. The phases are walked here, not by lettre's own transport:
//! that one does not tell a connection lost before the mail from one lost after it, has no time-out on replies, and
//! takes a connection whose conversation was cut off back into its pool. A connection that has failed is never used
//! again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use super::Fate;
use super::url::{RelayUrl, Security};

/// For a connection to be ready, and again for a mail to be taken: together well within a performer's lease.
const TIMEOUT: Duration = Duration::from_secs(30);
/// "Service not available, closing transmission channel" (RFC 5321 §4.2.3).
const CLOSING: u16 = 421;

/// A relay that speaks SMTP.
pub struct Smtp {
    host: String,
    port: u16,
    tls: Tls,
    login: Option<Credentials>,
    hello: ClientId,
    /// Never more than there were conversations at one time.
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

enum Tls {
    None,
    Start(TlsParameters),
    Wrapped(TlsParameters),
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp({}:{})", self.host, self.port)
    }
}

impl Smtp {
    /// # Errors
    /// One sentence that never repeats the address: it is not readable, or TLS cannot be set up.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let url = RelayUrl::parse(url)
            .map_err(|why| format!("OMS_SMTP_URL is not a mail relay's address: {why}"))?;
        let parameters = || {
            TlsParameters::new(url.host.clone())
                .map_err(|error| format!("TLS to the mail relay cannot be set up: {error}"))
        };
        let tls = match url.security {
            Security::None => Tls::None,
            Security::StartTls => Tls::Start(parameters()?),
            Security::Tls => Tls::Wrapped(parameters()?),
        };
        let login = url.login.map(|(user, password)| Credentials::new(user, password));
        let (host, port) = (url.host, url.port);
        Ok(Self { host, port, tls, login, hello: ClientId::default(), idle: Mutex::new(Vec::new()) })
    }

    pub(crate) async fn send(&self, envelope: &Envelope, mail: &[u8]) -> Fate {
        let mut connection = match timeout(TIMEOUT, self.ready()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                tracing::warn!(code = code(&error), "the mail relay cannot be reached or refuses us");
                return Fate::Down;
            }
            Err(_) => return Fate::Down,
        };
        let mut phase = Phase::Sender;
        let said = timeout(TIMEOUT, converse(&mut connection, envelope, mail, &mut phase)).await;
        match said {
            Ok(Ok(())) => {
                self.keep(connection);
                Fate::Taken
            }
            Ok(Err(error)) => fate(phase, &error),
            Err(_) => phase.broken_off(),
        }
    }

    /// An idle connection that still answers, or a new one.
    async fn ready(&self) -> Result<AsyncSmtpConnection, Error> {
        while let Some(mut idle) = self.take() {
            if idle.test_connected().await {
                return Ok(idle);
            }
        }
        let (wrapped, start) = match &self.tls {
            Tls::None => (None, None),
            Tls::Start(parameters) => (None, Some(parameters.clone())),
            Tls::Wrapped(parameters) => (Some(parameters.clone()), None),
        };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(TIMEOUT), &self.hello, wrapped, None).await?;
        if let Some(parameters) = start {
            connection.starttls(parameters, &self.hello).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(connection)
    }

    /// Connections that wait for the next mail.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Option<AsyncSmtpConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// How far a conversation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// What is refused now is refused to us, not to the recipient.
    Sender,
    Recipient,
    /// From here on the relay may have the mail.
    Content,
}

impl Phase {
    const fn broken_off(self) -> Fate {
        match self {
            Self::Sender | Self::Recipient => Fate::Down,
            Self::Content => Fate::Unknown,
        }
    }
}

async fn converse(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    mail: &[u8],
    phase: &mut Phase,
) -> Result<(), Error> {
    connection.command(Mail::new(envelope.from().cloned(), vec![])).await?;
    *phase = Phase::Recipient;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), vec![])).await?;
    }
    connection.command(Data).await?;
    *phase = Phase::Content;
    connection.message(mail).await.map(|_| ())
}

fn fate(phase: Phase, error: &Error) -> Fate {
    match (phase, code(error)) {
        (_, None) => phase.broken_off(),
        (_, Some(CLOSING)) | (Phase::Sender, Some(_)) => Fate::Down,
        (Phase::Recipient | Phase::Content, Some(code)) => {
            if error.is_permanent() {
                Fate::Refused(code)
            } else {
                Fate::PutOff
            }
        }
    }
}

/// The reply's code, where there was a reply.
fn code(error: &Error) -> Option<u16> {
    error.status().map(u16::from)
}
