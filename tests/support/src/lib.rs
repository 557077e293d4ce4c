//! What the integration tests and benchmarks share: stand-ins for AWS on loopback, and the function
//! in a process of its own.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

pub mod aws;
pub mod canned;
pub mod chaos;
pub mod function;
pub mod golden;
pub mod log_events;
pub mod moto;
pub mod page;
pub mod proxy;
pub mod public_rules;
pub mod random;
pub mod relay;
pub mod subscriber;
pub mod trail;
pub mod venv;

use std::path::{Path, PathBuf};

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
