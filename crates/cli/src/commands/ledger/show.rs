//! `trailbell ledger show`.

use std::io::{self, Write};
use std::process::ExitCode;

use alert::{Accounts, Alert, correlation_subject, describe_member, summary_subject};
use anyhow::{Context, Result, bail};
use detect::correlation::{CorrelationAlertData, MemberFindings};
use detect::finding::{Context as AlertContext, Finding, FindingId, Summary, Suppression};
use detect::rule::{Rating, RuleInfo};
use detect::text::error::error_chain;
use detect::text::time::format_table_time;
use jiff::Timestamp;
use trailbell::ledger::{Content, Entry, EntrySnapshot, EntryState, StoredLedger};

use super::entries::open_ledger;
use super::list::short_id;
use crate::commands::arguments::LedgerArg;
use crate::commands::output::{
    Format, clean_text, format_time, print_error, variant_name, write_document,
};

/// Show all details of one finding, summary or correlation alert.
///
/// Exit codes: 0 the entry was shown; 1 the entry is damaged or of a newer version; 2 no entry or
/// several entries have the id, the ledger cannot be read, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Full id or any unique prefix
    id: String,
    #[command(flatten)]
    ledger: LedgerArg,
    /// Also print the alert, without the context that was known when it was sent
    #[arg(long)]
    alert: bool,
    /// How to print the entry. json and ndjson print it as it is stored
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

type LabelledValue = (&'static str, String);

pub async fn run(args: &Args) -> Result<ExitCode> {
    let (ledger, _) = open_ledger(&args.ledger).await?;
    let id = find_id(&ledger, &args.id).await?;
    let snapshot =
        ledger.read_entry(&id).await?.with_context(|| format!("entries/{id} is gone"))?;
    let entry = match &snapshot.entry {
        Ok(entry) => entry,
        Err(error) => {
            print_error(format_args!("entries/{id}: {}", error_chain(error)));
            return Ok(ExitCode::from(1));
        }
    };
    let mut out = io::stdout().lock();
    if args.format == Format::Table {
        for (label, value) in fields(entry, &snapshot, ledger.claimed_at(entry).await?) {
            writeln!(out, "{label:<15}{}", clean_text(&value))?;
        }
    } else {
        write_document(&mut out, args.format, &serde_json::to_value(entry)?)?;
    }
    if args.alert {
        let alert = render_alert(&ledger, &entry.content).await;
        write!(out, "\nSubject: {}\n\n{}", alert.subject, alert.text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The id of the only entry whose id begins with this.
pub async fn find_id(ledger: &StoredLedger, prefix: &str) -> Result<FindingId> {
    let digits = prefix.trim_start_matches("entries/").to_ascii_lowercase();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!("{prefix:?} is not an id: expected hexadecimal digits");
    }
    let ids = ledger.ids_with_prefix(&digits).await?;
    match &ids[..] {
        [id] => Ok(id.clone()),
        [] => bail!("no entry has an id that begins with {digits}"),
        _ => bail!("{} entries have ids that begin with {digits}: add more digits", ids.len()),
    }
}

fn fields(
    entry: &Entry,
    snapshot: &EntrySnapshot,
    claimed: Option<Timestamp>,
) -> Vec<LabelledValue> {
    let written_label = if entry.state.is_final() { "Completed" } else { "Written" };
    let mut fields =
        vec![("Id", entry.id().to_string()), ("State", describe_state(entry, snapshot))];
    fields.extend(match &entry.content {
        Content::Finding(finding) => finding_fields(finding),
        Content::Summary(summary) => summary_fields(summary),
        Content::Correlation(alert) => correlation_fields(alert),
    });
    let [start, end] = [entry.window.start, entry.window.end()].map(format_table_time);
    fields.extend([
        ("Claims", describe_claims(entry)),
        ("Window", format!("{start} to {end}")),
        ("Claimed", claimed.map_or("not recorded".to_owned(), format_table_time)),
        (written_label, format_table_time(snapshot.written())),
    ]);
    fields.extend(entry.message_id.clone().map(|id| ("Message", id)));
    fields.extend(entry.summary.as_ref().map(|id| ("Summary", id.to_string())));
    fields.extend(entry.incident_alert.as_ref().map(|id| ("Named by", id.to_string())));
    fields
}

fn describe_claims(entry: &Entry) -> String {
    let Entry { claims, refusals, deaths, .. } = entry;
    match (refusals, deaths) {
        (0, 0) => claims.to_string(),
        _ => format!("{claims}: {refusals} refused by the sink, {deaths} never ended"),
    }
}

/// The state of an entry, and what it means.
pub fn describe_state(entry: &Entry, snapshot: &EntrySnapshot) -> String {
    let description = match entry.state {
        EntryState::Claimed if snapshot.is_leased() => "a worker is processing it",
        EntryState::Claimed => "its worker is gone; the next sweep or delivery takes over",
        EntryState::Released => "publishing failed; the next sweep or delivery retries it",
        EntryState::Failed => "even a minimal alert was rejected; retried after an hour",
        EntryState::Alerted => "the topic accepted the alert",
        EntryState::Suppressed => match &entry.content {
            Content::Finding(finding) => match finding.suppression() {
                Some(Suppression::Exception(_)) => "an exception matched, so no alert was sent",
                Some(Suppression::BuildingBlock) => {
                    "its rule is a building block, so no alert was sent"
                }
                Some(Suppression::Threshold) => "it counts towards the threshold of its rule",
                Some(Suppression::Step) => {
                    "it is a step of its rule's sequence, which is alerted once it is complete"
                }
                Some(Suppression::Learning) => {
                    "its rule was learning which values are usual, so no alert was sent"
                }
                Some(Suppression::Unmet) => {
                    "what was known of it did not meet its rule's alert_when, so no alert was sent"
                }
                None => "an alert of the same rule and values stands for it",
            },
            Content::Correlation(_) | Content::Summary(_) => {
                "an alert of the same rule and values stands for it"
            }
        },
        EntryState::Grouped => "it will be part of the summary of its window",
        EntryState::Summarised => "it was part of a summary",
        EntryState::Folded => "the alert of an incident named it",
    };
    format!("{}: {description}", variant_name(entry.state))
}

fn finding_fields(finding: &Finding) -> Vec<LabelledValue> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let event_id = finding.ecs["event"]["id"].as_str().unwrap_or("not recorded");
    let principal = &finding.principal;
    vec![
        ("Subject", alert::finding_subject(finding)),
        ("Time of call", finding.time.map_or("not recorded".to_owned(), format_table_time)),
        ("Rule", format_rule(&finding.rule)),
        ("Severity", format_rating(&finding.rating())),
        ("Account", or_none(&finding.account)),
        ("Group", or_none(&finding.group)),
        ("User", or_none(&finding.target_user)),
        ("Principal", format!("{} ({})", principal.label, principal.identity_type)),
        ("Principal key", principal.key.clone()),
        ("Event id", event_id.to_owned()),
        ("Exception", or_none(&finding.exception)),
        ("Read in", finding.origin.to_string()),
    ]
}

fn summary_fields(summary: &Summary) -> Vec<LabelledValue> {
    let mut fields = vec![
        ("Subject", summary_subject(summary)),
        ("Rule", format_rule(&summary.rule)),
        ("Severity", format_rating(&summary.rating())),
        ("Part", summary.part.to_string()),
    ];
    for member in &summary.members {
        let id = short_id(&member.id);
        let time = format_time(member.time);
        let call = format!("{} by {}", describe_member(member), member.principal);
        fields.push(("Member", format!("{id}  {time}  {call}")));
    }
    fields
}

fn correlation_fields(alert: &CorrelationAlertData) -> Vec<LabelledValue> {
    let mut fields = vec![
        ("Subject", correlation_subject(alert)),
        ("Rule", format_rule(&alert.rule)),
        ("Severity", format_rating(&alert.rating())),
        ("First event", format_table_time(alert.start)),
        ("Last event", format_table_time(alert.end)),
        ("Incident", alert.incident.to_string()),
    ];
    fields.extend(alert.members.iter().map(|id| ("Member", id.to_string())));
    fields
}

fn format_rule(rule: &RuleInfo) -> String {
    format!("{} ({})", rule.name, rule.id)
}

fn format_rating(rating: &Rating) -> String {
    let Rating { severity, risk_score, reason } = rating;
    let reason = reason.as_ref().map(|reason| format!(", since {reason}")).unwrap_or_default();
    format!("{}, risk score {risk_score} of 100{reason}", severity.as_str())
}

/// The alert of an entry, without the context that was known when it was sent.
pub async fn render_alert(ledger: &StoredLedger, content: &Content) -> Alert {
    let accounts = Accounts::default();
    match content {
        Content::Finding(finding) => {
            alert::render_finding(finding, &AlertContext::default(), &accounts)
        }
        Content::Summary(summary) => alert::render_summary(summary, &accounts),
        Content::Correlation(alert) => {
            let (findings, problem) = ledger.read_findings(&alert.members).await;
            let members = MemberFindings::new(alert, findings, problem);
            alert::render_correlation(alert, &members, &accounts)
        }
    }
}
