//! `trailbell ledger list`.

use std::cmp::Reverse;
use std::process::ExitCode;

use alert::{correlation_subject, summary_subject};
use anyhow::Result;
use detect::finding::{FindingId, Suppression};
use detect::rule::RuleInfo;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailbell::ledger::{Content, Entry, EntryState};

use super::entries::{UnreadableCounts, open_ledger, read_entries};
use super::filter::{EntryFilter, FilterArgs};
use crate::commands::arguments::LedgerArg;
use crate::commands::output::{
    Format, ListWriter, clean_text, format_time, pluralize, print_message, variant_name,
};

/// List findings, summaries and correlation alerts, the latest first.
///
/// --group, and --principal with a whole key, read one index; otherwise every entry is read, which
/// takes a while in a ledger of many thousands. Summaries and correlation alerts are left out if an
/// account, a group or a principal is given.
///
/// Exit codes: 0 the entries were listed, if there are any; 1 an entry cannot be read (the others
/// were listed); 2 the ledger cannot be read, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerArg,
    #[command(flatten)]
    filter: FilterArgs,
    /// Print only the latest N entries
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// How to print the entries
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub async fn run(args: &Args, now: Timestamp) -> Result<ExitCode> {
    let mut filter = EntryFilter::new(&args.filter, now)?;
    let (ledger, name) = open_ledger(&args.ledger).await?;
    let mut rows = Vec::new();
    let unreadable =
        read_entries(&ledger, &mut filter, &mut |entry| rows.push(EntryRow::new(&entry))).await?;
    rows.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
    let found = rows.len();
    rows.truncate(args.limit.unwrap_or(usize::MAX));
    let summary = summary_line(found, rows.len(), &unreadable, &name);
    let mut list = ListWriter::new(args.format, &EntryRow::HEADER);
    for row in rows {
        list.push(None, || row.cells.to_vec(), || row.document)?;
    }
    list.finish()?;
    print_message(summary);
    Ok(unreadable.exit_code())
}

/// Names the ledger, as it may be the wrong one.
fn summary_line(found: usize, shown: usize, unreadable: &UnreadableCounts, name: &str) -> String {
    let mut line = format!("{} in {name}", pluralize(found, "entry"));
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

/// Hexadecimal digits of an id: enough to find it.
const ID_DIGITS: usize = 8;

#[derive(Debug)]
struct EntryRow {
    id: FindingId,
    /// The time of the call, or of the claim if that is not known.
    time: Timestamp,
    cells: [String; 5],
    document: Value,
}

impl EntryRow {
    const HEADER: [&str; 5] = ["Time (UTC)", "State", "Id", "Subject", "Rule"];

    fn new(entry: &Entry) -> EntryRow {
        let (time, subject, rule, severity) = match &entry.content {
            Content::Finding(finding) => {
                let subject = alert::finding_subject(finding);
                (finding.time, subject, &finding.rule, finding.severity())
            }
            Content::Summary(summary) => {
                let severity = summary.rating().severity;
                (None, summary_subject(summary), &summary.rule, severity)
            }
            Content::Correlation(alert) => {
                let severity = alert.rule.severity;
                (Some(alert.end), correlation_subject(alert), &alert.rule, severity)
            }
        };
        let id = entry.id().clone();
        let time = time.unwrap_or(entry.window.start);
        let cells = [
            format_time(Some(time)),
            state_cell(entry),
            short_id(&id).to_owned(),
            clean_text(&subject),
            clean_text(&rule.name),
        ];
        let mut document = entry_document(entry, rule, &subject);
        document["severity"] = json!(severity);
        EntryRow { id, time, cells, document }
    }

    /// The latest first.
    fn rank(&self) -> (Reverse<Timestamp>, &FindingId) {
        (Reverse(self.time), &self.id)
    }
}

/// The start of an id, as tables and alerts show it.
pub fn short_id(id: &FindingId) -> &str {
    &id.as_str()[..ID_DIGITS]
}

fn state_cell(entry: &Entry) -> String {
    let name = variant_name(entry.state);
    match (&entry.content, entry.state) {
        (Content::Finding(finding), EntryState::Suppressed) => match finding.suppression() {
            Some(Suppression::Exception(exception)) => format!("{name}: {}", clean_text(exception)),
            Some(Suppression::BuildingBlock) => format!("{name}: building block"),
            Some(Suppression::Threshold) => format!("{name}: counts towards a threshold"),
            Some(Suppression::Step) => format!("{name}: a step of a sequence"),
            Some(Suppression::Learning) => format!("{name}: learning"),
            Some(Suppression::Unmet) => format!("{name}: alert_when"),
            None => format!("{name}: the same values were alerted"),
        },
        (Content::Correlation(_), EntryState::Suppressed) => {
            format!("{name}: the same values were alerted")
        }
        (_, state) if state.is_final() => name,
        _ => format!("{name}, claim {}", entry.claims),
    }
}

/// What a list is filtered by. `ledger show` prints the whole entry.
fn entry_document(entry: &Entry, rule: &RuleInfo, subject: &str) -> Value {
    let mut document = json!({
        "id": entry.id(),
        "state": entry.state,
        "claims": entry.claims,
        "refusals": entry.refusals,
        "deaths": entry.deaths,
        "message_id": entry.message_id,
        "summary": entry.summary,
        "window": entry.window.to_string(),
        "subject": subject,
        "rule": {"id": rule.id, "name": rule.name, "severity": rule.severity},
    });
    match &entry.content {
        Content::Finding(finding) => {
            document["kind"] = json!("finding");
            document["time"] = json!(finding.time);
            document["account"] = json!(finding.account);
            document["group"] = json!(finding.group);
            document["target_user"] = json!(finding.target_user);
            document["principal"] = json!(finding.principal);
            document["action"] = finding.ecs["event"]["action"].clone();
            document["event_id"] = finding.ecs["event"]["id"].clone();
            document["exception"] = json!(finding.exception);
            document["origin"] = json!(finding.origin);
        }
        Content::Summary(_) => document["kind"] = json!("summary"),
        Content::Correlation(alert) => {
            document["kind"] = json!("correlation");
            document["time"] = json!(alert.end);
            document["incident"] = json!(alert.incident);
        }
    }
    document
}
