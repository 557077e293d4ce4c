//! `trailbell scan`: runs the rules, or a query, over files, directories and buckets.

pub mod files;
mod matches;
mod objects;
mod parallel;
mod printer;
mod source;
mod target;
mod totals;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::Receiver;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::Result;
use detect::cloudtrail::S3Prefix;
use detect::rule::Severity;
use detect::text::error::error_chain;

use crate::commands::arguments::DetectionArgs;
use crate::commands::aws::AwsArgs;
use crate::commands::output::{Format, print_message};
use crate::commands::progress::Progress;
use crate::commands::setup;
use crate::commands::time_range::{TimeRange, TimeRangeArgs};
use objects::Objects;
use parallel::run_in_order;
use printer::Printer;
use source::{Source, SourceScan};
use target::{ScanTarget, SourceEvent};
use totals::Totals;

/// Run the rules, or a query, over log files, directories and buckets.
///
/// Reads .json, .ndjson and .jsonl files, gzipped or not, and skips others. In a bucket, follows
/// CloudTrail's key layout (account, region, day) and lists nothing else; a bucket needs --since,
/// unless the prefix names a day. --since and --until apply to the time of the call. Credentials,
/// region and AWS_ENDPOINT_URL are read as by the AWS CLI.
///
/// Exit codes: 0 everything was scanned; 1 a finding reached --fail-on; 2 something could not be
/// read (the rest was scanned), or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, directories and s3://BUCKET/PREFIX
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
    #[arg(long, value_enum, default_value_t = Format::Text)]
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
        Some(query) => ScanTarget::from_query(query)?,
        None => ScanTarget::from_detections(args.detection.load()?, now),
    };
    let (files, objects) = find_sources(&args.paths, range, &target, &args.aws)?;
    let objects_found = objects.as_ref().map_or(0, |objects| objects.found.len());
    let mut scan = ScanRun {
        range,
        progress: Progress::new(files.len() + objects_found, "files"),
        printer: Printer::new(args.format, args.query.is_some(), args.summary),
        totals: Totals::default(),
    };
    let source_scan =
        SourceScan { target: &target, now, max_bytes: args.max_object_bytes.unwrap_or(u64::MAX) };
    let sources = files.into_iter().chain(objects.iter().flat_map(Objects::fetch));
    let threads = args.threads.or(available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let start = Instant::now();
    run_in_order(
        threads,
        sources.map(|source| (source.name(), source)),
        |source, events| source_scan.run(source, events),
        |name, events| scan.print_events(&name, &events),
    )?;
    let elapsed = start.elapsed();
    scan.progress.finish();
    scan.printer.finish()?;
    print_message(scan.totals.summary_line(if args.query.is_some() { "match" } else { "finding" }));
    if args.stats {
        print_message(scan.totals.statistics(elapsed, &target.prefilter_summary()));
    }
    Ok(scan.totals.exit_code(args.fail_on))
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

struct ScanRun {
    range: TimeRange,
    progress: Progress,
    printer: Printer,
    totals: Totals,
}

impl ScanRun {
    /// Prints and counts what was found in one source.
    fn print_events(&mut self, name: &str, events: &Receiver<SourceEvent>) -> io::Result<()> {
        let mut ended = false;
        let mut bad_records = 0;
        for event in events {
            match event {
                SourceEvent::Finding(finding) if self.range.contains(finding.time) => {
                    self.totals.count_finding(&finding);
                    self.printer.print_finding(&finding)?;
                }
                SourceEvent::Match(matched) if self.range.contains(matched.record.time()) => {
                    self.totals.found += 1;
                    self.printer.print_match(&matched)?;
                }
                SourceEvent::Finding(_) | SourceEvent::Match(_) => {}
                SourceEvent::BadRecord(bad) => {
                    bad_records += 1;
                    self.totals.failed += 1;
                    if bad_records <= MAX_BAD_RECORDS {
                        self.progress.print_error(format_args!("{name}: {}", error_chain(&bad)));
                    }
                }
                SourceEvent::Skipped(reason) => {
                    ended = true;
                    self.totals.skipped += 1;
                    self.progress.print_error(format_args!("{name}: skipped: {reason}"));
                }
                SourceEvent::Failed(error) => {
                    ended = true;
                    self.totals.failed += 1;
                    self.progress.print_error(format_args!("{name}: {}", error_chain(&*error)));
                }
                SourceEvent::Read(read) => {
                    ended = true;
                    self.totals.add_read(&read);
                }
            }
        }
        if !ended {
            self.totals.failed += 1;
            self.progress.print_error(format_args!("{name}: the thread that read it panicked"));
        }
        if let more @ 1.. = bad_records.saturating_sub(MAX_BAD_RECORDS) {
            self.progress.print_error(format_args!("{name}: {more} more bad records"));
        }
        self.progress.advance(1);
        Ok(())
    }
}
