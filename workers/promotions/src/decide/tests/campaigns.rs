//! What each command makes of each state of a campaign, what each answer makes of a mail, and the races.

use super::*;
use crate::read::SEND;
use crate::store::{Step, Why};

const VERBS: [CampaignVerb; 5] = [
    CampaignVerb::Approve,
    CampaignVerb::Start,
    CampaignVerb::Pause,
    CampaignVerb::Resume,
    CampaignVerb::Stop,
];

/// A campaign in that state, to two subscribers.
fn in_state(state: CampaignState) -> Stage<Promotions> {
    let mut stage = stage_of(2);
    define(&mut stage, &definition("text"));
    let verbs: &[CampaignVerb] = match state {
        CampaignState::Draft => &[],
        CampaignState::Approved => &VERBS[..1],
        CampaignState::Running | CampaignState::Finished => &VERBS[..2],
        CampaignState::Paused => &VERBS[..3],
        CampaignState::Stopped => &[CampaignVerb::Stop],
    };
    for verb in verbs {
        control(&mut stage, *verb);
    }
    if state == CampaignState::Finished {
        run(&mut stage, 1);
        answer_all(&mut stage, Answer::Sent);
    }
    assert_eq!(ended(&stage), state);
    stage
}

fn stage_of(subscribers: usize) -> Stage<Promotions> {
    let mut stage = Stage::new(Promotions);
    for number in 1..=subscribers {
        subscribe(&mut stage, number);
    }
    stage
}

fn answer_all(stage: &mut Stage<Promotions>, answer: Answer) {
    for due in delivers(stage) {
        stage.answer_row(&due, &answer);
    }
}

/// The two mails of two subscribers are on their way.
fn on_their_way() -> Stage<Promotions> {
    let mut stage = stage_of(2);
    start(&mut stage, &definition("text"));
    run(&mut stage, 1);
    assert_eq!(delivers(&stage).len(), 2);
    stage
}

#[test]
fn every_state_takes_every_verb() {
    use CampaignState::{Approved, Draft, Finished, Paused, Running, Stopped};
    let codes = |state| -> [&str; 5] {
        match state {
            Draft => ["done", "not_approved", "not_running", "not_running", "done"],
            Approved => ["repeated", "done", "not_running", "not_running", "done"],
            Running => ["not_a_draft", "repeated", "done", "repeated", "done"],
            Paused => ["not_a_draft", "is_paused", "repeated", "done", "done"],
            Stopped => ["not_a_draft", "is_over", "is_over", "is_over", "repeated"],
            Finished => ["not_a_draft", "is_over", "is_over", "is_over", "is_over"],
        }
    };
    for state in [Draft, Approved, Running, Paused, Stopped, Finished] {
        for (verb, expected) in VERBS.into_iter().zip(codes(state)) {
            let mut stage = in_state(state);
            let before = stage.rows();
            let (outcome, code) = outcome(&control(&mut stage, verb));
            assert_eq!(code.unwrap_or_else(|| outcome.name().to_owned()), expected, "{state:?} {verb:?}");
            let after = match (outcome, verb) {
                (Outcome::Done, CampaignVerb::Approve) => Approved,
                (Outcome::Done, CampaignVerb::Start | CampaignVerb::Resume) => Running,
                (Outcome::Done, CampaignVerb::Pause) => Paused,
                (Outcome::Done, CampaignVerb::Stop) => Stopped,
                _ => state,
            };
            assert_eq!(ended(&stage), after, "{state:?} {verb:?}");
            assert_eq!(stage.rows() == before, outcome != Outcome::Done, "{state:?} {verb:?}");
        }
    }
}

#[test]
fn a_draft_is_replaced_until_it_starts_and_then_stands() {
    use CampaignState::{Approved, Draft, Finished, Paused, Running, Stopped};
    for (state, code, after) in [
        (Draft, "done", Draft),
        (Approved, "done", Draft),
        (Running, "has_started", Running),
        (Paused, "has_started", Paused),
        (Stopped, "has_started", Stopped),
        (Finished, "has_started", Finished),
    ] {
        let mut stage = in_state(state);
        let (same, none) = outcome(&define(&mut stage, &definition(" text\r\n")));
        assert_eq!((same, none, ended(&stage)), (Outcome::Repeated, None, state), "the same draft");
        let (outcome, found) = outcome(&define(&mut stage, &definition("another")));
        assert_eq!(found.unwrap_or_else(|| outcome.name().to_owned()), code, "{state:?}");
        assert_eq!(ended(&stage), after, "{state:?}");
    }
}

#[test]
fn a_second_person_approves_the_draft_that_stands() {
    let mut stage = stage_of(0);
    let body = definition("text");
    define(&mut stage, &body);
    let approve = |user: &str, version| CampaignControl {
        campaign: reference(CAMPAIGN),
        verb: CampaignVerb::Approve,
        version,
        user: messages::id::UserId::parse(user).unwrap(),
        reason: None,
    };
    for user in [body.user.as_str().to_owned(), body.user.as_str().to_uppercase()] {
        let said = stage.command("operator", &approve(&user, Some(1)));
        assert_eq!(outcome(&said), (Outcome::Refused, Some("second_person_needed".to_owned())), "{user}");
    }
    let said = stage.command("operator", &approve("second", None));
    assert_eq!(outcome(&said), (Outcome::Refused, Some("version_needed".to_owned())));
    // Approve and define: the draft that came first is not the one that was looked at.
    define(&mut stage, &definition("another"));
    let said = stage.command("operator", &approve("second", Some(1)));
    assert_eq!(outcome(&said), (Outcome::Refused, Some("draft_changed".to_owned())));
    let said = stage.command("operator", &approve("second", Some(2)));
    assert_eq!(outcome(&said), (Outcome::Done, None));
    // The other way round: the approval was of the earlier draft, and is void.
    define(&mut stage, &definition("a third"));
    assert_eq!(outcome(&control(&mut stage, CampaignVerb::Start)).1.as_deref(), Some("not_approved"));
}

#[test]
fn what_is_wrong_with_a_draft_is_refused_by_name() {
    let good = definition("text");
    let segment = |name: &str| Segment { bought: vec![name.to_owned()], ..Segment::default() };
    for (body, code) in [
        (CampaignDefine { subject: "a\nb".to_owned(), ..good.clone() }, "bad_subject"),
        (CampaignDefine { text: " ".to_owned(), ..good.clone() }, "bad_text"),
        (CampaignDefine { per_minute: 0, ..good.clone() }, "bad_pace"),
        (CampaignDefine { segment: segment("no item"), ..good }, "bad_segment"),
    ] {
        let mut stage = stage_of(0);
        assert_eq!(outcome(&define(&mut stage, &body)), (Outcome::Refused, Some(code.to_owned())));
        assert!(stage.rows().is_empty());
    }
    let mut stage = stage_of(0);
    assert_eq!(outcome(&control(&mut stage, CampaignVerb::Stop)).1.as_deref(), Some("unknown_campaign"));
}

#[test]
fn only_who_consented_to_the_topic_by_email_and_is_of_the_segment_gets_a_mail() {
    let mut stage = Stage::new(Promotions);
    for number in 1..=4 {
        subscribe(&mut stage, number);
    }
    submit(&mut stage, 5, &[ContactChannel::Print, ContactChannel::Phone]);
    submit(&mut stage, 6, &[ContactChannel::Email]);
    suppress(&mut stage, 2);
    withdraw(&mut stage, 3, &[COINS]);
    let mut order = messages::order::OrderAccepted::sample();
    order.email = Some(person(&stage, 4));
    let item = order.lines[0].item.to_string();
    stage.tell(&order);
    let segment =
        Segment { prefers: vec!["Silver".to_owned()], not_bought: vec![item], ..Segment::default() };
    start(&mut stage, &CampaignDefine { segment, ..definition("text") });
    run(&mut stage, 1);
    let expected: Vec<Option<Status>> = [true, false, false, false, false, false]
        .into_iter()
        .map(|gets| gets.then_some(Status::Sending))
        .collect();
    let found: Vec<Option<Status>> = (1..=6).map(|number| status_of(&stage, number)).collect();
    assert_eq!(found, expected);
}

#[test]
fn each_answer_ends_the_mail_or_asks_consent_again() {
    let unknown = |called_back| Status::Unknown { called_back };
    for (answer, status, counts) in [
        (Answer::Sent, Status::Sent, [1, 0, 0]),
        (Answer::Refused { code: 550 }, Status::Refused { code: Some(550) }, [0, 1, 0]),
        (Answer::Unsendable, Status::Refused { code: None }, [0, 1, 0]),
        (Answer::Unclear, unknown(None), [0, 0, 1]),
        (Answer::PutOff, Status::Pending, [0, 0, 0]),
        (Answer::Down, Status::Pending, [0, 0, 0]),
        (Answer::Stale, Status::Pending, [0, 0, 0]),
    ] {
        let mut stage = on_their_way();
        let key = mail_id(&stage, 1).to_string();
        stage.answer(DELIVER, &key, &answer);
        assert_eq!(status_of(&stage, 1), Some(status), "{answer:?}");
        let found = campaign_row(&stage).counts;
        assert_eq!([found.sent, found.refused, found.unknown], counts, "{answer:?}");
        let waits = stage.due().iter().any(|due| due.kind == SEND && due.key == key);
        assert_eq!(waits, status == Status::Pending, "{answer:?}");
        // A mail that waits is asked about anew: consent may be gone by then.
        withdraw(&mut stage, 1, &[]);
        run(&mut stage, 61);
        if waits {
            assert_eq!(status_of(&stage, 1), Some(Status::Skipped { why: Why::Withdrawn }), "{answer:?}");
        } else {
            assert_eq!(status_of(&stage, 1), Some(status), "{answer:?}");
        }
    }
}

#[test]
fn a_mail_that_is_put_off_for_a_day_is_given_up() {
    let mut stage = stage_of(1);
    start(&mut stage, &definition("text"));
    for _ in 0..6 {
        fire(&mut stage);
        answer_all(&mut stage, Answer::PutOff);
        pass(&stage, 6 * 3_600);
    }
    assert_eq!(status_of(&stage, 1), Some(Status::Refused { code: None }));
    assert_eq!(ended(&stage), CampaignState::Finished);
}

/// Withdrawal, suppression or stop, and the sending of a mail.
#[test]
fn whoever_opts_out_before_the_sending_is_skipped_and_after_it_called_back() {
    type Act = fn(&mut Stage<Promotions>);
    let acts: [(Act, Why); 3] = [
        (|stage| drop(withdraw(stage, 1, &[COINS])), Why::Withdrawn),
        (|stage| drop(suppress(stage, 1)), Why::Suppressed),
        (|stage| drop(control(stage, CampaignVerb::Stop)), Why::CampaignStopped),
    ];
    for (act, why) in acts {
        let mut stage = stage_of(2);
        start(&mut stage, &definition("text"));
        stage.fire(&CALLS);
        assert_eq!(status_of(&stage, 1), Some(Status::Pending));
        act(&mut stage);
        run(&mut stage, 1);
        assert_eq!(status_of(&stage, 1), Some(Status::Skipped { why }));
        assert!(delivers(&stage).iter().all(|due| due.key != mail_id(&stage, 1).to_string()));

        for (answer, status) in [
            (None, Status::Unknown { called_back: Some(why) }),
            (Some(Answer::Sent), Status::Sent),
            (Some(Answer::Refused { code: 550 }), Status::Refused { code: Some(550) }),
            (Some(Answer::PutOff), Status::Skipped { why }),
            (Some(Answer::Stale), Status::Skipped { why }),
            (Some(Answer::Unclear), Status::Unknown { called_back: None }),
        ] {
            let mut stage = on_their_way();
            let call = delivers(&stage).into_iter().find(|due| due.key == mail_id(&stage, 1).to_string());
            act(&mut stage);
            assert!(delivers(&stage).iter().all(|due| due.key != mail_id(&stage, 1).to_string()));
            if let Some(answer) = answer {
                stage.answer_row(&call.unwrap(), &answer);
            }
            assert_eq!(status_of(&stage, 1), Some(status), "{why:?} {answer:?}");
            assert!(row(&stage, 1).sending.is_empty());
            run(&mut stage, 120);
            assert_eq!(status_of(&stage, 1), Some(status), "{why:?} {answer:?}: for good");
        }
    }
}

#[test]
fn withdrawing_another_topic_calls_nothing_back() {
    let mut stage = on_their_way();
    let body = SubscriberSubmit {
        topics: vec![Topic::Activities],
        ..submission(&stage, 1, &[ContactChannel::Email])
    };
    stage.command("web-store", &body);
    withdraw(&mut stage, 1, &[Topic::Activities]);
    assert_eq!(status_of(&stage, 1), Some(Status::Sending));
    assert_eq!(row(&stage, 1).sending.len(), 1);
}

#[test]
fn a_paused_campaign_sends_nothing_and_goes_on_where_it_was() {
    let mut stage = stage_of(250);
    start(&mut stage, &definition("text"));
    stage.fire(&CALLS);
    control(&mut stage, CampaignVerb::Pause);
    assert!(stage.due().iter().all(|due| CALLS.contains(&due.kind.as_str())), "no timer runs for weeks");
    run(&mut stage, 3);
    assert_eq!((delivers(&stage).len(), campaign_row(&stage).counts.made), (0, 100));
    control(&mut stage, CampaignVerb::Resume);
    for _ in 0..8 {
        run(&mut stage, 1);
        answer_all(&mut stage, Answer::Sent);
    }
    assert_eq!((ended(&stage), campaign_row(&stage).counts.sent), (CampaignState::Finished, 250));
}

#[test]
fn a_pause_lets_go_out_what_is_on_its_way_and_keeps_what_comes_back() {
    let mut stage = on_their_way();
    control(&mut stage, CampaignVerb::Pause);
    let keys = [1, 2].map(|number| mail_id(&stage, number).to_string());
    stage.answer(DELIVER, &keys[0], &Answer::Sent);
    stage.answer(DELIVER, &keys[1], &Answer::Stale);
    run(&mut stage, 60);
    assert_eq!(status_of(&stage, 2), Some(Status::Pending));
    assert_eq!(campaign_row(&stage).open.values().collect::<Vec<_>>(), [&Step::Pending]);
    control(&mut stage, CampaignVerb::Resume);
    run(&mut stage, 1);
    answer_all(&mut stage, Answer::Sent);
    assert_eq!(ended(&stage), CampaignState::Finished);
}

#[test]
fn a_campaign_keeps_its_pace() {
    let mut stage = stage_of(30);
    start(&mut stage, &CampaignDefine { per_minute: 10, ..definition("text") });
    let mut sent = Vec::new();
    for _ in 0..4 {
        run(&mut stage, 59);
        sent.push(delivers(&stage).len());
        answer_all(&mut stage, Answer::Sent);
        pass(&stage, 1);
    }
    assert_eq!(sent, [10, 10, 10, 0]);
    // Nor does it make up for time in which the room did not run.
    let mut stage = stage_of(30);
    start(&mut stage, &CampaignDefine { per_minute: 10, ..definition("text") });
    stage.fire(&CALLS);
    pass(&stage, 3_600);
    fire(&mut stage);
    assert_eq!(delivers(&stage).len(), 10);
}

#[test]
fn a_campaign_waits_while_too_many_mails_are_open() {
    let mut stage = stage_of(350);
    start(&mut stage, &definition("text"));
    run(&mut stage, 5);
    assert_eq!(campaign_row(&stage).open.len(), 100);
    let first = delivers(&stage).swap_remove(0);
    stage.answer_row(&first, &Answer::Sent);
    run(&mut stage, 5);
    assert_eq!(campaign_row(&stage).open.len(), 199);
    for _ in 0..4 {
        answer_all(&mut stage, Answer::Sent);
        run(&mut stage, 1);
    }
    assert_eq!((ended(&stage), campaign_row(&stage).counts.sent), (CampaignState::Finished, 350));
}
