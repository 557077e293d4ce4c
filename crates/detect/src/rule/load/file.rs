//! One rule file: from its text to a rule, or to why there is none.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::de::{DeTable, ValueDeserializer};

use super::reader::Reader;
use super::report::UnsupportedRule;
use super::{LoadedRules, duration, keys, query};
use crate::ecs::nearest_name;
use crate::rule::{Correlation, Rule, RuleInfo, RuleOrigin, Severity, Threat, correlation};

/// What Elastic runs a rule by where its file does not say.
const INTERVAL: Duration = Duration::from_secs(5 * 60);
const FROM: Duration = Duration::from_secs(6 * 60);
const MAX_SIGNALS: u32 = 100;

/// The types of Elastic's rules besides `query`.
const OTHER_KINDS: [&str; 7] =
    ["eql", "esql", "machine_learning", "new_terms", "saved_query", "threat_match", "threshold"];

/// Reads a file's text and adds what comes of it to the load.
pub(super) fn read(origin: RuleOrigin, text: &str, load: &mut LoadedRules) {
    let path = origin.to_string();
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(&path, text, "[rule]");
    reader.not_toml(&errors);
    if reader.problems.is_empty() {
        match read_rule(&mut reader, root.get_ref(), origin) {
            Ok(Some(Read::Rule(rule))) => load.rules.push(rule),
            Ok(Some(Read::Correlation(correlation))) => load.correlations.push(correlation),
            Ok(None) => {}
            Err(refusal) => load.unsupported.push(refusal),
        }
    }
    load.problems.append(&mut reader.problems);
    load.warnings.append(&mut reader.warnings);
}

/// What a file holds.
enum Read {
    Rule(Rule),
    Correlation(Correlation),
}

/// The rule; none where the reader found a problem.
fn read_rule<'f>(
    reader: &mut Reader<'f>,
    root: &DeTable<'f>,
    origin: RuleOrigin,
) -> Result<Option<Read>, UnsupportedRule> {
    reader.check_keys(root, "the file", keys::TOP);
    if let Some(metadata) = reader.table(root, "metadata") {
        reader.check_keys(metadata, "[metadata]", keys::METADATA);
    }
    match root.get_key_value("rule") {
        Some((head, _)) => reader.head = head.span(),
        None => reader.problem(0..0, "there is no [rule] table".to_owned()),
    }
    let Some(table) = reader.table(root, "rule") else { return Ok(None) };
    reader.check_keys(table, "[rule]", keys::RULE);
    if table.get("type").and_then(|kind| kind.get_ref().as_str()) == Some("correlation") {
        return Ok(correlation::load::read(reader, table, origin).map(Read::Correlation));
    }
    check_kind(reader, table)?;
    Ok(rule(reader, table, origin).map(Read::Rule))
}

fn rule<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>, origin: RuleOrigin) -> Option<Rule> {
    let info = info(reader, table);
    let query = query::read(reader, table);
    let interval = reader
        .read(table, "interval", duration::interval, "a time such as `10m`")
        .unwrap_or(INTERVAL);
    let from = reader
        .read(table, "from", duration::since, "a time back such as `now-60m`")
        .unwrap_or(FROM);
    let max_signals = reader.integer(table, "max_signals", 1..=u32::MAX).unwrap_or(MAX_SIGNALS);
    let complete = reader.problems.is_empty();
    let rule = info.zip(query).filter(|_| complete);
    rule.map(|(info, query)| Rule {
        info: Arc::new(info),
        query,
        interval,
        from,
        max_signals,
        origin,
    })
}

/// A rule of another kind is never run as if it were a query.
fn check_kind<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Result<(), UnsupportedRule> {
    let kind = reader.required(table, "type");
    let language = reader.string(table, "language");
    if let Some(reason) = cannot_run(kind, language, table) {
        let rule = ["name", "rule_id"].iter().find_map(|key| table.get(*key)?.get_ref().as_str());
        return Err(UnsupportedRule {
            path: reader.path.to_owned(),
            rule: rule.map(str::to_owned),
            reason,
        });
    }
    if kind.is_some_and(|kind| kind != "query") {
        reader.read(table, "type", |_| None::<()>, "`query` or `correlation`");
    }
    Ok(())
}

fn cannot_run(kind: Option<&str>, language: Option<&str>, table: &DeTable<'_>) -> Option<String> {
    match (kind, language) {
        (Some(kind), _) if OTHER_KINDS.contains(&kind) => {
            Some(format!("it is of type `{kind}`, only `query` can run"))
        }
        (_, Some(language)) if language != "kuery" => {
            Some(format!("its language is `{}`, only `kuery` can run", language.escape_debug()))
        }
        _ => has_filters(table).then(|| "it has `filters`, which would not be applied".to_owned()),
    }
}

fn has_filters(table: &DeTable<'_>) -> bool {
    let filters = table.get("filters").and_then(|filters| filters.get_ref().as_array());
    filters.is_some_and(|filters| !filters.is_empty())
}

pub(in crate::rule) fn info<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<RuleInfo> {
    let [id, name, description] =
        ["rule_id", "name", "description"].map(|key| reader.required(table, key));
    let severity = severity(reader, table);
    let risk_score = risk_score(reader, table);
    let threat = threat(reader, table);
    Some(RuleInfo {
        note: reader.string(table, "note").map(str::to_owned),
        tags: reader.strings(table, "tags"),
        references: reader.strings(table, "references"),
        false_positives: reader.strings(table, "false_positives"),
        id: id?.to_owned(),
        name: name?.to_owned(),
        description: description?.to_owned(),
        severity: severity?,
        risk_score: risk_score?,
        threat,
    })
}

pub(in crate::rule) fn severity<'f>(
    reader: &mut Reader<'f>,
    table: &DeTable<'f>,
) -> Option<Severity> {
    let steps = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let word = reader.required(table, "severity")?;
    let hint = nearest_name(word, steps.map(Severity::as_str))
        .map_or_else(String::new, |meant| format!(" (`{meant}`?)"));
    let find = |word: &str| steps.into_iter().find(|step| step.as_str() == word);
    reader.read(table, "severity", find, &format!("`low`, `medium`, `high` or `critical`{hint}"))
}

pub(in crate::rule) fn risk_score<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<u8> {
    if !table.contains_key("risk_score") {
        reader.missing("risk_score");
    }
    reader.integer(table, "risk_score", 0..=100).and_then(|score| u8::try_from(score).ok())
}

fn threat<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Vec<Threat> {
    let Some(value) = table.get("threat") else { return Vec::new() };
    Vec::deserialize(ValueDeserializer::from(value.clone())).unwrap_or_else(
        |error: toml::de::Error| {
            let place = error.span().unwrap_or(value.span());
            reader.problem(place, format!("in [[rule.threat]]: {}", error.message()));
            Vec::new()
        },
    )
}
