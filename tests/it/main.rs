//! The function through its library and its program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod aws;
mod canary;
mod chat;
mod faults;
mod guard;
mod identity_center;
mod integrity;
mod ledger;
mod lenient;
mod notification;
mod pace;
mod pages;
mod pipeline;
mod reload;
mod routing;
mod secrets;
mod start;
mod sweep;
mod walk;
mod ways_in;
mod weekly;
