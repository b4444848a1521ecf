//! The words as a reader meets them: what each notice must say, and what none may say.

use super::*;
use crate::facts::examples;
use messages::notice::NoticeKind;

/// Every notice as it is read; a change of any word shows here.
const NOTICES: &str = include_str!("notices.txt");

#[test]
fn every_notice_reads_exactly_so() {
    let mut said = String::new();
    for facts in examples::all() {
        let page = examples::page(&facts);
        said.push_str(&format!("=== {}\n\n{}\n", page.words.subject, page.text().unwrap()));
    }
    assert_eq!(said, NOTICES);
}

#[test]
fn there_is_an_example_of_every_kind() {
    let kinds: Vec<NoticeKind> = examples::all().iter().map(Facts::kind).collect();
    assert_eq!(kinds, NoticeKind::ALL);
}

#[test]
fn only_confirmed_says_confirmed() {
    for facts in examples::all() {
        let said = everything(&facts).to_lowercase();
        let affirmed = said.replace("not yet confirmed", "").contains("confirmed");
        assert_eq!(affirmed, facts.kind() == NoticeKind::Confirmed, "{said}");
    }
    let not_yet: Vec<NoticeKind> = examples::all()
        .iter()
        .filter(|facts| everything(facts).contains("not yet confirmed"))
        .map(Facts::kind)
        .collect();
    let expected = [NoticeKind::Received, NoticeKind::Held, NoticeKind::Backordered, NoticeKind::Waitlisted];
    assert_eq!(not_yet, expected);
}

#[test]
fn no_notice_advertises_or_links_but_to_the_answer_of_its_question() {
    for facts in examples::all() {
        let said = everything(&facts).replace(&examples::answer_code().page, "").to_lowercase();
        for word in ["http", "www.", "offer", "discount", "subscribe"] {
            assert!(!said.contains(word), "{word}: {said}");
        }
    }
}

#[test]
fn a_refusal_gives_no_reason_that_has_no_words_of_its_own() {
    let facts = Facts::Refused { code: "customer_is_suspect".to_owned() };
    let said = words(&examples::order(), None, &facts, false);
    assert_eq!(said.paragraphs[0], "We have looked at your order, and we cannot take it.");
    assert_eq!(said.details, [("Order number", examples::order().to_string())]);
}

#[test]
fn each_class_of_decline_has_its_words() {
    for (class, start) in [
        (DeclineClass::Never, "Your card issuer declined the payment for a part of your order."),
        (DeclineClass::Later, "Your card issuer declined the payment for a part of your order each time"),
        (
            DeclineClass::FixData,
            "The payment for a part of your order was declined because the card's details",
        ),
    ] {
        assert!(declined(class)[0].starts_with(start), "{class:?}");
    }
}

#[test]
fn a_back_order_without_a_date_promises_none() {
    assert_eq!(backordered(None).len(), backordered(Some(examples::at())).len() - 1);
}

#[test]
fn money_is_written_as_people_write_it() {
    for (minor, currency, expected) in [
        (7_090, "USD", "$70.90"),
        (5, "USD", "$0.05"),
        (2_500_000, "USD", "$25000.00"),
        (7_090, "EUR", "70.90 EUR"),
    ] {
        let amount = Amount::new(minor).unwrap();
        assert_eq!(money(amount, Currency::parse(currency).unwrap()), expected);
    }
}

#[test]
fn times_are_told_in_utc() {
    let at = Timestamp::parse("2026-11-24T23:30:00-05:00").unwrap();
    assert_eq!(text(at, DATE_AND_TIME), "November 25, 2026 at 04:30 UTC");
    assert_eq!(text(at, DATE), "November 25, 2026");
}

fn everything(facts: &Facts) -> String {
    let page = examples::page(facts);
    format!("{}\n{}", page.words.subject, page.text().unwrap())
}

#[test]
fn each_class_of_case_is_asked_in_its_own_words_and_only_a_mail_shows_a_code() {
    for class in CaseClass::ALL {
        let facts = examples::asked(1, class);
        let with_code = words(&examples::order(), None, &facts, true);
        let without = words(&examples::order(), None, &facts, false);
        assert_eq!(with_code.paragraphs[0], why_not(class));
        assert!(with_code.paragraphs.iter().any(|said| said.contains("answer code")), "{class:?}");
        assert!(without.paragraphs.iter().all(|said| !said.contains("code") && !said.contains("page")));
        assert!(
            !with_code.paragraphs.concat().to_lowercase().contains("deceased"),
            "never a word of a death"
        );
    }
}

#[test]
fn a_cancellation_tells_what_still_comes() {
    for (handed_over, said) in [
        (0, "Your order is cancelled. No units"),
        (1, "One part of it was already with the warehouse"),
        (2, "2 parts of it were already with the warehouse"),
    ] {
        assert!(cancelled(handed_over)[0].contains(said), "{handed_over}");
    }
}

#[test]
fn nobody_is_told_of_a_charge_for_a_parcel_that_is_sent_again() {
    let Some(Facts::Shipped(mut parcel)) =
        examples::all().into_iter().find(|facts| facts.kind() == NoticeKind::Shipped)
    else {
        panic!("there is an example")
    };
    assert!(!parcel.again);
    parcel.again = true;
    let said = everything(&Facts::Shipped(parcel));
    assert!(said.contains("Nothing is charged for it") && !said.contains("is charged for it now"), "{said}");
}
