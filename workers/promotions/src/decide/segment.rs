//! Who gets a campaign's mail: the segment's rules over what we know of somebody (R09, R19, R21), and the consent that
//! no rule replaces. The same two questions are asked by the walk, at the moment of sending, and by the dry run.

use messages::subscriber::{ContactChannel, Segment, Topic};

use crate::store::{Subscriber, TopicState, Why};

/// Whether every rule that is given holds.
#[must_use]
pub fn fits(segment: &Segment, subscriber: &Subscriber) -> bool {
    let has_bought = |item: &String| subscriber.purchases.iter().any(|bought| bought.as_str() == item);
    (segment.prefers.is_empty() || segment.prefers.iter().any(|name| subscriber.preferences.contains(name)))
        && (segment.bought.is_empty() || segment.bought.iter().any(has_bought))
        && !segment.not_bought.iter().any(has_bought)
}

/// Why no mail of this topic may go to somebody now; none if it may.
#[must_use]
pub fn refusal(topic: Topic, subscriber: &Subscriber) -> Option<Why> {
    let Some(standing) = subscriber.topics.get(&topic) else { return Some(Why::NotConfirmed) };
    match standing.state {
        TopicState::Confirmed => {}
        TopicState::Withdrawn => return Some(Why::Withdrawn),
        TopicState::Asked | TopicState::Lapsed => return Some(Why::NotConfirmed),
    }
    if subscriber.suppressed.is_some() {
        return Some(Why::Suppressed);
    }
    (!standing.channels.contains(&ContactChannel::Email)).then_some(Why::NoEmail)
}
