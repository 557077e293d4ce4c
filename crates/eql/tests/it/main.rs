//! Tests of the public API.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod allocation;
#[allow(dead_code, reason = "EQL has no conditions on objects")]
#[path = "../../../kql/tests/it/document.rs"]
mod document;
mod errors;
mod functions;
mod matching;
mod parse;
mod properties;
mod reference;
