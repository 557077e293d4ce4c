//! `trailbell rules`.

mod check;
mod list;
mod pages;
mod show;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    List(list::Args),
    Show(show::Args),
    Pages(pages::Args),
    Check(check::Args),
    Test(test::Args),
}

pub fn run(command: &RulesCommand) -> Result<ExitCode> {
    match command {
        RulesCommand::List(args) => list::run(args),
        RulesCommand::Show(args) => show::run(args),
        RulesCommand::Pages(args) => pages::run(args),
        RulesCommand::Check(args) => check::run(args),
        RulesCommand::Test(args) => test::run(args),
    }
}
