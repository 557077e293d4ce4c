//! `trailbell rules`.

mod check;
mod list;
mod show;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Args),
    Show(show::Args),
    Check(check::Args),
    Test(test::Args),
}

pub fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Check(args) => check::run(args),
        Command::Test(args) => test::run(args),
    }
}
