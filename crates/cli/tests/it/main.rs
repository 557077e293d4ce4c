//! The command line, as people run it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod attach;
mod canary;
mod command_line;
mod credentials;
mod doctor;
mod exceptions;
mod explain;
mod groups;
mod help;
mod invoke;
mod ledger;
mod policy;
mod preview;
mod program;
mod public_rules;
mod replay;
mod report;
mod rules;
mod scan;
mod snapshot;
mod verify;
