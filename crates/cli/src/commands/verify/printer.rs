//! Prints what a verification finds: what is not valid, a table, and a summary.

use std::io::{self, BufWriter, Stdout, Write};
use std::process::ExitCode;

use anyhow::Result;
use detect::text::clean;
use detect::text::error::error_chain;
use detect::text::time::{format_column_time, format_rfc3339};
use serde_json::{Value, json};
use trailbell::integrity::Verdict;
use trailbell::integrity::chain::{Gap, GapCause};
use trailbell::integrity::verify::{ChainSummary, CheckedKind, CheckedObject, RegionReport};

use super::totals::{ObjectCounts, Totals};
use crate::commands::output::{Format, clean_text, new_table, pluralize, print_message};

/// Lines about objects that are printed as text; the other formats have all of them.
const MAX_LINES: u64 = 200;

pub struct Printer {
    out: BufWriter<Stdout>,
    format: Format,
    pub totals: Totals,
    rows: Vec<Vec<String>>,
    chains: Vec<Value>,
    lines: u64,
    documents: u64,
}

impl Printer {
    pub fn new(format: Format) -> Printer {
        Printer {
            out: BufWriter::new(io::stdout()),
            format,
            totals: Totals::default(),
            rows: Vec::new(),
            chains: Vec::new(),
            lines: 0,
            documents: 0,
        }
    }

    /// Prints and counts what comes of an account and region.
    pub fn print_region(&mut self, report: &RegionReport) -> io::Result<()> {
        self.totals.unverified += report.unverified_logs;
        for object in &report.objects {
            self.print_object(object)?;
        }
        for chain in &report.chains {
            self.add_chain(report, chain)?;
        }
        if report.chains.is_empty() && report.unverified_logs > 0 {
            self.totals.failures += 1;
            let place = &report.place;
            print_message(format_args!(
                "account {}, {}: {} and no digests",
                place.account,
                place.region,
                pluralize(report.unverified_logs, "log file"),
            ));
        }
        self.out.flush()
    }

    fn print_object(&mut self, object: &CheckedObject) -> io::Result<()> {
        let CheckedObject { kind, key, bucket, verdict } = object;
        let kind = match kind {
            CheckedKind::Digest => "digest",
            CheckedKind::Log => "log",
        };
        let (status, reason) = describe(verdict);
        match self.format {
            Format::Table if *status == *"valid" => Ok(()),
            Format::Table => {
                let reason = reason.unwrap_or_default();
                self.print_line(&format!("{status:<9} {kind:<6} s3://{bucket}/{key}\n  {reason}"))
            }
            Format::Json | Format::Ndjson => {
                let document = json!({
                    "kind": kind, "bucket": bucket, "key": key, "status": status, "reason": reason,
                });
                self.print_document(&document)
            }
        }
    }

    fn print_line(&mut self, lines: &str) -> io::Result<()> {
        self.lines += 1;
        if self.lines > MAX_LINES {
            return Ok(());
        }
        lines.split('\n').try_for_each(|line| writeln!(self.out, "{}", clean_text(line)))
    }

    fn print_document(&mut self, document: &Value) -> io::Result<()> {
        let json = clean::json(&document.to_string());
        self.documents += 1;
        match (self.format, self.documents) {
            (Format::Json, 1) => write!(self.out, "[\n{json}"),
            (Format::Json, _) => write!(self.out, ",\n{json}"),
            _ => writeln!(self.out, "{json}"),
        }
    }

    fn add_chain(&mut self, report: &RegionReport, chain: &ChainSummary) -> io::Result<()> {
        let counts = ObjectCounts::of(&report.objects[chain.objects.clone()]);
        self.totals.objects.add(counts);
        self.totals.gaps += chain.gaps.len() as u64;
        let place = &report.place;
        if self.format == Format::Table {
            for gap in &chain.gaps {
                let line = format!(
                    "gap       account {}, {}, trail {}: {} to {} UTC\n  {}",
                    place.account,
                    place.region,
                    chain.trail,
                    format_column_time(gap.from),
                    format_column_time(gap.until),
                    explain(gap.cause),
                );
                self.print_line(&line)?;
            }
        }
        let (from, until) = chain.covered.unzip();
        let covered = from.zip(until).map_or("nothing".to_owned(), |(from, until)| {
            format!("{} to {}", format_column_time(from), format_column_time(until))
        });
        let kind = if chain.is_backfill { " (backfill)" } else { "" };
        let row = [
            place.account.clone(),
            clean::short_name(&place.region, 40),
            format!("{}{kind}", clean::short_name(&chain.trail, 128)),
            counts.digests.text(),
            counts.logs.text(),
            covered,
            if chain.gaps.is_empty() { "none".to_owned() } else { chain.gaps.len().to_string() },
        ];
        self.rows.push(row.to_vec());
        self.chains.push(json!({
            "account": place.account,
            "region": place.region,
            "trail": chain.trail,
            "backfill": chain.is_backfill,
            "digests": counts.digests.json(),
            "logs": counts.logs.json(),
            "from": from.map(format_rfc3339),
            "until": until.map(format_rfc3339),
            "gaps": chain.gaps.iter().map(gap_json).collect::<Vec<_>>(),
        }));
        Ok(())
    }

    /// Prints the table, or the last document, and the summary.
    pub fn finish(mut self, path: &str) -> Result<ExitCode> {
        if let more @ 1.. = self.lines.saturating_sub(MAX_LINES) {
            writeln!(self.out, "… and {more} more: --format ndjson prints all")?;
        }
        match self.format {
            Format::Table if self.rows.is_empty() => {}
            Format::Table => {
                let header =
                    ["Account", "Region", "Trail", "Digests", "Log files", "Covered (UTC)", "Gaps"];
                let mut table = new_table(header);
                table.add_rows(std::mem::take(&mut self.rows));
                let separator = if self.lines > 0 { "\n" } else { "" };
                writeln!(self.out, "{separator}{table}")?;
            }
            Format::Json | Format::Ndjson => {
                let summary = self.summary();
                self.print_document(&summary)?;
            }
        }
        if self.format == Format::Json {
            writeln!(self.out, "\n]")?;
        }
        self.out.flush()?;
        print_message(self.summary_line(path));
        Ok(self.totals.exit_code())
    }

    fn summary(&mut self) -> Value {
        let Totals { objects, unverified, failures, gaps } = &self.totals;
        json!({
            "kind": "summary",
            "status": self.totals.status(),
            "digests": objects.digests.json(),
            "logs": objects.logs.json(),
            "unverified": unverified,
            "gaps": gaps,
            "failures": failures,
            "chains": std::mem::take(&mut self.chains),
        })
    }

    fn summary_line(&self, path: &str) -> String {
        let Totals { objects, unverified, gaps, .. } = &self.totals;
        if objects.digests == Default::default() {
            return format!("{path}: no digests in that time: nothing could be checked");
        }
        let verdict = match self.totals.status() {
            "valid" => "all valid",
            "invalid" => "NOT VALID",
            _ => "not all could be checked",
        };
        let (digests, logs) = (objects.digests.text(), objects.logs.text());
        let mut line = format!("{verdict}: digests {digests}; log files {logs}");
        if *unverified > 0 {
            let more = pluralize(unverified, "more log file");
            line += &format!("; {more} that no valid digest covers");
        }
        if *gaps > 0 {
            line += &format!("; {}", pluralize(gaps, "gap"));
        }
        line
    }
}

/// The status of a verdict, and why it is not `valid`.
pub fn describe(verdict: &Verdict) -> (&'static str, Option<String>) {
    match verdict {
        Verdict::Valid => ("valid", None),
        Verdict::Invalid(problem) => ("invalid", Some(error_chain(&**problem))),
        Verdict::Missing(absence) => ("missing", Some(absence.to_string())),
        Verdict::Unchecked(error) => ("unchecked", Some(error_chain(&**error))),
    }
}

fn gap_json(gap: &Gap) -> Value {
    json!({
        "from": format_rfc3339(gap.from),
        "until": format_rfc3339(gap.until),
        "reason": explain(gap.cause),
    })
}

/// The cause of a gap in words.
pub fn explain(cause: GapCause) -> &'static str {
    match cause {
        GapCause::Digests => "digests are missing or not valid",
        GapCause::Restart => {
            "a new chain of digests begins: logging or validation was stopped, or the trail replaced"
        }
        GapCause::Elsewhere => "the digests before are in another bucket or folder",
    }
}
