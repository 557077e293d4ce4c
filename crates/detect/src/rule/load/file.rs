//! One rule file: from its text to a rule, or to the reasons why it has none.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kql::Query;
use toml::de::DeTable;

use super::{
    correlation, elastic, fact_query, fields, keys, new_terms, over_time, sequence, severity,
    threshold,
};
use crate::rule::correlation::Correlation;
use crate::rule::definition::{Rule, RuleInfo, RuleOrigin};
use crate::rule::rule_query::RuleQuery;
use crate::rule::toml_file::folder::read_text;
use crate::rule::toml_file::problem::Problem;
use crate::rule::toml_file::query::{find_unsupported_eql, read_eql, read_query};
use crate::rule::toml_file::reader::TomlReader;

/// Elastic's defaults.
/// Source: <https://www.elastic.co/docs/solutions/security/detect-and-alert/create-detection-rule>
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5 * 60);
const DEFAULT_FROM: Duration = Duration::from_secs(6 * 60);
const DEFAULT_MAX_SIGNALS: u32 = 100;

/// The types of Elastic's rules that can run, and the language of their queries.
const SUPPORTED_TYPES: [(&str, &str); 4] =
    [("query", "kuery"), ("eql", "eql"), ("threshold", "kuery"), ("new_terms", "kuery")];

const TYPES_EXPECTED: &str = "`query`, `eql`, `threshold`, `new_terms` or `correlation`";

/// Elastic's other rule types.
const UNSUPPORTED_TYPES: [&str; 4] = ["esql", "machine_learning", "saved_query", "threat_match"];

/// A rule file as read.
#[derive(Debug)]
pub struct RuleFile {
    /// The file as the user named it, or the name of an embedded rule.
    pub path: String,
    /// The rule's `type`, as written; `None` if it is not a text.
    pub rule_type: Option<String>,
    /// Whether it can run here.
    pub verdict: Verdict,
    /// What is wrong, in the order found. A file with a problem is [`Verdict::Broken`].
    pub problems: Vec<Problem>,
    /// What is suspicious but harmless, in the order found.
    pub warnings: Vec<Problem>,
}

/// Whether a rule file can run here.
#[derive(Debug)]
pub enum Verdict {
    /// It holds a rule that can.
    Rule(Box<Rule>),
    /// It holds a correlation. The rules that it names are not resolved yet.
    Correlation(Box<Correlation>),
    /// It is of a kind that cannot run here.
    Unsupported(UnsupportedRule),
    /// It cannot be used; the file's problems say why.
    Broken,
}

/// A rule that cannot run here, although it may be valid.
#[derive(Debug)]
pub struct UnsupportedRule {
    /// Why it cannot run, among the rules of its type.
    pub reason: String,
    /// The same in full, with the rule's name and its place.
    pub problem: Problem,
}

impl RuleFile {
    /// A file of which nothing is known but problems.
    pub(crate) fn broken(path: String, problems: Vec<Problem>) -> RuleFile {
        let verdict = Verdict::Broken;
        RuleFile { path, rule_type: None, verdict, problems, warnings: Vec::new() }
    }

    /// Reads a file.
    pub(crate) fn read(path: PathBuf) -> RuleFile {
        match read_text(&path) {
            Ok(text) => RuleFile::parse(RuleOrigin::File(path), &text),
            Err(problem) => RuleFile::broken(problem.path.clone(), vec![problem]),
        }
    }

    /// Reads a file's text.
    pub(super) fn parse(origin: RuleOrigin, text: &str) -> RuleFile {
        let path = origin.to_string();
        let (mut reader, root) = TomlReader::parse(&path, text);
        let rule_type = root.as_ref().and_then(rule_type).map(str::to_owned);
        let verdict = root.and_then(|root| read_root(&mut reader, &root, origin));
        let TomlReader { problems, warnings, .. } = reader;
        let verdict = verdict.filter(|_| problems.is_empty()).unwrap_or(Verdict::Broken);
        RuleFile { path, rule_type, verdict, problems, warnings }
    }

    /// The descriptive part and the origin of what can run.
    fn usable_rule(&self) -> Option<(&RuleInfo, &RuleOrigin)> {
        match &self.verdict {
            Verdict::Rule(rule) => Some((&rule.info, &rule.origin)),
            Verdict::Correlation(correlation) => Some((&correlation.info, &correlation.origin)),
            Verdict::Unsupported(_) | Verdict::Broken => None,
        }
    }
}

/// Reports files with the id of an earlier one: which of the two rules ran would be arbitrary.
pub(crate) fn check_ids(files: &mut [RuleFile]) {
    let mut origins: BTreeMap<String, RuleOrigin> = BTreeMap::new();
    for file in files {
        let Some((info, origin)) = file.usable_rule() else { continue };
        if let Some(earlier) = origins.get(&info.id) {
            let message = format!("rule_id `{}` is also used by {earlier}", info.id);
            file.problems.push(Problem::in_file(&file.path, message));
            file.verdict = Verdict::Broken;
        } else {
            origins.insert(info.id.clone(), origin.clone());
        }
    }
}

fn rule_type<'t>(root: &'t DeTable<'_>) -> Option<&'t str> {
    root.get("rule")?.get_ref().as_table()?.get("type")?.get_ref().as_str()
}

/// Returns `None` if the file has a problem.
fn read_root(
    reader: &mut TomlReader<'_>,
    root: &DeTable<'_>,
    origin: RuleOrigin,
) -> Option<Verdict> {
    keys::check_file(reader, root);
    match root.get_key_value("rule") {
        Some((key, _)) => reader.enter_table("[rule]", key.span()),
        None => reader.add_problem(0..0, "there is no [rule] table"),
    }
    let table = reader.table(root, "rule")?;
    keys::check_rule(reader, table);
    if rule_type(root) == Some("correlation") {
        keys::check_type(reader, table, "correlation");
        let correlation = correlation::read_correlation(reader, table, origin)?;
        return Some(Verdict::Correlation(Box::new(correlation)));
    }
    if let Some(unsupported) = check_type(reader, table) {
        return Some(name_unsupported(table, unsupported));
    }
    let warnings = reader.warnings.len();
    if let Some((rule_type, _)) = SUPPORTED_TYPES.iter().find(|(it, _)| rule_type(root) == Some(it))
    {
        keys::check_type(reader, table, rule_type);
    }
    let rule = read_rule(reader, table, origin);
    if let Some(rule) = &rule {
        over_time::refuse_volume(reader, table, rule);
    }
    if let Some(unsupported) = reader.unsupported.take() {
        // What is suspicious in a rule that does not run does not matter.
        reader.warnings.truncate(warnings);
        return Some(name_unsupported(table, unsupported));
    }
    rule.map(|rule| Verdict::Rule(Box::new(rule)))
}

fn name_unsupported(table: &DeTable<'_>, unsupported: UnsupportedRule) -> Verdict {
    let UnsupportedRule { reason, problem } = unsupported;
    let name = ["name", "rule_id"].iter().find_map(|key| table.get(*key)?.get_ref().as_str());
    let name = name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
    let message = format!("unsupported rule{name}: {}", problem.message);
    Verdict::Unsupported(UnsupportedRule { reason, problem: Problem { message, ..problem } })
}

/// Why a rule is of a kind that cannot run here: it must never run as if it were of another.
fn check_type(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<UnsupportedRule> {
    let rule_type = reader.required_text(table, "type")?;
    let language: Option<String> = reader.optional(table, "language");
    let path = reader.path;
    let unsupported = |reason: &str, message: &str| {
        let problem = Problem::in_file(path, message);
        Some(UnsupportedRule { reason: reason.to_owned(), problem })
    };
    if UNSUPPORTED_TYPES.contains(&rule_type.as_str()) {
        let message = format!("its type is `{rule_type}`, which cannot run here");
        return unsupported("this type cannot run", &message);
    }
    let supported = SUPPORTED_TYPES.iter().find(|(name, _)| *name == rule_type);
    let Some((_, expected)) = supported else {
        reader.parsed(table, "type", |_| None::<()>, TYPES_EXPECTED);
        return None;
    };
    if let Some(language) = language.filter(|language| language != expected) {
        let reason = format!("its language is `{}`", language.escape_debug());
        let message = format!("{reason}, of type `{rule_type}` only `{expected}` can run");
        return unsupported(&reason, &message);
    }
    for key in ["filters", "exceptions_list"] {
        let list = table.get(key).map(|value| value.get_ref().as_array());
        if list.is_some_and(|list| list.is_none_or(|list| !list.is_empty())) {
            let reason = format!("it has `{key}`, which would not be applied");
            return unsupported(&reason, &reason);
        }
    }
    (rule_type == "eql").then(|| find_unsupported_eql(reader, table)).flatten()
}

/// The query in the language of the rule's type.
fn read_rule_query(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<RuleQuery> {
    if table.get("type").and_then(|value| value.get_ref().as_str()) != Some("eql") {
        return read_query(reader, table, &[]).map(RuleQuery::Kql);
    }
    // Events are in the order of their times, and of no other field.
    for key in ["timestamp_field", "tiebreaker_field"] {
        reader.optional::<String>(table, key);
    }
    let category_field = reader.optional(table, "event_category_override");
    over_time::refuse_unknown(reader, table.get("event_category_override"), "its category is in");
    read_eql(reader, table, category_field)
}

fn read_rule(reader: &mut TomlReader<'_>, table: &DeTable<'_>, origin: RuleOrigin) -> Option<Rule> {
    let info = fields::rule_info(reader, table);
    let query = read_rule_query(reader, table);
    elastic::check_keys_without_effect(reader, table);
    let interval = fields::interval(reader, table);
    let from = fields::look_back(reader, table);
    let max_signals = reader.integer(table, "max_signals", 1..=u32::MAX);
    let interval = interval.unwrap_or(DEFAULT_INTERVAL);
    let from = from.unwrap_or(DEFAULT_FROM);
    let rule_type = table.get("type").and_then(|value| value.get_ref().as_str());
    let is_sequence = matches!(query, Some(RuleQuery::Sequence(_)));
    if let Some(RuleQuery::Sequence(sequence)) = &query {
        elastic::refuse_building_block(reader, table, "a sequence");
        sequence::check(reader, table, sequence, from);
    }
    let is_threshold = rule_type == Some("threshold");
    if is_threshold {
        elastic::refuse_building_block(reader, table, "a threshold");
    }
    let threshold = is_threshold.then(|| threshold::read_threshold(reader, table, from)).flatten();
    let alert_suppression = match &threshold {
        Some(threshold) => elastic::threshold_suppression(reader, table, &threshold.fields),
        None => elastic::alert_suppression(reader, table, interval),
    };
    let info = info.map(|info| RuleInfo {
        sequence: is_sequence,
        alert_suppression,
        threshold,
        new_terms: (rule_type == Some("new_terms"))
            .then(|| new_terms::read_new_terms(reader, table))
            .flatten(),
        ..info
    });
    let severity_rules = severity::read_severity_rules(reader, table, info.as_ref());
    let alert_when = read_alert_when(reader, table);
    Some(Rule {
        info: Arc::new(info?),
        query: query?,
        interval,
        from,
        max_signals: max_signals.unwrap_or(DEFAULT_MAX_SIGNALS),
        severity_rules,
        alert_when,
        origin,
    })
}

/// Only for rules of this format: Elastic's have no such key.
fn read_alert_when(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<Query> {
    let (key, _) = table.get_key_value("alert_when")?;
    let condition = reader.table(table, "alert_when")?;
    reader.enter_table("[rule.alert_when]", key.span());
    reader.check_keys(condition, "[rule.alert_when]", "query");
    fact_query::read_fact_query(reader, condition)
}
