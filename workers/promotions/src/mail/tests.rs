//! The mails of a campaign as they leave: headers, both bodies, and nothing that a list forbids.

use messages::email::Email;
use messages::person::PersonName;
use messages::sealed::{Keyring, Trait};

use super::*;
use crate::token::Purpose;

const AT: Timestamp = Timestamp(time::macros::datetime!(2026-11-24 12:00 UTC));
const TEXT: &str = "The new Eagle is on sale.\nSee <https://mint.example/eagle?a=1&b=2>, at noon.\n\nOne per household & day.";

#[test]
fn a_campaign_s_mail_has_the_headers_of_a_list_each_once() {
    let (token, raw) = campaign_mail("Pat Example", "A new Eagle");
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    let id = digits("2026-11-EAGLE/pat");
    for (name, value) in [
        ("Message-ID", format!("<{id}.campaign@mint.example>")),
        ("Date", "Tue, 24 Nov 2026 12:00:00 +0000".to_owned()),
        ("From", "\"The Mint\" <lists@mint.example>".to_owned()),
        ("To", "\"Pat Example\" <pat@example.com>".to_owned()),
        ("Subject", "A new Eagle".to_owned()),
        ("List-Id", "\"Numismatic products\" <numismatic-products.lists.mint.example>".to_owned()),
        ("List-Unsubscribe", format!("<https://lists.mint.example/unsubscribe?t={token}>")),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
    ] {
        assert_eq!(headers(head, name), [value], "{name}");
    }
    assert!(raw.is_ascii() && raw.lines().all(|line| line.len() <= 998), "RFC 5321 §4.5.3.1.6");
    assert!(body.contains("Content-Type: text/plain") && body.contains("Content-Type: text/html"));
    assert_eq!(
        campaign_mail("Pat Example", "A new Eagle").1.len(),
        raw.len(),
        "the same bytes but for the token"
    );
}

#[test]
fn both_forms_say_how_to_unsubscribe_and_where_the_house_is_and_track_nobody() {
    let settings = Settings::default();
    let link = "https://lists.mint.example/unsubscribe?t=TOKEN";
    let (topic, postal_address) = (title(Topic::Activities), settings.postal_address.as_str());
    let text = PromotionText { text: TEXT, topic, link, postal_address }.render().unwrap();
    let html =
        PromotionHtml { subject: "A new <Eagle>", paragraphs: paragraphs(TEXT), topic, link, postal_address };
    let html = html.render().unwrap();
    for part in [&text, &html] {
        assert!(part.contains(link) && part.contains(postal_address) && part.contains(topic), "{part}");
    }
    assert!(text.starts_with(TEXT));
    assert!(
        html.contains("<h1 style=\"font-size:22px;line-height:1.3\">A new &#60;Eagle&#62;</h1>"),
        "{html}"
    );
    assert!(
        html.contains(
            "<p>The new Eagle is on sale.<br>\nSee &#60;<a href=\"https://mint.example/eagle?a=1&#38;b=2\""
        ),
        "{html}"
    );
    assert!(html.contains("<p>One per household &#38; day.</p>"), "{html}");
    assert!(!html.contains("<img") && !html.contains("src=") && !html.contains("<script"), "{html}");
}

#[test]
fn a_link_ends_before_the_stop_behind_it() {
    assert_eq!(
        pieces("See https://a.example/x, or (https://b.example)."),
        [
            Piece::Text("See "),
            Piece::Link("https://a.example/x"),
            Piece::Text(", or ("),
            Piece::Link("https://b.example"),
            Piece::Text(")."),
        ]
    );
    assert_eq!(pieces("http://a.example"), [Piece::Text("http://a.example")]);
}

#[test]
fn the_question_greets_nobody_and_says_what_to_do() {
    let settings = Settings::default();
    let (ring, contact) = (ring(), contact("Buy now https://spam.example"));
    let token = token(&ring, Purpose::Subscribe);
    let mail = confirmation(&settings, &Topic::ALL, &token, &from(), &contact, AT).unwrap();
    let raw = String::from_utf8(mail.formatted()).unwrap();
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    assert_eq!(headers(head, "To"), ["pat@example.com"]);
    assert_eq!(headers(head, "Auto-Submitted"), ["auto-generated"]);
    assert_eq!(headers(head, "List-Unsubscribe"), Vec::<String>::new(), "nobody is on a list yet");
    assert!(!raw.contains("spam"));
    let unfolded = body.replace("=\r\n", "").replace("=3D", "=");
    let link = format!("https://store.mint.example/subscriptions/confirm?t={token}");
    assert_eq!(unfolded.matches(link.as_str()).count(), 2, "{unfolded}");
    for topic in Topic::ALL {
        assert!(unfolded.contains(title(topic)), "{unfolded}");
    }
}

#[test]
fn neither_a_name_nor_a_subject_adds_a_header() {
    for text in ["Pat, Bcc: <eve@example.com>", "\"Pat\" <eve@example.com>,", "Zoë; To: eve@example.com"] {
        let (_, raw) = campaign_mail(text, text);
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        assert_eq!((headers(head, "To").len(), headers(head, "Bcc").len()), (1, 0), "{text}");
        assert!(headers(head, "To")[0].ends_with("<pat@example.com>"), "{text}");
    }
}

fn campaign_mail(name: &str, subject: &str) -> (String, String) {
    let unsubscribe = token(&ring(), Purpose::Unsubscribe);
    let words = Promotion {
        topic: Topic::NumismaticProducts,
        subject,
        text: TEXT,
        id: "2026-11-EAGLE/pat",
        unsubscribe: &unsubscribe,
    };
    let mail = promotion(&Settings::default(), &words, &from(), &contact(name), AT).unwrap();
    (unsubscribe.to_string(), String::from_utf8(mail.formatted()).unwrap())
}

fn ring() -> Keyring {
    let mut ring = Keyring::default();
    ring.init(&[], AT.0).unwrap();
    ring
}

fn token(ring: &Keyring, purpose: Purpose) -> Token {
    let subscriber = ring.fingerprint(Trait::Email, "pat@example.com").unwrap();
    Token::make(ring, purpose, &subscriber, 1).unwrap()
}

fn from() -> Mailbox {
    "The Mint <lists@mint.example>".parse().unwrap()
}

fn contact(name: &str) -> Contact {
    Contact { name: Some(PersonName::parse(name).unwrap()), email: Email::parse("pat@example.com").unwrap() }
}

/// The values of a header, unfolded.
fn headers(head: &str, name: &str) -> Vec<String> {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded
        .split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned())
        .collect()
}
