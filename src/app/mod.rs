//! Configuration, and what is built from it.

pub mod config;
pub mod reload;
pub mod wiring;
