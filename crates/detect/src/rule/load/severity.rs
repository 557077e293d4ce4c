//! What changes the severity of a rule's findings, out of a rule file.

use query_core::nearest_name;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::fact_query::{fact_kind, read_fact_query, words_of};
use super::fields;
use crate::ecs;
use crate::finding::FACT_FIELDS;
use crate::rule::definition::{RuleInfo, Severity};
use crate::rule::severity::{SeverityMapping, SeverityRaise, SeverityRules};
use crate::rule::toml_file::problem::hint;
use crate::rule::toml_file::reader::{TomlReader, elements};

const RAISE_KEYS: &str = "query reason risk_score severity";

/// One line of a mail.
const MAX_REASON_CHARS: usize = 120;

/// Elastic's form of a mapping. Its files leave `value` empty for risk scores.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingEntry {
    field: Spanned<String>,
    operator: Spanned<String>,
    value: Option<Spanned<String>>,
    severity: Option<Severity>,
    #[serde(rename = "risk_score")]
    _risk_score: Option<u8>,
}

/// `severity_mapping`, `risk_score_mapping` and `severity_when` of a `[rule]` table.
pub(super) fn read_severity_rules(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    info: Option<&RuleInfo>,
) -> SeverityRules {
    let mappings = read_mappings(reader, table, "severity_mapping");
    let risk_scores = read_mappings(reader, table, "risk_score_mapping");
    SeverityRules {
        mappings: mappings.into_iter().filter_map(severity_mapping).collect(),
        risk_score_field: risk_scores.into_iter().next().map(|entry| entry.field.into_inner()),
        raises: read_raises(reader, table, "[[rule.severity_when]]", info, false),
    }
}

fn severity_mapping(entry: MappingEntry) -> Option<SeverityMapping> {
    let MappingEntry { field, value, severity, .. } = entry;
    let value = value.map(Spanned::into_inner).unwrap_or_default();
    Some(SeverityMapping { field: field.into_inner(), value, severity: severity? })
}

/// The mappings of a key. Only `equals` is known, as in Kibana.
fn read_mappings(reader: &mut TomlReader<'_>, table: &DeTable<'_>, key: &str) -> Vec<MappingEntry> {
    let entries: Vec<MappingEntry> = reader.optional(table, key).unwrap_or_default();
    for MappingEntry { field, operator, value, severity, .. } in &entries {
        check_field(reader, field);
        check_value(reader, field.get_ref(), value.as_ref());
        if operator.get_ref() != "equals" {
            let found = operator.get_ref().escape_debug();
            let message = format!("`operator` must be `equals`, found `{found}`");
            reader.add_problem(operator.span(), message);
        }
        if key == "severity_mapping" && severity.is_none() {
            reader.add_problem(field.span(), "`severity` is missing in [[rule.severity_mapping]]");
        }
    }
    entries
}

/// Reports a value that a fact never has.
fn check_value(reader: &mut TomlReader<'_>, field: &str, value: Option<&Spanned<String>>) {
    let (Some(kind), Some(value)) = (fact_kind(field), value) else { return };
    if !kind.words().contains(&value.get_ref().as_str()) && !value.get_ref().is_empty() {
        reader.add_problem(value.span(), format!("`{field}` is {}", words_of(kind)));
    }
}

/// Returns true if records or facts have the field.
pub(super) fn is_known_field(field: &str) -> bool {
    ecs::is_known_field(field) || fact_kind(field).is_some()
}

/// The field that was probably meant.
pub(super) fn did_you_mean(field: &str) -> Option<&'static str> {
    let facts = FACT_FIELDS.map(|(fact, _)| fact);
    nearest_name(field, ecs::did_you_mean(field).into_iter().chain(facts))
}

/// Reports a field that neither records nor facts have.
pub(super) fn check_field(reader: &mut TomlReader<'_>, field: &Spanned<String>) {
    let name = field.get_ref().as_str();
    if !is_known_field(name) {
        let hint = hint(did_you_mean(name));
        let message = format!("no record has the field `{}`{hint}", name.escape_debug());
        reader.add_problem(field.span(), message);
    }
}

/// The `severity_when` of a table. `name` is the table's name in messages. If they are unique, each
/// severity occurs once: an incident is alerted once at each severity.
pub(super) fn read_raises(
    reader: &mut TomlReader<'_>,
    table: &DeTable<'_>,
    name: &'static str,
    info: Option<&RuleInfo>,
    is_unique: bool,
) -> Vec<SeverityRaise> {
    let mut raises: Vec<SeverityRaise> = Vec::new();
    for item in table.get("severity_when").map(elements).unwrap_or_default() {
        let Some(table) = item.get_ref().as_table() else {
            reader.wrong_type("severity_when", item, &format!("a list of tables, {name}"));
            continue;
        };
        reader.enter_table(name, item.span());
        reader.check_keys(table, name, RAISE_KEYS);
        let Some(raise) = read_raise(reader, table) else { continue };
        let is_above = info.is_none_or(|info| raise.severity > info.severity);
        let is_repeated = raises.iter().any(|other| other.severity == raise.severity);
        if !is_above {
            let message = "`severity` must be above that of the rule";
            reader.add_problem(table["severity"].span(), message);
        } else if is_unique && is_repeated {
            let message = "`severity` must differ from that of every other `severity_when`";
            reader.add_problem(table["severity"].span(), message);
        }
        raises.push(raise);
    }
    raises
}

fn read_raise(reader: &mut TomlReader<'_>, table: &DeTable<'_>) -> Option<SeverityRaise> {
    let query = read_fact_query(reader, table);
    let severity = reader.required(table, "severity");
    let risk_score = fields::risk_score(reader, table);
    let is_line = |reason: &str| {
        let length = reason.chars().count();
        let is_plain = !reason.trim().is_empty() && !reason.contains(char::is_control);
        (is_plain && length <= MAX_REASON_CHARS).then(|| reason.to_owned())
    };
    let expected = "one line of at most 120 characters";
    let reason = reader.parsed(table, "reason", is_line, expected);
    Some(SeverityRaise { query: query?, severity: severity?, risk_score: risk_score?, reason })
}
