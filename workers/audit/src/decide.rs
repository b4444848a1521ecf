//! The decision: the next number, the next link. Pure; it never looks into an event and never skips one.

use shell::{At, Decision, World};

use crate::Audit;
use crate::chain::{Head, Record, link};
use crate::read::Input;
use crate::store::{Key, State};

/// Adds one record to the chain.
#[must_use]
pub fn decide(world: &World<Audit>, input: &Input, at: &At<'_>) -> Decision<Audit> {
    let state = world.get(&Key::Head);
    let (last, prev) = state.end();
    let seq = last + 1;
    let received = at.now.to_string();
    let hash = link(prev, seq, &received, &input.event);
    let record = Record {
        seq,
        prev: prev.to_owned(),
        hash: hash.clone(),
        received,
        about: input.about.clone(),
        event: input.event.clone(),
    };
    let mut decision = Decision::nothing();
    decision.set(Key::Head, State::Head(Head { seq, hash }));
    decision.insert(Key::Record(seq), State::Record(record));
    decision
}
