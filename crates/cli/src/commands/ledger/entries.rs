//! The ledger on the command line, and the entries of it that a command wants.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use detect::finding::FindingId;
use detect::text::error::error_chain;
use futures::{StreamExt, stream};
use serde::Serialize;
use trailbell::app::config::LedgerPlace;
use trailbell::app::wiring;
use trailbell::ledger::{Entry, Ledger, LedgerProblem, StoredLedger};

use super::filter::EntryFilter;
use crate::commands::arguments::LedgerArg;
use crate::commands::progress::Progress;

/// Entries read at once, and how many such batches: enough to hide the network's latency.
const BATCH_SIZE: usize = 16;
const CONCURRENCY: usize = 2;

/// Opens the ledger that the command line or TRAILBELL_LEDGER names, and returns the name too.
/// Fails if the ledger does not exist.
pub async fn open_ledger(arg: &LedgerArg) -> Result<(StoredLedger, String)> {
    let (place, name) = ledger_place(arg)?;
    if let LedgerPlace::Dir(path) = &place
        && !path.join(wiring::LEDGER_FOLDER).is_dir()
    {
        // It would look like an empty ledger.
        bail!("there is no ledger in {}", path.display());
    }
    open(&place, arg, name).await
}

/// The same. A directory need not have a ledger yet.
pub async fn open_or_create_ledger(arg: &LedgerArg) -> Result<(StoredLedger, String)> {
    let (place, name) = ledger_place(arg)?;
    if let LedgerPlace::Dir(path) = &place {
        let folder = path.join(wiring::LEDGER_FOLDER);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    open(&place, arg, name).await
}

fn ledger_place(arg: &LedgerArg) -> Result<(LedgerPlace, String)> {
    let variable = std::env::var("TRAILBELL_LEDGER").ok();
    let name = arg.ledger.clone().or(variable).filter(|name| !name.is_empty());
    let name = name.context("no ledger: add --ledger, or set TRAILBELL_LEDGER")?;
    let place = LedgerPlace::parse(&name).with_context(|| unusable(&name))?;
    Ok((place, name))
}

fn unusable(name: &str) -> String {
    format!("the ledger is {name:?}: expected s3://BUCKET/PREFIX or dir:PATH")
}

async fn open(
    place: &LedgerPlace,
    arg: &LedgerArg,
    name: String,
) -> Result<(StoredLedger, String)> {
    match wiring::build_ledger(place, &arg.aws.connect()).await {
        Ledger::Stored(ledger) => Ok((ledger, name)),
        Ledger::None | Ledger::ReadOnly(_) => bail!(unusable(&name)),
    }
}

/// How many entries could not be read.
#[derive(Debug, Default, Serialize)]
pub struct UnreadableCounts {
    pub damaged: u64,
    /// Written by a later version.
    pub newer: u64,
    /// Each of them: its key and the problem.
    #[serde(skip)]
    pub named: Vec<(String, String)>,
}

impl UnreadableCounts {
    pub fn sum(&self) -> u64 {
        self.damaged + self.newer
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(self.sum() > 0))
    }
}

/// Passes the entries that the filter selects to `on_entry`, in the order of their ids. Prints
/// which entries cannot be read, and continues.
pub async fn read_entries(
    ledger: &StoredLedger,
    filter: &mut EntryFilter<'_>,
    on_entry: &mut dyn FnMut(Entry),
) -> Result<UnreadableCounts> {
    let page = filter.list_keys(ledger).await?;
    let progress = Progress::new(page.keys.len(), "entries");
    let mut unreadable = UnreadableCounts::default();
    for key in page.unrecognized {
        unreadable.damaged += 1;
        progress.print_error(format_args!("{key}: not named like an entry"));
        unreadable.named.push((key, "not named like an entry".to_owned()));
    }
    let ids: Vec<FindingId> = page.keys.into_iter().map(|key| key.id).collect();
    let batches = ids.chunks(BATCH_SIZE).map(|ids| ledger.read_entries(ids));
    let mut entries = stream::iter(batches).buffered(CONCURRENCY).flat_map(stream::iter);
    for id in &ids {
        let Some(read) = entries.next().await else { break };
        progress.advance(1);
        let problem = match read? {
            Some(Ok(entry)) => {
                if filter.selects(&entry) {
                    on_entry(entry);
                }
                continue;
            }
            Some(Err(error @ LedgerProblem::Newer { .. })) => {
                unreadable.newer += 1;
                error.to_string()
            }
            Some(Err(error)) => {
                unreadable.damaged += 1;
                error_chain(&error)
            }
            None => {
                unreadable.damaged += 1;
                "in an index, but there is no such entry".to_owned()
            }
        };
        progress.print_error(format_args!("entries/{id}: {problem}"));
        unreadable.named.push((format!("entries/{id}"), problem));
    }
    progress.finish();
    Ok(unreadable)
}
