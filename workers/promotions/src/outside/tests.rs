//! Tries against a real conversation: the mail sink of the outside world, on a port and in a directory of its own.

use std::path::{Path, PathBuf};

use messages::Timestamp;
use messages::id::Reference;
use messages::sealed::Trait;
use serde::Serialize;
use serde_json::{Value, json};
use shell::worker::DueRow;
use tokio::net::TcpListener;
use world::mail::OwnSink;

use super::*;
use crate::store::MailId;

const AT: Timestamp = Timestamp(time::macros::datetime!(2026-11-24 12:00 UTC));

#[tokio::test]
async fn the_relay_s_answer_is_the_mail_s() {
    let office = Office::open().await;
    for (to, answer) in [
        ("pat@example.com", Answer::Sent),
        ("greylist.pat@example.com", Answer::PutOff),
        ("greylist.pat@example.com", Answer::Sent),
        ("reject.pat@example.com", Answer::Refused { code: 550 }),
        // The sink keeps the mail and hangs up without an answer: it may have gone out.
        ("drop.pat@example.com", Answer::Unclear),
    ] {
        assert_eq!(office.post(&office.deliver(to)).await, answer, "{to}");
    }
    assert_eq!(office.post(&office.confirm("kim@example.com")).await, Answer::Sent);
    let subjects: Vec<String> = office.sink.mails().into_iter().map(|mail| mail.subject).collect();
    let campaign = "A new Eagle";
    assert_eq!(subjects, [campaign, campaign, campaign, "Please confirm your subscription"]);
}

#[tokio::test]
async fn what_a_dead_performer_began_is_unclear_and_not_sent() {
    let office = Office::open().await;
    for due in [office.deliver("pat@example.com"), office.confirm("pat@example.com")] {
        let reply = office.mailer.perform(&Call { due, unknown: true }, &office.ring).await;
        assert_eq!(read(&reply), Answer::Unclear);
    }
    assert_eq!(office.sink.mails(), []);
}

#[tokio::test]
async fn a_consent_that_was_checked_too_long_ago_is_asked_for_anew() {
    let office = Office::open().await;
    for (waited, answer) in
        [(0, Answer::Sent), (30, Answer::Sent), (31, Answer::Stale), (9_000, Answer::Stale)]
    {
        let mut due = office.deliver("pat@example.com");
        due.started_at = Some(AT.plus_seconds(waited));
        assert_eq!(office.post(&due).await, answer, "{waited} seconds");
    }
    assert_eq!(office.sink.mails().len(), 2);
}

#[tokio::test]
async fn without_its_keys_a_mail_waits_and_without_a_contact_it_ends() {
    let office = Office::open().await;
    let due = office.deliver("pat@example.com");
    let call = Call { due: due.clone(), unknown: false };
    let reply = office.mailer.perform(&call, &Keyring::default()).await;
    assert_eq!((read(&reply), reply.far_side_down), (Answer::Down, true));
    let other = Office::open().await;
    assert_eq!(read(&office.mailer.perform(&call, &other.ring).await), Answer::Unsendable);
    for contact in [json!("something else"), json!({ "email": "pat@example.com\r\nBcc: eve@example.com" })] {
        assert_eq!(office.post(&office.deliver_to(&contact)).await, Answer::Unsendable);
    }
    assert_eq!(office.sink.mails(), []);
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_down_and_without_one_mails_are_files() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let office = Office::open().await;
    let due = office.deliver("pat@example.com");
    let down = mailer(transport(Some(&url), Path::new("unused")).unwrap());
    let reply = down.perform(&Call { due: due.clone(), unknown: false }, &office.ring).await;
    assert_eq!((read(&reply), reply.far_side_down), (Answer::Down, true));
    let dir = directory("list-written");
    let files = mailer(transport(None, &dir).unwrap());
    let reply = files.perform(&Call { due, unknown: false }, &office.ring).await;
    assert_eq!(read(&reply), Answer::Sent);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    std::fs::remove_dir_all(dir).unwrap();
}

struct Office {
    sink: OwnSink,
    mailer: Mailer,
    ring: Keyring,
}

impl Office {
    async fn open() -> Self {
        let sink = OwnSink::open().await.unwrap();
        let mailer = mailer(transport(Some(&sink.url()), Path::new("unused")).unwrap());
        let mut ring = Keyring::default();
        ring.init(&[], AT.0).unwrap();
        Self { sink, mailer, ring }
    }

    fn deliver(&self, email: &str) -> DueRow {
        self.deliver_to(&json!({ "name": "Pat", "email": email }))
    }

    fn deliver_to(&self, contact: &Value) -> DueRow {
        let subscriber = self.ring.fingerprint(Trait::Email, "pat").unwrap();
        let contact = self.ring.seal(Section::Contact, subscriber.as_str(), 0, contact, AT.0).unwrap();
        let mail = MailId { campaign: Reference::parse("2026/11").unwrap(), subscriber };
        let (subject, text) = ("A new Eagle".to_owned(), "At noon.".to_owned());
        due(DELIVER, &DeliverBody { mail, topic: Topic::NumismaticProducts, subject, text, contact })
    }

    fn confirm(&self, email: &str) -> DueRow {
        let subscriber = self.ring.fingerprint(Trait::Email, email).unwrap();
        let contact = json!({ "email": email });
        let contact = self.ring.seal(Section::Contact, subscriber.as_str(), 0, &contact, AT.0).unwrap();
        due(CONFIRM, &ConfirmBody { subscriber, number: 1, topics: Topic::ALL.into(), contact })
    }

    async fn post(&self, due: &DueRow) -> Answer {
        read(&self.mailer.perform(&Call { due: due.clone(), unknown: false }, &self.ring).await)
    }
}

fn read(reply: &Reply) -> Answer {
    serde_json::from_str(reply.answer.get()).unwrap()
}

fn due<T: Serialize>(kind: &str, body: &T) -> DueRow {
    DueRow {
        key: "key".to_owned(),
        kind: kind.to_owned(),
        epoch: 1,
        attempt: 0,
        serial: 1,
        traceparent: None,
        due_at: AT,
        body: raw(body),
        started_at: Some(AT),
    }
}

fn mailer(transport: Transport) -> Mailer {
    let from = mailbox("The Mint <lists@mint.example>").unwrap();
    Mailer { transport, from, settings: Settings::default(), concurrency: 4 }
}

fn directory(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{name}-{}", std::process::id()))
}
