//! How far each desk is: a bar per desk on a terminal, else a line every few seconds. It shows numbers and decides
//! nothing.

use std::time::Duration;

use anyhow::Context;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;
use world::store::{Launch, Progress};

use super::claim::grouped;
use super::numbers::{CampaignCounts, Status, signed};

/// How often a line is printed where there is no terminal, and how often one that says nothing new.
const LINE_EVERY: Duration = Duration::from_secs(5);
const SAME_LINE_EVERY: Duration = Duration::from_secs(30);
const BAR: &str = "  {prefix:<14}{msg:<11}{bar:30} {human_pos:>7} of {human_len}";

/// What one desk has done of what has come to it so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stage {
    desk: &'static str,
    what: &'static str,
    done: i64,
    of: i64,
}

/// How a launch stands.
pub(super) fn stages(launch: &Launch, progress: Progress, status: &Status) -> Vec<Stage> {
    let facts = |kind: &str| status.fact(kind).facts;
    let lines = |kind: &str| status.fact(kind).lines;
    // A unit that was lost and not replaced is said to be unavailable though its line was decided before.
    let sums = &status.sums;
    let decided = sums.reserved_lines + lines("limited") + lines("unavailable") - sums.given_up_lines
        + sums.withdrawn_lines;
    let left = facts("dispatched") - sums.again_parcels;
    let cases = status.cases(super::numbers::Class::cases);
    let made: i64 = status.notices.iter().map(|notice| notice.notices).sum();
    let out = status.notices(None, "sent") + status.notices(None, "letter");
    let mails =
        |of: fn(&CampaignCounts) -> i64| status.campaigns.iter().map(|campaign| of(&campaign.counts)).sum();
    let stage = |desk, what, done, of| Stage { desk, what, done, of };
    vec![
        stage("stores", "submitted", signed(progress.submitted), signed(launch.submissions.len() as u64)),
        stage("intake", "answered", signed(progress.answered), signed(launch.answers())),
        stage("inventory", "lines", decided, lines("accepted")),
        stage("payment", "authorized", facts("authorized") + facts("declined"), facts("ready")),
        stage("fulfillment", "shipped", left + facts("voided"), facts("ready") - facts("declined")),
        stage("payment", "captured", facts("captured"), left),
        stage("tracking", "delivered", facts("delivered") + facts("returned"), facts("dispatched")),
        stage("undelivered", "resolved", cases - status.cases(|class| class.open), cases),
        stage("notifications", "mails", out, made),
        stage(
            "promotions",
            "campaign",
            mails(|counts| counts.sent + counts.unknown),
            mails(|counts| counts.made),
        ),
    ]
}

/// How much of it all is done, in percent: half of it is answering, the other half is delivering what can be sold.
pub(super) fn percent(launch: &Launch, stages: &[Stage]) -> u64 {
    let done = |what| stages.iter().find(|stage| stage.what == what).map_or(0, |stage| stage.done);
    let share = |done: i64, of: u64| u64::try_from(done).unwrap_or(0).min(of) * 50 / of.max(1);
    share(done("answered"), launch.answers()) + share(done("delivered"), launch.cap.min(launch.demand))
}

pub(super) enum Screen {
    Bars { all: MultiProgress, bars: Vec<ProgressBar>, style: ProgressStyle },
    Lines { begun: Instant, last: Option<(Instant, Vec<Stage>)> },
}

impl Screen {
    pub(super) fn open(is_terminal: bool) -> anyhow::Result<Self> {
        if !is_terminal {
            return Ok(Self::Lines { begun: Instant::now(), last: None });
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let style = ProgressStyle::with_template(BAR).context("the bar's template is wrong")?;
        Ok(Self::Bars { all, bars: Vec::new(), style: style.progress_chars("━╸ ") })
    }

    pub(super) fn show(&mut self, stages: &[Stage]) {
        match self {
            Self::Bars { all, bars, style } => {
                for stage in &stages[bars.len().min(stages.len())..] {
                    let bar = ProgressBar::new(0).with_style(style.clone());
                    bars.push(all.add(bar.with_prefix(stage.desk).with_message(stage.what)));
                }
                for (bar, stage) in bars.iter().zip(stages) {
                    bar.set_length(u64::try_from(stage.of).unwrap_or(0));
                    bar.set_position(u64::try_from(stage.done).unwrap_or(0));
                }
            }
            Self::Lines { begun, last } => {
                let every = |before: &[Stage]| if before == stages { SAME_LINE_EVERY } else { LINE_EVERY };
                if last.as_ref().is_none_or(|(at, before)| at.elapsed() >= every(before)) {
                    if last.is_none() {
                        println!("{}", row("second", stages, |stage| stage.what.to_owned()));
                    }
                    *last = Some((Instant::now(), stages.to_vec()));
                    println!("{}", line(begun.elapsed(), stages));
                }
            }
        }
    }

    /// Leaves the last state standing.
    pub(super) fn close(&mut self) {
        match self {
            Self::Bars { bars, .. } => bars.iter().for_each(ProgressBar::abandon),
            Self::Lines { last: None, .. } => {}
            Self::Lines { begun, last: Some((_, stages)) } => {
                println!("{}", line(begun.elapsed(), stages));
                println!("{}", row("of", stages, |stage| grouped(stage.of)));
            }
        }
    }
}

fn line(elapsed: Duration, stages: &[Stage]) -> String {
    row(&elapsed.as_secs().to_string(), stages, |stage| grouped(stage.done))
}

/// Ten stages fit into a hundred columns.
fn row(first: &str, stages: &[Stage], cell: impl Fn(&Stage) -> String) -> String {
    let cells: Vec<String> = stages
        .iter()
        .map(|stage| format!("{:>width$}", cell(stage), width = stage.what.len().max(6)))
        .collect();
    format!("{first:>6}  {}", cells.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_column_for_every_stage() {
        let stage = |what, done, of| Stage { desk: "intake", what, done, of };
        let stages = [stage("answered", 1_200, 3_900), stage("mails", 7, 9)];
        assert_eq!(row("second", &stages, |stage| stage.what.to_owned()), "second  answered  mails");
        assert_eq!(line(Duration::from_secs(12), &stages), "    12     1,200      7");
        assert_eq!(row("of", &stages, |stage| grouped(stage.of)), "    of     3,900      9");
    }
}
