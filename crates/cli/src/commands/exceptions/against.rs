//! What exceptions would have suppressed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use detect::finding::Finding;
use detect::rule::{Detections, Exception, Exceptions, Severity};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::commands::aws::AwsArgs;
use crate::commands::output::{clean_text, format_time, new_table, pluralize, print_message};
use crate::commands::scan::target::ScanTarget;
use crate::commands::scan::{Found, Scan};
use crate::commands::time_range::TimeRangeArgs;

/// How far back a bucket is scanned by default.
const DEFAULT_AGE: &str = "7d";

/// Findings of one exception that are printed.
const MAX_SHOWN: usize = 20;

/// Logs to count findings in.
pub struct Logs<'a> {
    pub paths: &'a [PathBuf],
    pub range: &'a TimeRangeArgs,
    pub aws: &'a AwsArgs,
}

/// What one exception would suppress.
#[derive(Default)]
struct Suppressed {
    count: u64,
    /// Those above medium.
    severe: u64,
    /// Time and subject: the first of each kind.
    severe_rows: Vec<[String; 2]>,
    other_rows: Vec<[String; 2]>,
}

/// What each exception would suppress.
pub struct Counted {
    suppressed: BTreeMap<String, Suppressed>,
    /// Every log could be read.
    is_complete: bool,
}

/// Scans logs for findings, and counts those that each exception would suppress.
pub fn count(logs: &Logs<'_>, detections: Detections, now: Timestamp) -> Result<Counted> {
    let active = detections.exceptions.as_slice().iter().cloned().map(Exception::without_times);
    let exceptions = Exceptions::new(active.collect());
    let target = ScanTarget::Rules(Box::new(Detections { exceptions, ..detections }));
    let scan = Scan {
        paths: logs.paths,
        range: logs.range.or_since(logs.paths, DEFAULT_AGE).resolve(now)?,
        target,
        max_bytes: u64::MAX,
        threads: None,
        aws: logs.aws,
    };
    let mut suppressed: BTreeMap<String, Suppressed> = BTreeMap::new();
    let totals = scan.run(now, &mut |found| {
        if let Found::Finding(finding, _) = found
            && let Some(exception) = &finding.exception
        {
            suppressed.entry(exception.clone()).or_default().add(finding);
        }
        Ok(())
    })?;
    print_message(totals.summary_line("finding"));
    Ok(Counted { suppressed, is_complete: totals.is_complete() })
}

impl Counted {
    /// The exit code, if what was counted is a reason for one of its own.
    pub fn exit_code(&self) -> Option<ExitCode> {
        let is_severe = self.suppressed.values().any(|it| it.severe > 0);
        match (self.is_complete, is_severe) {
            (false, _) => Some(ExitCode::from(2)),
            (true, true) => Some(ExitCode::from(1)),
            (true, false) => None,
        }
    }

    /// What an exception would suppress, as JSON.
    pub fn document(&self, name: &str) -> Value {
        let nothing = Suppressed::default();
        let found = self.suppressed.get(name).unwrap_or(&nothing);
        let findings =
            found.rows().map(|[time, subject]| json!({"time": time, "subject": subject}));
        json!({
            "findings": found.count,
            "above_medium": found.severe,
            "first": findings.collect::<Vec<_>>(),
        })
    }

    /// Prints what each exception would suppress.
    pub fn print(&self, exceptions: &[Exception]) -> io::Result<()> {
        print(exceptions, &self.suppressed)
    }
}

impl Suppressed {
    fn add(&mut self, finding: &Finding) {
        self.count += 1;
        let is_severe = finding.severity() > Severity::Medium;
        self.severe += u64::from(is_severe);
        let rows = if is_severe { &mut self.severe_rows } else { &mut self.other_rows };
        if rows.len() < MAX_SHOWN {
            rows.push([format_time(finding.time), alert::finding_subject(finding)]);
        }
    }

    /// The rows that are printed, those above medium first.
    fn rows(&self) -> impl Iterator<Item = &[String; 2]> {
        self.severe_rows.iter().chain(&self.other_rows).take(MAX_SHOWN)
    }
}

fn print(exceptions: &[Exception], suppressed: &BTreeMap<String, Suppressed>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for Exception { name, .. } in exceptions {
        let clean_name = clean_text(name);
        let Some(found) = suppressed.get(name) else {
            writeln!(out, "\n{clean_name} would suppress nothing")?;
            continue;
        };
        let severe = match found.severe {
            0 => String::new(),
            severe => format!(", {severe} of them ABOVE MEDIUM"),
        };
        let count = pluralize(found.count, "finding");
        writeln!(out, "\n{clean_name} would suppress {count}{severe}")?;
        let mut table = new_table(["Time (UTC)", "Finding"]);
        for row in found.rows() {
            table.add_row(row.clone());
        }
        writeln!(out, "{table}")?;
        let more = found.count.saturating_sub(found.rows().count() as u64);
        if more > 0 {
            writeln!(out, "and {more} more: trailbell scan --exceptions shows all")?;
        }
    }
    Ok(())
}
