//! A report from log files alone.

use std::sync::Arc;

use anyhow::{Context, Result};
use detect::correlation::correlate_findings;
use detect::finding::Finding;
use detect::rule::RuleSet;
use jiff::Timestamp;
use report::data::{Delivery, LoadedRule};

use super::{Args, Input, ReportedFinding, Unreadable};
use crate::commands::scan::target::ScanTarget;
use crate::commands::scan::{Found, Scan};
use crate::commands::time_range::TimeRange;

/// Adds what the rules find in the log files at the paths, and the incidents that follow.
pub fn read(args: &Args, range: TimeRange, now: Timestamp, input: &mut Input) -> Result<()> {
    let detections = args.detection.load()?;
    input.exceptions = detections.exceptions.as_slice().to_vec();
    input.origin.sources = args.paths.iter().map(|path| path.display().to_string()).collect();
    input.origin.from_logs = true;
    let scan = Scan {
        paths: &args.paths,
        range,
        target: ScanTarget::from_detections(detections, now),
        max_bytes: u64::MAX,
        threads: None,
        aws: &args.ledger.aws,
    };
    let totals = scan.run(now, &mut |found| {
        if let Found::Finding(finding, _) = found {
            input.findings.push(reported(finding));
        }
        Ok(())
    })?;
    input.origin.files = totals.files();
    let unreadable = totals.unreadable.into_iter();
    input.unreadable.extend(unreadable.map(|(name, problem)| Unreadable { name, problem }));
    let rule_set = scan.target.rule_set().context("there are no rules")?;
    input.origin.rules =
        rule_set.rules().iter().map(|rule| LoadedRule::from(&*rule.info)).collect();
    input.origin.rules.sort();
    correlate(rule_set, now, input);
    Ok(())
}

fn reported(finding: &Finding) -> ReportedFinding {
    let delivery = match finding.suppression() {
        Some(_) => Delivery::Suppressed,
        None => Delivery::Found,
    };
    ReportedFinding { finding: Arc::new(finding.clone()), delivery }
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
