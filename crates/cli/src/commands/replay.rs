//! `trailbell replay`: processes log objects that the function missed.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use alert::Alert;
use anyhow::{Context, Result, anyhow, bail};
use async_trait::async_trait;
use detect::cloudtrail::{S3Prefix, key};
use detect::finding::Outcome;
use serde_json::{Value, json};
use trailbell::app::config::{AlertsPlace, Config, LedgerPlace, StorePlace};
use trailbell::app::wiring::LEDGER_FOLDER;
use trailbell::ledger::{Ledger, StoredLedger, WatchRequest};
use trailbell::notification::ObjectRef;
use trailbell::pipeline::{
    FindingOutcome, InvocationReport, Pipeline, Replay, ReplayProgress, Report,
};
use trailbell::sink::{AlertSink, MessageId, PublishError};
use trailbell::store::DirStore;
use trailbell::store::walk::{KeyFilter, log_keys};

use crate::commands::arguments::PlaceArgs;
use crate::commands::output::{
    Format, FormatArg, format_time, pluralize, print_error, print_message, print_warning,
    variant_name, write_document,
};
use crate::commands::progress::Progress;
use crate::commands::setup::{self, SettingOverride};
use crate::commands::time_range::{TimeRange, TimeRangeArgs};

/// Process missed log objects, for example after an outage (dry run unless --publish).
///
/// Finds log objects by CloudTrail's key layout. --since and --until apply to the time of delivery;
/// a bucket needs --since, unless the prefix names a day.
///
/// Reads the same TRAILBELL_* variables as the function, and so uses its rules, exceptions, ledger
/// and publishing rate. Findings that are in the ledger are not alerted again, so it is safe to
/// replay too much, or to repeat an interrupted replay. A dry run sends and writes nothing, and
/// prints what would become of each finding. It does not evaluate rules over several calls
/// (correlations, thresholds, sequences), which need the findings in the ledger.
///
/// Exit codes: 0 everything was processed; 2 something failed (the rest was processed), no log
/// object was found, or the configuration cannot be used.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// s3://BUCKET/PREFIX, or a directory that holds a copy of a bucket or a part of it
    #[arg(value_name = "PLACE")]
    place: PathBuf,
    #[command(flatten)]
    range: TimeRangeArgs,
    /// Send alerts and write to the ledger
    #[arg(long)]
    publish: bool,
    /// Send nothing: only make the values of that time known to new_terms rules, in the ledger.
    /// Needs --since
    #[arg(long, requires = "since", conflicts_with = "publish")]
    learn: bool,
    /// Publish without a ledger. Findings that were alerted before are alerted again
    #[arg(long, requires = "publish", conflicts_with = "ledger")]
    no_ledger: bool,
    #[command(flatten)]
    places: PlaceArgs,
    #[command(flatten)]
    format: FormatArg,
}

/// Objects processed before their findings are printed.
const BATCH_SIZE: usize = 100;

pub fn run(args: &Args) -> Result<ExitCode> {
    setup::build_runtime()?.block_on(replay(args))
}

async fn replay(args: &Args) -> Result<ExitCode> {
    let clock = setup::clock();
    let range = args.range.resolve(clock.now)?;
    let (store, bucket, prefix) = resolve_place(&args.place, range)?;
    let config = Config { store, ..replay_config(args)? };
    let mut pipeline =
        setup::build_pipeline(&config, clock, &args.places.ledger.aws.connect()).await?;
    if args.learn {
        make_learning(&mut pipeline)?;
    } else if !args.publish {
        make_dry_run(&mut pipeline, &config.ledger);
    }
    let objects = find_objects(&pipeline, &bucket, &prefix, range).await?;
    if objects.is_empty() {
        bail!("{}: no log objects with CloudTrail's names in that time", args.place.display());
    }
    let pipeline = Arc::new(pipeline);
    let mut findings = FindingPrinter::new(args.format.format, args.publish);
    if args.learn {
        let replay = Replay::learning(&pipeline, clock);
        let report = process_objects(replay, &objects, &mut findings).await?;
        return finish_learning(&pipeline, &report, range, args.format.format).await;
    }
    let replay = Replay::new(&pipeline, clock);
    let report = process_objects(replay, &objects, &mut findings).await?;
    findings.finish(&report)?;
    finish(&report, args.publish)
}

/// Leaves the rules that look for new values, and sends nothing.
fn make_learning(pipeline: &mut Pipeline) -> Result<()> {
    let learning = pipeline.detections.with_new_terms_only();
    let learning = learning.map_err(|_| anyhow!("there is no rule of type new_terms to learn"))?;
    pipeline.detections = Arc::new(learning);
    pipeline.sink = Box::new(NoSink);
    pipeline.pages = None;
    Ok(())
}

/// The rules know the values of the whole time only if all of it was read.
async fn finish_learning(
    pipeline: &Pipeline,
    outcome: &InvocationReport,
    range: TimeRange,
    format: Format,
) -> Result<ExitCode> {
    print_learned(&outcome.report, format)?;
    if !outcome.retry.is_empty() {
        print_message("something failed, see above. Run the same command again to retry it");
        return Ok(ExitCode::from(2));
    }
    let rules = pipeline.detections.rule_set.rules();
    let requests: Vec<WatchRequest<'_>> =
        rules.iter().filter_map(|rule| WatchRequest::new(&rule.info)).collect();
    if let (Ledger::Stored(ledger), Some(since)) = (&pipeline.ledger, range.since) {
        ledger.learned(&requests, since).await?;
        let rules = pluralize(requests.len(), "rule");
        print_message(format_args!(
            "the values since {} are known to {rules}",
            format_time(Some(since))
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn print_learned(report: &Report, format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let Report { learned_values, known_values, .. } = report;
    match format {
        Format::Table => writeln!(
            out,
            "{} learned; {} of values known before; {}, {} read",
            pluralize(*learned_values, "value"),
            pluralize(*known_values, "match"),
            pluralize(report.objects, "object"),
            pluralize(report.records, "record"),
        ),
        Format::Json | Format::Ndjson => {
            let document = json!({
                "learned_values": learned_values,
                "known_values": known_values,
                "report": report,
            });
            write_document(&mut out, format, &document)
        }
    }
}

/// The store, the bucket and the prefix of a place. In a path, the directory that contains
/// `AWSLogs` stands for the bucket, or the last directory if there is no `AWSLogs`.
fn resolve_place(path: &Path, range: TimeRange) -> Result<(StorePlace, String, String)> {
    if let Some(place) = path.to_str().and_then(S3Prefix::parse) {
        range.check_bounded(&place)?;
        return Ok((StorePlace::S3, place.bucket, place.prefix));
    }
    let absolute =
        path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
    let logs = absolute.ancestors().find(|ancestor| ancestor.ends_with("AWSLogs"));
    let directory = logs.and_then(Path::parent).unwrap_or(&absolute);
    let bucket = directory.file_name().and_then(OsStr::to_str);
    let (Some(root), Some(bucket)) = (directory.parent(), bucket) else {
        bail!("{}: expected a directory that holds a copy of a bucket", path.display());
    };
    let names = absolute.strip_prefix(directory)?.iter().map(OsStr::to_string_lossy);
    let prefix = names.collect::<Vec<_>>().join("/");
    Ok((StorePlace::Dir(root.to_owned()), bucket.to_owned(), prefix))
}

/// The configuration. Publishing needs explicit places, a dry run does not.
fn replay_config(args: &Args) -> Result<Config> {
    let no_ledger = ("TRAILBELL_LEDGER", args.no_ledger.then_some("none"));
    let overrides = [&[no_ledger], &args.places.settings()[..]].concat();
    let defaults: [SettingOverride<'_>; 3] = [
        // The command line says where log objects are.
        ("TRAILBELL_STORE", Some("s3")),
        ("TRAILBELL_ALERTS", (!args.publish).then_some("stdout")),
        ("TRAILBELL_LEDGER", (!args.publish && !args.learn).then_some("none")),
    ];
    let mut config = setup::load_config(&overrides, &defaults)?;
    if !args.publish {
        config.alerts = AlertsPlace::Stdout;
    }
    match (&config.ledger, args.publish) {
        (LedgerPlace::None, _) if args.learn => bail!("--learn needs a ledger: name one"),
        (LedgerPlace::None, true) if !args.no_ledger => bail!(
            "without a ledger all findings would be alerted again: name one, or add --no-ledger"
        ),
        (LedgerPlace::None, false) => {
            print_warning("without a ledger, findings that were alerted before are not recognised");
        }
        _ => {}
    }
    Ok(config)
}

/// Makes the pipeline write nothing and send nothing.
fn make_dry_run(pipeline: &mut Pipeline, place: &LedgerPlace) {
    pipeline.sink = Box::new(NoSink);
    let stored = std::mem::replace(&mut pipeline.ledger, Ledger::None);
    pipeline.ledger = match (stored, place) {
        // A new ledger has no folder until something is written.
        (Ledger::Stored(_), LedgerPlace::Dir(path)) => {
            let store = Box::new(DirStore::empty_if_missing(path));
            Ledger::ReadOnly(StoredLedger::new(store, LEDGER_FOLDER, ""))
        }
        (Ledger::Stored(ledger), _) => Ledger::ReadOnly(ledger),
        (other, _) => other,
    };
    if let count @ 1.. = pipeline.detections.rule_set.correlations().len() {
        let rules = pluralize(count, "rule");
        print_message(format_args!(
            "a dry run does not show the alerts of {rules} over several calls (correlations, \
             thresholds, sequences)"
        ));
    }
}

/// Accepts all alerts and sends none.
struct NoSink;

#[async_trait]
impl AlertSink for NoSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        alerts.iter().map(|_| Ok("not sent".to_owned())).collect()
    }
}

/// The log objects, in the order of delivery: a group is created before it is filled.
async fn find_objects(
    pipeline: &Pipeline,
    bucket: &str,
    prefix: &str,
    range: TimeRange,
) -> Result<Vec<ObjectRef>> {
    let place = |account: &str, region: &str| pipeline.detections.can_match_in(account, region);
    let filter = KeyFilter { since: range.since, until: range.until, place: &place };
    let mut keys = log_keys(&*pipeline.store, bucket, prefix, &filter).await?;
    // The walk allows for late delivery, and lists more.
    keys.retain(|key| range.contains(key::delivery_time(key)));
    keys.sort_by_cached_key(|key| key::delivery_time(key));
    let object = |key| ObjectRef { bucket: bucket.to_owned(), key, version_id: None };
    Ok(keys.into_iter().map(object).collect())
}

async fn process_objects(
    mut replay: Replay,
    objects: &[ObjectRef],
    findings: &mut FindingPrinter,
) -> Result<InvocationReport> {
    let progress = Progress::new(objects.len(), "objects");
    for batch in objects.chunks(BATCH_SIZE) {
        let processed = replay.process(batch.to_vec()).await;
        progress.advance(batch.len());
        progress.suspend(|| findings.print(processed))?;
    }
    let (processed, report) = replay.finish().await;
    progress.finish();
    findings.print(processed)?;
    Ok(report)
}

/// Prints what becomes of findings. One document of JSON is printed at the end.
struct FindingPrinter {
    format: Format,
    publish: bool,
    documents: Vec<Value>,
}

impl FindingPrinter {
    fn new(format: Format, publish: bool) -> FindingPrinter {
        FindingPrinter { format, publish, documents: Vec::new() }
    }

    fn print(&mut self, mut processed: ReplayProgress) -> io::Result<()> {
        let mut out = io::stdout().lock();
        processed.findings.sort_by_key(|finding| finding.time);
        for finding in &processed.findings {
            match self.format {
                Format::Table => writeln!(out, "{}", finding_line(finding, self.publish))?,
                Format::Ndjson => {
                    write_document(&mut out, self.format, &finding_document(finding))?;
                }
                Format::Json => self.documents.push(finding_document(finding)),
            }
        }
        processed.problems.iter().for_each(print_error);
        for note in &processed.notes {
            print_message(format_args!("trailbell: {note}"));
        }
        Ok(())
    }

    fn finish(self, outcome: &InvocationReport) -> io::Result<()> {
        let dry_run =
            if self.publish { "" } else { "dry run, nothing sent or written; --publish gives: " };
        let mut out = io::stdout().lock();
        match self.format {
            Format::Table => writeln!(out, "{dry_run}{}", outcome.report),
            // Its lines are findings.
            Format::Ndjson => {
                print_message(format_args!("{dry_run}{}", outcome.report));
                Ok(())
            }
            Format::Json => {
                let document = json!({
                    "dry_run": !self.publish,
                    "findings": self.documents,
                    "report": outcome.report,
                });
                write_document(&mut out, self.format, &document)
            }
        }
    }
}

fn finding_line(finding: &FindingOutcome, publish: bool) -> String {
    let outcome = describe_outcome(finding.outcome, publish);
    let time = format_time(finding.time);
    let id = &finding.finding.as_str()[..8];
    format!("{outcome:<16} {time:<19}  {id}  {}", finding.subject)
}

fn finding_document(finding: &FindingOutcome) -> Value {
    json!({
        "id": finding.finding.as_str(),
        "time": finding.time,
        "rule_id": finding.rule,
        "subject": finding.subject,
        "outcome": finding.outcome,
    })
}

fn describe_outcome(outcome: Outcome, publish: bool) -> String {
    let name = variant_name(outcome);
    match outcome {
        Outcome::Alerted | Outcome::Grouped if !publish => format!("would be {name}"),
        _ => name,
    }
}

fn finish(outcome: &InvocationReport, publish: bool) -> Result<ExitCode> {
    outcome.warnings.iter().for_each(print_warning);
    if let Some(mismatch) = &outcome.mismatch {
        bail!("{mismatch}");
    }
    if publish && outcome.report.findings_that(Outcome::Grouped) > 0 {
        print_message("a sweep of the function will summarise grouped findings after their window");
    }
    if outcome.retry.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    print_message("something failed, see above. Run the same command again to retry it");
    Ok(ExitCode::from(2))
}
