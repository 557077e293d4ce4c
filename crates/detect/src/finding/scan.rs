//! Matching records against the rules: what the function does to an object and the command line to
//! a file.

use jiff::Timestamp;

use super::{Facts, Finding, Origin, canary};
use crate::cloudtrail::reader::{self, Options, ReadStats};
use crate::cloudtrail::{BadRecord, Body, ReadError, Record};
use crate::ecs::View;
use crate::model::{Change, read_changes};
use crate::new_terms::Terms;
use crate::rule::{Detections, RuleInfo};

/// What a scan finds.
#[derive(Debug)]
pub enum ScanEvent {
    /// A rule matched a record.
    Finding(Box<Finding>),
    /// A record says something of a group or a policy. Follows the record's findings.
    Change(Box<Change>),
    /// A record that cannot be used.
    Bad(BadRecord),
}

/// Matches the records of `body` and passes each event to `on_event`, in order. `origin` makes the
/// origin of a record from its index; date math in queries counts from `now`. Events before an
/// error are valid. Blocks.
///
/// If the rules have a [prefilter](crate::rule::RuleSet::prefilter), records that no rule can match
/// are not parsed; damage in such a record may go unnoticed.
pub fn scan_body(
    body: Body,
    options: Options,
    detections: &Detections,
    now: Timestamp,
    origin: &dyn Fn(usize) -> Origin,
    on_event: &mut dyn FnMut(ScanEvent),
) -> (ReadStats, Result<(), ReadError>) {
    let mut visit = |index, record: Result<Record, BadRecord>| match record {
        Ok(record) => {
            let origin = || origin(index);
            let suppressed = match_record(&record, detections, now, &origin, &mut |finding| {
                on_event(ScanEvent::Finding(Box::new(finding)));
            });
            let changes = read_changes(&record, suppressed);
            changes.into_iter().for_each(|it| on_event(ScanEvent::Change(Box::new(it))));
        }
        Err(bad) => on_event(ScanEvent::Bad(bad)),
    };
    match detections.rule_set.prefilter() {
        Ok(prefilter) => reader::read_prefiltered(body, options, prefilter, &mut visit),
        Err(_any_record_can_match) => {
            reader::read_all(body, options, detections.rule_set.literals(), &mut visit)
        }
    }
}

/// Without a value there is nothing that could be new, or be counted.
fn has_values(finding: &Finding) -> bool {
    let RuleInfo { new_terms, threshold, .. } = &*finding.rule;
    let has_terms = new_terms.is_none() || finding.terms.is_some();
    has_terms && threshold.as_ref().is_none_or(|threshold| threshold.can_count(&finding.ecs))
}

/// Passes the findings of one record to `on_finding`, in the order of the rules. Those that match
/// an exception carry its name. Returns true if all of them are suppressed, and `None` if there are
/// none.
pub fn match_record(
    record: &Record,
    detections: &Detections,
    now: Timestamp,
    origin: &dyn Fn() -> Origin,
    on_finding: &mut dyn FnMut(Finding),
) -> Option<bool> {
    let view = View::new(record).with_own(&detections.settings.own);
    let mut suppressed = None;
    for rule in detections.rule_set.matching(&view, now) {
        let mut finding = Finding::new(&rule.info, record, origin());
        finding.steps = rule.query.matched_steps(&view, now);
        let new_terms = rule.info.new_terms.as_ref();
        finding.terms = new_terms.and_then(|it| Terms::from_document(it, &finding.ecs));
        if !has_values(&finding) && !canary::is_canary(&finding) {
            continue;
        }
        // A suppressed canary would verify nothing.
        if !canary::is_canary(&finding) {
            let exception = detections.exceptions.matching(&rule.info, &view, now);
            finding.exception = exception.map(|exception| exception.name.clone());
            finding.privileged = detections.is_privileged(&finding);
            let own = detections.settings.own.named_by(record);
            finding.own = own.into_iter().map(str::to_owned).collect();
            finding.unmet = !rule.is_alerted(&finding, &Facts::new(&finding, None), now);
            finding.rate(&rule.severity_rules, now);
        }
        suppressed = Some(suppressed.unwrap_or(true) && finding.suppression().is_some());
        on_finding(finding);
    }
    suppressed
}
