//! What lifecycle promises: every fact kept once, a status that follows from the set of facts alone, nothing personal.

mod ends;
mod facts;
mod status;
mod story;
