//! `trailbell ledger list`.

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;

use super::entries::{UnreadableCounts, open_ledger, read_entries};
use super::filter::{Filter, FilterArgs};
use super::row::EntryRow;
use crate::commands::arguments::LedgerArg;
use crate::commands::output::{Format, ListWriter, print_message};

/// List findings, summaries and correlation alerts, the latest first.
///
/// --group, and --principal with a whole key, read one index; otherwise every entry is read, which
/// takes a while in a ledger of many thousands. Summaries and correlation alerts are left out if an
/// account, a group or a principal is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  the entries were listed, if there are any
  1  an entry cannot be read (the others were listed)
  2  the ledger cannot be read, or wrong usage")]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerArg,

    #[command(flatten)]
    filter: FilterArgs,

    /// Print only the latest N entries
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// How to print the entries
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub async fn run(args: &Args, now: Timestamp) -> Result<ExitCode> {
    let mut filter = Filter::new(&args.filter, now)?;
    let (ledger, name) = open_ledger(&args.ledger).await?;
    let mut rows = Vec::new();
    let unreadable =
        read_entries(&ledger, &mut filter, &mut |entry| rows.push(EntryRow::new(&entry))).await?;
    rows.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
    let found = rows.len();
    rows.truncate(args.limit.unwrap_or(usize::MAX));
    print_message(summary_line(found, rows.len(), &unreadable, &name));
    let mut list = ListWriter::new(args.format, &EntryRow::HEADER);
    for row in rows {
        list.push(None, || row.cells.to_vec(), || row.document)?;
    }
    list.finish()?;
    Ok(unreadable.exit_code())
}

/// Names the ledger if nothing was found: it may be the wrong one.
fn summary_line(found: usize, shown: usize, unreadable: &UnreadableCounts, name: &str) -> String {
    let mut line = match found {
        0 => format!("0 entries in {name}"),
        1 => "1 entry".to_owned(),
        _ => format!("{found} entries"),
    };
    if shown < found {
        line += &format!(", the latest {shown} shown");
    }
    if unreadable.damaged > 0 {
        line += &format!("; {} damaged", unreadable.damaged);
    }
    if unreadable.newer > 0 {
        line += &format!("; {} of a newer version", unreadable.newer);
    }
    line
}
