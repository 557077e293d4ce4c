//! What the trail has said of groups, customer policies and users, and what follows: who is in a
//! group, which policies it has, and what they let its members do.
//!
//! A log is the set of events of one group or policy. The state is computed from it, in the order
//! of the events' times, so that it does not depend on the order of arrival, and an event that
//! arrives twice is one. Of events within the same second the one that gives more power counts
//! last, and what it decides is uncertain.
//!
//! A log keeps the newest events, and of older ones those that still decide something.

mod changes;
mod group;
mod group_state;
mod import;
mod log;
mod policy;
mod users;

#[cfg(test)]
mod tests;

pub use changes::{Change, MODEL_ACTIONS, ModelEvent, bounded, read_changes};
pub use group::{GroupEvent, GroupEventKind, GroupLog, InlinePolicy};
pub use group_state::{GroupLogs, GroupState, Held};
pub use import::{AccountDetails, AuthorizationDetails, ImportError, KnownNames};
pub use log::{EventKey, EventLog, LogError, LogEvent};
pub use policy::{PolicyEvent, PolicyEventKind, PolicyLog, PolicyState, PolicyVersion};
pub use users::{UserEvent, UserLog};
