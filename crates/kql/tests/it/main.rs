//! Tests of the public API.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod allocation;
mod document;
mod errors;
mod matching;
mod parse;
mod properties;
mod reference;
