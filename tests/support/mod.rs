//! What the integration tests share.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod aws;
pub mod canned;
pub mod golden;
pub mod moto;
pub mod relay;
mod venv;
