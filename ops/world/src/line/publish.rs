//! The one task that publishes on a line's confirm channel. Nothing else ever does, since a confirm channel that
//! tasks share reports confirms for messages that were never stored (lapin 4.12.3).

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use messages::topology::IN;
use tokio::sync::{mpsc, oneshot};

use super::LineError;
use super::letter::Letter;
use super::link::{Fault, Link, Pauses, bounded, short};

/// Unconfirmed letters at one time; lapin looks through all of them for a `multiple` ack.
pub(super) const WINDOW_MAX: usize = 500;

/// Letters that are confirmed together.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) letters: Vec<Letter>,
    pub(super) done: oneshot::Sender<Result<(), LineError>>,
}

/// What the broker said to a window.
enum Said {
    Stored,
    /// The places of those that it did not store, for now.
    NotStored(Vec<usize>),
    /// A queue is missing. lapin may pin a return to the wrong letter, so it is said of the whole window.
    Returned,
}

/// Ends when the line is dropped.
pub(super) async fn publish_windows(link: Link, mut arriving: mpsc::Receiver<Window>) {
    let mut channel = None;
    while let Some(Window { letters, done }) = arriving.recv().await {
        let result = publish_all(&link, &mut channel, letters).await;
        // Whoever asked may have stopped waiting; the letters are stored all the same.
        let _ = done.send(result);
    }
}

async fn publish_all(
    link: &Link,
    channel: &mut Option<Channel>,
    mut letters: Vec<Letter>,
) -> Result<(), LineError> {
    let mut pauses = Pauses::new();
    loop {
        match publish_once(link, channel, &letters).await {
            Ok(Said::Stored) => return Ok(()),
            Ok(Said::Returned) => {
                return Err(LineError::NoRoute(
                    letters.first().map(|letter| letter.routing_key.clone()).unwrap_or_default(),
                ));
            }
            Ok(Said::NotStored(places)) => {
                tracing::warn!(
                    outsider = link.name(),
                    letters = places.len(),
                    "the broker did not store letters; they are sent again"
                );
                letters = places.into_iter().map(|at| letters[at].clone()).collect();
            }
            Err(fault) if fault.is_final => return Err(link.refused(fault)),
            Err(fault) => {
                tracing::warn!(outsider = link.name(), why = %fault.why, "letters were not confirmed; they are sent again");
                link.abandon().await;
            }
        }
        pauses.wait().await;
    }
}

/// Takes the channel out while it works, so that a failed try leaves none behind.
async fn publish_once(link: &Link, channel: &mut Option<Channel>, letters: &[Letter]) -> Result<Said, Fault> {
    let live = match channel.take().filter(|channel| channel.status().connected()) {
        Some(live) => live,
        None => {
            let fresh = link.channel().await?;
            bounded(fresh.confirm_select(ConfirmSelectOptions::default())).await?;
            fresh
        }
    };
    let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut confirms = Vec::with_capacity(letters.len());
    for letter in letters {
        let publish = live.basic_publish(
            short(IN),
            short(&letter.routing_key),
            mandatory,
            &letter.body,
            letter.properties(link),
        );
        confirms.push(bounded(publish).await?);
    }
    let mut not_stored = Vec::new();
    let mut is_returned = false;
    for (at, confirm) in confirms.into_iter().enumerate() {
        match bounded(confirm).await? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) => is_returned = true,
            Confirmation::Nack(_) | Confirmation::NotRequested => not_stored.push(at),
        }
    }
    // A channel that first speaks to a queue while its leader is down refuses for that queue from then on (RabbitMQ 3.10),
    // so what was not stored is sent again on a new one.
    if not_stored.is_empty() {
        *channel = Some(live);
    }
    Ok(if is_returned {
        Said::Returned
    } else if not_stored.is_empty() {
        Said::Stored
    } else {
        Said::NotStored(not_stored)
    })
}
