//! What a scan looks for: what the rules find, or the records that a query of one's own matches.

use std::error::Error;

use detect::cloudtrail::reader::{self, Options, ReadStats};
use detect::cloudtrail::{BadRecord, Body, ReadError};
use detect::ecs::{self, View};
use detect::finding::{self, ScanEvent};
use detect::finding::{Finding, Origin};
use detect::rule::Detections;
use detect::text::clean;
use jiff::Timestamp;
use kql::Query;

use crate::commands::args::ScanArgs;
use crate::commands::matches::Match;
use crate::commands::output;
use crate::commands::{exceptions, rules};

/// What a scan looks for.
pub enum ScanTarget {
    Rules(Box<Detections>),
    Query(Query),
}

/// What a look comes upon.
pub enum SourceEvent {
    Finding(Box<Finding>),
    Match(Box<Match>),
    Bad(BadRecord),
}

impl ScanTarget {
    pub fn new(args: &ScanArgs, now: Timestamp) -> Result<ScanTarget, Box<dyn Error>> {
        if let Some(source) = &args.query {
            return Ok(ScanTarget::Query(query(source)?));
        }
        let rules = rules::load(!args.no_default_rules, &args.rules)?;
        let exceptions = exceptions::load(&args.exceptions, &rules)?;
        for notice in exceptions.expiry_notices(now) {
            output::say(format_args!("trailbell: warning: {notice}"));
        }
        Ok(ScanTarget::Rules(Box::new(Detections::new(rules, exceptions))))
    }

    /// Whether log objects of a region can hold what is looked for.
    pub fn can_match_in(&self, region: &str) -> bool {
        match self {
            ScanTarget::Rules(detections) => detections.rule_set.can_match_in(region),
            ScanTarget::Query(_) => true,
        }
    }

    /// Whether files are probed, and why not, for people.
    pub fn probe(&self) -> String {
        match self {
            ScanTarget::Rules(detections) => detections.rule_set.prefilter_summary(),
            ScanTarget::Query(_) => "off: every record is held against the query".to_owned(),
        }
    }

    /// Looks through one body, and gives what it comes upon to `on_sight`, in order.
    pub fn through(
        &self,
        body: Body,
        options: Options,
        now: Timestamp,
        origin: &dyn Fn(usize) -> Origin,
        on_sight: &mut dyn FnMut(SourceEvent),
    ) -> (ReadStats, Result<(), ReadError>) {
        match self {
            ScanTarget::Rules(detections) => {
                finding::scan_body(body, options, detections, now, origin, &mut |hit| match hit {
                    ScanEvent::Finding(finding) => on_sight(SourceEvent::Finding(finding)),
                    ScanEvent::Bad(bad) => on_sight(SourceEvent::Bad(bad)),
                })
            }
            ScanTarget::Query(query) => {
                reader::read(body, options, &mut |index, record| match record {
                    Ok(record) if query.matches(&View::new(&record), now) => {
                        on_sight(SourceEvent::Match(Box::new(Match {
                            record,
                            origin: origin(index),
                        })));
                    }
                    Ok(_) => {}
                    Err(bad) => on_sight(SourceEvent::Bad(bad)),
                })
            }
        }
    }
}

fn query(source: &str) -> Result<Query, Box<dyn Error>> {
    let query = Query::parse(source).map_err(|error| format!("--query: {error}"))?;
    for unknown in ecs::unknown_fields(query.expr()) {
        output::say(format_args!(
            "trailbell: warning: --query: {}",
            clean::text(&unknown.to_string(), 1000)
        ));
    }
    Ok(query)
}
