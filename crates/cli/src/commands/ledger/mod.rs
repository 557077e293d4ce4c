//! `trailbell ledger`: reads the ledger, and changes nothing.

pub mod entries;
pub mod filter;
mod list;
pub mod show;
pub mod stats;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

pub use entries::{open_ledger, open_or_create_ledger};

use crate::commands::setup;

#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    List(list::Args),
    Show(show::Args),
    Stats(stats::Args),
}

pub fn run(command: &LedgerCommand) -> Result<ExitCode> {
    setup::build_runtime()?.block_on(async {
        match command {
            LedgerCommand::List(args) => list::run(args, setup::now()).await,
            LedgerCommand::Show(args) => show::run(args).await,
            LedgerCommand::Stats(args) => stats::run(args, setup::now()).await,
        }
    })
}
