//! The mailing lists' side of the world: people who subscribe, confirm by the mail that asks, and unsubscribe by the mails
//! of a campaign or by telephone; the relay that takes these mails; and what must hold of them. It never forgets a mail.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use messages::Room;
use messages::sealed::{Fingerprint, Keyring};
use messages::subscriber::{CampaignState, Topic};
use promotions::Promotions;
use promotions::read::{Answer, CONFIRM, ConfirmBody, DELIVER, DeliverBody};
use promotions::store::{Key, MailId, State, Status, TopicState};
use promotions::token::{Purpose, Token, topic_number};
use serde_json::json;
use shell::memory::MemoryLedger;
use shell::worker::{Call, Outside, Reply, raw};
use tests::lists::subscription;

use crate::sim::Sim;
use crate::trade::Trade;

const MEMBERS: u64 = 6;
const TOPIC: Topic = Topic::NumismaticProducts;
/// As the room's own performer: a check of consent that is older is not relied on.
const CHECKED_SECONDS_MAX: i64 = 30;
/// From a withdrawal on nobody claims a mail; one that was claimed right before is on its way for so long at most.
const ON_ITS_WAY_MS: u64 = 2_000;

#[derive(Default)]
struct Books {
    /// Mails that left, by campaign and person.
    mails: BTreeMap<MailId, u64>,
    /// Mails that ask, by person and number.
    asked: BTreeMap<(Fingerprint, u16), u64>,
    /// When it was first seen that somebody is off the list.
    left: BTreeMap<Fingerprint, u64>,
    wrong: Vec<String>,
}

pub(crate) struct Lists {
    sim: Arc<Sim>,
    trade: Arc<Trade>,
    ledger: MemoryLedger<Promotions>,
    books: Mutex<Books>,
}

impl Lists {
    pub(crate) fn new(sim: Arc<Sim>, trade: Arc<Trade>, ledger: MemoryLedger<Promotions>) -> Arc<Self> {
        Arc::new(Self { sim, trade, ledger, books: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Some people subscribe, and some of them think better of it on the telephone.
    pub(crate) fn open(self: &Arc<Self>) {
        for number in 0..MEMBERS {
            let email = format!("buyer{number}@example.com");
            let form = subscription(&format!("SUB-{number}"), &email);
            self.trade.say("web-store", "subscriber.submit.v1", form, 2_000, 10_000);
            if self.sim.permille(150) {
                let body =
                    json!({ "reference": format!("RANG-{number}"), "email": email, "user": "m.rivera" });
                self.trade.say("call-centre", "subscriber.withdraw.v1", body, 8_000, 45_000);
            }
        }
        tokio::spawn(Arc::clone(self).watch());
    }

    /// Notes who is off the list, at every moment.
    async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let gone: Vec<Fingerprint> = self.ledger.with(|tables| {
                let rows =
                    tables.rows.iter().filter(|(_, state)| standing(state) == Some(TopicState::Withdrawn));
                rows.filter_map(|(key, _)| match key {
                    Key::Subscriber(subscriber) => Some(subscriber.clone()),
                    Key::Campaign(_) | Key::Mail(_) => None,
                })
                .collect()
            });
            let now = self.sim.elapsed_ms();
            let mut books = self.lock();
            for subscriber in gone {
                books.left.entry(subscriber).or_insert(now);
            }
        }
    }

    async fn mail(self: &Arc<Self>, call: &Call, ring: &Keyring) -> Answer {
        // As the room's own performer.
        if call.unknown {
            return Answer::Unclear;
        }
        let waited = call.due.started_at.map_or(0, |started| started.seconds_since(call.due.due_at));
        if call.due.kind == DELIVER && waited > CHECKED_SECONDS_MAX {
            return Answer::Stale;
        }
        self.sim.pause(60).await;
        if self.sim.fault("relay away", 1_000) {
            return Answer::Down;
        }
        if self.sim.fault("mail put off", 1_000) {
            return Answer::PutOff;
        }
        if self.sim.fault("promotion refused", 500) {
            return Answer::Refused { code: 550 };
        }
        if call.due.kind == CONFIRM {
            self.asks(&call.due.body().expect("promotions writes what it reads"), ring);
        } else {
            self.delivers(call.due.body().expect("promotions writes what it reads"), ring);
        }
        self.sim.pause(60).await;
        if self.sim.fault("answer of the relay lost", 2_000) {
            return Answer::Unclear;
        }
        Answer::Sent
    }

    /// Most press the button.
    fn asks(self: &Arc<Self>, body: &ConfirmBody, ring: &Keyring) {
        *self.lock().asked.entry((body.subscriber.clone(), body.number)).or_default() += 1;
        if self.sim.permille(900) {
            let token = Token::make(ring, Purpose::Subscribe, &body.subscriber, body.number);
            let token = token.expect("the ring holds all keys").to_string();
            let reference = format!("CONFIRM-{}-{}", body.subscriber.as_str(), body.number);
            let body = json!({ "reference": reference, "token": token });
            self.trade.say("web-store", "subscriber.confirm.v1", body, 200, 4_000);
        }
    }

    /// Some press the other one.
    fn delivers(self: &Arc<Self>, body: DeliverBody, ring: &Keyring) {
        let (id, now) = (body.mail, self.sim.elapsed_ms());
        self.sim.count("promotions");
        let mut books = self.lock();
        *books.mails.entry(id.clone()).or_default() += 1;
        if let Some(since) = books.left.get(&id.subscriber).copied()
            && now > since + ON_ITS_WAY_MS
        {
            let late = now - since;
            books.wrong.push(format!("{id}: mailed {late} ms after it was off the list"));
        }
        drop(books);
        let is_member = self.ledger.with(|tables| {
            let row = tables.rows.get(&Key::Subscriber(id.subscriber.clone()));
            row.and_then(standing)
                .is_some_and(|state| matches!(state, TopicState::Confirmed | TopicState::Withdrawn))
        });
        if !is_member {
            self.lock().wrong.push(format!("{id}: mailed to somebody who never confirmed"));
        }
        if self.sim.permille(200) {
            let token = Token::make(ring, Purpose::Unsubscribe, &id.subscriber, topic_number(TOPIC));
            let token = token.expect("the ring holds all keys").to_string();
            let body = json!({ "reference": format!("LEAVE-{}", id.subscriber.as_str()), "token": token });
            self.trade.say("unsubscribe-page", "subscriber.withdraw.v1", body, 100, 5_000);
        }
    }

    /// Everything that is not as it must be when the world has come to rest.
    pub(crate) fn breaches(&self) -> Vec<String> {
        let books = self.lock();
        let mut found = books.wrong.clone();
        let doubled = books.mails.iter().filter(|(_, times)| **times > 1);
        found.extend(doubled.map(|(id, times)| format!("{id}: promoted {times} times")));
        let doubled = books.asked.iter().filter(|(_, times)| **times > 1);
        found.extend(doubled.map(|((subscriber, number), times)| {
            format!("{} {number}: asked for consent {times} times", subscriber.as_str())
        }));
        self.ledger.with(|tables| {
            let mut open: BTreeSet<&MailId> = books.mails.keys().collect();
            let (mut sent, mut made) = (0, 0);
            for (key, state) in &tables.rows {
                match (key, state) {
                    (Key::Mail(id), State::Mail(Some(mail))) => {
                        made += 1;
                        sent += u64::from(mail.status == Status::Sent);
                        let has_left = open.remove(id);
                        let fits = match mail.status {
                            Status::Pending | Status::Sending => false,
                            Status::Sent => has_left,
                            Status::Unknown { .. } => true,
                            Status::Skipped { .. } | Status::Refused { .. } => !has_left,
                        };
                        if !fits {
                            found.push(format!("{id}: {:?}, and the relay {has_left}", mail.status));
                        }
                    }
                    (Key::Mail(_) | Key::Campaign(_) | Key::Subscriber(_), _) => {}
                }
            }
            found.extend(
                open.into_iter().map(|id| format!("{id}: {} does not know that it left", Room::Promotions)),
            );
            for state in tables.rows.values() {
                let State::Campaign(Some(campaign)) = state else { continue };
                let counts = campaign.counts;
                let all = counts.sent + counts.skipped + counts.refused + counts.unknown;
                let is_over = matches!(campaign.state, CampaignState::Finished | CampaignState::Stopped);
                if !is_over || all != counts.made || (counts.made, counts.sent) != (made, sent) {
                    found.push(format!(
                        "the campaign is {:?} with {counts:?}, {made} mails, {sent} sent",
                        campaign.state
                    ));
                }
            }
        });
        found
    }
}

fn standing(state: &State) -> Option<TopicState> {
    match state {
        State::Subscriber(row) => row.topics.get(&TOPIC).map(|standing| standing.state),
        State::Campaign(_) | State::Mail(_) => None,
    }
}

/// The relay as promotions sees it.
pub(crate) struct ListRelay(pub Arc<Lists>);

impl Outside for ListRelay {
    fn kinds(&self) -> &'static [&'static str] {
        &[CONFIRM, DELIVER]
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
            let answer = self.0.mail(call, ring).await;
            Reply { answer: raw(&answer), far_side_down: answer == Answer::Down }
        })
    }
}
