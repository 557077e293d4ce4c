//! `trailbell groups show`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, bail};
use detect::finding::TimelineEntry;
use detect::power::{Opening, Power};
use jiff::Timestamp;

use super::{KnownGroup, SelectionArgs, read_groups};
use crate::commands::ledger::open_ledger;
use crate::commands::output::{Format, FormatArg, clean_text, format_time, write_documents};

/// Show a group: what it can do and why, its policies, its members, and what happened to it.
///
/// Exit codes: 0 the group was shown; 2 the ledger knows no group of this name, or cannot be read,
/// or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name of the group, in any case
    name: String,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    format: FormatArg,
}

pub async fn run(args: &Args, now: Timestamp) -> Result<ExitCode> {
    let (ledger, _) = open_ledger(&args.selection.ledger).await?;
    let groups = read_groups(&ledger, &args.selection, Some(&args.name), now).await?;
    if groups.is_empty() {
        bail!("the ledger knows no group of the name {:?}", args.name);
    }
    let mut out = io::stdout().lock();
    match args.format.format {
        Format::Table => groups.iter().try_for_each(|group| write_group(&mut out, group))?,
        format => write_documents(&mut out, format, groups.iter().map(KnownGroup::document))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write_group(out: &mut impl Write, group: &KnownGroup) -> io::Result<()> {
    let context = &group.context;
    let exists = match group.state.exists {
        Some(true) => "",
        Some(false) => ", which does not exist",
        None => ", which may exist",
    };
    let (account, name) = (clean_text(&group.account), clean_text(&group.name));
    writeln!(out, "{name} in account {account}{exists}")?;
    writeln!(out, "  {}", power_in_words(group))?;
    if let Power::Escalates(ways) = context.power() {
        for open in &ways {
            let sources = sources_in_words(&open.opening);
            writeln!(out, "    {}: {} ({sources})", open.way.id, open.way.description)?;
        }
    }
    let more = if context.complete { "" } else { ", and perhaps others" };
    let policies = context.policies.iter();
    let policies: Vec<String> = policies
        .map(|policy| format!("{} ({})", clean_text(&policy.name), policy.power.as_str()))
        .collect();
    writeln!(out, "  policies: {}{more}", none_or_list(&policies))?;
    let members: Vec<String> = context.members.iter().map(|name| clean_text(name)).collect();
    writeln!(out, "  members: {}{more}", none_or_list(&members))?;
    for event in &group.events {
        writeln!(out, "  {}", event_in_words(event))?;
    }
    Ok(())
}

fn power_in_words(group: &KnownGroup) -> String {
    let context = &group.context;
    let text = match context.power() {
        Power::Admin(opening) => format!("admin: {}", sources_in_words(&opening)),
        Power::Escalates(ways) => format!("escalates, in {} known ways:", ways.len()),
        Power::Limited => "limited: no known way to more rights".to_owned(),
        Power::Unknown if context.has_unknown_policy() => {
            "unknown: a policy was created before the trail was read".to_owned()
        }
        Power::Unknown => "unknown: it was created before the trail was read".to_owned(),
    };
    let doubt = if context.uncertain { " (calls of one second contradict each other)" } else { "" };
    text + doubt
}

fn sources_in_words(opening: &Opening) -> String {
    let sources = opening.sources.iter().map(|source| {
        let policy = source.policy.as_deref().unwrap_or_default();
        format!("statement {} of {}", clean_text(&source.statement), clean_text(policy))
    });
    let notes = opening.notes.iter().map(|note| clean_text(note));
    sources.chain(notes).collect::<Vec<_>>().join(", ")
}

fn event_in_words(event: &TimelineEntry) -> String {
    let time = format_time(Some(event.time));
    let object = event.object.as_deref().map(|object| format!(" {}", clean_text(object)));
    let principal = event.principal.as_deref().map(|it| format!(" by {}", clean_text(it)));
    let failed = if event.failed { ", failed" } else { "" };
    let suppressed = if event.suppressed { ", suppressed" } else { "" };
    format!(
        "{time}  {}{}{}{failed}{suppressed}",
        clean_text(&event.action),
        object.unwrap_or_default(),
        principal.unwrap_or_default(),
    )
}

fn none_or_list(names: &[String]) -> String {
    if names.is_empty() { "none known".to_owned() } else { names.join(", ") }
}
