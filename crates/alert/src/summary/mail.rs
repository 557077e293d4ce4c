//! The mail of a summary: how many, by whom, and a line for each finding.

use std::collections::BTreeMap;

use detect::finding::{Member, Summary};
use detect::text::{clean, time, wrap};

use super::{describe_member, where_all_are};
use crate::{Accounts, limit};

/// Bytes of the members' lines: the document has as much room again.
const MEMBERS_ROOM: usize = 96 * 1024;

/// Actors that are counted one by one.
const MOST_ACTORS: usize = 20;

/// Characters of a text with names in it.
const LONGEST_TEXT: usize = 200;

/// Hexadecimal digits of a finding's id: enough to find it. The document has all 64.
const ID_DIGITS: usize = 8;

/// Over the members' lines.
const COLUMNS: &str = "  Time (UTC)           Id        What\n";

/// Only a ledger has the members' records.
const FULL_ALERT: &str =
    "  - To read a finding's full alert from the ledger (--ledger or TRAILBELL_LEDGER), replace ID with
    its id:
    trailbell ledger show ID --alert\n";

/// The mail, ending with a line break.
pub(super) fn write(summary: &Summary, accounts: &Accounts) -> String {
    let mut mail = lines(wrap::hanging("  ", &introduction(summary)));
    mail += &format!("\nBY PRINCIPAL\n{}", lines(by_actor(&summary.members, accounts)));
    mail += &format!("\nFINDINGS\n{COLUMNS}{}", members(summary, accounts));
    let rule = clean::text(&summary.rule.id, LONGEST_TEXT);
    mail += &format!("\nIDENTIFIERS\n  Rule id         {rule}\n  Summary id      {}\n", summary.id);
    mail + if summary.window.is_some() { FULL_ALERT } else { "" }
}

fn introduction(summary: &Summary) -> String {
    let count = summary.members.len();
    let (findings, were) = if count == 1 { ("finding", "was") } else { ("findings", "were") };
    let rule = &summary.rule;
    let when = match summary.window {
        Some(window) => {
            format!(
                "between {} and {}",
                time::format_sentence_time(window.start),
                time::format_sentence_time(window.end())
            )
        }
        None => "in one run".to_owned(),
    };
    let part = if summary.part > 1 {
        format!(" This is part {} of the summary.", summary.part)
    } else {
        String::new()
    };
    format!(
        "{count} more {findings} of the rule {} (severity {}, risk score {} of 100), made {when}, {were} grouped \
         into this summary instead of single alerts. Times below are event times.{part}",
        clean::text(&rule.name, LONGEST_TEXT),
        rule.severity.as_str(),
        rule.risk_score,
    )
}

fn by_actor(members: &[Member], accounts: &Accounts) -> Vec<String> {
    let mut counts: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for member in members {
        *counts.entry((&member.principal, member.account.as_deref())).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let others = counts.len().saturating_sub(MOST_ACTORS);
    let shown = counts.iter().take(MOST_ACTORS).flat_map(|((principal, account), count)| {
        wrap::hanging(
            &format!("  {count:>6}  "),
            &format!("{} in {}", clean::name(principal), place(*account, accounts)),
        )
    });
    let more = (others > 0).then(|| format!("  ({others} more)"));
    shown.chain(more).collect()
}

fn members(summary: &Summary, accounts: &Accounts) -> String {
    let mut text = String::new();
    let mut shown = 0;
    for member in &summary.members {
        let line = lines(member_lines(member, accounts));
        if limit::encoded(&text) + limit::encoded(&line) > MEMBERS_ROOM {
            break;
        }
        text += &line;
        shown += 1;
    }
    if let left @ 1.. = summary.members.len() - shown {
        let rest = wrap::hanging("  … ", &format!("and {left} more. {}", where_all_are(summary)));
        text += &lines(rest);
    }
    text
}

fn member_lines(member: &Member, accounts: &Accounts) -> Vec<String> {
    let time = member
        .time
        .map_or("not recorded".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string());
    let (what, who) =
        (clean::text(&describe_member(member), LONGEST_TEXT), clean::name(&member.principal));
    let id = &member.id.as_str()[..ID_DIGITS];
    let deed = format!("{what} by {who} in {}", place(member.account.as_deref(), accounts));
    wrap::hanging(&format!("  {time:<19}  {id}  "), &deed)
}

fn place(account: Option<&str>, accounts: &Accounts) -> String {
    account.map_or("an unknown account".to_owned(), |id| accounts.shown(id))
}

fn lines(lines: Vec<String>) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
