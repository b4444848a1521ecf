//! The mail that asks whether it was really the owner of an address who subscribed: which topics it asks for, how often
//! one may go out, and what became of it.

use std::collections::BTreeSet;

use messages::Timestamp;
use messages::sealed::Fingerprint;
use messages::subscriber::{ContactChannel, Topic};
use shell::{At, World};

use super::Decision;
use super::subscribers::save;
use crate::Promotions;
use crate::read::{Answer, CONFIRM, ConfirmBody, LAPSE, LapseBody, Submission};
use crate::store::{AskMail, Asks, Standing, Subscriber, TopicState};

/// How long somebody may take to confirm.
const CONFIRM_SECONDS_MAX: i64 = 30 * DAY;
/// Who asks again within this time has the mail already.
const ASKED_JUST_NOW_SECONDS: i64 = 15 * 60;
/// Confirmation mails to one address in a day.
const ASKS_A_DAY_MAX: u8 = 5;
const DAY: i64 = 24 * 60 * 60;
/// Seconds before a confirmation mail is tried again; the last one for all further tries, until it lapses.
const RETRY_SECONDS: [i64; 4] = [60, 300, 1_800, 7_200];

/// The topics that a mail has to ask for.
pub(super) fn to_ask(row: &Subscriber, topics: &BTreeSet<Topic>, now: Timestamp) -> BTreeSet<Topic> {
    let is_confirmed = |topic: &Topic| {
        row.topics.get(topic).is_some_and(|standing| {
            standing.state == TopicState::Confirmed && standing.channels.contains(&ContactChannel::Email)
        })
    };
    let is_asked =
        |topic: &Topic| row.topics.get(topic).is_some_and(|standing| standing.state == TopicState::Asked);
    let mut ask: BTreeSet<Topic> = topics.iter().copied().filter(|topic| !is_confirmed(topic)).collect();
    let just_now = row.asks.last_at.is_some_and(|last| now.seconds_since(last) < ASKED_JUST_NOW_SECONDS);
    if just_now && ask.iter().all(is_asked) {
        return BTreeSet::new();
    }
    if !ask.is_empty() && row.asks.mail != AskMail::Sent {
        // The last mail did not arrive, and this one takes its place: so it asks for those topics as well.
        let of_last =
            |standing: &Standing| standing.state == TopicState::Asked && standing.number == row.asks.number;
        ask.extend(row.topics.iter().filter(|(_, standing)| of_last(standing)).map(|(topic, _)| *topic));
    }
    ask
}

/// Takes a number for one more mail, unless there were too many.
pub(super) fn count_ask(asks: &mut Asks, now: Timestamp) -> bool {
    if asks.day_from.is_none_or(|from| now.seconds_since(from) >= DAY) {
        asks.day_from = Some(now);
        asks.in_day = 0;
    }
    let Some(number) = asks.number.checked_add(1).filter(|_| asks.in_day < ASKS_A_DAY_MAX) else {
        return false;
    };
    asks.number = number;
    asks.in_day += 1;
    asks.last_at = Some(now);
    asks.mail = AskMail::Pending;
    true
}

pub(super) fn ask_by_mail(
    row: &Subscriber,
    submission: &Submission,
    topics: &BTreeSet<Topic>,
    at: &At<'_>,
    decision: &mut Decision,
) {
    let subscriber = submission.subscriber.clone();
    let key = subscriber.as_str().to_owned();
    let number = row.asks.number;
    let lapse = LapseBody { subscriber: subscriber.clone() };
    decision.due(&key, LAPSE, i32::from(number), at.now.plus_seconds(CONFIRM_SECONDS_MAX), &lapse);
    let contact = row.contact.clone().unwrap_or_else(|| submission.contact.clone());
    let body = ConfirmBody { subscriber, number, topics: topics.clone(), contact };
    decision.due(&key, CONFIRM, i32::from(number), at.now, &body);
}

/// Once nothing is asked any more, no mail asks, and nothing lapses.
pub(super) fn stop_asking(row: &Subscriber, subscriber: &Fingerprint, decision: &mut Decision) {
    if row.topics.values().all(|standing| standing.state != TopicState::Asked) {
        decision.drop_due(subscriber.as_str(), CONFIRM);
        decision.drop_due(subscriber.as_str(), LAPSE);
    }
}

/// A try to mail a confirmation ended.
pub(super) fn answered(
    world: &World<Promotions>,
    body: &ConfirmBody,
    attempt: i32,
    answer: Answer,
    at: &At<'_>,
) -> Decision {
    let mut decision = Decision::nothing();
    let mut row = super::subscriber(world, &body.subscriber);
    let is_asked =
        |standing: &Standing| standing.state == TopicState::Asked && standing.number == body.number;
    let is_current = row.asks.number == body.number && row.asks.mail == AskMail::Pending;
    if !is_current || row.suppressed.is_some() || !row.topics.values().any(is_asked) {
        return decision;
    }
    row.asks.mail = match answer {
        Answer::Sent => AskMail::Sent,
        Answer::Refused { .. } | Answer::Unsendable => AskMail::Refused,
        Answer::Unclear => AskMail::Unknown,
        Answer::PutOff | Answer::Down | Answer::Stale => {
            let last = RETRY_SECONDS.len() - 1;
            let seconds = RETRY_SECONDS[usize::try_from(attempt).map_or(last, |attempt| attempt.min(last))];
            let (key, epoch) = (body.subscriber.as_str(), i32::from(body.number));
            let when = at.now.plus_seconds(seconds);
            decision.due_again(key, CONFIRM, epoch, attempt.saturating_add(1), when, body);
            return decision;
        }
    };
    save(&body.subscriber, row, &mut decision);
    decision
}
