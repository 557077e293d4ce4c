//! `trailbell rules`.

mod check;
mod list;
mod show;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// List, show, check and test rules.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Check(check::Args),
    Test(test::Args),
}

pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Check(args) => check::run(args),
        Command::Test(args) => test::run(args),
    }
}
