//! The ledger: that every finding is alerted once, whatever fails.

mod claims;
mod conflicts;
mod context;
mod correlation_crashes;
mod correlations;
mod crashes;
mod folding;
mod markers;
pub mod memory;
mod new_terms;
mod refusals;
mod severity;
mod stores;
mod summaries;
mod suppression;
mod survey;
mod thresholds;
mod timelines;
pub mod world;
