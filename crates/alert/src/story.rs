//! The context of a finding as people and machines read it.

use std::borrow::Cow;

use detect::finding::policy::Power;
use detect::finding::{Context, ContextGap, GroupAction, PrincipalFinding, TimelineEntry};
use detect::text::{clean, wrap};
use serde::Serialize;
use serde_json::{Value, json};

use super::call::AlertCall;
use super::sentence;
use crate::power::power_in_words;

/// Events of a group that are told.
const EVENTS: usize = 30;

/// Of them, those that are told before the finding's own event, where there are more after it.
const BEFORE: usize = 15;

/// Rules that found the actor that are told.
const RULES: usize = 15;

/// Characters of a name: a line of the timeline has several.
const LONGEST_NAME: usize = 64;

/// That the actor or the group was never found before.
pub(super) fn first(context: &Context) -> Option<&'static str> {
    match (context.first_of_principal, context.first_of_group) {
        (true, true) => Some("No earlier finding is on record for this principal or this group."),
        (true, false) => Some("No earlier finding is on record for this principal."),
        (false, true) => Some("No earlier finding is on record for this group."),
        (false, false) => None,
    }
}

/// The lines of a mail: what happened to the group, what else the caller was found doing, and what
/// is not known.
pub(super) fn lines(call: AlertCall<'_>, context: &Context, story: &Story<'_>) -> Vec<String> {
    let knows_some = !story.told.is_empty() || !context.principal_findings.is_empty();
    let gap =
        context.gap.map(|gap| wrap::hanging("  ", in_words(gap, knows_some))).unwrap_or_default();
    let parts = [
        group_lines(call, story, context.first_of_group),
        actor_lines(&context.principal_findings),
        gap,
    ];
    let filled: Vec<Vec<String>> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    filled.join(&String::new())
}

/// The same for machines: as much of it, not cleaned.
pub(super) fn document(context: &Context, story: &Story<'_>) -> Value {
    let findings = by_count(&context.principal_findings);
    json!({
        "group_timeline": story.told,
        "earlier_events": story.earlier,
        "later_events": story.later,
        "principal_findings": findings.iter().take(RULES).collect::<Vec<_>>(),
        "more_rules": findings.len().saturating_sub(RULES),
        "first_of_principal": context.first_of_principal,
        "first_of_group": context.first_of_group,
        "gap": context.gap,
    })
}

fn in_words(gap: ContextGap, knows_some: bool) -> &'static str {
    match (gap, knows_some) {
        (ContextGap::LedgerOff, _) => "Unknown: there is no ledger (TRAILBELL_LEDGER=none).",
        (ContextGap::LedgerFailed, false) => "Unknown: the ledger could not be read.",
        (ContextGap::LedgerFailed, true) => "Incomplete: part of the ledger could not be read.",
        (ContextGap::Late, false) => "Unknown: the ledger did not answer in time.",
        (ContextGap::Late, true) => "Incomplete: part of the ledger did not answer in time.",
        (ContextGap::TooMuch, _) => "Incomplete: the ledger holds more than was read.",
        (ContextGap::Unreadable, _) => {
            "Incomplete: some ledger entries are damaged, of another version, or from the future."
        }
    }
}

/// The events of a group in their order, as many as are told.
pub(super) struct Story<'a> {
    earlier: usize,
    told: Vec<Told<'a>>,
    later: usize,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    entry: Cow<'a, TimelineEntry>,
    /// The event of the finding itself.
    this_event: bool,
}

impl<'a> Story<'a> {
    /// Empty where nothing is known of the group; else with the finding's own event, whether it was
    /// given or not.
    pub(super) fn of(call: AlertCall<'_>, context: &'a Context) -> Story<'a> {
        let own = TimelineEntry::from_finding(call.finding)
            .filter(|_| !context.group_timeline.is_empty());
        let given = context.group_timeline.iter().map(Cow::Borrowed);
        let mut entries: Vec<Cow<'a, TimelineEntry>> =
            given.chain(own.clone().map(Cow::Owned)).collect();
        entries.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));
        entries.dedup_by(|second, first| merge(second, first));
        let is_own =
            |entry: &TimelineEntry| own.as_ref().is_some_and(|own| own.is_same_event(entry));
        let at = entries.iter().position(|entry| is_own(entry)).unwrap_or(entries.len());
        let earlier = entries.len().saturating_sub(EVENTS).min(at.saturating_sub(BEFORE));
        let later = entries.len().saturating_sub(earlier + EVENTS);
        let told = entries.into_iter().skip(earlier).take(EVENTS);
        let told = told.map(|entry| Told { this_event: is_own(&entry), entry }).collect();
        Story { earlier, told, later }
    }

    /// Whether nothing but the finding's own event is known of the group.
    fn is_alone(&self) -> bool {
        matches!(&self.told[..], [told] if told.this_event)
    }
}

/// Several rules can find one event: it is suppressed only if all of them are. The first stays.
fn merge(second: &TimelineEntry, first: &mut Cow<'_, TimelineEntry>) -> bool {
    let same = second.is_same_event(first);
    if same && (first.suppressed != second.suppressed || first.power != second.power) {
        let first = first.to_mut();
        first.suppressed &= second.suppressed;
        first.power = first.power.or(second.power);
    }
    same
}

fn group_lines(call: AlertCall<'_>, story: &Story<'_>, is_first: bool) -> Vec<String> {
    if story.told.is_empty() || (story.is_alone() && is_first) {
        return Vec::new();
    }
    let group = call.current_group().map(|group| format!(" {}", name(group))).unwrap_or_default();
    if story.is_alone() {
        return wrap::hanging("  ", &format!("No other event of the group{group} is on record."));
    }
    let heading = format!("Events of the group{group} (times in UTC, > marks this event):");
    let more = |count: usize, when: &str| (count > 0).then(|| format!("    … {count} more {when}"));
    let events = story.told.iter().flat_map(|told| {
        let mark = if told.this_event { "  > " } else { "    " };
        let time = told.entry.time.strftime("%Y-%m-%d %H:%M:%S");
        wrap::hanging(&format!("{mark}{time}  "), &event(call, &told.entry))
    });
    let heading = wrap::hanging("  ", &heading).into_iter();
    heading
        .chain(more(story.earlier, "before"))
        .chain(events)
        .chain(more(story.later, "after"))
        .collect()
}

fn event(call: AlertCall<'_>, entry: &TimelineEntry) -> String {
    let principal = entry
        .principal
        .as_deref()
        .map(|principal| format!(" by {}", name(principal)))
        .unwrap_or_default();
    let called = entry
        .group
        .as_deref()
        .filter(|it| Some(*it) != call.current_group() && entry.action != "UpdateGroup");
    let called = called.map(|group| format!("as {}: ", name(group))).unwrap_or_default();
    let power =
        gained(entry).map(|power| format!("; it {}", power_in_words(power))).unwrap_or_default();
    let suppressed = if entry.suppressed { " (suppressed)" } else { "" };
    let failed = if entry.failed { " failed" } else { "" };
    format!("{called}{}{principal}{failed}{power}{suppressed}", deed(entry))
}

/// What the group can do by the policy that it was given.
fn gained(entry: &TimelineEntry) -> Option<Power> {
    let action = GroupAction::from_name(&entry.action).filter(|_| !entry.failed)?;
    let given = matches!(action, GroupAction::AttachPolicy | GroupAction::PutPolicy);
    entry.power.or_else(|| Power::from_managed(entry.object.as_deref()?)).filter(|_| given)
}

fn deed(entry: &TimelineEntry) -> String {
    let object = || entry.object.as_deref().map_or("(name not recorded)".to_owned(), name);
    let policy = || {
        entry
            .object
            .as_deref()
            .and_then(sentence::arn_name)
            .map_or("(name not recorded)".to_owned(), name)
    };
    let action = GroupAction::from_name(&entry.action).filter(|_| !entry.failed);
    match action {
        Some(GroupAction::Create) => "created".to_owned(),
        Some(GroupAction::Delete) => "deleted".to_owned(),
        Some(GroupAction::Update) => match (&entry.group, &entry.object) {
            (Some(old), Some(new)) => format!("renamed from {} to {}", name(old), name(new)),
            (None, Some(new)) => format!("renamed to {}", name(new)),
            (_, None) => "moved to another path".to_owned(),
        },
        Some(GroupAction::AddUser) => format!("member {} added", object()),
        Some(GroupAction::RemoveUser) => format!("member {} removed", object()),
        Some(GroupAction::AttachPolicy) => format!("policy {} attached", policy()),
        Some(GroupAction::DetachPolicy) => format!("policy {} detached", policy()),
        Some(GroupAction::PutPolicy) => format!("inline policy {} written", object()),
        Some(GroupAction::DeletePolicy) => format!("inline policy {} deleted", object()),
        None => name(&entry.action),
    }
}

fn actor_lines(findings: &[PrincipalFinding]) -> Vec<String> {
    if findings.is_empty() {
        return Vec::new();
    }
    let findings = by_count(findings);
    let line = |rule: &&PrincipalFinding| {
        wrap::hanging(&format!("    {:>4}  ", rule.count), &name_of_rule(rule))
    };
    let more =
        findings.len().checked_sub(RULES + 1).map(|more| format!("    … {} more rules", more + 1));
    let heading = "  Other findings of the principal, by rule:".to_owned();
    std::iter::once(heading).chain(findings.iter().take(RULES).flat_map(line)).chain(more).collect()
}

fn name_of_rule(rule: &PrincipalFinding) -> String {
    clean::text(&rule.rule_name, 2 * LONGEST_NAME)
}

/// The rule with most findings first.
fn by_count(findings: &[PrincipalFinding]) -> Vec<&PrincipalFinding> {
    let mut sorted: Vec<&PrincipalFinding> = findings.iter().collect();
    sorted.sort_by(|one, other| {
        other.count.cmp(&one.count).then_with(|| one.rule_name.cmp(&other.rule_name))
    });
    sorted
}

fn name(raw: &str) -> String {
    clean::short_name(raw, LONGEST_NAME)
}
