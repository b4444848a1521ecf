//! The outside world that is called: a card gateway with idempotency keys, and a mail relay. Both act and then may not
//! say so; neither ever forgets what it did.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use messages::Timestamp;
use messages::money::Amount;
use messages::sealed::Keyring;
use notifications::facts::Facts;
use notifications::read::Mail;
use payment::call::{
    AUTHORIZE, Answer, AuthorizeCall, CAPTURE, CaptureCall, Errand, KINDS, REFUND, RefundCall, VoidCall,
};
use serde::de::DeserializeOwned;
use shell::worker::{Call, Outside, Reply, raw};
use undelivered::read::TOKEN_PURPOSE;
use world::chance::of_text;

use crate::sim::Sim;
use crate::trade::Trade;

/// Holds live as long as cards' do (4 days and 18 hours).
const HOLD_SECONDS: i64 = (4 * 24 + 18) * 3_600;
const KEY_SECONDS: i64 = 20 * 3_600;

/// What the gateway holds, took and gave back.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    /// `{release}:{epoch}`.
    pub reference: String,
    pub held: i64,
    pub captured: i64,
    pub is_open: bool,
    pub lapses: Timestamp,
    /// By reference.
    pub refunds: BTreeMap<String, i64>,
}

impl Intent {
    pub(crate) fn release(&self) -> &str {
        self.reference.rsplit_once(':').map_or(&*self.reference, |(release, _)| release)
    }
}

#[derive(Default)]
struct Books {
    intents: BTreeMap<String, Intent>,
    /// What was answered under each idempotency key.
    keys: BTreeMap<String, Answer>,
    /// Tries by release, for cards that are declined at first.
    tries: BTreeMap<String, u64>,
}

pub(crate) struct Gateway {
    sim: Arc<Sim>,
    books: Mutex<Books>,
}

impl Gateway {
    pub(crate) fn new(sim: Arc<Sim>) -> Arc<Self> {
        Arc::new(Self { sim, books: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn intents(&self) -> Vec<Intent> {
        self.lock().intents.values().cloned().collect()
    }

    async fn make(&self, call: &Call) -> (Answer, bool) {
        self.sim.pause(120).await;
        if self.sim.fault("gateway down", 800) {
            return (unclear(false), true);
        }
        if self.sim.fault("request lost", 1_000) {
            return (unclear(false), false);
        }
        let answer = self.act(call);
        self.sim.pause(120).await;
        if self.sim.fault("answer lost", 2_000) {
            return (unclear(false), false);
        }
        if self.sim.fault("gateway error", 500) {
            return (unclear(true), false);
        }
        (answer, false)
    }

    fn act(&self, call: &Call) -> Answer {
        let mut books = self.lock();
        match call.due.kind.as_str() {
            AUTHORIZE => {
                let asked: AuthorizeCall = body(call);
                let look = must_look(call, &asked.errand);
                if look { books.find(&asked) } else { books.once(&asked.errand, |books| books.hold(&asked)) }
            }
            CAPTURE => {
                let asked: CaptureCall = body(call);
                let look = must_look(call, &asked.errand);
                if look {
                    books.captured(&asked)
                } else {
                    books.once(&asked.errand, |books| books.take(&asked))
                }
            }
            REFUND => {
                let asked: RefundCall = body(call);
                let look = must_look(call, &asked.errand);
                if look {
                    books.refunded(&asked)
                } else {
                    books.once(&asked.errand, |books| books.give_back(&asked))
                }
            }
            _ => {
                let asked: VoidCall = body(call);
                let look = must_look(call, &asked.errand);
                if look {
                    books.voided(&asked)
                } else {
                    books.once(&asked.errand, |books| books.let_go(&asked))
                }
            }
        }
    }
}

fn body<T: DeserializeOwned>(call: &Call) -> T {
    call.due.body().expect("payment writes what it reads")
}

/// As the room's own performer: a key that is spent or old is not asked under again.
fn must_look(call: &Call, errand: &Errand) -> bool {
    let age = Timestamp(shell::clock::now()).seconds_since(errand.since);
    errand.look || ((call.unknown || call.due.attempt > 0) && age > KEY_SECONDS)
}

fn unclear(key_is_spent: bool) -> Answer {
    Answer::Unclear { what: "simulated".to_owned(), key_is_spent }
}

fn amount(minor: i64) -> Answer {
    Answer::Captured { amount: Amount::new(minor).expect("sums of orders") }
}

impl Books {
    fn once(&mut self, errand: &Errand, act: impl FnOnce(&mut Self) -> Answer) -> Answer {
        if let Some(known) = self.keys.get(&errand.idempotency_key) {
            return known.clone();
        }
        let answer = act(self);
        self.keys.insert(errand.idempotency_key.clone(), answer.clone());
        answer
    }

    fn hold(&mut self, asked: &AuthorizeCall) -> Answer {
        let release = asked.reference.rsplit_once(':').map_or("", |(release, _)| release).to_owned();
        let tries = self.tries.entry(release.clone()).or_default();
        *tries += 1;
        let has_cover = match of_text(&format!("card {release}")).below(100) {
            0..4 => return Answer::Declined { code: "stolen_card".to_owned(), advice: None },
            4..12 => *tries > 1,
            // None when the hold is renewed; the last of them never again.
            12..27 => *tries != 2,
            27..37 => *tries < 2,
            _ => true,
        };
        if !has_cover {
            return Answer::Declined { code: "insufficient_funds".to_owned(), advice: None };
        }
        let intent = format!("pi_{}", self.intents.len());
        let lapses = Timestamp(shell::clock::now()).plus_seconds(HOLD_SECONDS);
        self.intents.insert(
            intent.clone(),
            Intent {
                reference: asked.reference.clone(),
                held: asked.amount.minor(),
                captured: 0,
                is_open: true,
                lapses,
                refunds: BTreeMap::new(),
            },
        );
        Answer::Authorized { intent, capture_before: lapses }
    }

    fn find(&self, asked: &AuthorizeCall) -> Answer {
        let found = self.intents.iter().find(|(_, intent)| intent.reference == asked.reference);
        found.map_or(Answer::NotFound, |(id, intent)| {
            if intent.is_open {
                Answer::Authorized { intent: id.clone(), capture_before: intent.lapses }
            } else {
                Answer::Declined { code: "canceled".to_owned(), advice: None }
            }
        })
    }

    fn take(&mut self, asked: &CaptureCall) -> Answer {
        let now = Timestamp(shell::clock::now());
        let intent = self.intents.get_mut(&asked.intent).expect("holds are never forgotten");
        if !intent.is_open || intent.lapses < now || asked.amount.minor() > intent.held {
            return Answer::CaptureDeclined { code: "canceled".to_owned() };
        }
        intent.is_open = false;
        intent.captured = asked.amount.minor();
        amount(intent.captured)
    }

    fn captured(&self, asked: &CaptureCall) -> Answer {
        let intent = &self.intents[&asked.intent];
        match (intent.captured - asked.captured_before.minor(), intent.is_open) {
            (taken, _) if taken >= asked.amount.minor() => amount(taken),
            (_, true) => Answer::NotFound,
            (_, false) => Answer::CaptureDeclined { code: "canceled".to_owned() },
        }
    }

    fn let_go(&mut self, asked: &VoidCall) -> Answer {
        let intent = self.intents.get_mut(&asked.intent).expect("holds are never forgotten");
        if intent.captured > 0 {
            return unclear(true);
        }
        intent.is_open = false;
        Answer::Voided
    }

    fn voided(&self, asked: &VoidCall) -> Answer {
        match &self.intents[&asked.intent] {
            intent if intent.is_open => Answer::NotFound,
            intent if intent.captured > 0 => unclear(true),
            _ => Answer::Voided,
        }
    }

    fn give_back(&mut self, asked: &RefundCall) -> Answer {
        let intent = self.intents.get_mut(&asked.intent).expect("holds are never forgotten");
        let given: i64 = intent.refunds.values().sum();
        if given + asked.amount.minor() > intent.captured {
            return Answer::RefundDeclined { code: "charge_already_refunded".to_owned() };
        }
        intent.refunds.insert(asked.reference.clone(), asked.amount.minor());
        Answer::Refunded { amount: asked.amount }
    }

    fn refunded(&self, asked: &RefundCall) -> Answer {
        match self.intents[&asked.intent].refunds.get(&asked.reference) {
            Some(minor) => Answer::Refunded { amount: Amount::new(*minor).expect("sums of orders") },
            None => Answer::NotFound,
        }
    }
}

impl Outside for Gateway {
    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn perform<'a>(
        &'a self,
        call: &'a Call,
        _: &'a Keyring,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
        Box::pin(async move {
            let (answer, far_side_down) = self.make(call).await;
            Reply { answer: raw(&answer), far_side_down }
        })
    }
}

/// A relay, and the mails that it took: by Message-ID, what they are about and how often.
pub(crate) struct Relay {
    sim: Arc<Sim>,
    trade: Arc<Trade>,
    mails: Mutex<BTreeMap<String, (String, u64)>>,
}

impl Relay {
    pub(crate) fn new(sim: Arc<Sim>, trade: Arc<Trade>) -> Arc<Self> {
        Arc::new(Self { sim, trade, mails: Mutex::default() })
    }

    pub(crate) fn mails(&self) -> BTreeMap<String, (String, u64)> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, message_id: String, about: String) {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.entry(message_id).or_insert((about, 0)).1 += 1;
    }

    async fn mail(&self, call: &Call, ring: &Keyring) -> (notifications::read::Answer, bool) {
        use notifications::read::Answer;
        // As the room's own performer.
        if call.unknown {
            return (Answer::Unclear, false);
        }
        let mail: Mail = call.due.body().expect("notifications writes what it reads");
        self.sim.pause(60).await;
        if self.sim.fault("relay down", 500) {
            return (Answer::TryLater, true);
        }
        if self.sim.fault("mail refused", 300) {
            return (Answer::Refused { code: 550 }, false);
        }
        let about = format!("{:?}", mail.id());
        if let Facts::Asked { contact, .. } = mail.facts {
            let token =
                ring.token(TOKEN_PURPOSE, &mail.cause, contact.into()).expect("the ring holds all keys");
            self.trade.is_asked(&mail.cause, &token);
        }
        self.take(mail.message_id, about);
        self.sim.pause(60).await;
        if self.sim.fault("answer after DATA lost", 800) {
            return (Answer::Unclear, false);
        }
        (Answer::Sent, false)
    }
}

impl Outside for Relay {
    fn kinds(&self) -> &'static [&'static str] {
        &[notifications::read::MAIL]
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn perform<'a>(
        &'a self,
        call: &'a Call,
        ring: &'a Keyring,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
        Box::pin(async move {
            let (answer, far_side_down) = self.mail(call, ring).await;
            Reply { answer: raw(&answer), far_side_down }
        })
    }
}
