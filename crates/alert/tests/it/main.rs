//! Alerts, as people read them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod correlation;
mod over_time;
mod pages;
mod schema;
