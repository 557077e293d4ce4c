//! `trailbell groups`: what the model says of groups.

mod list;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use jiff::Timestamp;
use trailbell::ledger::{KnownGroup, StoredLedger};

use crate::commands::arguments::LedgerArg;
use crate::commands::setup;

/// Which groups, and when.
#[derive(Debug, clap::Args)]
struct SelectionArgs {
    /// Only groups of this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// What was known to be so at this time, e.g. 2026-03-01T10:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    ledger: LedgerArg,
}

#[derive(Debug, Subcommand)]
pub enum GroupsCommand {
    List(list::Args),
    Show(show::Args),
}

pub fn run(command: &GroupsCommand) -> Result<ExitCode> {
    setup::build_runtime()?.block_on(async {
        match command {
            GroupsCommand::List(args) => list::run(args, setup::now()).await,
            GroupsCommand::Show(args) => show::run(args, setup::now()).await,
        }
    })
}

/// The groups that exist at the time, and those that `wanted` names whether they exist or not.
async fn read_groups(
    ledger: &StoredLedger,
    args: &SelectionArgs,
    wanted: Option<&str>,
    now: Timestamp,
) -> Result<Vec<KnownGroup>> {
    let time = args.at.unwrap_or(now);
    Ok(ledger.known_groups(args.account.as_deref(), wanted, time).await?)
}
