//! `trailbell rules show`.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use alert;
use detect::rule::{Correlation, Rule, RuleInfo, Technique, Threat};
use detect::text::clean;

use super::args::ShowArgs;
use super::{Any, list};

/// The most characters of a line.
const LINE: usize = 4000;

pub fn run(args: &ShowArgs) -> Result<ExitCode, Box<dyn Error>> {
    let set = super::load(!args.source.no_default_rules, &args.source.rules)?;
    let page = match super::find(&set, &args.rule)? {
        Any::Rule(rule) => page(&rule.info, facts(rule), query(rule)),
        Any::Correlation(it) => page(&it.info, correlation_facts(it), asked(it)),
    };
    let mut out = io::stdout().lock();
    for line in page.lines() {
        writeln!(out, "{}", clean::text(line, LINE))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn page(
    info: &RuleInfo,
    facts: Vec<String>,
    (heading, asked): (&'static str, Vec<String>),
) -> String {
    let sections = [
        (info.name.as_str(), facts),
        ("WHAT IT SEES", alert::markdown_to_lines(&info.description)),
        (heading, asked),
        ("GUIDE", info.note.as_deref().map(alert::markdown_to_lines).unwrap_or_default()),
        ("WHEN IT IS NO CAUSE FOR ALARM", bullets(&info.false_positives)),
        ("ATT&CK", info.threat.iter().flat_map(threat).collect()),
        ("REFERENCES", bullets(&info.references)),
    ];
    let filled = sections.into_iter().filter(|(_, lines)| !lines.is_empty());
    filled
        .map(|(heading, lines)| format!("{heading}\n{}\n", lines.join("\n")))
        .collect::<Vec<_>>()
        .join("\n")
}

fn query(rule: &Rule) -> (&'static str, Vec<String>) {
    ("QUERY", rule.query.source().trim().lines().map(|line| format!("  {line}")).collect())
}

/// The stages of a correlation, and what raises its severity.
fn asked(correlation: &Correlation) -> (&'static str, Vec<String>) {
    let mut lines = vec![format!("  {}:", correlation.condition_in_words())];
    for stage in &correlation.stages {
        let names: Vec<&str> = stage.0.iter().map(|it| it.name.as_str()).collect();
        lines.push(format!("    - {}", names.join(" or ")));
    }
    for raise in &correlation.raises {
        lines.push(format!(
            "  {} (risk score {}) where one of them matches:",
            raise.severity.as_str(),
            raise.risk_score
        ));
        lines
            .extend(raise.query.source().trim().lines().map(|line| format!("    {}", line.trim())));
    }
    ("ASKS FOR", lines)
}

fn correlation_facts(correlation: &Correlation) -> Vec<String> {
    let info = &correlation.info;
    labelled([
        ("Id", info.id.clone()),
        ("Severity", format!("{}, risk score {} of 100", info.severity.as_str(), info.risk_score)),
        ("Type", correlation.condition.as_str().to_owned()),
        ("Alike in", correlation.group_by.join(", ")),
        (
            "Told",
            "once an episode, and again where its severity rises; only with a ledger".to_owned(),
        ),
        ("Tags", info.tags.join(" · ")),
        ("From", correlation.origin.to_string()),
    ])
}

fn facts(rule: &Rule) -> Vec<String> {
    let info = &rule.info;
    labelled([
        ("Id", info.id.clone()),
        ("Severity", format!("{}, risk score {} of 100", info.severity.as_str(), info.risk_score)),
        ("Calls", list::calls(rule)),
        ("Runs", format!("every {}, over the last {}", spoken(rule.interval), spoken(rule.from))),
        ("At most", format!("{} alerts one by one in that time", rule.max_signals)),
        ("Tags", info.tags.join(" · ")),
        ("From", rule.origin.to_string()),
    ])
}

fn labelled(rows: [(&str, String); 7]) -> Vec<String> {
    rows.into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| format!("  {label:<10}{text}"))
        .collect()
}

/// In minutes where it is whole minutes, else in seconds.
fn spoken(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 60 == 0 => {
            super::counted(usize::try_from(seconds / 60).unwrap_or(usize::MAX), "minute")
        }
        seconds => super::counted(usize::try_from(seconds).unwrap_or(usize::MAX), "second"),
    }
}

fn bullets(items: &[String]) -> Vec<String> {
    items.iter().flat_map(|item| alert::markdown_to_lines(&format!("- {}", item.trim()))).collect()
}

fn threat(threat: &Threat) -> Vec<String> {
    let tactic = format!("  {} {}", threat.tactic.id, threat.tactic.name);
    let below = |technique: &Technique| -> Vec<String> {
        let all = std::iter::once(technique).chain(&technique.subtechnique);
        all.map(|it| format!("    {} {}  {}", it.id, it.name, it.reference)).collect()
    };
    std::iter::once(tactic).chain(threat.technique.iter().flat_map(below)).collect()
}
