//! The sweep: what nobody told us of is found, once, whatever comes in between.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]
#![allow(dead_code, reason = "a double may do more than the tests ask of it today")]

#[path = "../ledger/memory.rs"]
mod memory;
mod order;
mod slow;
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod troubles;
mod world;
