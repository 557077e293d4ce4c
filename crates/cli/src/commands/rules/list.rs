//! `trailbell rules list`.

use std::process::ExitCode;

use anyhow::Result;
use detect::rule::{Rule, Stage};
use serde_json::{Value, json};

use crate::commands::any_rule::{AnyRule, all_rules};
use crate::commands::arguments::RuleArgs;
use crate::commands::output::{Format, ListWriter, clean_text};

/// List the rules. --format json has their queries and origins too.
///
/// Exit codes: 0 the rules were listed; 2 a rule file cannot be used.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    rules: RuleArgs,
    /// How to print the rules
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let set = args.rules.load()?;
    let mut list = ListWriter::new(args.format, &["Severity", "Risk", "Type", "Name", "Id"]);
    for rule in all_rules(&set) {
        list.push(None, || cells(rule), || rule_document(rule))?;
    }
    list.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn cells(rule: AnyRule<'_>) -> Vec<String> {
    let info = rule.info();
    vec![
        info.severity.as_str().to_owned(),
        info.risk_score.to_string(),
        rule.rule_type().to_owned(),
        clean_text(&info.name),
        clean_text(&info.id),
    ]
}

/// Everything about a rule but its texts.
pub(super) fn rule_document(rule: AnyRule<'_>) -> Value {
    let info = rule.info();
    let mut document = json!({
        "rule_id": info.id,
        "name": info.name,
        "type": rule.rule_type(),
        "severity": info.severity,
        "risk_score": info.risk_score,
        "tags": info.tags,
        "threat": info.threat,
        "origin": rule.origin().to_string(),
    });
    if let Some(version) = info.version {
        document["version"] = version.into();
    }
    if let Some(setup) = &info.setup {
        document["setup"] = setup.as_str().into();
    }
    match rule {
        AnyRule::Rule(rule) => {
            let fields = rule.query.required_fields();
            document["providers"] = json!(fields.providers);
            document["actions"] = json!(fields.actions);
            document["language"] = json!(rule.query.language());
            document["query"] = json!(rule.query.source().trim());
            for (name, value) in over_several(rule) {
                document[name] = value;
            }
        }
        AnyRule::Correlation(correlation) => {
            let stages: Vec<Vec<&str>> = correlation.stages.iter().map(rule_ids).collect();
            document["correlation"] = json!({
                "type": correlation.condition.as_str(),
                "condition": correlation.condition_in_words(),
                "rules": stages,
                "group_by": correlation.group_by,
                "timespan_seconds": correlation.timespan.as_secs(),
            });
        }
    }
    document
}

/// What several matches decide: the threshold, the sequence, the terms and the repeats. Durations
/// are in seconds.
fn over_several(rule: &Rule) -> impl Iterator<Item = (&'static str, Value)> {
    let info = &rule.info;
    let within = rule.correlation().map(|it| it.timespan.as_secs());
    let threshold = info.threshold.as_ref().map(|threshold| {
        let mut document = json!(threshold);
        document["timespan_seconds"] = json!(within);
        document
    });
    let sequence = rule.correlation().filter(|_| info.sequence).map(|it| {
        json!({
            "condition": it.condition_in_words(),
            "group_by": it.group_by,
            "timespan_seconds": within,
        })
    });
    let new_terms = info.new_terms.as_ref().map(|terms| {
        json!({
            "fields": terms.fields,
            "window_seconds": terms.window.as_secs(),
            "alerts_while_learning": terms.alerts_while_learning,
        })
    });
    let suppression = info.alert_suppression.as_ref().map(|suppression| {
        json!({
            "group_by": suppression.group_by,
            "duration_seconds": suppression.duration.as_secs(),
            "missing_fields": suppression.missing_fields,
        })
    });
    [
        ("threshold", threshold),
        ("sequence", sequence),
        ("new_terms", new_terms),
        ("alert_suppression", suppression),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

fn rule_ids(stage: &Stage) -> Vec<&str> {
    stage.0.iter().map(|reference| reference.rule.as_str()).collect()
}
