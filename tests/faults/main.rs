//! Every fault that S3 and SNS, and the network between, are known for: through the real clients
//! and the pipeline as the programs assemble it, with moto behind a proxy that breaks what it is
//! told to.
//!
//! `cargo test --test faults -- --nocapture` prints the table of ARCHITECTURE.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod crowd;
mod death;
mod rows;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod world;
