//! Configuration, and what is built from it.

pub mod accounts;
pub mod config;
pub mod reload;
pub mod wiring;
