//! The commands: one module each.

mod args;
mod attach;
mod canary;
mod doctor;
mod exceptions;
mod explain;
mod files;
mod invoke;
mod ledger;
mod matches;
mod objects;
mod output;
mod parallel;
mod preview;
mod progress;
mod replay;
mod rules;
mod scan;
mod scan_target;
mod settings;
mod source_scan;
mod stats;
mod summary;
mod window;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;
use detect::text::error::error_chain;

/// Parses the arguments, runs the command and returns its exit code.
pub fn run() -> ExitCode {
    let result = match Args::parse().command {
        Command::Attach(args) => attach::run(&args),
        Command::Canary(args) => canary::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Exceptions(args) => exceptions::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Invoke(args) => invoke::run(&args),
        Command::Ledger(args) => ledger::run(&args),
        Command::Preview(args) => preview::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Scan(args) => scan::run(&args),
    };
    match result {
        Ok(code) => code,
        // Whoever read the output has seen enough, as `head` does.
        Err(error) if output::is_closed(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(format_args!("trailbell: {}", error_chain(error.as_ref())));
            ExitCode::from(2)
        }
    }
}
