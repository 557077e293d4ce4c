//! The function under load and attack, between stand-ins for AWS: see `support::chaos`.
//!
//! `cargo test --test chaos -- --nocapture` prints the table of attacks. Of the settings,
//! `TRAILBELL_TEST_ATTACK=TEXT` runs only the attacks whose names hold the text, and
//! `TRAILBELL_TEST_LOGS=FOLDER` keeps the logs of all copies of the function.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod attacks;
mod digests;
mod faults;
mod fleet;
mod lists;
mod queue;
mod raw;
mod s3;
mod self_check;
mod sns;
mod world;
