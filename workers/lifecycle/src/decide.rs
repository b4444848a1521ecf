//! The decision: keep the fact. Pure; it must never look at other facts, since their order is chance.

use shell::Decision;

use crate::Lifecycle;
use crate::read::Input;
use crate::store::Key;

/// Adds one fact; a fact that is there already stays as it is.
#[must_use]
pub fn decide(input: &Input) -> Decision<Lifecycle> {
    let mut decision = Decision::nothing();
    decision.insert(Key::of(&input.fact), Some(input.fact.clone()));
    decision
}
