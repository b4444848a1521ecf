//! Who consented to what. Every change of a consent stands in the subscriber's ledger.

use std::collections::BTreeSet;

use messages::Timestamp;
use messages::answer::Outcome;
use messages::id::{Reference, UserId};
use messages::item::ItemNumber;
use messages::sealed::Fingerprint;
use messages::subscriber::{ContactChannel, SubscriberChange, SubscriberChanged, Topic};
use shell::{At, World};

use super::asking::{ask_by_mail, count_ask, stop_asking, to_ask};
use super::{Decision, campaign, known, mails, refuse, subscriber};
use crate::Promotions;
use crate::read::{CONFIRM, Submission};
use crate::store::{AskMail, Consent, End, Ended, Key, MailId, Standing, State, Subscriber, TopicState, Why};

/// What is kept of one subscriber, at most; of names and items the first in their own order.
const PREFERENCES_MAX: usize = 64;
const PURCHASES_MAX: usize = 500;
const LEDGER_MAX: usize = 100;

pub(super) fn submit(world: &World<Promotions>, submission: &Submission, at: &At<'_>) -> Decision {
    let reference = &submission.reference;
    let mut row = subscriber(world, &submission.subscriber);
    let wants_email = submission.channels.contains(&ContactChannel::Email);
    if wants_email && row.suppressed.is_some() {
        return refuse(reference, "address_takes_no_mail", "no mail can be sent to this address", at);
    }
    let mut topics = submission.topics.clone();
    topics.retain(|topic| !is_undone(&row, *topic, submission.consented_at.min(at.now)));
    if topics.is_empty() {
        let text = "the consent is older than the withdrawal of these topics";
        return refuse(reference, "withdrawn_since", text, at);
    }
    let before = row.clone();
    let ask = if wants_email { to_ask(&row, &topics, at.now) } else { BTreeSet::new() };
    if !ask.is_empty() && !count_ask(&mut row.asks, at.now) {
        let text = "this address was asked for confirmation too often today";
        return refuse(reference, "asked_too_often", text, at);
    }
    let mut decision = Decision::nothing();
    row.contact.get_or_insert_with(|| submission.contact.clone());
    row.preferences.extend(submission.preferences.iter().cloned());
    first(&mut row.preferences, PREFERENCES_MAX);
    let mut confirmed = BTreeSet::new();
    for &topic in topics.union(&ask) {
        let is_live = row.topics.get(&topic).is_some_and(|standing| standing.state.is_live());
        if ask.contains(&topic) {
            let number = row.asks.number;
            consent(&mut row, topic, submission, TopicState::Asked, number, at);
        } else if is_live {
            row.topics.entry(topic).and_modify(|standing| standing.channels.extend(&submission.channels));
        } else {
            consent(&mut row, topic, submission, TopicState::Confirmed, 0, at);
            confirmed.insert(topic);
        }
    }
    if !ask.is_empty() {
        ask_by_mail(&row, submission, &ask, at, &mut decision);
    }
    tell(&submission.subscriber, SubscriberChange::Asked, &ask, &submission.text, &mut decision);
    tell(&submission.subscriber, SubscriberChange::Confirmed, &confirmed, &submission.text, &mut decision);
    let (outcome, text) = match (ask.is_empty(), row == before) {
        (false, _) => (Outcome::Done, "a mail asks the owner of the address for confirmation"),
        (true, false) => (Outcome::Done, "the subscription stands"),
        (true, true) => (Outcome::Repeated, "the subscription stood already, or its confirmation is awaited"),
    };
    done(&mut decision, reference, outcome, text, at);
    save(&submission.subscriber, row, &mut decision);
    decision
}

/// A consent given before a withdrawal does not undo it.
fn is_undone(row: &Subscriber, topic: Topic, consented_at: Timestamp) -> bool {
    row.topics
        .get(&topic)
        .is_some_and(|standing| standing.state == TopicState::Withdrawn && standing.since >= consented_at)
}

fn consent(
    row: &mut Subscriber,
    topic: Topic,
    submission: &Submission,
    state: TopicState,
    number: u16,
    at: &At<'_>,
) {
    end(row, topic, End::Replaced, None, at.now);
    let mut channels = submission.channels.clone();
    if let Some(standing) = row.topics.get(&topic).filter(|standing| standing.state.is_live()) {
        channels.extend(&standing.channels);
    }
    let text = submission.text.clone();
    row.ledger.push(Consent {
        topic,
        text: text.clone(),
        channels: channels.clone(),
        number,
        consented_at: submission.consented_at,
        received_at: at.now,
        confirmed_at: (state == TopicState::Confirmed).then_some(at.now),
        ended: None,
    });
    while row.ledger.len() > LEDGER_MAX {
        let oldest = row.ledger.iter().position(|entry| entry.ended.is_some()).unwrap_or(0);
        row.ledger.remove(oldest);
    }
    row.topics.insert(topic, Standing { state, channels, number, text, since: at.now });
}

fn end(row: &mut Subscriber, topic: Topic, how: End, user: Option<&UserId>, at: Timestamp) {
    for entry in row.ledger.iter_mut().filter(|entry| entry.topic == topic && entry.ended.is_none()) {
        entry.ended = Some(Ended { at, how, user: user.cloned() });
    }
}

pub(super) fn confirm(
    world: &World<Promotions>,
    reference: &Reference,
    subscriber: &Fingerprint,
    number: u16,
    at: &At<'_>,
) -> Decision {
    let expired =
        "this link is no longer good: it was replaced by a newer mail, withdrawn, or not used in time";
    let Some(row) = known(subscriber, world) else { return refuse(reference, "link_expired", expired, at) };
    let mut row = row.clone();
    let of = |row: &Subscriber, state| -> BTreeSet<Topic> {
        let is_it = |standing: &Standing| standing.state == state && standing.number == number;
        row.topics.iter().filter(|(_, standing)| is_it(standing)).map(|(topic, _)| *topic).collect()
    };
    let asked = of(&row, TopicState::Asked);
    if asked.is_empty() {
        if of(&row, TopicState::Confirmed).is_empty() {
            return refuse(reference, "link_expired", expired, at);
        }
        let mut decision = Decision::nothing();
        done(&mut decision, reference, Outcome::Repeated, "the subscription was confirmed before", at);
        return decision;
    }
    let mut text = String::new();
    for topic in &asked {
        if let Some(standing) = row.topics.get_mut(topic) {
            standing.state = TopicState::Confirmed;
            standing.since = at.now;
            text.clone_from(&standing.text);
        }
        let open = |entry: &&mut Consent| entry.topic == *topic && entry.ended.is_none();
        for entry in row.ledger.iter_mut().filter(open) {
            entry.confirmed_at = Some(at.now);
        }
    }
    if row.asks.number == number {
        // Whoever has the token has the mail, whether its answer has come or not.
        row.asks.mail = AskMail::Sent;
    }
    let mut decision = Decision::nothing();
    stop_asking(&row, subscriber, &mut decision);
    tell(subscriber, SubscriberChange::Confirmed, &asked, &text, &mut decision);
    done(&mut decision, reference, Outcome::Done, "the subscription is confirmed", at);
    save(subscriber, row, &mut decision);
    decision
}

pub(super) fn withdraw(
    world: &World<Promotions>,
    reference: &Reference,
    subscriber: &Fingerprint,
    topics: &BTreeSet<Topic>,
    user: Option<&UserId>,
    at: &At<'_>,
) -> Decision {
    let mut decision = Decision::nothing();
    let is_meant = |topic: &Topic| topics.is_empty() || topics.contains(topic);
    let mut row = known(subscriber, world).cloned().unwrap_or_default();
    let mut text = String::new();
    let mut ended = BTreeSet::new();
    for (topic, standing) in row.topics.iter_mut().filter(|(topic, _)| is_meant(topic)) {
        if standing.state.is_live() {
            standing.state = TopicState::Withdrawn;
            standing.since = at.now;
            text.clone_from(&standing.text);
            ended.insert(*topic);
        }
    }
    if ended.is_empty() {
        // The same for an address that never subscribed: the answer does not tell who did.
        let said = "no mails of these topics go to this address";
        done(&mut decision, reference, Outcome::Repeated, said, at);
        return decision;
    }
    for topic in &ended {
        end(&mut row, *topic, End::Withdrawn, user, at.now);
    }
    call_back(world, subscriber, &mut row, Some(&ended), Why::Withdrawn, at, &mut decision);
    erase_if_over(&mut row);
    stop_asking(&row, subscriber, &mut decision);
    tell(subscriber, SubscriberChange::Withdrawn, &ended, &text, &mut decision);
    done(&mut decision, reference, Outcome::Done, "no further mails of these topics go to this address", at);
    save(subscriber, row, &mut decision);
    decision
}

pub(super) fn buy(
    world: &World<Promotions>,
    subscriber: &Fingerprint,
    items: &BTreeSet<ItemNumber>,
) -> Decision {
    let mut decision = Decision::nothing();
    let Some(row) = known(subscriber, world) else { return decision };
    if !is_live(row) || items.is_subset(&row.purchases) {
        return decision;
    }
    let mut row = row.clone();
    row.purchases.extend(items.iter().cloned());
    first(&mut row.purchases, PURCHASES_MAX);
    save(subscriber, row, &mut decision);
    decision
}

pub(super) fn suppress(
    world: &World<Promotions>,
    subscriber: &Fingerprint,
    status: &str,
    at: &At<'_>,
) -> Decision {
    let mut decision = Decision::nothing();
    let mut row = super::subscriber(world, subscriber);
    let is_first = row.suppressed.is_none();
    // Of two reasons the same one stands whichever came first.
    if row.suppressed.as_deref().is_some_and(|known| known <= status) {
        return decision;
    }
    row.suppressed = Some(status.to_owned());
    if is_first {
        call_back(world, subscriber, &mut row, None, Why::Suppressed, at, &mut decision);
        decision.drop_due(subscriber.as_str(), CONFIRM);
        let topics: BTreeSet<Topic> = row.topics.keys().copied().collect();
        let text = row.topics.values().next().map(|standing| standing.text.clone()).unwrap_or_default();
        tell(subscriber, SubscriberChange::Suppressed, &topics, &text, &mut decision);
    }
    save(subscriber, row, &mut decision);
    decision
}

/// Nobody confirmed. What needs no confirmation by mail stays.
pub(super) fn lapse(world: &World<Promotions>, subscriber: &Fingerprint, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    let Some(row) = known(subscriber, world) else { return decision };
    let mut row = row.clone();
    let mut lapsed = Vec::new();
    for (topic, standing) in &mut row.topics {
        if standing.state == TopicState::Asked {
            standing.channels.remove(&ContactChannel::Email);
            standing.since = at.now;
            if standing.channels.is_empty() {
                standing.state = TopicState::Lapsed;
                lapsed.push(*topic);
            } else {
                standing.state = TopicState::Confirmed;
            }
        }
    }
    for topic in lapsed {
        end(&mut row, topic, End::Lapsed, None, at.now);
    }
    erase_if_over(&mut row);
    stop_asking(&row, subscriber, &mut decision);
    save(subscriber, row, &mut decision);
    decision
}

/// Calls back mails that are on their way, of these topics or of all.
fn call_back(
    world: &World<Promotions>,
    subscriber: &Fingerprint,
    row: &mut Subscriber,
    topics: Option<&BTreeSet<Topic>>,
    why: Why,
    at: &At<'_>,
    decision: &mut Decision,
) {
    for name in std::mem::take(&mut row.sending) {
        let Some(mut campaign) = campaign(world, &name) else { continue };
        if topics.is_some_and(|topics| !topics.contains(&campaign.draft.topic)) {
            row.sending.insert(name);
            continue;
        }
        let id = MailId { campaign: name, subscriber: subscriber.clone() };
        mails::call_back(world, &mut campaign, &id, why, at, decision);
        mails::go_on(&id.campaign, campaign, at, decision);
    }
}

fn erase_if_over(row: &mut Subscriber) {
    if !is_live(row) {
        row.contact = None;
        row.preferences.clear();
        row.purchases.clear();
    }
}

fn is_live(row: &Subscriber) -> bool {
    row.topics.values().any(|standing| standing.state.is_live())
}

fn first<T: Ord>(set: &mut BTreeSet<T>, most: usize) {
    while set.len() > most {
        set.pop_last();
    }
}

fn tell(
    subscriber: &Fingerprint,
    change: SubscriberChange,
    topics: &BTreeSet<Topic>,
    text: &str,
    decision: &mut Decision,
) {
    if topics.is_empty() {
        return;
    }
    let body = SubscriberChanged {
        subscriber: subscriber.clone(),
        change,
        topics: topics.iter().copied().collect(),
        consent_text: text.to_owned(),
    };
    decision.emit(subscriber.as_str(), &body);
}

fn done(decision: &mut Decision, reference: &Reference, outcome: Outcome, text: &str, at: &At<'_>) {
    decision.answer(at, Some(reference.as_str()), outcome, None, None, Some(text.to_owned()));
}

pub(super) fn save(subscriber: &Fingerprint, row: Subscriber, decision: &mut Decision) {
    decision.set(Key::Subscriber(subscriber.clone()), State::Subscriber(Box::new(row)));
}
