//! `trailbell show`: one alert with what is known around it.

use std::path::PathBuf;
use std::process::ExitCode;

use alert::Accounts;
use anyhow::{Context, Result, bail};
use detect::finding::{Finding, FindingId};
use detect::text::error::error_chain;
use jiff::{SignedDuration, Timestamp};
use report::Report;
use report::data::{Input, Origin, ReportedFinding, Scope, Unreadable};
use report::page::alert_page;
use trailbell::ledger::{Content, Entry, Index, StoredLedger};

use crate::commands::arguments::LedgerArg;
use crate::commands::ledger::entries::open_ledger;
use crate::commands::ledger::show::{describe_state, find_id, render_alert};
use crate::commands::report::{delivery, output};
use crate::commands::setup;

/// Show an alert as it was sent, or as a page with the events around it.
///
/// The page has the steps of an incident, or what happened to the group within 48 hours, what the
/// group can do now, and what to check and to undo. `trailbell ledger show` has the details of the
/// entry.
///
/// Exit codes: 0 the alert was shown; 1 it was shown without something that cannot be read; 2 no
/// entry or several entries have the id, it cannot be read, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Full id or any unique prefix
    id: String,
    /// Write a page in HTML instead of the mail
    #[arg(long)]
    html: bool,
    /// Write to this file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerArg,
}

/// How far before and after an event of a group others are shown.
const AROUND: SignedDuration = SignedDuration::from_hours(48);

/// Events that are shown around one.
const MAX_EVENTS: usize = 200;

pub fn run(args: &Args) -> Result<ExitCode> {
    setup::build_runtime()?.block_on(show(args, setup::now()))
}

async fn show(args: &Args, now: Timestamp) -> Result<ExitCode> {
    let (ledger, name) = open_ledger(&args.ledger).await?;
    let id = find_id(&ledger, &args.id).await?;
    let snapshot =
        ledger.read_entry(&id).await?.with_context(|| format!("entries/{id} is gone"))?;
    let entry = match &snapshot.entry {
        Ok(entry) => entry,
        Err(error) => bail!("entries/{id}: {}", error_chain(error)),
    };
    let alert = render_alert(&ledger, &entry.content).await;
    if !args.html {
        let mail = format!("Subject: {}\n\n{}", alert.subject, alert.text);
        output::write(args.output.as_deref(), &mail)?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = Report::new(read_surroundings(&ledger, name, entry, now).await?);
    let page = alert_page(&alert, &report, &describe_state(entry, &snapshot))?;
    output::write(args.output.as_deref(), &page)?;
    Ok(ExitCode::from(u8::from(!report.unreadable.is_empty())))
}

/// The findings of an incident or a summary; or those of the group around a finding.
async fn read_surroundings(
    ledger: &StoredLedger,
    name: String,
    entry: &Entry,
    now: Timestamp,
) -> Result<Input> {
    let ids = match &entry.content {
        Content::Finding(finding) => around(ledger, finding).await?,
        Content::Summary(summary) => summary.members.iter().map(|it| it.id.clone()).collect(),
        Content::Correlation(data) => data.members.clone(),
    };
    let origin = Origin {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sources: vec![name],
        ..Origin::default()
    };
    let mut input = Input::new(Scope::default(), origin, Accounts::default(), now);
    for id in ids.iter().take(MAX_EVENTS) {
        match read_finding(ledger, id).await {
            Ok(reported) => input.findings.extend(reported),
            Err(error) => input.unreadable.push(Unreadable {
                name: format!("entries/{id}"),
                problem: error_chain(error.as_ref()),
            }),
        }
    }
    Ok(input)
}

async fn around(ledger: &StoredLedger, finding: &Finding) -> Result<Vec<FindingId>> {
    let Some((group, time)) = finding.group.clone().zip(finding.time) else {
        return Ok(vec![finding.id.clone()]);
    };
    let index = Index::Group { account: finding.account.clone(), group };
    let keys = ledger.list_index(&index).await?.keys.into_iter();
    let is_near = |other: Timestamp| other.duration_since(time).abs() <= AROUND;
    let near = keys.filter(|key| key.time.is_some_and(is_near)).map(|key| key.id);
    let mut ids: Vec<FindingId> = near.filter(|id| *id != finding.id).collect();
    // The finding itself, also if its index could not be written.
    ids.insert(0, finding.id.clone());
    Ok(ids)
}

async fn read_finding(ledger: &StoredLedger, id: &FindingId) -> Result<Option<ReportedFinding>> {
    let snapshot = ledger.read_entry(id).await?.context("there is no such entry")?;
    let Entry { state, content, .. } = snapshot.entry?;
    Ok(match content {
        Content::Finding(finding) => Some(ReportedFinding { finding, delivery: delivery(state) }),
        Content::Summary(_) | Content::Correlation(_) => None,
    })
}
