//! The mail as bytes: headers, both forms, and nothing that a name could add.

use super::*;
use crate::facts::examples;
use crate::outside::mailbox;

#[test]
fn a_name_adds_no_markup() {
    for facts in examples::all() {
        let name = PersonName::parse("<script>alert('x')</script> & \"Co\"").unwrap();
        let code = matches!(facts, Facts::Asked { .. }).then(examples::answer_code);
        let page = Page::of(&examples::order(), None, &facts, Some(&name), code.clone());
        let html = page.html().unwrap();
        assert!(!html.contains("<script"), "{html}");
        assert!(
            html.contains("Hello &#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62; &#38; &#34;Co&#34;,")
        );
        assert!(!html.contains("<img") && !html.contains("src="), "{html}");
        let links: Vec<&str> = html.split("href=").skip(1).collect();
        assert_eq!(links.len(), usize::from(code.is_some()), "{html}");
        assert!(
            links.iter().all(
                |link| link.starts_with("\"https://mint.example/answer?case=Y6FN-9WSA-MH40-J.1.1&#38;t=")
            )
        );
    }
}

#[test]
fn the_html_says_what_the_text_says() {
    for facts in examples::all() {
        let page = examples::page(&facts);
        let html = page.html().unwrap().replace("&#39;", "'");
        for paragraph in &page.words.paragraphs {
            assert!(html.contains(&format!("<p>{paragraph}</p>")), "{paragraph}");
        }
        for (name, value) in &page.words.details {
            assert!(html.contains(name) && html.contains(value), "{name}");
        }
        let rows = page.words.table.iter().flat_map(|table| &table.rows);
        assert!(rows.clone().all(|row| html.contains(&row.item)));
    }
}

#[test]
fn a_mail_has_the_headers_of_a_notice_each_once() {
    let raw = formatted("Pat Example");
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    let order = examples::order();
    for (name, value) in [
        ("Message-ID", format!("<0123456789abcdef0123.received.{order}@mint.example>")),
        ("Date", "Tue, 24 Nov 2026 12:00:00 +0000".to_owned()),
        ("From", "\"The Mint\" <orders@mint.example>".to_owned()),
        ("To", "\"Pat Example\" <pat@example.com>".to_owned()),
        ("Subject", format!("Order {order}: received, not yet confirmed")),
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", "multipart/alternative; boundary=\"notice-0123456789abcdef0123\"".to_owned()),
    ] {
        assert_eq!(headers(head, name), [value], "{name}");
    }
    assert!(body.trim_end().ends_with("--notice-0123456789abcdef0123--"), "{body}");
    assert!(body.contains("Content-Type: text/plain") && body.contains("Content-Type: text/html"));
}

#[test]
fn every_mail_is_seven_bit_with_short_lines_and_the_same_each_time() {
    let (from, email) = (mailbox("The Mint <orders@mint.example>").unwrap(), email());
    let name = PersonName::parse("Zoë O’Neil-山田").unwrap();
    for facts in examples::all() {
        let mail = examples::mail(&examples::ring(), facts, &serde_json::json!({}));
        let make = || message(&mail, &from, &name, &email, None, examples::at()).unwrap().formatted();
        let raw = make();
        assert_eq!(raw, make());
        assert!(raw.is_ascii());
        assert!(raw.split(|&byte| byte == b'\n').all(|line| line.len() <= 998), "RFC 5321 §4.5.3.1.6");
    }
}

#[test]
fn a_name_adds_no_header() {
    // A line break in a name does not get past `PersonName`; what does get past it stays one value.
    assert!(PersonName::parse("Pat\r\nBcc: eve@example.com").is_err());
    for name in
        ["Pat, Bcc: <eve@example.com>", "\"Pat\" <eve@example.com>,", "Zoë; To: eve@example.com", "a\\"]
    {
        let raw = formatted(name);
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        let to = headers(head, "To");
        assert_eq!(to.len(), 1, "{name}");
        assert!(to[0].ends_with("<pat@example.com>"), "{to:?}");
        assert_eq!(headers(head, "Bcc"), Vec::<String>::new(), "{name}");
        assert_eq!(addresses(name), ["pat@example.com"], "the envelope");
    }
}

fn email() -> Email {
    Email::parse("pat@example.com").unwrap()
}

fn built(name: &str) -> Message {
    let facts = examples::all().swap_remove(0);
    let mail = examples::mail(&examples::ring(), facts, &serde_json::json!({}));
    let from = mailbox("The Mint <orders@mint.example>").unwrap();
    message(&mail, &from, &PersonName::parse(name).unwrap(), &email(), None, examples::at()).unwrap()
}

fn formatted(name: &str) -> String {
    String::from_utf8(built(name).formatted()).unwrap()
}

fn addresses(name: &str) -> Vec<String> {
    built(name).envelope().to().iter().map(ToString::to_string).collect()
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
