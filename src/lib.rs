//! Trailbell, the Lambda function: reads CloudTrail log objects as they land and alerts on IAM
//! group changes.
//!
//! The map, in the order a notification travels (the order itself is written down in
//! [`pipeline`]):
//!
//! | module | question it answers |
//! |---|---|
//! | [`notification`] | what came in, and which log objects or records does it name? |
//! | [`store`] | where are the bytes of a log object? S3, or a directory |
//! | [`sink`] | where do alerts go? SNS, a folder, the terminal |
//! | [`ledger`] | which worker handles a finding, and was its alert sent? |
//! | [`pages`] | where do people look at an alert, rather than read it? |
//! | [`sweep`] | which log objects has no sweep read yet? |
//! | [`integrity`] | are log files complete, and what CloudTrail wrote? |
//! | [`pipeline`] | in which order does all of this happen, and do the counts add up? |
//! | [`app`] | what did the operator configure, and what is built from it? |
//! | [`telemetry`] | what is logged and measured? |
//! | [`aws_error`] | why did AWS not carry out a request? |
//!
//! Below it are the crates `kql`, `detect`, `alert` and `report`; above it, `trailbell-cli`.

pub mod app;
pub mod aws_error;
pub mod integrity;
pub mod ledger;
pub mod notification;
pub mod pages;
pub mod pipeline;
pub mod sink;
pub mod store;
pub mod sweep;
pub mod telemetry;
