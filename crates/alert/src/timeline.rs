//! The context of a finding: what happened to the group, and what else the principal did.

use std::borrow::Cow;

use detect::finding::GroupAction::{self, *};
use detect::finding::policy::Power;
use detect::finding::{Context, ContextGap, PrincipalFinding, TimelineEntry};
use detect::text::{clean, wrap};
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::AlertCall;
use crate::description::{arn_name, power_in_words};

/// Events of a group that are shown.
const MAX_EVENTS: usize = 30;

/// Events shown before the finding's own, if there are more after it.
const MAX_EVENTS_BEFORE: usize = 15;

/// Rules with findings of the principal that are shown.
const MAX_RULES: usize = 15;

/// Characters of a name: a line of the timeline has several.
const MAX_NAME: usize = 64;

/// Says that the principal or the group has no earlier finding.
pub(crate) fn first_finding_note(context: &Context) -> Option<&'static str> {
    match (context.first_of_principal, context.first_of_group) {
        (true, true) => Some("No earlier finding is on record for this principal or this group."),
        (true, false) => Some("No earlier finding is on record for this principal."),
        (false, true) => Some("No earlier finding is on record for this group."),
        (false, false) => None,
    }
}

/// The events of a group in their order, and the principal's other findings by rule.
pub(crate) struct GroupTimeline<'a> {
    call: AlertCall<'a>,
    context: &'a Context,
    /// The number of events before those shown.
    earlier: usize,
    /// Empty if nothing is known of the group; else with the finding's own event.
    events: Vec<ShownEvent<'a>>,
    later: usize,
    /// The rule with most findings first.
    principal_findings: Vec<&'a PrincipalFinding>,
}

#[derive(Serialize)]
struct ShownEvent<'a> {
    #[serde(flatten)]
    entry: Cow<'a, TimelineEntry>,
    /// The event of the finding itself.
    this_event: bool,
}

impl<'a> GroupTimeline<'a> {
    pub(crate) fn new(call: AlertCall<'a>, context: &'a Context) -> GroupTimeline<'a> {
        let own = TimelineEntry::from_finding(call.finding)
            .filter(|_| !context.group_timeline.is_empty());
        let recorded = context.group_timeline.iter().map(Cow::Borrowed);
        let mut entries: Vec<Cow<'a, TimelineEntry>> =
            recorded.chain(own.clone().map(Cow::Owned)).collect();
        entries.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        entries.dedup_by(|second, first| merge_same_event(first, second));
        let is_own = |entry: &TimelineEntry| own.as_ref().is_some_and(|it| it.is_same_event(entry));
        let own_index = entries.iter().position(|it| is_own(it)).unwrap_or(entries.len());
        let excess = entries.len().saturating_sub(MAX_EVENTS);
        let earlier = excess.min(own_index.saturating_sub(MAX_EVENTS_BEFORE));
        let shown = entries.into_iter().skip(earlier).take(MAX_EVENTS);
        let mut principal_findings: Vec<_> = context.principal_findings.iter().collect();
        principal_findings
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.rule_name.cmp(&b.rule_name)));
        GroupTimeline {
            call,
            context,
            earlier,
            events: shown.map(|it| ShownEvent { this_event: is_own(&it), entry: it }).collect(),
            later: excess - earlier,
            principal_findings,
        }
    }

    /// The lines of the mail: the group, the principal, and what is not known.
    pub(crate) fn lines(&self) -> Vec<String> {
        let gap = self.context.gap.map(|gap| wrap::hanging("  ", self.gap_in_words(gap)));
        let mut parts = vec![self.group_lines(), self.principal_lines(), gap.unwrap_or_default()];
        parts.retain(|lines| !lines.is_empty());
        parts.join(&String::new())
    }

    /// The same for machines, not cleaned.
    pub(crate) fn document(&self) -> Value {
        json!({
            "group_timeline": self.events,
            "earlier_events": self.earlier,
            "later_events": self.later,
            "principal_findings": self.principal_findings.iter().take(MAX_RULES).collect::<Vec<_>>(),
            "more_rules": self.principal_findings.len().saturating_sub(MAX_RULES),
            "first_of_principal": self.context.first_of_principal,
            "first_of_group": self.context.first_of_group,
            "gap": self.context.gap,
        })
    }

    fn gap_in_words(&self, gap: ContextGap) -> &'static str {
        let is_empty = self.events.is_empty() && self.principal_findings.is_empty();
        match gap {
            ContextGap::LedgerOff => "Unknown: there is no ledger (TRAILBELL_LEDGER=none).",
            ContextGap::LedgerFailed if is_empty => "Unknown: the ledger could not be read.",
            ContextGap::LedgerFailed => "Incomplete: part of the ledger could not be read.",
            ContextGap::Late if is_empty => "Unknown: the ledger did not answer in time.",
            ContextGap::Late => "Incomplete: part of the ledger did not answer in time.",
            ContextGap::TooMuch => "Incomplete: the ledger holds more than was read.",
            ContextGap::Unreadable => {
                "Incomplete: some ledger entries are damaged, of another version, or from the \
                 future."
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
            let text = format!("No other event of the group{name} is on record.");
            return wrap::hanging("  ", &text);
        }
        let heading = format!("Events of the group{name} (times in UTC, > marks this event):");
        let mut lines = wrap::hanging("  ", &heading);
        if self.earlier > 0 {
            lines.push(format!("    … {} more before", self.earlier));
        }
        for event in &self.events {
            let mark = if event.this_event { "  > " } else { "    " };
            let time = event.entry.time.strftime("%Y-%m-%d %H:%M:%S");
            let text = self.event_in_words(&event.entry);
            lines.extend(wrap::hanging(&format!("{mark}{time}  "), &text));
        }
        if self.later > 0 {
            lines.push(format!("    … {} more after", self.later));
        }
        lines
    }

    fn event_in_words(&self, entry: &TimelineEntry) -> String {
        let other_name = entry.group.as_deref().filter(|group| {
            Some(*group) != self.call.current_group() && entry.action != "UpdateGroup"
        });
        let other_name = other_name.map(|group| format!("as {}: ", clean_name(group)));
        let principal = entry.principal.as_deref().map(|it| format!(" by {}", clean_name(it)));
        let power = granted_power(entry).map(|power| format!("; it {}", power_in_words(power)));
        [
            other_name.as_deref().unwrap_or_default(),
            &change_in_words(entry),
            principal.as_deref().unwrap_or_default(),
            if entry.failed { " failed" } else { "" },
            power.as_deref().unwrap_or_default(),
            if entry.suppressed { " (suppressed)" } else { "" },
        ]
        .concat()
    }

    fn principal_lines(&self) -> Vec<String> {
        let findings = &self.principal_findings;
        if findings.is_empty() {
            return Vec::new();
        }
        let mut lines = vec!["  Other findings of the principal, by rule:".to_owned()];
        for finding in findings.iter().take(MAX_RULES) {
            let rule = clean::text(&finding.rule_name, 2 * MAX_NAME);
            lines.extend(wrap::hanging(&format!("    {:>4}  ", finding.count), &rule));
        }
        if findings.len() > MAX_RULES {
            lines.push(format!("    … {} more rules", findings.len() - MAX_RULES));
        }
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

fn successful_action(entry: &TimelineEntry) -> Option<GroupAction> {
    GroupAction::from_name(&entry.action).filter(|_| !entry.failed)
}

/// What the policy that the group was given can do.
fn granted_power(entry: &TimelineEntry) -> Option<Power> {
    let from_arn = || Power::from_managed(entry.object.as_deref()?);
    match successful_action(entry)? {
        AttachPolicy | PutPolicy => entry.power.or_else(from_arn),
        _ => None,
    }
}

fn change_in_words(entry: &TimelineEntry) -> String {
    let named = |name: Option<&str>| name.map_or("(name not recorded)".to_owned(), clean_name);
    let object = || named(entry.object.as_deref());
    let policy = || named(entry.object.as_deref().and_then(arn_name));
    match successful_action(entry) {
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
    clean::short_name(raw, MAX_NAME)
}
