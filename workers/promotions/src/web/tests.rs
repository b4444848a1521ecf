//! Requests over a real connection, as a mailbox provider, a scanner and a person make them.

use std::sync::Mutex;

use messages::sealed::Trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::token::topic_number;

const FORM: &str = "application/x-www-form-urlencoded";
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

#[tokio::test]
async fn a_post_unsubscribes_from_the_list_of_the_mail() {
    let house = House::open(Ok(Taken::Decided)).await;
    let (status, body) = house.post(&house.token, FORM, ONE_CLICK).await;
    assert_eq!(status, 200);
    assert!(body.contains("no more of these mails"), "{body}");
    let parts =
        "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    assert_eq!(house.post(&house.token, "multipart/form-data; boundary=x", parts).await.0, 200);
    assert_eq!(house.post(&house.token, FORM, "List-Unsubscribe=All-Lists").await.0, 200);
    let token = house.token.clone();
    let wish = |topics: &[Topic]| (Some(token.clone()), topics.to_vec());
    let activities = wish(&[Topic::Activities]);
    assert_eq!(house.published(), [activities.clone(), activities, wish(&[])]);
}

#[tokio::test]
async fn a_get_shows_a_button_and_never_unsubscribes() {
    let house = House::open(Ok(Taken::Decided)).await;
    for method in ["GET", "HEAD"] {
        let (status, body) = house.ask(method, &house.token, "", "").await;
        assert_eq!(status, 200);
        assert_eq!(body.contains("<button"), method == "GET");
        assert!(!body.contains("set-cookie") && !body.contains("location:"), "{body}");
    }
    assert_eq!(house.published(), []);
}

#[tokio::test]
async fn what_is_no_wish_of_ours_publishes_nothing() {
    let house = House::open(Ok(Taken::Decided)).await;
    let mut forged = house.token.clone();
    forged.replace_range(..1, if forged.starts_with('A') { "B" } else { "A" });
    let other_topic = house.token.replacen(".3.", ".1.", 1);
    for (token, kind, body, status) in [
        (forged.as_str(), FORM, ONE_CLICK, 404),
        (other_topic.as_str(), FORM, ONE_CLICK, 404),
        ("%3Cscript%3E", FORM, ONE_CLICK, 404),
        ("", FORM, ONE_CLICK, 404),
        (&house.token, FORM, "", 400),
        (&house.token, FORM, "List-Unsubscribe=No", 400),
        (&house.token, "multipart/form-data; boundary=y", "List-Unsubscribe=One-Click", 400),
        (&house.token, FORM, &"x".repeat(5_000), 413),
    ] {
        let (found, page) = house.post(token, kind, body).await;
        assert_eq!(found, status, "{token} {body}");
        assert!(!page.contains("script"), "{page}");
    }
    assert_eq!(house.ask("GET", &forged, "", "").await.0, 404);
    assert_eq!(house.published(), []);
}

#[tokio::test]
async fn only_what_the_room_has_decided_is_told_as_done() {
    for (taken, status, title) in [
        (Ok(Taken::Decided), 200, "<h1>Unsubscribed</h1>"),
        (Ok(Taken::Noted), 202, "<h1>Noted</h1>"),
        (Err("the broker is down"), 503, "<h1>Not done</h1>"),
    ] {
        let house = House::open(taken).await;
        let (found, page) = house.post(&house.token, FORM, ONE_CLICK).await;
        assert_eq!(found, status);
        assert!(page.contains(title), "{page}");
    }
}

type Published = Arc<Mutex<Vec<SubscriberWithdraw>>>;

struct House {
    addr: std::net::SocketAddr,
    token: String,
    published: Published,
}

impl House {
    async fn open(taken: Result<Taken, &'static str>) -> Self {
        let mut ring = Keyring::default();
        ring.init(&[], time::macros::datetime!(2026-11-24 12:00 UTC)).unwrap();
        let pat = ring.fingerprint(Trait::Email, "pat@example.com").unwrap();
        let token = Token::make(&ring, Purpose::Unsubscribe, &pat, topic_number(Topic::Activities)).unwrap();
        let published = Published::default();
        let kept = Arc::clone(&published);
        let withdraw: Withdraw = Arc::new(move |subscriber, body| {
            assert_eq!(subscriber, pat);
            kept.lock().unwrap().push(body);
            Box::pin(async move { taken.map_err(str::to_owned) })
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = router(Arc::new(ring), withdraw);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, token: token.to_string(), published }
    }

    fn published(&self) -> Vec<(Option<String>, Vec<Topic>)> {
        let published = self.published.lock().unwrap();
        published.iter().map(|body| (body.token.clone(), body.topics.clone())).collect()
    }

    async fn post(&self, token: &str, kind: &str, body: &str) -> (u16, String) {
        self.ask("POST", token, kind, body).await
    }

    /// The status, and the whole answer in lower case but for the body.
    async fn ask(&self, method: &str, token: &str, kind: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let request = format!(
            "{method} /unsubscribe?t={token} HTTP/1.1\r\nHost: lists\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }
}
