//! Named points at which a process may be made to die, and switches that break a promise on purpose: the proof that
//! nothing is lost must be able to fail. Without the cargo feature `faults` all of this is nothing, and a release
//! build refuses the feature. Decisions never come here.

#[cfg(feature = "faults")]
pub(crate) mod poison;

use messages::Room;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` is for tests: a release build must not be able to crash on request");

/// A step of a batch or of a call to the outside, right after which the power may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    AfterReceive,
    AfterLock,
    BeforeCommit,
    AfterCommit,
    /// Some rows of a window are with the broker, none is confirmed.
    MidPublish,
    AfterConfirm,
    BeforeAck,
    AfterAck,
    /// `started_at` is stored; the far side knows nothing.
    CallClaimed,
    /// The far side has acted; its answer is nowhere yet.
    FarSideDone,
    AnswerStored,
    TimerPicked,
    SweepPicked,
    /// Confirmed rows are about to be deleted.
    Forget,
}

impl Point {
    pub const ALL: [Self; 14] = [
        Self::AfterReceive,
        Self::AfterLock,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::MidPublish,
        Self::AfterConfirm,
        Self::BeforeAck,
        Self::AfterAck,
        Self::CallClaimed,
        Self::FarSideDone,
        Self::AnswerStored,
        Self::TimerPicked,
        Self::SweepPicked,
        Self::Forget,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AfterReceive => "after_receive",
            Self::AfterLock => "after_lock",
            Self::BeforeCommit => "before_commit",
            Self::AfterCommit => "after_commit",
            Self::MidPublish => "mid_publish",
            Self::AfterConfirm => "after_confirm",
            Self::BeforeAck => "before_ack",
            Self::AfterAck => "after_ack",
            Self::CallClaimed => "call_claimed",
            Self::FarSideDone => "far_side_done",
            Self::AnswerStored => "answer_stored",
            Self::TimerPicked => "timer_picked",
            Self::SweepPicked => "sweep_picked",
            Self::Forget => "forget",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.name() == name)
    }
}

/// A promise that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sabotage {
    /// Every event counts as new.
    Inbox,
    /// A message is acked before its outputs are confirmed.
    Ack,
    /// Nothing that was left in the outbox is sent again.
    Sweeper,
    /// A row that is not there yet is neither made before it is locked nor looked for again when it is saved.
    Lock,
}

impl Sabotage {
    pub const ALL: [Self; 4] = [Self::Inbox, Self::Ack, Self::Sweeper, Self::Lock];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Ack => "ack",
            Self::Sweeper => "sweeper",
            Self::Lock => "lock",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sabotage| sabotage.name() == name)
    }
}

/// Settings that exist with the feature only.
#[cfg(feature = "faults")]
pub const SETTINGS: &[&str] = &[armed::CRASH_AT, armed::SABOTAGE];
#[cfg(not(feature = "faults"))]
pub const SETTINGS: &[&str] = &[];

#[cfg(feature = "faults")]
pub use armed::{Hook, checked, is_simulated, point, sabotages, spawn, under};

/// Passes a point.
#[cfg(not(feature = "faults"))]
#[inline(always)]
#[expect(clippy::unused_async, reason = "it is awaited where the feature makes it wait")]
pub async fn point(_: Point, _: Room) {}

/// Whether this promise is broken.
#[cfg(not(feature = "faults"))]
#[inline(always)]
#[must_use]
pub const fn sabotages(_: Sabotage) -> bool {
    false
}

/// Whether the clock and the pauses are a simulator's.
#[cfg(not(feature = "faults"))]
#[inline(always)]
#[must_use]
pub const fn is_simulated() -> bool {
    false
}

/// Starts a task of the same process.
#[cfg(not(feature = "faults"))]
pub fn spawn<F>(task: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(task)
}

/// Whether the settings of this module can be read.
///
/// # Errors
/// One sentence.
#[cfg(not(feature = "faults"))]
pub const fn checked() -> Result<(), String> {
    Ok(())
}

#[cfg(feature = "faults")]
mod armed {
    use std::pin::Pin;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, OnceLock};

    use tokio::task::{AbortHandle, JoinHandle};

    use super::{Point, Room, Sabotage};

    pub(super) const CRASH_AT: &str = "OMS_CRASH_AT";
    pub(super) const SABOTAGE: &str = "OMS_SABOTAGE";

    /// What a simulator does at the points of one simulated process.
    pub trait Hook: Send + Sync {
        /// May never return: then the process has died.
        fn point(&self, point: Point, room: Room) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
        /// A task began that dies with the process.
        fn spawned(&self, task: AbortHandle);
        fn sabotages(&self, sabotage: Sabotage) -> bool;
    }

    tokio::task_local! {
        static HOOK: Arc<dyn Hook>;
    }

    /// Runs a task under a simulator's hook.
    pub fn under<F: Future>(hook: Arc<dyn Hook>, task: F) -> impl Future<Output = F::Output> {
        HOOK.scope(hook, task)
    }

    fn hook() -> Option<Arc<dyn Hook>> {
        HOOK.try_with(Arc::clone).ok()
    }

    /// Passes a point; the process may end here.
    pub async fn point(point: Point, room: Room) {
        if let Some(hook) = hook() {
            return hook.point(point, room).await;
        }
        if let Ok(Settings { crash: Some(crash), .. }) = settings()
            && crash.is_passed(point, room)
        {
            eprintln!("{CRASH_AT}: {room} ends at {}", point.name());
            std::process::abort();
        }
    }

    /// Whether this promise is broken.
    #[must_use]
    pub fn sabotages(sabotage: Sabotage) -> bool {
        match hook() {
            Some(hook) => hook.sabotages(sabotage),
            None => matches!(settings(), Ok(Settings { sabotage: Some(broken), .. }) if *broken == sabotage),
        }
    }

    /// Whether the clock and the pauses are a simulator's.
    #[must_use]
    pub fn is_simulated() -> bool {
        crate::clock::is_virtual()
    }

    /// Starts a task of the same process.
    pub fn spawn<F>(task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let Some(hook) = hook() else { return tokio::spawn(task) };
        let handle = tokio::spawn(HOOK.scope(Arc::clone(&hook), task));
        hook.spawned(handle.abort_handle());
        handle
    }

    /// Whether the settings of this module can be read.
    ///
    /// # Errors
    /// One sentence.
    pub fn checked() -> Result<(), String> {
        settings().as_ref().map(|_| ()).map_err(String::clone)
    }

    struct Settings {
        crash: Option<Crash>,
        sabotage: Option<Sabotage>,
    }

    struct Crash {
        room: Room,
        point: Point,
        /// Passes until the end.
        left: AtomicU64,
    }

    impl Crash {
        fn parse(text: &str) -> Option<Self> {
            let mut parts = text.split(':');
            let (room, point) = (Room::parse(parts.next()?)?, Point::parse(parts.next()?)?);
            let left = AtomicU64::new(parts.next()?.parse().ok().filter(|passes| *passes > 0)?);
            parts.next().is_none().then_some(Self { room, point, left })
        }

        fn is_passed(&self, point: Point, room: Room) -> bool {
            point == self.point && room == self.room && self.left.fetch_sub(1, Ordering::SeqCst) == 1
        }
    }

    fn settings() -> &'static Result<Settings, String> {
        static SETTINGS: OnceLock<Result<Settings, String>> = OnceLock::new();
        SETTINGS.get_or_init(|| {
            let crash = setting(CRASH_AT)
                .map(|text| Crash::parse(&text).ok_or(format!("{CRASH_AT} must be <room>:<point>:<n>")))
                .transpose()?;
            let sabotage = setting(SABOTAGE)
                .map(|text| {
                    Sabotage::parse(&text).ok_or(format!("{SABOTAGE} must be inbox, ack, sweeper or lock"))
                })
                .transpose()?;
            Ok(Settings { crash, sabotage })
        })
    }

    fn setting(name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_crash_is_armed_for_one_pass_of_one_point_of_one_room() {
            let crash = Crash::parse("payment:after_commit:2").expect("readable");
            let passes = [
                (Point::AfterCommit, Room::Intake),
                (Point::BeforeCommit, Room::Payment),
                (Point::AfterCommit, Room::Payment),
                (Point::AfterCommit, Room::Payment),
                (Point::AfterCommit, Room::Payment),
            ];
            assert_eq!(
                passes.map(|(point, room)| crash.is_passed(point, room)),
                [false, false, false, true, false]
            );
            for bad in ["", "payment", "payment:after_commit", "payment:after_commit:0", "payment:later:1"] {
                assert!(Crash::parse(bad).is_none(), "{bad}");
            }
        }
    }
}
