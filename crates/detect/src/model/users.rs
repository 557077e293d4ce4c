//! What happened to the users of an account, as far as it changes who is in a group.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::log::{EventKey, EventLog, LogEvent};
use crate::power::PowerLevel;

/// The renamings and deletions of an account's users.
pub type UserLog = EventLog<UserEvent>;

/// A user was renamed or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    fn key(&self) -> EventKey {
        let UserEvent { time, user, to } = self;
        let content = json!([user, to]).to_string();
        EventKey { time: *time, step: 0, power: (PowerLevel::Unknown, 0), content }
    }

    fn decides(&self) -> Vec<String> {
        Vec::new()
    }

    fn merge(&mut self, _: &UserEvent) {}

    fn outline(self) -> UserEvent {
        self
    }
}
