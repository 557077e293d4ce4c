//! Reading log objects: formats, damage, and the agreement of the two scan modes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod prefilter;
mod reader;
mod scan_modes;
