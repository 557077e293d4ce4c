//! What an invocation works with, and the time that it has.

use std::sync::Arc;
use std::time::Duration;

use alert::Accounts;
use detect::cloudtrail::Trail;
use detect::finding::integrity;
use detect::rule::{Detections, Rule};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::integrity::Verification;
use crate::ledger::Ledger;
use crate::notification::{InlineSource, ObjectRef};
use crate::pages::Pages;
use crate::sink::AlertSink;
use crate::store::ObjectStore;

/// The interval of a rule that does not exist any more: Elastic's default.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(300);

/// What an invocation works with.
pub struct Pipeline {
    /// Where log objects are.
    pub store: Box<dyn ObjectStore>,
    /// Where alerts go.
    pub sink: Box<dyn AlertSink>,
    /// Where findings are recorded.
    pub ledger: Ledger,
    /// Where a page of every alert is written. `None` if nowhere.
    pub pages: Option<Pages>,
    /// What a sweep lists. Objects outside of these are not read, unless there are none.
    pub trails: Vec<Trail>,
    /// Where records inside notifications may come from.
    pub inline_sources: Vec<InlineSource>,
    /// The rules and exceptions.
    pub detections: Arc<Detections>,
    /// Names of accounts.
    pub accounts: Accounts,
    /// How much a mail says.
    pub mail: MailLength,
    /// The most inflated bytes accepted of one object.
    pub max_object_bytes: u64,
    /// Which digests of CloudTrail are verified, and with which keys.
    pub verification: Verification,
}

/// How much a mail says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MailLength {
    /// At most 60 lines.
    #[default]
    Short,
    /// The same, then the rule's description and guide.
    Full,
}

impl MailLength {
    /// Reads `short` or `full`.
    pub fn from_word(word: &str) -> Option<MailLength> {
        match word {
            "short" => Some(MailLength::Short),
            "full" => Some(MailLength::Full),
            _ => None,
        }
    }
}

/// When an invocation runs.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Now, for date math in queries.
    pub now: Timestamp,
    /// Nothing is started after this. `None` if time is not limited.
    pub last_start: Option<Instant>,
    /// How long claims in the ledger hold: longer than the holder can live. See
    /// [`crate::ledger::lease`].
    pub lease: Duration,
}

impl Clock {
    /// The same, with one of `parts` equal shares of the time that is left.
    pub(crate) fn share(self, parts: usize) -> Clock {
        let now = Instant::now();
        let parts = u32::try_from(parts).unwrap_or(u32::MAX).max(1);
        let share = |last: Instant| now + last.saturating_duration_since(now) / parts;
        Clock { last_start: self.last_start.map(share), ..self }
    }

    /// Returns true if nothing is to be started any more.
    pub(crate) fn is_over(&self) -> bool {
        self.last_start.is_some_and(|last| Instant::now() >= last)
    }
}

impl Pipeline {
    /// Says how many correlations, thresholds and sequences are not evaluated because there is no
    /// ledger to find their members in. `None` if all are, or there are none.
    pub fn idle_correlations(&self) -> Option<String> {
        let count = self.detections.rule_set.correlations().len();
        let idle = matches!(self.ledger, Ledger::None) && count > 0;
        idle.then(|| {
            let rules = match count {
                1 => "1 rule over several calls is not evaluated, since it needs".to_owned(),
                _ => format!("{count} rules over several calls are not evaluated, since they need"),
            };
            format!("TRAILBELL_LEDGER=none: {rules} a ledger")
        })
    }

    /// Returns true if log objects are read from where this one is.
    pub(crate) fn is_in_trails(&self, object: &ObjectRef) -> bool {
        let contains = |trail: &Trail| trail.contains(&object.bucket, &object.key);
        self.trails.is_empty() || self.trails.iter().any(contains)
    }

    pub(crate) fn rule(&self, id: &str) -> Option<&Rule> {
        let rules = self.detections.rule_set.rules().iter();
        rules.chain(integrity::rules()).find(|rule| rule.info.id == id)
    }

    /// The length of a rule's windows.
    pub(crate) fn interval(&self, rule: &str) -> Duration {
        self.rule(rule).map_or(DEFAULT_INTERVAL, |rule| rule.interval)
    }

    /// The most single alerts of a rule in one window. A rule that does not exist any more has no
    /// limit.
    pub(crate) fn max_signals(&self, rule: &str) -> u64 {
        self.rule(rule).map_or(u64::MAX, |rule| rule.max_signals.into())
    }
}
