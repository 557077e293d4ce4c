//! `trailbell rules show`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use alert::markdown_to_lines;
use anyhow::Result;
use detect::rule::{
    Correlation, RequiredFields, Rule, RuleInfo, SeverityMapping, SeverityRules, Technique, Threat,
};
use serde_json::{Value, json};

use super::list::rule_document;
use crate::commands::any_rule::{AnyRule, find_rule};
use crate::commands::arguments::RuleArgs;
use crate::commands::output::{Format, FormatArg, clean_lines, pluralize, write_document};

/// Show a rule: its description, query and investigation guide.
///
/// Exit codes: 0 the rule was shown; 2 there is no such rule, or a rule file cannot be used.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A rule: its name or a part of it, or the start of its id
    rule: String,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    format: FormatArg,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let set = args.rules.load()?;
    let rule = find_rule(&set, &args.rule)?;
    let mut out = io::stdout().lock();
    match args.format.format {
        Format::Table => writeln!(out, "{}", clean_lines(&format_page(rule)))?,
        format => write_document(&mut out, format, &page_document(rule))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// As `rules list` has it, and the texts.
fn page_document(rule: AnyRule<'_>) -> Value {
    let info = rule.info();
    let mut document = rule_document(rule);
    document["description"] = info.description.as_str().into();
    document["guide"] = json!(info.note);
    document["false_positives"] = json!(info.false_positives);
    document["references"] = json!(info.references);
    document
}

fn format_page(rule: AnyRule<'_>) -> String {
    let info = rule.info();
    let sections = [
        (info.name.as_str(), fact_lines(rule)),
        ("DESCRIPTION", markdown_to_lines(&info.description)),
        ("SETUP", info.setup.as_deref().map(markdown_to_lines).unwrap_or_default()),
        match rule {
            AnyRule::Rule(rule) => ("QUERY", query_lines(rule.query.source(), "  ")),
            AnyRule::Correlation(correlation) => ("CONDITION", condition_lines(correlation)),
        },
        ("SEVERITY", severity_lines(rule)),
        ("INVESTIGATION GUIDE", info.note.as_deref().map(markdown_to_lines).unwrap_or_default()),
        ("FALSE POSITIVES", bullet_list(&info.false_positives)),
        ("ATT&CK", info.threat.iter().flat_map(threat_lines).collect()),
        ("REFERENCES", bullet_list(&info.references)),
    ];
    let filled = sections.into_iter().filter(|(_, lines)| !lines.is_empty());
    filled
        .map(|(heading, lines)| format!("{heading}\n{}\n", lines.join("\n")))
        .collect::<Vec<_>>()
        .join("\n")
}

fn query_lines(query: &str, indent: &str) -> Vec<String> {
    query.trim().lines().map(|line| format!("{indent}{line}")).collect()
}

/// The stages of a correlation.
fn condition_lines(correlation: &Correlation) -> Vec<String> {
    let mut lines = vec![format!("  {}:", correlation.condition_in_words())];
    for stage in &correlation.stages {
        let names: Vec<&str> = stage.0.iter().map(|rule| rule.name.as_str()).collect();
        lines.push(format!("    - {}", names.join(" or ")));
    }
    if let Some(query) = &correlation.query {
        lines.push("  of findings that match".to_owned());
        lines.extend(query_lines(query.source(), "    "));
    }
    lines
}

/// What changes the severity.
pub(super) fn severity_lines(rule: AnyRule<'_>) -> Vec<String> {
    let (raises, mappings, risk_score_field) = match rule {
        AnyRule::Rule(rule) => {
            let SeverityRules { raises, mappings, risk_score_field } = &rule.severity_rules;
            (raises, &**mappings, risk_score_field.as_ref())
        }
        AnyRule::Correlation(correlation) => (&correlation.raises, &[][..], None),
    };
    let mapping = |mapping: &SeverityMapping| {
        let SeverityMapping { field, value, severity } = mapping;
        format!("  {} if {field} is {value}", severity.as_str())
    };
    let mut lines: Vec<String> = mappings.iter().map(mapping).collect();
    lines.extend(risk_score_field.map(|field| format!("  The risk score is {field}")));
    for raise in raises {
        let severity = raise.severity.as_str();
        let reason = raise.reason.as_ref().map(|reason| format!(", since {reason}"));
        let reason = reason.unwrap_or_default();
        lines.push(format!("  {severity} (risk score {}){reason}, if", raise.risk_score));
        lines.extend(query_lines(raise.query.source(), "    "));
    }
    lines
}

fn fact_lines(rule: AnyRule<'_>) -> Vec<String> {
    let known = facts(rule);
    known.into_iter().map(|(label, text)| format!("  {label:<10}{text}")).collect()
}

/// Labels and texts; those that are not known are left out.
pub(super) fn facts(rule: AnyRule<'_>) -> Vec<(&'static str, String)> {
    let info = rule.info();
    let severity = format!("{}, risk score {} of 100", info.severity.as_str(), info.risk_score);
    let version = info.version.map(|version| version.to_string()).unwrap_or_default();
    let rule_type = match rule {
        AnyRule::Rule(Rule { info, .. }) if info.sequence => "eql, a sequence".to_owned(),
        AnyRule::Rule(_) => rule.rule_type().to_owned(),
        AnyRule::Correlation(correlation) => {
            format!("correlation, {}", correlation.condition.as_str())
        }
    };
    let mut facts = vec![
        ("Id", info.id.clone()),
        ("Version", version),
        ("Type", rule_type),
        ("Severity", severity),
    ];
    match rule {
        AnyRule::Rule(rule) => {
            let interval = format_duration(rule.interval);
            let limit = format!("{} single alerts in {interval}, then a summary", rule.max_signals);
            let limit = match info {
                RuleInfo { building_block: true, .. } => {
                    "no alerts: a building block, which only correlations use".to_owned()
                }
                RuleInfo { threshold: Some(_), .. } => {
                    "one alert until there are fewer calls than the threshold".to_owned()
                }
                RuleInfo { sequence: true, .. } => {
                    "one alert for each completed sequence".to_owned()
                }
                _ => limit,
            };
            facts.push(("Calls", format_calls(rule)));
            facts.push(("Limit", limit));
            let repeats = info.alert_suppression.as_ref().map(|suppression| suppression.describe());
            facts.push(("Repeats", repeats.unwrap_or_default()));
            facts.push(("Finds", format_over_time(rule)));
        }
        AnyRule::Correlation(correlation) => {
            let alerts = "one per incident, and one when its severity rises; only with a ledger";
            facts.push(("Group by", correlation.group_by.join(", ")));
            facts.push(("Alerts", alerts.to_owned()));
            let covers = correlation.covered_by.iter().map(|cover| cover.name.as_str());
            facts.push(("Covered", covers.collect::<Vec<_>>().join(", ")));
        }
    }
    facts.push(("Tags", info.tags.join(" · ")));
    facts.push(("From", rule.origin().to_string()));
    facts.retain(|(_, text)| !text.is_empty());
    facts
}

/// What several matches of a rule must have in common, or must not.
fn format_over_time(rule: &Rule) -> String {
    if let Some(new_terms) = &rule.info.new_terms {
        let learning = match new_terms.alerts_while_learning {
            true => "alerted while it is learning",
            false => "recorded only while it is learning",
        };
        return format!("{} {}; {learning}", new_terms.fields.join(", "), new_terms.describe());
    }
    let Some(correlation) = rule.correlation() else { return String::new() };
    let condition = correlation.condition_in_words();
    let group_by = match &*correlation.group_by {
        [] => String::new(),
        fields => format!(", with the same {}", fields.join(", ")),
    };
    format!("{condition}{group_by}; only with a ledger")
}

/// `iam.amazonaws.com: CreateGroup`, or `any` if the query does not restrict it.
fn format_calls(rule: &Rule) -> String {
    let join = |names: Option<BTreeSet<String>>| match names {
        Some(names) => names.into_iter().collect::<Vec<_>>().join(", "),
        None => "any".to_owned(),
    };
    let RequiredFields { providers, actions, .. } = rule.query.required_fields();
    format!("{}: {}", join(providers), join(actions))
}

fn format_duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds % 60 == 0 => pluralize(seconds / 60, "minute"),
        seconds => pluralize(seconds, "second"),
    }
}

fn bullet_list(items: &[String]) -> Vec<String> {
    items.iter().flat_map(|item| markdown_to_lines(&format!("- {}", item.trim()))).collect()
}

fn threat_lines(threat: &Threat) -> Vec<String> {
    let mut lines = vec![format!("  {} {}", threat.tactic.id, threat.tactic.name)];
    for technique in &threat.technique {
        let all = std::iter::once(technique).chain(&technique.subtechnique);
        lines.extend(
            all.map(|Technique { id, name, reference, .. }| {
                format!("    {id} {name}  {reference}")
            }),
        );
    }
    lines
}
