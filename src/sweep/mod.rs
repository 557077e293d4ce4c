//! The schedule's work, as far as log objects are concerned: which does a trail hold that no sweep
//! has read, and what is remembered of that. The order of things is in
//! [`pipeline`](crate::pipeline).
//!
//! Times are those of the store's clock and of CloudTrail's names, never the local one's.

mod due;
mod memory;
mod report;
pub(crate) mod run;
mod state;

use jiff::SignedDuration;

pub use due::{Due, due};
pub use memory::Memory;
pub use report::SweepReport;
pub use state::{LogKey, State};

use detect::rule::RuleSet;

/// How young an object is left to its notification. Only so that most are not read twice at once:
/// the ledger makes that harmless.
pub const YOUNG: SignedDuration = SignedDuration::from_mins(5);

/// How often an object that cannot be read is tried, counted in sweeps that could read another one
/// of its trail: an hour at a sweep every ten minutes.
pub const ATTEMPTS: u32 = 6;

/// How late an object may appear, at least and at most, whatever the rules say: the time in its
/// name is that of its delivery, and what is looked at must be listed and remembered.
const LOOK_BACK: (SignedDuration, SignedDuration) =
    (SignedDuration::from_hours(1), SignedDuration::from_hours(24));

/// How far before the cursor a sweep lists: the longest `from` of the rules, between an hour and a
/// day.
pub fn look_back(rules: &RuleSet) -> SignedDuration {
    let longest = rules.rules().iter().map(|rule| rule.from).max().unwrap_or_default();
    SignedDuration::try_from(longest).unwrap_or(LOOK_BACK.1).clamp(LOOK_BACK.0, LOOK_BACK.1)
}
