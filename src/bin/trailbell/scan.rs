//! `trailbell scan`: the rules over files and folders.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use trailbell::cloudtrail::reader::Options;
use trailbell::finding::{Finding, Origin};
use trailbell::pipeline::{Hit, search};
use trailbell::rule::{Detections, Severity};
use trailbell::store::open_file;

use crate::args::ScanArgs;
use crate::files::{self, Entry};
use crate::output::Output;
use crate::progress::Progress;
use crate::{exceptions, rules};

pub fn run(args: &ScanArgs) -> Result<ExitCode, Box<dyn Error>> {
    let rules = rules::load(!args.no_default_rules, &args.rules)?;
    let exceptions = exceptions::load(&args.exceptions, &rules)?;
    let now = now();
    for notice in exceptions.expiring(now) {
        eprintln!("trailbell: warning: {notice}");
    }
    let entries = files::below(&args.paths);
    let mut scan = Scan {
        detections: Detections::new(rules, exceptions),
        now,
        max_bytes: args.max_object_bytes.unwrap_or(u64::MAX),
        output: Output::new(args.format),
        progress: Progress::new(entries.len()),
        tally: Tally::default(),
    };
    for entry in &entries {
        scan.entry(entry)?;
    }
    scan.progress.finish();
    scan.output.finish()?;
    eprintln!("{}", scan.tally);
    Ok(scan.tally.exit_code(args.fail_on))
}

struct Scan {
    detections: Detections,
    now: Timestamp,
    max_bytes: u64,
    output: Output,
    progress: Progress,
    tally: Tally,
}

impl Scan {
    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        match entry {
            Entry::Log { path, lines } => self.file(path, *lines)?,
            Entry::Skipped { path, reason } => {
                self.tally.skipped += 1;
                self.progress.say(&format!("trailbell: {}: skipped: {reason}", shown(path)));
            }
            Entry::Unreadable { path, error } => self.unreadable(path, error),
        }
        self.progress.advance();
        Ok(())
    }

    fn file(&mut self, path: &Path, lines: bool) -> io::Result<()> {
        self.tally.files += 1;
        let body = match open_file(path) {
            Ok(body) => body,
            Err(error) => {
                self.unreadable(path, &error);
                return Ok(());
            }
        };
        let name = path.display().to_string();
        let origin = |record| Origin::File { path: name.clone(), record };
        let options = Options { max_bytes: self.max_bytes, lines };
        let (mut printed, mut bad_records) = (Ok(()), Vec::new());
        let (read, end) = search(body, options, &self.detections, self.now, &origin, &mut |hit| match hit {
            Hit::Finding(finding) if printed.is_ok() => {
                self.tally.finding(&finding);
                printed = self.output.finding(&finding);
            }
            Hit::Finding(_) => {}
            Hit::Bad(bad) => bad_records.push(bad),
        });
        self.tally.records += read.records;
        bad_records.iter().for_each(|bad| self.unreadable(path, bad));
        if let Err(error) = end {
            self.unreadable(path, &error);
        }
        printed
    }

    fn unreadable(&mut self, path: &Path, error: &dyn Error) {
        self.tally.unreadable += 1;
        self.progress.say(&format!("trailbell: {}: {error}", shown(path)));
    }
}

/// What a scan came upon, in numbers.
#[derive(Debug, Default)]
struct Tally {
    files: u64,
    records: u64,
    findings: u64,
    /// Findings that an exception matched.
    excepted: u64,
    skipped: u64,
    /// Files and records that could not be read.
    unreadable: u64,
    /// The worst finding that no exception matched.
    worst: Option<Severity>,
}

impl Tally {
    fn finding(&mut self, finding: &Finding) {
        self.findings += 1;
        match finding.exception {
            Some(_) => self.excepted += 1,
            None => self.worst = self.worst.max(Some(finding.rule.severity)),
        }
    }

    /// Nothing to read at all is no success: "nothing found" must mean that something was looked at.
    fn exit_code(&self, fail_on: Option<Severity>) -> ExitCode {
        if self.unreadable > 0 || self.files == 0 {
            return ExitCode::from(2);
        }
        let reached = fail_on.is_some_and(|limit| self.worst.is_some_and(|worst| worst >= limit));
        ExitCode::from(u8::from(reached))
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let s = |count: u64| if count == 1 { "" } else { "s" };
        let (findings, records, files) = (self.findings, self.records, self.files);
        write!(f, "{findings} finding{}", s(findings))?;
        if self.excepted > 0 {
            write!(f, " ({} excepted)", self.excepted)?;
        }
        write!(f, " in {records} record{} of {files} file{}", s(records), s(files))?;
        if self.skipped > 0 {
            write!(f, "; {} skipped", self.skipped)?;
        }
        if self.unreadable > 0 {
            write!(f, "; {} could not be read", self.unreadable)?;
        }
        if self.files == 0 {
            write!(f, "; there was no log file to read")?;
        }
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    trailbell::alert::clean::text(&path.display().to_string(), 4096)
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
