//! What the integration tests share.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses a part of it, and stops at what it did not expect"
)]

pub mod aws;
pub mod canned;
pub mod function;
pub mod moto;
pub mod page;
pub mod proxy;
pub mod relay;
pub mod subscriber;
mod venv;
