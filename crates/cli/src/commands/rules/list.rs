//! `trailbell rules list`.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use detect::rule::{Correlation, RequiredFields, Rule, RuleSet, Stage};
use detect::text::clean;
use serde_json::{Value, json};

use super::Any;
use super::args::{Format, ListArgs};

/// The most characters of one cell.
const CELL: usize = 1200;

/// A terminal of fewer columns is too narrow for the last two: every word would be broken.
const WIDE: u16 = 160;

pub fn run(args: &ListArgs) -> Result<ExitCode, Box<dyn Error>> {
    let set = super::load(!args.source.no_default_rules, &args.source.rules)?;
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => writeln!(out, "{}", table(&set))?,
        Format::Json => writeln!(out, "{:#}", super::all(&set).map(object).collect::<Value>())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn table(set: &RuleSet) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["Severity", "Risk", "Name", "Id", "Calls", "From"]);
    for rule in super::all(set) {
        let info = rule.info();
        let (calls, origin) = match rule {
            Any::Rule(rule) => (calls(rule), &rule.origin),
            Any::Correlation(it) => {
                (format!("{}: {}", it.condition.as_str(), it.condition_in_words()), &it.origin)
            }
        };
        let texts =
            [&info.name, &info.id, &calls, &origin.to_string()].map(|text| clean::text(text, CELL));
        table.add_row(
            [info.severity.as_str().to_owned(), info.risk_score.to_string()]
                .into_iter()
                .chain(texts),
        );
    }
    if table.width().is_some_and(|width| width < WIDE) {
        table
            .column_iter_mut()
            .skip(3)
            .take(1)
            .for_each(|id| _ = id.set_constraint(ColumnConstraint::ContentWidth));
        table
            .column_iter_mut()
            .skip(4)
            .for_each(|column| _ = column.set_constraint(ColumnConstraint::Hidden));
    }
    table
}

/// `iam.amazonaws.com: CreateGroup`; `any` where the query does not pin it.
pub(super) fn calls(rule: &Rule) -> String {
    let RequiredFields { providers, actions } = RequiredFields::from_expr(rule.query.expr());
    format!("{}: {}", shown(providers.as_ref()), shown(actions.as_ref()))
}

fn shown(names: Option<&BTreeSet<String>>) -> String {
    names.map_or("any".to_owned(), |names| {
        names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    })
}

fn object(rule: Any<'_>) -> Value {
    match rule {
        Any::Rule(rule) => rule_object(rule),
        Any::Correlation(correlation) => correlation_object(correlation),
    }
}

fn correlation_object(correlation: &Correlation) -> Value {
    let info = &correlation.info;
    let ids = |stage: &Stage| stage.0.iter().map(|it| it.rule.clone()).collect::<Vec<_>>();
    json!({
        "rule_id": info.id,
        "name": info.name,
        "severity": info.severity,
        "risk_score": info.risk_score,
        "correlation": {
            "type": correlation.condition.as_str(),
            "asked": correlation.condition_in_words(),
            "rules": correlation.stages.iter().map(ids).collect::<Vec<_>>(),
            "group_by": correlation.group_by,
            "timespan_seconds": correlation.timespan.as_secs(),
        },
        "origin": correlation.origin.to_string(),
    })
}

fn rule_object(rule: &Rule) -> Value {
    let info = &rule.info;
    let RequiredFields { providers, actions } = RequiredFields::from_expr(rule.query.expr());
    json!({
        "rule_id": info.id,
        "name": info.name,
        "severity": info.severity,
        "risk_score": info.risk_score,
        "providers": providers,
        "actions": actions,
        "query": rule.query.source().trim(),
        "origin": rule.origin.to_string(),
    })
}
