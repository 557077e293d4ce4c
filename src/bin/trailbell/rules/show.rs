//! `trailbell rules show`.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use trailbell::alert::{self, clean};
use trailbell::rule::{Rule, Technique, Threat};

use super::args::ShowArgs;
use super::list;

/// The most characters of a line.
const LINE: usize = 4000;

pub fn run(args: &ShowArgs) -> Result<ExitCode, Box<dyn Error>> {
    let set = super::load(!args.source.no_default_rules, &args.source.rules)?;
    let page = page(find(set.rules(), &args.rule)?);
    let mut out = io::stdout().lock();
    for line in page.lines() {
        writeln!(out, "{}", clean::text(line, LINE))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The rule of that id or name, else the only one whose name holds it.
fn find<'r>(rules: &'r [Rule], wanted: &str) -> Result<&'r Rule, String> {
    let lower = wanted.to_lowercase();
    let exact = |rule: &&Rule| rule.info.id == wanted || rule.info.name.to_lowercase() == lower;
    if let Some(rule) = rules.iter().find(exact) {
        return Ok(rule);
    }
    let like: Vec<&Rule> = rules.iter().filter(|rule| rule.info.name.to_lowercase().contains(&lower)).collect();
    let names: Vec<&str> = like.iter().map(|rule| rule.info.name.as_str()).collect();
    match like[..] {
        [rule] => Ok(rule),
        [] => Err(format!("no rule has the id or the name \"{wanted}\"; `trailbell rules list` lists them")),
        _ => {
            Err(format!("\"{wanted}\" is in the names of {}: {}", super::counted(like.len(), "rule"), names.join("; ")))
        }
    }
}

fn page(rule: &Rule) -> String {
    let info = &rule.info;
    let query: Vec<String> = rule.query.source().trim().lines().map(|line| format!("  {line}")).collect();
    let sections = [
        (info.name.as_str(), facts(rule)),
        ("WHAT IT SEES", alert::plain(&info.description)),
        ("QUERY", query),
        ("GUIDE", info.note.as_deref().map(alert::plain).unwrap_or_default()),
        ("WHEN IT IS NO CAUSE FOR ALARM", bullets(&info.false_positives)),
        ("ATT&CK", info.threat.iter().flat_map(threat).collect()),
        ("REFERENCES", bullets(&info.references)),
    ];
    let filled = sections.into_iter().filter(|(_, lines)| !lines.is_empty());
    filled.map(|(heading, lines)| format!("{heading}\n{}\n", lines.join("\n"))).collect::<Vec<_>>().join("\n")
}

fn facts(rule: &Rule) -> Vec<String> {
    let info = &rule.info;
    let rows = [
        ("Id", info.id.clone()),
        ("Severity", format!("{}, risk score {} of 100", info.severity.as_str(), info.risk_score)),
        ("Calls", list::calls(rule)),
        ("Runs", format!("every {}, over the last {}", spoken(rule.interval), spoken(rule.from))),
        ("At most", format!("{} alerts one by one in that time", rule.max_signals)),
        ("Tags", info.tags.join(" · ")),
        ("From", rule.origin.to_string()),
    ];
    rows.into_iter().filter(|(_, text)| !text.is_empty()).map(|(label, text)| format!("  {label:<10}{text}")).collect()
}

/// In minutes where it is whole minutes, else in seconds.
fn spoken(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 60 == 0 => super::counted(usize::try_from(seconds / 60).unwrap_or(usize::MAX), "minute"),
        seconds => super::counted(usize::try_from(seconds).unwrap_or(usize::MAX), "second"),
    }
}

fn bullets(items: &[String]) -> Vec<String> {
    items.iter().flat_map(|item| alert::plain(&format!("- {}", item.trim()))).collect()
}

fn threat(threat: &Threat) -> Vec<String> {
    let tactic = format!("  {} {}", threat.tactic.id, threat.tactic.name);
    let below = |technique: &Technique| -> Vec<String> {
        let all = std::iter::once(technique).chain(&technique.subtechnique);
        all.map(|it| format!("    {} {}  {}", it.id, it.name, it.reference)).collect()
    };
    std::iter::once(tactic).chain(threat.technique.iter().flat_map(below)).collect()
}
