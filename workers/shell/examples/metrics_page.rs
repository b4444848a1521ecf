//! Prints the page of metrics: `cargo run -p shell --example metrics_page > ops/METRICS.md`.

fn main() {
    print!("{}", shell::telemetry::page());
}
