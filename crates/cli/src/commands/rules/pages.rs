//! `trailbell rules pages`.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use detect::rule::{RuleOrigin, Threat};

use super::show::{facts, severity_lines};
use crate::commands::any_rule::{AnyRule, all_rules};
use crate::commands::arguments::RuleArgs;
use crate::commands::output::{clean_text, pluralize};

/// Write a page in Markdown for each rule: facts, query, guide.
///
/// The page of a-rule.toml is a-rule.md. Pages that exist are replaced.
///
/// Exit codes: 0 the pages were written; 2 a page cannot be written, or a rule file cannot be used.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to write the pages
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    rules: RuleArgs,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let set = args.rules.load()?;
    fs::create_dir_all(&args.folder)
        .with_context(|| format!("cannot create {}", args.folder.display()))?;
    let mut count = 0;
    for rule in all_rules(&set) {
        let path = args.folder.join(file_name(rule.origin()));
        fs::write(&path, page(rule)).with_context(|| format!("cannot write {}", path.display()))?;
        count += 1;
    }
    let folder = clean_text(&args.folder.display().to_string());
    writeln!(io::stdout().lock(), "{} written to {folder}", pluralize(count, "page"))?;
    Ok(ExitCode::SUCCESS)
}

fn file_name(origin: &RuleOrigin) -> String {
    let name = match origin {
        RuleOrigin::Embedded(name) => (*name).to_owned(),
        RuleOrigin::File(path) => {
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
    };
    format!("{}.md", name.trim_end_matches(".toml"))
}

/// Texts of rules are Markdown already.
fn page(rule: AnyRule<'_>) -> String {
    let info = rule.info();
    let list = |items: &[String]| -> String {
        items.iter().map(|item| format!("- {}\n", one_line(item))).collect()
    };
    let condition = match rule {
        AnyRule::Rule(rule) => ("Query", format!("```\n{}\n```\n", rule.query.source().trim())),
        AnyRule::Correlation(correlation) => {
            let stages = correlation.stages.iter().map(|stage| {
                let names: Vec<&str> = stage.0.iter().map(|rule| rule.name.as_str()).collect();
                format!("- {}\n", names.join(" or "))
            });
            let condition = correlation.condition_in_words();
            let query = correlation.query.as_ref().map(|query| query.source().trim());
            let query =
                query.map(|query| format!("\nof findings that match\n\n```\n{query}\n```\n"));
            let query = query.unwrap_or_default();
            ("Condition", format!("{condition}:\n\n{}{query}", stages.collect::<String>()))
        }
    };
    let severity = severity_lines(rule);
    let severity = match severity.is_empty() {
        true => String::new(),
        false => format!("```\n{}\n```\n", unindented(&severity)),
    };
    let sections = [
        condition,
        ("Severity", severity),
        ("Setup", info.setup.as_deref().map(paragraph).unwrap_or_default()),
        ("Guide", info.note.as_deref().map(demoted).unwrap_or_default()),
        ("False positives", list(&info.false_positives)),
        ("ATT&CK", info.threat.iter().map(threat).collect()),
        ("References", list(&info.references)),
    ];
    let mut page = format!("# {}\n\n{}", one_line(&info.name), paragraph(&info.description));
    page += "\n| | |\n|---|---|\n";
    for (label, text) in facts(rule).iter().filter(|(label, _)| *label != "From") {
        page += &format!("| {label} | {} |\n", one_line(text).replace('|', "\\|"));
    }
    for (heading, text) in sections.iter().filter(|(_, text)| !text.is_empty()) {
        page += &format!("\n## {heading}\n\n{text}");
    }
    page
}

fn paragraph(text: &str) -> String {
    format!("{}\n", text.trim())
}

/// A guide has headings of its own, below that of the page's section.
fn demoted(guide: &str) -> String {
    let line = |line: &str| {
        let mark = if line.starts_with("## ") { "#" } else { "" };
        format!("{mark}{line}\n")
    };
    guide.trim().lines().map(line).collect()
}

fn unindented(lines: &[String]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.get(2..).unwrap_or(line)).collect();
    lines.join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn threat(threat: &Threat) -> String {
    let tactic = &threat.tactic;
    let mut lines = format!("- [{} {}]({})\n", tactic.id, tactic.name, tactic.reference);
    for technique in &threat.technique {
        for it in std::iter::once(technique).chain(&technique.subtechnique) {
            lines += &format!("  - [{} {}]({})\n", it.id, it.name, it.reference);
        }
    }
    lines
}
