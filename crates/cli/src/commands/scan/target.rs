//! What a scan looks for: findings of the rules, or records that match a query.

use std::error::Error;

use anyhow::{Context, Result};
use detect::cloudtrail::reader::{self, Options, ReadStats};
use detect::cloudtrail::{BadRecord, Body, ReadError};
use detect::ecs::{self, View};
use detect::finding::{Finding, Origin, ScanEvent, scan_body};
use detect::rule::{Detections, RuleSet};
use jiff::Timestamp;
use kql::Query;

use super::matches::Match;
use crate::commands::output::print_warning;

pub enum ScanTarget {
    Rules(Box<Detections>),
    Query(Query),
}

/// What comes of one source. The last one is `Skipped`, `Failed` or `Read`.
pub enum SourceEvent {
    Finding(Box<Finding>),
    Match(Box<Match>),
    BadRecord(BadRecord),
    /// Not read, and why.
    Skipped(&'static str),
    /// Read, not necessarily to the end.
    Read(ReadStats),
    /// Not read, or not to the end.
    Failed(Box<dyn Error + Send>),
}

impl ScanTarget {
    /// Prints which exceptions have expired or will soon.
    pub fn from_detections(detections: Detections, now: Timestamp) -> ScanTarget {
        detections.exceptions.expiry_notices(now).for_each(print_warning);
        ScanTarget::Rules(Box::new(detections))
    }

    /// Parses a query. Prints a warning for each field that no record has.
    pub fn from_query(text: &str) -> Result<ScanTarget> {
        let query = Query::parse(text).context("cannot parse --query")?;
        for unknown in ecs::unknown_fields(query.expr(), &[]) {
            print_warning(format_args!("--query: {unknown}"));
        }
        Ok(ScanTarget::Query(query))
    }

    /// Returns true if log objects of the account and region can contain matches.
    pub fn can_match_in(&self, account: &str, region: &str) -> bool {
        match self {
            ScanTarget::Rules(detections) => detections.can_match_in(account, region),
            ScanTarget::Query(_) => true,
        }
    }

    /// The rules; `None` if a query is matched.
    pub fn rule_set(&self) -> Option<&RuleSet> {
        match self {
            ScanTarget::Rules(detections) => Some(&detections.rule_set),
            ScanTarget::Query(_) => None,
        }
    }

    /// Whether files are prefiltered, and why not.
    pub fn prefilter_summary(&self) -> String {
        match self {
            ScanTarget::Rules(detections) => detections.rule_set.prefilter_summary(),
            ScanTarget::Query(_) => "off: the query is matched against every record".to_owned(),
        }
    }

    /// Sends what it finds in a body to `on_event`, in order.
    pub fn scan(
        &self,
        body: Body,
        options: Options,
        now: Timestamp,
        origin: &dyn Fn(usize) -> Origin,
        on_event: &mut dyn FnMut(SourceEvent),
    ) -> (ReadStats, Result<(), ReadError>) {
        match self {
            ScanTarget::Rules(detections) => {
                scan_body(body, options, detections, now, origin, &mut |event| match event {
                    ScanEvent::Finding(finding) => on_event(SourceEvent::Finding(finding)),
                    ScanEvent::Bad(bad) => on_event(SourceEvent::BadRecord(bad)),
                    ScanEvent::Change(_) => {}
                })
            }
            ScanTarget::Query(query) => {
                reader::read(body, options, &mut |index, record| match record {
                    Ok(record) if query.matches(&View::new(&record), now) => {
                        let matched = Match { record, origin: origin(index) };
                        on_event(SourceEvent::Match(Box::new(matched)));
                    }
                    Ok(_) => {}
                    Err(bad) => on_event(SourceEvent::BadRecord(bad)),
                })
            }
        }
    }
}
