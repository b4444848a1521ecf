//! Tables, races and properties. One stage is the room; the helpers below speak to it as the outsiders do.

mod campaigns;
mod properties;
mod subscribers;

use messages::answer::CommandAnswered;
use messages::bounce::AddressSuppressed;
use messages::sealed::Trait;
use messages::subscriber::{
    CampaignControl, CampaignDefine, CampaignState, CampaignVerb, ContactChannel, Segment, SubscriberConfirm,
    SubscriberSubmit, SubscriberWithdraw, Topic,
};
use messages::{Body, Kind};
use shell::stage::{Said, Stage};

use super::*;
use crate::read::{Answer, CONFIRM, DELIVER};
use crate::store::{Status, TopicState};
use crate::token::{Purpose, Token};

pub(super) const COINS: Topic = Topic::NumismaticProducts;
pub(super) const CAMPAIGN: &str = "2026-11-EAGLE";
pub(super) const CALLS: [&str; 2] = [CONFIRM, DELIVER];

pub(super) fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

pub(super) fn email(number: usize) -> String {
    format!("subscriber{number}@example.com")
}

/// The subscriber of that number.
pub(super) fn person(stage: &Stage<Promotions>, number: usize) -> Fingerprint {
    stage.ring.fingerprint(Trait::Email, &email(number)).unwrap()
}

pub(super) fn pass(stage: &Stage<Promotions>, seconds: i64) {
    stage.set_now(stage.now().plus_seconds(seconds));
}

/// How a command was answered.
pub(super) fn outcome(said: &[Said]) -> (Outcome, Option<String>) {
    let answers: Vec<CommandAnswered> =
        said.iter().filter(|said| said.kind == Kind::CommandAnswered).map(Said::body).collect();
    let [answer] = &answers[..] else { panic!("one answer, not {}", answers.len()) };
    (answer.outcome, answer.code.clone())
}

pub(super) fn submission(
    stage: &Stage<Promotions>,
    number: usize,
    channels: &[ContactChannel],
) -> SubscriberSubmit {
    SubscriberSubmit {
        reference: reference("SUB-1"),
        email: email(number),
        topics: vec![COINS],
        channels: channels.to_vec(),
        consented_at: stage.now(),
        ..SubscriberSubmit::sample()
    }
}

pub(super) fn submit(stage: &mut Stage<Promotions>, number: usize, channels: &[ContactChannel]) -> Vec<Said> {
    let body = submission(stage, number, channels);
    stage.command("web-store", &body)
}

pub(super) fn confirm(stage: &mut Stage<Promotions>, number: usize, ask: u16) -> Vec<Said> {
    let token = Token::make(&stage.ring, Purpose::Subscribe, &person(stage, number), ask).unwrap();
    let body = SubscriberConfirm { reference: reference("SUB-1-c"), token: token.to_string() };
    stage.command("web-store", &body)
}

pub(super) fn subscribe(stage: &mut Stage<Promotions>, number: usize) {
    submit(stage, number, &[ContactChannel::Email]);
    let key = person(stage, number).as_str().to_owned();
    stage.answer(CONFIRM, &key, &Answer::Sent);
    let ask = row(stage, number).asks.number;
    assert_eq!(outcome(&confirm(stage, number, ask)), (Outcome::Done, None));
}

pub(super) fn withdraw(stage: &mut Stage<Promotions>, number: usize, topics: &[Topic]) -> Vec<Said> {
    let body = SubscriberWithdraw {
        reference: reference("STOP-1"),
        token: None,
        email: Some(email(number).to_uppercase()),
        topics: topics.to_vec(),
        user: None,
    };
    stage.command("call-centre", &body)
}

pub(super) fn suppress(stage: &mut Stage<Promotions>, number: usize) -> Vec<Said> {
    let email = person(stage, number);
    stage.tell(&AddressSuppressed { email, status: "5.1.1".to_owned() })
}

pub(super) fn row(stage: &Stage<Promotions>, number: usize) -> Subscriber {
    match stage.rows().remove(&Key::Subscriber(person(stage, number))) {
        Some(State::Subscriber(row)) => *row,
        _ => Subscriber::default(),
    }
}

pub(super) fn state_of(stage: &Stage<Promotions>, number: usize) -> Option<TopicState> {
    row(stage, number).topics.get(&COINS).map(|standing| standing.state)
}

pub(super) fn definition(text: &str) -> CampaignDefine {
    CampaignDefine {
        campaign: reference(CAMPAIGN),
        topic: COINS,
        segment: Segment::default(),
        text: text.to_owned(),
        per_minute: 60_000,
        ..CampaignDefine::sample()
    }
}

pub(super) fn define(stage: &mut Stage<Promotions>, body: &CampaignDefine) -> Vec<Said> {
    stage.command("operator", body)
}

pub(super) fn control(stage: &mut Stage<Promotions>, verb: CampaignVerb) -> Vec<Said> {
    let user = messages::id::UserId::parse("second").unwrap();
    let version = match stage.rows().remove(&Key::Campaign(reference(CAMPAIGN))) {
        Some(State::Campaign(Some(campaign))) if verb == CampaignVerb::Approve => Some(campaign.version),
        _ => None,
    };
    let body = CampaignControl { campaign: reference(CAMPAIGN), verb, version, user, reason: None };
    stage.command("operator", &body)
}

/// A campaign that was defined, approved and started.
pub(super) fn start(stage: &mut Stage<Promotions>, body: &CampaignDefine) {
    define(stage, body);
    for verb in [CampaignVerb::Approve, CampaignVerb::Start] {
        assert_eq!(outcome(&control(stage, verb)), (Outcome::Done, None));
    }
}

pub(super) fn campaign_row(stage: &Stage<Promotions>) -> Campaign {
    match stage.rows().remove(&Key::Campaign(reference(CAMPAIGN))) {
        Some(State::Campaign(Some(campaign))) => *campaign,
        _ => panic!("the campaign is defined"),
    }
}

pub(super) fn mail_id(stage: &Stage<Promotions>, number: usize) -> MailId {
    MailId { campaign: reference(CAMPAIGN), subscriber: person(stage, number) }
}

pub(super) fn status_of(stage: &Stage<Promotions>, number: usize) -> Option<Status> {
    match stage.rows().remove(&Key::Mail(mail_id(stage, number))) {
        Some(State::Mail(mail)) => mail.map(|mail| mail.status),
        _ => None,
    }
}

pub(super) fn delivers(stage: &Stage<Promotions>) -> Vec<shell::worker::DueRow> {
    stage.due().into_iter().filter(|due| due.kind == DELIVER).collect()
}

/// Fires whatever is due until nothing is, without letting time pass.
pub(super) fn fire(stage: &mut Stage<Promotions>) {
    let is_timer = |due: &shell::worker::DueRow| !CALLS.contains(&due.kind.as_str());
    while stage.due().iter().any(|due| is_timer(due) && due.due_at <= stage.now()) {
        stage.fire(&CALLS);
    }
}

/// Lets seconds pass one by one, firing what is due.
pub(super) fn run(stage: &mut Stage<Promotions>, seconds: i64) {
    fire(stage);
    for _ in 0..seconds {
        pass(stage, 1);
        fire(stage);
    }
}

pub(super) fn ended(stage: &Stage<Promotions>) -> CampaignState {
    campaign_row(stage).state
}
