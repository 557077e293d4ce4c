//! `trailbell model import`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use detect::model::{AccountDetails, AuthorizationDetails, KnownNames};
use detect::text::error::error_chain;
use jiff::Timestamp;
use serde_json::{Deserializer, Value};
use trailbell::ledger::StoredLedger;

use crate::commands::arguments::LedgerArg;
use crate::commands::ledger::open_or_create_ledger;
use crate::commands::output::{clean_text, format_time, pluralize, print_error, print_warning};
use crate::commands::policy::expand_paths;

/// Fill the model with what IAM had before the trail was read.
///
/// Takes the output of `aws iam get-account-authorization-details`, of one or more accounts, whole
/// or in pages. What the trail said later is not overridden, and importing twice changes nothing.
/// Groups, users and policies of these accounts that the files do not name did not exist then.
///
/// Exit codes: 0 everything was imported; 2 a file is wrong or incomplete (then nothing is
/// imported), the ledger cannot be written, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON files, or directories of them
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// When the files were made, e.g. 2026-03-01T10:00:00Z. By default the time of the oldest file
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    ledger: LedgerArg,
}

pub async fn run(args: &Args, now: Timestamp) -> Result<ExitCode> {
    let files = expand_paths(&args.paths)?;
    let details = read_details(&files)?;
    let time = match args.as_of {
        Some(time) => time,
        None => oldest(&files)?,
    };
    ensure!(time <= now, "the time of the import, {time}, is in the future");
    // Events have whole seconds.
    let time = Timestamp::from_second(time.as_second())?;
    let (ledger, _) = open_or_create_ledger(&args.ledger).await?;
    let source = if args.as_of.is_some() { "--as-of" } else { "the time of the oldest file" };
    println!("as of {} ({source})", format_time(Some(time)));
    let mut failed = false;
    for (account, details) in details.accounts() {
        failed |= !import(&ledger, account, details, time, now).await?;
    }
    Ok(ExitCode::from(if failed { 2 } else { 0 }))
}

/// Imports one account. Returns false if something could not be written.
async fn import(
    ledger: &StoredLedger,
    account: &str,
    details: &AccountDetails,
    time: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let groups = ledger.account_groups(account).await?;
    let users = ledger.user_names(account).await?;
    let policies = ledger.account_policies(account).await?;
    let known = KnownNames {
        groups: groups.groups.keys().map(String::as_str).collect(),
        users: users.iter().map(String::as_str).collect(),
        policies: policies.keys().map(String::as_str).collect(),
    };
    let changes = details.changes(account, time, &known);
    let errors = ledger.add_changes(changes, now).await;
    errors.iter().for_each(|error| print_error(error_chain(error)));
    if details.users_len() == 0 && details.groups_len() > 0 {
        print_warning(format_args!(
            "account {account} has groups and no users: is a page missing?"
        ));
    }
    println!(
        "account {account}: {} with {}, {}, {}",
        pluralize(details.groups_len(), "group"),
        pluralize(details.members_len(), "member"),
        pluralize(details.users_len(), "user"),
        pluralize(details.policies_len(), "customer policy").replace("policys", "policies"),
    );
    Ok(errors.is_empty())
}

/// Reads all pages, and checks them before anything is written.
fn read_details(files: &[PathBuf]) -> Result<AuthorizationDetails> {
    let mut details = AuthorizationDetails::default();
    let mut truncated = None;
    let mut last_pages = 0;
    for file in files {
        let named = || clean_text(&file.display().to_string());
        for page in pages(file).with_context(named)? {
            details.add_page(&page).with_context(named)?;
            match page.get("IsTruncated").and_then(Value::as_bool) {
                Some(true) => truncated = Some(file),
                _ => last_pages += 1,
            }
        }
    }
    if let Some(file) = truncated.filter(|_| last_pages == 0) {
        bail!("{}: IsTruncated is true, and the pages that follow are missing", file.display());
    }
    details.check()?;
    Ok(details)
}

/// The JSON documents of a file, one after the other.
fn pages(file: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(file)?;
    let pages = Deserializer::from_str(text.trim_start_matches('\u{feff}')).into_iter();
    let pages: Vec<Value> = pages.collect::<Result<_, _>>().context("it is not JSON")?;
    ensure!(!pages.is_empty(), "it is empty");
    Ok(pages)
}

fn oldest(files: &[PathBuf]) -> Result<Timestamp> {
    let time = |file: &PathBuf| -> Result<Timestamp> {
        let modified = fs::metadata(file).and_then(|it| it.modified());
        Ok(modified.with_context(|| file.display().to_string())?.try_into()?)
    };
    let times: Vec<Timestamp> = files.iter().map(time).collect::<Result<_>>()?;
    times.into_iter().min().context("there is no file")
}
