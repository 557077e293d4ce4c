//! `trailbell ledger show`.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use alert::{Accounts, Alert, correlation_subject, describe_member, summary_subject};
use detect::correlation::{self, CorrelationAlertData};
use detect::finding::{Context, Finding, FindingId, Member, Summary};
use detect::text::clean;
use jiff::Timestamp;
use trailbell::ledger::{Content, Entry, EntrySnapshot, EntryState, StoredLedger};

use super::args::{Format, ShowArgs};
use super::brief;
use crate::commands::matches::time;
use crate::commands::output::say;

/// Members of a summary that are shown one by one.
const MOST_MEMBERS: usize = 50;

/// Ids that are named where a start of one is not enough.
const NAMED: usize = 5;

/// A label and what it says.
type Line = (&'static str, String);

pub async fn run(args: &ShowArgs) -> Result<ExitCode, Box<dyn Error>> {
    let ledger = super::open(&args.place).await?;
    let id = the_only(&ledger, &args.id).await?;
    let looked = ledger.read_entry(&id).await?.ok_or_else(|| format!("entries/{id} is gone"))?;
    let entry = match &looked.entry {
        Ok(entry) => entry,
        Err(error) => {
            say(format_args!("trailbell: entries/{id}: {}", super::cell(&error.to_string())));
            return Ok(ExitCode::from(1));
        }
    };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => writeln!(out, "{}", clean::json(&serde_json::to_string(entry)?))?,
        Format::Table => {
            let lines = lines(entry, &looked, ledger.claimed_at(entry).await?);
            lines
                .iter()
                .try_for_each(|(label, text)| writeln!(out, "{label:<14}{}", super::cell(text)))?;
        }
    }
    if args.alert {
        let alert = written(&ledger, &entry.content).await;
        write!(out, "\nSubject: {}\n\n{}", alert.subject, alert.text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The id that begins so.
async fn the_only(ledger: &StoredLedger, said: &str) -> Result<FindingId, Box<dyn Error>> {
    let digits = said.trim_start_matches("entries/").to_ascii_lowercase();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!(
            "{:?} is no id: expected hexadecimal digits, the first ones at least",
            said
        )
        .into());
    }
    let mut ids = ledger.ids_with_prefix(&digits).await?;
    match (ids.pop(), ids.len()) {
        (Some(id), 0) => Ok(id),
        (None, _) => Err(format!("no entry's id begins with {digits}").into()),
        (Some(last), others) => {
            let named = ids
                .iter()
                .chain([&last])
                .take(NAMED)
                .map(FindingId::as_str)
                .collect::<Vec<_>>()
                .join("\n  ");
            let more = (others + 1).saturating_sub(NAMED);
            let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            Err(format!("the ids of {} entries begin with {digits}:\n  {named}{more}", others + 1)
                .into())
        }
    }
}

fn utc(at: Timestamp) -> String {
    format!("{} UTC", time(Some(at)))
}

fn lines(entry: &Entry, looked: &EntrySnapshot, claimed: Option<Timestamp>) -> Vec<Line> {
    let own = match &entry.content {
        Content::Finding(finding) => of_finding(finding),
        Content::Summary(summary) => of_summary(summary),
        Content::Correlation(told) => of_correlation(told),
    };
    let ended = if entry.state.is_final() { "Completed" } else { "Written" };
    let mut lines = vec![("Id", entry.id().to_string()), ("State", state(entry, looked))];
    lines.extend(own);
    lines.extend([
        ("Attempts", entry.attempts.to_string()),
        ("Execution", format!("{} to {}", time(Some(entry.window.start)), utc(entry.window.end()))),
        ("Claimed", claimed.map_or("not recorded".to_owned(), utc)),
        (ended, utc(looked.written())),
    ]);
    lines.extend(entry.message_id.clone().map(|id| ("Message", id)));
    lines.extend(entry.summary.as_ref().map(|id| ("Told in", format!("summary {id}"))));
    lines
}

/// The state in words: who acts next is what matters of one that is open.
fn state(entry: &Entry, looked: &EntrySnapshot) -> String {
    let what = match entry.state {
        EntryState::Claimed if looked.is_leased() => "a worker sees to it now",
        EntryState::Claimed => "its worker is gone; the next sweep or delivery takes over",
        EntryState::Released => "publishing failed; the next sweep or delivery tries again",
        EntryState::Failed => "not even the minimal alert could be sent; tried again an hour later",
        EntryState::Alerted => "the topic accepted the alert",
        EntryState::Suppressed => "nobody was told, because of an exception",
        EntryState::Grouped => "it waits for the summary of its execution",
        EntryState::Summarised => "a summary told of it",
    };
    format!("{}: {what}", brief::name(entry.state))
}

fn of_finding(finding: &Finding) -> Vec<Line> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let event_id = finding.ecs["event"]["id"].as_str().unwrap_or("not recorded").to_owned();
    let rule = &finding.rule;
    let severity = rule.severity.as_str();
    vec![
        ("What", alert::subject(finding)),
        ("Time of call", finding.time.map_or("not recorded".to_owned(), utc)),
        (
            "Rule",
            format!(
                "{} ({}), severity {severity}, risk score {} of 100",
                rule.name, rule.id, rule.risk_score
            ),
        ),
        ("Account", or_none(&finding.account)),
        ("Group", or_none(&finding.group)),
        ("User", or_none(&finding.target_user)),
        ("Caller", format!("{} ({})", finding.principal.label, finding.principal.identity_type)),
        ("Caller's key", finding.principal.key.clone()),
        ("Event id", event_id),
        ("Exception", or_none(&finding.exception)),
        ("Read in", finding.origin.to_string()),
    ]
}

fn of_summary(summary: &Summary) -> Vec<Line> {
    let mut lines = vec![
        ("What", summary_subject(summary)),
        ("Rule", format!("{} ({})", summary.rule.name, summary.rule.id)),
        ("Part", summary.part.to_string()),
    ];
    let member = |member: &Member| {
        let id = &member.id.as_str()[..8];
        (
            "Member",
            format!(
                "{id}  {}  {} by {}",
                time(member.time),
                describe_member(member),
                member.principal
            ),
        )
    };
    lines.extend(summary.members.iter().take(MOST_MEMBERS).map(member));
    let more = summary.members.len().saturating_sub(MOST_MEMBERS);
    lines.extend(
        (more > 0).then(|| ("Member", format!("and {more} more; --format json has them all"))),
    );
    lines
}

fn of_correlation(told: &CorrelationAlertData) -> Vec<Line> {
    let mut lines = vec![
        ("What", correlation_subject(told)),
        (
            "Rule",
            format!(
                "{} ({}), severity {}",
                told.rule.name,
                told.rule.id,
                told.rule.severity.as_str()
            ),
        ),
        ("First event", time(Some(told.start))),
        ("Last event", time(Some(told.end))),
        ("Episode", told.incident.to_string()),
    ];
    lines.extend(told.members.iter().map(|id| ("Member", id.to_string())));
    lines
}

async fn written(ledger: &StoredLedger, content: &Content) -> Alert {
    match content {
        Content::Finding(finding) => {
            alert::render(finding, &Context::default(), &Accounts::default())
        }
        Content::Summary(summary) => alert::render_summary(summary, &Accounts::default()),
        Content::Correlation(told) => {
            let (members, trouble) = ledger.read_findings(&told.members).await;
            alert::render_correlation(
                told,
                &correlation::MemberFindings::new(told, members, trouble),
                &Accounts::default(),
            )
        }
    }
}
