//! `trailbell scan`: the rules, or a query, over files, folders and buckets.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use trailbell::cloudtrail::Body;
use trailbell::cloudtrail::reader::Options;
use trailbell::finding::{Finding, Origin};
use trailbell::notification::ObjectRef;
use trailbell::rule::Severity;
use trailbell::store::{StoreError, open_file};

use crate::args::ScanArgs;
use crate::files::{self, Entry};
use crate::look::{Look, Sight};
use crate::matches::Match;
use crate::objects::{self, Objects};
use crate::output::{self, Output};
use crate::progress::Progress;
use crate::summary::{Group, Summary};
use crate::window::Window;

pub fn run(args: &ScanArgs) -> Result<ExitCode, Box<dyn Error>> {
    let now = now();
    let window = Window::new(args.since.as_deref(), args.until.as_deref(), now)?;
    let look = Look::new(args, now)?;
    let (remote, local) = objects::apart(&args.paths);
    let entries = files::below(&local);
    let objects = if remote.is_empty() {
        None
    } else {
        Some(Objects::find(&remote, window, &|region| look.can_match_in(region))?)
    };
    let mut scan = Scan {
        look,
        now,
        window,
        max_bytes: args.max_object_bytes.unwrap_or(u64::MAX),
        output: Output::new(args.format, header(args)),
        summary: args.summary.then(Summary::default),
        progress: Progress::new(entries.len() + objects.as_ref().map_or(0, |objects| objects.found.len())),
        tally: Tally { what: if args.query.is_some() { "match" } else { "finding" }, ..Tally::default() },
    };
    for entry in &entries {
        scan.entry(entry)?;
    }
    for (object, body) in objects.iter().flat_map(Objects::bodies) {
        scan.object(&object, body)?;
    }
    scan.finish(args.fail_on)
}

fn header(args: &ScanArgs) -> &'static [&'static str] {
    match (&args.query, args.summary) {
        (None, _) => &output::FINDINGS,
        (Some(_), false) => &Match::HEADER,
        (Some(_), true) => &Group::HEADER,
    }
}

/// The most bad records of one file that are named: there can be millions.
const NAMED: usize = 20;

struct Scan {
    look: Look,
    now: Timestamp,
    window: Window,
    max_bytes: u64,
    output: Output,
    /// Matches are counted here instead of being printed one by one.
    summary: Option<Summary>,
    progress: Progress,
    tally: Tally,
}

impl Scan {
    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        match entry {
            Entry::Log { path, lines } => self.file(path, *lines)?,
            Entry::Skipped { path, reason } => {
                self.tally.skipped += 1;
                let name = path.display().to_string();
                self.progress.say(&format!("trailbell: {}: skipped: {reason}", shown(&name)));
            }
            Entry::Unreadable { path, error } => self.unreadable(&path.display().to_string(), error),
        }
        self.progress.advance();
        Ok(())
    }

    fn file(&mut self, path: &Path, lines: bool) -> io::Result<()> {
        let name = path.display().to_string();
        let origin = |record| Origin::File { path: name.clone(), record };
        match open_file(path) {
            Ok(body) => self.body(body, &name, lines, &origin),
            Err(error) => {
                self.tally.files += 1;
                self.unreadable(&name, &error);
                Ok(())
            }
        }
    }

    fn object(&mut self, object: &ObjectRef, body: Result<Body, StoreError>) -> io::Result<()> {
        let (bucket, key) = (&object.bucket, &object.key);
        let origin = |record| Origin::Object { bucket: bucket.clone(), key: key.clone(), record };
        let read = match body {
            Ok(body) => self.body(body, &object.to_string(), false, &origin),
            Err(error) => {
                self.tally.files += 1;
                self.unreadable(&object.to_string(), &error);
                Ok(())
            }
        };
        self.progress.advance();
        read
    }

    fn body(&mut self, body: Body, name: &str, lines: bool, origin: &dyn Fn(usize) -> Origin) -> io::Result<()> {
        self.tally.files += 1;
        let options = Options { max_bytes: self.max_bytes, lines };
        let (mut sights, window) = (Ok(()), self.window);
        let (mut bad_records, mut unnamed) = (Vec::new(), 0);
        let (tally, output, summary) = (&mut self.tally, &mut self.output, &mut self.summary);
        let (read, end) = self.look.through(body, options, self.now, origin, &mut |sight| match sight {
            Sight::Bad(bad) if bad_records.len() < NAMED => bad_records.push(bad),
            Sight::Bad(_) => unnamed += 1,
            _ if sights.is_err() => {}
            Sight::Finding(finding) if window.holds(finding.time) => {
                tally.finding(&finding);
                sights = output.finding(&finding);
            }
            Sight::Match(found) if window.holds(found.record.time()) => {
                tally.found += 1;
                match summary {
                    Some(summary) => summary.add(&found),
                    None => sights = output.found(&found),
                }
            }
            Sight::Finding(_) | Sight::Match(_) => {}
        });
        self.tally.records += read.records;
        bad_records.iter().for_each(|bad| self.unreadable(name, bad));
        if unnamed > 0 {
            self.tally.unreadable += unnamed;
            self.progress.say(&format!("trailbell: {}: and {unnamed} more bad records", shown(name)));
        }
        if let Err(error) = end {
            self.unreadable(name, &error);
        }
        sights
    }

    fn unreadable(&mut self, name: &str, error: &dyn Error) {
        self.tally.unreadable += 1;
        self.progress.say(&format!("trailbell: {}: {error}", shown(name)));
    }

    fn finish(mut self, fail_on: Option<Severity>) -> Result<ExitCode, Box<dyn Error>> {
        self.progress.finish();
        for group in self.summary.take().into_iter().flat_map(Summary::groups) {
            self.output.group(&group)?;
        }
        self.output.finish()?;
        output::say(&self.tally);
        Ok(self.tally.exit_code(fail_on))
    }
}

/// What a scan came upon, in numbers.
#[derive(Debug, Default)]
struct Tally {
    /// What is counted: findings, or matches of a query.
    what: &'static str,
    files: u64,
    records: u64,
    found: u64,
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
        self.found += 1;
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
        let counted = |count: u64, what: &str| match (count, what) {
            (1, _) => format!("1 {what}"),
            (_, "match") => format!("{count} matches"),
            _ => format!("{count} {what}s"),
        };
        f.write_str(&counted(self.found, self.what))?;
        if self.excepted > 0 {
            write!(f, " ({} excepted)", self.excepted)?;
        }
        write!(f, " in {} of {}", counted(self.records, "record"), counted(self.files, "file"))?;
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

fn shown(name: &str) -> String {
    trailbell::alert::clean::text(name, 4096)
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
