//! `trailbell ledger list`.

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table};
use detect::text::clean;
use jiff::Timestamp;

use super::args::{Format, ListArgs};
use super::brief::Brief;
use super::filter::Filter;
use super::read::{self, Unread};
use crate::commands::output::{self, say};

pub async fn run(args: &ListArgs, now: Timestamp) -> Result<ExitCode, Box<dyn Error>> {
    let mut filter = Filter::new(&args.filter, now)?;
    let ledger = super::open(&args.place).await?;
    let mut found = Vec::new();
    let unread =
        read::read(&ledger, &mut filter, &mut |entry| found.push(Brief::of(&entry))).await?;
    found.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
    let all = found.len();
    found.truncate(args.limit.unwrap_or(usize::MAX));
    print(&found, args.format)?;
    let place = super::said(&args.place).unwrap_or_default();
    say(told(found.len(), all, &unread, &place));
    Ok(unread.exit_code())
}

fn print(found: &[Brief], format: Format) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match format {
        Format::Json => found
            .iter()
            .try_for_each(|one| writeln!(out, "{}", clean::json(&one.document.to_string())))?,
        Format::Table if found.is_empty() => {}
        Format::Table => {
            let mut table = Table::new();
            table.load_style(output::STYLE).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(Brief::HEADER).add_rows(found.iter().map(|one| &one.cells));
            writeln!(out, "{table}")?;
        }
    }
    out.flush()
}

/// A ledger that is elsewhere looks like one without findings: hence its place.
fn told(shown: usize, all: usize, unread: &Unread, place: &str) -> String {
    let mut told = match all {
        0 => format!("0 entries in {}", super::cell(place)),
        1 => "1 entry".to_owned(),
        _ => format!("{all} entries"),
    };
    if shown < all {
        told += &format!(", the latest {shown} shown");
    }
    if unread.damaged > 0 {
        told += &format!("; {} damaged", unread.damaged);
    }
    if unread.newer > 0 {
        told += &format!("; {} of a newer version", unread.newer);
    }
    told
}
