//! The mail for an incident: its events in order, by whom, why it is alerted, and what to do.

use std::collections::BTreeMap;

use detect::finding::Finding;
use detect::text::{clean, wrap};

use super::{IncidentParts, count_events};
use crate::call::AlertCall;
use crate::mail::{self, Mail};
use crate::power::policy_in_words;
use crate::subject;

const MAX_TEXT_CHARS: usize = 200;
/// For a query, or a list of rules.
const MAX_LONG_TEXT_CHARS: usize = 800;

impl IncidentParts<'_> {
    pub(super) fn mail(&self) -> Mail {
        Mail::new(&self.introduction())
            .section("TIMELINE", self.timeline_lines())
            .section("PRINCIPALS", self.principal_lines())
            .section("WHY THIS ALERT", self.reason_lines())
            .section("WHAT TO CHECK", mail::steps(&self.check))
            .section("UNDO", mail::steps(&self.undo))
            .rule_sections(&self.data.rule)
            .section("IDENTIFIERS", self.identifier_lines())
    }

    fn introduction(&self) -> String {
        let rule = &self.data.rule;
        let values = self.group_by_in_words().map(|values| format!(" ({values})"));
        let period = mail::period(self.data.start, self.data.end);
        format!(
            "{}{}: {}, {period}{}.",
            clean::text(&rule.name, MAX_TEXT_CHARS),
            values.unwrap_or_default(),
            count_events(self.data.events),
            mail::severity_note(&self.data.rating(), self.data.base_severity),
        )
    }

    fn timeline_lines(&self) -> Vec<String> {
        let data = self.data;
        let members = &self.members.members;
        let mut lines = vec![mail::EVENT_COLUMNS.to_owned()];
        lines.extend(members.iter().flat_map(|finding| self.event_lines(finding)));
        let not_stored = data.events.saturating_sub(data.members.len());
        if not_stored > 0 {
            let text =
                format!("and {not_stored} more, each with an alert or a summary of its own.");
            lines.extend(wrap::hanging("  … ", &text));
        }
        let unread = data.members.len().saturating_sub(members.len());
        if unread > 0 {
            let are = if unread == 1 { "is" } else { "are" };
            let reason = self.members.read_error.as_deref();
            let reason = reason.map(|reason| format!(": {}", clean::text(reason, MAX_TEXT_CHARS)));
            let reason = reason.unwrap_or_default();
            let text = format!("{} {are} not shown here{reason}.", count_events(unread));
            lines.extend(wrap::hanging("  … ", &text));
        }
        lines
    }

    fn event_lines(&self, finding: &Finding) -> Vec<String> {
        let call = AlertCall::new(finding, self.accounts);
        let power = call.policy_power().filter(|_| !call.failed());
        let power = power.as_ref().and_then(policy_in_words).map(|power| format!("; it {power}"));
        let text = format!(
            "{} by {}{}",
            subject::summary_line(&call.brief(), subject::MAX_NAME_CHARS),
            clean::name(call.principal().subject_name()),
            power.unwrap_or_default(),
        );
        let prefix = mail::event_prefix(finding.time, &finding.id);
        let mut lines = wrap::hanging(&prefix, &clean::text(&text, 2 * MAX_TEXT_CHARS));
        if self.data.stages.iter().flatten().count() > 1 {
            let rule = format!("({})", clean::text(&finding.rule.name, MAX_TEXT_CHARS));
            lines.extend(wrap::hanging(&" ".repeat(wrap::width(&prefix)), &rule));
        }
        lines
    }

    fn principal_lines(&self) -> Vec<String> {
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
        mail::counts(counts.into_values().collect(), usize::MAX)
    }

    fn reason_lines(&self) -> Vec<String> {
        let data = self.data;
        let mut condition = clean::text(&data.condition, MAX_TEXT_CHARS);
        if !data.group_by.is_empty() {
            condition += &format!(", with the same {}", data.group_by.join(" and "));
        }
        let mut lines = mail::indented(&format!("The rule requires {condition}:"));
        for alternatives in &data.stages {
            let rules = clean::text(&alternatives.join(" or "), MAX_LONG_TEXT_CHARS);
            lines.extend(wrap::hanging("    - ", &rules));
        }
        lines.extend(mail::indented(&self.severity_in_words()));
        lines.extend(mail::indented(
            "An incident is alerted once, and again only if its severity rises. Events after a \
             pause of that length start a new incident.",
        ));
        lines
    }

    fn severity_in_words(&self) -> String {
        let severity = self.data.rule.severity.as_str();
        match &self.data.raised_by {
            None => format!("The severity is {severity}, as the rule defines."),
            Some(query) => {
                let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
                let query = clean::text(&query, MAX_LONG_TEXT_CHARS);
                let base = self.data.base_severity.as_str();
                format!("The severity is {severity}, not {base}: an event matches {query}")
            }
        }
    }

    fn identifier_lines(&self) -> Vec<String> {
        let data = self.data;
        let findings: Vec<&str> = data.members.iter().map(mail::short_id).collect();
        mail::table([
            ("Rule id", clean::text(&data.rule.id, MAX_TEXT_CHARS)),
            ("Correlation", data.id.to_string()),
            ("Incident", data.incident.to_string()),
            ("In the ledger", format!("entries/{}", data.id)),
            ("Findings", findings.join(" ")),
        ])
    }
}
