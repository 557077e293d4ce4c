//! The alert for a summary: many findings of one rule in one message.

use std::collections::BTreeMap;

use detect::finding::{Member, Summary};
use detect::text::{clean, wrap};
use serde_json::json;

use crate::builder::{AlertBuilder, AlertKind, Routing};
use crate::document::{fields_over_time, shared};
use crate::mail::{self, Mail};
use crate::message::Alert;
use crate::subject::{self, MAX_SUBJECT};
use crate::{Accounts, limits};

/// Bytes of the members' lines in the mail: the document has as much room again.
const MAX_MEMBERS_BYTES: usize = 96 * 1024;
const MAX_PRINCIPALS: usize = 20;
const MAX_TEXT_CHARS: usize = 200;

/// The subject of the mail: 1 to 99 characters of printable ASCII.
pub fn summary_subject(summary: &Summary) -> String {
    let rule = &summary.rule;
    let count = summary.members.len();
    let findings = if count == 1 { "finding" } else { "findings" };
    let severity = summary.rating().severity.as_str();
    let subject = format!("[{severity}] {count} more {findings}: {}", rule.name);
    clean::ascii(&subject, MAX_SUBJECT)
}

/// What the member's call did, in a few words of printable ASCII.
pub fn describe_member(member: &Member) -> String {
    let conflict = if member.conflict.is_some() { "CONFLICT: " } else { "" };
    let line = subject::summary_line(&member.call, subject::MAX_NAME_CHARS);
    format!("{conflict}{line}")
}

/// Renders the alert for a summary; `accounts` gives names to account ids. Members that do not fit
/// into 256 KiB are counted, and the alert says where they are.
pub fn render_summary(summary: &Summary, accounts: &Accounts) -> Alert {
    let highest = &summary.highest;
    let time = |member: Option<&Member>| member.and_then(|member| member.time);
    let start = time(summary.members.first());
    let end = time(summary.members.last());
    let account = shared(&summary.members, |member| member.account.as_deref());
    AlertBuilder {
        id: &summary.id,
        kind: AlertKind::Summary,
        rule: &summary.rule,
        rule_severity: summary.rule.severity,
        rating: summary.rating(),
        subject: summary_subject(summary),
        sentence: None,
        mail: mail(summary, accounts),
        routing: Routing {
            account: highest.account.as_deref(),
            region: highest.region.as_deref(),
            action: highest.call.action.as_deref(),
        },
        ecs: fields_over_time(&summary.members, accounts, start, end),
        fields: json!({
            "account": account,
            "account_name": account.and_then(|id| accounts.name(id)),
            "summary": {"window": summary.window, "part": summary.part},
            "count": summary.members.len(),
            "all_members": where_all_are(summary),
            "members": summary.members,
            "members_left_out": 0,
        }),
    }
    .build()
}

fn where_all_are(summary: &Summary) -> String {
    match summary.window {
        Some(_) => format!("All of them are in the ledger: entries/{}.", summary.id),
        None => "trailbell scan finds all of them in the log objects.".to_owned(),
    }
}

fn mail(summary: &Summary, accounts: &Accounts) -> Mail {
    let mut identifiers = mail::table([
        ("Rule id", clean::text(&summary.rule.id, MAX_TEXT_CHARS)),
        ("Summary id", summary.id.to_string()),
    ]);
    if summary.window.is_some() {
        let text = "To read a finding's full alert from the ledger (--ledger or TRAILBELL_LEDGER), \
                    replace ID with its id:";
        identifiers.extend(wrap::hanging("  - ", text));
        identifiers.push("    trailbell ledger show ID --alert".to_owned());
    }
    Mail::new(&introduction(summary))
        .section("BY PRINCIPAL", count_by_principal(&summary.members, accounts))
        .section_of(2 * MAX_MEMBERS_BYTES, "FINDINGS", member_lines(summary, accounts))
        .section("IDENTIFIERS", identifiers)
}

fn introduction(summary: &Summary) -> String {
    let count = summary.members.len();
    let findings = if count == 1 { "finding" } else { "findings" };
    let were = if count == 1 { "was" } else { "were" };
    let when = summary.window.map(|window| mail::period(window.start, window.end()));
    let when = when.as_deref().unwrap_or("in one run");
    let part = match summary.part {
        0 | 1 => String::new(),
        part => format!(" This is part {part} of the summary."),
    };
    format!(
        "{count} more {findings} of the rule {}{}, made {when}, {were} grouped into this summary \
         instead of single alerts. Times below are event times.{part}",
        clean::text(&summary.rule.name, MAX_TEXT_CHARS),
        mail::severity_note(&summary.rating(), summary.rule.severity),
    )
}

fn count_by_principal(members: &[Member], accounts: &Accounts) -> Vec<String> {
    let mut counts: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for member in members {
        *counts.entry((&member.principal, member.account.as_deref())).or_default() += 1;
    }
    let text = |((principal, account), count): ((&str, Option<&str>), usize)| {
        (count, format!("{} in {}", clean::name(principal), account_label(account, accounts)))
    };
    mail::counts(counts.into_iter().map(text).collect(), MAX_PRINCIPALS)
}

fn member_lines(summary: &Summary, accounts: &Accounts) -> Vec<String> {
    let mut lines = vec![mail::EVENT_COLUMNS.to_owned()];
    let mut bytes = 0;
    for (nth, member) in summary.members.iter().enumerate() {
        let member = member_line(member, accounts);
        bytes += member.iter().map(|line| limits::escaped_len(line)).sum::<usize>();
        if bytes > MAX_MEMBERS_BYTES {
            let left_out = summary.members.len() - nth;
            let text = format!("and {left_out} more. {}", where_all_are(summary));
            lines.extend(wrap::hanging("  … ", &text));
            break;
        }
        lines.extend(member);
    }
    lines
}

fn member_line(member: &Member, accounts: &Accounts) -> Vec<String> {
    let text = format!(
        "{} by {} in {}",
        clean::text(&describe_member(member), MAX_TEXT_CHARS),
        clean::name(&member.principal),
        account_label(member.account.as_deref(), accounts),
    );
    wrap::hanging(&mail::event_prefix(member.time, &member.id), &text)
}

fn account_label(account: Option<&str>, accounts: &Accounts) -> String {
    account.map_or("an unknown account".to_owned(), |id| accounts.label(id))
}
