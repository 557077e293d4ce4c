//! `trailbell policy`.

mod check;
mod files;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

pub use files::expand as expand_paths;

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    Check(check::Args),
}

pub fn run(command: &PolicyCommand) -> Result<ExitCode> {
    match command {
        PolicyCommand::Check(args) => check::run(args),
    }
}
