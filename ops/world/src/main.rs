//! `world`: one program, one subcommand per outsider. It only reads arguments, binds sockets and stops on a
//! signal; what an outsider does is in the module of that name. It must never be exposed beyond the machine
//! that tests run on.

mod demo;
mod trade;

use anyhow::{Context, anyhow};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use world::{gateway, mail};

/// The outside world of the order system, for tests, demonstrations and measurements
#[derive(Parser)]
#[command(name = "world", version)]
struct Cli {
    #[command(subcommand)]
    outsider: Outsider,
}

#[derive(Subcommand)]
enum Outsider {
    Demo(demo::DemoArgs),
    Gateway(GatewayArgs),
    Mail(MailArgs),
    Products(trade::ProductsArgs),
    Store(trade::StoreArgs),
    Warehouse(trade::WarehouseArgs),
}

/// A card gateway that speaks Stripe's HTTP interface
///
/// The text of the payment token decides what happens; every other token is authorized.
///
///   tok_decline_never…      402 stolen_card, do_not_try_again
///   tok_decline_later_N_…   402 insufficient_funds, try_again_later, N times (or once) per order, then ok
///   tok_decline_data…       402 expired_card, confirm_card_data
///   tok_decline_renewal_N_… authorizes, then 402 insufficient_funds N times (or once) per order, then ok
///   tok_500_N_…             500 for the first N calls per order, nothing stored
///   tok_timeout…            authorizes, and never answers the first call per order
///   tok_slow_MS_…           answers authorization and capture MS milliseconds late
///   tok_capture_fails…      authorizes, the capture is declined
///   tok_capture_timeout…    authorizes, captures, and never answers the first capture
///   tok_expire…             authorizes, the hold is gone at capture
///
/// POST /_control takes {"expire_all_holds": true}, {"outage_seconds": n} or {"advance_seconds": n};
/// GET /_ledger tells what was authorized, captured, cancelled and refunded. Neither needs the key.
#[derive(Args)]
#[command(verbatim_doc_comment)]
struct GatewayArgs {
    /// Address to listen on; port 0 takes a free one, which is printed
    #[arg(long, default_value = "127.0.0.1:12111")]
    addr: SocketAddr,
    /// Secret key that callers must send, as Bearer or as the user of Basic
    #[arg(long, env = "WORLD_GATEWAY_KEY", hide_env_values = true)]
    key: String,
    /// Seconds that an unanswered call is held open before its connection is dropped
    #[arg(long, default_value_t = gateway::DEFAULT_HANG.as_secs())]
    hang_seconds: u64,
}

/// An SMTP server that keeps every mail in a directory and delivers none
///
/// The recipient's local part decides what happens; every other recipient is accepted.
///
///   greylist…   451 at the first attempt of that address, then accepted
///   reject…     550
///   drop…       the mail is kept, then the connection is closed without an answer
///   stall…      the mail is kept, and there is no answer until the other side hangs up
#[derive(Args)]
#[command(verbatim_doc_comment)]
struct MailArgs {
    /// Address of the SMTP server; port 0 takes a free one, which is printed
    #[arg(long, default_value = "127.0.0.1:2525")]
    smtp: SocketAddr,
    /// Address for GET /mails, a JSON summary counted by Message-ID; not served unless given
    #[arg(long)]
    http: Option<SocketAddr>,
    /// Directory for the accepted mails, one .eml file each; made if it is not there
    #[arg(long)]
    dir: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            // By hand, since the default would add a stack trace that helps nobody.
            eprintln!("world: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider is already installed"))?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli.outsider {
        Outsider::Demo(args) => return demo::run(args).await,
        Outsider::Gateway(args) => until_stopped(run_gateway(args)).await?,
        Outsider::Mail(args) => until_stopped(run_mail(args)).await?,
        Outsider::Products(args) => trade::print_products(&args)?,
        Outsider::Store(args) => until_stopped(trade::run_store(args)).await?,
        Outsider::Warehouse(args) => trade::run_warehouse(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The outcome of `work`, or nothing once the program is told to stop.
async fn until_stopped(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for the terminate signal")?;
    tokio::select! {
        ended = work => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn run_gateway(args: GatewayArgs) -> anyhow::Result<()> {
    let (listener, addr) = bind(args.addr).await?;
    println!("gateway: http://{addr}");
    let gateway = gateway::Gateway::new(args.key).hanging_for(Duration::from_secs(args.hang_seconds));
    gateway::serve_gateway(listener, gateway).await
}

async fn run_mail(args: MailArgs) -> anyhow::Result<()> {
    let sink = mail::Sink::open(args.dir)?;
    let (smtp, addr) = bind(args.smtp).await?;
    println!("mail: smtp://{addr}");
    let Some(http) = args.http else {
        return mail::serve_smtp(smtp, sink).await;
    };
    let (http, addr) = bind(http).await?;
    println!("mail: http://{addr}/mails");
    tokio::try_join!(mail::serve_smtp(smtp, sink.clone()), mail::serve_http(http, sink))?;
    Ok(())
}

async fn bind(addr: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(addr).await.with_context(|| format!("cannot listen on {addr}"))?;
    let bound = listener.local_addr().context("the listening socket has no address")?;
    Ok((listener, bound))
}
