//! `trailbell model`.

mod import;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::setup;

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    Import(import::Args),
}

pub fn run(command: &ModelCommand) -> Result<ExitCode> {
    setup::build_runtime()?.block_on(async {
        match command {
            ModelCommand::Import(args) => import::run(args, setup::now()).await,
        }
    })
}
