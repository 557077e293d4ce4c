//! `trailbell rules list`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use comfy_table::{ColumnConstraint, Table};
use detect::rule::{Correlation, RequiredFields, Rule, RuleSet, Stage};
use serde_json::{Value, json};

use super::show::format_calls;
use crate::commands::any_rule::{AnyRule, all_rules};
use crate::commands::arguments::RuleArgs;
use crate::commands::output::{Format, ListWriter, clean_text, new_table};

/// List the rules.
///
/// On a terminal of fewer than 160 columns the last two columns are left out. `rules show` and
/// --format json include what they contain.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  the rules were listed
  2  a rule file cannot be used")]
pub struct Args {
    #[command(flatten)]
    rules: RuleArgs,

    /// How to print the rules
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// In a narrower terminal the last two columns would break every word.
const WIDE: u16 = 160;

pub fn run(args: &Args) -> Result<ExitCode> {
    let set = args.rules.load()?;
    if args.format == Format::Text {
        writeln!(io::stdout().lock(), "{}", table(&set))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut list = ListWriter::new(args.format, &[]);
    for rule in all_rules(&set) {
        list.push(None, Vec::new, || document(rule))?;
    }
    list.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn table(set: &RuleSet) -> Table {
    let mut table = new_table(["Severity", "Risk", "Name", "Id", "Calls", "From"]);
    for rule in all_rules(set) {
        let info = rule.info();
        let calls = match rule {
            AnyRule::Rule(rule) => format_calls(rule),
            AnyRule::Correlation(correlation) => {
                format!("{}: {}", correlation.condition.as_str(), correlation.condition_in_words())
            }
        };
        let severity = info.severity.as_str().to_owned();
        let [name, id, calls, origin] =
            [&info.name, &info.id, &calls, &rule.origin().to_string()].map(|text| clean_text(text));
        table.add_row([severity, info.risk_score.to_string(), name, id, calls, origin]);
    }
    if table.width().is_some_and(|width| width < WIDE) {
        for (column, constraint) in [
            (3, ColumnConstraint::ContentWidth),
            (4, ColumnConstraint::Hidden),
            (5, ColumnConstraint::Hidden),
        ] {
            table.column_mut(column).map(|column| column.set_constraint(constraint));
        }
    }
    table
}

fn document(rule: AnyRule<'_>) -> Value {
    let info = rule.info();
    let mut document = json!({
        "rule_id": info.id,
        "name": info.name,
        "severity": info.severity,
        "risk_score": info.risk_score,
        "origin": rule.origin().to_string(),
    });
    match rule {
        AnyRule::Rule(rule) => add_query(&mut document, rule),
        AnyRule::Correlation(correlation) => {
            document["correlation"] = correlation_document(correlation);
        }
    }
    document
}

fn add_query(document: &mut Value, rule: &Rule) {
    let RequiredFields { providers, actions } = RequiredFields::from_expr(rule.query.expr());
    document["providers"] = json!(providers);
    document["actions"] = json!(actions);
    document["query"] = json!(rule.query.source().trim());
}

fn correlation_document(correlation: &Correlation) -> Value {
    let rule_ids = |stage: &Stage| stage.0.iter().map(|rule| json!(rule.rule)).collect::<Value>();
    json!({
        "type": correlation.condition.as_str(),
        "condition": correlation.condition_in_words(),
        "rules": correlation.stages.iter().map(rule_ids).collect::<Value>(),
        "group_by": correlation.group_by,
        "timespan_seconds": correlation.timespan.as_secs(),
    })
}
