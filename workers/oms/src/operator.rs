//! The operator as an outsider: every change is a message on `oms.in` under the name `operator`, with a user id,
//! and its answer is awaited. Nothing is ever written to a database from here.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation};
use messages::answer::{CommandAnswered, Outcome};
use messages::envelope::{SINGLE, SpecVersion, decode, encode};
use messages::id::{Reference, UserId};
use messages::outsiders::OPERATOR;
use messages::{Body, Event, Kind, Room, topology};
use shell::addresses::Addresses;
use shell::clock;
use shell::config::{self, Config};
use shell::wire::{Link, short};
use uuid::Uuid;

/// How long an answer is awaited.
const ANSWER_SECONDS_MAX: u64 = 30;
/// Answers that nobody awaited any more are cleared away after this.
const STALE_SECONDS: i64 = 600;
const PERSISTENT: u8 = 2;

/// The operator's own connection, or that of another outsider whom this program serves.
pub(crate) struct Operator {
    link: Link,
    name: &'static str,
}

/// Who the operator is.
///
/// # Errors
/// Neither `--user` nor `OMS_USER` says.
pub(crate) fn user(config: &Config, given: Option<&str>) -> Result<UserId, String> {
    let name = given
        .or_else(|| config.get(config::USER))
        .ok_or("say who you are, with --user or OMS_USER: it stands beside every change")?;
    UserId::parse(name).map_err(|error| error.to_string())
}

impl Operator {
    /// # Errors
    /// The broker's address or the file of credentials is not readable.
    pub(crate) fn open(config: &Config) -> Result<Self, String> {
        Self::open_as(config, OPERATOR)
    }

    /// # Errors
    /// As [`Operator::open`].
    pub(crate) fn open_as(config: &Config, name: &'static str) -> Result<Self, String> {
        let link = Link::to(login(config, name)?, &format!("oms {name}"));
        Ok(Self { link, name })
    }

    /// Whether the broker vouches for the name.
    pub(crate) fn is_verified(&self) -> bool {
        self.link.user() == self.name
    }

    /// Sends one message that nobody waits to be answered, and returns once the broker has it.
    ///
    /// # Errors
    /// The broker does not take it.
    pub(crate) async fn send<B: Body>(&self, body: &B) -> Result<(), String> {
        // A confirm channel is never shared between tasks, so each message has its own.
        let channel = self.channel().await?;
        let event = event(self.name, body)?;
        let (content_type, bytes) = encode(std::slice::from_ref(&event));
        let properties = self.properties(content_type, &event.id, None);
        let sent = self.publish(&channel, topology::IN, &key_of(B::KIND), &bytes, properties).await;
        // It is gone with the connection if it cannot be closed.
        let _ = channel.close(200, short("done")).await;
        sent
    }

    /// Takes and drops what comes to this outsider's own queue, until the connection breaks.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) async fn drain(&self) -> Result<(), String> {
        let channel = self.link.channel().await.map_err(|error| error.to_string())?;
        let queue = topology::out_queue(self.name);
        let tag = format!("{}-{}", self.name, Uuid::now_v7());
        let mut answers = channel
            .basic_consume(short(&queue), short(&tag), BasicConsumeOptions::default(), FieldTable::default())
            .await
            .map_err(|error| error.to_string())?;
        while let Some(delivery) = answers.next().await {
            let delivery = delivery.map_err(|error| error.to_string())?;
            let acked = channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await;
            acked.map_err(|error| error.to_string())?;
        }
        Err("the broker closed the connection".to_owned())
    }

    pub(crate) async fn channel(&self) -> Result<Channel, String> {
        let channel = self.link.channel().await.map_err(|error| error.to_string())?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(|error| error.to_string())?;
        Ok(channel)
    }

    /// Sends commands and waits for the answer to each.
    ///
    /// # Errors
    /// The broker does not take them, or no room answers in time.
    pub(crate) async fn ask<B: Body>(
        &self,
        commands: &[B],
        routing_key: &str,
    ) -> Result<Vec<CommandAnswered>, String> {
        let channel = self.channel().await?;
        let queue = topology::out_queue(self.name);
        let mut answers = channel
            .basic_consume(
                short(&queue),
                short(&format!("operator-{}", Uuid::now_v7())),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .map_err(|_| format!("queue {queue} is missing or closed to you; run `oms topology apply`"))?;
        let mut awaited: BTreeMap<String, Option<CommandAnswered>> = BTreeMap::new();
        let mut order = Vec::new();
        for command in commands {
            let event = event(self.name, command)?;
            order.push(event.id.clone());
            awaited.insert(event.id.clone(), None);
            let (content_type, bytes) = encode(std::slice::from_ref(&event));
            let properties = self.properties(content_type, &event.id, None);
            self.publish(&channel, topology::IN, routing_key, &bytes, properties).await?;
        }
        let collect = async {
            while awaited.values().any(Option::is_none) {
                let Some(Ok(delivery)) = answers.next().await else {
                    return Err("the broker closed the connection".to_owned());
                };
                if take(
                    &delivery.data,
                    delivery.properties.content_type().as_ref().map_or(SINGLE, |text| text.as_str()),
                    &mut awaited,
                ) {
                    channel
                        .basic_ack(delivery.delivery_tag, BasicAckOptions::default())
                        .await
                        .map_err(|error| error.to_string())?;
                }
            }
            Ok(())
        };
        let addressed = routing_key.strip_prefix(B::KIND.name()).and_then(|rest| rest.strip_prefix('.'));
        let room = addressed.or(B::KIND.read_by().first().map(|room| room.name())).unwrap_or_default();
        tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), collect)
            .await
            .map_err(|_| format!("no answer within {ANSWER_SECONDS_MAX} seconds: the command is with the broker and will be done when the room runs (is `{room}` up? see `oms status`)"))??;
        Ok(order.iter().filter_map(|id| awaited.remove(id).flatten()).collect())
    }

    /// Publishes one message and waits until the broker has it.
    ///
    /// # Errors
    /// The broker does not take it.
    pub(crate) async fn publish(
        &self,
        channel: &Channel,
        exchange: &str,
        key: &str,
        bytes: &[u8],
        properties: BasicProperties,
    ) -> Result<(), String> {
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirm = channel
            .basic_publish(short(exchange), short(key), mandatory, bytes, properties)
            .await
            .map_err(|error| error.to_string())?;
        match confirm.await.map_err(|error| format!("the broker refused the message: {error}"))? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(format!("no queue takes {key}; run `oms topology apply`")),
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                Err("the broker did not take the message; try again".to_owned())
            }
        }
    }

    /// Properties under the operator's own name, or on behalf of the outsider who sent a message first.
    pub(crate) fn properties(
        &self,
        content_type: &str,
        id: &str,
        on_behalf_of: Option<&str>,
    ) -> BasicProperties {
        let mut headers = FieldTable::default();
        if let Some(sender) = on_behalf_of {
            headers.insert("oms-sender".into(), AMQPValue::LongString(sender.into()));
        }
        BasicProperties::default()
            .with_content_type(short(content_type))
            .with_message_id(short(id))
            .with_delivery_mode(PERSISTENT)
            .with_user_id(short(self.link.user()))
            .with_app_id(short(self.name))
            .with_headers(headers)
    }
}

/// The broker's addresses with a user of the credentials file, or the common login where there is no such file.
///
/// # Errors
/// An address or the file is not readable, or the file does not have the user.
fn login(config: &Config, name: &str) -> Result<Addresses, String> {
    let addresses = Addresses::parse(config.need(config::AMQP_URL)?).map_err(|error| error.to_string())?;
    let Some(path) = config.get(config::CREDENTIALS_FILE) else { return Ok(addresses) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{path} (OMS_CREDENTIALS_FILE) cannot be read: {error}"))?;
    let users: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|_| {
        format!("{path} (OMS_CREDENTIALS_FILE) must be a JSON object of user names and passwords")
    })?;
    let password = users
        .get(name)
        .ok_or_else(|| format!("{path} has no user {name}; run `oms topology apply --credentials {path}`"))?;
    Ok(addresses.with_login(name, password))
}

/// Sends one command; what it is answered, or `done` if the answer has no words. A command that was done before is done.
///
/// # Errors
/// The command is refused, or there is no answer.
pub(crate) async fn carry_out<B: Body>(config: &Config, command: B, done: &str) -> Result<String, String> {
    let answers = Operator::open(config)?.ask(&[command], &key_of(B::KIND)).await?;
    let Some(answer) = answers.into_iter().next() else { return Err("there was no answer".to_owned()) };
    match answer.outcome {
        Outcome::Done | Outcome::Accepted | Outcome::Held | Outcome::Repeated => {
            Ok(answer.text.unwrap_or_else(|| done.to_owned()))
        }
        Outcome::Refused => Err(answer.text.unwrap_or_else(|| answer.outcome.name().to_owned())),
    }
}

/// The name of a command that was given none.
///
/// # Errors
/// The given one is no reference.
pub(crate) fn reference(given: Option<&str>) -> Result<Reference, String> {
    let made = || format!("operator-{}", Uuid::now_v7());
    Reference::parse(&given.map_or_else(made, str::to_owned)).map_err(|error| error.to_string())
}

fn event<B: Body>(name: &str, body: &B) -> Result<Event, String> {
    Ok(Event {
        specversion: SpecVersion::V1,
        id: Uuid::now_v7().to_string(),
        source: format!("/{name}"),
        kind: B::KIND.name().to_owned(),
        time: clock::now(),
        subject: None,
        datacontenttype: None,
        traceparent: None,
        causationid: None,
        data: serde_json::value::to_raw_value(body).map_err(|error| error.to_string())?,
    })
}

/// Takes the awaited answers of a message; gives whether the message is done with.
fn take(bytes: &[u8], content_type: &str, awaited: &mut BTreeMap<String, Option<CommandAnswered>>) -> bool {
    let Ok(events) = decode(Some(content_type), bytes) else { return true };
    let mut done = true;
    for event in events.into_iter().flatten() {
        let answer: Option<CommandAnswered> = serde_json::from_str(event.data.get()).ok();
        match answer.as_ref().and_then(|answer| answer.answers.as_ref()).and_then(|id| awaited.get_mut(id)) {
            Some(place) => *place = answer,
            // Another operator's: given back to the queue when this channel closes.
            None => done &= (clock::now() - event.time).whole_seconds() > STALE_SECONDS,
        }
    }
    done
}

/// The routing key of a kind at its one room.
pub(crate) fn key_of(kind: Kind) -> String {
    kind.routing_key(kind.read_by().first().copied().unwrap_or(Room::Intake))
}
