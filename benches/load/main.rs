//! The function under load, against a runtime API and moto on loopback.
//!
//! `cargo bench --bench load`: 10,000 notifications in batches of ten, in no order and some twice,
//! one in a hundred with a finding. Prints how many alerts came and what it took, and fails if a
//! finding was lost or alerted twice. `-- --notifications 1000` sends fewer; `-- --sweep 5000`
//! sweeps twice over so many quiet objects instead; `-- --large 2000` sends the largest number of
//! objects that are read at once, of so many megabytes inflated each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark stops at what it did not expect"
)]

mod cloud;
mod corpus;
mod large;
mod load;
mod process;
mod sweep;

use std::process::ExitCode;

/// Beyond, findings of one rule would wait for a summary.
const MOST: usize = 20_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let number = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        Some(
            args.get(at + 1)
                .and_then(|number| number.parse().ok())
                .expect("a number after the option"),
        )
    };
    let good = match (number("--sweep"), number("--large")) {
        (Some(objects), _) => runtime.block_on(sweep::run(objects)),
        (None, Some(megabytes)) => runtime.block_on(large::run(megabytes)),
        (None, None) => runtime
            .block_on(load::run(number("--notifications").unwrap_or(10_000).clamp(100, MOST))),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
