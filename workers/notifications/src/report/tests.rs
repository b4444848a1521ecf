//! Reports of many mail servers, and of nobody: each is read for what it says, and none makes the reader fall.

use proptest::prelude::*;

use super::*;

/// A report as Postfix writes it, about a mail with this Message-ID to this address.
pub(crate) fn postfix(to: &str, action: &str, status: &str, message_id: &str) -> String {
    let lines = [
        "From: MAILER-DAEMON@relay.example (Mail Delivery System)",
        "To: bounces@mint.example",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "\tboundary=\"4T9k.1700000000/relay.example\"",
        "",
        "--4T9k.1700000000/relay.example",
        "Content-Description: Notification",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "I'm sorry to have to inform you that your message could not be delivered.",
        "",
        "--4T9k.1700000000/relay.example",
        "Content-Description: Delivery report",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; relay.example",
        "X-Postfix-Queue-ID: 4T9k",
        "Arrival-Date: Tue, 24 Nov 2026 12:00:00 +0000 (UTC)",
        "",
        "Final-Recipient: rfc822; {to}",
        "Original-Recipient: rfc822;{to}",
        "Action: {action}",
        "Status: {status}",
        "Remote-MTA: dns; mx.example.com",
        "Diagnostic-Code: smtp; 550 5.1.1 <{to}>: Recipient address",
        "    rejected: User unknown",
        "",
        "--4T9k.1700000000/relay.example",
        "Content-Description: Undelivered Message",
        "Content-Type: message/rfc822",
        "",
        "From: The Mint <orders@mint.example>",
        "To: {to}",
        "Message-ID: <{id}>",
        "Subject: Order",
        "Content-Type: multipart/alternative; boundary=\"notice\"",
        "",
        "--notice",
        "Content-Type: text/plain",
        "",
        "Action: failed is what a customer might write here.",
        "--notice--",
        "",
        "--4T9k.1700000000/relay.example--",
        "",
    ];
    let text = lines.join("\r\n");
    [("{to}", to), ("{action}", action), ("{status}", status), ("{id}", message_id)]
        .iter()
        .fold(text, |text, (place, value)| text.replace(place, value))
}

/// The shortest report, with headers instead of the whole mail, and lines that end as in a Unix pipe.
fn short(fields: &str) -> String {
    format!(
        "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n{fields}\n--b\nContent-Type: text/rfc822-headers\n\nSubject: Order\nMessage-ID:\n <1.received.A@mint.example>\n\n--b--\n"
    )
}

#[test]
fn a_failure_is_read_down_to_address_status_and_message_id() {
    let text = postfix("Pat@example.com", "failed", "5.1.1", "1.received.A@mint.example");
    let Ok(Report::Failed(failure)) = Report::parse(&text) else { panic!("a failure") };
    assert_eq!(failure.email.as_str(), "Pat@example.com");
    assert_eq!((failure.status.as_str(), failure.status.is_permanent()), ("5.1.1", true));
    assert_eq!(failure.message_id.as_deref(), Some("1.received.A@mint.example"));

    let text =
        short("Final-Recipient: RFC822 ; <pat@example.com>\nAction: failed\nStatus: 4.4.7 (too late)\n");
    let Ok(Report::Failed(failure)) = Report::parse(&text) else { panic!("a failure") };
    assert_eq!(failure.email.as_str(), "pat@example.com");
    assert_eq!((failure.status.as_str(), failure.status.is_permanent()), ("4.4.7", false));
    assert_eq!(failure.message_id.as_deref(), Some("1.received.A@mint.example"));
}

#[test]
fn the_address_is_the_one_that_we_wrote_to_not_where_it_was_forwarded() {
    for (fields, expected) in [
        ("Original-Recipient: rfc822;a@example.com\nFinal-Recipient: rfc822;b@example.org", "a@example.com"),
        ("Original-Recipient: x400; /C=US\nFinal-Recipient: rfc822;b@example.org", "b@example.org"),
        ("Original-Recipient: rfc822;no address\nFinal-Recipient: rfc822;b@example.org", "b@example.org"),
    ] {
        let text = short(&format!("{fields}\nAction: failed\nStatus: 5.0.0\n"));
        let Ok(Report::Failed(failure)) = Report::parse(&text) else { panic!("{fields}") };
        assert_eq!(failure.email.as_str(), expected);
    }
}

#[test]
fn what_is_no_failure_or_no_report_is_told_apart() {
    let pat = "Final-Recipient: rfc822; pat@example.com\n";
    let long = "x".repeat(REPORT_BYTES_MAX + 1);
    let table: &[(&str, String, Result<(), ReportError>)] = &[
        ("still tried", short(&format!("{pat}Action: delayed\nStatus: 4.4.1\n")), Ok(())),
        ("arrived", short(&format!("{pat}Action: delivered\nStatus: 2.0.0\n")), Ok(())),
        ("no action", short(&format!("{pat}Status: 5.1.1\n")), Ok(())),
        ("no status", short(&format!("{pat}Action: failed\n")), Err(ReportError::NoStatus)),
        ("no class", short(&format!("{pat}Action: failed\nStatus: 2.1.1\n")), Err(ReportError::NoStatus)),
        ("no address", short("Action: failed\nStatus: 5.1.1\n"), Err(ReportError::NoRecipient)),
        ("no recipient", short(""), Err(ReportError::NoRecipient)),
        ("an answer", "Subject: I am away\n\nBack on Monday".to_owned(), Err(ReportError::NoReport)),
        ("nothing", String::new(), Err(ReportError::NoReport)),
        ("too long", long, Err(ReportError::TooLong)),
    ];
    for (what, text, expected) in table {
        let found = Report::parse(text).map(|report| assert!(report == Report::NoFailure, "{what}"));
        assert_eq!(found, *expected, "{what}");
    }
}

#[test]
fn a_status_has_three_numbers_of_class_4_or_5() {
    for good in ["5.1.1", "4.999.000", "5.7.26 more"] {
        assert!(Status::parse(good).is_some(), "{good}");
    }
    for bad in ["", "5", "5.1", "5.1.", "2.1.1", "6.1.1", "5.1.1.1", "5.1234.1", "5.a.1", "5.1.-1", "50.1.1"]
    {
        assert!(Status::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn what_made_the_parser_of_mails_fall_is_no_report() {
    let report = postfix("pat@example.com", "failed", "5.1.1", "1.received.A@mint.example");
    let recipe = [75, 181, 92, 107, 0, 0, 0, 16, 44, 0, 0, 0];
    let other = short(
        "Original-Recipient: x400; /C=US\nFinal-Recipient: rfc822;b@example.org\nAction: delayed\nStatus: 4.4.1\n",
    );
    let bytes = messages::scrutiny::mutated(report.as_bytes(), other.as_bytes(), &recipe);
    assert_eq!(Report::parse(&String::from_utf8_lossy(&bytes)).map(|_| ()), Err(ReportError::NoReport));
}

/// A good report with bytes struck out, doubled or replaced.
fn damaged() -> impl Strategy<Value = String> {
    let good = prop_oneof![
        Just(postfix("pat@example.com", "failed", "5.1.1", "1.received.A@mint.example")),
        Just(short("Final-Recipient: rfc822;pat@example.com\nAction: failed\nStatus: 4.4.7\n")),
    ];
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), 0_usize..80, "[\\x00-\\x7f]{0,6}"), 0..6);
    (good, cuts).prop_map(|(mut text, cuts)| {
        for (at, length, instead) in cuts {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.replace_range(start..end, &instead);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_it_fail_otherwise_than_by_name(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        if let Err(why) = Report::parse(&String::from_utf8_lossy(&bytes)) {
            messages::scrutiny::is_sentence(&why.to_string());
        }
    }

    #[test]
    fn a_mutated_report_is_read_or_refused_in_a_sentence(recipe in prop::collection::vec(any::<u8>(), 0..36)) {
        let report = postfix("pat@example.com", "failed", "5.1.1", "1.received.A@mint.example");
        let other = short("Original-Recipient: x400; /C=US\nFinal-Recipient: rfc822;b@example.org\nAction: delayed\nStatus: 4.4.1\n");
        let bytes = messages::scrutiny::mutated(report.as_bytes(), other.as_bytes(), &recipe);
        if let Err(why) = Report::parse(&String::from_utf8_lossy(&bytes)) {
            messages::scrutiny::is_sentence(&why.to_string());
        }
    }

    #[test]
    fn a_damaged_report_gives_nothing_that_does_not_stand_in_it(text in damaged()) {
        if let Ok(Report::Failed(failure)) = Report::parse(&text) {
            prop_assert!(text.to_ascii_lowercase().contains(&failure.email.normalized()));
            prop_assert!(text.contains(failure.status.as_str()));
            if let Some(id) = failure.message_id {
                prop_assert!(id.len() <= MESSAGE_ID_BYTES_MAX && !id.contains(char::is_whitespace));
            }
        }
    }
}
