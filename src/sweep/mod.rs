//! The reconciliation sweep: lists the log objects of each trail and reads those that no sweep has
//! read. `run.rs` is its order.
//!
//! Times are those of the store's clock and of CloudTrail's names, never of the local clock.

mod backlog;
mod due;
mod heartbeat;
mod integrity;
mod memory;
mod report;
pub(crate) mod run;
mod state;
mod subscriptions;
mod suspects;

use jiff::SignedDuration;

pub use due::{Due, due};
pub use heartbeat::ProvenCursors;
pub use memory::{TrailMemory, state_name};
pub use report::SweepReport;
pub use state::{LogKey, Restart, TrailState};
pub use subscriptions::SubscriptionReport;

use detect::rule::RuleSet;

/// A younger object is left to its notification, so that most are not read twice at once.
pub const YOUNG: SignedDuration = SignedDuration::from_mins(5);

/// How often an object that cannot be read is tried, counting only sweeps that could read another
/// one of its trail: an hour with a sweep every ten minutes.
pub const ATTEMPTS: u32 = 6;

/// The same for an object that was read, with a finding that could not be recorded or alerted: a
/// day. It is not the object's fault, and its findings may be recorded nowhere.
pub const DELIVERY_ATTEMPTS: u32 = 144;

/// The bounds of how late an object may appear, whatever the rules say.
const MIN_LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);
const MAX_LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);

/// How far before the cursor a sweep lists: the longest `from` of the rules, from an hour to a day.
pub fn look_back(rules: &RuleSet) -> SignedDuration {
    let longest = rules.rules().iter().map(|rule| rule.from).max().unwrap_or_default();
    SignedDuration::try_from(longest).unwrap_or(MAX_LOOK_BACK).clamp(MIN_LOOK_BACK, MAX_LOOK_BACK)
}
