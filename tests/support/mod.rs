//! What the integration tests share.

pub mod moto;
mod venv;
