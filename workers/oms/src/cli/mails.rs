//! What can be asked for about parcels that came back, mailing lists and mail that came back.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use messages::case::{CaseEnd, CaseWish, Condition};

#[derive(Debug, Subcommand)]
pub(crate) enum CasesCommand {
    /// Open cases, oldest first.
    List {
        /// Those that have ended too.
        #[arg(long)]
        all: bool,
    },
    /// One case: what was seen, what was asked, how it ended.
    Show {
        /// The shipment's id, for example 7K2M-9QXT-04AH-B.1.1.
        case: String,
    },
    /// Write something down. It is kept as it is, so no personal data.
    Note {
        /// The shipment's id, for example 7K2M-9QXT-04AH-B.1.1.
        case: String,
        /// What is to be kept.
        text: String,
    },
    /// The customer's answer, where the customer told you.
    Answer {
        /// The shipment's id, for example 7K2M-9QXT-04AH-B.1.1.
        case: String,
        /// What the customer wants.
        wish: Wish,
        /// JSON with line1, line2, city, state, postal_code and country; - reads standard input.
        #[arg(long, value_name = "FILE")]
        address: Option<PathBuf>,
        /// A name for it; the same name is taken once.
        #[arg(long)]
        reference: Option<String>,
    },
    /// End a case.
    Resolve {
        /// The shipment's id, for example 7K2M-9QXT-04AH-B.1.1.
        case: String,
        /// How it ends.
        resolution: End,
        /// Why, for the record: 1 to 500 characters, no personal data.
        #[arg(long)]
        reason: String,
    },
    /// A parcel is back and was opened.
    Receive {
        /// The shipment's id, for example 7K2M-9QXT-04AH-B.1.1.
        case: String,
        /// What was found in it.
        condition: Looks,
        /// A name for it; the same name is taken once.
        #[arg(long)]
        reference: Option<String>,
    },
}

/// What a customer wants.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Wish {
    /// The parcel again.
    Reship,
    /// The money back.
    Refund,
}

impl From<Wish> for CaseWish {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::Reship => Self::Reship,
            Wish::Refund => Self::Refund,
        }
    }
}

/// How a case ends.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum End {
    /// One more parcel, if its units can be set aside.
    Reship,
    /// The money back.
    Refund,
    /// Nothing is owed.
    Closed,
}

impl From<End> for CaseEnd {
    fn from(end: End) -> Self {
        match end {
            End::Reship => Self::Reship,
            End::Refund => Self::Refund,
            End::Closed => Self::Closed,
        }
    }
}

/// What a returned parcel looks like.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Looks {
    /// Fit for sale: the units are free again.
    Restock,
    /// Not fit for sale: the units are off the books.
    Damaged,
    /// Not what was sent: a person looks into it.
    WrongItem,
}

impl From<Looks> for Condition {
    fn from(looks: Looks) -> Self {
        match looks {
            Looks::Restock => Self::Restock,
            Looks::Damaged => Self::Damaged,
            Looks::WrongItem => Self::WrongItem,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubscribersCommand {
    /// How many there are, by topic and state.
    Count,
    /// The consents of one address, and their ledger.
    Show {
        /// The address; - reads it from standard input, where nobody else sees it.
        email: String,
    },
    /// No more mails of these topics, or of all.
    Withdraw {
        /// The address; - reads it from standard input, where nobody else sees it.
        email: String,
        /// numismatic-products, circulating-coins or activities; may stand several times. Without it: all.
        #[arg(long = "topic", value_name = "TOPIC")]
        topics: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Draft a campaign, or draft it anew.
    ///
    /// The file is JSON: `campaign` (its name), `topic`, `subject`, `text` (plain, links begin with https://) and
    /// `per_minute`. `segment` may narrow it by `prefers`, `bought` and `not_bought`; every rule that is given must hold:
    ///
    ///   { "campaign": "2026-11-eagle", "topic": "numismatic_products", "subject": "The new Eagle",
    ///     "text": "It is here.\n\nhttps://store.mint.example/26EA", "per_minute": 600,
    ///     "segment": { "prefers": ["silver"], "not_bought": ["26EA"] } }
    #[command(verbatim_doc_comment)]
    Define {
        /// The file; - reads standard input.
        file: PathBuf,
    },
    /// How many would get it if it went now. It sends nothing.
    DryRun {
        /// The campaign's name.
        name: String,
    },
    /// Approve the draft; it takes another person than the one who wrote it.
    Approve {
        /// The campaign's name.
        name: String,
        /// The draft that you read, as `show` numbers it; a newer one is not approved by this.
        #[arg(long)]
        version: u32,
    },
    /// Let it go.
    Start {
        /// The campaign's name.
        name: String,
    },
    /// Stop for the time being.
    Pause {
        /// The campaign's name.
        name: String,
        /// Stands in the campaign's history.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Go on.
    Resume {
        /// The campaign's name.
        name: String,
    },
    /// Stop for good.
    Stop {
        /// The campaign's name.
        name: String,
        /// Stands in the campaign's history.
        #[arg(long)]
        reason: String,
    },
    /// One campaign: draft, approval, mails by outcome.
    Show {
        /// The campaign's name.
        name: String,
    },
    /// Every campaign.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Take a delivery status notification (RFC 3464) from standard input.
    Bounce,
    /// Notices that have to be posted: print them, post them, and close their tasks.
    Letters,
}
