//! `trailbell ledger stats`.

use std::cmp::Reverse;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table};
use detect::text::clean;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailbell::ledger::{OpenMarker, StoredLedger};
use trailbell::sweep::TrailState;

use super::args::{Format, StatsArgs};
use super::filter::Filter;
use super::read::{self, Unread};
use super::tally::{ByState, Tally, sum};
use crate::commands::matches::time;
use crate::commands::output;

/// How many days are shown; all of them are in the JSON.
const DAYS: usize = 31;

/// What a ledger tells of itself.
struct Stats {
    tally: Tally,
    unread: Unread,
    /// The oldest first.
    open: Vec<OpenMarker>,
    waiting: usize,
    /// What the last sweep wrote; none where there was none.
    heartbeat: Option<Value>,
    /// How far sweeps have come in each trail, or why that cannot be read.
    trails: Vec<Result<TrailState, String>>,
}

pub async fn run(args: &StatsArgs, now: Timestamp) -> Result<ExitCode, Box<dyn Error>> {
    let mut filter = Filter::new(&args.filter, now)?;
    let ledger = super::open(&args.place).await?;
    let mut tally = Tally::default();
    let unread = read::read(&ledger, &mut filter, &mut |entry| tally.count(&entry)).await?;
    let mut open = ledger.open_markers().await?;
    open.sort_unstable_by_key(|marker| marker.since);
    let (heartbeat, trails) = (heartbeat(&ledger).await?, trails(&ledger).await?);
    let waiting = ledger.grouped_count().await?;
    let stats = Stats { tally, unread, open, waiting, heartbeat, trails };
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Json => writeln!(out, "{}", clean::json(&stats.document().to_string()))?,
        Format::Table => stats.print(&mut out, now)?,
    }
    out.flush()?;
    Ok(stats.unread.exit_code())
}

async fn heartbeat(ledger: &StoredLedger) -> Result<Option<Value>, Box<dyn Error>> {
    let note = ledger.sweep_object("heartbeat").await?;
    Ok(note.map(|note| {
        serde_json::from_slice(&note.bytes)
            .unwrap_or_else(|error| json!({"damaged": error.to_string()}))
    }))
}

async fn trails(ledger: &StoredLedger) -> Result<Vec<Result<TrailState, String>>, Box<dyn Error>> {
    let mut trails = Vec::new();
    for name in ledger.sweep_objects("cursor/").await? {
        let Some(note) = ledger.sweep_object(&name).await? else { continue };
        trails.push(
            serde_json::from_slice(&note.bytes)
                .map_err(|error| format!("sweep/{name} is damaged: {error}")),
        );
    }
    Ok(trails)
}

impl Stats {
    fn document(&self) -> Value {
        let trail = |trail: &Result<TrailState, String>| match trail {
            Ok(state) => {
                json!({"trail": state.trail(), "cursor": state.cursor(), "failing": state.failing()})
            }
            Err(error) => json!({"damaged": error}),
        };
        let mut document = self.tally.document();
        document["unreadable"] =
            json!({"damaged": self.unread.damaged, "newer": self.unread.newer});
        document["open_markers"] = json!(self.open.len());
        document["oldest_open"] = json!(
            self.open.first().map(|marker| json!({"id": marker.name, "since": marker.since}))
        );
        document["waiting_for_summary"] = json!(self.waiting);
        document["heartbeat"] = json!(self.heartbeat);
        document["trails"] = self.trails.iter().map(trail).collect();
        document
    }

    fn print(&self, out: &mut impl Write, now: Timestamp) -> io::Result<()> {
        self.print_counts(out)?;
        writeln!(out, "Summaries     {}", listed(&self.tally.summaries))?;
        writeln!(out, "Correlations  {}", listed(&self.tally.correlations))?;
        let damaged = (self.unread.all() > 0)
            .then(|| format!("Unreadable    {}, named above", self.unread.all()));
        damaged.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        writeln!(out, "Not done      {}", self.not_done(now))?;
        writeln!(out, "To summarise  {}", self.waiting)?;
        writeln!(out, "Failed        {}", self.tally.failed)?;
        writeln!(out, "Last sweep    {}", self.last_sweep(now))?;
        if self.trails.is_empty() {
            return writeln!(out, "Trails        no sweep has come through one yet");
        }
        self.trails.iter().try_for_each(|trail| writeln!(out, "Trail         {}", told(trail, now)))
    }

    fn print_counts(&self, out: &mut impl Write) -> io::Result<()> {
        let states: Vec<&str> = self.tally.findings.keys().copied().collect();
        if states.is_empty() {
            return writeln!(out, "Findings      none");
        }
        let header = |first: &str| {
            [first, "Findings"].into_iter().chain(states.clone()).map(str::to_owned).collect()
        };
        let row = |name: &str, counts: &ByState| -> Vec<String> {
            let count = |state: &&str| counts.get(*state).map_or(String::new(), u64::to_string);
            [super::cell(name), sum(counts).to_string()]
                .into_iter()
                .chain(states.iter().map(count))
                .collect()
        };
        let mut rules: Vec<&(String, ByState)> = self.tally.rules.values().collect();
        rules.sort_by_key(|(name, counts)| (Reverse(sum(counts)), name));
        let mut rows: Vec<Vec<String>> =
            rules.into_iter().map(|(name, counts)| row(name, counts)).collect();
        rows.push(row("all rules", &self.tally.findings));
        writeln!(out, "{}\n", table(header("Rule"), rows))?;
        let days =
            self.tally.days.iter().rev().take(DAYS).map(|(day, counts)| row(day, counts)).collect();
        writeln!(out, "{}\n", table(header("Day (UTC)"), days))?;
        match self.tally.days.len().saturating_sub(DAYS) {
            0 => Ok(()),
            more => writeln!(out, "and {more} days before; --format json has them all\n"),
        }
    }

    fn not_done(&self, now: Timestamp) -> String {
        match self.open.first() {
            None => "0".to_owned(),
            Some(oldest) => {
                let (since, id) = (ago(oldest.since, now), super::cell(&oldest.name));
                format!("{}, the oldest of {since}: {id}", self.open.len())
            }
        }
    }

    fn last_sweep(&self, now: Timestamp) -> String {
        let Some(beat) = &self.heartbeat else {
            return "never: no sweep has come to its end".to_owned();
        };
        let Some(at) = beat["time"].as_str().and_then(|text| text.parse().ok()) else {
            return format!("sweep/heartbeat is damaged: {}", super::cell(&beat.to_string()));
        };
        let count = |name: &str| beat["sweep"][name].as_u64().unwrap_or(0);
        let [listed, failed, abandoned, backlog] =
            ["listed", "failed", "given_up", "backlog"].map(count);
        format!(
            "{}: {listed} listed, {failed} failed, {abandoned} given up, backlog {backlog}",
            ago(at, now)
        )
    }
}

fn told(trail: &Result<TrailState, String>, now: Timestamp) -> String {
    match trail {
        Err(error) => super::cell(error),
        Ok(state) => {
            let (name, cursor) = (super::cell(state.trail()), ago(state.cursor(), now));
            format!("{name}: all before {cursor} is read; {} objects fail", state.failing())
        }
    }
}

/// A time, and how long ago it was.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(at).as_mins();
    let spoken = match minutes {
        ..0 => return time(Some(at)),
        0..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    };
    format!("{} ({spoken} ago)", time(Some(at)))
}

fn listed(states: &ByState) -> String {
    let states: Vec<String> =
        states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    if states.is_empty() { "none".to_owned() } else { states.join(", ") }
}

fn table(header: Vec<String>, rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(output::STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header).add_rows(rows);
    table
}
