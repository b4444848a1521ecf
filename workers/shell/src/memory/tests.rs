//! The ledger in memory is as honest as the database: what one transaction must not see or overwrite of another. These
//! tests never let time pass by themselves.

use std::borrow::Cow;

use futures_util::FutureExt as _;
use messages::Room;
use messages::envelope::Unreadable;
use messages::id::derived_id;
use messages::sealed::Keyring;
use time::macros::datetime;

use super::*;
use crate::ledger::{DueId, TracedDue, Tx};
use crate::worker::{Arrival, At, Decision, DueChange, Key, ReadError, World, raw};

/// A room whose rows hold a number.
#[derive(Debug, Clone)]
struct Tally;

impl Key for u8 {
    fn table(&self) -> &'static str {
        "rows"
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl Worker for Tally {
    const ROOM: Room = Room::Intake;
    type Key = u8;
    type State = u64;
    type Input = u8;

    fn blank(_: &u8) -> u64 {
        0
    }

    fn read(&self, _: &Arrival<'_>, _: &Keyring) -> Result<u8, ReadError> {
        Err(Unreadable::UnknownType.into())
    }

    fn scope(&self, input: &u8, _: &World<Self>) -> Vec<u8> {
        vec![*input]
    }

    fn decide(&self, _: &World<Self>, _: &u8, _: &At<'_>) -> Decision<Self> {
        Decision::nothing()
    }
}

const NOW: Timestamp = Timestamp(datetime!(2026-11-24 12:00 UTC));

fn ledger() -> MemoryLedger<Tally> {
    MemoryLedger::new(NOW)
}

fn id(name: &str) -> Uuid {
    derived_id(NOW.0, &[name.as_bytes()])
}

async fn begin(ledger: &MemoryLedger<Tally>) -> MemoryTx<Tally> {
    ledger.begin().await.expect("nothing fails here")
}

#[tokio::test]
async fn two_who_add_to_one_row_add_up_even_if_it_was_not_there() {
    let ledger = ledger();
    let (mut first, mut second) = (begin(&ledger).await, begin(&ledger).await);
    assert_eq!(first.load(&[1]).await.expect("free"), [(1, 0)]);
    {
        let mut waiting = std::pin::pin!(second.load(&[1]));
        assert!(waiting.as_mut().now_or_never().is_none(), "the row is being made by the other");
        first.save(&[(&1, &5)]).await.expect("locked");
        first.commit().await.expect("nothing fails here");
        assert_eq!(waiting.await.expect("free now"), [(1, 5)], "what was committed while it waited");
    }
    second.save(&[(&1, &6)]).await.expect("locked");
    second.commit().await.expect("nothing fails here");
    assert_eq!(ledger.with(|tables| tables.rows.clone()), [(1, 6)].into());
}

#[tokio::test]
async fn an_id_is_new_to_one_of_two_and_to_the_second_if_the_first_gives_up() {
    for commits in [true, false] {
        let ledger = ledger();
        let (mut first, mut second) = (begin(&ledger).await, begin(&ledger).await);
        assert_eq!(first.remember(&[id("a")]).await.expect("free").new, [id("a")]);
        let ids = [id("a")];
        let mut waiting = std::pin::pin!(second.remember(&ids));
        assert!(waiting.as_mut().now_or_never().is_none(), "it depends on the first");
        if commits {
            first.commit().await.expect("nothing fails here");
        } else {
            drop(first);
        }
        assert_eq!(waiting.await.expect("free now").new.is_empty(), commits);
    }
}

#[tokio::test]
async fn what_is_not_committed_never_was_and_nobody_sees_it_before() {
    let ledger = ledger();
    let mut tx = begin(&ledger).await;
    tx.load(&[1]).await.expect("free");
    tx.save(&[(&1, &5)]).await.expect("locked");
    assert_eq!(begin(&ledger).await.look(&[1]).await.expect("no lock"), [(1, 0)]);
    drop(tx);
    assert!(ledger.with(|tables| tables.rows.is_empty()));
    assert_eq!(begin(&ledger).await.load(&[1]).now_or_never().expect("free again").expect("free"), [(1, 0)]);
}

#[tokio::test]
async fn a_circle_of_waits_is_a_deadlock_for_whoever_closes_it() {
    let ledger = ledger();
    let (mut first, mut second) = (begin(&ledger).await, begin(&ledger).await);
    first.load(&[1]).await.expect("free");
    second.load(&[2]).await.expect("free");
    let mut waiting = std::pin::pin!(first.load(&[2]));
    assert!(waiting.as_mut().now_or_never().is_none());
    let closed = second.load(&[1]).await;
    assert!(matches!(closed, Err(LedgerError::ForNow(_))), "{closed:?}");
    drop(second);
    assert_eq!(waiting.await.expect("the other gave up"), [(2, 0)]);
}

#[tokio::test]
async fn a_timer_that_two_have_picked_is_taken_by_one() {
    let ledger = ledger();
    let change = DueChange::Set {
        key: "k".to_owned(),
        kind: "timer",
        epoch: 1,
        attempt: 0,
        due_at: NOW,
        body: raw(&()),
    };
    let mut tx = begin(&ledger).await;
    tx.change_due(7, &[TracedDue { traceparent: None, change }]).await.expect("free");
    tx.commit().await.expect("nothing fails here");
    let picked = ledger.timers(&[], 10).await.expect("nothing fails here");
    let ids: Vec<DueId> = picked.iter().map(DueId::of).collect();
    let (mut first, mut second) = (begin(&ledger).await, begin(&ledger).await);
    assert_eq!(first.take_due(&ids).await.expect("free"), ids);
    let mut waiting = std::pin::pin!(second.take_due(&ids));
    assert!(waiting.as_mut().now_or_never().is_none());
    first.commit().await.expect("nothing fails here");
    assert_eq!(waiting.await.expect("free now"), []);
}
