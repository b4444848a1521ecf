//! The command line as data: what can be asked for and the help that teaches it. Nothing is done here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod control;
mod mails;

pub(crate) use control::{FilterArgs, ParkedCommand, RoomsCommand, WhichArgs};
pub(crate) use mails::{CampaignCommand, CasesCommand, MailCommand, SubscribersCommand};

/// An order management system: orders in, parcels and receipts out.
///
/// Settings come from the environment (`oms settings` lists them); the two that are always needed are
/// OMS_AMQP_URL and OMS_DATABASE_URL. All rooms also need OMS_PAYMENT_URL, OMS_PAYMENT_KEY and
/// OMS_CREDENTIALS_FILE, which `oms topology apply` fills through OMS_RABBITMQ_MANAGEMENT_URL. A first start is:
/// `oms migrate`, `oms topology apply`, `oms keys init`, `oms run`. Every command that changes something is a message with your user id (OMS_USER or --user).
///
/// Exit codes: 0 done, 1 it could not be done (one sentence says why), 2 the command line is wrong,
/// 3 something was found that needs a person (check, audit verify, topology diff, orders stuck);
/// `oms mail bounce` ends with 75 instead of 1, so that a relay tries again.
#[derive(Debug, Parser)]
#[command(name = "oms", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Who you are; stands beside every change that you make.
    #[arg(long, global = true, value_name = "USER")]
    pub(crate) user: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run rooms until SIGTERM or Ctrl-C, then finish what was begun and stop.
    Run {
        /// Rooms with commas, or `all`: intake, inventory, payment, fulfillment, tracking, undelivered, notifications, promotions, lifecycle, audit.
        #[arg(long, default_value = "all", value_name = "ROOMS")]
        rooms: String,
    },
    /// Make roles and schemas and bring every room's schema up to date.
    Migrate,
    /// The broker's exchanges, queues, bindings, users and permissions.
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// The keys that seal personal data.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Products, prices and caps.
    #[command(subcommand)]
    Products(ProductsCommand),
    /// Units in the warehouse.
    #[command(subcommand)]
    Stock(StockCommand),
    /// Where is my order?
    #[command(subcommand)]
    Orders(OrdersCommand),
    /// Orders that wait for a person.
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Parcels that did not arrive.
    #[command(subcommand)]
    Cases(CasesCommand),
    /// Who subscribed to mailing lists.
    #[command(subcommand)]
    Subscribers(SubscribersCommand),
    /// Mails to those who subscribed.
    #[command(subcommand)]
    Campaign(CampaignCommand),
    /// What mail relays hand over.
    #[command(subcommand)]
    Mail(MailCommand),
    /// What the rooms handed to a person.
    #[command(subcommand)]
    Tasks(TasksCommand),
    /// Messages that could not be decided.
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// Rooms that are paused, and pausing and resuming them.
    #[command(subcommand)]
    Rooms(RoomsCommand),
    /// The record of every message.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Desks, backlog, holds, tasks, parked messages, money and units, at a glance.
    Status(StatusArgs),
    /// Is the configuration safe and is everything there? Exit code 3 if not.
    Check,
    /// Every setting with its default, unit and who needs it.
    Settings {
        /// Print the lines of an environment file instead.
        #[arg(long)]
        env: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Also what follows only from all facts of all orders. It reads that whole table: for a day's close.
    #[arg(long, conflicts_with = "watch")]
    pub(crate) sums: bool,
    /// Look again and again until Ctrl-C: desks, backlog, rates, ages, holds, cases, parked messages, stock.
    ///
    /// Not into a terminal, it looks twice for the rates, prints one plain table and ends. The columns: `run`, processes that
    /// read the room's queue; `outside` and `rooms`, messages that wait; `/s`, events decided per second since the last look,
    /// by the database's statistics, which may lag by a second or, once a room has nothing to do, by ten; `clears`, how long
    /// what waits lasts at that rate, or `stands`; `outbox`, messages not confirmed yet; `due`, calls and timers of the next
    /// minute; `oldest`, age of the oldest of both; `parked`; `tasks`.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600), requires = "watch")]
    pub(crate) every: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Make what is missing. Users and permissions need OMS_RABBITMQ_MANAGEMENT_URL; without it the rabbitmqctl lines are printed.
    Apply {
        /// Where the broker users' passwords are kept; made if it is missing, never overwritten.
        #[arg(long, value_name = "FILE")]
        credentials: Option<PathBuf>,
    },
    /// What is missing or different on the broker. Exit code 3 if anything is.
    Diff,
    /// The topology as RabbitMQ's definitions file.
    Export,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make the keys of this quarter and the next where they are missing. Keys that exist are never changed.
    Init,
    /// Write one outsider's own keys, for handing to it.
    Export {
        /// The outsider's name, for example warehouse.
        outsider: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProductsCommand {
    /// Define every product of a file, and receive its stock.
    Apply {
        /// JSON: {"products": [product, …], "stock": [{"item": "19XE", "quantity": 5000}, …]}
        file: PathBuf,
    },
    /// Every product with its caps and units.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StockCommand {
    /// Units arrived.
    Receive {
        /// The item number, for example 19XE.
        item: String,
        /// Units.
        quantity: u32,
        /// A name for this delivery; the same name is counted once.
        #[arg(long)]
        reference: Option<String>,
    },
    /// The count on the shelf was wrong.
    Adjust {
        /// The item number, for example 19XE.
        item: String,
        /// Units more, or fewer with a minus sign.
        #[arg(allow_hyphen_values = true)]
        change: i64,
        /// Why, for the record: 1 to 500 characters, no personal data.
        #[arg(long)]
        reason: String,
        /// A name for it; the same name is taken once.
        #[arg(long)]
        reference: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrdersCommand {
    /// One order: status, lines, dated history.
    Show {
        /// The order number, for example 7K2M-9QXT-04AH-B.
        number: String,
    },
    /// Orders by any key.
    Find(FindArgs),
    /// Orders that stay where they are for longer than they may. Exit code 3 if there are any.
    Stuck,
    /// Cancel what was not handed over to the warehouse yet.
    Cancel {
        /// The order number, for example 7K2M-9QXT-04AH-B.
        number: String,
        /// Why, for the record: 1 to 500 characters, no personal data.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct FindArgs {
    /// Our order number.
    #[arg(long)]
    pub(crate) number: Option<String>,
    /// The upstream system's own reference.
    #[arg(long)]
    pub(crate) reference: Option<String>,
    /// A parcel's tracking number, with or without spaces.
    #[arg(long)]
    pub(crate) tracking: Option<String>,
    /// A status, for example held or shipped.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// A day in US Eastern time, YYYY-MM-DD.
    #[arg(long)]
    pub(crate) day: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Held orders, oldest first.
    List,
    /// Let a held order go on, in its old place in line.
    Release {
        /// The order number, for example 7K2M-9QXT-04AH-B.
        number: String,
        /// Why, for the record: 1 to 500 characters, no personal data.
        #[arg(long)]
        reason: String,
    },
    /// Do not take a held order.
    Refuse {
        /// The order number, for example 7K2M-9QXT-04AH-B.
        number: String,
        /// Why, for the record: 1 to 500 characters, no personal data.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TasksCommand {
    /// Open tasks, oldest first.
    List,
    /// It is dealt with.
    Close {
        /// The room, for example payment.
        room: String,
        /// The kind, as `list` shows it.
        kind: String,
        /// The key, as `list` shows it.
        key: String,
        /// Why, for the record: 1 to 500 characters, no personal data.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Recompute the whole chain and name the first row that does not fit. Exit code 3 if one does not.
    Verify,
}
