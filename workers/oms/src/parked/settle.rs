//! Dealing with parked messages. The order is always the same: what takes its place is with the broker, what became of it
//! is on record in its room, and only then the parked message is taken off its queue. Whoever is cut off in between does
//! it again: the same ids are decided once, and recorded once.

use lapin::Channel;
use messages::control::{DueAgain, ParkedEnd, ParkedSettle};
use messages::id::{ParkedId, UserId};
use messages::{Kind, Timestamp, topology};
use serde::Serialize;
use shell::clock;
use shell::config::Config;

use super::again::{self, Again};
use super::edit::{Change, event};
use super::fetch::{Fetched, choose, fetch, one_of};
use super::filter::Filter;
use crate::cli::WhichArgs;
use crate::operator::Operator;
use crate::show;

/// Messages that are sent, recorded and taken together.
const ROUND_MAX: usize = 100;

/// One message and what is to become of it.
struct Step {
    parked: Fetched,
    again: Option<Again>,
    due: Option<DueAgain>,
    end: ParkedEnd,
}

/// Who does it and why.
struct Act {
    user: UserId,
    reason: String,
}

#[derive(Debug, Default, Serialize)]
struct Done {
    messages: usize,
    /// How often they lay in their queues.
    copies: usize,
    /// Those of the list that were no longer parked.
    gone: usize,
}

/// # Errors
/// An id that is not there, a missing key, what cannot be replayed, the broker, or the room.
pub(super) async fn replay(
    config: &Config,
    user: UserId,
    which: &WhichArgs,
    reason: String,
    json: bool,
) -> Result<(), String> {
    let ring = config.keyring()?;
    let operator = Operator::open(config)?;
    let channel = operator.channel().await?;
    let (chosen, gone) = choose(&channel, which).await?;
    let chosen_messages = chosen.len();
    let mut steps = Vec::new();
    let mut left = None;
    for parked in chosen {
        if let Err(why) = again::vouched(&parked.record) {
            left = Some(why);
            continue;
        }
        steps.push(if again::is_due(&parked.record) {
            let due = Some(again::due(&parked.record, &ring)?);
            Step { parked, again: None, due, end: ParkedEnd::Restored }
        } else {
            let again = again::replayed(&parked.record, &ring)?;
            let end = ParkedEnd::Replayed { successors: again.ids.clone() };
            Step { parked, again: Some(again), due: None, end }
        });
    }
    let left_messages = chosen_messages - steps.len();
    if let (true, Some(why)) = (steps.is_empty(), left) {
        return Err(why);
    }
    let restored = steps.iter().filter(|step| step.due.is_some()).count();
    let done = carry_out(&operator, &channel, steps, &Act { user, reason }).await?;
    #[derive(Serialize)]
    struct Replayed {
        replayed: usize,
        /// Of these, timers and calls that were put back.
        restored: usize,
        copies: usize,
        gone: usize,
        /// Nobody vouches for their sender.
        left: usize,
    }
    let told = Replayed { replayed: done.messages, restored, copies: done.copies, gone, left: left_messages };
    show::print(json, &told, || {
        let restored = match restored {
            0 => String::new(),
            restored => format!(", {restored} of them put back as due in their rooms"),
        };
        let left = match left_messages {
            0 => String::new(),
            left => format!(
                ", {left} left: their sender was unknown when they came (`oms parked list --reason unknown_sender`)"
            ),
        };
        format!("{} sent again{restored}{}{left}\n", show::counted(done.messages, "message"), gone_text(gone))
    })
}

/// # Errors
/// No such message, a change that its room could not read, the broker, or the room.
pub(super) async fn edit(
    config: &Config,
    user: UserId,
    id: &str,
    change: Change,
    reason: String,
    json: bool,
) -> Result<(), String> {
    let ring = config.keyring()?;
    let operator = Operator::open(config)?;
    let channel = operator.channel().await?;
    let mut found = fetch(&channel, &Filter::default()).await?;
    let wanted = one_of(&found, id).map_err(|why| format!("{why}; nothing was changed"))?.record.id.clone();
    found.retain(|one| one.record.id == wanted);
    let Some(parked) = found.pop() else { return Err("the message is not parked any more".to_owned()) };
    let record = &parked.record;
    if again::is_due(record) {
        return Err(format!(
            "it is no message but became due in {}; replay puts it back there, discard takes it away",
            record.room
        ));
    }
    let changed = change.apply(&record.open(&ring).map_err(|error| error.to_string())?)?;
    let mut event = event(changed, record.room, clock::now())?;
    if let Some(kind) = Kind::parse(&event.kind)
        && let Some(sender) = &record.sender
        && !config.outsiders()?.named(sender).is_some_and(|outsider| outsider.may_send(kind))
    {
        return Err(format!(
            "the edited message would be parked again: {sender} may not send {}",
            kind.name()
        ));
    }
    if let Some(id) = &record.event_id {
        event.id.clone_from(id);
    }
    let again = again::edited(record, event)?;
    let end = ParkedEnd::Edited { successors: again.ids.clone() };
    let new_id = again.ids.concat();
    let step = Step { parked, again: Some(again), due: None, end };
    carry_out(&operator, &channel, vec![step], &Act { user, reason }).await?;
    show::print(json, &serde_json::json!({ "parked": wanted, "id": new_id }), || {
        format!("sent as {new_id} in its place\n")
    })
}

/// # Errors
/// An id that is not there, the broker, or the room.
pub(super) async fn discard(
    config: &Config,
    user: UserId,
    which: &WhichArgs,
    reason: String,
    json: bool,
) -> Result<(), String> {
    let operator = Operator::open(config)?;
    let channel = operator.channel().await?;
    let (chosen, gone) = choose(&channel, which).await?;
    let steps = chosen
        .into_iter()
        .map(|parked| Step { parked, again: None, due: None, end: ParkedEnd::Discarded })
        .collect();
    let done = Done { gone, ..carry_out(&operator, &channel, steps, &Act { user, reason }).await? };
    show::print(json, &done, || {
        format!("{} discarded{}\n", show::counted(done.messages, "message"), gone_text(gone))
    })
}

fn gone_text(gone: usize) -> String {
    match gone {
        0 => String::new(),
        1 => "; 1 was no longer parked".to_owned(),
        gone => format!("; {gone} were no longer parked"),
    }
}

async fn carry_out(
    operator: &Operator,
    channel: &Channel,
    mut steps: Vec<Step>,
    act: &Act,
) -> Result<Done, String> {
    let mut done = Done::default();
    steps.sort_by_key(|step| step.parked.record.room);
    while !steps.is_empty() {
        let room = steps[0].parked.record.room;
        let end = steps.iter().take(ROUND_MAX).take_while(|step| step.parked.record.room == room).count();
        let round: Vec<Step> = steps.drain(..end).collect();
        if let Err(why) = send_and_record(operator, channel, &round, act).await {
            let left = show::counted(round.len() + steps.len(), "message");
            return Err(format!(
                "{why}; {} dealt with, {left} still parked: do it again, nothing is decided or recorded twice",
                show::counted(done.messages, "message")
            ));
        }
        for step in round {
            done.copies += step.parked.take(channel).await?;
            done.messages += 1;
        }
    }
    Ok(done)
}

/// Messages of one room.
async fn send_and_record(
    operator: &Operator,
    channel: &Channel,
    round: &[Step],
    act: &Act,
) -> Result<(), String> {
    let mut commands = Vec::with_capacity(round.len());
    for Step { parked, again, due, end } in round {
        let record = &parked.record;
        if let Some(again) = again {
            let id = again.ids.first().map_or("", String::as_str);
            let properties = operator.properties(&again.content_type, id, record.sender.as_deref());
            operator.publish(channel, topology::SELF, &again.routing_key, &again.bytes, properties).await?;
        }
        commands.push(ParkedSettle {
            room: record.room,
            parked: ParkedId::parse(&record.id).map_err(|error| error.to_string())?,
            parked_at: Timestamp(record.parked_at.0),
            end: end.clone(),
            due: due.clone(),
            user: act.user.clone(),
            reason: act.reason.clone(),
        });
    }
    let Some(room) = round.first().map(|step| step.parked.record.room) else { return Ok(()) };
    let answers = operator.ask(&commands, &Kind::ParkedSettle.routing_key(room)).await?;
    match answers.into_iter().find(|answer| answer.outcome == messages::answer::Outcome::Refused) {
        None => Ok(()),
        Some(refused) => Err(refused.text.unwrap_or_else(|| "the room refused to record it".to_owned())),
    }
}
