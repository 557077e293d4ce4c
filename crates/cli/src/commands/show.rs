//! `trailbell show`: one alert with what is known around it.

use std::path::PathBuf;
use std::process::ExitCode;

use alert::Accounts;
use anyhow::{Context, Result, bail};
use detect::text::error::error_chain;
use jiff::Timestamp;
use report::Report;
use report::data::{Input, Origin, Scope};
use report::page::alert_page;
use trailbell::pages::{add_surroundings, delivery};

use crate::commands::arguments::LedgerArg;
use crate::commands::ledger::entries::open_ledger;
use crate::commands::ledger::show::{describe_state, find_id, render_alert};
use crate::commands::report::output;
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
    let origin = Origin {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sources: vec![name],
        ..Origin::default()
    };
    let mut input = Input::new(Scope::default(), origin, Accounts::default(), now);
    add_surroundings(&ledger, &entry.content, delivery(entry.state), &mut input).await?;
    let report = Report::new(input);
    let page = alert_page(&alert, &report, &describe_state(entry, &snapshot))?;
    output::write(args.output.as_deref(), &page)?;
    Ok(ExitCode::from(u8::from(!report.unreadable.is_empty())))
}
