//! `trailbell ledger`: reads the ledger, and changes nothing.

mod entries;
mod filter;
mod list;
mod show;
mod stats;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::setup;

/// Show findings and what became of them. Never changes the ledger.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Stats(stats::Args),
}

pub fn run(args: &Args) -> Result<ExitCode> {
    setup::build_runtime()?.block_on(async {
        match &args.command {
            Command::List(args) => list::run(args, setup::now()).await,
            Command::Show(args) => show::run(args).await,
            Command::Stats(args) => stats::run(args, setup::now()).await,
        }
    })
}
