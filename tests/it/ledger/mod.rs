//! The ledger: that every finding is alerted once, whatever fails.

mod claims;
mod conflicts;
mod context;
mod correlation_crashes;
pub mod correlations;
mod crashes;
mod drift;
mod folding;
mod iam;
mod markers;
pub mod memory;
mod new_terms;
mod principals;
mod refusals;
mod sequences;
mod severity;
mod stores;
mod summaries;
mod suppressed_incidents;
mod suppression;
mod survey;
mod thresholds;
mod timelines;
pub mod world;
