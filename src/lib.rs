//! Trailbell: reads CloudTrail log objects as they land, and rings when someone changes an IAM
//! group.
//!
//! The map, in the order a notification travels (the order itself is written down in [`pipeline`]):
//!
//! | module | question it answers |
//! |---|---|
//! | [`notification`] | what came in, and which log objects or records does it name? |
//! | [`store`] | where are the bytes of a log object? S3, or a directory |
//! | [`cloudtrail`] | which records does a log object hold? |
//! | [`ecs`] | what is the value of an ECS field in a record? |
//! | [`kql`] | does a query match a document? Pure: no clock, no I/O, nothing of CloudTrail |
//! | [`rule`] | which rules are there, and which of them match a record? |
//! | [`correlation`] | what do several findings mean together? |
//! | [`explain`] | why does a query match a record, or not? |
//! | [`reload`] | did the rules or exceptions in S3 change? |
//! | [`finding`] | what was found, by whom was it done, and what became of it? |
//! | [`alert`] | what do people and machines read? |
//! | [`sink`] | where do alerts go? SNS, a folder, the terminal |
//! | [`ledger`] | who sees to a finding, and were people told? |
//! | [`sweep`] | which log objects has no sweep read yet? |
//! | [`canary`] | does the bell still ring? |
//! | [`pipeline`] | in which order does all of this happen, and do the counts add up? |
//! | [`attach`] | what must change in a bucket's notifications, and may it? |
//! | [`doctor`] | does a deployment work, and what mends it? |
//! | [`command`] | how is a command told that mends something? |
//! | [`config`] | what did the operator say? |
//! | [`assemble`] | which store, sink and rules follow from that? |
//! | [`error`] | how is an error told? |
//! | [`telemetry`] | what is in the log? |
//! | [`metrics`] | what is counted, for alarms and graphs? |
//!
//! Dependencies point one way: `kql ← rule ← pipeline → store, sink, ledger ← aws adapters`.

pub mod alert;
pub mod assemble;
pub mod attach;
pub mod canary;
pub mod cloudtrail;
pub mod command;
pub mod config;
pub mod correlation;
pub mod doctor;
pub mod ecs;
pub mod error;
pub mod explain;
pub mod finding;
pub mod kql;
pub mod ledger;
pub mod metrics;
pub mod notification;
pub mod pipeline;
pub mod reload;
pub mod rule;
pub mod sink;
pub mod store;
pub mod sweep;
pub mod telemetry;
