//! The query language, through its public face.

#![allow(clippy::expect_used, clippy::panic, reason = "every function here is part of a test")]

mod allocation;
mod document;
mod errors;
mod matching;
mod parse;
mod properties;
mod reference;
