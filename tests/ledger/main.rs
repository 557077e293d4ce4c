//! The ledger: who sees to a finding, and that every one is told, once, whatever fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]
#![allow(dead_code, reason = "a double may do more than the tests ask of it today")]

mod claims;
mod context;
mod correlations;
mod crashes;
#[path = "../support/golden.rs"]
mod golden;
mod memory;
mod stores;
mod story;
mod summaries;
#[path = "../support/mod.rs"]
mod support;
mod survey;
mod world;
