//! Integration tests of the crate.

mod data;
mod page;
#[path = "../sample/mod.rs"]
mod sample;
