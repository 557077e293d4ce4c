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

const USAGE: &str = "expected [--seed N] [--kills N], or --attacks [TEXT]";

/// What the command line asks for.
enum Request {
    Storm { seed: u64, kills: usize },
    Attacks { name: String },
}

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let Some(request) = parse(&args) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let good = runtime.block_on(async {
        match request {
            Request::Storm { seed, kills } => storm::run(seed, kills).await,
            Request::Attacks { name } => attacks::run(&name).await,
        }
    });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(args: &[String]) -> Option<Request> {
    match args {
        [flag] if flag == "--attacks" => Some(Request::Attacks { name: String::new() }),
        [flag, name] if flag == "--attacks" => Some(Request::Attacks { name: name.clone() }),
        _ => {
            let mut seed = None;
            let mut kills = DEFAULT_KILLS;
            for pair in args.chunks(2) {
                match pair {
                    [flag, number] if flag == "--seed" => seed = Some(number.parse().ok()?),
                    [flag, number] if flag == "--kills" => kills = number.parse().ok()?,
                    _ => return None,
                }
            }
            Some(Request::Storm { seed: seed.unwrap_or_else(fresh_seed), kills })
        }
    }
}

/// A seed that differs from run to run.
fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
