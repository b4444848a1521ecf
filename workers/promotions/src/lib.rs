//! Promotions keeps the mailing lists: who consented to what, and which campaign's mail went to whom.
//!
//! | | |
//! | --- | --- |
//! | Reads | from outside `subscriber.submit`, `.confirm`, `.withdraw`, `campaign.define`, `.control`; from the rooms `order.accepted` (items and the fingerprint of the e-mail), `address.suppressed`; `task.close` (the shell) |
//! | Owns | `campaigns` (draft, approval, how far it has come), `subscribers` (consents and their ledger, contact sealed), `mails` (one row per campaign and person) |
//! | Emits | `subscriber.changed`, `campaign.changed`; `command.answered` to whoever asked |
//! | Outside | the mail relay (SMTP), or a directory of files; the page behind the links of its mails ([`web`]) |
//!
//! # Invariants
//! - Nothing but the mail that asks goes to an address before its owner has confirmed (double opt-in), and at most
//!   five of these a day, so that the store's form floods nobody. What nobody confirms within 30 days lapses.
//! - At most one mail per campaign and person. A mail of unknown outcome is counted and never repeated, a campaign's as
//!   well as one that asks.
//! - Consent, suppression, channel and the campaign's state are checked at the moment of sending: the timer `send` sets
//!   the call `deliver` only then. A call that waits longer than 30 seconds for the relay is asked about anew.
//! - Withdrawing calls back the mail that is on its way; so does stopping the campaign. What had left by then counts as
//!   sent if its answer still comes, and as unknown if it does not, never as skipped.
//! - A withdrawal is of the topics that it names, and of no other (R39). It is never undone by a consent that was given
//!   before it. With the last topic the contact, preferences and purchases are erased; ledger and fingerprint stay.
//! - A campaign starts only once a second person has approved the draft as it stands (a CHECK says so too), and at most
//!   `per_minute` mails a minute leave.
//! - Recipients of gifts are no subscribers. Without the channel `email` nobody gets an e-mail (R30); nobody is asked by
//!   mail for consent to print or telephone, so that counts at once.
//! - Purchases are kept of subscribers alone, 500 items at most; no row is made for an address that never subscribed,
//!   but for a suppressed one.
//! - Name and address are opened only in [`outside`], for the time of one call.
//!
//! # Natural keys
//! Subscribing and withdrawing name a state and not a step: what stands already is answered as `repeated` under
//! whatever reference it comes. A campaign is known by its name.
//!
//! # Faults
//! `bad_email`, `bad_name`, `bad_topics`, `bad_preferences`, `bad_consent_text`, `bad_consented_at`,
//! `bad_token`, `bad_withdrawal`, `link_expired`, `withdrawn_since`, `asked_too_often`,
//! `address_takes_no_mail`; `bad_subject`, `bad_text`, `bad_pace`, `bad_segment`, `bad_reason`, `unknown_campaign`,
//! `has_started`, `second_person_needed`, `version_needed`, `draft_changed`, `not_a_draft`, `not_approved`, `not_running`, `is_paused`, `is_over`.
//!
//! # Races
//! - Submit, confirm and withdraw of one subscriber, also a confirmation and its lapse: each counts from when it comes.
//! - Withdrawal or suppression, and the sending of a mail: before it the mail is skipped, after it the mail has gone.
//! - Approve and define: a draft that comes after the approval has to be approved again; an approval names the draft
//!   that was read, and is refused if another one came first.
//! - Pause or stop, and the sending of a mail. A pause lets go out what is on its way, for 30 seconds at most.
//! - An order and the first subscription: what was bought before is not known.
//! - A subscription or a change of one, and the campaign that passes by: it comes to everybody once.
//! - Suppression and subscription: an address that takes no mail is refused, if that is known first.

pub mod decide;
pub mod mail;
pub mod outside;
pub mod read;
pub mod store;
pub mod token;
pub mod web;

use messages::Room;
use messages::sealed::Keyring;
use shell::worker::Peek;
use shell::{Arrival, At, Decision, ReadError, Worker, World};

use crate::read::Input;
use crate::store::{Key, State};

/// The room.
#[derive(Debug, Clone, Copy, Default)]
pub struct Promotions;

impl Worker for Promotions {
    const ROOM: Room = Room::Promotions;
    type Key = Key;
    type State = State;
    type Input = Input;

    fn blank(key: &Key) -> State {
        State::blank(key)
    }

    fn read(&self, arrival: &Arrival<'_>, ring: &Keyring) -> Result<Input, ReadError> {
        read::read(arrival, ring)
    }

    fn scope(&self, input: &Input, found: &World<Self>) -> Vec<Key> {
        decide::scope(input, found)
    }

    fn looks(&self, input: &Input, found: &World<Self>) -> Vec<Key> {
        decide::looks(input, found)
    }

    fn peek(&self, input: &Input) -> Option<Peek> {
        decide::peek(input)
    }

    fn decide(&self, world: &World<Self>, input: &Input, at: &At<'_>) -> Decision<Self> {
        decide::decide(world, input, at)
    }
}

/// The room's tables.
#[must_use]
pub fn schema() -> shell::migrate::Schema {
    shell::migrate::Schema { room: Room::Promotions, files: &store::FILES }
}
