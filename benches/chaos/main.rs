//! The function under hundreds of kills and faults, between stand-ins for AWS: see
//! `support::chaos`.
//!
//! `cargo bench --bench chaos`: rounds of a storm until the copies of the function were killed 300
//! times; `-- --kills N` for another number, `-- --seed N` to repeat a storm. `-- --attacks` runs
//! the table of attacks at full size instead, `-- --attacks TEXT` those whose names hold the text.
//!
//! Fails if a call was lost, or an alert sent again without a reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark stops at what it did not expect"
)]

mod attacks;
mod storm;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const PROGRAM: &str = env!("CARGO_BIN_EXE_trailbell-lambda");

const DEFAULT_KILLS: usize = 300;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        Some(args.get(at + 1).filter(|value| !value.starts_with("--")).cloned())
    };
    let number = |name: &str| {
        value(name).map(|value| value.and_then(|it| it.parse().ok()).expect("a number"))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let good = runtime.block_on(async {
        match value("--attacks") {
            Some(name) => attacks::run(&name.unwrap_or_default()).await,
            None => {
                let kills = number("--kills").map_or(DEFAULT_KILLS, |kills| kills as usize);
                storm::run(number("--seed").unwrap_or_else(seed), kills).await
            }
        }
    });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A seed that differs from run to run.
fn seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
