//! The query language, through its public face.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod allocation;
mod document;
mod errors;
mod matching;
mod parse;
mod properties;
mod reference;
