//! `trailbell ledger`: what was found, and what became of it, for those who look.

pub mod args;
mod brief;
mod filter;
mod list;
mod read;
mod show;
mod stats;
mod tally;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use args::{Command, LedgerArgs, PlaceArgs};
use detect::text::clean;
use jiff::Timestamp;
use trailbell::app::config::LedgerPlace;
use trailbell::app::wiring::{self, Aws};
use trailbell::ledger::{Ledger, StoredLedger};

/// The most characters of one cell.
const CELL: usize = 1200;

/// Runs `trailbell ledger`.
pub fn run(args: &LedgerArgs) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match &args.command {
            Command::List(args) => list::run(args, now()).await,
            Command::Show(args) => show::run(args).await,
            Command::Stats(args) => stats::run(args, now()).await,
        }
    })
}

/// How the ledger was named.
fn said(args: &PlaceArgs) -> Option<String> {
    let variable = std::env::var("TRAILBELL_LEDGER").ok();
    args.ledger.clone().or(variable).filter(|said| !said.is_empty())
}

/// The ledger that is meant. One that is not there is an error, and is not made.
async fn open(args: &PlaceArgs) -> Result<StoredLedger, Box<dyn Error>> {
    let said = said(args).ok_or(
        "which ledger? say --ledger s3://BUCKET/PREFIX or dir:PATH, or set TRAILBELL_LEDGER",
    )?;
    let unknown = || format!("the ledger is {said:?}: expected s3://BUCKET/PREFIX or dir:PATH");
    let place = LedgerPlace::parse(&said).ok_or_else(unknown)?;
    if let LedgerPlace::Dir(path) = &place {
        must_exist(path)?;
    }
    match wiring::build_ledger(&place, &Aws::from_default_chain()).await {
        Ledger::Stored(ledger) => Ok(ledger),
        Ledger::None | Ledger::ReadOnly(_) => Err(unknown().into()),
    }
}

/// A folder that is not there would look like a ledger in which nothing was ever found.
fn must_exist(path: &Path) -> Result<(), String> {
    let is_ledger = path.join(wiring::LEDGER_FOLDER).is_dir();
    if is_ledger { Ok(()) } else { Err(format!("there is no ledger in {}", path.display())) }
}

/// Text that a caller of AWS may have written, for a terminal.
fn cell(text: &str) -> String {
    clean::text(text, CELL)
}

#[expect(clippy::disallowed_methods, reason = "where these commands read the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
