//! The context of a finding: what happened to the group, and what else the principal did.

use std::borrow::Cow;
use std::cmp::Reverse;

use detect::finding::GroupAction::{self, *};
use detect::finding::{Context, ContextGap, PrincipalFinding, TimelineEntry};
use detect::text::{clean, wrap};
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::AlertCall;
use crate::description::arn_name;
use crate::mail;
use crate::power::level_in_words;

const MAX_EVENTS: usize = 30;
/// Events shown before the finding's own, if there are more after it.
const MAX_EVENTS_BEFORE: usize = 15;
const MAX_RULES: usize = 15;
/// A line has several names.
const MAX_NAME_CHARS: usize = 64;

/// The events of a group in their order, and the principal's other findings by rule.
pub(crate) struct GroupTimeline<'a> {
    call: AlertCall<'a>,
    context: &'a Context,
    earlier: usize,
    /// Empty if nothing is known of the group; else with the finding's own event.
    events: Vec<ShownEvent<'a>>,
    later: usize,
}

#[derive(Serialize)]
struct ShownEvent<'a> {
    #[serde(flatten)]
    entry: Cow<'a, TimelineEntry>,
    this_event: bool,
}

impl<'a> GroupTimeline<'a> {
    pub(crate) fn new(call: AlertCall<'a>, context: &'a Context) -> GroupTimeline<'a> {
        let mut entries: Vec<Cow<'_, _>> =
            context.group_timeline.iter().map(Cow::Borrowed).collect();
        let own = TimelineEntry::from_finding(call.finding).filter(|_| !entries.is_empty());
        entries.extend(own.clone().map(Cow::Owned));
        entries.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        entries.dedup_by(|second, first| merge_same_event(first, second));
        let is_own = |entry: &TimelineEntry| own.as_ref().is_some_and(|it| it.is_same_event(entry));
        let own_index = entries.iter().position(|it| is_own(it)).unwrap_or(entries.len());
        let excess = entries.len().saturating_sub(MAX_EVENTS);
        let earlier = excess.min(own_index.saturating_sub(MAX_EVENTS_BEFORE));
        let shown = entries.into_iter().skip(earlier).take(MAX_EVENTS);
        let events = shown.map(|it| ShownEvent { this_event: is_own(&it), entry: it }).collect();
        GroupTimeline { call, context, earlier, events, later: excess - earlier }
    }

    /// The lines of the mail: the group, the principal, and what is not known.
    pub(crate) fn lines(&self) -> Vec<String> {
        let gap = self.context.gap.map(|gap| mail::indented(self.gap_in_words(gap)));
        let mut parts = vec![self.group_lines(), self.principal_lines(), gap.unwrap_or_default()];
        parts.retain(|lines| !lines.is_empty());
        parts.join(&String::new())
    }

    /// The same for machines, not cleaned.
    pub(crate) fn document(&self) -> Value {
        let mut findings: Vec<&PrincipalFinding> = self.context.principal_findings.iter().collect();
        findings.sort_by_key(|finding| (Reverse(finding.count), &finding.rule_name));
        let shown = findings.len().min(MAX_RULES);
        json!({
            "group_timeline": self.events,
            "earlier_events": self.earlier,
            "later_events": self.later,
            "principal_findings": findings[..shown],
            "more_rules": findings.len() - shown,
            "first_of_principal": self.context.first_of_principal,
            "first_of_group": self.context.first_of_group,
            "gap": self.context.gap,
        })
    }

    fn gap_in_words(&self, gap: ContextGap) -> &'static str {
        let is_empty = self.events.is_empty() && self.context.principal_findings.is_empty();
        match gap {
            ContextGap::LedgerOff => "Unknown: there is no ledger (TRAILBELL_LEDGER=none).",
            ContextGap::LedgerFailed if is_empty => "Unknown: the ledger could not be read.",
            ContextGap::LedgerFailed => "Incomplete: part of the ledger could not be read.",
            ContextGap::Late if is_empty => "Unknown: the ledger did not answer in time.",
            ContextGap::Late => "Incomplete: part of the ledger did not answer in time.",
            ContextGap::TooMuch => "Incomplete: the ledger holds more than was read.",
            ContextGap::Unreadable => {
                "Incomplete: some ledger entries are damaged, of another version, or in the future."
            }
        }
    }

    fn group_lines(&self) -> Vec<String> {
        let has_own_event_only = matches!(&self.events[..], [event] if event.this_event);
        if self.events.is_empty() || (has_own_event_only && self.context.first_of_group) {
            return Vec::new();
        }
        let name = self.call.current_group().map(|group| format!(" {}", clean_name(group)));
        let name = name.unwrap_or_default();
        if has_own_event_only {
            return mail::indented(&format!("No other event of the group{name} is on record."));
        }
        let heading = format!("Events of the group{name} (times in UTC, > marks this event):");
        let mut lines = mail::indented(&heading);
        if self.earlier > 0 {
            lines.push(format!("    … {} more before", self.earlier));
        }
        for ShownEvent { entry, this_event } in &self.events {
            let mark = if *this_event { '>' } else { ' ' };
            let prefix = format!("  {mark} {}  ", entry.time.strftime("%Y-%m-%d %H:%M:%S"));
            lines.extend(wrap::hanging(&prefix, &self.event_in_words(entry)));
        }
        if self.later > 0 {
            lines.push(format!("    … {} more after", self.later));
        }
        lines
    }

    fn event_in_words(&self, entry: &TimelineEntry) -> String {
        let mut text = change_in_words(entry);
        let is_other_name = entry.group.as_deref() != self.call.current_group();
        if let Some(group) = &entry.group
            && is_other_name
            && entry.action != "UpdateGroup"
        {
            text = format!("as {}: {text}", clean_name(group));
        }
        if let Some(principal) = &entry.principal {
            text += &format!(" by {}", clean_name(principal));
        }
        if entry.failed {
            text += " failed";
        }
        if let Some(power) = entry.granted_power() {
            text += &format!("; it {}", level_in_words(power));
        }
        if entry.suppressed {
            text += " (suppressed)";
        }
        text
    }

    fn principal_lines(&self) -> Vec<String> {
        let findings = &self.context.principal_findings;
        if findings.is_empty() {
            return Vec::new();
        }
        let counts =
            findings.iter().map(|it| (it.count, clean::text(&it.rule_name, 2 * MAX_NAME_CHARS)));
        let mut lines = vec!["  Other findings of the principal, by rule:".to_owned()];
        lines.extend(mail::counts(counts.collect(), MAX_RULES));
        lines
    }
}

/// Several rules can find one event, which is suppressed only if all these findings are. Returns
/// true if both are of one event; `first` then stands for both.
fn merge_same_event(first: &mut Cow<'_, TimelineEntry>, second: &TimelineEntry) -> bool {
    let is_same = second.is_same_event(first);
    if is_same && (first.suppressed != second.suppressed || first.power != second.power) {
        let first = first.to_mut();
        first.suppressed &= second.suppressed;
        first.power = first.power.or(second.power);
    }
    is_same
}

fn change_in_words(entry: &TimelineEntry) -> String {
    let named = |name: Option<&str>| name.map_or("(name not recorded)".to_owned(), clean_name);
    let object = || named(entry.object.as_deref());
    let policy = || named(entry.object.as_deref().and_then(arn_name));
    match GroupAction::from_name(&entry.action).filter(|_| !entry.failed) {
        Some(Create) => "created".to_owned(),
        Some(Delete) => "deleted".to_owned(),
        Some(Update) => match (&entry.group, &entry.object) {
            (Some(old), Some(new)) => {
                format!("renamed from {} to {}", clean_name(old), clean_name(new))
            }
            (None, Some(new)) => format!("renamed to {}", clean_name(new)),
            (_, None) => "moved to another path".to_owned(),
        },
        Some(AddUser) => format!("member {} added", object()),
        Some(RemoveUser) => format!("member {} removed", object()),
        Some(AttachPolicy) => format!("policy {} attached", policy()),
        Some(DetachPolicy) => format!("policy {} detached", policy()),
        Some(PutPolicy) => format!("inline policy {} written", object()),
        Some(DeletePolicy) => format!("inline policy {} deleted", object()),
        None => clean_name(&entry.action),
    }
}

fn clean_name(raw: &str) -> String {
    clean::short_name(raw, MAX_NAME_CHARS)
}
