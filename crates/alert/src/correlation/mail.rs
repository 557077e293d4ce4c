//! The mail of a correlation: what happened in event order, by whom, why it rang, and what to do.

use std::collections::BTreeMap;

use detect::finding::Finding;
use detect::finding::policy::Power;
use detect::text::{clean, wrap};

use super::Story;
use crate::call::AlertCall;
use crate::identity::Identity;
use crate::power::power_in_words;
use crate::{guide, mail, subject};

/// Characters of a name in a line.
const ROOM: usize = 64;

/// Characters of a text with names in it.
const LONGEST_TEXT: usize = 200;

/// Hexadecimal digits of a finding's id: enough to find its own alert. The document has all 64.
const ID_DIGITS: usize = 8;

/// Over the members' lines.
const COLUMNS: &str = "  Time (UTC)           Finding   What";

/// The mail, ending with a line break.
pub(super) fn write(story: &Story<'_>) -> String {
    let rule = &story.told.rule;
    let sections = [
        ("TIMELINE", happened(story)),
        ("PRINCIPALS", by_whom(story)),
        ("WHY THIS ALERT", why(story)),
        ("WHAT TO CHECK", mail::steps(&story.check)),
        ("UNDO", mail::steps(&story.undo)),
        ("ABOUT THIS RULE", guide::lines(&rule.description)),
        ("INVESTIGATION GUIDE", rule.note.as_deref().map(guide::lines).unwrap_or_default()),
        ("FALSE POSITIVES", mail::list(&rule.false_positives)),
        ("REFERENCES", mail::list(&rule.references)),
        ("IDENTIFIERS", identifiers(story)),
    ];
    mail::sections(&introduction(story), sections)
}

fn introduction(story: &Story<'_>) -> String {
    let rule = &story.told.rule;
    let of = story.alike().map(|alike| format!(" ({alike})")).unwrap_or_default();
    format!(
        "{}{of}: {}, {}. Severity {}, risk score {} of 100.",
        clean::text(&rule.name, LONGEST_TEXT),
        events(story.told.events),
        story.spoken_time(),
        rule.severity.as_str(),
        rule.risk_score,
    )
}

pub(super) fn events(count: usize) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

fn happened(story: &Story<'_>) -> Vec<String> {
    let known = story.known;
    let lines = known.members.iter().flat_map(|finding| member(story, finding));
    let mut lines: Vec<String> = std::iter::once(COLUMNS.to_owned()).chain(lines).collect();
    if let left @ 1.. = story.told.events.saturating_sub(story.told.members.len()) {
        let more = format!("and {left} more, each with an alert or a summary of its own.");
        lines.extend(wrap::hanging("  … ", &more));
    }
    if let unread @ 1.. = story.told.members.len() - known.members.len() {
        let why =
            known.read_error.as_deref().map(|why| format!(": {}", clean::text(why, LONGEST_TEXT)));
        let are = if unread == 1 { "is" } else { "are" };
        let unread = format!("{} {are} not shown here{}.", events(unread), why.unwrap_or_default());
        lines.extend(wrap::hanging("  … ", &unread));
    }
    lines
}

fn member(story: &Story<'_>, finding: &Finding) -> Vec<String> {
    let call = AlertCall::new(finding, story.accounts);
    let time = finding
        .time
        .map_or("not recorded".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string());
    let power = Power::from_call(*call).filter(|_| !call.failed());
    let power = power.map(|power| format!("; it {}", power_in_words(power))).unwrap_or_default();
    let deed = format!(
        "{} by {}{power}",
        subject::deed(call.brief(), ROOM),
        clean::name(Identity::of(call).short())
    );
    let id = &finding.id.as_str()[..ID_DIGITS];
    let prefix = format!("  {time:<19}  {id}  ");
    let mut lines = wrap::hanging(&prefix, &clean::text(&deed, 2 * LONGEST_TEXT));
    if story.told.stages.iter().flatten().count() > 1 {
        let indent = " ".repeat(wrap::width(&prefix));
        lines.extend(wrap::hanging(
            &indent,
            &format!("({})", clean::text(&finding.rule.name, LONGEST_TEXT)),
        ));
    }
    lines
}

fn by_whom(story: &Story<'_>) -> Vec<String> {
    let mut counts: BTreeMap<&str, (usize, AlertCall<'_>)> = BTreeMap::new();
    for finding in &story.known.members {
        let call = AlertCall::new(finding, story.accounts);
        counts.entry(&finding.principal.key).or_insert((0, call)).0 += 1;
    }
    let mut counts: Vec<(usize, AlertCall<'_>)> = counts.into_values().collect();
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let line = |(count, call): (usize, AlertCall<'_>)| {
        let address = call.fields.text("source.ip").or_else(|| call.fields.text("source.address"));
        let from = address
            .map(|it| format!(", from {}", clean::text(it, LONGEST_TEXT)))
            .unwrap_or_default();
        wrap::hanging(
            &format!("  {count:>4}  "),
            &format!("{}{from}", Identity::of(call).in_words()),
        )
    };
    counts.into_iter().flat_map(line).collect()
}

fn why(story: &Story<'_>) -> Vec<String> {
    let told = story.told;
    let alike: Vec<&str> = told.group_by.iter().map(String::as_str).collect();
    let alike = if alike.is_empty() {
        String::new()
    } else {
        format!(", with the same {}", alike.join(" and "))
    };
    let asked = format!("The rule requires {}{alike}:", clean::text(&told.condition, LONGEST_TEXT));
    let stage = |names: &Vec<String>| {
        wrap::hanging("    - ", &clean::text(&names.join(" or "), 4 * LONGEST_TEXT))
    };
    let mut lines = wrap::hanging("  ", &asked);
    lines.extend(told.stages.iter().flat_map(stage));
    lines.extend(wrap::hanging("  ", &format!("The severity is {}", story.severity())));
    let again = "An incident is alerted once, and again only if its severity rises. Events after a pause of that length \
                 start a new incident.";
    lines.extend(wrap::hanging("  ", again));
    lines
}

fn identifiers(story: &Story<'_>) -> Vec<String> {
    let told = story.told;
    let rows = [
        ("Rule id", clean::text(&told.rule.id, LONGEST_TEXT)),
        ("Correlation", told.id.to_string()),
        ("Incident", told.incident.to_string()),
        ("In the ledger", format!("entries/{}", told.id)),
        (
            "Findings",
            told.members.iter().map(|id| &id.as_str()[..ID_DIGITS]).collect::<Vec<_>>().join(" "),
        ),
    ];
    let row = |(label, value): (&str, String)| wrap::hanging(&format!("  {label:<14}  "), &value);
    rows.into_iter().flat_map(row).collect()
}
