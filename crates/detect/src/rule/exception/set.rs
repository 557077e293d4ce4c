//! All exceptions together.

use jiff::{SignedDuration, Timestamp};

use super::{Exception, Expiry};
use crate::ecs::View;
use crate::rule::RuleInfo;

/// How long before and after its end an exception is named in log and report.
pub const EXPIRY_NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// All exceptions together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exceptions {
    list: Vec<Exception>,
}

impl Exceptions {
    /// These exceptions; the first that matches counts.
    pub fn new(list: Vec<Exception>) -> Exceptions {
        Exceptions { list }
    }

    /// All of them, in the order of the files.
    pub fn as_slice(&self) -> &[Exception] {
        &self.list
    }

    /// The exception that keeps a finding of `rule` about this record from being alerted at `now`.
    pub fn matching(&self, rule: &RuleInfo, view: &View<'_>, now: Timestamp) -> Option<&Exception> {
        self.list.iter().find(|exception| exception.matches(rule, view, now))
    }

    /// Those that end, or ended, within 30 days of `now`, as one line each for people.
    pub fn expiry_notices(&self, now: Timestamp) -> impl Iterator<Item = String> {
        self.list.iter().filter_map(move |exception| exception.expiry_notice(now))
    }
}

impl Exception {
    /// What people should know where its end is near or was lately.
    pub fn expiry_notice(&self, now: Timestamp) -> Option<String> {
        let Expiry::At(last) = self.expires else { return None };
        let left = last.duration_since(now);
        if left.abs() > EXPIRY_NOTICE {
            return None;
        }
        let (name, owner) = (self.name.escape_debug(), self.owner.escape_debug());
        let end = last.strftime("%Y-%m-%d %H:%M UTC");
        Some(if left.is_negative() {
            format!(
                "exception `{name}` expired {} ago ({end}): what it matched is alerted again; owner: {owner}",
                format_days(left)
            )
        } else {
            format!("exception `{name}` expires in {} ({end}); owner: {owner}", format_days(left))
        })
    }
}

/// A length of time for people: whole days, or hours where it is less than two days.
pub fn format_days(span: SignedDuration) -> String {
    let (hours, days) = (span.abs().as_hours(), span.abs().as_hours() / 24);
    match hours {
        0 => "less than an hour".to_owned(),
        1 => "1 hour".to_owned(),
        2..48 => format!("{hours} hours"),
        _ => format!("{days} days"),
    }
}
