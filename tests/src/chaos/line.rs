//! A connection to the broker that is made anew whenever it broke, for injectors that work while the broker is killed. It
//! must never give up on a message that was to be confirmed.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};

/// A call that takes longer means a dead or blocked connection.
const CALL_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(300);

/// One login.
pub(super) struct Line {
    url: String,
    live: Option<(Connection, Channel)>,
}

impl Line {
    pub(super) fn new(url: String) -> Self {
        Self { url, live: None }
    }

    /// The channel, on a new connection if there is none.
    ///
    /// # Errors
    /// The broker does not answer.
    pub(super) async fn channel(&mut self) -> Result<&Channel, String> {
        if self.live.as_ref().is_none_or(|(_, channel)| !channel.status().connected()) {
            self.live = None;
            let connection = bounded(Connection::connect(&self.url, ConnectionProperties::default())).await?;
            let channel = bounded(connection.create_channel()).await?;
            bounded(channel.confirm_select(ConfirmSelectOptions::default())).await?;
            self.live = Some((connection, channel));
        }
        self.live.as_ref().map(|(_, channel)| channel).ok_or_else(|| "no connection".to_owned())
    }

    /// Drops the connection.
    pub(super) fn forget(&mut self) {
        self.live = None;
    }

    /// Publishes once; gives whether the broker has stored it.
    ///
    /// # Errors
    /// The broker did not answer; it may have stored the message.
    pub(super) async fn publish(
        &mut self,
        exchange: &str,
        key: &str,
        bytes: &[u8],
        properties: BasicProperties,
    ) -> Result<bool, String> {
        let channel = self.channel().await?;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let published = channel.basic_publish(short(exchange), short(key), options, bytes, properties);
        let confirmed = bounded(bounded(published).await?).await?;
        Ok(matches!(confirmed, Confirmation::Ack(None)))
    }

    /// Publishes until the broker has stored it, always the same bytes.
    pub(super) async fn insist(
        &mut self,
        exchange: &str,
        key: &str,
        bytes: &[u8],
        properties: &BasicProperties,
    ) {
        while !matches!(self.publish(exchange, key, bytes, properties.clone()).await, Ok(true)) {
            self.forget();
            tokio::time::sleep(PAUSE).await;
        }
    }
}

pub(super) fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}

/// Bounds a call to the broker.
///
/// # Errors
/// The broker's words, or that there were none.
pub(super) async fn bounded<T>(call: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, String> {
    match tokio::time::timeout(CALL_MAX, call).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}
