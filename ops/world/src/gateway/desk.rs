//! Everything that one lock guards: the book, the idempotency keys, the virtual clock and the outage. It must
//! never wait.

use super::asks::Ask;
use super::book::{Book, Done};
use super::call::Call;
use super::fault::Fault;
use super::keys::{Answer, Claim, Keys};
use super::ledger::Ledger;
use super::wire;
use axum::body::Bytes;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Default)]
pub(super) struct Desk {
    pub(super) book: Book,
    keys: Keys,
    ahead_seconds: i64,
    outage_until: i64,
}

/// What a POST is until it is executed.
pub(super) struct Work {
    pub(super) key: Option<String>,
    pub(super) ask: Ask,
    pub(super) is_expanded: bool,
}

pub(super) enum Entry {
    Replay(Answer),
    Work { work: Work, delay: Duration },
}

pub(super) struct Outcome {
    pub(super) answer: Answer,
    pub(super) is_told: bool,
}

/// Orders of a test to the gateway; several may come at once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Control {
    #[serde(default)]
    expire_all_holds: bool,
    /// Seconds of the virtual clock from now on in which every call is answered 503; 0 ends an outage.
    outage_seconds: Option<u32>,
    /// Moves the virtual clock ahead.
    advance_seconds: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct ControlReport {
    now: i64,
    outage_until: i64,
    holds_expired: usize,
}

impl Desk {
    /// Reads the call, and claims its idempotency key for the work that follows.
    pub(super) fn enter(
        &mut self,
        call: Call,
        read: impl FnOnce(&mut super::params::Params) -> Result<Ask, Fault>,
    ) -> Result<Entry, Fault> {
        let Call { endpoint, key, mut params } = call;
        let print = params.print(&endpoint);
        let is_expanded = params.expands("latest_charge");
        let ask = read(&mut params)?;
        params.finish()?;
        if let Some(key) = &key {
            match self.keys.claim(key, print, self.now()) {
                Claim::Fresh => {}
                Claim::Replay(answer) => return Ok(Entry::Replay(answer)),
                Claim::Busy => return Err(Fault::KeyBusy),
                Claim::Reused => return Err(Fault::KeyReused),
            }
        }
        let delay = self.delay(&ask);
        Ok(Entry::Work { work: Work { key, ask, is_expanded }, delay })
    }

    pub(super) fn execute(&mut self, work: Work) -> Outcome {
        let Work { key, ask, is_expanded } = work;
        let (answer, is_kept, is_told) = match self.step(ask, is_expanded) {
            Ok((body, is_told)) => (answer(StatusCode::OK, &body), true, is_told),
            Err(fault) => (answer(fault.status(), &fault.body()), fault.is_kept(), true),
        };
        match key {
            Some(key) if is_kept => self.keys.keep(&key, answer.clone()),
            Some(key) => self.keys.forget(&key),
            None => {}
        }
        Outcome { answer, is_told }
    }

    pub(super) fn control(&mut self, control: &Control) -> ControlReport {
        if let Some(seconds) = control.advance_seconds {
            self.ahead_seconds += i64::from(seconds);
        }
        let now = self.now();
        if let Some(seconds) = control.outage_seconds {
            self.outage_until = now + i64::from(seconds);
        }
        let holds_expired = if control.expire_all_holds { self.book.expire_holds(now) } else { 0 };
        ControlReport { now, outage_until: self.outage_until, holds_expired }
    }

    pub(super) fn ledger(&self) -> Value {
        json!(Ledger::of(self.book.intents(), self.keys.replayed(), self.now()))
    }

    pub(super) fn is_out(&self) -> bool {
        self.now() < self.outage_until
    }

    fn step(&mut self, ask: Ask, is_expanded: bool) -> Result<(Value, bool), Fault> {
        let now = self.now();
        let Done { index, is_told } = match ask {
            Ask::Authorize(new) => self.book.authorize(new, now)?,
            Ask::Capture { id, capture } => self.book.capture(&id, &capture, now)?,
            Ask::Cancel { id, reason } => self.book.cancel(&id, reason, now)?,
            Ask::Refund(new) => {
                let done = self.book.refund(new, now)?;
                let intent = &self.book.intents()[done.index];
                let refund = intent.refunds.last().map(|refund| wire::refund(intent, refund));
                return Ok((json!(refund), done.is_told));
            }
        };
        Ok((wire::intent(&self.book.intents()[index], is_expanded), is_told))
    }

    fn delay(&self, ask: &Ask) -> Duration {
        match ask {
            Ask::Authorize(new) => new.script.delay(),
            Ask::Capture { id, .. } => match self.book.find(id) {
                Some(index) => self.book.intents()[index].script.delay(),
                None => Duration::ZERO,
            },
            Ask::Cancel { .. } | Ask::Refund(_) => Duration::ZERO,
        }
    }

    fn now(&self) -> i64 {
        crate::clock::now().0.unix_timestamp() + self.ahead_seconds
    }
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    Answer { status, body: Bytes::from(body.to_string()) }
}
