//! One body against the rules: what the function does to an object and the command line does to a
//! file.

use jiff::Timestamp;

use super::{Finding, Origin, canary};
use crate::cloudtrail::reader::{self, Options, ReadStats};
use crate::cloudtrail::{BadRecord, Body, ReadError, Record};
use crate::ecs::View;
use crate::rule::Detections;

/// What a search comes upon.
#[derive(Debug)]
pub enum ScanEvent {
    /// A rule matched a record.
    Finding(Box<Finding>),
    /// A record that cannot be used.
    Bad(BadRecord),
}

/// Finds what the rules match in `body`, marked with the exception where there is one, and gives
/// what it comes upon to `on_event`, in order. `origin` makes a record's place of its index; `now` is
/// for date math in queries. What was given before an error stands. Blocks.
///
/// Records that no rule can match are passed over unread where the rules allow it
/// ([`RuleSet::prefilter`]); damage in such a record may go unnoticed.
///
/// [`RuleSet::prefilter`]: crate::rule::RuleSet::needles
pub fn scan_body(
    body: Body,
    options: Options,
    detections: &Detections,
    now: Timestamp,
    origin: &dyn Fn(usize) -> Origin,
    on_event: &mut dyn FnMut(ScanEvent),
) -> (ReadStats, Result<(), ReadError>) {
    let mut visit = |index, record: Result<Record, BadRecord>| match record {
        Ok(record) => match_record(&record, detections, now, &|| origin(index), &mut |finding| {
            on_event(ScanEvent::Finding(Box::new(finding)));
        }),
        Err(bad) => on_event(ScanEvent::Bad(bad)),
    };
    match detections.rule_set.prefilter() {
        Ok(prefilter) => reader::read_prefiltered(body, options, prefilter, &mut visit),
        Err(_any_record_can_match) => reader::read(body, options, &mut visit),
    }
}

/// Gives what the rules find in one record to `on_finding`, in the order of the rules, marked with
/// the exception that keeps it from being alerted where there is one.
pub fn match_record(
    record: &Record,
    detections: &Detections,
    now: Timestamp,
    origin: &dyn Fn() -> Origin,
    on_finding: &mut dyn FnMut(Finding),
) {
    let view = View::new(record);
    for rule in detections.rule_set.matching(&view, now) {
        let mut finding = Finding::new(&rule.info, record, origin());
        let exception = detections.exceptions.matching(&rule.info, &view, now);
        // A canary that an exception could silence would show nothing.
        let exception = exception.filter(|_| !canary::is_canary(&finding));
        finding.exception = exception.map(|exception| exception.name.clone());
        on_finding(finding);
    }
}
