//! The command line. Wiring and printing only.

mod args;
mod attach;
mod crew;
mod doctor;
mod exceptions;
mod explain;
mod files;
mod invoke;
mod look;
mod matches;
mod objects;
mod output;
mod preview;
mod progress;
mod rules;
mod scan;
mod sighting;
mod stats;
mod summary;
mod window;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Attach(args) => attach::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Exceptions(args) => exceptions::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Invoke(args) => invoke::run(&args),
        Command::Preview(args) => preview::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Scan(args) => scan::run(&args),
    };
    match result {
        Ok(code) => code,
        // Whoever read the output has seen enough, as `head` does.
        Err(error) if output::is_closed(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(format_args!("trailbell: {error}"));
            ExitCode::from(2)
        }
    }
}
