//! What happened to the users of an account, as far as it changes who is in a group.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::log::{EventLog, LogEvent};

/// The renamings and deletions of an account's users.
pub type UserLog = EventLog<UserEvent>;

/// A user was renamed or deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserEvent {
    /// `eventTime`.
    pub time: Timestamp,
    /// The name before.
    pub user: String,
    /// The new name. `None` if the user was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl LogEvent for UserEvent {
    const NEWEST: usize = 500;

    fn time(&self) -> Timestamp {
        self.time
    }

    fn order(&self, other: &UserEvent) -> Ordering {
        self.cmp(other)
    }

    fn decides(&self) -> Vec<String> {
        Vec::new()
    }

    fn merge(&mut self, other: &UserEvent) -> bool {
        self == other
    }

    fn outline(self) -> UserEvent {
        self
    }
}
