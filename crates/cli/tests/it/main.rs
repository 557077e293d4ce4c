//! The command line, as people run it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod attach;
mod bucket;
mod canary;
mod cli;
mod cli_exceptions;
mod cli_explain;
mod cli_preview;
mod cli_query;
mod cli_s3;
mod cli_threads;
mod doctor;
mod ledger_cli;
mod replay;
mod rules_cli;
mod scan_and_invoke;
