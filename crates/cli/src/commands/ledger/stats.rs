//! `trailbell ledger stats`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use detect::text::error::error_chain;
use detect::text::time::format_date;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use trailbell::ledger::{ChainHead, ChainId, Content, Entry, EntryState, StoredLedger};
use trailbell::sweep::TrailState;

use super::entries::{UnreadableCounts, open_ledger, read_entries};
use super::filter::{EntryFilter, FilterArgs};
use crate::commands::arguments::LedgerArg;
use crate::commands::output::{
    Format, clean_text, format_time, new_table, pluralize, print_error, variant_name,
    write_document,
};
use crate::doctor::format_age;

/// Count findings by state, rule and day, and show unfinished work and the progress of sweeps.
///
/// Exit codes: 0 the entries were counted; 1 an entry cannot be read (the others were counted); 2
/// the ledger cannot be read, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerArg,
    #[command(flatten)]
    filter: FilterArgs,
    /// How to print the statistics
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How many entries are in each state.
type StateCounts = BTreeMap<String, u64>;

#[derive(Debug, Default, Serialize)]
struct LedgerStats {
    findings: StateCounts,
    summaries: StateCounts,
    /// Correlation alerts.
    correlations: StateCounts,
    /// Findings by the rule's id.
    rules: BTreeMap<String, RuleCounts>,
    /// Findings by the day of the call, in UTC.
    days: BTreeMap<String, StateCounts>,
    failed: u64,
    unreadable: UnreadableCounts,
    /// Entries that are not final.
    open: usize,
    oldest_open: Option<OldestOpen>,
    waiting_for_summary: usize,
    /// What the last sweep wrote. `None` if there was none.
    heartbeat: Option<Value>,
    trails: Vec<TrailProgress>,
    /// How far CloudTrail's digests are verified.
    verified: Vec<ChainHead>,
}

#[derive(Debug, Default, Serialize)]
struct RuleCounts {
    name: String,
    states: StateCounts,
}

#[derive(Debug, Serialize)]
struct OldestOpen {
    id: String,
    since: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum TrailProgress {
    Known { trail: String, cursor: Timestamp, failing: usize },
    Damaged { damaged: String },
}

pub async fn run(args: &Args, now: Timestamp) -> Result<ExitCode> {
    let mut filter = EntryFilter::new(&args.filter, now)?;
    let (ledger, _) = open_ledger(&args.ledger).await?;
    let mut stats = LedgerStats::default();
    stats.unreadable =
        read_entries(&ledger, &mut filter, &mut |entry| stats.count_entry(&entry)).await?;
    let open = ledger.unfinished(ledger.open_entries().await?.entries).await?;
    stats.open = open.len();
    let oldest = ledger.oldest_entry(&open).await?;
    stats.oldest_open =
        oldest.map(|oldest| OldestOpen { id: oldest.id.to_string(), since: oldest.since });
    stats.waiting_for_summary = ledger.grouped_count().await?;
    stats.heartbeat = read_heartbeat(&ledger).await?;
    stats.trails = read_trails(&ledger).await?;
    let (heads, damaged) = ledger.chain_heads().await?;
    stats.verified = heads;
    damaged.iter().for_each(|error| print_error(error_chain(error)));
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => stats.print(&mut out, now)?,
        format => write_document(&mut out, format, &json!(stats))?,
    }
    Ok(stats.unreadable.exit_code())
}

/// What the last sweep wrote. Returns `None` if there was none.
pub async fn read_heartbeat(ledger: &StoredLedger) -> Result<Option<Value>> {
    let object = ledger.sweep_object("heartbeat").await?;
    Ok(object.map(|object| {
        serde_json::from_slice(&object.bytes)
            .unwrap_or_else(|error| json!({"damaged": error.to_string()}))
    }))
}

async fn read_trails(ledger: &StoredLedger) -> Result<Vec<TrailProgress>> {
    let mut trails = Vec::new();
    for name in ledger.sweep_objects("cursor/").await? {
        let Some(object) = ledger.sweep_object(&name).await? else { continue };
        trails.push(match serde_json::from_slice::<TrailState>(&object.bytes) {
            Ok(state) => TrailProgress::Known {
                trail: state.trail().to_owned(),
                cursor: state.cursor(),
                failing: state.failing(),
            },
            Err(error) => {
                TrailProgress::Damaged { damaged: format!("sweep/{name} is damaged: {error}") }
            }
        });
    }
    Ok(trails)
}

impl LedgerStats {
    fn count_entry(&mut self, entry: &Entry) {
        let count = |states: &mut StateCounts| {
            *states.entry(variant_name(entry.state)).or_default() += 1;
        };
        self.failed += u64::from(entry.state == EntryState::Failed);
        match &entry.content {
            Content::Summary(_) => count(&mut self.summaries),
            Content::Correlation(_) => count(&mut self.correlations),
            Content::Finding(finding) => {
                count(&mut self.findings);
                let rule = self.rules.entry(finding.rule.id.clone()).or_default();
                rule.name.clone_from(&finding.rule.name);
                count(&mut rule.states);
                let time = finding.time.unwrap_or(entry.window.start);
                count(self.days.entry(format_date(time)).or_default());
            }
        }
    }

    fn print(&self, out: &mut impl Write, now: Timestamp) -> io::Result<()> {
        self.print_findings(out)?;
        let mut rows = vec![
            ("Summaries", format_counts(&self.summaries)),
            ("Correlations", format_counts(&self.correlations)),
        ];
        if self.unreadable.sum() > 0 {
            rows.push(("Unreadable", format!("{}, named above", self.unreadable.sum())));
        }
        rows.extend([
            ("Open", self.format_open(now)),
            ("To summarise", self.waiting_for_summary.to_string()),
            ("Failed", self.failed.to_string()),
            ("Last sweep", self.format_last_sweep(now)),
        ]);
        if self.trails.is_empty() {
            rows.push(("Trails", "no sweep has finished one".to_owned()));
        }
        rows.extend(self.trails.iter().map(|trail| ("Trail", format_trail(trail, now))));
        let verified = format_verified(&self.verified, now);
        rows.extend(verified.into_iter().map(|value| ("Verified", value)));
        rows.iter().try_for_each(|(label, value)| writeln!(out, "{label:<14}{}", clean_text(value)))
    }

    /// Prints findings by rule and by day.
    fn print_findings(&self, out: &mut impl Write) -> io::Result<()> {
        if self.findings.is_empty() {
            return writeln!(out, "Findings      none");
        }
        let states = || self.findings.keys().map(String::as_str);
        let table = |label| new_table([label, "Findings"].into_iter().chain(states()));
        let row = |label: &str, counts: &StateCounts| {
            let mut row = vec![clean_text(label), sum(counts).to_string()];
            row.extend(
                states().map(|state| counts.get(state).map_or(String::new(), u64::to_string)),
            );
            row
        };
        let mut rules: Vec<&RuleCounts> = self.rules.values().collect();
        rules.sort_by_key(|rule| (Reverse(sum(&rule.states)), &rule.name));
        let mut by_rule = table("Rule");
        by_rule.add_rows(rules.into_iter().map(|rule| row(&rule.name, &rule.states)));
        by_rule.add_row(row("all rules", &self.findings));
        let mut by_day = table("Day (UTC)");
        by_day.add_rows(self.days.iter().rev().map(|(day, counts)| row(day, counts)));
        writeln!(out, "{by_rule}\n\n{by_day}\n")
    }

    fn format_open(&self, now: Timestamp) -> String {
        match &self.oldest_open {
            None => "0".to_owned(),
            Some(OldestOpen { id, since }) => {
                let since = format_time_and_age(*since, now);
                format!("{}, the oldest since {since}: {id}", self.open)
            }
        }
    }

    fn format_last_sweep(&self, now: Timestamp) -> String {
        let Some(heartbeat) = &self.heartbeat else {
            return "no sweep has finished".to_owned();
        };
        let Some(time) = heartbeat["time"].as_str().and_then(|text| text.parse().ok()) else {
            return format!("sweep/heartbeat is damaged: {heartbeat}");
        };
        let counts = ["listed", "failed", "abandoned", "backlog"]
            .map(|name| format!("{} {name}", heartbeat["sweep"][name]));
        format!("{}: {}", format_time_and_age(time, now), counts.join(", "))
    }
}

/// All chains of digests in a line, then the one that is furthest behind. Those of backfill digests
/// come when they come.
fn format_verified(heads: &[ChainHead], now: Timestamp) -> Vec<String> {
    let total = |count: fn(&ChainHead) -> u64| heads.iter().map(count).sum::<u64>();
    let all = format!(
        "{} and {} in {}, with {}",
        pluralize(total(|head| head.digests), "digest"),
        pluralize(total(|head| head.log_files), "log file"),
        pluralize(heads.len() as u64, "chain"),
        pluralize(total(|head| head.gaps), "gap"),
    );
    let Some(last) = heads.iter().filter(|it| !it.chain.backfill).min_by_key(|head| head.end)
    else {
        return vec!["no digest".to_owned()];
    };
    let ChainId { account, region, trail, .. } = &last.chain;
    let end = format_time_and_age(last.end, now);
    vec![all, format!("up to {end}, the furthest behind: {trail}, {account}, {region}")]
}

fn format_trail(trail: &TrailProgress, now: Timestamp) -> String {
    match trail {
        TrailProgress::Damaged { damaged } => damaged.clone(),
        TrailProgress::Known { trail, cursor, failing } => {
            let cursor = format_time_and_age(*cursor, now);
            format!("{trail}: read up to {cursor}; {failing} objects fail")
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
