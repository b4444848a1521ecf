//! Raw conversations with the sink. Each runs on a port and in a directory of its own.

use super::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

#[tokio::test]
async fn a_mail_is_kept_as_sent() {
    let office = OwnSink::open().await.unwrap();
    let mut client = office.client().await;
    client
        .talk(&[
            ("EHLO me", "250"),
            ("MAIL FROM:<mint@example.gov> SIZE=200 BODY=8BITMIME", "250"),
            ("RCPT TO:<ann@example.org>", "250"),
            ("rcpt to:<bob@example.org>", "250"),
            ("DATA", "354"),
        ])
        .await;
    let mail =
        "Message-ID: <a/1@x>\r\nSubject: Your order\r\n has shipped\r\n\r\n..hidden\r\n.\n..\r\nend\r\n";
    client.talk(&[(&format!("{mail}."), "250"), ("QUIT", "221")]).await;
    let raw = "Message-ID: <a/1@x>\r\nSubject: Your order\r\n has shipped\r\n\r\n.hidden\r\n\n..\r\nend\r\n";
    let expected = StoredMail {
        message_id: "a/1@x".into(),
        to: vec!["ann@example.org".into(), "bob@example.org".into()],
        subject: "Your order has shipped".into(),
        raw: raw.into(),
    };
    assert_eq!(office.mails(), [expected]);
    assert_eq!(std::fs::read(office.dir.join("1-a_1@x.eml")).unwrap(), raw.as_bytes());
}

#[tokio::test]
async fn commands_are_answered_by_the_book() {
    let conversations: &[&[(&str, &str)]] = &[
        &[
            ("MAIL FROM:<a@x>", "503"),
            ("RCPT TO:<b@x>", "503"),
            ("DATA", "503"),
            ("WHAT", "500"),
            ("EHLO", "501"),
        ],
        &[("HELO me", "250 "), ("NOOP", "250"), ("VRFY b", "252"), ("STARTTLS", "502"), ("QUIT", "221")],
        &[("EHLO me", "250"), ("MAIL FROM:a@x", "501"), ("MAIL FROM:<>", "250"), ("MAIL FROM:<a@x>", "503")],
        &[("EHLO me", "250"), ("MAIL FROM:<a@x> SIZE=10485761", "552"), ("MAIL FROM:<a@x> FOO=1", "555")],
        &[
            ("EHLO me", "250"),
            ("MAIL FROM:<a@x>", "250"),
            ("DATA", "503"),
            ("RSET", "250"),
            ("RCPT TO:<b@x>", "503"),
        ],
        &[("EHLO me", "250"), ("MAIL FROM:<a@x>", "250"), ("RCPT TO:<>", "501"), ("RCPT TO:<@r:b@x>", "250")],
        &[("EHLO me", "250"), ("AUTH PLAIN AGEAYg==", "235"), ("AUTH PLAIN AGEAYg==", "503")],
        &[
            ("EHLO me", "250"),
            ("AUTH PLAIN", "334"),
            ("*", "501"),
            ("AUTH PLAIN", "334"),
            ("AGEAYg==", "235"),
        ],
        &[("EHLO me", "250"), ("AUTH LOGIN", "334"), ("YQ==", "334"), ("Yg==", "235"), ("AUTH LOGIN", "503")],
        &[("AUTH PLAIN AGEAYg==", "503"), ("EHLO me", "250"), ("AUTH CRAM-MD5", "504"), ("NOOP", "250")],
    ];
    let office = OwnSink::open().await.unwrap();
    for conversation in conversations {
        office.client().await.talk(conversation).await;
    }
    assert_eq!(office.mails(), []);
}

#[tokio::test]
async fn a_pipelined_client_gets_every_answer_in_order() {
    let office = OwnSink::open().await.unwrap();
    let mut client = office.client().await;
    client.send("EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<reject@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n").await;
    client.expect(&["250", "250", "550", "250", "354"]).await;
    client.send("Subject: one\r\n\r\nx\r\n.\r\nMAIL FROM:<a@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n").await;
    client.expect(&["250", "250", "250", "354"]).await;
    client.send("\r\n.\r\nQUIT\r\n").await;
    client.expect(&["250", "221"]).await;
    let to: Vec<_> = office.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(to, ["b@x", "c@x"]);
}

#[tokio::test]
async fn recipients_misbehave_as_they_are_called() {
    let office = OwnSink::open().await.unwrap();
    let mut client = office.client().await;
    client
        .talk(&[
            ("EHLO me", "250"),
            ("MAIL FROM:<a@x>", "250"),
            ("RCPT TO:<reject.7@x>", "550"),
            ("RCPT TO:<greylist.7@x>", "451"),
            ("RCPT TO:<greylist.8@x>", "451"),
            ("RCPT TO:<GREYLIST.7@x>", "250"),
            ("DATA", "354"),
            ("Message-ID: <g@x>\r\n\r\n.", "250"),
        ])
        .await;
    client.talk(&[("MAIL FROM:<a@x>", "250"), ("RCPT TO:<drop.7@x>", "250"), ("DATA", "354")]).await;
    client.send("Message-ID: <d@x>\r\n\r\n.\r\n").await;
    assert_eq!(client.read_to_end().await, "", "closed without an answer");
    let mut client = office.client().await;
    client.talk(&[("EHLO me", "250"), ("MAIL FROM:<a@x>", "250"), ("RCPT TO:<stall.7@x>", "250")]).await;
    client.talk(&[("DATA", "354")]).await;
    client.send("Message-ID: <s@x>\r\n\r\n.\r\nNOOP\r\n").await;
    assert_eq!(client.read_to_end().await, "", "no answer to the mail");
    let ids: Vec<_> = office.mails().into_iter().map(|mail| mail.message_id).collect();
    assert_eq!(ids, ["g@x", "d@x", "s@x"]);
}

#[tokio::test]
async fn too_much_is_refused() {
    let office = OwnSink::open().await.unwrap();
    let mut client = office.client().await;
    client
        .talk(&[("EHLO me", "250"), ("MAIL FROM:<a@x>", "250"), ("RCPT TO:<b@x>", "250"), ("DATA", "354")])
        .await;
    let line = format!("{}\r\n", "x".repeat(998));
    client.send(&line.repeat(10_500)).await;
    client.talk(&[(".", "552"), ("NOOP", "250"), (&"x".repeat(30_000), "500"), ("NOOP", "250")]).await;
    assert_eq!(office.mails(), []);
}

#[tokio::test]
async fn numbers_go_on_after_those_in_the_directory() {
    let office = OwnSink::open().await.unwrap();
    std::fs::write(office.dir.join("41-old.eml"), "").unwrap();
    let sink = Sink::open(&office.dir).unwrap();
    sink.keep(vec![], b"\r\nno headers".to_vec()).await.unwrap();
    assert!(office.dir.join("42-without-message-id.eml").exists());
}

#[tokio::test]
async fn the_summary_counts_by_message_id() {
    let office = OwnSink::open().await.unwrap();
    for (id, to) in [("a@x", "ann@x"), ("b@x", "ann@x"), ("a@x", "bob@x")] {
        let raw = format!("Message-ID: <{id}>\r\nSubject: Hello {id}\r\n\r\n");
        office.keep(vec![to.to_owned()], raw.into_bytes()).await.unwrap();
    }
    let Json(summary) = summary(State(Sink::clone(&office))).await;
    let expected = serde_json::json!({
        "accepted": 3,
        "mails": [
            { "message_id": "a@x", "to": ["ann@x", "bob@x"], "subject": "Hello a@x", "count": 2 },
            { "message_id": "b@x", "to": ["ann@x"], "subject": "Hello b@x", "count": 1 },
        ],
    });
    assert_eq!(serde_json::to_value(summary).unwrap(), expected);
}

struct Client(BufReader<TcpStream>);

impl OwnSink {
    async fn client(&self) -> Client {
        let mut client = Client(BufReader::new(TcpStream::connect(self.addr).await.unwrap()));
        client.expect(&["220"]).await;
        client
    }
}

impl Client {
    async fn talk(&mut self, lines: &[(&str, &str)]) {
        for (line, code) in lines {
            self.send(&format!("{line}\r\n")).await;
            self.expect(&[code]).await;
        }
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn expect(&mut self, codes: &[&str]) {
        for code in codes {
            let mut line = String::new();
            loop {
                line.clear();
                self.0.read_line(&mut line).await.unwrap();
                if line.as_bytes().get(3) != Some(&b'-') {
                    break;
                }
            }
            assert!(line.starts_with(code), "{line:?} instead of {code}");
        }
    }

    async fn read_to_end(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }
}
