//! The mail for an incident: its events in order, by whom, why it is alerted, and what to do.

use std::collections::BTreeMap;

use detect::finding::Finding;
use detect::text::{clean, wrap};

use super::{IncidentParts, count_events};
use crate::call::AlertCall;
use crate::mail::{self, Item, Mail, rank};
use crate::power::policy_in_words;
use crate::{identifiers, investigation, reasons, subject};

const MAX_TEXT_CHARS: usize = 200;
const MAX_NAME_CHARS: usize = 64;
const MAX_PRINCIPALS: usize = 4;
/// Events that are shown before all else.
const FIRST_EVENTS: usize = 8;

impl IncidentParts<'_> {
    pub(super) fn mail(&self) -> Mail {
        Mail::new(&self.introduction())
            .section("WHY IT MATTERS", self.reasons())
            .section("WHAT HAPPENED", self.event_items())
            .section("FACTS", self.facts())
            .section("BY", self.principal_items())
            .section("CHECK", mail::check_items(&self.check))
            .section("UNDO", mail::undo_items(&self.undo))
            .section("REFERENCE", self.reference_items())
    }

    fn introduction(&self) -> String {
        let rule = clean::text(&self.data.rule.name, MAX_TEXT_CHARS);
        let period = mail::period(self.data.start, self.data.end);
        let story = self.story();
        if !self.briefs.is_empty() && story.is_of_one_kind() {
            return format!("{}, {period}: {rule}.", story.describe());
        }
        let values = self.group_by_in_words().map(|values| format!(", {values}"));
        let values = values.unwrap_or_default();
        let name = |name: &str| clean::short_name(name, MAX_NAME_CHARS);
        let by =
            if self.briefs.is_empty() { String::new() } else { " ".to_owned() + &story.by(&name) };
        format!("{rule}{values}: {}{by}, {period}.", count_events(self.data.events))
    }

    fn reasons(&self) -> Vec<Item> {
        let data = self.data;
        let severity = mail::severity_reason(&data.rating(), data.base_severity);
        let mut condition = clean::text(&data.condition, MAX_TEXT_CHARS);
        if !data.group_by.is_empty() {
            condition += &format!(", with the same {}", data.group_by.join(" and "));
        }
        let mut reasons: Vec<Item> = Vec::new();
        reasons.extend(severity.map(|text| Item::new(rank::REASON, mail::bullet(&text))));
        let members = self.members.members.iter();
        reasons.extend(reasons::items_of_members(
            members.map(|finding| AlertCall::new(finding, self.accounts)),
        ));
        let condition = format!("The rule requires {condition}.");
        reasons.push(Item::new(rank::DETAIL, mail::bullet(&condition)).silent());
        let repeats = data.rule.alert_suppression.as_ref().map(|it| it.describe());
        let repeats = repeats.map(|text| clean::text(&text, MAX_TEXT_CHARS));
        reasons.extend(repeats.map(|text| {
            Item::new(rank::DETAIL, mail::bullet(&format!("Repeats: {text}."))).silent()
        }));
        reasons
    }

    fn event_items(&self) -> Vec<Item> {
        let data = self.data;
        let members = &self.members.members;
        let rank = |nth| if nth < FIRST_EVENTS { rank::near_event(1) } else { rank::FAR_EVENT };
        let mut items: Vec<Item> = members
            .iter()
            .enumerate()
            .map(|(nth, finding)| Item::new(rank(nth), self.event_lines(finding)))
            .collect();
        let not_stored = data.events.saturating_sub(data.members.len());
        if not_stored > 0 {
            let text = format!("… and {not_stored} more, each in an alert or a summary.");
            items.push(Item::new(rank::near_event(1), wrap::hanging("    ", &text)));
        }
        let unread = data.members.len().saturating_sub(members.len());
        if unread > 0 {
            let are = if unread == 1 { "is" } else { "are" };
            let reason = self.members.read_error.as_deref();
            let reason = reason.map(|reason| format!(": {}", clean::text(reason, MAX_TEXT_CHARS)));
            let reason = reason.unwrap_or_default();
            let text = format!("… {} {are} not shown{reason}.", count_events(unread));
            items.push(Item::new(rank::REASON, mail::cap(wrap::hanging("    ", &text), 3)));
        }
        items
    }

    fn event_lines(&self, finding: &Finding) -> Vec<String> {
        let call = AlertCall::new(finding, self.accounts);
        let power = call.policy_power().filter(|_| !call.failed());
        let power = power.as_ref().and_then(policy_in_words).map(|power| format!(" ({power})"));
        let text = format!(
            "{} by {}{}",
            subject::summary_line(&call.brief(), subject::MAX_NAME_CHARS),
            clean::name(call.principal().subject_name()),
            power.unwrap_or_default(),
        );
        let prefix = mail::event_prefix(finding.time, &finding.id);
        mail::cap(wrap::hanging(&prefix, &clean::text(&text, 2 * MAX_TEXT_CHARS)), 2)
    }

    /// What the rule says to look at first.
    fn facts(&self) -> Vec<Item> {
        let fields = &self.data.rule.investigation_fields;
        let rows = investigation::rows_of_several(fields, &self.members.members).into_iter();
        rows.map(|(label, value)| Item::new(rank::FACT, mail::row(&label, &value)).silent())
            .collect()
    }

    fn principal_items(&self) -> Vec<Item> {
        let mut counts: BTreeMap<&str, (usize, String)> = BTreeMap::new();
        for finding in &self.members.members {
            let describe = || {
                let call = AlertCall::new(finding, self.accounts);
                let address = call.source_address().map(|it| clean::text(it, MAX_TEXT_CHARS));
                let address = address.as_deref().unwrap_or("an unknown address");
                (0, format!("{}, from {address}", call.principal().describe()))
            };
            counts.entry(&finding.principal.key).or_insert_with(describe).0 += 1;
        }
        let counts = mail::counts(counts.into_values().collect(), MAX_PRINCIPALS);
        mail::items(rank::FACT, counts)
    }

    fn reference_items(&self) -> Vec<Item> {
        let data = self.data;
        let id = mail::reference_row("Alert", data.id.as_str());
        let mut items = mail::items(rank::IDENTIFIER, [id]);
        items.extend(identifiers::rule_items(&data.rule));
        items
    }
}
