//! What staff do with a campaign: define, approve, start, pause, resume, stop.

use std::collections::BTreeMap;

use messages::answer::Outcome;
use messages::id::{Reference, UserId};
use messages::subscriber::{CampaignChanged, CampaignControl, CampaignState, CampaignVerb};
use shell::{At, World};

use super::{Decision, campaign, mail, mails, refuse, subscriber};
use crate::Promotions;
use crate::read::{SEND, WALK};
use crate::store::{Campaign, Counts, Draft, Key, MailId, Minute, State, Status, Step, Walk, Why};

pub(super) fn define(
    world: &World<Promotions>,
    name: &Reference,
    draft: &Draft,
    user: &UserId,
    at: &At<'_>,
) -> Decision {
    let before = campaign(world, name);
    let version = match &before {
        None => 1,
        Some(known) if known.draft == *draft => {
            return answer(name, Outcome::Repeated, &format!("this is draft {} already", known.version), at);
        }
        Some(known) => match known.state {
            CampaignState::Draft | CampaignState::Approved => known.version.saturating_add(1),
            CampaignState::Running
            | CampaignState::Paused
            | CampaignState::Stopped
            | CampaignState::Finished => {
                let text = "the campaign has started or was stopped and stands as it is; define another one";
                return refuse(name, "has_started", text, at);
            }
        },
    };
    let campaign = Campaign {
        draft: draft.clone(),
        version,
        defined_by: user.clone(),
        approved_by: None,
        state: CampaignState::Draft,
        walk: Walk::default(),
        open: BTreeMap::new(),
        counts: Counts::default(),
        next_at: None,
        minute: Minute::default(),
    };
    let mut decision = answer(name, Outcome::Done, &format!("this is draft {version}"), at);
    tell(name, CampaignState::Draft, user, None, &mut decision);
    decision.set(Key::Campaign(name.clone()), State::Campaign(Some(Box::new(campaign))));
    decision
}

/// What a verb comes to.
enum Move {
    To(CampaignState),
    Stands,
    Refused(&'static str, &'static str),
}

pub(super) fn control(world: &World<Promotions>, control: &CampaignControl, at: &At<'_>) -> Decision {
    let name = &control.campaign;
    let Some(mut campaign) = campaign(world, name) else {
        return refuse(name, "unknown_campaign", "no campaign has this name", at);
    };
    let state = match step(&campaign, control) {
        Move::To(state) => state,
        Move::Stands => return answer(name, Outcome::Repeated, "this was done before", at),
        Move::Refused(code, text) => return refuse(name, code, text, at),
    };
    let mut decision = answer(name, Outcome::Done, said(control.verb), at);
    tell(name, state, &control.user, control.reason.as_deref(), &mut decision);
    campaign.state = state;
    match control.verb {
        CampaignVerb::Approve => campaign.approved_by = Some(control.user.clone()),
        CampaignVerb::Start => campaign.walk.is_waiting = true,
        CampaignVerb::Pause => pause(name, &mut campaign, &mut decision),
        CampaignVerb::Resume => resume(name, &mut campaign, at, &mut decision),
        CampaignVerb::Stop => stop(world, name, &mut campaign, at, &mut decision),
    }
    mails::go_on(name, campaign, at, &mut decision);
    decision
}

fn step(campaign: &Campaign, control: &CampaignControl) -> Move {
    use CampaignState::{Approved, Draft, Finished, Paused, Running, Stopped};
    const OVER: Move = Move::Refused("is_over", "the campaign was stopped or is finished");
    const UNAPPROVED: Move =
        Move::Refused("not_approved", "the draft as it stands is not approved by a second person");
    const NOT_RUNNING: Move = Move::Refused("not_running", "the campaign has not been started");
    match (control.verb, campaign.state) {
        (CampaignVerb::Approve, Draft) => approval(campaign, control),
        (CampaignVerb::Approve, Approved) => match approval(campaign, control) {
            Move::To(_) | Move::Stands => Move::Stands,
            refused @ Move::Refused(..) => refused,
        },
        (CampaignVerb::Approve, Running | Paused | Stopped | Finished) => {
            Move::Refused("not_a_draft", "the campaign has started or was stopped")
        }
        (CampaignVerb::Start, Draft) => UNAPPROVED,
        (CampaignVerb::Start, Approved) => Move::To(Running),
        (CampaignVerb::Start, Paused) => {
            Move::Refused("is_paused", "the campaign is paused: resume it instead")
        }
        (CampaignVerb::Pause | CampaignVerb::Resume, Draft | Approved) => NOT_RUNNING,
        (CampaignVerb::Pause, Running) => Move::To(Paused),
        (CampaignVerb::Resume, Paused) => Move::To(Running),
        (CampaignVerb::Stop, Draft | Approved | Running | Paused) => Move::To(Stopped),
        (CampaignVerb::Start | CampaignVerb::Resume, Running)
        | (CampaignVerb::Pause, Paused)
        | (CampaignVerb::Stop, Stopped) => Move::Stands,
        (CampaignVerb::Start | CampaignVerb::Pause | CampaignVerb::Resume, Stopped | Finished)
        | (CampaignVerb::Stop, Finished) => OVER,
    }
}

fn approval(campaign: &Campaign, control: &CampaignControl) -> Move {
    match control.version {
        None => return Move::Refused("version_needed", "an approval names the draft that was read"),
        Some(seen) if seen != campaign.version => {
            let text = "this is not the draft as it stands now: it was replaced; read it again";
            return Move::Refused("draft_changed", text);
        }
        Some(_) => {}
    }
    if control.user.as_str().eq_ignore_ascii_case(campaign.defined_by.as_str()) {
        return Move::Refused("second_person_needed", "whoever defined a draft cannot approve it");
    }
    Move::To(CampaignState::Approved)
}

/// Timers are dropped and set anew by resuming, so that a pause may last.
fn pause(name: &Reference, campaign: &mut Campaign, decision: &mut Decision) {
    decision.drop_due(name, WALK);
    campaign.walk.is_waiting = !campaign.walk.is_over;
    for id in pending(name, campaign) {
        decision.drop_due(&id, SEND);
    }
}

fn resume(name: &Reference, campaign: &mut Campaign, at: &At<'_>, decision: &mut Decision) {
    campaign.next_at = None;
    for id in pending(name, campaign) {
        mails::plan(campaign, &id, at, decision);
    }
}

fn stop(
    world: &World<Promotions>,
    name: &Reference,
    campaign: &mut Campaign,
    at: &At<'_>,
    decision: &mut Decision,
) {
    decision.drop_due(name, WALK);
    campaign.walk.is_waiting = false;
    for id in pending(name, campaign) {
        let Some(mut mail) = mail(world, &id) else { continue };
        decision.drop_due(&id, SEND);
        mails::close(campaign, &id, &mut mail, Status::Skipped { why: Why::CampaignStopped }, at);
        decision.set(Key::Mail(id), State::Mail(Some(mail)));
    }
    for subscriber_id in campaign.open.keys().cloned().collect::<Vec<_>>() {
        let mut row = subscriber(world, &subscriber_id);
        row.sending.remove(name);
        decision.set(Key::Subscriber(subscriber_id.clone()), State::Subscriber(Box::new(row)));
        let id = MailId { campaign: name.clone(), subscriber: subscriber_id };
        mails::call_back(world, campaign, &id, Why::CampaignStopped, at, decision);
    }
}

fn pending(name: &Reference, campaign: &Campaign) -> Vec<MailId> {
    let is_pending = |step: &Step| *step == Step::Pending;
    let open = campaign.open.iter().filter(|(_, step)| is_pending(step));
    open.map(|(one, _)| MailId { campaign: name.clone(), subscriber: one.clone() }).collect()
}

const fn said(verb: CampaignVerb) -> &'static str {
    match verb {
        CampaignVerb::Approve => "the draft is approved",
        CampaignVerb::Start => "the campaign runs",
        CampaignVerb::Pause => "the campaign is paused; what is on its way goes out",
        CampaignVerb::Resume => "the campaign runs again",
        CampaignVerb::Stop => "the campaign is stopped for good",
    }
}

fn answer(name: &Reference, outcome: Outcome, text: &str, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    decision.answer(at, Some(name.as_str()), outcome, None, None, Some(text.to_owned()));
    decision
}

fn tell(
    name: &Reference,
    state: CampaignState,
    user: &UserId,
    reason: Option<&str>,
    decision: &mut Decision,
) {
    let reason = reason.map(str::to_owned);
    let body = CampaignChanged { campaign: name.clone(), state, user: Some(user.clone()), reason };
    decision.emit(name, &body);
}
