//! The gateway's book of intents and refunds, and every lawful step between their states. Time is an
//! argument; it must never read a clock, know about HTTP or forget an intent.

use super::asks::{Capture, CaptureMethod, NewIntent, NewRefund};
use super::fault::Fault;
use super::script::{Decline, Script};
use super::wire;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Seconds that a hold lives: Visa, Mastercard, Amex and Discover online, customer-initiated, at Stripe.
pub(super) const HOLD_SECONDS: i64 = 7 * 24 * 3600;

pub(super) struct Intent {
    pub(super) id: String,
    pub(super) charge: String,
    pub(super) amount: u64,
    pub(super) currency: String,
    pub(super) token: String,
    pub(super) script: Script,
    pub(super) capture_method: CaptureMethod,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) created: i64,
    pub(super) standing: Standing,
    pub(super) captures: Vec<u64>,
    pub(super) refunds: Vec<Refund>,
    capture_calls: u32,
}

#[derive(Clone, Copy)]
pub(super) enum Standing {
    Declined(Decline),
    /// A hold ends silently: only `expires_at` knows, and it may come before what the caller was told.
    Held {
        expires_at: i64,
    },
    Succeeded,
    /// `released` is what was still held: 0 if it never was.
    Canceled {
        at: i64,
        reason: Option<&'static str>,
        released: u64,
    },
}

pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: u64,
    pub(super) created: i64,
    pub(super) metadata: BTreeMap<String, String>,
}

/// What was done, where it stands in the book, and whether the caller is told.
#[derive(Clone, Copy)]
pub(super) struct Done {
    pub(super) index: usize,
    pub(super) is_told: bool,
}

#[derive(Default)]
pub(super) struct Book {
    intents: Vec<Intent>,
    by_id: HashMap<String, usize>,
    by_metadata: HashMap<(String, String), Vec<usize>>,
    attempts: HashMap<(String, String), u32>,
}

impl Intent {
    pub(super) fn received(&self) -> u64 {
        self.captures.iter().sum()
    }

    pub(super) fn refunded(&self) -> u64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    pub(super) fn capturable(&self) -> u64 {
        match self.standing {
            Standing::Held { .. } => self.amount - self.received(),
            Standing::Declined(_) | Standing::Succeeded | Standing::Canceled { .. } => 0,
        }
    }

    /// The date that the caller is told, in Unix seconds.
    pub(super) fn capture_before(&self) -> i64 {
        self.created + HOLD_SECONDS
    }
}

impl Book {
    pub(super) fn intents(&self) -> &[Intent] {
        &self.intents
    }

    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Newest first, as Stripe lists.
    pub(super) fn search(&self, clauses: &[(String, String)]) -> Vec<&Intent> {
        let Some((first, rest)) = clauses.split_first() else { return Vec::new() };
        let found = self.by_metadata.get(first).map_or(&[][..], Vec::as_slice);
        let intents = found.iter().rev().map(|&index| &self.intents[index]);
        intents
            .filter(|intent| rest.iter().all(|(key, value)| intent.metadata.get(key) == Some(value)))
            .collect()
    }

    pub(super) fn authorize(&mut self, new: NewIntent, now: i64) -> Result<Done, Fault> {
        let attempt = self.count_attempt(&new);
        let (standing, captures) = match new.script {
            Script::ServerError { times } if attempt <= times => return Err(Fault::Broken),
            Script::DeclineNever => (Standing::Declined(Decline::Stolen), vec![]),
            Script::DeclineLater { times } if attempt <= times => {
                (Standing::Declined(Decline::Funds), vec![])
            }
            Script::DeclineData => (Standing::Declined(Decline::CardExpired), vec![]),
            Script::DeclineRenewal { times } if (2..=times.saturating_add(1)).contains(&attempt) => {
                (Standing::Declined(Decline::Funds), vec![])
            }
            Script::Expired => held(&new, now, now),
            Script::Plain
            | Script::DeclineLater { .. }
            | Script::DeclineRenewal { .. }
            | Script::ServerError { .. }
            | Script::Timeout
            | Script::Slow { .. }
            | Script::CaptureFails
            | Script::CaptureTimeout => held(&new, now, now + HOLD_SECONDS),
        };
        let is_told = !(new.script == Script::Timeout && attempt == 1);
        let index = self.enter(new, standing, captures, now);
        let intent = &self.intents[index];
        match intent.standing {
            Standing::Declined(decline) => Err(declined(intent, decline)),
            Standing::Held { .. } | Standing::Succeeded | Standing::Canceled { .. } => {
                Ok(Done { index, is_told })
            }
        }
    }

    pub(super) fn capture(&mut self, id: &str, capture: &Capture, now: i64) -> Result<Done, Fault> {
        let index = self.known(id)?;
        let intent = &mut self.intents[index];
        let expires_at = match intent.standing {
            Standing::Held { expires_at } => expires_at,
            Standing::Declined(_) | Standing::Succeeded | Standing::Canceled { .. } => {
                return Err(unexpected(intent, "captured"));
            }
        };
        let left = intent.capturable();
        let amount = capture.amount.unwrap_or(left);
        if amount > left {
            return Err(illegal(
                intent,
                "amount_too_large",
                "The amount to capture is more than the capturable amount.",
            ));
        }
        if amount == 0 && intent.captures.is_empty() {
            return Err(illegal(
                intent,
                "parameter_invalid_integer",
                "The first capture must be of at least 1.",
            ));
        }
        if now >= expires_at {
            let (charge, intent) = (intent.charge.clone(), Box::new(wire::intent(intent, false)));
            return Err(Fault::HoldExpired { charge, intent });
        }
        if intent.script == Script::CaptureFails {
            return Err(declined(intent, Decline::Generic));
        }
        intent.capture_calls += 1;
        if amount > 0 {
            intent.captures.push(amount);
        }
        if capture.is_final || amount == left {
            intent.standing = Standing::Succeeded;
        }
        let is_told = !(intent.script == Script::CaptureTimeout && intent.capture_calls == 1);
        Ok(Done { index, is_told })
    }

    pub(super) fn cancel(&mut self, id: &str, reason: Option<&'static str>, now: i64) -> Result<Done, Fault> {
        let index = self.known(id)?;
        let intent = &mut self.intents[index];
        match intent.standing {
            Standing::Declined(_) | Standing::Held { .. } => {
                let released = intent.capturable();
                intent.standing = Standing::Canceled { at: now, reason, released };
                Ok(Done { index, is_told: true })
            }
            Standing::Succeeded | Standing::Canceled { .. } => Err(unexpected(intent, "canceled")),
        }
    }

    /// The refund is the last one of the intent that is told.
    pub(super) fn refund(&mut self, new: NewRefund, now: i64) -> Result<Done, Fault> {
        let index = self.known(&new.intent)?;
        let intent = &mut self.intents[index];
        if intent.captures.is_empty() {
            return Err(unexpected(intent, "refunded"));
        }
        let left = intent.received() - intent.refunded();
        if left == 0 {
            return Err(illegal(intent, "charge_already_refunded", "The charge has already been refunded."));
        }
        let amount = new.amount.unwrap_or(left);
        if amount > left {
            return Err(illegal(
                intent,
                "amount_too_large",
                "The refund is more than the unrefunded amount.",
            ));
        }
        let refund = Refund { id: new_id("re"), amount, created: now, metadata: new.metadata };
        intent.refunds.push(refund);
        Ok(Done { index, is_told: true })
    }

    /// Ends every open hold at `now` and says how many it were.
    pub(super) fn expire_holds(&mut self, now: i64) -> usize {
        let mut expired = 0;
        for intent in &mut self.intents {
            if let Standing::Held { expires_at } = &mut intent.standing
                && *expires_at > now
            {
                *expires_at = now;
                expired += 1;
            }
        }
        expired
    }

    fn known(&self, id: &str) -> Result<usize, Fault> {
        self.find(id).ok_or_else(|| Fault::Missing { what: "payment_intent", id: id.to_owned() })
    }

    /// Counts per token and order, so that one token can serve many orders of a measurement.
    fn count_attempt(&mut self, new: &NewIntent) -> u32 {
        match new.script {
            Script::DeclineLater { .. }
            | Script::DeclineRenewal { .. }
            | Script::ServerError { .. }
            | Script::Timeout => {
                let whose = new.metadata.get("order").or_else(|| new.metadata.get("reference"));
                let key = (new.token.clone(), whose.cloned().unwrap_or_default());
                let count = self.attempts.entry(key).or_default();
                *count += 1;
                *count
            }
            Script::Plain
            | Script::DeclineNever
            | Script::DeclineData
            | Script::Slow { .. }
            | Script::CaptureFails
            | Script::CaptureTimeout
            | Script::Expired => 1,
        }
    }

    fn enter(&mut self, new: NewIntent, standing: Standing, captures: Vec<u64>, now: i64) -> usize {
        let index = self.intents.len();
        let id = new_id("pi");
        self.by_id.insert(id.clone(), index);
        for (key, value) in &new.metadata {
            self.by_metadata.entry((key.clone(), value.clone())).or_default().push(index);
        }
        self.intents.push(Intent {
            id,
            charge: new_id("ch"),
            amount: new.amount,
            currency: new.currency,
            token: new.token,
            script: new.script,
            capture_method: new.capture_method,
            metadata: new.metadata,
            created: now,
            standing,
            captures,
            refunds: Vec::new(),
            capture_calls: 0,
        });
        index
    }
}

fn held(new: &NewIntent, now: i64, expires_at: i64) -> (Standing, Vec<u64>) {
    debug_assert!(expires_at >= now, "a hold does not end before it begins");
    match new.capture_method {
        CaptureMethod::Manual => (Standing::Held { expires_at }, vec![]),
        CaptureMethod::Automatic => (Standing::Succeeded, vec![new.amount]),
    }
}

fn declined(intent: &Intent, decline: Decline) -> Fault {
    Fault::Declined { decline, charge: intent.charge.clone(), intent: Box::new(wire::intent(intent, false)) }
}

fn illegal(intent: &Intent, code: &'static str, message: impl Into<String>) -> Fault {
    Fault::Illegal { code, message: message.into(), intent: Box::new(wire::intent(intent, false)) }
}

fn unexpected(intent: &Intent, verb: &str) -> Fault {
    let status = wire::status(intent);
    let message = format!("This PaymentIntent could not be {verb} because it has a status of {status}.");
    illegal(intent, "payment_intent_unexpected_state", message)
}

/// Never the same in two runs, so that a caller's database may outlive this process.
fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7().simple())
}
