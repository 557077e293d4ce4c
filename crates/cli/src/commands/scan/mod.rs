//! `trailbell scan`: runs the rules, or a query, over files, directories and buckets.

pub mod files;
mod matches;
mod objects;
mod over_time;
mod parallel;
mod printer;
mod source;
pub mod target;
pub mod totals;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::Receiver;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::Result;
use detect::cloudtrail::S3Prefix;
use detect::finding::Finding;
use detect::rule::{RuleSet, Severity};
use detect::text::error::error_chain;
use jiff::Timestamp;

use crate::commands::arguments::DetectionArgs;
use crate::commands::aws::AwsArgs;
use crate::commands::output::{Format, print_message, print_warning};
use crate::commands::progress::Progress;
use crate::commands::setup;
use crate::commands::time_range::{TimeRange, TimeRangeArgs};
use matches::Match;
use objects::Objects;
use over_time::{OverTime, SeveralCalls};
use parallel::run_in_order;
use printer::Printer;
use source::{Source, SourceScan};
use target::{ScanTarget, SourceEvent};
use totals::Totals;

/// Run the rules, or a query, over log files, directories and buckets.
///
/// Reads .json, .ndjson and .jsonl files, gzipped or not, and skips others. In a bucket, follows
/// CloudTrail's key layout (account, region, day) and lists nothing else; a bucket needs --since,
/// unless the prefix names a day. Findings of thresholds, sequences and new_terms rules come last:
/// they are decided over all files, and every value is new at first. One of several calls is the
/// last call; trailbell.members of its document has all. --since and --until apply to the time of
/// the call. Credentials, region and AWS_ENDPOINT_URL are read as by the AWS CLI.
///
/// Exit codes: 0 everything was scanned; 1 a finding reached --fail-on; 2 something could not be
/// read (the rest was scanned), or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, directories, s3://BUCKET/PREFIX, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print the records that match this query (KQL) instead of findings
    #[arg(
        long,
        value_name = "KQL",
        conflicts_with_all = ["rules", "rule_sets", "exceptions", "fail_on"],
    )]
    query: Option<String>,
    /// With --query: count the matches by principal, service and action
    #[arg(long, requires = "query")]
    summary: bool,
    #[command(flatten)]
    range: TimeRangeArgs,
    /// How to print the findings or records
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    detection: DetectionArgs,
    /// Exit with 1 if a finding has this severity or a higher one. Suppressed findings do not count
    #[arg(long, value_name = "SEVERITY", value_parser = parse_severity)]
    fail_on: Option<Severity>,
    /// Limit of the inflated bytes of one file [default: no limit]
    #[arg(long, value_name = "BYTES")]
    max_object_bytes: Option<u64>,
    /// Files to read at once [default: one per processor]. Does not change the output
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Print the speed, and how far files were read
    #[arg(long)]
    stats: bool,
    #[command(flatten)]
    aws: AwsArgs,
}

/// Bad records of one file that are printed: there can be millions.
const MAX_BAD_RECORDS: u64 = 20;

fn parse_severity(text: &str) -> Result<Severity, &'static str> {
    Severity::from_word(text).ok_or("expected low, medium, high or critical")
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let now = setup::now();
    let range = args.range.resolve(now)?;
    let target = match &args.query {
        Some(query) => {
            warn_of_equals(query);
            ScanTarget::from_query(query)?
        }
        None => ScanTarget::from_detections(args.detection.load()?, now),
    };
    let scan = Scan {
        paths: &args.paths,
        range,
        target,
        max_bytes: args.max_object_bytes.unwrap_or(u64::MAX),
        threads: args.threads,
        aws: &args.aws,
    };
    let mut printer = Printer::new(args.format, args.query.is_some(), args.summary);
    let start = Instant::now();
    let totals = scan.run(now, &mut |found| match found {
        Found::Finding(finding, calls) => printer.print_finding(finding, calls),
        Found::Match(matched) => printer.print_match(matched),
    })?;
    let elapsed = start.elapsed();
    printer.finish()?;
    print_message(totals.summary_line(if args.query.is_some() { "match" } else { "finding" }));
    if args.stats {
        print_message(totals.statistics(elapsed, &scan.target.prefilter_summary()));
    }
    Ok(totals.exit_code(args.fail_on))
}

/// What is scanned, and for what.
pub struct Scan<'a> {
    pub paths: &'a [PathBuf],
    pub range: TimeRange,
    pub target: ScanTarget,
    /// Limit of the inflated bytes of one file.
    pub max_bytes: u64,
    /// `None`: one per processor.
    pub threads: Option<NonZeroUsize>,
    /// How to sign in, if a path is a bucket.
    pub aws: &'a AwsArgs,
}

/// What a scan found.
pub enum Found<'a> {
    /// A finding, and the calls that it is about, if there are several.
    Finding(&'a Finding, Option<&'a SeveralCalls>),
    Match(&'a Match),
}

type OnFound<'a> = dyn FnMut(Found<'_>) -> io::Result<()> + 'a;

impl Scan<'_> {
    /// Passes what it finds to `on_found`, in the order of the paths. Prints what cannot be read.
    /// Fails if nothing can be scanned, or `on_found` fails.
    pub fn run(&self, now: Timestamp, on_found: &mut OnFound<'_>) -> Result<Totals> {
        let (files, objects) = find_sources(self.paths, self.range, &self.target, self.aws)?;
        let objects_found = objects.as_ref().map_or(0, |objects| objects.found.len());
        let mut run = ScanRun {
            range: self.range,
            progress: Progress::new(files.len() + objects_found, "files"),
            on_found,
            totals: Totals::default(),
            rules: self.target.rule_set(),
            over_time: OverTime::default(),
            now,
        };
        let source_scan = SourceScan { target: &self.target, now, max_bytes: self.max_bytes };
        let sources = files.into_iter().chain(objects.iter().flat_map(Objects::fetch));
        let threads = self.threads.or(available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        run_in_order(
            threads,
            sources.map(|source| (source.name(), source)),
            |source, events| source_scan.run(source, events),
            |name, events| run.take_events(&name, &events),
        )?;
        run.progress.finish();
        run.take_over_time()?;
        Ok(run.totals)
    }
}

/// To KQL, `field = value` is a text with an equals sign in it, which no record has.
fn warn_of_equals(query: &str) {
    let is_field = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || b"_.".contains(&byte);
        name.contains('.') && name.bytes().all(is_part)
    };
    // Outside of quotes.
    for text in query.split('"').step_by(2) {
        for (at, _) in text.match_indices('=') {
            let before = text[..at].trim_end_matches(['=', ' ']);
            let name = before.rsplit([' ', '(']).next().unwrap_or_default();
            if is_field(name) {
                return print_warning(format_args!(
                    "KQL compares with `:`, as in `{name}: value`, not with `=`"
                ));
            }
        }
    }
}

/// Finds the files and the objects at `paths`. AWS is only asked if one of them is in a bucket.
fn find_sources(
    paths: &[PathBuf],
    range: TimeRange,
    target: &ScanTarget,
    aws: &AwsArgs,
) -> Result<(Vec<Source>, Option<Objects>)> {
    let mut remote = Vec::new();
    let mut local = Vec::new();
    for path in paths {
        match path.to_str().and_then(S3Prefix::parse) {
            Some(place) => remote.push(place),
            None => local.push(path.as_path()),
        }
    }
    let files = files::find_files(&local);
    if remote.is_empty() {
        return Ok((files, None));
    }
    let is_wanted = |account: &str, region: &str| target.can_match_in(account, region);
    let objects = Objects::find(&remote, range, &is_wanted, aws)?;
    Ok((files, Some(objects)))
}

struct ScanRun<'a, 'f> {
    range: TimeRange,
    progress: Progress,
    on_found: &'a mut OnFound<'f>,
    totals: Totals,
    /// `None` if a query is matched.
    rules: Option<&'a RuleSet>,
    over_time: OverTime,
    now: Timestamp,
}

impl ScanRun<'_, '_> {
    /// Passes on what rules found in several records.
    fn take_over_time(&mut self) -> io::Result<()> {
        for found in std::mem::take(&mut self.over_time).finish(self.rules) {
            self.totals.count_finding(&found.finding);
            (self.on_found)(Found::Finding(&found.finding, found.calls.as_ref()))?;
        }
        Ok(())
    }

    /// Passes on and counts what was found in one source.
    fn take_events(&mut self, name: &str, events: &Receiver<SourceEvent>) -> io::Result<()> {
        let mut ended = false;
        let mut bad_records = 0;
        for event in events {
            match event {
                SourceEvent::Finding(finding) if self.range.contains(finding.time) => {
                    if let Some(finding) = self.over_time.add(finding, self.rules, self.now) {
                        self.totals.count_finding(&finding);
                        (self.on_found)(Found::Finding(&finding, None))?;
                    }
                }
                SourceEvent::Match(matched) if self.range.contains(matched.record.time()) => {
                    self.totals.found += 1;
                    (self.on_found)(Found::Match(&matched))?;
                }
                SourceEvent::Finding(_) | SourceEvent::Match(_) => {}
                SourceEvent::BadRecord(bad) => {
                    bad_records += 1;
                    match bad_records <= MAX_BAD_RECORDS {
                        true => self.fail(name, error_chain(&bad)),
                        false => self.totals.failed += 1,
                    }
                }
                SourceEvent::Skipped(reason) => {
                    ended = true;
                    self.totals.skipped += 1;
                    self.progress.print_error(format_args!("{name}: skipped: {reason}"));
                }
                SourceEvent::Failed(error) => {
                    ended = true;
                    self.fail(name, error_chain(&*error));
                }
                SourceEvent::Read(read) => {
                    ended = true;
                    self.totals.add_read(&read);
                }
            }
        }
        if !ended {
            self.fail(name, "the thread that read it panicked".to_owned());
        }
        if let more @ 1.. = bad_records.saturating_sub(MAX_BAD_RECORDS) {
            self.progress.print_error(format_args!("{name}: {more} more bad records"));
        }
        self.progress.advance(1);
        Ok(())
    }

    /// Counts, prints and names something that could not be read.
    fn fail(&mut self, name: &str, problem: String) {
        self.totals.failed += 1;
        self.progress.print_error(format_args!("{name}: {problem}"));
        self.totals.unreadable.push((name.to_owned(), problem));
    }
}
