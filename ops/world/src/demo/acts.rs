//! What happens around the launch: customers answer questions about parcels, readers subscribe and leave, stock arrives
//! a second time, a campaign goes out, and a few customers call too late. It must never wait for what may not come.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use messages::item::ItemNumber;
use tokio::time::Instant;
use world::clock;
use world::customers::{Customers, Mail, Postbox, Reader, Readers};
use world::store::{Category, Launch, Lines, Seller};

use super::numbers::{Campaigned, Found, LateCancels, Status};
use super::staff::{self, CAMPAIGN, Staff};
use super::witness::Witness;

/// How often the post comes.
const ROUND: Duration = Duration::from_millis(300);
/// How long a campaign waits for those who may still confirm.
const CONFIRMING_MAX: Duration = Duration::from_secs(20);
/// Customers who call after their parcel has arrived.
const LATE_MAX: usize = 5;
/// Parcels that have arrived before the first of them calls.
const ARRIVED_FIRST: i64 = 10;
/// What the refusal of such a call says.
const TOO_LATE: &str = "with the warehouse already";
const KINDS: &[&str] = &[Customers::KINDS[0], Customers::KINDS[1], Readers::KINDS[0], Readers::KINDS[1]];

/// What the acts need to know, and what they tell.
pub(super) struct Stage<'a> {
    pub(super) witness: &'a Witness,
    pub(super) staff: &'a Staff,
    pub(super) lines: &'a Lines,
    pub(super) launch: &'a Launch,
    pub(super) item: &'a ItemNumber,
    /// Units of the launched item that come later.
    pub(super) second_delivery: u64,
    /// How the house stood when it was looked at last.
    pub(super) status: &'a RefCell<Status>,
    pub(super) is_sold: &'a Cell<bool>,
    /// Whether everything that is done once is done.
    pub(super) is_over: &'a Cell<bool>,
}

/// How far the acts are.
struct Acts {
    post: Postbox,
    customers: Customers,
    readers: Readers,
    begun: Instant,
    campaign: Step,
    has_delivery_come: bool,
    have_late_called: bool,
    told: Told,
    /// Classes of which a person has decided one case.
    decided: Vec<String>,
    http: reqwest::Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Confirming,
    Withdrawing,
    Running,
    Over,
}

/// What the acts have done.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) campaigned: Campaigned,
    pub(super) late: LateCancels,
    /// Customers who were asked about a parcel by mail.
    pub(super) asked: usize,
}

/// Plays until it is dropped; `told` always has what it did so far.
pub(super) async fn play(
    stage: &Stage<'_>,
    mails: &Path,
    readers: Readers,
    told: &RefCell<Told>,
) -> anyhow::Result<std::convert::Infallible> {
    stage.lines.say(Seller::WebStore, &readers.submissions()).await.context("nobody could subscribe")?;
    let mut acts = Acts {
        post: Postbox::new(mails, KINDS),
        customers: Customers::default(),
        told: Told { campaigned: Campaigned::of(&readers), ..Told::default() },
        readers,
        begun: Instant::now(),
        campaign: Step::Confirming,
        has_delivery_come: false,
        have_late_called: false,
        decided: Vec::new(),
        http: reqwest::Client::new(),
    };
    loop {
        acts.read_mail(stage).await?;
        acts.deliver(stage).await?;
        acts.advertise(stage).await?;
        acts.call_late(stage).await?;
        acts.decide(stage).await?;
        stage.is_over.set(acts.is_over());
        *told.borrow_mut() = acts.told.clone();
        tokio::time::sleep(ROUND).await;
    }
}

impl Acts {
    fn is_over(&self) -> bool {
        self.has_delivery_come && self.have_late_called && self.campaign == Step::Over
    }

    /// Whoever has mail does about it what is in their nature.
    async fn read_mail(&mut self, stage: &Stage<'_>) -> anyhow::Result<()> {
        let at = clock::now();
        let mut events = Vec::new();
        for mail in self.post.fetch()? {
            match mail.kind.as_str() {
                "confirm" => events.extend(self.readers.confirm(&mail, at)),
                "campaign" => self.read_campaign(&mail).await?,
                _ => events.extend(self.customers.answer(&mail, at)),
            }
        }
        self.told.asked = self.customers.asked();
        events.sort_by(|one, other| one.kind.cmp(&other.kind));
        stage.lines.say(Seller::WebStore, &events).await.context("the store could not pass on an answer")
    }

    /// Counts who got it, and presses the one button that some press (RFC 8058).
    async fn read_campaign(&mut self, mail: &Mail) -> anyhow::Result<()> {
        let campaigned = &mut self.told.campaigned;
        campaigned.arrived += 1;
        match self.readers.at(&mail.to) {
            Some(Reader::Stays | Reader::Unclear) => {}
            Some(Reader::OneClick) => {
                let link = mail.unsubscribe.as_ref().context("a campaign's mail has no List-Unsubscribe")?;
                let form = self.http.post(link).body("List-Unsubscribe=One-Click");
                let form = form.header("content-type", "application/x-www-form-urlencoded");
                let answer = form.send().await.context("the page to unsubscribe does not answer")?;
                campaigned.one_click += i64::from(answer.status().is_success());
            }
            Some(Reader::NeverConfirms | Reader::Withdraws | Reader::OtherList) | None => {
                campaigned.unwanted += 1;
            }
        }
        Ok(())
    }

    /// A second delivery of stock, once everybody has ordered.
    async fn deliver(&mut self, stage: &Stage<'_>) -> anyhow::Result<()> {
        if !self.has_delivery_come && stage.is_sold.get() {
            if stage.second_delivery > 0 {
                stage.staff.take_in(stage.item, stage.second_delivery).await?;
            }
            self.has_delivery_come = true;
        }
        Ok(())
    }

    /// The campaign starts when everybody has confirmed who will, and after some have thought better of it.
    async fn advertise(&mut self, stage: &Stage<'_>) -> anyhow::Result<()> {
        match self.campaign {
            Step::Confirming => {
                let known = stage.status.borrow().subscribers_in("confirmed");
                let all = self.told.campaigned.will_confirm;
                if known < all && self.begun.elapsed() < CONFIRMING_MAX {
                    return Ok(());
                }
                let withdrawals = self.readers.withdrawals(clock::now());
                stage.lines.say(Seller::WebStore, &withdrawals).await.context("nobody could withdraw")?;
                self.campaign = Step::Withdrawing;
            }
            Step::Withdrawing => {
                if stage.status.borrow().subscribers_in("withdrawn") >= self.told.campaigned.withdraw {
                    stage.staff.start_campaign().await?;
                    self.campaign = Step::Running;
                }
            }
            Step::Running => {
                if stage
                    .status
                    .borrow()
                    .campaign(CAMPAIGN)
                    .is_some_and(|campaign| campaign.state == "finished")
                {
                    self.campaign = Step::Over;
                }
            }
            Step::Over => {}
        }
        Ok(())
    }

    /// Some call when their parcel has arrived, and want to cancel.
    async fn call_late(&mut self, stage: &Stage<'_>) -> anyhow::Result<()> {
        let arrived = stage.status.borrow().fact("delivered").facts;
        if self.have_late_called
            || arrived < ARRIVED_FIRST.min(stage.status.borrow().fact("dispatched").facts.max(1))
        {
            return Ok(());
        }
        // Of one line, so that all of it has arrived.
        let is_plain = |reference: &str| {
            let mut plain = stage.launch.submissions.iter().filter(|it| it.category == Category::Normal);
            plain.any(|it| it.event().and_then(|event| event.subject.as_deref()) == Some(reference))
        };
        let is_whole = |found: &&Found| found.reference.as_deref().is_some_and(is_plain);
        for found in stage.witness.find("--status", "delivered").await?.iter().filter(is_whole).take(LATE_MAX)
        {
            let late = &mut self.told.late;
            late.asked += 1;
            if let Err(why) = stage.staff.cancel(&found.order).await? {
                late.too_late += i64::from(why.contains(TOO_LATE));
            }
        }
        self.have_late_called = true;
        Ok(())
    }

    /// A person decides one case of each class that no rule decides; the others stay open for whoever looks around.
    async fn decide(&mut self, stage: &Stage<'_>) -> anyhow::Result<()> {
        let is_new = |class: &String| !self.decided.contains(class);
        if !stage.status.borrow().classes_with_a_person().iter().any(is_new) {
            return Ok(());
        }
        for case in staff::to_decide(stage.witness, &self.decided).await? {
            stage.staff.pay_back(&case).await?;
            self.decided.push(case.class);
        }
        Ok(())
    }
}
