//! What a scan read, found and cost.

use std::process::ExitCode;
use std::time::Duration;

use detect::cloudtrail::reader::{ReadStats, ScanMode};
use detect::finding::Finding;
use detect::rule::Severity;

use crate::commands::output::pluralize;

#[derive(Debug, Default)]
pub struct Totals {
    /// Findings, or records that match the query.
    pub found: u64,
    /// Files that were not read on purpose.
    pub skipped: u64,
    /// Files and records that could not be read.
    pub failed: u64,
    /// Their names and problems; of many records of one file only the first.
    pub unreadable: Vec<(String, String)>,
    suppressed: u64,
    /// The highest severity of a finding that is not suppressed.
    highest: Option<Severity>,
    /// Files that the prefilter ruled out.
    prefiltered: u64,
    /// Files that were split into records.
    split: u64,
    read: ReadStats,
}

impl Totals {
    pub fn count_finding(&mut self, finding: &Finding) {
        self.found += 1;
        match finding.suppression() {
            Some(_) => self.suppressed += 1,
            None => self.highest = self.highest.max(Some(finding.severity())),
        }
    }

    pub fn add_read(&mut self, read: &ReadStats) {
        match read.mode {
            ScanMode::Prefiltered => self.prefiltered += 1,
            ScanMode::Parsed => self.split += 1,
        }
        self.read.bytes += read.bytes;
        self.read.records += read.records;
        self.read.parsed += read.parsed;
    }

    /// Files that were read.
    pub fn files(&self) -> u64 {
        self.prefiltered + self.split
    }

    /// Returns true if all was read. A scan of nothing is a failure: otherwise "0 findings" could
    /// mean a mistyped path.
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.files() > 0
    }

    pub fn exit_code(&self, fail_on: Option<Severity>) -> ExitCode {
        if !self.is_complete() {
            return ExitCode::from(2);
        }
        let reached = fail_on.is_some_and(|limit| self.highest >= Some(limit));
        ExitCode::from(u8::from(reached))
    }

    /// One line with the counts. `noun` says what was looked for, `finding` or `match`.
    pub fn summary_line(&self, noun: &str) -> String {
        let mut line = pluralize(self.found, noun);
        if self.suppressed > 0 {
            line += &format!(" ({} suppressed)", self.suppressed);
        }
        line += " in ";
        // The records of files that the prefilter ruled out are not counted.
        if self.read.records > 0 || self.prefiltered == 0 {
            line += &format!("{} of ", pluralize(self.read.records, "record"));
        }
        line += &pluralize(self.files(), "file");
        if self.prefiltered > 0 {
            line += &format!(", {} ruled out by the prefilter", self.prefiltered);
        }
        if self.skipped > 0 {
            line += &format!("; {} skipped", self.skipped);
        }
        if self.failed > 0 {
            line += &format!("; {} could not be read", self.failed);
        } else if self.files() == 0 {
            line += "; no log files found";
        }
        line
    }

    /// The speed, and how far files were read. `prefilter` says whether they were prefiltered.
    pub fn statistics(&self, elapsed: Duration, prefilter: &str) -> String {
        let seconds = elapsed.as_secs_f64();
        let megabytes = self.read.bytes as f64 / 1e6;
        let speed = megabytes / seconds.max(f64::MIN_POSITIVE);
        let Totals { prefiltered, split, .. } = self;
        let ReadStats { records, parsed, .. } = self.read;
        format!(
            "{megabytes:.1} MB inflated in {seconds:.3} s: {speed:.0} MB/s\n\
             {prefiltered} files ruled out by the prefilter, {split} split into {records} records, \
             {parsed} of them parsed\n\
             prefilter: {prefilter}"
        )
    }
}
