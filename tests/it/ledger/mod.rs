//! The ledger: who sees to a finding, and that every one is told, once, whatever fails.
mod claims;
mod context;
mod correlations;
mod crashes;
pub mod memory;
mod stores;
mod story;
mod summaries;
mod survey;
mod world;
