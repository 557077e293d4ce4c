//! Integration tests of the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod data;
mod page;
#[path = "../sample/mod.rs"]
mod sample;
