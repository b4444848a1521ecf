//! What each message makes of each state of a topic, and the ledger behind it.

use messages::order::OrderAccepted;
use messages::subscriber::{SubscriberChange, SubscriberChanged};

use super::*;
use crate::read::LAPSE;
use crate::store::{AskMail, End};

const EMAIL: &[ContactChannel] = &[ContactChannel::Email];
const PRINT: &[ContactChannel] = &[ContactChannel::Print];
const MONTH: i64 = 30 * 24 * 60 * 60;

/// The states, each an hour old.
const STATES: [&str; 6] = ["unknown", "asked", "confirmed", "print", "withdrawn", "lapsed"];

fn in_state(name: &str) -> Stage<Promotions> {
    let mut stage = Stage::new(Promotions);
    let key = person(&stage, 1).as_str().to_owned();
    match name {
        "unknown" => {}
        "asked" | "lapsed" => {
            submit(&mut stage, 1, EMAIL);
            stage.answer(CONFIRM, &key, &Answer::Sent);
        }
        "confirmed" => subscribe(&mut stage, 1),
        "print" => drop(submit(&mut stage, 1, PRINT)),
        other => {
            assert_eq!(other, "withdrawn");
            subscribe(&mut stage, 1);
            withdraw(&mut stage, 1, &[]);
        }
    }
    if name == "lapsed" {
        pass(&stage, MONTH);
        fire(&mut stage);
    }
    pass(&stage, 3_600);
    stage
}

#[test]
fn every_state_takes_every_message() {
    use TopicState::{Asked, Confirmed, Lapsed, Withdrawn};
    let done = || Some((Outcome::Done, None));
    let again = || Some((Outcome::Repeated, None));
    let no = |code: &str| Some((Outcome::Refused, Some(code.to_owned())));
    for (message, cells) in [
        (
            "email",
            [
                (Some(Asked), done()),
                (Some(Asked), done()),
                (Some(Confirmed), again()),
                (Some(Asked), done()),
                (Some(Asked), done()),
                (Some(Asked), done()),
            ],
        ),
        (
            "print",
            [
                (Some(Confirmed), done()),
                (Some(Asked), done()),
                (Some(Confirmed), done()),
                (Some(Confirmed), again()),
                (Some(Confirmed), done()),
                (Some(Confirmed), done()),
            ],
        ),
        (
            "confirm",
            [
                (None, no("link_expired")),
                (Some(Confirmed), done()),
                (Some(Confirmed), again()),
                (Some(Confirmed), no("link_expired")),
                (Some(Withdrawn), no("link_expired")),
                (Some(Lapsed), no("link_expired")),
            ],
        ),
        (
            "withdraw",
            [
                (None, again()),
                (Some(Withdrawn), done()),
                (Some(Withdrawn), done()),
                (Some(Withdrawn), done()),
                (Some(Withdrawn), again()),
                (Some(Lapsed), again()),
            ],
        ),
        (
            "other topic",
            [
                (None, again()),
                (Some(Asked), again()),
                (Some(Confirmed), again()),
                (Some(Confirmed), again()),
                (Some(Withdrawn), again()),
                (Some(Lapsed), again()),
            ],
        ),
        (
            "suppressed",
            [
                (None, None),
                (Some(Asked), None),
                (Some(Confirmed), None),
                (Some(Confirmed), None),
                (Some(Withdrawn), None),
                (Some(Lapsed), None),
            ],
        ),
        (
            "a month",
            [
                (None, None),
                (Some(Lapsed), None),
                (Some(Confirmed), None),
                (Some(Confirmed), None),
                (Some(Withdrawn), None),
                (Some(Lapsed), None),
            ],
        ),
    ] {
        for (state, (after, answered)) in STATES.into_iter().zip(cells) {
            let mut stage = in_state(state);
            let said = match message {
                "email" => submit(&mut stage, 1, EMAIL),
                "print" => submit(&mut stage, 1, PRINT),
                "confirm" => confirm(&mut stage, 1, 1),
                "withdraw" => withdraw(&mut stage, 1, &[COINS]),
                "other topic" => withdraw(&mut stage, 1, &[Topic::Activities]),
                "suppressed" => suppress(&mut stage, 1),
                other => {
                    assert_eq!(other, "a month");
                    pass(&stage, MONTH);
                    stage.fire(&CALLS)
                }
            };
            assert_eq!(state_of(&stage, 1), after, "{state}, then {message}");
            if answered.is_some() {
                assert_eq!(Some(outcome(&said)), answered, "{state}, then {message}");
            }
            check(&stage, &format!("{state}, then {message}"));
        }
    }
}

/// What holds in every state.
fn check(stage: &Stage<Promotions>, what: &str) {
    let row = row(stage, 1);
    let live = row.topics.values().any(|standing| standing.state.is_live());
    assert_eq!(row.contact.is_some(), live, "{what}: a contact stands only while there is something to mail");
    let asks = row.topics.values().any(|standing| standing.state == TopicState::Asked);
    let due = |kind: &str| stage.due().iter().any(|due| due.kind == kind);
    assert_eq!(due(LAPSE), asks, "{what}: what is asked lapses, and nothing else does");
    assert!(!due(CONFIRM) || (asks && row.suppressed.is_none()), "{what}: nobody is asked in vain");
    for entry in row.ledger.iter().filter(|entry| entry.ended.is_none()) {
        assert!(row.topics[&entry.topic].state.is_live(), "{what}: the ledger and the topics agree");
    }
}

#[test]
fn nothing_but_the_question_is_mailed_before_somebody_confirms() {
    let mut stage = Stage::new(Promotions);
    let said = submit(&mut stage, 1, EMAIL);
    let told: SubscriberChanged = said[0].body();
    assert_eq!((told.change, told.topics), (SubscriberChange::Asked, vec![COINS]));
    let due: Vec<String> = stage.due().into_iter().map(|due| due.kind).collect();
    assert_eq!(due, [CONFIRM, LAPSE]);
    start(&mut stage, &definition("text"));
    run(&mut stage, 2);
    assert_eq!((delivers(&stage).len(), ended(&stage)), (0, CampaignState::Finished));
}

#[test]
fn nobody_is_flooded_with_questions() {
    let mut stage = Stage::new(Promotions);
    let mut asked = Vec::new();
    for _ in 0..8 {
        let (outcome, code) = outcome(&submit(&mut stage, 1, EMAIL));
        asked.push(code.unwrap_or_else(|| outcome.name().to_owned()));
        pass(&stage, 10 * 60);
    }
    // Within a quarter of an hour the mail is there already; the counted ones are the first, third, fifth …
    assert_eq!(asked, ["done", "repeated", "done", "repeated", "done", "repeated", "done", "repeated"]);
    pass(&stage, 3_600);
    assert_eq!(outcome(&submit(&mut stage, 1, EMAIL)), (Outcome::Done, None));
    pass(&stage, 3_600);
    let refused = (Outcome::Refused, Some("asked_too_often".to_owned()));
    assert_eq!(outcome(&submit(&mut stage, 1, EMAIL)), refused);
    pass(&stage, 24 * 3_600);
    assert_eq!(outcome(&submit(&mut stage, 1, EMAIL)), (Outcome::Done, None));
    // The links of earlier mails are no longer good, the last one is.
    assert_eq!(outcome(&confirm(&mut stage, 1, 5)).0, Outcome::Refused);
    assert_eq!(outcome(&confirm(&mut stage, 1, 6)).0, Outcome::Done);
}

#[test]
fn each_answer_of_the_relay_ends_the_question_or_tries_again() {
    for (answer, mail, tries_again) in [
        (Answer::Sent, AskMail::Sent, false),
        (Answer::Refused { code: 550 }, AskMail::Refused, false),
        (Answer::Unsendable, AskMail::Refused, false),
        (Answer::Unclear, AskMail::Unknown, false),
        (Answer::PutOff, AskMail::Pending, true),
        (Answer::Down, AskMail::Pending, true),
    ] {
        let mut stage = Stage::new(Promotions);
        submit(&mut stage, 1, EMAIL);
        let key = person(&stage, 1).as_str().to_owned();
        stage.answer(CONFIRM, &key, &answer);
        let is_due = stage.due().iter().any(|due| due.kind == CONFIRM);
        assert_eq!((row(&stage, 1).asks.mail, is_due), (mail, tries_again), "{answer:?}");
    }
}

#[test]
fn a_question_that_was_never_mailed_is_asked_with_the_next() {
    let mut stage = Stage::new(Promotions);
    submit(&mut stage, 1, EMAIL);
    let old = stage.due().into_iter().find(|due| due.kind == CONFIRM).unwrap();
    let body = SubscriberSubmit { topics: vec![Topic::Activities], ..submission(&stage, 1, EMAIL) };
    stage.command("web-store", &body);
    // The answer to the first mail is stale.
    stage.answer_row(&old, &Answer::Unclear);
    assert_eq!(row(&stage, 1).asks.mail, AskMail::Pending);
    confirm(&mut stage, 1, 2);
    assert!(row(&stage, 1).topics.values().all(|standing| standing.state == TopicState::Confirmed));
}

#[test]
fn withdrawing_one_topic_keeps_the_others_and_the_last_erases() {
    let mut stage = Stage::new(Promotions);
    let body = SubscriberSubmit { topics: Topic::ALL.to_vec(), ..submission(&stage, 1, EMAIL) };
    stage.command("web-store", &body);
    confirm(&mut stage, 1, 1);
    let mut order = OrderAccepted::sample();
    order.email = Some(person(&stage, 1));
    stage.tell(&order);
    assert!(!row(&stage, 1).purchases.is_empty());
    pass(&stage, 60);
    let token = Token::make(&stage.ring, Purpose::Unsubscribe, &person(&stage, 1), 3).unwrap();
    let one = SubscriberWithdraw {
        reference: reference("unsubscribe"),
        token: Some(token.to_string()),
        email: None,
        topics: vec![Topic::Activities],
        user: None,
    };
    assert_eq!(outcome(&stage.command("operator", &one)), (Outcome::Done, None));
    let states: Vec<TopicState> = row(&stage, 1).topics.values().map(|standing| standing.state).collect();
    assert_eq!(states, [TopicState::Confirmed, TopicState::Confirmed, TopicState::Withdrawn]);
    assert!(row(&stage, 1).contact.is_some());
    withdraw(&mut stage, 1, &[]);
    let after = row(&stage, 1);
    assert!(after.contact.is_none() && after.preferences.is_empty() && after.purchases.is_empty());
    assert_eq!(after.ledger.len(), 3);
    assert!(after.ledger.iter().all(|entry| {
        entry.confirmed_at.is_some() && entry.ended.as_ref().is_some_and(|ended| ended.how == End::Withdrawn)
    }));
}

#[test]
fn a_consent_older_than_the_withdrawal_does_not_undo_it() {
    let mut stage = Stage::new(Promotions);
    let old = submission(&stage, 1, EMAIL);
    subscribe(&mut stage, 1);
    pass(&stage, 60);
    withdraw(&mut stage, 1, &[]);
    pass(&stage, 60);
    let refused = (Outcome::Refused, Some("withdrawn_since".to_owned()));
    assert_eq!(outcome(&stage.command("web-store", &old)), refused);
    assert_eq!(outcome(&submit(&mut stage, 1, EMAIL)), (Outcome::Done, None));
}

#[test]
fn an_address_that_takes_no_mail_is_not_asked() {
    let mut stage = Stage::new(Promotions);
    suppress(&mut stage, 1);
    let refused = (Outcome::Refused, Some("address_takes_no_mail".to_owned()));
    assert_eq!(outcome(&submit(&mut stage, 1, EMAIL)), refused);
    assert_eq!(outcome(&submit(&mut stage, 1, PRINT)), (Outcome::Done, None));
    assert!(stage.due().is_empty());
}

#[test]
fn no_row_is_made_for_an_address_that_never_subscribed() {
    let mut stage = Stage::new(Promotions);
    withdraw(&mut stage, 1, &[]);
    confirm(&mut stage, 1, 1);
    let mut order = OrderAccepted::sample();
    order.email = Some(person(&stage, 1));
    stage.tell(&order);
    order.email = None;
    stage.tell(&order);
    assert!(stage.rows().is_empty());
}

#[test]
fn what_is_wrong_whatever_we_know_is_refused_by_name() {
    let stage = Stage::new(Promotions);
    let good = submission(&stage, 1, EMAIL);
    let token = Token::make(&stage.ring, Purpose::Subscribe, &person(&stage, 1), 1).unwrap().to_string();
    let stop = |token: Option<&str>, email: Option<&str>| SubscriberWithdraw {
        token: token.map(str::to_owned),
        email: email.map(str::to_owned),
        ..SubscriberWithdraw::sample()
    };
    for (body, code) in [
        (SubscriberSubmit { email: "pat@".to_owned(), ..good.clone() }, "bad_email"),
        (SubscriberSubmit { name: Some("12".to_owned()), ..good.clone() }, "bad_name"),
        (SubscriberSubmit { topics: Vec::new(), ..good.clone() }, "bad_topics"),
        (SubscriberSubmit { channels: Vec::new(), ..good.clone() }, "bad_topics"),
        (SubscriberSubmit { preferences: vec!["<b>".to_owned()], ..good.clone() }, "bad_preferences"),
        (SubscriberSubmit { consent_text: " ".to_owned(), ..good.clone() }, "bad_consent_text"),
        (SubscriberSubmit { consented_at: stage.now().plus_seconds(90_000), ..good }, "bad_consented_at"),
    ] {
        refused(&body, code);
    }
    refused(&stop(None, None), "bad_withdrawal");
    refused(&stop(Some("x"), Some(&email(1))), "bad_withdrawal");
    refused(&stop(None, Some("pat")), "bad_email");
    // A token of another purpose, and one of nobody.
    refused(&stop(Some(&token), None), "bad_token");
    refused(&SubscriberConfirm::sample(), "bad_token");
}

fn refused<B: Body>(body: &B, code: &str) {
    let mut stage = Stage::new(Promotions);
    let expected = (Outcome::Refused, Some(code.to_owned()));
    assert_eq!(outcome(&stage.command("operator", body)), expected);
    assert!(stage.rows().is_empty() && stage.due().is_empty(), "{code}: nothing follows");
}
