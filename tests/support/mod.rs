//! What the integration tests share.

pub mod aws;
pub mod canned;
pub mod moto;
mod venv;
