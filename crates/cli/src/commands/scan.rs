//! `trailbell scan`: the rules, or a query, over files, folders and buckets.

use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use detect::cloudtrail::BadRecord;
use detect::finding::Finding;
use detect::rule::Severity;
use detect::text::error::error_chain;
use jiff::Timestamp;

use crate::commands::args::ScanArgs;
use crate::commands::matches::Match;
use crate::commands::objects::{self, Objects};
use crate::commands::output::{self, Output};
use crate::commands::progress::Progress;
use crate::commands::scan_target::{ScanTarget, SourceEvent};
use crate::commands::source_scan::{Event, Source, SourceScan};
use crate::commands::stats::Stats;
use crate::commands::summary::{Group, Summary};
use crate::commands::window::Window;
use crate::commands::{files, parallel};

pub fn run(args: &ScanArgs) -> Result<ExitCode, Box<dyn Error>> {
    let now = now();
    let window = Window::new(args.since.as_deref(), args.until.as_deref(), now)?;
    let scan_target = ScanTarget::new(args, now)?;
    let (remote, local) = objects::apart(&args.paths);
    let entries = files::below(&local);
    let objects = if remote.is_empty() {
        None
    } else {
        Some(Objects::find(&remote, window, &|region| scan_target.can_match_in(region))?)
    };
    let mut scan = Scan {
        window,
        output: Output::new(args.format, header(args)),
        summary: args.summary.then(Summary::default),
        progress: Progress::new(
            entries.len() + objects.as_ref().map_or(0, |objects| objects.found.len()),
            "files",
        ),
        tally: Tally {
            what: if args.query.is_some() { "match" } else { "finding" },
            ..Tally::default()
        },
    };
    let source_scan = SourceScan {
        scan_target: &scan_target,
        now,
        max_bytes: args.max_object_bytes.unwrap_or(u64::MAX),
    };
    let bodies =
        objects.iter().flat_map(Objects::bodies).map(|(object, body)| Source::Object(object, body));
    let sources = entries.into_iter().map(Source::Entry).chain(bodies);
    let threads =
        args.threads.or(std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let start = Instant::now();
    parallel::in_order(
        threads,
        sources.map(|source| (source.name(), source)),
        |source, news| source_scan.of(source, news),
        |name, news| scan.file(&name, &news),
    )?;
    let stats = args.stats.then(|| scan.tally.stats.tell(start.elapsed(), &scan_target.probe()));
    scan.finish(args.fail_on, stats)
}

fn header(args: &ScanArgs) -> &'static [&'static str] {
    match (&args.query, args.summary) {
        (None, _) => &output::FINDINGS,
        (Some(_), false) => &Match::HEADER,
        (Some(_), true) => &Group::HEADER,
    }
}

/// The most bad records of one file that are named: there can be millions.
const NAMED: u64 = 20;

struct Scan {
    window: Window,
    output: Output,
    /// Matches are counted here instead of being printed one by one.
    summary: Option<Summary>,
    progress: Progress,
    tally: Tally,
}

impl Scan {
    /// Counts a bad record, the `nth` of its file, and names the first ones.
    fn bad_record(&mut self, name: &str, bad: &BadRecord, nth: u64) {
        if nth <= NAMED {
            self.unreadable(name, bad);
        } else {
            self.tally.unreadable += 1;
        }
    }

    /// Prints and counts what one file, or one object, gave.
    fn file(&mut self, name: &str, events: &Receiver<Event>) -> io::Result<()> {
        let (mut ended, mut sights, mut bad_records) = (false, Ok(()), 0);
        for event in events {
            match event {
                Event::Skipped(reason) => {
                    ended = true;
                    self.tally.skipped += 1;
                    self.progress.say(&format!("trailbell: {}: skipped: {reason}", shown(name)));
                }
                Event::Opened => self.tally.files += 1,
                Event::SourceEvent(SourceEvent::Bad(bad)) => {
                    bad_records += 1;
                    self.bad_record(name, &bad, bad_records);
                }
                Event::SourceEvent(sight) => sights = sights.and_then(|()| self.sight(sight)),
                Event::Unreadable(error) => {
                    ended = true;
                    self.unreadable(name, &*error);
                }
                Event::Read(cost) => {
                    ended = true;
                    self.tally.stats.add(&cost);
                }
            }
        }
        if !ended {
            self.unreadable(name, &io::Error::other("the thread that read it died"));
        }
        if let more @ 1.. = bad_records.saturating_sub(NAMED) {
            self.progress.say(&format!("trailbell: {}: and {more} more bad records", shown(name)));
        }
        self.progress.advance();
        sights
    }

    fn sight(&mut self, sight: SourceEvent) -> io::Result<()> {
        match sight {
            SourceEvent::Finding(finding) if self.window.holds(finding.time) => {
                self.tally.finding(&finding);
                self.output.finding(&finding)
            }
            SourceEvent::Match(found) if self.window.holds(found.record.time()) => {
                self.tally.found += 1;
                match &mut self.summary {
                    Some(summary) => summary.add(&found),
                    None => return self.output.found(&found),
                }
                Ok(())
            }
            SourceEvent::Finding(_) | SourceEvent::Match(_) | SourceEvent::Bad(_) => Ok(()),
        }
    }

    fn unreadable(&mut self, name: &str, error: &dyn Error) {
        self.tally.unreadable += 1;
        let error = error_chain(error);
        self.progress.say(&format!("trailbell: {}: {error}", shown(name)));
    }

    fn finish(
        mut self,
        fail_on: Option<Severity>,
        stats: Option<String>,
    ) -> Result<ExitCode, Box<dyn Error>> {
        self.progress.finish();
        for group in self.summary.take().into_iter().flat_map(Summary::groups) {
            self.output.group(&group)?;
        }
        self.output.finish()?;
        output::say(&self.tally);
        stats.iter().for_each(output::say);
        Ok(self.tally.exit_code(fail_on))
    }
}

/// What a scan came upon, in numbers.
#[derive(Debug, Default)]
struct Tally {
    /// What is counted: findings, or matches of a query.
    what: &'static str,
    files: u64,
    stats: Stats,
    found: u64,
    /// Findings that an exception matched.
    suppressed: u64,
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
            Some(_) => self.suppressed += 1,
            None => self.worst = self.worst.max(Some(finding.rule.severity)),
        }
    }

    /// Nothing to read at all is no success: "nothing found" must mean that something was looked
    /// at.
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
        if self.suppressed > 0 {
            write!(f, " ({} suppressed)", self.suppressed)?;
        }
        let (records, prefiltered) = (self.stats.records(), self.stats.prefiltered());
        match (records, prefiltered) {
            (0, 1..) => write!(f, " in {}", counted(self.files, "file"))?,
            _ => {
                write!(f, " in {} of {}", counted(records, "record"), counted(self.files, "file"))?
            }
        }
        if prefiltered > 0 {
            write!(f, ", {prefiltered} only probed")?;
        }
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
    detect::text::clean::text(name, 4096)
}

#[expect(clippy::disallowed_methods, reason = "where this command reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
