//! Findings about CloudTrail's log files and digests themselves: changed, missing, forged.
//!
//! Each is a record that this program makes, matched against rules of its own (`rules/integrity/`).
//! It is recognised by where it came from: a record in a log file that imitates one is an ordinary
//! record, and these rules never see it.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::json;

use super::{Finding, FindingId, Origin};
use crate::cloudtrail::Record;
use crate::ecs::View;
use crate::rule::{Exceptions, LoadedRules, Rule, RuleSet};
use crate::text::time::format_rfc3339;

/// `eventSource` of these records.
pub const PROVIDER: &str = "integrity.trailbell";

/// Digits of a hash that distinguish one record from another.
const ID_DIGITS: usize = 32;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntegrityKind {
    /// The content of a log file is not what CloudTrail delivered.
    LogFileChanged,
    /// A log file that a digest lists is not there.
    LogFileMissing,
    /// A log file is damaged, or followed by other data.
    LogFileUnreadable,
    /// A digest is not there.
    DigestMissing,
    /// A digest is not what CloudTrail wrote, or was written for another place.
    DigestForged,
    /// A new chain of digests began: logging or validation was off, or the trail was replaced.
    ChainRestarted,
    /// There are no digests any more.
    DigestsStopped,
}

impl IntegrityKind {
    /// Every kind.
    pub const ALL: [IntegrityKind; 7] = [
        IntegrityKind::LogFileChanged,
        IntegrityKind::LogFileMissing,
        IntegrityKind::LogFileUnreadable,
        IntegrityKind::DigestMissing,
        IntegrityKind::DigestForged,
        IntegrityKind::ChainRestarted,
        IntegrityKind::DigestsStopped,
    ];

    /// `eventName` of its records.
    pub fn action(self) -> &'static str {
        match self {
            IntegrityKind::LogFileChanged => "LogFileChanged",
            IntegrityKind::LogFileMissing => "LogFileMissing",
            IntegrityKind::LogFileUnreadable => "LogFileUnreadable",
            IntegrityKind::DigestMissing => "DigestMissing",
            IntegrityKind::DigestForged => "DigestForged",
            IntegrityKind::ChainRestarted => "DigestChainRestarted",
            IntegrityKind::DigestsStopped => "DigestsStopped",
        }
    }
}

/// What is wrong with a log file, a digest or a chain of digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrityEvent {
    /// What is wrong.
    pub kind: IntegrityKind,
    /// Whose calls the log files hold.
    pub account: String,
    /// Where they were recorded.
    pub region: String,
    /// The name of the trail.
    pub trail: String,
    /// The bucket of the object.
    pub bucket: String,
    /// The key of the log file or digest. Of a chain, that of its last digest before.
    pub key: String,
    /// How it is known, in a sentence without a full stop.
    pub reason: String,
    /// The digest that lists a log file, or names another digest.
    pub digest: Option<String>,
    /// The time that is not proven.
    pub from: Timestamp,
    /// The end of that time.
    pub until: Timestamp,
}

impl IntegrityEvent {
    /// The finding of it, noticed at `now`. The same problem makes the same finding. Returns `None`
    /// only if the rules are not as they were tested.
    pub fn finding(&self, exceptions: &Exceptions, now: Timestamp) -> Option<Finding> {
        let record = self.record(&self.key, now)?;
        let rule = rule_set()?.matching(&View::new(&record), now).next()?;
        let origin = Origin::Integrity { bucket: self.bucket.clone(), key: self.key.clone() };
        let mut finding = Finding::new(&rule.info, &record, origin);
        finding.exception = self.exception(rule, exceptions, &record, now);
        Some(finding)
    }

    /// The exception that matches, unless it would match any other object as well.
    fn exception(
        &self,
        rule: &Rule,
        exceptions: &Exceptions,
        record: &Record,
        now: Timestamp,
    ) -> Option<String> {
        let other = self.record("any/other/object", now)?;
        let matches = |exception: &&crate::rule::Exception| {
            exception.matches(&rule.info, &View::new(record), now)
                && !exception.matches(&rule.info, &View::new(&other), now)
        };
        let exception = exceptions.as_slice().iter().find(matches);
        exception.map(|exception| exception.name.clone())
    }

    fn record(&self, key: &str, now: Timestamp) -> Option<Record> {
        let IntegrityEvent { kind, account, region, trail, bucket, .. } = self;
        let until = format_rfc3339(self.until);
        let parts = [kind.action(), account, region, trail, bucket, &self.key, &until];
        let id = FindingId::hash_parts(parts);
        let record = json!({
            "eventVersion": "1.11",
            "userIdentity": {"type": "Unknown"},
            "eventTime": format_rfc3339(now),
            "eventSource": PROVIDER,
            "eventName": kind.action(),
            "awsRegion": region,
            "requestParameters": {
                "trailName": trail,
                "bucketName": bucket,
                "key": key,
                "reason": self.reason,
                "digest": self.digest,
                "from": format_rfc3339(self.from),
                "until": until,
            },
            "responseElements": null,
            "eventID": format!("trailbell-integrity-{}", &id.as_str()[..ID_DIGITS]),
            "readOnly": false,
            "eventType": "TrailbellIntegrity",
            "recipientAccountId": account,
            "eventCategory": "Integrity",
        });
        Record::from_value(record).ok()
    }
}

/// Returns true if a finding is about a log file or digest itself.
pub fn is_integrity(finding: &Finding) -> bool {
    matches!(finding.origin, Origin::Integrity { .. })
}

/// The rules of such findings.
pub fn rules() -> &'static [Rule] {
    rule_set().map_or(&[], RuleSet::rules)
}

/// Read when the first problem is found: until then, they cost nothing.
fn rule_set() -> Option<&'static RuleSet> {
    static RULES: LazyLock<Option<RuleSet>> = LazyLock::new(|| {
        let LoadedRules { rules, .. } = LoadedRules::embedded_integrity();
        RuleSet::new(rules).ok()
    });
    RULES.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{LoadedExceptions, Severity};

    fn event(kind: IntegrityKind) -> IntegrityEvent {
        IntegrityEvent {
            kind,
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            trail: "trail".to_owned(),
            bucket: "logs".to_owned(),
            key: "AWSLogs/111122223333/x.json.gz".to_owned(),
            reason: "its content has another hash".to_owned(),
            digest: None,
            from: "2026-03-01T09:00:00Z".parse().unwrap(),
            until: "2026-03-01T10:00:00Z".parse().unwrap(),
        }
    }

    fn finding(kind: IntegrityKind, exceptions: &Exceptions) -> Finding {
        event(kind).finding(exceptions, "2026-03-01T11:00:00Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn every_kind_has_a_rule_of_its_own_that_can_be_used() {
        let loaded = LoadedRules::embedded_integrity();
        assert_eq!((&loaded.problems, &loaded.warnings), (&vec![], &vec![]));
        let mut ids: Vec<String> = IntegrityKind::ALL
            .iter()
            .map(|kind| {
                let finding = finding(*kind, &Exceptions::default());
                assert!(is_integrity(&finding) && finding.severity() >= Severity::Medium);
                assert!(rules().iter().any(|rule| rule.info == finding.rule));
                finding.rule.id.clone()
            })
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), loaded.rules.len());
    }

    #[test]
    fn the_same_problem_is_the_same_finding() {
        let id = |change: &dyn Fn(&mut IntegrityEvent)| {
            let mut event = event(IntegrityKind::LogFileChanged);
            change(&mut event);
            event.finding(&Exceptions::default(), Timestamp::UNIX_EPOCH).unwrap().id
        };
        let same = id(&|_| ());
        assert_eq!(id(&|it| it.reason = "another".to_owned()), same);
        assert_ne!(id(&|it| it.key = "another".to_owned()), same);
        assert_ne!(id(&|it| it.account = "444455556666".to_owned()), same);
        assert_ne!(id(&|it| it.kind = IntegrityKind::LogFileMissing), same);
    }

    #[test]
    fn only_an_exception_that_names_the_object_suppresses() {
        for (query, expected) in [
            ("*", None),
            ("event.action: LogFileChanged", None),
            ("cloud.account.id: 111122223333", None),
            ("aws.cloudtrail.flattened.request_parameters.bucketName: logs", None),
            ("aws.cloudtrail.flattened.request_parameters.key: *.gz", Some("x")),
            (
                "aws.cloudtrail.flattened.request_parameters.key: \
                 \"AWSLogs/111122223333/x.json.gz\"",
                Some("x"),
            ),
        ] {
            let text = format!(
                "[[exception]]\nname = 'x'\nrules = ['*']\nquery = '{query}'\nreason = 'x'\n\
                 owner = 'x'\nexpires = 2999-01-01\n"
            );
            let loaded = LoadedExceptions::from_texts([("x.toml", text.as_str())].into_iter());
            let exceptions = loaded.into_exceptions().unwrap();
            let finding = finding(IntegrityKind::LogFileChanged, &exceptions);
            assert_eq!(finding.exception.as_deref(), expected, "{query}");
        }
    }
}
