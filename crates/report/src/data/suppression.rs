//! What was not alerted, and who is responsible for that.

use std::collections::BTreeMap;

use detect::rule::{Exception, Expiry};
use jiff::Timestamp;
use serde::Serialize;

use super::event::Event;

/// The events that one exception suppressed.
#[derive(Debug, Clone, Serialize)]
pub struct Suppressed {
    /// The name of the exception. `None` for rules that are building blocks.
    pub exception: Option<String>,
    /// The exception itself, if it is still among those that the report was given.
    pub info: Option<ExceptionInfo>,
    /// How many events.
    pub count: u64,
    /// The time of the last one.
    pub last: Option<Timestamp>,
    /// Who made the calls, with their counts.
    pub principals: BTreeMap<String, u64>,
}

/// What an exception says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExceptionInfo {
    /// The person or team responsible for it.
    pub owner: String,
    /// Why there is no need to alert.
    pub reason: String,
    /// Its last instant. `None` if it has no end.
    pub expires: Option<Timestamp>,
}

impl ExceptionInfo {
    fn new(exception: &Exception) -> ExceptionInfo {
        ExceptionInfo {
            owner: exception.owner.clone(),
            reason: exception.reason.clone(),
            expires: match exception.expires {
                Expiry::At(last) => Some(last),
                Expiry::Never => None,
            },
        }
    }
}

/// The suppressed events by exception.
pub(super) fn collect(events: &[Event], exceptions: &[Exception]) -> Vec<Suppressed> {
    let mut suppressed: BTreeMap<Option<&str>, Suppressed> = BTreeMap::new();
    for event in events.iter().filter(|event| event.is_suppressed()) {
        let name = event.exception.as_deref();
        let info = || exceptions.iter().find(|it| Some(it.name.as_str()) == name);
        let group = suppressed.entry(name).or_insert_with(|| Suppressed {
            exception: event.exception.clone(),
            info: info().map(ExceptionInfo::new),
            count: 0,
            last: None,
            principals: BTreeMap::new(),
        });
        group.count += 1;
        group.last = group.last.max(event.time);
        *group.principals.entry(event.principal.label.clone()).or_default() += 1;
    }
    suppressed.into_values().collect()
}
