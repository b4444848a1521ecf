//! The demonstration: a launch against a running house, watched until it is at rest, and then one account of
//! everything. It knows the house only as an operator does, by what `oms` prints, and must never count anything that
//! it could be told instead.

mod account;
mod acts;
mod claim;
mod numbers;
mod oms;
mod rest;
mod screen;
mod staff;
mod witness;

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use messages::item::ItemNumber;
use tokio::time::Instant;
use world::clock;
use world::customers::Readers;
use world::line::Credentials;
use world::products::Catalogue;
use world::store::{self, Launch, Lines, Mix, Pace, Plan, Progress, Sale};

use account::account;
use acts::Told;
use claim::{Section, wrapped};
use numbers::{Numbers, Status, signed};
use oms::Oms;
use screen::Screen;
use staff::Staff;
use witness::Witness;

/// The least time from one look at the house to the next.
const LOOK: Duration = Duration::from_secs(1);
/// A look costs the house something; it is given this many times as long to work.
const LOOK_SHARE: u32 = 3;
/// How often the audit is asked whether it has heard of everything.
const AUDIT_TRIES: usize = 20;

/// A launch, watched until all is at rest, and one account of every order
///
/// It submits what `world store` submits, shows how far each desk is, and waits until no message waits, every paid
/// parcel has left, was charged for and has come to its end, every case is resolved or with a person, and every notice
/// is out. Meanwhile customers cancel, answer questions about their parcels, subscribe, confirm and unsubscribe; a second
/// delivery of stock comes, and a campaign goes out. Then it compares what the senders were told, what the rooms keep,
/// what the gateway took and what the mail sink holds, and ends with exit code 1 if any line does not add up. `ops/demo`
/// starts everything that it needs.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DemoArgs {
    /// Address of the broker, as amqp://user:password@host:5672/vhost
    #[arg(long, env = "OMS_AMQP_URL", hide_env_values = true, value_name = "URL")]
    amqp_url: String,
    /// Passwords of the outsiders, written by `oms topology apply --credentials FILE`
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// The program `oms`; its settings come from the environment
    #[arg(long, value_name = "FILE")]
    oms: PathBuf,
    /// The card gateway, for its ledger
    #[arg(long, value_name = "URL")]
    gateway: String,
    /// The mail sink's summary, as http://127.0.0.1:8025
    #[arg(long, value_name = "URL")]
    mails: String,
    /// The directory in which the mail sink keeps the mails, for the customers to read
    #[arg(long, value_name = "DIR")]
    mail_dir: PathBuf,
    /// The catalogue that was applied
    #[arg(long, value_name = "FILE")]
    products: PathBuf,
    /// Units of the launched item that arrive when everybody has ordered
    #[arg(long, value_name = "N", default_value_t = 0)]
    second_delivery: u64,
    /// Readers who subscribe to mailing lists
    #[arg(long, value_name = "N", default_value_t = 200)]
    readers: usize,
    /// The item that is launched
    #[arg(long, default_value = "19XE")]
    item: ItemNumber,
    /// Submissions in all
    #[arg(long, default_value_t = 1_000)]
    orders: usize,
    /// Which crowd comes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A file that is kept up to date with the percentage that is done
    #[arg(long, value_name = "FILE")]
    progress: Option<PathBuf>,
    /// How long nothing may happen before waiting ends and the account is made as it stands
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
}

pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::read(&args.products)?;
    let plan = Plan {
        orders: args.orders,
        item: args.item.clone(),
        seed: args.seed,
        at: clock::now(),
        mix: Mix::Launch,
    };
    let launch = Launch::prepare(&plan, &catalogue)?;
    let credentials = args.credentials.as_deref().map(Credentials::read).transpose()?;
    let lines = Lines::open(&args.amqp_url, credentials.as_ref()).await?;
    let oms = Oms::new(args.oms);
    let witness = Witness::new(oms.clone(), args.gateway, args.mails);
    let patience = Duration::from_secs(args.patience);

    let progress = std::sync::Mutex::new(Progress::default());
    let (is_sold, is_over) = (Cell::new(false), Cell::new(false));
    let (looked, told) = (RefCell::new(Status::default()), RefCell::new(Told::default()));
    let report = |now: Progress| {
        *progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    };
    let selling = async {
        let sale = store::run(&launch, &lines, Pace { per_second: None, patience }, &report).await?;
        is_sold.set(true);
        anyhow::Ok(sale)
    };
    let watch = Watch {
        witness: &witness,
        launch: &launch,
        item: &args.item,
        progress: &progress,
        looked: &looked,
        is_sold: &is_sold,
        is_over: &is_over,
        patience,
        file: args.progress.as_deref(),
    };
    let stage = acts::Stage {
        witness: &witness,
        staff: &Staff::new(oms),
        lines: &lines,
        launch: &launch,
        item: &args.item,
        second_delivery: args.second_delivery,
        status: &looked,
        is_sold: &is_sold,
        is_over: &is_over,
    };
    let readers = Readers::new(args.seed, args.readers, clock::now());
    let (sale, seen) = tokio::select! {
        seen = async { tokio::try_join!(selling, watch.until_rest()) } => seen?,
        ended = acts::play(&stage, &args.mail_dir, readers, &told) => match ended? {},
    };
    let numbers = gather(&witness, &launch, sale, seen, told.into_inner(), &args.item).await?;
    let numbers = Numbers { received: received(&catalogue) + signed(args.second_delivery), ..numbers };
    let sections = account(&numbers);
    print_sections(&sections);
    if let Some(order) = told_order(&witness, &launch).await? {
        println!("\none order, from its first message to its end:\n");
        // A time of the history has 29 columns.
        witness.story(&order).await?.lines().for_each(|line| println!("{}", wrapped(line, 29)));
    }
    let wrong = sections.iter().flat_map(|section| &section.lines).filter(|line| !line.holds()).count();
    if wrong > 0 {
        eprintln!("\nworld: {wrong} of the lines above do not add up");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// What was seen of the house from the first order to the last mail.
struct Seen {
    status: Status,
    /// Most units of the launched item that were reserved or shipped at one time.
    peak: i64,
}

struct Watch<'a> {
    witness: &'a Witness,
    launch: &'a Launch,
    item: &'a ItemNumber,
    progress: &'a std::sync::Mutex<Progress>,
    looked: &'a RefCell<Status>,
    is_sold: &'a Cell<bool>,
    is_over: &'a Cell<bool>,
    patience: Duration,
    file: Option<&'a Path>,
}

impl Watch<'_> {
    async fn until_rest(&self) -> anyhow::Result<Seen> {
        let mut screen = Screen::open(std::io::stdout().is_terminal())?;
        let mut peak = 0;
        let mut before: Option<Status> = None;
        let mut last_change = Instant::now();
        loop {
            let begun = Instant::now();
            let was_over = self.is_sold.get() && self.is_over.get();
            let status = self.witness.status().await?;
            self.looked.replace(status.clone());
            peak = peak.max(status.promised(self.item.as_str()));
            let progress = *self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let stages = screen::stages(self.launch, progress, &status);
            screen.show(&stages);
            self.write_percent(screen::percent(self.launch, &stages))?;
            let is_same = before.as_ref() == Some(&status);
            if !is_same {
                last_change = Instant::now();
            }
            let open = rest::open(&status);
            // Twice the same: what a room holds in its hands is not counted in its queue.
            if was_over && is_same && open.is_empty() {
                screen.close();
                return Ok(Seen { status, peak });
            }
            if self.is_sold.get() && last_change.elapsed() > self.patience {
                screen.close();
                let seconds = self.patience.as_secs();
                let open = if open.is_empty() {
                    "the campaign or the calls are not over".to_owned()
                } else {
                    open.join(", ")
                };
                println!(
                    "{}",
                    wrapped(
                        &format!("nothing has happened for {seconds} s, but it is not at rest: {open}"),
                        2
                    )
                );
                return Ok(Seen { status, peak });
            }
            before = Some(status);
            let pause = if open.is_empty() { LOOK } else { LOOK.max(begun.elapsed() * LOOK_SHARE) };
            tokio::time::sleep(pause).await;
        }
    }

    fn write_percent(&self, percent: u64) -> anyhow::Result<()> {
        let Some(file) = self.file else { return Ok(()) };
        let fresh = file.with_extension("new");
        std::fs::write(&fresh, format!("{percent}\n"))
            .and_then(|()| std::fs::rename(&fresh, file))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

async fn gather(
    witness: &Witness,
    launch: &Launch,
    sale: Sale,
    seen: Seen,
    told: Told,
    item: &ItemNumber,
) -> anyhow::Result<Numbers> {
    let Seen { status, peak } = seen;
    let facts = status.facts_in_all();
    let mut verdict = witness.verify().await?;
    for _ in 0..AUDIT_TRIES {
        if verdict.rows >= facts {
            break;
        }
        tokio::time::sleep(LOOK).await;
        verdict = witness.verify().await?;
    }
    let mut expected = launch.expected.clone();
    // Nobody could foresee that their household's first parcel would make the address suspicious.
    let flagged = witness.flagged().await?;
    expected.accepted -= flagged.min(expected.accepted);
    expected.held += flagged;
    Ok(Numbers {
        submissions: signed(launch.submissions.len() as u64),
        tally: sale.tally,
        expected,
        cancels: sale.cancels,
        late: told.late,
        campaigned: told.campaigned,
        asked: signed(told.asked as u64),
        item: item.as_str().to_owned(),
        demand: signed(launch.demand),
        cap: signed(launch.cap),
        received: 0,
        peak,
        parked: witness.parked().await?,
        letters: witness.letters().await?,
        ledger: witness.ledger().await?,
        mails: witness.mails().await?,
        status,
        verdict,
    })
}

/// Units of all items that were on the shelf before the launch.
fn received(catalogue: &Catalogue) -> i64 {
    catalogue.stock.iter().map(|stock| i64::from(stock.quantity)).sum()
}

fn print_sections(sections: &[Section]) {
    println!();
    for section in sections {
        print!("{section}");
    }
}

/// An order worth telling: one whose parcel was sent again and arrived, else a gift, else any that has arrived.
async fn told_order(witness: &Witness, launch: &Launch) -> anyhow::Result<Option<String>> {
    const LOOKS_MAX: usize = 20;
    for case in witness.all_cases().await?.iter().filter(|case| case.resolution.as_deref() == Some("reship"))
    {
        let found = witness.find("--number", &case.order).await?;
        if found.iter().any(|order| order.status == "delivered") {
            return Ok(Some(case.order.clone()));
        }
    }
    let is_gift = |submission: &&store::Submission| submission.category == store::Category::Gift;
    let gifts = launch.submissions.iter().filter(is_gift);
    for reference in gifts.filter_map(|submission| submission.event()?.subject.clone()).take(LOOKS_MAX) {
        let found = witness.find("--reference", &reference).await?;
        if let Some(order) = found.iter().find(|order| order.status == "delivered") {
            return Ok(Some(order.order.clone()));
        }
    }
    let any = witness.find("--status", "delivered").await?;
    Ok(any.first().map(|order| order.order.clone()))
}
