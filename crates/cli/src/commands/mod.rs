//! The commands: one module each, with its arguments.

mod any_rule;
mod arguments;
mod attach;
mod aws;
mod canary;
mod completions;
mod doctor;
mod exceptions;
mod explain;
mod explain_document;
mod groups;
mod input;
mod invoke;
mod ledger;
mod model;
mod output;
mod policy;
mod preview;
mod progress;
mod replay;
mod report;
mod rules;
mod scan;
mod setup;
mod show;
mod style;
mod time_range;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use detect::text::error::error_chain;

/// Detect IAM group changes in CloudTrail logs.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    style: style::StyleArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Attach(attach::Args),
    Canary(canary::Args),
    Completions(completions::Args),
    Doctor(doctor::Args),
    /// Check exceptions, which suppress alerts
    #[command(subcommand)]
    Exceptions(exceptions::ExceptionsCommand),
    Explain(explain::Args),
    /// Show groups and what they can do, as the trail has said it
    #[command(subcommand)]
    Groups(groups::GroupsCommand),
    Invoke(invoke::Args),
    /// Show findings and what became of them. Never changes the ledger
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// What the ledger knows of groups and policies
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Show what policies let their holders do, without an account
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    Preview(preview::Args),
    Replay(replay::Args),
    Report(report::Args),
    /// List, show, check and test rules
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    Scan(scan::Args),
    Show(show::Args),
    Verify(verify::Args),
}

/// Parses the arguments, runs the command and returns its exit code.
pub fn run() -> ExitCode {
    let args = Args::parse();
    args.style.apply();
    let result = match args.command {
        Command::Attach(args) => attach::run(&args),
        Command::Canary(args) => canary::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Exceptions(command) => exceptions::run(&command),
        Command::Explain(args) => explain::run(&args),
        Command::Groups(command) => groups::run(&command),
        Command::Invoke(args) => invoke::run(&args),
        Command::Ledger(command) => ledger::run(&command),
        Command::Model(command) => model::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Preview(args) => preview::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Rules(command) => rules::run(&command),
        Command::Scan(args) => scan::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Verify(args) => verify::run(&args),
    };
    match result {
        Ok(code) => code,
        // A reader such as `head` has read enough.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::print_error(error_chain(error.as_ref()));
            ExitCode::from(2)
        }
    }
}
