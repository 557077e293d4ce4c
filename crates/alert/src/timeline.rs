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
use crate::mail::{self, Item, rank};
use crate::power::level_in_words;

const MAX_EVENTS: usize = 30;
/// Events shown before the finding's own, if there are more after it.
const MAX_EVENTS_BEFORE: usize = 15;
const MAX_RULES: usize = 15;
const MAX_RULES_IN_MAIL: usize = 3;
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

    /// The section of the mail: the group, the principal and the user, and what is not known.
    /// Empty without a ledger.
    pub(crate) fn items(&self) -> Vec<Item> {
        let gap = self.context.gap.and_then(|gap| self.gap_in_words(gap));
        let gap = gap.map(|gap| Item::new(rank::REASON, mail::indented(gap)));
        let others = [
            self.other_findings(&self.principal_name(), &self.context.principal_findings),
            self.other_findings(&self.target_name(), &self.context.target_findings),
        ];
        let others = others.into_iter().flatten();
        self.group_items().into_iter().chain(others).chain(gap).collect()
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
            "target_findings": self.context.target_findings,
            "more_rules": findings.len() - shown,
            "first_of_principal": self.context.first_of_principal,
            "first_of_group": self.context.first_of_group,
            "gap": self.context.gap,
        })
    }

    fn gap_in_words(&self, gap: ContextGap) -> Option<&'static str> {
        let is_empty = self.events.is_empty()
            && self.context.principal_findings.is_empty()
            && self.context.target_findings.is_empty();
        Some(match gap {
            ContextGap::LedgerOff => return None,
            ContextGap::LedgerFailed if is_empty => "Unknown: the ledger could not be read.",
            ContextGap::LedgerFailed => "Incomplete: part of the ledger could not be read.",
            ContextGap::Late if is_empty => "Unknown: the ledger did not answer in time.",
            ContextGap::Late => "Incomplete: part of the ledger did not answer in time.",
            ContextGap::TooMuch => "Incomplete: the ledger holds more than was read.",
            ContextGap::Unreadable => {
                "Incomplete: some ledger entries are damaged, of another version, or in the future."
            }
        })
    }

    fn group_items(&self) -> Vec<Item> {
        let has_own_event_only = matches!(&self.events[..], [event] if event.this_event);
        if self.events.is_empty() || (has_own_event_only && self.context.first_of_group) {
            return Vec::new();
        }
        let name = self.call.current_group().map_or("the group".to_owned(), clean_name);
        if has_own_event_only {
            let text = format!("No other event of {name} is on record.");
            return vec![Item::new(rank::near_event(1), mail::indented(&text))];
        }
        let heading = format!("{name} (UTC, > marks this event):");
        let mut items = vec![Item::new(rank::KEEP, mail::cap(mail::indented(&heading), 2))];
        let more = |count: usize, where_| {
            let line = format!("    … {count} more {where_}");
            (count > 0).then(|| Item::new(rank::near_event(1), vec![line]))
        };
        items.extend(more(self.earlier, "before"));
        let own = self.events.iter().position(|event| event.this_event).unwrap_or_default();
        for (nth, ShownEvent { entry, this_event }) in self.events.iter().enumerate() {
            let mark = if *this_event { '>' } else { ' ' };
            let prefix = format!("  {mark} {} ", mail::short_time(entry.time));
            let lines = mail::cap(wrap::hanging(&prefix, &self.event_in_words(entry)), 2);
            items.push(Item::new(event_rank(nth.abs_diff(own), entry), lines));
        }
        items.extend(more(self.later, "after"));
        items
    }

    fn principal_name(&self) -> String {
        clean_name(self.call.principal().name())
    }

    fn target_name(&self) -> String {
        self.call.target_user().map_or("the user".to_owned(), clean_name)
    }

    /// What else someone was found doing.
    fn other_findings(&self, name: &str, findings: &[PrincipalFinding]) -> Option<Item> {
        let mut findings: Vec<&PrincipalFinding> = findings.iter().collect();
        findings.sort_by_key(|finding| (Reverse(finding.count), &finding.rule_name));
        let text = |finding: &&PrincipalFinding| {
            format!("{} × {}", finding.count, clean::text(&finding.rule_name, 2 * MAX_NAME_CHARS))
        };
        let shown: Vec<String> = findings.iter().take(MAX_RULES_IN_MAIL).map(text).collect();
        let more = findings.len().saturating_sub(MAX_RULES_IN_MAIL);
        let more = if more > 0 { format!(", {more} other rules") } else { String::new() };
        let text = format!("{name} was also found: {}{more}", shown.join(", "));
        let lines = mail::cap(wrap::hanging("  ", &text), 3);
        (!shown.is_empty()).then(|| Item::new(rank::FACT, lines))
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
            text += &format!(" ({})", level_in_words(power));
        }
        if entry.suppressed {
            text += " (suppressed)";
        }
        text
    }
}

fn event_rank(distance: usize, entry: &TimelineEntry) -> u8 {
    match distance {
        0 => rank::KEEP,
        // Not from any distance: a policy that is attached over and over must not displace the
        // facts.
        1..=6 if entry.granted_power().is_some() => rank::near_event(1),
        _ if entry.granted_power().is_some() => rank::near_event(3),
        _ => rank::near_event(distance),
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
        Some(AddUser) => format!("{} added", object()),
        Some(RemoveUser) => format!("{} removed", object()),
        Some(AttachPolicy) => format!("{} attached", policy()),
        Some(DetachPolicy) => format!("{} detached", policy()),
        Some(PutPolicy) => format!("inline policy {} written", object()),
        Some(DeletePolicy) => format!("inline policy {} deleted", object()),
        None => clean_name(&entry.action),
    }
}

fn clean_name(raw: &str) -> String {
    clean::short_name(raw, MAX_NAME_CHARS)
}
