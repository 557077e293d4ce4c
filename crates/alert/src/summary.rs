//! The alert for a summary: many findings of one rule in one message.

use std::collections::BTreeMap;

use detect::finding::{Member, Summary};
use detect::text::{clean, wrap};
use serde_json::json;

use crate::builder::{AlertBuilder, AlertKind, Routing};
use crate::commands::bulk::{BulkCall, revert_all};
use crate::commands::principal::stop_all;
use crate::commands::undo::sign_in;
use crate::commands::{self, ResponseStep};
use crate::document::{fields_over_time, shared};
use crate::mail::{self, Item, Mail, rank};
use crate::message::Alert;
use crate::story::Story;
use crate::subject::{self, MAX_SUBJECT};
use crate::{Accounts, identifiers, integrity_summary};

/// Members that have lines in the mail if there is room.
const MAX_MEMBERS: usize = 40;
/// So few are shown for sure.
const FEW_MEMBERS: usize = 12;
const MAX_PRINCIPALS: usize = 5;
const MAX_TEXT_CHARS: usize = 200;

/// The subject of the mail: 1 to 99 characters of printable ASCII.
pub fn summary_subject(summary: &Summary) -> String {
    if let Some(kind) = integrity_summary::kind_of(summary) {
        return integrity_summary::subject(summary, kind);
    }
    let severity = summary.rating().severity.as_str();
    clean::ascii(&format!("[{severity}] {}", story(summary).subject("more ")), MAX_SUBJECT)
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
    let is_integrity = integrity_summary::kind_of(summary).is_some();
    let (checks, undo) = match is_integrity {
        true => (integrity_summary::checks(summary), Vec::new()),
        false => (Vec::new(), undo(summary, accounts)),
    };
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
        mail: match is_integrity {
            true => integrity_mail(summary, &checks),
            false => mail(summary, accounts, &undo),
        },
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
            "undo": commands::to_documents(&undo),
            "members": summary.members,
            "members_left_out": 0,
        }),
    }
    .build()
}

fn story(summary: &Summary) -> Story<'_> {
    let members = &summary.members;
    Story { members, count: members.len(), is_least: false, rule_name: &summary.rule.name }
}

/// What reverts all members, as far as one command each does.
fn undo(summary: &Summary, accounts: &Accounts) -> Vec<ResponseStep> {
    let calls: Vec<BulkCall<'_>> = summary.members.iter().map(BulkCall::from_member).collect();
    let account = shared(&summary.members, |member| member.account.as_deref());
    let account = account.map(|id| accounts.label(id));
    let stops = stop_all(&summary.members);
    let reverts = revert_all(&calls);
    std::iter::once(sign_in(account.as_deref())).chain(stops).chain(reverts).collect()
}

fn where_all_are(summary: &Summary) -> String {
    match summary.window {
        Some(_) => format!("All of them are in the ledger: entries/{}.", summary.id),
        None => "trailbell scan finds all of them in the log objects.".to_owned(),
    }
}

fn mail(summary: &Summary, accounts: &Accounts, undo: &[ResponseStep]) -> Mail {
    let reason = mail::severity_reason(&summary.rating(), summary.rule.severity);
    let reason = reason.map(|reason| mail::bullet(&reason));
    Mail::new(&introduction(summary, &story(summary).describe()))
        .section("WHY IT MATTERS", mail::items(rank::REASON, reason))
        .section("WHAT HAPPENED", member_items(summary, accounts))
        .section("BY", count_by_principal(&summary.members, accounts))
        .section("UNDO", mail::undo_items(undo))
        .section("REFERENCE", reference_items(summary))
}

fn integrity_mail(summary: &Summary, checks: &[ResponseStep]) -> Mail {
    let line = |member: &Member| {
        let name = clean::value(integrity_summary::object(member), MAX_TEXT_CHARS);
        mail::cap(wrap::hanging(&mail::event_prefix(member.time, &member.id), &name), 3)
    };
    Mail::new(&introduction(summary, &format!("\"{}\"", summary.rule.name)))
        .section("OBJECTS", listed(summary, line))
        .section("CHECK", mail::check_items(checks))
        .section("REFERENCE", reference_items(summary))
}

fn reference_items(summary: &Summary) -> Vec<Item> {
    let id = mail::reference_row("Summary", summary.id.as_str());
    let mut items = mail::items(rank::IDENTIFIER, [id]);
    if summary.window.is_some() {
        let text = "The full alert of one of these findings, ID:";
        let lines = mail::indented(text).into_iter();
        let command = "    trailbell ledger show ID --alert".to_owned();
        items.push(Item::new(rank::IDENTIFIER, lines.chain([command]).collect()));
    }
    items.extend(identifiers::rule_items(&summary.rule));
    items
}

fn introduction(summary: &Summary, what: &str) -> String {
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
        "{what}: {count} more {findings} of one rule, made {when}, {were} grouped into this summary \
         instead of single alerts ({}).{part}",
        mail::severity_in_words(&summary.rating()),
    )
}

fn count_by_principal(members: &[Member], accounts: &Accounts) -> Vec<Item> {
    let mut counts: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for member in members {
        *counts.entry((&member.principal, member.account.as_deref())).or_default() += 1;
    }
    let text = |((principal, account), count): ((&str, Option<&str>), usize)| {
        (count, format!("{} in {}", clean::name(principal), account_label(account, accounts)))
    };
    let counts = counts.into_iter().map(text).collect();
    mail::items(rank::FACT, mail::counts(counts, MAX_PRINCIPALS))
}

/// The members, as many as there is room for, and where the others are.
fn member_items(summary: &Summary, accounts: &Accounts) -> Vec<Item> {
    listed(summary, |member| member_lines(member, summary, accounts))
}

fn listed(summary: &Summary, lines: impl Fn(&Member) -> Vec<String>) -> Vec<Item> {
    let lines = summary.members.iter().take(MAX_MEMBERS).map(lines);
    let mut items = mail::items(rank::FAR_EVENT, lines);
    if summary.members.len() > FEW_MEMBERS {
        let text = format!("… {}", where_all_are(summary));
        items.push(Item::new(rank::near_event(1), wrap::hanging("    ", &text)));
    }
    items
}

/// What all members share is in the first sentence.
fn member_lines(member: &Member, summary: &Summary, accounts: &Accounts) -> Vec<String> {
    let mut text = clean::value(&describe_member(member), MAX_TEXT_CHARS);
    if summary.members.iter().any(|it| it.principal != member.principal) {
        text += &format!(" by {}", clean::name(&member.principal));
    }
    if summary.members.iter().any(|it| it.account != member.account) {
        text += &format!(" in {}", account_label(member.account.as_deref(), accounts));
    }
    mail::cap(wrap::hanging(&mail::event_prefix(member.time, &member.id), &text), 2)
}

fn account_label(account: Option<&str>, accounts: &Accounts) -> String {
    account.map_or("an unknown account".to_owned(), |id| accounts.label(id))
}
