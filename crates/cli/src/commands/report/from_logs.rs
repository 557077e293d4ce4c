//! A report from log files alone.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::available_parallelism;

use anyhow::Result;
use detect::correlation::correlate_findings;
use detect::rule::{RuleInfo, RuleSet};
use detect::text::error::error_chain;
use jiff::Timestamp;
use report::data::{Delivery, LoadedRule};

use super::{Args, Input, ReportedFinding, Unreadable};
use crate::commands::progress::Progress;
use crate::commands::scan::find_sources;
use crate::commands::scan::objects::Objects;
use crate::commands::scan::parallel::run_in_order;
use crate::commands::scan::source::SourceScan;
use crate::commands::scan::target::{ScanTarget, SourceEvent};
use crate::commands::time_range::TimeRange;

/// Adds what the rules find in the log files at the paths, and the incidents that follow.
pub fn read(args: &Args, range: TimeRange, now: Timestamp, input: &mut Input) -> Result<()> {
    let detections = args.detection.load()?;
    let rule_set = detections.rule_set.clone();
    input.exceptions = detections.exceptions.as_slice().to_vec();
    input.origin.sources = args.paths.iter().map(|path| path.display().to_string()).collect();
    input.origin.from_logs = true;
    input.origin.rules = rule_set.rules().iter().map(|rule| loaded_rule(&rule.info)).collect();
    input.origin.rules.sort();
    let target = ScanTarget::from_detections(detections, now);
    scan(args, range, &target, now, input)?;
    correlate(&rule_set, now, input);
    Ok(())
}

pub fn loaded_rule(rule: &RuleInfo) -> LoadedRule {
    LoadedRule {
        name: rule.name.clone(),
        id: rule.id.clone(),
        version: rule.version,
        severity: rule.severity,
    }
}

fn scan(
    args: &Args,
    range: TimeRange,
    target: &ScanTarget,
    now: Timestamp,
    input: &mut Input,
) -> Result<()> {
    let (files, objects) = find_sources(&args.paths, range, target, &args.ledger.aws)?;
    let found = objects.as_ref().map_or(0, |objects| objects.found.len());
    let progress = Progress::new(files.len() + found, "files");
    let sources = files.into_iter().chain(objects.iter().flat_map(Objects::fetch));
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let source_scan = SourceScan { target, now, max_bytes: u64::MAX };
    let Ok(()) = run_in_order(
        threads,
        sources.map(|source| (source.name(), source)),
        |source, events| source_scan.run(source, events),
        |name, events| {
            add_events(&name, &events, range, input);
            progress.advance(1);
            Ok::<(), Infallible>(())
        },
    );
    progress.finish();
    Ok(())
}

/// Adds what was found in one file.
fn add_events(name: &str, events: &Receiver<SourceEvent>, range: TimeRange, input: &mut Input) {
    let unreadable = |problem| Unreadable { name: name.to_owned(), problem };
    let mut ended = false;
    for event in events {
        match event {
            SourceEvent::Finding(finding) if range.contains(finding.time) => {
                let delivery = match finding.suppression() {
                    Some(_) => Delivery::Suppressed,
                    None => Delivery::Found,
                };
                input.findings.push(ReportedFinding { finding: Arc::from(finding), delivery });
            }
            SourceEvent::Finding(_) | SourceEvent::Match(_) => {}
            SourceEvent::BadRecord(bad) => input.unreadable.push(unreadable(error_chain(&bad))),
            SourceEvent::Skipped(_) => ended = true,
            SourceEvent::Failed(error) => {
                ended = true;
                input.unreadable.push(unreadable(error_chain(&*error)));
            }
            SourceEvent::Read(_) => {
                ended = true;
                input.origin.files += 1;
            }
        }
    }
    if !ended {
        input.unreadable.push(unreadable("the thread that read it panicked".to_owned()));
    }
}

/// Finds incidents in the findings, each of which counts once.
fn correlate(rule_set: &RuleSet, now: Timestamp, input: &mut Input) {
    input.findings.sort_by(|one, other| one.finding.id.as_str().cmp(other.finding.id.as_str()));
    input.findings.dedup_by(|one, other| one.finding.id == other.finding.id);
    for correlation in rule_set.correlations() {
        let findings = input.findings.iter().map(|reported| &*reported.finding);
        let incidents = correlate_findings(correlation, findings, now);
        input.correlations.extend(incidents.into_iter().map(Arc::new));
    }
}
