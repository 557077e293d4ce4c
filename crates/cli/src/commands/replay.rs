//! `trailbell replay`: log objects of an outage, down the way of the function.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use alert::{Accounts, Alert};
use async_trait::async_trait;
use clap::Args;
use detect::cloudtrail::key;
use detect::finding::Outcome;
use detect::text::clean;
use trailbell::app::config::{AlertsPlace, Config, LedgerPlace, StorePlace};
use trailbell::app::wiring::{self, Aws};
use trailbell::ledger::Ledger;
use trailbell::notification::ObjectRef;
use trailbell::pipeline::{
    FindingOutcome, InvocationReport, ObjectOutcome, Pipeline, Replay, ReplayProgress, Report,
};
use trailbell::sink::{AlertSink, MessageId, PublishError};
use trailbell::store::walk::{Wanted, walk};

use crate::commands::matches::time;
use crate::commands::objects;
use crate::commands::output::say;
use crate::commands::progress::Progress;
use crate::commands::settings::{self, PlaceArgs};
use crate::commands::window::Window;

/// Send log objects down the way of the function, after an outage for one. A dry run unless
/// --publish.
///
/// Rules, exceptions, ledger, pace and summaries are those of the function: TRAILBELL_* variables
/// are read as it reads them. What the ledger knows is not told again, so it does no harm to replay
/// too much, or to begin anew what was interrupted. A dry run sends and writes nothing; it says
/// what would be alerted or held, and what is a duplicate or suppressed. Log objects are found by
/// CloudTrail's names, as `trailbell scan s3://…` finds them.
///
/// Exit codes: 0 everything was seen through; 2 something failed (the rest is seen through), there
/// is no log object of that time, or the configuration cannot be used.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// s3://BUCKET/PREFIX, or a folder that holds a copy of a bucket, or a place in one
    pub place: PathBuf,

    /// Only objects delivered since: 90m, 24h or 7d ago, a date or an RFC 3339 time. Needed for a
    /// bucket, unless the prefix names a day
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Only objects delivered until: as --since; of a date, the whole day in UTC counts
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Alert, and write to the ledger
    #[arg(long)]
    pub publish: bool,

    /// With --publish: do without a ledger. What was told before is told again
    #[arg(long, requires = "publish")]
    pub without_ledger: bool,

    #[command(flatten)]
    pub places: PlaceArgs,
}

/// Objects between two looks at what became of them.
const TOGETHER: usize = 100;

/// The most characters of a name.
const NAME: usize = 4096;

pub fn run(args: &ReplayArgs) -> Result<ExitCode, Box<dyn Error>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(replay(args))
}

async fn replay(args: &ReplayArgs) -> Result<ExitCode, Box<dyn Error>> {
    let (clock, aws) = (settings::clock(), Aws::from_default_chain());
    let window = Window::new(args.since.as_deref(), args.until.as_deref(), clock.now)?;
    let (store, bucket, prefix) = place(&args.place)?;
    if store == StorePlace::S3 {
        objects::must_end(&bucket, &prefix, window)?;
    }
    let config = config(args, store)?;
    let detections = settings::detections(&config, clock.now, &aws).await?;
    let accounts = Accounts::from_file(config.accounts.as_deref())?;
    let mut pipeline = wiring::build_pipeline(&config, detections, accounts, &aws).await;
    if !args.publish {
        make_dry(&mut pipeline);
    }
    let found = find(&pipeline, &bucket, &prefix, window).await?;
    if found.is_empty() {
        let advice = "no log object of that time (they are found by CloudTrail's names)";
        return Err(format!("{}: {advice}", shown(&args.place.to_string_lossy())).into());
    }
    let replay = Replay::new(&Arc::new(pipeline), clock);
    let outcome = see_through(replay, found, args.publish).await?;
    end(&outcome, args.publish)
}

/// The store, the bucket and the prefix that a place names. Of a path, the folder before `AWSLogs`
/// is the bucket; where there is none, the last one.
fn place(path: &Path) -> Result<(StorePlace, String, String), String> {
    let (remote, _) = objects::apart(&[path.to_owned()]);
    if let Some((bucket, prefix)) = remote.into_iter().next() {
        return Ok((StorePlace::S3, bucket, prefix));
    }
    let named = |error| format!("{}: {error}", shown(&path.to_string_lossy()));
    let whole = path.canonicalize().map_err(|error| named(error.to_string()))?;
    let parts: Vec<&str> = whole.components().filter_map(text).collect();
    let logs = parts.iter().rposition(|part| *part == "AWSLogs").unwrap_or(parts.len());
    let Some((bucket, root)) = parts[..logs].split_last() else {
        return Err(named("name the folder that holds a bucket's objects".to_owned()));
    };
    let root = root.iter().fold(PathBuf::from("/"), |root, part| root.join(part));
    Ok((StorePlace::Dir(root), (*bucket).to_owned(), parts[logs..].join("/")))
}

fn text(component: Component<'_>) -> Option<&str> {
    match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    }
}

/// Where alerts go out, every place must be said; a dry run can do without.
fn config(args: &ReplayArgs, store: StorePlace) -> Result<Config, Box<dyn Error>> {
    let without = args.without_ledger.then(|| "none".to_owned());
    let places = PlaceArgs {
        alerts: args.places.alerts.clone(),
        ledger: without.or(args.places.ledger.clone()),
    };
    let config = match args.publish {
        true => places.config(&[STORE])?,
        false => Config { alerts: AlertsPlace::Stdout, ..places.config(&[STORE, ALERTS, LEDGER])? },
    };
    match (&config.ledger, args.publish) {
        (LedgerPlace::None, false) => {
            say("trailbell: no ledger is named: what was told before is not known")
        }
        (LedgerPlace::None, true) if !args.without_ledger => {
            return Err("without a ledger everything would be told again: name one, or say --without-ledger".into());
        }
        _ => {}
    }
    Ok(Config { store, ..config })
}

/// The command line says where log objects are.
const STORE: (&str, &str) = ("TRAILBELL_STORE", "s3");

const ALERTS: (&str, &str) = ("TRAILBELL_ALERTS", "stdout");

const LEDGER: (&str, &str) = ("TRAILBELL_LEDGER", "none");

/// Nothing is written, and nothing goes out.
fn make_dry(pipeline: &mut Pipeline) {
    pipeline.sink = Box::new(NoSink);
    if let Ledger::Stored(ledger) = std::mem::replace(&mut pipeline.ledger, Ledger::None) {
        pipeline.ledger = Ledger::ReadOnly(ledger);
    }
}

/// Takes every alert, and sends none.
struct NoSink;

#[async_trait]
impl AlertSink for NoSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        alerts.iter().map(|_| Ok("not sent".to_owned())).collect()
    }
}

/// The log objects, those that were delivered first in front: groups are made before they are
/// filled.
async fn find(
    pipeline: &Pipeline,
    bucket: &str,
    prefix: &str,
    window: Window,
) -> Result<Vec<ObjectRef>, Box<dyn Error>> {
    let region = |region: &str| pipeline.detections.rule_set.can_match_in(region);
    let wanted = Wanted { since: window.since, until: window.until, region: &region };
    let mut keys = walk(&*pipeline.store, bucket, prefix, &wanted).await?;
    // The walk allows for clocks that differ, and lists more.
    keys.retain(|key| window.holds(key::delivery_time(key)));
    keys.sort_by_cached_key(|key| key::delivery_time(key));
    Ok(keys
        .into_iter()
        .map(|key| ObjectRef { bucket: bucket.to_owned(), key, version_id: None })
        .collect())
}

async fn see_through(
    mut replay: Replay,
    objects: Vec<ObjectRef>,
    publish: bool,
) -> Result<InvocationReport, Box<dyn Error>> {
    let progress = Progress::new(objects.len(), "objects");
    for some in objects.chunks(TOGETHER) {
        let news = replay.process(some.to_vec()).await;
        some.iter().for_each(|_| progress.advance());
        progress.pause(|| tell(news, publish))?;
    }
    let (news, outcome) = replay.finish().await;
    progress.finish();
    tell(news, publish)?;
    Ok(outcome)
}

fn tell(mut news: ReplayProgress, publish: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    news.findings.sort_by_key(|ended| ended.time);
    for FindingOutcome { finding, time: at, subject, outcome, .. } in &news.findings {
        let id = &finding.as_str()[..8];
        writeln!(out, "{:<18} {:<19}  {id}  {subject}", word(*outcome, publish), time(*at))?;
    }
    news.problems
        .iter()
        .for_each(|problem| say(format_args!("trailbell: {}", shown(&problem.to_string()))));
    news.notes.iter().for_each(|note| say(format_args!("trailbell: {}", shown(note))));
    Ok(())
}

/// A fate, as it is or as it would be.
fn word(outcome: Outcome, publish: bool) -> &'static str {
    match (outcome, publish) {
        (Outcome::Alerted, true) => "alerted",
        (Outcome::Alerted, false) => "would be alerted",
        (Outcome::Grouped, true) => "held for a summary",
        (Outcome::Grouped, false) => "would be held",
        (Outcome::Suppressed, _) => "suppressed",
        (Outcome::Duplicate, _) => "duplicate",
        (Outcome::ClaimedElsewhere, _) => "claimed elsewhere",
        (Outcome::Summarised, _) => "summarised",
        (Outcome::Failed, _) => "failed",
    }
}

fn end(outcome: &InvocationReport, publish: bool) -> Result<ExitCode, Box<dyn Error>> {
    let report = &outcome.report;
    outcome
        .warnings
        .iter()
        .for_each(|warning| say(format_args!("trailbell: warning: {}", shown(warning))));
    print(report, publish)?;
    if let Some(mismatch) = &outcome.mismatch {
        return Err(mismatch.to_string().into());
    }
    if publish && report.findings_that(Outcome::Grouped) > 0 {
        say("what is held is told by the function's next sweep after its execution is over");
    }
    if outcome.retry.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say(
        "something failed: see above. The same command may be run again: what the ledger has is not told twice",
    );
    Ok(ExitCode::from(2))
}

fn print(report: &Report, publish: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if publish {
        return writeln!(out, "{report}");
    }
    let fates = Outcome::ALL.into_iter().filter(|outcome| report.findings_that(*outcome) > 0);
    let fates: Vec<String> = fates
        .map(|outcome| format!("{} {}", report.findings_that(outcome), word(outcome, false)))
        .collect();
    let found = if fates.is_empty() { "no finding".to_owned() } else { fates.join(", ") };
    let (objects, scanned) = (report.objects, report.objects_that(ObjectOutcome::Scanned));
    writeln!(
        out,
        "dry run, nothing was sent or written: {found}; {scanned} of {objects} objects read"
    )
}

fn shown(text: &str) -> String {
    clean::text(text, NAME)
}
