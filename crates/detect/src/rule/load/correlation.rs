//! A correlation out of its file.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fact_query::read_fact_query;
use super::{fields, severity};
use crate::rule::correlation::{Condition, Correlation, RuleReference, Stage};
use crate::rule::definition::RuleOrigin;
use crate::rule::toml_file::reader::{TomlReader, elements};

const TABLE: &str = "[rule.correlation]";
const KEYS: &str = "condition covered_by field group_by query rules severity_when timespan type";

const RAISE_TABLE: &str = "[[rule.correlation.severity_when]]";

/// Keys of query rules that have no meaning in a correlation.
const QUERY_RULE_KEYS: [&str; 9] = [
    "alert_suppression",
    "building_block_type",
    "from",
    "index",
    "interval",
    "investigation_fields",
    "language",
    "max_signals",
    "query",
];

/// Keys that change the severity of a query rule. Here they would change nothing.
const SEVERITY_KEYS: [&str; 3] = ["risk_score_mapping", "severity_mapping", "severity_when"];

const RULES_EXPECTED: &str = "a list of rules, by id or name, or of lists of alternatives";

const COVERED_BY_EXPECTED: &str = "a list of correlations, by id or name";

const TYPES: &str = "`temporal`, `temporal_ordered`, `event_count` or `value_count`";

const MAX_STAGES: usize = 16;

/// The correlation of a `[rule]` table. It is incomplete if the reader has a problem.
pub(super) fn read_correlation(
    reader: &mut TomlReader<'_>,
    rule: &DeTable<'_>,
    origin: RuleOrigin,
) -> Option<Correlation> {
    for key in QUERY_RULE_KEYS {
        if let Some((key, _)) = rule.get_key_value(key) {
            let message = format!("`{}` has no meaning in a correlation", key.get_ref());
            reader.add_lint(key.span(), message);
        }
    }
    for key in SEVERITY_KEYS {
        if let Some((key, _)) = rule.get_key_value(key) {
            let name = key.get_ref();
            let message = format!("`{name}` has no effect on a correlation; use {RAISE_TABLE}");
            reader.add_problem(key.span(), message);
        }
    }
    let info = fields::rule_info(reader, rule);
    let Some((key, _)) = rule.get_key_value("correlation") else {
        reader.missing_key("correlation");
        return None;
    };
    let table = reader.table(rule, "correlation")?;
    reader.enter_table(TABLE, key.span());
    reader.check_keys(table, TABLE, KEYS);
    let timespan = read_timespan(reader, table);
    let condition = read_condition(reader, table);
    let stages = read_stages(reader, table, condition.as_ref());
    let covered_by = read_covered_by(reader, table);
    let group_by = read_group_by(reader, table);
    let query = table.get("query").and_then(|_| read_fact_query(reader, table));
    let raises = severity::read_raises(reader, table, RAISE_TABLE, info.as_ref(), true);
    Some(Correlation {
        info: Arc::new(info?),
        condition: condition?,
        stages,
        query,
        group_by,
        timespan: timespan?,
        raises,
        covered_by,
        is_threshold: false,
        origin,
    })
}

fn read_timespan(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<SignedDuration> {
    reader.required_text(table, "timespan")?;
    let parse = |text: &str| {
        let timespan = SignedDuration::try_from(fields::parse_interval(text)?).ok()?;
        (timespan <= Correlation::MAX_TIMESPAN).then_some(timespan)
    };
    reader.parsed(table, "timespan", parse, "a time such as `10m`, at most `48h`")
}

fn read_condition(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<Condition> {
    let kind = reader.required_text(table, "type")?;
    if kind != "value_count" {
        reject_key(reader, table, "field", &kind);
    }
    match kind.as_str() {
        "temporal" | "temporal_ordered" => {
            reject_key(reader, table, "condition", &kind);
            Some(if kind == "temporal" { Condition::All } else { Condition::Ordered })
        }
        "event_count" => read_least(reader, table).map(Condition::Events),
        "value_count" => {
            let field = reader.required(table, "field");
            let field = field.map(|field| checked_field(reader, field));
            let least = read_least(reader, table);
            Some(Condition::Values(field?, least?))
        }
        _ => reader.parsed(table, "type", |_| None, TYPES),
    }
}

fn reject_key(reader: &mut TomlReader<'_>, table: &DeTable<'_>, key: &str, kind: &str) {
    if let Some((key, _)) = table.get_key_value(key) {
        let name = key.get_ref();
        let message = format!("`{name}` has no meaning in a correlation of type `{kind}`");
        reader.add_problem(key.span(), message);
    }
}

/// Reads `condition = { gte = 10 }`. Other operators cannot be decided while events still arrive.
fn read_least(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<u32> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct AtLeast {
        gte: Spanned<i64>,
    }
    let AtLeast { gte } = reader.required(table, "condition")?;
    let least = u32::try_from(*gte.get_ref()).ok().filter(|least| (1..=1_000).contains(least));
    if least.is_none() {
        reader.add_problem(gte.span(), "`gte` must be a whole number from 1 to 1000");
    }
    least
}

fn read_stages(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    condition: Option<&Condition>,
) -> Vec<Stage> {
    let mut named = BTreeSet::new();
    let items = reader.required_list(table, "rules").iter();
    let stages: Vec<Stage> = items.map(|item| read_stage(reader, item, &mut named)).collect();
    let is_temporal = matches!(condition, Some(Condition::All | Condition::Ordered));
    let least = if is_temporal { 2 } else { 1 };
    if let Some(rules) = table.get("rules")
        && !(least..=MAX_STAGES).contains(&stages.len())
    {
        let message = format!("`rules` must have {least} to {MAX_STAGES} elements here");
        reader.add_problem(rules.span(), message);
    }
    if is_temporal {
        return stages;
    }
    vec![Stage(stages.into_iter().flat_map(|stage| stage.0).collect())]
}

/// Reads one rule, or a list of alternatives. `named` holds the rules that were read before.
fn read_stage<'t>(
    reader: &mut TomlReader<'_>,
    item: &'t Spanned<DeValue<'_>>,
    named: &mut BTreeSet<&'t str>,
) -> Stage {
    let alternatives = elements(item);
    if alternatives.is_empty() {
        reader.wrong_type("rules", item, RULES_EXPECTED);
    }
    let mut references = Vec::new();
    for rule in alternatives {
        let Some(reference) = read_reference(reader, rule) else {
            reader.wrong_type("rules", rule, RULES_EXPECTED);
            continue;
        };
        // One event must not satisfy two stages by itself.
        if !named.insert(rule.get_ref().as_str().unwrap_or_default()) {
            let message = format!("rule `{}` is named twice", reference.rule.escape_debug());
            reader.add_problem(rule.span(), message);
        }
        references.push(reference);
    }
    Stage(references)
}

/// Returns `None` if it is not a text, or is blank.
fn read_reference(reader: &TomlReader<'_>, value: &Spanned<DeValue<'_>>) -> Option<RuleReference> {
    let text = value.get_ref().as_str().filter(|text| !text.trim().is_empty())?;
    let position = reader.position(value.span());
    Some(RuleReference { rule: text.to_owned(), name: text.to_owned(), position })
}

fn read_covered_by(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Vec<RuleReference> {
    let mut references = Vec::new();
    for value in table.get("covered_by").map(elements).unwrap_or_default() {
        match read_reference(reader, value) {
            Some(reference) => references.push(reference),
            None => reader.wrong_type("covered_by", value, COVERED_BY_EXPECTED),
        }
    }
    references
}

fn read_group_by(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Vec<String> {
    let fields: Vec<Spanned<String>> = reader.optional(table, "group_by").unwrap_or_default();
    fields.into_iter().map(|field| checked_field(reader, field)).collect()
}

fn checked_field(reader: &mut TomlReader<'_>, field: Spanned<String>) -> String {
    severity::check_field(reader, &field);
    field.into_inner()
}
