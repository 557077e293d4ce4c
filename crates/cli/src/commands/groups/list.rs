//! `trailbell groups list`.

use std::process::ExitCode;

use anyhow::Result;
use detect::power::Power;
use jiff::Timestamp;

use super::{KnownGroup, SelectionArgs, read_groups};
use crate::commands::ledger::open_ledger;
use crate::commands::output::{
    Format, FormatArg, ListWriter, clean_text, format_time, print_message,
};

/// List groups: what they can do, their policies and their members.
///
/// The trail's own words, or those of `trailbell model import`: no account is asked.
///
/// Exit codes: 0 groups were listed, or there are none; 2 the ledger cannot be read, or wrong
/// usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    format: FormatArg,
}

pub async fn run(args: &Args, now: Timestamp) -> Result<ExitCode> {
    let (ledger, _) = open_ledger(&args.selection.ledger).await?;
    let groups = read_groups(&ledger, &args.selection, None, now).await?;
    if groups.is_empty() && args.format.format == Format::Table {
        print_message("the ledger knows no groups");
    }
    let header = ["Account", "Group", "Power", "Policies", "Members", "Last change", "Suppressed"];
    let mut writer = ListWriter::new(args.format.format, &header);
    for group in &groups {
        writer.push(None, || cells(group), || group.document())?;
    }
    writer.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn cells(group: &KnownGroup) -> Vec<String> {
    let context = &group.context;
    let power = match context.power() {
        Power::Escalates(ways) => format!("escalates ({})", ways.len()),
        power => power.level().as_str().to_owned(),
    };
    let doubt = if context.uncertain { "?" } else { "" };
    let at_least = if context.complete { "" } else { "≥ " };
    let last = group.last_change();
    vec![
        clean_text(&group.account),
        clean_text(&group.name),
        power + doubt,
        format!("{at_least}{}", context.policies.len()),
        format!("{at_least}{}", context.members.len()),
        last.map_or(String::new(), |event| format_time(Some(event.time))),
        last.map_or("", |event| if event.suppressed { "yes" } else { "no" }).to_owned(),
    ]
}
