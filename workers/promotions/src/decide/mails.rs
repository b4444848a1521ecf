//! A campaign's way through the subscribers, mail by mail: made by the walk, checked by the timer `send`, mailed by the
//! call `deliver`. Whatever ends a mail passes [`go_on`], which ends or continues the campaign.

use messages::Timestamp;
use messages::id::Reference;
use messages::sealed::Fingerprint;
use messages::subscriber::{CampaignChanged, CampaignState};
use shell::{At, World};

use super::{Decision, OPEN_MAX, PAGE, campaign, fits, known, mail, page, passed_by, refusal, subscriber};
use crate::Promotions;
use crate::read::{Answer, DELIVER, DeliverBody, SEND, WALK, WalkBody};
use crate::store::{Campaign, Key, Mail, MailId, Minute, State, Status, Step, Why};

/// Seconds before a mail that was put off is tried again, by the number of times it was.
const PUT_OFF_SECONDS: [i64; 5] = [60, 300, 1_800, 7_200, 21_600];
/// Seconds before a relay that takes nobody's mail is asked again.
const DOWN_SECONDS: i64 = 60;
const MINUTE_SECONDS: i64 = 60;

/// The subscribers of a page that get the campaign's mail.
pub(super) fn chosen<'a>(
    campaign: &'a Campaign,
    body: &WalkBody,
    found: &'a World<Promotions>,
) -> impl Iterator<Item = Fingerprint> + use<'a> {
    passed_by(body, found).filter(|one| {
        known(one, found).is_some_and(|row| {
            refusal(campaign.draft.topic, row).is_none() && fits(&campaign.draft.segment, row)
        })
    })
}

pub(super) fn walk(world: &World<Promotions>, body: &WalkBody, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    let name = &body.campaign;
    let Some(mut campaign) = campaign(world, name) else { return decision };
    let stands = campaign.state == CampaignState::Running && campaign.walk.after == body.after;
    if !stands || campaign.walk.is_over {
        return decision;
    }
    if campaign.open.len() >= OPEN_MAX {
        campaign.walk.is_waiting = true;
        decision.set(Key::Campaign(name.clone()), State::Campaign(Some(Box::new(campaign))));
        return decision;
    }
    let chosen: Vec<Fingerprint> = chosen(&campaign, body, world).collect();
    for subscriber in chosen {
        let id = MailId { campaign: name.clone(), subscriber };
        if mail(world, &id).is_some() {
            continue;
        }
        let made =
            Mail { version: campaign.version, round: 0, put_off: 0, at: at.now, status: Status::Pending };
        plan(&mut campaign, &id, at, &mut decision);
        campaign.open.insert(id.subscriber.clone(), Step::Pending);
        campaign.counts.made += 1;
        decision.set(Key::Mail(id), State::Mail(Some(made)));
    }
    let seen = world.peeked(&page(body)).unwrap_or_default();
    campaign.walk.is_over = seen.len() < PAGE as usize;
    if let Some(last) = seen.last() {
        campaign.walk.after = Some(last.clone());
    }
    campaign.walk.is_waiting = !campaign.walk.is_over;
    go_on(name, campaign, at, &mut decision);
    decision
}

/// Sets the timer of a pending mail for the campaign's next free moment.
pub(super) fn plan(campaign: &mut Campaign, id: &MailId, at: &At<'_>, decision: &mut Decision) {
    let when = campaign.next_at.map_or(at.now, |next| next.max(at.now));
    let gap = time::Duration::MINUTE / f64::from(campaign.draft.per_minute.max(1));
    campaign.next_at = Some(Timestamp(when.0.saturating_add(gap)));
    decision.due(id, SEND, 0, when, id);
}

/// The moment of sending: consent, suppression, channel and the campaign's state decide as they stand now.
pub(super) fn send(world: &World<Promotions>, id: &MailId, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    let (Some(mut campaign), Some(mut mail)) = (campaign(world, &id.campaign), mail(world, id)) else {
        return decision;
    };
    // Paused: the mail stays pending, and resuming sets its timer anew.
    if mail.status != Status::Pending || campaign.state != CampaignState::Running {
        return decision;
    }
    let mut row = subscriber(world, &id.subscriber);
    let contact = match (refusal(campaign.draft.topic, &row), &row.contact) {
        (None, Some(contact)) => contact.clone(),
        (refusal, _) => {
            let why = refusal.unwrap_or(Why::NotConfirmed);
            close(&mut campaign, id, &mut mail, Status::Skipped { why }, at);
            decision.set(Key::Mail(id.clone()), State::Mail(Some(mail)));
            go_on(&id.campaign, campaign, at, &mut decision);
            return decision;
        }
    };
    if let Some(next) = too_fast(&mut campaign.minute, campaign.draft.per_minute, at.now) {
        decision.due(id, SEND, 0, next, id);
        return decision;
    }
    mail.status = Status::Sending;
    mail.round = mail.round.saturating_add(1);
    mail.at = at.now;
    campaign.open.insert(id.subscriber.clone(), Step::Sending);
    row.sending.insert(id.campaign.clone());
    let body = DeliverBody {
        mail: id.clone(),
        topic: campaign.draft.topic,
        subject: campaign.draft.subject.clone(),
        text: campaign.draft.text.clone(),
        contact,
    };
    decision.due(id, DELIVER, mail.round, at.now, &body);
    decision.set(Key::Mail(id.clone()), State::Mail(Some(mail)));
    decision.set(Key::Subscriber(id.subscriber.clone()), State::Subscriber(Box::new(row)));
    decision.set(Key::Campaign(id.campaign.clone()), State::Campaign(Some(Box::new(campaign))));
    decision
}

/// When this minute's mails are used up: the beginning of the next one. Otherwise one more is counted.
fn too_fast(minute: &mut Minute, per_minute: u32, now: Timestamp) -> Option<Timestamp> {
    let from = match minute.from {
        Some(from) if now.seconds_since(from) < MINUTE_SECONDS => from,
        Some(_) | None => {
            *minute = Minute { from: Some(now), mails: 0 };
            now
        }
    };
    if minute.mails >= per_minute {
        return Some(from.plus_seconds(MINUTE_SECONDS));
    }
    minute.mails += 1;
    None
}

/// A call to the relay ended.
pub(super) fn answered(
    world: &World<Promotions>,
    id: &MailId,
    round: i32,
    answer: Answer,
    at: &At<'_>,
) -> Decision {
    let mut decision = Decision::nothing();
    let (Some(mut campaign), Some(mut mail)) = (campaign(world, &id.campaign), mail(world, id)) else {
        return decision;
    };
    if mail.round != round {
        return decision;
    }
    match mail.status {
        Status::Sending => match ended(answer) {
            Some(status) => close(&mut campaign, id, &mut mail, status, at),
            None => again(&mut campaign, id, &mut mail, answer, at, &mut decision),
        },
        // It had been called back: now it is known what became of it.
        Status::Unknown { called_back: Some(why) } => {
            let status = ended(answer).unwrap_or(Status::Skipped { why });
            campaign.counts.unknown = campaign.counts.unknown.saturating_sub(1);
            close(&mut campaign, id, &mut mail, status, at);
        }
        Status::Pending
        | Status::Sent
        | Status::Skipped { .. }
        | Status::Refused { .. }
        | Status::Unknown { called_back: None } => return decision,
    }
    let mut row = subscriber(world, &id.subscriber);
    if row.sending.remove(&id.campaign) {
        decision.set(Key::Subscriber(id.subscriber.clone()), State::Subscriber(Box::new(row)));
    }
    decision.set(Key::Mail(id.clone()), State::Mail(Some(mail)));
    go_on(&id.campaign, campaign, at, &mut decision);
    decision
}

/// What an answer ends a mail with; none if the mail certainly did not go out and may still.
const fn ended(answer: Answer) -> Option<Status> {
    match answer {
        Answer::Sent => Some(Status::Sent),
        Answer::Refused { code } => Some(Status::Refused { code: Some(code) }),
        Answer::Unsendable => Some(Status::Refused { code: None }),
        Answer::Unclear => Some(Status::Unknown { called_back: None }),
        Answer::PutOff | Answer::Down | Answer::Stale => None,
    }
}

/// The mail waits once more, and consent is asked once more when its time comes.
fn again(
    campaign: &mut Campaign,
    id: &MailId,
    mail: &mut Mail,
    answer: Answer,
    at: &At<'_>,
    decision: &mut Decision,
) {
    let seconds = match answer {
        Answer::PutOff => match PUT_OFF_SECONDS.get(usize::from(mail.put_off)) {
            Some(seconds) => *seconds,
            None => return close(campaign, id, mail, Status::Refused { code: None }, at),
        },
        Answer::Down => DOWN_SECONDS,
        Answer::Stale | Answer::Sent | Answer::Refused { .. } | Answer::Unsendable | Answer::Unclear => 0,
    };
    if answer == Answer::PutOff {
        mail.put_off += 1;
    }
    mail.status = Status::Pending;
    mail.at = at.now;
    campaign.open.insert(id.subscriber.clone(), Step::Pending);
    if campaign.state == CampaignState::Running {
        decision.due(id, SEND, mail.round, at.now.plus_seconds(seconds), id);
    }
}

/// Ends a mail that is on its way: it counts as unknown unless its answer still comes.
pub(super) fn call_back(
    world: &World<Promotions>,
    campaign: &mut Campaign,
    id: &MailId,
    why: Why,
    at: &At<'_>,
    decision: &mut Decision,
) {
    let Some(mut mail) = mail(world, id) else { return };
    if mail.status == Status::Sending {
        decision.drop_due(id, DELIVER);
        close(campaign, id, &mut mail, Status::Unknown { called_back: Some(why) }, at);
        decision.set(Key::Mail(id.clone()), State::Mail(Some(mail)));
    }
}

/// The mail has ended, and is counted.
pub(super) fn close(campaign: &mut Campaign, id: &MailId, mail: &mut Mail, status: Status, at: &At<'_>) {
    campaign.open.remove(&id.subscriber);
    match status {
        Status::Pending | Status::Sending => {}
        Status::Sent => campaign.counts.sent += 1,
        Status::Skipped { .. } => campaign.counts.skipped += 1,
        Status::Refused { .. } => campaign.counts.refused += 1,
        Status::Unknown { .. } => campaign.counts.unknown += 1,
    }
    mail.status = status;
    mail.at = at.now;
}

/// Saves a campaign: finished if nothing is left, walking on if it waited for mails to end.
pub(super) fn go_on(name: &Reference, mut campaign: Campaign, at: &At<'_>, decision: &mut Decision) {
    let may_end = matches!(campaign.state, CampaignState::Running | CampaignState::Paused);
    if may_end && campaign.walk.is_over && campaign.open.is_empty() {
        campaign.state = CampaignState::Finished;
        let state = CampaignState::Finished;
        decision.emit(name, &CampaignChanged { campaign: name.clone(), state, user: None, reason: None });
    }
    let may_walk = campaign.state == CampaignState::Running && campaign.open.len() < OPEN_MAX;
    if may_walk && campaign.walk.is_waiting {
        campaign.walk.is_waiting = false;
        let when = campaign.next_at.map_or(at.now, |next| next.max(at.now));
        let body = WalkBody { campaign: name.clone(), after: campaign.walk.after.clone() };
        decision.due(name, WALK, 0, when, &body);
    }
    decision.set(Key::Campaign(name.clone()), State::Campaign(Some(Box::new(campaign))));
}
