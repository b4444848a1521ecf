//! The program behind `ops/chaos`: everything that can break breaks, and then every order is accounted for. It must never
//! be started on services that are somebody's.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    tests::chaos::run(tests::chaos::Arguments::parse()).await
}
