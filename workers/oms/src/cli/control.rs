//! What an operator does by hand, as data: parked messages and paused rooms. Nothing is done here.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Which parked messages are shown or meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct FilterArgs {
    /// Only those of this room.
    #[arg(long)]
    pub(crate) room: Option<String>,
    /// Only those parked for this: unreadable, unknown_sender, not_allowed, unknown_type, bad_time, too_large, too_old,
    /// panicked, refused_by_database, poison, delivery_limit.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only those parked at least so long ago: 90s, 15m, 2h, 3d.
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<String>,
    /// Only those parked less long ago: 90s, 15m, 2h, 3d.
    #[arg(long, value_name = "AGE")]
    pub(crate) newer_than: Option<String>,
}

/// The messages that a change is about.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// Ids from `list`, or as much of each as makes it clear.
    pub(crate) ids: Vec<String>,
    /// Exactly the messages of an earlier `list --ids` or `--json list`; - is standard input. What is no longer parked is
    /// counted; what was parked since is not touched.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ids", "all", "room", "reason", "older_than", "newer_than"])]
    pub(crate) from: Option<PathBuf>,
    /// Everything that is parked now and fits the filters.
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ParkedCommand {
    /// Parked messages, one line each, and how many there are for each reason; one that was parked twice counts once.
    ///
    /// To deal with exactly what was listed: `oms parked list --reason not_allowed --ids >set`, look at it, then
    /// `oms parked replay --from set`.
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// Only the whole ids with the times of parking, one a line, for --from.
        #[arg(long, conflicts_with = "counts")]
        ids: bool,
        /// Only how many there are for each room and reason.
        #[arg(long)]
        counts: bool,
    },
    /// One parked message, decoded: sealed sections stay sealed, what may be personal is shown as …
    Show {
        id: String,
        /// Only the message itself, as `edit --from` takes it.
        #[arg(long)]
        body: bool,
    },
    /// Send messages to their room again, under new ids that name the old. Repeating it is harmless: what was decided once
    /// is not decided again.
    Replay {
        #[command(flatten)]
        which: WhichArgs,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT", default_value = "sent again as it was")]
        because: String,
    },
    /// Send another message in the place of a parked one. The original stays parked until the other one is with the broker.
    ///
    /// Either name fields: `oms parked edit 3f9a --set /data/lines/0/quantity=1 --because "typed 11"`; all others stay as
    /// they are, unseen. Or give the whole message with --from: `oms parked show 3f9a --body >message`, change it, and
    /// `oms parked edit 3f9a --from message --because …`; where it says … or (sealed), the original value is kept.
    Edit {
        id: String,
        /// A field of the whole message as a JSON pointer, and its new value: JSON, or else a text.
        #[arg(long, value_name = "POINTER=VALUE", required_unless_present_any = ["remove", "from"])]
        set: Vec<String>,
        /// A field to be taken out.
        #[arg(long, value_name = "POINTER")]
        remove: Vec<String>,
        /// The whole message, a CloudEvents event in JSON; - is standard input.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "remove"])]
        from: Option<PathBuf>,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT")]
        because: String,
    },
    /// Take parked messages away. Nothing is sent, their content is gone; who did it and why stays on record.
    Discard {
        #[command(flatten)]
        which: WhichArgs,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT")]
        because: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoomsCommand {
    /// Which rooms are paused, since when, by whom and why.
    List,
    /// Let a room take no more messages, fire no timers and make no calls, in all its processes and after restarts too.
    /// What was begun is finished; what comes waits with the broker.
    Pause {
        room: String,
        #[arg(long)]
        reason: String,
    },
    /// Let a paused room go on.
    Resume {
        room: String,
        #[arg(long, default_value = "it may go on")]
        reason: String,
    },
}
