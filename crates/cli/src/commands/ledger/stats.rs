//! `trailbell ledger stats`.

use std::cmp::Reverse;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailbell::ledger::{OpenMarker, StoredLedger};
use trailbell::sweep::TrailState;

use super::counts::{EntryCounts, StateCounts};
use super::entries::{UnreadableCounts, open_ledger, read_entries};
use super::filter::{Filter, FilterArgs};
use crate::commands::arguments::LedgerArg;
use crate::commands::output::{Format, clean_text, format_time, new_table, write_document};
use crate::doctor::format_age;

/// Count findings by state, rule and day, and show unfinished work and the progress of sweeps.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  the entries were counted
  1  an entry cannot be read (the others were counted)
  2  the ledger cannot be read, or wrong usage")]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerArg,

    #[command(flatten)]
    filter: FilterArgs,

    /// How to print the statistics
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Days that are printed as text. JSON has all.
const MAX_DAYS: usize = 31;

struct LedgerStats {
    counts: EntryCounts,
    unreadable: UnreadableCounts,
    /// Markers of entries that are not final, the oldest first.
    open: Vec<OpenMarker>,
    /// Findings that wait for a summary.
    grouped: usize,
    /// What the last sweep wrote. `None` if there was none.
    heartbeat: Option<Value>,
    /// The state of each trail, or why it cannot be read.
    trails: Vec<Result<TrailState, String>>,
}

pub async fn run(args: &Args, now: Timestamp) -> Result<ExitCode> {
    let mut filter = Filter::new(&args.filter, now)?;
    let (ledger, _) = open_ledger(&args.ledger).await?;
    let mut counts = EntryCounts::default();
    let unreadable = read_entries(&ledger, &mut filter, &mut |entry| counts.add(&entry)).await?;
    let mut open = ledger.open_markers().await?;
    open.sort_unstable_by_key(|marker| marker.since);
    let stats = LedgerStats {
        counts,
        unreadable,
        open,
        grouped: ledger.grouped_count().await?,
        heartbeat: read_heartbeat(&ledger).await?,
        trails: read_trails(&ledger).await?,
    };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Text => stats.print(&mut out, now)?,
        format => write_document(&mut out, format, &stats.document())?,
    }
    Ok(stats.unreadable.exit_code())
}

async fn read_heartbeat(ledger: &StoredLedger) -> Result<Option<Value>> {
    let object = ledger.sweep_object("heartbeat").await?;
    Ok(object.map(|object| {
        serde_json::from_slice(&object.bytes)
            .unwrap_or_else(|error| json!({"damaged": error.to_string()}))
    }))
}

async fn read_trails(ledger: &StoredLedger) -> Result<Vec<Result<TrailState, String>>> {
    let mut trails = Vec::new();
    for name in ledger.sweep_objects("cursor/").await? {
        let Some(object) = ledger.sweep_object(&name).await? else { continue };
        let trail = serde_json::from_slice(&object.bytes);
        trails.push(trail.map_err(|error| format!("sweep/{name} is damaged: {error}")));
    }
    Ok(trails)
}

impl LedgerStats {
    fn document(&self) -> Value {
        let mut document = self.counts.document();
        document["unreadable"] =
            json!({"damaged": self.unreadable.damaged, "newer": self.unreadable.newer});
        document["open_markers"] = json!(self.open.len());
        let oldest = self.open.first();
        document["oldest_open"] =
            oldest.map(|marker| json!({"id": marker.name, "since": marker.since})).into();
        document["waiting_for_summary"] = json!(self.grouped);
        document["heartbeat"] = json!(self.heartbeat);
        document["trails"] = self.trails.iter().map(trail_document).collect();
        document
    }

    fn print(&self, out: &mut impl Write, now: Timestamp) -> io::Result<()> {
        self.print_findings(out)?;
        let mut rows = vec![
            ("Summaries", format_counts(&self.counts.summaries)),
            ("Correlations", format_counts(&self.counts.correlations)),
        ];
        if self.unreadable.sum() > 0 {
            rows.push(("Unreadable", format!("{}, named above", self.unreadable.sum())));
        }
        rows.extend([
            ("Open", self.format_open(now)),
            ("To summarise", self.grouped.to_string()),
            ("Failed", self.counts.failed.to_string()),
            ("Last sweep", self.format_last_sweep(now)),
        ]);
        if self.trails.is_empty() {
            rows.push(("Trails", "no sweep has finished one".to_owned()));
        }
        rows.extend(self.trails.iter().map(|trail| ("Trail", format_trail(trail, now))));
        rows.iter().try_for_each(|(label, value)| writeln!(out, "{label:<14}{}", clean_text(value)))
    }

    /// Prints findings by rule and by day.
    fn print_findings(&self, out: &mut impl Write) -> io::Result<()> {
        let EntryCounts { findings, rules, days, .. } = &self.counts;
        if findings.is_empty() {
            return writeln!(out, "Findings      none");
        }
        let states: Vec<&str> = findings.keys().copied().collect();
        let table = |label| new_table([label, "Findings"].into_iter().chain(states.clone()));
        let row = |label: &str, counts: &StateCounts| {
            let count = |state| counts.get(state).map_or(String::new(), u64::to_string);
            let mut row = vec![clean_text(label), sum(counts).to_string()];
            row.extend(states.iter().map(count));
            row
        };
        let mut rules: Vec<&(String, StateCounts)> = rules.values().collect();
        rules.sort_by_key(|(name, counts)| (Reverse(sum(counts)), name));
        let mut by_rule = table("Rule");
        by_rule.add_rows(rules.into_iter().map(|(name, counts)| row(name, counts)));
        by_rule.add_row(row("all rules", findings));
        let mut by_day = table("Day (UTC)");
        by_day.add_rows(days.iter().rev().take(MAX_DAYS).map(|(day, counts)| row(day, counts)));
        writeln!(out, "{by_rule}\n\n{by_day}\n")?;
        match days.len().saturating_sub(MAX_DAYS) {
            0 => Ok(()),
            more => writeln!(out, "{more} earlier days; --format json prints all\n"),
        }
    }

    fn format_open(&self, now: Timestamp) -> String {
        let Some(oldest) = self.open.first() else { return "0".to_owned() };
        let since = format_time_and_age(oldest.since, now);
        format!("{}, the oldest since {since}: {}", self.open.len(), oldest.name)
    }

    fn format_last_sweep(&self, now: Timestamp) -> String {
        let Some(heartbeat) = &self.heartbeat else {
            return "no sweep has finished".to_owned();
        };
        let Some(time) = heartbeat["time"].as_str().and_then(|text| text.parse().ok()) else {
            return format!("sweep/heartbeat is damaged: {heartbeat}");
        };
        let [listed, failed, abandoned, backlog] = ["listed", "failed", "given_up", "backlog"]
            .map(|name| heartbeat["sweep"][name].as_u64().unwrap_or(0));
        let time = format_time_and_age(time, now);
        format!(
            "{time}: {listed} listed, {failed} failed, {abandoned} abandoned, backlog {backlog}"
        )
    }
}

fn trail_document(trail: &Result<TrailState, String>) -> Value {
    match trail {
        Ok(state) => json!({
            "trail": state.trail(),
            "cursor": state.cursor(),
            "failing": state.failing(),
        }),
        Err(error) => json!({"damaged": error}),
    }
}

fn format_trail(trail: &Result<TrailState, String>, now: Timestamp) -> String {
    match trail {
        Err(error) => error.clone(),
        Ok(state) => {
            let cursor = format_time_and_age(state.cursor(), now);
            format!("{}: read up to {cursor}; {} objects fail", state.trail(), state.failing())
        }
    }
}

fn format_time_and_age(time: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", format_time(Some(time)), format_age(time, now))
}

fn format_counts(counts: &StateCounts) -> String {
    let counts: Vec<String> =
        counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

fn sum(counts: &StateCounts) -> u64 {
    counts.values().sum()
}
