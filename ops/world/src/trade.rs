//! The subcommands that trade: what is sold, who sells it, who ships it. They only read arguments and print counts; a
//! count that is not as expected ends the program with an error.

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use messages::Timestamp;
use messages::item::ItemNumber;
use messages::sealed::Keyring;
use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;
use world::carriers::Rounds;
use world::clock;
use world::line::Credentials;
use world::products::Catalogue;
use world::store::{self, Category, Launch, Lines, Mix, Pace, Plan, Sale};
use world::warehouse::{Counts, Habits, Warehouse};

use crate::until_stopped;

/// Print a catalogue of real products for `oms products apply FILE`
///
/// The launch is of one item: --units makes its cap, its struck coins and its stock smaller or larger, and --on-sale
/// says when it goes on sale. --later keeps a part of the units for a second delivery. Everything else is printed as it
/// stands.
///
///   world products --units 3000 --on-sale 2026-11-24T08:00:00Z > products.json
///   oms products apply products.json
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ProductsArgs {
    /// Another catalogue than the built-in one
    #[arg(long, value_name = "FILE")]
    products: Option<PathBuf>,
    /// The item that is launched
    #[arg(long, default_value = "19XE")]
    item: ItemNumber,
    /// Units that there are of it
    #[arg(long, value_name = "N")]
    units: Option<u32>,
    /// When it goes on sale, as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    on_sale: Option<Timestamp>,
    /// Of these units, those that arrive in a second delivery; until then they are on back order
    #[arg(long, value_name = "N", requires_all = ["expected", "waitlist"])]
    later: Option<u32>,
    /// When they are expected
    #[arg(long, value_name = "TIME", value_parser = time)]
    expected: Option<Timestamp>,
    /// Units that may wait for what others give back, once all are promised
    #[arg(long, value_name = "N")]
    waitlist: Option<u64>,
}

/// How an outsider reaches the broker.
#[derive(Args)]
struct LineArgs {
    /// Address of the broker, as amqp://user:password@host:5672/vhost
    #[arg(long, env = "OMS_AMQP_URL", hide_env_values = true, value_name = "URL")]
    amqp_url: String,
    /// Passwords of the outsiders, written by `oms topology apply --credentials FILE`. Without it the address's own
    /// login is used, and nobody verifies who speaks
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
}

/// Four sellers that submit a launch's orders, good and bad, and count the answers
///
/// The outsiders web-store, call-centre, mail-room and sales-counter submit orders for one product as on 14 November
/// 2019, most in the first moments, and with them: orders taken too early, repeats under the same and under a new id,
/// orders changed under their reference, second orders of one household, unusual quantities, gifts, several products,
/// orders without an e-mail, cards that are declined, wrong prices, items, totals and addresses, card numbers in
/// clear, and what is not readable at all. Each is known to end in one way; if the counts differ, the exit code is 1.
///
/// The products must be defined first, with the same file:
///
///   world products --units 3000 --on-sale 2026-11-24T08:00:00Z > products.json
///   oms products apply products.json
///   world store --products products.json --orders 5000 --seed 1
///
/// The same seed and products submit the same orders again, which are then all repeats.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    line: LineArgs,
    /// The catalogue that was applied; the built-in one if none is given
    #[arg(long, value_name = "FILE")]
    products: Option<PathBuf>,
    /// The item that is launched
    #[arg(long, default_value = "19XE")]
    item: ItemNumber,
    /// Submissions in all
    #[arg(long, default_value_t = 1_000)]
    orders: usize,
    /// Which crowd comes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only good orders, each of another household
    #[arg(long)]
    plain: bool,
    /// Submissions per second; as fast as the broker takes them if it is not given
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// How long to wait for the next answer
    #[arg(long, value_name = "SECONDS", default_value_t = store::DEFAULT_PATIENCE.as_secs())]
    patience: u64,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

/// A warehouse that packs what it is asked to, and the carriers that deliver it
///
/// It reads shipment.requested.v1 from oms.out.warehouse, opens the label with its own keys, answers with
/// shipment.packed.v1 or shipment.short.v1, and its carriers scan the parcel until it is delivered. It packs nothing
/// whose label does not open. Scans stop with the program; Ctrl-C prints the counts.
///
///   oms keys export warehouse > warehouse.keys
///   world warehouse --keys warehouse.keys
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct WarehouseArgs {
    #[command(flatten)]
    line: LineArgs,
    /// The warehouse's own keys, written by `oms keys export warehouse`
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Shipments of a thousand of which a unit cannot be found
    #[arg(long, value_name = "N", default_value_t = Habits::default().short_permille)]
    short_permille: u32,
    /// Answers, and parcels' scans, of a thousand that are sent twice
    #[arg(long, value_name = "N", default_value_t = Habits::default().double_permille)]
    double_permille: u32,
    /// Parcels of a thousand of which a scan comes after all the others
    #[arg(long, value_name = "N", default_value_t = Rounds::default().late_permille)]
    late_permille: u32,
    /// Parcels of a thousand that do not arrive as they should: no such number, moved, refused, unclaimed, vacant,
    /// deceased, damaged, dead mail, and delivered after all, in turn
    #[arg(long, value_name = "N", default_value_t = Rounds::default().trouble_permille)]
    trouble_permille: u32,
    /// Milliseconds from a request to its packed parcel
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pick_ms: u64,
    /// Milliseconds from a parcel's return to its being opened
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    unpack_ms: u64,
    /// Milliseconds from one scan of a parcel to the next
    #[arg(long, value_name = "MS", default_value_t = 400)]
    scan_ms: u64,
}

pub(crate) fn print_products(args: &ProductsArgs) -> anyhow::Result<()> {
    let mut catalogue = catalogue(args.products.as_ref())?;
    if let Some(units) = args.units {
        catalogue.scale(&args.item, units)?;
    }
    if let Some(at) = args.on_sale {
        catalogue.launch_at(&args.item, at)?;
    }
    if let (Some(later), Some(expected), Some(waitlist)) = (args.later, args.expected, args.waitlist) {
        catalogue.deliver_later(&args.item, later, expected, waitlist)?;
    }
    println!("{}", serde_json::to_string_pretty(&catalogue).context("the catalogue cannot be written")?);
    Ok(())
}

pub(crate) async fn run_store(args: StoreArgs) -> anyhow::Result<()> {
    let catalogue = catalogue(args.products.as_ref())?;
    let plan = Plan {
        orders: args.orders,
        item: args.item,
        seed: args.seed,
        at: clock::now(),
        mix: if args.plain { Mix::Plain } else { Mix::Launch },
    };
    let launch = Launch::prepare(&plan, &catalogue)?;
    let lines = Lines::open(&args.line.amqp_url, args.line.credentials()?.as_ref()).await?;
    let bar = ProgressBar::new(launch.answers());
    let template = "{wide_bar} {pos} of {len} answered, {per_sec}, {msg} sent";
    bar.set_style(ProgressStyle::with_template(template).context("the bar's template is wrong")?);
    let pace = Pace { per_second: args.rate, patience: Duration::from_secs(args.patience) };
    let connected = Once::new();
    let sale = store::run(&launch, &lines, pace, &|progress| {
        connected.call_once(|| tracing::info!("every seller is connected"));
        bar.set_position(progress.answered);
        bar.set_message(progress.submitted.to_string());
    })
    .await?;
    bar.finish_and_clear();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&sale).context("the counts cannot be written")?);
    } else {
        print_sale(&launch, &sale);
    }
    if sale.tally != launch.expected {
        bail!("the answers are not those that were expected");
    }
    Ok(())
}

pub(crate) async fn run_warehouse(args: WarehouseArgs) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.keys)
        .with_context(|| format!("cannot read the key file {}", args.keys.display()))?;
    let ring = Keyring::from_json(&text).with_context(|| args.keys.display().to_string())?;
    let warehouse = Warehouse::new(ring)
        .taking(Duration::from_millis(args.pick_ms))
        .unpacking_after(Duration::from_millis(args.unpack_ms))
        .with_habits(Habits { short_permille: args.short_permille, double_permille: args.double_permille })
        .with_rounds(Rounds {
            step: Duration::from_millis(args.scan_ms),
            late_permille: args.late_permille,
            double_permille: args.double_permille,
            trouble_permille: args.trouble_permille,
        });
    let counts = warehouse.counts();
    let credentials = args.line.credentials()?;
    println!("warehouse: reading {}", messages::topology::out_queue(messages::outsiders::WAREHOUSE));
    let ended = until_stopped(warehouse.run(&args.line.amqp_url, credentials.as_ref())).await;
    print_counts(&counts);
    ended
}

impl LineArgs {
    fn credentials(&self) -> anyhow::Result<Option<Credentials>> {
        Ok(self.credentials.as_deref().map(Credentials::read).transpose()?)
    }
}

fn catalogue(file: Option<&PathBuf>) -> anyhow::Result<Catalogue> {
    file.map_or_else(Catalogue::built_in, |file| Catalogue::read(file))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "a time looks like 2026-11-24T08:00:00Z".to_owned())
}

fn print_sale(launch: &Launch, sale: &Sale) {
    println!("{:<42}{:>10}{:>10}", "", "answered", "expected");
    let row = |name: &str, is: u64, should: u64| {
        println!("{name:<42}{is:>10}{should:>10}{}", if is == should { "" } else { "  <-" });
    };
    let (is, should) = (&sale.tally, &launch.expected);
    row("accepted", is.accepted, should.accepted);
    row("held", is.held, should.held);
    row("repeated", is.repeated, should.repeated);
    for (kind, is, should) in
        [("refused", &is.refused, &should.refused), ("parked", &is.parked, &should.parked)]
    {
        let mut codes: Vec<&String> = is.keys().chain(should.keys()).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            let count =
                |counts: &std::collections::BTreeMap<String, u64>| counts.get(code).copied().unwrap_or(0);
            row(&format!("{kind}: {code}"), count(is), count(should));
        }
    }
    row("resent, not answered twice", is.silent, should.silent);
    row("unanswered", is.unanswered, should.unanswered);
    row("submitted", is.submitted(), should.submitted());
    println!("\n{} units wanted, {} there", launch.demand, launch.cap);
    println!("\nby kind of submission:");
    for &category in Category::ALL {
        let Some(answers) = sale.answers.get(&category) else { continue };
        let answers: Vec<String> =
            answers.iter().map(|(answer, count)| format!("{count} {answer}")).collect();
        println!("  {:<26}{}", category.name(), answers.join(", "));
    }
}

fn print_counts(counts: &Counts) {
    let carriers = &counts.carriers;
    for (name, count) in [
        ("requests", counts.requested()),
        ("labels opened", counts.opened()),
        ("labels that did not open", counts.unopened()),
        ("packed", counts.packed()),
        ("short", counts.short()),
        ("told twice", counts.doubled()),
        ("refused by the system", counts.refused() + carriers.refused()),
        ("parcels carried", carriers.parcels()),
        ("scans", carriers.scans()),
        ("delivered", carriers.delivered()),
        ("returned", carriers.returned()),
        ("returned and opened", counts.unpacked()),
        ("neither", carriers.vanished()),
    ] {
        println!("{name:<28}{count:>10}");
    }
}
