//! `trailbell verify`: checks log files against CloudTrail's signed digests.

mod places;
pub mod printer;
pub mod totals;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use detect::text::error::error_chain;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use trailbell::app::wiring::Aws;
use trailbell::integrity::check::Checker;
use trailbell::integrity::keys::{KeySource, PublicKeys};
use trailbell::integrity::statement::Statement;
use trailbell::integrity::verify::{Progress as Step, RegionReport, Scope, verify_region};
use trailbell::store::walk::{AccountRegion, KeyFilter, account_regions};
use trailbell::store::{ObjectStore, StoreError};

use crate::commands::aws::ProfileArg;
use crate::commands::output::{Format, print_error};
use crate::commands::progress::Progress;
use crate::commands::setup;
use crate::commands::time_range::{TimeRange, TimeRangeArgs};
use places::{Place, Places};
use printer::Printer;

/// Prove that log files are complete and unchanged, by CloudTrail's signed digest files.
///
/// Checks every digest below PATH, of every account, region and trail: its signature, its place in
/// the chain, and the hash of each log file that it lists. PATH is a bucket, or a folder with a
/// copy of one, or a part of it. A bucket needs --since. A file system keeps no metadata, so a copy
/// of a digest needs its signature in a file next to it, FILE.metadata.json, with the output of
/// `aws s3api get-object`.
///
/// --since and --until apply to the end of the hour that a digest covers, both included. Digests
/// that should be there by now, or by --until, and are not, are missing. In a folder without
/// --until the log files show which should be there.
///
/// Public keys are listed by CloudTrail (cloudtrail:ListPublicKeys), or read from files.
///
/// Exit codes: 0 all that was found is valid; 1 something is not valid, or missing; 2 nothing was
/// found, or something could not be checked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// s3://BUCKET/PREFIX, or a folder that holds a copy of a bucket or a part of it
    #[arg(value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    range: TimeRangeArgs,
    /// Only this account (repeatable)
    #[arg(long, value_name = "ID")]
    account: Vec<String>,
    /// Only this region (repeatable)
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Only the trail of this name (repeatable)
    #[arg(long, value_name = "NAME")]
    trail: Vec<String>,
    /// The output of `aws cloudtrail list-public-keys` in a file (repeatable: one for each region)
    #[arg(long, value_name = "FILE")]
    public_keys: Vec<PathBuf>,
    /// Print a statement instead, to keep: what was verified, by chain and day, and the hash and
    /// signature of the last digest, as canonical JSON
    #[arg(long, conflicts_with = "format")]
    statement: bool,
    /// Compare with a statement, for its time unless another one is given. What was valid then must
    /// be there, and the same
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    aws: ProfileArg,
}

/// Accounts and regions that are verified at once.
const CONCURRENCY: usize = 4;

/// A digest is written some time after its hour: later than this, it is missing.
const DIGEST_DELAY: SignedDuration = SignedDuration::from_hours(2);

pub fn run(args: &Args) -> Result<ExitCode> {
    setup::build_runtime()?.block_on(verify(args))
}

async fn verify(args: &Args) -> Result<ExitCode> {
    let now = setup::now();
    let before = args.against.as_deref().map(read_statement).transpose()?;
    let range = range_of(args, before.as_ref(), now)?;
    let selection = Selection {
        path: &args.path,
        range,
        accounts: &args.account,
        regions: &args.region,
        trails: &args.trail,
        public_keys: &args.public_keys,
    };
    let mut printer = Printer::new((!args.statement).then_some(args.format));
    let mut statement = Statement::new(range.since, range.until, now);
    verify_selection(&selection, now, &args.aws.connect(), &mut |bucket, report| match report {
        Ok(report) => {
            statement.add(bucket, &report);
            printer.print_region(&report)
        }
        Err(error) => {
            printer.totals.failures += 1;
            print_error(error_chain(&error));
            Ok(())
        }
    })
    .await?;
    if args.statement {
        writeln!(io::stdout(), "{}", statement.to_canonical_json()?)?;
    }
    let differences = before.map(|before| before.differences(&statement)).unwrap_or_default();
    printer.finish(&args.path.display().to_string(), &differences)
}

fn read_statement(path: &Path) -> Result<Statement> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Statement::from_json(&text)
        .map_err(|why| anyhow!("{}: not a statement of `trailbell verify`: {why}", path.display()))
}

/// The time that is asked for, else that of the statement.
fn range_of(args: &Args, statement: Option<&Statement>, now: Timestamp) -> Result<TimeRange> {
    let range = args.range.resolve(now)?;
    let last = |statement: &Statement| {
        let ends = statement.chains.iter().filter_map(|chain| chain.until);
        statement.until.or(ends.max())
    };
    Ok(TimeRange {
        since: range.since.or(statement.and_then(|statement| statement.since)),
        until: range.until.or(statement.and_then(last)),
    })
}

/// What is to be verified. An empty list selects everything.
pub struct Selection<'a> {
    pub path: &'a Path,
    pub range: TimeRange,
    pub accounts: &'a [String],
    pub regions: &'a [String],
    pub trails: &'a [String],
    /// Files with public keys. If there are none, CloudTrail is asked.
    pub public_keys: &'a [PathBuf],
}

/// What is done with what comes of a region of a bucket.
type OnRegion<'a> = dyn FnMut(&str, Result<RegionReport, StoreError>) -> io::Result<()> + 'a;

/// Verifies region after region, and passes on what comes of each.
pub async fn verify_selection(
    selection: &Selection<'_>,
    now: Timestamp,
    aws: &Aws,
    on_region: &mut OnRegion<'_>,
) -> Result<()> {
    let places = Places::resolve(selection.path, selection.range, aws).await?;
    let keys = load_keys(selection.public_keys, aws).await?;
    let store = &*places.store;
    let checker = Checker { store, keys: &keys, max_log_bytes: u64::MAX };
    let progress = Progress::new(0, "digests and log files");
    for place in &places.places {
        let regions = find_regions(selection, store, place).await?;
        let due = due(place, &places, now);
        let reports = regions
            .into_iter()
            .map(|region| verify_one(selection.trails, &checker, place, due, region, &progress));
        let mut reports = stream::iter(reports).buffered(CONCURRENCY);
        while let Some(report) = reports.next().await {
            progress.suspend(|| on_region(&place.bucket, report))?;
        }
    }
    progress.finish();
    Ok(())
}

/// Digests that end until then should be there. `None` if only the log files show it.
fn due(place: &Place, places: &Places, now: Timestamp) -> Option<Timestamp> {
    let written = now.checked_sub(DIGEST_DELAY).ok();
    match place.range.until {
        Some(until) => Some(written.map_or(until, |written| written.min(until))),
        None => written.filter(|_| !places.is_copy),
    }
}

async fn find_regions(
    selection: &Selection<'_>,
    store: &dyn ObjectStore,
    place: &Place,
) -> Result<Vec<AccountRegion>> {
    let is_wanted =
        |names: &[String], name: &str| names.is_empty() || names.iter().any(|it| it == name);
    let wanted_place = |account: &str, region: &str| {
        is_wanted(selection.accounts, account) && is_wanted(selection.regions, region)
    };
    let filter = KeyFilter { since: None, until: None, place: &wanted_place };
    let found = account_regions(store, &place.bucket, &place.prefix, &filter).await?;
    Ok(found.into_iter().collect())
}

async fn verify_one(
    trails: &[String],
    checker: &Checker<'_>,
    place: &Place,
    due: Option<Timestamp>,
    region: AccountRegion,
    progress: &Progress,
) -> Result<RegionReport, StoreError> {
    let TimeRange { since, until } = place.range;
    let scope = Scope {
        bucket: &place.bucket,
        since,
        until,
        due,
        trail: &|name| trails.is_empty() || trails.iter().any(|trail| trail == name),
        progress: &|step| match step {
            Step::Found(count) => progress.add(count),
            Step::Checked => progress.advance(1),
        },
    };
    verify_region(checker, &scope, region).await
}

async fn load_keys(files: &[PathBuf], aws: &Aws) -> Result<KeySource> {
    if files.is_empty() {
        return Ok(KeySource::CloudTrail(Box::new(aws.cloudtrail_keys().await)));
    }
    let mut keys = PublicKeys::default();
    for file in files {
        keys.extend(PublicKeys::from_file(file)?);
    }
    Ok(KeySource::Known(keys))
}
