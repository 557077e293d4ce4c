//! `trailbell groups`: what the model says of groups.

pub mod known;
mod list;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::setup;

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
