//! The log and the metrics.

pub(crate) mod counters;
pub mod log;
pub mod metrics;
pub mod monitoring;
