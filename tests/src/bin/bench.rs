//! The program behind `ops/bench`, which starts the services and builds everything. It only reads arguments.

use std::path::PathBuf;

use clap::Parser;
use tests::bench::{Mode, Plan, run};

/// Measures the house on the RabbitMQ and PostgreSQL of the environment; see ops/bench --help
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    /// What to measure; everything if nothing is named
    modes: Vec<Mode>,
    /// Relay, orders, one-at-a-time and latency at 10 orders/s, in windows of 5 seconds
    #[arg(long)]
    quick: bool,
    /// Windows of which the median is taken
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of one window; 10, or 5 with --quick
    #[arg(long)]
    seconds: Option<f64>,
    /// Orders that are submitted and not yet delivered, at most; 4,000, or 1,500 with --quick
    #[arg(long)]
    in_flight: Option<usize>,
    /// Orders of the launch
    #[arg(long, default_value_t = 100_000)]
    launch_orders: usize,
    /// Units of the launch
    #[arg(long, default_value_t = 30_000)]
    launch_units: u32,
    /// Stored orders of the growth steps
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000,5000000")]
    stored: Vec<u64>,
    /// Orders of the backlog that drains
    #[arg(long, default_value_t = 100_000)]
    backlog: usize,
    /// A setting of the house, as OMS_PAYMENT_CONCURRENCY=128; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Where the numbers are written as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() {
    let cli = Cli::parse();
    let modes = match (cli.modes.is_empty(), cli.quick) {
        (false, _) => cli.modes,
        (true, true) => vec![Mode::Relay, Mode::Orders, Mode::OneAtATime, Mode::Latency],
        (true, false) => vec![
            Mode::Relay,
            Mode::Orders,
            Mode::OneAtATime,
            Mode::Latency,
            Mode::Launch,
            Mode::Replicas,
            Mode::Growth,
        ],
    };
    let plan = Plan {
        modes,
        quick: cli.quick,
        runs: cli.runs.max(1),
        seconds: cli.seconds.unwrap_or(if cli.quick { 5.0 } else { 10.0 }),
        warm_up_seconds: if cli.quick { 2.0 } else { 5.0 },
        in_flight: cli.in_flight.unwrap_or(if cli.quick { 1_500 } else { 4_000 }).max(1),
        in_flight_one_at_a_time: 60,
        launch_orders: cli.launch_orders,
        launch_units: cli.launch_units,
        stored: cli.stored,
        backlog: cli.backlog,
        settings: cli.settings,
    };
    run(&plan, cli.json.as_deref()).await;
}

fn setting(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    parts.ok_or_else(|| "a setting looks like OMS_PAYMENT_CONCURRENCY=128".to_owned())
}
