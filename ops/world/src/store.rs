//! The four sellers of a launch: they submit a crowd's orders, good and bad, and hear what became of each. They must
//! never look into the system; all that they know is what they are told in their own queues.

mod category;
mod draft;
mod people;
mod plan;
mod seller;
mod tally;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;
use tokio::time::Instant;

pub use category::{Category, Ending, code};
pub use plan::{Launch, Mix, Plan, Submission};
pub use seller::Seller;
pub use tally::{Cancels, Sale, Tally};

use crate::clock;
use crate::line::{Credentials, Ear, Letter, Line};
use messages::{Event, Kind};
use tally::Sheet;

/// How long a seller waits for the next answer after its last submission.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(60);
/// How often a paced seller sends.
const TICK: Duration = Duration::from_millis(50);
/// Submissions that are handed to a line at once.
const WINDOW: usize = 500;

/// The sellers' open lines.
#[derive(Debug)]
pub struct Lines(BTreeMap<Seller, Line>);

impl Lines {
    /// Opens a line for every seller.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub async fn open(url: &str, credentials: Option<&Credentials>) -> anyhow::Result<Self> {
        let open = Seller::ALL
            .map(async |seller| Line::open(url, credentials, seller.name()).await.map(|line| (seller, line)));
        Ok(Self(try_join_all(open).await?.into_iter().collect()))
    }

    /// Publishes what a seller has to say besides its orders. The answers go to its queue, and nobody waits for them.
    ///
    /// # Errors
    /// As [`Line::publish`]; and there is no line of this seller.
    pub async fn say(&self, seller: Seller, events: &[Event]) -> anyhow::Result<()> {
        let line = self.0.get(&seller).with_context(|| format!("{} has no line", seller.name()))?;
        Ok(line.publish(Letter::batches(events)).await?)
    }
}

/// How fast, and how long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Submissions per second of all sellers together; none is as fast as the broker takes them.
    pub per_second: Option<u32>,
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { per_second: None, patience: DEFAULT_PATIENCE }
    }
}

/// How far a launch is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Submissions that the broker has stored.
    pub submitted: u64,
    pub answered: u64,
}

/// Submits a launch and waits for its answers. `progress` is called whenever something has happened.
///
/// # Errors
/// The broker refuses a seller. Answers that do not come within the patience are no error: they are counted.
pub async fn run(
    launch: &Launch,
    lines: &Lines,
    pace: Pace,
    progress: &(dyn Fn(Progress) + Sync),
) -> anyhow::Result<Sale> {
    let desk = Desk { at: Mutex::default(), report: progress };
    // All before the first word: whoever sees progress knows that nobody is left outside.
    let ears = try_join_all(lines.0.values().map(Line::ear)).await?;
    let sellers = lines.0.iter().zip(ears).map(|((&seller, line), ear)| {
        let own: Vec<&Submission> =
            launch.submissions.iter().filter(|submission| submission.seller == seller).collect();
        // Each seller takes its share of the pace, so that all end together.
        let per_second = pace
            .per_second
            .map(|all| f64::from(all) * own.len() as f64 / launch.submissions.len().max(1) as f64);
        sell(own, line, ear, per_second, pace.patience, &desk)
    });
    let mut sale = Sale::default();
    for part in try_join_all(sellers).await? {
        sale.join(part);
    }
    Ok(sale)
}

/// Where the sellers report.
struct Desk<'a> {
    at: Mutex<Progress>,
    report: &'a (dyn Fn(Progress) + Sync),
}

impl Desk<'_> {
    fn add(&self, submitted: usize, answered: usize) {
        let progress = {
            let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
            at.submitted += submitted as u64;
            at.answered += answered as u64;
            *at
        };
        (self.report)(progress);
    }
}

async fn sell(
    submissions: Vec<&Submission>,
    line: &Line,
    mut ear: Ear,
    per_second: Option<f64>,
    patience: Duration,
    desk: &Desk<'_>,
) -> anyhow::Result<Sale> {
    let mut sheet = Sheet::new(&submissions);
    let submitting = submit(&submissions, line, per_second, desk);
    tokio::pin!(submitting);
    let mut is_submitting = true;
    let mut last_news = Instant::now();
    while is_submitting || !sheet.is_complete() {
        tokio::select! {
            submitted = &mut submitting, if is_submitting => {
                submitted.with_context(|| format!("{} could not submit", line.name()))?;
                is_submitting = false;
                last_news = Instant::now();
            }
            heard = ear.hear() => {
                last_news = Instant::now();
                if heard.unreadable > 0 {
                    tracing::error!(count = heard.unreadable, "the system sent what cannot be read");
                }
                desk.add(0, heard.events.iter().filter(|event| sheet.take(event)).count());
                let regrets = Letter::batches(&sheet.regrets(clock::now()));
                line.publish(regrets).await.with_context(|| format!("{} could not cancel", line.name()))?;
                ear.ack().await;
            }
            () = tokio::time::sleep_until(last_news + patience), if !is_submitting => break,
        }
    }
    Ok(sheet.close())
}

async fn submit(
    submissions: &[&Submission],
    line: &Line,
    per_second: Option<f64>,
    desk: &Desk<'_>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut sent = 0;
    while sent < submissions.len() {
        let allowed = match per_second {
            None => submissions.len(),
            // By the clock, not by the tick, so that a late tick is made up for.
            Some(per_second) => ((begun.elapsed() + TICK).as_secs_f64() * per_second) as usize,
        };
        let end = allowed.min(submissions.len()).min(sent + WINDOW);
        if end > sent {
            line.publish(letters(&submissions[sent..end])).await?;
            desk.add(end - sent, 0);
            sent = end;
        }
        if per_second.is_some() {
            tokio::time::sleep(TICK).await;
        }
    }
    Ok(())
}

/// The AMQP messages of some submissions: one each, but a seller that collects sends its orders together.
fn letters(submissions: &[&Submission]) -> Vec<Letter> {
    let mut letters = Vec::with_capacity(submissions.len());
    let mut collected: Vec<Event> = Vec::new();
    for submission in submissions {
        match submission.event() {
            Some(event) if submission.seller.collects() && event.kind == Kind::OrderSubmit.name() => {
                collected.push(event.clone());
            }
            Some(_) | None => letters.push(submission.letter()),
        }
    }
    letters.extend(Letter::batches(&collected));
    letters
}

#[cfg(test)]
mod tests;
