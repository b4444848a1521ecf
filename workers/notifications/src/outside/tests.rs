//! Tries against a real conversation: the mail sink of the outside world, on a port and in a directory of its own.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shell::worker::DueRow;
use tokio::net::TcpListener;
use world::mail::{OwnSink, StoredMail};

use super::*;
use crate::facts::examples;

#[tokio::test]
async fn the_relay_s_answer_is_the_notice_s() {
    let office = Office::open().await;
    for (to, answer) in [
        ("pat@example.com", Answer::Sent),
        ("greylist.pat@example.com", Answer::PutOff),
        ("greylist.pat@example.com", Answer::Sent),
        ("reject.pat@example.com", Answer::Refused { code: 550 }),
        // The sink keeps the mail and hangs up without an answer: it may have gone out.
        ("drop.pat@example.com", Answer::Unclear),
        ("pat@example.com", Answer::Sent),
    ] {
        assert_eq!(office.post(contact(to)).await, (answer, false), "{to}");
    }
    let recipients: Vec<String> = office.sink.mails().into_iter().flat_map(|mail| mail.to).collect();
    let expected = ["pat@example.com", "greylist.pat@example.com", "drop.pat@example.com", "pat@example.com"];
    assert_eq!(recipients, expected);
}

#[tokio::test]
async fn a_mail_tried_again_has_the_same_message_id() {
    let office = Office::open().await;
    for _ in 0..2 {
        assert_eq!(office.post(contact("drop@example.com")).await, (Answer::Unclear, false));
    }
    let ids: Vec<String> = office.sink.mails().into_iter().map(|mail: StoredMail| mail.message_id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0].ends_with("@mint.example"));
}

#[tokio::test]
async fn connections_are_used_again_until_they_break() {
    let office = Office::open().await;
    let Transport::Smtp(smtp) = &office.mailer.transport else { panic!("this office has a relay") };
    for (to, kept) in [
        ("pat@example.com", true),
        ("pat@example.com", true),
        ("reject@example.com", false),
        ("pat@example.com", true),
        ("drop@example.com", false),
    ] {
        office.post(contact(to)).await;
        assert_eq!(smtp.idle_connections() == 1, kept, "{to}");
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let mailer = mailer(transport(Some(&url), Path::new("unused")).unwrap());
    let ring = examples::ring();
    assert_eq!(post(&mailer, &ring, contact("pat@example.com"), false).await, (Answer::TryLater, true));
}

#[tokio::test]
async fn a_relay_that_refuses_us_refuses_no_notice() {
    // 554 instead of a greeting (RFC 5321 §3.1), and 550 to our own address.
    for script in [&["554 go away"][..], &["220 relay", "250 relay", "550 not from you"][..]] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        tokio::spawn(recite(listener, script));
        let mailer = mailer(transport(Some(&url), Path::new("unused")).unwrap());
        let ring = examples::ring();
        assert_eq!(post(&mailer, &ring, contact("pat@example.com"), false).await, (Answer::TryLater, true));
    }
}

#[tokio::test]
async fn what_a_dead_performer_began_is_unclear_and_not_sent() {
    let office = Office::open().await;
    let answered = post(&office.mailer, &office.ring, contact("pat@example.com"), true).await;
    assert_eq!(answered, (Answer::Unclear, false));
    assert_eq!(office.sink.mails(), []);
}

#[tokio::test]
async fn without_a_usable_contact_nothing_is_sent() {
    let office = Office::open().await;
    for (contact, answer) in [
        (json!({ "name": "Pat Example" }), Answer::NoEmail),
        (json!({ "name": "Pat\r\nBcc: eve@example.com", "email": "pat@example.com" }), Answer::Unsendable),
        (json!({ "name": "Pat", "email": "pat@example.com\r\nBcc: eve@example.com" }), Answer::Unsendable),
        (json!("something else"), Answer::Unsendable),
    ] {
        assert_eq!(office.post(contact).await, (answer, false));
    }
    let without_key = messages::sealed::Keyring::default();
    let due = due(&office.ring, contact("pat@example.com"));
    let answered = office.mailer.mail(&Call { due, unknown: false }, &without_key).await;
    assert_eq!(answered, (Answer::TryLater, false), "the key may still come");
    let other = examples::ring();
    let due = self::due(&other, contact("pat@example.com"));
    let answered = office.mailer.mail(&Call { due, unknown: false }, &office.ring).await;
    assert_eq!(answered, (Answer::Unsendable, false), "sealed under another key");
    assert_eq!(office.sink.mails(), []);
}

const CASE_ID: &str = "Y6FN-9WSA-MH40-J.1.1";

#[test]
fn the_code_of_a_question_is_the_one_that_undelivered_checks_and_each_question_has_its_own() {
    let (mailer, ring) = (mailer(transport(None, Path::new("unused")).unwrap()), examples::ring());
    let mail = |facts| Mail {
        cause: CASE_ID.to_owned(),
        ..examples::mail(&ring, facts, &contact("pat@example.com"))
    };
    let code = |facts| mailer.answer_code(&mail(facts), &ring).unwrap();
    let asked = |contact| examples::asked(contact, messages::case::CaseClass::AddressFault);
    for number in [1, 2] {
        let AnswerCode { case, code, page } = code(asked(number)).unwrap();
        let (start, token) = page.rsplit_once('=').unwrap();
        assert_eq!(
            (case.as_str(), start),
            (CASE_ID, "https://mint.example/answer?case=Y6FN-9WSA-MH40-J.1.1&t")
        );
        let letter = AnswerCode::typed(&ring, &mailer.answer_base_url, CASE_ID, number).unwrap();
        assert_eq!((letter.code, letter.page.as_str()), (code.clone(), "https://mint.example/answer"));
        for other in [1, 2] {
            let fits = ring.token_fits("case", CASE_ID, other, token).unwrap();
            assert_eq!(fits, u16::from(number) == other);
            let fits = ring.typed_code_fits("case", CASE_ID, other, &code).unwrap();
            assert_eq!(fits, u16::from(number) == other);
        }
    }
    assert!(examples::all().into_iter().filter(|facts| code(facts.clone()).is_some()).count() == 2);
    assert!(mailer.answer_code(&mail(asked(1)), &Keyring::default()).is_err(), "the key may still come");
}

#[tokio::test]
async fn without_a_relay_each_mail_is_one_file_however_often_it_is_tried() {
    let dir = directory("files");
    let mailer = mailer(transport(None, &dir).unwrap());
    let ring = examples::ring();
    for _ in 0..2 {
        assert_eq!(post(&mailer, &ring, contact("pat@example.com"), false).await, (Answer::Sent, false));
    }
    let names: Vec<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let name = format!("received-{}-0123456789abcdef0123.eml", examples::order());
    assert_eq!(names, [name.as_str()]);
    let raw = std::fs::read_to_string(dir.join(name)).unwrap();
    assert!(raw.contains("\r\nTo: Pat <pat@example.com>\r\n"), "{raw}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_a_far_side_that_is_down() {
    let file = directory("blocked");
    std::fs::write(&file, "").unwrap();
    let mailer = mailer(transport(None, &file).unwrap());
    let answered = post(&mailer, &examples::ring(), contact("pat@example.com"), false).await;
    assert_eq!(answered, (Answer::TryLater, true));
    std::fs::remove_file(file).unwrap();
}

#[test]
fn settings_that_are_wrong_are_named_without_their_values() {
    let said = transport(Some("smtp://me:secret@relay.example"), Path::new("mail")).unwrap_err();
    assert!(said.starts_with("OMS_SMTP_URL is not a mail relay's address: "), "{said}");
    assert!(!said.contains("secret"));
    assert!(transport(Some("smtps://me:secret@relay.example"), Path::new("mail")).is_ok());
    assert!(
        !format!("{:?}", transport(Some("smtps://me:secret@relay.example"), Path::new("x")))
            .contains("secret")
    );
    assert!(mailbox("no mailbox").is_err());
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
        Self { sink, mailer, ring: examples::ring() }
    }

    async fn post(&self, contact: Value) -> (Answer, bool) {
        post(&self.mailer, &self.ring, contact, false).await
    }
}

async fn post(mailer: &Mailer, ring: &Keyring, contact: Value, unknown: bool) -> (Answer, bool) {
    let call = Call { due: due(ring, contact), unknown };
    let reply = mailer.perform(&call, ring).await;
    (serde_json::from_str(reply.answer.get()).unwrap(), reply.far_side_down)
}

fn due(ring: &Keyring, contact: Value) -> DueRow {
    let facts = examples::all().swap_remove(0);
    let mail = examples::mail(ring, facts, &contact);
    DueRow {
        key: mail.id().to_string(),
        kind: MAIL.to_owned(),
        epoch: 0,
        attempt: 0,
        serial: 1,
        traceparent: None,
        due_at: examples::at(),
        body: raw(&mail),
        started_at: Some(examples::at()),
    }
}

fn contact(email: &str) -> Value {
    json!({ "name": "Pat", "email": email })
}

fn mailer(transport: Transport) -> Mailer {
    Mailer {
        transport,
        from: mailbox("The Mint <orders@mint.example>").unwrap(),
        answer_base_url: "https://mint.example/".to_owned(),
        concurrency: 4,
    }
}

fn directory(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("notices-{}-{name}", std::process::id()))
}

/// A relay that says its lines whatever it hears.
async fn recite(listener: TcpListener, lines: &'static [&'static str]) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    for line in lines {
        stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_line(&mut heard).await.unwrap_or_default();
    }
}
