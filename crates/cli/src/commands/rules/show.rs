//! `trailbell rules show`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use alert::markdown_to_lines;
use anyhow::Result;
use detect::rule::{Correlation, RequiredFields, Rule, RuleInfo, Technique, Threat};

use crate::commands::any_rule::{AnyRule, find_rule};
use crate::commands::arguments::RuleArgs;
use crate::commands::output::{clean_lines, pluralize};

/// Show a rule: its description, query and investigation guide.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  the rule was shown
  2  there is no such rule, or a rule file cannot be used")]
pub struct Args {
    /// A rule: its id, its name, or a part of the name that no other rule has
    rule: String,

    #[command(flatten)]
    rules: RuleArgs,
}

/// A heading and the lines below it.
type Section = (&'static str, Vec<String>);

pub fn run(args: &Args) -> Result<ExitCode> {
    let set = args.rules.load()?;
    let page = match find_rule(&set, &args.rule)? {
        AnyRule::Rule(rule) => format_page(&rule.info, rule_facts(rule), query_section(rule)),
        AnyRule::Correlation(correlation) => format_page(
            &correlation.info,
            correlation_facts(correlation),
            condition_section(correlation),
        ),
    };
    writeln!(io::stdout().lock(), "{}", clean_lines(&page))?;
    Ok(ExitCode::SUCCESS)
}

fn format_page(info: &RuleInfo, facts: Vec<String>, query: Section) -> String {
    let sections = [
        (info.name.as_str(), facts),
        ("DESCRIPTION", markdown_to_lines(&info.description)),
        query,
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

fn query_section(rule: &Rule) -> Section {
    ("QUERY", rule.query.source().trim().lines().map(|line| format!("  {line}")).collect())
}

/// The stages of a correlation, and what raises its severity.
fn condition_section(correlation: &Correlation) -> Section {
    let mut lines = vec![format!("  {}:", correlation.condition_in_words())];
    for stage in &correlation.stages {
        let names: Vec<&str> = stage.0.iter().map(|rule| rule.name.as_str()).collect();
        lines.push(format!("    - {}", names.join(" or ")));
    }
    for raise in &correlation.raises {
        let (severity, risk_score) = (raise.severity.as_str(), raise.risk_score);
        lines.push(format!("  Raised to {severity} (risk score {risk_score}) if one matches:"));
        let query = raise.query.source().trim();
        lines.extend(query.lines().map(|line| format!("    {}", line.trim())));
    }
    ("CONDITION", lines)
}

fn rule_facts(rule: &Rule) -> Vec<String> {
    let [interval, from] = [rule.interval, rule.from].map(format_duration);
    labelled_lines(&[
        ("Id", rule.info.id.clone()),
        ("Severity", format_severity(&rule.info)),
        ("Calls", format_calls(rule)),
        ("Runs", format!("every {interval}, over the last {from}")),
        ("Limit", format!("{} single alerts in {interval}, then a summary", rule.max_signals)),
        ("Tags", rule.info.tags.join(" · ")),
        ("From", rule.origin.to_string()),
    ])
}

fn correlation_facts(correlation: &Correlation) -> Vec<String> {
    let alerts = "one per incident, and one when its severity rises; only with a ledger";
    labelled_lines(&[
        ("Id", correlation.info.id.clone()),
        ("Severity", format_severity(&correlation.info)),
        ("Type", correlation.condition.as_str().to_owned()),
        ("Group by", correlation.group_by.join(", ")),
        ("Alerts", alerts.to_owned()),
        ("Tags", correlation.info.tags.join(" · ")),
        ("From", correlation.origin.to_string()),
    ])
}

fn labelled_lines(rows: &[(&str, String)]) -> Vec<String> {
    let filled = rows.iter().filter(|(_, text)| !text.is_empty());
    filled.map(|(label, text)| format!("  {label:<10}{text}")).collect()
}

/// `iam.amazonaws.com: CreateGroup`, or `any` if the query does not restrict it.
pub fn format_calls(rule: &Rule) -> String {
    let join = |names: Option<BTreeSet<String>>| match names {
        Some(names) => names.into_iter().collect::<Vec<_>>().join(", "),
        None => "any".to_owned(),
    };
    let RequiredFields { providers, actions } = RequiredFields::from_expr(rule.query.expr());
    format!("{}: {}", join(providers), join(actions))
}

fn format_severity(info: &RuleInfo) -> String {
    format!("{}, risk score {} of 100", info.severity.as_str(), info.risk_score)
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
