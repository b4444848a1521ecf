//! The decision: who is subscribed to what, how far a campaign has come, and whether a mail may go out now. It never
//! sees a name or an address, and it makes no mail without asking consent at the moment of sending.

mod asking;
mod campaigns;
mod mails;
mod segment;
mod subscribers;

use messages::answer::Outcome;
use messages::id::Reference;
use messages::sealed::Fingerprint;
use messages::subscriber::CampaignVerb;
use shell::worker::Peek;
use shell::{At, World};

use crate::Promotions;
use crate::read::{Fault, Input, WalkBody};
use crate::store::{Campaign, Key, Mail, MailId, SUBSCRIBERS, State, Step, Subscriber};

pub use segment::{fits, refusal};

/// Subscribers that a campaign comes to in one step.
pub const PAGE: u32 = 100;
/// Open mails above which a campaign waits before it goes on.
pub(crate) const OPEN_MAX: usize = 100;

pub(crate) type Decision = shell::Decision<Promotions>;

/// The next subscribers of a campaign.
pub(crate) fn peek(input: &Input) -> Option<Peek> {
    match input {
        Input::WalkDue(body) => Some(page(body)),
        Input::Submitted(_)
        | Input::Confirmed { .. }
        | Input::Withdrawn { .. }
        | Input::Faulty { .. }
        | Input::Bought { .. }
        | Input::BoughtByNobodyWeKnow
        | Input::Suppressed { .. }
        | Input::Defined { .. }
        | Input::Controlled(_)
        | Input::SendDue(_)
        | Input::LapseDue { .. }
        | Input::ConfirmAnswered { .. }
        | Input::DeliverAnswered { .. } => None,
    }
}

pub(crate) fn page(body: &WalkBody) -> Peek {
    Peek { table: SUBSCRIBERS, prefix: String::new(), after: body.after.clone(), most: PAGE }
}

/// Subscribers that may be nobody are looked at before they are locked, so that no row is made for an address that
/// never subscribed; so are those that a campaign only passes by.
pub(crate) fn looks(input: &Input, found: &World<Promotions>) -> Vec<Key> {
    match input {
        Input::Confirmed { subscriber, .. }
        | Input::Withdrawn { subscriber, .. }
        | Input::Bought { subscriber, .. }
        | Input::Suppressed { subscriber, .. } => vec![Key::Subscriber(subscriber.clone())],
        Input::WalkDue(body) => passed_by(body, found).map(Key::Subscriber).collect(),
        Input::Submitted(_)
        | Input::Faulty { .. }
        | Input::BoughtByNobodyWeKnow
        | Input::Defined { .. }
        | Input::Controlled(_)
        | Input::SendDue(_)
        | Input::LapseDue { .. }
        | Input::ConfirmAnswered { .. }
        | Input::DeliverAnswered { .. } => Vec::new(),
    }
}

pub(crate) fn passed_by<'a>(
    body: &WalkBody,
    found: &'a World<Promotions>,
) -> impl Iterator<Item = Fingerprint> + use<'a> {
    found.peeked(&page(body)).unwrap_or_default().iter().filter_map(|key| crate::store::fingerprint(key))
}

/// The rows that an input touches.
pub(crate) fn scope(input: &Input, found: &World<Promotions>) -> Vec<Key> {
    match input {
        Input::Faulty { .. } | Input::BoughtByNobodyWeKnow => Vec::new(),
        Input::Submitted(submission) => vec![Key::Subscriber(submission.subscriber.clone())],
        Input::LapseDue { subscriber } => vec![Key::Subscriber(subscriber.clone())],
        Input::ConfirmAnswered { body, .. } => vec![Key::Subscriber(body.subscriber.clone())],
        Input::Confirmed { subscriber, .. } | Input::Bought { subscriber, .. } => {
            known(subscriber, found).map(|_| Key::Subscriber(subscriber.clone())).into_iter().collect()
        }
        Input::Withdrawn { subscriber, .. } => match known(subscriber, found) {
            Some(row) => with_sending(subscriber, row),
            None => Vec::new(),
        },
        // Kept also for an address that has not subscribed yet.
        Input::Suppressed { subscriber, .. } => match found.find(&Key::Subscriber(subscriber.clone())) {
            Some(State::Subscriber(row)) => with_sending(subscriber, row),
            Some(State::Campaign(_) | State::Mail(_)) | None => Vec::new(),
        },
        Input::Defined { campaign, .. } => vec![Key::Campaign(campaign.clone())],
        Input::Controlled(control) => match control.verb {
            CampaignVerb::Stop => with_open(&control.campaign, found),
            CampaignVerb::Approve | CampaignVerb::Start | CampaignVerb::Pause | CampaignVerb::Resume => {
                vec![Key::Campaign(control.campaign.clone())]
            }
        },
        Input::WalkDue(body) => {
            let key = Key::Campaign(body.campaign.clone());
            let mut keys = Vec::new();
            if let Some(State::Campaign(Some(campaign))) = found.find(&key) {
                keys.extend(mails::chosen(campaign, body, found).map(|one| Key::mail(&body.campaign, &one)));
            }
            keys.push(key);
            keys
        }
        Input::SendDue(mail) | Input::DeliverAnswered { mail, .. } => vec![
            Key::Campaign(mail.campaign.clone()),
            Key::Subscriber(mail.subscriber.clone()),
            Key::Mail(mail.clone()),
        ],
    }
}

/// A subscriber and the mails that are on their way to it.
fn with_sending(subscriber: &Fingerprint, row: &Subscriber) -> Vec<Key> {
    let mut keys = vec![Key::Subscriber(subscriber.clone())];
    for campaign in &row.sending {
        keys.push(Key::Campaign(campaign.clone()));
        keys.push(Key::mail(campaign, subscriber));
    }
    keys
}

/// A campaign, its open mails, and the subscribers to whom one is on its way.
fn with_open(name: &Reference, found: &World<Promotions>) -> Vec<Key> {
    let key = Key::Campaign(name.clone());
    let mut keys = Vec::new();
    if let Some(State::Campaign(Some(campaign))) = found.find(&key) {
        for (subscriber, step) in &campaign.open {
            keys.push(Key::mail(name, subscriber));
            match step {
                Step::Sending => keys.push(Key::Subscriber(subscriber.clone())),
                Step::Pending => {}
            }
        }
    }
    keys.push(key);
    keys
}

/// What follows.
pub(crate) fn decide(world: &World<Promotions>, input: &Input, at: &At<'_>) -> Decision {
    match input {
        Input::Faulty { reference, fault } => refused(reference, fault, at),
        Input::BoughtByNobodyWeKnow => Decision::nothing(),
        Input::Submitted(submission) => subscribers::submit(world, submission, at),
        Input::Confirmed { reference, subscriber, number } => {
            subscribers::confirm(world, reference, subscriber, *number, at)
        }
        Input::Withdrawn { reference, subscriber, topics, user } => {
            subscribers::withdraw(world, reference, subscriber, topics, user.as_ref(), at)
        }
        Input::Bought { subscriber, items } => subscribers::buy(world, subscriber, items),
        Input::Suppressed { subscriber, status } => subscribers::suppress(world, subscriber, status, at),
        Input::LapseDue { subscriber } => subscribers::lapse(world, subscriber, at),
        Input::ConfirmAnswered { body, attempt, answer } => {
            asking::answered(world, body, *attempt, *answer, at)
        }
        Input::Defined { campaign, draft, user } => campaigns::define(world, campaign, draft, user, at),
        Input::Controlled(control) => campaigns::control(world, control, at),
        Input::WalkDue(body) => mails::walk(world, body, at),
        Input::SendDue(mail) => mails::send(world, mail, at),
        Input::DeliverAnswered { mail, round, answer } => mails::answered(world, mail, *round, *answer, at),
    }
}

pub(crate) fn refused(reference: &Reference, fault: &Fault, at: &At<'_>) -> Decision {
    let mut decision = Decision::nothing();
    decision.answer(
        at,
        Some(reference.as_str()),
        Outcome::Refused,
        None,
        Some(fault.code),
        Some(fault.text.clone()),
    );
    decision
}

pub(crate) fn refuse(reference: &Reference, code: &'static str, text: &str, at: &At<'_>) -> Decision {
    refused(reference, &Fault::new(code, text), at)
}

/// The subscriber, unless the address has never subscribed.
pub(crate) fn known<'a>(subscriber: &Fingerprint, world: &'a World<Promotions>) -> Option<&'a Subscriber> {
    let row = match world.find(&Key::Subscriber(subscriber.clone())) {
        Some(State::Subscriber(row)) => row,
        Some(State::Campaign(_) | State::Mail(_)) | None => return None,
    };
    (!row.topics.is_empty()).then_some(row)
}

pub(crate) fn subscriber(world: &World<Promotions>, subscriber: &Fingerprint) -> Subscriber {
    match world.find(&Key::Subscriber(subscriber.clone())) {
        Some(State::Subscriber(row)) => (**row).clone(),
        Some(State::Campaign(_) | State::Mail(_)) | None => Subscriber::default(),
    }
}

pub(crate) fn campaign(world: &World<Promotions>, name: &Reference) -> Option<Campaign> {
    match world.find(&Key::Campaign(name.clone())) {
        Some(State::Campaign(Some(campaign))) => Some((**campaign).clone()),
        Some(State::Campaign(None) | State::Subscriber(_) | State::Mail(_)) | None => None,
    }
}

pub(crate) fn mail(world: &World<Promotions>, id: &MailId) -> Option<Mail> {
    match world.find(&Key::Mail(id.clone())) {
        Some(State::Mail(mail)) => mail.clone(),
        Some(State::Subscriber(_) | State::Campaign(_)) | None => None,
    }
}

#[cfg(test)]
mod tests;
